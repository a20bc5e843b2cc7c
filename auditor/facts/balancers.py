"""Facts of load balancers, their rules and pools."""

from __future__ import annotations

from auditor.facts.arithmetic import members
from auditor.facts.registry import fact
from auditor.model import Part, Resource, Role
from auditor.topology import Context
from auditor.topology.balancing import RULES
from auditor.topology.graph import objects
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
    rules, missing = members(_web_rules(context, balancer))
    found: dict[str, object] = {}
    reads: list[Read] = []
    for rule in rules:
        if isinstance(rule, Part):
            probe = context.topology.balancing.probe(rule)
            reads += probe.reads
            if isinstance(probe.value, Part):
                found[probe.value.key] = probe.value
            elif isinstance(probe.value, Unknown):
                missing = missing or probe.value
    return Answer(Items(tuple(found.values()), missing), tuple(reads))


def _web_rules(context: Context, balancer: Resource) -> Answer:
    balancing = context.topology.balancing
    roles = context.deployment.roles if context.deployment else {}
    rules, missing = members(Answer(objects(balancer, RULES)))
    known: list[object] = []
    for rule in rules:
        for key in balancing.pool_keys(rule) if isinstance(rule, Part) else ():
            pool = context.topology.graph.part(key)
            machines, gap = members(Answer(pool) if isinstance(pool, Unknown) else balancing.machines(pool))
            if any(isinstance(machine, Resource) and Role.WEB in roles.get(machine.key, ()) for machine in machines):
                known.append(rule)
                break
            missing = missing or gap
    return Answer(Items(tuple(known), missing))
