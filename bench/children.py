"""What `bench/run.py` measures within a process: each function returns the seconds that count."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from auditor.cli import scan_codes
from auditor.sources import snapshot_file
from auditor.sources.file_source import FileSource

if TYPE_CHECKING:
    from auditor.estate.topology import Topology
    from auditor.rules.conditions import CompiledRule

RULES_OF: Final = "AUDITOR_BENCH_RULES"
"""The variable of the environment that names a folder of rules: only those with the same ids are evaluated."""
TEN_RULES: Final = frozenset(
    ("SEC002", "SEC004", "STO001", "STO003", "STO005", "STO006", "STO007", "CMP001", "CMP002", "CMP003")
)
"""Ten rules of VMs and disks, with joins to network interfaces and VM sizes."""


def floor(file: Path) -> float:
    """Return the seconds that msgspec alone takes to decode the lines of a snapshot, without the garbage collector."""
    import msgspec  # noqa: PLC0415 - a process loads only what it measures

    gc.disable()
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


def evaluating(file: Path) -> float:
    """Return the seconds of evaluating all rules of the default profile, which includes building the topology."""
    from auditor.evaluation import engine  # noqa: PLC0415 - a process loads only what it measures

    with snapshot_file.collector_paused():
        topology, rules = _evaluated(file)
        begun = time.process_time()
        findings = engine.evaluate(topology, rules)
        taken = time.process_time() - begun
    return taken if findings else 0.0


def ten_rules(file: Path) -> float:
    """Return the microseconds of evaluating one of ten rules of VMs and disks for one subject."""
    from auditor.evaluation import engine  # noqa: PLC0415 - a process loads only what it measures

    with snapshot_file.collector_paused():
        topology, rules = _evaluated(file)
        topology.deployments  # noqa: B018 - the graph is built once, whatever the number of rules
        begun = time.process_time()
        findings = engine.evaluate(topology, [rule for rule in rules if rule.rule.id in TEN_RULES])
        taken = time.process_time() - begun
    return 1e6 * taken / len(findings)


def _evaluated(file: Path) -> tuple[Topology, tuple[CompiledRule, ...]]:
    """Return the topology of a snapshot, of which nothing is computed yet, and the rules of the default profile."""
    from auditor.estate import deployment_file  # noqa: PLC0415 - a process loads only what it measures
    from auditor.estate.topology import Topology  # noqa: PLC0415
    from auditor.rules import packs  # noqa: PLC0415
    from auditor.rules.facts import FACTS  # noqa: PLC0415

    kept = FileSource(file).read()
    topology = Topology(kept, deployment_file.carried_by(kept).deployments, None)
    return topology, packs.select(packs.load_all((), FACTS), "current")


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


def worst_case(name: str, size: int) -> float:
    """Return the seconds that a scan of one of the worst cases takes, from memory."""
    import worst_cases  # noqa: PLC0415

    with snapshot_file.collector_paused():
        return worst_cases.cost(name, size)


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


def former_rules() -> None:
    """Run the command line with the rules only that a folder of another version has too."""
    from auditor import __main__  # noqa: PLC0415
    from auditor.rules import packs  # noqa: PLC0415

    ids = {path.stem for path in Path(os.environ[RULES_OF]).glob("*.yaml")}
    select = packs.select

    def selected(*arguments: object) -> object:
        return tuple(rule for rule in select(*arguments) if rule.rule.id in ids)  # type: ignore[arg-type]

    packs.select = selected  # type: ignore[assignment]
    raise SystemExit(__main__.run())


CHILDREN: Final[Mapping[str, Callable[[Path], float]]] = {
    "floor": floor,
    "reading": reading,
    "scanning": scanning,
    "evaluating": evaluating,
    "ten-rules": ten_rules,
    "foreseeing": foreseeing,
    "collecting": collecting,
    "fetching": fetching,
    "decoding": decoding,
    "indexing": indexing,
    "trend": trend,
}


def main() -> None:
    """Run what the command line names."""
    name, *arguments = sys.argv[1:]
    if name == "former-rules":
        sys.argv[1:] = arguments
        former_rules()
    elif name == "worst-case":
        print(worst_case(arguments[0], int(arguments[1])))
    else:
        print(CHILDREN[name](Path(arguments[0])))


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        main()
