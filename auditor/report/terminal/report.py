"""The report as text for whoever has to act on it, perhaps at three in the morning and over a serial line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from rich.cells import cell_len, set_cell_size
from rich.style import Style

from auditor import __version__
from auditor.azure import arm
from auditor.escape import printable
from auditor.judging.model import Finding, Outcome
from auditor.report import drift_summary, summary, wording
from auditor.report.document import Report
from auditor.report.grouping import by_rule, counted, group
from auditor.report.terminal.drift import changes
from auditor.report.terminal.exemptions import excused
from auditor.report.terminal.layout import Page, wrap
from auditor.rules.model import Rule, Severity
from auditor.snapshot.known import Cause
from auditor.snapshot.model import Gap, GapReason

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
    GapReason.FORBIDDEN: "give the identity that reads the role of `auditor permissions` there, and read again",
    GapReason.THROTTLED: "Azure asked to slow down: read again later",
    GapReason.TIMEOUT: "Azure took too long to answer: read again later",
    GapReason.UNAVAILABLE: "Azure gave no answer: read again later, unless its code says what is wrong",
    GapReason.MALFORMED: "Azure's answer makes no sense: read again, and report it if that does not help",
    GapReason.UNSUPPORTED: "this cloud does not offer it: check by hand what the rules ask for",
    GapReason.NOT_REQUESTED: "read again, and include it",
}

_SELF_EXPLAINED: Final = frozenset({GapReason.UNSUPPORTED, GapReason.NOT_REQUESTED})
"""Reasons of gaps whose detail says what to do, as where no permission would help; that of others says what went wrong.
"""

_CAUSES: Final[Mapping[Cause | None, str]] = {
    Cause.GAP: "Could not be read",
    Cause.DECLARATION: "Not declared",
    Cause.GUEST: "Inside the machine, and nobody supplied the file",
    Cause.VALUE: "Read, but it makes no sense",
    None: "For no reason that is known",
}

_SCOPE: Final = re.compile(r"/subscriptions/[^\s,;:\]]+", re.IGNORECASE)
_WORD: Final = re.compile(r"""(?:"[^"]*"|'[^']*'|\S)+""")
"""A word of a command; what is quoted stays together."""
_COMMAND: Final = re.compile(r"[a-z./]")
"""How a command begins; prose begins with a capital, a comment with `#`."""


def render(report: Report, view: View) -> str:
    """Return the report as text that keeps to the view's width, but never breaks an id or a word of a command.

    The last line is a summary for logs, and stays one line.
    """
    page = Page(view.width)
    _header(page, report)
    _gaps(page, report)
    _errors(page, report)
    if report.drift:
        changes(page, report.drift, report.snapshot.taken_at)
    if not view.only_changes:
        _fails(page, report)
        _unknowns(page, report)
        _carried(page, report)
        excused(page, report)
    if view.passes:
        _passes(page, report)
    page.lines(["", _summary(report)])
    return page.text(colour=view.colour)


# --- the head ---------------------------------------------------------------------------------------------------------


def _header(page: Page, report: Report) -> None:
    """Say what was scanned, how it came out, and whether that is all there is to say."""
    snapshot = report.snapshot
    scopes = [arm.name_of(scope) for scope in snapshot.scopes]
    taken = snapshot.taken_at or "at a time that is not known"
    if snapshot.identity:
        taken += f", by {snapshot.identity}"
    deployments = ", ".join(dict.fromkeys(f.deployment for f in report.findings if f.deployment)) or "none recognised"
    outcomes = summary.outcomes(report)
    fields = [
        (
            "Scanned",
            f"{wording.count(len(snapshot.resources), 'resource')} in {wording.count(len(scopes), 'subscription')}",
        ),
        ("", ", ".join(wording.first(scopes))),
        ("Taken", taken),
        ("Cloud", snapshot.cloud),
        ("Deployments", deployments),
        ("Declared in", report.deployment_file or ("the snapshot" if snapshot.deployment else "")),
        ("Profile", f"{report.profile} ({wording.count(len(report.rules), 'rule')}), as of {report.as_of}"),
        *(("Reference", f"{pack.source.title}, {pack.source.url}") for pack in report.packs if pack.source),
        ("Verdicts", ", ".join(f"{outcomes[outcome]} {outcome.replace('_', ' ')}" for outcome in Outcome)),
        (
            "Fails",
            ", ".join(f"{number} {severity}" for severity, number in summary.severities(report))
            if outcomes[Outcome.FAIL]
            else "",
        ),
        ("Waived", ", ".join(wording.count(number, noun) for noun, number in summary.waived(report).items())),
    ]
    page.lines([f"auditor {__version__}", ""])
    for name, text in fields:
        if text:
            page.write(text, lead=f"{name:<13}")
    page.lines([""])
    page.write(summary.conclusion(report))
    page.write(summary.cleanness(report))


def _gaps(page: Page, report: Report) -> None:
    """Say what could not be read or was not declared, and what to do about it."""
    coverage = report.coverage
    if not coverage.open_gaps and not coverage.declarations:
        return
    page.section("Not seen" if coverage.complete else "Not seen: this is not a clean answer")
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
    page.lines([""] * bool(groups and coverage.declarations))
    for declaration in coverage.declarations:
        page.write(declaration, lead="- ")


def _circumstances(gaps: list[Gap]) -> tuple[GapReason, str, tuple[str, ...], tuple[str, ...]]:
    """Return why and where something was not read: types that have it in common are said in one go."""
    details = tuple(dict.fromkeys(gap.detail for gap in gaps if gap.detail))
    return gaps[0].reason, gaps[0].code, tuple(dict.fromkeys(gap.scope for gap in gaps)), details


def _detail(details: tuple[str, ...]) -> str:
    return details[0] if len(details) == 1 else f"{details[0]} (and {len(details) - 1} more like it)"


# --- findings ---------------------------------------------------------------------------------------------------------


def _fails(page: Page, report: Report) -> None:
    """List the fails of each deployment, worst first; what a rule says stands once above and below its subjects."""
    for deployment, fails in group(counted(report, Outcome.FAIL), lambda finding: finding.deployment).items():
        page.section(f"{deployment or 'No deployment'}: {wording.count(len(fails), 'fail')}")
        for number, findings in enumerate(by_rule(fails)):
            page.lines([""] * (number > 0))
            _heading(page, findings)
            rule = findings[0].rule
            page.write(" ".join(rule.why.split()), 2, lead="Why  ")
            for position, finding in enumerate(findings):
                page.write(wording.subject(finding), 2, lead="     " if position else "At   ")
                _evidence(page, finding)
            page.lines(_script(rule.fix, page.width - 7), 2, lead="Fix  ")
            page.lines(_references(rule, report, page.width - 7), 2, lead="See  ")


def _heading(page: Page, findings: list[Finding], indent: int = 0) -> None:
    """Write the severity and the rule that findings have in common."""
    first = findings[0]
    subjects = f" ({len(findings)} subjects)" if len(findings) > 1 else ""
    lead = f"{first.severity.upper():<9}"
    page.write(f"{first.rule.id}  {first.rule.title}{subjects}", indent, lead=lead, style=_COLOURS[first.severity])


def _evidence(page: Page, finding: Finding) -> None:
    """Write what a fail rests on, below its subject."""
    seen = (
        finding.subject.id,
        *(resource for e in finding.evidence for resource in (e.resource, *(r[0] for r in e.reads))),
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
        for resource, path, value in evidence.reads[:most]:
            page.write(f"{_place(resource, path, finding, home)} = {wording.value(value, home)}", 11, lead="from ")
        _more(page, len(evidence.reads) - most, 11)
    _more(page, len(finding.evidence) - wording.MOST, 9)


def _more(page: Page, number: int, indent: int) -> None:
    if number > 0:
        page.lines([f"and {number} more"], indent)


def _unknowns(page: Page, report: Report) -> None:
    """List the unknowns by what they lack, so that one missing permission is said once with all that it hides."""
    unknowns = group(counted(report, Outcome.UNKNOWN), lambda finding: finding.cause)
    if unknowns:
        page.section(f"{wording.count(sum(map(len, unknowns.values())), 'unknown')}: could not be judged")
    for number, cause in enumerate(cause for cause in _CAUSES if cause in unknowns):
        page.lines([""] * (number > 0) + [_CAUSES[cause]])
        _by_reason(page, unknowns[cause])


def _carried(page: Page, report: Report) -> None:
    """List what an earlier report had and this run lost sight of, by the reasons."""
    carried = [old for old in report.carried if old.finding.waiver is None]
    if carried:
        page.section(f"{wording.count(len(carried), 'finding')} of before, not seen this time: still open")
    for last_seen, olds in group(carried, lambda old: old.last_seen).items():
        page.lines([f"Last seen {last_seen}"])
        _by_reason(page, [old.finding for old in olds])


def _errors(page: Page, report: Report) -> None:
    errors = counted(report, Outcome.ERROR)
    if errors:
        page.section(f"{wording.count(len(errors), 'error')}: a bug of auditor, please report it")
        _by_reason(page, errors)


def _by_reason(page: Page, findings: Iterable[Finding]) -> None:
    """List findings below their reasons; reasons that differ only in the resource that they name are one."""
    for pattern, alike in group(findings, lambda finding: _SCOPE.sub("/subscriptions/...", finding.reason)).items():
        reasons = {finding.reason for finding in alike}
        page.write(reasons.pop() if len(reasons) == 1 else pattern, 2)
        for same in by_rule(alike):
            _heading(page, same, 4)
            for deployment, of in group(same, lambda finding: finding.deployment).items():
                names = ", ".join(wording.subject(finding) for finding in of)
                itself = {finding.subject.id for finding in of} == {deployment}
                page.write(names if itself or not deployment else f"{deployment}: {names}", 13)


def _passes(page: Page, report: Report) -> None:
    """List passes and not-applicables, one line each."""
    passes = counted(report, Outcome.PASS) + counted(report, Outcome.NOT_APPLICABLE)
    for deployment, findings in group(passes, lambda finding: finding.deployment).items():
        page.section(f"{deployment or 'No deployment'}: passes and not applicable")
        for finding in findings:
            lead = "pass  " if finding.outcome is Outcome.PASS else "n/a   "
            line = printable(f"{finding.rule.id}  {wording.subject(finding)}  {finding.rule.title}")
            if not page.fits(line, len(lead)):
                line = set_cell_size(line, page.width - len(lead) - 3).rstrip() + "..."
            page.lines([line], lead=lead)


def _summary(report: Report) -> str:
    """Return the result in one line for logs."""
    outcomes = summary.outcomes(report)
    fails = ", ".join(f"{number} {severity}" for severity, number in summary.severities(report) if number)
    counts = [f"{outcomes[Outcome.FAIL]} fail{f' ({fails})' if fails else ''}"]
    counts += [f"{outcomes[Outcome.ERROR]} error"] * (outcomes[Outcome.ERROR] > 0)
    attested = sum(finding.attestation is not None for finding in report.findings)
    passes = f"{outcomes[Outcome.PASS]} pass{f' ({attested} attested)' if attested else ''}"
    counts += [f"{outcomes[Outcome.UNKNOWN]} unknown", passes]
    if carried := summary.still_open(report):
        counts.append(f"{carried} not seen this time")
    if waived := sum(summary.waived(report).values()):
        counts.append(f"{waived} waived")
    coverage = (
        "complete"
        if report.coverage.complete
        else ": ".join(filter(None, ["incomplete", ", ".join(summary.missing(report))]))
    )
    said = [", ".join(counts), coverage]
    if report.drift:
        said.append(f"since the baseline: {drift_summary.findings(report.drift)}")
    return f"auditor: {'; '.join(said)}"


# --- words ------------------------------------------------------------------------------------------------------------


def _place(resource: str, path: str, finding: Finding, home: str) -> str:
    """Return where something was observed; the resource is left out where it is the subject."""
    name = "" if arm.key(resource) == arm.key(finding.subject.id) else wording.shortened(resource, home)
    return " ".join(filter(None, (name, path))) or finding.subject.name


def _script(text: str, width: int) -> Iterator[str]:
    """Yield the lines of a fix; a command is broken where a shell goes on reading, so that it can be copied."""
    for line in map(printable, text.replace("\\\n", " ").strip().split("\n")):
        if line.startswith("#"):
            yield from (f"# {part}" for part in wrap(line.lstrip("# "), width - 2))
        elif _COMMAND.match(line) and cell_len(line) > width:
            yield from _command(line, width)
        else:
            yield from wrap(line, width)


def _command(line: str, width: int) -> Iterator[str]:
    """Yield the lines of a long command, broken only in front of its options."""
    written = ""
    for option in _options(line):
        longer = f"{written} {option}" if written else option
        if written and cell_len(longer) + len(" \\") > width:
            yield f"{written} \\"
            written = f"  {option}"
        else:
            written = longer
    yield written


def _options(line: str) -> list[str]:
    """Split a command in front of its options, each of which keeps its values."""
    options: list[str] = []
    for word in _WORD.findall(line):
        if options and not word.startswith("-"):
            options[-1] += f" {word}"
        else:
            options.append(word)
    return options


def _references(rule: Rule, report: Report, width: int) -> Iterator[str]:
    """Yield what asks for a rule: statements of the reference, or pages."""
    statements = {name: s for pack in report.packs if pack.name == rule.pack for name, s in pack.statements.items()}
    if rule.reference:
        sections = dict.fromkeys(statements[name].section for name in rule.reference if name in statements)
        yield from wrap(printable(": ".join(filter(None, (", ".join(rule.reference), "; ".join(sections))))), width)
    for source in rule.sources:
        yield from wrap(printable(f"{source.title} ({source.date}) {source.url}"), width)
