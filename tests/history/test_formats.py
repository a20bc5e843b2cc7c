"""The formats of a trend."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import re
from pathlib import Path

import msgspec
import pytest

from auditor.cli import exit_codes
from auditor.cli.main import main
from auditor.history import folder, formats, trend
from auditor.history.document import Trend
from auditor.report.view import View
from tests.history import nights
from tests.history.nights import DAY, MIRROR, START
from tests.report import reports

ZONE = ("AVL002", "prod", nights.vm("vm-a"))
SIZE = ("CMP006", "prod", nights.vm("vm-b"))
NIGHTS = (
    {MIRROR: "pass", ZONE: "fail", SIZE: "unknown"},
    {MIRROR: "fail", ZONE: "fail", SIZE: "unknown"},
    None,
    {MIRROR: "pass", ZONE: "waived", SIZE: "unknown"},
    {MIRROR: "fail", ZONE: "pass", SIZE: "unknown"},
)


@pytest.fixture
def week(tmp_path: Path) -> Path:
    for night, outcomes in enumerate(NIGHTS):
        if outcomes:
            nights.write(tmp_path, nights.report(START + DAY * night, outcomes))
    return tmp_path


def render(name: str, path: Path, view: View | None = None) -> str:
    return formats.render(name, trend.of(folder.read(path), (), None), view or View())


def test_the_terminal_shows_days_changes_and_what_happened(week: Path) -> None:
    assert render("terminal", week).splitlines()[2:] == [
        "Reports      4, profile current",
        "Days         2025-01-01 to 2025-01-05 (UTC): 4 of 5 have a report",
        "",
        "Since 2025-01-04T02:00:00Z:",
        "New (1):",
        "  CRITICAL MIR003 MIR003 is not met: TRAKDB (x) of prod",
        "Mended (1):",
        "  LOW AVL002 AVL002 is not met: vm-a (x) of prod",
        "",
        "Each mark is a day, 2025-01-01 to 2025-01-05: x broken, ? unknown, . compliant,",
        "- neither (the rule does not apply, or the subject does not exist), a space",
        "without a report.",
        "",
        "--- prod: 1 broken, 1 unknown, 1 compliant " + "-" * 37,
        "",
        "CRITICAL  MIR003 MIR003 is not met: TRAKDB (x)",
        "          .x .x",
        "          broken since 2025-01-05; broke 2 times (last on 2025-01-05), mended on",
        "          2025-01-04; days: 2 broken, 2 compliant",
        "compliant AVL002 AVL002 is not met: vm-a (x)",
        "          xx x.",
        "          mended on 2025-01-05; days: 3 broken, 1 compliant",
        "Unknown on every day  CMP006",
        "",
        "auditor: 1 broken, 1 unknown, 1 compliant; 4 reports",
    ]


def test_the_last_days_are_shown_where_not_all_fit(tmp_path: Path) -> None:
    for night in range(30):
        nights.write(tmp_path, nights.report(START + DAY * night, {MIRROR: "pass" if night % 2 else "fail"}))
    lines = render("terminal", tmp_path, View(width=30)).splitlines()
    (strip,) = (line for line in lines if set(line.strip()) == {"x", "."})
    assert strip == " " * 10 + "x." * 10


def test_colours_are_those_of_the_states(week: Path) -> None:
    text = render("terminal", week, View(colour=True))
    assert "\x1b[32m.\x1b[0m\x1b[1;31mx\x1b[0m \x1b[32m.\x1b[0m\x1b[1;31mx\x1b[0m" in text


def test_the_changes_are_plain_text(week: Path) -> None:
    assert render("changes", week).splitlines() == [
        "Since 2025-01-04T02:00:00Z:",
        "New (1):",
        "  CRITICAL MIR003 MIR003 is not met: TRAKDB (x) of prod",
        "Mended (1):",
        "  LOW AVL002 AVL002 is not met: vm-a (x) of prod",
    ]


def test_one_report_has_no_changes_and_two_equal_ones_none(tmp_path: Path) -> None:
    nights.write(tmp_path, nights.report(START, {MIRROR: "fail"}))
    assert render("changes", tmp_path) == ""
    nights.write(tmp_path, nights.report(START + DAY, {MIRROR: "fail"}))
    assert render("changes", tmp_path) == "Since 2025-01-01T02:00:00Z: nothing changed\n"
    assert "MIR003 is not met: TRAKDB (x) (broken on every day)" in render("terminal", tmp_path)


def test_csv_has_a_row_for_each_spell(week: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(render("csv", week))))
    mirror = [(row["state"], row["first day"], row["last day"], row["days"]) for row in rows if row["rule"] == "MIR003"]
    assert mirror == [
        ("compliant", "2025-01-01", "2025-01-01", "1"),
        ("broken", "2025-01-02", "2025-01-02", "1"),
        ("compliant", "2025-01-04", "2025-01-04", "1"),
        ("broken", "2025-01-05", "2025-01-05", "1"),
    ]
    assert {(row["state now"], row["broken since"]) for row in rows if row["rule"] == "AVL002"} == {("compliant", "")}


def test_json_is_the_whole_trend(week: Path) -> None:
    found = trend.of(folder.read(week), (), None)
    assert msgspec.json.decode(formats.render("json", found, View()), type=Trend) == found


@pytest.mark.parametrize("name", formats.FORMATS)
def test_no_name_acts_on_a_terminal_or_a_spreadsheet(name: str, tmp_path: Path) -> None:
    text = f"={reports.HOSTILE}"
    hostile = (text, text, text)
    nights.write(tmp_path, nights.report(START, {hostile: "pass"}))
    nights.write(tmp_path, nights.report(START + DAY, {hostile: "fail"}))
    shown = render(name, tmp_path)
    assert "\\x1b" in shown or "\\u001b" in shown
    assert shown.replace("\r\n", "").replace("\n", "").isprintable()
    if name == "csv":
        assert not [cell for row in csv.reader(io.StringIO(shown)) for cell in row if cell.startswith("=")]
    if name == "html":
        assert "<script" not in shown


def test_the_page_shows_each_day_with_a_report_in_the_bar_of_a_finding(week: Path) -> None:
    page = render("html", week)
    bars = re.findall(r"<svg viewBox=\"0 0 5 18\".*?</svg>", page, re.DOTALL)
    marks = [re.findall(r'class="(\w+)" x="(\d)" width="(\d)"', bar) for bar in bars]
    broken, compliant = "broken", "compliant"
    assert marks == [
        [(compliant, "0", "1"), (broken, "1", "1"), (compliant, "3", "1"), (broken, "4", "1")],
        [("unknown", "0", "2"), ("unknown", "3", "2")],
        [(broken, "0", "2"), (broken, "3", "1"), (compliant, "4", "1")],
    ]
    assert "New (1):\n  CRITICAL MIR003 MIR003 is not met: TRAKDB (x) of prod\n" in page
    (style,) = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'sha256-{digest}'" in page
    assert not re.search(r"<script|https?:|src=|href=|\son\w+=", page)


# --- the command ------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_command_names_what_it_leaves_out(week: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trend", str(week), "--rule", "mir003", "--since", "2025-01-05", "-o", "json"]) == exit_codes.OK
    said = capsys.readouterr()
    assert said.err == ""
    (found,) = json.loads(said.out)["findings"]
    assert (found["rule"], found["days"]) == ("MIR003", {"broken": 1, "unknown": 0, "compliant": 0})
    (week / "a.json").write_text("{")
    assert main(["trend", str(week), "-o", "changes"]) == exit_codes.INCOMPLETE
    said = capsys.readouterr()
    assert said.out.startswith("Since ")
    assert said.err.startswith(f"auditor: {week}/a.json is left out: it is not a report as scan -o json writes it: ")
    assert len(said.err.splitlines()) == 1


def test_no_output_is_or_replaces_a_report(week: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = next(week.glob("2025*.json"))
    before = report.read_bytes()
    for path in (report, week / "trend.json"):
        assert main(["trend", str(week), "-o", f"json={path}"]) == exit_codes.USAGE
        assert f"{path}: would be taken for a report" in capsys.readouterr().err
    assert report.read_bytes() == before
    assert main(["trend", str(week), "-o", "sarif"]) == exit_codes.USAGE
    assert "there is changes, csv, html, json, terminal" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["trend", str(week), "--since", "yesterday"])
    assert "'yesterday' is not a date like 2026-11-01" in capsys.readouterr().err
