"""Facts that a mirror and a tier share: machines of which one must survive, and what they can do together."""

from __future__ import annotations

from collections.abc import Callable

from auditor.deployment import NONE
from auditor.facts.arithmetic import largest, total
from auditor.facts.machines import data_disk_mbps, memory_gb, vcpus
from auditor.facts.registry import Find, fact
from auditor.model import Resource
from auditor.topology import Context, Members, Mirror, Tier
from auditor.topology.graph import value
from auditor.values import Answer, Cause, Items, Read, Unknown

Group = Mirror | Tier


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
    return Answer(group.deployment.primary_region or _undeclared(group, "primary region"))


@fact("group.has_dr", "mirror", "tier", gives="boolean")
def has_dr(_: Context, group: Group) -> Answer:
    """Whether a counterpart in another region is declared: DR members of a mirror, a DR region for a tier.

    False where it is declared as `none`.
    """
    if isinstance(group, Mirror):
        return Answer(group.dr if isinstance(group.dr, Unknown) else not group.declared.dr.none)
    dr_region = group.deployment.dr_region
    return Answer(dr_region != NONE if dr_region else _undeclared(group, "DR region"))


def _undeclared(group: Group, what: str) -> Unknown:
    name = group.deployment.name
    return Unknown(
        Cause.DECLARATION, f"nobody declared the {what} of {name}: add it to `regions` in the deployment file"
    )


def _counterpart(context: Context, group: Group) -> Members:
    """Return what stands in for a group in the DR region."""
    if isinstance(group, Mirror):
        return group.dr
    if not group.deployment.dr_region:
        return _undeclared(group, "DR region")
    for tier in context.deployment.tiers if context.deployment else ():
        same = (tier.declared.role, tier.declared.product) == (group.declared.role, group.declared.product)
        if same and tier.region == group.deployment.dr_region:
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
