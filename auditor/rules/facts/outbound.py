"""Facts of how VMs reach the Internet: by a path that is set up for it, or by the address that Azure lends them.

What counts as set up is in Microsoft's page about default outbound access. User-defined routes come before a NAT
gateway, and that before the other ways.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Final, cast

from auditor.azure.paths import ABSENT
from auditor.estate.network_gateways import gateways_of, is_virtual_hub
from auditor.estate.private_addresses import peers_of
from auditor.rules.context import Context
from auditor.rules.facts.internet import ip_configurations
from auditor.rules.facts.load_balancers import unlisted_load_balancers
from auditor.rules.facts.reading import text_at
from auditor.rules.registry import fact, once
from auditor.snapshot.known import Answer, Cause, PartialList, Read, Unknown
from auditor.snapshot.lookup import items, objects, parts, unusable, value
from auditor.snapshot.model import Part, Resource

_HALVES: Final = (ipaddress.IPv4Network("0.0.0.0/1"), ipaddress.IPv4Network("128.0.0.0/1"))
_BY_HOP: Final = {"virtualappliance": "appliance", "virtualnetworkgateway": "network-gateway", "none": "blocked"}
_PATHS: Final = frozenset({"appliance", "network-gateway", "nat-gateway", "public-address", "load-balancer"})
_BLOCKED, _NOTHING = "blocked", "nothing"


@fact("vm.outbound_path", "vm", gives="text")
def outbound_path(context: Context, vm: Resource) -> Answer:
    """The path that is set up for traffic of the VM to the Internet.

    `appliance` or `network-gateway` (a user-defined default route leads there), `nat-gateway`, `public-address`,
    `load-balancer` (an outbound rule, or a load-balancing rule that translates addresses), `blocked` (a user-defined
    route drops it), or `nothing`. Unknown if a gateway may have learned a default route, which no resource shows.
    """
    found = PartialList.of(ip_configurations(context, vm).value)
    answers = [_of_configuration(context, configuration) for configuration in found.of_type(Part)]
    answers.append(_by_load_balancer(context, vm))
    for wanted in (_PATHS, {_BLOCKED}):
        for answer in answers:
            if answer.value in wanted:
                return answer
    unknowns = (answer.value for answer in answers if isinstance(answer.value, Unknown))
    learned = (_learned(context, configuration) for configuration in found.of_type(Part))
    unknown = found.incomplete_because or next(unknowns, None) or next(filter(None, learned), None)
    return Answer(unknown or _NOTHING, tuple(read for answer in answers for read in answer.reads))


@fact("vm.has_default_outbound", "vm", gives="boolean")
def has_default_outbound(context: Context, vm: Resource) -> Answer:
    """Whether a subnet of the VM is set to lend addresses for outbound traffic (`defaultOutboundAccess` is true).

    False if nothing is set, as in every network from before Azure had the property.
    """
    found = PartialList.of(ip_configurations(context, vm).value)
    unknown = found.incomplete_because
    reads: list[Read] = []
    for configuration in found.of_type(Part):
        subnet = context.topology.graph.follow(configuration, "subnet").value
        lends = value(subnet, "properties.defaultOutboundAccess") if isinstance(subnet, Part) else Answer(subnet)
        reads += lends.reads
        if lends.value is True:
            return lends
        if lends.value is not False and lends.value is not ABSENT:
            unknown = unknown or (unusable(lends, "true or false") if lends.reads else _unknown(lends.value))
    return Answer(unknown or False, tuple(reads))


def _unknown(found: object) -> Unknown:
    return found if isinstance(found, Unknown) else Unknown(Cause.VALUE, "a network interface has no subnet")


# --- paths ------------------------------------------------------------------------------------------------------------


def _of_configuration(context: Context, configuration: Part) -> Answer:
    """Return the path of an IP configuration, without those by load balancers."""
    graph = context.topology.graph
    subnet = graph.follow(configuration, "subnet")
    if not isinstance(subnet.value, Part):
        return Answer(_unknown(subnet.value), subnet.reads)
    shared = _of_subnet(context, subnet.value)
    if shared.value != _NOTHING:
        return shared
    own = value(configuration, "properties.publicIPAddress.id")
    if own.value is ABSENT:
        return Answer(_NOTHING, (*shared.reads, *own.reads))
    return Answer("public-address" if isinstance(own.value, str) else unusable(own, "an id"), own.reads)


@once
def _of_subnet(context: Context, subnet: Part) -> Answer:
    """Return the path that all IP configurations in a subnet have."""
    routed = _by_route(context, subnet)
    if routed.value != _NOTHING:
        return routed
    nat = _by_nat_gateway(context, subnet)
    return Answer(_NOTHING, (*routed.reads, *nat.reads)) if nat.value == _NOTHING else nat


def _by_route(context: Context, subnet: Part) -> Answer:
    """Return where the user-defined default route of a subnet leads."""
    table = context.topology.graph.follow(subnet, "routeTable")
    if not isinstance(table.value, Resource):
        return Answer(_NOTHING if table.value is ABSENT else table.value, table.reads)
    found = _hops(context, table.value).value
    if isinstance(found, Unknown):
        return Answer(found, table.reads)
    hops = [hop or Answer(_NOTHING, table.reads) for hop in cast("tuple[Answer | None, ...]", found)]
    unknown = next((hop for hop in hops if isinstance(hop.value, Unknown)), None)
    missing = next((hop for hop in hops if hop.value == _NOTHING), None)
    return unknown or missing or hops[0]


@once
def _hops(_: Context, table: Resource) -> Answer:
    """Return for each of `_HALVES` where a route table sends its addresses, None if it has no route for all of them."""
    routes = objects(table, "properties.routes[*]")
    if routes.incomplete_because is not None:
        return Answer(routes.incomplete_because)
    networks = [*_networks(routes)]
    hops: list[Answer | None] = []
    for half in _HALVES:
        covering = [(network.prefixlen, route) for route, network in networks if half.subnet_of(network)]
        route = max(covering, key=lambda entry: entry[0], default=(0, None))[1]
        hops.append(None if route is None else _hop(route))
    return Answer(tuple(hops))


def _networks(routes: PartialList) -> Iterator[tuple[Part, ipaddress.IPv4Network]]:
    """Yield routes with their address prefixes; those of service tags and of IPv6 are none."""
    for route in routes.of_type(Part):
        text = text_at(route, "properties.addressPrefix").value
        try:
            network = ipaddress.ip_network(str(text).strip(), strict=False)
        except ValueError:
            continue
        if isinstance(network, ipaddress.IPv4Network):
            yield route, network


def _hop(route: Part) -> Answer:
    hop = text_at(route, "properties.nextHopType")
    known = isinstance(hop.value, str)
    return Answer(_BY_HOP.get(str(hop.value).lower(), _NOTHING) if known else unusable(hop, "a text"), hop.reads)


def _by_nat_gateway(context: Context, subnet: Part) -> Answer:
    """Return whether a subnet has a NAT gateway with a public IP address."""
    gateway = context.topology.graph.follow(subnet, "natGateway")
    if not isinstance(gateway.value, Resource):
        return Answer(_NOTHING if gateway.value is ABSENT else gateway.value, gateway.reads)
    named = [
        items(gateway.value, f"properties.{name}[*].id")
        for name in ("publicIpAddresses", "publicIpPrefixes", "publicIpAddressesV6", "publicIpPrefixesV6")
    ]
    addresses = PartialList.joined(*(PartialList.of(answer.value) for answer in named))
    reads = (*gateway.reads, *(read for answer in named for read in answer.reads))
    return Answer("nat-gateway" if addresses.of_type(str) else addresses.incomplete_because or _NOTHING, reads)


def _by_load_balancer(context: Context, vm: Resource) -> Answer:
    """Return whether a load balancer translates the addresses of outbound traffic of the VM."""
    balancing = context.topology.load_balancing
    unknown = unlisted_load_balancers(context, [vm])
    for pool in balancing.pools_of(vm):
        outbound = objects(pool.resource, "properties.outboundRules[*]")
        unknown = unknown or outbound.incomplete_because
        for rule in outbound.of_type(Part):
            if pool.key in balancing.pool_keys(rule):
                return Answer("load-balancer", (Read(pool.resource.id, rule.path, rule.id),))
        for rule in balancing.rules_into(pool):
            found = _translates(context, rule)
            if found.value is True:
                return Answer("load-balancer", found.reads)
            unknown = unknown or (found.value if isinstance(found.value, Unknown) else None)
    return Answer(unknown or _NOTHING)


@once
def _translates(context: Context, rule: Part) -> Answer:
    """Return whether a load-balancing rule has a public frontend, and translates addresses of outbound traffic too."""
    disabled = value(rule, "properties.disableOutboundSnat")
    if disabled.value is True:
        return Answer(False, disabled.reads)
    frontend = context.topology.graph.follow(rule, "frontendIPConfiguration")
    if not isinstance(frontend.value, Part):
        return Answer(_unknown(frontend.value), frontend.reads)
    named = [value(frontend.value, f"properties.{name}.id") for name in ("publicIPAddress", "publicIPPrefix")]
    public = any(isinstance(answer.value, str) for answer in named)
    unknown = next((answer.value for answer in (disabled, *named) if isinstance(answer.value, Unknown)), None)
    return Answer(unknown or public, (*disabled.reads, *(read for answer in named for read in answer.reads)))


# --- learned routes ---------------------------------------------------------------------------------------------------


def _learned(context: Context, configuration: Part) -> Unknown | None:
    """Return why a default route may have been learned from a gateway, None if there is no gateway for the subnet."""
    graph = context.topology.graph
    subnet = graph.follow(configuration, "subnet").value
    if not isinstance(subnet, Part):
        return None
    table = graph.follow(subnet, "routeTable").value
    if isinstance(table, Resource) and value(table, "properties.disableBgpRoutePropagation").value is True:
        return None
    network = subnet.resource
    gateways = gateways_of(graph, network)
    route_server = any(
        str(value(part, "name").value).lower() == "routeserversubnet"
        for part in parts(network, "properties.subnets[*]")
    )
    if gateways.known or route_server or any(is_virtual_hub(peer) for peer in peers_of(network)):
        reason = f"{network.id} uses a gateway, and no resource shows whether it has learned a default route"
        return Unknown(Cause.VALUE, reason, about=(network.id,))
    return gateways.missing
