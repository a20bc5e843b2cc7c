"""Fails and errors as a table: one or two lines for each rule, worst first, over all deployments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from rich.cells import cell_len

from auditor.escape import printable
from auditor.evaluation.model import Outcome
from auditor.report import rules, wording
from auditor.report.document import Document, Finding, Rule
from auditor.report.grouping import by_rule, counted
from auditor.report.terminal import styles
from auditor.report.terminal.layout import cut, wrap
from auditor.report.terminal.observed import observed
from auditor.rules.model import SEVERITIES, Severity

if TYPE_CHECKING:
    from auditor.report.terminal.layout import Page

SCREEN: Final = 40
"""The lines of a screen, which a report does not exceed only to show lesser findings in two lines."""
_FEW: Final = 12
"""The rows that have two lines also where the rest of the report fills the screen."""
_ABOUT: Final = 24
"""The columns that a short line leaves for the names of subjects."""
_BESIDE: Final = 40
"""The columns that must be left beside the headlines for subjects and what was observed to stand there."""


_LESSER: Final = SEVERITIES[3:]
"""The severities whose rows become one, which names the rules only, if the screen lacks room for critical ones."""
_LESSER_LEAD: Final = "/".join(_LESSER).upper()


class _Row(NamedTuple):
    """One rule with one severity."""

    lead: str
    rule: str
    severity: Severity
    headline: str
    subjects: str
    number: int
    """Of the subjects."""
    observed: str
    is_graded: bool


def write_table(page: Page, document: Document, *, others: int) -> None:
    """Write the errors and fails; `others` are the lines of the rest of the screen."""
    errors, fails = (counted(document, outcome) for outcome in (Outcome.ERROR, Outcome.FAIL))
    several = len({finding.deployment for finding in (*errors, *fails)}) > 1
    known = rules.by_id(document)
    alike = [*by_rule(errors), *by_rule(fails)]
    rows = [_row(findings, known[findings[0].rule], several=several) for findings in alike]
    page.lines([""] * bool(rows))
    room = SCREEN - others - 1
    lesser = [row for row in rows if row.severity in _LESSER]
    critical = sum(row.severity is SEVERITIES[0] for row in rows)
    if len(rows) + critical <= room or len(lesser) in {1, len(rows)}:
        lesser = []
    rows = [row for row in rows if row not in lesser]
    for row, lines in zip(rows, _lines(rows, page.width, room - bool(lesser)), strict=True):
        page.lines(lines, lead=row.lead, style=styles.SEVERITIES[row.severity])
    if lesser:
        page.write(" ".join(dict.fromkeys(row.rule for row in lesser)), lead=f"{_LESSER_LEAD:<9}")


def _row(findings: list[Finding], rule: Rule, *, several: bool) -> _Row:
    """Return a row; `several` is whether it must name the deployments of subjects."""
    first = findings[0]
    lead = first.severity if first.outcome is Outcome.FAIL else "error"
    headline = " ".join(printable(wording.headline(first)).split())
    seen = {observed(finding) for finding in findings}
    what = seen.pop() if len(seen) == 1 else ""
    grades = {rules.graded(finding, rule) for finding in findings}
    graded = grades.pop() if len(grades) == 1 else ""
    about = printable("; ".join(filter(None, (graded, first.reason if first.outcome is Outcome.ERROR else what))))
    names = dict.fromkeys(_name(finding, several=several) for finding in findings)
    subjects = printable(", ".join(wording.first([*names])))
    return _Row(
        lead=f"{lead.upper():<9}{first.rule:<6} ",
        rule=first.rule,
        severity=first.severity,
        headline=headline,
        subjects=subjects,
        number=len(findings),
        observed=about,
        is_graded=any(finding.grade for finding in findings),
    )


def _name(finding: Finding, *, several: bool) -> str:
    name, deployment = finding.subject.name, finding.deployment
    return f"{deployment}/{name}" if several and deployment and finding.subject.id != deployment else name


# --- lines ------------------------------------------------------------------------------------------------------------


def _lines(rows: list[_Row], width: int, room: int) -> list[list[str]]:
    """Return the lines of each row: two where the screen has room, and of few or critical rows on a full one."""
    if not rows:
        return []
    width -= max(len(row.lead) for row in rows)
    column = max(cell_len(row.headline) for row in rows)
    if column + _BESIDE <= width:
        return [[_beside(row, column, width)] for row in rows]
    chosen = []
    room -= len(rows)
    screen_is_full, are_few = room < 0, len(rows) <= _FEW
    for row in rows:
        full = _full(row, width)
        is_full = len(full) - 1 <= room or (screen_is_full and (are_few or row.severity is SEVERITIES[0]))
        room -= (len(full) - 1) * is_full
        chosen.append(full if is_full else [_short(row, width)])
    return chosen


def _beside(row: _Row, column: int, width: int) -> str:
    """Return a row as one line, with subjects and what was observed in a column of their own."""
    headline = row.headline + " " * (column - cell_len(row.headline))
    return cut(f"{headline}  {_about(row)}".rstrip(), width)


def _short(row: _Row, width: int) -> str:
    """Return a row as one line of headline and subjects."""
    room = max(_ABOUT, width - 2 - cell_len(row.headline))
    mark = " (graded)" * row.is_graded
    names = f"{row.subjects}{mark}"
    if cell_len(names) > room and row.number > 1:
        names = f"{wording.count(row.number, 'subject')}{mark}"
    names = cut(names, room)
    return f"{cut(row.headline, width - 2 - cell_len(names))}: {names}"


def _full(row: _Row, width: int) -> list[str]:
    """Return a row as one line, or as two if it is longer."""
    about, lines = _about(row), list(wrap(row.headline, width))
    if len(lines) == 1 and cell_len(f"{lines[0]}: {about}") > width:
        return [*lines, cut(about, width)]
    return [*lines[:-1], cut(f"{lines[-1]}: {about}", width)]


def _about(row: _Row) -> str:
    return f"{row.subjects}{f': {row.observed}' if row.observed else ''}"
