"""Plant small faults in the product, one at a time, and check that its tests find each.

`planted_faults.yaml` lists them: the text to be replaced, which occurs once in its file, and the tests that find the
fault. The files of the checkout are copied to a temporary folder, where the tests of all faults must pass first.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec

ROOT: Final = Path(__file__).resolve().parents[2]
LIST: Final = Path(__file__).with_suffix(".yaml")


class Fault(msgspec.Struct, forbid_unknown_fields=True):
    """A fault and the tests that find it."""

    id: str
    area: str
    fault: str
    file: str
    find: str
    replace: str
    tests: list[str]
    """Arguments of pytest."""


class Faults(msgspec.Struct, forbid_unknown_fields=True):
    """The file of the faults."""

    faults: list[Fault]


def main() -> int:
    """Plant each fault, print the test that finds it, and return 1 where one is not found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ids", nargs="*", metavar="ID", help="faults to be planted (default: all)")
    parser.add_argument("--checkout", type=Path, default=ROOT, metavar="DIR", help="(default: this one)")
    parser.add_argument(
        "--list", type=Path, default=LIST, metavar="FILE", help="the faults (default: those beside this)"
    )
    options = parser.parse_args()
    faults = msgspec.yaml.decode(options.list.read_bytes(), type=Faults).faults
    chosen = [fault for fault in faults if fault.id in options.ids or not options.ids]
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, "checkout")
        copied(options.checkout, copy)
        run = Runner(copy)
        passed, said = run.tests(sorted({test for fault in chosen for test in fault.tests}), writes_bytecode=True)
        if not passed:
            print(said)
            raise SystemExit("the tests fail without any fault")
        missed = [fault.id for fault in chosen if not found(fault, copy, run)]
    print(f"{len(chosen) - len(missed)} of {len(chosen)} faults found, {run.seconds:.0f} CPU seconds")
    return 1 if missed else 0


def copied(checkout: Path, copy: Path) -> None:
    """Copy the files of a checkout that git tracks or would add."""
    command = ["git", "-C", str(checkout), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\0"):
        source = checkout / name
        if name and source.is_file():
            target = copy / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes())
            target.chmod(source.stat().st_mode)


def found(fault: Fault, copy: Path, run: Runner) -> bool:
    """Plant a fault, return whether its tests fail, and remove it."""
    path = copy / fault.file
    text = path.read_text(encoding="utf-8")
    if text.count(fault.find) != 1:
        raise SystemExit(f"{fault.id}: {fault.find!r} occurs {text.count(fault.find)} times in {fault.file}, not once")
    path.write_text(text.replace(fault.find, fault.replace), encoding="utf-8")
    passed, said = run.tests(fault.tests)
    path.write_text(text, encoding="utf-8")
    by = "NOT FOUND" if passed else next(iter(failed(said)), said[-300:])
    print(f"{fault.id:4}{fault.area:11}{fault.fault:90} {by}", flush=True)
    return not passed


def failed(said: str) -> Iterable[str]:
    """Return the tests that pytest names as failed."""
    return [line.split(" - ")[0].removeprefix("FAILED ") for line in said.splitlines() if line.startswith("FAILED ")]


class Runner:
    """Runs tests of a copy with the Python of this script."""

    def __init__(self, copy: Path) -> None:
        self._command = [sys.executable, "-m", "pytest", "-q", "-x", "--tb=line", "-p", "no:cacheprovider"]
        self._copy = copy

    @property
    def seconds(self) -> float:
        """The CPU seconds that all runs took."""
        spent = resource.getrusage(resource.RUSAGE_CHILDREN)
        return spent.ru_utime + spent.ru_stime

    def tests(self, tests: list[str], *, writes_bytecode: bool = False) -> tuple[bool, str]:
        """Return whether tests pass, and the output of pytest.

        Only the first run writes bytecode: Python does not notice that a file changed twice within a second.

        Raises:
            SystemExit: no test ran.
        """
        environment = {**os.environ, "PYTHONPATH": str(self._copy)}
        if not writes_bytecode:
            environment["PYTHONDONTWRITEBYTECODE"] = "1"
        done = subprocess.run(
            [*self._command, *tests], cwd=self._copy, env=environment, check=False, capture_output=True, text=True
        )
        if done.returncode not in {0, 1}:
            raise SystemExit(f"pytest ended with {done.returncode}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
        return done.returncode == 0, done.stdout


if __name__ == "__main__":
    sys.exit(main())
