"""What must not change an outcome: case, order, unknown properties, null tags, names, and unrelated resources."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator, Mapping
from functools import cache, partial
from typing import Any

import pytest

from auditor.azure import arm
from auditor.azure.types.names import DNS_ZONE, GUEST_FILE, KEY_VAULT, STORAGE_ACCOUNT, VM
from auditor.evaluation.model import Finding, Outcome
from auditor.rules.model import Severity
from tests import estates
from tests.estates import Body

pytestmark = pytest.mark.slow

SEEDS = [1, 2, 3]


@cache
def baseline(name: str) -> Mapping[estates.Key, Finding]:
    return estates.evaluate(name, estates.with_guest_files(name))


def outcomes(name: str, body: Body) -> dict[estates.Key, tuple[str, Severity]]:
    return {key: (finding.outcome, finding.severity) for key, finding in estates.evaluate(name, body).items()}


def same_as_before(name: str, body: Body) -> None:
    expected = {key: (finding.outcome, finding.severity) for key, finding in baseline(name).items()}
    assert outcomes(name, body) == expected


@pytest.mark.parametrize("name", estates.ESTATES)
@pytest.mark.parametrize("seed", SEEDS)
def test_case_of_ids_types_and_tag_names(name: str, seed: int) -> None:
    chance = random.Random(seed)

    def recase(value: Any, texts: tuple[str, ...]) -> Any:
        if not isinstance(value, dict):
            return value
        changed = {}
        for key, member in value.items():
            text = isinstance(member, str) and (arm.is_id(member) or key in texts)
            changed[key] = chance.choice([member.upper(), member.lower(), member]) if text else member
        return changed

    body = estates.with_guest_files(name)
    for place, item in enumerate(body["value"]):
        of_azure = arm.type_of(item.get("id", "")) != GUEST_FILE  # `lsblk` has types of its own
        texts = ("type", "location", "endpointLocation") if of_azure else ()
        body["value"][place] = estates.everywhere(item, partial(recase, texts=texts))
    body["listed"] = {scope.upper(): [type_.upper() for type_ in types] for scope, types in body["listed"].items()}
    same_as_before(name, body)


@pytest.mark.parametrize("name", estates.ESTATES)
def test_regions_as_the_portal_writes_them(name: str) -> None:
    body = estates.with_guest_files(name)
    for item in body["value"]:
        if item.get("location") in {"westeurope", "northeurope"}:
            item["location"] = {"westeurope": "West Europe", "northeurope": "North Europe"}[item["location"]]
    same_as_before(name, body)


@pytest.mark.parametrize("name", estates.ESTATES)
@pytest.mark.parametrize("seed", SEEDS)
def test_order_of_properties_and_lists(name: str, seed: int) -> None:
    chance = random.Random(seed)

    def shuffle(value: Any) -> Any:
        if isinstance(value, dict):
            return dict(chance.sample(sorted(value.items(), key=lambda entry: entry[0]), len(value)))
        # Sizes of memory in a CPF are for sizes of blocks by their place, and events of a log are in order.
        has_places = any(isinstance(item, int) or (isinstance(item, dict) and "event" in item) for item in value)
        return value if has_places else chance.sample(value, len(value))

    body = estates.with_guest_files(name)
    body["value"] = estates.everywhere(body["value"], shuffle)
    same_as_before(name, body)


@pytest.mark.parametrize("name", estates.ESTATES)
def test_unknown_properties(name: str) -> None:
    def extend(value: Any) -> Any:
        return {**value, "futureProperty": {"id": None, "value": [1]}} if isinstance(value, dict) else value

    body = estates.with_guest_files(name)
    body["value"] = [extend(item) for item in estates.everywhere(body["value"], extend)]
    same_as_before(name, body)


@pytest.mark.parametrize("name", estates.ESTATES)
def test_null_tags_and_null_properties(name: str) -> None:
    body = estates.with_guest_files(name)
    for item in body["value"]:
        if "id" in item:
            item["tags"] = None
            item["extendedLocation"] = None
    same_as_before(name, body)


@pytest.mark.parametrize("name", estates.ESTATES)
def test_numbers_of_json_may_be_floats(name: str) -> None:
    def as_float(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        floats = {"diskSizeGB", "diskMBpsReadWrite", "diskIOPSReadWrite", "intervalInSeconds", "priority"}
        return {key: float(member) if key in floats else member for key, member in value.items()}

    body = estates.with_guest_files(name)
    body["value"] = estates.everywhere(body["value"], as_float)
    same_as_before(name, body)


# --- no rule joins by name --------------------------------------------------------------------------------------------


NEEDED = {
    "reporting": {"GOV002", "GOV005", "SEC005"},
    "dr": {
        *("GOV002", "GOV005", "SEC005", "SEC008", "GOV003", "DR001", "DR005", "DR006", "DR017"),
        *("DR002", "DR003", "DR020", "GOV007"),
    },
    "arbiter": {
        *("GOV002", "GOV005", "SEC005", "SEC008", "AVL001", "AVL005", "AVL006", "AVL007", "MIR011", "MIR019"),
        *("FOR001", "FOR002", "FOR004"),
    },
}
"""By role, the rules that need all of its members.

GOV002 and GOV005 are about all that belongs to a deployment, SEC005 about the storage accounts of all VMs, SEC008 about
the keys of all disks, GOV003 about the database disks of all mirror members, MIR019 about what is sent to the arbiter,
MIR011 about its address, and FOR001, FOR002 and FOR004 about failovers, for which it decides. DR002, DR003 and GOV007
are about the CPFs of DR asyncs, DR020 about the members of a region.
"""


@pytest.mark.parametrize("role", NEEDED)
@pytest.mark.parametrize("name", estates.KNOWN_GOOD)
def test_a_role_that_is_not_declared_leaves_what_is_declared_evaluated(name: str, role: str) -> None:
    declared = estates.declared_of(name)
    for mirror in declared["deployments"][0]["mirrors"]:
        del mirror[role]
    after = estates.evaluate(name, estates.with_guest_files(name), declared)
    passed = {key for key, finding in baseline(name).items() if finding.outcome is Outcome.PASS}
    lost = {key[0] for key in passed if key in after and after[key].outcome is Outcome.UNKNOWN}
    assert lost <= NEEDED[role]


JOINS_BY_NAME = {"BKP009"}
"""Rules about what Azure itself joins by name: a job schedule has the names of its schedule and its runbook."""


GIVEN = {"gatewaysubnet", "dipavailability"}
"""The names that Azure gives: of the subnet of network gateways, and of a metric."""

IN_ADDRESSES = (STORAGE_ACCOUNT, KEY_VAULT, DNS_ZONE)
"""The types whose names are in DNS: Azure refers to a storage account and a key vault by an address with its name."""


def is_in_addresses(arm_id: str) -> bool:
    """Return whether an id is that of a resource whose name is in DNS, or of a record set."""
    return f"{arm.type_of(arm_id)}/".startswith(tuple(f"{type_}/" for type_ in IN_ADDRESSES))


def renamed(value: Any, seed: int) -> Any:
    """Return an id with other, unique names of the resource group, the resource and its parts, where names are free."""
    if not arm.is_id(value):
        return value
    segments = value.split("/")
    place = 3
    while place + 1 < len(segments):
        whole = arm.key("/".join(value.split("/")[: place + 2]))
        fixed = segments[place + 1].lower() in GIVEN or is_in_addresses(whole)
        if segments[place].lower() != "providers" and not fixed:
            segments[place + 1] += "-" + hashlib.sha256(f"{seed}{whole}".encode()).hexdigest()[:8]
        place += 2
    return "/".join(segments)


def rename(value: Any, seed: int) -> Any:
    """Return parsed JSON with every id renamed, and with the names that are in these ids."""

    def change(part: Any) -> Any:
        if not isinstance(part, dict):
            return [renamed(member, seed) for member in part]
        changed = {renamed(key, seed): renamed(member, seed) for key, member in part.items()}
        return {**changed, "name": arm.name_of(changed["id"])} if arm.is_id(part.get("id")) else changed

    return estates.everywhere(value, change)


def members_as(name: str, spell: dict[str, str]) -> Any:
    """Return the content of the deployment file of an estate, with another spelling of its members."""

    def change(part: Any) -> Any:
        entries = part.items() if isinstance(part, dict) else enumerate(part)
        for key, member in list(entries):
            part[key] = spell.get(member.lower(), member) if isinstance(member, str) else member
        return part

    return estates.everywhere(estates.declared_of(name), change)


def vm_ids(body: Body) -> dict[str, str]:
    """Return the ids of VMs by their lower-case names."""
    ids = [item["id"] for item in body["value"] if "id" in item and arm.type_of(item["id"]) == VM]
    return {arm.name_of(arm_id).lower(): arm_id for arm_id in ids}


def by_id(name: str) -> dict[estates.Key, Finding]:
    """Return the findings of an estate whose members are declared by their ids."""
    body = estates.with_guest_files(name)
    return estates.evaluate(name, body, members_as(name, vm_ids(body)))


def ids_in(value: Any) -> Iterator[str]:
    """Yield the ids in parsed JSON."""
    if isinstance(value, dict | list):
        for member in value.values() if isinstance(value, dict) else value:
            yield from ids_in(member)
    elif arm.is_id(value):
        yield value


@pytest.mark.parametrize("name", estates.ESTATES)
def test_members_by_id(name: str) -> None:
    changed = {(key, f.outcome) for key, f in by_id(name).items() if f.outcome != baseline(name)[key].outcome}
    asked_of_names = {(key, Outcome.NOT_APPLICABLE) for key in baseline(name) if key[0] == "DEP002"}
    assert changed == asked_of_names


@pytest.mark.parametrize("name", estates.ESTATES)
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("by", ["name", "id"])
def test_names(name: str, seed: int, by: str) -> None:
    body = estates.with_guest_files(name)
    new = {old: renamed(arm_id, seed) for old, arm_id in vm_ids(body).items()}
    spell = new if by == "id" else {old: arm.name_of(arm_id) for old, arm_id in new.items()}
    others = {arm_id.lower(): renamed(arm_id, seed) for arm_id in ids_in(estates.declared_of(name))}
    declared = members_as(name, spell | others)
    before = by_id(name) if by == "id" else baseline(name)
    body["value"] = rename(body["value"], seed)
    body["gaps"] = [{**gap, "scope": renamed(gap["scope"], seed)} for gap in body.get("gaps", ())]
    expected = {
        (rule, deployed, renamed(subject, seed).lower()): (finding.outcome, finding.severity)
        for (rule, deployed, subject), finding in before.items()
    }
    found = estates.evaluate(name, body, declared)
    shown = {key: (finding.outcome, finding.severity) for key, finding in found.items()}
    assert {key: shown[key] for key in shown if key[0] not in JOINS_BY_NAME} == {
        key: expected[key] for key in expected if key[0] not in JOINS_BY_NAME
    }


def wrecked(value: Any) -> Any:
    """Return parsed JSON with meaningless values, except references, and without tags, which declare roles."""
    if isinstance(value, dict):
        kept = {"id", "name", "type", "location"}
        return {key: member if key in kept else wrecked(member) for key, member in value.items() if key != "tags"}
    if isinstance(value, list):
        return [wrecked(member) for member in value]
    return value if arm.is_id(value) else "broken" if isinstance(value, str) else 0 if value else value


@pytest.mark.parametrize("name", estates.ESTATES)
@pytest.mark.parametrize("where", ["another group", "another subscription"])
def test_broken_resources_of_the_same_names(name: str, where: str) -> None:
    """Unrelated resources have the names of those of the deployment, and only meaningless properties.

    No two storage accounts or key vaults of Azure have one name; of two DNS zones it is unknown which one is in use.
    """
    body = estates.with_guest_files(name)
    scopes = list(body["listed"])
    elsewhere = {scope: scope[:-12] + "0000000000ff" for scope in scopes}

    def move(value: Any) -> Any:
        if not arm.is_id(value):
            return value
        if where == "another subscription":
            return elsewhere[arm.subscription_of(value)] + value[len(scopes[0]) :]
        segments = value.split("/")
        return "/".join([*segments[:4], f"{segments[4]}-theirs", *segments[5:]]) if len(segments) > 4 else value

    def change(part: Any) -> Any:
        return {key: move(v) for key, v in part.items()} if isinstance(part, dict) else [move(v) for v in part]

    own = {item["id"] for item in body["value"] if "id" in item}
    moved = [wrecked(item) for item in estates.everywhere(body["value"], change) if "id" in item]
    body["value"] += [item for item in moved if item["id"] not in own and not is_in_addresses(item["id"])]
    assert len(body["value"]) > 1.9 * len(own)
    for scope in scopes if where == "another subscription" else ():
        body["listed"][elsewhere[scope]] = body["listed"][scope]
    found = estates.evaluate(name, body, members_as(name, vm_ids(estates.with_guest_files(name))))
    before = by_id(name)
    assert {key: (found[key].outcome, found[key].severity) for key in before} == {
        key: (finding.outcome, finding.severity) for key, finding in before.items()
    }
    assert {subject for _, _, subject in found.keys() - before.keys()} <= set(elsewhere.values())
