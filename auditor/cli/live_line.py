"""One line on standard error that shows how far a command is; none where standard error is no terminal."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from typing import Final

_INTERVAL: Final = 0.1
"""Seconds between two texts."""


@contextlib.contextmanager
def open_line() -> Iterator[Callable[[str], None]]:
    """Yield a function that replaces the text of the line; the line is removed in the end."""
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield lambda _: None
        return
    shown = 0.0

    def show(text: str) -> None:
        nonlocal shown
        if time.monotonic() - shown >= _INTERVAL:
            shown = time.monotonic()
            _write(text[: shutil.get_terminal_size().columns - 1])

    try:
        yield show
    finally:
        _write("")


def _write(text: str) -> None:
    sys.stderr.write(f"\r{text}\x1b[K")
    sys.stderr.flush()
