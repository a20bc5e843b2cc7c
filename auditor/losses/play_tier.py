"""The effect of losses on a tier, and on a Traffic Manager profile."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import product
from typing import NamedTuple, TypeAlias

from auditor.losses.foreseen import Effect
from auditor.losses.loss import Loss, LossKind
from auditor.losses.parts import (
    RANK,
    UNTOUCHED,
    Case,
    Completion,
    Part,
    Primaries,
    Way,
    agreed,
    completions,
    is_lost,
    led,
    may_cut,
    options_of,
    placed,
    reasons,
    side_of,
)
from auditor.losses.site import Endpoint, Profile, Site, TierModel
from auditor.snapshot.known import Unknown


def tier_part(site: Site, tier: TierModel, lost: Sequence[Loss], primaries: Mapping[str, Primaries]) -> Part:
    """Return the effect on a tier: a VM must be left that reaches a primary of each mirror and is led to.

    `primaries` has those of mirrors whose members are known, by their ids. What is lost besides never helps a tier, so
    that the least and the most that can be lost decide.
    """
    cutting = [loss for loss in lost if loss.cuts]
    needed = [
        own
        for mirror, own in (primaries.items() if cutting else ())
        if tier.mirrors is None or mirror in tier.mirrors
        if any(may_cut(loss, tier.vms, own.perhaps) for loss in cutting)
    ]
    if not needed and not _is_touched(tier, tier.vms.union(tier.entrances), lost):
        return UNTOUCHED
    if not cutting and not any(loss.perhaps for loss in lost):
        part = _Play(site, tier, lost, ()).certain()
        if part.effect is not Effect.UNKNOWN:
            return part
    unknown = [key for key in (*sorted(tier.vms), *tier.entrances) if options_of(site, lost, key)]
    surely = list(product(*filter(None, (sorted(each.surely) for each in needed))))
    perhaps = list(product(*filter(None, (sorted(each.perhaps) for each in needed))))
    play = _Play(site, tier, lost, unknown)
    known = list(completions(site, lost, sorted({key for each in needed for key in each.perhaps})))
    best = [play.extreme(each, surely, best=True) for each in known]
    worst = [play.extreme(each, perhaps, best=False) for each in known] if unknown or surely != perhaps else best
    certain: Part | None = best[0].part
    for case in (*best, *worst):
        certain = certain and agreed(certain, case.part)
    if certain is not None:
        return certain
    one = min(best, key=lambda case: (RANK[case.part.effect], case.places is None))
    other = max(worst, key=lambda case: RANK[case.part.effect])
    if one.part.effect is not Effect.SERVES or other.part.effect is Effect.UNKNOWN:
        found = dict.fromkeys(why for case in (*best, *worst) for why in case.part.unknown)
        return Part(Effect.UNKNOWN, unknown=tuple(found))
    keys = dict.fromkeys(key for key, _ in other.places or {})
    cases = [Case(case.part.effect, placed(site, case.places)) for case in (one, other) if case.places is not None]
    return Part(Effect.UNKNOWN, unknown=reasons(lost, keys), cases=tuple(cases) if len(cases) > 1 else ())


def _is_touched(tier: TierModel, concerned: frozenset[str], lost: Sequence[Loss]) -> bool:
    """Return whether losses may take anything of a tier, or of a tier of which not everything is known."""
    return any(
        not concerned.isdisjoint(loss.vms)
        or not concerned.isdisjoint(loss.perhaps)
        or not concerned.isdisjoint(loss.entrances)
        or (tier.more_vms is not None and (not loss.takes_only_known or (not tier.vms and bool(loss.vms))))
        or (tier.more_entrances is not None and loss.takes_entrances)
        for loss in lost
    )


class _Extreme(NamedTuple):
    """The best or the worst that can come of what is not known."""

    part: Part
    places: Completion | None
    """The places with which it comes; None if it is a bound only."""


class _Option(NamedTuple):
    """One place of a VM or an entrance."""

    places: Completion
    lost: bool
    sides: tuple[int | None, ...]
    """In which group of each cut it is."""


_Avoided: TypeAlias = tuple[frozenset[int], ...]
"""For each cut, the groups from which a VM does not reach a primary."""


class _Play:
    """Plays losses on one tier."""

    def __init__(self, site: Site, tier: TierModel, lost: Sequence[Loss], unknown: Sequence[str]) -> None:
        """Take the keys of the VMs and entrances of the tier whose place is not known."""
        self._site = site
        self._tier = tier
        self._lost = lost
        simple = [part for loss in lost for part in loss.simple]
        self._surely_gone = frozenset(key for part in simple for key in (*part.vms, *part.entrances))
        self._cuts = [(part, cut) for part in simple for cut in part.cuts]
        self._options = {
            key: [self._option(key, places) for places in completions(site, lost, (key,))] for key in unknown
        }
        self._cases: dict[tuple[object, ...], tuple[Part, Mapping[str, _Option]]] = {}

    def certain(self) -> Part:
        """Return the effect where every place is known and no network is lost."""
        return self._served({}, ())

    def _option(self, key: str, places: Completion) -> _Option:
        sides = tuple(side_of(loss, cut, key, places) for loss, cut in self._cuts)
        return _Option(places, any(is_lost(loss, key, places) for loss in self._lost), sides)

    def extreme(self, known: Completion, choices: Sequence[tuple[str, ...]], *, best: bool) -> _Extreme:
        """Return the best or the worst case of what has no known place, with the worst primaries, and its effect.

        `known` has the places of the primaries, a choice has a primary of each mirror.
        """
        avoided = list(dict.fromkeys(self._avoided(known, choice) for choice in choices))
        fixed = tuple((key, place) for key, place in known.items() if key[0] in self._options)
        found = [self._case(fixed, each, best=best) for each in avoided]
        worst, chosen = max(found, key=lambda case: RANK[case[0].effect])
        if best and self._options and len(avoided) > 1:
            # What is best for one choice of the primaries need not be so for another one.
            fitting = (chosen for _, chosen in found if self._is_no_worse(chosen, avoided, worst))
            return _Extreme(worst, next(({**known, **_placed(chosen)} for chosen in fitting), None))
        return _Extreme(worst, {**known, **_placed(chosen)})

    def _case(
        self, fixed: tuple[tuple[tuple[str, str], str], ...], avoided: _Avoided, *, best: bool
    ) -> tuple[Part, Mapping[str, _Option]]:
        """Return the effect for one choice of the primaries, and the places with which it comes."""
        if (fixed, avoided, best) not in self._cases:
            places = dict(fixed)
            chosen = {key: self._chosen(key, places, avoided, best=best) for key in self._options}
            self._cases[fixed, avoided, best] = self._served(chosen, avoided), chosen
        return self._cases[fixed, avoided, best]

    def _is_no_worse(self, chosen: Mapping[str, _Option], avoided: Iterable[_Avoided], worst: Part) -> bool:
        return all(RANK[self._served(chosen, each).effect] <= RANK[worst.effect] for each in avoided)

    def _avoided(self, known: Completion, choice: tuple[str, ...]) -> _Avoided:
        """Return from where a VM does not reach each of some primaries."""
        sides = ([side_of(loss, cut, own, known) for own in choice] for loss, cut in self._cuts)
        return tuple(frozenset(1 - side for side in each if side is not None) for each in sides)

    def _chosen(self, key: str, known: Completion, avoided: _Avoided, *, best: bool) -> _Option:
        """Return the place that harms the least or the most: being lost, else not to reach a primary."""
        options = self._options[key]
        if known:
            options = [option for option in options if _agree(option.places, known)]
        harm = [2 * option.lost + _is_isolated(option, avoided) for option in options]
        return options[harm.index(min(harm) if best else max(harm))]

    def _served(self, chosen: Mapping[str, _Option], avoided: _Avoided) -> Part:
        """Return the effect on the tier, where everything has its place."""
        tier, site = self._tier, self._site
        gone = self._surely_gone.union(key for key, option in chosen.items() if option.lost)
        apart = {key for key, option in chosen.items() if _is_isolated(option, avoided)}
        for (_, cut), sides in zip(self._cuts, avoided, strict=True):
            for side in sides:
                apart |= tier.vms & (cut.other if side else cut.one)
        isolated = (tier.vms & apart) - gone
        reaching = tier.vms - gone - isolated
        target = f"the tier {tier.name}"
        if not reaching:
            if tier.more_vms:
                return Part(Effect.UNKNOWN, unknown=(tier.more_vms,))
            text = f"no VM of {target} {'reaches the primary' if isolated else 'is left'}"
            return Part(Effect.LOST if tier.holds_data and not isolated else Effect.STOPS, (text,))
        moved = not tier.vms.isdisjoint(gone)
        perhaps_moved = tier.more_vms is not None and not all(loss.takes_only_known for loss in self._lost)
        hidden = any(loss.takes_entrances for loss in self._lost)
        way = Way(tier.entrances, tier.more_entrances, target, target, gone, tier.more_vms, hidden)
        part = led(site, way, reaching, moved=moved or perhaps_moved)
        if not moved:
            part = part._replace(seconds=part.seconds._replace(least=0))
        if part.effect is not Effect.SERVES or not isolated:
            return part
        notes = (f"{site.vms[key].name} does not reach the primary: its users wait" for key in sorted(isolated))
        return part._replace(because=(*part.because, *notes))


def _is_isolated(option: _Option, avoided: _Avoided) -> bool:
    return bool(avoided) and any(side in sides for side, sides in zip(option.sides, avoided, strict=True))


def _placed(chosen: Mapping[str, _Option]) -> Completion:
    """Return all places of what was chosen."""
    return {key: place for option in chosen.values() for key, place in option.places.items()}


def _agree(one: Completion, other: Completion) -> bool:
    return all(other.get(key, place) == place for key, place in one.items())


def profile_part(site: Site, profile: Profile, lost: Sequence[Loss]) -> Part:
    """Return the effect on a Traffic Manager profile: of its endpoints that are left, the first must be in the region.

    Endpoints of one priority are used alike.
    """
    simple = [part for loss in lost for part in loss.simple]
    if any(profile.key in loss.entrances for loss in simple):
        return Part(Effect.STOPS, (f"{profile.name} is lost, which directs users to a region",))
    gone = {name for loss in simple for key, name in loss.endpoints if key == profile.key}
    before, after = _used(profile, frozenset()), _used(profile, gone)
    perhaps = any(loss.kind is LossKind.REGION for loss in simple)
    if before == after and not (perhaps and any(isinstance(end.region, Unknown) for end in after)):
        return UNTOUCHED
    here = any(end.region == site.region for end in after)
    if isinstance(site.region, str) and here and before == after:
        return UNTOUCHED
    doubts = (site.region, profile.more_endpoints, *(end.region for end in (*before, *after)))
    unknown = tuple(dict.fromkeys(why for why in doubts if isinstance(why, Unknown)))
    if unknown:
        return Part(Effect.UNKNOWN, unknown=unknown)
    if here:
        return Part(seconds=profile.switch)
    return Part(Effect.STOPS, (f"{profile.name} directs users to no endpoint in {site.region} any more",))


def _used(profile: Profile, gone: Collection[str]) -> tuple[Endpoint, ...]:
    """Return the endpoints that a profile uses without some: those of the first priority."""
    left = [end for end in profile.endpoints if end.name not in gone]
    first = min((end.priority for end in left), default=0)
    return tuple(end for end in left if end.priority == first)
