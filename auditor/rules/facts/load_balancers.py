"""Facts of load balancers, load-balancing rules and probes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from auditor.azure.paths import ABSENT, Absent
from auditor.azure.types.names import LOAD_BALANCER
from auditor.estate.declaration import Role
from auditor.estate.load_balancing import NAT_RULES, RULES, STATUS_PAGE
from auditor.estate.ports import PLAIN_HTTP_PORTS, SUPERSERVER_PORTS, WEB_PORTS
from auditor.estate.subjects import Deployment
from auditor.rules.context import Context
from auditor.rules.facts.arithmetic import computed
from auditor.rules.facts.pools import any_vm, only_udp
from auditor.rules.facts.reading import number_at, text_at
from auditor.rules.facts.roles import any_has_role, any_serves_clients, roles_of, unlisted
from auditor.rules.facts.superserver_ports import known_ports
from auditor.rules.registry import fact, once
from auditor.snapshot.known import Answer, Cause, PartialList, Read, Unknown
from auditor.snapshot.lookup import required
from auditor.snapshot.model import Part, Resource

EVERY_PORT: Final = "every port"
DATABASE_ROLES = (Role.MIRROR_FAILOVER, Role.MIRROR_DR, Role.MIRROR_REPORTING, Role.DB)
PROBE_INTERVAL, PROBE_THRESHOLD = 15, 1
"""Azure's defaults of a load balancer's probe (load-balancer-custom-probe-overview): seconds, number of results."""


@fact("balancer.rules", "balancer", gives="rule*")
def rules(context: Context, load_balancer: Resource) -> Answer:
    """The load-balancing rules of a load balancer."""
    return Answer(context.topology.graph.objects(load_balancer, RULES))


@fact("balancer.client_rules", "balancer", gives="rule*")
def client_rules(context: Context, load_balancer: Resource) -> Answer:
    """The load-balancing rules for TCP that send traffic to a VM with a role in the deployment."""
    rules = context.topology.graph.objects(load_balancer, RULES)
    known: list[object] = [*rules.of_type(Unknown)]
    for rule in rules.of_type(Part):
        ours = any_serves_clients(context, context.topology.load_balancing.vms_served(rule))
        if ours is True:
            known += () if only_udp(rule) else (rule,)
        elif isinstance(ours, Unknown):
            known.append(ours)
    return Answer(PartialList(tuple(known), rules.missing))


@fact("rule.takes_plain_http", "rule", gives="boolean")
def takes_plain_http(_: Context, rule: Part) -> Answer:
    """Whether clients use the frontend port of a load-balancing rule for HTTP without TLS.

    These ports are 80, and those of the private web servers of IRIS (52773) and Caché (57772). A rule for all ports is
    unknown: it includes them, and nothing in Azure shows whether anything answers there.
    """
    port = required(number_at(rule, "properties.frontendPort"))
    if port.value == 0:
        reason = f"{rule.id} is for all ports; whether a VM answers HTTP without TLS, Azure does not show"
        return Answer(Unknown(Cause.VALUE, reason, about=(rule.resource.id,)), port.reads)
    return Answer(port.value if isinstance(port.value, Unknown) else port.value in PLAIN_HTTP_PORTS, port.reads)


@fact("balancer.serves_databases", "balancer", gives="boolean")
def serves_databases(context: Context, load_balancer: Resource) -> Answer:
    """Whether a load-balancing or inbound NAT rule sends traffic to a VM with a database, mirrored or not."""
    rules = PartialList.joined(*(context.topology.graph.objects(load_balancer, path) for path in (RULES, NAT_RULES)))
    served = [
        Answer(context.topology.load_balancing.vms_served(rule), (Read(load_balancer.id, rule.path, rule.id),))
        for rule in rules.of_type(Part)
    ]
    return any_vm(context, served, rules.incomplete_because, DATABASE_ROLES)


@fact("rule.has_probe", "rule", gives="boolean")
def has_probe(context: Context, rule: Part) -> Answer:
    """Whether a load-balancing rule refers to a health probe; unknown if the load balancer does not have it."""
    probe = context.topology.graph.follow(rule, "probe")
    if isinstance(probe.value, Part):
        return Answer(True, probe.reads)
    if isinstance(probe.value, Absent):
        return Answer(False, probe.reads)
    return probe


@fact("rule.probes", "rule", gives="probe*")
@once
def rule_probes(context: Context, rule: Part) -> Answer:
    """The health probe of a load-balancing rule; empty if it has none.

    Without a probe Azure treats every pool member as healthy.
    """
    probe = context.topology.graph.follow(rule, "probe")
    if probe.value is ABSENT:
        return Answer(PartialList(), probe.reads)
    return Answer(PartialList((probe.value,)), probe.reads)


@fact("probe.detection_seconds", "probe", gives="number")
def detection_seconds(_: Context, probe: Part) -> Answer:
    """The time in seconds until a probe detects that a VM is down or up: interval times threshold.

    `numberOfProbes` is not used: Azure ignores it (known issues of Azure Load Balancer).
    """
    interval_ = number_at(probe, "properties.intervalInSeconds", PROBE_INTERVAL)
    threshold = number_at(probe, "properties.probeThreshold", PROBE_THRESHOLD)
    return computed([interval_, threshold], lambda every, times: every * max(times, 1))


@fact("vm.balancing_rules", "vm", gives="rule*")
def balancing_rules(context: Context, vm: Resource) -> Answer:
    """The load-balancing rules that send traffic to the VM."""
    rules = context.topology.load_balancing.rules_serving([vm])
    return Answer(PartialList(tuple(rules), unlisted_load_balancers(context, [vm])))


@fact("balancer.web_rules", "balancer", gives="rule*")
def web_rules(context: Context, load_balancer: Resource) -> Answer:
    """The load-balancing rules of a load balancer that send the traffic of users to a web server of the deployment.

    Rules for the superserver port are left out, and rules that follow the primary of a mirror by its status page.
    """
    return Answer(_web_rules(context, load_balancer))


@fact("balancer.web_probes", "balancer", gives="probe*")
def web_probes(context: Context, load_balancer: Resource) -> Answer:
    """The distinct probes of the rules in `balancer.web_rules`."""
    return referred_to(context, _web_rules(context, load_balancer), "probe")


def referred_to(context: Context, rules: PartialList, name: str) -> Answer:
    """Return the distinct parts to which a reference of load-balancing rules leads."""
    unknown = rules.incomplete_because
    found: dict[str, Part] = {}
    reads: list[Read] = []
    for rule in rules.of_type(Part):
        part = context.topology.graph.follow(rule, name)
        reads += part.reads
        if isinstance(part.value, Part):
            found[part.value.key] = part.value
        elif isinstance(part.value, Unknown):
            unknown = unknown or part.value
    return Answer(PartialList(tuple(found.values()), unknown), tuple(reads))


def unlisted_load_balancers(context: Context, vms: Sequence[Resource]) -> Unknown | None:
    """Return why further load balancers may send traffic to some VMs of the deployment, or None."""
    deployment, topology = context.deployment, context.topology
    if deployment is None:
        return None
    if _unlisted_around_all(context, deployment).value is ABSENT:
        return None
    # Perhaps only those are unknown that VMs in other roles lead to.
    return topology.unlisted_around(deployment.subscriptions, tuple(vm.key for vm in vms), LOAD_BALANCER)


@once
def _unlisted_around_all(context: Context, deployment: Deployment) -> Answer:
    """Return why further load balancers may send traffic to any declared VM of the deployment; absent if none may."""
    known = deployment.scope[LOAD_BALANCER].of_type(Resource)
    unknown = unlisted(context, deployment, LOAD_BALANCER)
    return Answer(unknown or context.topology.load_balancing.first_open(known) or ABSENT)


def tcp_port(rule: Part) -> Answer:
    """Return the port of pool members to which a load-balancing rule sends TCP traffic; absent if it is not for TCP.

    It is `EVERY_PORT` for a rule for all ports.
    """
    protocol = text_at(rule, "properties.protocol")
    port = number_at(rule, "properties.backendPort")
    reads = (*port.reads, *protocol.reads)
    if isinstance(protocol.value, Unknown):
        return Answer(protocol.value, reads)
    name = "tcp" if protocol.value is ABSENT else str(protocol.value).lower()
    if name not in {"tcp", "all"}:
        return Answer(ABSENT, reads)
    if name == "all" and port.value == 0:
        return Answer(EVERY_PORT, reads)
    return Answer(required(port).value, reads)


def requests_status_page(context: Context, rule: Part) -> bool | Unknown:
    """Return whether the probe of a load-balancing rule requests the mirror status page."""
    probe = context.topology.graph.follow(rule, "probe").value
    path = text_at(probe, "properties.requestPath").value if isinstance(probe, Part) else probe
    return path if isinstance(path, Unknown) else isinstance(path, str) and bool(STATUS_PAGE.search(path))


def _web_rules(context: Context, load_balancer: Resource) -> PartialList:
    rules = context.topology.graph.objects(load_balancer, RULES)
    unknown = rules.incomplete_because
    known: list[Part] = []
    for rule in rules.of_type(Part):
        web = _sends_web_traffic(context, rule)
        if web is True:
            known.append(rule)
        elif isinstance(web, Unknown):
            unknown = unknown or web
    return PartialList(tuple(known), unknown)


def _sends_web_traffic(context: Context, rule: Part) -> bool | Unknown:
    """Return whether a load-balancing rule sends the traffic of users to a web server of the deployment.

    A VM that is a database server too gets other traffic as well. The rules that follow the primary of a mirror need
    nothing that keeps a client on one web server, since there is only one.
    """
    vms = context.topology.load_balancing.vms_served(rule)
    roles = [frozenset(roles_of(context, vm)) for vm in vms.of_type(Resource)]
    servers = [own for own in roles if Role.WEB in own]
    if not servers:
        return any_has_role(context, vms, (Role.WEB,))
    port = tcp_port(rule).value
    if port in _superserver_ports(context):
        return False
    if any(own.isdisjoint(DATABASE_ROLES) for own in servers):
        return True
    if all(Role.MIRROR_FAILOVER in own for own in roles):
        follows = requests_status_page(context, rule)
        if follows is True:
            return vms.incomplete_because or False
        if isinstance(follows, Unknown):
            return follows
    return _is_web_port(rule, port)


def _is_web_port(rule: Part, port: object) -> bool | Unknown:
    """Return whether a load-balancing rule to a port of a VM that is web and database server sends web traffic."""
    if isinstance(port, Unknown):
        return port
    if port is ABSENT or port in {EVERY_PORT, *WEB_PORTS}:
        return port is not ABSENT
    reason = f"{rule.id} leads to port {port} of VMs that are web and database servers: that may be web traffic or not"
    return Unknown(Cause.VALUE, reason, about=(rule.resource.id,))


def _superserver_ports(context: Context) -> frozenset[int]:
    """Return the superserver ports of the deployment: those of its mirrors, and the usual ones."""
    mirrors = context.deployment.mirrors if context.deployment else ()
    return SUPERSERVER_PORTS.union(*(known_ports(context, mirror) for mirror in mirrors))
