"""Facts of the subnets that servers of a deployment share."""

from __future__ import annotations

from typing import Final, NamedTuple

from auditor.azure import arm
from auditor.estate.declaration import Role
from auditor.estate.subjects import Deployment
from auditor.rules.context import Context
from auditor.rules.facts.roles import roles_of
from auditor.rules.registry import fact, once
from auditor.snapshot.known import Answer, Cause, PartialList, Read, Unknown
from auditor.snapshot.lookup import value
from auditor.snapshot.model import Part, Resource

_DATABASE: Final = frozenset({Role.MIRROR_FAILOVER, Role.MIRROR_DR, Role.MIRROR_REPORTING, Role.DB})
_TIERS: Final = (
    _DATABASE,
    frozenset({Role.APP}),
    frozenset({Role.WEB}),
)
"""The roles that are to be in different subnets: databases, application servers, web servers."""


@fact("vm.other_tiers_in_subnet", "vm", gives="vm*")
def other_tiers_in_subnet(context: Context, vm: Resource) -> Answer:
    """The servers of other tiers in the subnets of the VM: databases, application servers and web servers.

    A server that has a role of the VM, too, is none of them.
    """
    own = {tier for tier in _TIERS if tier & {*roles_of(context, vm)}}
    return _beside(context, vm, frozenset().union(*(tier for tier in _TIERS if tier not in own)))


@fact("vm.arbiters_in_subnet", "vm", gives="vm*")
def arbiters_in_subnet(context: Context, vm: Resource) -> Answer:
    """The arbiters in the subnets of a database server; none of another VM."""
    is_database = bool(_DATABASE & {*roles_of(context, vm)})
    return _beside(context, vm, frozenset({Role.MIRROR_ARBITER}) if is_database else frozenset())


def _beside(context: Context, vm: Resource, roles: frozenset[Role]) -> Answer:
    """Return the other VMs in the subnets of a VM that have one of some roles and no role of the VM."""
    deployment = context.deployment
    if deployment is None:
        return Answer(PartialList())
    found = _subnets(context, vm)
    own, reads = PartialList.of(found.value), found.reads
    placed = _find_placed(context, deployment).value
    assert isinstance(placed, _Placed)  # noqa: S101 - as that returns it
    has = {*roles_of(context, vm)}
    places = {
        place
        for subnet in own.of_type(str)
        for others, there in placed.by_subnet.get(subnet, {}).items()
        if others & roles and not others & has
        for place in there
    }
    found_there = [placed.vms[place] for place in sorted(places)]
    reads += tuple(read for other in found_there for read in _subnets(context, other).reads)
    others = {other.key: other for other in found_there}
    return Answer(PartialList(tuple(others.values()), own.incomplete_because or placed.missing), reads)


class _Placed(NamedTuple):
    """The arbiters and the VMs of tiers of a deployment."""

    vms: tuple[Resource, ...]
    by_subnet: dict[str, dict[frozenset[Role], list[int]]]
    """Their places among these, by the key of the subnet and by their roles."""
    missing: Unknown | None
    """Why there may be more of them."""


@once
def _find_placed(context: Context, deployment: Deployment) -> Answer:
    """Return the arbiters and the VMs of tiers of a deployment, by subnet."""
    vms: list[Resource] = []
    by_subnet: dict[str, dict[frozenset[Role], list[int]]] = {}
    unknown: Unknown | None = None
    roles = frozenset({Role.MIRROR_ARBITER}).union(*_TIERS)
    for members in (PartialList.of(found) for role, found in deployment.vms.items() if role in roles):
        missing = members.incomplete_because
        unknown = unknown or (missing if missing is not None and missing.cause is not Cause.DECLARATION else None)
        for vm in members.of_type(Resource):
            subnets = PartialList.of(_subnets(context, vm).value)
            for subnet in dict.fromkeys(subnets.of_type(str)):
                alike = by_subnet.setdefault(subnet, {}).setdefault(frozenset(roles_of(context, vm)), [])
                alike.append(len(vms))
            vms.append(vm)
            unknown = unknown or subnets.incomplete_because
    return Answer(_Placed(tuple(vms), by_subnet, unknown))


@once
def _subnets(context: Context, vm: Resource) -> Answer:
    """Return the keys of the subnets of a VM."""
    graph = context.topology.graph
    interfaces = PartialList.of(graph.follow_all(vm, "networkInterfaces").value)
    known: list[object] = [*interfaces.of_type(Unknown)]
    missing = interfaces.missing
    reads: list[Read] = []
    for interface in interfaces.of_type(Resource):
        places = graph.objects(interface, "properties.ipConfigurations[*]")
        known += places.of_type(Unknown)
        missing = missing or places.missing
        for place in places.of_type(Part):
            named, subnet = value(place, "properties.subnet.id"), graph.follow(place, "subnet").value
            # One that was not read has its own id all the same.
            is_id = not isinstance(subnet, Unknown) or (subnet.cause is Cause.GAP and isinstance(named.value, str))
            known.append(arm.key(str(named.value)) if is_id else subnet)
            reads += named.reads
    return Answer(PartialList(tuple(known), missing), tuple(reads))
