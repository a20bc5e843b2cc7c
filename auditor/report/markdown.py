"""The report as Markdown, for the summary of a job on GitHub and for reading as text: short, without subscription ids.

GitHub drops the whole summary of a step that is larger than 1 MiB, and shows the summaries of a public repository to
everybody.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final

from auditor.evaluation.model import Outcome
from auditor.report import drift_summary, filtering, remedies, summary, wording
from auditor.report.document import Document, Finding
from auditor.report.grouping import by_rule, counted, group, waived_keys
from auditor.report.markdown_tables import Table, table, text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from auditor.report.view import View

_MOST_OF_COMMANDS: Final = 128 * 1024
"""The largest size of all commands in bytes."""
_MOST_NAMES: Final = 15
"""The number of rules, subjects or VMs that are named in one cell."""
_SOON: Final = dt.timedelta(days=30)


def render(document: Document, view: View) -> str:
    """Return the report; a table that is too long is cut, with the number of omitted rows."""
    left_out = filtering.hidden(document, view.chosen)
    lines = [
        f"## {text(summary.result_sentence(document))}",
        "",
        f"{text(summary.coverage_sentence(document))}",
        "",
        *table(Table("", ("", ""), list(_facts(document)))),
    ]
    lines += ["", text(left_out)] if left_out else []
    shown = view.chosen.applied(document)
    for each in _tables(shown):
        if each.rows:
            lines += ["", f"### {each.title}", "", *table(each)]
    lines += _commands(remedies.without_ids(shown))
    return "\n".join(lines) + "\n"


def _facts(document: Document) -> Iterator[tuple[str, str]]:
    """Yield the numbers of outcomes, and by what they were evaluated."""
    of = summary.outcomes(document)
    fails = ", ".join(f"{number} {severity}" for severity, number in summary.severities(document) if number)
    waived = ", ".join(wording.count(number, noun) for noun, number in summary.waived(document).items())
    yield "Fails", f"{of[Outcome.FAIL]}{f' ({fails})' if fails else ''}"
    yield "Unknown", f"{of[Outcome.UNKNOWN]}"
    if of[Outcome.ERROR]:
        yield "Errors", f"{of[Outcome.ERROR]}"
    if waived:
        yield "Waived", waived
    yield "Passes", f"{of[Outcome.PASS]}"
    yield "Taken", document.taken_at or "at an unknown time"
    if document.drift:
        yield "Baseline", drift_summary.baseline(document, document.drift)
        yield "Findings since the baseline", drift_summary.findings(document.drift)
        yield "Resources since the baseline", drift_summary.resources(document.drift)
    tool = document.tool
    yield "Evaluated by", f"{tool.name} {tool.version}, profile {document.profile}, as of {document.as_of}"


def _tables(document: Document) -> Iterator[Table]:
    fails = [finding for findings in by_rule(counted(document, Outcome.FAIL)) for finding in findings]
    unknowns = group(counted(document, Outcome.UNKNOWN), lambda finding: finding.optional)
    drift, waived = document.drift, waived_keys(document)
    yield Table(
        "Changes since the baseline",
        ("State", "Rule", "Subject", "Before and now"),
        [*drift_summary.rows(drift, waived)] if drift else [],
    )
    columns = ("Severity", "Rule", "Subject", "Where")
    yield Table(
        wording.count(len(fails), "fail"),
        columns,
        [(f.severity, *_about(f), _where(f, document.deployment_file)) for f in fails],
    )
    errors = [(*_about(finding), finding.reason or "") for finding in counted(document, Outcome.ERROR)]
    yield Table(wording.count(len(errors), "error"), ("Rule", "Subject", "What went wrong"), errors)
    for optional, title in ((False, "unknown"), (True, "optional unknown")):
        found = unknowns.get(optional, [])
        columns = ("Severity", "Why", "Rules", "Subjects")
        yield Table(wording.count(len(found), title), columns, list(_by_reason(found)))
    carried = [old for old in document.carried if old.finding.waiver is None]
    yield Table(
        f"{wording.count(len(carried), 'finding')} of the previous report, not evaluated this time",
        ("Severity", "Rule", "Subject", "Last evaluated", "Why"),
        [(old.finding.severity, *_about(old.finding), old.last_seen, old.finding.reason or "") for old in carried],
    )
    gaps = [
        (gap.what, gap.scope, gap.reason, gap.code or "", gap.permission or gap.detail or "")
        for gap in document.coverage.open_gaps
    ]
    yield Table("Coverage gaps", ("What", "Where", "Why", "Code", "Needs"), gaps)
    yield Table("Missing declarations", ("What",), [(each,) for each in document.coverage.declarations_missing])
    yield Table("Files from inside VMs", ("VMs", "Files", "Taken"), list(_guest_files(document)))
    yield Table("Exemptions that expire within 30 days", ("On", "By", "Why", "At"), sorted(_ending(document)))
    yield Table("Waivers and attestations without effect", ("At", "Why"), wording.without_effect(document))


def _by_reason(unknowns: Iterable[Finding]) -> Iterator[tuple[str, ...]]:
    """Yield the reasons of unknown findings, worst first, each with the rules and subjects that it leaves unknown."""
    reasons = group((finding for alike in by_rule(unknowns) for finding in alike), lambda finding: finding.reason or "")
    for reason, alike in reasons.items():
        rules = _some(sorted({finding.rule for finding in alike}))
        yield alike[0].severity, reason, rules, _some([finding.subject.name for finding in alike])


def _guest_files(document: Document) -> Iterator[tuple[str, ...]]:
    """Yield which VMs supplied the same files, and when they were taken."""
    for (files, taken), alike in group(wording.guest_files(document), lambda found: found[1:]).items():
        yield _some([vm for vm, *_ in alike]), files, taken


def _some(names: Iterable[str]) -> str:
    """Return the first of several names, each once, and the number of the others."""
    found = list(dict.fromkeys(names))
    more = f" and {len(found) - _MOST_NAMES} more" if len(found) > _MOST_NAMES else ""
    return f"{', '.join(found[:_MOST_NAMES])}{more}"


def _ending(document: Document) -> Iterator[tuple[str, ...]]:
    """Yield the exemptions in effect that expire soon."""
    soon = document.as_of + _SOON
    for waiver in document.waivers.used:
        if waiver.expires_on <= soon:
            yield waiver.expires_on.isoformat(), waiver.approved_by, waiver.reason, wording.place(waiver)
    for given in document.attestations.used:
        if given.valid_until <= soon:
            yield given.valid_until.isoformat(), given.attested_by, given.statement, wording.place(given)


def _about(finding: Finding) -> tuple[str, str]:
    """Return the rule and the subject of a finding."""
    return f"{finding.rule} {wording.headline(finding)}", wording.subject(finding.subject)


def _where(finding: Finding, file: str) -> str:
    """Return the line that declares a subject, or its id."""
    line = finding.subject.line
    return f"{file}:{line}" if file and line else finding.subject.id


def _commands(document: Document) -> Iterator[str]:
    """Yield the steps that correct fails, as a runbook, up to the largest size."""
    blocks = [
        (title, ["", *remedies.block(finding, "####")])
        for title, findings in remedies.runbook(document)
        for finding in findings
    ]
    if blocks:
        yield from ("", "### Commands", "", text(remedies.NOTHING_RUN), "", text(remedies.VARIABLES))
    room, shown = _MOST_OF_COMMANDS, ""
    for number, (title, block) in enumerate(blocks):
        room -= len("\n".join(block).encode(errors="backslashreplace"))
        if room < 0:
            more = wording.count(len(blocks) - number, "more finding")
            yield from ("", f"{more} can be corrected by commands; auditor remedy prints them.")
            return
        if title != shown:
            yield from ("", f"**{title}**")
        shown = title
        yield from block
