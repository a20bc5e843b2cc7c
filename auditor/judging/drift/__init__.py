"""What has moved between an approved snapshot and another: resources, their properties, and what rules say of both."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from auditor.azure.types.names import SKU
from auditor.judging.drift.baseline_states import Judged, States
from auditor.judging.drift.model import Baseline, Drift, PropertyChange, ResourceChange, ResourceChangeKind
from auditor.judging.drift.resources import Changes
from auditor.judging.drift.rule_reads import Looks
from auditor.judging.model import Finding

__all__ = ["Changes", "Judged", "compare"]


def compare(changes: Changes, before: Judged, after: Judged) -> tuple[tuple[Finding, ...], Drift]:
    """Return the later findings with their states, and what moved; findings must tell what they look at in that."""
    states = States(changes, before, after)
    baseline = before.topology.graph.snapshot
    drift = Drift(
        baseline=Baseline(baseline.taken_at, baseline.scopes, baseline.approved, baseline.gaps),
        findings=states.changes(),
        resources=tuple(sorted(_resources(changes, states.looks), key=lambda change: change.id.lower())),
    )
    findings = tuple(msgspec.structs.replace(finding, state=states.of(finding)) for finding in after.findings)
    return findings, drift


def _resources(changes: Changes, looks: Looks) -> Iterator[ResourceChange]:
    for moved in changes.moved:
        properties = tuple(
            PropertyChange(difference.path, difference.before, difference.after, looks.at(moved, index))
            for index, difference in enumerate(moved.differences)
        )
        if moved.subject.type == SKU:  # what Azure offers is its own affair, except where a rule looks at it
            properties = tuple(change for change in properties if change.rules)
            if not properties:
                continue
        yield ResourceChange(
            id=moved.subject.id,
            kind=moved.kind,
            former_id=moved.before.id
            if moved.before and moved.kind in {ResourceChangeKind.MOVED, ResourceChangeKind.RENAMED}
            else "",
            properties=properties,
            rules=looks.inside(moved),
            reason=moved.hidden.reason if moved.hidden else "",
        )
