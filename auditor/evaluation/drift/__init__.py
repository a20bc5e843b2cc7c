"""What has moved between an approved snapshot and another: resources, their properties, and what rules say of both."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from auditor.azure.types.names import SKU
from auditor.evaluation.drift.baseline_states import EvaluatedSnapshot, States
from auditor.evaluation.drift.model import Baseline, Drift, PropertyChange, ResourceChange, ResourceChangeKind
from auditor.evaluation.drift.resources import Changes, with_shared
from auditor.evaluation.drift.rule_reads import RuleReads
from auditor.evaluation.model import Finding

__all__ = ["Changes", "EvaluatedSnapshot", "compare", "with_shared"]


def compare(changes: Changes, before: EvaluatedSnapshot, after: EvaluatedSnapshot) -> tuple[tuple[Finding, ...], Drift]:
    """Return the later findings with their states, and what moved; findings must tell what they look at in that."""
    states = States(changes, before, after)
    baseline = before.topology.graph.snapshot
    drift = Drift(
        baseline=Baseline(baseline.taken_at, baseline.scopes, baseline.approved, baseline.gaps),
        findings=states.changes(),
        resources=tuple(sorted(_resources(changes, states.reads), key=lambda change: change.id.lower())),
    )
    pairs = zip(after.findings, states.of_later(), strict=True)
    return tuple(msgspec.structs.replace(finding, state=state) for finding, state in pairs), drift


def _resources(changes: Changes, reads: RuleReads) -> Iterator[ResourceChange]:
    for moved in changes.moved:
        properties = tuple(
            PropertyChange(difference.path, difference.before, difference.after, reads.at(moved, index))
            for index, difference in enumerate(moved.differences)
        )
        if moved.subject.type == SKU:  # a change of what Azure offers counts only if a rule reads it
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
            rules=reads.inside(moved),
            reason=moved.hidden.reason if moved.hidden else "",
        )
