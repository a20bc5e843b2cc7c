"""Facts of how clients on the Internet come to a tier, and whether Traffic Manager leads them there."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from auditor.azure import arm
from auditor.azure.paths import ABSENT
from auditor.azure.types.names import APPLICATION_GATEWAY, LOAD_BALANCER, TRAFFIC_MANAGER
from auditor.estate.dns import ENDPOINTS
from auditor.estate.load_balancing import RULES
from auditor.estate.subjects import Deployment, Tier
from auditor.estate.tags import TIER_ROLES
from auditor.rules.context import Context
from auditor.rules.facts.deployments import primary_region
from auditor.rules.facts.pools import TARGETS, only_udp
from auditor.rules.registry import fact, once
from auditor.snapshot.known import Answer, Cause, Items, Read, Unknown
from auditor.snapshot.lookup import objects, value
from auditor.snapshot.model import Part, Resource

LISTENER_OF: Final = {"properties.requestRoutingRules[*]": "httpListener", "properties.routingRules[*]": "listener"}
"""The property by which a rule of an application gateway names its listener, by where such rules stand."""


class Entrance(NamedTuple):
    """A public address from which traffic comes to a tier."""

    address: Resource
    hosts: frozenset[str] | None
    """The host names that come to the tier, with `*` and `?`; None where whatever is asked for does."""
    read: Read


@fact("deployment.tiers", "deployment", gives="tier*")
def tiers(context: Context, deployment: Deployment) -> Answer:
    """The tiers in the primary region."""
    region = primary_region(context, deployment)
    if isinstance(region.value, Unknown):
        return region
    known = [tier for tier in deployment.tiers if tier.region == region.value]
    there = {tier.declared.role for tier in deployment.tiers}
    hidden = [deployment.machines[role] for role in TIER_ROLES if role not in there]
    gaps = (Items.of(machines).open_end for machines in (*deployment.expected.values(), *hidden))
    return Answer(Items(tuple(known), next(filter(None, gaps), None)))


@fact("tier.is_public", "tier", gives="boolean")
def is_public(context: Context, tier: Tier) -> Answer:
    """Whether a rule sends traffic from a public address to the tier, by a load balancer or an application gateway."""
    found = Items.of(_entrances(context, tier).value)
    entrances = found.only(Entrance)
    return Answer(True if entrances else found.missing or False, tuple(entrance.read for entrance in entrances))


@fact("tier.profiles", "tier", gives="profile*")
def profiles(context: Context, tier: Tier) -> Answer:
    """The Traffic Manager profiles that lead to the tier: to a public address from which traffic comes to it.

    Where traffic for several products comes from one address, by the name of the host, a profile leads to that product
    whose host its probe asks for.
    """
    entrances = Items.of(_entrances(context, tier).value)
    own = entrances.only(Entrance)
    deployment = context.deployment
    others = (
        [other for other in deployment.tiers if other.declared.product != tier.declared.product] if deployment else []
    )
    beside = [rival for other in others for rival in Items.of(_entrances(context, other).value).only(Entrance)]
    found: dict[str, object] = {}
    reads = [entrance.read for entrance in own]
    for entrance in own:
        rivals = [rival for rival in beside if rival.address.key == entrance.address.key]
        for profile in context.topology.naming.profiles_at(entrance.address):
            host = _host_asked_for(context, profile, entrance.address) if rivals else Answer(ABSENT)
            reads += host.reads
            meant = _is_meant(profile, host.value, entrance, rivals)
            if meant is True or (isinstance(meant, Unknown) and profile.key not in found):
                found[profile.key] = profile if meant is True else meant
    missing = entrances.missing or next(_unclear_profiles(context), None)
    return Answer(Items(tuple(found.values()), missing), tuple(reads))


def _unclear_profiles(context: Context) -> Iterator[Unknown]:
    """Yield why there may be profiles that lead to a tier without our seeing it."""
    deployment, naming = context.deployment, context.topology.naming
    if deployment is None:
        return
    own = deployment.scope[TRAFFIC_MANAGER]
    if own.missing is not None:
        yield own.missing
    for profile in own.only(Resource):
        yield from (target for target in naming.targets(profile) if isinstance(target, Unknown))
    for profile, doubts in naming.doubtful:
        if arm.subscription_of(profile.key) in deployment.subscriptions:
            yield from doubts


# --- entrances --------------------------------------------------------------------------------------------------------


class _Sent(NamedTuple):
    """What a rule of a load balancer or an application gateway sends on."""

    machines: Items
    """To whom."""
    frontend: Answer
    """At which it arrives."""
    hosts: frozenset[str] | None
    """The host names that it is for, None for any."""


@once
def _entrances(context: Context, tier: Tier) -> Answer:
    """Return the public addresses from which traffic comes to a tier."""
    sent = Items.of(_sent(context, context.deployment).value)
    machines = {machine.key for machine in tier.members.only(Resource)}
    known: list[Entrance] = []
    doubt = tier.members.open_end or sent.missing
    for by_rule in sent.only(_Sent):
        if machines.isdisjoint(machine.key for machine in by_rule.machines.only(Resource)):
            doubt = doubt or by_rule.machines.open_end
            continue
        address = _address(context, by_rule.frontend.value)
        if isinstance(address.value, Resource):
            known.append(Entrance(address.value, by_rule.hosts, address.reads[0]))
        elif isinstance(address.value, Unknown):
            doubt = doubt or address.value
    return Answer(Items(tuple(known), doubt))


@once
def _sent(context: Context, deployment: Deployment) -> Answer:
    """Return what the balancers and gateways of a deployment send on."""
    balancers, gateways = deployment.scope[LOAD_BALANCER], deployment.scope[APPLICATION_GATEWAY]
    found = [_balanced(context, balancer) for balancer in balancers.only(Resource)]
    found += [_routed(context, gateway) for gateway in gateways.only(Resource)]
    return Answer(Items.joined(*found, Items(missing=balancers.missing or gateways.missing)))


def _balanced(context: Context, balancer: Resource) -> Items:
    balancing = context.topology.balancing
    rules = objects(balancer, RULES)
    sent = (
        _Sent(balancing.machines_served(rule), balancing.frontend(rule), None)
        for rule in rules.only(Part)
        if not only_udp(rule)
    )
    return Items(tuple(sent), rules.open_end)


def _routed(context: Context, gateway: Resource) -> Items:
    found: list[Items] = []
    for path, listener_name in LISTENER_OF.items():
        rules = objects(gateway, path)
        sent: list[_Sent] = []
        for rule in rules.only(Part):
            listener = _named(context, rule, listener_name).value
            frontend = _named(context, listener, "frontendIPConfiguration")
            sent.append(_Sent(_machines(context, rule), frontend, _hosts(listener)))
        found.append(Items(tuple(sent), rules.open_end))
    return Items.joined(*found)


def _machines(context: Context, rule: Part) -> Items:
    """Return the machines to which a rule of an application gateway sends requests, on whichever path."""
    by_path = _named(context, rule, "urlPathMap").value
    routes: list[Part] = [rule]
    missing = by_path if isinstance(by_path, Unknown) else None
    if isinstance(by_path, Part):
        paths = objects(by_path, "properties.pathRules[*]")
        routes += [by_path, *paths.only(Part)]
        missing = paths.open_end
    pools = [_named(context, route, name).value for route in routes for name in TARGETS]
    served = [
        Items.of(context.topology.balancing.machines(pool).value if isinstance(pool, Part) else pool) for pool in pools
    ]
    return Items.joined(*served, Items(missing=missing))


def _named(context: Context, part: object, name: str) -> Answer:
    """Return the part of a balancer that another part of it refers to; absent where it refers to none."""
    if not isinstance(part, Part):
        return Answer(part)
    reference = value(part, f"properties.{name}.id")
    if isinstance(reference.value, str):
        return Answer(context.topology.graph.part(reference.value), reference.reads)
    return Answer(reference.value if reference.value is ABSENT else _malformed(reference), reference.reads)


def _address(context: Context, frontend: object) -> Answer:
    """Return the public address of a frontend, absent where it is private."""
    if not isinstance(frontend, Part):
        return Answer(frontend)
    reference = value(frontend, "properties.publicIPAddress.id")
    if isinstance(reference.value, str):
        return Answer(context.topology.graph.get(reference.value), reference.reads)
    if reference.value is not ABSENT:
        return Answer(_malformed(reference), reference.reads)
    prefix = value(frontend, "properties.publicIPPrefix.id")
    if prefix.value is ABSENT:
        return Answer(ABSENT)
    reason = f"{frontend.id} takes its address from a range, and which one that is does not show"
    return Answer(Unknown(Cause.VALUE, reason, about=(frontend.resource.id,)), prefix.reads)


def _malformed(answer: Answer) -> Unknown:
    if isinstance(answer.value, Unknown):
        return answer.value
    read = answer.reads[0]
    reason = f"{read.resource}: {read.path} is {answer.value!r}, not an id (malformed)"
    return Unknown(Cause.VALUE, reason, about=(read.resource,))


# --- hosts ------------------------------------------------------------------------------------------------------------


def _hosts(listener: object) -> frozenset[str] | None:
    """Return the host names that a listener is for, None where it takes what is asked of any."""
    if not isinstance(listener, Part):
        return None
    names = [value(listener, "properties.hostName").value]
    several = value(listener, "properties.hostNames").value
    names += several if isinstance(several, list) else []
    return frozenset(name.lower() for name in names if isinstance(name, str) and name) or None


def _is_meant(profile: Resource, host: object, entrance: Entrance, rivals: list[Entrance]) -> bool | Unknown:
    """Tell whether a profile that asks an address for a host leads to one of the entrances which share that address."""
    if isinstance(host, Unknown):
        return host
    if not rivals:
        return True
    if not isinstance(host, str):
        reason = f"{profile.id} asks for no host, and several products share the address {entrance.address.id}"
        return entrance.hosts is None or Unknown(Cause.VALUE, reason, about=(profile.id, entrance.address.id))
    if entrance.hosts is not None:
        return _matches(host, entrance.hosts)
    return not any(_matches(host, rival.hosts or ()) for rival in rivals)


def _matches(host: str, patterns: Iterable[str]) -> bool:
    return any(fnmatch.fnmatchcase(host.lower(), pattern) for pattern in patterns)


def _host_asked_for(context: Context, profile: Resource, address: Resource) -> Answer:
    """Return the host that a profile's probe asks for at an address, absent where it names none."""
    for endpoint in objects(profile, ENDPOINTS).only(Part):
        target = context.topology.naming.target(endpoint).value
        if isinstance(target, Resource) and target.key == address.key:
            own = objects(endpoint, "properties.customHeaders[*]")
            headers = own if own.known else objects(profile, "properties.monitorConfig.customHeaders[*]")
            for header in headers.only(Part):
                if str(value(header, "name").value).lower() == "host":
                    return value(header, "value")
            if headers.open_end is not None:
                return Answer(headers.open_end)
    return Answer(ABSENT)
