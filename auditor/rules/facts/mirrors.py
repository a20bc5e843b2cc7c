"""Facts of mirrors."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations, product

from auditor.azure import arm
from auditor.azure.paths import ABSENT
from auditor.estate.subjects import Mirror
from auditor.rules.context import Context
from auditor.rules.facts.placement import fault_domain, fault_domain_group, update_domain
from auditor.rules.facts.reading import number_at
from auditor.rules.facts.separation import FAULT_DOMAIN, NOTHING, REGION, ZONE, apart, apart_from_member, weakest
from auditor.rules.facts.zones import zones_offered
from auditor.rules.registry import fact
from auditor.snapshot.known import Answer, Cause, PartialList, Read, Unknown
from auditor.snapshot.model import Resource

PAIR = 2


@fact("mirror.address_kind", "mirror", gives="text")
def address_kind(_: Context, mirror: Mirror) -> Answer:
    """How clients without mirror support reach the primary: `load-balancer`, `secondary-ip` or `none`."""
    return Answer(mirror.declared.address_kind)


@fact("mirror.failover", "mirror", gives="vm*")
def failover(_: Context, mirror: Mirror) -> Answer:
    """The failover members, as a list of VMs."""
    return Answer(mirror.failover)


@fact("mirror.arbiter", "mirror", gives="vm*")
def arbiter(_: Context, mirror: Mirror) -> Answer:
    """The VM of the arbiter; empty if declared as none."""
    return Answer(mirror.arbiter)


@fact("mirror.dr", "mirror", gives="vm*")
def dr_members(_: Context, mirror: Mirror) -> Answer:
    """The DR asyncs; empty if declared as none."""
    return Answer(mirror.dr)


@fact("mirror.failover_and_arbiter", "mirror", gives="vm*")
def failover_and_arbiter(_: Context, mirror: Mirror) -> Answer:
    """The failover members and the arbiter, which must not fail together."""
    return Answer(PartialList.joined(mirror.failover, mirror.arbiter))


@fact("mirror.machines", "mirror", gives="vm*")
def vms(_: Context, mirror: Mirror) -> Answer:
    """The failover members, the arbiter and the declared DR asyncs; a VM with two of these roles is listed twice."""
    declared = mirror.dr if isinstance(mirror.dr, PartialList) else PartialList()
    return Answer(PartialList.joined(mirror.failover, mirror.arbiter, declared))


@fact("mirror.separation", "mirror", gives="text")
def separation(context: Context, mirror: Mirror) -> Answer:
    """What separates the failover members: `region`, `zone`, `fault-domain` or `nothing`.

    Zones of two subscriptions are compared by their physical zones. Fault domains count within one Aligned availability
    set or Flexible scale set.
    """
    members = PartialList.of(mirror.failover)
    if members.incomplete_because is not None:
        return Answer(members.incomplete_because)
    pairs = [*combinations(members.of_type(Resource), 2)]
    return weakest([apart(context, one, other) for one, other in pairs]) if pairs else Answer(NOTHING)


@fact("mirror.arbiter_separation", "mirror", gives="text")
def arbiter_separation(context: Context, mirror: Mirror) -> Answer:
    """What separates the arbiter from each failover member: `region`, `zone`, `fault-domain`, `unrelated` or `nothing`.

    `nothing` if it is in no zone and a member of its region is. `unrelated` if the members are in no zone, and in no
    set with the arbiter: the fault domains of two sets have nothing to do with each other. Absent without an arbiter.
    """
    arbiters, members = PartialList.of(mirror.arbiter), PartialList.of(mirror.failover)
    pairs = [*product(arbiters.of_type(Resource), members.of_type(Resource))]
    found = weakest([apart_from_member(context, arbiter, member) for arbiter, member in pairs])
    unknown = arbiters.incomplete_because or members.incomplete_because
    return Answer(unknown, found.reads) if unknown is not None and found.value != NOTHING else found


@fact("mirror.places_offered", "mirror", gives="number")
def places_offered(context: Context, mirror: Mirror) -> Answer:
    """How many places there are of the kind that separates the failover members.

    They are the zones that Azure offers in the region, or the fault domains of the availability set or scale set.
    Absent if nothing separates the members.
    """
    kept = separation(context, mirror)
    members = PartialList.of(mirror.failover).of_type(Resource)
    if kept.value == FAULT_DOMAIN:
        group = fault_domain_group(context, members[0])
        found = context.topology.graph.get(str(group.value))
        return number_at(found, "properties.platformFaultDomainCount") if isinstance(found, Resource) else Answer(found)
    if kept.value not in {ZONE, REGION}:
        return Answer(kept.value if isinstance(kept.value, Unknown) else ABSENT, kept.reads)
    number, reads = zones_offered(context, members[0].location, arm.subscription_of(members[0].key))
    return Answer(number, reads)


@fact("mirror.fault_domains", "mirror", gives="number*")
def fault_domains(context: Context, mirror: Mirror) -> Answer:
    """The fault domains of the failover members and the arbiter, one per VM."""
    return _domains(context, mirror, fault_domain)


@fact("mirror.update_domains", "mirror", gives="number*")
def update_domains(context: Context, mirror: Mirror) -> Answer:
    """The update domains of the failover members and the arbiter, one per VM."""
    return _domains(context, mirror, update_domain)


def _domains(context: Context, mirror: Mirror, domain: Callable[[Context, Resource], Answer]) -> Answer:
    known: list[object] = []
    reads: list[Read] = []
    vms = PartialList.joined(mirror.failover, mirror.arbiter)
    for vm in vms.of_type(Resource):
        found = domain(context, vm)
        reads += found.reads
        unknown = Unknown(
            Cause.VALUE, f"{vm.id} is not in an availability set or scale set with domains", about=(vm.id,)
        )
        known.append(unknown if found.value is ABSENT else found.value)
    return Answer(PartialList(tuple(known), vms.incomplete_because), tuple(reads))
