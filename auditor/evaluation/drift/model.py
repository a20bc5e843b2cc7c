"""Drift: changes of findings and resources since the baseline."""

from __future__ import annotations

import enum

import msgspec

from auditor.evaluation.model import BaselineState, Finding, Outcome
from auditor.rules.model import Severity
from auditor.snapshot.model import Approval, Gap


class FindingChange(msgspec.Struct, frozen=True):
    """A finding that is not `unchanged`, in the baseline and now."""

    state: BaselineState
    before: Finding | None
    """None if the baseline had no such finding."""
    after: Finding | None
    """None if there is no such finding now."""
    reason: str = ""
    """Why it is not visible now, where `after` does not say so."""

    @property
    def finding(self) -> Finding:
        """Return the current finding, or the baseline's if there is none now."""
        return next(filter(None, (self.after, self.before)))

    @property
    def severity(self) -> Severity:
        """Return how bad the change is: where nothing failed before, the severity of the rule without its grades.

        A grade says how bad a state is. That it was better before is not milder because of it.
        """
        failed_before = self.before is not None and self.before.outcome is Outcome.FAIL
        is_regression = self.state is BaselineState.REGRESSED and not failed_before
        return self.finding.rule.severity if is_regression else self.finding.severity


class ResourceChangeKind(enum.StrEnum):
    """What happened to a resource since the baseline."""

    ADDED = "added"
    REMOVED = "removed"
    RECREATED = "recreated"
    """Another resource has its id now."""
    MOVED = "moved"
    """It is in another resource group or subscription."""
    RENAMED = "renamed"
    CHANGED = "changed"
    LOST_SIGHT = "lost sight"
    """It, or some of its properties, could not be read now."""


class PropertyChange(msgspec.Struct, frozen=True):
    """A property whose value differs from the baseline."""

    path: str
    """Its path; list items are named where they have a name: `properties.probes[name=web].properties.port`."""
    before: object
    """None if it was absent."""
    after: object
    """None if it is absent."""
    rules: tuple[str, ...] = ()
    """The ids of the rules that read it."""


class ResourceChange(msgspec.Struct, frozen=True):
    """A resource that differs from the baseline."""

    id: str
    """The current ARM id, or the baseline's if the resource does not exist now."""
    kind: ResourceChangeKind
    former_id: str = ""
    """The id before it was moved or renamed."""
    properties: tuple[PropertyChange, ...] = ()
    rules: tuple[str, ...] = ()
    """The ids of the rules that read any of its properties."""
    reason: str = ""
    """Why it could not be read."""


class Baseline(msgspec.Struct, frozen=True):
    """The approved snapshot that the current one is compared with."""

    taken_at: str
    scopes: tuple[str, ...]
    approved: Approval | None
    gaps: tuple[Gap, ...]
    """Its gaps; what they hide is not compared."""


class Drift(msgspec.Struct, frozen=True):
    """All changes since the baseline."""

    baseline: Baseline
    findings: tuple[FindingChange, ...]
    """Worst first."""
    resources: tuple[ResourceChange, ...]
    """By id."""
