"""What losses take together, and the ways in which things stand whose place is not known."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache
from itertools import product
from typing import Final, NamedTuple, TypeAlias

from auditor.losses.loss import Cut, Loss, LossKind, union
from auditor.losses.site import Site
from auditor.snapshot.known import Unknown

HIDDEN: Final = ""
"""The key of an arbiter of which it is not known on which VM it is."""


class Sides(NamedTuple):
    """On which sides of lost networks something stands: a bit for each cut, in the order of `Taken.cuts`."""

    one: int = 0
    """The cuts in whose first group it is."""
    other: int = 0
    """The cuts in whose second group it is."""

    def cuts_to(self, far: Sides) -> int:
        """Return the cuts that lie between this and something else."""
        return self.one & far.other | self.other & far.one

    def joined(self, far: Sides) -> Sides:
        """Return the sides of two things."""
        return Sides(self.one | far.one, self.other | far.other)


class Stand(NamedTuple):
    """What matters of the place of a thing."""

    lost: int
    """A bit for each loss that takes it, in the order of `Taken.lost`."""
    sides: Sides


class Option(NamedTuple):
    """One way in which a thing can stand."""

    stand: Stand
    places: tuple[tuple[str, str], ...] = ()
    """By what is not known of it: the id of the loss that takes this place; "" for another place."""


Completion: TypeAlias = Mapping[str, Option]
"""One way in which several things stand, by their keys."""


class Taken:
    """What losses take, one after the other."""

    def __init__(self, site: Site, lost: tuple[Loss, ...]) -> None:
        """Take the losses; each takes what it takes at once or in any order."""
        whole = union(*lost)
        self._site = site
        self.lost = lost
        self._simple = tuple([(number, part) for number, loss in enumerate(lost) for part in loss.simple])
        self.simple = whole.simple
        self.vms = whole.vms
        self.gone = whole.vms | whole.entrances
        """The keys of VMs and entrances that are lost for certain."""
        self.perhaps = frozenset(whole.perhaps)
        """The keys of VMs and entrances that may be lost too."""
        self.endpoints = whole.endpoints
        self.instances = whole.instances
        self.arbiter_networks = whole.arbiter_networks
        self.cuts = tuple([(number, part, cut) for number, part in self._simple for cut in part.cuts])
        """Each network that is lost, with the number of the loss, and its part."""
        self.unplaced = self.perhaps.union(*[cut.perhaps for cut in whole.cuts])
        """The keys of VMs and entrances of which it is not known if they are lost, or on which side of a cut."""
        self.takes_only_known = whole.takes_only_known
        self.takes_entrances = whole.takes_entrances
        self._options: dict[str, tuple[Option, ...]] = {}
        self._alike: dict[object, tuple[Option, ...]] = {}
        """The options of things of which the same is known."""

    @property
    def is_planned(self) -> bool:
        """Return whether one of the losses is planned."""
        return any(part.kind is LossKind.UPDATE_DOMAIN for part in self.simple)

    @property
    def cuts_of_losses(self) -> tuple[int, ...]:
        """Return the bits of the cuts of each loss, as `Sides` has them."""
        found = [0] * len(self.lost)
        for bit, (number, _, _) in enumerate(self.cuts):
            found[number] |= 1 << bit
        return tuple(found)

    def options(self, key: str) -> tuple[Option, ...]:
        """Return the ways in which a thing can stand, as far as they make a difference; one if its place is known."""
        found = self._options.get(key)
        if found is None:
            found = self._unplaced(key) if self.is_unplaced(key) else self._known(key)
            self._options[key] = found
        return found

    def is_unplaced(self, key: str) -> bool:
        """Return whether it is not known if losses take a thing, or on which side of a lost network it is."""
        return key in self.unplaced or key == HIDDEN

    def may_cut(self, some: Collection[str], others: Collection[str]) -> bool:
        """Return whether a network may be lost between one of some VMs and one of others."""
        return any(
            (_on(cut.one, cut, some) and _on(cut.other, cut, others))
            or (_on(cut.one, cut, others) and _on(cut.other, cut, some))
            for _, _, cut in self.cuts
        )

    def cut_off(self, vms: frozenset[str], far: Sides) -> frozenset[str]:
        """Return those of some VMs that are known to have a lost network between them and something else."""
        found: frozenset[str] = frozenset()
        for bit, (_, _, cut) in enumerate(self.cuts):
            if far.one >> bit & 1:
                found |= vms & cut.other
            if far.other >> bit & 1:
                found |= vms & cut.one
        return found

    def reasons(self, keys: Iterable[str]) -> tuple[Unknown, ...]:
        """Return why the places of some things are not known."""
        known = [why for part in self.simple for why in (part.perhaps, *(cut.perhaps for cut in part.cuts))]
        return tuple(dict.fromkeys(why[key] for key in keys for why in known if key in why))

    def placed(self, completion: Completion) -> dict[object, str]:
        """Return what a completion states, in words, by what is not known."""
        texts: dict[object, str] = {}
        for key, option in completion.items():
            for unknown, place in option.places:
                name = "the arbiter" if key == HIDDEN else (self._site.vms.get(key) or self._site.entrances[key]).name
                where = f"{'lost with' if key == HIDDEN else 'in'} {place}" if place else "elsewhere"
                texts[key, unknown] = f"{name} is {where}"
        return texts

    def _known(self, key: str) -> tuple[Option, ...]:
        """Return the only way in which a thing can stand whose place is known."""
        lost, one, other = 0, 0, 0
        for number, loss in enumerate(self.lost):
            if key in loss.vms or key in loss.entrances:
                lost |= 1 << number
        for bit, (_, _, cut) in enumerate(self.cuts):
            if key in cut.one:
                one |= 1 << bit
            elif key in cut.other:
                other |= 1 << bit
        return _only(lost, one, other)

    def _unplaced(self, key: str) -> tuple[Option, ...]:
        """Return the options of a thing whose place is not known; those of which the same is known have the same."""
        known = tuple([_of_loss(part, key) for part in self.simple])
        sides = tuple([_of_cut(cut, key) for _, _, cut in self.cuts])
        vm = self._site.vms.get(key)
        alike = (known, sides, vm and vm.region, key == HIDDEN)
        if alike not in self._alike:
            self._alike[alike] = self._find(key, known, sides)
        return self._alike[alike]

    def _find(self, key: str, known: tuple[bool | None, ...], sides: tuple[int | None, ...]) -> tuple[Option, ...]:
        """Return the options by what is known of each part of the losses, and of each cut."""
        found: dict[str, set[str]] = {}
        for part, own in zip(self.simple, known, strict=True):
            if own is None:
                found.setdefault(_unknown_of(part, key), set()).add(part.id)
        for (_, part, cut), side in zip(self.cuts, sides, strict=True):
            if side is None:
                found.setdefault(_unknown_of(part, key), set()).update(cut.places)
        places = [(*_elsewhere(self._site, key, those), *sorted(those)) for _, those in sorted(found.items())]
        options: dict[Stand, Option] = {}
        for chosen in product(*places):
            where = dict(zip(sorted(found), chosen, strict=True))
            stand = self._stand(key, known, sides, where)
            options.setdefault(stand, Option(stand, tuple(where.items())))
        return tuple(options.values())

    def _stand(
        self, key: str, known: tuple[bool | None, ...], sides: tuple[int | None, ...], where: Mapping[str, str]
    ) -> Stand:
        """Return how a thing stands in its places."""
        lost, groups = 0, [0, 0]
        for (number, part), own in zip(self._simple, known, strict=True):
            if own or _within(where.get(_unknown_of(part, key), ""), part.id):
                lost |= 1 << number
        for bit, ((_, part, cut), side) in enumerate(zip(self.cuts, sides, strict=True)):
            group = side
            if side is None or side == _APART:
                place = where.get(_unknown_of(part, key), "")
                group = next((each for each, whole in enumerate(cut.places) if _within(place, whole)), None)
            if group is not None:
                groups[group] |= 1 << bit
        return Stand(lost, Sides(*groups))


@lru_cache(maxsize=4096)
def _only(lost: int, one: int, other: int) -> tuple[Option, ...]:
    """Return a stand as the only option; most things have one of a few."""
    return (Option(Stand(lost, Sides(one, other))),)


_APART: Final = -1
"""Stands for a thing that is in neither group of a cut."""


def _of_loss(loss: Loss, key: str) -> bool | None:
    """Return whether a loss takes a thing; None if that is not known."""
    if key == HIDDEN:
        return None if loss.vms or loss.perhaps else False
    return None if key in loss.perhaps else key in loss.vms or key in loss.entrances


def _of_cut(cut: Cut, key: str) -> int | None:
    """Return the group of a cut in which a thing is, or `_APART`; None if that is not known."""
    if key in cut.one:
        return 0
    if key in cut.other:
        return 1
    return None if key in cut.perhaps or key == HIDDEN else _APART


def _unknown_of(loss: Loss, key: str) -> str:
    """Return what is not known of a thing that may be lost: in which zone or region it is, in which domain, or all."""
    if key == HIDDEN:
        return loss.id
    return "" if loss.kind in _OF_PLACES else loss.kind


_OF_PLACES: Final = frozenset({LossKind.ZONE, LossKind.REGION, LossKind.LINK})


def _elsewhere(site: Site, key: str, places: Collection[str]) -> tuple[str, ...]:
    """Return "" if a thing can stand in none of some places: not if they are all zones of its region."""
    vm = site.vms.get(key)
    zones = site.zones.get(vm.region) if vm is not None and isinstance(vm.region, str) else None
    if vm is None or not isinstance(zones, tuple) or not zones:
        return ("",)
    return () if {f"{LossKind.ZONE}:{vm.region}/{zone}" for zone in zones} <= set(places) else ("",)


def _within(place: str, whole: str) -> bool:
    """Return whether a place is another one or, as a zone, in it."""
    region = whole.removeprefix(f"{LossKind.REGION}:")
    return bool(place) and (place == whole or (region != whole and place.startswith(f"{LossKind.ZONE}:{region}/")))


def _on(group: frozenset[str], cut: Cut, keys: Collection[str]) -> bool:
    """Return whether one of some VMs may be in a group of a cut."""
    return HIDDEN in keys or not (group.isdisjoint(keys) and cut.perhaps.keys().isdisjoint(keys))
