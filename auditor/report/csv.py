"""The findings as CSV (RFC 4180) for spreadsheets: one row a finding."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
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


def render(document: Document, view: View) -> Iterator[str]:
    """Yield the columns, and a row for each finding that is listed or that stays open from the previous report.

    A cell that a spreadsheet would take for a formula begins with an apostrophe.
    """
    document = view.chosen.applied(document)
    file = document.deployment_file
    yield _line(_COLUMNS)
    for finding in listed(document, passes=view.passes):
        yield _line(map(cell, _row(finding, file, "")))
    for old in document.carried:
        yield _line(map(cell, _row(old.finding, file, old.last_seen)))


def _line(cells: Iterable[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n", quoting=csv.QUOTE_ALL).writerow(cells)
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
