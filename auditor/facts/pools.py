"""Facts of pools that servers wait in for nothing."""

from __future__ import annotations

from auditor.facts.frontends import is_served, roles_of
from auditor.facts.registry import fact
from auditor.model import Part, Resource
from auditor.topology import Context
from auditor.topology.balancing import NAT_RULES, POOLS
from auditor.topology.graph import LOAD_BALANCER, objects, value
from auditor.values import Answer, Items, Read, Unknown

OTHER_USES = ("properties.outboundRules[*]", NAT_RULES)
"""What uses a pool of a load balancer without balancing traffic into it."""


@fact("balancer.idle_pools", "balancer", "gateway", gives="pool*")
def idle_pools(context: Context, balancer: Resource) -> Answer:
    """The pools that hold a machine of the deployment and that nothing uses.

    Whatever sends traffic to a pool uses it, and so do outbound and inbound NAT rules of a load balancer.
    """
    found = objects(balancer, POOLS)
    balancing = context.topology.balancing
    known: list[object] = [*found.only(Unknown)]
    reads: list[Read] = []
    for pool in found.only(Part):
        machines = Items.of(balancing.machines(pool).value).only(Resource)
        used = _is_used(context, pool) if any(roles_of(context, machine) for machine in machines) else True
        if used is not True:
            known.append(used or pool)
            reads.append(Read(pool.resource.id, pool.path, pool.id))
            for rule in balancing.rules_into(pool):
                reads += value(rule, "properties.protocol").reads
    return Answer(Items(tuple(known), found.missing), tuple(reads))


def _is_used(context: Context, pool: Part) -> bool | Unknown:
    """Tell whether anything uses a pool."""
    served = is_served(context, pool).value
    if served is True or pool.resource.type != LOAD_BALANCER:
        return served  # type: ignore[return-value] # a boolean, or why it is not known
    others = [objects(pool.resource, path) for path in OTHER_USES]
    rules = Items.joined(*others).only(Part)
    if any(pool.key in context.topology.balancing.pool_keys(rule) for rule in rules):
        return True
    gaps = (*(found.open_end for found in others), *(context.topology.balancing.unclear_pool(rule) for rule in rules))
    return served if isinstance(served, Unknown) else next(filter(None, gaps), None) or False
