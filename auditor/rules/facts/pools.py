"""Facts of backend pools: who is in them, and what sends traffic there."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final
from weakref import WeakKeyDictionary

from auditor.azure import arm
from auditor.azure.types.names import APPLICATION_GATEWAY, LOAD_BALANCER, SCALE_SET
from auditor.estate.declaration import Role
from auditor.estate.load_balancing import NAT_RULES, POOLS, RULES
from auditor.estate.topology import Topology
from auditor.rules.context import Context
from auditor.rules.registry import fact
from auditor.snapshot.known import Answer, Interval, Items, Read, Unknown
from auditor.snapshot.lookup import items, objects, parts, value
from auditor.snapshot.model import Part, Resource

BALANCERS = (LOAD_BALANCER, APPLICATION_GATEWAY)
OTHER_USES = ("properties.outboundRules[*]", NAT_RULES)
"""What uses a pool of a load balancer without balancing traffic into it."""
ROUTES = (
    "properties.requestRoutingRules[*]",
    "properties.routingRules[*]",
    "properties.urlPathMaps[*]",
    "properties.urlPathMaps[*].properties.pathRules[*]",
)
TARGETS = ("backendAddressPool", "defaultBackendAddressPool")


@fact("pool.machines", "pool", gives="vm*")
def pool_machines(context: Context, pool: Part) -> Answer:
    """The machines behind a pool, by network interface or by address."""
    return context.topology.balancing.machines(pool)


@fact("pool.member_count", "pool", gives="number")
def member_count(context: Context, pool: Part) -> Answer:
    """How many members a pool has, by network interface or address; each instance of a uniform scale set is one."""
    found = context.topology.balancing.machines(pool)
    machines = Items.of(found.value)
    known = sum(_instances(pool, machine) for machine in machines.only(Resource))
    doubts = machines.only(Unknown)
    high = math.inf if machines.missing else known + len(doubts)
    return Answer(Interval(known, high, (*doubts, *filter(None, (machines.missing,)))), found.reads)


@fact("pool.only_dr_members", "pool", gives="boolean")
def only_dr_members(context: Context, pool: Part) -> Answer:
    """Whether a pool holds DR members of mirrors and nobody else; false where it holds nobody."""
    found = context.topology.balancing.machines(pool)
    members = Items.of(found.value)
    machines = members.only(Resource)
    undeclared: Unknown | None = None
    for machine in machines:
        if Role.MIRROR_DR not in roles_of(context, machine):
            gap = _open(context, Role.MIRROR_DR)
            if gap is None:
                return Answer(False, found.reads)
            undeclared = undeclared or gap
    gap = undeclared or members.open_end
    return Answer(gap if gap is not None else bool(machines), found.reads)


@fact("balancer.served_pools", "balancer", "gateway", gives="pool*")
def served_pools(context: Context, balancer: Resource) -> Answer:
    """The pools that a rule of the balancer sends traffic to, each once.

    Of an application gateway, which may stand before others as well, those that hold a web server of the deployment, or
    nobody.
    """
    if balancer.type == APPLICATION_GATEWAY:
        return _served_by_gateway(context, balancer)
    found = objects(balancer, RULES)
    missing = found.open_end
    pools: dict[str, object] = {}
    for rule in found.only(Part):
        missing = missing or context.topology.balancing.unclear_pool(rule)
        for key in context.topology.balancing.pool_keys(rule):
            pools[key] = context.topology.graph.part(key)
    return Answer(Items(tuple(pools.values()), missing))


def _served_by_gateway(context: Context, gateway: Resource) -> Answer:
    routes = _routes(gateway)
    missing = routes.open_end
    pools: dict[str, object] = {}
    for route in routes.only(Part):
        missing = missing or _unread_target(route)
        for key in _targets(route):
            pool = context.topology.graph.part(key)
            machines = context.topology.balancing.machines(pool).value if isinstance(pool, Part) else pool
            web = serves(context, Answer(Items((pool,))), Role.WEB).value
            if machines == Items() or web is True:
                pools[key] = pool
            elif isinstance(web, Unknown):
                pools[key] = web
    return Answer(Items(tuple(pools.values()), missing))


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
        members = Items.of(balancing.machines(pool).value)
        used: bool | Unknown = True
        if any(roles_of(context, machine) for machine in members.only(Resource)):
            used = _is_used(context, pool)
        elif members.open_end is not None:
            used = _is_used(context, pool) is True or members.open_end
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


@fact("vm.pools", "vm", gives="pool*")
def pools(context: Context, vm: Resource) -> Answer:
    """The pools, of load balancers and application gateways, through which traffic reaches the machine.

    A pool that no rule sends traffic to, such as one for outbound connections only, does not count.
    """
    topology = context.topology
    known: list[object] = []
    reads: list[Read] = []
    for pool in topology.balancing.pools_of(vm):
        served = is_served(context, pool)
        reads += served.reads
        if served.value is True:
            known.append(pool)
        elif isinstance(served.value, Unknown):
            known.append(served.value)
    return Answer(Items(tuple(known), _unseen_pools(context, vm)), tuple(reads))


def _unseen_pools(context: Context, vm: Resource) -> Unknown | None:
    """Return why a machine may be in a pool that it is not known to be in."""
    subscriptions = context.deployment.subscriptions if context.deployment else (arm.subscription_of(vm.key),)
    for type_ in BALANCERS:
        for subscription in subscriptions:
            gap = context.topology.graph.listing(type_, subscription)
            if gap is not None:
                return gap
    topology = context.topology
    if topology not in _OPEN_POOLS:
        _OPEN_POOLS[topology] = _open_pool(context)
    return _OPEN_POOLS[topology]


_OPEN_POOLS: Final[WeakKeyDictionary[Topology, Unknown | None]] = WeakKeyDictionary()
"""What `_open_pool` found, which is the same for every machine of a topology."""


def _open_pool(context: Context) -> Unknown | None:
    """Return why some pool that gets traffic may hold machines that it is not known to hold."""
    for type_ in BALANCERS:
        for balancer in context.topology.graph.by_type.get(type_, ()):
            for pool in parts(balancer, POOLS):
                gap = Items.of(context.topology.balancing.machines(pool).value).open_end
                if gap is not None and is_served(context, pool).value is not False:
                    return gap
            gap = objects(balancer, POOLS).open_end
            if gap is not None:
                return gap
    return None


def is_served(context: Context, pool: Part) -> Answer:
    """Return whether a rule sends traffic to a pool of a load balancer or an application gateway.

    A rule for UDP alone does not: nothing of InterSystems is asked by UDP.
    """
    if pool.resource.type == LOAD_BALANCER:
        found = objects(pool.resource, RULES)
        into = [rule for rule in context.topology.balancing.rules_into(pool) if not only_udp(rule)]
        gaps = [context.topology.balancing.unclear_pool(rule) for rule in found.only(Part)]
    else:
        found = _routes(pool.resource)
        into = [route for route in found.only(Part) if pool.key in _targets(route)]
        gaps = [_unread_target(route) for route in found.only(Part)]
    if into:
        return Answer(True, value(into[0], "id").reads)
    return Answer(found.open_end or next(filter(None, gaps), None) or False)


def only_udp(rule: Part) -> bool:
    """Tell whether a load-balancing rule lets nothing but UDP through."""
    return str(value(rule, "properties.protocol").value).lower() == "udp"


def _routes(gateway: Resource) -> Items:
    """Return what may say where an application gateway sends requests: its rules, path maps and their rules."""
    return Items.joined(*(objects(gateway, path) for path in ROUTES))


def _targets(route: Part) -> tuple[str, ...]:
    """Return the keys of the pools that a rule or path map of a gateway names."""
    named = (value(route, f"properties.{name}.id").value for name in TARGETS)
    return tuple(arm.key(pool) for pool in named if isinstance(pool, str))


def _unread_target(route: Part) -> Unknown | None:
    """Return why a rule or path map of a gateway may send requests to another pool."""
    named = (value(route, f"properties.{name}.id").value for name in TARGETS)
    return next((pool for pool in named if isinstance(pool, Unknown)), None)


def serves(context: Context, pools: Answer, role: Role) -> Answer:
    """Return whether one of some pools holds a machine of a role."""
    known = Items.of(pools.value)
    served = map(context.topology.balancing.machines, known.only(Part))
    return any_machine(context, served, known.open_end, (role,))


def any_machine(context: Context, served: Iterable[Answer], missing: Unknown | None, roles: tuple[Role, ...]) -> Answer:
    """Return whether a machine of some roles is among those that are served."""
    reads: list[Read] = []
    others = False
    for found in served:
        machines = Items.of(found.value)
        reads += found.reads
        missing = missing or machines.open_end
        for machine in machines.only(Resource):
            if set(roles) & set(roles_of(context, machine)):
                return Answer(True, tuple(reads))
            others = True
    if others:
        missing = missing or next(filter(None, (_open(context, role) for role in roles)), None)
    return Answer(missing or False, tuple(reads))


def roles_of(context: Context, machine: Resource) -> tuple[Role, ...]:
    """Return the roles of a machine in the deployment."""
    return context.deployment.roles.get(machine.key, ()) if context.deployment else ()


def _open(context: Context, role: Role) -> Unknown | None:
    """Return why a machine may have a role that it is not known to have."""
    return Items.of(context.deployment.machines[role]).open_end if context.deployment else None


def _instances(pool: Part, machine: Resource) -> int:
    """Return how many members of a pool a machine stands for: more than one only for a uniform scale set."""
    if machine.type != SCALE_SET:
        return 1
    instances = {
        arm.key(reference).split("/networkinterfaces/")[0]
        for path in (
            "properties.backendIPConfigurations[*].id",
            "properties.loadBalancerBackendAddresses[*].properties.networkInterfaceIPConfiguration.id",
        )
        for reference in _texts(pool, path)
        if arm.key(reference).startswith(f"{machine.key}/virtualmachines/")
    }
    return max(1, len(instances))


def _texts(pool: Part, path: str) -> list[str]:
    return Items.of(items(pool, path).value).only(str)
