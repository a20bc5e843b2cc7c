"""The losses that a deployment can suffer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from itertools import combinations
from typing import Final, NamedTuple, Protocol

from auditor.losses.loss import Cut, Loss, LossKind, each_of, union
from auditor.losses.site import Arbiter, Entrance, MirrorModel, Profile, Site, TierModel, Vm
from auditor.snapshot.known import Cause, Unknown

_NO_NUMBER: Final = ("?",)
"""The domain or zone in which all VMs may be of which no number is known."""


class _Named(Protocol):
    """A thing with a name and a key."""

    @property
    def key(self) -> str: ...
    @property
    def name(self) -> str: ...


class _Whole(NamedTuple):
    """What several parts have in common: an availability set or scale set, a profile or Front Door."""

    key: str
    name: str


def losses(site: Site) -> tuple[Loss, ...]:
    """Return every single loss of a deployment, each name once; the order is that of the kinds, then of the names."""
    found = (
        *_vms(site),
        *_domains(site),
        *_zones(site),
        *_regions(site),
        *_links(site),
        *_entrances(site),
        *_profiles(site),
        *_arbiters(site),
    )
    order = {kind: number for number, kind in enumerate(LossKind)}
    return tuple(sorted(found, key=lambda loss: (order[loss.kind], loss.name)))


def further(site: Site) -> Iterator[Unknown]:
    """Yield why a deployment may suffer further losses that count: of VMs that are not known."""
    yield from site.undeclared
    yield from (mirror.members for mirror in site.mirrors if isinstance(mirror.members, Unknown))
    yield from (tier.more_vms for tier in site.tiers if tier.more_vms is not None and not tier.vms)


def _vms(site: Site) -> Iterator[Loss]:
    names = _names(site.vms.values())
    members = {key for mirror in site.mirrors if isinstance(mirror.members, tuple) for key in mirror.members}
    for vm in site.vms.values():
        yield Loss(LossKind.VM, names[vm.key], vms=frozenset({vm.key}))
        if vm.key in members:
            yield Loss(LossKind.DISK, names[vm.key], instances=frozenset({vm.key}))


def _domains(site: Site) -> Iterator[Loss]:
    """Yield the losses of fault domains, and the planned ones of update domains; their numbers count in one set."""
    sets: dict[str, list[Vm]] = defaultdict(list)
    for vm in site.vms.values():
        if isinstance(vm.set, str) and vm.set:
            sets[vm.set].append(vm)
    unclear = [vm for vm in site.vms.values() if isinstance(vm.set, Unknown)]
    names = _names([_Whole(key, key.rpartition("/")[2]) for key in sets])
    for key, vms in sets.items():
        name = names[key]
        for kind in (LossKind.FAULT_DOMAIN, LossKind.UPDATE_DOMAIN):
            domains = {vm.key: vm.fault_domain if kind is LossKind.FAULT_DOMAIN else vm.update_domain for vm in vms}
            numbers: Sequence[int | str] = sorted({number for number in domains.values() if isinstance(number, int)})
            unknown = {vm: why for vm, why in domains.items() if isinstance(why, Unknown)}
            unknown |= {vm.key: vm.set for vm in unclear if isinstance(vm.set, Unknown)}
            for number in numbers or (_NO_NUMBER if unknown else ()):
                lost = frozenset(vm for vm, own in domains.items() if own == number)
                yield Loss(kind, f"{name}/{number}", vms=lost, perhaps=unknown)


def _zones(site: Site) -> Iterator[Loss]:
    unplaced = _unplaced(site)
    for region in site.zones:
        here = [vm for vm in site.vms.values() if vm.region == region]
        ways = [way for way in site.entrances.values() if way.region == region]
        unknown = {vm.key: vm.zone for vm in here if isinstance(vm.zone, Unknown)} | unplaced
        unknown |= {way.key: way.zones for way in ways if isinstance(way.zones, Unknown)}
        for zone in _zones_of(site, region) or (_NO_NUMBER if unknown else ()):
            yield Loss(
                LossKind.ZONE,
                f"{region}/{zone}",
                vms=frozenset(vm.key for vm in here if vm.zone == zone),
                perhaps=unknown,
                entrances=frozenset(way.key for way in ways if isinstance(way.zones, frozenset) and zone in way.zones),
            )


def _regions(site: Site) -> Iterator[Loss]:
    unplaced = _unplaced(site)
    for region in sorted({vm.region for vm in site.vms.values() if isinstance(vm.region, str)}):
        lost = frozenset(vm.key for vm in site.vms.values() if vm.region == region)
        ways = frozenset(way.key for way in site.entrances.values() if way.region == region)
        endpoints = frozenset(
            (profile.key, end.name) for profile in site.profiles for end in profile.endpoints if end.region == region
        )
        yield Loss(LossKind.REGION, region, vms=lost, perhaps=unplaced, entrances=ways, endpoints=endpoints)


def _unplaced(site: Site) -> dict[str, Unknown]:
    """Return the VMs and entrances whose region is not known."""
    found: list[Vm | Entrance] = [*site.vms.values(), *site.entrances.values()]
    return {each.key: each.region for each in found if isinstance(each.region, Unknown)}


def _zones_of(site: Site, region: str) -> tuple[str, ...]:
    """Return the zones of a region, as far as they are known."""
    named = {vm.zone for vm in site.vms.values() if vm.region == region and isinstance(vm.zone, str) and vm.zone}
    zones = site.zones[region]
    return tuple(sorted({*named, *(zones if isinstance(zones, tuple) else ())}))


def _links(site: Site) -> Iterator[Loss]:
    unplaced = {key: why for key, why in _unplaced(site).items() if key in site.vms}
    for region in site.zones:
        here = [vm for vm in site.vms.values() if vm.region == region]
        unknown = {vm.key: vm.zone for vm in here if isinstance(vm.zone, Unknown)} | unplaced
        for one, other in combinations(_zones_of(site, region), 2):
            first, second = (frozenset(vm.key for vm in here if vm.zone == zone) for zone in (one, other))
            places = (f"{LossKind.ZONE}:{region}/{one}", f"{LossKind.ZONE}:{region}/{other}")
            yield Loss(LossKind.LINK, f"{region}/{one}-{other}", cuts=(Cut(first, second, places, unknown),))
    for one, other in site.links:
        first, second = (
            frozenset(vm.key for vm in site.vms.values() if vm.region == region) for region in (one, other)
        )
        places = (f"{LossKind.REGION}:{one}", f"{LossKind.REGION}:{other}")
        yield Loss(LossKind.LINK, f"{one}-{other}", cuts=(Cut(first, second, places, unplaced),))


def _entrances(site: Site) -> Iterator[Loss]:
    """Yield the losses of entrances; those that only the DR region needs are no single points."""
    parts: list[MirrorModel | TierModel] = [*site.mirrors, *site.tiers]
    needed = {key for part in parts for key in part.entrances}
    for kind in (LossKind.LOAD_BALANCER, LossKind.GATEWAY):
        own = [way for way in site.entrances.values() if way.kind == kind]
        names = _names([way for way in own if way.key in needed or way.region == site.region])
        for key, name in names.items():
            yield Loss(kind, name, entrances=frozenset({key}))


def _profiles(site: Site) -> Iterator[Loss]:
    """Yield the losses of Traffic Manager profiles and Front Doors, and of their endpoints and origins."""
    groups: dict[str, list[Profile]] = defaultdict(list)
    for profile in site.profiles:
        groups[profile.door or profile.key].append(profile)
    names = _names([_Whole(key, own[0].name) for key, own in groups.items()])
    for key, own in groups.items():
        yield Loss(LossKind.PROFILE, names[key], entrances=frozenset(profile.key for profile in own))
        for profile in own:
            for end in dict.fromkeys(end.name for end in profile.endpoints):
                name = "/".join(filter(None, (names[key], profile.group, end)))
                yield Loss(LossKind.ENDPOINT, name, endpoints=frozenset({(profile.key, end)}))


def _arbiters(site: Site) -> Iterator[Loss]:
    for mirror in site.mirrors:
        if isinstance(mirror.arbiter, Arbiter):
            yield Loss(LossKind.ARBITER_NETWORK, mirror.name, arbiter_networks=frozenset({mirror.id}))


def _names(things: Collection[_Named]) -> dict[str, str]:
    """Return how things of one kind are called, by their keys: by the name, or where several have it, by the key."""
    by_name: dict[str, list[str]] = defaultdict(list)
    for thing in things:
        by_name[thing.name.lower()].append(thing.key)
    return {thing.key: thing.name if len(by_name[thing.name.lower()]) == 1 else thing.key for thing in things}


def _turned(loss: Loss) -> Iterator[str]:
    """Yield how a lost network is spelled from its other end."""
    whole, slash, _ = loss.name.rpartition("/")
    for cut in loss.cuts:
        one, other = (place.partition(":")[2].rpartition("/")[2] for place in cut.places)
        yield f"{loss.kind}:{whole}{slash}{other}-{one}"


def named(site: Site, text: str) -> Loss | Unknown:
    """Return the loss of a name, as `--lose` spells it; unknown where a deployment has none of this name.

    Case does not matter, nor the order of what a network joins. `A+B` is both at once.
    """
    found = losses(site)
    by_name = {spelled.lower(): loss for loss in found for spelled in (*_turned(loss), loss.id)}
    names = each_of(text.lower())
    for name in names:
        if name not in by_name:
            return Unknown(Cause.VALUE, f"{site.name} has no {name}")
    return union(*(by_name[name] for name in names))
