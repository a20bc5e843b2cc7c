from __future__ import annotations

import json

import msgspec
import pytest

from auditor.evaluation.model import Finding, Outcome
from auditor.report import wording
from auditor.report.document import Document
from auditor.report.view import View
from auditor.rules.model import Rule
from auditor.snapshot.known import Cause
from tests.report import reports
from tests.report.reports import PROBE, SIZE, finding, vm


def decoded(*findings: Finding, without: str = "") -> Document:
    """Return a report as it is read back, without a key of its findings."""
    written = json.loads(reports.render("json", reports.report(*findings), View(passes=True)))
    for found in written["findings"]:
        found.pop(without, None)
    return msgspec.json.decode(json.dumps(written), type=Document)


@pytest.mark.parametrize("rule", [PROBE, SIZE], ids=["with headline", "without"])
def test_a_headline_says_what_is_wrong_or_why_that_is_unknown(rule: Rule) -> None:
    every = [finding(outcome, rule) for outcome in Outcome if outcome is not Outcome.UNKNOWN]
    every += [finding(Outcome.UNKNOWN, rule, cause=cause) for cause in (*Cause, None)]
    headlines = [wording.headline(found) for found in decoded(*every).findings]
    assert headlines == [
        "The mirror status page is not probed" if rule.fails else f"Not as required: {rule.title}",
        f"Not evaluated (a bug in auditor): {rule.title}",
        rule.title,
        rule.title,
        f"Unknown (not read): {rule.title}",
        f"Unknown (not declared): {rule.title}",
        f"Unknown (guest file missing or too old): {rule.title}",
        f"Unknown (value without known meaning): {rule.title}",
        f"Unknown (not attested): {rule.title}",
        f"Unknown (without a known cause): {rule.title}",
    ]


def test_the_findings_of_an_older_report_have_headlines() -> None:
    every = [finding(), finding(Outcome.UNKNOWN, cause=Cause.GAP), finding(Outcome.PASS, subject=vm("vm-a"))]
    older = decoded(*every, without="headline").findings
    assert {found.headline for found in older} == {None}
    assert [wording.headline(found) for found in older] == [
        f"Not as required: {PROBE.title}",
        f"Unknown (not read): {PROBE.title}",
        PROBE.title,
    ]
