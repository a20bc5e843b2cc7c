"""What a report comes to, in numbers and in a sentence; what is waived is counted apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from auditor.judging.model import Outcome
from auditor.report import wording
from auditor.report.document import Report
from auditor.report.grouping import counted
from auditor.rules.model import SEVERITIES, Severity


def outcomes(report: Report) -> Mapping[Outcome, int]:
    """Return how many findings there are of each outcome."""
    return Counter(finding.outcome for finding in report.findings if finding.waiver is None)


def severities(report: Report) -> list[tuple[Severity, int]]:
    """Return how many fails there are of each severity."""
    numbers = Counter(finding.severity for finding in counted(report, Outcome.FAIL))
    return [(severity, numbers[severity]) for severity in SEVERITIES]


def waived(report: Report) -> dict[str, int]:
    """Return how much is waived, by what it is."""
    numbers = Counter(finding.outcome for finding in report.findings if finding.waiver is not None)
    found = {"fail": numbers[Outcome.FAIL], "unknown": numbers[Outcome.UNKNOWN], "gap": len(report.coverage.waived)}
    return {noun: number for noun, number in found.items() if number}


def missing(report: Report) -> list[str]:
    """Return what was not seen."""
    numbers = {"gap": len(report.coverage.open_gaps), "missing declaration": len(report.coverage.declarations)}
    return [wording.count(number, noun) for noun, number in numbers.items() if number]


def still_open(report: Report) -> int:
    """Return how many findings of before could not be seen, and nobody waived."""
    return sum(old.finding.waiver is None for old in report.carried)


def conclusion(report: Report) -> str:
    """Return in a sentence what the verdicts come to."""
    of = outcomes(report)
    if of[Outcome.FAIL]:
        failed = len({finding.rule.id for finding in counted(report, Outcome.FAIL)})
        return f"{failed:,} of {wording.count(len(report.rules), 'rule')} failed."
    leave = waived(report)
    nothing = "Nothing failed that is not waived" if "fail" in leave else "Nothing failed"
    if of[Outcome.UNKNOWN] or of[Outcome.ERROR]:
        return f"{nothing}, but not everything could be judged."
    if "fail" in leave or "unknown" in leave:
        return f"{nothing}{'; what could not be judged is waived' * ('unknown' in leave)}."
    if of[Outcome.PASS]:
        passed = len({finding.rule.id for finding in counted(report, Outcome.PASS)})
        passes = wording.count(of[Outcome.PASS], "pass")
        return f"Every rule that applies passed: {passes} of {wording.count(passed, 'rule')}."
    return "Nothing was judged: no rule applies to what was scanned."


def cleanness(report: Report) -> str:
    """Return in a sentence whether that is all there is to say."""
    if report.coverage.complete:
        return f"Everything that had to be read was read{', but for what is waived' * bool(report.coverage.waived)}."
    of = outcomes(report)
    unsure = [wording.count(of[outcome], outcome) for outcome in (Outcome.UNKNOWN, Outcome.ERROR) if of[outcome]]
    if carried := still_open(report):
        unsure.append(f"{wording.count(carried, 'finding')} of before not seen this time and still open")
    return f"This is not a clean answer: {', '.join(missing(report) + unsure) or 'not all was seen'}."
