"""Workers: each task has its result in any process; a worker that ends is an error, never a missing result."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from auditor.errors import InputError
from auditor.workers import Work, Workers, check_scheduler, results

TASKS = range(12)


def double(given: Path, task: int) -> int:
    return task * int(given.name)


def ends_once(given: Path, task: int) -> int:
    """End the process of one task, the first time."""
    if task == 5 and not given.exists():
        given.touch()
        os._exit(1)
    return task


def ends(_: Path, task: int) -> int:
    """End the process of one task, each time."""
    if task == 5:
        os._exit(1)
    return task


def refuses(given: Path, task: int) -> int:
    if task == 5:
        message = "is wrong"
        raise InputError(message, str(given), 7)
    return task


@pytest.fixture(scope="module", params=["this process", "processes", "cluster"])
def workers(request: pytest.FixtureRequest) -> Workers:
    if request.param == "cluster":
        return Workers(scheduler=request.getfixturevalue("cluster"))
    return Workers(2 if request.param == "processes" else 1)


elsewhere = pytest.mark.parametrize("workers", ["processes", "cluster"], indirect=True)


@pytest.mark.slow
def test_each_task_has_one_result(workers: Workers) -> None:
    assert sorted(results(Work(double, Path("2"), str), TASKS, workers)) == [2 * task for task in TASKS]
    assert [*results(Work(double, Path("2"), str), (), workers)] == []


@pytest.mark.slow
def test_an_error_of_a_task_is_the_error(workers: Workers) -> None:
    with pytest.raises(InputError) as caught:
        list(results(Work(refuses, Path("part"), str), TASKS, workers))
    assert str(caught.value) == "part:7: is wrong"


@pytest.mark.slow
@elsewhere
def test_a_task_whose_worker_ended_is_repeated(workers: Workers, tmp_path: Path) -> None:
    assert sorted(results(Work(ends_once, tmp_path / "ended", str), TASKS, workers)) == [*TASKS]


@pytest.mark.slow
@elsewhere
def test_a_task_that_ends_its_worker_twice_is_an_error_that_names_it(workers: Workers) -> None:
    found = results(Work(ends, Path(), lambda task: f"task {task}"), TASKS, workers)
    with pytest.raises(InputError, match=r"a worker ended twice without a result, .*: task 5$"):
        list(found)


@pytest.mark.parametrize(
    "address", ["tcp://10.0.0.4:8786", "10.0.0.4:8786", "tcp://localhost.example:8786", "tls://u@h:1", "ws://h:1", ""]
)
def test_a_snapshot_is_not_sent_unencrypted(address: str) -> None:
    with pytest.raises(InputError, match="is not tls://HOST:PORT, nor tcp:// with a loopback address"):
        check_scheduler(address)


@pytest.mark.parametrize("address", ["tls://dask.example:8786", "tcp://127.0.0.1:8786", "tcp://[::1]:8786"])
def test_an_address_is_a_scheduler(address: str) -> None:
    assert check_scheduler(address) == address


@pytest.mark.slow
def test_a_scheduler_that_does_not_answer_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("auditor.workers._SECONDS", 1)
    for address in ("tcp://127.0.0.1:9", "tls://127.0.0.1:9"):
        with pytest.raises(InputError, match=f"the scheduler {address} cannot be reached: "):
            list(results(Work(double, Path("2"), str), TASKS, Workers(scheduler=address)))
