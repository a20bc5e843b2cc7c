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


def run(command: Command) -> Cost:
    """Run a process and return its cost."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    process = subprocess.Popen(
        [command.python, *command.arguments], cwd=command.folder, env=environment, stdout=subprocess.PIPE
    )
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    printed = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in command.accept:
        raise SystemExit(f"no figure: {' '.join(command.arguments)} exited with {process.returncode}")
    peak = usage.ru_maxrss if sys.platform == "darwin" else usage.ru_maxrss * 1024
    return Cost(json.loads(printed) if command.reports else usage.ru_utime + usage.ru_stime, peak)


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
