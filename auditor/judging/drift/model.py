"""Drift: what changed since the baseline."""

from __future__ import annotations

import enum

import msgspec

from auditor.judging.model import Finding, State
from auditor.snapshot.model import Approval, Gap


class FindingChange(msgspec.Struct, frozen=True):
    """A finding whose state is any but `unchanged`."""

    state: State
    before: Finding | None
    """None where the baseline had no such finding."""
    after: Finding | None
    """None where there is none now."""
    reason: str = ""
    """Why it cannot be seen, where there is no finding that says so."""

    @property
    def finding(self) -> Finding:
        """Return the finding as it is now, or was where there is none now."""
        return next(filter(None, (self.after, self.before)))


class Fate(enum.StrEnum):
    """What became of a resource since the baseline."""

    ADDED = "added"
    REMOVED = "removed"
    RECREATED = "recreated"
    """Another resource bears its id now."""
    MOVED = "moved"
    """It lies in another resource group or subscription."""
    RENAMED = "renamed"
    CHANGED = "changed"
    LOST_SIGHT = "lost sight"
    """It, or some of its properties, cannot be seen now."""


class PropertyChange(msgspec.Struct, frozen=True):
    """A property that moved."""

    path: str
    """Its path, in which members of lists go by what names them: `properties.probes[name=web].properties.port`."""
    before: object
    """None where it was missing."""
    after: object
    """None where it is missing."""
    rules: tuple[str, ...] = ()
    """The ids of the rules that look at it."""


class ResourceChange(msgspec.Struct, frozen=True):
    """A resource of which something moved."""

    id: str
    """The ARM id as it is now, or was where there is none now."""
    fate: Fate
    former_id: str = ""
    """The id before it was moved or renamed."""
    properties: tuple[PropertyChange, ...] = ()
    rules: tuple[str, ...] = ()
    """The ids of the rules that look at anything in it."""
    reason: str = ""
    """Why it cannot be seen."""


class Baseline(msgspec.Struct, frozen=True):
    """The approved snapshot with which was compared."""

    taken_at: str
    scopes: tuple[str, ...]
    approved: Approval | None
    gaps: tuple[Gap, ...]
    """What it could not see, so that nothing is compared with it."""


class Drift(msgspec.Struct, frozen=True):
    """What has moved since the baseline."""

    baseline: Baseline
    findings: tuple[FindingChange, ...]
    """Worst first."""
    resources: tuple[ResourceChange, ...]
    """By id."""
