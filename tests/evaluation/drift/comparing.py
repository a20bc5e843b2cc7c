"""Comparison of two snapshots of an estate, both evaluated with today's rules."""

from __future__ import annotations

import datetime as dt
from typing import Any, NamedTuple

from auditor.authoring import fixtures
from auditor.evaluation import drift, engine
from auditor.evaluation.drift.model import Drift
from auditor.evaluation.engine import Detail
from auditor.evaluation.model import Finding
from tests import estates
from tests.estates import Body


class Compared(NamedTuple):
    before: tuple[Finding, ...]
    after: tuple[Finding, ...]
    """With their states."""
    drift: Drift


def compare(name: str, before: Body, after: Body, as_of: dt.date = fixtures.AS_OF, declared: Any = None) -> Compared:
    """Compare two ARM JSON files of an estate with its deployment file, or with another one; an empty one is none."""
    earlier, later = (estates.topology(name, body, declared, as_of) for body in (before, after))
    rules = estates.rules(estates.ESTATES.get(name, "current"))
    changes = drift.Changes(earlier.graph, later.graph)
    first = drift.EvaluatedSnapshot(earlier, engine.evaluate(earlier, rules, Detail.ALL, changes.before))
    second = drift.EvaluatedSnapshot(later, engine.evaluate(later, rules, Detail.ALL, changes.after))
    findings, found = drift.compare(changes, first, second)
    return Compared(first.findings, findings, found)
