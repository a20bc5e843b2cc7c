"""Facts of load balancers, load-balancing rules and probes."""

from __future__ import annotations

from auditor.azure import arm
from auditor.azure.paths import ABSENT, Absent
from auditor.azure.types.names import LOAD_BALANCER
from auditor.estate.declaration import Role
from auditor.estate.load_balancing import NAT_RULES, RULES
from auditor.rules.context import Context
from auditor.rules.facts.arithmetic import computed
from auditor.rules.facts.pools import any_vm
from auditor.rules.facts.reading import number_at
from auditor.rules.registry import fact
from auditor.snapshot.known import Answer, PartialList, Read, Unknown
from auditor.snapshot.lookup import objects, unread
from auditor.snapshot.model import Part, Resource

DATABASE_ROLES = (Role.MIRROR_FAILOVER, Role.MIRROR_DR, Role.MIRROR_REPORTING, Role.DB)
PROBE_INTERVAL, PROBE_THRESHOLD = 15, 1
"""Azure's defaults of a load balancer's probe (load-balancer-custom-probe-overview): seconds, number of results."""


@fact("balancer.rules", "balancer", gives="rule*")
def rules(_: Context, load_balancer: Resource) -> Answer:
    """The load-balancing rules of a load balancer."""
    return Answer(objects(load_balancer, RULES))


@fact("balancer.serves_databases", "balancer", gives="boolean")
def serves_databases(context: Context, load_balancer: Resource) -> Answer:
    """Whether a load-balancing or inbound NAT rule sends traffic to a VM with a database, mirrored or not."""
    rules = PartialList.joined(objects(load_balancer, RULES), objects(load_balancer, NAT_RULES))
    served = [
        Answer(context.topology.load_balancing.vms_served(rule), (Read(load_balancer.id, rule.path, rule.id),))
        for rule in rules.of_type(Part)
    ]
    return any_vm(context, served, rules.incomplete_because, DATABASE_ROLES)


@fact("rule.has_probe", "rule", gives="boolean")
def has_probe(context: Context, rule: Part) -> Answer:
    """Whether a load-balancing rule refers to a health probe that exists."""
    probe = context.topology.graph.follow(rule, "probe")
    if isinstance(probe.value, Part):
        return Answer(True, probe.reads)
    if isinstance(probe.value, Absent):
        return Answer(False, probe.reads)
    named = probe.reads[0].value if probe.reads else None
    inside = isinstance(named, str) and arm.key(named).startswith(f"{rule.resource.key}/probes/")
    if inside and unread(rule.resource, "properties.probes") is None:
        return Answer(objects(rule.resource, "properties.probes[*]").incomplete_because or False, probe.reads)
    return probe


@fact("rule.probes", "rule", gives="probe*")
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
    return Answer(PartialList(tuple(rules), unlisted_load_balancers(context)))


@fact("balancer.web_rules", "balancer", gives="rule*")
def web_rules(context: Context, load_balancer: Resource) -> Answer:
    """The load-balancing rules of a load balancer that send traffic to a web server of the deployment."""
    return Answer(_web_rules(context, load_balancer))


@fact("balancer.web_probes", "balancer", gives="probe*")
def web_probes(context: Context, load_balancer: Resource) -> Answer:
    """The distinct probes of the load-balancing rules that send traffic to a web server of the deployment."""
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


def unlisted_load_balancers(context: Context) -> Unknown | None:
    """Return why the list of the deployment's load balancers may be incomplete, or None."""
    return context.deployment.scope[LOAD_BALANCER].missing if context.deployment else None


def _web_rules(context: Context, load_balancer: Resource) -> PartialList:
    roles = context.deployment.roles if context.deployment else {}
    rules = objects(load_balancer, RULES)
    unknown = rules.incomplete_because
    known: list[Part] = []
    for rule in rules.of_type(Part):
        vms = context.topology.load_balancing.vms_served(rule)
        if any(Role.WEB in roles.get(vm.key, ()) for vm in vms.of_type(Resource)):
            known.append(rule)
        else:
            unknown = unknown or vms.incomplete_because
    return PartialList(tuple(known), unknown)
