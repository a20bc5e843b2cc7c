"""Which rules read what has changed."""

from __future__ import annotations

from collections import defaultdict
from typing import Literal

from auditor.azure import arm, paths
from auditor.evaluation.drift.model import ResourceChangeKind
from auditor.evaluation.drift.properties import Steps
from auditor.evaluation.drift.resources import Change, Changes
from auditor.evaluation.model import Finding

Side = Literal["before", "after"]


class RuleReads:
    """The rules that read each changed property, from the recorded reads of the findings of both snapshots."""

    def __init__(self, changes: Changes) -> None:
        """Start without reads."""
        self._moved = {"before": changes.before, "after": changes.after}
        self._inside: dict[Change, set[str]] = defaultdict(set)
        self._at: dict[tuple[Change, int], set[str]] = defaultdict(set)

    def record(self, finding: Finding, side: Side) -> bool:
        """Record what was read for a finding, and return whether any of it changed."""
        touched = False
        for key, path in finding.reads:
            moved = self._moved[side][key]
            self._inside[moved].add(finding.rule.id)
            touched = touched or moved.kind in {ResourceChangeKind.ADDED, ResourceChangeKind.REMOVED}
            for index, difference in enumerate(moved.differences):
                if _overlap(path, difference.at_before if side == "before" else difference.at_after):
                    self._at[moved, index].add(finding.rule.id)
                    touched = True
        return touched

    def attribute_outcome_change(self, finding: Finding, side: Side) -> None:
        """Record all changes in the subject and in the resources that were read as possible reasons of another outcome.

        Facts that detect the absence of something read no property of it.
        """
        for key in {arm.key(finding.subject.id), *(key for key, _ in finding.reads)}:
            self._record_all(finding, self._moved[side].get(key))

    def attribute_unknown(self, finding: Finding) -> None:
        """Record all changes in the resources of a later finding as possible reasons why it is unknown."""
        for key in {arm.owner_of(arm_id) for arm_id in finding.about}:
            self._record_all(finding, self._moved["after"].get(key))

    def _record_all(self, finding: Finding, moved: Change | None) -> None:
        if moved is not None:
            for index in range(len(moved.differences)):
                self._at[moved, index].add(finding.rule.id)

    def at(self, moved: Change, index: int) -> tuple[str, ...]:
        """Return the ids of the rules that read one of the differences of a resource."""
        return tuple(sorted(self._at.get((moved, index), ())))

    def inside(self, moved: Change) -> tuple[str, ...]:
        """Return the ids of the rules that read anything in a resource."""
        return tuple(sorted(self._inside.get(moved, ())))


def _overlap(path: str, at: Steps) -> bool:
    """Return whether one path is inside the other; "" stands for the existence of a resource."""
    try:
        steps = paths.parse(path) if path else ()
    except paths.PathError:
        return False
    return bool(steps) and all(_folded(one) == _folded(other) for one, other in zip(steps, at, strict=False))


def _folded(step: paths.Step) -> paths.Step:
    """Return a step without regard to case, in which tags and capabilities are called what they are."""
    return step.lower() if isinstance(step, str) else step
