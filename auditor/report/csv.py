"""The findings as CSV (RFC 4180) for spreadsheets: one row a finding."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from auditor.azure import arm
from auditor.escape import cell
from auditor.report import observations, remedies, wording
from auditor.report.grouping import listed

if TYPE_CHECKING:
    from auditor.report.document import Document, Finding
    from auditor.report.view import View

_COLUMNS: Final = (
    *("deployment", "rule", "severity", "outcome", "headline", "title"),
    *("subject", "kind", "region", "subscription", "resource group", "id", "declared at"),
    *("cause", "optional", "reason", "grade", "evidence", "reference", "commands"),
    *("waived until", "waived by", "attested until", "attested by", "baseline", "last evaluated", "key"),
)


def render(document: Document, view: View) -> str:
    """Return a row for each finding that is listed, and for each one of the previous report that stays open.

    A cell that a spreadsheet would take for a formula begins with an apostrophe.
    """
    document = view.chosen.applied(document)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n", quoting=csv.QUOTE_ALL)
    writer.writerow(_COLUMNS)
    for finding in listed(document, passes=view.passes):
        writer.writerow(map(cell, _row(finding, document.deployment_file, "")))
    for old in document.carried:
        writer.writerow(map(cell, _row(old.finding, document.deployment_file, old.last_seen)))
    return text.getvalue()


def _row(finding: Finding, file: str, last_seen: str) -> Iterator[str]:
    subject, waiver, given = finding.subject, finding.waiver, finding.attestation
    subscription = arm.subscription_of(subject.id) if arm.is_id(subject.id) else ""
    yield from (finding.deployment or "", finding.rule, finding.severity, finding.outcome)
    yield from (wording.headline(finding), finding.title)
    yield from (subject.name, subject.kind, subject.region or "", arm.name_of(subscription), arm.group_of(subject.id))
    yield from (subject.id, f"{file}:{subject.line}" if file and subject.line else "")
    yield from (finding.cause or "", "yes" if finding.optional else "", finding.reason or "", finding.grade or "")
    yield from ("; ".join(observations.lines(finding)), ", ".join(finding.reference))
    yield "" if last_seen else remedies.in_one_line(finding)
    yield from (waiver.expires_on.isoformat(), waiver.approved_by) if waiver else ("", "")
    yield from (given.valid_until.isoformat(), given.attested_by) if given else ("", "")
    yield from (finding.state or "", last_seen, finding.key)
