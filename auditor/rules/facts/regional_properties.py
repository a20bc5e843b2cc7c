"""Facts of what serves a mirror or tier in the DR region: whether it is there, and as in the primary region.

Names and addresses differ, and are not compared; nor is capacity, which is smaller if the deployment file allows it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from auditor.azure.paths import ABSENT
from auditor.azure.types.names import APPLICATION_GATEWAY
from auditor.estate.subjects import Deployment, Members
from auditor.rules.context import Context
from auditor.rules.facts.disks import ATTACHMENTS, attachment_size, attachment_sku
from auditor.rules.facts.gateways import RULES
from auditor.rules.facts.load_balancers import PROBE_INTERVAL, PROBE_THRESHOLD, unlisted_load_balancers
from auditor.rules.facts.pools import route_target
from auditor.rules.facts.reading import number_at, text_at
from auditor.rules.facts.redundancy import Group, counterpart, vms_of
from auditor.rules.facts.roles import unlisted
from auditor.rules.registry import fact, once
from auditor.snapshot.known import Answer, PartialList, Read, Unknown
from auditor.snapshot.lookup import items, objects, required, unusable, value
from auditor.snapshot.model import Part, Resource

_ACCEPTED: Final = ("properties.protocol", "properties.frontendPort")
_THERE, _NOT_THERE, _NONE = "there", "not there", "not set"
_LACKING: Final = Answer(_NONE)

_Defaults = Mapping[str, object]
"""Paths of properties, with the values that they have if they are absent; `_NONE` where Azure documents none."""

_OF_RULE: Final[_Defaults] = {
    "properties.backendPort": _NONE,
    "properties.enableFloatingIP": False,
    "properties.enableTcpReset": False,
    "properties.idleTimeoutInMinutes": 4,
    "properties.loadDistribution": "Default",
    "properties.disableOutboundSnat": False,
}
_OF_PROBE: Final[_Defaults] = {
    "properties.protocol": _NONE,
    "properties.port": _NONE,
    "properties.requestPath": _NONE,
    "properties.intervalInSeconds": PROBE_INTERVAL,
    "properties.probeThreshold": PROBE_THRESHOLD,
    "properties.noHealthyBackendsBehavior": "AllProbedDown",
}
_OF_LOAD_BALANCER: Final[_Defaults] = {"sku.name": _NONE}
_OF_SETTINGS: Final[_Defaults] = {
    "properties.port": _NONE,
    "properties.protocol": _NONE,
    "properties.cookieBasedAffinity": "Disabled",
    "properties.requestTimeout": _NONE,
    "properties.connectionDraining.enabled": False,
    "properties.pickHostNameFromBackendAddress": False,
}
_OF_GATEWAY_PROBE: Final[_Defaults] = {
    "properties.protocol": _NONE,
    "properties.path": _NONE,
    "properties.interval": _NONE,
    "properties.timeout": _NONE,
    "properties.unhealthyThreshold": _NONE,
}
_OF_GATEWAY: Final[_Defaults] = {
    "properties.sku.tier": _NONE,
    "properties.sslPolicy.policyType": _NONE,
    "properties.sslPolicy.policyName": _NONE,
    "properties.sslPolicy.minProtocolVersion": _NONE,
    "properties.enableHttp2": False,
}

_Way = Mapping[str, Answer]
"""The properties of one way to VMs by name: of a load-balancing rule, or of a route of an application gateway."""


class RegionalProperty(msgspec.Struct, frozen=True, eq=False):
    """A property of what serves a mirror or tier, in both regions."""

    id: str
    primary: Answer
    dr: Answer


class _Ways(NamedTuple):
    """The ways to VMs in one region, by what they accept, such as `private TCP 1972`."""

    known: Mapping[str, list[_Way]]
    missing: Unknown | None
    """Why there may be more."""


class _Route(NamedTuple):
    """A rule or path rule of an application gateway with a backend pool."""

    served: PartialList
    """The VMs in the pool."""
    accepted: str | Unknown
    """The requests that it accepts, such as `HTTPS 443`; unknown if that or one of the properties is."""
    way: _Way


@fact("group.regional_properties", "mirror", "tier", gives="regional-property*")
def regional_properties(context: Context, group: Group) -> Answer:
    """The properties that must be alike in both regions: those of what sends traffic to the VMs, and their data disks.

    They are those of load-balancing rules with their probes, and of the rules, backend settings and probes of
    application gateways, by protocol and port; and SKU, size and host caching of data disks.
    """
    here, there = vms_of(group), counterpart(context, group)
    known: list[object] = []
    unknown: Unknown | None = None
    for ways in (_balanced, _routed):
        own, dr = ways(context, here), ways(context, there)
        unknown = unknown or own.missing
        for accepted, found in own.known.items():
            known += _compared(f"{group.id}/{accepted}", found, dr, dr.known.get(accepted, []))
    known.append(RegionalProperty(f"{group.id}/data disks", _disks(context, here), _disks(context, there)))
    return Answer(PartialList(tuple(known), unknown))


@fact("regional-property.primary", "regional-property", gives="text")
def primary(_: Context, found: RegionalProperty) -> Answer:
    """The value of the property in the primary region; of a way to the VMs, `there`."""
    return found.primary


@fact("regional-property.dr", "regional-property", gives="text")
def dr(_: Context, found: RegionalProperty) -> Answer:
    """The value of the property in the DR region; of a way to the VMs, `there` or `not there`."""
    return found.dr


def _compared(named: str, own: list[_Way], there: _Ways, dr: list[_Way]) -> Iterator[RegionalProperty]:
    """Yield whether the DR region has a way too, of those that are there, and if so each property of it."""
    others = [way for ways in there.known.values() for way in ways]
    reads, seen = (tuple(read for way in ways for read in way[_THERE].reads) for ways in (own, dr or others))
    yield RegionalProperty(named, Answer(_THERE, reads), Answer(_THERE if dr else there.missing or _NOT_THERE, seen))
    for name in dict.fromkeys(name for way in (*own, *dr) for name in way) if dr else ():
        if name != _THERE:
            sides = [_joined([way.get(name, _LACKING) for way in ways]) for ways in (own, dr)]
            yield RegionalProperty(f"{named}/{name}", *sides)


# --- ways to VMs ------------------------------------------------------------------------------------------------------


def _balanced(context: Context, vms: Members) -> _Ways:
    """Return the load-balancing rules that send traffic to VMs."""
    graph = context.topology.graph
    members = PartialList.of(vms)
    known: dict[str, list[_Way]] = defaultdict(list)
    own = members.of_type(Resource)
    unknown = members.incomplete_because or unlisted_load_balancers(context, own)
    for rule in context.topology.load_balancing.rules_serving(own):
        accepted = _accepted(context, rule)
        probe = graph.follow(rule, "probe")
        if isinstance(accepted, Unknown) or isinstance(probe.value, Unknown):
            unknown = unknown or next(found for found in (accepted, probe.value) if isinstance(found, Unknown))
            continue
        known[accepted].append(
            {
                _THERE: Answer(
                    _THERE,
                    (
                        Read(rule.resource.id, rule.path, rule.id),
                        *(read for path in _ACCEPTED for read in value(rule, path).reads),
                    ),
                ),
                **_values("load balancer", rule.resource, _OF_LOAD_BALANCER),
                **_values("rule", rule, _OF_RULE),
                **(_values("probe", probe.value, _OF_PROBE) if isinstance(probe.value, Part) else {}),
                "probe": Answer(_THERE if isinstance(probe.value, Part) else _NOT_THERE, probe.reads),
            }
        )
    return _Ways(known, unknown)


def _accepted(context: Context, rule: Part) -> str | Unknown:
    """Return what a load-balancing rule accepts, such as `private TCP 1972`."""
    frontend = context.topology.graph.follow(rule, "frontendIPConfiguration").value
    if not isinstance(frontend, Part):
        return frontend if isinstance(frontend, Unknown) else unusable(value(rule, "id"), "a rule with a frontend")
    named = [value(frontend, f"properties.{name}.id").value for name in ("publicIPAddress", "publicIPPrefix")]
    protocol, port = (
        required(text_at(rule, "properties.protocol")),
        required(number_at(rule, "properties.frontendPort")),
    )
    unknown = next((v for v in (*named, protocol.value, port.value) if isinstance(v, Unknown)), None)
    kind = "private" if all(v is ABSENT for v in named) else "public"
    return unknown or f"{kind} {str(protocol.value).upper()} {port.value or 'every port'}"


def _routed(context: Context, vms: Members) -> _Ways:
    """Return the routes of application gateways that send requests to VMs."""
    deployment = context.deployment
    if deployment is None:
        return _Ways({}, None)
    members = PartialList.of(vms)
    own = {vm.key for vm in members.of_type(Resource)}
    routes = PartialList.of(_routes_of_gateways(context, deployment).value)
    unknown = members.incomplete_because or routes.missing
    known: dict[str, list[_Way]] = defaultdict(list)
    for route in routes.known:
        found = _way(route, own) if isinstance(route, _Route) else route
        if isinstance(found, tuple):
            known[found[0]].append(found[1])
        elif isinstance(found, Unknown):
            unknown = unknown or found
    return _Ways(known, unknown)


@once
def _routes_of_gateways(context: Context, deployment: Deployment) -> Answer:
    """Return the routes of all application gateways of the deployment, as `_Route` or unknown."""
    unknown = unlisted(context, deployment, APPLICATION_GATEWAY)
    known: list[object] = []
    for gateway in deployment.scope[APPLICATION_GATEWAY].of_type(Resource):
        rules = objects(gateway, RULES)
        unknown = unknown or rules.incomplete_because
        for rule in rules.of_type(Part):
            known += (
                _route(context, rule, route) if isinstance(route, Part) else route for route in _routes(context, rule)
            )
    return Answer(PartialList(tuple(known), unknown))


def _routes(context: Context, rule: Part) -> Iterator[object]:
    """Yield a rule of an application gateway, or its path map with the path rules, or why they are unknown."""
    by_path = route_target(context, rule, "urlPathMaps")
    if by_path is ABSENT:
        yield rule
        return
    yield by_path
    if isinstance(by_path, Part):
        paths = objects(by_path, "properties.pathRules[*]")
        yield from paths.known
        if paths.missing is not None:
            yield paths.missing


def _way(route: _Route, vms: set[str]) -> tuple[str, _Way] | Unknown | None:
    """Return what a route to VMs accepts, and its properties; unknown if it may lead there, None if it does not."""
    if vms.isdisjoint(vm.key for vm in route.served.of_type(Resource)):
        return route.served.incomplete_because
    return route.accepted if isinstance(route.accepted, Unknown) else (route.accepted, route.way)


def _route(context: Context, rule: Part, route: Part) -> _Route | Unknown | None:
    """Return a rule or path rule of an application gateway; None if it leads to no backend pool."""
    pool = route_target(context, route, "backendAddressPools")
    if not isinstance(pool, Part):
        return pool if isinstance(pool, Unknown) else None
    served = PartialList.of(context.topology.load_balancing.vms(pool).value)
    graph, gateway = context.topology.graph, rule.resource
    settings = route_target(context, route, "backendHttpSettingsCollection")
    accepted = _listened(context, rule, route)
    probe = graph.follow(settings, "probe").value if isinstance(settings, Part) else ABSENT
    unknown = next((found for found in (settings, accepted, probe) if isinstance(found, Unknown)), None)
    if unknown is not None:
        return _Route(served, unknown, {})
    policy = graph.follow(gateway, "firewallPolicy")
    way: _Way = {
        _THERE: Answer(_THERE, (Read(gateway.id, route.path, route.id),)),
        **_values("application gateway", gateway, _OF_GATEWAY),
        **(_values("backend settings", settings, _OF_SETTINGS) if isinstance(settings, Part) else {}),
        **(_values("probe", probe, _OF_GATEWAY_PROBE) if isinstance(probe, Part) else {}),
        "WAF policy": Answer(_NOT_THERE if policy.value is ABSENT else _THERE, policy.reads),
    }
    return _Route(served, str(accepted), way)


def _listened(context: Context, rule: Part, route: Part) -> str | Unknown:
    """Return which requests a route accepts, such as `HTTPS 443` and the paths of a path rule."""
    graph = context.topology.graph
    listener = graph.follow(rule, "httpListener").value
    if not isinstance(listener, Part):
        return listener if isinstance(listener, Unknown) else unusable(value(rule, "id"), "a rule with a listener")
    protocol = required(text_at(listener, "properties.protocol")).value
    port = graph.follow(listener, "frontendPort").value
    number = required(number_at(port, "properties.port")).value if isinstance(port, Part) else port
    paths = PartialList.of(items(route, "properties.paths[*]").value)
    unknown = next((v for v in (protocol, number, paths.incomplete_because) if isinstance(v, Unknown)), None)
    return unknown or " ".join((str(protocol).upper(), str(number), *sorted(map(str, paths.known))))


# --- values -----------------------------------------------------------------------------------------------------------


def _disks(context: Context, vms: Members) -> Answer:
    """Return the data disks of VMs as text: of each VM SKU, size and host caching; those that are alike once."""
    members = PartialList.of(vms)
    answers = [_disks_of(context, vm) for vm in members.of_type(Resource)]
    found = _joined(answers)
    return Answer(members.incomplete_because or found.value, found.reads)


def _disks_of(context: Context, vm: Resource) -> Answer:
    attached = objects(vm, ATTACHMENTS)
    disks: list[str] = []
    reads: list[Read] = []
    unknown = attached.incomplete_because
    for disk in attached.of_type(Part):
        parts = [attachment_sku(context, disk), attachment_size(context, disk), required(value(disk, "caching"))]
        reads += (read for part in parts for read in part.reads)
        unknown = unknown or next((part.value for part in parts if isinstance(part.value, Unknown)), None)
        sku, size, caching = (part.value for part in parts)
        disks.append(f"{sku} {size} GiB, host caching {caching}")
    return Answer(unknown or "; ".join(sorted(disks)) or _NONE, tuple(reads))


def _values(of: str, element: Resource | Part, defaults: _Defaults) -> dict[str, Answer]:
    """Return properties as texts, by name."""
    found: dict[str, Answer] = {}
    for path, default in defaults.items():
        answer = value(element, path)
        text = answer.value if isinstance(answer.value, Unknown) else _text(answer.value, default)
        found[f"{of} {path.removeprefix('properties.')}"] = Answer(text, answer.reads)
    return found


def _text(found: object, default: object) -> str:
    shown = default if found is ABSENT else found
    return str(shown).lower() if isinstance(shown, bool) else str(shown)


def _joined(found: Sequence[Answer]) -> Answer:
    """Return the distinct texts of several as one."""
    if len(found) == 1 and found[0].value:
        return found[0]
    unknown = next((answer.value for answer in found if isinstance(answer.value, Unknown)), None)
    reads = tuple(read for answer in found for read in answer.reads)
    texts = sorted({str(answer.value) for answer in found})
    return Answer(unknown or " or ".join(texts) or _NONE, reads)
