"""Facts of what joins the virtual networks of failover members and DR asyncs.

Only what Azure shows counts: traffic that the users' own network carries from one region to the other does not.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache, partial
from itertools import product
from typing import Final, NamedTuple

from auditor.azure import arm
from auditor.azure.paths import ABSENT
from auditor.azure.types.names import HUB_CONNECTION, VIRTUAL_NETWORK
from auditor.estate.graph import Graph
from auditor.estate.network_gateways import PEERINGS, connections_of, gateways_of, is_virtual_hub
from auditor.estate.subjects import Mirror
from auditor.rules.context import Context
from auditor.rules.facts.connections import is_connected, is_of_type, is_provisioned
from auditor.rules.facts.logic import every, is_set, reads_as, some
from auditor.rules.facts.reading import text_at
from auditor.rules.registry import fact
from auditor.snapshot.known import Answer, Cause, PartialList, Read, Unknown
from auditor.snapshot.lookup import items, malformed, objects, parts, required, value
from auditor.snapshot.model import Part, Resource

SAME_NETWORK: Final = "same-network"
NOTHING: Final = "nothing"


class Place(NamedTuple):
    """Where a VM is in a virtual network."""

    network: str
    """The id of the virtual network."""
    subnet: Part
    configuration: Part
    """The IP configuration of a network interface, which has the address."""


class Peer(NamedTuple):
    """A peering with what is at its other end."""

    peering: Part
    remote: str
    """The id of the virtual network at the other end."""


@fact("mirror.dr_joined_by", "mirror", gives="text")
def dr_joined_by(context: Context, mirror: Mirror) -> Answer:
    """What joins the virtual networks of the failover members and the DR asyncs: of all pairs, the least direct way.

    `same-network`, `peering`, `virtual-wan`, `vpn`, `expressroute`, `hub` (routes to an appliance or gateway in a
    peered network), or `nothing` if one of the pairs is not joined. Absent without a DR async.
    """
    members, asyncs = PartialList.of(mirror.failover), PartialList.of(mirror.dr)
    unknown = members.incomplete_because or asyncs.incomplete_because
    graph = context.topology.graph
    by_name = _ways(graph)
    pairs = product(*([_places(graph, vm) for vm in found.of_type(Resource)] for found in (members, asyncs)))
    answers = [_joined_by(by_name, *pair) for pair in pairs]
    nothing = next((answer for answer in answers if answer.value == NOTHING), None)
    if nothing is not None:
        return nothing
    unknown = unknown or next((answer.value for answer in answers if isinstance(answer.value, Unknown)), None)
    ways = [answer.value for answer in answers if isinstance(answer.value, str)]
    reads = _each_once(read for answer in answers for read in answer.reads)
    return Answer(unknown or max(ways, key=[*by_name].index, default=ABSENT), reads)


def _each_once(reads: Iterable[Read]) -> tuple[Read, ...]:
    return tuple({(read.resource, read.path): read for read in reads}.values())


def _joined_by(ways: Mapping[str, _Way], here: PartialList, there: PartialList) -> Answer:
    """Return what joins the places of two VMs, of which each may have several."""
    unknown = here.incomplete_because or there.incomplete_because
    reads: list[Read] = []
    for start, end in product(here.of_type(Place), there.of_type(Place)):
        for name, way in ways.items():
            found = way(start, end)
            if found.value is True:
                return Answer(name, found.reads)
            reads += found.reads
            if isinstance(found.value, Unknown):
                unknown = unknown or found.value
    return Answer(unknown or NOTHING, _each_once(reads))


def _places(graph: Graph, vm: Resource) -> PartialList:
    """Return where the network interfaces of a VM are."""
    interfaces = PartialList.of(graph.follow_all(vm, "networkInterfaces").value)
    known: list[object] = [*interfaces.of_type(Unknown)]
    for interface in interfaces.of_type(Resource):
        configurations = graph.objects(interface, "properties.ipConfigurations[*]")
        known += configurations.of_type(Unknown)
        if configurations.missing is not None:
            known.append(configurations.missing)
        for configuration in configurations.of_type(Part):
            subnet = graph.follow(configuration, "subnet").value
            known.append(Place(subnet.resource.id, subnet, configuration) if isinstance(subnet, Part) else subnet)
    return PartialList(tuple(known), interfaces.missing)


# --- ways from network to network -------------------------------------------------------------------------------------


def _same(start: Place, end: Place) -> Answer:
    same = arm.key(start.network) == arm.key(end.network)
    return Answer(same, tuple(Read(place.network, "id", place.network) for place in (start, end)))


def _peered(graph: Graph, one: str, other: str, *, forwarding: bool = False) -> Answer:
    """Return whether two networks are peered, by both sides; with `forwarding`, also for what others send on."""
    return every(_side(graph, *ends, forwarding=forwarding) for ends in ((one, other), (other, one)))


def _side(graph: Graph, one: str, other: str, *, forwarding: bool) -> Answer:
    """Return whether a peering on one network lets it exchange traffic with another."""
    network = graph.get(one)
    if isinstance(network, Unknown):
        return Answer(network)
    peers = _peers(graph, network)
    for peer in peers.of_type(Peer):
        if arm.key(peer.remote) == arm.key(other):
            return _is_open(peer.peering, forwarding=forwarding)
    named = (value(peer.peering, _REMOTE) for peer in peers.of_type(Peer))
    reads = [read for answer in named for read in answer.reads]
    return Answer(
        peers.incomplete_because or False, tuple(reads) or value(network, "properties.virtualNetworkPeerings").reads
    )


def _is_open(peering: Part, *, forwarding: bool) -> Answer:
    return every(_conditions(peering, forwarding=forwarding))


def _conditions(peering: Part, *, forwarding: bool) -> Iterator[Answer]:
    yield reads_as(peering, "properties.peeringState", "Connected")
    yield is_set(peering, "properties.allowVirtualNetworkAccess")
    if forwarding:
        yield is_set(peering, "properties.allowForwardedTraffic")
    if value(peering, "properties.peerCompleteVnets").value is False:
        reason = f"{peering.id} joins only some subnets; which ones is not evaluated"
        yield Answer(Unknown(Cause.VALUE, reason, about=(peering.resource.id,)))


def _peers(graph: Graph, network: Resource) -> PartialList:
    """Return the peerings of a virtual network; it is unknown what is at the other end of one that leads nowhere."""
    peerings = graph.objects(network, PEERINGS)
    known: list[object] = [*peerings.of_type(Unknown)]
    for peering in peerings.of_type(Part):
        remote = required(text_at(peering, _REMOTE)).value
        nowhere = _leads_nowhere(graph, peering, remote) if isinstance(remote, str) else None
        known.append(Peer(peering, remote) if isinstance(remote, str) and nowhere is None else nowhere or remote)
    return PartialList(tuple(known), peerings.missing)


def _leads_nowhere(graph: Graph, peering: Part, remote: str) -> Unknown | None:
    """Return why a peering leads to no virtual network, None if it does; after that was deleted it is closed."""
    if arm.type_of(remote) != VIRTUAL_NETWORK:
        return malformed(peering, _REMOTE, remote, "the id of a virtual network")
    found = None if is_virtual_hub(remote) else graph.get(remote)
    if not isinstance(found, Unknown) or found.cause is Cause.GAP:
        return None
    return None if _is_open(peering, forwarding=False).value is False else found


_REMOTE: Final = "properties.remoteVirtualNetwork.id"


def _in_one_wan(graph: Graph, one: str, other: str) -> Answer:
    """Return whether two networks are connected to hubs of one virtual WAN, by its default routes."""
    ends = [_hub_connections(graph, network) for network in (one, other)]
    unknown = next(filter(None, (end.incomplete_because for end in ends)), None)
    pairs = product(*(end.of_type(Resource) for end in ends))
    return some((*(_routed_by_wan(graph, *pair) for pair in pairs), Answer(unknown or False)))


def _hub_connections(graph: Graph, network_id: str) -> PartialList:
    """Return the connections of a network to virtual hubs; without a peering with the network of one, there is none."""
    known = tuple(edge.source for edge in graph.referrers(arm.key(network_id), HUB_CONNECTION))
    network = graph.get(network_id)
    if known:
        return PartialList(known)
    if isinstance(network, Unknown):
        return PartialList(missing=network)
    peers = _peers(graph, network)
    if not any(is_virtual_hub(peer.remote) for peer in peers.of_type(Peer)):
        return PartialList((), peers.incomplete_because)
    unread = graph.listing(HUB_CONNECTION, arm.subscription_of(network.key))
    reason = f"the virtual hub to which {network.id} is connected was not read"
    return PartialList((), unread or Unknown(Cause.GAP, reason, about=(network.id,)))


def _routed_by_wan(graph: Graph, one: Resource, other: Resource) -> Answer:
    hubs = [graph.get(arm.parent_of(connection.key)) for connection in (one, other)]
    wans = [graph.follow(hub, "virtualWan") if isinstance(hub, Resource) else Answer(hub) for hub in hubs]
    found = [wan.value for wan in wans]
    reads = tuple(read for wan in wans for read in wan.reads)
    unknown = next((wan for wan in found if isinstance(wan, Unknown)), None)
    first, second = found
    if not isinstance(first, Resource) or not isinstance(second, Resource):
        return Answer(unknown or False, reads)
    if first.key != second.key:
        return Answer(False, reads)
    checks = every((reads_as(first, "properties.type", "Standard"), *map(_by_default_routes, (one, other))))
    return Answer(checks.value, (*reads, *checks.reads))


def _by_default_routes(connection: Resource) -> Answer:
    """Return whether a connection is provisioned and uses the default route tables of its virtual WAN."""
    table = text_at(connection, "properties.routingConfiguration.associatedRouteTable.id")
    labels = items(connection, "properties.routingConfiguration.propagatedRouteTables.labels[*]")
    reads = (*table.reads, *labels.reads)
    if isinstance(table.value, Unknown):
        return table
    shared = {str(label).lower() for label in PartialList.of(labels.value).known}
    own = isinstance(table.value, str) and arm.name_of(table.value).lower() != _DEFAULT_TABLE
    if own or (shared and _DEFAULT_LABEL not in shared):
        reason = f"{connection.id} has route tables of its own; whether they join the networks is not evaluated"
        return Answer(Unknown(Cause.VALUE, reason, about=(connection.id,)), reads)
    return reads_as(connection, "properties.provisioningState", "Succeeded")


_DEFAULT_TABLE: Final = "defaultroutetable"
_DEFAULT_LABEL: Final = "default"


class _Link(NamedTuple):
    """A connection of one of the gateways that a network uses."""

    gateway: Resource
    connection: Resource


def _links(graph: Graph, network: str, *types: str) -> PartialList:
    """Return the connections of some types of the gateways that a network uses."""
    found = graph.get(network)
    if isinstance(found, Unknown):
        return PartialList(missing=found)
    gateways = gateways_of(graph, found)
    known: list[object] = []
    for gateway in gateways.of_type(Resource):
        connections = connections_of(graph, gateway)
        for connection in connections.of_type(Resource):
            wanted = is_of_type(connection, *types).value
            if wanted is not False:
                known.append(_Link(gateway, connection) if wanted is True else wanted)
        if connections.missing is not None:
            known.append(connections.missing)
    return PartialList(tuple(known), gateways.missing)


def _by_vpn(graph: Graph, one: str, other: str) -> Answer:
    """Return whether an established VPN connection of one network leads to a gateway that the other one uses."""
    answers: list[Answer] = []
    for here, there in ((one, other), (other, one)):
        network = graph.get(there)
        gateways = gateways_of(graph, network) if isinstance(network, Resource) else PartialList(missing=network)
        links = _links(graph, here, "Vnet2Vnet", "IPsec")
        answers += (_leads_to(graph, link, gateways) for link in links.of_type(_Link))
        unknown = links.incomplete_because or (gateways.incomplete_because if links.known else None)
        answers.append(Answer(unknown or False))
    return some(answers)


def _leads_to(graph: Graph, link: _Link, gateways: PartialList) -> Answer:
    """Return whether a VPN connection is established, and leads to one of several gateways."""
    return every((_ends_at(graph, link, gateways), is_connected(link.connection)))


def _ends_at(graph: Graph, link: _Link, gateways: PartialList) -> Answer:
    if is_of_type(link.connection, "Vnet2Vnet").value is True:
        path = "properties.virtualNetworkGateway2.id"
        ends = [text_at(link.connection, path), text_at(link.connection, path.replace("2", "1"))]
        keys = {arm.key(end.value) for end in ends if isinstance(end.value, str)} - {link.gateway.key}
        found = any(gateway.key in keys for gateway in gateways.of_type(Resource))
        return Answer(found or gateways.missing or False, tuple(read for end in ends for read in end.reads))
    device = graph.follow(link.connection, "localNetworkGateway2")
    if not isinstance(device.value, Resource):
        return Answer(device.value if isinstance(device.value, Unknown) else False, device.reads)
    names = [text_at(device.value, f"properties.{name}") for name in ("gatewayIpAddress", "fqdn")]
    reads = (*device.reads, *(read for name in names for read in name.reads))
    wanted = {name.value.lower() for name in names if isinstance(name.value, str) and name.value}
    return Answer(_is_reached_at(graph, gateways, wanted), reads)


def _is_reached_at(graph: Graph, gateways: PartialList, wanted: set[str]) -> bool | Unknown:
    """Return whether one of several gateways has a public IP address or domain name of some."""
    unknown = gateways.missing
    for gateway in gateways.of_type(Resource):
        for configuration in parts(gateway, "properties.ipConfigurations[*]"):
            address = graph.follow(configuration, "publicIPAddress").value
            if isinstance(address, Unknown):
                unknown = unknown or address
            elif isinstance(address, Resource):
                has = [value(address, path).value for path in ("properties.ipAddress", "properties.dnsSettings.fqdn")]
                if wanted & {str(name).lower() for name in has if isinstance(name, str)}:
                    return True
    return unknown or False


def _by_expressroute(graph: Graph, one: str, other: str) -> Answer:
    """Return whether ExpressRoute joins two networks: over one circuit, or over two that Global Reach joins."""
    ends = [_links(graph, network, "ExpressRoute") for network in (one, other)]
    if not all(end.known or end.missing for end in ends):
        return Answer(False)
    unknown = next(filter(None, (end.incomplete_because for end in ends)), None)
    pairs = product(*(end.of_type(_Link) for end in ends))
    return some((*(_over_circuits(graph, *pair) for pair in pairs), Answer(unknown or False)))


def _over_circuits(graph: Graph, here: _Link, there: _Link) -> Answer:
    """Return whether two gateways accept each other's traffic, and their circuits lead from one to the other."""
    links = (here, there)
    return every(
        (
            # Absent where the gateway is older than the property, and accepts traffic.
            *(is_set(link.gateway, "properties.allowRemoteVnetTraffic") for link in links),
            *(is_connected(link.connection) for link in links),
            _circuits_meet(graph, here.connection, there.connection),
        )
    )


def _circuits_meet(graph: Graph, one: Resource, other: Resource) -> Answer:
    named = [graph.follow(connection, "peer") for connection in (one, other)]
    reads = tuple(read for name in named for read in name.reads)
    first, second = (name.value for name in named)
    if not isinstance(first, Resource) or not isinstance(second, Resource):
        unknown = next((end for end in (first, second) if isinstance(end, Unknown)), None)
        return Answer(unknown or False, reads)
    if first.key == second.key:
        return is_provisioned(first)
    return every((is_provisioned(first), is_provisioned(second), _global_reach(first, second)))


def _global_reach(one: Resource, other: Resource) -> Answer:
    """Return whether ExpressRoute Global Reach joins two circuits."""
    for circuit, far in ((one, other), (other, one)):
        for connection in parts(circuit, "properties.peerings[*].properties.connections[*]"):
            remote = value(connection, "properties.peerExpressRouteCircuitPeering.id").value
            if isinstance(remote, str) and arm.owner_of(remote) == far.key:
                return reads_as(connection, "properties.circuitConnectionStatus", "Connected")
    reached = [value(circuit, "properties.globalReachEnabled") for circuit in (one, other)]
    reads = tuple(read for found in reached for read in found.reads)
    if any(found.value is False for found in reached):
        return Answer(False, reads)
    reason = f"whether Global Reach joins {one.id} and {other.id} is not visible"
    return Answer(Unknown(Cause.VALUE, reason, about=(one.id, other.id)), reads)


# --- by a hub ---------------------------------------------------------------------------------------------------------


def _by_hub(graph: Graph, start: Place, end: Place) -> Answer:
    """Return whether routes of both subnets lead to appliances or gateways in peered networks that are joined."""
    firsts, lasts = _hops(graph, start, end), _hops(graph, end, start)
    if not (firsts.known or firsts.missing) or not (lasts.known or lasts.missing):
        return Answer(False)
    unknown = firsts.incomplete_because or lasts.incomplete_because
    pairs = product(firsts.of_type(_Hop), lasts.of_type(_Hop))
    return some((*(_over_hubs(graph, start, end, *pair) for pair in pairs), Answer(unknown or False)))


class _Hop(NamedTuple):
    """A peered network to which a route leads."""

    network: str
    read: Read


def _over_hubs(graph: Graph, start: Place, end: Place, first: _Hop, last: _Hop) -> Answer:
    near = (_reaches_hub(graph, place.network, hop.network) for place, hop in ((start, first), (end, last)))
    same = arm.key(first.network) == arm.key(last.network)
    between = () if same else (_hubs_joined(graph, first.network, last.network),)
    found = every((*near, *between))
    return Answer(found.value, (first.read, last.read, *found.reads))


def _reaches_hub(graph: Graph, spoke: str, hub: str) -> Answer:
    """Return whether a network and its hub are peered, and it accepts what the hub sends on."""
    return every((_side(graph, spoke, hub, forwarding=True), _side(graph, hub, spoke, forwarding=False)))


def _hubs_joined(graph: Graph, one: str, other: str) -> Answer:
    return some(
        (
            _peered(graph, one, other, forwarding=True),
            _in_one_wan(graph, one, other),
            _by_vpn(graph, one, other),
            _by_expressroute(graph, one, other),
        )
    )


def _hops(graph: Graph, place: Place, target: Place) -> PartialList:
    """Return the peered networks to which a subnet routes what goes to a VM."""
    network = graph.get(place.network)
    if isinstance(network, Unknown):
        return PartialList(missing=network)
    peers = _peers(graph, network)
    route = _route(graph, place.subnet, required(text_at(target.configuration, "properties.privateIPAddress")).value)
    if isinstance(route, Unknown):
        return PartialList(missing=route)
    known: list[object] = []
    for peer in peers.of_type(Peer):
        hop = None if is_virtual_hub(peer.remote) else _leads_into(peer, route)
        if hop is not None:
            known.append(hop)
    return PartialList(tuple(known), peers.incomplete_because if route is not None else None)


def _leads_into(peer: Peer, route: Part | None) -> _Hop | Unknown | None:
    """Return the network of a peering as next hop if a route leads there."""
    borrows = value(peer.peering, "properties.useRemoteGateways")
    if route is None:
        if borrows.value is not True:
            return None
        reason = f"{peer.peering.id} uses gateways of {peer.remote}; the routes that these announce are not visible"
        return Unknown(Cause.VALUE, reason, about=(peer.peering.resource.id,))
    kind = value(route, "properties.nextHopType")
    if str(kind.value).lower() == "virtualnetworkgateway":
        return _Hop(peer.remote, kind.reads[0]) if borrows.value is True else None
    if str(kind.value).lower() != "virtualappliance":
        return None
    hop = value(route, "properties.nextHopIpAddress")
    space = PartialList.of(items(peer.peering, "properties.remoteAddressSpace.addressPrefixes[*]").value)
    inside = any(_contains(prefix, hop.value) for prefix in space.known)
    return _Hop(peer.remote, hop.reads[0]) if inside else None


def _route(graph: Graph, subnet: Part, address: object) -> Part | Unknown | None:
    """Return the user-defined route with the longest prefix that has an address, None if there is none."""
    if isinstance(address, Unknown):
        return address
    named = text_at(subnet, "properties.routeTable.id")
    if not isinstance(named.value, str):
        return named.value if isinstance(named.value, Unknown) else None
    table = graph.get(named.value)
    if isinstance(table, Unknown):
        return table
    routes = objects(table, "properties.routes[*]")
    if routes.incomplete_because is not None:
        return routes.incomplete_because
    matching = (
        (network.prefixlen, route)
        for route in routes.of_type(Part)
        if (network := _network(value(route, "properties.addressPrefix").value)) is not None
        and _contains(str(network), address)
    )
    return max(matching, key=lambda entry: entry[0], default=(0, None))[1]


def _network(prefix: object) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    """Return an address prefix; None for a service tag."""
    try:
        return ipaddress.ip_network(str(prefix).strip(), strict=False)
    except ValueError:
        return None


def _contains(prefix: object, address: object) -> bool:
    network = _network(prefix)
    try:
        return network is not None and ipaddress.ip_address(str(address)) in network
    except ValueError:
        return False


_Way = Callable[[Place, Place], Answer]


def _ways(graph: Graph) -> dict[str, _Way]:
    """Return the ways from one place to another, by name, in the order in which they are looked for."""

    def of_networks(way: Callable[[Graph, str, str], Answer]) -> _Way:
        between = cache(partial(way, graph))  # most pairs of members are in the same two networks
        return lambda start, end: between(start.network, end.network)

    return {
        SAME_NETWORK: _same,
        "peering": of_networks(_peered),
        "virtual-wan": of_networks(_in_one_wan),
        "vpn": of_networks(_by_vpn),
        "expressroute": of_networks(_by_expressroute),
        "hub": partial(_by_hub, graph),
    }
