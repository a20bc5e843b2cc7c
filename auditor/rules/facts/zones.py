"""Availability zones: those that a region offers, those of VMs, and which are the same.

Each subscription has its own numbers of the zones of a region (availability zones overview, physical and logical ones).
`availabilityZoneMappings` of the region in a subscription has the physical zone of each number.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from auditor.azure import arm
from auditor.azure.paths import ABSENT
from auditor.azure.types.names import SKU
from auditor.estate.topology import Topology
from auditor.rules.context import Context
from auditor.rules.facts.placement import region, zone
from auditor.snapshot.known import Answer, Cause, Interval, PartialList, Read, Unknown
from auditor.snapshot.lookup import objects, required, unusable, value
from auditor.snapshot.model import Part, Resource
from auditor.snapshot.skus import cited_id

_MAPPINGS: Final = "availabilityZoneMappings"


class Zone(NamedTuple):
    """An availability zone as a subscription numbers it."""

    region: str
    subscription: str
    number: str

    @property
    def mapping(self) -> str:
        """Return the key of the region in the subscription, which has the physical zones."""
        return arm.location_id(self.subscription, self.region)


def zone_of(context: Context, vm: Resource) -> Answer:
    """Return the `Zone` of a VM; absent if it is not in a zone."""
    number = zone(context, vm)
    if not isinstance(number.value, str):
        return number
    place = required(region(context, vm))
    if not isinstance(place.value, str):
        return Answer(unusable(place, "a text"), (*number.reads, *place.reads))
    return Answer(Zone(place.value, arm.subscription_of(vm.key), number.value), number.reads)


def physical_zone(context: Context, logical: Zone) -> Answer:
    """Return the name of the physical zone, such as `westeurope-az1`, in lower case."""
    offered = context.topology.graph.get(logical.mapping)
    if isinstance(offered, Unknown):
        return Answer(offered)
    mappings = objects(offered, f"{_MAPPINGS}[*]")
    for mapping in mappings.of_type(Part):
        if value(mapping, "logicalZone").value == logical.number:
            found = value(mapping, "physicalZone")
            known = isinstance(found.value, str)
            return Answer(str(found.value).lower() if known else unusable(found, "a text"), found.reads)
    reason = f"{offered.id} has no physical zone of zone {logical.number} in {_MAPPINGS}"
    return Answer(mappings.incomplete_because or Unknown(Cause.VALUE, reason, about=(offered.id,)))


def same_zone(context: Context, one: Zone, other: Zone) -> Answer:
    """Return whether two zones are the same place."""
    if one.region != other.region or one.subscription == other.subscription:
        return Answer(one == other)
    physical = [physical_zone(context, found) for found in (one, other)]
    reads = tuple(read for answer in physical for read in answer.reads)
    unknown = next((answer.value for answer in physical if isinstance(answer.value, Unknown)), None)
    if unknown is not None:
        return Answer(incomparable(unknown, one.region, (one.subscription, other.subscription)), reads)
    return Answer(physical[0].value == physical[1].value, reads)


def zones_of(
    context: Context, vms: PartialList, join: Callable[[list[float]], float] = sum
) -> tuple[Interval, tuple[Read, ...]]:
    """Return in how many zones VMs are, and what was read for it; zones of different regions differ.

    `join` makes one number of those of the regions: their sum, or the largest.
    """
    because = [] if vms.missing is None else [vms.missing]
    reads: list[Read] = []
    found: dict[str, dict[Zone, None]] = defaultdict(dict)
    others: float = 0 if vms.missing is None else math.inf
    for vm in vms.known:
        own = zone_of(context, vm) if isinstance(vm, Resource) else Answer(vm)
        reads += own.reads
        if isinstance(own.value, Zone):
            found[own.value.region][own.value] = None
        elif isinstance(own.value, Unknown):
            others += 1
            because.append(own.value)
    regions = [_distinct(context, zones, reads) for zones in found.values()]
    because += (reason for bounds in regions for reason in bounds.because)
    low, high = join([0, *(bounds.low for bounds in regions)]), join([0, *(bounds.high for bounds in regions)])
    return Interval(low, high + others, tuple(because)), tuple(reads)


def zones_offered(context: Context, place: str, subscription: str) -> tuple[Interval, tuple[Read, ...]]:
    """Return how many zones a region offers to a subscription, and what was read for it; see `zone_numbers`."""
    found, reads = zone_numbers(context, place, subscription)
    number = len(found.known)
    return Interval(number, number) if found.missing is None else Interval(number, math.inf, (found.missing,)), reads


def zone_numbers(context: Context, place: str, subscription: str) -> tuple[PartialList, tuple[Read, ...]]:
    """Return the numbers of the zones that a region offers to a subscription, and what was read for it.

    The zone mappings of the region say it; where they were not read, the SKU list does.
    """
    offered = context.topology.graph.resources.get(arm.location_id(subscription, place))
    mappings = PartialList() if offered is None else objects(offered, f"{_MAPPINGS}[*]")
    if offered is not None and mappings.known and mappings.complete:
        names = [value(mapping, "logicalZone").value for mapping in mappings.of_type(Part)]
        return PartialList(tuple(names)), (Read(offered.id, _MAPPINGS, names),)
    by_size = context.topology.once(_zones_of_sizes).get(place)
    reads = tuple(Read(cited_id(subscription, size), path, zones) for size, path, zones in by_size or ())
    numbers = {str(zone) for read in reads if isinstance(read.value, list) for zone in read.value}
    unlisted = context.topology.graph.listing(SKU, subscription)
    if unlisted is None and by_size is None:
        unlisted = Unknown(Cause.VALUE, f"the SKU list has no VM size in {place}, so its zones are unknown")
    return PartialList(tuple(sorted(numbers)), unlisted), reads


def _distinct(context: Context, zones: Iterable[Zone], reads: list[Read]) -> Interval:
    """Return how many places the zones of one region are."""
    by_subscription: dict[str, list[Zone]] = defaultdict(list)
    for found in zones:
        by_subscription[found.subscription].append(found)
    if len(by_subscription) == 1:
        number = sum(map(len, by_subscription.values()))
        return Interval(number, number)
    physical: set[object] = set()
    unmapped: list[int] = []
    because: list[Unknown] = []
    for own in by_subscription.values():
        answers = [physical_zone(context, found) for found in own]
        reads += (read for answer in answers for read in answer.reads)
        unknown = next((answer.value for answer in answers if isinstance(answer.value, Unknown)), None)
        if unknown is None:
            physical.update(answer.value for answer in answers)
        else:
            unmapped.append(len(own))
            because.append(incomparable(unknown, own[0].region, by_subscription))
    return Interval(max(len(physical), *unmapped, 0), len(physical) + sum(unmapped), tuple(because))


def incomparable(unknown: Unknown, place: str, subscriptions: Iterable[str]) -> Unknown:
    """Return why zone numbers of several subscriptions cannot be compared, and how to find out."""
    reason = (
        f"each subscription has its own numbers of the zones of {place}: those of {' and '.join(subscriptions)} can be "
        f"compared only with {_MAPPINGS} of GET /subscriptions/ID/locations?api-version=2022-12-01; {unknown.reason}"
    )
    return Unknown(unknown.cause, reason, unknown.gaps, unknown.about)


def _zones_of_sizes(topology: Topology) -> dict[str, list[tuple[str, str, object]]]:
    """Return, by region, VM sizes that together are offered in all its zones: name, path and zones."""
    found: dict[str, list[tuple[str, str, object]]] = {}
    seen: dict[str, set[str]] = defaultdict(set)
    for sku in topology.graph.by_type[SKU]:
        if str(sku.body.get("resourceType")).lower() != "virtualmachines":
            continue
        infos = sku.body.get("locationInfo")
        for index, info in enumerate(infos if isinstance(infos, list) else ()):
            if not isinstance(info, dict):
                continue
            place = arm.location(str(info.get("location")))
            zones = info.get("zones")
            offered = {str(zone) for zone in zones} if isinstance(zones, list) else set()
            sizes = found.setdefault(place, [])
            if sizes and offered <= seen[place]:
                continue
            if not seen[place]:
                sizes.clear()
            seen[place] |= offered
            shown = ABSENT if zones is None else zones
            sizes.append((str(sku.body.get("name")), f"locationInfo[{index}].zones", shown))
    return found
