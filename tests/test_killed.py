"""A process that is killed at any step of writing: every file is the old one or the new one."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from auditor import files
from auditor.sources import snapshot_file

pytestmark = pytest.mark.slow

KILLED = """
import io, json, os, signal, sys

from auditor import files
from auditor.cli.main import main

left = 0

def count(_, event, function):
    global left
    if not event.startswith("c_"):
        return
    of_a_file = isinstance(function.__self__, io.BufferedWriter)
    of_system = function.__module__ in {"posix", "_io"} and function.__name__ in {"open", "fsync", "replace", "unlink"}
    if of_a_file or of_system:
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

def watched(method):
    def call(*arguments):
        sys.setprofile(count)
        method(*arguments)
        sys.setprofile(None)
    return call

main(["scan", "--demo", "-o", "markdown=/dev/null", "-o", "snapshot=/dev/null"])
files.NewFile.__init__ = watched(files.NewFile.__init__)
files.NewFile.publish = watched(files.NewFile.publish)
for line in sys.stdin:
    folder, left, arguments = json.loads(line)
    child = os.fork()
    if child == 0:
        os.chdir(folder)
        os._exit(main(arguments))
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
"""A program that runs the auditor and ends it at one step of writing files: before or after a call of `os` or a stream.

One process imports everything and runs once, then forks for each run, in the folder that it reads from standard input.
"""

SCAN = ("scan", "--demo", "-o", "markdown=new.md", "-o", "snapshot=old.jsonl.gz")
APPROVE = ("approve", "old.jsonl.gz", "--by", "operations", "--reason", "first")


Run = Callable[[Path, int, tuple[str, ...]], int]


@pytest.fixture
def run() -> Iterator[Run]:
    """Return a function that runs the auditor in a folder, kills it at a step (0: never), and returns its exit code."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, "-c", KILLED], env=environment, stdin=pipe, stdout=pipe, text=True
    ) as process:
        into, out = process.stdin, process.stdout
        assert into is not None
        assert out is not None

        def run(folder: Path, step: int, arguments: tuple[str, ...]) -> int:
            print(json.dumps([str(folder), step, arguments]), file=into, flush=True)
            return int(out.readline())

        yield run
        into.close()


def contents(folder: Path) -> dict[str, bytes]:
    """Return the content of the output files, without the times of approvals, which differ."""
    found = {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.startswith(".")}
    taken = snapshot_file.decode(files.read(folder / "old.jsonl.gz"), "old.jsonl.gz")
    approved = taken.approved and msgspec.structs.replace(taken.approved, at="")
    return {**found, "old.jsonl.gz": snapshot_file.encode(msgspec.structs.replace(taken, approved=approved))}


@pytest.mark.parametrize("arguments", [SCAN, APPROVE], ids=lambda arguments: arguments[0])
def test_killed_at_any_step_it_leaves_whole_files(run: Run, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    before, after = tmp_path / "before", tmp_path / "after"
    before.mkdir()
    assert run(before, 0, SCAN) == 1
    (before / "new.md").unlink()
    taken = snapshot_file.decode(files.read(before / "old.jsonl.gz"), "old.jsonl.gz")
    files.write(before / "old.jsonl.gz", snapshot_file.encode(msgspec.structs.replace(taken, taken_at="")))
    shutil.copytree(before, after)
    assert run(after, 0, arguments) in {0, 1}
    old, new = contents(before), contents(after)
    written = [name for name in new if new[name] != old.get(name)]
    seen = set()
    for step in itertools.count(1):
        folder = tmp_path / f"killed-{step}"
        shutil.copytree(before, folder)
        if run(folder, step, arguments) != -signal.SIGKILL:
            break
        found = contents(folder)
        assert found.keys() <= new.keys()
        for name in new:
            assert found.get(name) in {old.get(name), new[name]}, (step, name)
        seen.add(sum(found.get(name) == new[name] for name in written))
    assert seen == set(range(len(written) + 1)), "it was killed between any two files"
