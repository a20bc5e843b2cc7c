"""Waived and attested findings, as the terminal report shows them: in short, since the JSON report has the details."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from auditor.report import summary, wording
from auditor.report.document import Attestation, Document, Finding, Waiver
from auditor.report.grouping import group

if TYPE_CHECKING:
    from auditor.report.terminal.layout import Page

_INDENT: Final = 2


def write_exemptions(page: Page, document: Document) -> None:
    """Write what is waived or attested, by which person and until when, and which exemptions have no effect."""
    _waived(page, document)
    _attested(page, document)
    without = wording.without_effect(document)
    if without:
        page.section("Waivers and attestations without effect")
    for place, effect in without:
        page.write(f"{place}  {effect}")


def _waived(page: Page, document: Document) -> None:
    findings = group((f for f in document.findings if f.waiver), lambda finding: _entry(finding.waiver))
    gaps = group((gap for gap in document.coverage.gaps if gap.waiver), lambda gap: _entry(gap.waiver))
    if findings or gaps:
        page.section(f"{sum(summary.waived(document).values()):,} waived")
    for waiver in document.waivers.used:
        hidden, found = gaps.get(_entry(waiver), []), findings.get(_entry(waiver), [])
        if hidden or found:
            where = ", ".join(filter(None, (wording.place(waiver), waiver.ticket)))
            page.write(f"Until {waiver.expires_on}, by {waiver.approved_by}: {waiver.reason} ({where})")
            for what, of in group(hidden, lambda gap: gap.what).items():
                _row(page, "gap", what, [gap.scope for gap in of])
            _rows(page, found)


def _attested(page: Page, document: Document) -> None:
    findings = group((f for f in document.findings if f.attestation), lambda finding: _entry(finding.attestation))
    if findings:
        numbers = Counter(finding.outcome for of in findings.values() for finding in of)
        counts = " and ".join(wording.count(number, outcome) for outcome, number in numbers.items())
        page.section(f"{counts} by attestation")
    for given in document.attestations.used:
        found = findings.get(_entry(given), [])
        if found:
            page.write(f"Until {given.valid_until}, by {given.attested_by}: {given.statement} ({wording.place(given)})")
            _rows(page, found)


def _entry(exemption: Waiver | Attestation | None) -> object:
    """Return what identifies the entry of an exemption file."""
    return exemption and (exemption.file, exemption.line, exemption.rule, exemption.scope)


def _rows(page: Page, findings: Iterable[Finding]) -> None:
    for (outcome, rule), alike in group(findings, lambda finding: (finding.outcome, finding.rule)).items():
        _row(page, outcome, rule, [wording.subject(finding.subject) for finding in alike])


def _row(page: Page, outcome: str, what: str, names: list[str]) -> None:
    page.write(f"{what}  {', '.join(wording.first(names))}", _INDENT, lead=f"{outcome:<9}")
