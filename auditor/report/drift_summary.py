"""Changes since the baseline, in numbers and words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from typing import Final

from auditor.evaluation.drift.model import ResourceChangeKind
from auditor.evaluation.model import BaselineState, Outcome
from auditor.report import wording
from auditor.report.document import Document, Drift, FindingChange, FindingSide
from auditor.report.grouping import group
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
    return change.state is not BaselineState.DRIFTED and (change.state is not BaselineState.GONE or _failed(change))


def _failed(change: FindingChange) -> bool:
    return change.before is not None and change.before.outcome is Outcome.FAIL


def rows(drift: Drift, waived: Collection[str]) -> Iterator[tuple[str, str, str, str]]:
    """Yield the notable changes as rows: state, rules, subjects, and before and now.

    What was no fail and is not visible now is one row for each reason, since one permission hides many.
    """
    hidden: list[FindingChange] = []
    for change in notable_changes(drift):
        if change.state is BaselineState.LOST_SIGHT and not _failed(change):
            hidden.append(change)
        else:
            what = f"{change.rule} {wording.headline(change)}"
            yield change.state, what, wording.subject(change.subject), before_and_after(change, waived)
    for alike in group(hidden, lambda change: wording.SCOPE.sub("...", change.reason or "")).values():
        names = wording.first([*dict.fromkeys(change.subject.name for change in alike)])
        ids = " ".join(sorted({change.rule for change in alike}))
        what = f"{wording.count(len(alike), 'finding')} without a fail: {ids}"
        yield BaselineState.LOST_SIGHT, what, ", ".join(names), wording.named(alike[0].reason or "")


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
