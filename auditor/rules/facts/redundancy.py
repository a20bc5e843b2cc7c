"""Facts of redundancy groups: the failover members of a mirror, or the members of a tier."""

from __future__ import annotations

from collections.abc import Callable

from auditor.azure.paths import ABSENT
from auditor.estate.declaration import NONE
from auditor.estate.subjects import Members, Mirror, Tier
from auditor.rules.context import Context
from auditor.rules.facts.arithmetic import largest, total
from auditor.rules.facts.disks import data_disk_mbps
from auditor.rules.facts.placement import availability_set, fault_domain_group
from auditor.rules.facts.sizes import memory_gb, vcpus
from auditor.rules.facts.zones import zones_of
from auditor.rules.registry import Find, fact
from auditor.snapshot.known import Answer, Cause, Interval, PartialList, Read, Unknown
from auditor.snapshot.lookup import value
from auditor.snapshot.model import Resource

Group = Mirror | Tier

PAIR = 2
SLA_OF_ZONES, SLA_OF_A_SET, SLA_OF_ONE = 99.99, 99.95, 99.9
"""Azure's SLA in percent: of two VMs in two zones, of two VMs in one set, and at most of a single VM."""


def vms_of(group: Group) -> Members:
    """Return the failover members of a mirror, or the members of a tier."""
    return group.failover if isinstance(group, Mirror) else group.members


@fact("group.machines", "mirror", "tier", gives="vm*")
def vms(_: Context, group: Group) -> Answer:
    """The VMs of the redundancy group: the failover members of a mirror, or the members of a tier."""
    return Answer(vms_of(group))


@fact("group.scale_sets", "mirror", "tier", gives="scale-set*")
def scale_sets(context: Context, group: Group) -> Answer:
    """The distinct scale sets of the VMs of the redundancy group."""
    members = PartialList.of(vms_of(group))
    unknown = members.incomplete_because
    found: dict[str, object] = {}
    reads: list[Read] = []
    for vm in members.of_type(Resource):
        reference = value(vm, "properties.virtualMachineScaleSet.id")
        reads += reference.reads
        if isinstance(reference.value, str):
            found[reference.value.lower()] = context.topology.graph.get(reference.value)
        elif isinstance(reference.value, Unknown):
            unknown = unknown or reference.value
    return Answer(PartialList(tuple(found.values()), unknown), tuple(reads))


@fact("group.region", "mirror", "tier", gives="text")
def region(context: Context, group: Group) -> Answer:
    """The region of a tier; of a mirror, the declared primary region."""
    if isinstance(group, Tier):
        return Answer(group.region)
    return Answer(context.deployment.regions.primary if context.deployment else ABSENT)


@fact("group.zones", "mirror", "tier", gives="number")
def zones(context: Context, group: Group) -> Answer:
    """In how many availability zones the VMs of the redundancy group are.

    Zones of two subscriptions are compared by their physical zones, and zones of two regions differ.
    """
    return Answer(*zones_of(context, PartialList.of(vms_of(group))))


@fact("group.sla_percent", "mirror", "tier", gives="number")
def sla_percent(context: Context, group: Group) -> Answer:
    """Azure's SLA for the connectivity of at least one VM of the redundancy group, in percent.

    99.99 in two zones of a region, 99.95 in one availability set or Flexible scale set, otherwise at most 99.9, which
    depends on the disks.
    """
    members = PartialList.of(vms_of(group))
    vms = members.of_type(Resource)
    in_a_region, found = zones_of(context, members, join=max)
    if in_a_region.low >= PAIR:
        return Answer(SLA_OF_ZONES, found)
    reads, unknown = [*found], next(iter(in_a_region.because), None)
    sets: set[str] = set()
    for vm in vms:
        own = _set_of(context, vm)
        reads += own.reads
        sets.add(own.value.lower() if isinstance(own.value, str) else "")
        unknown = unknown or (own.value if isinstance(own.value, Unknown) else None)
    if unknown is not None:
        return Answer(unknown, tuple(reads))
    if len(vms) >= PAIR and len(sets) == 1 and "" not in sets:
        return Answer(SLA_OF_A_SET, tuple(reads))
    because = Unknown(Cause.VALUE, f"the SLA of a single VM of {group.id} depends on its disks")
    return Answer(Interval(0, SLA_OF_ONE, (because,)), tuple(reads))


@fact("group.has_dr", "mirror", "tier", gives="boolean")
def has_dr(context: Context, group: Group) -> Answer:
    """Whether a counterpart in the DR region is declared: DR asyncs of a mirror, a DR region of a tier.

    False if declared as `none`.
    """
    if isinstance(group, Mirror):
        return Answer(group.dr if isinstance(group.dr, Unknown) else not group.declared.dr.none)
    dr_region = context.deployment.regions.dr if context.deployment else NONE
    return Answer(dr_region if isinstance(dr_region, Unknown) else dr_region != NONE)


def _set_of(context: Context, vm: Resource) -> Answer:
    """Return the id of the availability set or Flexible scale set of a VM."""
    own = availability_set(context, vm)
    if own.value is not ABSENT:
        return own
    flexible = fault_domain_group(context, vm)
    return Answer(flexible.value, (*own.reads, *flexible.reads))


def counterpart(context: Context, group: Group) -> Members:
    """Return the counterpart of a group in the DR region: the DR asyncs, or the same tier there."""
    if isinstance(group, Mirror):
        return group.dr
    dr_region = context.deployment.regions.dr if context.deployment else NONE
    if isinstance(dr_region, Unknown):
        return dr_region
    for tier in context.deployment.tiers if context.deployment else ():
        same = (tier.declared.role, tier.declared.product) == (group.declared.role, group.declared.product)
        if same and tier.region == dr_region:
            return tier.members
    return PartialList(missing=group.members.incomplete_because)


def _capacity(name: str, unit: str, measure: Callable[[Context, Resource], Answer]) -> tuple[Find, Find]:
    """Register two facts: the capacity of a group, and that of its counterpart in the DR region.

    Of a mirror the largest member counts, as only the primary works; of a tier the sum of all members.
    """

    def of(context: Context, group: Group, vms: Members) -> Answer:
        members = PartialList.of(vms)
        answers = [measure(context, vm) for vm in members.of_type(Resource)]
        return (largest if isinstance(group, Mirror) else total)(answers, members.incomplete_because)

    def own(context: Context, group: Group) -> Answer:
        return of(context, group, vms_of(group))

    def in_dr(context: Context, group: Group) -> Answer:
        return of(context, group, counterpart(context, group))

    own.__doc__ = f"The {unit} of a mirror's largest failover member, or the sum over the members of a tier."
    in_dr.__doc__ = (
        f"The {unit} of the counterpart in the DR region: of the largest DR async, or the sum over the tier there."
    )
    return (
        fact(f"group.{name}", "mirror", "tier", gives="number")(own),
        fact(f"group.dr_{name}", "mirror", "tier", gives="number")(in_dr),
    )


group_vcpus, group_dr_vcpus = _capacity("vcpus", "virtual CPUs", vcpus)
group_memory, group_dr_memory = _capacity("memory_gb", "memory in GB", memory_gb)
group_disk_mbps, group_dr_disk_mbps = _capacity("disk_mbps", "provisioned MB/s of the data disks", data_disk_mbps)
