"""What files show of the state of a mirror: which files count, of which time, and the metrics in them."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.snapshot.known import Cause, PartialList, Unknown
from auditor.snapshot.model import Resource
from tests.estate import subscription as s
from tests.estate.subscription import Body
from tests.rules.facts.asking import ask, shown
from tests.rules.facts.guest import gap, guest, mirror_of

READY = "iris_mirror_failover_ready"


def status(vm: str = "a", file: str = "mirror-status.txt", **properties: Any) -> Body:
    return guest(vm, file, "mirror-status", **{"mirror": "M", "at": "11/01/2026 02:00:00", **properties})


def metrics(vm: str = "a", *values: tuple[str, Any]) -> Body:
    return guest(vm, "metrics.prom", "metrics", metrics=[{"name": name, "value": value} for name, value in values])


def states(*bodies: Body, fact: str = "mirror.states", gaps: tuple[Body, ...] = ()) -> list[object]:
    """Return the files that count, by VM and name, and the causes of unknown ones."""
    built = mirror_of(*bodies, gaps=gaps)
    found = PartialList.of(ask(fact, built, s.only(built).mirrors[0]).value)
    assert found.missing is None
    return [
        f"{each.id.split('/')[-3]} {each.name}" if isinstance(each, Resource) else shown(each) for each in found.known
    ]


def test_any_file_of_a_failover_member_counts() -> None:
    assert states(status(), metrics("b"), metrics("c")) == ["a mirror-status.txt", "b metrics.prom"]
    assert states(metrics("c"), fact="mirror.dr_states") == ["c metrics.prom"]
    assert states(status(), fact="mirror.dr_states") == []


def test_without_any_file_of_a_failover_member_it_is_unknown() -> None:
    built = mirror_of(metrics("c"))
    (unknown,) = PartialList.of(ask("mirror.states", built, s.only(built).mirrors[0]).value).known
    assert isinstance(unknown, Unknown)
    assert unknown.cause is Cause.GUEST
    assert "no mirror-status.txt or metrics.prom of a or b was supplied" in unknown.reason


def test_of_several_mirrors_on_a_vm_the_declared_one_counts() -> None:
    other = status(file="mirror-status-other.txt", mirror="OTHER")
    assert states(status(mirror="m"), other) == ["a mirror-status.txt"]
    assert states(other) == ["a mirror-status-other.txt"]


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({"at": "11/01/2026 16:00:00"}, "a mirror-status.txt"),
        ({"at": "10/28/2026 02:00:00"}, Cause.GUEST),
        ({"at": "11/04/2026 02:00:00"}, Cause.GUEST),
        ({"at": "31/31/2026 02:00:00"}, Cause.VALUE),
        ({"at": None}, Cause.VALUE),
        ({"takenAt": "2026-10-01T02:00:00Z"}, Cause.GUEST),
    ],
    ids=["another zone", "before", "after", "no date", "absent", "old"],
)
def test_a_status_of_another_time_is_unknown(properties: Body, expected: object) -> None:
    assert states(status(**properties)) == [expected]


def test_a_status_whose_time_was_not_read_is_unknown() -> None:
    hidden = gap("a", "mirror-status.txt", "at")
    assert states(status(at=None), gaps=(hidden,)) == [Cause.GUEST]


@pytest.mark.parametrize(
    ("values", "gaps", "expected"),
    [
        ([(READY, 1), ("iris_mirror_status", 3)], (), 1),
        ([(READY, 0)], (), 0),
        ([("iris_mirror_status", 3)], (), Cause.GUEST),
        ([(READY, 1), (READY, 1)], (), 1),
        ([(READY, 1), (READY, 0)], (), Cause.GUEST),
        ([(READY, "1")], (), Cause.VALUE),
        ([(READY, 1)], (gap("a", "metrics.prom", "metrics[*]"),), Cause.GUEST),
    ],
    ids=["ready", "not ready", "absent", "twice the same", "twice", "text", "a line that was not read"],
)
def test_a_metric_has_one_value(values: list[tuple[str, Any]], gaps: tuple[Body, ...], expected: object) -> None:
    built = mirror_of(metrics("a", *values), gaps=gaps)
    (file,) = PartialList.of(ask("mirror.states", built, s.only(built).mirrors[0]).value).of_type(Resource)
    assert shown(ask("metrics.failover_ready", built, file).value) == expected
