"""Every finding in full; readable without colour, at 80 columns and over a serial line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from auditor.azure import arm
from auditor.escape import printable
from auditor.evaluation.model import Outcome
from auditor.report import filtering, remedies, rules, summary, wording
from auditor.report.document import Coverage, Document, Finding, Rule
from auditor.report.grouping import by_rule, counted, group
from auditor.report.terminal import styles
from auditor.report.terminal.commands import wrap_fix
from auditor.report.terminal.drift import write_drift
from auditor.report.terminal.evidence import write_evidence
from auditor.report.terminal.exemptions import write_exemptions
from auditor.report.terminal.gaps import joined
from auditor.report.terminal.last_line import last_line
from auditor.report.terminal.layout import Page, wrap
from auditor.report.terminal.passes import write_passes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from auditor.report.view import View


def render(document: Document, view: View) -> str:
    """Return the report as text within the view's width; ids and words of commands are never broken.

    The last line is a summary for logs, and stays one line.
    """
    page = Page(view.width)
    _header(page, document)
    last, left_out = last_line(document), filtering.hidden(document, view.chosen)
    document = view.chosen.applied(document)
    if left_out:
        page.write(left_out)
    _gaps(page, document.coverage)
    _errors(page, document)
    if document.drift:
        write_drift(page, document, document.drift, details=True)
    if not view.only_changes:
        _fails(page, document)
        _unknowns(page, document)
        _carried(page, document)
        write_exemptions(page, document)
    _guest_files(page, document)
    if view.passes:
        write_passes(page, document)
    page.lines(["", last])
    return page.text(colour=view.colour)


# --- the head ---------------------------------------------------------------------------------------------------------


def _header(page: Page, document: Document) -> None:
    """Write what was scanned, the numbers of outcomes, and whether the result is complete."""
    scopes = [arm.name_of(scope) for scope in document.scopes]
    taken = document.taken_at or "at an unknown time"
    if document.identity:
        taken += f", by {document.identity}"
    resources = f"{wording.count(document.resources, 'resource')} in " if document.resources is not None else ""
    outcomes, declared = summary.outcomes(document), document.declaration
    number = f"{wording.count(len(document.rules), 'rule')}" if document.rules else "rules not listed"
    fields = [
        ("Scanned", f"{resources}{wording.count(len(scopes), 'subscription')}"),
        ("", ", ".join(wording.first(scopes))),
        ("Taken", taken),
        ("Cloud", document.cloud),
        ("Deployments", ", ".join(summary.deployments(document)) or "none recognised"),
        ("Declared in", (declared.file or "the snapshot") if declared else ""),
        ("Options of", document.config),
        ("Profile", f"{document.profile} ({number}), as of {document.as_of}"),
        *(("Reference", f"{pack.source.title}, {pack.source.url}") for pack in document.packs if pack.source),
        ("Outcomes", ", ".join(f"{number} {outcome.replace('_', ' ')}" for outcome, number in outcomes.items())),
        (
            "Fails",
            ", ".join(f"{number} {severity}" for severity, number in summary.severities(document))
            if outcomes[Outcome.FAIL]
            else "",
        ),
        ("Waived", ", ".join(wording.count(number, noun) for noun, number in summary.waived(document).items())),
    ]
    page.lines([f"auditor {document.tool.version}", ""])
    for name, text in fields:
        if text:
            page.write(text, lead=f"{name:<13}")
    page.lines([""])
    page.write(summary.result_sentence(document))
    page.write(summary.coverage_sentence(document))


_MOST_VMS: Final = 20


def _guest_files(page: Page, document: Document) -> None:
    """Write which VM supplied which files, and from when."""
    alike = group(wording.guest_files(document), lambda found: found[1:])
    if alike:
        page.section("Files from inside VMs")
    for (files, taken), found in alike.items():
        names = [vm for vm, *_ in found]
        more = f" and {len(names) - _MOST_VMS} more" if len(names) > _MOST_VMS else ""
        page.write(f"{', '.join(names[:_MOST_VMS])}{more}: {files} (taken {taken})")


def _gaps(page: Page, coverage: Coverage) -> None:
    """Write the open gaps and the missing declarations, and what to do about them."""
    if not coverage.open_gaps and not coverage.declarations_missing:
        return
    page.section(f"Coverage gaps{': this result is incomplete' * (not coverage.complete)}")
    groups = joined(coverage.open_gaps)
    for number, alike in enumerate(groups):
        page.lines([""] * (number > 0))
        code = f" ({alike.code})" if alike.code else ""
        where = wording.count(len(alike.scopes), "scope")
        page.write(f"{', '.join(wording.first([*alike.whats]))}: {alike.reason}{code} in {where}")
        page.lines(wording.first([*alike.scopes]), 2, style=styles.DIM)
        if alike.permissions:
            page.write(", ".join(wording.first([*alike.permissions])), 2, lead="Needs  ")
        if alike.why:
            page.write(alike.why, 2, lead="Why    ")
        page.write(alike.to_do, 2, lead="To do  ")
    page.lines([""] * bool(groups and coverage.declarations_missing))
    for declaration in coverage.declarations_missing:
        page.write(declaration, lead="- ")


# --- findings ---------------------------------------------------------------------------------------------------------


def _fails(page: Page, document: Document) -> None:
    """Write the fails of each deployment by rule, worst first."""
    known = rules.by_id(document)
    for deployment, fails in group(counted(document, Outcome.FAIL), lambda finding: finding.deployment).items():
        page.section(f"{deployment or 'No deployment'}: {wording.count(len(fails), 'fail')}")
        for number, findings in enumerate(by_rule(fails)):
            page.lines([""] * (number > 0))
            _heading(page, findings)
            rule = known[findings[0].rule]
            if rule.why:
                page.write(" ".join(rule.why.split()), 2, lead="Why  ")
            for position, finding in enumerate(findings):
                page.write(wording.subject(finding.subject), 2, lead="     " if position else "At   ")
                if finding.grade:
                    page.write(rules.graded(finding, rule), 9)
                write_evidence(page, finding)
                if finding.remedy:
                    steps = "\n".join(remedies.lines(finding))
                    page.lines(wrap_fix(steps, page.width - 14), 9, lead="Do   ")
            if not all(finding.remedy for finding in findings):
                page.lines(wrap_fix(rule.fix, page.width - 7), 2, lead="Fix  ")
            page.lines(_references(rule, document, page.width - 7), 2, lead="See  ")


def _heading(page: Page, findings: list[Finding], indent: int = 0) -> None:
    """Write the severity and the rule of findings."""
    first = findings[0]
    subjects = f" ({len(findings)} subjects)" if len(findings) > 1 else ""
    lead = f"{first.severity.upper():<9}"
    # What is unknown is written below its cause, which its headline would repeat.
    text = wording.headline(first) if first.outcome is Outcome.FAIL else first.title
    page.write(f"{first.rule}  {text}{subjects}", indent, lead=lead, style=styles.SEVERITIES[first.severity])


def _unknowns(page: Page, document: Document) -> None:
    """Write the unknowns by cause and reason, so that a missing permission is written once."""
    unknowns = group(
        counted(document, Outcome.UNKNOWN),
        lambda finding: (finding.cause, finding.optional),
    )
    if unknowns:
        page.section(f"{wording.count(sum(map(len, unknowns.values())), 'unknown')}: could not be evaluated")
    causes = [(cause, optional) for optional in (False, True) for cause in wording.CAUSES]
    for number, (cause, optional) in enumerate(kind for kind in causes if kind in unknowns):
        title = wording.CAUSES[cause].capitalize()
        page.lines([""] * (number > 0) + [f"{title}{'; the result is complete without it' * optional}"])
        _by_reason(page, unknowns[cause, optional])


def _carried(page: Page, document: Document) -> None:
    """Write the carried findings by reason."""
    carried = [old for old in document.carried if old.finding.waiver is None]
    if carried:
        page.section(f"{wording.count(len(carried), 'finding')} of the previous report, still open")
    for last_seen, olds in group(carried, lambda old: old.last_seen).items():
        page.lines([f"Last evaluated {last_seen}"])
        _by_reason(page, [old.finding for old in olds])


def _errors(page: Page, document: Document) -> None:
    errors = counted(document, Outcome.ERROR)
    if errors:
        page.section(f"{wording.count(len(errors), 'error')}: a bug in auditor, please report it")
        _by_reason(page, errors)


def _by_reason(page: Page, findings: Iterable[Finding]) -> None:
    """Write findings below their reasons; reasons that differ only in the ids that they contain are one."""
    for pattern, alike in group(
        findings, lambda finding: wording.SCOPE.sub("/subscriptions/...", finding.reason or "")
    ).items():
        reasons = {finding.reason or "" for finding in alike}
        page.write(reasons.pop() if len(reasons) == 1 else pattern, 2)
        for same in by_rule(alike):
            _heading(page, same, 4)
            for deployment, of in group(same, lambda finding: finding.deployment).items():
                names = ", ".join(wording.subject(finding.subject) for finding in of)
                itself = {finding.subject.id for finding in of} == {deployment}
                page.write(names if itself or not deployment else f"{deployment}: {names}", 13)


# --- words ------------------------------------------------------------------------------------------------------------


def _references(rule: Rule, document: Document, width: int) -> Iterator[str]:
    """Yield what a rule rests on: statements of the reference architecture, or web pages."""
    statements = {name: s for pack in document.packs if pack.name == rule.pack for name, s in pack.statements.items()}
    if rule.reference:
        sections = dict.fromkeys(statements[name].section for name in rule.reference if name in statements)
        yield from wrap(printable(": ".join(filter(None, (", ".join(rule.reference), "; ".join(sections))))), width)
    for source in rule.sources:
        yield from wrap(printable(f"{source.title} ({source.date}) {source.url}"), width)
