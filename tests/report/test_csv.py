"""CSV: read back by a reader of the standard, and harmless in a spreadsheet."""

from __future__ import annotations

import csv
import io
from typing import Final

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.escape import printable
from auditor.evaluation.model import Outcome
from auditor.evaluation.result import Evaluation
from auditor.report.view import View
from tests.report import reports
from tests.report.reports import finding, vm

PROTOCOL: Final = "rg-prod/lb-mirror properties.probes[0].properties.protocol"


def rendered(shown: Evaluation, view: View | None = None) -> list[dict[str, str]]:
    text = reports.render("csv", shown, view)
    assert text.endswith('"\r\n')
    assert text.replace("\r\n", "").isprintable()
    return [*csv.DictReader(io.StringIO(text, newline=""), strict=True)]


def test_a_finding_is_a_row() -> None:
    declared = msgspec.structs.replace(vm("vm-a"), line=14)
    rows = rendered(reports.report(finding(subject=declared, seen=(reports.evidence(),))))
    assert len(rows) == 1
    assert {column: text for column, text in rows[0].items() if text} == {
        "deployment": "prod",
        "rule": "MIR003",
        "severity": "critical",
        "outcome": "fail",
        "headline": reports.PROBE.fails,
        "title": reports.PROBE.title,
        "subject": "vm-a",
        "kind": "Microsoft.Compute/virtualMachines",
        "region": "westeurope",
        "subscription": "00000000-0000-0000-0000-000000000001",
        "resource group": "rg-prod",
        "id": vm("vm-a").id,
        "declared at": "deployment.yaml:14",
        "evidence": f"{PROTOCOL}: observed Tcp, expected in [Http, Https]",
        "reference": "S45, S47",
        "key": finding(subject=vm("vm-a")).key,
    }


def test_passes_are_rows_only_when_asked_for() -> None:
    assert {row["outcome"] for row in rendered(reports.full())} == {"fail", "unknown", "error"}
    assert {row["outcome"] for row in rendered(reports.full(), View(passes=True))} == {*Outcome}


def test_exemptions_states_and_earlier_findings_are_columns() -> None:
    waived, *_, attested = rendered(reports.excused())
    assert (waived["waived until"], waived["waived by"]) == ("2027-03-31", "the head of operations")
    assert (attested["outcome"], attested["attested until"]) == ("pass", "2027-09-30")
    assert rendered(reports.drifted())[0]["baseline"] == "regressed"
    assert [row["last evaluated"] for row in rendered(reports.carried())] == ["", "", *["2026-10-31T06:00:00Z"] * 3]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", "\r=", "\n=", " =", "\uff1d", "'="])
def test_a_spreadsheet_evaluates_no_cell(start: str) -> None:
    (row,) = rendered(reports.report(finding(deployment=f"{start}HYPERLINK(1)")))
    assert row["deployment"][0] in "'\\", "text that begins with neither is read as a formula"
    assert row["deployment"].endswith("HYPERLINK(1)")


@pytest.mark.slow
@given(st.text(max_size=40).filter(str.split) | st.just(reports.HOSTILE))
@settings(max_examples=30)
def test_any_text_is_one_cell(text: str) -> None:
    rows = rendered(reports.hostile(text), View(passes=True))
    assert len(rows) == len(rendered(reports.hostile("x"), View(passes=True)))
    assert all(row["deployment"].removeprefix("'").removesuffix(".") in printable(text) for row in rows[:-1])
    assert all(cell[:1] not in {*"=+-@"} for row in rows for cell in row.values())
