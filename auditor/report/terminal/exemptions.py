"""What is waived or attested, as the terminal report shows it: folded, since the JSON report has all of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from auditor.judging.model import ExemptionState, Finding
from auditor.report import summary, wording
from auditor.report.document import Report
from auditor.report.grouping import group

if TYPE_CHECKING:
    from collections.abc import Iterable

    from auditor.report.terminal.layout import Page

_INDENT: Final = 2


def excused(page: Page, report: Report) -> None:
    """Say what is waived or attested, by whom and until when, and which waivers and attestations have no effect."""
    _waived(page, report)
    _attested(page, report)
    _without_effect(page, report)


def _waived(page: Page, report: Report) -> None:
    findings = group((f for f in report.findings if f.waiver), lambda finding: id(finding.waiver))
    gaps = group(report.coverage.waived, lambda gap: id(report.coverage.waived[gap]))
    if findings or gaps:
        page.section(f"{sum(summary.waived(report).values()):,} waived")
    for waiver in [stood.exemption for stood in report.waivers if stood.state is ExemptionState.USED]:
        hidden, found = gaps.get(id(waiver), []), findings.get(id(waiver), [])
        if hidden or found:
            where = ", ".join(filter(None, (wording.place(waiver), waiver.ticket)))
            page.write(f"Until {waiver.expires_on}, by {waiver.approved_by}: {waiver.reason} ({where})")
            for what, of in group(hidden, lambda gap: gap.what).items():
                _row(page, "gap", what, [gap.scope for gap in of])
            _rows(page, found)


def _attested(page: Page, report: Report) -> None:
    findings = group((f for f in report.findings if f.attestation), lambda finding: id(finding.attestation))
    if findings:
        page.section(f"{wording.count(sum(map(len, findings.values())), 'pass')} by attestation")
    for given in [stood.exemption for stood in report.attestations if stood.state is ExemptionState.USED]:
        found = findings.get(id(given), [])
        if found:
            page.write(f"Until {given.valid_until}, by {given.attested_by}: {given.statement} ({wording.place(given)})")
            _rows(page, found)


def _rows(page: Page, findings: Iterable[Finding]) -> None:
    for (outcome, rule), alike in group(findings, lambda finding: (finding.outcome, finding.rule.id)).items():
        _row(page, outcome, rule, [wording.subject(finding) for finding in alike])


def _row(page: Page, outcome: str, what: str, names: list[str]) -> None:
    page.write(f"{what}  {', '.join(wording.first(names))}", _INDENT, lead=f"{outcome:<9}")


def _without_effect(page: Page, report: Report) -> None:
    waivers = [stood for stood in report.waivers if stood.state is not ExemptionState.USED]
    attestations = [stood for stood in report.attestations if stood.state is not ExemptionState.USED]
    if waivers or attestations:
        page.section("Waivers and attestations without effect")
    for waiver in waivers:
        page.write(f"{wording.place(waiver.exemption)}  {wording.effect(waiver)}")
    for attestation in attestations:
        page.write(f"{wording.place(attestation.exemption)}  {wording.effect(attestation)}")
