"""The worst course that losses can take for a mirror, by the effect of each and how long clients wait."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from auditor.losses.mirror import Ending, Lost, Pause, State, endings
from auditor.losses.site import AT_ONCE, Seconds
from auditor.losses.times import waiting


class Reached(NamedTuple):
    """Whether clients reach a member as primary."""

    rank: int
    """The rank of the effect."""
    seconds: Seconds


class Setting(NamedTuple):
    """What the effect of an ending on a mirror depends on."""

    reached: tuple[Reached, Reached]
    """For each failover member as primary."""
    stopped: int
    """The rank of the effect if no member is primary."""
    qos: Seconds
    takeover: Seconds
    """As in `Site`."""
    no_failover: bool


class Worst(NamedTuple):
    """The worst ending, with what is to be known of the others."""

    ending: Ending
    rank: int
    """The rank of its effect."""
    seconds: Seconds
    primaries: frozenset[int | None]
    """The members that are primary after an ending."""
    survived: frozenset[tuple[Lost, ...]]
    """The events of each course after which clients reach a primary."""

    @property
    def badness(self) -> tuple[float, float, float]:
        """Return what sorts effects, the worst last."""
        return self.rank, self.seconds.most, self.seconds.least


@lru_cache(maxsize=16384)
def worst(start: State, events: tuple[frozenset[Lost], ...], setting: Setting) -> Worst:
    """Return the worst ending of losses that follow each other.

    Of two endings of the same effect, that of the shorter course has the simpler reason: all at once.
    """
    found = []
    for ending in endings(start, events, no_failover=setting.no_failover):
        rank, seconds = _effect(ending, setting)
        found.append((rank, seconds, ending))
    rank, seconds, ending = max(found, key=lambda each: (each[0], each[1].most, each[1].least, -len(each[2].orders[0])))
    return Worst(
        ending,
        rank,
        seconds,
        primaries=frozenset(each.primary for _, _, each in found),
        survived=frozenset(order for rank, _, each in found if rank == 0 for order in each.orders),
    )


def _effect(ending: Ending, setting: Setting) -> Reached:
    """Return the rank of the effect of an ending, and how long clients wait where they reach a primary."""
    if ending.primary is None:
        return Reached(setting.stopped, AT_ONCE)
    rank, seconds = setting.reached[ending.primary]
    if rank:
        return Reached(rank, AT_ONCE)
    for pause in ending.pauses:
        seconds = seconds.then(waiting(pause, setting.qos))
        if pause in {Pause.TAKEOVER, Pause.TAKEOVER_BY_AGENT}:
            seconds = seconds.then(setting.takeover)
    return Reached(rank, seconds)
