"""Facts of Azure Front Doors: to which regions they direct clients, and their WAF policies."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from auditor.azure import arm
from auditor.azure.paths import ABSENT
from auditor.azure.types.names import TRAFFIC_MANAGER
from auditor.estate.front_doors import TYPES, Route, is_front_door
from auditor.estate.subjects import Deployment, Tier
from auditor.rules.context import Context
from auditor.rules.facts.entrances import Entrance, entrances_of
from auditor.rules.facts.logic import every, some
from auditor.rules.facts.reading import number_at, text_at
from auditor.rules.registry import fact
from auditor.snapshot.known import Answer, Cause, PartialList, Read, Unknown, interval
from auditor.snapshot.lookup import items, objects, required, value
from auditor.snapshot.model import Part, Resource

KINDS: Final = ("front-door", "classic-front-door")
_ALL_PATHS: Final = "/*"
_POLICY_OF_CLASSIC: Final = "webApplicationFirewallPolicyLink"
_WITH_POLICY: Final = ("properties.frontendEndpoints[*]", "properties.routingRules[*]")


@fact("deployment.front_doors", "deployment", gives="front-door*")
def front_doors(_: Context, deployment: Deployment) -> Answer:
    """The Azure Front Doors, of the classic tier too, with an origin that leads to the deployment."""
    found = PartialList.joined(*(deployment.scope[type_] for type_ in TYPES))
    known = tuple(door for door in found.of_type(Resource) if is_front_door(door) is not False)
    missing = found.missing
    if not known and missing is None and deployment.declared.entrance == "front-door":
        reason = (
            f"clients of {deployment.declared.name} come through Azure Front Door, and none that was read leads to the "
            "deployment: scan the subscription of the Front Door too"
        )
        missing = Unknown(Cause.VALUE, reason)
    return Answer(PartialList(known, missing), tuple(Read(door.id, "", door.name) for door in known))


@fact("deployment.routed_by", "deployment", gives="text")
def routed_by(context: Context, deployment: Deployment) -> Answer:
    """What directs clients on the Internet to a region: `traffic-manager` or `front-door`.

    It is `front-door` if an Azure Front Door leads to the deployment, or is declared, and no Traffic Manager profile is
    known to lead there. Unknown if it is unknown whether a Front Door does.
    """
    if deployment.scope[TRAFFIC_MANAGER].of_type(Resource):
        return Answer("traffic-manager")
    found = front_doors(context, deployment)
    doors = PartialList.of(found.value)
    if doors.known or deployment.declared.entrance == "front-door":
        return Answer("front-door", found.reads)
    return Answer(doors.missing or "traffic-manager")


@fact("tier.front_doors", "tier", gives="front-door*")
def front_doors_of_tier(context: Context, tier: Tier) -> Answer:
    """The Azure Front Doors that send requests to a public IP address from which traffic goes to the tier."""
    if context.deployment is None:
        return Answer(PartialList())
    own = PartialList.of(entrances_of(context, tier).value)
    doors = PartialList.of(front_doors(context, context.deployment).value)
    addresses = {entrance.address.key for entrance in own.of_type(Entrance)}
    found = [door for door in doors.of_type(Resource) if addresses & _reached_by(context, door)]
    doubts = (context.topology.front_doors.reached(door).incomplete_because for door in doors.of_type(Resource))
    unknown = next(filter(None, (own.missing, doors.missing, *doubts)), None)
    return Answer(PartialList(tuple(found), unknown), tuple(Read(door.id, "", door.name) for door in found))


def _reached_by(context: Context, door: Resource) -> set[str]:
    """Return the keys of what a Front Door leads to, by Traffic Manager profiles too."""
    reached = context.topology.front_doors.reached(door).of_type(Resource)
    profiles = [found for found in reached if found.type == TRAFFIC_MANAGER]
    behind = (address.key for profile in profiles for address in context.topology.public_addresses.addresses(profile))
    return {*(found.key for found in reached), *behind}


# --- regions ----------------------------------------------------------------------------------------------------------


@fact("front-door.prefers_primary", *KINDS, gives="boolean")
def prefers_primary(context: Context, door: Resource) -> Answer:
    """Whether each route of the Front Door to the deployment prefers the primary region, and can use the DR region.

    An origin in the primary region has a lower priority number than all others, there is one in the DR region, and
    health probes are on. So does a route to a Traffic Manager profile of the deployment, which chooses the region then.
    """
    routes = context.topology.front_doors.routes(door)
    own = {entrance.key for entrance in _entrances(context)}
    answers = [
        _route_prefers_primary(context, route, own)
        for route in routes.of_type(Route)
        if any(t.key in own for t in context.topology.front_doors.leads_to(route).of_type(Resource))
    ]
    found = every(answers) if answers else Answer(routes.incomplete_because or False)
    return found if found.value is not True else Answer(routes.incomplete_because or True, found.reads)


def _entrances(context: Context) -> Iterator[Resource]:
    """Yield the resources of the deployment to which an origin can lead."""
    scope = context.deployment.scope if context.deployment else {}
    for found in scope.values():
        yield from found.of_type(Resource)


def _route_prefers_primary(context: Context, route: Route, own: set[str]) -> Answer:
    """Return whether a route prefers the primary region, probes, and has an origin in the DR region."""
    doors = context.topology.front_doors
    if any(found.type == TRAFFIC_MANAGER and found.key in own for found in doors.leads_to(route).of_type(Resource)):
        return Answer(value=True)
    if context.deployment is None:
        return Answer(value=False)
    origins = doors.origins(route)
    ranked: list[tuple[float, str]] = []
    reads: list[Read] = []
    unknown = origins.incomplete_because
    for origin in (found for found in origins.known if isinstance(found, Resource | Part)):
        name = "priority" if isinstance(origin, Part) else "properties.priority"
        priority = number_at(origin, name, 1)
        region = region_of_targets(doors.targets(origin), own)
        bounds = interval(priority.value)
        reads += (*priority.reads, *region.reads)
        doubts = [found for found in (priority.value, region.value) if isinstance(found, Unknown)]
        unknown = unknown or next(iter(doubts), None)
        if bounds is not None and not doubts:
            ranked.append((bounds.low, str(region.value)))
    regions = context.deployment.regions
    unknown = unknown or next((r for r in (regions.primary, regions.dr) if isinstance(r, Unknown)), None)
    if unknown is not None:
        return Answer(unknown, tuple(reads))
    first = min((rank for rank, region in ranked if region == regions.primary), default=None)
    others = [rank for rank, region in ranked if region != regions.primary]
    ordered = first is not None and all(first < rank for rank in others)
    has_dr = any(region == regions.dr for _, region in ranked)
    return every((Answer(ordered and has_dr, tuple(reads)), _probes(context, route)))


def region_of_targets(targets: PartialList, own: set[str]) -> Answer:
    """Return the region of what an origin leads to; "" for what is not of the deployment."""
    here = [target for target in targets.of_type(Resource) if target.key in own]
    if not here:
        return Answer(targets.incomplete_because or "")
    place = required(text_at(here[0], "location"))
    return Answer(arm.location(place.value) if isinstance(place.value, str) else place.value, place.reads)


def _probes(context: Context, route: Route) -> Answer:
    """Return whether a route's origins are probed: without probes Front Door takes every origin for healthy."""
    group = context.topology.front_doors.group_of(route).value
    if isinstance(group, Unknown):
        return Answer(group)
    if isinstance(group, Part):
        settings = context.topology.graph.follow(group, "healthProbeSettings")
        if not isinstance(settings.value, Part):
            return Answer(settings.value if isinstance(settings.value, Unknown) else False, settings.reads)
        state = text_at(settings.value, "properties.enabledState")
        known = state.value is ABSENT or isinstance(state.value, str)
        return Answer(str(state.value).lower() != "disabled" if known else state.value, state.reads)
    if not isinstance(group, Resource):
        return Answer(value=False)
    found = value(group, "properties.healthProbeSettings")
    return Answer(found.value if isinstance(found.value, Unknown) else found.value is not ABSENT, found.reads)


# --- Web Application Firewalls ----------------------------------------------------------------------------------------


def waf_policies(context: Context, door: Resource) -> PartialList:
    """Return the WAF policies of a Front Door: of its security policies, or in the classic tier of its body."""
    graph = context.topology.graph
    policies = context.topology.front_doors.security_policies(door)
    elements = PartialList.joined(*(objects(door, path) for path in _WITH_POLICY))
    found = [graph.follow(policy, "wafPolicy").value for policy in policies.of_type(Resource)]
    found += [graph.follow(element, _POLICY_OF_CLASSIC).value for element in elements.of_type(Part)]
    known = {each.key if isinstance(each, Resource) else str(each): each for each in found if each is not ABSENT}
    return PartialList(tuple(known.values()), policies.missing or elements.incomplete_because)


def is_filtered(context: Context, door: Resource, route: Route) -> Answer:
    """Return whether a WAF policy is set for all requests of a route; SEC009 evaluates what the policy does."""
    if route.endpoint is None:
        return _classic_is_filtered(context, route)
    to_default = required(text_at(route.element, "properties.linkToDefaultDomain"))
    if isinstance(to_default.value, Unknown):
        return to_default
    named = items(route.element, "properties.customDomains[*].id")
    domains = [route.endpoint.id] if str(to_default.value).lower() == "enabled" else []
    listed = PartialList.of(named.value)
    if listed.incomplete_because is not None:
        return Answer(listed.incomplete_because)
    policies = context.topology.front_doors.security_policies(door)
    associations = [objects(each, "properties.parameters.associations[*]") for each in policies.of_type(Resource)]
    unknown = policies.missing or PartialList.joined(*associations).incomplete_because
    covered: dict[str, tuple[Read, ...]] = {}
    for association in PartialList.joined(*associations).of_type(Part):
        patterns = PartialList.of(items(association, "patternsToMatch[*]").value)
        domain_ids = items(association, "domains[*].id")
        unknown = unknown or patterns.incomplete_because or PartialList.of(domain_ids.value).incomplete_because
        if _ALL_PATHS in patterns.of_type(str):
            covered |= {arm.key(one): domain_ids.reads for one in PartialList.of(domain_ids.value).of_type(str)}
    return every(
        Answer(True if arm.key(domain) in covered else unknown or False, covered.get(arm.key(domain), named.reads))
        for domain in (*domains, *listed.of_type(str))
    )


def _classic_is_filtered(context: Context, route: Route) -> Answer:
    endpoints = PartialList.of(context.topology.graph.follow_all(route.element, "frontendEndpoints").value)
    by_endpoint = every(_has_policy(endpoint) for endpoint in endpoints.of_type(Part))
    if by_endpoint.value is True:
        by_endpoint = Answer(endpoints.incomplete_because or bool(endpoints.known), by_endpoint.reads)
    return some((_has_policy(route.element), by_endpoint))


def _has_policy(element: Resource | Part) -> Answer:
    policy = value(element, f"properties.{_POLICY_OF_CLASSIC}.id")
    return Answer(policy.value if isinstance(policy.value, Unknown) else policy.value is not ABSENT, policy.reads)
