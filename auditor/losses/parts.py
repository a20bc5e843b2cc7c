"""The effect of losses on one part of a deployment, and the ways in which things stand whose place is not known."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import product
from typing import Final, NamedTuple, TypeAlias

from auditor.losses.foreseen import Effect
from auditor.losses.loss import Cut, Loss, LossKind
from auditor.losses.site import AT_ONCE, Entrance, Seconds, Site
from auditor.losses.times import longest
from auditor.snapshot.known import Cause, Unknown

RANK: Final = {effect: rank for rank, effect in enumerate(Effect)}

HIDDEN: Final = ""
"""The key of an arbiter of which it is not known on which VM it is."""


class Case(NamedTuple):
    """One case of what is not known, in words."""

    effect: Effect
    stated: Mapping[object, str]
    """What is stated of each thing that is not known."""


class Primaries(NamedTuple):
    """The keys of the VMs that can be primary of a mirror after losses."""

    perhaps: frozenset[str]
    """In some completion."""
    surely: frozenset[str]
    """In every completion."""


class Part(NamedTuple):
    """The effect of losses on one mirror, tier or profile."""

    effect: Effect = Effect.SERVES
    because: tuple[str, ...] = ()
    seconds: Seconds = AT_ONCE
    first: str = ""
    in_sequence: bool = False
    """Whether one thing is lost after the other in the worst case."""
    statements: tuple[str, ...] = ()
    unless: str = ""
    unknown: tuple[Unknown, ...] = ()
    cases: tuple[Case, ...] = ()
    """Two cases with different effects; it serves in the first one."""
    primaries: Primaries | None = None
    """Of a mirror."""

    @property
    def is_touched(self) -> bool:
        """Return whether losses have any effect on it."""
        return self.effect is not Effect.SERVES or bool(self.because) or bool(self.statements) or self.seconds.most > 0


UNTOUCHED: Final = Part()


def worst_of(parts: Iterable[Part]) -> Part:
    """Return the worst effect of what is needed together, with all reasons and the longest times."""
    parts = tuple(parts)
    if len(parts) == 1:
        return parts[0]
    worst = max(parts, key=lambda part: RANK[part.effect], default=Part())
    same = [part for part in parts if part.effect is worst.effect]
    return worst._replace(
        because=tuple(dict.fromkeys(text for part in same for text in part.because)),
        seconds=longest(*(part.seconds for part in same)),
        unknown=tuple(dict.fromkeys(why for part in same for why in part.unknown)),
    )


def agreed(one: Part, other: Part) -> Part | None:
    """Return what is certain where one of two effects is right; None if that is neither serving nor stopping.

    Where a person could continue in one case only, it is certain that it stops.
    """
    if one.effect is other.effect is Effect.SERVES:
        seconds = Seconds(min(one.seconds.least, other.seconds.least), max(one.seconds.most, other.seconds.most))
        return other._replace(seconds=seconds, because=tuple(dict.fromkeys((*one.because, *other.because))))
    if Effect.SERVES in {one.effect, other.effect} or Effect.UNKNOWN in {one.effect, other.effect}:
        return None
    milder = min(one, other, key=lambda part: RANK[part.effect])
    return milder if one.unless == other.unless else milder._replace(unless="")


# --- places that are not known ----------------------------------------------------------------------------------------

Completion: TypeAlias = Mapping[tuple[str, str], str]
"""One way in which things stand whose place is not known.

By key and by what is not known of it: the id of the loss that takes this place; "" for another place.
"""


def completions(site: Site, lost: Collection[Loss], keys: Iterable[str]) -> Iterator[Completion]:
    """Yield every way in which some things can stand, as far as it makes a difference for losses."""
    keys = dict.fromkeys(keys)
    if HIDDEN not in keys and not any(loss.perhaps or loss.cuts for loss in lost):
        yield {}
        return
    options = {
        (key, unknown): places for key in keys for unknown, places in sorted(options_of(site, lost, key).items())
    }
    for chosen in product(*options.values()):
        yield dict(zip(options, chosen, strict=True))


def options_of(site: Site, lost: Iterable[Loss], key: str) -> dict[str, tuple[str, ...]]:
    """Return the places in which a thing may stand, by what is not known of it."""
    found: dict[str, set[str]] = {}
    for loss in (part for each in lost for part in each.simple):
        if key in loss.perhaps or (key == HIDDEN and (loss.vms or loss.perhaps)):
            found.setdefault(_unknown_of(loss, key), set()).add(loss.id)
        for cut in loss.cuts:
            if key in cut.perhaps or key == HIDDEN:
                found.setdefault(_unknown_of(loss, key), set()).update(cut.places)
    return {unknown: (*_elsewhere(site, key, places), *sorted(places)) for unknown, places in found.items()}


def _unknown_of(loss: Loss, key: str) -> str:
    """Return what is not known of a thing that may be lost: in which zone or region it is, in which domain, or all."""
    if key == HIDDEN:
        return loss.id
    return "" if loss.kind in {LossKind.ZONE, LossKind.REGION, LossKind.LINK} else loss.kind


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


def is_lost(loss: Loss, key: str, completion: Completion) -> bool:
    """Return whether a VM or an entrance is lost."""
    for part in loss.simple:
        if key in part.vms or key in part.entrances:
            return True
        if completion and _within(completion.get((key, _unknown_of(part, key)), ""), part.id):
            return True
    return False


def are_cut(loss: Loss, one: str, other: str, completion: Completion) -> bool:
    """Return whether the network between two VMs is lost."""
    for part in loss.simple:
        for cut in part.cuts:
            side = side_of(part, cut, one, completion)
            if side is not None and side_of(part, cut, other, completion) == 1 - side:
                return True
    return False


def side_of(loss: Loss, cut: Cut, key: str, completion: Completion) -> int | None:
    """Return the group of a cut of a loss in which a VM is: 0, 1, or none of them."""
    if key in cut.one:
        return 0
    if key in cut.other:
        return 1
    place = completion.get((key, _unknown_of(loss, key)), "")
    return next((side for side, whole in enumerate(cut.places) if _within(place, whole)), None) if place else None


def may_cut(loss: Loss, some: Collection[str], others: Collection[str]) -> bool:
    """Return whether a network may be lost between one of some VMs and one of others."""

    def on(group: frozenset[str], cut: Cut, keys: Collection[str]) -> bool:
        return HIDDEN in keys or not (group.isdisjoint(keys) and cut.perhaps.keys().isdisjoint(keys))

    return any(
        (on(cut.one, cut, some) and on(cut.other, cut, others))
        or (on(cut.one, cut, others) and on(cut.other, cut, some))
        for part in loss.simple
        for cut in part.cuts
    )


def reasons(lost: Iterable[Loss], keys: Collection[str]) -> tuple[Unknown, ...]:
    """Return why the places of some things are not known."""
    simple = [part for loss in lost for part in loss.simple]
    known = [why for part in simple for why in (part.perhaps, *(cut.perhaps for cut in part.cuts))]
    return tuple(dict.fromkeys(why[key] for key in keys for why in known if key in why))


def placed(site: Site, completion: Completion) -> dict[object, str]:
    """Return what a completion states, in words."""
    texts: dict[object, str] = {}
    for (key, unknown), place in completion.items():
        name = "the arbiter" if key == HIDDEN else (site.vms.get(key) or site.entrances[key]).name
        where = f"{'lost with' if key == HIDDEN else 'in'} {place}" if place else "elsewhere"
        texts[key, unknown] = f"{name} is {where}"
    return texts


def differing(parts: Iterable[Part]) -> tuple[str, ...]:
    """Return two cases in which a deployment serves and does not, in words; none if they cannot be stated.

    It serves where each unknown part does, and does not where one of them does not.
    """
    parts = tuple(parts)
    serving: dict[object, str] = {}
    for part in parts:
        if not part.cases or any(serving.get(key, text) != text for key, text in part.cases[0].stated.items()):
            return ()
        serving |= part.cases[0].stated
    stopping = parts[0].cases[1]
    found = ((Effect.SERVES, serving), (stopping.effect, stopping.stated))
    return tuple(f"{effect} if {', and '.join(stated.values())}" for effect, stated in found)


# --- entrances --------------------------------------------------------------------------------------------------------


class Way(NamedTuple):
    """What clients need to reach some VMs."""

    keys: tuple[str, ...]
    """Of the entrances: each has clients of its own."""
    more: Unknown | None
    """Why there may be more."""
    target: str
    """What they lead to, in words."""
    now: str
    """What they must lead to now, in words."""
    gone: Collection[str] = ()
    """The keys of what is lost."""
    more_targets: Unknown | None = None
    """Why it may be enough that they lead to others."""
    hidden: bool = False
    """Whether an entrance may be lost of which nothing is known."""


def led(site: Site, way: Way, vms: frozenset[str], *, moved: bool) -> Part:
    """Return whether clients reach one of some VMs by each entrance.

    `moved` is whether they must be led to another VM than before.
    """
    if not way.keys and not way.more:
        return UNTOUCHED
    ways = [site.entrances[key] for key in way.keys]
    left = [each for each in ways if each.key not in way.gone]
    others = [each for each in left if each.vms & vms]
    parts = [_led_by(each, way, vms) if moved else Part() for each in left]
    parts += [_without(each, way, others) for each in ways if each.key in way.gone]
    if way.more and (moved or way.hidden):
        parts.append(Part(Effect.UNKNOWN, unknown=(way.more,)))
    return worst_of(parts)


def _led_by(by: Entrance, way: Way, vms: frozenset[str]) -> Part:
    if by.vms & vms:
        return Part(seconds=by.detection)
    doubt = by.doubt or way.more_targets
    return (
        Part(Effect.UNKNOWN, unknown=(doubt,))
        if doubt
        else Part(Effect.STOPS, (f"{by.name} does not lead to {way.now}",))
    )


def _without(gone: Entrance, way: Way, others: Iterable[Entrance]) -> Part:
    """Return the effect on the clients of an entrance that is lost."""
    if way.more:
        return Part(Effect.UNKNOWN, unknown=(way.more,))
    for other in others:
        if other.kind == gone.kind:
            reason = f"nothing in Azure shows whether the clients of {gone.name} reach {way.target} by {other.name}"
            return Part(Effect.UNKNOWN, unknown=(Unknown(Cause.VALUE, reason, about=(gone.key,)),))
    return Part(Effect.STOPS, (f"{gone.name} is lost, by which clients reach {way.target}",))
