"""Show that two checkouts of the product have the same results: `python tests/tools/equivalence.py BASE NEW`.

Both evaluate the same inputs through their command lines, each with its own virtual environment, and must agree on
every finding (rule, subject, deployment, outcome, severity, key, cause, evidence), gap, exemption, SARIF result and
fingerprint, drift state, changed property, snapshot record and exit code, and on their order. Prose is not compared
(`equivalence_evaluate.py` names its keys). The parts:

- fixtures: those of `fixtures/` and the demo, as ARM JSON files and as snapshots, declared and not; `discover`,
  `approve` and `permissions`;
- examples: the fixtures with the changes of the examples of all rules, each change once;
- estates: generated estates of 100 and 1,000 VMs, and one with gaps;
- live: fixtures and an estate that are read from the server of the base's tests;
- drift: changes against the approved fixtures and against each other, the demo, and an estate;
- old: reports, waivers, attestations and approved snapshots that were written for or by the base.

All are evaluated with both profiles, or with the one of the example. BASE must be commit f5481e0, whose own code writes
the inputs. They and the results of BASE are kept in the folder of `--work` for the next run. Intended differences are
listed in `equivalence.yaml` with the reason. The exit code is 1 where there are others.
"""

from __future__ import annotations

import argparse
import contextlib
import fnmatch
import gzip
import hashlib
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import yaml

HERE: Final = Path(__file__).resolve().parent
PARTS: Final = ("fixtures", "examples", "estates", "live", "drift", "old")
SHOWN: Final = 30
"""Differences of a part that are printed; all of them are in the file."""
ABSENT: Final = "(absent)"


class Result(NamedTuple):
    """The result of one part."""

    part: str
    cases: int
    findings: int
    differences: list[str]
    accepted: int
    seconds: tuple[float, float]
    """CPU time of the base, 0 where its results were kept, and of the new product."""


def main() -> int:
    """Compare, print a table, and return 1 where there are differences that are not accepted."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("base", type=Path, metavar="BASE", help="a checkout of f5481e0")
    parser.add_argument("new", type=Path, metavar="NEW", help="another checkout")
    parser.add_argument("--part", choices=PARTS, action="append", help="repeatable (default: all)")
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir(), "auditor-equivalence"), metavar="DIR")
    options = parser.parse_args()
    base, new = options.base.absolute(), options.new.absolute()
    work = prepared(base, options.work.absolute())
    outputs = work / f"results-{hashlib.sha256(str(new).encode()).hexdigest()[:8]}"
    outputs.mkdir(exist_ok=True)
    results = [compared(part, base, new, work, outputs) for part in options.part or PARTS]
    for result in results:
        listing = "".join(f"{line}\n" for line in result.differences)
        (outputs / f"{result.part}.differences.txt").write_text(listing, encoding="utf-8")
        for line in result.differences[:SHOWN]:
            print(line)
    print(f"{'part':10}{'cases':>8}{'findings':>10}{'differences':>13}{'accepted':>10}{'CPU base':>10}{'CPU new':>10}")
    for result in results:
        numbers = f"{result.cases:8,}{result.findings:10,}{len(result.differences):13,}{result.accepted:10,}"
        print(f"{result.part:10}{numbers}{result.seconds[0]:9.0f}s{result.seconds[1]:9.0f}s")
    print(f"all differences are listed in {outputs}/*.differences.txt")
    return 1 if any(result.differences for result in results) else 0


def prepared(base: Path, work: Path) -> Path:
    """Return the folder of the inputs; write it if there is none for this base and these scripts."""
    head = subprocess.run(["git", "-C", base, "rev-parse", "HEAD"], check=True, capture_output=True).stdout
    scripts = [path.read_bytes() for path in sorted(HERE.glob("equivalence_*.py"))]
    folder = work / hashlib.sha256(b"".join([head, *scripts])).hexdigest()[:12]
    if not folder.exists():
        print(f"writing the inputs into {folder}", flush=True)
        unfinished = folder.with_name(f"{folder.name}.{os.getpid()}")
        unfinished.mkdir(parents=True)
        started("equivalence_inputs.py", base, unfinished, str(base)).check_returncode()
        unfinished.rename(folder)
    return folder


def started(
    script: str, checkout: Path, work: Path, *arguments: str, **options: Any
) -> subprocess.CompletedProcess[str]:
    """Run a script of this folder with the Python of a checkout in the folder of the inputs."""
    return subprocess.run([python_of(checkout), HERE / script, *arguments], cwd=work, check=False, text=True, **options)


def python_of(checkout: Path) -> Path:
    """Return the Python of a checkout's virtual environment, preferably of the one for development.

    Raises:
        SystemExit: it has none.
    """
    for name in (".venv-dev", ".venv"):
        python = checkout / name / "bin" / "python"
        if python.exists():
            return python
    raise SystemExit(f"{checkout} has no .venv-dev and no .venv")


# --- evaluating -------------------------------------------------------------------------------------------------------


def compared(part: str, base: Path, new: Path, work: Path, outputs: Path) -> Result:
    """Evaluate a part with both and compare; the results of the base are kept with the inputs."""
    kept, fresh = work / f"{part}.jsonl.gz", outputs / f"{part}.jsonl.gz"
    before = 0.0 if kept.exists() else evaluate(part, base, base, work, kept)
    after = evaluate(part, new, base, work, fresh)
    accepted = [entry["difference"] for entry in yaml.safe_load((HERE / "equivalence.yaml").read_bytes())["accepted"]]
    cases, findings, found, meant = 0, 0, [], 0
    for one, other in lines(kept, fresh):
        cases += 1
        findings += one["findings"]
        for difference in differences(one, other):
            line = f"{part}: {one['case']}: {difference}"
            if any(fnmatch.fnmatch(line, pattern) for pattern in accepted):
                meant += 1
            else:
                found.append(line)
    return Result(part, cases, findings, found, meant, (before, after))


def evaluate(part: str, checkout: Path, base: Path, work: Path, output: Path) -> float:
    """Evaluate the cases of a part with one product; return the CPU seconds that it took."""
    unfinished = output.with_suffix(f".{os.getpid()}")
    with azure(part, base, work) as served:
        replaced = json.dumps({**served["urls"], "authority": served["authority"]})
        spent = resource.getrusage(resource.RUSAGE_CHILDREN)
        arguments = (str(checkout), str(work / f"{part}.cases.jsonl"), str(unfinished))
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AZURE_", "PYTHON"))}
        environment = {**kept, **served["environment"]}
        started(
            "equivalence_evaluate.py", checkout, work, *arguments, input=replaced, env=environment
        ).check_returncode()
        now = resource.getrusage(resource.RUSAGE_CHILDREN)
    unfinished.replace(output)
    return now.ru_utime + now.ru_stime - spent.ru_utime - spent.ru_stime


@contextlib.contextmanager
def azure(part: str, base: Path, work: Path) -> Iterator[dict[str, Any]]:
    """Start the server of the base's tests where a part reads from it; yield its addresses and credentials."""
    if part != "live":
        yield {"urls": {}, "authority": "", "environment": {}}
        return
    command = [python_of(base), HERE / "equivalence_azure.py", base]
    with subprocess.Popen(command, cwd=work, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        try:
            yield json.loads(server.stdout.readline())
        finally:
            server.stdin.close()


# --- comparing --------------------------------------------------------------------------------------------------------


def lines(kept: Path, fresh: Path) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Yield the cases of two files."""
    with gzip.open(kept, "rt", encoding="utf-8") as first, gzip.open(fresh, "rt", encoding="utf-8") as second:
        for one, other in zip(first, second, strict=True):
            base = json.loads(one)
            yield base, base if one == other else json.loads(other)


def differences(one: dict[str, Any], other: dict[str, Any]) -> Iterator[str]:
    """Yield the differences of a case; one that crashed or wrote nothing is a difference."""
    for name, side in (("base", one), ("new", other)):
        if "crash" in side:
            yield f"{name}: {side['crash'].splitlines()[-1]}"
        elif len(side["files"]) == 1:
            yield f"{name}: no output"
    if one is not other and not {"crash"} & {*one, *other}:
        yield from unlike(one["files"], other["files"], "")


def unlike(one: Any, other: Any, path: str) -> Iterator[str]:
    """Yield the differences of two values; of the order of identified items, only the first."""
    if isinstance(one, dict) and isinstance(other, dict):
        for name in sorted({*one, *other} - {"the order"}):
            yield from unlike(one.get(name, ABSENT), other.get(name, ABSENT), f"{path} > {name}" if path else name)
        moved = [
            pair for pair in zip(one.get("the order", ()), other.get("the order", ()), strict=False) if len({*pair}) > 1
        ]
        if moved and one.keys() == other.keys():
            yield f"{path}: another order from {moved[0][0]} -> {moved[0][1]} on"
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other) and folded(one) != folded(other):
        for index, (first, second) in enumerate(zip(one, other, strict=True)):
            yield from unlike(first, second, f"{path}[{index}]")
    elif one != other:
        only = "only case or order: " if folded(one) == folded(other) else ""
        yield f"{path}: {only}{brief(one)} -> {brief(other)}"


def folded(value: Any) -> Any:
    """Return a text, or the texts of a list in any order, without their case."""
    if isinstance(value, list):
        return sorted(map(str.casefold, map(str, value)))
    return value.casefold() if isinstance(value, str) else value


def brief(value: Any) -> str:
    """Return a value on one line, truncated if long."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 200 else f"{text[:197]}..."


if __name__ == "__main__":
    sys.exit(main())
