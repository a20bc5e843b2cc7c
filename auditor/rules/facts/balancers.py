"""Facts of load balancers, their rules and probes."""

from __future__ import annotations

from collections.abc import Callable

from auditor.azure import arm
from auditor.azure.paths import ABSENT, Absent
from auditor.azure.types.names import LOAD_BALANCER
from auditor.estate.declaration import Role
from auditor.estate.load_balancing import NAT_RULES, RULES
from auditor.rules.context import Context
from auditor.rules.facts.arithmetic import computed
from auditor.rules.facts.pools import any_machine
from auditor.rules.facts.reading import number_at
from auditor.rules.registry import fact
from auditor.snapshot.known import Answer, Items, Read, Unknown
from auditor.snapshot.lookup import objects, unread
from auditor.snapshot.model import Part, Resource

DATABASE_ROLES = (Role.MIRROR_FAILOVER, Role.MIRROR_DR, Role.MIRROR_REPORTING, Role.DB)
PROBE_INTERVAL, PROBE_THRESHOLD = 15, 1
"""What a load balancer's probe does where it says nothing (load-balancer-custom-probe-overview)."""


@fact("balancer.rules", "balancer", gives="rule*")
def rules(_: Context, balancer: Resource) -> Answer:
    """The load-balancing rules of a balancer."""
    return Answer(objects(balancer, RULES))


@fact("balancer.serves_databases", "balancer", gives="boolean")
def serves_databases(context: Context, balancer: Resource) -> Answer:
    """Whether a load-balancing or inbound NAT rule sends traffic to a machine with a database, mirrored or not."""
    rules = Items.joined(objects(balancer, RULES), objects(balancer, NAT_RULES))
    served = [
        Answer(context.topology.balancing.machines_served(rule), (Read(balancer.id, rule.path, rule.id),))
        for rule in rules.only(Part)
    ]
    return any_machine(context, served, rules.open_end, DATABASE_ROLES)


@fact("rule.has_probe", "rule", gives="boolean")
def has_probe(context: Context, rule: Part) -> Answer:
    """Whether a rule names a health probe that its balancer has."""
    probe = context.topology.balancing.probe(rule)
    if isinstance(probe.value, Part):
        return Answer(True, probe.reads)
    if isinstance(probe.value, Absent):
        return Answer(False, probe.reads)
    named = probe.reads[0].value if probe.reads else None
    inside = isinstance(named, str) and arm.key(named).startswith(f"{rule.resource.key}/probes/")
    if inside and unread(rule.resource, "properties.probes") is None:
        return Answer(objects(rule.resource, "properties.probes[*]").open_end or False, probe.reads)
    return probe


@fact("rule.probes", "rule", gives="probe*")
def rule_probes(context: Context, rule: Part) -> Answer:
    """The health probe of a rule; empty where it has none, so that Azure takes every member for healthy."""
    probe = context.topology.balancing.probe(rule)
    if probe.value is ABSENT:
        return Answer(Items(), probe.reads)
    return Answer(Items((probe.value,)), probe.reads)


@fact("probe.detection_seconds", "probe", gives="number")
def detection_seconds(_: Context, probe: Part) -> Answer:
    """How long a probe takes to notice that a machine changed: its interval times its threshold.

    `numberOfProbes` does not count: Azure ignores it (the load balancer's known issues).
    """
    interval_ = number_at(probe, "properties.intervalInSeconds", PROBE_INTERVAL)
    threshold = number_at(probe, "properties.probeThreshold", PROBE_THRESHOLD)
    return computed([interval_, threshold], lambda every, times: every * max(times, 1))


@fact("vm.balancing_rules", "vm", gives="rule*")
def balancing_rules(context: Context, vm: Resource) -> Answer:
    """The load-balancing rules that send traffic to the machine."""
    rules = context.topology.balancing.rules_serving([vm])
    return Answer(Items(tuple(rules), unseen_balancers(context)))


@fact("balancer.web_rules", "balancer", gives="rule*")
def web_rules(context: Context, balancer: Resource) -> Answer:
    """The load-balancing rules of a balancer that send traffic to a web server of the deployment."""
    return Answer(_web_rules(context, balancer))


@fact("balancer.web_probes", "balancer", gives="probe*")
def web_probes(context: Context, balancer: Resource) -> Answer:
    """The probes that those rules use, each once."""
    return referred_to(_web_rules(context, balancer), context.topology.balancing.probe)


def referred_to(rules: Items, find: Callable[[Part], Answer]) -> Answer:
    """Return what some rules refer to (their probes, their frontends), each once."""
    missing = rules.open_end
    found: dict[str, Part] = {}
    reads: list[Read] = []
    for rule in rules.only(Part):
        part = find(rule)
        reads += part.reads
        if isinstance(part.value, Part):
            found[part.value.key] = part.value
        elif isinstance(part.value, Unknown):
            missing = missing or part.value
    return Answer(Items(tuple(found.values()), missing), tuple(reads))


def unseen_balancers(context: Context) -> Unknown | None:
    """Return why a balancer of the deployment may not have been seen."""
    return context.deployment.scope[LOAD_BALANCER].missing if context.deployment else None


def _web_rules(context: Context, balancer: Resource) -> Items:
    roles = context.deployment.roles if context.deployment else {}
    rules = objects(balancer, RULES)
    missing = rules.open_end
    known: list[Part] = []
    for rule in rules.only(Part):
        machines = context.topology.balancing.machines_served(rule)
        if any(Role.WEB in roles.get(machine.key, ()) for machine in machines.only(Resource)):
            known.append(rule)
        else:
            missing = missing or machines.open_end
    return Items(tuple(known), missing)
