"""The index of a folder of reports: a copy that is used only where it is fresh and whole."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

import pytest

from auditor.history import folder, index, trend
from auditor.history.document import Trend
from auditor.report import reading
from tests.history import nights
from tests.history.nights import DAY, MIRROR, START


def read(path: Path) -> Trend:
    return trend.of(folder.read(path), (), None)


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    """Return a folder of six nights without an index."""
    for made in nights.generate(6, seed=1):
        nights.write(tmp_path, made)
    return tmp_path


@pytest.fixture
def no_report_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> None:
        raise AssertionError(path)

    monkeypatch.setattr(reading, "read", refuse)


def test_a_fresh_index_is_the_answer_and_private(reports: Path, request: pytest.FixtureRequest) -> None:
    found = read(reports)
    file = reports / index.NAME
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with sqlite3.connect(file) as database:
        assert database.execute("SELECT count(*) FROM reports").fetchone() == (len(found.reports),)
    database.close()
    request.getfixturevalue("no_report_is_read")
    before = file.stat()
    assert read(reports) == found
    assert file.stat() == before, "it is not written again"


def test_without_an_index_the_reports_give_the_same_answer(reports: Path) -> None:
    found = read(reports)
    (reports / index.NAME).unlink()
    assert read(reports) == found


def test_a_report_that_was_changed_is_read_again_though_size_and_time_are_the_same(reports: Path) -> None:
    path = nights.write(reports, nights.report(START - DAY, {MIRROR: "pass"}))
    stamp = path.stat()
    assert read(reports).findings != ()
    text = path.read_text()
    changed = text.replace('"notApplicable": {}', '"notApplicable" :{}').replace(MIRROR[2], "prod/mirrors/OTHERS")
    path.write_text(changed)
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert path.stat().st_size == stamp.st_size
    assert "prod/mirrors/OTHERS" in {history.subject for history in read(reports).findings}


def test_a_report_that_was_removed_leaves_nothing_in_the_index(reports: Path) -> None:
    found = read(reports)
    path = nights.write(reports, nights.report(START - DAY, {("MIR003", "prod", "prod/mirrors/SECRET"): "fail"}))
    read(reports)
    assert b"SECRET" in (reports / index.NAME).read_bytes()
    path.unlink()
    assert read(reports) == found
    assert b"SECRET" not in (reports / index.NAME).read_bytes()


@pytest.mark.slow
def test_a_damaged_index_is_built_again(reports: Path) -> None:
    found = read(reports)
    file = reports / index.NAME
    sound = file.read_bytes()
    random = Random(1)
    damaged = [sound[:size] for size in (0, 1, 100, 4096, len(sound) - 1)]
    damaged += [b"no database", random.randbytes(4096)]
    for _ in range(60):
        place = random.randrange(len(sound))
        damaged.append(sound[:place] + bytes([sound[place] ^ (1 << random.randrange(8))]) + sound[place + 1 :])
    for content in damaged:
        file.write_bytes(content)
        assert read(reports) == found


@pytest.mark.slow
def test_an_index_whose_rows_lie_is_not_believed(reports: Path) -> None:
    nights.write(reports, nights.report(START + DAY * 9, {MIRROR: "fail", ("CMP006", "new", "new"): "fail"}))
    found = read(reports)
    for change in (
        "DELETE FROM reports WHERE file = (SELECT max(file) FROM reports); DELETE FROM subjects WHERE number = 0",
        "UPDATE reports SET codes = zeroblob(length(codes))",
        "UPDATE reports SET file = 'other.json' WHERE file = (SELECT min(file) FROM reports)",
        "DELETE FROM subjects WHERE number = 0",
        "DELETE FROM subjects",
        "UPDATE subjects SET number = number + 1000",
        "UPDATE subjects SET content = 1",
        "DROP TABLE reports",
    ):
        with sqlite3.connect(reports / index.NAME) as database:
            database.executescript(change)
        database.close()
        assert read(reports) == found, change


def test_an_index_of_another_version_is_built_again(reports: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read(reports)
    before = (reports / index.NAME).read_bytes()
    monkeypatch.setattr(index, "__version__", "9")
    read(reports)
    assert (reports / index.NAME).read_bytes() != before


def test_an_index_that_cannot_be_written_is_a_warning(reports: Path) -> None:
    (reports / index.NAME).mkdir()
    archive = folder.read(reports)
    assert archive.warning.startswith(f"{reports / index.NAME}: cannot be written: ")
    assert trend.of(archive, (), None).findings


def test_runs_at_the_same_time_give_the_same_answer(reports: Path) -> None:
    found = read(reports)
    (reports / index.NAME).unlink()
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(read, [reports] * 12)) == [found] * 12
    assert [path.name for path in reports.iterdir() if path.suffix != ".json"] == [index.NAME]


def test_a_report_that_cannot_be_read_is_looked_at_each_time(reports: Path) -> None:
    half = reports / "half.json"
    half.write_text("{")
    assert [one.file for one in read(reports).left_out] == ["half.json"]
    half.write_text(json.dumps(nights.report(START - DAY, {MIRROR: "fail"})))
    assert read(reports).left_out == ()
