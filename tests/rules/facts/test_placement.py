"""Placement of VMs: regions, zones, fault domains and update domains."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.azure import arm
from auditor.azure.paths import ABSENT
from auditor.azure.types.names import AVAILABILITY_SET, SKU, VM
from auditor.snapshot.known import PartialList, Unknown
from tests.estate import subscription as s
from tests.estate.subscription import Body, arm_id
from tests.rules.facts.asking import GAP, VALUE, ask, said, shown, vm_fact
from tests.rules.facts.mirrored import (
    ALIGNED,
    CLASSIC,
    FLEXIBLE,
    IN_SCALE_SET,
    IN_SET,
    UNIFORM,
)


@pytest.mark.parametrize(
    ("name", "body", "expected"),
    [
        ("vm.region", {"location": "West Europe"}, "westeurope"),
        ("vm.region", {"location": None}, ABSENT),
        ("vm.update_domain", {"properties": {"instanceView": {"platformUpdateDomain": 3}}}, 3),
        ("vm.update_domain", {"properties": {"instanceView": {"platformUpdateDomain": "3"}}}, VALUE),
        ("vm.update_domain", {"properties": {"instanceView": {"platformUpdateDomain": True}}}, VALUE),
        ("vm.update_domain", {"properties": {"instanceView": "x"}}, VALUE),
        ("vm.update_domain", {"properties": {"instanceView": {}}}, ABSENT),
        ("vm.update_domain", {"properties": {}}, GAP),
    ],
)
def test_facts_of_the_placement_of_a_vm(name: str, body: Body, expected: object) -> None:
    built = s.topology({"id": arm_id("Compute/virtualMachines", "vm-a"), "properties": {}, **body})
    assert said(name, built, s.item(built, "Compute/virtualMachines", "vm-a")) == expected


@pytest.mark.parametrize(
    ("vm", "expected"),
    [
        ({"zone": "2"}, "2"),
        ({}, ABSENT),
    ],
)
def test_the_zone_of_a_vm(vm: Any, expected: object) -> None:
    answer = vm_fact("vm.zone", **vm)
    assert answer.value == expected
    assert answer.reads[0].path == "zones[0]"


@pytest.mark.parametrize(
    ("properties", "gaps", "expected"),
    [
        ({"instanceView": {"platformFaultDomain": 1}}, [], 1),
        ({"instanceView": {}}, [], ABSENT),
        ({}, [], GAP),
        ({}, [s.gap(arm_id("Compute/virtualMachines", "vm-a"), "properties.instanceView")], GAP),
        ({"instanceView": "junk"}, [], VALUE),
    ],
)
def test_the_fault_domain_of_a_vm(properties: Body, gaps: list[Body], expected: object) -> None:
    answer = vm_fact("vm.fault_domain", gaps=gaps, **properties)
    assert shown(answer.value) == expected
    if isinstance(answer.value, Unknown) and answer.value.cause is GAP:
        assert ("$expand=instanceView" in answer.value.reason) is not bool(gaps)


@pytest.mark.parametrize(
    ("properties", "others", "expected"),
    [
        ({}, [ALIGNED], ABSENT),
        (IN_SET, [ALIGNED], ALIGNED["id"]),
        (IN_SET, [CLASSIC], ABSENT),
        (IN_SET, [{**ALIGNED, "sku": None}], ABSENT),
        (IN_SET, [{**ALIGNED, "sku": "Aligned"}], VALUE),
        (IN_SET, [{**ALIGNED, "sku": None, "properties": None}], GAP),
        (IN_SET, [s.size()], VALUE),
        (IN_SCALE_SET, [FLEXIBLE], FLEXIBLE["id"]),
        (IN_SCALE_SET, [UNIFORM], ABSENT),
        ({"availabilitySet": "junk"}, [ALIGNED], VALUE),
    ],
)
def test_where_a_fault_domain_means_something(properties: Body, others: list[Body], expected: object) -> None:
    assert shown(vm_fact("vm.fault_domain_group", *others, **properties).value) == expected


@pytest.mark.parametrize(
    ("name", "properties", "others", "expected"),
    [
        ("vm.availability_set", {}, [ALIGNED], ABSENT),
        ("vm.availability_set", IN_SET, [CLASSIC], CLASSIC["id"]),
        ("vm.availability_set", IN_SET, [], GAP),
        ("vm.availability_set", IN_SET, [s.size()], VALUE),
        ("vm.availability_set", {"availabilitySet": {"id": 7}}, [ALIGNED], VALUE),
        ("vm.scale_set", IN_SCALE_SET, [UNIFORM], UNIFORM["id"]),
        ("vm.scale_set", IN_SCALE_SET, [s.size()], VALUE),
        ("vm.scale_set", {}, [UNIFORM], ABSENT),
    ],
)
def test_the_set_of_a_vm(name: str, properties: Body, others: list[Body], expected: object) -> None:
    if expected is GAP:  # the id of what was not read is known
        built = s.topology(s.vm("vm-a", **properties), unlisted=[AVAILABILITY_SET])
        found = said(name, built, s.item(built, "Compute/virtualMachines", "vm-a"))
        assert arm.key(str(found)) == arm.key(ALIGNED["id"])
    else:
        assert shown(vm_fact(name, *others, **properties).value) == expected


IN: Body = {"availabilitySet": {"id": ALIGNED["id"].upper()}}


def listing(*names: object) -> Body:
    """Return the availability set with a list of VMs of its own."""
    vms = [{"id": arm_id("Compute/virtualMachines", n.upper()) if isinstance(n, str) else n} for n in names]
    return {**ALIGNED, "properties": {**ALIGNED["properties"], "virtualMachines": vms}}


@pytest.mark.parametrize(
    ("own", "keywords", "expected"),
    [
        (ALIGNED, {}, ["vm-a", "vm-b"]),
        (listing(), {}, ["vm-a", "vm-b"]),
        (listing("vm-a", "vm-b", "vm-c", "gone"), {}, ["vm-a", "vm-b"]),
        (ALIGNED, {"unlisted": [VM]}, ["vm-a", "vm-b", "..."]),
        (listing("vm-a", "hidden"), {"unlisted": [VM]}, ["HIDDEN", "vm-a", "vm-b"]),
        (listing("vm-a", None), {"unlisted": [VM]}, ["vm-a", "vm-b", "..."]),
        (ALIGNED, {"gaps": [s.gap(arm_id("Compute/virtualMachines", "other"))]}, ["vm-a", "vm-b", "..."]),
        (listing("vm-a"), {"gaps": [s.gap(arm_id("Compute/virtualMachines", "other"))]}, ["vm-a", "vm-b"]),
        (
            listing("vm-a", "other"),
            {"gaps": [s.gap(arm_id("Compute/virtualMachines", "other"))]},
            ["other", "vm-a", "vm-b"],
        ),
        (ALIGNED, {"gaps": [s.gap(arm_id("Compute/virtualMachines", "vm-a"))]}, ["vm-a", "vm-b"]),
        (ALIGNED, {"gaps": [s.gap(arm_id("Compute/virtualMachines", "vm-c"))]}, ["vm-a", "vm-b", "..."]),
        (ALIGNED, {"gaps": [s.gap(arm_id("Compute/virtualMachines", "vm-c"), "tags")]}, ["vm-a", "vm-b"]),
        ({**ALIGNED, "properties": None}, {"gaps": [s.gap(ALIGNED["id"])]}, ["vm-a", "vm-b"]),
        (listing("vm-a"), {"unlisted": [VM], "gaps": [s.gap(ALIGNED["id"])]}, ["vm-a", "vm-b"]),
        (ALIGNED, {"unlisted": [VM], "gaps": [s.gap(ALIGNED["id"])]}, ["vm-a", "vm-b", "..."]),
    ],
)
def test_the_vms_of_an_availability_set_are_those_that_refer_to_it(
    own: Body, keywords: Any, expected: list[str]
) -> None:
    built = s.topology(s.vm("vm-a", **IN), s.vm("vm-b", **IN), s.vm("vm-c"), own, **keywords)
    found = ask("set.machines", built, s.item(built, "Compute/availabilitySets", arm.name_of(ALIGNED["id"])))
    assert s.names(found.value) == expected
    assert isinstance(found.value, PartialList)
    assert len(found.reads) == len(found.value.known)


@pytest.mark.parametrize(
    ("record", "location", "expected"),
    [
        ({"MaximumPlatformFaultDomainCount": "3"}, "West Europe", 3),
        ({"MaximumPlatformFaultDomainCount": "many"}, "westeurope", VALUE),
        ({}, "westeurope", ABSENT),
        ({"MaximumPlatformFaultDomainCount": "3"}, "northeurope", VALUE),
        ({"MaximumPlatformFaultDomainCount": "3"}, None, ABSENT),
        (None, "westeurope", (1, 3)),
    ],
)
def test_fault_domains_of_a_region(record: Body | None, location: str | None, expected: object) -> None:
    sku = {**s.size("Aligned", **(record or {})), "resourceType": "availabilitySets"}
    own = s.resource("Compute/availabilitySets", "set", top={"location": location})
    built = s.topology(own, *([] if record is None else [sku]), unlisted=[SKU] if record is None else [])
    found = ask("set.maximum_fault_domains", built, s.item(built, "Compute/availabilitySets", "set"))
    assert shown(found.value) == expected
