"""The effect of losses on one part of a deployment, and on several."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from auditor.losses.foreseen import Effect
from auditor.losses.site import AT_ONCE, Seconds
from auditor.losses.times import longest
from auditor.snapshot.known import Unknown

RANK: Final = {effect: rank for rank, effect in enumerate(Effect)}


class Case(NamedTuple):
    """One case of what is not known, in words."""

    effect: Effect
    stated: Mapping[object, str]
    """What is stated of each thing that is not known."""


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


def certain(parts: Sequence[Part]) -> Part | None:
    """Return what is certain where one of several effects is right, as `agreed` does; the same part may come often."""
    found: Part | None = parts[0]
    for part in reversed({id(part): part for part in reversed(parts)}.values()):
        found = found if found is part else found and agreed(found, part)
    return found


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
