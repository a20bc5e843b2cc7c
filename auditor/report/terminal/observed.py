"""What was observed of a finding, in a few words; `auditor explain` has the whole evidence."""

from __future__ import annotations

import re
from typing import Final

from auditor.azure import arm
from auditor.report import wording
from auditor.report.document import Finding
from auditor.rules.evidence import Evidence

_SHORT: Final = 2
"""The steps of a path that is shown whole, such as a fact."""
_VAGUE: Final = frozenset({"id", "name", "count"})
"""Names of properties that say nothing without that in front of them."""
_INDEX: Final = re.compile(r"\[[^\]]*\]")
_ID: Final = re.compile(r"/subscriptions/[^\s,;\]]+", re.IGNORECASE)


def observed(finding: Finding) -> str:
    """Return the first observation of a finding; of alternatives, what was observed of each."""
    if not finding.evidence:
        return ""
    first = finding.evidence[0]
    if not first.alternatives:
        return f"{_seen(first, finding)}, expected {_names(first.expected.removeprefix('equals '))}"
    one_of = [evidence for evidence in finding.evidence if evidence.alternatives]
    return ", ".join(dict.fromkeys(_seen(evidence, finding) for evidence in one_of))


def _seen(evidence: Evidence, finding: Finding) -> str:
    """Return the name of a property with its value, and of what it is the property, unless that is the subject."""
    # The name of what Azure Backup protects ends with that of its VM.
    name = wording.name_of(evidence.resource).rpartition(";")[2]
    if arm.key(evidence.resource) == arm.key(finding.subject.id) or evidence.path.startswith(f"{name}."):
        name = ""
    counted, _, path = _INDEX.sub("", evidence.path).rpartition(" ")
    steps = path.split(".")
    whole = len(steps) <= _SHORT or steps[-1] in _VAGUE
    property_ = ".".join(steps[-_SHORT:] if whole else steps[-1:])
    value = wording.text(evidence.observed, absent="absent", empty='""')
    return " ".join(filter(None, (name, counted, property_, _names(value))))


def _names(text: str) -> str:
    """Return a text with the names of resources in the place of their ids."""
    return _ID.sub(lambda found: arm.name_of(found[0]), text)
