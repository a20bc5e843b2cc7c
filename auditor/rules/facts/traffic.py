"""Facts of connections that a deployment needs: whether security rules let them through."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import msgspec

from auditor.azure import arm
from auditor.estate.passage import ICMP, TCP, Flow, Passage, in_turn
from auditor.estate.private_addresses import spelled
from auditor.estate.security_rules import PROBES, Host, outside
from auditor.estate.subjects import Mirror
from auditor.rules.context import Context
from auditor.rules.facts.internet import ip_configurations, reads_of, targets_of
from auditor.rules.facts.load_balancers import EVERY_PORT, balancing_rules, rule_probes, tcp_port
from auditor.rules.facts.mirror_ends import AGENT_PORT, End, MirrorEnds
from auditor.rules.facts.mirror_traffic import superserver_rules
from auditor.rules.facts.reading import number_at
from auditor.rules.facts.superserver_ports import known_ports, stated_ports
from auditor.rules.registry import fact
from auditor.snapshot.known import Answer, Cause, PartialList, Read, Unknown
from auditor.snapshot.lookup import required, value
from auditor.snapshot.model import Part, Resource


class Traffic(msgspec.Struct, frozen=True, eq=False):
    """Traffic that a deployment needs."""

    name: str
    """Sender, receiver and port, for evidence."""
    senders: tuple[Part, ...]
    """The IP configurations of the sender; empty for the health probes of Azure."""
    receivers: tuple[Part, ...]
    """The IP configurations of the receiver; empty for a host outside of Azure."""
    protocol: str
    port: int
    """0 for a protocol without ports."""
    outside: Host | None = None
    """The receiver outside of Azure."""
    reads: tuple[Read, ...] = ()
    """What shows the receiver and the port."""

    @property
    def id(self) -> str:
        """Return the id for evidence."""
        return self.name


def _is_allowed(context: Context, traffic: Traffic) -> object:
    return _decided(traffic, [*_passages(context, traffic)])


@fact("traffic.allowed", "traffic", gives="boolean", value=_is_allowed)
def allowed(context: Context, traffic: Traffic) -> Answer:
    """Whether security groups let the connection through, by their rules in the order of priority.

    Those of the sender's subnet and network interface are evaluated, and those of the receiver's, unless it is outside
    of Azure. Security admin rules of Virtual Network Manager apply before them: one that would change the result makes
    it unknown, since no resource shows whether it is deployed. It is unknown, too, if it depends on which of several IP
    addresses a VM uses.
    """
    found = [*_passages(context, traffic)]
    answer = _decided(traffic, found)
    decisive = [rule for one in found if one.allowed is answer for rule in one.rules]
    groups = context.topology.security_groups
    ends = (*traffic.senders, *traffic.receivers)
    reads = (*traffic.reads, *reads_of(context, decisive), *(read for one in ends for read in groups.reads(one)))
    return Answer(answer, reads)


def _decided(traffic: Traffic, found: list[Passage]) -> bool | Unknown:
    """Return whether a connection is let through, by what is done with it for each pair of IP addresses."""
    results = [one.allowed for one in found]
    unknown = next((result for result in results if isinstance(result, Unknown)), None)
    if not results:
        unknown = Unknown(Cause.VALUE, f"{traffic.name}: they have no IP addresses of the same version")
    elif unknown is None and len({*results}) > 1:
        unknown = Unknown(Cause.VALUE, f"{traffic.name}: allowed for some of the IP addresses, denied for others")
    return results[0] if unknown is None else unknown


def _passages(context: Context, traffic: Traffic) -> Iterator[Passage]:
    """Yield what is done with the connection for each pair of IP addresses that may use it."""
    groups = context.topology.security_groups
    protocol, port = traffic.protocol, traffic.port
    if (far := traffic.outside) is not None:
        for sender in traffic.senders:
            if groups.host(sender).family == far.family:
                yield groups.passage(sender, Flow(groups.host(sender), far, protocol, port, inbound=False))
    for receiver in traffic.receivers:
        host = groups.host(receiver)
        if not traffic.senders:
            yield groups.passage(receiver, Flow(PROBES[host.family], host, protocol, port, inbound=True))
        for sender in traffic.senders:
            if groups.host(sender).family == host.family:
                inbound = Flow(groups.host(sender, seen_from=receiver), host, protocol, port, inbound=True)
                outbound = Flow(
                    groups.host(sender), groups.host(receiver, seen_from=sender), protocol, port, inbound=False
                )
                yield in_turn((groups.passage(sender, outbound), groups.passage(receiver, inbound)))


# --- health probes ----------------------------------------------------------------------------------------------------


@fact("vm.probe_traffic", "vm", gives="traffic*")
def probe_traffic(context: Context, vm: Resource) -> Answer:
    """The connections by which load balancers probe the VM: one for each port that a health probe requests."""
    balancing = PartialList.of(balancing_rules(context, vm).value)
    configurations = PartialList.of(ip_configurations(context, vm).value)
    unknown = balancing.incomplete_because or configurations.incomplete_because
    probed: dict[int, dict[str, Part]] = {}
    names: dict[int, str] = {}
    reads: list[Read] = []
    for rule in balancing.of_type(Part):
        probes = PartialList.of(rule_probes(context, rule).value)
        unknown = unknown or probes.incomplete_because
        targets = targets_of(context, rule, configurations.of_type(Part))
        if not targets:
            reason = f"{rule.id} leads to {vm.id} by an IP configuration that was not read"
            unknown = unknown or Unknown(Cause.VALUE, reason, about=(rule.resource.id, vm.id))
        for probe in probes.of_type(Part):
            port = required(number_at(probe, "properties.port"))
            reads += port.reads
            if isinstance(port.value, Unknown):
                unknown = unknown or port.value
            else:
                number = int(port.value)  # type: ignore[call-overload]
                probed.setdefault(number, {}).update({target.key: target for target in targets})
                names[number] = f"{arm.name_of(rule.resource.id)} to {vm.name}, TCP {number}"
    known = tuple(
        Traffic(names[number], (), (target,), TCP, number)
        for number, targets_ in probed.items()
        for target in targets_.values()
    )
    return Answer(PartialList(known, unknown), tuple(reads))


# --- mirrors ----------------------------------------------------------------------------------------------------------


@fact("mirror.traffic", "mirror", gives="traffic*")
def mirror_traffic(context: Context, mirror: Mirror) -> Answer:
    """The connections that mirroring needs between the members of the mirror, and to its arbiter.

    A member connects to the addresses and ports in its CPF: the mirror private address and superserver port of each
    member, the agent address and port of failover members, and the arbiter, which may be outside of Azure. Without a
    CPF that shows them, they are all IP addresses of the VM, TCP 2188 for the agent and the declared arbiter, and the
    declared superserver port, or that to which the mirror's load-balancing rules lead.
    """
    failover, asyncs = PartialList.of(mirror.failover), _declared(mirror.dr, mirror.reporting)
    members, others = failover.of_type(Resource), asyncs.of_type(Resource)
    ends = MirrorEnds(context, mirror, others)
    usual, reads = _superserver(context, mirror)
    arbiters = [(member, ends.arbiters(member)) for member in members]
    wanted: list[tuple[Resource, Resource, End]] = []
    lacking: Unknown | None = None
    for one, other in product((*members, *others), members):
        wanted += ((one, other, end) for end in ends.agent(one, other))
    for one, other in (*product(members, (*members, *others)), *product(others, members)):
        known = ends.superserver(one, other) or ([End("", usual)] if isinstance(usual, int) else [])
        wanted += ((one, other, end) for end in known)
        if not known and isinstance(usual, Unknown) and one.key != other.key:
            lacking = usual
    found = PartialList.joined(
        *(_between(context, one, other, TCP, end) for one, other, end in wanted),
        *(_to_arbiter(context, mirror, member, own) for member, own in arbiters),
    )
    unknown = found.missing or failover.incomplete_because or asyncs.incomplete_because or lacking
    used = (*(end for _, _, end in wanted), *(end for _, own in arbiters for _, end in own))
    return Answer(PartialList(found.known, unknown), (*reads, *(read for end in used for read in end.reads)))


@fact("mirror.pings", "mirror", gives="traffic*")
def mirror_pings(context: Context, mirror: Mirror) -> Answer:
    """The ICMP traffic between each two members of the mirror."""
    members = PartialList.joined(PartialList.of(mirror.failover), _declared(mirror.dr, mirror.reporting))
    vms = members.of_type(Resource)
    found = PartialList.joined(*(_between(context, one, other, ICMP, End("", 0)) for one, other in product(vms, vms)))
    return Answer(PartialList(found.known, found.missing or members.incomplete_because))


def _declared(*rosters: PartialList | Unknown) -> PartialList:
    """Return the members of declared roles: async members need not be declared."""
    return PartialList.joined(*(roster for roster in rosters if isinstance(roster, PartialList)))


def _between(context: Context, sender: Resource, receiver: Resource, protocol: str, end: End) -> PartialList:
    """Return the connection from a VM to another one, none from a VM to itself.

    If none of the receiver's IP configurations has the address, all are receivers.
    """
    if sender.key == receiver.key:
        return PartialList()
    ends = [PartialList.of(ip_configurations(context, vm).value) for vm in (sender, receiver)]
    unknown = ends[0].incomplete_because or ends[1].incomplete_because
    if unknown is not None:
        return PartialList((), unknown)
    number = f" {end.port}" if end.port else ""
    name = f"{sender.name} to {receiver.name}, {protocol.upper()}{number}"
    receivers = ends[1].of_type(Part)
    addressed = [one for one in receivers if end.address and _has_address(one, end.address)]
    sent, received = tuple(ends[0].of_type(Part)), tuple(addressed or receivers)
    traffic = Traffic(name, sent, received, protocol, end.port, reads=end.reads)
    return PartialList((traffic,))


def _has_address(configuration: Part, address: str) -> bool:
    found = value(configuration, "properties.privateIPAddress").value
    return isinstance(found, str) and spelled(found) == spelled(address)


def _to_arbiter(
    context: Context, mirror: Mirror, member: Resource, arbiters: list[tuple[Resource | str | Unknown, End]]
) -> PartialList:
    """Return the connections from a failover member to the arbiters of CPFs, else to the declared one."""
    found: list[PartialList] = []
    for arbiter, end in arbiters or [("", End("", AGENT_PORT))]:
        if isinstance(arbiter, Unknown):
            found.append(PartialList((), arbiter))
        elif isinstance(arbiter, Resource):
            found.append(_between(context, member, arbiter, TCP, end))
        elif mirror.declared.arbiter_address:
            found.append(_to_arbiter_outside(context, mirror, member, end))
        else:
            declared = PartialList.of(mirror.arbiter)
            found += (_between(context, member, vm, TCP, end) for vm in declared.of_type(Resource))
            found.append(PartialList((), declared.incomplete_because))
    return PartialList.joined(*found)


def _to_arbiter_outside(context: Context, mirror: Mirror, member: Resource, end: End) -> PartialList:
    """Return the connection from a failover member to the arbiter outside of Azure."""
    ends = PartialList.of(ip_configurations(context, member).value)
    if ends.incomplete_because is not None:
        return PartialList((), ends.incomplete_because)
    address = mirror.declared.arbiter_address
    name = f"{member.name} to {address}, TCP {end.port}"
    host = outside(address, f"the arbiter of mirror {mirror.declared.name}")
    return PartialList((Traffic(name, tuple(ends.of_type(Part)), (), TCP, end.port, host, end.reads),))


def _superserver(context: Context, mirror: Mirror) -> tuple[int | Unknown, tuple[Read, ...]]:
    """Return the superserver port of a mirror, and what shows it."""
    known = known_ports(context, mirror)
    if len(known) == 1:
        return next(iter(known)), stated_ports(context, mirror)[1]
    found = superserver_rules(context, mirror)
    ports = {tcp_port(rule).value for rule in PartialList.of(found.value).of_type(Part)} - {EVERY_PORT}
    if len(ports) == 1 and isinstance(port := ports.pop(), int | float):
        return int(port), found.reads
    unknown = PartialList.of(found.value).incomplete_because
    if unknown is not None and unknown.cause is not Cause.DECLARATION:
        return unknown, found.reads
    name = mirror.declared.name
    reason = f"the superserver port of mirror {name} is not declared: add `superserver: PORT` to the mirror"
    return Unknown(Cause.DECLARATION, reason, optional=True), found.reads
