"""The service tag VirtualNetwork: which subnets it includes, and what the routes of a subnet add to it.

Azure counts the prefixes of user-defined routes and of routes to other networks to this tag. With a default route, it
stands for every address (https://learn.microsoft.com/azure/virtual-network/service-tags-overview, 2023-01-26).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from auditor.azure import arm
from auditor.azure.paths import ABSENT
from auditor.azure.types.names import NETWORK_GATEWAY
from auditor.estate.graph import Graph
from auditor.estate.security_rules import EVERY_ADDRESS, NO_ADDRESS, Addresses, prefix
from auditor.snapshot.known import Cause, Unknown
from auditor.snapshot.lookup import malformed, objects, parts, unusable, value
from auditor.snapshot.model import Part, Resource

_COUNTED: Final = frozenset({"virtualappliance", "virtualnetworkgateway"})
"""The next hops of routes whose prefixes are known to count to the tag."""

_CONNECTED: Final = "connected"
"""The state of a peering of which both ends exist."""

_GATEWAY_SUBNETS: Final = frozenset({"gatewaysubnet", "routeserversubnet"})
"""The subnets of what exchanges routes with other networks."""


def includes(graph: Graph, own: str, others: str) -> bool | Unknown:
    """Return whether the tag VirtualNetwork in one virtual network includes the addresses of another, by their keys.

    It does if they are one, or peered. What gateways and hubs connect, no resource shows.
    """
    if own == others:
        return True
    network = graph.get(own)
    if isinstance(network, Unknown):
        return network
    peerings = objects(network, "properties.virtualNetworkPeerings[*]")
    for peering in peerings.of_type(Part):
        remote = value(peering, "properties.remoteVirtualNetwork.id").value
        access = value(peering, "properties.allowVirtualNetworkAccess").value
        state = str(value(peering, "properties.peeringState").value).lower()
        open_to = isinstance(remote, str) and arm.key(remote) == others and access in {True, ABSENT}
        if open_to and state == _CONNECTED:
            return True
    reason = f"no resource shows whether {others} is connected to {own}, so that VirtualNetwork includes it"
    return peerings.incomplete_because or Unknown(Cause.VALUE, reason, about=(network.id,))


def added_by_routes(graph: Graph, subnet: Part | Resource, *, announced: bool) -> Addresses:
    """Return the Internet addresses and service tags that routes add to the tag VirtualNetwork in a subnet.

    With `announced`, the routes that a gateway may learn from another network make it unknown: no resource shows them.
    """
    found = NO_ADDRESS
    table: Resource | Unknown | None = None
    reference = value(subnet, "properties.routeTable.id")
    if reference.value is not ABSENT:
        is_id = isinstance(reference.value, str)
        table = graph.get(reference.value) if is_id else unusable(reference, "an id")  # type: ignore[arg-type]
    if isinstance(table, Unknown):
        return found.plus(_anybody(table))
    if table is not None:
        for addresses in _user_defined(table):
            found = found.plus(addresses)
    if table is None or value(table, "properties.disableBgpRoutePropagation").value is not True:
        for addresses in _propagated(graph, subnet, announced=announced):
            found = found.plus(addresses)
    return found


def _user_defined(table: Resource) -> Iterator[Addresses]:
    """Yield what each route of a route table adds."""
    routes = objects(table, "properties.routes[*]")
    if routes.missing is not None:
        yield _anybody(routes.missing)
    for route in routes.known:
        if isinstance(route, Unknown):
            yield _anybody(route)
        elif isinstance(route, Part):
            yield _of_route(route)


def _of_route(route: Part) -> Addresses:
    text, hop = value(route, "properties.addressPrefix"), value(route, "properties.nextHopType")
    if not isinstance(text.value, str):
        return _anybody(unusable(text, "an address prefix or service tag"))
    added = prefix(route, "properties.addressPrefix", text.value.strip().lower())
    if added is None:
        return _anybody(malformed(route, "properties.addressPrefix", text.value, "an address prefix or service tag"))
    added = msgspec.structs.replace(added, reads=(*text.reads, *hop.reads))
    if isinstance(hop.value, str) and hop.value.lower() in _COUNTED:
        return added
    reason = f"{route.id}: it is unknown whether the service tag VirtualNetwork includes routes to {hop.value}"
    return added.doubted(Unknown(Cause.VALUE, reason, about=(route.resource.id,)))


def _propagated(graph: Graph, subnet: Part | Resource, *, announced: bool) -> Iterator[Addresses]:
    """Yield what the gateways that a virtual network uses add."""
    network = graph.owner(arm.parent_of(subnet.key))
    if isinstance(network, Unknown):
        if announced:
            yield _anybody(network)
        return
    subnets = parts(network, "properties.subnets[*]")
    peerings = [peering for peering in parts(network, "properties.virtualNetworkPeerings[*]") if _uses_gateway(peering)]
    remote = [value(peering, "properties.remoteVirtualNetwork.id").value for peering in peerings]
    for place in (network.key, *(arm.key(found) for found in remote if isinstance(found, str))):
        for edge in graph.referrers(f"{place}/subnets/gatewaysubnet", NETWORK_GATEWAY):
            default = value(edge.source, "properties.gatewayDefaultSite.id")
            if isinstance(default.value, str):
                yield msgspec.structs.replace(EVERY_ADDRESS, reads=default.reads)
    if announced and (peerings or any(arm.name_of(found.key) in _GATEWAY_SUBNETS for found in subnets)):
        reason = f"{network.id} uses a gateway, and no resource shows whether it has learned a default route"
        yield _anybody(Unknown(Cause.VALUE, reason, about=(network.id,)))


def _uses_gateway(peering: Part) -> bool:
    return value(peering, "properties.useRemoteGateways").value is True


def _anybody(unknown: Unknown) -> Addresses:
    """Return sources that may include any address."""
    return msgspec.structs.replace(NO_ADDRESS, unknown=unknown)
