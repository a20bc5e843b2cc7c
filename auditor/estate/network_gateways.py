"""Network gateways: those that a virtual network uses, and their connections."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from auditor.azure import arm
from auditor.azure.types.names import CONNECTION, NETWORK_GATEWAY
from auditor.estate.graph import Graph
from auditor.snapshot.known import PartialList, Unknown
from auditor.snapshot.lookup import objects, parts, unread, value
from auditor.snapshot.model import Part, Resource

PEERINGS: Final = "properties.virtualNetworkPeerings[*]"
_SUBNET: Final = "gatewaysubnet"


def gateways_of(graph: Graph, network: Resource) -> PartialList:
    """Return the VPN and ExpressRoute gateways that a virtual network uses.

    They are its own, and those of the peered networks whose gateways it uses.
    """
    places = [network.key, *_lenders(network)]
    known = {
        edge.source.key: edge.source
        for place in places
        for edge in graph.referrers(f"{place}/subnets/{_SUBNET}", NETWORK_GATEWAY)
    }
    doubts = (doubt for place in places for doubt in _unread(graph, place))
    unknown = next(doubts, None) or objects(network, PEERINGS).incomplete_because
    return PartialList(tuple(known.values()), unknown)


def connections_of(graph: Graph, gateway: Resource) -> PartialList:
    """Return the connections of a gateway, at either end."""
    known = {edge.source.key: edge.source for edge in graph.referrers(gateway.key, CONNECTION)}
    return PartialList(
        tuple(known.values()), next(_unlisted(graph, CONNECTION, arm.subscription_of(gateway.key)), None)
    )


def is_virtual_hub(network_id: str) -> bool:
    """Return whether the id is that of the network with which Azure peers one that is connected to a virtual hub.

    It is in a subscription of Microsoft's own, where nothing can be read.
    """
    return arm.name_of(network_id).lower().startswith("hv_")


def _lenders(network: Resource) -> list[str]:
    """Return the keys of the virtual networks whose gateways a network uses."""
    using = (
        peering for peering in parts(network, PEERINGS) if value(peering, "properties.useRemoteGateways").value is True
    )
    remote = (value(peering, "properties.remoteVirtualNetwork.id").value for peering in using)
    return [arm.key(found) for found in remote if isinstance(found, str) and not is_virtual_hub(found)]


def _unread(graph: Graph, place: str) -> Iterator[Unknown]:
    """Yield why a virtual network may have gateways that are not known; none without a subnet for them."""
    network = graph.resources.get(place)
    if network is not None:
        subnets = objects(network, "properties.subnets[*]")
        names = {str(value(subnet, "name").value).lower() for subnet in subnets.of_type(Part)}
        if subnets.complete and _SUBNET not in names:
            return
    yield from _unlisted(graph, NETWORK_GATEWAY, arm.subscription_of(place))


def _unlisted(graph: Graph, type_: str, subscription: str) -> Iterator[Unknown]:
    gap = graph.listing(type_, subscription)
    if gap is not None:
        yield gap
    for resource in graph.unreadable.get(type_, ()):
        hidden = unread(resource, "properties") if arm.subscription_of(resource.key) == subscription else None
        if hidden is not None:
            yield hidden
