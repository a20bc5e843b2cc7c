"""The automaton of a mirror against the statements of its vendor, and all its states."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import Any, Final

import pytest

from auditor import yaml_documents
from auditor.losses.mirror import (
    ARBITER_LINKS,
    HOSTS,
    INSTANCES,
    Course,
    Lost,
    Pause,
    State,
    courses,
    initial,
    lose,
    play,
)

ORACLE: Final[dict[str, dict[str, Any]]] = {
    name: row
    for section in yaml_documents.read(Path(__file__).with_name("oracle.yaml")).value.values()  # type: ignore[attr-defined]
    for name, row in section.items()
}
EVERYTHING: Final = tuple(Lost)


def event(names: list[str], primary: int) -> Lost:
    """Return what some names of the oracle mean for a primary."""
    backup = 1 - primary
    meaning = {
        "p": HOSTS[primary],
        "b": HOSTS[backup],
        "a": Lost.ARBITER,
        "p-instance": INSTANCES[primary],
        "b-instance": INSTANCES[backup],
        "p-b": Lost.LINK,
        "p-a": ARBITER_LINKS[primary],
        "b-a": ARBITER_LINKS[backup],
    }
    found = Lost.NOTHING
    for name in names:
        found |= meaning[name]
    return found


def swapped(lost: Lost) -> Lost:
    """Return the same loss with the members exchanged."""
    found = lost & (Lost.ARBITER | Lost.LINK)
    for pair in (HOSTS, INSTANCES, ARBITER_LINKS):
        for member in (0, 1):
            if lost & pair[member]:
                found |= pair[1 - member]
    return found


def exchanged(state: State) -> State:
    primary = None if state.primary is None else 1 - state.primary
    return State(primary, state.arbiter_controlled, state.active, swapped(state.lost))


def longest(course: Course) -> Pause:
    return max(course.pauses, key=lambda pause: pause.value, default=Pause.NONE)


def every_event() -> list[Lost]:
    """Return every set of things that can be lost at once."""
    return [Lost(number) for number in range(sum(EVERYTHING) + 1)]


def reachable(events: list[Lost]) -> set[State]:
    """Return all states to which events lead, one after the other, from every initial state."""
    found = {
        initial(primary, arbiter=arbiter, active=active)
        for primary in (0, 1)
        for arbiter in (True, False)
        for active in (True, False)
    }
    pending = list(found)
    while pending:
        state = pending.pop()
        for each in events:
            after = lose(state, each).state
            if after not in found:
                found.add(after)
                pending.append(after)
    return found


SINGLE_AND_DOUBLE: Final = [*EVERYTHING, *(one | other for one, other in combinations(EVERYTHING, 2))]
STATES: Final = reachable(SINGLE_AND_DOUBLE)


@pytest.mark.parametrize("primary", [0, 1])
@pytest.mark.parametrize("name", ORACLE)
def test_the_oracle(name: str, primary: int) -> None:
    row = ORACLE[name]
    start = row.get("start", "arbiter")
    state = initial(primary, arbiter=start != "agent", active=start != "inactive")
    course = play(state, [event(names, primary) for names in row["lost"]])
    after, pause = course.state, longest(course)
    serves = "none" if after.primary is None else "p" if after.primary == primary else "b"
    assert serves == row["serves"]
    assert pause.name.lower().replace("_", "-") == row["pause"]
    if "mode" in row:
        assert after.arbiter_controlled is (row["mode"] == "arbiter")


def test_the_oracle_has_every_combination_of_lost_connections() -> None:
    rows = [row["lost"][0] for name, row in ORACLE.items() if name.startswith("T")]
    assert {frozenset(row) for row in rows} == {
        frozenset(found) for size in range(4) for found in combinations(("p-b", "p-a", "b-a"), size)
    }


@pytest.mark.slow
def test_whole_space() -> None:
    """In every reachable state and after every event."""
    assert len(STATES) > 500
    for state in STATES:
        assert not (state.arbiter_controlled and state.primary is not None) or (
            state.active and not state.lost & (Lost.ARBITER | Lost.LINK | Lost.ARBITER_LINK_0 | Lost.ARBITER_LINK_1)
        )
        if state.primary is not None:
            assert not state.lost & (HOSTS[state.primary] | INSTANCES[state.primary])
        for each in every_event():
            after, pause = lose(state, each)
            assert after.lost & each == each
            assert after.lost & state.lost == state.lost
            assert after.arbiter_controlled <= state.arbiter_controlled
            assert after.active <= state.active
            if state.primary is None:
                assert (after.primary, pause) == (None, Pause.NONE)
            assert (pause in {Pause.TAKEOVER, Pause.TAKEOVER_BY_AGENT}) is (after.primary not in {None, state.primary})
            assert exchanged(after) == lose(exchanged(state), swapped(each)).state
            assert lose(state, each, no_failover=True).state.primary in {None, state.primary}


@pytest.mark.slow
def test_what_is_lost_besides_never_helps() -> None:
    """If one more thing is lost at the same moment, no member serves that did not before."""
    checked = 0
    for state in STATES:
        for each in every_event():
            if lose(state, each).state.primary is None:
                for more in EVERYTHING:
                    checked += 1
                    assert lose(state, each | more).state.primary is None
    assert checked > 10_000


def test_a_common_cause_is_played_at_once_and_in_every_order() -> None:
    start = initial(0, arbiter=True)

    def played(*events: Lost) -> dict[tuple[Lost, ...], tuple[int | None, Pause]]:
        return {c.events: (c.state.primary, longest(c)) for c in courses(start, frozenset(events))}

    backup, primary, arbiter = Lost.HOST_1, Lost.HOST_0, Lost.ARBITER
    assert played(backup, arbiter) == {
        (backup | arbiter,): (None, Pause.NONE),
        (backup, arbiter): (0, Pause.BACKUP_LOST),
        (arbiter, backup): (0, Pause.TROUBLE),
    }
    assert played(primary, arbiter) == {
        (primary | arbiter,): (None, Pause.NONE),
        (primary, arbiter): (1, Pause.TAKEOVER),
        (arbiter, primary): (None, Pause.NONE),
    }
    assert played(primary) == {(primary,): (1, Pause.TAKEOVER)}
    assert played() == {(): (0, Pause.NONE)}
    assert len(played(primary, backup, arbiter)) == 13
    assert courses(start, frozenset({primary, arbiter}))[0].events == (primary | arbiter,)
