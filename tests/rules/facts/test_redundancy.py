"""Capacity of the VMs of a mirror or tier, and the SLA of Azure for them."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.azure.types.names import SCALE_SET, VM
from tests.estate import subscription as s
from tests.estate.subscription import Body, arm_id
from tests.rules.facts.asking import DECLARATION, GAP, INFINITY, VALUE, said, shown
from tests.rules.facts.mirrored import (
    DEPLOYMENT,
    FLEXIBLE,
    IN_SCALE_SET,
    estate,
    lean_mirror_fact,
    mirror_fact,
    pair,
)


def group(name: str, *bodies: Body, tier: str = "", **keywords: Any) -> object:
    """Return a fact of the mirror, or of the tier in a region."""
    built = estate(*bodies, **keywords)
    deployment = s.only(built)
    element = next(t for t in deployment.tiers if t.region == tier) if tier else deployment.mirrors[0]
    return said(name, built, element)


SIZES = (
    s.size("small", ["westeurope", "northeurope"], vCPUs="2", MemoryGB="4"),
    s.size("large", ["westeurope", "northeurope"], vCPUs="8", MemoryGB="32"),
)
SIZED = (
    *SIZES,
    s.vm("a", size="small", disks=["d1", "d2"]),
    s.vm("b", size="large", disks=["d3"]),
    s.vm("arb", size="large"),
    s.vm("dr", size="small", location="northeurope", disks=["d3"]),
    s.vm("w1", size="small", disks=["d1"]),
    s.vm("w2", size="large", disks=["d3"]),
    s.vm("n", size="large", location="northeurope", disks=["d2"]),
    *(s.disk(name, mbps) for name, mbps in (("d1", 100), ("d2", 150), ("d3", 200))),
)


@pytest.mark.parametrize(
    ("name", "mirror", "tier"),
    [
        ("group.vcpus", 8, 10),
        ("group.memory_gb", 32, 36),
        ("group.disk_mbps", 250, 300),
        ("group.dr_vcpus", 2, 8),
        ("group.dr_memory_gb", 4, 32),
        ("group.dr_disk_mbps", 200, 150),
    ],
)
def test_a_mirror_works_on_its_largest_member_and_a_tier_on_all(name: str, mirror: float, tier: float) -> None:
    assert group(name, *SIZED) == mirror
    assert group(name, *SIZED, tier="westeurope") == tier


def test_capacity_is_unknown_where_a_vm_or_its_region_is() -> None:
    without = [body for body in SIZED if body.get("name") not in {"b", "w2", "n", "dr"}]
    assert group("group.vcpus", *without) == (2, INFINITY)
    assert group("group.vcpus", *without, tier="westeurope") == (2, INFINITY)
    assert group("group.dr_vcpus", *without) == (0, INFINITY)
    assert group("group.dr_vcpus", *without, tier="westeurope") == (0, INFINITY)
    no_region = DEPLOYMENT.replace(", dr: northeurope", "")
    assert group("group.dr_vcpus", *SIZED, deployment=no_region, tier="westeurope") == (0, INFINITY)
    assert group("group.has_dr", *SIZED, deployment=no_region, tier="westeurope") is DECLARATION
    none = DEPLOYMENT.replace("dr: northeurope", "dr: none")
    assert group("group.has_dr", *SIZED, deployment=none, tier="westeurope") is False
    assert group("group.has_dr", *SIZED, tier="westeurope") is True
    nothing = DEPLOYMENT.replace("w2, n]", "w2]")
    assert group("group.dr_vcpus", *SIZED, deployment=nothing, tier="westeurope") == 0


def test_the_region_of_a_tier() -> None:
    assert group("group.region", *SIZED, tier="northeurope") == "northeurope"


def test_the_scale_sets_of_a_group() -> None:
    members = pair(IN_SCALE_SET, {"virtualMachineScaleSet": {"id": FLEXIBLE["id"].lower()}})
    assert shown(mirror_fact("group.scale_sets", *members, FLEXIBLE).value) == ["vmss"]
    assert shown(mirror_fact("group.scale_sets", *members).value) == ["?"]
    assert shown(mirror_fact("group.scale_sets", *members, unlisted=[SCALE_SET]).value) == ["?"]
    assert shown(
        mirror_fact("group.scale_sets", *pair(IN_SCALE_SET, {"virtualMachineScaleSet": "x"}), FLEXIBLE).value
    ) == [
        "vmss",
        "...",
    ]


SET: Body = {"availabilitySet": {"id": arm_id("Compute/availabilitySets", "set")}}
SHOUTED = {"availabilitySet": {"id": SET["availabilitySet"]["id"].upper()}}
FLEX: Body = {"virtualMachineScaleSet": {"id": arm_id("Compute/virtualMachineScaleSets", "flex")}}
ALONE = (0, 99.9)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ({"zone": "1"}, {"zone": "2"}, 99.99),
        ({"zone": "1"}, {"zone": "1"}, ALONE),
        ({"zone": "1"}, {"zone": "2", "location": "northeurope"}, ALONE),
        ({"zone": "1"}, {}, ALONE),
        ({}, {}, ALONE),
        (SET, SHOUTED, 99.95),
        (SET, {}, ALONE),
        (FLEX, FLEX, 99.95),
        (SET, FLEX, ALONE),
        (SET, {"availabilitySet": {"id": arm_id("Compute/availabilitySets", "gone")}}, VALUE),
        (SET, {"availabilitySet": {"id": 7}}, VALUE),
        (SET, {"availabilitySet": "x"}, VALUE),
    ],
)
def test_the_sla_of_a_pair(one: Body, other: Body, expected: object) -> None:
    flexible = s.resource("Compute/virtualMachineScaleSets", "flex", orchestrationMode="Flexible")
    aligned = s.resource("Compute/availabilitySets", "set")
    found = lean_mirror_fact("group.sla_percent", s.vm("vm-a", **one), s.vm("vm-b", **other), flexible, aligned)
    assert shown(found.value) == expected


def test_the_sla_is_unknown_where_a_vm_is() -> None:
    assert shown(lean_mirror_fact("group.sla_percent", s.vm("vm-a", zone="1"), unlisted=[VM]).value) is GAP
    hidden = s.gap(arm_id("Compute/virtualMachines", "vm-b"))
    assert shown(lean_mirror_fact("group.sla_percent", s.vm("vm-a", zone="1"), gaps=[hidden]).value) is GAP
    assert shown(lean_mirror_fact("group.sla_percent", s.vm("vm-a"), s.vm("vm-b", **FLEX)).value) is VALUE
    assert shown(lean_mirror_fact("group.sla_percent").value) is DECLARATION
