"""Facts of how the networks of users reach a deployment: over the Internet, by VPN or by ExpressRoute."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple

from auditor.azure import arm
from auditor.azure.paths import ABSENT
from auditor.azure.types.names import (
    AZURE_FIREWALL,
    CONNECTION,
    HUB_CONNECTION,
    NETWORK_GATEWAY,
    PUBLIC_ADDRESS,
    VIRTUAL_NETWORK,
)
from auditor.estate.front_doors import TYPES as FRONT_DOORS
from auditor.estate.network_gateways import connections_of, gateways_of, is_virtual_hub
from auditor.estate.private_addresses import peers_of
from auditor.estate.subjects import Deployment, undeclared
from auditor.estate.topology import Topology
from auditor.rules.context import Context
from auditor.rules.facts.connections import is_connected, is_of_type, is_provisioned
from auditor.rules.facts.deployments import regions
from auditor.rules.facts.entrances import directing, seen_entrance
from auditor.rules.facts.logic import every, some
from auditor.rules.facts.reading import text_at
from auditor.rules.registry import fact
from auditor.snapshot.known import Answer, Cause, PartialList, Read, Unknown
from auditor.snapshot.lookup import required, value
from auditor.snapshot.model import Resource

INTERNET: Final = "internet"
VPN: Final = "vpn"
EXPRESSROUTE: Final = "expressroute"
_PORT: Final = "properties.expressRoutePort.id"


class Connectivity(NamedTuple):
    """A declared way by which users' networks reach a deployment."""

    id: str
    kind: str


@fact("deployment.connectivity", "deployment", gives="connectivity*")
def connectivity(_: Context, deployment: Deployment) -> Answer:
    """The ways by which users' networks reach the deployment: `connectivity` in the deployment file.

    `internet` also if the file declares it as the entrance.
    """
    declared = deployment.declared
    kinds = [*(declared.connectivity or ()), *([INTERNET] if declared.entrance == INTERNET else [])]
    unknown = None
    if declared.connectivity is None:
        unknown = undeclared(declared, "connectivity", "connectivity: [internet, vpn, expressroute]")
    known = (Connectivity(f"{deployment.id}/connectivity/{kind}", kind) for kind in dict.fromkeys(kinds))
    return Answer(PartialList(tuple(known), unknown))


@fact("connectivity.kind", "connectivity", gives="text")
def kind_of(_: Context, found: Connectivity) -> Answer:
    """How users' networks reach the deployment: `internet`, `vpn` or `expressroute`."""
    return Answer(found.kind)


@fact("connectivity.is_there", "connectivity", gives="boolean")
def is_there(context: Context, found: Connectivity) -> Answer:
    """Whether resources of the deployment show the declared way.

    `internet`: a Traffic Manager profile, an Azure Front Door, a public load balancer or application gateway before a
    tier, or a firewall with a public IP address. `vpn`: an established connection, or a gateway for VPN clients.
    `expressroute`: an established connection to a provisioned circuit. Unknown where an appliance or a virtual hub may
    be that way.
    """
    if context.deployment is None:
        return Answer(False)
    return some(_WAYS[found.kind](context, context.deployment))


@fact("deployment.uses_expressroute", "deployment", gives="boolean")
def uses_expressroute(_: Context, deployment: Deployment) -> Answer:
    """Whether users' networks reach the deployment by ExpressRoute: it is declared, or a connection shows it."""
    if EXPRESSROUTE in (deployment.declared.connectivity or ()):
        return Answer(True)
    found = deployment.scope[CONNECTION]
    seen = (is_of_type(connection, "ExpressRoute") for connection in found.of_type(Resource))
    return some((*seen, Answer(found.missing or False)))


@fact("deployment.circuits", "deployment", gives="circuit*")
def circuits(context: Context, deployment: Deployment) -> Answer:
    """The provisioned ExpressRoute circuits with an established connection to a gateway of the deployment."""
    found = deployment.scope[CONNECTION]
    known: dict[str, object] = {}
    reads: list[Read] = []
    for connection in found.of_type(Resource):
        leads = _to_circuit(context, connection)
        circuit = context.topology.graph.follow(connection, "peer").value
        reads += leads.reads
        if leads.value is True and isinstance(circuit, Resource):
            known[circuit.key] = circuit
        elif isinstance(leads.value, Unknown):
            known[connection.key] = leads.value
    return Answer(PartialList(tuple(known.values()), found.missing), tuple(reads))


@fact("circuit.peering_location", "circuit", gives="text")
def peering_location(context: Context, circuit: Resource) -> Answer:
    """The place where the provider's network meets Microsoft's.

    Both links of an ExpressRoute Direct port, and all circuits of it, end at the one place of the port. Such places
    have other names than those of providers: beside a provider's circuit, the place of a port is unknown.
    """
    port = context.topology.graph.follow(circuit, "expressRoutePort")
    if port.value is ABSENT:
        return required(text_at(circuit, "properties.serviceProviderProperties.peeringLocation"))
    if not isinstance(port.value, Resource):
        return port
    found = required(text_at(port.value, "properties.peeringLocation"))
    others = PartialList.of(circuits(context, context.deployment).value if context.deployment else PartialList())
    if any(value(other, _PORT).value is ABSENT for other in others.of_type(Resource)):
        reason = f"whether {found.value} is another place than that of a provider's circuit, no resource shows"
        return Answer(Unknown(Cause.VALUE, reason, about=(port.value.id,)), port.reads)
    return Answer(found.value, (*port.reads, *found.reads))


@fact("deployment.has_vpn", "deployment", gives="boolean")
def has_vpn(_: Context, deployment: Deployment) -> Answer:
    """Whether an established VPN connection leads from a site to a gateway of the deployment."""
    return some(_vpn_connections(deployment))


@fact("deployment.regions_without_gateway", "deployment", gives="text*")
def regions_without_gateway(context: Context, deployment: Deployment) -> Answer:
    """The regions of the deployment of which no virtual network uses a gateway with an established connection."""
    declared = PartialList.of(regions(context, deployment).value)
    lacking: list[object] = [*declared.of_type(Unknown)]
    reads: list[Read] = []
    for region in declared.of_type(str):
        found = some(_connections_in(context, deployment, region))
        reads += found.reads
        if found.value is not True:
            lacking.append(found.value if isinstance(found.value, Unknown) else region)
    return Answer(PartialList(tuple(lacking), declared.missing), tuple(reads))


def _connections_in(context: Context, deployment: Deployment, region: str) -> Iterator[Answer]:
    """Yield of each connection of the networks in a region whether it is established, and leads to a site."""
    graph = context.topology.graph
    networks = deployment.scope[VIRTUAL_NETWORK]
    yield Answer(networks.missing or False)
    for network in networks.of_type(Resource):
        place = required(text_at(network, "location"))
        if isinstance(place.value, Unknown):
            yield place
        if network.location != region:
            continue
        if any(is_virtual_hub(peer) for peer in peers_of(network)):
            yield Answer(_unseen(network, "a gateway of the virtual hub"))
        gateways = gateways_of(graph, network)
        yield Answer(gateways.incomplete_because or False)
        for gateway in gateways.of_type(Resource):
            connections = connections_of(graph, gateway)
            yield Answer(connections.missing or False)
            for connection in connections.of_type(Resource):
                yield every((is_of_type(connection, "ExpressRoute", "IPsec"), is_connected(connection)))


def _vpn_connections(deployment: Deployment) -> Iterator[Answer]:
    """Yield of each connection of the deployment whether it is an established VPN connection to a site."""
    found = deployment.scope[CONNECTION]
    for connection in found.of_type(Resource):
        yield every((is_of_type(connection, "IPsec"), is_connected(connection)))
    yield Answer(found.missing or False)


def _by_internet(context: Context, deployment: Deployment) -> Iterator[Answer]:
    seen = directing(deployment)
    if seen is not None:
        yield Answer(True, (Read(seen.id, "", seen.name),))
    yield seen_entrance(context, deployment)
    yield from _by_appliances(context, deployment, context.topology.once(_forwarding), through=True)
    yield from (Answer(deployment.scope[type_].missing or False) for type_ in FRONT_DOORS)


def _by_vpn(context: Context, deployment: Deployment) -> Iterator[Answer]:
    for gateway in deployment.scope[NETWORK_GATEWAY].of_type(Resource):
        pool = value(gateway, "properties.vpnClientConfiguration.vpnClientAddressPool")
        yield Answer(pool.value if isinstance(pool.value, Unknown) else pool.value is not ABSENT, pool.reads)
    yield from _vpn_connections(deployment)
    yield from _by_virtual_hub(context, deployment, "properties.vpnGateway.id")
    yield from _by_appliances(context, deployment, context.topology.once(_forwarding_vms), through=False)


def _by_expressroute(context: Context, deployment: Deployment) -> Iterator[Answer]:
    found = deployment.scope[CONNECTION]
    for connection in found.of_type(Resource):
        yield _to_circuit(context, connection)
    yield Answer(found.missing or False)
    yield from _by_virtual_hub(context, deployment, "properties.expressRouteGateway.id")


def _to_circuit(context: Context, connection: Resource) -> Answer:
    """Return whether a connection leads to a provisioned ExpressRoute circuit, and is established."""
    established = every((is_of_type(connection, "ExpressRoute"), is_connected(connection)))
    if established.value is False:
        return established
    circuit = context.topology.graph.follow(connection, "peer")
    if not isinstance(circuit.value, Resource):
        missing = Unknown(Cause.VALUE, f"{connection.id} has no circuit", about=(connection.id,))
        return Answer(circuit.value if isinstance(circuit.value, Unknown) else missing, circuit.reads)
    return every((established, is_provisioned(circuit.value)))


def _by_virtual_hub(context: Context, deployment: Deployment, gateway: str) -> Iterator[Answer]:
    """Yield why a gateway of a virtual hub may be the way; its connections are not read."""
    graph = context.topology.graph
    for network in deployment.scope[VIRTUAL_NETWORK].of_type(Resource):
        if not any(is_virtual_hub(peer) for peer in peers_of(network)):
            continue
        hubs = [graph.get(arm.parent_of(edge.source.key)) for edge in graph.referrers(network.key, HUB_CONNECTION)]
        for hub in hubs:
            found = value(hub, gateway) if isinstance(hub, Resource) else Answer(hub)
            if found.value is not ABSENT:
                yield Answer(_unseen(network, "a gateway of the virtual hub"), found.reads)
        if not hubs:
            yield Answer(_unseen(network, "a gateway of the virtual hub"))


def _by_appliances(
    context: Context, deployment: Deployment, forwarding: Mapping[str, Resource], *, through: bool
) -> Iterator[Answer]:
    """Yield whether appliances in or beside the networks of the deployment are the way, by their public IP addresses.

    With `through` one in a network of the deployment is.
    """
    graph = context.topology.graph
    networks = deployment.scope[VIRTUAL_NETWORK]
    for network in networks.of_type(Resource):
        own = forwarding.get(network.key)
        if own is not None:
            yield Answer(through or _unseen(network, f"the appliance at {own.id}"), (Read(own.id, "", own.name),))
        for peer in peers_of(network):
            found, beside = graph.get(peer), forwarding.get(peer)
            if isinstance(found, Unknown) and not is_virtual_hub(peer):
                yield Answer(found)
            elif beside is not None:
                yield Answer(_unseen(network, f"the appliance at {beside.id}"))
    yield Answer(networks.missing or False)


def _forwarding(topology: Topology) -> dict[str, Resource]:
    """Return a public IP address of a firewall, or of a VM that forwards packets, by the key of its network."""
    return {
        network: address
        for address in topology.graph.by_type.get(PUBLIC_ADDRESS, ())
        for way in topology.public_addresses.ways_in(address)
        for network in way.networks
        if way.forwards
    }


def _forwarding_vms(topology: Topology) -> dict[str, Resource]:
    """Return a public IP address of a VM that forwards packets, by the key of its network."""
    holders = topology.public_addresses.holders
    return {
        network: address
        for network, address in _forwarding(topology).items()
        if any(holder.type != AZURE_FIREWALL for holder in holders(address))
    }


def _unseen(network: Resource, what: str) -> Unknown:
    reason = f"whether {what} is a way to {network.id} is not evaluated"
    return Unknown(Cause.VALUE, reason, about=(network.id,))


_WAYS: Final[dict[str, Callable[[Context, Deployment], Iterator[Answer]]]] = {
    INTERNET: _by_internet,
    VPN: _by_vpn,
    EXPRESSROUTE: _by_expressroute,
}
