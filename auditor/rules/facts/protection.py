"""Facts of what protects public entrances: Web Application Firewalls, and firewalls in front or on the way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from auditor.azure import arm
from auditor.azure.paths import ABSENT
from auditor.azure.types.names import APPLICATION_GATEWAY, AZURE_FIREWALL, NIC
from auditor.estate.indexes import Index
from auditor.estate.load_balancing import ANY_NETWORK, RULES
from auditor.estate.private_addresses import network_of, peers_of
from auditor.estate.subjects import undeclared
from auditor.estate.topology import Topology
from auditor.rules.context import Context
from auditor.rules.facts.entrances import Sent, sent_by
from auditor.rules.facts.front_door_protection import by_front_door, public_frontend
from auditor.rules.facts.gateways import LISTENERS
from auditor.rules.facts.logic import every, is_set, some
from auditor.rules.facts.reading import text_at
from auditor.rules.facts.roles import any_serves_clients, roles_of
from auditor.rules.registry import fact
from auditor.snapshot.known import Answer, PartialList, Read, Unknown
from auditor.snapshot.lookup import objects, parts, unusable, value
from auditor.snapshot.model import Part, Resource

GROUP: Final = "microsoft.network/firewallpolicies/rulecollectiongroups"
_FRONTENDS: Final = "properties.frontendIPConfigurations[*]"
_NAT_RULES: Final = "properties.natRuleCollections[*].properties.rules[*]"
_RULES_OF_GROUP: Final = "properties.ruleCollections[*].rules[*]"
_NAMES_OF_ADDRESS: Final = ("properties.ipAddress", "properties.dnsSettings.fqdn")
_WAF_TIERS: Final = frozenset({"waf", "waf_v2"})
_CONFIGURATION: Final = "properties.webApplicationFirewallConfiguration"


@fact("entrance.is_public", "balancer", "gateway", gives="boolean")
def is_public(context: Context, owner: Resource) -> Answer:
    """Whether traffic from a public frontend goes to a VM with a role in the deployment.

    Load-balancing rules for UDP do not count, and neither does a frontend of an application gateway without a listener.
    """
    frontends = objects(owner, _FRONTENDS)
    public = [public_frontend(frontend) for frontend in frontends.of_type(Part)]
    found = some(public)
    if found.value is False:
        return Answer(frontends.incomplete_because or False, found.reads)
    sent = sent_by(context, owner)
    led = some(_leads_in(context, each) for each in sent.of_type(Sent))
    return Answer(sent.missing or False, led.reads) if led.value is False else led


def _leads_in(context: Context, sent: Sent) -> Answer:
    """Return whether the traffic of a rule comes from a public frontend, and goes to a VM of the deployment."""
    frontend = sent.frontend
    if not isinstance(frontend.value, Part):
        return frontend
    return every((public_frontend(frontend.value), Answer(any_serves_clients(context, sent.vms))))


@fact("entrance.protections", "balancer", "gateway", gives="text*")
def protections(context: Context, owner: Resource) -> Answer:
    """What protects a public entrance: `waf`, `azure-firewall`, `front-door`, or `appliance` of another vendor.

    Of an application gateway it is a Web Application Firewall (WAF), or a firewall on the way to its backends: a route
    of its subnet leads there. Of a load balancer it is a firewall to which the default route of its VMs leads. Of both
    it is an Azure Firewall that translates its own public IP address to that of the entrance (DNAT), or an Azure Front
    Door with a WAF policy that no client can bypass: security groups admit no one else. A route to another address than
    that of an Azure Firewall counts as `appliance` if the deployment file declares one.
    """
    found = [_firewall_in_front(context, owner), _firewall_on_the_way(context, owner), by_front_door(context, owner)]
    if owner.type == APPLICATION_GATEWAY:
        found.insert(0, _waf(owner))
    known = tuple(dict.fromkeys(answer.value for answer in found if isinstance(answer.value, str)))
    unknowns: list[Unknown] = [answer.value for answer in found if isinstance(answer.value, Unknown)]
    # What could not be read comes before what is not declared.
    unknowns.sort(key=lambda unknown: unknown.optional)
    reads = tuple(read for answer in found for read in answer.reads)
    return Answer(PartialList(known, next(iter(unknowns), None)), reads)


# --- Web Application Firewalls ----------------------------------------------------------------------------------------


def _waf(gateway: Resource) -> Answer:
    """Return `waf` if a WAF filters all requests to an application gateway, absent if it does not."""
    tier = value(gateway, "properties.sku.tier")
    if not isinstance(tier.value, str):
        return Answer(unusable(tier, "a tier"), tier.reads)
    if tier.value.lower() not in _WAF_TIERS:
        return Answer(ABSENT, tier.reads)
    listeners = objects(gateway, LISTENERS)
    by_listener = every(_has_policy(listener) for listener in listeners.of_type(Part))
    if not listeners.known:
        by_listener = Answer(listeners.missing or False)
    has = some((_has_policy(gateway), _configured(gateway), by_listener))
    return Answer("waf" if has.value is True else has.value or ABSENT, (*tier.reads, *has.reads))


def _has_policy(element: Resource | Part) -> Answer:
    """Return whether an application gateway or a listener has a WAF policy; SEC009 evaluates what it does."""
    policy = value(element, "properties.firewallPolicy.id")
    if policy.value is ABSENT:
        return Answer(False, policy.reads)
    return Answer(True if isinstance(policy.value, str) else unusable(policy, "an id"), policy.reads)


def _configured(gateway: Resource) -> Answer:
    """Return whether an application gateway has a WAF without a policy, as those of the first version do."""
    enabled = value(gateway, f"{_CONFIGURATION}.enabled")
    known = enabled.value is ABSENT or isinstance(enabled.value, bool | Unknown)
    found = enabled.value if known else unusable(enabled, "true or false")
    return Answer(False if found is ABSENT else found, enabled.reads)


# --- firewalls --------------------------------------------------------------------------------------------------------


def _firewall_in_front(context: Context, owner: Resource) -> Answer:
    """Return `azure-firewall` if an Azure Firewall sends on what arrives to a public IP address of an entrance."""
    frontends = parts(owner, _FRONTENDS)
    found = [context.topology.graph.follow(frontend, "publicIPAddress").value for frontend in frontends]
    addresses = [address for address in found if isinstance(address, Resource)]
    texts = (value(address, name).value for address in addresses for name in _NAMES_OF_ADDRESS)
    targets = {text.lower() for text in texts if isinstance(text, str)}
    unknown = next((address for address in found if isinstance(address, Unknown)), None)
    for rules in _nat_rules(context) if targets else ():
        unknown = unknown or rules.incomplete_because
        for rule in rules.of_type(Part):
            for name in ("translatedAddress", "translatedFqdn"):
                target = value(rule, name)
                if isinstance(target.value, str) and target.value.lower() in targets:
                    return Answer("azure-firewall", target.reads)
    return Answer(unknown or ABSENT)


def _nat_rules(context: Context) -> Iterator[PartialList]:
    """Yield the rules of Azure Firewalls in the scanned subscriptions, those of their policies too."""
    graph = context.topology.graph
    for type_ in (AZURE_FIREWALL, GROUP):
        yield PartialList(missing=graph.unlisted(type_, context.deployment.subscriptions if context.deployment else ()))
    yield from context.topology.once(_rules_of_firewalls)


def _rules_of_firewalls(topology: Topology) -> list[PartialList]:
    """Return the rules of each Azure Firewall, those of its policy too."""
    graph = topology.graph
    groups = Index((arm.parent_of(group.key), group) for group in graph.by_type.get(GROUP, ()))
    found: list[PartialList] = []
    for firewall in graph.by_type.get(AZURE_FIREWALL, ()):
        found.append(objects(firewall, _NAT_RULES))
        policy = value(firewall, "properties.firewallPolicy.id")
        if isinstance(policy.value, Unknown):
            found.append(PartialList(missing=policy.value))
        named = arm.key(policy.value) if isinstance(policy.value, str) else ""
        found += (objects(group, _RULES_OF_GROUP) for group in groups.of(named))
    return found


def _firewall_on_the_way(context: Context, owner: Resource) -> Answer:
    """Return the kind of the firewall to which routes lead, absent if there is none."""
    subnets = _subnets(context, owner)
    if subnets.incomplete_because is not None:
        return Answer(subnets.incomplete_because)
    kinds: set[str] = set()
    reads: list[Read] = []
    unknown = None
    for subnet in subnets.of_type(Part):
        hop = _next_hop(context, subnet, any_prefix=owner.type == APPLICATION_GATEWAY)
        reads += hop.reads
        if hop.value is ABSENT:
            return Answer(ABSENT, hop.reads)
        kind = hop.value if isinstance(hop.value, Unknown) else _firewall_at(context, subnet, str(hop.value))
        if isinstance(kind, str):
            kinds.add(kind)
        elif kind is None:
            return Answer(ABSENT, hop.reads)
        else:
            unknown = unknown or kind
    return Answer(unknown or next(iter(sorted(kinds)), ABSENT), tuple(reads))


def _subnets(context: Context, owner: Resource) -> PartialList:
    """Return the distinct subnets of an application gateway, or of the VMs to which a load balancer sends traffic."""
    graph = context.topology.graph
    places: Iterable[Part]
    unknown = None
    if owner.type == APPLICATION_GATEWAY:
        found = objects(owner, "properties.gatewayIPConfigurations[*]")
        places, unknown = found.of_type(Part), found.incomplete_because
    else:
        rules = objects(owner, RULES)
        served = PartialList.joined(*map(context.topology.load_balancing.vms_served, rules.of_type(Part)))
        own = {vm.key: vm for vm in served.of_type(Resource) if roles_of(context, vm)}
        others = PartialList(tuple(vm for vm in served.of_type(Resource) if vm.key not in own))
        linked = [PartialList.of(graph.follow_all(vm, "networkInterfaces").value) for vm in own.values()]
        interfaces = PartialList.joined(PartialList(missing=served.incomplete_because), *linked)
        unknown = rules.incomplete_because or interfaces.incomplete_because
        unclear = any_serves_clients(context, others)
        if isinstance(unclear, Unknown):
            unknown = unknown or unclear
        cards = [card for card in interfaces.of_type(Resource) if card.type == NIC]
        places = [part for card in cards for part in parts(card, "properties.ipConfigurations[*]")]
    subnets: dict[str, Part] = {}
    for place in places:
        subnet = graph.follow(place, "subnet").value
        if isinstance(subnet, Part):
            subnets[subnet.key] = subnet
        elif isinstance(subnet, Unknown):
            unknown = unknown or subnet
    return PartialList(tuple(subnets.values()), unknown)


def _next_hop(context: Context, subnet: Part, *, any_prefix: bool) -> Answer:
    """Return the address of the appliance to which a route of a subnet leads, absent if none does.

    It is the default route, or with `any_prefix` any route: an application gateway needs its own default route.
    """
    table = context.topology.graph.follow(subnet, "routeTable")
    if not isinstance(table.value, Resource):
        return table
    routes = objects(table.value, "properties.routes[*]")
    reads = table.reads
    for route in routes.of_type(Part):
        prefix, kind = value(route, "properties.addressPrefix"), value(route, "properties.nextHopType")
        if not any_prefix and prefix.value != "0.0.0.0/0":
            continue
        hop = value(route, "properties.nextHopIpAddress")
        if str(kind.value).lower() == "virtualappliance" and isinstance(hop.value, str):
            return Answer(hop.value, (*reads, *hop.reads))
        reads = (*reads, *kind.reads)
    return Answer(routes.incomplete_because or ABSENT, reads)


def _firewalls(topology: Topology) -> Index[str, str]:
    """Return the keys of the virtual networks of Azure Firewalls, by private IP address; `ANY_NETWORK` for a hub."""
    found: list[tuple[str, str]] = []
    for firewall in topology.graph.by_type.get(AZURE_FIREWALL, ()):
        hub = value(firewall, "properties.hubIPAddresses.privateIPAddress").value
        found += [(hub, ANY_NETWORK)] if isinstance(hub, str) else []
        for place in parts(firewall, "properties.ipConfigurations[*]"):
            where = value(place, "properties.subnet.id").value
            address = value(place, "properties.privateIPAddress").value
            if isinstance(where, str) and isinstance(address, str):
                found.append((address, network_of(where)))
    return Index(found)


def _firewall_at(context: Context, subnet: Part, address: str) -> str | Unknown | None:
    """Return the kind of the firewall at a private IP address in the network of a subnet, or in a peered one.

    None if it is not declared as a firewall.
    """
    graph = context.topology.graph
    own = network_of(subnet.key)
    network = graph.get(own)
    near = {own, *(peers_of(network) if isinstance(network, Resource) else ())}
    places = context.topology.once(_firewalls).of(address)
    if ANY_NETWORK in places or not near.isdisjoint(places):
        return "azure-firewall"
    deployment = context.deployment
    if deployment is None or deployment.declared.firewall == "appliance":
        return "appliance"
    subscriptions = {arm.subscription_of(key) for key in near}
    listings = (graph.listing(AZURE_FIREWALL, subscription) for subscription in sorted(subscriptions))
    unread = next(filter(None, listings), None)
    if unread is None and deployment.declared.firewall:
        return None
    return unread or undeclared(deployment.declared, "firewall", "firewall: appliance")


# --- denial of service ------------------------------------------------------------------------------------------------


@fact("entrance.ddos_protected", "balancer", "gateway", gives="boolean")
def ddos_protected(context: Context, owner: Resource) -> Answer:
    """Whether DDoS Protection covers the public frontends of an entrance: by address, or by a plan of the network."""
    frontends = objects(owner, _FRONTENDS)
    public = (frontend for frontend in frontends.of_type(Part) if public_frontend(frontend).value is not False)
    found = every(_is_covered(context, owner, frontend) for frontend in public)
    return found if found.value is False else Answer(frontends.incomplete_because or found.value, found.reads)


def _is_covered(context: Context, owner: Resource, frontend: Part) -> Answer:
    """Return whether DDoS Protection covers a public frontend."""
    address = context.topology.graph.follow(frontend, "publicIPAddress")
    if isinstance(address.value, Unknown):
        return address
    mode = Answer(ABSENT)
    if isinstance(address.value, Resource):
        mode = text_at(address.value, "properties.ddosSettings.protectionMode")
    text = "virtualnetworkinherited" if mode.value is ABSENT else str(mode.value).lower()
    if isinstance(mode.value, Unknown) or text != "virtualnetworkinherited":
        return Answer(mode.value if isinstance(mode.value, Unknown) else text == "enabled", mode.reads)
    subnets = _subnets(context, owner)
    networks = {network_of(subnet.id): None for subnet in subnets.of_type(Part)}
    plans = every(_has_plan(context, network) for network in networks)
    if plans.value is False or not networks:
        return Answer(subnets.incomplete_because or False, (*mode.reads, *plans.reads))
    return Answer(subnets.incomplete_because or plans.value, (*mode.reads, *plans.reads))


def _has_plan(context: Context, network: str) -> Answer:
    found = context.topology.graph.get(network)
    if isinstance(found, Unknown):
        return Answer(found)
    enabled = value(found, "properties.enableDdosProtection")
    return Answer(False, enabled.reads) if enabled.value is ABSENT else is_set(found, "properties.enableDdosProtection")
