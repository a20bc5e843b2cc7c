"""What is foreseen as text for operators: a table of the kinds of loss with their objectives, then what was assumed."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import zip_longest
from typing import TYPE_CHECKING, Final

from rich.cells import cell_len, set_cell_size

from auditor.escape import printable
from auditor.foresight import wording
from auditor.foresight.rows import COLUMNS, rows
from auditor.losses.foreseen import Effect
from auditor.losses.objectives import Met
from auditor.report.terminal import styles
from auditor.report.terminal.layout import Page, cut, wrap
from auditor.rules.model import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from auditor.foresight.document import Deployment, Foreseen, Foresight
    from auditor.report.terminal.styles import Style
    from auditor.report.view import View

_WIDTHS: Final = (13, 11, 0, 8)
"""The widths of the columns; what is foreseen has the rest."""
_LEAST: Final = 20
"""The columns of what is foreseen on the narrowest terminal."""
_NOTES: Final = _WIDTHS[0] + _WIDTHS[1] + 4
"""The columns before the reasons in the table."""
_MOST_LINES: Final = 2
"""The lines of a reason in the table."""
_LEAD: Final = 11
"""The width of the words in front of paragraphs."""

_OUTCOMES: Final[Mapping[Met, Style]] = {
    Met.MET: styles.PASS,
    Met.UNKNOWN: styles.UNKNOWN,
    Met.BREACHED: styles.SEVERITIES[Severity.CRITICAL],
}
_EFFECTS: Final[Mapping[Effect, Style]] = {
    Effect.UNKNOWN: styles.UNKNOWN,
    Effect.STOPS: styles.SEVERITIES[Severity.HIGH],
    Effect.LOST: styles.SEVERITIES[Severity.HIGH],
}


def render(foresight: Foresight, view: View) -> str:
    """Return it as text within the view's width; the last line is a summary for logs."""
    page = Page(view.width)
    page.lines([f"auditor {foresight.tool.version}"])
    page.write(wording.taken(foresight))
    for deployment in foresight.deployments:
        page.section(deployment.name)
        if foresight.lose:
            _asked(page, deployment, chosen=bool(foresight.first))
        else:
            _table(page, deployment)
        _list(page, "Unknown", [one.reason for one in deployment.unknown])
        _list(page, "Assumed", [one.text for one in deployment.assumed])
    page.lines([""])
    if not foresight.deployments:
        page.write(wording.NOTHING)
    page.lines([f"auditor: {wording.said(foresight)}"])
    return page.text(colour=view.colour)


def _list(page: Page, word: str, texts: Sequence[str]) -> None:
    """Write texts below an empty line, the first one behind a word."""
    page.lines([""] * bool(texts))
    for number, text in enumerate(texts):
        page.write(text, lead=_lead("" if number else word))


def _lead(word: str) -> str:
    return f"{word:<{_LEAD}}"


# --- the table --------------------------------------------------------------------------------------------------------


def _table(page: Page, deployment: Deployment) -> None:
    _cells(page, COLUMNS, None, None)
    for row in rows(deployment):
        outcome = _OUTCOMES[row.met] if row.met else None
        cells = (row.title, row.objective or "-", row.foreseen, row.outcome)
        _cells(page, cells, None if row.met else _EFFECTS.get(row.effect), outcome)
        for note in row.notes:
            room = max(_LEAST, page.width - _NOTES)
            lines = list(wrap(printable(note), room))
            if len(lines) > _MOST_LINES:
                lines[_MOST_LINES - 1 :] = [cut(" ".join(lines[_MOST_LINES - 1 :]), room)]
            page.lines(lines, _NOTES)
    if not deployment.objectives:
        page.lines([""])
        page.write(wording.NO_OBJECTIVE)


def _cells(page: Page, texts: Iterable[str], foreseen: Style | None, outcome: Style | None) -> None:
    """Write a row of cells, each wrapped in its column, with the styles of the last two."""
    rest = max(_LEAST, page.width - sum(_WIDTHS) - len(_WIDTHS) + 1)
    widths = [width or rest for width in _WIDTHS]
    columns = [list(wrap(printable(text), width)) for text, width in zip(texts, widths, strict=True)]
    for cells in zip_longest(*columns, fillvalue=""):
        title, objective, text, met = (cut(cell, width) for cell, width in zip(cells, widths, strict=True))
        lead = f"{set_cell_size(title, widths[0])} {set_cell_size(objective, widths[1])} "
        room = widths[2] + 1 if met else cell_len(text)
        page.pieces([(lead, None), (set_cell_size(text, room), foreseen), (met, outcome)], 0)


# --- what was asked for -----------------------------------------------------------------------------------------------


def _asked(page: Page, deployment: Deployment, *, chosen: bool) -> None:
    """Write the losses of `--lose` in full; `chosen` is whether it is stated which member is primary before."""
    for one in deployment.losses:
        _in_full(page, one, chosen=chosen)
    for objective in deployment.objectives:
        page.write(wording.compared(objective), lead=_lead("Objective"), style=_OUTCOMES[objective.outcome])
    if deployment.pairs is not None:
        page.write(wording.of_pairs(deployment.pairs), lead=_lead("Two losses"))


def _in_full(page: Page, one: Foreseen, *, chosen: bool) -> None:
    page.write(wording.names(one.loss), lead=_lead("Loss"))
    page.write(wording.effect(one), lead=_lead("Foreseen"), style=_EFFECTS.get(one.outcome))
    said = ""
    for word, text in wording.in_full(one, chosen=chosen):
        page.write(text, lead=_lead(word if word != said else ""))
        said = word
