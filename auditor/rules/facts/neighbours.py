"""Facts of what else is there: machines beside those of a deployment, and resources of the classic model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple
from weakref import WeakKeyDictionary

from auditor.azure import arm
from auditor.azure.paths import ABSENT
from auditor.azure.types import display_type
from auditor.azure.types.names import APPLICATION_GATEWAY, LOAD_BALANCER, NIC, VM
from auditor.estate.declaration import Role
from auditor.estate.graph import Graph
from auditor.estate.subjects import Deployment, Subscription
from auditor.estate.topology import Topology
from auditor.rules.context import Context
from auditor.rules.facts.reading import UNRECOGNISED
from auditor.rules.registry import fact
from auditor.snapshot.known import Answer, Cause, Items, Read, Unknown
from auditor.snapshot.lookup import items, objects, unread, value
from auditor.snapshot.model import Part, Resource

CLASSIC: Final = "microsoft.classic"
CLASSIC_TYPES: Final = (
    "microsoft.classiccompute/virtualmachines",
    "microsoft.classicnetwork/virtualnetworks",
    "microsoft.classicstorage/storageaccounts",
)
"""The types of the classic model that must have been listed before one can say that there is none."""

_OF_MIRRORS: Final = (Role.MIRROR_FAILOVER, Role.MIRROR_DR, Role.MIRROR_REPORTING)
_SUBNETS: Final = "properties.ipConfigurations[*].properties.subnet.id"

_Found = tuple[Resource, Read] | Unknown
"""A machine and what shows that it is there, or why there may be more."""


@fact("subscription.classic_resources", "subscription", gives="classic-resource*")
def classic_resources(context: Context, subscription: Subscription) -> Answer:
    """The resources of the classic deployment model.

    Unknown where no deployment is recognised in the subscription: what others run is not judged.
    """
    if not subscription.deployments:
        return Answer(UNRECOGNISED)
    graph = context.topology.graph
    known = tuple(
        resource
        for type_ in sorted(graph.by_type)
        if type_.startswith(CLASSIC)
        for resource in graph.by_type[type_]
        if arm.subscription_of(resource.key) == subscription.id
    )
    gaps = (graph.listing(type_, subscription.id) for type_ in CLASSIC_TYPES)
    reads = tuple(Read(resource.id, "type", display_type(resource.type)) for resource in known)
    return Answer(Items(known, next(filter(None, gaps), None)), reads)


@fact("subscription.machines", "subscription", gives="vm*")
def machines(_: Context, subscription: Subscription) -> Answer:
    """The machines in the subscription that have a role in a deployment."""
    rosters = (roster for deployment in subscription.deployments for roster in deployment.machines.values())
    found = Items.joined(*rosters)
    own = {m.key: m for m in found.only(Resource) if arm.subscription_of(m.key) == subscription.id}
    return Answer(Items(tuple(own[key] for key in sorted(own)), found.open_end))


@fact("deployment.neighbours", "deployment", gives="vm*")
def neighbours(context: Context, deployment: Deployment) -> Answer:
    """The machines that stand where members of the deployment do, the members among them.

    Such a place is an availability set, a pool of a load balancer or application gateway, or a subnet with failover,
    DR or reporting members of a mirror.
    """
    known: dict[str, Resource] = {}
    reads: list[Read] = []
    missing = next(filter(None, (deployment.scope[t].missing for t in _POOLED)), None)
    looked_at: set[str] = set()
    for role in Role:
        roster = Items.of(deployment.machines[role])
        missing = missing or roster.open_end
        for machine in roster.only(Resource):
            for found in _beside(context, machine, role, looked_at):
                if isinstance(found, Unknown):
                    missing = missing or found
                elif found[0].key not in known:
                    known[found[0].key] = found[0]
                    reads.append(found[1])
    return Answer(Items(tuple(known[key] for key in sorted(known)), missing), tuple(reads))


@fact("vm.roles", "vm", gives="text*")
def roles(context: Context, vm: Resource) -> Answer:
    """The roles that the machine has in any deployment, by the deployment file or by tags."""
    everybody = _roles(context.topology)
    missing = everybody.gap or everybody.ambiguous.get(vm.key)
    return Answer(Items(tuple(everybody.roles.get(vm.key, ())), missing), (Read(vm.id, "", vm.name),))


class _Roles(NamedTuple):
    """The roles of all deployments together."""

    roles: dict[str, dict[Role, None]]
    """Those of each machine, by its key."""
    ambiguous: dict[str, Unknown]
    """Machines that bear one declared name: neither has the role, and nobody can tell which was meant."""
    gap: Unknown | None
    """Why any machine may have others."""


_CACHE: Final[WeakKeyDictionary[Topology, _Roles]] = WeakKeyDictionary()


def _roles(topology: Topology) -> _Roles:
    if topology not in _CACHE:
        found = _Roles({}, {}, _gap(topology))
        for deployment in topology.deployments:
            for key, own in deployment.roles.items():
                found.roles.setdefault(key, {}).update(dict.fromkeys(own))
            for choice in deployment.declared_members:
                doubt = choice.machines.open_end
                if doubt is not None and doubt.cause is Cause.DECLARATION:
                    found.ambiguous.update((match.key, doubt) for match in choice.matches.only(Resource))
        _CACHE[topology] = found
    return _CACHE[topology]


def _gap(topology: Topology) -> Unknown | None:
    """Return why a roster may hold machines that could not be read."""
    rosters = (roster for deployment in topology.deployments for roster in deployment.machines.values())
    doubts = (Items.of(roster).open_end for roster in rosters)
    return next((doubt for doubt in doubts if doubt is not None and doubt.cause is Cause.GAP), None)


_POOLED: Final = (LOAD_BALANCER, APPLICATION_GATEWAY)


def _beside(context: Context, machine: Resource, role: Role, looked_at: set[str]) -> Iterator[_Found]:
    """Yield the machines that stand where a member stands, but for places that have been `looked_at`."""
    yield machine, Read(machine.id, "", machine.name)
    yield from _in_set(context.topology.graph, machine, looked_at)
    for pool in context.topology.balancing.pools_of(machine):
        if pool.key in looked_at:
            continue
        looked_at.add(pool.key)
        others = Items.of(context.topology.balancing.machines(pool).value)
        for other in others.only(Resource):
            if other.type == VM:
                yield other, Read(pool.resource.id, pool.path, pool.id)
        if others.open_end is not None:
            yield others.open_end
    if role in _OF_MIRRORS:
        yield from _in_subnets(context.topology.graph, machine, looked_at)


def _in_set(graph: Graph, machine: Resource, looked_at: set[str]) -> Iterator[_Found]:
    reference = value(machine, "properties.availabilitySet.id")
    if isinstance(reference.value, Unknown):
        yield reference.value
    if not isinstance(reference.value, str) or arm.key(reference.value) in looked_at:
        return
    looked_at.add(arm.key(reference.value))
    for edge in graph.referrers(arm.key(reference.value), VM):
        yield edge.source, value(edge.source, "properties.availabilitySet.id").reads[0]
    common = graph.get(reference.value)
    if isinstance(common, Unknown):
        yield common
        return
    others = Items.of(items(common, "properties.virtualMachines[*].id").value)
    for other in others.known:
        if isinstance(other, Unknown):
            yield other
        elif isinstance(other, str):
            yield graph.get_or_placeholder(other), Read(common.id, "properties.virtualMachines", other)
    if others.missing is not None:
        yield others.missing


def _in_subnets(graph: Graph, machine: Resource, looked_at: set[str]) -> Iterator[_Found]:
    for entry in objects(machine, "properties.networkProfile.networkInterfaces[*]").known:
        reference = value(entry, "id").value if isinstance(entry, Part) else entry
        interface = graph.get(reference) if isinstance(reference, str) else reference
        if isinstance(interface, Unknown):
            yield interface
        if not isinstance(interface, Resource):
            continue
        subnets = items(interface, _SUBNETS).value
        for subnet in subnets.known if isinstance(subnets, Items) else ():
            if isinstance(subnet, Unknown):
                yield subnet
            elif isinstance(subnet, str) and arm.key(subnet) not in looked_at:
                looked_at.add(arm.key(subnet))
                yield from _in_subnet(graph, subnet)
        if isinstance(subnets, Items) and subnets.missing is not None:
            yield subnets.missing


def _in_subnet(graph: Graph, subnet: str) -> Iterator[_Found]:
    """Yield the machines that have a network interface in a subnet."""
    for edge in graph.referrers(arm.key(subnet), NIC):
        own = value(edge.source, "properties.virtualMachine.id")
        attached = [found.source for found in graph.referrers(edge.source.key, VM)]
        if isinstance(own.value, str):
            attached.append(graph.get_or_placeholder(own.value))
        elif own.value is not ABSENT and isinstance(own.value, Unknown):
            yield own.value
        for other in attached:
            yield other, Read(edge.source.id, "properties.ipConfigurations", subnet)
    gap = graph.listing(NIC, arm.subscription_of(subnet))
    hidden = (unread(interface, "properties.ipConfigurations") for interface in graph.unreadable.get(NIC, ()))
    gap = gap or next(filter(None, hidden), None)
    if gap is not None:
        yield gap
