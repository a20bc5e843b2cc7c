"""With `--trust-resource-graph`, what Azure Resource Graph did not see is not listed, and never taken for absent."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from auditor.authoring import fixtures
from auditor.azure import arm
from auditor.azure.types import TYPES
from auditor.azure.types.names import DISK, LOAD_BALANCER, NIC, PUBLIC_ADDRESS, SECURITY_GROUP, VIRTUAL_NETWORK, VM
from auditor.cli import exit_codes
from auditor.cli.main import main
from auditor.estate.topology import Topology
from auditor.evaluation import engine
from auditor.evaluation.model import Outcome
from auditor.snapshot.model import GapReason
from auditor.sources import snapshot_file
from auditor.sources.live import reads
from tests import estates
from tests.arm import ArmServer, Fault
from tests.sources.live import live

pytestmark = pytest.mark.slow

NAME = "trakcare-current"
(SUBSCRIPTION,) = live.subscriptions_of(NAME)
SCOPE = f"/subscriptions/{SUBSCRIPTION}"
EMPTY = SCOPE[:-1] + "e"


# --- which types are listed in any case -------------------------------------------------------------------------------

Body = Mapping[str, Any]
NEVER_ABSENT = {VM, DISK}
"""A deployment without them is none."""
BARE = {VM, DISK, NIC, SECURITY_GROUP, PUBLIC_ADDRESS, VIRTUAL_NETWORK, LOAD_BALANCER}


def without(body: Body, types: Collection[str]) -> Body:
    """Return an estate without resources of some types and what belongs to them; every type is listed."""
    gone = tuple(f"{type_}/" for type_ in types)
    kept = [item for item in body["value"] if not f"{arm.type_of(item.get('id', ''))}/".startswith(gone)]
    every = [listing.name for listing in reads.LISTS]
    return {**body, "value": kept, "listed": {scope: [*names, *every] for scope, names in body["listed"].items()}}


def unlisted(body: Body, types: Collection[str]) -> Body:
    """Return an estate of which some types, and what belongs to them, are gaps."""
    gone = tuple(f"{type_}/" for type_ in types)
    names = [listing.name for listing in reads.LISTS if f"{listing.key}/".startswith(gone)]
    gaps = [{"scope": scope, "what": name, "reason": "not-requested"} for scope in body["listed"] for name in names]
    listed = {scope: [name for name in every if name not in names] for scope, every in body["listed"].items()}
    return {**body, "listed": listed, "gaps": [*body.get("gaps", ()), *gaps]}


def lost(name: str, body: Body, types: Collection[str]) -> set[str]:
    """Return the rules of which an outcome is not known any more if types are not listed."""

    def outcomes(estate: Body) -> dict[tuple[str, str, str], Outcome]:
        findings = engine.evaluate(estates.topology(name, dict(estate)), estates.rules("current"))
        return {(found.rule.id, found.deployment, found.subject.id): found.outcome for found in findings}

    before, after = outcomes(body), outcomes(unlisted(body, types))
    return {key[0] for key, was in before.items() if was is not Outcome.UNKNOWN and after.get(key) is Outcome.UNKNOWN}


def absent(body: Body) -> set[str]:
    there = {arm.type_of(item.get("id", "")) for item in body["value"]}
    return {*reads.OF_SUBSCRIPTION} - there


@pytest.mark.parametrize("name", estates.ESTATES)
def test_no_outcome_rests_on_the_absence_of_what_is_not_listed(name: str) -> None:
    body = without(estates.body_of(name), ())
    others = absent(body) - reads.LISTED_IN_ANY_CASE
    assert len(others) > 10
    assert lost(name, body, others) == set()


@pytest.mark.parametrize("type_", sorted(reads.OF_SUBSCRIPTION.keys() - absent(estates.body_of(NAME)) - NEVER_ABSENT))
def test_a_type_is_listed_in_any_case_if_an_outcome_rests_on_its_absence(type_: str) -> None:
    if type_ not in reads.LISTED_IN_ANY_CASE:
        assert lost(NAME, without(estates.body_of(NAME), {type_}), {type_}) == set()


@pytest.mark.parametrize("type_", sorted(reads.LISTED_IN_ANY_CASE - reads.NOT_IN_GRAPH - NEVER_ABSENT))
def test_on_the_absence_of_what_is_listed_in_any_case_an_outcome_rests(type_: str) -> None:
    bodies = [(name, without(estates.body_of(name), {type_})) for name in reversed([*estates.ESTATES])]
    bodies.append((NAME, without(estates.body_of(NAME), reads.OF_SUBSCRIPTION.keys() - BARE)))
    assert any(lost(name, body, {type_}) for name, body in bodies)


# --- reading ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def server() -> Iterator[ArmServer]:
    estate = live.estate_of(NAME)
    estate.add({"id": EMPTY, "subscriptionId": EMPTY[-36:], "displayName": "Empty", "state": "Enabled"})
    with ArmServer(estate) as started, live.signed_in(started):
        yield started


def test_what_is_not_seen_is_not_requested_and_a_gap(server: ArmServer) -> None:
    taken = live.read(server, NAME, trust_resource_graph=True).snapshot
    requested = {entry.path.lower().rpartition("/providers/")[2] for entry in server.log}
    there = {found.type for found in taken.resources}
    left_out = reads.OF_SUBSCRIPTION.keys() - reads.LISTED_IN_ANY_CASE - there
    assert len(left_out) > 10
    assert left_out.isdisjoint(requested)
    gaps = {arm.canonical_type(gap.what): gap for gap in taken.gaps}
    below = {key for key, declared in TYPES.items() if arm.canonical_type(declared.parent) in left_out}
    assert gaps.keys() >= left_out | below
    assert {gap.reason for gap in gaps.values()} == {GapReason.NOT_REQUESTED}
    listed = {type_ for scope, type_ in taken.listed if scope == SCOPE}
    assert listed.isdisjoint(gaps)
    assert listed >= reads.LISTED_IN_ANY_CASE | there & reads.OF_SUBSCRIPTION.keys()


def test_the_findings_are_those_of_a_reading_of_everything(server: ArmServer) -> None:
    def outcomes(*, trusting: bool) -> dict[tuple[str, str, str], Outcome]:
        taken = live.read(server, NAME, trust_resource_graph=trusting).snapshot
        topology = Topology(taken, live.declared(NAME), fixtures.AS_OF)
        findings = engine.evaluate(topology, estates.rules("current"))
        return {(found.rule.id, found.deployment, found.subject.id): found.outcome for found in findings}

    assert outcomes(trusting=True) == outcomes(trusting=False)


def test_where_it_is_not_known_what_it_saw_everything_is_listed(server: ArmServer) -> None:
    server.faults = {"/providers/Microsoft.ResourceGraph/": Fault.FORBIDDEN}
    told = live.Told()
    taken = live.read(server, NAME, told, trust_resource_graph=True).snapshot
    assert {type_ for _, type_ in taken.listed} >= reads.OF_SUBSCRIPTION.keys()
    assert any("every type is listed" in why for _, why in told.missing)


def test_a_subscription_with_nothing_of_interest_is_not_silent(
    server: ArmServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "s.jsonl"
    asked = ["--all-subscriptions", "--trust-resource-graph", "--arm-endpoint", server.url, "--ca-bundle"]
    assert main(["collect", *asked, server.ca_file, "-o", f"snapshot={file}"]) == exit_codes.INCOMPLETE
    assert f"types of {EMPTY}: Azure Resource Graph saw nothing in it that rules read" in capsys.readouterr().err
    taken = snapshot_file.decode(file.read_bytes(), "s.jsonl")
    details = {gap.detail for gap in taken.gaps if gap.scope == EMPTY}
    assert len(details) == 1
    assert "saw nothing in it that rules read, which may have changed since" in details.pop()
    assert EMPTY in taken.scopes
