"""Cost of a scan, as ratios to lower bounds measured in the same run, which hardly depend on the computer.

    python bench/run.py [short|full] [--write]

Each figure is the CPU time (user and system) or the peak memory of separate processes, the best of several; what is
compared runs alternately. The script prints each figure with its limit, and exits with 0 whether the limits are met or
not: a busy computer must not break a build. `--write` also writes docs/benchmark.md.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import estate
import worst_cases
from children import RULES_OF
from processes import FINDINGS, ROOT, Command, Cost, alternated, best, run

from auditor import bundled
from auditor.azure import arm
from auditor.azure.types.names import VM
from auditor.report.formats import FORMATS
from auditor.rules import packs
from auditor.snapshot.model import Snapshot
from auditor.sources import snapshot_file
from auditor.sources.live.throttling import LIMITS, MOST_CONNECTIONS

PAGE: Final = ROOT / "docs" / "benchmark.md"
PEERS: Final = "## Other tools"
"""The heading of the part of the page that `bench/peers.py` writes."""
SIZES: Final = {"short": (1_000,), "full": (1_000, 10_000)}
LARGE: Final = 10_000
"""The number of VMs from which a scan takes half a minute: it is run less often, and its memory has a limit."""
FORMER: Final = "f5481e0"
"""The commit with which the cost is compared."""
FORMER_RULES: Final = 71

REPEAT: Final = 3
REPEAT_QUICK: Final = 10
"""Number of runs of what takes milliseconds."""
NIGHTS: Final = 365
LATENCY: Final = 0.05
"""Seconds that a call takes in the runs that are checked against Azure's limits."""
SMALL_SUBSCRIPTION: Final = 100
"""VMs of each subscription where there are many of these."""
WAIVERS: Final = (1_000, 10_000)
CHANGED: Final = 0.05

_AUDITOR: Final = ("-m", "auditor")
_CHILD: Final = str(ROOT / "bench" / "children.py")

_LIMITS: Final = {"sarif": 1.5, "oscal": 1.5, "html": 1.5}
"""The limits of formats in times of JSON; that of the others is 1.2."""
_MEMORY: Final = 6.0
"""The limit of the peak memory in times of the snapshot's bytes."""
_SMALL: Final = 50e6
"""The size of snapshots, in bytes, to which that limit does not apply."""


class Line(NamedTuple):
    """One row of the table."""

    what: str
    measured: float | None
    """None for what cannot be measured here, of which `why` says why."""
    limit: float | None = None
    seconds: float = 0
    """What was measured, in seconds or bytes."""
    base: float = 0
    """What it is compared with."""
    why: str = ""
    """Why the limit is missed, if it is."""

    @property
    def is_missed(self) -> bool:
        """Return whether the limit is missed."""
        return self.measured is not None and self.limit is not None and self.measured > self.limit

    @property
    def state(self) -> str:
        """Return whether the limit is met, or by how much it is missed."""
        if self.measured is None:
            return f"not measured: {self.why}"
        if self.limit is None:
            return ""
        if not self.is_missed:
            return "met"
        return f"missed {self.measured / self.limit:.2f} times over" if self.limit else "missed"


def ratio(what: str, measured: float, base: float, limit: float | None = None, why: str = "") -> Line:
    """Return a row of one cost in times of another."""
    return Line(what, measured / base, limit, measured, base, why)


def child(name: str, *arguments: str | Path, times: int = REPEAT) -> float:
    """Return the lowest number of seconds that a function of `bench/children.py` reports."""
    return best(_child(name, *arguments), times).seconds


def _child(name: str, *arguments: str | Path) -> Command:
    return Command((_CHILD, name, *map(str, arguments)), reports=True)


def scan(file: Path, *more: str | Path, output: str = "") -> Command:
    """Return a scan of a snapshot."""
    outputs = ("-o", output) if output else ()
    return Command((*_AUDITOR, "scan", "--snapshot", str(file), *map(str, more), *outputs), FINDINGS)


# --- what is written about the figures --------------------------------------------------------------------------------

_WHY_HELP: Final = (
    "What every command line in Python needs, `python -m` and argparse with the text of a help, takes 2.4 of it."
)
_WHY_DEMO: Final = (
    "Imports take 45 % of it, those of msgspec, PyYAML, RE2 and argparse alone 16 %; reading the 155 rules as YAML "
    "without their examples, and compiling their conditions, 21 %; evaluating them 19 %; reading the resources and the "
    "files from inside VMs 9 %; every single loss of both deployments 1 %."
)
_WHY_OWN: Final = "The schemas of the files, which bundled files need not, are compiled and checked by jsonschema."
_WHY_EVALUATING: Final = (
    "The decoder, in C, builds a whole property in the time of one function call in Python. Conditions that pass are "
    "evaluated without evidence unless a format shows it, each fact of a VM is computed once, and the reference graph "
    "is followed only from the VMs of deployments; the rest are the conditions and facts themselves."
)
_WHY_READING: Final = (
    "Besides decoding, it verifies the file by its SHA-256 and computes the key and type of each id. It goes through "
    "all values in Python, which alone takes twice as long as decoding, to find secrets and to keep equal texts once."
)
_WHY_COLLECTING: Final = "Every answer is decoded, searched for secrets and kept; the lower bound discards it."
_WHY_WALL: Final = (
    "The reader and the server of the tests take two milliseconds of CPU time a call, on the cores of this computer."
)
_WHY_LOSSES: Final = (
    "Most of it is what a lost network or zone does to VMs of which Azure does not show the zone: each way in which "
    "they can stand is played. A third is what losses are played on, which a scan shares with the rules."
)
_WHY_MEMORY: Final = (
    "The decoded resources take 2.4 times the bytes of the snapshot; findings, facts and what was looked up for them "
    "2.3 times. SARIF and OSCAL need the evidence of each pass, 1.2 times more; OSCAL keeps the ids of them too."
)
_WHY_FORMATS: Final = (
    "It lists every pass, and SARIF and OSCAL have the evidence of each: a third more for evaluating, and the rest for "
    "objects of `sarif_om` or of OSCAL, one at a time. JSON has the number of passes."
)
_WHY_PREVIOUS: Final = "It looks up again what was read for each finding, or writes that beside the report."
_WHY_DRIFT: Final = (
    "The current snapshot is evaluated with the evidence of every pass, of which states are made, and with a log of "
    "what is read. Both snapshots are read and compared, and of the approved one what moved is evaluated too."
)
_WHY_GROWTH: Final = "A rule or fact reads the whole estate for each of its subjects."
_WHY_FORMER: Final = (
    "Of today's scan with the same rules, evaluating takes two fifths; every single loss of each deployment, which was "
    "not played then, a sixth; reading with the search for secrets an eighth; the deployment file, remedies and "
    "pictures a sixth."
)

_ABOUT: Final = """\
# Cost of a scan

Measured by `make bench`, which prints this table, and written by `python bench/run.py full --write`. Each figure is a
ratio of CPU times (user and system, the best of several, alternately), or of bytes, to something measured in the same
run: `msgspec.json` decoding the same bytes, Python without a program, another format, or an earlier version.
"""
_HOW: Final = f"""
The estates are generated by `bench/estate.py`: seven VMs in ten belong to deployments of 14 VMs, the others to none.
Two deployments in three are declared by name, the others by tags. Evaluating begins with what was read and includes
joining it; between reading and rendering are also the deployment file, the YAML of the rules, exemptions, every single
loss, remedies and pictures. Single losses are measured by themselves, with all that they need. The lower bound is
msgspec without the garbage collector, which `auditor` pauses too. Formats, drift, waivers and `--previous` are whole
processes that write a file. `{FORMER}` runs on the estates of its own generator, with the packages of today; its 71
rules are the ones whose ids are in its folder of rules. With more rules, its limits grow in proportion to their number.
Collecting is done over https from the server of the tests in a separate process, with the real SDK; its lower bound
fetches the same addresses by aiohttp alone. The reports of a year are of the demo; a quarter of its fails come and go.
The worst cases are those of `bench/worst_cases.py`, each with the number that stands there and with the double of it.
"""


# --- the table --------------------------------------------------------------------------------------------------------


def measure(sizes: Sequence[int], folder: Path) -> Iterator[Line]:
    """Yield the rows of the table."""
    run(Command((*_AUDITOR, "scan", "--demo"), FINDINGS))  # writes the bytecode
    yield from starts(folder)
    scans: dict[int, tuple[int, float]] = {}
    for size in sizes:
        built = estate.build(size)
        data = snapshot_file.encode(built)
        file = folder / f"{size}.jsonl"
        file.write_bytes(data)
        of = f"{size:,} VMs"
        name = f"{of} ({len(built.resources):,} resources, {len(data) / 1e6:.0f} MB)"
        times = 2 if size >= LARGE or len(sizes) == 1 else REPEAT
        once = size >= LARGE or len(sizes) == 1
        parts = {
            each: child(each, file, times=times)
            for each in ("floor", "reading", "evaluating", "scanning", "foreseeing")
        }
        scans[size] = len(built.resources), parts["scanning"]
        yield from phases(name, parts)
        yield from formats(of, file, 1 if once else REPEAT)
        yield from repeated(of, built, file, folder, 1 if once else REPEAT)
        yield from former(size, folder, times)
    yield from history(folder)
    yield html(folder)
    for size in sizes:
        yield from live(size, folder)
    if len(scans) > 1:
        (few, quick), (many, slow) = scans[min(scans)], scans[max(scans)]
        growth = (slow / quick) / (many / few)
        what = f"growth of a scan to that of resources, {min(scans):,} to {max(scans):,}"
        yield Line(what, growth, 1.25, slow, quick, _WHY_GROWTH)
        yield from worst()


def starts(folder: Path) -> Iterator[Line]:
    """Yield the rows of what takes milliseconds."""
    own = folder / "own"
    own.mkdir()
    for source in (bundled.DEMO / bundled.INVENTORY, bundled.DEMO / bundled.DEPLOYMENT):
        shutil.copy(source, own)
    of_user = scan(own / bundled.INVENTORY, "--deployment", own / bundled.DEPLOYMENT)
    commands = {
        "bare": Command(("-c", "pass")),
        "help": Command((*_AUDITOR, "--help")),
        "demo": Command((*_AUDITOR, "scan", "--demo"), FINDINGS),
        "own": of_user,
        "foresee": Command((*_AUDITOR, "foresee", "--demo"), FINDINGS),
    }
    costs = {name: cost.seconds for name, cost in alternated(commands, REPEAT_QUICK).items()}
    bare = costs["bare"]
    yield ratio("`auditor --help`, to `python -c pass`", costs["help"], bare, 3, _WHY_HELP)
    yield ratio("`auditor scan --demo`, to `python -c pass`", costs["demo"], bare, 10, _WHY_DEMO)
    yield ratio("the same files as a user's own, to the demo", costs["own"], costs["demo"], 1.5, _WHY_OWN)
    yield ratio("`auditor foresee --demo`, to `auditor scan --demo`", costs["foresee"], costs["demo"], 2)


def phases(of: str, parts: Mapping[str, float]) -> Iterator[Line]:
    """Yield the rows of reading, evaluating and losses."""
    base, between = parts["floor"], parts["scanning"] - parts["reading"]
    rules = _rules()
    limit = 14 * rules / FORMER_RULES
    yield ratio(f"{of}: reading, to `msgspec.json`", parts["reading"], base, 3, _WHY_READING)
    what = f"{of}: evaluating {rules} rules, to `msgspec.json`"
    yield ratio(what, parts["evaluating"], base, limit, _WHY_EVALUATING)
    yield ratio(f"{of}: all between reading and rendering, to `msgspec.json`", between, base)
    what = f"{of}: all single losses, in percent of that"
    yield Line(what, 100 * parts["foreseeing"] / between, 10, parts["foreseeing"], between, _WHY_LOSSES)


def _rules() -> int:
    """Return the number of rules."""
    return len(packs.rule_paths(bundled.PACK))


def formats(of: str, file: Path, times: int) -> Iterator[Line]:
    """Yield the rows of every output format; JSON is written before and after the others."""
    size = file.stat().st_size
    output = file.with_suffix(".out")
    commands = {name: scan(file, output=f"{name}={output}") for name in ("json", *FORMATS)}
    costs = alternated(commands, times)
    again, before = run(commands["json"]), costs["json"]
    costs["json"] = Cost(min(before.seconds, again.seconds), min(before.memory, again.memory))
    base = costs["json"].seconds
    for name, cost in costs.items():
        limit = _LIMITS.get(name, 1.2)
        if name != "json":
            yield ratio(f"{of}: scan to {name}, to JSON", cost.seconds, base, limit, _WHY_FORMATS)
        memory = f"{of}: peak memory of a scan to {name}, to the snapshot's bytes"
        yield ratio(memory, cost.memory, size, _memory_limit(size), _WHY_MEMORY)


def _memory_limit(size: int) -> float | None:
    """Return the limit of the peak memory in times of the size of what is read; a small file needs less than Python."""
    return _MEMORY if size > _SMALL else None


def repeated(of: str, built: Snapshot, file: Path, folder: Path, times: int) -> Iterator[Line]:
    """Yield the rows of what is done night after night: drift, the previous report, waivers, foresight."""
    later, report, output = folder / "later.jsonl", folder / "report.json", folder / "night.out"
    later.write_bytes(snapshot_file.encode(estate.changed(built, CHANGED)))
    run(scan(file, output=f"json={report}"))
    approved = file.with_suffix(".approved.jsonl")
    words = ("--by", "bench", "--reason", "measured", "-o", f"snapshot={approved}")
    run(Command((*_AUDITOR, "approve", str(file), *words)))
    to_json = f"json={output}"
    commands = {
        "scan": scan(later, output=to_json),
        "drift": Command((*_AUDITOR, "drift", str(approved), str(later), "-o", to_json), FINDINGS),
        "previous": scan(later, "--previous", report, output=to_json),
        "foresee": Command((*_AUDITOR, "foresee", "--snapshot", str(file), "-o", to_json), FINDINGS),
    }
    vms = [found.id for found in built.resources if found.type == VM]
    for count in (count for count in WAIVERS if count <= len(vms)):
        waivers = folder / f"waivers-{count}.yaml"
        waivers.write_text(_waivers(vms[:count]), encoding="utf-8")
        commands[f"{count:,} waivers"] = scan(later, "--waivers", waivers, output=to_json)
    costs = alternated(commands, times)
    base = costs.pop("scan").seconds
    limits = {"drift": 1.4, "previous": 1.3, "foresee": 1.0}
    names = {
        "drift": f"drift, {CHANGED:.0%} of the resources changed",
        "previous": "scan with `--previous`",
        "foresee": "foresee every single loss",
    }
    why = {"drift": _WHY_DRIFT, "previous": _WHY_PREVIOUS}
    for name, cost in costs.items():
        what = f"{of}: {names.get(name, f'scan with {name}')}, to a scan"
        yield ratio(what, cost.seconds, base, limits.get(name, 1.3), why.get(name, ""))
        if name == "drift":
            what = f"{of}: peak memory of drift, to the bytes of both snapshots"
            size = file.stat().st_size + later.stat().st_size
            yield ratio(what, cost.memory, size, _memory_limit(size), _WHY_MEMORY)


def _waivers(vms: Sequence[str]) -> str:
    """Return a file of one waiver a VM."""
    rest = "category: Waiver, reason: r, approvedBy: a, grantedOn: 2026-10-01, expiresOn: 2027-01-01"
    lines = [f"  - {{rule: CMP001, scope: '{vm}', {rest}}}" for vm in vms]
    return "\n".join(("format: auditor.waivers/1", "waivers:", *lines)) + "\n"


def former(vms: int, folder: Path, times: int) -> Iterator[Line]:
    """Yield the rows of the comparison with an earlier version, on an estate that it generates."""
    what = f"{vms:,} VMs: scan to JSON, to {FORMER}"
    checkout = folder / FORMER
    if not checkout.is_dir() and not _checked_out(checkout):
        yield Line(what, None, why="no history")
        return
    file = folder / f"{FORMER}-{vms}.jsonl"
    script = (
        f"import estate, sys; from auditor import snapshot; from pathlib import Path; "
        f"Path(sys.argv[1]).write_bytes(snapshot.encode(estate.build({vms})))"
    )
    paths = f"import sys; sys.path[:0] = [{str(checkout)!r}, {str(checkout / 'bench')!r}]; "
    run(Command(("-c", paths + script, str(file)), folder=checkout))
    output = folder / "former.out"
    os.environ[RULES_OF] = str(checkout / "rules" / "intersystems-azure")
    arguments = ("scan", "--snapshot", str(file), "-o", f"json={output}")
    commands = {
        "former": Command((*_AUDITOR, *arguments), FINDINGS, folder=checkout),
        "same rules": Command((_CHILD, "former-rules", *arguments), FINDINGS),
        "all rules": Command((*_AUDITOR, *arguments), FINDINGS),
    }
    run(commands["former"])  # writes the bytecode
    costs = {name: cost.seconds for name, cost in alternated(commands, times).items()}
    base = costs["former"]
    yield ratio(f"{what}, its {FORMER_RULES} rules", costs["same rules"], base, 0.65, _WHY_FORMER)
    limit = 0.65 * _rules() / FORMER_RULES
    yield ratio(f"{what}, all {_rules()} rules", costs["all rules"], base, limit, _WHY_FORMER)


def _checked_out(folder: Path) -> bool:
    """Put the files of the earlier commit into a folder; return whether the history has it."""
    archive = subprocess.run(["git", "archive", FORMER], cwd=ROOT, capture_output=True, check=False)  # noqa: S607
    if archive.returncode:
        return False
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
        files.extractall(folder, filter="data")
    return True


def worst() -> Iterator[Line]:
    """Yield the growth of each worst case when it is doubled."""
    for name, case in worst_cases.CASES.items():
        single, double = (_child("worst-case", name, str(size)) for size in (case.size, 2 * case.size))
        costs = alternated({"single": single, "double": double}, 2)
        what = f"{case.size:,} {name}: growth if doubled"
        yield ratio(what, costs["double"].seconds, costs["single"].seconds, 2.3, _WHY_GROWTH)


def history(folder: Path) -> Iterator[Line]:
    """Yield the rows of a year of nights of the demo, in which a quarter of the fails come and go."""
    nights = folder / "nights"
    nights.mkdir()
    run(Command((*_AUDITOR, "scan", "--demo", "-o", f"json={folder / 'demo.json'}"), FINDINGS))
    report = json.loads((folder / "demo.json").read_bytes())
    findings = report["findings"]
    for night in range(NIGHTS):
        report["takenAt"] = (dt.datetime(2026, 1, 1, 2, tzinfo=dt.UTC) + dt.timedelta(days=night)).isoformat()
        report["findings"] = [finding for place, finding in enumerate(findings) if place % 4 or (night + place) % 7]
        (nights / f"{night:03}.json").write_text(json.dumps(report), encoding="utf-8")
    size = sum(path.stat().st_size for path in nights.iterdir())
    of = f"{NIGHTS} reports ({size / 1e6:.0f} MB)"
    base, first, again = (child(name, nights) for name in ("decoding", "indexing", "trend"))
    yield ratio(f"{of}: trend without an index, to `msgspec.json`", first, base, 5)
    yield ratio(f"{of}: trend by the index, to `msgspec.json`", again, base, 1)


def html(folder: Path) -> Line:
    """Return the row of the HTML page of a report with 300 findings, from which the same report is written as JSON."""
    report = json.loads((folder / "demo.json").read_bytes())
    report["findings"] = [report["findings"][n % len(report["findings"])] for n in range(300)]
    kept = folder / "kept.json"
    kept.write_text(json.dumps(report), encoding="utf-8")
    page = kept.with_suffix(".out")
    commands = {name: Command((*_AUDITOR, "report", str(kept), "-o", f"{name}={page}")) for name in ("html", "json")}
    costs = alternated(commands, REPEAT)
    what = "300 findings: `auditor report -o html`, to `-o json`"
    return ratio(what, costs["html"].seconds, costs["json"].seconds, 4)


@contextlib.contextmanager
def served(vms: int, per_subscription: int, latency: float, folder: Path) -> Iterator[Path]:
    """Serve an estate; yield the file with the address and credentials."""
    command = [sys.executable, str(ROOT / "bench" / "server.py"), *map(str, (vms, per_subscription, latency))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None  # noqa: S101 - it is a pipe
        file = folder / f"azure-{vms}.json"
        file.write_bytes(server.stdout.readline())
        yield file
        server.communicate()


def live(vms: int, folder: Path) -> Iterator[Line]:
    """Yield the rows of reading from Azure."""
    of = f"{vms:,} VMs"
    with served(vms, estate.PER_SUBSCRIPTION, 0, folder) as file:
        taken, base = (child(name, file, times=2) for name in ("collecting", "fetching"))
        yield ratio(f"{of}: collecting, to fetching the same bytes", taken, base, 8, _WHY_COLLECTING)
    if vms == max(SIZES["full"]):
        at = f"at {LATENCY * 1000:.0f} ms a call"
        with served(vms, estate.PER_SUBSCRIPTION, LATENCY, folder) as file:
            taken = child("collecting", file, times=1)
            about = json.loads(file.read_bytes())
        calls = f"{len(about['paths']):,} in {about['wall']:.0f} s"
        yield Line(f"{of} {at}: refused calls, of {calls}", about["refused"], 0, taken, base, _WHY_COLLECTING)
        with served(vms, SMALL_SUBSCRIPTION, LATENCY, folder) as file:
            child("collecting", file, times=2)  # the first time, the server computes what it answers
            about = json.loads(file.read_bytes())
        subscriptions = f"{len(about['subscriptions'])} subscriptions of {SMALL_SUBSCRIPTION} VMs"
        what = f"{subscriptions} {at}: wall time to the bound of {len(about['paths']):,} calls"
        yield ratio(what, about["wall"], bound(about["paths"]), 1.5, _WHY_WALL)


def bound(paths: Sequence[str]) -> float:
    """Return the seconds that requests take at least, by their latency and by each of Azure's limits."""
    bounds = [len(paths) * LATENCY / MOST_CONNECTIONS]
    requested = [path.partition("?")[0] for path in paths]
    for limit in LIMITS:
        counted = Counter(arm.subscription_of(path) for path in requested if limit.concerns.search(path))
        bounds += [(count - limit.capacity) / limit.rate for count in counted.values()]
    return max(bounds)


def table(lines: Sequence[Line]) -> list[str]:
    """Return the table as Markdown, aligned so that it can be read on a terminal too."""
    rows = [("what", "measured", "limit", "")]
    rows += [
        (
            line.what,
            "" if line.measured is None else f"{line.measured:.2f}",
            "" if line.limit is None else f"{line.limit:.3g}",
            line.state,
        )
        for line in lines
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    rows.insert(1, tuple("-" * max(3, width) for width in widths))  # type: ignore[arg-type]
    return [f"| {' | '.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))} |" for row in rows]


def page(lines: Sequence[Line], before: str) -> str:
    """Return the page with the figures of a full run; what it had of other tools before stays."""
    missed = [line for line in lines if line.is_missed]
    text = [_ABOUT, *table(lines), _HOW]
    text += ["## Limits that are missed, and why", ""] if missed else []
    text += [f"- {line.what}: {line.measured:.2f}, limit {line.limit:.3g}. {line.why}".rstrip() for line in missed]
    _, heading, peers = before.partition(PEERS)
    return "\n".join(text).rstrip("\n") + "\n" + (f"\n{heading}{peers}" if heading else "")


def main() -> None:
    """Measure, print, and write the page on request."""
    parser = argparse.ArgumentParser(description="cost of a scan, as ratios to lower bounds of the same run")
    parser.add_argument("length", nargs="?", choices=SIZES, default="full", help="short: 1,000 VMs only")
    parser.add_argument("--write", action="store_true", help="also write docs/benchmark.md")
    options = parser.parse_args()
    lines: list[Line] = []
    with tempfile.TemporaryDirectory() as folder:
        for line in measure(SIZES[options.length], Path(folder)):
            lines.append(line)
            print(f"{line.what}: {_cost(line.seconds)}, to {_cost(line.base)}", file=sys.stderr, flush=True)
    print("\n".join(table(lines)))
    if options.write:
        PAGE.write_text(page(lines, PAGE.read_text(encoding="utf-8")), encoding="utf-8")


def _cost(measured: float) -> str:
    """Return seconds or bytes in words."""
    return f"{measured / 1e6:.0f} MB" if measured > 1e6 else f"{measured:.3f} s"


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        main()
