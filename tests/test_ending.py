"""The process that ends at once leaves out nothing that it would do at its usual end."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
RUN = """
import atexit, sys, threading
from auditor import __main__
atexit.register(print, "at the end")
{before}
code = __main__.run()
print("Python goes on with", code)
"""


def ended(before: str = "", out: int = subprocess.PIPE) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", RUN.format(before=before), "completion", "bash"]
    # The measurement of coverage would trace the process.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    return subprocess.run(
        command, cwd=ROOT, check=False, stdout=out, stderr=subprocess.PIPE, text=True, env=environment
    )


def test_what_is_registered_for_the_end_is_done_and_all_is_printed() -> None:
    process = ended("print('first', end='')")
    assert (process.returncode, process.stderr) == (0, "")
    assert process.stdout.startswith("first")
    assert process.stdout.endswith("\nat the end\n")
    assert "Python goes on" not in process.stdout


@pytest.mark.parametrize(
    "before",
    [
        "sys.setprofile(lambda *_: None)",
        "sys.settrace(lambda *_: None)",
        "threading.Thread(target=threading.Event().wait, args=(1,), daemon=True).start()",
    ],
)
def test_python_ends_what_is_traced_or_has_threads(before: str) -> None:
    process = ended(before)
    assert process.returncode == 0
    assert process.stdout.endswith("\nPython goes on with 0\nat the end\n")


def test_a_reader_that_has_gone_is_no_error() -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        process = ended(out=write)
    finally:
        os.close(write)
    assert (process.returncode, process.stderr) == (0, "")
