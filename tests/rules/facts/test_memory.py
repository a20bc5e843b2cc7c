"""The memory that instances take: the formula, what an instance chooses by itself, and the log of its start."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.snapshot.known import Cause
from tests.estate.subscription import Body
from tests.rules.facts.asking import INFINITY, ask, said, shown
from tests.rules.facts.guest import cpf, gap, guest, mirror_of, vm_of

CONFIG: Body = {
    "globals": [0, 0, 1000, 0, 0, 0],
    "routines": [100],
    "gmheap": 1024,
    "jrnbufs": 64,
    "maxServers": 4,
    "maxServerConn": 6,
}
KNOWN = 1080 + 102 + 1 + 64 + 2 * 10 + 300


def memory(*files: Body, gaps: tuple[Body, ...] = ()) -> Any:
    built = mirror_of(*files, gaps=gaps)
    return said("vm.shared_memory_mb", built, vm_of(built))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, KNOWN),
        ({"gmheap": 0}, KNOWN - 1 + 300),
        ({"gmheap": 0, "globals": [0, 0, 20000]}, KNOWN + 19000 * 1.08 - 1 + 600),
        ({"gmheap": 0, "globals": [0, 0, 100000]}, KNOWN + 99000 * 1.08 - 1 + 2048),
        ({"routines": [0]}, KNOWN),
        ({"routines": [50, 0, 0, 0, 0, 50]}, KNOWN),
        ({"jrnbufs": None}, KNOWN),
        ({"maxServerConn": None}, KNOWN - 10),
        ({"maxServers": None}, (KNOWN - 8, INFINITY)),
        ({"gmheap": None}, (KNOWN - 1, INFINITY)),
        ({"globals": None, "gmheap": 0}, (KNOWN - 1080 + 299, INFINITY)),
        ({"globals": [0, "many"]}, (KNOWN - 1080, INFINITY)),
        ({"globals": []}, (KNOWN - 1080, INFINITY)),
        ({"routines": 100}, (KNOWN - 102, INFINITY)),
    ],
)
def test_the_formula_of_an_instance(changes: Body, expected: Any) -> None:
    config = {key: value for key, value in (CONFIG | changes).items() if value is not None}
    assert memory(cpf("a", config=config)) == pytest.approx(expected)


def test_the_memory_of_all_instances_counts() -> None:
    other = guest("a", "cache.cpf", "cpf", config=CONFIG)
    assert memory(cpf("a", config=CONFIG), other) == pytest.approx(2 * KNOWN)
    assert memory() == (0, INFINITY)
    unread = (gap("a", "iris.cpf", "config.globals[*]"),)
    assert memory(cpf("a", config=CONFIG), gaps=unread) == pytest.approx((KNOWN - 1080, INFINITY))


def allocations(*logs: Body, gaps: tuple[Body, ...] = ()) -> list[object]:
    built = mirror_of(*logs, gaps=gaps)
    found = ask("vm.memory_allocations", built, vm_of(built)).value.known  # type: ignore[attr-defined]
    return [item.body["hugePages"] if hasattr(item, "body") else shown(item) for item in found]


def test_the_last_start_in_each_log_counts() -> None:
    def started(*, huge: bool) -> Body:
        return {"event": "memory-allocated", "hugePages": huge}

    def log(file: str, *events: Body) -> Body:
        return guest("a", file, "messages-log", events=[*events])

    other: Body = {"event": "becoming-primary"}
    both = (log("messages.log", started(huge=False), started(huge=True), other), log("x.log", started(huge=False)))
    assert allocations(*both) == [True, False]
    assert allocations(log("messages.log", other)) == [Cause.GUEST]
    assert allocations() == [Cause.GUEST]
    assert allocations(both[1], gaps=(gap("a", "x.log", "events"),)) == [False]
    assert allocations(both[1], gaps=(gap("a", "x.log", "events[*]"),)) == [Cause.GUEST]
