"""What has moved since the baseline, in numbers and in words."""

from __future__ import annotations

import datetime as dt
from collections import Counter

from auditor.judging.drift.model import Drift, FindingChange, ResourceChangeKind
from auditor.judging.model import BaselineState, Finding, Outcome


def baseline(drift: Drift, taken_at: str) -> str:
    """Return when it was taken, and who approved it; `taken_at` is the time of what is compared with it."""
    approved = drift.baseline.approved
    taken = drift.baseline.taken_at or "at a time that is not known"
    if _is_later(drift.baseline.taken_at, taken_at):
        taken += " (later than what is compared with it)"
    return f"{taken}, approved by {approved.by} at {approved.at}: {approved.reason}" if approved else taken


def _is_later(one: str, other: str) -> bool:
    """Tell whether a time is later than another; what is no time is not."""
    try:
        first, second = dt.datetime.fromisoformat(one), dt.datetime.fromisoformat(other)
    except ValueError:
        return False
    return first.replace(tzinfo=first.tzinfo or dt.UTC) > second.replace(tzinfo=second.tzinfo or dt.UTC)


def findings(drift: Drift) -> str:
    """Return in numbers what became of findings."""
    numbers = Counter(change.state for change in drift.findings)
    return ", ".join(f"{numbers[state]:,} {state}" for state in BaselineState if numbers[state]) or "as they were"


def resources(drift: Drift) -> str:
    """Return in numbers what became of resources."""
    numbers = Counter(change.kind for change in drift.resources)
    return ", ".join(f"{numbers[kind]:,} {kind}" for kind in ResourceChangeKind if numbers[kind]) or "as they were"


def news(drift: Drift) -> list[FindingChange]:
    """Return the findings that came out otherwise, worst first: not what still passes, nor a pass that is gone."""
    return [change for change in drift.findings if _is_news(change)]


def _is_news(change: FindingChange) -> bool:
    failed = change.before is not None and change.before.outcome is Outcome.FAIL
    return change.state is not BaselineState.DRIFTED and (change.state is not BaselineState.GONE or failed)


def turn(change: FindingChange) -> str:
    """Return how a finding came out before and now."""
    missing = "not seen" if change.state is BaselineState.LOST_SIGHT else "not there"
    return f"{_verdict(change.before, 'not there')} -> {_verdict(change.after, missing)}"


def _verdict(finding: Finding | None, missing: str) -> str:
    if finding is None:
        return missing
    said = [finding.severity] * (finding.outcome is Outcome.FAIL) + ["waived"] * (finding.waiver is not None)
    outcome = finding.outcome.replace("_", " ")
    return f"{outcome} ({', '.join(said)})" if said else outcome
