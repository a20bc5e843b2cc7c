"""Facts of Traffic Manager profiles."""

from __future__ import annotations

from typing import Final

from auditor.azure import arm
from auditor.azure.paths import ABSENT
from auditor.azure.types.names import NIC, TRAFFIC_MANAGER, VM
from auditor.estate.dns import ENDPOINTS, is_external
from auditor.estate.load_balancing import POOLS
from auditor.estate.topology import Topology
from auditor.rules.context import Context
from auditor.rules.facts.arithmetic import computed
from auditor.rules.facts.reading import number_at
from auditor.rules.facts.roles import roles_of
from auditor.rules.registry import fact
from auditor.snapshot.known import Answer, Cause, PartialList, Read, Unknown, interval
from auditor.snapshot.lookup import objects, parts, unusable, value
from auditor.snapshot.model import Part, Resource

TOLERATED_FAILURES, MONITOR_INTERVAL, TIME_TO_LIVE = 3, 30, 60
MONITOR_TIMEOUT, FAST_INTERVAL, FAST_TIMEOUT = 10, 10, 9
"""Azure's defaults of a Traffic Manager profile (traffic-manager-monitoring): a number, then seconds.

The default timeout is another one with the probe interval of 10 seconds, which must be longer."""

_SERVED: Final = frozenset({"online", "unmonitored"})
_NOT_SERVED: Final = frozenset({"degraded", "disabled", "inactive", "stopped"})
"""What `endpointMonitorStatus` says of endpoints that are in DNS answers, and of those that are not."""


@fact("profile.endpoints", "profile", gives="endpoint*")
def endpoints_of(_: Context, profile: Resource) -> Answer:
    """The endpoints of a Traffic Manager profile."""
    return Answer(objects(profile, ENDPOINTS))


@fact("profile.endpoint_regions", "profile", gives="text*")
def endpoint_regions(context: Context, profile: Resource) -> Answer:
    """The region of each endpoint: that of its target, else its `endpointLocation`.

    That of a nested endpoint is the region of all endpoints of the nested profile, unknown if they are in several.
    """
    endpoints = objects(profile, ENDPOINTS)
    answers = [region_of(context, end) if isinstance(end, Part) else Answer(end) for end in endpoints.known]
    reads = tuple(read for answer in answers for read in answer.reads)
    return Answer(PartialList(tuple(answer.value for answer in answers), endpoints.missing), reads)


@fact("profile.first_region", "profile", gives="text")
def first_region(context: Context, profile: Resource) -> Answer:
    """The region of the endpoint with the lowest priority number, to which Traffic Manager directs clients first.

    Absent if there is no endpoint.
    """
    endpoints = objects(profile, ENDPOINTS)
    if endpoints.missing is not None:
        return Answer(endpoints.missing)
    ranked: list[tuple[float, Part, Read]] = []
    for endpoint in endpoints.known:
        priority = value(endpoint, "properties.priority") if isinstance(endpoint, Part) else Answer(endpoint)
        bounds = interval(priority.value)
        if bounds is None or not isinstance(endpoint, Part):
            reason = f"{profile.id} has an endpoint without priority"
            unknown = Unknown(Cause.VALUE, reason, about=(profile.id,))
            return Answer(priority.value if isinstance(priority.value, Unknown) else unknown)
        ranked.append((bounds.low, endpoint, priority.reads[0]))
    if not ranked:
        return Answer(ABSENT, (Read(profile.id, "properties.endpoints", ABSENT),))
    _, first, read = min(ranked, key=lambda entry: entry[0])
    region = region_of(context, first)
    return Answer(region.value, (read, *region.reads))


@fact("profile.switch_seconds", "profile", gives="number")
def switch_seconds(_: Context, profile: Resource) -> Answer:
    """The longest time in seconds that clients are directed to a failed endpoint.

    It is (tolerated failures + 1) times the probe interval, plus the probe timeout, plus the time to live in DNS.
    """
    interval_seconds = number_at(profile, "properties.monitorConfig.intervalInSeconds", MONITOR_INTERVAL)
    default_timeout = FAST_TIMEOUT if interval_seconds.value == FAST_INTERVAL else MONITOR_TIMEOUT
    answers = [
        number_at(profile, "properties.monitorConfig.toleratedNumberOfFailures", TOLERATED_FAILURES),
        interval_seconds,
        number_at(profile, "properties.monitorConfig.timeoutInSeconds", default_timeout),
        number_at(profile, "properties.dnsConfig.ttl", TIME_TO_LIVE),
    ]
    return computed(answers, lambda tolerated, every, timeout, ttl: (tolerated + 1) * every + timeout + ttl)


@fact("profile.is_nested", "profile", gives="boolean")
def is_nested(context: Context, profile: Resource) -> Answer:
    """Whether a nested endpoint of another profile leads to it, so that it serves a part of the clients of that one."""
    if context.topology.dns.is_nested(profile):
        return Answer(True)
    subscriptions = context.deployment.subscriptions if context.deployment else ()
    graph = context.topology.graph
    unread_one = next(iter(graph.all_hidden(TRAFFIC_MANAGER, "properties")), None)
    unlisted = graph.unlisted(TRAFFIC_MANAGER, subscriptions)
    return Answer(unlisted or unread_one or context.topology.once(_nested_nowhere) or False)


def _nested_nowhere(topology: Topology) -> Unknown | None:
    """Return why a nested endpoint of some profile may lead to any profile, None if all lead to a known one."""
    for profile in topology.graph.by_type.get(TRAFFIC_MANAGER, ()):
        for endpoint in objects(profile, ENDPOINTS).of_type(Part):
            target = topology.dns.target(endpoint).value
            if not isinstance(target, Unknown) or target.cause is Cause.GAP:
                continue
            if str(value(endpoint, "type").value).lower().endswith("/nestedendpoints"):
                return target
    return None


@fact("profile.only_nested", "profile", gives="boolean")
def only_nested(context: Context, profile: Resource) -> Answer:
    """Whether all endpoints are nested: Azure probes what is behind them by the settings of the nested profiles."""
    endpoints = objects(profile, ENDPOINTS)
    targets = [context.topology.dns.target(endpoint) for endpoint in endpoints.of_type(Part)]
    nested = [isinstance(t.value, Resource) and t.value.type == TRAFFIC_MANAGER for t in targets]
    reads = tuple(read for target in targets for read in target.reads)
    if not all(nested):
        return Answer(False, reads)
    return Answer(endpoints.incomplete_because or bool(nested), reads)


@fact("endpoint.is_served", "endpoint", gives="boolean")
def is_served(_: Context, endpoint: Part) -> Answer:
    """Whether Traffic Manager sends clients to the endpoint: it is online, or not probed since it is always served.

    Unknown as long as it has not been probed (`CheckingEndpoint`).
    """
    found = value(endpoint, "properties.endpointMonitorStatus")
    status = found.value.lower() if isinstance(found.value, str) else ""
    if status in _SERVED | _NOT_SERVED:
        return Answer(status in _SERVED, found.reads)
    if status == "checkingendpoint":
        reason = f"{endpoint.id} has not been probed yet (CheckingEndpoint)"
        return Answer(Unknown(Cause.VALUE, reason, about=(endpoint.resource.id,)), found.reads)
    return Answer(unusable(found, "the status of an endpoint"), found.reads)


@fact("endpoint.leads_here", "endpoint", gives="boolean")
def leads_here(context: Context, endpoint: Part) -> Answer:
    """Whether the endpoint leads to a VM of the deployment.

    False if its target is an Azure service without VMs; unknown if it is not known what the target leads to, such as
    that of a firewall.
    """
    target = context.topology.dns.target(endpoint)
    if target.value is ABSENT:
        return Answer(False, target.reads)
    targets = [target.value]
    if isinstance(target.value, Resource) and target.value.type == TRAFFIC_MANAGER:
        targets = [*context.topology.dns.targets(target.value)]
    found = [_leads_here(context, each) if isinstance(each, Resource) else each for each in targets]
    nowhere = Unknown(Cause.VALUE, f"{endpoint.id} leads nowhere", about=(endpoint.resource.id,))
    unknown = next((each for each in found if isinstance(each, Unknown)), nowhere)
    return Answer(True if True in found else unknown, target.reads)


def region_of(context: Context, endpoint: Part, above: frozenset[str] = frozenset()) -> Answer:
    """Return the region of an endpoint of a profile that is nested in those with the keys `above`."""
    target = context.topology.dns.target(endpoint)
    written = value(endpoint, "properties.endpointLocation")
    found = target.value
    if isinstance(found, Resource) and found.type == TRAFFIC_MANAGER:
        return _region_of_nested(context, found, above | {endpoint.resource.key})
    if isinstance(found, Resource):
        place = value(found, "location")
        if isinstance(place.value, str):
            return Answer(arm.location(place.value), place.reads)
        found = place.value
    elif isinstance(found, Unknown) and (found.cause is Cause.GAP or not is_external(endpoint)):
        return target
    if isinstance(written.value, str):
        return Answer(arm.location(written.value), written.reads)
    reason = f"{endpoint.id} has no region (endpointLocation)"
    unknown = Unknown(Cause.VALUE, reason, about=(endpoint.resource.id,))
    return Answer(
        next((answer for answer in (found, written.value) if isinstance(answer, Unknown)), unknown), written.reads
    )


def _region_of_nested(context: Context, profile: Resource, above: frozenset[str]) -> Answer:
    """Return the one region of all endpoints of a nested profile; unknown if there are several."""
    endpoints = objects(profile, ENDPOINTS)
    if profile.key in above or endpoints.incomplete_because is not None:
        leads_to_itself = Unknown(Cause.VALUE, f"{profile.id} leads to itself (malformed)", about=(profile.id,))
        return Answer(endpoints.incomplete_because or leads_to_itself)
    answers = [region_of(context, endpoint, above) for endpoint in endpoints.of_type(Part)]
    regions = {answer.value for answer in answers if isinstance(answer.value, str)}
    unknown = next((answer for answer in answers if isinstance(answer.value, Unknown)), None)
    if unknown is not None or len(regions) == 1:
        return unknown or answers[0]
    reason = f"the nested profile {profile.id} has endpoints in {len(regions)} regions"
    return Answer(Unknown(Cause.VALUE, reason, about=(profile.id,)), tuple(r for a in answers for r in a.reads))


def _leads_here(context: Context, address: Resource) -> bool | Unknown:
    """Return whether what arrives at a public IP address reaches a VM of the deployment; true or unknown.

    A firewall, or a VM that forwards packets, may send it to any VM.
    """
    balancing, graph = context.topology.load_balancing, context.topology.graph
    unknown = None
    for holder in context.topology.public_addresses.holders(address):
        found = [PartialList.of(balancing.vms(pool).value) for pool in parts(holder, POOLS)]
        if holder.type == NIC:
            found = [PartialList(tuple(edge.source for edge in graph.referrers(holder.key, VM)))]
        if any(roles_of(context, vm) for vms in found for vm in vms.of_type(Resource)):
            return True
        unknown = unknown or next((vms.incomplete_because for vms in found if not vms.complete), None)
    reason = f"{address.id} is not known to lead to a VM of the deployment"
    return unknown or Unknown(Cause.VALUE, reason, about=(address.id,))
