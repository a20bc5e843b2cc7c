"""The statements of the mirroring guide of InterSystems that decide what is foreseen, in words of our own.

They are those of "Automatic Failover Mechanics" and "Unplanned Outage Procedures" in the High Availability Guide of
InterSystems IRIS, read on 2026-11-29:
https://docs.intersystems.com/irislatest/csp/docbook/DocBook.UI.Page.cls?KEY=GHA_mirror_set. The ids are our own: T of
the table of lost connections, O of outages, G of agent controlled mode, N of a backup that is not active.
"""

from __future__ import annotations

import enum
from functools import lru_cache, reduce
from operator import or_
from typing import Final, NamedTuple

from auditor.losses.mirror import ARBITER_LINKS, HOSTS, INSTANCES, Lost, State, lose

_PRIMARY: Final = HOSTS[0]
_BACKUP: Final = HOSTS[1]
_ARBITER: Final = Lost.ARBITER
_TO_BACKUP: Final = Lost.LINK
_PRIMARY_TO_ARBITER: Final = ARBITER_LINKS[0]
_BACKUP_TO_ARBITER: Final = ARBITER_LINKS[1]
_INSTANCE: Final = INSTANCES[0]
_OF_PRIMARY: Final = Lost.LINK | ARBITER_LINKS[0]
"""The network of the primary."""
_OF_ARBITER: Final = Lost.ARBITER | ARBITER_LINKS[0] | ARBITER_LINKS[1]


class Start(enum.StrEnum):
    """The state of a mirror before a loss."""

    ARBITER = "arbiter"
    """Arbiter controlled mode."""
    AGENT = "agent"
    """Agent controlled mode, with an active backup."""
    INACTIVE = "inactive"
    """The backup is not active, so the arbiter plays no part."""


class Serves(enum.StrEnum):
    """The member that is primary after a loss."""

    PRIMARY = "the primary"
    BACKUP = "the backup"
    NONE = "none"


class Statement(NamedTuple):
    """One statement of the guide."""

    id: str
    start: Start
    lost: tuple[Lost, ...]
    """What is lost, one after the other; member 0 is the primary. Empty if no loss of Azure is of this kind."""
    serves: Serves
    text: str
    in_any_order: bool = False
    """Whether it holds too where the same is lost at once, or in another order."""


_P: Final = Serves.PRIMARY
_B: Final = Serves.BACKUP

STATEMENTS: Final = (
    Statement(
        "T1", Start.ARBITER, (Lost.NOTHING,), _P, "No connection is lost: the mirror stays in arbiter controlled mode."
    ),
    Statement(
        "T2",
        Start.ARBITER,
        (_BACKUP_TO_ARBITER,),
        _P,
        "Backup and arbiter lose contact: the mirror changes to agent controlled mode.",
    ),
    Statement(
        "T3",
        Start.ARBITER,
        (_PRIMARY_TO_ARBITER,),
        _P,
        "Primary and arbiter lose contact: the mirror changes to agent controlled mode.",
    ),
    Statement(
        "T4",
        Start.ARBITER,
        (_TO_BACKUP,),
        _P,
        "The members lose contact, both see the arbiter: the primary goes on after a pause, without active backup.",
    ),
    Statement(
        "T5",
        Start.ARBITER,
        (_PRIMARY_TO_ARBITER | _BACKUP_TO_ARBITER,),
        _P,
        "Both members lose the arbiter: the mirror changes to agent controlled mode.",
    ),
    Statement(
        "T6",
        Start.ARBITER,
        (_TO_BACKUP | _BACKUP_TO_ARBITER,),
        _P,
        "The backup is isolated: the primary goes on after a pause of about one QoS timeout.",
    ),
    Statement(
        "T7",
        Start.ARBITER,
        (_OF_PRIMARY,),
        _B,
        "The primary sees neither backup nor arbiter, and they see each other: the backup takes over.",
    ),
    Statement(
        "T8",
        Start.ARBITER,
        (_TO_BACKUP | _PRIMARY_TO_ARBITER | _BACKUP_TO_ARBITER,),
        Serves.NONE,
        "All connections are lost at once: the primary stops for an indefinite time, the backup does not take over.",
    ),
    Statement("O1", Start.ARBITER, (), _B, "The primary is shut down: it has the backup take over."),
    Statement("O2", Start.ARBITER, (), _B, "The primary hangs: it has the backup take over, and is forced down."),
    Statement(
        "O3",
        Start.ARBITER,
        (),
        _B,
        "The instance of the primary dies: its ISCAgent, or the arbiter, confirms it, and the backup takes over.",
    ),
    Statement(
        "O4",
        Start.ARBITER,
        (_INSTANCE,),
        _B,
        "The primary cannot write to its storage: the backup takes over, as if the instance hung or died.",
    ),
    Statement(
        "O5",
        Start.ARBITER,
        (_PRIMARY,),
        _B,
        "The host of the primary fails: the arbiter has lost it too, and the backup takes over.",
    ),
    Statement(
        "O6",
        Start.ARBITER,
        (_OF_PRIMARY,),
        _B,
        "The network of the primary fails: the arbiter has lost it too, the backup takes over, the primary stops.",
    ),
    Statement("O7", Start.ARBITER, (_ARBITER,), _P, "The arbiter fails: the mirror changes to agent controlled mode."),
    Statement(
        "O8",
        Start.ARBITER,
        (_BACKUP,),
        _P,
        "The host of the backup fails: the primary goes on after a pause of about one QoS timeout.",
    ),
    Statement(
        "O9",
        Start.ARBITER,
        (_PRIMARY | _ARBITER,),
        Serves.NONE,
        "Primary and arbiter fail at once: it looks like a cut network, so the backup does not take over.",
    ),
    Statement(
        "O10",
        Start.ARBITER,
        (_INSTANCE | _ARBITER,),
        _B,
        "The primary's instance and the arbiter fail at once: the ISCAgent confirms it, and the backup takes over.",
    ),
    Statement(
        "O11",
        Start.ARBITER,
        (_ARBITER, _PRIMARY),
        Serves.NONE,
        "The arbiter fails, later the host of the primary: no ISCAgent is left to confirm it, so the backup waits.",
    ),
    Statement(
        "O12",
        Start.ARBITER,
        (_BACKUP | _ARBITER,),
        Serves.NONE,
        "Backup and arbiter fail at once: the primary takes itself for isolated, and stops for an indefinite time.",
    ),
    Statement(
        "O13",
        Start.ARBITER,
        (_BACKUP, _ARBITER),
        _P,
        "The backup fails, later the arbiter: the primary knows that the backup has not taken over, and goes on.",
    ),
    Statement(
        "O14",
        Start.ARBITER,
        (_ARBITER, _BACKUP),
        _P,
        "The arbiter fails, later the backup: the primary goes on after its trouble timeout, about three QoS timeouts.",
    ),
    Statement(
        "O15",
        Start.ARBITER,
        (_PRIMARY, _BACKUP),
        Serves.NONE,
        "The hosts of both members fail: a person can promote a DR async.",
        in_any_order=True,
    ),
    Statement(
        "O16",
        Start.ARBITER,
        (_PRIMARY, _BACKUP, _ARBITER),
        Serves.NONE,
        "Both members and the arbiter fail: a person can promote a DR async.",
        in_any_order=True,
    ),
    Statement("G1", Start.AGENT, (), _B, "The primary is shut down: it has the backup take over."),
    Statement("G2", Start.AGENT, (), _B, "The primary hangs: it has the backup take over, and is forced down."),
    Statement(
        "G3",
        Start.AGENT,
        (),
        _B,
        "The instance of the primary dies: its ISCAgent confirms it, and the backup takes over.",
    ),
    Statement(
        "G4",
        Start.AGENT,
        (_INSTANCE,),
        _B,
        "The primary cannot write to its storage: the backup takes over if the ISCAgent of the primary still answers.",
    ),
    Statement(
        "G5",
        Start.AGENT,
        (_PRIMARY,),
        Serves.NONE,
        "The host of the primary fails: no agent confirms it, and the backup does not take over.",
    ),
    Statement(
        "G6",
        Start.AGENT,
        (_OF_PRIMARY,),
        _P,
        "The network of the primary fails: it goes on as primary for those who still reach it; there is no failover.",
    ),
    Statement(
        "G7",
        Start.AGENT,
        (_TO_BACKUP,),
        _P,
        "The members lose contact: the primary goes on after its trouble timeout, without active backup.",
    ),
    Statement(
        "G8",
        Start.AGENT,
        (_BACKUP,),
        _P,
        "The host of the backup fails: the primary goes on after its trouble timeout.",
    ),
    Statement("N1", Start.INACTIVE, (), _B, "The primary is shut down: the backup fetches the journal and takes over."),
    Statement("N2", Start.INACTIVE, (), _B, "The primary hangs: the backup fetches the journal and takes over."),
    Statement(
        "N3", Start.INACTIVE, (), _B, "The instance of the primary dies: the backup fetches the journal and takes over."
    ),
    Statement(
        "N4",
        Start.INACTIVE,
        (_INSTANCE,),
        _B,
        "The primary cannot write to its storage: the backup takes over if the ISCAgent can still read the journal.",
    ),
    Statement(
        "N5",
        Start.INACTIVE,
        (_PRIMARY,),
        Serves.NONE,
        "The host of the primary fails: the backup lacks the end of the journal, and does not take over.",
    ),
    Statement(
        "N6",
        Start.INACTIVE,
        (_OF_PRIMARY,),
        _P,
        "The network of the primary fails: it goes on without a pause for those who still reach it.",
    ),
    Statement(
        "N7", Start.INACTIVE, (_BACKUP,), _P, "The host of the backup fails: the primary goes on without a pause."
    ),
)


@lru_cache(maxsize=4096)
def deciding(start: State, events: tuple[Lost, ...], *, no_failover: bool = False) -> tuple[str, ...]:
    """Return the ids of the statements that decide a course of events, in the order of the events.

    An event that follows those of a statement is answered in the state in which these leave the mirror. No statement is
    about a mirror that has lost a member, or the network between them, before. `no_failover` is as in `lose`: it
    overrides the statements by which the backup takes over.
    """
    state, rest = start, events
    found: dict[str, None] = {}
    while rest and state.primary is not None and not state.lost & ~_OF_ARBITER:
        matching, number = _longest(state, rest)
        found |= dict.fromkeys(s.id for s in matching if not (no_failover and s.serves is Serves.BACKUP))
        for event in rest[:number]:
            state = lose(state, event, no_failover=no_failover).state
        rest = rest[number:]
    return tuple(found)


def _longest(state: State, events: tuple[Lost, ...]) -> tuple[list[Statement], int]:
    """Return the statements about the most of the first events, and their number; one event without any."""
    start = Start.ARBITER if state.arbiter_controlled else Start.AGENT if state.active else Start.INACTIVE
    relative = tuple(_relative(event, start, state.primary) for event in events)
    for number in range(len(events), 0, -1):
        found = [statement for statement in STATEMENTS if _is_about(statement, start, relative[:number])]
        if found:
            return found, number
    return [], 1


def _is_about(statement: Statement, start: Start, events: tuple[Lost, ...]) -> bool:
    """Return whether a statement is about exactly these events."""
    if statement.start is not start or not statement.lost:
        return False
    if statement.in_any_order:
        return reduce(or_, events) == reduce(or_, statement.lost)
    return events == statement.lost


def _relative(event: Lost, start: Start, primary: int | None) -> Lost:
    """Return an event with the primary as member 0, as the statements name it.

    A host that fails takes its instance and its connections with it. In agent controlled mode, the arbiter matters to
    no statement but that about the network of the primary.
    """
    if primary == 1:
        event = _exchanged(event)
    for host, instance, link in zip(HOSTS, INSTANCES, ARBITER_LINKS, strict=True):
        if event & host:
            event &= ~(instance | link | Lost.LINK)
    if event & Lost.ARBITER:
        event &= ~(_PRIMARY_TO_ARBITER | _BACKUP_TO_ARBITER)
    if start is not Start.ARBITER:
        return event if event == _OF_PRIMARY else event & ~_OF_ARBITER
    if event == Lost.LINK | Lost.ARBITER:
        return Lost.LINK | _PRIMARY_TO_ARBITER | _BACKUP_TO_ARBITER
    return event


def _exchanged(event: Lost) -> Lost:
    """Return an event with the members exchanged."""
    found = event & (Lost.ARBITER | Lost.LINK)
    for one, other in (HOSTS, INSTANCES, ARBITER_LINKS):
        found |= (other if event & one else Lost.NOTHING) | (one if event & other else Lost.NOTHING)
    return found
