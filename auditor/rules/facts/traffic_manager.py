"""Facts of Traffic Manager profiles."""

from __future__ import annotations

from auditor.azure import arm
from auditor.azure.paths import ABSENT
from auditor.azure.types.names import PUBLIC_ADDRESS
from auditor.estate.dns import ENDPOINTS, is_external
from auditor.rules.context import Context
from auditor.rules.facts.arithmetic import computed
from auditor.rules.facts.reading import number_at
from auditor.rules.registry import fact
from auditor.snapshot.known import Answer, Cause, PartialList, Read, Unknown, interval
from auditor.snapshot.lookup import objects, value
from auditor.snapshot.model import Part, Resource

TOLERATED_FAILURES, MONITOR_INTERVAL, TIME_TO_LIVE = 3, 30, 60
MONITOR_TIMEOUT, FAST_INTERVAL, FAST_TIMEOUT = 10, 10, 9
"""Azure's defaults of a Traffic Manager profile (traffic-manager-monitoring): a number, then seconds.

The default timeout is another one with the probe interval of 10 seconds, which must be longer."""


@fact("profile.endpoint_regions", "profile", gives="text*")
def endpoint_regions(context: Context, profile: Resource) -> Answer:
    """The region of each endpoint: that of its target in the deployment, else its `endpointLocation`.

    Unknown if its target is a resource that does not belong to the deployment.
    """
    endpoints = objects(profile, ENDPOINTS)
    answers = [_region(context, end) if isinstance(end, Part) else Answer(end) for end in endpoints.known]
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
    region = _region(context, first)
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


def _region(context: Context, endpoint: Part) -> Answer:
    target = context.topology.dns.target(endpoint)
    written = value(endpoint, "properties.endpointLocation")
    found = target.value
    if isinstance(found, Resource):
        own = context.deployment.scope[PUBLIC_ADDRESS] if context.deployment else PartialList()
        if found.key not in {address.key for address in own.of_type(Resource)}:
            reason = f"the target of {endpoint.id} is {found.id}, which does not belong to the deployment"
            about = (endpoint.resource.id, found.id)
            return Answer(own.missing or Unknown(Cause.VALUE, reason, about=about), target.reads)
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
