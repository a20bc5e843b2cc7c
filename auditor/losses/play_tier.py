"""The effect of losses on a tier: a VM must be left that reaches a primary of each of its mirrors and is led to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, combinations, product
from types import MappingProxyType
from typing import NamedTuple

from auditor.losses.foreseen import Effect
from auditor.losses.joint_cases import ANYWHERE, Choices
from auditor.losses.parts import RANK, Case, Part, certain
from auditor.losses.site import Site, TierModel
from auditor.losses.taken import Completion, Option, Sides, Taken
from auditor.losses.tier_effect import TierEffect


class Around(NamedTuple):
    """One of the cases that are possible of the mirrors of a tier."""

    choices: Choices
    """Where their primaries can be."""
    shared: tuple[tuple[str, Option], ...] = ()
    """How VMs stand that it shares with mirrors, where their place is not known."""
    stated: Completion = MappingProxyType({})
    """How that of the mirrors stands on which the choices depend."""


class TierPlayed(NamedTuple):
    """The effect on a tier."""

    part: Part
    extremes: Extremes
    """What can come of it in each case of its mirrors."""


class TierPlay:
    """Plays losses on one tier."""

    def __init__(self, site: Site, tier: TierModel) -> None:
        """Take a tier of a deployment."""
        self.tier = tier
        self._site = site
        self._effect = TierEffect(site, tier)

    def is_touched(self, taken: Taken) -> bool:
        """Return whether losses may take anything of the tier, or of a tier of which not everything is known."""
        tier = self.tier
        return (
            not tier.nodes.isdisjoint(taken.gone)
            or not tier.nodes.isdisjoint(taken.perhaps)
            or (tier.more_vms is not None and (not taken.takes_only_known or (not tier.vms and bool(taken.vms))))
            or (tier.more_entrances is not None and taken.takes_entrances)
        )

    def part(self, taken: Taken) -> Part:
        """Return the effect of losses that touch the tier, where no lost network matters to it."""
        if self.tier.nodes.isdisjoint(taken.unplaced):
            return self._effect.of(taken, self.tier.nodes & taken.gone)
        return self.played(taken, (Around(ANYWHERE),)).part

    def played(self, taken: Taken, around: Iterable[Around]) -> TierPlayed:
        """Return the effect of losses that touch the tier, in the cases of its mirrors.

        What is not known of the tier gives an effect only if the best and the worst that can come of it agree.
        """
        extremes = Extremes(self._site, self.tier, taken, self._effect)
        best: list[_Extreme] = []
        worst: list[_Extreme] = []
        # Two cases that differ are all that is stated, but a worse effect than that of the second one.
        worst_of_all = RANK[Effect.LOST if self.tier.holds_data else Effect.STOPS]
        for each in _different(around):
            best.append(extremes.best(each))
            worst.append(extremes.worst(each) if extremes.are_unknown else best[-1])
            if max(map(_rank, worst)) >= worst_of_all and min(map(_rank, best)) == RANK[Effect.SERVES]:
                break
        part = certain([case.part for case in (*best, *worst)]) or _unclear(taken, best, worst)
        return TierPlayed(part, extremes)


def _different(around: Iterable[Around]) -> Iterator[Around]:
    """Yield the cases that differ for the tier."""
    seen = set()
    for each in around:
        if (each.choices, each.shared) not in seen:
            seen.add((each.choices, each.shared))
            yield each


class _Extreme(NamedTuple):
    """The best or the worst that can come of what is not known."""

    part: Part
    places: Completion


def _rank(found: _Extreme) -> int:
    return RANK[found.part.effect]


def _unclear(taken: Taken, best: Sequence[_Extreme], worst: Sequence[_Extreme]) -> Part:
    """Return that the effect is not known, with two cases that differ, or why it is unknown in one."""
    one, other = min(best, key=_rank), max(worst, key=_rank)
    if one.part.effect is not Effect.SERVES or other.part.effect is Effect.UNKNOWN:
        found = dict.fromkeys(why for case in (*best, *worst) for why in case.part.unknown)
        return Part(Effect.UNKNOWN, unknown=tuple(found))
    keys = [key for key, option in other.places.items() if option.places]
    cases = tuple(Case(case.part.effect, taken.placed(case.places)) for case in (one, other))
    return Part(Effect.UNKNOWN, unknown=taken.reasons(keys), cases=cases)


class Extremes:
    """Finds the best and the worst that can come of losses for one tier."""

    def __init__(self, site: Site, tier: TierModel, taken: Taken, effect: TierEffect) -> None:
        """Take a tier of a deployment, the losses, and what finds their effect."""
        self._site = site
        self._tier = tier
        self._taken = taken
        self._effect = effect
        self._gone = tier.nodes & taken.gone
        unplaced = tier.nodes & taken.unplaced
        keys = (*sorted(tier.vms & unplaced), *filter(unplaced.__contains__, tier.entrances)) if unplaced else ()
        self._options = {key: taken.options(key) for key in keys}
        """Of everything that has no known place."""
        self._found: dict[tuple[object, ...], tuple[Part, Completion]] = {}

    @property
    def are_unknown(self) -> bool:
        """Return whether anything of the tier has no known place."""
        return bool(self._options)

    def worst(self, around: Around) -> _Extreme:
        """Return the worst that can come of what has no known place, with the worst choice of the primaries."""
        found = [self._extreme(around, choice, best=False) for choice in around.choices]
        return max(found, key=_rank)

    def best(self, around: Around) -> _Extreme:
        """Return the best that can come of what has no known place, each with the worst choice of the primaries."""
        if not self.are_unknown:
            parts = [self._effect_of({}, choice) for choice in around.choices]
            return _Extreme(max(parts, key=lambda part: RANK[part.effect]), around.stated)
        found = [self._extreme(around, choice, best=True) for choice in around.choices]
        bound = max(found, key=_rank)
        if len(found) == 1 or _rank(bound) >= RANK[Effect.STOPS]:
            return bound
        # What is best for one choice of the primaries need not be so for another one.
        placed = (case.places for case in found)
        fitting = (self._with_worst_choice(around, each) for each in chain(placed, self._placements(around)))
        each: _Extreme | None = None
        for case in fitting:
            if _rank(case) <= _rank(bound):
                return case._replace(part=bound.part)
            each = case if each is None else min(each, case, key=_rank)
        assert each is not None  # noqa: S101 - there is a choice
        return each

    def _extreme(self, around: Around, choice: Sides, *, best: bool) -> _Extreme:
        """Return the best or the worst for one choice of the primaries: each thing by itself harms least or most."""
        key = choice, best, around.shared
        if key not in self._found:
            chosen = {own: _chosen(options, choice, best=best) for own, options in self._fixed(around).items()}
            self._found[key] = self._effect_of(chosen, choice), chosen
        part, placed = self._found[key]
        return _Extreme(part, {**around.stated, **placed})

    def _fixed(self, around: Around) -> dict[str, tuple[Option, ...]]:
        """Return the options of everything of the tier, where its mirrors are as in a case."""
        shared = dict(around.shared)
        return {key: (shared[key],) if key in shared else own for key, own in self._options.items()}

    def _with_worst_choice(self, around: Around, placed: Completion) -> _Extreme:
        """Return what comes of places with the worst choice of the primaries."""
        own = {key: placed[key] for key in self._options}
        parts = (self._effect_of(own, choice) for choice in around.choices)
        return _Extreme(max(parts, key=lambda part: RANK[part.effect]), {**around.stated, **own})

    def _placements(self, around: Around) -> Iterator[Completion]:
        """Yield how everything of the tier can stand, as far as it makes a difference.

        Of VMs that the same is known of, and that the same entrances lead to, it only matters which options they have
        at all. An entrance is never lost where that is not certain, which helps whatever else is lost.
        """
        alike: dict[tuple[object, tuple[Option, ...]], list[str]] = defaultdict(list)
        for key, options in self._fixed(around).items():
            ways = tuple(way for way in self._tier.entrances if key in self._site.entrances[way].vms)
            alike[ways if key in self._tier.vms else key, options].append(key)
        each = []
        for (_, options), keys in alike.items():
            left = options if keys[0] in self._tier.vms else (min(options, key=lambda option: option.stand.lost),)
            used = (some for number in range(len(keys)) for some in combinations(left, number + 1))
            each.append([dict(zip(keys, (*some, *some[:1] * len(keys)), strict=False)) for some in used])
        for placed in product(*each):
            yield {key: option for own in placed for key, option in own.items()}

    def _effect_of(self, placed: Completion, choice: Sides) -> Part:
        """Return the effect where everything has its place, for one choice of the primaries."""
        gone, isolated = self._gone, self._taken.cut_off(self._tier.vms, choice)
        if placed:
            gone = gone.union(key for key, option in placed.items() if option.stand.lost)
            cut = {key for key, option in placed.items() if option.stand.sides.cuts_to(choice)}
            isolated |= self._tier.vms & cut
        return self._effect.of(self._taken, gone, isolated - gone)


def _chosen(options: Sequence[Option], choice: Sides, *, best: bool) -> Option:
    """Return the option that harms least or most: being lost, else not to reach a primary."""
    harm = [2 * bool(stand.lost) + bool(stand.sides.cuts_to(choice)) for stand, _ in options]
    return options[harm.index(min(harm) if best else max(harm))]
