"""Processes that do the tasks of one command: this one, several on this computer, or those of a Dask cluster."""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

import msgspec

from auditor.errors import InputError

if TYPE_CHECKING:
    from concurrent.futures import Future
    from multiprocessing.context import BaseContext

    from distributed import Client

Given = TypeVar("Given")
Task = TypeVar("Task")
Result = TypeVar("Result")

_WAITING: Final = 2
"""Tasks that are submitted for each worker; more would keep the results of more in memory."""
_PIECES: Final = 16
"""Into how many tasks a large one is split on a cluster, whose size changes."""
_SECONDS: Final = 30
"""How long the scheduler of a cluster may take to answer."""


class Work(Generic[Given, Task, Result]):
    """What is done for each task: a function of a module, with what all tasks are given."""

    def __init__(self, function: Callable[[Given, Task], Result], given: Given, name: Callable[[Task], str]) -> None:
        """Set the function; `name` says for errors what a task is about."""
        self.function = function
        self.given = given
        self.name = name


class Workers(msgspec.Struct, frozen=True):
    """Who does the tasks."""

    processes: int = 1
    """Processes on this computer, 1 for this one alone; without meaning with a scheduler."""
    scheduler: str = ""
    """The address of the scheduler of a Dask cluster: `tls://HOST:PORT`, or `tcp://` with a loopback address."""

    @property
    def are_elsewhere(self) -> bool:
        """Return whether tasks are done in other processes."""
        return self.processes > 1 or bool(self.scheduler)

    @property
    def pieces(self) -> int:
        """Return into how many tasks is split what would be a large one."""
        return _PIECES if self.scheduler else self.processes


def results(work: Work[Given, Task, Result], tasks: Iterable[Task], workers: Workers) -> Iterator[Result]:
    """Yield the result of each task, in any order.

    Raises:
        InputError: a task raised it, a worker ended twice without the result of a task, or the scheduler cannot be
            reached.
    """
    if workers.scheduler:
        with _cluster(workers.scheduler) as client:
            yield from _on_cluster(work, tasks, client)
    elif workers.processes == 1:
        yield from (work.function(work.given, task) for task in tasks)
    else:
        yield from _on_this_computer(work, iter(tasks), workers.processes)


# --- processes on this computer ---------------------------------------------------------------------------------------


def _on_this_computer(work: Work[Given, Task, Result], left: Iterator[Task], processes: int) -> Iterator[Result]:
    while True:
        lost: list[Task] = []
        yield from _in_processes(work, left, processes, lost)
        if not lost:
            return
        # Whichever of them ended its worker does so again alone.
        for task in lost:
            again: list[Task] = []
            yield from _in_processes(work, iter((task,)), 1, again)
            if again:
                raise _lost(work, task)


def _lost(work: Work[Given, Task, Result], task: Task) -> InputError:
    return InputError(f"a worker ended twice without a result, perhaps for lack of memory: {work.name(task)}")


def _in_processes(
    work: Work[Given, Task, Result], left: Iterator[Task], workers: int, lost: list[Task]
) -> Iterator[Result]:
    """Yield the results of tasks until all are done, or a worker ends; then `lost` has those that were submitted."""
    # What starts processes takes a fifth of the time in which all else of a scan is imported.
    from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait  # noqa: PLC0415 - see above
    from concurrent.futures.process import BrokenProcessPool  # noqa: PLC0415 - see above

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


def _context() -> BaseContext:
    """Return how processes begin: as copies of this one where it has no other thread, which is quicker."""
    import multiprocessing  # noqa: PLC0415 - as of `_in_processes`
    import threading  # noqa: PLC0415 - as of `_in_processes`

    forks = sys.platform == "linux" and threading.active_count() == 1
    return multiprocessing.get_context("fork" if forks else "spawn")


_MINE: dict[str, Any] = {}
"""In a worker: the function, and what it is given."""


def _begin(function: Callable[[Any, Any], Any], given: object) -> None:
    _MINE.update(function=function, given=given)


def _do(task: object) -> Any:  # noqa: ANN401 - of any work
    return _MINE["function"](_MINE["given"], task)


# --- a Dask cluster ---------------------------------------------------------------------------------------------------

_LOOPBACK: Final = re.compile(r"tcp://(?:localhost|127(?:\.\d{1,3}){3}|\[::1\]):\d{1,5}")
_TLS: Final = re.compile(r"tls://[^/\s@]+:\d{1,5}")


def check_scheduler(address: str) -> str:
    """Return the address of a scheduler that may be given a snapshot.

    Raises:
        InputError: what it is sent would not be encrypted, or it is no address.
    """
    if _LOOPBACK.fullmatch(address) or _TLS.fullmatch(address):
        return address
    message = f"'{address}' is not tls://HOST:PORT, nor tcp:// with a loopback address: snapshots travel encrypted"
    raise InputError(message)


@contextlib.contextmanager
def _cluster(address: str) -> Iterator[Client]:
    """Return the client of a cluster; the certificates for tls:// are in Dask's own configuration."""
    try:
        from distributed import Client  # noqa: PLC0415 - an extra
    except ImportError:
        message = "--scheduler needs the extra `dask`: pip install 'auditor[dask]'"
        raise InputError(message) from None
    try:
        client = Client(check_scheduler(address), timeout=_SECONDS)  # type: ignore[no-untyped-call]
    except (OSError, TimeoutError, TypeError, ValueError) as error:
        message = f"the scheduler {address} cannot be reached: {error}"
        raise InputError(message) from None
    with client:
        yield client


def _on_cluster(work: Work[Given, Task, Result], tasks: Iterable[Task], client: Client) -> Iterator[Result]:
    """Yield the results of tasks; those that were lost with a worker are done again at the end, each alone.

    `Client.get_executor` would wait for such a result for ever.
    """
    from concurrent.futures import CancelledError  # noqa: PLC0415 - as of `_in_processes`

    from distributed import KilledWorker, as_completed  # noqa: PLC0415 - an extra

    # What all tasks are given is a task itself: data that is scattered is lost with the workers that have it.
    given = client.submit(_itself, (work.function, work.given), pure=False)
    pending: dict[object, Task] = {}
    futures = []
    for task in tasks:
        future = client.submit(_apply, given, task, pure=False)
        pending[future.key] = task
        futures.append(future)
    lost: list[Task] = []
    for future in as_completed(futures):  # type: ignore[no-untyped-call]
        task = pending.pop(future.key)
        try:
            result = future.result()
        except (KilledWorker, CancelledError):
            lost.append(task)
            continue
        future.release()
        yield result
    # Whichever of them ended its worker does so again alone.
    for task in lost:
        try:
            yield client.submit(_apply, given, task, pure=False).result()
        except (KilledWorker, CancelledError):
            raise _lost(work, task) from None


def _itself(given: Given) -> Given:
    return given


def _apply(given: tuple[Callable[[Any, Any], Any], object], task: object) -> Any:  # noqa: ANN401 - of any work
    return given[0](given[1], task)
