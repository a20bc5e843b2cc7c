"""The effect of losses on a deployment: each is played through its mirrors, its tiers, and what leads users to them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations

import msgspec

from auditor.losses.foreseen import Because, Effect, Foreseen
from auditor.losses.loss import Loss, LossKind, union
from auditor.losses.parts import RANK, UNTOUCHED, Part, differing, worst_of
from auditor.losses.play_mirror import MirrorPlay, touches
from auditor.losses.play_networks import network_parts
from auditor.losses.play_profile import profile_part
from auditor.losses.play_tiers import TiersPlay
from auditor.losses.possible import losses
from auditor.losses.site import AT_ONCE, UNBOUNDED, Seconds, Site
from auditor.losses.standby import standby
from auditor.losses.taken import Taken
from auditor.losses.times import longest
from auditor.snapshot.known import Cause, Unknown

_LAG = Unknown(Cause.VALUE, "nothing in Azure shows how far a DR async is behind")
_PLANNED = frozenset({LossKind.UPDATE_DOMAIN})
_BY_THEIR_KIND = frozenset({LossKind.FAULT_DOMAIN, LossKind.UPDATE_DOMAIN, LossKind.REGION})
"""Losses of which others that take the same may differ: they are planned, or another place is not known."""


def foresee(site: Site, lost: Iterable[Loss], first: str = "") -> Foreseen:
    """Return the effect of losses, one after the other; each takes what it takes at once or in any order.

    `first` is the name of the failover member that is primary before; by default, the worst case is returned. Planned
    losses are over when the next planned one begins.
    """
    lost = tuple(lost)
    spells = list(_spells(lost))
    # A planned loss may have exchanged the members, so that either can be primary before the next one.
    plays = (Play(site, "" if number else first) for number in range(len(spells)))
    found = [play.foresee(spell) for play, spell in zip(plays, spells, strict=True)]
    worst = max(found, key=lambda one: (RANK[one.effect], one.seconds.most if one.seconds else UNBOUNDED))
    return msgspec.structs.replace(worst, losses=lost, order="sequence" if len(lost) > 1 else worst.order)


class Singles:
    """The single losses of a deployment; each is played at the first request, and those of equal effect once."""

    def __init__(self, site: Site, first: str = "") -> None:
        """Take the deployment; `first` is as in `foresee`."""
        self.site = site
        self.losses = losses(site)
        self._play = Play(site, first)
        self._played: dict[tuple[object, ...], Foreseen] = {}

    def of(self, loss: Loss) -> Foreseen:
        """Return the effect of one of the losses."""
        key = (loss.effect, loss.kind in _BY_THEIR_KIND and loss.kind, loss.takes_only_known, loss.takes_entrances)
        if key not in self._played:
            self._played[key] = self._play.foresee((loss,))
        same = self._played[key]
        if same.losses[0] is loss:
            return same
        texts = _renamed(same.completions, same.losses[0], loss) if same.completions else ()
        return msgspec.structs.replace(same, losses=(loss,), completions=texts)

    def all(self) -> tuple[Foreseen, ...]:
        """Return the effect of each loss."""
        return tuple(map(self.of, self.losses))


def _renamed(texts: Iterable[str], one: Loss, other: Loss) -> tuple[str, ...]:
    """Return what is said of the places that a loss takes as it is said of another loss."""
    names = dict(zip(one.places, other.places, strict=True))
    found = re.compile(rf"({'|'.join(map(re.escape, names))})(?=$|, and )")
    return tuple(found.sub(lambda match: names[match.group()], text) for text in texts)


def single(site: Site, first: str = "") -> tuple[Foreseen, ...]:
    """Return the effect of every single loss of a deployment; `first` is as in `foresee`."""
    return Singles(site, first).all()


def pairs(site: Site, first: str = "") -> tuple[Foreseen, ...]:
    """Return the pairs of losses that the deployment does not survive, though it survives each of the two alone.

    Losses of equal effect are one, planned ones are left out, and so is a pair of which a part stops the deployment
    too. Two that touch no mirror, tier or profile in common are survived as each of them is.
    """
    harmless: dict[tuple[object, ...], Loss] = {}
    for one in single(site, first):
        (loss,) = one.losses
        if one.effect is Effect.SERVES and loss.kind is not LossKind.UPDATE_DOMAIN:
            harmless.setdefault(loss.effect, loss)
    touching: dict[str, list[int]] = defaultdict(list)
    every = list(harmless.values())
    for number, loss in enumerate(every):
        for part in _touched(site, loss):
            touching[part].append(number)
    together = sorted({pair for numbers in touching.values() for pair in combinations(numbers, 2)})
    stopping: list[tuple[frozenset[object], Foreseen]] = []
    play = Play(site, first)
    for both in together:
        two = [every[number] for number in both]
        found = play.foresee((union(*two),))
        if found.effect in {Effect.STOPS, Effect.LOST}:
            stopping.append((two[0].taken | two[1].taken, found))
    return tuple(found for taken, found in stopping if not any(smaller < taken for smaller, _ in stopping))


def _spells(lost: Sequence[Loss]) -> Iterator[tuple[Loss, ...]]:
    """Yield the losses that last at the same time, for each planned one; all if none is planned."""
    planned = [number for number, loss in enumerate(lost) if loss.kinds == _PLANNED]
    if not planned:
        yield tuple(lost)
        return
    for number, end in zip(planned, (*planned[1:], len(lost)), strict=True):
        yield tuple(loss for each, loss in enumerate(lost[:end]) if each == number or loss.kinds != _PLANNED)


class Play:
    """Plays losses on one deployment."""

    def __init__(self, site: Site, first: str) -> None:
        """Take the deployment; `first` is as in `foresee`."""
        self._site = site
        self._mirrors = {mirror.id: MirrorPlay(site, mirror, first) for mirror in site.mirrors}
        self._tiers = TiersPlay(site)

    def foresee(self, lost: tuple[Loss, ...]) -> Foreseen:
        """Return the effect of losses none of which is over before the last one."""
        taken = Taken(self._site, lost)
        mirrors = {mirror: play.played(taken) for mirror, play in self._mirrors.items()}
        tiers, at_best = self._tiers.played(taken, mirrors)
        site, parts = self._site, [*(played.part for played in mirrors.values()), *tiers]
        parts += [profile_part(site, profile, taken) for profile in site.profiles]
        parts += network_parts(site, taken)
        if site.undeclared and not taken.takes_only_known:
            parts.append(Part(Effect.UNKNOWN, unknown=site.undeclared))
        parts = [part for part in parts if part is not UNTOUCHED and part.is_touched]
        if RANK[at_best.effect] > max((RANK[part.effect] for part in parts), default=0):
            parts.append(at_best)
        worst = worst_of(parts or [UNTOUCHED])
        bad = [part for part in parts if part.effect is worst.effect]
        continues = standby(site, taken) if worst.effect is Effect.STOPS else False
        unsure = any(part.effect is Effect.UNKNOWN for part in parts)
        return Foreseen(
            losses=lost,
            order="sequence" if len(lost) > 1 or worst.in_sequence else "together",
            first=worst.first,
            effect=worst.effect,
            seconds=worst.seconds if worst.effect is Effect.SERVES else _until_standby(site, continues),
            rpo=_rpo(worst.effect, continues, [played.part for played in mirrors.values()]),
            because=tuple(map(Because, worst.because)),
            statements=tuple(dict.fromkeys(name for part in bad for name in part.statements)),
            unless="" if unsure else _unless([part for part in parts if part.effect in {Effect.STOPS, Effect.LOST}]),
            unknown=worst.unknown,
            completions=differing(bad) if worst.effect is Effect.UNKNOWN else (),
        )


def _unless(stopping: Sequence[Part]) -> str:
    """Return in which other course the deployment would serve: in one in which each part of it does."""
    texts = dict.fromkeys(part.unless for part in stopping)
    return "" if "" in texts else ", and ".join(texts)


def _until_standby(site: Site, continues: bool | None) -> Seconds | None:  # noqa: FBT001 - as `standby` returns it
    """Return how long clients wait until the DR region serves by a person's decision; None if it cannot."""
    if continues is False:
        return None
    if continues is None or site.more_profiles:
        return Seconds(site.decision.least, UNBOUNDED)
    return site.decision.then(longest(*(profile.switch for profile in site.profiles)))


def _rpo(effect: Effect, continues: bool | None, mirrors: Iterable[Part]) -> Seconds | Unknown | None:  # noqa: FBT001 - as above
    """Return how much data is lost: none while a failover member goes on, unknown where only a DR async can."""
    if effect is Effect.SERVES:
        return AT_ONCE
    if continues is False:
        return None
    return AT_ONCE if all(part.effect is Effect.SERVES for part in mirrors) else _LAG


def _touched(site: Site, loss: Loss) -> Iterator[str]:
    """Yield the mirrors, tiers and profiles that a loss takes something of."""
    taken = Taken(site, (loss,))
    yield from (mirror.id for mirror in site.mirrors if touches(taken, mirror))
    some = taken.gone | taken.perhaps
    for tier in site.tiers:
        needed = [each for each in site.mirrors if tier.mirrors is None or each.id in tier.mirrors]
        primaries = {key for each in needed if isinstance(each.members, tuple) for key in each.members}
        if not some.isdisjoint((*tier.vms, *tier.entrances)) or taken.may_cut(tier.vms, primaries):
            yield tier.id
    for profile in site.profiles:
        if profile.key in some or any(key == profile.key for key, _ in loss.endpoints):
            yield profile.key
