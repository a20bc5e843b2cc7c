"""Changes since the baseline, in numbers and words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import Final

from auditor.evaluation.drift.model import ResourceChangeKind
from auditor.evaluation.model import BaselineState, Outcome
from auditor.report.document import Document, Drift, FindingChange, FindingSide
from auditor.rules.model import Severity
from auditor.times import instant

_MISSING: Final = "no finding"


def baseline(document: Document, drift: Drift) -> str:
    """Return when the baseline was taken, and who approved it."""
    approved = drift.baseline.approved
    taken = drift.baseline.taken_at or "at an unknown time"
    if _is_later(drift.baseline.taken_at, document.taken_at):
        taken += " (later than the current snapshot)"
    return f"{taken}, approved by {approved.by} at {approved.at}: {approved.reason}" if approved else taken


def _is_later(one: str | None, other: str | None) -> bool:
    """Return whether a time is later than another; False if one of them is not a time."""
    first, second = instant(one), instant(other)
    return first is not None and second is not None and first > second


def findings(drift: Drift) -> str:
    """Return the number of findings in each state."""
    numbers = Counter(change.state for change in drift.findings)
    return ", ".join(f"{numbers[state]:,} {state}" for state in BaselineState if numbers[state]) or "unchanged"


def resources(drift: Drift) -> str:
    """Return the number of resources by what happened to them."""
    numbers = Counter(change.fate for change in drift.resources)
    return ", ".join(f"{numbers[kind]:,} {kind}" for kind in ResourceChangeKind if numbers[kind]) or "unchanged"


def notable_changes(drift: Drift) -> list[FindingChange]:
    """Return the findings with another outcome, worst first, without passes that are gone."""
    return [change for change in drift.findings if _is_notable(change)]


def _is_notable(change: FindingChange) -> bool:
    failed = change.before is not None and change.before.outcome is Outcome.FAIL
    return change.state is not BaselineState.DRIFTED and (change.state is not BaselineState.GONE or failed)


def before_and_after(change: FindingChange, waived: Collection[str]) -> str:
    """Return the outcomes of a finding in the baseline and now; `waived` are the keys of waived findings."""
    missing = "not visible" if change.state is BaselineState.LOST_SIGHT else _MISSING
    is_waived = change.after is not None and change.after.key in waived
    return (
        f"{_outcome(change.before, _MISSING)} -> {_outcome(change.after, missing, change.severity, waived=is_waived)}"
    )


def _outcome(side: FindingSide | None, missing: str, counts: Severity | None = None, *, waived: bool = False) -> str:
    """Return an outcome, of a fail with its severity; `counts` is that of the change, if it may be another one."""
    if side is None:
        return missing
    outcome, details = side.outcome.replace("_", " "), ["waived"] * waived
    if side.outcome is Outcome.FAIL:
        graded = f"graded {side.severity} because {side.grade}" if side.grade else ""
        details = list(filter(None, (counts if graded and counts else side.severity, *details, graded)))
    return f"{outcome} ({', '.join(details)})" if details else outcome
