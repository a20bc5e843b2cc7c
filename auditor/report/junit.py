"""The report as JUnit XML for Jenkins and GitLab: a suite for each deployment, a case for each rule and subject.

An unknown is a skipped case with its reason. Jenkins shows an `error` as it shows a failure, so that one missing
permission would look like a dozen violations; GitLab shows a skipped case with its reason and counts it neither as
passed nor as failed. That the scan is incomplete is one case of its own, which then is an error. So a result in which
something is unknown is never green.

GitLab shows the text of an element and ignores its attribute `message`; Jenkins shows both.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree as ET

from auditor.escape import printable
from auditor.evaluation.model import Outcome
from auditor.report import observations, remedies, summary, wording
from auditor.report.brief import with_passes
from auditor.report.document import Carried, Document, Finding
from auditor.report.grouping import group

if TYPE_CHECKING:
    from auditor.report.view import View

_NO_DEPLOYMENT: Final = "No deployment"
_NUMBERS: Final = ("tests", "failures", "errors")
"""The numbers of cases of a suite and of all, which importers show before they read them."""


def render(document: Document, _view: View) -> Iterator[str]:
    """Yield all findings that apply, the waived ones as skipped, and whether the scan is complete.

    Only one suite is a tree at a time; as text it takes a fifth of the memory.
    """
    total: Counter[str] = Counter()
    texts = []
    for suite in _suites(document):
        total += Counter({name: int(suite.get(name, "")) for name in _NUMBERS})
        ET.indent(suite, level=1)
        texts.append(ET.tostring(suite, encoding="unicode"))
    root = ET.Element("testsuites", {"name": "auditor", **{name: str(total[name]) for name in _NUMBERS}})
    root.text = "\n"
    head, tail = ET.tostring(root, encoding="unicode").split("\n")
    yield f'<?xml version="1.0" encoding="UTF-8"?>\n{head}'
    for text in texts:
        yield f"\n  {text}"
    yield f"\n{tail}\n"


def _suites(document: Document) -> Iterator[ET.Element]:
    """Yield the suite of the scan itself, and one for each deployment."""
    yield _suite("Coverage", [_coverage(document)])
    last_seen = {old.finding.key: old for old in document.carried}
    for deployment, findings in group(_shown(document), lambda finding: finding.deployment).items():
        name = printable(deployment or _NO_DEPLOYMENT)
        yield _suite(name, _cases(name, findings, last_seen))


def _shown(document: Document) -> list[Finding]:
    """Return the findings that are cases, in an order that does not depend on which of them the report lists.

    One of the previous report is a case only where this scan has no such finding.
    """
    found = with_passes(document).findings
    keys = {finding.key for finding in found}
    carried = (old.finding for old in document.carried if old.finding.key not in keys)
    shown = [finding for finding in (*found, *carried) if finding.outcome is not Outcome.NOT_APPLICABLE]
    return sorted(shown, key=lambda f: (f.deployment is None, f.deployment or "", f.rule, f.subject.id.casefold()))


def _suite(name: str, cases: Iterable[ET.Element]) -> ET.Element:
    suite = ET.Element("testsuite", name=name)
    suite.extend(cases)
    numbers = Counter(case[0].tag if len(case) else "" for case in suite)
    suite.set("tests", str(numbers.total()))
    suite.set("failures", str(numbers["failure"]))
    suite.set("errors", str(numbers["error"]))
    suite.set("skipped", str(numbers["skipped"]))
    return suite


def _coverage(document: Document) -> ET.Element:
    """Return the case of the scan itself."""
    case = ET.Element("testcase", classname="auditor.Coverage", name="The scan is complete")
    if not document.coverage.complete:
        gaps = [wording.named(wording.gap(gap)) for gap in document.coverage.open_gaps]
        lines = [summary.coverage_sentence(document), *gaps, *document.coverage.declarations_missing]
        _add(case, "error", "incomplete", lines)
    return case


def _cases(suite: str, findings: list[Finding], last_seen: Mapping[str, Carried]) -> Iterator[ET.Element]:
    """Yield a case for each finding; importers keep only one of those that have the same names."""
    names = Counter((finding.rule, _name(finding)) for finding in findings)
    for finding in findings:
        name = _name(finding)
        if names[finding.rule, name] > 1:
            name = printable(f"{name} {finding.subject.id}")
        # Jenkins takes what is before the last dot for a package, in which it shows the classes.
        case = ET.Element("testcase", classname=f"{suite}.{printable(finding.rule)}", name=name)
        _result(case, finding, last_seen.get(finding.key))
        yield case


def _name(finding: Finding) -> str:
    return printable(f"{finding.title}: {wording.subject(finding.subject)}")


def _result(case: ET.Element, finding: Finding, old: Carried | None) -> None:
    """Add what is wrong with a finding to its case; a pass has nothing."""
    reason = wording.named(finding.reason or "")
    if finding.waiver:
        until = f"waived until {finding.waiver.expires_on} by {finding.waiver.approved_by}: {finding.waiver.reason}"
        _add(case, "skipped", "waived", [until, wording.headline(finding)])
    elif old:
        _add(
            case,
            "skipped",
            "not evaluated",
            [f"not evaluated this time, last on {old.last_seen}", old.finding.reason or ""],
        )
    elif finding.outcome is Outcome.FAIL:
        grade = f"severity {finding.severity}{f', because {finding.grade}' if finding.grade else ''}"
        advice = remedies.advice(finding)
        fix = ["", "Commands for this finding:" if finding.remedy else "Fix:", *advice] if advice else []
        headline = wording.headline(finding)
        _add(
            case,
            "failure",
            finding.severity,
            [headline, grade, finding.subject.id, reason, *observations.lines(finding)],
            fix,
        )
    elif finding.outcome is Outcome.UNKNOWN:
        _add(case, "skipped", f"unknown: {finding.cause or 'no known cause'}", [f"unknown: {reason}"])
    elif finding.outcome is Outcome.ERROR:
        _add(case, "error", "bug", [f"a bug of auditor: {reason}"])


def _add(case: ET.Element, tag: str, type_: str, lines: list[str], more: Iterable[str] = ()) -> None:
    """Add an element whose message is the first line."""
    shown = [printable(line) for line in lines if line]
    element = ET.SubElement(case, tag, type=type_, message=shown[0])
    element.text = "\n".join((*shown, *map(printable, more)))
