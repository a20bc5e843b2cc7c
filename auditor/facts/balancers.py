"""Facts of load balancers, their rules and pools."""

from __future__ import annotations

from auditor.facts.registry import fact
from auditor.model import Part, Resource, Role
from auditor.topology import Context
from auditor.topology.balancing import RULES
from auditor.topology.graph import items
from auditor.values import ABSENT, Answer, Items, Read, Unknown


@fact("pool.machines", "pool", gives="vm*")
def pool_machines(context: Context, pool: Part) -> Answer:
    """The machines behind a pool, by network interface or by address."""
    return context.topology.balancing.machines(pool)


@fact("rule.probes", "rule", gives="probe*")
def rule_probes(context: Context, rule: Part) -> Answer:
    """The health probe of a rule; empty where it has none, so that Azure takes every member for healthy."""
    probe = context.topology.balancing.probe(rule)
    if probe.value is ABSENT:
        return Answer(Items(), probe.reads)
    return Answer(Items((probe.value,)), probe.reads)


@fact("balancer.web_rules", "balancer", gives="rule*")
def web_rules(context: Context, balancer: Resource) -> Answer:
    """The load-balancing rules of a balancer that send traffic to a web server of the deployment."""
    return _web_rules(context, balancer)


@fact("balancer.web_probes", "balancer", gives="probe*")
def web_probes(context: Context, balancer: Resource) -> Answer:
    """The probes that those rules use, each once."""
    rules = _web_rules(context, balancer).value
    if not isinstance(rules, Items):
        return Answer(rules)
    found: dict[str, object] = {}
    reads: list[Read] = []
    missing = rules.missing
    for rule in rules.known:
        if isinstance(rule, Part):
            probe = context.topology.balancing.probe(rule)
            reads += probe.reads
            if isinstance(probe.value, Part):
                found[probe.value.key] = probe.value
            elif isinstance(probe.value, Unknown):
                missing = missing or probe.value
    return Answer(Items(tuple(found.values()), missing), tuple(reads))


def _web_rules(context: Context, balancer: Resource) -> Answer:
    rules = items(balancer, RULES).value
    deployment, balancing = context.deployment, context.topology.balancing
    if not isinstance(rules, Items) or deployment is None:
        return Answer(rules)
    known: list[object] = []
    missing = rules.missing
    for rule in rules.known:
        if not isinstance(rule, Part):
            known.append(rule)
            continue
        for key in balancing.pool_keys(rule):
            pool = context.topology.graph.part(key)
            machines = pool if isinstance(pool, Unknown) else balancing.machines(pool).value
            if isinstance(machines, Unknown):
                missing = missing or machines
                continue
            members = machines.known if isinstance(machines, Items) else ()
            if any(isinstance(m, Resource) and Role.WEB in deployment.roles.get(m.key, ()) for m in members):
                known.append(rule)
                break
            missing = missing or next((m for m in members if isinstance(m, Unknown)), None)
    return Answer(Items(tuple(known), missing))
