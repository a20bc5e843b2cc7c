"""A limit of CPU time, which does not depend on the load of the computer."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def limit(seconds: float = 60.0) -> Iterator[None]:
    """Fail code that takes more CPU time of this process; with exponential cost it could run for hours."""

    def exceeded(_signal: int, _frame: FrameType | None) -> None:
        message = f"took more than {seconds:g} s of CPU time"
        raise AssertionError(message)

    former = signal.signal(signal.SIGPROF, exceeded)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, former)
