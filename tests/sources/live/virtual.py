"""Event loops with simulated time, so that hours of waiting take no time."""

from __future__ import annotations

import asyncio
import selectors
import time
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Self, TypeVar

import pytest

T = TypeVar("T")

TICK = 1e-8
"""Seconds that each turn of the loop takes."""


class _Skipping(selectors.DefaultSelector):
    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        assert timeout is not None, "all tasks wait for ever"
        self.now += max(TICK, timeout)  # without a tick, rounding of floats could stop the clock
        return super().select(0)


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._skipping = _Skipping()
        super().__init__(self._skipping)

    def time(self) -> float:
        return self._skipping.now


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Return the result of a coroutine that waits for nothing but time; waits end at once."""
    with asyncio.Runner(loop_factory=_Loop) as runner:
        return runner.run(coroutine)


class Clock:
    """The clock of every event loop while it is entered; tasks that wait for a time wake when it is put forward.

    Enter it before a server starts: the loop of the server has it too.
    """

    def __init__(self) -> None:
        self._ahead = 0.0
        self._loops: set[asyncio.AbstractEventLoop] = set()
        self._patch = pytest.MonkeyPatch()

    def __enter__(self) -> Self:
        def now(loop: asyncio.AbstractEventLoop) -> float:
            self._loops.add(loop)
            return time.monotonic() + self._ahead

        self._patch.setattr(asyncio.BaseEventLoop, "time", now)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._patch.undo()

    def forward(self, seconds: float) -> None:
        """Put the clock forward by some seconds; any thread may do so."""
        self._ahead += seconds
        for loop in tuple(self._loops):
            if loop.is_running():
                loop.call_soon_threadsafe(lambda: None)
