"""The end of the process, without freeing object by object what a scan has built: it takes a twentieth of the time."""

from __future__ import annotations

import atexit
import os
import sys

TYPE_CHECKING = False  # see `auditor.cli.arguments`
if TYPE_CHECKING:
    from typing import TypeVar

    _Value = TypeVar("_Value")

_held: list[object] = []


class _Plan:
    """Whether the process ends with the command."""

    at_once = False


def plan() -> None:
    """Hold from now on what commands have built, since the process ends after the command."""
    _Plan.at_once = True


def hold(value: _Value) -> _Value:
    """Return a value; a process that ends after the command holds it until then, else its last reader frees it."""
    if _Plan.at_once:
        _held.append(value)
    return value


def end(code: int) -> int:
    """End the process with an exit code, after what was to be done at its end and what was printed is out.

    Where another thread runs, something traces the process, or what was printed cannot be written, return the code:
    Python then ends the process in its usual way.
    """
    threading = sys.modules.get("threading")  # without it there is no other thread
    if (threading and threading.active_count() > 1) or sys.gettrace() or sys.getprofile():
        return code
    atexit._run_exitfuncs()  # noqa: SLF001 - what `os._exit` leaves out; there is no public function
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        return code
    os._exit(code)
