"""What happened between the last two reports, as plain text for a log or a message."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from auditor.escape import printable
from auditor.history.document import ChangeKind

if TYPE_CHECKING:
    from auditor.history.document import History, Trend
    from auditor.report.view import View

TITLES: Final = {
    ChangeKind.BROKE: "New",
    ChangeKind.LOST_SIGHT: "Not known any more",
    ChangeKind.MENDED: "Mended",
    ChangeKind.GONE: "Gone",
}


def render(trend: Trend, view: View) -> str:  # noqa: ARG001 - the signature of all formats
    """Return the changes since the report before the last one, one line each; nothing if there is no such report."""
    return "".join(f"{printable(line)}\n" for line in lines(trend))


def lines(trend: Trend) -> Iterator[str]:
    """Yield the lines of the changes, first those for the worse, without line ends; they may not be printable."""
    if len(trend.reports) < 2:
        return
    changed = [history for history in trend.findings if history.change]
    yield f"Since {trend.reports[-2].taken_at:%Y-%m-%dT%H:%M:%SZ}:{' nothing changed' * (not changed)}"
    for kind, title in TITLES.items():
        found = [history for history in changed if history.change is kind]
        if found:
            yield f"{title} ({len(found):,}):"
            yield from (f"  {_line(history)}" for history in found)


def _line(history: History) -> str:
    severity = f"{history.severity.upper()} " if history.severity else ""
    place = f"{name_of(history)} of {history.deployment}" if history.deployment else name_of(history)
    return f"{severity}{history.rule} {history.text}: {place}"


def name_of(history: History) -> str:
    """Return a subject as name, kind and region."""
    kind = history.kind.rpartition("/")[2]
    return f"{history.name} ({', '.join(filter(None, (kind, history.region)))})"
