"""Azure Front Doors: their enabled routes, the origins of these, and what the origins lead to.

A Front Door (Standard or Premium) has endpoints, routes, origins and security policies as resources of their own; the
classic tier has them in its body.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Final, NamedTuple

from auditor.azure import arm
from auditor.azure.paths import ABSENT
from auditor.azure.types.names import (
    APPLICATION_GATEWAY,
    FRONT_DOOR,
    FRONT_DOOR_CLASSIC,
    FRONT_DOOR_ENDPOINT,
    FRONT_DOOR_ROUTE,
    FRONT_DOOR_SECURITY,
    LOAD_BALANCER,
    ORIGIN,
    ORIGIN_GROUP,
    PRIVATE_LINK_SERVICE,
    PUBLIC_ADDRESS,
    TRAFFIC_MANAGER,
    VIRTUAL_NETWORK,
)
from auditor.estate.caching import cached_method, cached_value
from auditor.estate.indexes import Index
from auditor.estate.load_balancing import ANY_NETWORK
from auditor.estate.private_addresses import peers_of
from auditor.estate.public_addresses import PublicAddresses
from auditor.estate.subjects import DeploymentScope
from auditor.snapshot.known import Answer, Cause, PartialList, Unknown
from auditor.snapshot.lookup import objects, unusable, value
from auditor.snapshot.model import Part, Resource

TYPES: Final = (FRONT_DOOR, FRONT_DOOR_CLASSIC)

_ROUTING_RULES: Final = "properties.routingRules[*]"
_BACKENDS: Final = "properties.backends[*]"
_PARTS: Final = (FRONT_DOOR_ENDPOINT, FRONT_DOOR_ROUTE, ORIGIN_GROUP, ORIGIN)
"""What is read of a Front Door to know where it leads."""

_PATHS: Final = ("properties.sharedPrivateLinkResource.privateLink.id", "properties.hostName")
_CLASSIC_PATHS: Final = ("privateLinkResourceId", "address")
"""Of an origin, and of a backend of the classic tier: the private link, and the domain name or address."""

_ENTRANCES: Final = (APPLICATION_GATEWAY, LOAD_BALANCER, PUBLIC_ADDRESS, TRAFFIC_MANAGER)
"""The types that an origin can name by id and that lead to VMs."""


class Route(NamedTuple):
    """An enabled route of an enabled endpoint: a resource, or a routing rule of the classic tier."""

    element: Resource | Part
    endpoint: Resource | None
    """None in the classic tier."""


class FrontDoors:
    """Look-ups of Azure Front Doors; each is resolved once."""

    def __init__(self, public: PublicAddresses) -> None:
        """Take the public IP addresses of a snapshot."""
        self._public = public
        self._dns = public.balancing.dns
        self._graph = self._dns.graph
        self._reached: dict[str, PartialList] = {}

    @cached_value
    def all(self) -> tuple[Resource, ...]:
        """The Front Doors of the snapshot, and the profiles that may be one."""
        found = (door for type_ in TYPES for door in self._graph.by_type.get(type_, ()))
        return tuple(door for door in found if is_front_door(door) is not False)

    def routes(self, door: Resource) -> PartialList:
        """Return the routes of a Front Door that forward requests; an item may be unknown."""
        if door.type == FRONT_DOOR_CLASSIC:
            rules = objects(door, _ROUTING_RULES)
            routes = tuple(Route(rule, None) for rule in rules.of_type(Part))
            return _where(_is_enabled(door), _enabled(PartialList(routes, rules.incomplete_because)))
        found: list[PartialList | Unknown] = [*self._unlisted(door)]
        for endpoint in self._below(door.key, FRONT_DOOR_ENDPOINT):
            below = tuple(Route(route, endpoint) for route in self._below(endpoint.key, FRONT_DOOR_ROUTE))
            found.append(_where(_is_enabled(endpoint), _enabled(PartialList(below))))
        return PartialList.joined(*found)

    def security_policies(self, door: Resource) -> PartialList:
        """Return the security policies of a Front Door; the classic tier has none."""
        if door.type == FRONT_DOOR_CLASSIC:
            return PartialList()
        unlisted = self._graph.listing(FRONT_DOOR_SECURITY, arm.subscription_of(door.key))
        return PartialList(tuple(self._below(door.key, FRONT_DOOR_SECURITY)), unlisted)

    def group_of(self, route: Route) -> Answer:
        """Return the origin group of a route, or its backend pool in the classic tier; absent if it only redirects."""
        if route.endpoint is None:
            return self._graph.follow(route.element, "backendPool")
        group = self._graph.follow(route.element, "originGroup")
        if group.value is not ABSENT:
            return group
        reason = f"{route.element.id} has no origin group; its rule sets, which are not read, choose one"
        return Answer(Unknown(Cause.VALUE, reason, about=(route.element.resource.id,)), group.reads)

    def origins(self, route: Route) -> PartialList:
        """Return the enabled origins of a route; an item may be unknown."""
        group = self.group_of(route).value
        if isinstance(group, Unknown):
            return PartialList(missing=group)
        if isinstance(group, Part):
            return _enabled(objects(group, _BACKENDS))
        return _enabled(PartialList(tuple(self._below(group.key, ORIGIN)) if isinstance(group, Resource) else ()))

    def targets(self, origin: Resource | Part) -> PartialList:
        """Return what an origin leads to: public IP addresses, gateways, load balancers or Traffic Manager profiles.

        Empty if that is an Azure service without VMs.
        """
        link, name = _CLASSIC_PATHS if isinstance(origin, Part) else _PATHS
        private = value(origin, link)
        if private.value is not ABSENT:
            return self._through(private)
        named = value(origin, "properties.azureOrigin.id").value
        if isinstance(named, str) and arm.type_of(named) in _ENTRANCES:
            return PartialList((self._graph.get(named),))
        host = value(origin, name)
        if not isinstance(host.value, str):
            return PartialList((unusable(host, "a domain name"),))
        found = self._dns.profile(host.value) or self._dns.address(host.value)
        return PartialList(() if found is None else (found,))

    def _through(self, link: Answer) -> PartialList:
        """Return what a private link leads to."""
        if not isinstance(link.value, str):
            return PartialList((unusable(link, "an id"),))
        type_ = arm.type_of(link.value)
        found = self._graph.get(link.value) if type_ in {APPLICATION_GATEWAY, PRIVATE_LINK_SERVICE} else None
        if type_ != PRIVATE_LINK_SERVICE or not isinstance(found, Resource):
            return PartialList(() if found is None else (found,))
        frontends = PartialList.of(self._graph.follow_all(found, "loadBalancerFrontendIpConfigurations").value)
        owners = {part.resource.key: part.resource for part in frontends.of_type(Part)}
        return PartialList((*owners.values(), *frontends.of_type(Unknown)), frontends.missing)

    def leads_to(self, route: Route) -> PartialList:
        """Return what the enabled origins of a route lead to."""
        origins = self.origins(route)
        elements = [origin for origin in origins.known if isinstance(origin, Resource | Part)]
        targets = [self.targets(origin) for origin in elements]
        return PartialList.joined(*targets, PartialList(missing=origins.incomplete_because))

    def reached(self, door: Resource) -> PartialList:
        """Return what the enabled origins of all routes of a Front Door lead to."""
        if door.key not in self._reached:
            routes = self.routes(door)
            leading = [self.leads_to(route) for route in routes.of_type(Route)]
            self._reached[door.key] = PartialList.joined(*leading, PartialList(missing=routes.incomplete_because))
        return self._reached[door.key]

    def of(self, scope: DeploymentScope, subscriptions: tuple[str, ...], *, possible: bool) -> dict[str, PartialList]:
        """Return the Front Doors with an origin that leads to an entrance of a deployment, by type.

        The scope is that of the deployment without them. Further ones are possible, unless it is declared that clients
        come another way, where a list is incomplete or it is unknown where an origin leads.
        """
        entrances = {found.key for type_ in _ENTRANCES for found in scope[type_].of_type(Resource)}
        leading = list({door.key: door for door in self._leading().of(*entrances)}.values())
        found: dict[str, PartialList] = {}
        for type_ in TYPES:
            known = {door.key: door for door in (*scope[type_].of_type(Resource), *leading) if door.type == type_}
            reasons = self._possible(scope, subscriptions, type_, leading) if possible else ()
            missing = scope[type_].missing or next(filter(None, reasons), None)
            if known or missing is not None:
                found[type_] = PartialList(tuple(known.values()), missing)
        return found

    def _possible(
        self, scope: DeploymentScope, subscriptions: tuple[str, ...], type_: str, leading: list[Resource]
    ) -> Iterator[Unknown | None]:
        """Yield why further Front Doors of a type may lead to a deployment.

        Most names that cannot be resolved belong to other teams: they count only if nothing else is known to direct
        clients to the deployment.
        """
        yield self._graph.unlisted(type_, subscriptions)
        known = {door.key for door in leading}
        directed = bool(leading or scope[TRAFFIC_MANAGER].of_type(Resource))
        if directed:
            yield from (
                doubt
                for door, doubt in self._unread().of(*((type_, own) for own in subscriptions))
                if door.key not in known
            )
            return
        networks = scope[VIRTUAL_NETWORK].of_type(Resource)
        near = {network.key for network in networks} | {key for network in networks for key in peers_of(network)}
        missing = [scope[entrance].missing for entrance in _ENTRANCES]
        # Of the doors that lead elsewhere for certain, only the first can be the place of what is missing.
        places = (ANY_NETWORK,) if any(missing) else ("", *near)
        for door in self._doubtful().of(*((place, type_, own) for own in subscriptions for place in places)):
            if door.key not in known:
                reached = self.reached(door)
                doubts = [*reached.of_type(Unknown), *filter(None, (reached.missing,))]
                yield from (doubt for doubt in doubts if doubt.cause is Cause.GAP)
                yield from doubts if not reached.of_type(Resource) else ()
                yield self._forwarded(door, near)
                yield from missing

    @cached_method
    def _leading(self) -> Index[str, Resource]:
        """The Front Doors by the keys of what their origins lead to."""
        return Index((target.key, door) for door in self.all for target in self.reached(door).of_type(Resource))

    @cached_method
    def _unread(self) -> Index[tuple[str, str], tuple[Resource, Unknown]]:
        """The Front Doors by type and subscription of which it was not read where they lead, and why."""
        return Index(
            ((door.type, arm.subscription_of(door.key)), (door, doubt))
            for door in self.all
            for doubt in (*self.reached(door).of_type(Unknown), self.reached(door).missing)
            if doubt is not None and doubt.cause is Cause.GAP
        )

    @cached_method
    def _doubtful(self) -> Index[tuple[str, str, str], Resource]:
        """The Front Doors by place, type and subscription.

        Places are the virtual networks into which what they lead to forwards packets, "" if it is unknown where they
        lead, and `ANY_NETWORK` for all of them.
        """
        return Index(
            ((place, door.type, arm.subscription_of(door.key)), door)
            for door in self.all
            for place in self._places(door)
        )

    def _places(self, door: Resource) -> dict[str, None]:
        reached = self.reached(door)
        addresses = [found for found in reached.of_type(Resource) if found.type == PUBLIC_ADDRESS]
        ways = [way for address in addresses for way in self._public.ways_in(address) if way.forwards]
        unclear = () if reached.complete else ("",)
        return dict.fromkeys((ANY_NETWORK, *unclear, *(network for way in ways for network in way.networks)))

    def _forwarded(self, door: Resource, near: set[str]) -> Unknown | None:
        """Return that a Front Door leads to what forwards packets in one of some virtual networks."""
        for address in self.reached(door).of_type(Resource):
            for way in self._public.ways_in(address) if address.type == PUBLIC_ADDRESS else ():
                if way.forwards and near & way.networks:
                    reason = f"{door.id} leads to {address.id}; whether that leads on to the deployment is unknown"
                    return Unknown(Cause.VALUE, reason, about=(door.id, address.id))
        return None

    # --- parts --------------------------------------------------------------------------------------------------------

    def _unlisted(self, door: Resource) -> list[Unknown]:
        """Return why a Front Door may have further endpoints, routes or origins."""
        kind = is_front_door(door)
        listings = (self._graph.listing(type_, arm.subscription_of(door.key)) for type_ in _PARTS)
        return [*filter(None, (kind if isinstance(kind, Unknown) else None, *listings))][:1]

    def _below(self, key: str, type_: str) -> list[Resource]:
        return self._children.get((key, type_), [])

    @cached_value
    def _children(self) -> dict[tuple[str, str], list[Resource]]:
        """What Front Doors have, by the key of what it belongs to and by type."""
        found: dict[tuple[str, str], list[Resource]] = defaultdict(list)
        for type_ in (*_PARTS, FRONT_DOOR_SECURITY):
            for resource in self._graph.by_type.get(type_, ()):
                found[arm.parent_of(resource.key), type_].append(resource)
        return found


def is_front_door(profile: Resource) -> bool | Unknown:
    """Return whether a profile is a Front Door; the other ones are those of Azure CDN."""
    if profile.type == FRONT_DOOR_CLASSIC:
        return True
    sku = value(profile, "sku.name")
    if not isinstance(sku.value, str):
        return unusable(sku, "a SKU")
    return sku.value.lower().endswith("_azurefrontdoor")


def _enabled(items: PartialList) -> PartialList:
    """Return the routes or origins that are enabled, with those of which that is unknown as unknown ones."""
    found = [_if_enabled(item) for item in items.known]
    return PartialList(tuple(item for item in found if item is not None), items.missing)


def _if_enabled(item: object) -> object:
    element = item.element if isinstance(item, Route) else item
    if not isinstance(element, Resource | Part):
        return item
    state = _is_enabled(element).value
    return item if state is True else state or None


def _is_enabled(element: Resource | Part) -> Answer:
    """Return whether the state of a route, origin, endpoint or Front Door is Enabled, which is Azure's default."""
    # Backends of the classic tier have no object `properties`.
    path = "enabledState" if value(element, "properties").value is ABSENT else "properties.enabledState"
    state = value(element, path)
    text = "enabled" if state.value is ABSENT else state.value
    return Answer(text.lower() == "enabled" if isinstance(text, str) else unusable(state, "a text"), state.reads)


def _where(enabled: Answer, items: PartialList) -> PartialList:
    """Return items if something is enabled; none if it is not, and incomplete if that is unknown."""
    if isinstance(enabled.value, Unknown):
        return PartialList(missing=enabled.value)
    return items if enabled.value else PartialList()
