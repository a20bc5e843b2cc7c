"""The trend as CSV (RFC 4180) for spreadsheets: one row for each number of days on which a state did not change."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from auditor.escape import cell

if TYPE_CHECKING:
    from auditor.history.document import History, Spell, Trend
    from auditor.report.view import View

_COLUMNS: Final = (
    *("deployment", "rule", "text", "subject", "kind", "region", "id"),
    *("state", "first day", "last day", "days", "severity", "state now", "broken since", "flaps"),
)


def render(trend: Trend, view: View) -> str:  # noqa: ARG001 - the signature of all formats
    """Return a row for each spell of each finding; those without a state have `none`."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n", quoting=csv.QUOTE_ALL)
    writer.writerow(_COLUMNS)
    for history in trend.findings:
        for spell in history.spells:
            writer.writerow(map(cell, _row(history, spell)))
    return text.getvalue()


def _row(history: History, spell: Spell) -> Iterator[str]:
    yield from (history.deployment or "", history.rule, history.text)
    yield from (history.name, history.kind, history.region or "", history.subject)
    yield from (spell.state or "none", spell.first.isoformat(), spell.last.isoformat(), str(spell.days))
    yield from (history.severity or "", history.state or "none")
    yield from (history.broken_since.isoformat() if history.broken_since else "", "yes" if history.flaps else "")
