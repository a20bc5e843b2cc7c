"""Two snapshots of an estate, judged by today's rules and compared."""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple

from auditor import deployment, drift, engine, examples
from auditor.documents import Document
from auditor.model import Drift, Finding
from auditor.topology import Topology
from tests import estates
from tests.estates import Body


class Compared(NamedTuple):
    before: tuple[Finding, ...]
    after: tuple[Finding, ...]
    """With their states."""
    drift: Drift


def compare(name: str, before: Body, after: Body, as_of: dt.date = examples.AS_OF) -> Compared:
    """Compare two inventories of an estate, to which its deployment file holds."""
    declared = deployment.load(Document(estates.declared_of(name), "deployment.yaml", {}))
    earlier, later = (Topology(estates.snapshot_of(name, body), declared, as_of) for body in (before, after))
    rules = estates.rules(estates.ESTATES.get(name, "current"))
    changes = drift.Changes(earlier.graph, later.graph)
    first = drift.Judged(earlier, engine.judge(earlier, rules, changes.before))
    second = drift.Judged(later, engine.judge(later, rules, changes.after))
    findings, found = drift.compare(changes, first, second)
    return Compared(first.findings, findings, found)
