"""The passes that a report has in brief, as findings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from auditor.azure import arm
from auditor.evaluation.model import Outcome, fingerprint
from auditor.report.document import BriefSubject, Document, Finding, Rule


def with_passes(document: Document) -> Document:
    """Return a report that lists what passes or does not apply too, without evidence where it has that in brief."""
    if document.lists_all:
        return document
    listed = {finding.key for finding in document.findings}
    added = (finding for finding in _findings(document) if finding.key not in listed)
    return msgspec.structs.replace(document, findings=(*document.findings, *added))


def resources_of_deployments(document: Document) -> frozenset[str]:
    """Return the keys of the resources of deployments that a report names as subjects, of any outcome."""
    ids = [finding.subject.id for finding in with_passes(document).findings if finding.deployment]
    return frozenset(map(arm.key, filter(arm.is_id, ids)))


def _findings(document: Document) -> Iterator[Finding]:
    if document.brief is None:
        return
    rules = {rule.id: rule for rule in document.rules}
    by_outcome: tuple[tuple[Outcome, Mapping[str, tuple[int, ...]]], ...] = (
        (Outcome.PASS, document.brief.passed),
        (Outcome.NOT_APPLICABLE, document.brief.not_applicable),
    )
    for outcome, by_rule in by_outcome:
        for id_, positions in sorted(by_rule.items()):
            for position in positions if id_ in rules else ():
                yield _finding(rules[id_], outcome, document.brief.subjects[position])


def _finding(rule: Rule, outcome: Outcome, about: BriefSubject) -> Finding:
    return Finding(
        rule=rule.id,
        title=rule.title,
        outcome=outcome,
        severity=rule.severity,
        subject=about.subject,
        deployment=about.deployment,
        evidence=(),
        cause=None,
        reason=None,
        reference=rule.reference,
        sources=rule.sources,
        fix=rule.fix,
        key=fingerprint(rule.id, about.deployment or "", about.subject.id),
        waiver=None,
        attestation=None,
        state=None,
    )
