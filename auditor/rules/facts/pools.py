"""Facts of backend pools: their VMs, and the rules that send traffic to them."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from auditor.azure import arm
from auditor.azure.paths import ABSENT
from auditor.azure.types import references_of
from auditor.azure.types.names import APPLICATION_GATEWAY, LOAD_BALANCER, NIC, SCALE_SET, VIRTUAL_NETWORK
from auditor.estate.declaration import Role
from auditor.estate.load_balancing import CONFIGURATIONS, POOLS
from auditor.estate.subjects import Deployment, Tier
from auditor.estate.topology import Topology
from auditor.rules.context import Context
from auditor.rules.facts.roles import any_has_role, any_serves_clients, may_have_role, roles_of
from auditor.rules.registry import fact, once
from auditor.snapshot.known import Answer, Interval, PartialList, Read, Unknown
from auditor.snapshot.lookup import items, objects, parts, value
from auditor.snapshot.model import Part, Resource

POOL_OWNERS = (LOAD_BALANCER, APPLICATION_GATEWAY)


@fact("pool.machines", "pool", gives="vm*")
def pool_vms(context: Context, pool: Part) -> Answer:
    """The VMs in a backend pool, by network interface or by address."""
    return context.topology.load_balancing.vms(pool)


@fact("pool.member_count", "pool", gives="number")
def member_count(context: Context, pool: Part) -> Answer:
    """The number of pool members, by network interface or address; each instance of a Uniform scale set is one."""
    found = context.topology.load_balancing.vms(pool)
    vms = PartialList.of(found.value)
    known = sum(_instances(pool, vm) for vm in vms.of_type(Resource))
    unknowns = vms.of_type(Unknown)
    high = math.inf if vms.missing else known + len(unknowns)
    return Answer(Interval(known, high, (*unknowns, *filter(None, (vms.missing,)))), found.reads)


@fact("pool.only_dr_members", "pool", gives="boolean")
def only_dr_members(context: Context, pool: Part) -> Answer:
    """Whether all VMs in a backend pool are DR asyncs of mirrors; false if the pool is empty."""
    found = context.topology.load_balancing.vms(pool)
    members = PartialList.of(found.value)
    vms = members.of_type(Resource)
    undeclared: Unknown | None = None
    for vm in vms:
        if Role.MIRROR_DR not in roles_of(context, vm):
            unknown = may_have_role(context, vm, (Role.MIRROR_DR,))
            if unknown is None:
                return Answer(False, found.reads)
            undeclared = undeclared or unknown
    unknown = undeclared or members.incomplete_because
    return Answer(unknown if unknown is not None else bool(vms), found.reads)


@fact("balancer.served_pools", "balancer", "gateway", gives="pool*")
def served_pools(context: Context, owner: Resource) -> Answer:
    """The distinct backend pools to which a rule sends traffic.

    Of an application gateway, which may also serve other workloads, only those with a web server of the deployment, and
    empty ones.
    """
    if owner.type == APPLICATION_GATEWAY:
        return _served_by_gateway(context, owner)
    uses = context.topology.load_balancing.uses(owner)
    return Answer(PartialList(tuple(map(context.topology.graph.part, uses.into)), uses.unclear))


def _served_by_gateway(context: Context, gateway: Resource) -> Answer:
    balancing = context.topology.load_balancing
    uses = balancing.uses(gateway)
    pools: dict[str, object] = {}
    for key in uses.into:
        pool = context.topology.graph.part(key)
        vms = balancing.vms(pool).value if isinstance(pool, Part) else pool
        web = serves(context, Answer(PartialList((pool,))), Role.WEB).value
        if vms == PartialList() or web is True:
            pools[key] = pool
        elif isinstance(web, Unknown):
            pools[key] = web
    return Answer(PartialList(tuple(pools.values()), uses.unclear))


@fact("balancer.idle_pools", "balancer", "gateway", gives="pool*")
def idle_pools(context: Context, owner: Resource) -> Answer:
    """The backend pools with a VM of the deployment that no rule uses.

    Rules that use a pool send traffic to it, or are outbound or inbound NAT rules of a load balancer.
    """
    found = objects(owner, POOLS)
    balancing = context.topology.load_balancing
    known: list[object] = [*found.of_type(Unknown)]
    reads: list[Read] = []
    for pool in found.of_type(Part):
        members = PartialList.of(balancing.vms(pool).value)
        used: bool | Unknown = True
        ours = any_serves_clients(context, members)
        if ours is True:
            used = _is_used(context, pool)
        elif isinstance(ours, Unknown):
            used = _is_used(context, pool) is True or ours
        if used is not True:
            known.append(used or pool)
            reads.append(Read(pool.resource.id, pool.path, pool.id))
            for rule in balancing.rules_into(pool):
                reads += value(rule, "properties.protocol").reads
    return Answer(PartialList(tuple(known), found.missing), tuple(reads))


def _is_used(context: Context, pool: Part) -> bool | Unknown:
    """Return whether a rule uses a backend pool."""
    served = is_served(context.topology, pool).value
    if served is True or pool.resource.type != LOAD_BALANCER:
        return served  # type: ignore[return-value] # a boolean or unknown
    uses = context.topology.load_balancing.uses(pool.resource)
    if pool.key in uses.others:
        return True
    return served if isinstance(served, Unknown) else uses.others_unclear or False


@fact("vm.pools", "vm", gives="pool*")
def pools(context: Context, vm: Resource) -> Answer:
    """The backend pools through which a load balancer or application gateway sends traffic to the VM.

    Pools without such a rule, such as those for outbound connections only, are left out. The evidence of a VM in none
    has the pools of other VMs of its tier with the same roles, and its primary IP configuration, which could join them.
    """
    topology = context.topology
    known: list[object] = []
    reads: list[Read] = []
    for pool in topology.load_balancing.pools_of(vm):
        served = is_served(topology, pool)
        reads += served.reads
        if served.value is True:
            known.append(pool)
        elif isinstance(served.value, Unknown):
            known.append(served.value)
    beside = () if known else _pools_beside(context, vm)
    return Answer(PartialList(tuple(known), _unlisted_pools(context, vm)), (*reads, *beside))


def _pools_beside(context: Context, vm: Resource) -> tuple[Read, ...]:
    """Return the pools with traffic of VMs like a VM, and its primary IP configuration; empty if there are none."""
    roles = frozenset(roles_of(context, vm))
    tiers = [_pooled(context, tier) for tier in (context.deployment.tiers if context.deployment else ())]
    found = {pool.key: pool for tier in tiers if vm.key in tier.vms for pool in tier.pools.get(roles, ())}
    return joining(context, vm, found.values())


class _Pooled(NamedTuple):
    """The members of a tier."""

    vms: frozenset[str]
    """Their keys."""
    pools: dict[frozenset[Role], list[Part]]
    """The backend pools with traffic, by the roles of the VMs in them."""


def _pooled(context: Context, tier: Tier) -> _Pooled:
    return _find_pooled(context, tier).value  # type: ignore[return-value] # as that returns it


@once
def _find_pooled(context: Context, tier: Tier) -> Answer:
    """Return the members of a tier with their pools."""
    topology, members = context.topology, tier.members.of_type(Resource)
    pools: dict[frozenset[Role], dict[str, Part]] = defaultdict(dict)
    for vm in members:
        of_role = pools[frozenset(roles_of(context, vm))]
        of_role.update((pool.key, pool) for pool in topology.load_balancing.pools_of(vm))
    with_traffic = {
        roles: [pool for pool in found.values() if is_served(topology, pool).value is True]
        for roles, found in pools.items()
    }
    return Answer(_Pooled(frozenset(vm.key for vm in members), with_traffic))


def joining(context: Context, vm: Resource, pools: Iterable[Part]) -> tuple[Read, ...]:
    """Return those of some pools that have IP configurations, and the primary one of a VM; empty if there are none."""
    reads = tuple(Read(pool.resource.id, pool.path, pool.id) for pool in pools if parts(pool, CONFIGURATIONS))
    return (*reads, *_primary_configuration(context, vm)) if reads else ()


def _primary_configuration(context: Context, vm: Resource) -> tuple[Read, ...]:
    """Return the id of the primary IP configuration of a VM as it was read, none if that is not known."""
    named = parts(vm, "properties.networkProfile.networkInterfaces[*]")
    primary = [one for one in named if len(named) == 1 or value(one, "properties.primary").value is True]
    interfaces = (context.topology.graph.get(str(value(one, "id").value)) for one in primary)
    return tuple(
        read
        for interface in interfaces
        if isinstance(interface, Resource) and interface.type == NIC
        for configuration in parts(interface, "properties.ipConfigurations[*]")
        if value(configuration, "properties.primary").value is True
        for read in value(configuration, "id").reads
    )


def _unlisted_pools(context: Context, vm: Resource) -> Unknown | None:
    """Return why a VM may be in further backend pools, or None."""
    subscriptions = context.deployment.subscriptions if context.deployment else (arm.subscription_of(vm.key),)
    for type_ in POOL_OWNERS:
        unknown = context.topology.graph.unlisted(type_, subscriptions)
        if unknown is not None:
            return unknown
    return _open_pool(context, context.deployment).value  # type: ignore[return-value] # unknown or None


@once
def _open_pool(context: Context, deployment: Deployment | None) -> Answer:
    """Return why some backend pool with traffic may have further members of a deployment, or None.

    Those of load balancers and application gateways that can have VMs in its virtual networks count.
    """
    topology, own = context.topology, deployment.scope[VIRTUAL_NETWORK] if deployment else PartialList()
    found = topology.once(_open_with_traffic)
    networks = ["", *(network.key for network in own.of_type(Resource))]
    near = networks if deployment and own.complete else found
    return Answer(next((found[network] for network in near if network in found), None))


def _open_with_traffic(topology: Topology) -> dict[str, Unknown]:
    """Return why a backend pool with traffic may have further members, by the key of the network, as far as one may."""
    found: dict[str, Unknown] = {}
    for network, owners in topology.load_balancing.open_owners.items():
        for owner, unknown in owners:
            pools = [pool for pool in parts(owner, POOLS) if topology.load_balancing.pool_open_because(pool)]
            served = any(is_served(topology, pool).value is not False for pool in pools)
            if served or objects(owner, POOLS).incomplete_because is not None:
                found[network] = unknown
                break
    return found


def is_served(topology: Topology, pool: Part) -> Answer:
    """Return whether a rule sends traffic to a backend pool of a load balancer or application gateway.

    Rules for UDP do not count: InterSystems products do not serve clients by UDP.
    """
    uses = topology.load_balancing.uses(pool.resource)
    into = next((rule for rule in uses.into.get(pool.key, ()) if not only_udp(rule)), None)
    return Answer(uses.unclear or False) if into is None else Answer(True, value(into, "id").reads)


def only_udp(rule: Part) -> bool:
    """Return whether a load-balancing rule is for UDP only."""
    return str(value(rule, "properties.protocol").value).lower() == "udp"


def route_target(context: Context, route: Part, collection: str) -> object:
    """Return the part that a rule, path map or path rule of an application gateway refers to, absent or unknown.

    `collection` says which: the backend pool, the backend settings or the path map.
    """
    for name, reference in references_of(route.resource.type, route.path).items():
        if reference.part == collection:
            return context.topology.graph.follow(route, name).value
    return ABSENT


def serves(context: Context, pools: Answer, role: Role) -> Answer:
    """Return whether one of some backend pools has a VM of a role."""
    known = PartialList.of(pools.value)
    served = map(context.topology.load_balancing.vms, known.of_type(Part))
    return any_vm(context, served, known.incomplete_because, (role,))


def any_vm(context: Context, served: Iterable[Answer], unknown: Unknown | None, roles: tuple[Role, ...]) -> Answer:
    """Return whether some VMs include one of some roles; `unknown` is why there may be more VMs."""
    reads: list[Read] = []
    for found in served:
        vms = PartialList.of(found.value)
        reads += found.reads
        has = any_has_role(context, vms, roles)
        if has is True:
            return Answer(True, tuple(reads))
        unknown = unknown or has or None
    return Answer(unknown or False, tuple(reads))


def _instances(pool: Part, vm: Resource) -> int:
    """Return the number of pool members of a VM, which is 1, or of a Uniform scale set: its instances in the pool."""
    if vm.type != SCALE_SET:
        return 1
    instances = {
        arm.key(reference).split("/networkinterfaces/")[0]
        for path in (
            "properties.backendIPConfigurations[*].id",
            "properties.loadBalancerBackendAddresses[*].properties.networkInterfaceIPConfiguration.id",
        )
        for reference in _texts(pool, path)
        if arm.key(reference).startswith(f"{vm.key}/virtualmachines/")
    }
    return max(1, len(instances))


def _texts(pool: Part, path: str) -> list[str]:
    return PartialList.of(items(pool, path).value).of_type(str)
