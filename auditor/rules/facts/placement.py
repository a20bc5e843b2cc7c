"""Facts of the placement of VMs: regions, availability zones, fault domains and update domains."""

from __future__ import annotations

from typing import Final

from auditor.azure import arm
from auditor.azure.paths import ABSENT
from auditor.azure.types.names import AVAILABILITY_SET, VM
from auditor.estate.graph import Graph
from auditor.rules.context import Context
from auditor.rules.facts.arithmetic import number
from auditor.rules.facts.reading import number_at, text_at, unviewed
from auditor.rules.registry import fact
from auditor.snapshot.known import Answer, Cause, Interval, PartialList, Read, Unknown
from auditor.snapshot.lookup import items, value
from auditor.snapshot.model import Resource

_SET: Final = "properties.availabilitySet.id"
_LISTED: Final = "properties.virtualMachines"
_MOST_FAULT_DOMAINS: Final = 3
"""The fault domains of an availability set in the regions that have most."""


@fact("vm.region", "vm", gives="text")
def region(_: Context, vm: Resource) -> Answer:
    """The region of the VM, such as `westeurope`."""
    found = value(vm, "location")
    return Answer(arm.location(found.value), found.reads) if isinstance(found.value, str) else found


@fact("vm.zone", "vm", gives="text")
def zone(_: Context, vm: Resource) -> Answer:
    """The availability zone of the VM; absent if it is not in a zone."""
    return text_at(vm, "zones[0]")


@fact("vm.fault_domain", "vm", gives="number")
def fault_domain(context: Context, vm: Resource) -> Answer:
    """The number of the VM's fault domain in its availability set or scale set, from the instance view.

    Unknown in a scale set with a `platformFaultDomainCount` of 1: Azure spreads its VMs over as many fault domains as
    possible, and shows one number for all (virtual-machine-scale-sets-manage-fault-domains).
    """
    scale_set = context.topology.graph.follow(vm, "virtualMachineScaleSet")
    if isinstance(scale_set.value, Resource):
        number = value(scale_set.value, "properties.platformFaultDomainCount")
        if number.value == 1:
            reason = (
                f"{scale_set.value.id} spreads its VMs as far as possible, so that Azure shows one fault domain for all"
            )
            return Answer(Unknown(Cause.VALUE, reason, about=(scale_set.value.id,)), (*scale_set.reads, *number.reads))
    return _domain(vm, "platformFaultDomain")


@fact("vm.update_domain", "vm", gives="number")
def update_domain(_: Context, vm: Resource) -> Answer:
    """The number of the VM's update domain in its availability set or scale set, from the instance view."""
    return _domain(vm, "platformUpdateDomain")


@fact("vm.availability_set", "vm", gives="text")
def availability_set(context: Context, vm: Resource) -> Answer:
    """The id of the VM's availability set; absent if it has none, and unknown if that does not exist."""
    return _set_named(context, vm, "availabilitySet")


@fact("vm.scale_set", "vm", gives="text")
def scale_set(context: Context, vm: Resource) -> Answer:
    """The id of the VM's scale set; absent if it has none, and unknown if that does not exist."""
    return _set_named(context, vm, "virtualMachineScaleSet")


def _set_named(context: Context, vm: Resource, name: str) -> Answer:
    """Return the id of a set that a VM refers to; that of one that was not read too, since equal ids are one set."""
    found = context.topology.graph.follow(vm, name)
    if isinstance(found.value, Resource):
        return Answer(found.value.id, found.reads)
    unread_id = found.reads[0].value if found.reads else ABSENT
    if isinstance(found.value, Unknown) and found.value.cause is Cause.GAP and isinstance(unread_id, str):
        return Answer(unread_id, found.reads)
    return found


@fact("vm.fault_domain_group", "vm", gives="text")
def fault_domain_group(context: Context, vm: Resource) -> Answer:
    """The id of the VM's `Aligned` availability set or `Flexible` scale set; absent if it has none.

    A `Classic` availability set does not separate the disks of its VMs by fault domain (availability-set-overview).
    """
    graph = context.topology.graph
    group = graph.follow(vm, "availabilitySet")
    if group.value is ABSENT:
        group = graph.follow(vm, "virtualMachineScaleSet")
    found = group.value
    if not isinstance(found, Resource):
        return group
    aligned = found.type == AVAILABILITY_SET
    sort = value(found, "sku.name" if aligned else "properties.orchestrationMode")
    reads = (*group.reads, *sort.reads)
    if isinstance(sort.value, Unknown):
        return Answer(sort.value, reads)
    wanted = "aligned" if aligned else "flexible"
    return Answer(found.id if str(sort.value).lower() == wanted else ABSENT, reads)


@fact("set.maximum_fault_domains", "availability-set", gives="number")
def maximum_fault_domains(context: Context, availability_set: Resource) -> Answer:
    """The capability `MaximumPlatformFaultDomainCount` of `Aligned` availability sets in the region.

    If the SKU list was not read, it is at most 3, which no region exceeds (availability-set-overview).
    """
    place = value(availability_set, "location")
    if not isinstance(place.value, str):
        return place
    graph, subscription = context.topology.graph, arm.subscription_of(availability_set.id)
    name = "MaximumPlatformFaultDomainCount"
    found = number(graph.capability("availabilitySets", "Aligned", availability_set.location, subscription, name))
    if isinstance(found.value, Unknown) and found.value.cause is Cause.GAP:
        return Answer(Interval(1, _MOST_FAULT_DOMAINS, (found.value,)), found.reads)
    return found


@fact("set.machines", "availability-set", gives="vm*")
def vms_of_set(context: Context, availability_set: Resource) -> Answer:
    """The VMs of the availability set: those that refer to it. Its own list only adds VMs that were not read."""
    found, missing = vms_in_set(context.topology.graph, availability_set.id)
    return Answer(PartialList(tuple(vm for vm, _ in found), missing), tuple(read for _, read in found))


def vms_in_set(graph: Graph, set_id: str) -> tuple[list[tuple[Resource, Read]], Unknown | None]:
    """Return the VMs of an availability set with what shows it, and why there may be more.

    The property `virtualMachines` of the set may be absent though it has VMs: Azure lists it only if it is asked for.
    """
    key = arm.key(set_id)
    found = [(edge.source, value(edge.source, _SET).reads[0]) for edge in graph.referrers(key, VM)]
    unseen = _unseen_vms(graph, arm.subscription_of(key))
    own = graph.get(set_id)
    if unseen is None or not isinstance(own, Resource) or value(own, _LISTED).value is ABSENT:
        return found, unseen
    listed = PartialList.of(items(own, f"{_LISTED}[*].id").value)
    ids = [vm_id for vm_id in listed.known if isinstance(vm_id, str)]
    named = map(graph.get_or_placeholder, ids)
    unclear = (vm for vm in named if isinstance(graph.follow(vm, "availabilitySet").value, Unknown))
    found += ((vm, Read(own.id, _LISTED, vm.id)) for vm in unclear)
    return found, None if listed.missing is None and len(ids) == len(listed.known) else unseen


def _unseen_vms(graph: Graph, subscription: str) -> Unknown | None:
    """Return why a VM of a subscription may not have been read, or not the availability set that it is in."""
    for unknown in graph.unknown_values(VM, _SET, (subscription,)):
        return unknown
    return graph.listing(VM, subscription) or graph.unresolved(VM, AVAILABILITY_SET, subscription)


def _domain(vm: Resource, name: str) -> Answer:
    """Return a domain in the instance view; it is unknown if the view was not read, or lacks what a set gives it.

    The view in Azure Resource Graph, and that of the list of states, have no domains.
    """
    found = number_at(vm, f"properties.instanceView.{name}")
    whole = value(vm, "properties.instanceView").value is not ABSENT
    in_set = value(vm, "properties.availabilitySet.id").value is not ABSENT
    return found if found.value is not ABSENT or (whole and not in_set) else Answer(unviewed(vm), found.reads)
