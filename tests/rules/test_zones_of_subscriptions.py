"""A deployment in two subscriptions: zone numbers are compared by the physical zones, else its rules are unknown."""

from __future__ import annotations

import copy
from typing import Any, Final

import pytest

from auditor.estate.topology import Topology
from auditor.evaluation import engine
from auditor.evaluation.model import Finding, Outcome
from auditor.snapshot.model import GapReason, Snapshot
from tests import estates
from tests.arm import ArmServer, Estate, Identity, Role
from tests.estate import subscription as s
from tests.estates import Body
from tests.sources.live import live

NAME: Final = "trakcare-current"
SUB, OTHER = s.SUB, s.OTHER
REGIONS: Final = (
    s.region("westeurope", "1", "2", "3"),
    s.region("westeurope", "2", "3", "1", subscription=OTHER),
)
PASS, FAIL, UNKNOWN = Outcome.PASS, Outcome.FAIL, Outcome.UNKNOWN
RULES: Final = ("AVL002", "AVL005", "AVL006", "AVL007", "AVL009", "AVL010")


def declared() -> Body:
    """Return a deployment file that names both subscriptions."""
    found: Body = copy.deepcopy(estates.declared_of(NAME))
    found["deployments"][0]["subscriptions"] = [scope.rpartition("/")[2] for scope in (SUB, OTHER)]
    return found


def of_mirror(body: Body) -> dict[str, Finding]:
    """Return what the rules of placement say of the mirror."""
    found = estates.evaluate(NAME, body, declared(), [r for r in estates.rules("current") if r.rule.id in RULES])
    return {rule: finding for (rule, _, subject), finding in found.items() if subject.endswith("/mirrors/trakdb")}


def apart(*names: str, regions: tuple[Body, ...] = (), **zones: str) -> dict[str, Finding]:
    """Return the same of VMs of which some are in the other subscription; `zones` are their numbers."""
    body = estates.body_of(NAME)
    for name, zone in zones.items():
        estates.find(body, name.replace("_", "-"))["zones"] = [zone]
    body = estates.moved(body, OTHER, *names)
    body["value"] += regions
    return of_mirror(body)


@pytest.mark.parametrize(
    ("member_zone", "regions", "expected"),
    [
        ("2", (), UNKNOWN),
        ("1", (), UNKNOWN),
        ("2", REGIONS[:1], UNKNOWN),
        ("3", REGIONS, FAIL),
        ("1", REGIONS, PASS),
    ],
)
def test_failover_members_in_two_subscriptions(member_zone: str, regions: tuple[Body, ...], expected: Outcome) -> None:
    found = apart("vm-db-b", regions=regions, vm_db_b=member_zone)
    assert {rule: found[rule].outcome for rule in RULES} == dict.fromkeys(RULES, expected) | {"AVL010": PASS}
    if expected is UNKNOWN:
        assert "availabilityZoneMappings of GET /subscriptions/ID/locations" in found["AVL002"].reason
        assert found["AVL002"].cause == "gap"


@pytest.mark.parametrize(
    ("zone", "regions", "expected"),
    [("3", (), UNKNOWN), ("1", (), UNKNOWN), ("3", REGIONS, FAIL), ("1", REGIONS, FAIL), ("2", REGIONS, PASS)],
)
def test_an_arbiter_in_another_subscription(zone: str, regions: tuple[Body, ...], expected: Outcome) -> None:
    found = apart("vm-arbiter", regions=regions, vm_arbiter=zone)
    others = dict.fromkeys(RULES, PASS)
    assert {rule: found[rule].outcome for rule in RULES} == others | {"AVL007": expected}
    if expected is FAIL:
        assert (found["AVL007"].severity, found["AVL007"].severity_is_sure) == ("high", True)


def test_a_mirror_that_moved_as_a_whole_needs_no_mapping() -> None:
    found = apart("vm-db-a", "vm-db-b", "vm-arbiter")
    assert {finding.outcome for finding in found.values()} == {PASS}


def evaluated(taken: Snapshot) -> tuple[Outcome, str]:
    """Return the outcome of AVL007 for a snapshot of both subscriptions, and the reason."""
    topology = Topology(taken, estates._decoder(NAME).deployments(declared()))  # noqa: SLF001 - as `estates.evaluate` does
    rules = [rule for rule in estates.rules("current") if rule.rule.id == "AVL007"]
    (finding,) = [f for f in engine.evaluate(topology, rules) if f.subject.kind == "mirror"]
    return finding.outcome, finding.reason


def read(server: ArmServer, **options: Any) -> Snapshot:
    both = tuple(scope.rpartition("/")[2] for scope in (SUB, OTHER))
    return live.read(server, NAME, subscriptions=both, **options).snapshot


@pytest.mark.slow
def test_a_scan_of_both_subscriptions_reads_how_they_number_zones() -> None:
    body = estates.moved(estates.body_of(NAME), OTHER, "vm-arbiter")
    body["value"] += REGIONS
    with ArmServer(Estate.from_body(body)) as server:
        assert evaluated(read(server)) == (FAIL, "")
        denied = "Microsoft.Resources/subscriptions/locations/read"
        server.identity = Identity(roles=(Role(not_actions=(denied,)),))
        taken = read(server)
    outcome, reason = evaluated(taken)
    assert outcome is UNKNOWN
    assert f"needs {denied}" in reason
    gaps = {(gap.scope, gap.reason) for gap in taken.gaps if gap.what == "Microsoft.Resources/subscriptions/locations"}
    assert gaps == {(SUB, GapReason.FORBIDDEN), (OTHER, GapReason.FORBIDDEN)}
