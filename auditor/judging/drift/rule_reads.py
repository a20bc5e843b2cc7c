"""Which rules look at what moved."""

from __future__ import annotations

from collections import defaultdict
from typing import Literal

from auditor.azure import arm, paths
from auditor.judging.drift.model import ResourceChangeKind
from auditor.judging.drift.properties import Steps
from auditor.judging.drift.resources import Changes, Moved
from auditor.judging.model import Finding

Side = Literal["before", "after"]


class Looks:
    """Notes what the findings of both snapshots look at."""

    def __init__(self, changes: Changes) -> None:
        """Begin with nothing noted."""
        self._moved = {"before": changes.before, "after": changes.after}
        self._inside: dict[Moved, set[str]] = defaultdict(set)
        self._at: dict[tuple[Moved, int], set[str]] = defaultdict(set)

    def note(self, finding: Finding, side: Side) -> bool:
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

    def explain(self, finding: Finding, side: Side) -> None:
        """Note that all that moved where a finding looks may be why it comes out otherwise.

        That is for facts that notice that something is missing, which is nowhere to be looked at.
        """
        for key in {arm.key(finding.subject.id), *(key for key, _ in finding.reads)}:
            self._note_all(finding, self._moved[side].get(key))

    def blame(self, finding: Finding) -> None:
        """Record all changes in the resources of a later finding as possible reasons why it is unknown."""
        for key in {arm.owner_of(arm_id) for arm_id in finding.about}:
            self._note_all(finding, self._moved["after"].get(key))

    def _note_all(self, finding: Finding, moved: Moved | None) -> None:
        if moved is not None:
            for index in range(len(moved.differences)):
                self._at[moved, index].add(finding.rule.id)

    def at(self, moved: Moved, index: int) -> tuple[str, ...]:
        """Return the rules that look at one of the differences of a resource."""
        return tuple(sorted(self._at.get((moved, index), ())))

    def inside(self, moved: Moved) -> tuple[str, ...]:
        """Return the rules that look at anything in a resource."""
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
