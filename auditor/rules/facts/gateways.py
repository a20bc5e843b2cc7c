"""Facts of application gateways: state, listeners, backend settings, and accepted TLS versions."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

from auditor import yaml_documents
from auditor.azure import arm
from auditor.azure.paths import ABSENT
from auditor.estate.declaration import Role
from auditor.estate.load_balancing import ROUTES
from auditor.rules.context import Context
from auditor.rules.facts.pools import route_target, serves
from auditor.rules.facts.reading import text_at
from auditor.rules.registry import fact
from auditor.snapshot.known import Answer, Cause, Interval, PartialList, Read, Unknown
from auditor.snapshot.lookup import objects, required, unusable, value
from auditor.snapshot.model import Part, Resource

LISTENERS: Final = "properties.httpListeners[*]"
RULES: Final = "properties.requestRoutingRules[*]"
POLICIES: Final = Path(__file__).resolve().parent / "data" / "tls_policies.yaml"

_RUNNING: Final = {"running": True, "stopped": False}
_VERSIONS: Final = {"tlsv1_0": 1.0, "tlsv1_1": 1.1, "tlsv1_2": 1.2, "tlsv1_3": 1.3}


class _Policies(NamedTuple):
    """The oldest TLS version of predefined policies, by lower-case name, and of Azure's defaults."""

    oldest: dict[str, float]
    default_of_v1: float
    defaults_of_v2: tuple[float, float]


@cache
def _policies() -> _Policies:
    data: Any = yaml_documents.read(POLICIES).value
    oldest = {name.lower(): _VERSIONS[version.lower()] for name, version in data["oldest_version"].items()}
    defaults = sorted(oldest[name.lower()] for name in data["defaults_of_v2"])
    return _Policies(oldest, oldest[data["default_of_v1"].lower()], (defaults[0], defaults[-1]))


@fact("gateway.is_running", "gateway", gives="boolean")
def is_running(_: Context, gateway: Resource) -> Answer:
    """Whether an application gateway is running; false if it is stopped, unknown while it starts or stops."""
    state = required(text_at(gateway, "properties.operationalState"))
    if not isinstance(state.value, str) or state.value.lower() in _RUNNING:
        return Answer(_RUNNING.get(str(state.value).lower(), state.value), state.reads)
    reason = f"{gateway.id} is {state.value}, neither Running nor Stopped"
    return Answer(Unknown(Cause.VALUE, reason, about=(gateway.id,)), state.reads)


@fact("gateway.serves_web", "gateway", gives="boolean")
def serves_web(context: Context, gateway: Resource) -> Answer:
    """Whether a rule of an application gateway sends requests to a web server of the deployment."""
    routes = [objects(gateway, path) for path in ROUTES]
    pools = (route_target(context, route, "backendAddressPools") for found in routes for route in found.of_type(Part))
    unknown = PartialList.joined(*routes).incomplete_because
    return serves(context, Answer(PartialList(tuple(pool for pool in pools if pool is not ABSENT), unknown)), Role.WEB)


@fact("gateway.stands_by", "gateway", gives="boolean")
def stands_by(context: Context, gateway: Resource) -> Answer:
    """Whether an application gateway is outside the primary region."""
    place = required(text_at(gateway, "location"))
    if not isinstance(place.value, str) or context.deployment is None:
        return place
    primary = context.deployment.regions.primary
    return Answer(primary if isinstance(primary, Unknown) else arm.location(place.value) != primary, place.reads)


@fact("gateway.listeners", "gateway", gives="listener*")
def listeners(_: Context, gateway: Resource) -> Answer:
    """The HTTP and HTTPS listeners of an application gateway."""
    return Answer(objects(gateway, LISTENERS))


@fact("listener.redirects", "listener", gives="boolean")
def listener_redirects(context: Context, listener: Part) -> Answer:
    """Whether all requests to a listener are redirected to HTTPS; false if no routing rule uses it.

    A redirect leads to HTTPS if its target is a listener for HTTPS or a URL that begins with `https://`.
    """
    found = objects(listener.resource, RULES)
    unknown = found.incomplete_because
    reads: list[Read] = []
    rules = 0
    for rule in found.of_type(Part):
        named = context.topology.graph.follow(rule, "httpListener")
        if isinstance(named.value, Unknown):
            unknown = unknown or named.value
        if not isinstance(named.value, Part) or named.value.key != listener.key:
            continue
        rules += 1
        redirected = _redirected(context, rule)
        reads += redirected.reads
        if redirected.value is False:
            return Answer(False, redirected.reads)
        if isinstance(redirected.value, Unknown):
            unknown = unknown or redirected.value
    return Answer(unknown if unknown is not None else rules > 0, tuple(reads))


@fact("gateway.web_settings", "gateway", gives="backend-settings*")
def web_settings(context: Context, gateway: Resource) -> Answer:
    """The backend settings with which an application gateway sends requests to a web server of the deployment."""
    known: dict[str, object] = {}
    unknowns: list[Unknown | None] = []
    reads: list[Read] = []
    for path in ROUTES:
        routes = objects(gateway, path)
        unknowns.append(routes.incomplete_because)
        for route in routes.of_type(Part):
            settings = route_target(context, route, "backendHttpSettingsCollection")
            if settings is ABSENT:
                continue
            pool = route_target(context, route, "backendAddressPools")
            web = serves(context, Answer(PartialList(() if pool is ABSENT else (pool,))), Role.WEB)
            reads += web.reads
            if isinstance(web.value, Unknown):
                unknowns.append(web.value)
            elif web.value is True:
                known[settings.key if isinstance(settings, Part) else repr(settings)] = settings
    return Answer(PartialList(tuple(known.values()), next(filter(None, unknowns), None)), tuple(reads))


@fact("gateway.oldest_tls", "gateway", gives="number")
def oldest_tls(context: Context, gateway: Resource) -> Answer:
    """The oldest TLS version, such as 1.2, that the TLS policy or a listener's TLS profile accepts.

    For a predefined policy it is the version that Azure documents; if no policy is set, that of Azure's default policy.
    """
    found = [_oldest(gateway)]
    listeners = objects(gateway, LISTENERS)
    unknown = listeners.incomplete_because
    for listener in listeners.of_type(Part):
        profile = context.topology.graph.follow(listener, "sslProfile").value
        if isinstance(profile, Unknown):
            unknown = unknown or profile
        elif isinstance(profile, Part):
            policy = value(profile, "properties.sslPolicy")
            if isinstance(policy.value, Unknown):
                unknown = unknown or policy.value
            elif policy.value is not ABSENT:
                found.append(_policy(profile, "properties.sslPolicy"))
    bounds = [answer.value for answer in found if isinstance(answer.value, Interval)]
    reads = tuple(read for answer in found for read in answer.reads)
    because = tuple(reason for bound in bounds for reason in bound.because)
    low, high = min(bound.low for bound in bounds), min(bound.high for bound in bounds)
    if unknown is not None:
        low, because = min(_VERSIONS.values()), (*because, unknown)
    return Answer(low if low == high else Interval(low, high, because), reads)


def _redirected(context: Context, rule: Part) -> Answer:
    """Return whether a routing rule redirects all requests to HTTPS; a path-based rule on every path."""
    follow = context.topology.graph.follow
    own = follow(rule, "redirectConfiguration")
    by_path = follow(rule, "urlPathMap").value
    if own.value is not ABSENT or by_path is ABSENT:
        return _to_https(context, own)
    if not isinstance(by_path, Part):
        return Answer(by_path, own.reads)
    paths = objects(by_path, "properties.pathRules[*]")
    targets = [follow(by_path, "defaultRedirectConfiguration")]
    targets += [follow(path, "redirectConfiguration") for path in paths.of_type(Part)]
    answers = [_to_https(context, target) for target in targets]
    reads = tuple(read for answer in answers for read in answer.reads)
    if any(answer.value is False for answer in answers):
        return Answer(False, reads)
    unknown = next((answer.value for answer in answers if isinstance(answer.value, Unknown)), paths.incomplete_because)
    return Answer(unknown or True, reads)


def _to_https(context: Context, redirect: Answer) -> Answer:
    """Return whether a redirect configuration leads to HTTPS; false if there is none."""
    if not isinstance(redirect.value, Part):
        return Answer(False if redirect.value is ABSENT else redirect.value, redirect.reads)
    url = value(redirect.value, "properties.targetUrl")
    if isinstance(url.value, str) and url.value:
        return Answer(url.value.lower().startswith("https://"), (*redirect.reads, *url.reads))
    listener = context.topology.graph.follow(redirect.value, "targetListener")
    reads = (*redirect.reads, *listener.reads)
    if not isinstance(listener.value, Part):
        return Answer(unusable(listener, "a listener"), reads)
    protocol = value(listener.value, "properties.protocol")
    if not isinstance(protocol.value, str):
        return Answer(unusable(protocol, "a protocol"), reads)
    return Answer(protocol.value.lower() == "https", (*reads, *protocol.reads))


def _oldest(gateway: Resource) -> Answer:
    """Return the oldest version of the application gateway's own policy, else of Azure's default, as an interval."""
    own = value(gateway, "properties.sslPolicy")
    if isinstance(own.value, Unknown):
        return _any_version(own.value, own.reads)
    if own.value is not ABSENT:
        return _policy(gateway, "properties.sslPolicy")
    shown = value(gateway, "properties.defaultPredefinedSslPolicy")
    reads = (*own.reads, *shown.reads)
    if shown.value is not ABSENT:
        return _predefined(gateway, shown.value, reads)
    tier = value(gateway, "properties.sku.tier")
    if isinstance(tier.value, str) and tier.value.lower() in {"standard", "waf"}:
        version = _policies().default_of_v1
        return Answer(Interval(version, version), (*reads, *tier.reads))
    reason = (
        f"{gateway.id} has no TLS policy of its own; the default policy (defaultPredefinedSslPolicy) is returned "
        "only by API version 2023-02-01 and newer"
    )
    return Answer(Interval(*_policies().defaults_of_v2, (Unknown(Cause.VALUE, reason, about=(gateway.id,)),)), reads)


def _policy(element: Resource | Part, path: str) -> Answer:
    """Return the oldest version that a TLS policy accepts, as an interval."""
    kind = value(element, f"{path}.policyType")
    if isinstance(kind.value, str) and kind.value.lower() == "predefined":
        name = value(element, f"{path}.policyName")
        return _predefined(element, name.value, name.reads)
    oldest = value(element, f"{path}.minProtocolVersion")
    if isinstance(oldest.value, str) and oldest.value.lower() in _VERSIONS:
        version = _VERSIONS[oldest.value.lower()]
        return Answer(Interval(version, version), oldest.reads)
    if oldest.value is not ABSENT:
        return _any_version(unusable(oldest, "a TLS version"), oldest.reads)
    name = value(element, f"{path}.policyName")
    if name.value is not ABSENT:
        return _predefined(element, name.value, name.reads)
    disabled = value(element, f"{path}.disabledSslProtocols")
    if isinstance(disabled.value, list):
        off = {str(protocol).lower() for protocol in disabled.value}
        left = [version for protocol, version in _VERSIONS.items() if protocol not in off]
        if left:
            return Answer(Interval(left[0], left[0]), disabled.reads)
    reason = f"{element.id}: the TLS policy has neither a predefined policy nor an oldest version"
    return _any_version(Unknown(Cause.VALUE, reason, about=(element.resource.id,)), disabled.reads)


def _predefined(element: Resource | Part, name: object, reads: tuple[Read, ...]) -> Answer:
    """Return the oldest version of a predefined policy, as an interval."""
    if isinstance(name, Unknown):
        return _any_version(name, reads)
    version = _policies().oldest.get(name.lower()) if isinstance(name, str) else None
    if version is None:
        named = f" {name}" if isinstance(name, str) else ""
        reason = f"{element.id}: the TLS versions that the predefined policy{named} accepts are unknown"
        return _any_version(Unknown(Cause.VALUE, reason, about=(element.resource.id,)), reads)
    return Answer(Interval(version, version), reads)


def _any_version(reason: Unknown, reads: tuple[Read, ...]) -> Answer:
    """Return the interval of all versions, for a reason."""
    return Answer(Interval(min(_VERSIONS.values()), max(_VERSIONS.values()), (reason,)), reads)
