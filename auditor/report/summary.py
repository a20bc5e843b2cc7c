"""The result of a scan in numbers and sentences; waived findings and gaps are counted apart."""

from __future__ import annotations

from collections.abc import Mapping

from auditor.evaluation.model import Outcome
from auditor.report import wording
from auditor.report.document import Document
from auditor.report.grouping import counted
from auditor.rules.model import SEVERITIES, Severity


def outcomes(document: Document) -> Mapping[Outcome, int]:
    """Return the number of findings of each outcome."""
    numbers = document.summary
    return {
        Outcome.FAIL: numbers.fail,
        Outcome.UNKNOWN: numbers.unknown,
        Outcome.ERROR: numbers.error,
        Outcome.PASS: numbers.passed,
        Outcome.NOT_APPLICABLE: numbers.not_applicable,
    }


def severities(document: Document) -> list[tuple[Severity, int]]:
    """Return the number of fails of each severity."""
    numbers = document.summary.fails_by_severity
    return [(severity, getattr(numbers, severity)) for severity in SEVERITIES]


def waived(document: Document) -> dict[str, int]:
    """Return the number of waived fails, unknowns and gaps, without zeros."""
    gaps = sum(gap.waiver is not None for gap in document.coverage.gaps)
    numbers = {"fail": document.summary.waived.fail, "unknown": document.summary.waived.unknown, "gap": gaps}
    return {noun: number for noun, number in numbers.items() if number}


def missing(document: Document) -> list[str]:
    """Return the numbers of open gaps and missing declarations in words."""
    coverage = document.coverage
    numbers = {"gap": len(coverage.open_gaps), "missing declaration": len(coverage.declarations_missing)}
    return [wording.count(number, noun) for noun, number in numbers.items() if number]


def deployments(document: Document) -> list[str]:
    """Return the names of the evaluated deployments; an old report names those with a listed finding."""
    named = [deployment.name for deployment in document.deployments]
    return named or list(dict.fromkeys(finding.deployment for finding in document.findings if finding.deployment))


def still_open(document: Document) -> int:
    """Return the number of carried findings without a waiver."""
    return sum(old.finding.waiver is None for old in document.carried)


def result_sentence(document: Document) -> str:
    """Return the result in one sentence."""
    of = outcomes(document)
    if of[Outcome.FAIL]:
        failed = len({finding.rule for finding in counted(document, Outcome.FAIL)})
        rules = f"{failed:,} of {wording.count(len(document.rules), 'rule')}"
        return f"{rules if document.rules else wording.count(failed, 'rule')} failed."
    exempt = waived(document)
    nothing = "No rule failed, except where waived" if "fail" in exempt else "No rule failed"
    if of[Outcome.UNKNOWN] or of[Outcome.ERROR]:
        return f"{nothing}; some outcomes are unknown."
    if "fail" in exempt or "unknown" in exempt:
        return f"{nothing}{'; all unknown outcomes are waived' * ('unknown' in exempt)}."
    if of[Outcome.PASS]:
        passes = wording.count(of[Outcome.PASS], "pass")
        rules = wording.count(sum(bool(rule.passes) for rule in document.rules), "rule")
        return f"Every rule that applies passed: {passes}{f' of {rules}' if document.rules else ''}."
    return "No rule applies to the scanned resources."


def coverage_sentence(document: Document) -> str:
    """Return in one sentence whether the result is complete."""
    if document.coverage.complete:
        return f"Coverage is complete{', except for waived gaps' * ('gap' in waived(document))}."
    reasons = missing(document)
    needed = sum(not finding.optional for finding in counted(document, Outcome.UNKNOWN))
    numbers = {Outcome.UNKNOWN: needed, Outcome.ERROR: outcomes(document)[Outcome.ERROR]}
    reasons += [wording.count(number, outcome) for outcome, number in numbers.items() if number]
    if carried := still_open(document):
        reasons.append(f"{wording.count(carried, 'open finding')} carried over from the previous report")
    return f"This result is incomplete{': ' * bool(reasons)}{', '.join(reasons)}."
