"""A mirror as an automaton: who is primary after members, the arbiter, or the links between them are lost.

The rules are those of "Automatic Failover Mechanics" in the High Availability Guide of InterSystems IRIS
(https://docs.intersystems.com/irislatest/csp/docbook/DocBook.UI.Page.cls?KEY=GHA_mirror_set). A failover member is 0 or
1. Nothing that was lost comes back, and no person acts.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator
from functools import lru_cache, reduce
from itertools import combinations
from operator import or_
from typing import Final, NamedTuple


class Lost(enum.IntFlag):
    """What a mirror can lose."""

    NOTHING = 0
    HOST_0 = enum.auto()
    """The VM of member 0, with its ISCAgent."""
    HOST_1 = enum.auto()
    INSTANCE_0 = enum.auto()
    """The instance of member 0, which was shut down, died, or cannot write; its ISCAgent still answers."""
    INSTANCE_1 = enum.auto()
    ARBITER = enum.auto()
    LINK = enum.auto()
    """The network between the failover members."""
    ARBITER_LINK_0 = enum.auto()
    """The network between member 0 and the arbiter."""
    ARBITER_LINK_1 = enum.auto()


HOSTS: Final = (Lost.HOST_0, Lost.HOST_1)
INSTANCES: Final = (Lost.INSTANCE_0, Lost.INSTANCE_1)
ARBITER_LINKS: Final = (Lost.ARBITER_LINK_0, Lost.ARBITER_LINK_1)


class Pause(enum.Enum):
    """Why no member answers for a time, in the order of its length."""

    NONE = enum.auto()
    BACKUP_LOST = enum.auto()
    """The primary waits until the arbiter confirms that it may go on: about one QoS timeout."""
    TAKEOVER = enum.auto()
    """The arbiter confirms that the primary is lost, and the backup becomes primary."""
    TAKEOVER_BY_AGENT = enum.auto()
    """The ISCAgent of the primary confirms that its instance is down, and the backup becomes primary."""
    TROUBLE = enum.auto()
    """In agent controlled mode, the primary waits for its trouble timeout: about three QoS timeouts."""


class State(NamedTuple):
    """The state of a mirror."""

    primary: int | None
    """The member that is primary; None if none is, until a person acts or what was lost comes back."""
    arbiter_controlled: bool
    """The mode of the primary; without one, of the last primary."""
    active: bool
    """Whether the other member is an active backup."""
    lost: Lost = Lost.NOTHING


class Step(NamedTuple):
    """What a mirror does after a loss."""

    state: State
    pause: Pause


def initial(primary: int, *, arbiter: bool, active: bool = True) -> State:
    """Return a mirror whose members are connected; without an arbiter, it is in agent controlled mode."""
    return State(primary, arbiter and active, active, Lost.NOTHING if arbiter else Lost.ARBITER)


def lose(state: State, event: Lost, *, no_failover: bool = False) -> Step:  # noqa: PLR0911 - a return for each rule
    """Return what a mirror does after it loses something, all at once.

    `no_failover` is whether the backup is configured never to take over.
    """
    primary, lost = state.primary, state.lost | event
    if primary is None:
        return Step(state._replace(lost=lost), Pause.NONE)
    backup = 1 - primary
    backup_runs = _runs(lost, backup)
    by_arbiter = (
        state.arbiter_controlled and state.active and _sees_arbiter(lost, backup) and not _sees_arbiter(lost, primary)
    )
    if not _runs(lost, primary):
        by_agent = not lost & (HOSTS[primary] | HOSTS[backup] | Lost.LINK)
        takes_over = backup_runs and (by_agent or by_arbiter) and not no_failover
        pause = Pause.TAKEOVER if by_arbiter else Pause.TAKEOVER_BY_AGENT
        return _taken_over(state, lost, pause) if takes_over else _stopped(state, lost)
    if backup_runs and not lost & Lost.LINK:
        controlled = state.arbiter_controlled and _sees_arbiter(lost, primary) and _sees_arbiter(lost, backup)
        return Step(State(primary, controlled, state.active, lost), Pause.NONE)
    goes_on = State(primary, arbiter_controlled=False, active=False, lost=lost)
    if not state.active:
        return Step(goes_on, Pause.NONE)
    if not state.arbiter_controlled:
        return Step(goes_on, Pause.TROUBLE)
    if _sees_arbiter(lost, primary):
        return Step(goes_on, Pause.BACKUP_LOST)
    # The primary sees neither the backup nor the arbiter: it assumes that the backup has taken over, and stays stopped.
    takes_over = by_arbiter and not no_failover
    return _taken_over(state, lost, Pause.TAKEOVER) if takes_over else _stopped(state, lost)


class Course(NamedTuple):
    """One way in which a loss can take its course."""

    events: tuple[Lost, ...]
    """What is lost, one after the other; a single event is lost all at once."""
    state: State
    """The state afterwards."""
    pauses: tuple[Pause, ...]
    """The pause after each event."""
    last: int | None
    """The member that was the last primary."""


def play(state: State, events: Iterable[Lost], *, no_failover: bool = False) -> Course:
    """Return what a mirror does after it loses one thing after the other."""
    events, pauses, last = tuple(events), [], state.primary
    for event in events:
        state, pause = lose(state, event, no_failover=no_failover)
        pauses.append(pause)
        last = last if state.primary is None else state.primary
    return Course(events, state, tuple(pauses), last)


@lru_cache(maxsize=4096)
def courses(state: State, events: frozenset[Lost], *, no_failover: bool = False) -> tuple[Course, ...]:
    """Return the ways in which a common cause can take several things: all at once first, then in every order.

    Within about one QoS timeout, losses count as one; the guide says: at nearly the same moment. So some of them can
    be lost at once, and others before or after.
    """
    ordered = sorted(orders(tuple(sorted(events))), key=lambda order: (len(order), order))
    return tuple(play(state, order, no_failover=no_failover) for order in ordered)


class Ending(NamedTuple):
    """One way in which losses end, which several courses can have."""

    primary: int | None
    """As of `State`."""
    lost: Lost
    last: int | None
    """The member that was the last primary."""
    pauses: tuple[Pause, ...]
    """The pauses in which no member answers."""
    instances: tuple[Lost, ...]
    """The instances that are lost apart from all else."""
    orders: tuple[tuple[Lost, ...], ...]
    """The events of each course that ends so; the first one is the shortest, and so the simplest reason."""


@lru_cache(maxsize=4096)
def endings(start: State, events: tuple[frozenset[Lost], ...], *, no_failover: bool = False) -> tuple[Ending, ...]:
    """Return how losses that follow each other end, in every course that each of them can take.

    They are in the order of their simplest courses: those of one event first.
    """
    pending = [Course((), start, (), start.primary)]
    for lost in events:
        pending = [
            Course(
                (*before.events, *course.events),
                course.state,
                (*before.pauses, *course.pauses),
                before.last if course.last is None else course.last,
            )
            for before in pending
            for course in courses(before.state, lost, no_failover=no_failover)
        ]
    alike: dict[Ending, list[tuple[Lost, ...]]] = {}
    for course in sorted(pending, key=lambda course: len(course.events)):
        pauses = tuple(pause for pause in course.pauses if pause is not Pause.NONE)
        instances = tuple(instance for instance in INSTANCES if instance in course.events)
        ending = Ending(course.state.primary, course.state.lost, course.last, pauses, instances, orders=())
        alike.setdefault(ending, []).append(course.events)
    return tuple(ending._replace(orders=tuple(found)) for ending, found in alike.items())


@lru_cache(maxsize=4096)
def down(events: tuple[frozenset[Lost], ...]) -> frozenset[int]:
    """Return the members that lose their VM, or their instance, to events."""
    return frozenset(
        member
        for member, (host, instance) in enumerate(zip(HOSTS, INSTANCES, strict=True))
        if any(event & (host | instance) for each in events for event in each)
    )


def orders(events: tuple[Lost, ...]) -> Iterator[tuple[Lost, ...]]:
    """Yield every order of events in which any of them can happen at once; no events are one order."""
    if not events:
        yield ()
    for size in range(1, len(events) + 1):
        for first in combinations(events, size):
            rest = tuple(event for event in events if event not in first)
            for following in orders(rest):
                yield (reduce(or_, first), *following)


def _runs(lost: Lost, member: int) -> bool:
    """Return whether the instance of a member runs."""
    return not lost & (HOSTS[member] | INSTANCES[member])


def _sees_arbiter(lost: Lost, member: int) -> bool:
    """Return whether a member is connected to the arbiter."""
    return _runs(lost, member) and not lost & (Lost.ARBITER | ARBITER_LINKS[member])


def _taken_over(state: State, lost: Lost, pause: Pause) -> Step:
    """Return that the backup is primary; the former primary is forced down, until a person starts it."""
    former = 0 if state.primary == 0 else 1
    after = State(1 - former, arbiter_controlled=False, active=False, lost=lost | INSTANCES[former])
    return Step(after, pause)


def _stopped(state: State, lost: Lost) -> Step:
    return Step(State(None, state.arbiter_controlled, active=False, lost=lost), Pause.NONE)
