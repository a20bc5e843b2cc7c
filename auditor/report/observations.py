"""Evidence as one line of text, for formats without a layout of their own."""

from __future__ import annotations

from collections.abc import Iterator

from auditor.azure import arm
from auditor.escape import printable
from auditor.report import wording
from auditor.report.document import Finding
from auditor.rules.evidence import Evidence


def lines(finding: Finding) -> Iterator[str]:
    """Yield each observation of a finding; of alternatives any one would do."""
    for evidence in finding.evidence:
        yield printable(f"{_place(evidence, finding)}: {_values(evidence, finding.subject.id)}")


def _place(evidence: Evidence, finding: Finding) -> str:
    place, home = evidence.resource, finding.subject.id
    name = "" if place == home or arm.key(place) == arm.key(home) else wording.named(place)
    return " ".join(filter(None, (name, evidence.path))) or finding.subject.name


def _values(evidence: Evidence, home: str) -> str:
    expected = wording.cut(wording.shortened(evidence.expected, home))
    any_one = ", or one of its alternatives" if evidence.alternatives else ""
    return f"observed {wording.value(evidence.observed, home)}, expected {expected}{any_one}"
