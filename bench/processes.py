"""Processes and what they cost: CPU time and peak memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).resolve().parents[1]
FINDINGS: Final = (0, 1, 3)
"""The exit codes of a scan that came to its end."""


class Cost(NamedTuple):
    """Cost of a process."""

    seconds: float
    """CPU time (user and system), or the part of it that the process reports."""
    memory: int
    """Peak, in bytes."""


class Command(NamedTuple):
    """A Python process."""

    arguments: Sequence[str]
    accept: Sequence[int] = (0,)
    """The exit codes of a process whose cost is a figure."""
    reports: bool = False
    """Whether it prints the seconds that count."""
    folder: Path = ROOT
    python: str = sys.executable


_START: Final = """
import json, os, sys
process = os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ)
_, status, usage = os.wait4(process, 0)
peak = usage.ru_maxrss if sys.platform == "darwin" else usage.ru_maxrss * 1024
found = os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime, peak
os.write(int(sys.argv[1]), json.dumps(found).encode())
"""
"""Starts a process and writes what it cost; Linux counts the memory of the one that starts another as its peak, too."""


def run(command: Command) -> Cost:
    """Run a process and return its cost."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    costs, writing = os.pipe()
    with os.fdopen(costs, "rb") as reading:
        started = subprocess.Popen(
            [sys.executable, "-I", "-c", _START, str(writing), command.python, *command.arguments],
            cwd=command.folder,
            env=environment,
            stdout=subprocess.PIPE,
            pass_fds=(writing,),
        )
        os.close(writing)
        printed, _ = started.communicate()
        code, seconds, peak = json.loads(reading.read())
    if code not in command.accept:
        raise SystemExit(f"no figure: {' '.join(command.arguments)} exited with {code}")
    return Cost(json.loads(printed) if command.reports else seconds, peak)


def best(command: Command, times: int) -> Cost:
    """Return the lowest cost of several runs."""
    return alternated({"": command}, times)[""]


def alternated(commands: Mapping[str, Command], times: int) -> dict[str, Cost]:
    """Return the lowest cost of each of several commands, which run one after the other, several times.

    What else the computer does then falls on all of them.
    """
    costs: dict[str, list[Cost]] = {name: [] for name in commands}
    for _ in range(times):
        for name, command in commands.items():
            costs[name].append(run(command))
    return {
        name: Cost(min(cost.seconds for cost in found), min(cost.memory for cost in found))
        for name, found in costs.items()
    }
