"""Reads the report of an earlier run, whose open findings are handed to the next evaluation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from auditor.errors import InputError
from auditor.estate.subjects import Subject
from auditor.evaluation import model
from auditor.evaluation.carry_over import Earlier
from auditor.evaluation.model import Outcome
from auditor.report import reading
from auditor.report.document import Document, Finding
from auditor.rules.model import Rule
from auditor.snapshot.known import Cause


def load(path: Path, profile: str) -> Document:
    """Return an earlier report of the same rule profile; the findings of another profile are other alerts.

    Raises:
        InputError: the file cannot be read, is not a report, or is one of another profile.
    """
    document = reading.read(path)
    if document.profile != profile:
        message = f"is a report of the profile '{document.profile}', not of '{profile}'"
        raise InputError(message, str(path))
    return document


def earlier(document: Document, rules: Iterable[Rule]) -> Earlier:
    """Return the open findings of a report; those of rules that are not evaluated any more are left out."""
    known = {rule.id: rule for rule in rules}
    return Earlier(
        document.scopes,
        tuple(
            model.Carried(_finding(finding, known[finding.rule]), last_seen)
            for finding, last_seen in _open(document)
            if finding.rule in known
        ),
    )


def _open(document: Document) -> Iterator[tuple[Finding, str]]:
    """Yield the findings that were alerts, first those carried already, each with when it was last evaluated."""
    seen = document.taken_at or document.as_of.isoformat()
    found = [
        *((old.finding, old.last_seen) for old in document.carried),
        *((finding, seen) for finding in document.findings),
    ]
    for finding, last_seen in found:
        unread = finding.outcome is Outcome.UNKNOWN and finding.cause is Cause.GAP and not finding.optional
        if (finding.outcome is Outcome.FAIL or unread) and finding.waiver is None:
            yield finding, last_seen


def _finding(finding: Finding, rule: Rule) -> model.Finding:
    """Return a finding as it was, without its reason."""
    subject = finding.subject
    return model.Finding(
        rule=rule,
        outcome=finding.outcome,
        severity=finding.severity,
        graded=finding.grade or "",
        subject=Subject(subject.id, subject.kind, subject.name, subject.region or "", subject.line or 0),
        deployment=finding.deployment or "",
        evidence=finding.evidence,
        cause=finding.cause,
        attestation=model.Attestation(**msgspec.structs.asdict(finding.attestation)) if finding.attestation else None,
    )
