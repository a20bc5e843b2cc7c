"""Facts that a mirror and a tier share: machines of which one must survive, and what they can do together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

from auditor.azure.paths import ABSENT
from auditor.estate.declaration import NONE
from auditor.estate.subjects import Members, Mirror, Tier, declared_region
from auditor.rules.context import Context
from auditor.rules.facts.arithmetic import largest, total
from auditor.rules.facts.disks import data_disk_mbps
from auditor.rules.facts.placement import fault_domain_group, zone
from auditor.rules.facts.placement import region as region_of_machine
from auditor.rules.facts.sizes import memory_gb, vcpus
from auditor.rules.registry import Find, fact
from auditor.snapshot.known import Answer, Cause, Interval, Items, Read, Unknown
from auditor.snapshot.lookup import value
from auditor.snapshot.model import Resource

Group = Mirror | Tier

PAIR = 2
SLA_OF_ZONES, SLA_OF_A_SET, SLA_OF_ONE = 99.99, 99.95, 99.9
"""What Azure promises of two machines over zones, of two in one set, and at most of a machine by itself."""


def machines_of(group: Group) -> Members:
    """Return the failover members of a mirror, or the members of a tier."""
    return group.failover if isinstance(group, Mirror) else group.members


@fact("group.machines", "mirror", "tier", gives="vm*")
def machines(_: Context, group: Group) -> Answer:
    """The machines of which one must survive: the failover members of a mirror, the members of a tier."""
    return Answer(machines_of(group))


@fact("group.scale_sets", "mirror", "tier", gives="scale-set*")
def scale_sets(context: Context, group: Group) -> Answer:
    """The scale sets that these machines belong to, each once."""
    members = Items.of(machines_of(group))
    missing = members.open_end
    found: dict[str, object] = {}
    reads: list[Read] = []
    for machine in members.only(Resource):
        reference = value(machine, "properties.virtualMachineScaleSet.id")
        reads += reference.reads
        if isinstance(reference.value, str):
            found[reference.value.lower()] = context.topology.graph.get(reference.value)
        elif isinstance(reference.value, Unknown):
            missing = missing or reference.value
    return Answer(Items(tuple(found.values()), missing), tuple(reads))


@fact("group.region", "mirror", "tier", gives="text")
def region(_: Context, group: Group) -> Answer:
    """The region of a tier; of a mirror the primary region that was declared."""
    if isinstance(group, Tier):
        return Answer(group.region)
    return Answer(declared_region(group.deployment, "primary"))


@fact("group.sla_percent", "mirror", "tier", gives="number")
def sla_percent(context: Context, group: Group) -> Answer:
    """What Azure promises that at least one of the machines can be reached, in percent of the time.

    99.99 over two zones of a region, 99.95 in one availability set or Flexible scale set; otherwise 99.9 at most,
    which depends on the disks.
    """
    members = Items.of(machines_of(group))
    machines, missing = members.only(Resource), members.open_end
    zones: dict[str, set[str]] = defaultdict(set)
    reads: list[Read] = []
    for machine in machines:
        place, own = region_of_machine(context, machine), zone(context, machine)
        reads += own.reads
        if isinstance(place.value, str) and isinstance(own.value, str):
            zones[place.value].add(own.value)
        else:
            missing = missing or next((a.value for a in (place, own) if isinstance(a.value, Unknown)), None)
    if any(len(found) >= PAIR for found in zones.values()):
        return Answer(SLA_OF_ZONES, tuple(reads))
    sets: set[str] = set()
    for machine in machines:
        own = _set_of(context, machine)
        reads += own.reads
        sets.add(own.value.lower() if isinstance(own.value, str) else "")
        missing = missing or (own.value if isinstance(own.value, Unknown) else None)
    if missing is not None:
        return Answer(missing, tuple(reads))
    if len(machines) >= PAIR and len(sets) == 1 and "" not in sets:
        return Answer(SLA_OF_A_SET, tuple(reads))
    because = Unknown(Cause.VALUE, f"what Azure promises of a machine of {group.id} by itself depends on its disks")
    return Answer(Interval(0, SLA_OF_ONE, (because,)), tuple(reads))


@fact("group.has_dr", "mirror", "tier", gives="boolean")
def has_dr(_: Context, group: Group) -> Answer:
    """Whether a counterpart in another region is declared: DR members of a mirror, a DR region for a tier.

    False where it is declared as `none`.
    """
    if isinstance(group, Mirror):
        return Answer(group.dr if isinstance(group.dr, Unknown) else not group.declared.dr.none)
    dr_region = declared_region(group.deployment, "DR")
    return Answer(dr_region if isinstance(dr_region, Unknown) else dr_region != NONE)


def _set_of(context: Context, machine: Resource) -> Answer:
    """Return the id of the availability set or Flexible scale set of a machine."""
    own = value(machine, "properties.availabilitySet.id")
    if own.value is not ABSENT:
        return own
    flexible = fault_domain_group(context, machine)
    return Answer(flexible.value, (*own.reads, *flexible.reads))


def _counterpart(context: Context, group: Group) -> Members:
    """Return what stands in for a group in the DR region."""
    if isinstance(group, Mirror):
        return group.dr
    dr_region = declared_region(group.deployment, "DR")
    if isinstance(dr_region, Unknown):
        return dr_region
    for tier in context.deployment.tiers if context.deployment else ():
        same = (tier.declared.role, tier.declared.product) == (group.declared.role, group.declared.product)
        if same and tier.region == dr_region:
            return tier.members
    return Items(missing=group.members.open_end)


def _capacity(name: str, unit: str, measure: Callable[[Context, Resource], Answer]) -> tuple[Find, Find]:
    """Make two facts of what a group can do, and what its counterpart in the DR region can.

    A mirror works on one member at a time, so its largest member counts; a tier works on all of its members.
    """

    def of(context: Context, group: Group, machines: Members) -> Answer:
        members = Items.of(machines)
        answers = [measure(context, machine) for machine in members.only(Resource)]
        return (largest if isinstance(group, Mirror) else total)(answers, members.open_end)

    def own(context: Context, group: Group) -> Answer:
        return of(context, group, machines_of(group))

    def in_dr(context: Context, group: Group) -> Answer:
        return of(context, group, _counterpart(context, group))

    own.__doc__ = f"The {unit} of a mirror's largest failover member, or of all members of a tier together."
    in_dr.__doc__ = f"The {unit} of what stands in for it in the DR region: the largest DR member, or the tier there."
    return (
        fact(f"group.{name}", "mirror", "tier", gives="number")(own),
        fact(f"group.dr_{name}", "mirror", "tier", gives="number")(in_dr),
    )


group_vcpus, group_dr_vcpus = _capacity("vcpus", "virtual CPUs", vcpus)
group_memory, group_dr_memory = _capacity("memory_gb", "memory in GB", memory_gb)
group_disk_mbps, group_dr_disk_mbps = _capacity("disk_mbps", "MB/s of the data disks", data_disk_mbps)
