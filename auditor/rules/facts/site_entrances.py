"""What leads clients to a deployment, as its losses need it: load balancers, application gateways, Traffic Manager."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from auditor.azure import arm
from auditor.azure.types.names import APPLICATION_GATEWAY
from auditor.estate.dns import ENDPOINTS
from auditor.estate.load_balancing import ROUTES, TARGETS
from auditor.estate.subjects import Deployment
from auditor.losses.site import UNBOUNDED, Endpoint, Entrance, Profile, Seconds
from auditor.rules.context import Context
from auditor.rules.facts.deployments import profiles
from auditor.rules.facts.frontends import frontend_zones
from auditor.rules.facts.load_balancers import PROBE_INTERVAL, PROBE_THRESHOLD
from auditor.rules.facts.pools import only_udp, pools, route_target
from auditor.rules.facts.reading import number_at, text_at
from auditor.rules.facts.site_places import Places, in_no_zone
from auditor.rules.facts.traffic_manager import (
    MONITOR_INTERVAL,
    TOLERATED_FAILURES,
    is_nested,
    region_of,
    switch_seconds,
)
from auditor.snapshot.known import Answer, PartialList, Unknown, interval
from auditor.snapshot.lookup import items, objects, parts, required, unusable, value
from auditor.snapshot.model import Part, Resource

_NOT_KNOWN: Final = Seconds(0, UNBOUNDED)
_MOST_TIMEOUT: Final = 30
"""After how many seconds a load balancer's probe takes no answer for a failure; after one interval if that is shorter
(load-balancer-custom-probe-overview)."""
_GATEWAY_PROBE: Final = {"interval": 30.0, "timeout": 30.0, "unhealthyThreshold": 3.0}
"""Azure's defaults of an application gateway's probe (application-gateway-probe-overview): seconds, and a number."""

InPools = Mapping[str, Mapping[str, Part]]
"""The backend pools with traffic of each VM, by the keys of the VM and of the pool."""


class Ways(NamedTuple):
    """The entrances that lead to the VMs of a deployment."""

    entrances: Mapping[str, Entrance]
    by_vm: Mapping[str, frozenset[str]]
    """The keys of those that lead to each VM."""
    missing: Mapping[str, Unknown]
    """Why more may lead to a VM."""

    def to(self, vms: Iterable[str]) -> tuple[tuple[str, ...], Unknown | None]:
        """Return the keys of the entrances that lead to one of some VMs, and why there may be more."""
        vms = sorted(vms)
        found = {key for vm in vms for key in self.by_vm[vm]}
        return tuple(sorted(found)), next((self.missing[vm] for vm in vms if vm in self.missing), None)


def in_pools(context: Context, vms: Iterable[Resource]) -> tuple[InPools, dict[str, Unknown]]:
    """Return the backend pools with traffic of VMs, and why each may be in more."""
    found: dict[str, dict[str, Part]] = {}
    missing: dict[str, Unknown] = {}
    for vm in vms:
        own = PartialList.of(pools(context, vm).value)
        found[vm.key] = {pool.key: pool for pool in own.of_type(Part)}
        if own.incomplete_because is not None:
            missing[vm.key] = own.incomplete_because
    return found, missing


def ways_to(context: Context, places: Places, own: InPools, missing: Mapping[str, Unknown]) -> Ways:
    """Return the entrances that lead to VMs."""
    by_owner: dict[str, dict[str, Part]] = defaultdict(dict)
    for found in own.values():
        for pool in found.values():
            by_owner[pool.resource.key][pool.key] = pool
    entrances = {}
    for key, used in sorted(by_owner.items()):
        vms = frozenset(vm for vm, found in own.items() if used.keys() & found.keys())
        entrances[key] = _entrance(context, places, used, vms)
    by_vm = {vm: frozenset(pool.resource.key for pool in found.values()) for vm, found in own.items()}
    return Ways(entrances, by_vm, missing)


def _entrance(context: Context, places: Places, used: Mapping[str, Part], vms: frozenset[str]) -> Entrance:
    """Return what leads to VMs by some of its backend pools."""
    owner = next(iter(used.values())).resource
    located = required(text_at(owner, "location"))
    place = arm.location(located.value) if isinstance(located.value, str) else unusable(located, "a text")
    if owner.type == APPLICATION_GATEWAY:
        zones, detection = _zones_of_gateway(places, owner, place), _of_gateway(context, owner, used)
    else:
        into = (rule for pool in used.values() for rule in context.topology.load_balancing.rules_into(pool))
        rules = {rule.key: rule for rule in into if not only_udp(rule)}.values()
        zones, detection = _zones_of_rules(context, places, rules, place), _of_rules(context, rules)
    return Entrance(
        key=owner.key,
        name=owner.name,
        kind="gateway" if owner.type == APPLICATION_GATEWAY else "balancer",
        region=place,
        zones=zones,
        vms=vms,
        doubt=_doubt(context, owner, used),
        detection=detection,
    )


def _doubt(context: Context, owner: Resource, used: Mapping[str, Part]) -> Unknown | None:
    """Return why it may lead to further VMs: some pools or rules were not read, or an address is of no known VM."""
    balancing = context.topology.load_balancing
    members = PartialList.joined(*(PartialList.of(balancing.vms(pool).value) for pool in used.values()))
    return balancing.open_because(owner) or members.incomplete_because


# --- zones ------------------------------------------------------------------------------------------------------------


def _zones_of_gateway(places: Places, gateway: Resource, place: str | Unknown) -> frozenset[str] | Unknown:
    """Return the zones that an application gateway needs; Azure spreads one without zones over all of its region."""
    found = PartialList.of(items(gateway, "zones[*]").value)
    return _needed(places, gateway, place, found) if found.known or found.missing else frozenset()


def _zones_of_rules(
    context: Context, places: Places, rules: Iterable[Part], place: str | Unknown
) -> frozenset[str] | Unknown:
    """Return the zones that the frontends of load-balancing rules need."""
    found: set[str] = set()
    for rule in rules:
        frontend = required(context.topology.graph.follow(rule, "frontendIPConfiguration")).value
        if not isinstance(frontend, Part):
            return frontend if isinstance(frontend, Unknown) else unusable(value(rule, "id"), "a rule with a frontend")
        own = _needed(places, frontend, place, PartialList.of(frontend_zones(context, frontend).value))
        if isinstance(own, Unknown):
            return own
        found |= own
    return frozenset(found)


def _needed(
    places: Places, element: Resource | Part, place: str | Unknown, zones: PartialList
) -> frozenset[str] | Unknown:
    """Return the one zone of an element; none if it is in several, or in a region without zones."""
    unknown = zones.incomplete_because or (place if isinstance(place, Unknown) else None)
    numbers = sorted(set(zones.of_type(str)))
    if len(numbers) > 1:
        return frozenset()
    if unknown is not None or isinstance(place, Unknown):
        return unknown or frozenset()
    if numbers:
        zone = places.zone(place, arm.subscription_of(element.resource.key), numbers[0])
    else:
        zone = in_no_zone(element.id, place, places.zones(place))
    return zone if isinstance(zone, Unknown) else frozenset({zone} - {""})


# --- times ------------------------------------------------------------------------------------------------------------


def _of_rules(context: Context, rules: Iterable[Part]) -> Seconds:
    """Return how long the probes of load-balancing rules need; without a probe, no bound is known.

    A VM fails at any moment between two probes. `numberOfProbes` is not used: Azure ignores it.
    """
    found = []
    for rule in rules:
        probe = context.topology.graph.follow(rule, "probe").value
        if not isinstance(probe, Part):
            return _NOT_KNOWN
        every = number_at(probe, "properties.intervalInSeconds", PROBE_INTERVAL)
        times = number_at(probe, "properties.probeThreshold", PROBE_THRESHOLD)
        found.append(_probed(every, times, None))
    return _widest(found)


def _of_gateway(context: Context, gateway: Resource, used: Mapping[str, Part]) -> Seconds:
    """Return how long the probes of an application gateway need, of the routes to some of its backend pools."""
    found = []
    for route in (route for path in ROUTES for route in parts(gateway, path)):
        named = (value(route, f"properties.{name}.id").value for name in TARGETS)
        if not any(isinstance(pool, str) and arm.key(pool) in used for pool in named):
            continue
        settings = route_target(context, route, "backendHttpSettingsCollection")
        probe = context.topology.graph.follow(settings, "probe").value if isinstance(settings, Part) else settings
        if isinstance(probe, Unknown):
            return _NOT_KNOWN
        every, timeout, times = (
            number_at(probe, f"properties.{name}", default) if isinstance(probe, Part) else Answer(default)
            for name, default in _GATEWAY_PROBE.items()
        )
        found.append(_probed(every, times, timeout))
    return _widest(found)


def _probed(every: Answer, times: Answer, timeout: Answer | None) -> Seconds:
    """Return how long a probe needs that fails some times at an interval, each time after a timeout at most."""
    interval_, threshold = interval(every.value), interval(times.value)
    if interval_ is None or threshold is None:
        return _NOT_KNOWN
    last = Answer(min(interval_.high, _MOST_TIMEOUT)) if timeout is None else timeout
    longest = interval(last.value)
    if longest is None:
        return _NOT_KNOWN
    number = max(threshold.low, 1)
    return Seconds((number - 1) * interval_.low, number * interval_.high + longest.high)


def _widest(times: Iterable[Seconds]) -> Seconds:
    """Return the bounds of several times; unknown without one."""
    found = tuple(times)
    if not found:
        return _NOT_KNOWN
    return Seconds(min(time.least for time in found), max(time.most for time in found))


# --- Traffic Manager --------------------------------------------------------------------------------------------------


def profiles_of(context: Context, deployment: Deployment) -> tuple[tuple[Profile, ...], Unknown | None]:
    """Return the Traffic Manager profiles by which users reach a deployment, and why there may be more.

    A profile in which another one is nested stands for both.
    """
    found = PartialList.of(profiles(context, deployment).value)
    outer = [profile for profile in found.of_type(Resource) if is_nested(context, profile).value is not True]
    return tuple(_profile(context, profile) for profile in outer), found.incomplete_because


def _profile(context: Context, profile: Resource) -> Profile:
    ends = objects(profile, ENDPOINTS)
    read = tuple(_endpoints(context, profile, ends.of_type(Part)))
    most = interval(switch_seconds(context, profile).value)
    every = interval(number_at(profile, "properties.monitorConfig.intervalInSeconds", MONITOR_INTERVAL).value)
    tolerated = interval(
        number_at(profile, "properties.monitorConfig.toleratedNumberOfFailures", TOLERATED_FAILURES).value
    )
    least = every.low * tolerated.low if every is not None and tolerated is not None else 0
    return Profile(
        key=profile.key,
        name=profile.name,
        endpoints=tuple(end for end in read if isinstance(end, Endpoint)),
        more_endpoints=ends.incomplete_because or next((end for end in read if isinstance(end, Unknown)), None),
        switch=_NOT_KNOWN if most is None else Seconds(least, most.high),
    )


def _endpoints(context: Context, profile: Resource, ends: Iterable[Part]) -> Iterator[Endpoint | Unknown]:
    """Yield the enabled endpoints of a profile; without priorities, all are used alike."""
    by_priority = text_at(profile, "properties.trafficRoutingMethod").value
    for end in ends:
        status = text_at(end, "properties.endpointStatus").value
        if _is(status, "disabled"):
            continue
        if isinstance(status, Unknown):
            yield status
            continue
        place = region_of(context, end).value
        ranked = required(number_at(end, "properties.priority")) if _is(by_priority, "priority") else Answer(1)
        name = required(text_at(end, "name"))
        if not isinstance(name.value, str):
            yield unusable(name, "a text")
        elif not isinstance(ranked.value, int | float):
            yield unusable(ranked, "a number")
        else:
            yield Endpoint(name.value, place if isinstance(place, str | Unknown) else "", int(ranked.value))


def _is(found: object, wanted: str) -> bool:
    return isinstance(found, str) and found.lower() == wanted
