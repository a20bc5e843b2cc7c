"""The report as text for operators; readable without colour, at 80 columns and over a serial line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from rich.cells import set_cell_size
from rich.style import Style

from auditor.azure import arm
from auditor.escape import printable
from auditor.evaluation.model import Outcome
from auditor.report import drift_summary, rules, summary, wording
from auditor.report.document import Coverage, Document, Finding, Gap, Rule
from auditor.report.grouping import by_rule, counted, group
from auditor.report.terminal.commands import wrap_fix
from auditor.report.terminal.drift import write_drift
from auditor.report.terminal.exemptions import write_exemptions
from auditor.report.terminal.layout import Page, wrap
from auditor.rules.model import Severity
from auditor.snapshot.known import Cause
from auditor.snapshot.model import GapReason

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from auditor.report.view import View

_COLOURS: Final[Mapping[str, Style]] = {
    Severity.CRITICAL: Style.parse("bold red"),
    Severity.HIGH: Style.parse("red"),
    Severity.MEDIUM: Style.parse("yellow"),
    Severity.LOW: Style.parse("cyan"),
    Severity.INFO: Style.parse("blue"),
}
_DIM: Final = Style.parse("dim")

_REMEDIES: Final[Mapping[GapReason, str]] = {
    GapReason.FORBIDDEN: "assign the role from `auditor permissions` to the scanning identity there, then scan again",
    GapReason.THROTTLED: "Azure throttled the requests: scan again later",
    GapReason.TIMEOUT: "Azure did not answer in time: scan again later",
    GapReason.UNAVAILABLE: "Azure did not answer: scan again later, unless the error code names another cause",
    GapReason.MALFORMED: "Azure's answer could not be understood: scan again, and report it if it happens again",
    GapReason.UNSUPPORTED: "this cloud does not offer it: check by hand what the rules require",
    GapReason.NOT_REQUESTED: "include it and scan again",
}

_SELF_EXPLAINED: Final = frozenset({GapReason.UNSUPPORTED, GapReason.NOT_REQUESTED})
"""Reasons of gaps whose detail says what to do; the detail of others says what went wrong."""

_CAUSES: Final[Mapping[Cause | None, str]] = {
    Cause.GAP: "Could not be read",
    Cause.DECLARATION: "Not declared",
    Cause.GUEST: "In a file inside the VM that was not supplied",
    Cause.VALUE: "Read, but the value has no known meaning",
    Cause.ATTESTATION: "Not attested",
    None: "Without a known cause",
}

_SCOPE: Final = re.compile(r"/subscriptions/[^\s,;:\]]+", re.IGNORECASE)


def render(document: Document, view: View) -> str:
    """Return the report as text within the view's width; ids and words of commands are never broken.

    The last line is a summary for logs, and stays one line.
    """
    page = Page(view.width)
    _header(page, document)
    _gaps(page, document.coverage)
    _errors(page, document)
    if document.drift:
        write_drift(page, document, document.drift)
    if not view.only_changes:
        _fails(page, document)
        _unknowns(page, document)
        _carried(page, document)
        write_exemptions(page, document)
    _guest_files(page, document)
    if view.passes:
        _passes(page, document)
    page.lines(["", _summary(document)])
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
    kinds = group(coverage.open_gaps, lambda gap: (gap.what, gap.reason, gap.code, gap.permission)).values()
    groups = group(kinds, _circumstances).values()
    for number, alike in enumerate(groups):
        page.lines([""] * (number > 0))
        reason, code, scopes, details = _circumstances(alike[0])
        whats = ", ".join(wording.first([gaps[0].what for gaps in alike]))
        page.write(f"{whats}: {reason}{f' ({code})' if code else ''} in {wording.count(len(scopes), 'scope')}")
        page.lines(wording.first(list(scopes)), 2, style=_DIM)
        needed = list(dict.fromkeys(gaps[0].permission for gaps in alike if gaps[0].permission))
        if needed:
            page.write(", ".join(wording.first(needed)), 2, lead="Needs  ")
        explained = reason in _SELF_EXPLAINED or (reason is GapReason.FORBIDDEN and not needed)
        if details and not explained:
            page.write(_detail(details), 2, lead="Why    ")
        page.write(_detail(details) if details and explained else _REMEDIES[reason], 2, lead="To do  ")
    page.lines([""] * bool(groups and coverage.declarations_missing))
    for declaration in coverage.declarations_missing:
        page.write(declaration, lead="- ")


def _circumstances(gaps: list[Gap]) -> tuple[GapReason, str | None, tuple[str, ...], tuple[str, ...]]:
    """Return reason, code, scopes and details of gaps; types for which they are equal are written once."""
    details = tuple(dict.fromkeys(gap.detail for gap in gaps if gap.detail))
    return gaps[0].reason, gaps[0].code, tuple(dict.fromkeys(gap.scope for gap in gaps)), details


def _detail(details: tuple[str, ...]) -> str:
    return details[0] if len(details) == 1 else f"{details[0]} (and {len(details) - 1} more like it)"


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
                    page.write(finding.grade, 9, lead=f"{finding.severity} because ")
                _evidence(page, finding)
            page.lines(wrap_fix(rule.fix, page.width - 7), 2, lead="Fix  ")
            page.lines(_references(rule, document, page.width - 7), 2, lead="See  ")


def _heading(page: Page, findings: list[Finding], indent: int = 0) -> None:
    """Write the severity and the rule of findings."""
    first = findings[0]
    subjects = f" ({len(findings)} subjects)" if len(findings) > 1 else ""
    lead = f"{first.severity.upper():<9}"
    # What is unknown is written below its cause, which its headline would repeat.
    text = wording.headline(first) if first.outcome is Outcome.FAIL else first.title
    page.write(f"{first.rule}  {text}{subjects}", indent, lead=lead, style=_COLOURS[first.severity])


def _evidence(page: Page, finding: Finding) -> None:
    """Write the evidence of a fail, below its subject."""
    seen = (
        finding.subject.id,
        *(resource for e in finding.evidence for resource in (e.resource, *(read.resource for read in e.reads))),
    )
    home = next(filter(arm.is_id, seen), "")
    if home:
        page.lines([home], 9, style=_DIM)
    shown = finding.evidence[: wording.MOST]
    for evidence in shown:
        place = _place(evidence.resource, evidence.path, finding, home)
        observed = wording.value(evidence.observed, home)
        expected = wording.cut(wording.shortened(evidence.expected.removeprefix("equals "), home))
        line = f"{place}: observed {observed}, expected {expected}"
        if page.fits(line, 9):
            page.write(line, 9)
        else:
            page.write(place, 9)
            page.write(observed, 11, lead="observed ")
            page.write(expected, 11, lead="expected ")
        most = max(1, wording.MOST // len(shown) - 1)
        for read in evidence.reads[:most]:
            observed = wording.value(read.observed, home)
            page.write(f"{_place(read.resource, read.path, finding, home)} = {observed}", 11, lead="from ")
        _more(page, len(evidence.reads) - most, 11)
    _more(page, len(finding.evidence) - wording.MOST, 9)


def _more(page: Page, number: int, indent: int) -> None:
    if number > 0:
        page.lines([f"and {number} more"], indent)


def _unknowns(page: Page, document: Document) -> None:
    """Write the unknowns by cause and reason, so that a missing permission is written once."""
    unknowns = group(
        counted(document, Outcome.UNKNOWN),
        lambda finding: (_CAUSES[finding.cause], finding.optional),
    )
    if unknowns:
        page.section(f"{wording.count(sum(map(len, unknowns.values())), 'unknown')}: could not be evaluated")
    causes = [(cause, optional) for optional in (False, True) for cause in _CAUSES.values()]
    for number, (cause, optional) in enumerate(kind for kind in causes if kind in unknowns):
        page.lines([""] * (number > 0) + [f"{cause}{'; the result is complete without it' * optional}"])
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
        findings, lambda finding: _SCOPE.sub("/subscriptions/...", finding.reason or "")
    ).items():
        reasons = {finding.reason or "" for finding in alike}
        page.write(reasons.pop() if len(reasons) == 1 else pattern, 2)
        for same in by_rule(alike):
            _heading(page, same, 4)
            for deployment, of in group(same, lambda finding: finding.deployment).items():
                names = ", ".join(wording.subject(finding.subject) for finding in of)
                itself = {finding.subject.id for finding in of} == {deployment}
                page.write(names if itself or not deployment else f"{deployment}: {names}", 13)


def _passes(page: Page, document: Document) -> None:
    """Write passes and findings that do not apply, one line each."""
    passes = counted(document, Outcome.PASS) + counted(document, Outcome.NOT_APPLICABLE)
    for deployment, findings in group(passes, lambda finding: finding.deployment).items():
        page.section(f"{deployment or 'No deployment'}: passes and not applicable")
        for finding in findings:
            lead = "pass  " if finding.outcome is Outcome.PASS else "n/a   "
            line = printable(f"{finding.rule}  {wording.subject(finding.subject)}  {finding.title}")
            if not page.fits(line, len(lead)):
                line = set_cell_size(line, page.width - len(lead) - 3).rstrip() + "..."
            page.lines([line], lead=lead)


def _summary(document: Document) -> str:
    """Return the result in one line for logs."""
    outcomes = summary.outcomes(document)
    fails = ", ".join(f"{number} {severity}" for severity, number in summary.severities(document) if number)
    counts = [f"{outcomes[Outcome.FAIL]} fail{f' ({fails})' if fails else ''}"]
    counts += [f"{outcomes[Outcome.ERROR]} error"] * (outcomes[Outcome.ERROR] > 0)
    attested = sum(finding.attestation is not None for finding in counted(document, Outcome.PASS))
    passes = f"{outcomes[Outcome.PASS]} pass{f' ({attested} attested)' if attested else ''}"
    counts += [f"{outcomes[Outcome.UNKNOWN]} unknown", passes]
    if carried := summary.still_open(document):
        counts.append(f"{carried} not evaluated this time")
    if waived := sum(summary.waived(document).values()):
        counts.append(f"{waived} waived")
    coverage = (
        "complete"
        if document.coverage.complete
        else ": ".join(filter(None, ["incomplete", ", ".join(summary.missing(document))]))
    )
    parts = [", ".join(counts), coverage]
    if document.drift:
        parts.append(f"since the baseline: {drift_summary.findings(document.drift)}")
    return f"auditor: {'; '.join(parts)}"


# --- words ------------------------------------------------------------------------------------------------------------


def _place(resource: str, path: str, finding: Finding, home: str) -> str:
    """Return where something was observed, without the resource if it is the subject."""
    name = "" if arm.key(resource) == arm.key(finding.subject.id) else wording.shortened(resource, home)
    return " ".join(filter(None, (name, path))) or finding.subject.name


def _references(rule: Rule, document: Document, width: int) -> Iterator[str]:
    """Yield what a rule rests on: statements of the reference architecture, or web pages."""
    statements = {name: s for pack in document.packs if pack.name == rule.pack for name, s in pack.statements.items()}
    if rule.reference:
        sections = dict.fromkeys(statements[name].section for name in rule.reference if name in statements)
        yield from wrap(printable(": ".join(filter(None, (", ".join(rule.reference), "; ".join(sections))))), width)
    for source in rule.sources:
        yield from wrap(printable(f"{source.title} ({source.date}) {source.url}"), width)
