"""What a scan costs, as ratios to floors that are taken in the same run, so that the machine drops out.

    python bench/run.py [short|full] [--write]

Each figure is CPU time (user and system) of a process of its own, the best of several. It prints what was measured
beside its limit, and exits with 0 whether the limits are met or not: a busy machine must not break a build. `--write`
also writes docs/benchmark.md.
"""

from __future__ import annotations

import argparse
import contextlib
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

from auditor.cli import exit_codes
from auditor.sources import snapshot_file
from auditor.sources.file_source import FileSource

ROOT: Final = Path(__file__).resolve().parents[1]
PAGE: Final = ROOT / "docs" / "benchmark.md"
SIZES: Final = {"short": (1_000,), "full": (1_000, 10_000)}
REPEAT: Final = 3
REPEAT_QUICK: Final = 10
"""How often what takes milliseconds is measured."""

LATENCY: Final = 0.05
"""Seconds that a call takes in the run that is held against Azure's limits."""

_AUDITOR: Final = ("-m", "auditor")


class Cost(NamedTuple):
    """What a process took."""

    seconds: float
    """Of its CPU time, or of the part of it that it reports itself."""
    memory: int
    """Its peak, in bytes."""


class Line(NamedTuple):
    """One row of the table."""

    what: str
    measured: float
    limit: float
    seconds: float
    floor: float
    why: str = ""
    """Why it is missed, where it is."""

    @property
    def state(self) -> str:
        """Return whether the limit is met, or by how much it is missed."""
        return "met" if self.measured <= self.limit else f"missed {self.measured / self.limit:.1f} times over"


# --- what is measured, each in a process of its own -------------------------------------------------------------------


def floor(file: Path) -> float:
    """Return the seconds in which msgspec alone decodes a snapshot's lines."""
    import msgspec  # noqa: PLC0415 - a child loads only what it measures

    data = file.read_bytes()
    decoder = msgspec.json.Decoder()
    begun = time.process_time()
    kept = decoder.decode_lines(data)
    return time.process_time() - begun if kept else 0.0


def reading(file: Path) -> float:
    """Return the seconds in which a snapshot is read."""
    begun = time.process_time()
    kept = FileSource(file).read()
    return time.process_time() - begun if kept.resources else 0.0


def scanning(file: Path) -> float:
    """Return the seconds in which a snapshot is read and judged with every rule of the default profile."""
    from auditor import scan  # noqa: PLC0415

    begun = time.process_time()
    report = scan.scan(scan.Request(FileSource(file)))
    taken = time.process_time() - begun
    if exit_codes.has_errors(report):
        raise SystemExit("a rule could not judge: that is a bug of auditor, and its time says nothing")
    return taken


class _Calls:
    """Keeps what a reader asks for."""

    def __init__(self) -> None:
        self.paths: list[str] = []

    def begins(self, what: str) -> None: ...

    def read(self, what: str, count: int) -> None: ...

    def missed(self, what: str, why: str) -> None:
        raise SystemExit(f"{what} was not read ({why}): the time of the others says nothing")

    def waits(self, seconds: float) -> None: ...

    def called(self, path: str, status: int, request_id: str, seconds: float) -> None:  # noqa: ARG002 - as it is told
        self.paths.append(path)


def collecting(file: Path) -> float:
    """Return the seconds in which a server's estate is read; the file has its address, and then the calls too."""
    from auditor.sources.live.collection import CollectOptions, collect  # noqa: PLC0415

    about = json.loads(file.read_bytes())
    os.environ.update(about["environment"])
    calls = _Calls()
    wanted = CollectOptions(tuple(about["subscriptions"]), endpoint=about["url"], ca_bundle=Path(about["ca"]))
    begun = time.process_time()
    with snapshot_file.collector_paused():
        collected = collect(wanted, (), "", calls)
    taken = time.process_time() - begun
    about |= {"paths": calls.paths, "refused": collected.retries, "wall": collected.seconds}
    file.write_text(json.dumps(about), encoding="utf-8")
    return taken


def fetching(file: Path) -> float:
    """Return the seconds in which the bytes of the same answers are read, and no more."""
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


CHILDREN: Final = {"floor": floor, "reading": reading, "scanning": scanning}
LIVE: Final = {"collecting": collecting, "fetching": fetching}


# --- processes --------------------------------------------------------------------------------------------------------


def run(arguments: Sequence[str], *, reports: bool = False, accept: Sequence[int] = (0,)) -> Cost:
    """Run Python and return what it took; a child that `reports` prints the seconds that count."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    process = subprocess.Popen([sys.executable, *arguments], cwd=ROOT, env=environment, stdout=subprocess.PIPE)
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    printed = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in accept:
        raise SystemExit(f"could not measure: {' '.join(arguments)} exited with {process.returncode}")
    peak = usage.ru_maxrss if sys.platform == "darwin" else usage.ru_maxrss * 1024
    return Cost(json.loads(printed) if reports else usage.ru_utime + usage.ru_stime, peak)


def best(arguments: Sequence[str], *, times: int = REPEAT, reports: bool = False, accept: Sequence[int] = (0,)) -> Cost:
    """Return the least of several runs."""
    costs = [run(arguments, reports=reports, accept=accept) for _ in range(times)]
    return Cost(min(cost.seconds for cost in costs), min(cost.memory for cost in costs))


def child(name: str, file: Path) -> float:
    """Return the least that one of `CHILDREN` reports."""
    return best((__file__, "--child", name, str(file)), reports=True).seconds


# --- the table --------------------------------------------------------------------------------------------------------

_WHY_EVALUATING: Final = (
    "The decoder, in C, has built a whole property while Python calls one function. Conditions that pass are "
    "evaluated without evidence unless a format shows it, each fact of a machine is computed once, and the graph "
    "is followed only from the machines of deployments; what is left are the conditions and facts themselves, twenty "
    "for each machine of a deployment. On the smaller estate the floor is also three times lower for each byte, since "
    "the collector of cycles has little to visit there, and reading the rules weighs more."
)
_WHY_READING: Final = (
    "Beside decoding, it proves by its SHA-256 that the file is whole and works out the key and the type of each id."
)
_WHY_DEMO: Final = (
    "Most of it is the import of msgspec, PyYAML, RE2 and rich, and parsing the YAML of the rules, which cost the same "
    "for an estate of any size."
)
_WHY_COLLECTING: Final = "Every answer is decoded, searched for secrets and kept, where the floor throws it away."
_WHY_MEMORY: Final = "A small snapshot is outweighed by the program itself; the larger one says what a resource takes."
_WHY_GROWTH: Final = "A rule or fact looks at all of the estate for each of its subjects."


_ABOUT: Final = """\
# What a scan costs

Measured by `make bench`, which prints this table, and kept by `python bench/run.py full --write`. Each figure is a
ratio of CPU times (user and system, the best of several), or of bytes, to a floor taken in the same run:
`msgspec.json` decoding the same bytes, or a Python that does nothing.
"""
_HOW: Final = """
The estates are made up by `bench/estate.py`: seven machines in ten stand in deployments of fourteen, the rest are
bystanders; two deployments in three are declared by name, the others by tags. Judging is all that a scan does between
reading and rendering, the deployment file and the rules' own YAML included. The floor is msgspec as any program would
call it, the collector of cycles running, which weighs more on larger estates. Collecting goes over https to the server
of the tests in a process of its own, with the real SDK; its floor fetches the same addresses by aiohttp alone.
"""


def measure(sizes: Sequence[int], folder: Path) -> Iterator[Line]:
    """Yield the rows of the table."""
    run((*_AUDITOR, "scan", "--demo"), accept=(1,))  # what Python compiles once
    bare = best(("-c", "pass"), times=REPEAT_QUICK).seconds
    for what, arguments, limit, accept, why in (
        ("`auditor --help`, to `python -c pass`", ("--help",), 5, (0,), ""),
        ("`auditor scan --demo`, to `python -c pass`", ("scan", "--demo"), 30, (1,), _WHY_DEMO),
    ):
        seconds = best((*_AUDITOR, *arguments), times=REPEAT_QUICK, accept=accept).seconds
        yield Line(what, seconds / bare, limit, seconds, bare, why)
    scans: dict[int, tuple[int, float]] = {}
    for size in sizes:
        built = estate.build(size)
        data = snapshot_file.encode(built)
        file = folder / f"{size}.jsonl"
        file.write_bytes(data)
        of = f"{size:,} machines ({len(built.resources):,} resources, {len(data) / 1e6:.0f} MB)"
        base, read, scanned = (child(name, file) for name in CHILDREN)
        scans[size] = len(built.resources), scanned
        yield Line(f"{of}: reading, to `msgspec.json`", read / base, 3, read, base, _WHY_READING)
        evaluated = scanned - read
        yield Line(f"{of}: judging, to `msgspec.json`", evaluated / base, 6, evaluated, base, _WHY_EVALUATING)
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


@contextlib.contextmanager
def served(vms: int, latency: float, folder: Path) -> Iterator[Path]:
    """Play Azure for an estate; the file that is given says where."""
    command = [sys.executable, str(ROOT / "bench" / "server.py"), str(vms), str(latency)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None  # noqa: S101 - it is a pipe
        file = folder / f"azure-{vms}.json"
        file.write_bytes(server.stdout.readline())
        yield file
        server.communicate()


def live(vms: int, folder: Path) -> Iterator[Line]:
    """Yield the rows of reading from Azure."""
    of = f"{vms:,} machines"
    with served(vms, 0, folder) as file:
        taken, base = (child(name, file) for name in LIVE)
        yield Line(f"{of}: collecting, to fetching the same bytes", taken / base, 8, taken, base, _WHY_COLLECTING)
    if vms == max(SIZES["full"]):
        with served(vms, LATENCY, folder) as file:
            taken = best((__file__, "--child", "collecting", str(file)), times=1, reports=True).seconds
            about = json.loads(file.read_bytes())
        calls = f"{len(about['paths']):,} calls in {about['wall']:.0f} s"
        what = f"{of} at {LATENCY * 1000:.0f} ms a call: refused of {calls}"
        yield Line(what, about["refused"], 0, taken, base, _WHY_COLLECTING)


def table(lines: Sequence[Line]) -> list[str]:
    """Return the table as Markdown, which is read as well on a terminal."""
    rows = [("what", "measured", "limit", "")]
    rows += [(line.what, f"{line.measured:.1f}", f"{line.limit:g}", line.state) for line in lines]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    rows.insert(1, tuple("-" * max(3, width) for width in widths))  # type: ignore[arg-type]
    return [f"| {' | '.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))} |" for row in rows]


def page(lines: Sequence[Line]) -> str:
    """Return the page that keeps a full run."""
    missed = [line for line in lines if line.measured > line.limit]
    text = [_ABOUT, *table(lines), _HOW]
    text += ["## What is missed, and why", ""] if missed else []
    text += [
        f"- {line.what}: {line.measured:.1f} where {line.limit:g} is wanted. {line.why}".rstrip() for line in missed
    ]
    return "\n".join(text).rstrip("\n") + "\n"


def main() -> None:
    """Measure, print, and keep the page where that is asked for."""
    parser = argparse.ArgumentParser(description="what a scan costs, as ratios to floors of the same run")
    parser.add_argument("length", nargs="?", choices=SIZES, default="full", help="short: 1,000 machines only")
    parser.add_argument("--write", action="store_true", help="also write docs/benchmark.md")
    parser.add_argument("--child", nargs=2, metavar=("NAME", "FILE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        name, file = options.child
        print((CHILDREN | LIVE)[name](Path(file)))
        return
    lines: list[Line] = []
    with tempfile.TemporaryDirectory() as folder:
        for line in measure(SIZES[options.length], Path(folder)):
            lines.append(line)
            print(f"{line.what}: {line.seconds:.3f} s CPU, floor {line.floor:.3f} s", file=sys.stderr, flush=True)
    print("\n".join(table(lines)))
    if options.write:
        PAGE.write_text(page(lines), encoding="utf-8")


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        main()
