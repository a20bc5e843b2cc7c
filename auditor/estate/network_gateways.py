"""Network gateways: those that a virtual network uses, and their connections."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from auditor.azure import arm
from auditor.azure.types.names import CONNECTION, NETWORK_GATEWAY, VIRTUAL_NETWORK
from auditor.estate.graph import Graph
from auditor.snapshot.known import Cause, PartialList, Unknown
from auditor.snapshot.lookup import unusable, value
from auditor.snapshot.model import Part, Resource

PEERINGS: Final = "properties.virtualNetworkPeerings[*]"
_SUBNET: Final = "gatewaysubnet"


def gateways_of(graph: Graph, network: Resource) -> PartialList:
    """Return the VPN and ExpressRoute gateways that a virtual network uses.

    They are its own, and those of the peered networks whose gateways it uses.
    """
    lenders = _lenders(graph, network)
    places = [network.key, *(arm.key(lender) for lender in lenders.of_type(str))]
    known = {
        edge.source.key: edge.source for place in places for edge in graph.referrers_within(place, NETWORK_GATEWAY)
    }
    doubts = (doubt for place in places for doubt in _unread(graph, place))
    unknown = next(doubts, None) or lenders.incomplete_because
    return PartialList(tuple(known.values()), unknown)


def connections_of(graph: Graph, gateway: Resource) -> PartialList:
    """Return the connections of a gateway, at either end."""
    known = {edge.source.key: edge.source for edge in graph.referrers(gateway.key, CONNECTION)}
    return PartialList(
        tuple(known.values()), next(_unseen(graph, CONNECTION, NETWORK_GATEWAY, arm.subscription_of(gateway.key)), None)
    )


def is_virtual_hub(network_id: str) -> bool:
    """Return whether the id is that of the network with which Azure peers one that is connected to a virtual hub.

    It is in a subscription of Microsoft's own, where nothing can be read.
    """
    return arm.name_of(network_id).lower().startswith("hv_")


def _lenders(graph: Graph, network: Resource) -> PartialList:
    """Return the ids of the virtual networks whose gateways a network uses."""
    peerings = graph.objects(network, PEERINGS)
    known: list[object] = [*peerings.of_type(Unknown)]
    for peering in peerings.of_type(Part):
        if value(peering, "properties.useRemoteGateways").value is True:
            remote = value(peering, "properties.remoteVirtualNetwork.id")
            known.append(remote.value if isinstance(remote.value, str) else unusable(remote, "an id"))
    return PartialList(
        tuple(found for found in known if not (isinstance(found, str) and is_virtual_hub(found))), peerings.missing
    )


def _unread(graph: Graph, place: str) -> Iterator[Unknown]:
    """Yield why a virtual network may have gateways that are not known; none without a subnet for them."""
    network = graph.get(place)
    if isinstance(network, Resource):
        subnets = graph.objects(network, "properties.subnets[*]")
        names = {str(value(subnet, "name").value).lower() for subnet in subnets.of_type(Part)}
        if subnets.complete and _SUBNET not in names:
            return
    elif network.cause is not Cause.GAP:
        yield network
    yield from _unseen(graph, NETWORK_GATEWAY, VIRTUAL_NETWORK, arm.subscription_of(place))
    yield from unread_gateways(graph)


def unread_gateways(graph: Graph) -> tuple[Unknown, ...]:
    """Return why any virtual network may have a gateway of which only a connection is known."""
    return graph.unread_ends(CONNECTION, "virtualNetworkGateway1")


def _unseen(graph: Graph, type_: str, to: str, subscription: str) -> Iterator[Unknown]:
    """Yield why further resources of a type in a subscription may refer to any one of another type."""
    yield from filter(None, (graph.listing(type_, subscription), graph.unresolved(type_, to, subscription)))
    yield from graph.hidden(type_, "properties", (subscription,))
