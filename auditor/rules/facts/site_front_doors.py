"""Azure Front Doors that direct the users of a deployment, as its losses need them: a profile for each origin group."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from auditor.azure import arm
from auditor.azure.types.names import TRAFFIC_MANAGER
from auditor.estate.front_doors import Route
from auditor.estate.subjects import Deployment
from auditor.losses.site import AT_ONCE, UNBOUNDED, Assumption, Endpoint, Profile, Seconds
from auditor.rules.context import Context
from auditor.rules.facts.front_doors import front_doors, region_of_targets
from auditor.rules.facts.reading import number_at, text_at
from auditor.snapshot.known import Answer, Interval, PartialList, Read, Unknown, interval
from auditor.snapshot.lookup import unusable
from auditor.snapshot.model import Part, Resource

_SETTINGS: Final = (
    "properties.loadBalancingSettings.sampleSize",
    "properties.loadBalancingSettings.successfulSamplesRequired",
    "properties.healthProbeSettings.probeIntervalInSeconds",
)


class Directed(NamedTuple):
    """What directs users to the regions of a deployment."""

    profiles: tuple[Profile, ...]
    more: Unknown | None
    """Why there may be further ones."""
    assumed: tuple[Assumption, ...] = ()


def doors_of(context: Context, deployment: Deployment) -> Directed:
    """Return the origin groups by which Front Doors lead users to a deployment."""
    doors = PartialList.of(front_doors(context, deployment).value)
    own = {found.key for each in deployment.scope.values() for found in each.of_type(Resource)}
    profiles: list[Profile] = []
    assumed: list[Assumption] = []
    more = doors.incomplete_because
    for door in doors.of_type(Resource):
        routes = context.topology.front_doors.routes(door)
        more = more or routes.incomplete_because
        groups = _groups(context, routes.of_type(Route), own)
        for route, group in groups:
            profile, said = _profile(context, door, route, group, own, is_one_of=len(groups) > 1)
            profiles.append(profile)
            assumed += [said] if said else []
    return Directed(tuple(profiles), more, tuple(assumed))


def _groups(context: Context, routes: Iterable[Route], own: set[str]) -> list[tuple[Route, Resource | Part]]:
    """Return the origin groups that lead to resources of a deployment, each with one of its routes."""
    doors = context.topology.front_doors
    found: dict[str, tuple[Route, Resource | Part]] = {}
    for route in routes:
        group = doors.group_of(route).value
        if isinstance(group, Resource | Part) and any(to.key in own for to in doors.leads_to(route).of_type(Resource)):
            found.setdefault(group.key, (route, group))
    return [*found.values()]


def _profile(  # noqa: PLR0913 - a group and what it belongs to
    context: Context, door: Resource, route: Route, group: Resource | Part, own: set[str], *, is_one_of: bool
) -> tuple[Profile, Assumption | None]:
    """Return an origin group with its enabled origins, and how long it directs users to a failed one.

    Without an origin: it leads to a Traffic Manager profile only, which directs users to a region.
    """
    origins = context.topology.front_doors.origins(route)
    ends = [
        _endpoint(context, origin, own) if isinstance(origin, Resource | Part) else origin for origin in origins.known
    ]
    named = arm.name_of(group.id) if is_one_of else ""
    seconds, reads = _switch(group)
    behind = bool(ends) and all(end is None for end in ends)
    said = None
    if not behind:
        name = "/".join(filter(None, (door.name, named)))
        text = f"{name}: Azure Front Door leaves a failed origin after {seconds.least:g} s at least"
        said = Assumption(f"{text}; Microsoft states no longest time", reads)
    profile = Profile(
        key=group.key,
        name=door.name,
        endpoints=tuple(end for end in ends if isinstance(end, Endpoint)),
        more_endpoints=origins.incomplete_because or next((end for end in ends if isinstance(end, Unknown)), None),
        switch=AT_ONCE if behind else seconds,
        door=door.key,
        group=named,
    )
    return profile, said


def _endpoint(context: Context, origin: Resource | Part, own: set[str]) -> Endpoint | Unknown | None:
    """Return an origin as an endpoint; None if it is a Traffic Manager profile of the deployment."""
    targets = context.topology.front_doors.targets(origin)
    if any(target.type == TRAFFIC_MANAGER and target.key in own for target in targets.of_type(Resource)):
        return None
    is_classic = isinstance(origin, Part)
    named = text_at(origin, "address") if is_classic else Answer(arm.name_of(origin.id))
    priority = number_at(origin, "priority" if is_classic else "properties.priority", 1)
    place = region_of_targets(targets, own).value
    if not isinstance(named.value, str):
        return unusable(named, "a domain name")
    if not isinstance(priority.value, int | float):
        return unusable(priority, "a number")
    return Endpoint(named.value, place if isinstance(place, str | Unknown) else "", int(priority.value))


def _switch(group: Resource | Part) -> tuple[Seconds, tuple[Read, ...]]:
    """Return how long an origin group directs users to a failed origin.

    An origin fails when fewer of its last samples were successful than required. There is no upper bound: edge
    locations without users probe less often than the interval (learn.microsoft.com/azure/frontdoor/health-probes).
    """
    answers = [number_at(group, path) for path in _SETTINGS]
    reads = tuple(read for each in answers for read in each.reads)
    bounds = [interval(each.value) for each in answers]
    samples, required, every = (Interval(0, 0) if each is None else each for each in bounds)
    least = 0 if None in bounds else max(samples.low - required.high, 0) * every.low
    return Seconds(least, UNBOUNDED), reads
