"""The server that plays Azure is not kinder than Azure: its tables against recorded answers, and it against its tables.

Recorded answers are beside the checkout, not in it; where they are absent, the tests that need them are skipped.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest

from auditor.azure import arm
from auditor.azure.types import TYPES
from auditor.azure.types.names import DESCENDANT, GUEST_FILE, MANAGEMENT_GROUP, RESOURCE_GRAPH
from tests.arm import ArmServer, Estate, catalogue
from tests.arm.asking import GROUP, SCOPE, Body, body, refusal
from tests.arm.exchange import Call
from tests.arm.omissions import OMISSIONS, Form, Omission, omitted
from tests.arm.refusals import RECORDED, Refusal
from tests.arm.target import Target
from tests.sources.live import live

RECORDINGS = Path(__file__).parents[2] / "shared" / "recordings"
of_recordings = pytest.mark.skipif(not RECORDINGS.is_dir(), reason="the recordings are not here")
pytestmark = pytest.mark.slow


class Recorded(NamedTuple):
    """One resource in an answer of Azure."""

    type: str
    version: str
    form: Form
    expand: str
    names: frozenset[str]
    """Of its properties."""


def read(url: str, bodies: list[Any]) -> Iterator[Recorded]:
    """Yield the resources of one answer that have properties."""
    parts = urlsplit(url)
    call = Call("GET", f"{parts.path}?{parts.query}")
    target = Target.of(call.path)
    for found in bodies if target else ():
        properties = found.get("properties") if isinstance(found, dict) else None
        if target and isinstance(properties, dict) and arm.is_id(found.get("id")):
            yield Recorded(
                arm.type_of(found["id"]),
                call.parameter("api-version"),
                Form.of(target),
                call.parameter("$expand"),
                frozenset(properties),
            )


@cache
def recorded() -> tuple[Recorded, ...]:
    found: list[Recorded] = []
    for path in sorted(RECORDINGS.glob("resources/*/*.json")):
        content = json.loads(path.read_bytes())
        found += read(content["observed_in"]["url"], [content["resource"]])
    for path in sorted(RECORDINGS.glob("responses/*/*.json")):
        content = json.loads(path.read_bytes())
        answer = content["response"]["body"]
        if isinstance(answer, dict) and content["request"]["method"] == "GET":
            found += read(content["request"]["url"], answer.get("value", [answer]))
    return tuple(found)


@pytest.fixture
def server() -> Iterator[ArmServer]:
    with ArmServer(live.estate_of("trakcare-current")) as started:
        yield started


# --- the tables -------------------------------------------------------------------------------------------------------


@of_recordings
@pytest.mark.parametrize("omission", OMISSIONS, ids=lambda omission: f"{omission.type}:{omission.names[0]}")
def test_what_azure_leaves_out_is_in_no_recorded_answer_and_comes_when_asked(omission: Omission) -> None:
    of_type = [found for found in recorded() if found.type == omission.type]
    hidden = [found for found in of_type if omission.names[0] in omitted(found.type, found.form, found.expand)]
    assert hidden
    assert not [found for found in hidden if found.names & {*omission.names}]
    assert [found for found in of_type if {*omission.names} <= found.names], "the same property comes otherwise"


@of_recordings
def test_no_list_leaves_out_more_than_the_table_says() -> None:
    by_version: dict[tuple[str, str], dict[bool, list[Recorded]]] = defaultdict(lambda: {True: [], False: []})
    for found in recorded():
        by_version[found.type, found.version][found.form is Form.ITSELF].append(found)
    compared = 0
    for (type_, version), forms in by_version.items():
        alone, listed = forms[True], forms[False]
        if min(len(alone), len(listed)) < 3:
            continue
        compared += 1
        lost = frozenset.intersection(*(found.names for found in alone))
        lost = lost.difference(*(found.names for found in listed))
        known = {name for omission in OMISSIONS if omission.type == type_ for name in omission.names}
        assert lost <= known, (type_, version)
    assert compared > 10


@of_recordings
@pytest.mark.parametrize("known", RECORDED, ids=lambda known: known.code)
def test_azure_refuses_in_these_words(known: Refusal) -> None:
    files = sorted((RECORDINGS / "errors").glob(f"{known.status}_{known.code}_*.json"))
    answers = [json.loads(path.read_bytes())["response"] for path in files]
    assert answers
    worded = [answer for answer in answers if known.words(answer["body"], answer["headers"])]
    assert worded, [answer["body"] for answer in answers]
    assert all(answer["status"] == known.status for answer in worded)
    assert all(answer["body"]["error"]["code"] == known.code for answer in worded)


@of_recordings
def test_rows_of_resource_graph_have_these_columns(server: ArmServer) -> None:
    files = sorted((RECORDINGS / "responses" / "resourceGraph").glob("*.json"))
    answers = [json.loads(path.read_bytes())["response"]["body"]["data"] for path in files]
    rows = [row for answer in answers if isinstance(answer, list) for row in answer]
    assert rows
    assert all(row["type"] == row["type"].lower() for row in rows)
    extension = f"{GROUP}/providers/Microsoft.Compute/virtualMachines/vm-db-a/extensions/odd"
    server.estate.add({"id": extension, "name": "odd", "properties": {"instanceView": {}, "type": "Odd"}})
    taken = live.read(server, "trakcare-current").snapshot
    (row,) = (found.body for found in taken.resources if found.id == extension)
    assert row.keys() == rows[0].keys()
    assert (row["type"], row["properties"]) == ("microsoft.compute/virtualmachines/extensions", {"type": "Odd"})
    assert {name for name, value in row.items() if value is None} <= {
        name for found in rows for name, value in found.items() if value is None
    }


@of_recordings
def test_the_list_of_subscriptions_is_as_recorded() -> None:
    compared = 0
    for path in sorted(RECORDINGS.glob("responses/subscriptions/*.json")):
        content = json.loads(path.read_bytes())
        url = urlsplit(content["request"]["url"])
        if url.path.rstrip("/") == "/subscriptions":
            listed = content["response"]["body"]
            with ArmServer(Estate.from_body({"value": listed["value"]})) as server:
                assert body(server, f"{url.path}?{url.query}") == listed
            compared += 1
    assert compared >= 3


# --- the server -------------------------------------------------------------------------------------------------------


def stored(estate: Estate, omission: Omission) -> str:
    """Put a resource with the omitted properties into an estate and return its id."""
    namespace, *types = omission.type.split("/")
    owner = f"{GROUP}/providers/{namespace}"
    for type_ in types[:-1]:
        owner += f"/{type_}/odd"
        estate.add({"id": owner, "name": "odd", "location": "westeurope", "properties": {}})
    properties: Body = {"backupManagementType": "AzureIaasVM", **dict.fromkeys(omission.names, "here")}
    found = {"id": f"{owner}/{types[-1]}/odd", "name": "odd", "location": "westeurope", "properties": properties}
    estate.add(found)
    return str(found["id"])


def asked(server: ArmServer, arm_id: str, form: Form, expand: str) -> Body:
    """Return the properties of a resource as one form of request shows them."""
    collection = arm_id.rpartition("/")[0]
    type_ = collection.partition("/providers/")[2]
    path = {
        Form.ITSELF: arm_id,
        Form.OF_PARENT: collection,
        Form.OF_GROUP: f"{GROUP}/providers/{type_}",
        Form.OF_SUBSCRIPTION: f"{SCOPE}/providers/{type_}",
    }[form]
    answer = body(server, f"{path}?$expand={expand}" if expand else path)
    listed = [answer] if form is Form.ITSELF else answer["value"]
    (found,) = [item for item in listed if item["id"] == arm_id]
    properties: Body = found["properties"]
    return properties


@pytest.mark.parametrize("omission", OMISSIONS, ids=lambda omission: f"{omission.type}:{omission.names[0]}")
def test_the_server_leaves_out_what_azure_leaves_out(server: ArmServer, omission: Omission) -> None:
    arm_id = stored(server.estate, omission)
    nested = omission.type.count("/") > 1
    forms = [Form.ITSELF, Form.OF_PARENT] if nested else [Form.ITSELF, Form.OF_GROUP]
    if not nested and omission.type != "microsoft.network/connections":
        forms.append(Form.OF_SUBSCRIPTION)
    for form in forms:
        shown = asked(server, arm_id, form, "")
        assert ({*omission.names} <= shown.keys()) is (form not in omission.forms), form
        expandable = omission.expand and omission.type != "microsoft.compute/virtualmachines"
        if expandable or (omission.expand and form is Form.ITSELF):
            assert {*omission.names} <= asked(server, arm_id, form, omission.expand.upper()).keys(), form


def test_an_old_version_returns_no_property_of_a_later_one(server: ArmServer) -> None:
    path = f"{SCOPE}/providers/Microsoft.Network/loadBalancers"

    def probes(version: str) -> list[Body]:
        listed = body(server, f"{path}?api-version={version}")["value"]
        return [probe["properties"] for found in listed for probe in found["properties"]["probes"]]

    assert all("probeThreshold" in probe and "numberOfProbes" in probe for probe in probes("2022-05-01"))
    assert all("probeThreshold" not in probe and "numberOfProbes" in probe for probe in probes("2022-01-01"))
    for declared in TYPES.values():
        assert declared.version is None or all(entry.version <= declared.version.date for entry in declared.since)


def test_the_server_knows_every_type_that_is_read() -> None:
    of_arm_itself = {name for name in TYPES if name.startswith("microsoft.resource")}
    assert of_arm_itself == {arm.SUBSCRIPTION, arm.RESOURCE_GROUP, arm.LOCATION, RESOURCE_GRAPH}
    of_no_subscription = {MANAGEMENT_GROUP, DESCENDANT}
    assert {name for name in TYPES if name != GUEST_FILE} - of_arm_itself - of_no_subscription <= catalogue.KNOWN


def test_a_type_that_azure_has_retired_is_unknown(server: ArmServer) -> None:
    server.estate.retired.add("microsoft.classiccompute/virtualmachines")
    path = f"{SCOPE}/providers/Microsoft.ClassicCompute"
    assert refusal(server, f"{path}/virtualMachines") == (404, "InvalidResourceType")
    assert body(server, f"{path}/domainNames") == {"value": []}
    server.estate.retired.add("microsoft.classiccompute/domainnames")
    assert refusal(server, f"{path}/virtualMachines") == (404, "InvalidResourceNamespace")


def test_a_version_that_is_not_served_is_refused_with_those_that_are(server: ArmServer) -> None:
    server.estate.versions["microsoft.compute/disks"] = ["2024-03-02", "2023-10-02"]
    path = f"{SCOPE}/providers/Microsoft.Compute/disks"
    assert body(server, f"{path}?api-version=2023-10-02")["value"]
    assert refusal(server, f"{path}?api-version=2016-04-30-preview") == (404, "InvalidResourceType")
