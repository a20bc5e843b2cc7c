"""Which exit code a scan has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from auditor.cli import exit_codes
from auditor.estate.declaration import NONE
from auditor.evaluation.model import BaselineState, Outcome
from auditor.rules.model import SEVERITIES, Severity

if TYPE_CHECKING:
    from auditor.evaluation.model import Finding
    from auditor.evaluation.result import Evaluation

_WORSE: Final = frozenset({BaselineState.REGRESSED, BaselineState.NEW})
_NOT_EVALUATED: Final = frozenset({Outcome.UNKNOWN, Outcome.ERROR})


def of(evaluation: Evaluation, fail_on: str, *, only_worse: bool, allow_incomplete: bool) -> int:
    """Return the exit code of a scan.

    Args:
        evaluation: The result of a scan.
        fail_on: The lowest severity that counts, or `none`.
        only_worse: Whether only findings that are worse than in the baseline count.
        allow_incomplete: Whether coverage gaps and missing declarations are accepted.
    """
    if has_finding(evaluation, fail_on, only_worse=only_worse):
        return exit_codes.FINDINGS
    if has_errors(evaluation):
        return exit_codes.INCOMPLETE
    complete = evaluation.coverage.complete and not (only_worse and has_lost_sight(evaluation))
    return exit_codes.OK if complete or allow_incomplete else exit_codes.INCOMPLETE


def has_finding(evaluation: Evaluation, fail_on: str, *, only_worse: bool = False) -> bool:
    """Return whether a fail without waiver has at least a severity; none has at least `none`."""
    counted = SEVERITIES[: SEVERITIES.index(Severity(fail_on)) + 1] if fail_on != NONE else ()
    if only_worse:
        changes = evaluation.drift.findings if evaluation.drift else ()
        found = ((change.after, change.severity) for change in changes if change.state in _WORSE)
    else:
        found = ((finding, finding.severity) for finding in evaluation.findings)
    return any(f and f.outcome is Outcome.FAIL and f.waiver is None and severity in counted for f, severity in found)


def has_lost_sight(evaluation: Evaluation) -> bool:
    """Return whether the baseline has an outcome that this scan cannot determine, and coverage does not show it.

    An unknown finding shows it, also for the other subjects of its rule: coverage is incomplete then, unless a waiver
    or an attestation covers the finding.
    """
    changes = evaluation.drift.findings if evaluation.drift else ()
    shown = {(f.rule.id, f.deployment) for f in evaluation.findings if _makes_incomplete(f)}
    return any(
        (change.finding.rule.id, change.finding.deployment) not in shown
        if change.after is None
        else not _makes_incomplete(change.after) and change.after.waiver is None and change.after.attestation is None
        for change in changes
        if change.state is BaselineState.LOST_SIGHT
    )


def _makes_incomplete(finding: Finding) -> bool:
    """Return whether coverage is incomplete because of a finding, unless it is exempt."""
    return finding.outcome in _NOT_EVALUATED and not finding.optional


def has_errors(evaluation: Evaluation) -> bool:
    """Return whether a defect of auditor kept a rule from being evaluated."""
    return any(finding.outcome is Outcome.ERROR for finding in evaluation.findings)
