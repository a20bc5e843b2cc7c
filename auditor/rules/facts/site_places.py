"""Where the VMs and entrances of a deployment stand, as its losses need it."""

from __future__ import annotations

from collections.abc import Collection

from auditor.azure import arm
from auditor.azure.paths import ABSENT
from auditor.losses.site import Vm
from auditor.rules.context import Context
from auditor.rules.facts.placement import availability_set, fault_domain, region, scale_set, update_domain, zone
from auditor.rules.facts.zones import Zone, incomparable, physical_zone, zone_numbers
from auditor.snapshot.known import Answer, Cause, Unknown
from auditor.snapshot.lookup import unusable
from auditor.snapshot.model import Resource


class Places:
    """Regions and zones of one deployment.

    If all its resources are of one subscription, a zone has the number that the subscription gives it, else the name of
    the physical zone, since each subscription numbers the zones of a region in its own way.
    """

    def __init__(self, context: Context, subscriptions: Collection[str]) -> None:
        """Take the subscriptions of everything that stands in a zone."""
        self._context = context
        self._subscriptions = tuple(sorted(subscriptions))
        self._offered: dict[str, tuple[str, ...] | Unknown] = {}

    def vm(self, vm: Resource) -> Vm:
        """Return a VM and where it stands."""
        place = region_of(self._context, vm)
        own_zone = self._zone(vm, place)
        sets = [found(self._context, vm).value for found in (availability_set, scale_set)]
        unknown = next((found for found in sets if isinstance(found, Unknown)), None)
        own_set = next((arm.key(found) for found in sets if isinstance(found, str)), "")
        domains: list[int | Unknown | None] = [None, None]
        if own_set or unknown is not None:
            domains = [_domain(found(self._context, vm), own_zone) for found in (fault_domain, update_domain)]
        return Vm(vm.key, vm.name, place, own_zone, own_set or unknown or "", *domains)

    def zones(self, place: str) -> tuple[str, ...] | Unknown:
        """Return the zones of a region; empty if it has none."""
        if place not in self._offered:
            self._offered[place] = self._find_zones(place)
        return self._offered[place]

    def zone(self, place: str, subscription: str, number: str) -> str | Unknown:
        """Return the zone to which a subscription gives a number."""
        if len(self._subscriptions) == 1:
            return number
        found = physical_zone(self._context, Zone(place, subscription, number)).value
        return incomparable(found, place, self._subscriptions) if isinstance(found, Unknown) else str(found)

    def _zone(self, vm: Resource, place: str | Unknown) -> str | Unknown:
        number = zone(self._context, vm).value
        if isinstance(place, Unknown) or isinstance(number, Unknown):
            return place if isinstance(place, Unknown) else number  # type: ignore[return-value] # unknown
        if isinstance(number, str):
            return self.zone(place, arm.subscription_of(vm.key), number)
        return in_no_zone(vm.id, place, self.zones(place))

    def _find_zones(self, place: str) -> tuple[str, ...] | Unknown:
        found: set[str] = set()
        unknown: Unknown | None = None
        for subscription in self._subscriptions:
            offered, _ = zone_numbers(self._context, place, subscription)
            numbers = offered.of_type(str)
            names = [self.zone(place, subscription, number) for number in numbers]
            own = offered.incomplete_because or next((name for name in names if isinstance(name, Unknown)), None)
            if own is None and (numbers or len(self._subscriptions) == 1):
                return tuple(sorted({*found, *map(str, names)}))
            unknown = unknown or own
        return unknown or ()


def region_of(context: Context, vm: Resource) -> str | Unknown:
    """Return the region of a VM, which every VM has."""
    found = region(context, vm)
    return found.value if isinstance(found.value, str) else unusable(found, "a text")


def in_no_zone(resource: str, place: str, zones: tuple[str, ...] | Unknown) -> str | Unknown:
    """Return the zone of a resource that is in no particular one: "" if its region, `place`, has none.

    No scan can find out where Azure has placed it, so that a scan is complete without that.
    """
    if zones == ():
        return ""
    if isinstance(zones, Unknown):
        return zones
    reason = f"{resource} is in no particular zone of {place}: Azure does not show in which one it stands"
    return Unknown(Cause.VALUE, reason, about=(resource,), optional=True)


def _domain(found: Answer, own_zone: str | Unknown) -> int | Unknown | None:
    """Return the number of a domain; None without one, and if only the zone of a VM separates it from others."""
    number = found.value
    if isinstance(number, Unknown):
        in_zone = isinstance(own_zone, str) and own_zone != ""
        return None if in_zone and number.cause is Cause.VALUE else number
    if number is ABSENT:
        return None
    return int(number) if isinstance(number, int | float) else unusable(found, "a number")
