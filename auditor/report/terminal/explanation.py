"""One rule explained by its findings: why it exists, what was observed, how to correct it, and on what it rests."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final

from auditor.errors import InputError
from auditor.escape import printable
from auditor.evaluation.model import Outcome
from auditor.report import elsewhere, remedies, rules, wording
from auditor.report.document import Document, Finding, Rule
from auditor.report.grouping import group
from auditor.report.terminal import styles
from auditor.report.terminal.commands import wrap_fix
from auditor.report.terminal.evidence import write_evidence
from auditor.report.terminal.layout import Page, wrap

if TYPE_CHECKING:
    from auditor.report.view import View

_INDENT: Final = 9
_MOST: Final = 100
"""The number of observations that are shown of a finding."""
_OPEN: Final = (Outcome.FAIL, Outcome.ERROR, Outcome.UNKNOWN)
_WORDS: Final = {Outcome.NOT_APPLICABLE: "N/A"}


def render(document: Document, rule_id: str, subject: str, view: View) -> str:
    """Return what a report has about a rule, of all subjects or of one: its name or id, or a glob of them.

    Raises:
        InputError: the report has no such rule or no such subject.
    """
    rule = _rule(document, rule_id)
    of_rule = [finding for finding in document.findings if finding.rule == rule.id]
    findings = [finding for finding in of_rule if not subject or _is_named(finding, subject)]
    if subject and not findings and not _unlisted(rule, of_rule):
        names = ", ".join(wording.first([*dict.fromkeys(finding.subject.name for finding in of_rule)]))
        message = f"{rule.id} has no finding for '{subject}'; it has some for {names or 'no subject'}"
        raise InputError(message)
    page = Page(view.width)
    _heading(page, rule)
    _findings(page, document, rule, findings)
    fails = [finding for finding in findings if finding.outcome is Outcome.FAIL]
    if not fails or not all(finding.remedy for finding in fails):
        page.lines([""])
        page.lines(wrap_fix(rule.fix, page.width - _INDENT), lead=f"{'Fix':<{_INDENT}}")
    page.lines([""])
    page.lines(_basis(document, rule, page.width - _INDENT), lead=f"{'See':<{_INDENT}}")
    if against := elsewhere.against(rule):
        page.lines([""])
        page.write(f"{against} contradicts this rule: do not follow it", lead=f"{'Against':<{_INDENT}}")
    if controls := elsewhere.controls(rule, elsewhere.titles(document)):
        page.lines([""])
        page.write(f"A pass is evidence for a part of {controls}", lead=f"{'Controls':<{_INDENT}}")
    return page.text(colour=view.colour)


def _rule(document: Document, rule_id: str) -> Rule:
    found = rules.by_id(document)
    known = {id_.casefold(): rule for id_, rule in found.items()}
    if rule_id.casefold() not in known:
        message = f"there is no rule '{rule_id}' in profile {document.profile}; auditor rules list names them"
        raise InputError(message)
    return known[rule_id.casefold()]


def _unlisted(rule: Rule, listed: list[Finding]) -> int:
    """Return the number of passes that a report counts and does not list."""
    return (rule.passes or 0) - sum(finding.outcome is Outcome.PASS for finding in listed)


def _is_named(finding: Finding, subject: str) -> bool:
    names = (finding.subject.name, finding.subject.id, f"{finding.deployment}/{finding.subject.name}")
    return any(fnmatchcase(name.casefold(), subject.casefold()) for name in names)


def _heading(page: Page, rule: Rule) -> None:
    page.write(f"{rule.id}  {rule.title}", lead=f"{rule.severity.upper():<9}", style=styles.SEVERITIES[rule.severity])
    if rule.grades:
        page.write(f"{rule.severity}; by its grades also {', '.join(rule.grades)}", lead=f"{'Severity':<{_INDENT}}")
    if rule.why:
        page.write(" ".join(rule.why.split()), lead=f"{'Why':<{_INDENT}}")


# --- findings ---------------------------------------------------------------------------------------------------------


def _findings(page: Page, document: Document, rule: Rule, findings: list[Finding]) -> None:
    """Write the findings by deployment: each that is open in full, and of the others no more than the names."""
    if not findings:
        unlisted = _unlisted(rule, [finding for finding in document.findings if finding.rule == rule.id])
        passes = f"; {wording.count(unlisted, 'pass')} of the rule it does not list" if unlisted else ""
        page.lines([""])
        page.write(f"The report has no such finding{passes}.")
    for deployment, of in group(findings, lambda finding: finding.deployment).items():
        page.section(deployment or "No deployment")
        for outcome in _OPEN:
            for finding in of:
                if finding.outcome is outcome:
                    _finding(page, document, rule, finding)
        for outcome in (Outcome.PASS, Outcome.NOT_APPLICABLE):
            same = [finding for finding in of if finding.outcome is outcome]
            if len(findings) == 1 and same:
                _finding(page, document, rule, same[0])
            elif same:
                names = ", ".join(wording.subject(finding.subject) for finding in same)
                page.write(names, lead=f"{_WORDS.get(outcome, outcome).upper():<9}")


def _finding(page: Page, document: Document, rule: Rule, finding: Finding) -> None:
    file, line = document.deployment_file, finding.subject.line
    declared = f", {file}:{line}" if file and line else ""
    style = styles.SEVERITIES[finding.severity] if finding.outcome is Outcome.FAIL else None
    lead = f"{_WORDS.get(finding.outcome, finding.outcome).upper():<9}"
    page.write(f"{wording.subject(finding.subject)}{declared}", lead=lead, style=style)
    if finding.outcome is Outcome.FAIL:
        page.write(wording.headline(finding), _INDENT)
        if rule.grades or finding.grade:
            page.write(rules.graded(finding, rule) or f"{finding.severity}: no grade applies", _INDENT)
    if finding.reason:
        page.write(finding.reason, _INDENT)
    if finding.waiver:
        waiver = finding.waiver
        page.write(f"waived until {waiver.expires_on} by {waiver.approved_by}: {waiver.reason}", _INDENT)
    if finding.attestation:
        given = finding.attestation
        page.write(f"attested until {given.valid_until} by {given.attested_by}: {given.statement}", _INDENT)
    if finding.state:
        page.write(f"since the baseline: {finding.state}", _INDENT)
    write_evidence(page, finding, _MOST)
    if finding.remedy:
        page.lines(
            wrap_fix("\n".join(remedies.lines(finding)), page.width - 2 * _INDENT), _INDENT, lead=f"{'Do':<{_INDENT}}"
        )


# --- what the rule rests on -------------------------------------------------------------------------------------------


def _basis(document: Document, rule: Rule, width: int) -> Iterator[str]:
    """Yield the statements of the reference architecture that a rule checks, and the web pages on which it rests."""
    for name in rule.reference:
        statements = [s for pack in document.packs if pack.name == rule.pack if (s := pack.statements.get(name))]
        for statement in statements:
            yield from wrap(printable(f"{name} ({statement.section}): {statement.text}"), width)
            if statement.today:
                yield from wrap(printable(f"today: {statement.today}"), width)
        if not statements:
            yield printable(name)
    for source in rule.sources:
        yield from wrap(printable(f"{source.title} ({source.date}) {source.url}"), width)
