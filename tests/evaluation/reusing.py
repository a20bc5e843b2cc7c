"""Evaluations that use the findings of another snapshot again, compared with those that do not."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from auditor.estate.declaration import DeclaredDeployment
from auditor.estate.topology import Topology
from auditor.evaluation import engine
from auditor.evaluation.engine import Detail
from auditor.evaluation.model import Finding
from auditor.evaluation.reuse import Memory, Unmoved
from auditor.rules.conditions import CompiledRule
from auditor.snapshot.model import Snapshot
from auditor.snapshot.watching import Watch


class Compared(NamedTuple):
    """An evaluation with reuse, compared with one from scratch."""

    findings: int
    moved: int
    """The number of findings that were evaluated again."""
    differences: tuple[str, ...]


class Remembered:
    """An evaluated snapshot whose findings are used again."""

    def __init__(
        self,
        snapshot: Snapshot,
        declared: tuple[DeclaredDeployment, ...],
        as_of: dt.date,
        rules: Iterable[CompiledRule],
        detail: Detail = Detail.FAILURES,
    ) -> None:
        """Evaluate it."""
        self._rules, self._detail = tuple(rules), detail
        self._topology = Topology(snapshot, declared, as_of, Watch())
        self._memory = Memory(self._topology)
        self.findings = engine.evaluate(self._topology, self._rules, detail, (), self._memory)

    def compare(self, snapshot: Snapshot, declared: tuple[DeclaredDeployment, ...], as_of: dt.date) -> Compared:
        """Evaluate another snapshot with the findings of this one, and from scratch."""
        wanted = engine.evaluate(Topology(snapshot, declared, as_of), self._rules, self._detail)
        topology = Topology(snapshot, declared, as_of)
        memory = Memory(topology, Unmoved.since(self._memory, topology))
        found = engine.evaluate(topology, self._rules, self._detail, (), memory)
        return Compared(len(found), len(found) - memory.recalled, tuple(_differences(wanted, found)))


def _differences(wanted: Sequence[Finding], found: Sequence[Finding]) -> Iterable[str]:
    if wanted != found:
        others = set(map(repr, found))
        for one in wanted:
            if repr(one) not in others:
                yield f"{one.rule.id} of {one.subject.id}: {one.outcome}"
        yield f"{len(wanted)} and {len(found)} findings"
