"""Facts of VMs in the same places as those of a deployment, and of resources of the classic model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from auditor.azure import arm
from auditor.azure.paths import ABSENT
from auditor.azure.types import TYPES, display_type
from auditor.azure.types.names import APPLICATION_GATEWAY, LOAD_BALANCER, NIC, VM
from auditor.estate.declaration import Role
from auditor.estate.graph import Graph
from auditor.estate.subjects import Deployment, Subscription
from auditor.estate.topology import Topology
from auditor.rules.context import Context
from auditor.rules.facts.placement import vms_in_set
from auditor.rules.facts.reading import UNRECOGNISED, has_no_vm
from auditor.rules.registry import fact
from auditor.snapshot.known import Answer, Cause, PartialList, Read, Unknown
from auditor.snapshot.lookup import items, value
from auditor.snapshot.model import Resource

CLASSIC: Final = "microsoft.classic"
CLASSIC_TYPES: Final = tuple(type_ for type_ in TYPES if type_.startswith(CLASSIC))
"""The types of the classic model that must be listed; only then is the absence of classic resources known."""

_OF_MIRRORS: Final = (Role.MIRROR_FAILOVER, Role.MIRROR_DR, Role.MIRROR_REPORTING)
_SUBNETS: Final = "properties.ipConfigurations[*].properties.subnet.id"

_Found = tuple[Resource, Read] | Unknown
"""A VM and the property that shows it, or why there may be more."""


@fact("subscription.classic_resources", "subscription", gives="classic-resource*")
def classic_resources(context: Context, subscription: Subscription) -> Answer:
    """The resources of the classic deployment model.

    Unknown if no deployment is recognised in the subscription: other workloads are not evaluated. None count if it has
    no VM, whatever else it has.
    """
    graph = context.topology.graph
    if not subscription.deployments:
        return Answer(PartialList() if has_no_vm(graph, subscription.id) else UNRECOGNISED)
    known = tuple(
        resource
        for type_ in sorted(graph.by_type)
        if type_.startswith(CLASSIC)
        for resource in graph.in_subscriptions(type_, (subscription.id,))
    )
    unknowns = (graph.listing(type_, subscription.id) for type_ in CLASSIC_TYPES)
    reads = tuple(Read(resource.id, "type", display_type(resource.type)) for resource in known)
    return Answer(PartialList(known, next(filter(None, unknowns), None)), reads)


@fact("subscription.machines", "subscription", gives="vm*")
def vms(_: Context, subscription: Subscription) -> Answer:
    """The VMs in the subscription that have a role in a deployment."""
    rosters = (roster for deployment in subscription.deployments for roster in deployment.vms.values())
    found = PartialList.joined(*rosters)
    own = {m.key: m for m in found.of_type(Resource) if arm.subscription_of(m.key) == subscription.id}
    return Answer(PartialList(tuple(own[key] for key in sorted(own)), found.incomplete_because))


@fact("deployment.neighbours", "deployment", gives="vm*")
def neighbours(context: Context, deployment: Deployment) -> Answer:
    """The VMs in the same places as deployment members, including the members.

    The places are availability sets, backend pools, and the subnets of failover members, DR asyncs and reporting
    asyncs.
    """
    known: dict[str, Resource] = {}
    reads: list[Read] = []
    unknown = next(filter(None, (deployment.scope[t].missing for t in _POOLED)), None)
    visited: set[str] = set()
    for role in Role:
        roster = PartialList.of(deployment.vms[role])
        unknown = unknown or roster.incomplete_because
        for vm in roster.of_type(Resource):
            for found in _beside(context, vm, role, visited):
                if isinstance(found, Unknown):
                    unknown = unknown or found
                elif found[0].key not in known:
                    known[found[0].key] = found[0]
                    reads.append(found[1])
    return Answer(PartialList(tuple(known[key] for key in sorted(known)), unknown), tuple(reads))


@fact("vm.roles", "vm", gives="text*")
def roles(context: Context, vm: Resource) -> Answer:
    """The roles of the VM in all deployments, by the deployment file or by tags."""
    declared = context.topology.once(_roles)
    unknown = declared.unknown or declared.ambiguous.get(vm.key)
    return Answer(PartialList(tuple(declared.roles.get(vm.key, ())), unknown), (Read(vm.id, "", vm.name),))


class _Roles(NamedTuple):
    """The roles of the VMs of all deployments."""

    roles: dict[str, dict[Role, None]]
    """The roles of each VM, by its key."""
    ambiguous: dict[str, Unknown]
    """By key, the VMs that share one declared name: which of them has the role is unknown."""
    unknown: Unknown | None
    """Why any VM may have further roles."""


def _roles(topology: Topology) -> _Roles:
    found = _Roles({}, {}, _unread_members(topology))
    for deployment in topology.deployments:
        for key, own in deployment.roles.items():
            found.roles.setdefault(key, {}).update(dict.fromkeys(own))
        for member in deployment.declared_members:
            unknown = member.vms.incomplete_because
            if unknown is not None and unknown.cause is Cause.DECLARATION:
                found.ambiguous.update((match.key, unknown) for match in member.matches.of_type(Resource))
    return found


def _unread_members(topology: Topology) -> Unknown | None:
    """Return why the members of a role may include VMs that could not be read."""
    rosters = (roster for deployment in topology.deployments for roster in deployment.vms.values())
    unknowns = (PartialList.of(roster).incomplete_because for roster in rosters)
    return next((unknown for unknown in unknowns if unknown is not None and unknown.cause is Cause.GAP), None)


_POOLED: Final = (LOAD_BALANCER, APPLICATION_GATEWAY)


def _beside(context: Context, vm: Resource, role: Role, visited: set[str]) -> Iterator[_Found]:
    """Yield the VMs in the same places as a member, except in places that were `visited` before."""
    yield vm, Read(vm.id, "", vm.name)
    yield from _in_availability_set(context.topology.graph, vm, visited)
    for pool in context.topology.load_balancing.pools_of(vm):
        if pool.key in visited:
            continue
        visited.add(pool.key)
        others = PartialList.of(context.topology.load_balancing.vms(pool).value)
        for other in others.of_type(Resource):
            if other.type == VM:
                yield other, Read(pool.resource.id, pool.path, pool.id)
        if others.incomplete_because is not None:
            yield others.incomplete_because
    if role in _OF_MIRRORS:
        yield from _in_subnets(context.topology.graph, vm, visited)


def _in_availability_set(graph: Graph, vm: Resource, visited: set[str]) -> Iterator[_Found]:
    reference = value(vm, "properties.availabilitySet.id")
    if isinstance(reference.value, Unknown):
        yield reference.value
    if not isinstance(reference.value, str) or arm.key(reference.value) in visited:
        return
    visited.add(arm.key(reference.value))
    found, missing = vms_in_set(graph, reference.value)
    yield from found
    if missing is not None:
        yield missing


def _in_subnets(graph: Graph, vm: Resource, visited: set[str]) -> Iterator[_Found]:
    for interface in PartialList.of(graph.follow_all(vm, "networkInterfaces").value).known:
        if isinstance(interface, Unknown):
            yield interface
        if not isinstance(interface, Resource):
            continue
        subnets = items(interface, _SUBNETS).value
        for subnet in subnets.known if isinstance(subnets, PartialList) else ():
            if isinstance(subnet, Unknown):
                yield subnet
            elif isinstance(subnet, str) and arm.key(subnet) not in visited:
                visited.add(arm.key(subnet))
                yield from _in_subnet(graph, subnet)
        if isinstance(subnets, PartialList) and subnets.missing is not None:
            yield subnets.missing


def _in_subnet(graph: Graph, subnet: str) -> Iterator[_Found]:
    """Yield the VMs with a network interface in a subnet."""
    for edge in graph.referrers(arm.key(subnet), NIC):
        own = value(edge.source, "properties.virtualMachine.id")
        attached: list[Resource | Unknown] = [found.source for found in graph.referrers(edge.source.key, VM)]
        if isinstance(own.value, str):
            attached.append(graph.get_or_unread(own.value))
        elif own.value is not ABSENT and isinstance(own.value, Unknown):
            yield own.value
        for other in attached:
            read = Read(edge.source.id, "properties.ipConfigurations", subnet)
            yield other if isinstance(other, Unknown) else (other, read)
    unknown = graph.listing(NIC, arm.subscription_of(subnet))
    unknown = unknown or next(iter(graph.all_hidden(NIC, "properties.ipConfigurations")), None)
    if unknown is not None:
        yield unknown
