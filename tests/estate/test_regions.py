"""Regions of a deployment: a declared one in which it has nothing is unknown, and so is what depends on it."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.evaluation.model import Outcome
from auditor.snapshot.known import Cause, Unknown
from tests import estates
from tests.estate import subscription as s
from tests.estate.subscription import Body

DEPLOYMENT = """
- name: d
  product: iris
  regions: {primary: westeurope, dr: northeurope}
  mirrors: [{name: M, failover: [a, b], arbiter: arb, dr: [dr], reporting: none}]
  tiers: none
"""
VMS = (s.vm("a"), s.vm("b"), s.vm("arb", location="uksouth"), s.vm("dr", location="North Europe"))
NETWORK = s.network() | {"location": "swedencentral"}
UNREAD = s.gap(VMS[0]["id"])


@pytest.mark.parametrize(
    ("regions", "bodies", "gaps", "expected"),
    [
        ("{primary: westeurope, dr: northeurope}", VMS, [], ("westeurope", "northeurope")),
        ("{primary: West Europe, dr: none}", VMS, [], ("westeurope", "none")),
        ("{primary: westeurop, dr: northeurope}", VMS, [], (Cause.DECLARATION, "northeurope")),
        ("{primary: uksouth, dr: northeurope}", VMS, [], (Cause.DECLARATION, "northeurope")),
        ("{primary: westeurop, dr: northeurope}", VMS[1:], [UNREAD], (Cause.GAP, "northeurope")),
        ("{primary: westeurop, dr: northeurop}", (), [], ("westeurop", "northeurop")),
        ("{primary: westeurop, dr: northeurop}", (), [s.gap(s.SUB)], ("westeurop", "northeurop")),
        ("{primary: westeurope, dr: swedencentral}", (*VMS[:3], NETWORK), [], ("westeurope", "swedencentral")),
        ("{primary: westeurope, dr: swedencentral}", (*VMS, NETWORK), [], ("westeurope", Cause.DECLARATION)),
        ("{primary: westeurope, dr: swedencentra}", (*VMS[:3], NETWORK), [], ("westeurope", Cause.DECLARATION)),
        (
            "{primary: westeurope, dr: swedencentral}",
            VMS[:3],
            [s.gap(s.SUB, "Microsoft.Network/virtualNetworks")],
            ("westeurope", Cause.GAP),
        ),
    ],
)
def test_a_region_is_known_if_something_of_the_deployment_is_there(
    regions: str, bodies: tuple[Body, ...], gaps: list[Body], expected: tuple[object, object]
) -> None:
    text = DEPLOYMENT.replace("{primary: westeurope, dr: northeurope}", regions)
    found = s.only(s.topology(*bodies, deployment=text, gaps=gaps)).regions
    assert tuple(each.cause if isinstance(each, Unknown) else each for each in (found.primary, found.dr)) == expected


def test_regions_that_are_not_declared() -> None:
    tagged = s.vm("a", tags={"iris-deployment": "d", "iris-role": "db"})
    found = s.only(s.topology(tagged)).regions
    assert [each.cause for each in (found.primary, found.dr) if isinstance(each, Unknown)] == [Cause.DECLARATION] * 2


@pytest.mark.slow
@pytest.mark.parametrize(
    "regions", [{"primary": "westeurop"}, {"dr": "northeurop"}, {"primary": "westeurop", "dr": "northeurop"}]
)
def test_only_one_rule_fails_because_of_a_mistyped_region(regions: dict[str, Any]) -> None:
    name = "trakcare-current"
    declared = estates.declared_of(name)
    declared["deployments"][0]["regions"] |= regions
    found = estates.evaluate(name, estates.body_of(name), declared)
    assert {rule for (rule, _, _), finding in found.items() if finding.outcome is Outcome.FAIL} == {"DEP004"}
    others = {Cause.ATTESTATION, Cause.GUEST}
    unknown = [f for f in found.values() if f.outcome is Outcome.UNKNOWN and f.cause not in others]
    assert {finding.cause for finding in unknown} == {Cause.DECLARATION}
    assert {"AVL001", "DR009", "NET002"} & {finding.rule.id for finding in unknown}
