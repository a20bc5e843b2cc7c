"""The file beside a report: the next run has the same report with it as without it, whatever changed."""

from __future__ import annotations

import datetime as dt
import itertools
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from auditor import bundled
from auditor.cli.main import main
from auditor.estate.topology import Topology
from auditor.evaluation import engine
from auditor.evaluation.reuse import Memory, kept
from auditor.snapshot.model import Gap, GapReason
from auditor.snapshot.watching import Watch
from auditor.sources import snapshot_file
from tests import estates
from tests.evaluation.drift.simulation import CHANGES as ESTATE_CHANGES
from tests.evaluation.drift.simulation import Estate
from tests.evaluation.test_reuse import files

pytestmark = pytest.mark.slow

IDENTITY = b"0" * 32
SCANNED = 24
"""One in so many nights of the year is scanned."""


class Nights:
    """Nightly runs, each of which knows the report of the one before."""

    def __init__(self, folder: Path) -> None:
        """Begin with the demo, and its deployment file."""
        self.folder = folder
        self.deployment = folder / "deployment.yaml"
        self.deployment.write_bytes((bundled.DEMO / bundled.DEPLOYMENT).read_bytes())
        self.options = ["--deployment", str(self.deployment)]
        self.snapshot = files("demo")[0]
        self.days = 0.0
        self._number = itertools.count()
        self.last: list[str] = []

    def run(self) -> Path:
        """Scan with what lies beside the previous report, and without it; return the report, which is the same."""
        number = next(self._number)
        taken = dt.datetime(2026, 11, 1, 6, tzinfo=dt.UTC) + dt.timedelta(days=self.days)
        source, report, other = (self.folder / f"{number}{suffix}" for suffix in (".jsonl", ".json", "-other.json"))
        source.write_bytes(snapshot_file.encode(msgspec.structs.replace(self.snapshot, taken_at=taken.isoformat())))
        scan = ["scan", "--snapshot", str(source), *self.options]
        main([*scan, *self.last, "-o", f"json={report}"])
        if self.last:
            alone = self.folder / "alone.json"
            shutil.copy(self.last[1], alone)
            main([*scan, "--previous", str(alone), "-o", f"json={other}"])
            assert report.read_bytes() == other.read_bytes()
        self.last = ["--previous", str(report)]
        return report


def _without_recovery_points(nights: Nights) -> None:
    resources = [found for found in nights.snapshot.resources if not found.type.endswith("/recoverypoints")]
    nights.snapshot = msgspec.structs.replace(nights.snapshot, resources=tuple(resources))


def _without_guest_files(nights: Nights) -> None:
    resources = [found for found in nights.snapshot.resources if not found.type.endswith("/guest")]
    nights.snapshot = msgspec.structs.replace(nights.snapshot, resources=tuple(resources))


def _with_a_gap(nights: Nights) -> None:
    gap = Gap(nights.snapshot.scopes[0], "Microsoft.Network/loadBalancers", GapReason.THROTTLED)
    nights.snapshot = msgspec.structs.replace(nights.snapshot, gaps=(*nights.snapshot.gaps, gap))


def _with_another_environment(nights: Nights) -> None:
    text = nights.deployment.read_text()
    changed = text.replace("environment: production", "environment: non-production")
    assert changed != text
    nights.deployment.write_text(changed)


def _with_other_lines(nights: Nights) -> None:
    nights.deployment.write_text(f"# a comment\n{nights.deployment.read_text()}")


def _with_tags(nights: Nights) -> None:
    resources = [
        msgspec.structs.replace(found, body={**found.body, "tags": {"cost": "1"}}) if index % 9 == 0 else found
        for index, found in enumerate(nights.snapshot.resources)
    ]
    nights.snapshot = msgspec.structs.replace(nights.snapshot, resources=tuple(resources))


def _later(days: float) -> Callable[[Nights], None]:
    def wait(nights: Nights) -> None:
        nights.days += days

    return wait


CHANGES = [
    _later(1),
    _with_tags,
    _without_recovery_points,
    _with_a_gap,
    _with_other_lines,
    _with_another_environment,
    _later(400),
    _without_guest_files,
]


def test_the_reports_of_all_nights_are_the_same_with_it(tmp_path: Path) -> None:
    nights = Nights(tmp_path)
    nights.run()
    beside = kept.beside(nights.run())
    assert beside.stat().st_mode & 0o777 == 0o600
    for change in CHANGES:
        change(nights)
        beside = kept.beside(nights.run())
        assert beside.exists()


def test_the_reports_of_a_year_of_generated_changes_are_the_same_with_it(tmp_path: Path) -> None:
    nights, estate, chance = Nights(tmp_path), Estate("demo"), random.Random(2026)
    made: set[str] = set()
    for night in range(365):
        nights.days = night
        for kind in chance.sample(ESTATE_CHANGES, chance.choice([0, 0, 1, 1, 2])):
            estate.change(kind, chance.randrange(10**6))
            made.add(kind)
        if night % SCANNED == 0:
            nights.snapshot = estates.snapshot_of("demo", estate.body)
            nights.run()
    assert made == {*ESTATE_CHANGES}


def test_what_is_damaged_or_of_another_version_is_not_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nights = Nights(tmp_path)
    nights.run()
    beside = kept.beside(nights.run())
    good = beside.read_bytes()
    capsys.readouterr()
    for damaged in (
        b"",
        good[:-1],
        good[:100] + bytes([good[100] ^ 1]) + good[101:],
        good.replace(b"/1\n", b"/2\n", 1),
    ):
        beside.write_bytes(damaged)
        last = nights.last
        nights.run()
        nights.last = last
        assert f"{beside} is damaged, or of other rules or another version" in capsys.readouterr().err
    shutil.copytree(bundled.PACK.parent, tmp_path / "rules")
    assert kept.identity("current", "ALL", ()) != kept.identity("current", "ALL", (tmp_path / "rules",))
    assert kept.identity("current", "ALL", ()) != kept.identity("current", "FAILURES", ())


def test_findings_are_read_as_they_were_written(tmp_path: Path) -> None:
    snapshot, declared = files("demo")
    rules = estates.rules("current")

    topology = Topology(snapshot, declared, dt.date(2026, 11, 1), Watch())
    memory = Memory(topology)
    first = engine.evaluate(topology, rules, engine.Detail.ALL, (), memory)
    report = tmp_path / "report.json"
    kept.beside(report).write_bytes(kept.encode(memory, IDENTITY))
    again = Topology(snapshot, declared, dt.date(2026, 11, 1))
    read = kept.read(report, IDENTITY, rules, again)
    assert read is not None
    assert not read.is_old
    assert all(read.unmoved.evaluated(key) for key in memory.found)
    assert engine.evaluate(again, rules, engine.Detail.ALL, (), Memory(again, read.unmoved)) == first
    with pytest.raises(kept.DamagedError):
        kept.read(report, b"1" * 32, rules, again)
    assert kept.read(tmp_path / "other.json", IDENTITY, rules, again) is None
