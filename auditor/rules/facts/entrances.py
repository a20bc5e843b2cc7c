"""Facts of the public entrances of tiers, and of the Traffic Manager profiles that point to them."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from auditor.azure.paths import ABSENT
from auditor.azure.types.names import APPLICATION_GATEWAY, AZURE_FIREWALL, LOAD_BALANCER, TRAFFIC_MANAGER
from auditor.estate.dns import ENDPOINTS
from auditor.estate.front_doors import TYPES, is_front_door
from auditor.estate.indexes import Index
from auditor.estate.load_balancing import POOLS, RULES, is_global
from auditor.estate.subjects import Deployment, Tier
from auditor.estate.tags import TIER_ROLES
from auditor.estate.topology import Topology
from auditor.rules.context import Context
from auditor.rules.facts.deployments import primary_region
from auditor.rules.facts.load_balancers import requests_status_page
from auditor.rules.facts.pools import only_udp, route_target
from auditor.rules.facts.roles import unlisted
from auditor.rules.registry import fact, once
from auditor.snapshot.known import Answer, Cause, PartialList, Read, Unknown
from auditor.snapshot.lookup import objects, parts, required, value
from auditor.snapshot.model import Part, Resource

LISTENER_OF: Final = {"properties.requestRoutingRules[*]": "httpListener", "properties.routingRules[*]": "listener"}
"""By path of rules in an application gateway, the property that refers to the listener."""


class Entrance(NamedTuple):
    """A public IP address from which a load balancer or application gateway sends traffic to a tier."""

    address: Resource
    hosts: frozenset[str] | None
    """The host names of which requests go to the tier, with `*` and `?`; None for any."""
    read: Read


@fact("deployment.tiers", "deployment", gives="tier*")
def tiers(context: Context, deployment: Deployment) -> Answer:
    """The tiers in the primary region."""
    region = primary_region(context, deployment)
    if isinstance(region.value, Unknown):
        return region
    known = [tier for tier in deployment.tiers if tier.region == region.value]
    there = {tier.declared.role for tier in deployment.tiers}
    undeclared = [deployment.vms[role] for role in TIER_ROLES if role not in there]
    unknowns = (PartialList.of(vms).incomplete_because for vms in (*deployment.expected.values(), *undeclared))
    return Answer(PartialList(tuple(known), next(filter(None, unknowns), None)))


@fact("deployment.internet_entrance", "deployment", gives="boolean")
def internet_entrance(context: Context, deployment: Deployment) -> Answer:
    """Whether clients come from the Internet: the deployment's `entrance` in the file.

    If undeclared, a Traffic Manager profile, an Azure Front Door, a public tier or a firewall with a public IP address
    in its virtual networks shows it; nothing shows the opposite. Unknown, unless a profile or Front Door is known, if
    a global load balancer leads to the deployment.
    """
    declared = deployment.declared.entrance
    if declared == "private":
        return Answer(False)
    seen = directing(deployment)
    if seen is not None or declared == "front-door":
        return Answer(True, () if seen is None else (Read(seen.id, "", seen.name),))
    other = next(_other_routing(context, deployment), None)
    if other is not None or declared == "internet":
        return Answer(other or True)
    found = seen_entrance(context, deployment)
    if found.value is True or (isinstance(found.value, Unknown) and found.value.cause is Cause.GAP):
        return found
    undeclared = Unknown(
        Cause.DECLARATION,
        f"whether clients of {deployment.declared.name} come from the Internet is not declared, and no public IP "
        "address leads to a tier: add `entrance: internet` or `entrance: private` to the deployment file",
    )
    return Answer(undeclared)


def directing(deployment: Deployment) -> Resource | None:
    """Return a Traffic Manager profile or Azure Front Door that leads to a deployment, None if none is known."""
    known = (found for type_ in (TRAFFIC_MANAGER, *TYPES) for found in deployment.scope[type_].of_type(Resource))
    return next((found for found in known if found.type == TRAFFIC_MANAGER or is_front_door(found) is True), None)


def seen_entrance(context: Context, deployment: Deployment) -> Answer:
    """Return whether there is a public tier, or a firewall with a public IP address."""
    there = PartialList.of(tiers(context, deployment).value)
    public = [is_public(context, tier) for tier in there.of_type(Tier)]
    firewalls = deployment.scope[AZURE_FIREWALL]
    named = [
        value(part, "properties.publicIPAddress.id")
        for firewall in firewalls.of_type(Resource)
        for part in parts(firewall, "properties.ipConfigurations[*]")
    ]
    for found in (*public, *named):
        if found.value is True or isinstance(found.value, str):
            return Answer(True, found.reads)
    unread_ones = (found.value for found in (*public, *named) if isinstance(found.value, Unknown))
    return Answer(next(unread_ones, None) or firewalls.missing or False)


def _other_routing(context: Context, deployment: Deployment) -> Iterator[Unknown]:
    """Yield what may do the work of Traffic Manager: a load balancer before those of the regions.

    A global load balancer knows the region of the primary only if the regional ones probe the mirror status page.
    """
    own = {found.key for found in deployment.scope[LOAD_BALANCER].of_type(Resource)}
    for whole, regional in context.topology.once(_before_regional).of(*sorted(own)):
        if any(requests_status_page(context, rule) is True for rule in parts(regional, RULES)):
            reason = f"{whole.id} leads to {regional.id}, and is not evaluated"
            yield Unknown(Cause.VALUE, reason, about=(whole.id, regional.id))


def _before_regional(topology: Topology) -> Index[str, tuple[Resource, Resource]]:
    """Return the global load balancers, each with one to which it sends traffic, by the key of that one."""
    return Index(
        (regional.key, (whole, regional))
        for whole in filter(is_global, topology.graph.by_type.get(LOAD_BALANCER, ()))
        for regional in _regional(topology, whole)
    )


def _regional(topology: Topology, whole: Resource) -> Iterator[Resource]:
    """Yield the load balancers to which a global one sends traffic."""
    for entry in parts(whole, f"{POOLS}.properties.loadBalancerBackendAddresses[*]"):
        frontend = value(entry, "properties.loadBalancerFrontendIPConfiguration.id").value
        owner = topology.graph.owner(frontend) if isinstance(frontend, str) else None
        if isinstance(owner, Resource):
            yield owner


@fact("tier.is_public", "tier", gives="boolean")
def is_public(context: Context, tier: Tier) -> Answer:
    """Whether a load balancer or application gateway sends traffic from a public IP address to the tier."""
    found = PartialList.of(entrances_of(context, tier).value)
    entrances = found.of_type(Entrance)
    return Answer(True if entrances else found.missing or False, tuple(entrance.read for entrance in entrances))


@fact("tier.profiles", "tier", gives="profile*")
def profiles(context: Context, tier: Tier) -> Answer:
    """The Traffic Manager profiles with an endpoint at a public IP address from which traffic goes to the tier.

    If several products share the public IP address by host name, a profile belongs to the product whose host name its
    probe requests.
    """
    entrances = PartialList.of(entrances_of(context, tier).value)
    own = entrances.of_type(Entrance)
    deployment = context.deployment
    others = (
        [other for other in deployment.tiers if other.declared.product != tier.declared.product] if deployment else []
    )
    beside = [
        rival for other in others for rival in PartialList.of(entrances_of(context, other).value).of_type(Entrance)
    ]
    found: dict[str, object] = {}
    reads = [entrance.read for entrance in own]
    for entrance in own:
        rivals = [rival for rival in beside if rival.address.key == entrance.address.key]
        for profile in context.topology.dns.profiles_at(entrance.address):
            if context.topology.dns.is_nested(profile):  # clients reach it by the one that it is nested in
                continue
            host = _host_requested(context, profile, entrance.address) if rivals else Answer(ABSENT)
            reads += host.reads
            points = _points_to(profile, host.value, entrance, rivals)
            if points is True or (isinstance(points, Unknown) and profile.key not in found):
                found[profile.key] = profile if points is True else points
    unknown = entrances.missing or next(_unknown_profiles(context), None)
    return Answer(PartialList(tuple(found.values()), unknown), tuple(reads))


def _unknown_profiles(context: Context) -> Iterator[Unknown]:
    """Yield why further Traffic Manager profiles may point to a tier."""
    deployment, naming = context.deployment, context.topology.dns
    if deployment is None:
        return
    own = deployment.scope[TRAFFIC_MANAGER]
    further = unlisted(context, deployment, TRAFFIC_MANAGER)
    if further is not None:
        yield further
    for profile in own.of_type(Resource):
        yield from (target for target in naming.targets(profile) if isinstance(target, Unknown))
        for address in context.topology.public_addresses.addresses(profile):
            if any(way.forwards for way in context.topology.public_addresses.ways_in(address)):
                reason = f"{profile.id} leads to {address.id}, from where packets are forwarded"
                yield Unknown(Cause.VALUE, reason, about=(profile.id, address.id))
    yield from (unknown for _, unknown in naming.doubts.all.of(*deployment.subscriptions))


# --- entrances --------------------------------------------------------------------------------------------------------


class Sent(NamedTuple):
    """The traffic of one rule of a load balancer or application gateway."""

    vms: PartialList
    """The targets."""
    frontend: Answer
    """The frontend at which it arrives."""
    hosts: frozenset[str] | None
    """The host names of the requests; None for any."""


@once
def entrances_of(context: Context, tier: Tier) -> Answer:
    """Return the public IP addresses from which traffic goes to a tier, each as an `Entrance`."""
    sent = PartialList.of(_sent(context, context.deployment).value)
    vms = {vm.key for vm in tier.members.of_type(Resource)}
    known: list[Entrance] = []
    unknown = tier.members.incomplete_because or sent.missing
    for by_rule in sent.of_type(Sent):
        if vms.isdisjoint(vm.key for vm in by_rule.vms.of_type(Resource)):
            unknown = unknown or by_rule.vms.incomplete_because
            continue
        address = _address(context, by_rule.frontend.value)
        if isinstance(address.value, Resource):
            known.append(Entrance(address.value, by_rule.hosts, address.reads[0]))
        elif isinstance(address.value, Unknown):
            unknown = unknown or address.value
    return Answer(PartialList(tuple(known), unknown))


@once
def _sent(context: Context, deployment: Deployment) -> Answer:
    """Return the traffic of all load balancers and application gateways of a deployment, by rule."""
    load_balancers, gateways = deployment.scope[LOAD_BALANCER], deployment.scope[APPLICATION_GATEWAY]
    found = [sent_by(context, owner) for own in (load_balancers, gateways) for owner in own.of_type(Resource)]
    further = (unlisted(context, deployment, type_) for type_ in (LOAD_BALANCER, APPLICATION_GATEWAY))
    return Answer(PartialList.joined(*found, PartialList(missing=next(filter(None, further), None))))


def sent_by(context: Context, owner: Resource) -> PartialList:
    """Return the traffic of a load balancer or application gateway, by rule, each as a `Sent`."""
    return _routed(context, owner) if owner.type == APPLICATION_GATEWAY else _balanced(context, owner)


def _balanced(context: Context, load_balancer: Resource) -> PartialList:
    balancing, graph = context.topology.load_balancing, context.topology.graph
    rules = graph.objects(load_balancer, RULES)
    sent = (
        Sent(balancing.vms_served(rule), required(graph.follow(rule, "frontendIPConfiguration")), None)
        for rule in rules.of_type(Part)
        if not only_udp(rule)
    )
    return PartialList(tuple(sent), rules.incomplete_because)


def _routed(context: Context, gateway: Resource) -> PartialList:
    graph = context.topology.graph
    found: list[PartialList] = []
    for path, listener_name in LISTENER_OF.items():
        rules = graph.objects(gateway, path)
        sent: list[Sent] = []
        for rule in rules.of_type(Part):
            listener = required(graph.follow(rule, listener_name)).value
            frontend = (
                required(graph.follow(listener, "frontendIPConfiguration"))
                if isinstance(listener, Part)
                else Answer(listener)
            )
            sent.append(Sent(_vms_behind(context, rule), frontend, _hosts(listener)))
        found.append(PartialList(tuple(sent), rules.incomplete_because))
    return PartialList.joined(*found)


def _vms_behind(context: Context, rule: Part) -> PartialList:
    """Return the VMs to which a rule of an application gateway sends requests, on any path."""
    by_path = route_target(context, rule, "urlPathMaps")
    routes: list[Part] = [rule]
    unknown = by_path if isinstance(by_path, Unknown) else None
    if isinstance(by_path, Part):
        paths = objects(by_path, "properties.pathRules[*]")
        routes += [by_path, *paths.of_type(Part)]
        unknown = paths.incomplete_because
    pools = [route_target(context, route, "backendAddressPools") for route in routes]
    served = [
        PartialList.of(context.topology.load_balancing.vms(pool).value if isinstance(pool, Part) else pool)
        for pool in pools
    ]
    return PartialList.joined(*served, PartialList(missing=unknown))


def _address(context: Context, frontend: object) -> Answer:
    """Return the public IP address of a frontend; absent if it is private."""
    if not isinstance(frontend, Part):
        return Answer(frontend)
    address = context.topology.graph.follow(frontend, "publicIPAddress")
    if address.value is not ABSENT:
        return address
    prefix = value(frontend, "properties.publicIPPrefix.id")
    if prefix.value is ABSENT:
        return Answer(ABSENT)
    reason = f"{frontend.id} has an address of a public IP prefix; which address it is, Azure does not return"
    return Answer(Unknown(Cause.VALUE, reason, about=(frontend.resource.id,)), prefix.reads)


# --- hosts ------------------------------------------------------------------------------------------------------------


def _hosts(listener: object) -> frozenset[str] | None:
    """Return the host names of a listener; None if it accepts requests for any."""
    if not isinstance(listener, Part):
        return None
    names = [value(listener, "properties.hostName").value]
    several = value(listener, "properties.hostNames").value
    names += several if isinstance(several, list) else []
    return frozenset(name.lower() for name in names if isinstance(name, str) and name) or None


def _points_to(profile: Resource, host: object, entrance: Entrance, rivals: list[Entrance]) -> bool | Unknown:
    """Return whether a profile whose probe requests a host points to an entrance, of several at one address."""
    if isinstance(host, Unknown):
        return host
    if not rivals:
        return True
    if not isinstance(host, str):
        reason = f"the probe of {profile.id} requests no host, and several products share {entrance.address.id}"
        return entrance.hosts is None or Unknown(Cause.VALUE, reason, about=(profile.id, entrance.address.id))
    if entrance.hosts is not None:
        return _matches(host, entrance.hosts)
    return not any(_matches(host, rival.hosts or ()) for rival in rivals)


def _matches(host: str, patterns: Iterable[str]) -> bool:
    return any(fnmatch.fnmatchcase(host.lower(), pattern) for pattern in patterns)


def _host_requested(context: Context, profile: Resource, address: Resource) -> Answer:
    """Return the host that a profile's probe requests at a public IP address; absent if it sets none."""
    for endpoint in objects(profile, ENDPOINTS).of_type(Part):
        target = context.topology.dns.target(endpoint).value
        if isinstance(target, Resource) and target.key == address.key:
            own = objects(endpoint, "properties.customHeaders[*]")
            headers = own if own.known else objects(profile, "properties.monitorConfig.customHeaders[*]")
            for header in headers.of_type(Part):
                if str(value(header, "name").value).lower() == "host":
                    return value(header, "value")
            if headers.incomplete_because is not None:
                return Answer(headers.incomplete_because)
    return Answer(ABSENT)
