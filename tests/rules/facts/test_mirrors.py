"""Mirrors: their members, the separation of these, and the load-balancing rules that lead to them."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.azure.paths import ABSENT
from auditor.azure.types.names import LOAD_BALANCER, VM
from auditor.snapshot.known import Cause, Interval, PartialList
from auditor.snapshot.model import Part
from tests.estate import subscription as s
from tests.estate.subscription import Body, arm_id
from tests.rules.facts.asking import DECLARATION, GAP, INFINITY, VALUE, ask, shown
from tests.rules.facts.mirrored import (
    ALIGNED,
    CLASSIC,
    DEPLOYMENT,
    FLEXIBLE,
    FOUR,
    IN_SCALE_SET,
    IN_SET,
    LEAN,
    NICS,
    SPREAD,
    THREE,
    TIER,
    UNIFORM,
    lean_mirror_fact,
    mirror_fact,
    pair,
)


def placed(domain: object, where: Body = IN_SET) -> Body:
    return {**where, "instanceView": {"platformFaultDomain": domain}}


OTHER_SET = {"availabilitySet": {"id": arm_id("Compute/availabilitySets", "other")}}
OTHER_ALIGNED = s.resource("Compute/availabilitySets", "other", top={"sku": {"name": "Aligned"}})


@pytest.mark.parametrize(
    ("members", "others", "expected"),
    [
        (pair({"zone": "1"}, {"zone": "2"}), [], "zone"),
        (pair({"zone": "1"}, {"zone": "1"}), [], "nothing"),
        (pair({"zone": "1"}, {}), [], "nothing"),
        (pair({"zone": "1"}, {"zone": "1", "location": "northeurope"}), [], "region"),
        (pair({}, {"location": "northeurope"}), [], "region"),
        (pair({"zone": "1", "location": None}, {"zone": "2"}), [], VALUE),
        (pair({}, {}), [], "nothing"),
        (pair(placed(0), placed(1)), [ALIGNED], "fault-domain"),
        (pair(placed(0), placed(0)), [ALIGNED], "nothing"),
        (pair(placed(0), placed(1)), [CLASSIC], "nothing"),
        (pair(placed(0), placed(1, OTHER_SET)), [ALIGNED, OTHER_ALIGNED], "nothing"),
        (pair(placed(0, IN_SCALE_SET), placed(1, IN_SCALE_SET)), [FLEXIBLE], "fault-domain"),
        (pair(placed(0, IN_SCALE_SET), placed(1, IN_SCALE_SET)), [UNIFORM], "nothing"),
        (pair(placed(0, IN_SCALE_SET), placed(0, IN_SCALE_SET)), [SPREAD], VALUE),
        (pair({"zone": "1", **IN_SCALE_SET}, {"zone": "2", **IN_SCALE_SET}), [SPREAD], "zone"),
        (pair({"zone": "1", **IN_SCALE_SET}, {"zone": "1", **IN_SCALE_SET}), [SPREAD], "nothing"),
        (pair(IN_SET, placed(1)), [ALIGNED], GAP),
        (pair(placed(None), placed(1)), [ALIGNED], GAP),
        (pair(placed({}), placed(1)), [ALIGNED], VALUE),
        (pair(placed(0), placed(1)), [], VALUE),
    ],
)
def test_what_keeps_failover_members_apart(members: tuple[Body, Body], others: list[Body], expected: object) -> None:
    answer = mirror_fact("mirror.separation", *members, *others)
    assert shown(answer.value) == expected
    if expected == "fault-domain":
        assert {read.path for read in answer.reads} >= {"zones[0]", "properties.instanceView.platformFaultDomain"}


IN_ZONES = pair({"zone": "1"}, {"zone": "2"})
IN_DOMAINS = pair(placed(0), placed(1))


@pytest.mark.parametrize(
    ("members", "arbiter", "others", "expected"),
    [
        (IN_ZONES, {"zone": "3"}, [], "zone"),
        (IN_ZONES, {"zone": "2"}, [], "nothing"),
        (IN_ZONES, {}, [], "nothing"),
        (IN_ZONES, {"zone": "2", "location": "North Europe"}, [], "region"),
        (IN_ZONES, {"location": "northeurope"}, [], "region"),
        (IN_ZONES, placed(2), [ALIGNED], "nothing"),
        (IN_DOMAINS, placed(2), [ALIGNED], "fault-domain"),
        (IN_DOMAINS, placed(1), [ALIGNED], "nothing"),
        (IN_DOMAINS, IN_SET, [ALIGNED], GAP),
        (IN_DOMAINS, placed(2), [], VALUE),
        (IN_DOMAINS, placed(1, OTHER_SET), [ALIGNED, OTHER_ALIGNED], "unrelated"),
        (IN_DOMAINS, placed(2, OTHER_SET), [ALIGNED, OTHER_ALIGNED], "unrelated"),
        (IN_DOMAINS, {"zone": "3"}, [ALIGNED], "unrelated"),
        (IN_DOMAINS, {}, [ALIGNED], "unrelated"),
        (IN_DOMAINS, {"location": "northeurope"}, [ALIGNED], "region"),
    ],
)
def test_what_keeps_the_arbiter_apart_from_the_members(
    members: tuple[Body, Body], arbiter: Body, others: list[Body], expected: object
) -> None:
    answer = mirror_fact("mirror.arbiter_separation", *members, s.vm("arb", **arbiter), *others)
    assert shown(answer.value) == expected


def test_the_arbiter_beside_a_member_that_is_not_known() -> None:
    beside = s.vm("arb", zone="1")
    assert shown(mirror_fact("mirror.arbiter_separation", IN_ZONES[0], beside, unlisted=[VM]).value) == "nothing"
    assert shown(mirror_fact("mirror.arbiter_separation", IN_ZONES[1], beside, unlisted=[VM]).value) is GAP
    without = DEPLOYMENT.replace("arbiter: arb", "arbiter: none")
    assert mirror_fact("mirror.arbiter_separation", *IN_ZONES, deployment=without).value is ABSENT


THREE_DOMAINS = {**ALIGNED, "properties": {"platformFaultDomainCount": 3}}


@pytest.mark.parametrize(
    ("members", "others", "expected"),
    [
        (IN_ZONES, [s.region("westeurope", "1", "2")], 2),
        (IN_ZONES, [s.offered("westeurope", "1", "2", "3")], 3),
        (IN_ZONES, [], VALUE),
        (IN_DOMAINS, [THREE_DOMAINS], 3),
        (IN_DOMAINS, [ALIGNED], ABSENT),
        (pair({}, {}), [], ABSENT),
    ],
)
def test_how_many_places_there_are(members: tuple[Body, Body], others: list[Body], expected: object) -> None:
    found = mirror_fact("mirror.places_offered", *members, *others).value
    assert (found.because[0].cause if isinstance(found, Interval) and found.because else shown(found)) == expected


def test_a_zone_decides_whatever_the_scale_set_is() -> None:
    members = pair({"zone": "1"}, {"zone": "1"})
    gaps = [s.gap(vm["id"], "properties.virtualMachineScaleSet") for vm in members]
    assert mirror_fact("mirror.separation", *members, gaps=gaps).value == "nothing"
    unzoned = pair({}, {})
    assert shown(mirror_fact("mirror.separation", *unzoned, gaps=gaps).value) is GAP


def test_separation_with_a_member_that_is_not_known() -> None:
    a, b = pair({"zone": "1"}, {"zone": "2"})
    assert shown(mirror_fact("mirror.separation", a).value) is DECLARATION
    assert shown(mirror_fact("mirror.separation", a, gaps=[s.gap(b["id"])]).value) is GAP
    assert shown(mirror_fact("mirror.separation", a, {**b, "zones": [{}]}).value) is VALUE
    assert shown(mirror_fact("mirror.separation", a, unlisted=[VM]).value) is GAP
    alone = DEPLOYMENT.replace("[a, b]", "[a]")
    assert shown(mirror_fact("mirror.separation", a, deployment=alone).value) == "nothing"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mirror.address_kind", "load-balancer"),
        ("mirror.failover", ["a", "b"]),
        ("mirror.arbiter", ["arb"]),
        ("mirror.failover_and_arbiter", ["a", "arb", "b"]),
        ("mirror.machines", ["a", "arb", "b", "dr"]),
        ("mirror.separation", "zone"),
        ("mirror.arbiter_separation", "zone"),
        ("group.machines", ["a", "b"]),
        ("group.scale_sets", []),
        ("group.region", "westeurope"),
        ("group.has_dr", True),
    ],
)
def test_who_is_in_a_mirror(name: str, expected: object) -> None:
    assert shown(mirror_fact(name, *THREE, *TIER).value) == expected


def test_lists_of_members_that_are_not_declared_make_a_mirror_unknown() -> None:
    text = DEPLOYMENT.replace("arbiter: arb, dr: [dr], reporting: none", "dr: none")
    assert shown(mirror_fact("mirror.machines", *THREE, *TIER, deployment=text).value) == ["a", "b", "..."]
    assert shown(mirror_fact("mirror.arbiter", *THREE, *TIER, deployment=text).value) is DECLARATION
    assert mirror_fact("group.has_dr", *THREE, deployment=text).value is False
    text = text.replace(", dr: none", "")
    assert shown(mirror_fact("group.has_dr", *THREE, deployment=text).value) is DECLARATION
    assert shown(mirror_fact("group.dr_vcpus", *THREE, deployment=text).value) == (0, INFINITY)


def test_the_dr_members() -> None:
    assert shown(lean_mirror_fact("mirror.dr", *FOUR).value) == ["vm-d"]


def in_domains(**domains: Any) -> list[Body]:
    return [
        s.vm(f"vm-{letter}", instanceView={"platformFaultDomain": domain, "platformUpdateDomain": domain})
        for letter, domain in domains.items()
    ]


@pytest.mark.parametrize("name", ["mirror.fault_domains", "mirror.update_domains"])
def test_the_domains_of_a_mirror(name: str) -> None:
    assert shown(lean_mirror_fact(name, *in_domains(a=0, b=1, c=0)).value) == ["0", "0", "1"]
    assert shown(lean_mirror_fact(name, *in_domains(a=0, b=None, c="x")).value) == ["0", "?", "?"]
    assert shown(lean_mirror_fact(name, *in_domains(a=0), s.vm("vm-b"), unlisted=[VM]).value) == ["0", "?", "..."]


LB = s.load_balancer(
    "lb", {"pool": s.by_nic("a-nic"), "idle": s.by_nic("b-nic")}, {"r": s.to("lb", "pool", probe="p")}, {"p": {}}
)


def test_the_pools_and_rules_of_a_mirror() -> None:
    outbound = s.load_balancer("out", {"pool": s.by_nic("a-nic")}, {})
    bodies = (*THREE, *TIER, s.nic("a-nic"), s.nic("b-nic"), s.gateway("gw", s.by_nic("a-nic")), outbound)
    for name in ("mirror.pools", "mirror.rules"):
        # Other network interfaces are not here, so that another load balancer may lead to these VMs.
        known = mirror_fact(name, *bodies, LB).value
        assert isinstance(known, PartialList)
        (found,) = known.known
        assert getattr(found, "id", "").rpartition("/")[2] in {"pool", "r"}
        nics = [s.nic(f"{body['name']}-nic") for body in (*THREE[2:], *TIER)]
        vnet = s.resource("Network/virtualNetworks", "vnet")
        assert len(s.names(mirror_fact(name, *bodies, *nics, vnet, LB).value)) == 1
        assert s.names(mirror_fact(name, *bodies, *nics, vnet, unlisted=[LOAD_BALANCER]).value) == ["..."]
        assert s.names(mirror_fact(name, *THREE[1:], *nics, vnet).value) == ["..."], "a member was not found"


def load_balancer(*rules: Body) -> Body:
    own = arm_id("Network/loadBalancers", "lb")
    return s.load_balancer(
        "lb",
        {"pool": s.by_nic("vm-a-nic", "vm-b-nic"), "other": s.by_nic("vm-c-nic")},
        {f"rule-{number}": {**s.to("lb", "pool"), "backendPort": 1972, **rule} for number, rule in enumerate(rules)}
        | {
            "elsewhere": {
                **s.to("lb", "other"),
                "frontendIPConfiguration": {"id": f"{own}/frontendIPConfigurations/f3"},
            }
        },
        frontendIPConfigurations=[
            {"id": f"{own}/frontendIPConfigurations/{name}", "name": name, "properties": {}}
            for name in ("f1", "f2", "f3")
        ],
    )


def front(name: Any) -> Body:
    return {
        "frontendIPConfiguration": {"id": f"{arm_id('Network/loadBalancers', 'lb')}/frontendIPConfigurations/{name}"}
    }


@pytest.mark.parametrize(
    ("rules", "expected", "missing"),
    [
        ([], [], None),
        ([front("f1")], ["f1"], None),
        ([front("f1"), front("F1")], ["f1"], None),
        ([front("f1"), front("f2")], ["f1", "f2"], None),
        ([front("f1"), front("f9")], ["f1"], Cause.VALUE),
        ([{}], [], Cause.VALUE),
        ([{"frontendIPConfiguration": "x"}], [], Cause.VALUE),
    ],
)
def test_the_frontends_that_lead_to_a_mirror(rules: list[Body], expected: list[str], missing: Cause | None) -> None:
    found = lean_mirror_fact("mirror.frontends", *FOUR, *NICS, load_balancer(*rules)).value
    assert isinstance(found, PartialList)
    assert sorted(part.id.split("/")[-1] for part in found.of_type(Part)) == expected
    assert shown(found.missing) is missing


def test_load_balancers_that_were_not_listed_may_lead_to_a_mirror() -> None:
    found = lean_mirror_fact("mirror.frontends", *FOUR, *NICS, unlisted=[LOAD_BALANCER]).value
    assert isinstance(found, PartialList)
    assert shown(found.missing) is GAP


def test_the_rules_that_lead_to_a_vm() -> None:
    built = s.topology(*FOUR, *NICS, load_balancer(front("f1"), front("f2")), deployment=LEAN)
    expected = {"vm-a": ["rule-0", "rule-1"], "vm-c": ["elsewhere"], "vm-d": []}
    for name, rules in expected.items():
        found = ask("vm.balancing_rules", built, s.item(built, "Compute/virtualMachines", name)).value
        assert isinstance(found, PartialList)
        assert sorted(part.id.split("/")[-1] for part in found.known if isinstance(part, Part)) == rules
        assert found.missing is None
