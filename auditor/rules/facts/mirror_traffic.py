"""Facts of the load-balancing rules that send traffic to mirrors, and of the superserver ports to which they lead."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from auditor.azure.paths import ABSENT
from auditor.estate.declaration import Role
from auditor.estate.ports import SUPERSERVER_PORTS, WEB_PORTS
from auditor.estate.subjects import Mirror
from auditor.estate.topology import Topology
from auditor.rules.context import Context
from auditor.rules.facts.load_balancers import (
    EVERY_PORT,
    referred_to,
    requests_status_page,
    tcp_port,
    unlisted_load_balancers,
)
from auditor.rules.facts.mirror_members import stated_failover
from auditor.rules.facts.pools import joining
from auditor.rules.facts.reading import number_at, text_at
from auditor.rules.facts.roles import roles_of
from auditor.rules.facts.superserver_ports import known_ports, stated_ports
from auditor.rules.registry import fact
from auditor.snapshot.known import Answer, Cause, PartialList, Read, Unknown
from auditor.snapshot.lookup import value
from auditor.snapshot.model import Part, Resource

IPV4: Final = "IPv4"
"""Azure's default of a frontend's IP version."""


@fact("mirror.rules", "mirror", gives="rule*")
def rules(context: Context, mirror: Mirror) -> Answer:
    """The load-balancing rules that send the traffic of the mirror to a failover member.

    Left out are rules to the superserver port of another mirror on the same VMs, by its CPFs or as declared, and, if
    the failover members are web servers too, rules to a web port whose probe does not request the mirror status page.
    """
    into = _rules_into(context, mirror)
    others = {port for other in _beside(context, mirror) for port in _own_ports(context, other)}
    own = (rule for rule in into.of_type(Part) if not _is_for_others(context, mirror, rule, others))
    return Answer(PartialList(tuple(own), into.missing))


@fact("mirror.pools", "mirror", gives="pool*")
def pools(context: Context, mirror: Mirror) -> Answer:
    """The backend pools with a failover member to which a load-balancing rule sends the traffic of the mirror."""
    own = PartialList.of(rules(context, mirror).value)
    keys = {rule.key for rule in own.of_type(Part)}
    balancing = context.topology.load_balancing
    found = balancing.pools_serving(PartialList.of(mirror.failover).of_type(Resource))
    known = tuple(pool for pool in found if keys & {rule.key for rule in balancing.rules_into(pool)})
    return Answer(PartialList(known, own.missing))


@fact("mirror.superserver_rules", "mirror", gives="rule*")
def superserver_rules(context: Context, mirror: Mirror) -> Answer:
    """The load-balancing rules that send TCP traffic to the superserver port of a failover member.

    The port is that of the CPFs, else the declared one, else 1972 or 51773. If no rule leads to one of these two, but
    one to a port that is neither a web port nor that of a probe, it is unknown; so it is if it cannot be told to which
    of several mirrors on the same VMs a rule leads, or if these have one port.
    """
    into = _rules_into(context, mirror)
    ports = [(rule, tcp_port(rule)) for rule in into.of_type(Part)]
    reads = tuple(read for _, port in ports for read in port.reads)
    missing = into.missing or next((port.value for _, port in ports if isinstance(port.value, Unknown)), None)
    beside = _beside(context, mirror)
    taken = {port for other in beside for port in known_ports(context, other)}
    wanted = known_ports(context, mirror)
    if wanted:
        doubt = _shared_port(context, mirror, beside, wanted & taken) if wanted & taken else None
    else:
        taken |= {port for one in (mirror, *beside) for port in one.declared.ports}
        wanted = SUPERSERVER_PORTS - taken
        doubt = _doubt(context, mirror, [(rule, port.value) for rule, port in ports if port.value not in taken])
    _, shown = stated_ports(context, mirror)
    reads += shown
    if doubt is not None:
        return Answer(PartialList(missing=missing or doubt), reads)
    found = (rule for rule, port in ports if port.value == EVERY_PORT or port.value in wanted)
    return Answer(PartialList(tuple(found), missing), reads)


@fact("mirror.frontends", "mirror", gives="frontend*")
def frontends(context: Context, mirror: Mirror) -> Answer:
    """The distinct frontends from which a load-balancing rule sends traffic to the superserver port."""
    found = superserver_rules(context, mirror)
    frontends = referred_to(context, PartialList.of(found.value), "frontendIPConfiguration")
    return Answer(frontends.value, (*found.reads, *frontends.reads))


@fact("mirror.frontend_ip_versions", "mirror", gives="text*")
def frontend_ip_versions(context: Context, mirror: Mirror) -> Answer:
    """The IP version of each frontend from which traffic goes to the superserver port: `IPv4` or `IPv6`."""
    found = frontends(context, mirror)
    own = PartialList.of(found.value)
    versions = [text_at(frontend, "properties.privateIPAddressVersion") for frontend in own.of_type(Part)]
    known = tuple(IPV4 if version.value is ABSENT else version.value for version in versions)
    reads = tuple(read for version in versions for read in version.reads)
    return Answer(PartialList(known, own.missing), (*found.reads, *reads))


@fact("mirror.unserved", "mirror", gives="vm*")
def unserved(context: Context, mirror: Mirror) -> Answer:
    """The failover members, by CPFs or as declared, to whose superserver port no load-balancing rule sends traffic.

    By its CPF, each member may have another port. If each of them is only in no backend pool of the rules to its port,
    the evidence has those pools, and the primary IP configurations, which could join them.
    """
    found = superserver_rules(context, mirror)
    own, (ports, _) = PartialList.of(found.value), stated_ports(context, mirror)
    listed = stated_failover(context, mirror)
    members = PartialList.of(listed.value)
    known: list[object] = []
    beside: list[tuple[Read, ...]] = []
    reads = [Read(rule.resource.id, rule.path, rule.id) for rule in own.of_type(Part)]
    for vm in members.of_type(Resource):
        rules = [rule for rule in own.of_type(Part) if _leads_to(rule, ports.get(vm.key))]
        targets = PartialList.joined(*map(context.topology.load_balancing.vms_served, rules))
        if vm.key not in {target.key for target in targets.of_type(Resource)}:
            known.append(own.missing or targets.incomplete_because or vm)
            beside.append(joining(context, vm, context.topology.load_balancing.pools_of_rules(rules)))
    if all(beside):
        reads += (read for each in beside for read in each)
    return Answer(PartialList(tuple(known), members.incomplete_because), (*found.reads, *listed.reads, *reads))


@fact("mirror.unserved_ports", "mirror", gives="number*")
def unserved_ports(context: Context, mirror: Mirror) -> Answer:
    """The declared other TCP ports to which no load-balancing rule leads, for one of the failover members at least.

    If there is no rule at all for the only one of them, the evidence has the pool of the only rule for the superserver.
    """
    into = _rules_into(context, mirror)
    members = PartialList.of(stated_failover(context, mirror).value)
    leading = [(rule, tcp_port(rule)) for rule in into.of_type(Part)]
    unread = next((port.value for _, port in leading if isinstance(port.value, Unknown)), None)
    known: list[object] = []
    reads: list[Read] = [read for _, port in leading for read in port.reads]
    without_rule: list[int] = []
    for wanted in mirror.declared.ports:
        rules = [rule for rule, port in leading if port.value in {wanted, EVERY_PORT}]
        targets = PartialList.joined(*map(context.topology.load_balancing.vms_served, rules))
        served = {vm.key for vm in targets.of_type(Resource)}
        if any(vm.key not in served for vm in members.of_type(Resource)):
            known.append(into.missing or unread or targets.incomplete_because or wanted)
            without_rule += () if rules else (wanted,)
    own = PartialList.of(superserver_rules(context, mirror).value)
    if without_rule == known and len(known) == len(own.known) == 1 and own.complete:
        reads += (read for rule in own.of_type(Part) for read in value(rule, "properties.backendAddressPool.id").reads)
    return Answer(
        PartialList(tuple(known), members.incomplete_because if mirror.declared.ports else None), tuple(reads)
    )


@fact("mirror.shared_members", "mirror", gives="vm*")
def shared_members(context: Context, mirror: Mirror) -> Answer:
    """The failover members that are failover members of another mirror too, of this deployment or of another one."""
    members = PartialList.of(mirror.failover)
    beside = {vm.key for other in _beside(context, mirror) for vm in PartialList.of(other.failover).of_type(Resource)}
    shared = tuple(vm for vm in members.of_type(Resource) if vm.key in beside)
    more = context.deployment.more_mirrors if context.deployment else None
    return Answer(PartialList(shared, members.incomplete_because or more))


def _leads_to(rule: Part, port: int | None) -> bool:
    """Return whether a load-balancing rule leads to a port; None is any port."""
    return port is None or tcp_port(rule).value in {port, EVERY_PORT}


def _own_ports(context: Context, mirror: Mirror) -> set[int]:
    """Return the superserver ports of a mirror, as far as they are known, and its other declared ports."""
    return {*known_ports(context, mirror), *mirror.declared.ports}


def _rules_into(context: Context, mirror: Mirror) -> PartialList:
    """Return the load-balancing rules that send traffic to a failover member."""
    members = PartialList.of(mirror.failover)
    vms = members.of_type(Resource)
    found = context.topology.load_balancing.rules_serving(vms)
    return PartialList(tuple(found), members.incomplete_because or unlisted_load_balancers(context, vms))


def _is_for_others(context: Context, mirror: Mirror, rule: Part, others: set[int]) -> bool:
    """Return whether a rule into the failover members is for another mirror, or for web servers on the same VMs."""
    port = tcp_port(rule).value
    if port in _own_ports(context, mirror) or not isinstance(port, int | float):
        return False
    if port in others:
        return True
    members = PartialList.of(mirror.failover).of_type(Resource)
    web = port in WEB_PORTS and all(Role.WEB in roles_of(context, vm) for vm in members)
    return web and requests_status_page(context, rule) is False


def _beside(context: Context, mirror: Mirror) -> list[Mirror]:
    """Return the other mirrors with a failover member on the VMs of a mirror."""
    by_vm = context.topology.once(_mirrors_by_vm)
    members = PartialList.of(mirror.failover).of_type(Resource)
    name = mirror.declared.name.casefold()
    found = {id(other): other for vm in members for other in by_vm.get(vm.key, ())}
    # A mirror that two deployments declare has one name.
    return [other for other in found.values() if other.declared.name.casefold() != name]


def _mirrors_by_vm(topology: Topology) -> dict[str, list[Mirror]]:
    """Return the mirrors of all deployments by the key of each failover member."""
    found: dict[str, list[Mirror]] = defaultdict(list)
    for deployment in topology.deployments:
        for mirror in deployment.mirrors:
            for vm in PartialList.of(mirror.failover).of_type(Resource):
                found[vm.key].append(mirror)
    return found


def _doubt(context: Context, mirror: Mirror, ports: list[tuple[Part, object]]) -> Unknown | None:
    """Return why it cannot be told which rules lead to the superserver of a mirror whose port is not declared."""
    usual = [(rule, port) for rule, port in ports if port in SUPERSERVER_PORTS]
    name = mirror.declared.name
    rivals = [other.declared.name for other in _beside(context, mirror) if not known_ports(context, other)]
    possible = usual or ([] if any(port == EVERY_PORT for _, port in ports) else _unusual(context, ports))
    if rivals and possible:
        return _undeclared(
            possible,
            f"the superserver ports of mirrors {' and '.join(sorted((name, *rivals)))}, which are on the same VMs, are "
            "not declared: add `superserver: PORT` to each",
        )
    frontends: dict[object, set[object]] = defaultdict(set)
    for rule, port in usual:
        frontends[port].add(str(value(rule, "properties.frontendIPConfiguration.id").value).lower())
    if len({*map(frozenset, frontends.values())}) > 1 or (possible and not usual):
        numbers = " and ".join(str(port) for port in sorted({port for _, port in possible}, key=str))
        return _undeclared(
            possible,
            f"the superserver port of mirror {name} is not declared, and load-balancing rules lead to port {numbers} "
            "of its failover members: if one of these is the port, add `superserver: PORT` to the mirror",
        )
    return None


def _shared_port(context: Context, mirror: Mirror, beside: list[Mirror], shared: frozenset[int]) -> Unknown:
    """Return why no rule can be told to lead to a mirror whose port another mirror on the same VMs has too."""
    names = sorted(each.declared.name for each in (mirror, *beside) if known_ports(context, each) & shared)
    ports = " and ".join(sorted(map(str, shared)))
    reason = f"mirrors {' and '.join(names)} are on the same VMs and have the same superserver port, {ports}"
    return Unknown(Cause.DECLARATION, f"{reason}: one VM cannot have both at it")


def _undeclared(rules: Sequence[tuple[Part, object]], reason: str) -> Unknown:
    about = tuple(dict.fromkeys(rule.resource.id for rule, _ in rules))
    return Unknown(Cause.DECLARATION, reason, about=about)


def _unusual(context: Context, ports: list[tuple[Part, object]]) -> list[tuple[Part, object]]:
    """Return the rules, with their ports, that lead to neither a web port nor a port that a probe requests."""
    probes = (context.topology.graph.follow(rule, "probe").value for rule, _ in ports)
    requested = {number_at(probe, "properties.port").value for probe in probes if isinstance(probe, Part)}
    return [(rule, port) for rule, port in ports if isinstance(port, int) and port not in WEB_PORTS | requested]
