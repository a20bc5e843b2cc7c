"""Cost of a scan, as ratios to lower bounds measured in the same run, which hardly depend on the computer.

    python bench/run.py [short|full] [--write]

Each figure is the CPU time (user and system) of a separate process, the best of several. The script prints each
figure with its limit, and exits with 0 whether the limits are met or not: a busy computer must not break a build.
`--write` also writes docs/benchmark.md.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import estate

from auditor.cli import scan_codes
from auditor.sources import snapshot_file
from auditor.sources.file_source import FileSource

ROOT: Final = Path(__file__).resolve().parents[1]
PAGE: Final = ROOT / "docs" / "benchmark.md"
SIZES: Final = {"short": (1_000,), "full": (1_000, 10_000)}
REPEAT: Final = 3
REPEAT_QUICK: Final = 10
"""Number of runs of what takes milliseconds."""

NIGHTS: Final = 365
LATENCY: Final = 0.05
"""Seconds that a call takes in the run that is checked against Azure's limits."""

_AUDITOR: Final = ("-m", "auditor")


class Cost(NamedTuple):
    """Cost of a process."""

    seconds: float
    """CPU time, or the part of it that the process reports."""
    memory: int
    """Peak, in bytes."""


class Line(NamedTuple):
    """One row of the table."""

    what: str
    measured: float
    limit: float
    seconds: float
    floor: float
    why: str = ""
    """Why the limit is missed, if it is."""

    @property
    def state(self) -> str:
        """Return whether the limit is met, or by how much it is missed."""
        return "met" if self.measured <= self.limit else f"missed {self.measured / self.limit:.1f} times over"


# --- what is measured, each in a separate process ---------------------------------------------------------------------


def floor(file: Path) -> float:
    """Return the seconds that msgspec alone takes to decode the lines of a snapshot."""
    import msgspec  # noqa: PLC0415 - a process loads only what it measures

    data = file.read_bytes()
    decoder = msgspec.json.Decoder()
    begun = time.process_time()
    kept = decoder.decode_lines(data)
    return time.process_time() - begun if kept else 0.0


def reading(file: Path) -> float:
    """Return the seconds that reading a snapshot takes."""
    begun = time.process_time()
    kept = FileSource(file).read()
    return time.process_time() - begun if kept.resources else 0.0


def scanning(file: Path) -> float:
    """Return the seconds that reading a snapshot and evaluating all rules of the default profile takes."""
    from auditor import scan  # noqa: PLC0415

    begun = time.process_time()
    report = scan.scan(scan.Request(FileSource(file)))
    taken = time.process_time() - begun
    if scan_codes.has_errors(report):
        raise SystemExit("the outcome of a rule is error: this is a bug of auditor, and the time is not valid")
    return taken


def foreseeing(file: Path) -> float:
    """Return the seconds that every single loss of every deployment takes, after a snapshot was read."""
    from auditor.estate import deployment_file  # noqa: PLC0415
    from auditor.estate.topology import Topology  # noqa: PLC0415
    from auditor.losses.play import single  # noqa: PLC0415
    from auditor.rules.context import Context  # noqa: PLC0415
    from auditor.rules.facts.site import site_of  # noqa: PLC0415

    with snapshot_file.collector_paused():
        kept = FileSource(file).read()
        topology = Topology(kept, deployment_file.carried_by(kept).deployments, None)
        begun = time.process_time()
        found = [single(site_of(Context(topology, deployment), deployment)) for deployment in topology.deployments]
        taken = time.process_time() - begun
    return taken if all(found) else 0.0


class _Calls:
    """Records the paths of the requests."""

    def __init__(self) -> None:
        self.paths: list[str] = []

    def begins(self, what: str) -> None: ...

    def read(self, what: str, count: int) -> None: ...

    def missed(self, what: str, why: str) -> None:
        raise SystemExit(f"{what} was not read ({why}): the time is not valid")

    def waits(self, seconds: float) -> None: ...

    def called(self, path: str, status: int, request_id: str, seconds: float) -> None:  # noqa: ARG002 - the interface has them
        self.paths.append(path)


def collecting(file: Path) -> float:
    """Return the seconds that reading the estate of a server takes; add the calls to the file that has its address."""
    from auditor.sources.live.collection import CollectOptions, collect  # noqa: PLC0415

    about = json.loads(file.read_bytes())
    os.environ.update(about["environment"])
    calls = _Calls()
    wanted = CollectOptions(tuple(about["subscriptions"]), endpoint=about["url"], ca_bundle=Path(about["ca"]))
    begun = time.process_time()
    with snapshot_file.collector_paused():
        collected = collect(wanted, (), "", calls)
    taken = time.process_time() - begun
    about |= {"paths": calls.paths, "refused": collected.amount.retries, "wall": collected.amount.seconds}
    file.write_text(json.dumps(about), encoding="utf-8")
    return taken


def fetching(file: Path) -> float:
    """Return the seconds that reading the bytes of the same answers takes, without decoding them."""
    import asyncio  # noqa: PLC0415
    import ssl  # noqa: PLC0415
    import urllib.parse  # noqa: PLC0415
    import urllib.request  # noqa: PLC0415

    import aiohttp  # noqa: PLC0415

    about = json.loads(file.read_bytes())
    context = ssl.create_default_context(cafile=about["ca"])
    login = {
        "grant_type": "client_credentials",
        "client_id": about["environment"]["AZURE_CLIENT_ID"],
        "client_secret": about["environment"]["AZURE_CLIENT_SECRET"],
        "scope": f"{about['audience']}/.default",
    }
    address = f"{about['url']}/{about['environment']['AZURE_TENANT_ID']}/oauth2/v2.0/token"
    with urllib.request.urlopen(address, urllib.parse.urlencode(login).encode(), context=context) as answer:  # noqa: S310
        token = json.load(answer)["access_token"]

    async def fetch() -> None:
        connector = aiohttp.TCPConnector(ssl=context)
        headers = {"Authorization": f"Bearer {token}"}
        async with aiohttp.ClientSession(about["url"], connector=connector, headers=headers) as session:
            for path in about["paths"]:
                if "ResourceGraph" not in path:
                    async with session.get(path) as response:
                        await response.read()
                        response.raise_for_status()

    begun = time.process_time()
    asyncio.run(fetch())
    return time.process_time() - begun


def decoding(folder: Path) -> float:
    """Return the seconds that msgspec alone takes to decode the reports of a folder."""
    import msgspec  # noqa: PLC0415

    files = [path.read_bytes() for path in folder.glob("*.json")]
    begun = time.process_time()
    for data in files:
        msgspec.json.decode(data)
    return time.process_time() - begun


def indexing(folder: Path) -> float:
    """Return the seconds that the history of a folder of reports takes without an index."""
    from auditor.history import index  # noqa: PLC0415

    (folder / index.NAME).unlink(missing_ok=True)
    return trend(folder)


def trend(folder: Path) -> float:
    """Return the seconds that the history of a folder of reports takes."""
    from auditor.history import folder as reports  # noqa: PLC0415
    from auditor.history import trend as history  # noqa: PLC0415

    begun = time.process_time()
    history.of(reports.read(folder), (), None)
    return time.process_time() - begun


CHILDREN: Final = {"floor": floor, "reading": reading, "scanning": scanning, "foreseeing": foreseeing}
LIVE: Final = {"collecting": collecting, "fetching": fetching}
HISTORY: Final = {"decoding": decoding, "indexing": indexing, "trend": trend}


# --- processes --------------------------------------------------------------------------------------------------------


def run(arguments: Sequence[str], *, reports: bool = False, accept: Sequence[int] = (0,)) -> Cost:
    """Run Python and return its cost; a process that `reports` prints the seconds that count."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    process = subprocess.Popen([sys.executable, *arguments], cwd=ROOT, env=environment, stdout=subprocess.PIPE)
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    printed = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in accept:
        raise SystemExit(f"no figure: {' '.join(arguments)} exited with {process.returncode}")
    peak = usage.ru_maxrss if sys.platform == "darwin" else usage.ru_maxrss * 1024
    return Cost(json.loads(printed) if reports else usage.ru_utime + usage.ru_stime, peak)


def best(arguments: Sequence[str], *, times: int = REPEAT, reports: bool = False, accept: Sequence[int] = (0,)) -> Cost:
    """Return the lowest cost of several runs."""
    costs = [run(arguments, reports=reports, accept=accept) for _ in range(times)]
    return Cost(min(cost.seconds for cost in costs), min(cost.memory for cost in costs))


def child(name: str, file: Path) -> float:
    """Return the lowest number of seconds that one of `CHILDREN`, `LIVE` or `HISTORY` reports."""
    return best((__file__, "--child", name, str(file)), reports=True).seconds


# --- the table --------------------------------------------------------------------------------------------------------

_WHY_EVALUATING: Final = (
    "The decoder, in C, builds a whole property in the time of one function call in Python. Conditions that pass are "
    "evaluated without evidence unless a format shows it, each fact of a VM is computed once, and the reference graph "
    "is followed only from the VMs of deployments; the rest are the conditions and facts themselves, 20 for each VM of "
    "a deployment. For the smaller estate the lower bound for each byte is also only a third, since the garbage "
    "collector has little to visit there, and reading the rules is a larger share."
)
_WHY_READING: Final = "Besides decoding, it verifies the file by its SHA-256 and computes the key and type of each id."
_WHY_DEMO: Final = (
    "Most of it is the import of msgspec, PyYAML, RE2 and rich, and parsing the YAML of the rules, which cost the same "
    "for an estate of any size."
)
_WHY_COLLECTING: Final = "Every answer is decoded, searched for secrets and kept; the lower bound discards it."
_WHY_LOSSES: Final = (
    "Most of it is what a lost network or zone does to VMs of which Azure does not show the zone: each way in which "
    "they can stand is played."
)
_WHY_MEMORY: Final = "A small snapshot needs less than the program itself; the larger one shows what a resource needs."
_WHY_GROWTH: Final = "A rule or fact reads the whole estate for each of its subjects."


_ABOUT: Final = """\
# Cost of a scan

Measured by `make bench`, which prints this table, and written by `python bench/run.py full --write`. Each figure is a
ratio of CPU times (user and system, the best of several), or of bytes, to a lower bound measured in the same run:
`msgspec.json` decoding the same bytes, or Python without a program.
"""
_HOW: Final = """
The estates are generated by `bench/estate.py`: seven VMs in ten belong to deployments of 14 VMs, the others to none.
Two deployments in three are declared by name, the others by tags. Evaluating is all that a scan does between reading
and rendering, including reading the deployment file and the YAML of the rules. The lower bound is msgspec as any
program would call it, with the garbage collector running, which takes more time for larger estates. Collecting is done
over https from the server of the tests in a separate process, with the real SDK; its lower bound fetches the same
addresses by aiohttp alone. The reports of a year are of the demo; a quarter of its fails come and go.
"""


def measure(sizes: Sequence[int], folder: Path) -> Iterator[Line]:
    """Yield the rows of the table."""
    run((*_AUDITOR, "scan", "--demo"), accept=(1,))  # writes the bytecode
    bare = best(("-c", "pass"), times=REPEAT_QUICK).seconds
    for what, arguments, limit, accept, why in (
        ("`auditor --help`, to `python -c pass`", ("--help",), 5, (0,), ""),
        ("`auditor scan --demo`, to `python -c pass`", ("scan", "--demo"), 30, (1,), _WHY_DEMO),
    ):
        seconds = best((*_AUDITOR, *arguments), times=REPEAT_QUICK, accept=accept).seconds
        yield Line(what, seconds / bare, limit, seconds, bare, why)
    foreseen = best((*_AUDITOR, "foresee", "--demo"), times=REPEAT_QUICK).seconds
    yield Line("`auditor foresee --demo`, to `auditor scan --demo`", foreseen / seconds, 2, foreseen, seconds)
    scans: dict[int, tuple[int, float]] = {}
    for size in sizes:
        built = estate.build(size)
        data = snapshot_file.encode(built)
        file = folder / f"{size}.jsonl"
        file.write_bytes(data)
        of = f"{size:,} VMs ({len(built.resources):,} resources, {len(data) / 1e6:.0f} MB)"
        base, read, scanned, foreseen = (child(name, file) for name in CHILDREN)
        scans[size] = len(built.resources), scanned
        yield Line(f"{of}: reading, to `msgspec.json`", read / base, 3, read, base, _WHY_READING)
        evaluated = scanned - read
        yield Line(f"{of}: evaluating, to `msgspec.json`", evaluated / base, 6, evaluated, base, _WHY_EVALUATING)
        yield Line(
            f"{of}: all single losses, in percent of evaluating",
            100 * foreseen / evaluated,
            10,
            foreseen,
            evaluated,
            _WHY_LOSSES,
        )
        scan = (*_AUDITOR, "scan", "--snapshot", str(file), "-o", f"json={os.devnull}")
        command = best(scan, times=1, accept=(0, 1, 3))
        yield Line(
            f"{of}: peak memory, to the snapshot's bytes",
            command.memory / len(data),
            8,
            command.seconds,
            base,
            _WHY_MEMORY,
        )
    yield from history(folder)
    yield html(folder)
    for size in sizes:
        yield from live(size, folder)
    if len(scans) > 1:
        (few, quick), (many, slow) = scans[min(scans)], scans[max(scans)]
        growth = (slow / quick) / (many / few)
        yield Line(
            f"growth of a scan to that of resources, {min(scans):,} to {max(scans):,}",
            growth,
            1.25,
            slow,
            quick,
            _WHY_GROWTH,
        )


def history(folder: Path) -> Iterator[Line]:
    """Yield the rows of a year of nights of the demo, in which a quarter of the fails come and go."""
    nights = folder / "nights"
    nights.mkdir()
    run((*_AUDITOR, "scan", "--demo", "-o", f"json={folder / 'demo.json'}"), accept=(1,))
    report = json.loads((folder / "demo.json").read_bytes())
    findings = report["findings"]
    for night in range(NIGHTS):
        report["takenAt"] = (dt.datetime(2026, 1, 1, 2, tzinfo=dt.UTC) + dt.timedelta(days=night)).isoformat()
        report["findings"] = [finding for place, finding in enumerate(findings) if place % 4 or (night + place) % 7]
        (nights / f"{night:03}.json").write_text(json.dumps(report), encoding="utf-8")
    size = sum(path.stat().st_size for path in nights.iterdir())
    of = f"{NIGHTS} reports ({size / 1e6:.0f} MB)"
    base, first, again = (child(name, nights) for name in HISTORY)
    yield Line(f"{of}: trend without an index, to `msgspec.json`", first / base, 5, first, base)
    yield Line(f"{of}: trend by the index, to `msgspec.json`", again / base, 1, again, base)


def html(folder: Path) -> Line:
    """Return the row of the HTML page of a report with 300 findings, from which the same report is written as JSON."""
    report = json.loads((folder / "demo.json").read_bytes())
    report["findings"] = [report["findings"][n % len(report["findings"])] for n in range(300)]
    kept = folder / "kept.json"
    kept.write_text(json.dumps(report), encoding="utf-8")
    command = (*_AUDITOR, "report", str(kept), "-o")
    seconds, base = (best((*command, f"{name}={os.devnull}")).seconds for name in ("html", "json"))
    return Line("300 findings: `auditor report -o html`, to `-o json`", seconds / base, 4, seconds, base)


@contextlib.contextmanager
def served(vms: int, latency: float, folder: Path) -> Iterator[Path]:
    """Serve an estate; yield the file with the address and credentials."""
    command = [sys.executable, str(ROOT / "bench" / "server.py"), str(vms), str(latency)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None  # noqa: S101 - it is a pipe
        file = folder / f"azure-{vms}.json"
        file.write_bytes(server.stdout.readline())
        yield file
        server.communicate()


def live(vms: int, folder: Path) -> Iterator[Line]:
    """Yield the rows of reading from Azure."""
    of = f"{vms:,} VMs"
    with served(vms, 0, folder) as file:
        taken, base = (child(name, file) for name in LIVE)
        yield Line(f"{of}: collecting, to fetching the same bytes", taken / base, 8, taken, base, _WHY_COLLECTING)
    if vms == max(SIZES["full"]):
        with served(vms, LATENCY, folder) as file:
            taken = best((__file__, "--child", "collecting", str(file)), times=1, reports=True).seconds
            about = json.loads(file.read_bytes())
        calls = f"{len(about['paths']):,} in {about['wall']:.0f} s"
        what = f"{of} at {LATENCY * 1000:.0f} ms a call: refused calls, of {calls}"
        yield Line(what, about["refused"], 0, taken, base, _WHY_COLLECTING)


def table(lines: Sequence[Line]) -> list[str]:
    """Return the table as Markdown, aligned so that it can be read on a terminal too."""
    rows = [("what", "measured", "limit", "")]
    rows += [(line.what, f"{line.measured:.1f}", f"{line.limit:g}", line.state) for line in lines]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    rows.insert(1, tuple("-" * max(3, width) for width in widths))  # type: ignore[arg-type]
    return [f"| {' | '.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))} |" for row in rows]


def page(lines: Sequence[Line]) -> str:
    """Return the page with the figures of a full run."""
    missed = [line for line in lines if line.measured > line.limit]
    text = [_ABOUT, *table(lines), _HOW]
    text += ["## Limits that are missed, and why", ""] if missed else []
    text += [
        f"- {line.what}: {line.measured:.1f} where the limit is {line.limit:g}. {line.why}".rstrip() for line in missed
    ]
    return "\n".join(text).rstrip("\n") + "\n"


def main() -> None:
    """Measure, print, and write the page on request."""
    parser = argparse.ArgumentParser(description="cost of a scan, as ratios to lower bounds of the same run")
    parser.add_argument("length", nargs="?", choices=SIZES, default="full", help="short: 1,000 VMs only")
    parser.add_argument("--write", action="store_true", help="also write docs/benchmark.md")
    parser.add_argument("--child", nargs=2, metavar=("NAME", "FILE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        name, file = options.child
        print((CHILDREN | LIVE | HISTORY)[name](Path(file)))
        return
    lines: list[Line] = []
    with tempfile.TemporaryDirectory() as folder:
        for line in measure(SIZES[options.length], Path(folder)):
            lines.append(line)
            print(f"{line.what}: {line.seconds:.3f} s CPU, lower bound {line.floor:.3f} s", file=sys.stderr, flush=True)
    print("\n".join(table(lines)))
    if options.write:
        PAGE.write_text(page(lines), encoding="utf-8")


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        main()
