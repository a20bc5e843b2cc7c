"""Facts of mirrors."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

import msgspec

from auditor.azure.paths import ABSENT
from auditor.estate.declaration import Role
from auditor.estate.subjects import Mirror
from auditor.rules.context import Context
from auditor.rules.facts.disks import ATTACHMENTS
from auditor.rules.facts.load_balancers import referred_to, unlisted_load_balancers
from auditor.rules.facts.placement import fault_domain, fault_domain_group, update_domain, zone
from auditor.rules.registry import fact
from auditor.snapshot.known import Answer, Cause, PartialList, Read, Unknown
from auditor.snapshot.lookup import objects, required, value
from auditor.snapshot.model import Part, Resource

PAIR = 2


class Lun(msgspec.Struct, frozen=True, eq=False):
    """A logical unit number (LUN) of a mirror, with the disks that its failover members have attached at it."""

    id: str
    attachments: PartialList


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
    """The failover members, the arbiter and the DR asyncs; a VM with two of these roles is listed twice."""
    return Answer(PartialList.joined(mirror.failover, mirror.arbiter, mirror.dr))


@fact("mirror.separation", "mirror", gives="text")
def separation(context: Context, mirror: Mirror) -> Answer:
    """What separates the failover members: `zone`, `fault-domain` or `nothing`.

    Fault domains count within one Aligned availability set or Flexible scale set.
    """
    members = PartialList.of(mirror.failover)
    if members.incomplete_because is not None:
        return Answer(members.incomplete_because)
    pair = members.of_type(Resource)
    zones = [zone(context, vm) for vm in pair]
    reads = [read for answer in zones for read in answer.reads]
    unknowns = [answer.value for answer in zones if isinstance(answer.value, Unknown)]
    if unknowns:
        return Answer(unknowns[0], tuple(reads))
    if _all_differ(zones) and len(pair) >= PAIR:
        return Answer("zone", tuple(reads))
    groups = [fault_domain_group(context, vm) for vm in pair]
    reads += [read for answer in groups for read in answer.reads]
    unknowns += [answer.value for answer in groups if isinstance(answer.value, Unknown)]
    one_group = len({str(answer.value).lower() for answer in groups}) == 1 and isinstance(groups[0].value, str)
    if one_group and len(pair) >= PAIR:
        # Azure assigns a fault domain to every VM of a set, so its absence proves nothing.
        domains = [required(fault_domain(context, vm)) for vm in pair]
        reads += [read for answer in domains for read in answer.reads]
        unknowns += [answer.value for answer in domains if isinstance(answer.value, Unknown)]
        if _all_differ(domains):
            return Answer("fault-domain", tuple(reads))
    return Answer(unknowns[0] if unknowns else "nothing", tuple(reads))


@fact("mirror.failover_zones", "mirror", gives="text*")
def failover_zones(context: Context, mirror: Mirror) -> Answer:
    """The availability zones of the failover members, one per member that is in a zone."""
    return _zones(context, mirror.failover)


@fact("mirror.zones_in_use", "mirror", gives="text*")
def zones_in_use(context: Context, mirror: Mirror) -> Answer:
    """The distinct availability zones of all VMs of the deployment in the region of the failover members."""
    regions = {vm.location for vm in PartialList.of(mirror.failover).of_type(Resource)}
    found: dict[object, Read] = {}
    unknown = None
    for role in Role:
        vms = PartialList.of(context.deployment.vms[role] if context.deployment else ABSENT)
        unknown = unknown or vms.incomplete_because
        for vm in vms.of_type(Resource):
            if vm.location in {*regions, ""}:
                answer = zone(context, vm)
                if isinstance(answer.value, Unknown):
                    unknown = unknown or answer.value
                elif answer.value is not ABSENT:
                    found.setdefault(answer.value, answer.reads[0])
    return Answer(PartialList(tuple(found), unknown), tuple(found.values()))


@fact("mirror.fault_domains", "mirror", gives="number*")
def fault_domains(context: Context, mirror: Mirror) -> Answer:
    """The fault domains of the failover members and the arbiter, one per VM."""
    return _domains(context, mirror, fault_domain)


@fact("mirror.update_domains", "mirror", gives="number*")
def update_domains(context: Context, mirror: Mirror) -> Answer:
    """The update domains of the failover members and the arbiter, one per VM."""
    return _domains(context, mirror, update_domain)


@fact("mirror.luns", "mirror", gives="lun*")
def luns(_: Context, mirror: Mirror) -> Answer:
    """The logical unit numbers (LUNs) at which at least one failover member has a data disk."""
    vms = PartialList.of(mirror.failover)
    unknown = vms.incomplete_because
    attached: dict[object, list[Part]] = defaultdict(list)
    for vm in vms.of_type(Resource):
        attachments = objects(vm, ATTACHMENTS)
        unknown = unknown or attachments.incomplete_because
        for attachment in attachments.of_type(Part):
            lun = value(attachment, "lun").value
            if isinstance(lun, int):
                attached[lun].append(attachment)
            else:
                reason = f"{vm.id} has a data disk without lun"
                unknown = unknown or Unknown(Cause.VALUE, reason, about=(vm.id,))
    found = tuple(
        Lun(f"{mirror.id}/luns/{lun}", PartialList(tuple(parts), unknown)) for lun, parts in sorted(attached.items())
    )
    return Answer(PartialList(found, unknown))


@fact("lun.attachments", "lun", gives="attachment*")
def lun_attachments(_: Context, lun: Lun) -> Answer:
    """The disks attached at this LUN, at most one per failover member."""
    reads = (Read(part.resource.id, part.path, part.id) for part in lun.attachments.of_type(Part))
    return Answer(lun.attachments, tuple(reads))


@fact("mirror.pools", "mirror", gives="pool*")
def pools(context: Context, mirror: Mirror) -> Answer:
    """The backend pools with a failover member to which a load-balancing rule sends traffic."""
    vms = PartialList.of(mirror.failover)
    pools = context.topology.load_balancing.pools_serving(vms.of_type(Resource))
    return Answer(PartialList(tuple(pools), vms.incomplete_because or unlisted_load_balancers(context)))


@fact("mirror.rules", "mirror", gives="rule*")
def rules(context: Context, mirror: Mirror) -> Answer:
    """The load-balancing rules that send traffic to a failover member."""
    vms = PartialList.of(mirror.failover)
    rules = context.topology.load_balancing.rules_serving(vms.of_type(Resource))
    return Answer(PartialList(tuple(rules), vms.incomplete_because or unlisted_load_balancers(context)))


@fact("mirror.frontends", "mirror", gives="frontend*")
def frontends(context: Context, mirror: Mirror) -> Answer:
    """The distinct frontends from which a load-balancing rule sends traffic to a failover member."""
    return referred_to(context, PartialList.of(rules(context, mirror).value), "frontendIPConfiguration")


def _zones(context: Context, vms: PartialList | Unknown) -> Answer:
    found = PartialList.of(vms)
    answers = [zone(context, vm) for vm in found.of_type(Resource)]
    zones = tuple(answer.value for answer in answers if answer.value is not ABSENT)
    return Answer(
        PartialList(zones, found.incomplete_because), tuple(read for answer in answers for read in answer.reads)
    )


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


def _all_differ(answers: list[Answer]) -> bool:
    """Return whether all values are present and distinct."""
    values = [answer.value for answer in answers if isinstance(answer.value, str | int | float)]
    return len(values) == len(answers) == len(set(values))
