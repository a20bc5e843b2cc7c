"""Facts of mirrors."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

import msgspec

from auditor.azure.paths import ABSENT
from auditor.estate.declaration import Role
from auditor.estate.subjects import Mirror
from auditor.rules.context import Context
from auditor.rules.facts.balancers import referred_to, unseen_balancers
from auditor.rules.facts.disks import ATTACHMENTS
from auditor.rules.facts.placement import fault_domain, fault_domain_group, update_domain, zone
from auditor.rules.facts.reading import required
from auditor.rules.registry import fact
from auditor.snapshot.known import Answer, Cause, Items, Read, Unknown
from auditor.snapshot.lookup import objects, value
from auditor.snapshot.model import Part, Resource

PAIR = 2


class Lun(msgspec.Struct, frozen=True, eq=False):
    """A logical unit number of a mirror: the disks that its failover members have attached there."""

    id: str
    attachments: Items


@fact("mirror.address_kind", "mirror", gives="text")
def address_kind(_: Context, mirror: Mirror) -> Answer:
    """How clients that are not mirror-aware find the primary: `load-balancer`, `secondary-ip` or `none`."""
    return Answer(mirror.declared.address_kind)


@fact("mirror.failover", "mirror", gives="vm*")
def failover(_: Context, mirror: Mirror) -> Answer:
    """The two failover members."""
    return Answer(mirror.failover)


@fact("mirror.arbiter", "mirror", gives="vm*")
def arbiter(_: Context, mirror: Mirror) -> Answer:
    """The machine of the arbiter; empty where the mirror has none on purpose."""
    return Answer(mirror.arbiter)


@fact("mirror.dr", "mirror", gives="vm*")
def dr_members(_: Context, mirror: Mirror) -> Answer:
    """The asynchronous members for disaster recovery; empty where the mirror has none on purpose."""
    return Answer(mirror.dr)


@fact("mirror.failover_and_arbiter", "mirror", gives="vm*")
def failover_and_arbiter(_: Context, mirror: Mirror) -> Answer:
    """The failover members and the arbiter: the three that must not fail together."""
    return Answer(Items.joined(mirror.failover, mirror.arbiter))


@fact("mirror.machines", "mirror", gives="vm*")
def machines(_: Context, mirror: Mirror) -> Answer:
    """The failover members, the arbiter and the DR members; a machine that plays two of these parts stands twice."""
    return Answer(Items.joined(mirror.failover, mirror.arbiter, mirror.dr))


@fact("mirror.separation", "mirror", gives="text")
def separation(context: Context, mirror: Mirror) -> Answer:
    """What keeps the failover members apart: `zone`, `fault-domain` (of one Aligned or Flexible set) or `nothing`."""
    members = Items.of(mirror.failover)
    if members.open_end is not None:
        return Answer(members.open_end)
    pair = members.only(Resource)
    zones = [zone(context, machine) for machine in pair]
    reads = [read for answer in zones for read in answer.reads]
    unsure = [answer.value for answer in zones if isinstance(answer.value, Unknown)]
    if unsure:
        return Answer(unsure[0], tuple(reads))
    if _all_differ(zones) and len(pair) >= PAIR:
        return Answer("zone", tuple(reads))
    groups = [fault_domain_group(context, machine) for machine in pair]
    reads += [read for answer in groups for read in answer.reads]
    unsure += [answer.value for answer in groups if isinstance(answer.value, Unknown)]
    one_group = len({str(answer.value).lower() for answer in groups}) == 1 and isinstance(groups[0].value, str)
    if one_group and len(pair) >= PAIR:
        # Azure puts every machine of a set in some fault domain, so that the absence of one says nothing.
        domains = [required(fault_domain(context, machine)) for machine in pair]
        reads += [read for answer in domains for read in answer.reads]
        unsure += [answer.value for answer in domains if isinstance(answer.value, Unknown)]
        if _all_differ(domains):
            return Answer("fault-domain", tuple(reads))
    return Answer(unsure[0] if unsure else "nothing", tuple(reads))


@fact("mirror.failover_zones", "mirror", gives="text*")
def failover_zones(context: Context, mirror: Mirror) -> Answer:
    """The availability zones of the failover members."""
    return _zones(context, mirror.failover)


@fact("mirror.zones_in_use", "mirror", gives="text*")
def zones_in_use(context: Context, mirror: Mirror) -> Answer:
    """The availability zones in which the deployment has machines in the region of the failover members, each once."""
    regions = {machine.location for machine in Items.of(mirror.failover).only(Resource)}
    found: dict[object, Read] = {}
    missing = None
    for role in Role:
        machines = Items.of(context.deployment.machines[role] if context.deployment else ABSENT)
        missing = missing or machines.open_end
        for machine in machines.only(Resource):
            if machine.location in {*regions, ""}:
                answer = zone(context, machine)
                if isinstance(answer.value, Unknown):
                    missing = missing or answer.value
                elif answer.value is not ABSENT:
                    found.setdefault(answer.value, answer.reads[0])
    return Answer(Items(tuple(found), missing), tuple(found.values()))


@fact("mirror.fault_domains", "mirror", gives="number*")
def fault_domains(context: Context, mirror: Mirror) -> Answer:
    """The fault domains of the failover members and the arbiter, one a machine."""
    return _domains(context, mirror, fault_domain)


@fact("mirror.update_domains", "mirror", gives="number*")
def update_domains(context: Context, mirror: Mirror) -> Answer:
    """The update domains of the failover members and the arbiter, one a machine."""
    return _domains(context, mirror, update_domain)


@fact("mirror.luns", "mirror", gives="lun*")
def luns(_: Context, mirror: Mirror) -> Answer:
    """The logical unit numbers at which a failover member has a data disk."""
    machines = Items.of(mirror.failover)
    missing = machines.open_end
    attached: dict[object, list[Part]] = defaultdict(list)
    for machine in machines.only(Resource):
        attachments = objects(machine, ATTACHMENTS)
        missing = missing or attachments.open_end
        for attachment in attachments.only(Part):
            lun = value(attachment, "lun").value
            if isinstance(lun, int):
                attached[lun].append(attachment)
            else:
                reason = f"{machine.id} has a data disk without lun"
                missing = missing or Unknown(Cause.VALUE, reason, about=(machine.id,))
    found = tuple(
        Lun(f"{mirror.id}/luns/{lun}", Items(tuple(parts), missing)) for lun, parts in sorted(attached.items())
    )
    return Answer(Items(found, missing))


@fact("lun.attachments", "lun", gives="attachment*")
def lun_attachments(_: Context, lun: Lun) -> Answer:
    """The disks attached at this number, one a failover member that has one."""
    reads = (Read(part.resource.id, part.path, part.id) for part in lun.attachments.only(Part))
    return Answer(lun.attachments, tuple(reads))


@fact("mirror.pools", "mirror", gives="pool*")
def pools(context: Context, mirror: Mirror) -> Answer:
    """The pools of load balancers that hold a failover member and that a load-balancing rule sends traffic to."""
    machines = Items.of(mirror.failover)
    pools = context.topology.balancing.pools_serving(machines.only(Resource))
    return Answer(Items(tuple(pools), machines.open_end or unseen_balancers(context)))


@fact("mirror.rules", "mirror", gives="rule*")
def rules(context: Context, mirror: Mirror) -> Answer:
    """The load-balancing rules that send traffic to a failover member."""
    machines = Items.of(mirror.failover)
    rules = context.topology.balancing.rules_serving(machines.only(Resource))
    return Answer(Items(tuple(rules), machines.open_end or unseen_balancers(context)))


@fact("mirror.frontends", "mirror", gives="frontend*")
def frontends(context: Context, mirror: Mirror) -> Answer:
    """The frontends of load balancers from which a rule sends traffic to a failover member, each once."""
    return referred_to(Items.of(rules(context, mirror).value), context.topology.balancing.frontend)


def _zones(context: Context, machines: Items | Unknown) -> Answer:
    found = Items.of(machines)
    answers = [zone(context, machine) for machine in found.only(Resource)]
    zones = tuple(answer.value for answer in answers if answer.value is not ABSENT)
    return Answer(Items(zones, found.open_end), tuple(read for answer in answers for read in answer.reads))


def _domains(context: Context, mirror: Mirror, domain: Callable[[Context, Resource], Answer]) -> Answer:
    known: list[object] = []
    reads: list[Read] = []
    machines = Items.joined(mirror.failover, mirror.arbiter)
    for machine in machines.only(Resource):
        found = domain(context, machine)
        reads += found.reads
        lacks = Unknown(Cause.VALUE, f"{machine.id} is in no domain of a set", about=(machine.id,))
        known.append(lacks if found.value is ABSENT else found.value)
    return Answer(Items(tuple(known), machines.open_end), tuple(reads))


def _all_differ(answers: list[Answer]) -> bool:
    """Tell whether every value is there and none is there twice."""
    values = [answer.value for answer in answers if isinstance(answer.value, str | int | float)]
    return len(values) == len(answers) == len(set(values))
