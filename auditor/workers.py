"""Processes that do the tasks of one command: this one, or several on this machine."""

from __future__ import annotations

import multiprocessing
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from typing import Any, Final, Generic, TypeVar

from auditor.errors import InputError

Given = TypeVar("Given")
Task = TypeVar("Task")
Result = TypeVar("Result")

_WAITING: Final = 2
"""Tasks that are submitted for each worker; more would keep the results of more in memory."""


class Work(Generic[Given, Task, Result]):
    """What is done for each task: a function of a module, with what all tasks are given."""

    def __init__(self, function: Callable[[Given, Task], Result], given: Given, name: Callable[[Task], str]) -> None:
        """Set the function; `name` says for errors what a task is about."""
        self.function = function
        self.given = given
        self.name = name


def results(work: Work[Given, Task, Result], tasks: Iterable[Task], workers: int) -> Iterator[Result]:
    """Yield the result of each task, in any order.

    Raises:
        InputError: a task raised it, or a worker ended twice without the result of a task.
    """
    if workers == 1:
        for task in tasks:
            yield work.function(work.given, task)
        return
    left = iter(tasks)
    while True:
        lost: list[Task] = []
        yield from _in_processes(work, left, workers, lost)
        if not lost:
            return
        # Whichever of them ended its worker does so again alone.
        for task in lost:
            again: list[Task] = []
            yield from _in_processes(work, iter((task,)), 1, again)
            if again:
                message = f"a worker ended twice without a result, perhaps for lack of memory: {work.name(task)}"
                raise InputError(message)


def _in_processes(
    work: Work[Given, Task, Result], left: Iterator[Task], workers: int, lost: list[Task]
) -> Iterator[Result]:
    """Yield the results of tasks until all are done, or a worker ends; then `lost` has those that were submitted."""
    pending: dict[Future[Result], Task] = {}
    with ProcessPoolExecutor(workers, _context(), initializer=_begin, initargs=(work.function, work.given)) as pool:
        try:
            while True:
                for task in islice(left, workers * _WAITING - len(pending)):
                    pending[pool.submit(_do, task)] = task
                if not pending:
                    return
                done, _ = wait(pending, return_when=FIRST_COMPLETED)
                for future in done:
                    result = future.result()
                    del pending[future]
                    yield result
        except BrokenProcessPool:
            lost += pending.values()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _context() -> multiprocessing.context.BaseContext:
    """Return how processes begin: as copies of this one where it has no other thread, which is quicker."""
    forks = sys.platform == "linux" and threading.active_count() == 1
    return multiprocessing.get_context("fork" if forks else "spawn")


_MINE: dict[str, Any] = {}
"""In a worker: the function, and what it is given."""


def _begin(function: Callable[[Any, Any], Any], given: object) -> None:
    _MINE.update(function=function, given=given)


def _do(task: object) -> Any:  # noqa: ANN401 - of any work
    return _MINE["function"](_MINE["given"], task)
