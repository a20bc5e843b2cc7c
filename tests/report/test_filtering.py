"""The choice of findings to show."""

from __future__ import annotations

import pytest

from auditor.estate.subjects import Subject
from auditor.report.build import build
from auditor.report.filtering import Filter, hidden
from auditor.report.view import View
from auditor.rules.model import Severity
from tests.report import reports
from tests.report.reports import SIZE, evidence, finding, unknown, vm

ELSEWHERE = Subject(vm("vm-b").id.replace("rg-prod", "rg-other"), "Microsoft.Compute/virtualMachines", "vm-b", "")
SHOWN = reports.report(
    finding(seen=(evidence(),)),
    finding(rule=SIZE, subject=vm("vm-a"), deployment="test"),
    finding(rule=SIZE, subject=ELSEWHERE),
    unknown(SIZE, vm("vm-c"), "why"),
)


@pytest.mark.parametrize(
    ("chosen", "subjects"),
    [
        (Filter(), ["TRAKDB", "vm-a", "vm-b", "vm-c"]),
        (Filter(rules=("mir003",)), ["TRAKDB"]),
        (Filter(rules=("cmp*", "X")), ["vm-a", "vm-b", "vm-c"]),
        (Filter(severity=Severity.MEDIUM), ["TRAKDB", "vm-a", "vm-b", "vm-c"]),
        (Filter(severity=Severity.HIGH), ["TRAKDB"]),
        (Filter(deployments=("TEST",)), ["vm-a"]),
        (Filter(resource_groups=("RG-PROD",)), ["TRAKDB", "vm-a", "vm-c"]),
        (Filter(resource_groups=("rg-other",), deployments=("prod",)), ["vm-b"]),
    ],
)
def test_what_is_shown(chosen: Filter, subjects: list[str]) -> None:
    document = chosen.applied(build(SHOWN, passes=False))
    assert [finding.subject.name for finding in document.findings] == subjects


def test_changes_and_carried_findings_are_chosen_too() -> None:
    document = Filter(rules=("CMP006",), resource_groups=("rg-prod",)).applied(build(reports.drifted(), passes=False))
    assert document.drift is not None
    assert {change.rule for change in document.drift.findings} == {"CMP006"}
    assert [change.fate for change in document.drift.resources] == ["removed"]
    assert len(Filter(rules=("CMP006",)).applied(build(reports.carried(), passes=False)).carried) == 1


def test_the_report_says_what_is_left_out_and_its_numbers_are_of_all() -> None:
    said = "Only 1 of 3 fails and 0 of 1 unknowns are shown, by --rule mir003 --severity high"
    chosen = Filter(rules=("mir003",), severity=Severity.HIGH)
    assert hidden(build(SHOWN, passes=False), chosen).startswith(said)
    assert hidden(build(SHOWN, passes=False), Filter()) == ""
    for details in (False, True):
        text = reports.render("terminal", SHOWN, View(chosen=chosen, details=details))
        assert said in " ".join(text.split())
        assert "CMP006" not in text
        assert text.splitlines()[-1].startswith("auditor: 3 fail (1 critical, 2 medium), 1 unknown")
    text = reports.render("markdown", SHOWN, View(chosen=chosen))
    assert text.startswith("## 2 of 2 rules failed")
    assert "Only 1 of 3 fails" in text
    assert "CMP006" not in text
    assert reports.render("csv", SHOWN, View(chosen=chosen)).count("\r\n") == 2


@pytest.mark.parametrize("name", ["json", "sarif", "sarif-github", "junit", "prometheus"])
def test_what_programs_read_is_always_whole(name: str) -> None:
    assert reports.render(name, SHOWN, View(chosen=Filter(rules=("x",)))) == reports.render(name, SHOWN, View())
