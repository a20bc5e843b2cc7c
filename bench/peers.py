"""What other tools take on the estates of the benchmark, in the same run as the auditor.

    python bench/peers.py [--write] [TOOL ...]

Each tool is installed by pip into a virtual environment of its own in `.venv-peers`, with what it needs in the versions
of `bench/locks/TOOL.lock`; what cannot be installed is named. `--write` replaces the part of docs/benchmark.md about
other tools. `make test` does not run it.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import estate
from processes import FINDINGS, ROOT, Command, alternated
from run import PAGE, PEERS

from auditor.azure.types.names import VM
from auditor.snapshot.model import Snapshot
from auditor.sources import snapshot_file

VENVS: Final = ROOT / ".venv-peers"
LOCKS: Final = ROOT / "bench" / "locks"
VMS: Final = 1_000
REPEAT: Final = 3

_UNIT: Final = "Microseconds a check and VM"
_TEMPLATE: Final = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"
_CHILD: Final = str(ROOT / "bench" / "children.py")
_INSTALL: Final = (
    *("-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--quiet"),
    *("--no-deps", "--require-hashes", "--no-build-isolation", "--requirement"),
)
_CHECKS: Final = str(ROOT / "bench" / "peer_checks.py")

ABOUT: Final = f"""\
{PEERS}

Written by `python bench/peers.py --write`: the same estate of {VMS:,} VMs for all, in one run. *Before* is what was
measured at commit f5481e0, with 71 rules of the auditor and 1,000 or 10,000 VMs; compare within a row only.
"""


class Row(NamedTuple):
    """One comparison."""

    what: str
    ours: str
    theirs: str
    before: str
    """The ratio that was measured earlier, theirs to ours."""


def main() -> None:
    """Install, measure, print, and write the page on request."""
    parser = argparse.ArgumentParser(description="what other tools take on the estates of the benchmark")
    parser.add_argument("tools", nargs="*", choices=[*_MEASURED, []], metavar="TOOL", help=", ".join(_MEASURED))
    parser.add_argument("--write", action="store_true", help="also write docs/benchmark.md")
    options = parser.parse_args()
    built = estate.build(VMS)
    rows: list[Row] = []
    missing: list[str] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for tool in options.tools or _MEASURED:
            try:
                rows += _MEASURED[tool](_installed(tool), built, folder)
            except SystemExit as error:  # the others are measured all the same
                missing.append(f"- {tool}: not measured: {error}.")
    text = "\n".join((ABOUT, *_table(rows), *("", *missing) * bool(missing))) + "\n"
    print(text, end="")
    if options.write:
        before = PAGE.read_text(encoding="utf-8").partition(PEERS)[0].rstrip("\n")
        PAGE.write_text(f"{before}\n\n{text}", encoding="utf-8")


def _installed(tool: str) -> str:
    """Return the Python of the virtual environment of a tool.

    Raises:
        SystemExit: it cannot be installed.
    """
    folder = VENVS / tool
    python = folder / "bin" / "python"
    ready = folder / ".ready"
    if not ready.exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        for name in ("build", tool):  # what is no wheel is built by the packages of build.lock
            lock = LOCKS / f"{name}.lock"
            if subprocess.run([str(python), *_INSTALL, str(lock)], check=False).returncode:
                raise SystemExit(f"{lock.relative_to(ROOT)} could not be installed")
        ready.touch()
    return str(python)


def _checkov(python: str, built: Snapshot, folder: Path) -> Iterator[Row]:
    """Yield the whole processes: an ARM template of the estate, and its snapshot."""
    template = folder / "template.json"
    template.write_text(json.dumps(_template_of(built), indent=1), encoding="utf-8")
    words = ("-f", str(template), "--framework", "arm", "--quiet", "--compact", "--skip-download", "--soft-fail")
    costs = alternated({"ours": _scan(built, folder), "theirs": _console(python, "checkov", words)}, REPEAT)
    ours, theirs = costs["ours"], costs["theirs"]
    what = "checkov 3.3.30, all checks of ARM templates; ours: all rules, to JSON. CPU seconds"
    yield Row(what, f"{ours.seconds:.2f}", f"{theirs.seconds:.1f}", _times(19.9, 0.97))
    yield Row("the same, peak memory in MB", f"{ours.memory / 1e6:.0f}", f"{theirs.memory / 1e6:.0f}", _times(596, 92))


def _c7n(python: str, built: Snapshot, folder: Path) -> Iterator[Row]:
    """Yield ten value filters on the plain JSON of VMs, and ten of our rules of VMs and disks."""
    ours, theirs = _microseconds("c7n", python, built, folder)
    what = (
        "c7n 0.9.53 and c7n_azure 0.7.52, ten value filters without joins or evidence; ours: ten rules of VMs and disks"
    )
    yield Row(f"{what}. {_UNIT}", ours, theirs, _times(8.0, 14.9))


def _prowler(python: str, built: Snapshot, folder: Path) -> Iterator[Row]:
    """Yield Prowler's own checks of VMs, and ten of our rules of VMs and disks."""
    ours, theirs = _microseconds("prowler", python, built, folder)
    what = "Prowler 5.46.0, its own checks of VMs on its own models; ours: ten rules of VMs and disks"
    yield Row(f"{what}. {_UNIT}", ours, theirs, _times(265, 14.9))


def _microseconds(tool: str, python: str, built: Snapshot, folder: Path) -> tuple[str, str]:
    """Return what one check of one VM takes: ours with joins to disks, NICs and sizes, theirs on a list of VMs."""
    vms = folder / "vms.json"
    vms.write_text(json.dumps([found.body for found in built.resources if found.type == VM]), encoding="utf-8")
    commands = {
        "ours": Command((_CHILD, "ten-rules", str(_snapshot(built, folder))), reports=True),
        "theirs": Command((_CHECKS, tool, str(vms)), reports=True, python=python),
    }
    costs = alternated(commands, REPEAT)
    return f"{costs['ours'].seconds:.1f}", f"{costs['theirs'].seconds:.1f}"


def _snapshot(built: Snapshot, folder: Path) -> Path:
    file = folder / "estate.jsonl"
    file.write_bytes(snapshot_file.encode(built))
    return file


def _scan(built: Snapshot, folder: Path) -> Command:
    words = ("-m", "auditor", "scan", "--snapshot", str(_snapshot(built, folder)), "-o", f"json={folder / 'out'}")
    return Command(words, FINDINGS)


def _console(python: str, name: str, words: Sequence[str]) -> Command:
    """Return the script of a tool as a process of its Python."""
    return Command((str(Path(python).with_name(name)), *words), python=python)


def _template_of(built: Snapshot) -> dict[str, Any]:
    """Return an estate as an ARM template."""
    kept = ("type", "name", "location", "sku", "zones", "tags", "properties")
    bodies = [found.body for found in built.resources if {"type", "name", "properties"} <= found.body.keys()]
    resources = [{"apiVersion": "2024-03-01", **{key: body[key] for key in kept if key in body}} for body in bodies]
    return {"$schema": _TEMPLATE, "contentVersion": "1.0.0.0", "resources": resources}


def _times(theirs: float, ours: float) -> str:
    return f"{theirs / ours:.1f} ({theirs:g} to {ours:g})"


def _table(rows: Sequence[Row]) -> list[str]:
    """Return the rows as Markdown."""
    head = ("| tool | ours | theirs | theirs to ours | before |", "| --- | --- | --- | --- | --- |")
    ratios = (f"{float(row.theirs) / float(row.ours):.1f}" for row in rows)
    cells = ((row.what, row.ours, row.theirs, found, row.before) for row, found in zip(rows, ratios, strict=True))
    return [*head, *(f"| {' | '.join(each)} |" for each in cells)]


_MEASURED: Final = {"checkov": _checkov, "c7n": _c7n, "prowler": _prowler}

if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        main()
