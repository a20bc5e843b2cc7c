"""The statements of the mirroring guide agree with its rows, with the automaton and with the page."""

from __future__ import annotations

from itertools import product

import pytest

from auditor.losses.mirror import HOSTS, Lost, initial, lose
from auditor.losses.statements import STATEMENTS, Serves, Start, deciding
from tests.losses.test_mirror import ORACLE, event, every_event

BY_ID = {statement.id: statement for statement in STATEMENTS}
ROWS = {name: row for name, row in ORACLE.items() if not name.startswith("S")}
"""The rows of the guide, without what others have seen."""
SERVES = {"p": Serves.PRIMARY, "b": Serves.BACKUP, "none": Serves.NONE}


def test_each_row_of_the_guide_is_a_statement_and_no_other() -> None:
    assert {name.partition("-")[0] for name in ROWS} == BY_ID.keys()
    for name, row in ROWS.items():
        statement = BY_ID[name.partition("-")[0]]
        assert (statement.start, statement.serves) == (Start(row.get("start", "arbiter")), SERVES[row["serves"]])


@pytest.mark.parametrize("primary", [0, 1])
@pytest.mark.parametrize("name", ROWS)
def test_the_statement_of_a_row_decides_it(name: str, primary: int) -> None:
    row, statement = ROWS[name], BY_ID[name.partition("-")[0]]
    start = initial(primary, arbiter=statement.start is not Start.AGENT, active=statement.start is not Start.INACTIVE)
    found = deciding(start, tuple(event(names, primary) for names in row["lost"]))
    # What ends an instance while its host is left is one event here, of which Azure shows the storage alone.
    assert (statement.id if statement.lost else f"{statement.id[0]}4") in found


@pytest.mark.slow
@pytest.mark.parametrize("primary", [0, 1])
def test_no_statement_about_one_event_contradicts_the_automaton(primary: int) -> None:
    decided = 0
    for arbiter, active, lost in product((True, False), (True, False), every_event()):
        start = initial(primary, arbiter=arbiter, active=active)
        after = lose(start, lost).state.primary
        serves = Serves.NONE if after is None else Serves.PRIMARY if after == primary else Serves.BACKUP
        found = deciding(start, (lost,))
        assert {BY_ID[name].serves for name in found} <= {serves}, (start, lost)
        decided += bool(found)
    assert decided > 300


@pytest.mark.parametrize(
    ("events", "found"),
    [
        ((), ()),
        ((HOSTS[0], Lost.ARBITER), ("O5",)),
        ((Lost.ARBITER, Lost.LINK), ("O7", "G7")),
        ((Lost.LINK, HOSTS[0]), ("T4",)),
        ((HOSTS[0] | Lost.LINK, HOSTS[1]), ("O15",)),
        ((Lost.LINK | Lost.ARBITER,), ("T8",)),
    ],
)
def test_a_statement_is_about_the_mirror_as_it_is_then(events: tuple[Lost, ...], found: tuple[str, ...]) -> None:
    assert deciding(initial(0, arbiter=True), events) == found


def test_a_backup_that_never_takes_over_is_no_matter_of_the_statements() -> None:
    assert deciding(initial(0, arbiter=True), (HOSTS[0],), no_failover=True) == ()
    assert deciding(initial(0, arbiter=True), (HOSTS[1],), no_failover=True) == ("O8",)
