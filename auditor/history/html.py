"""The trend as one HTML page, without scripts or requests: for each finding a bar of its days."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from auditor.history import changes
from auditor.history.days import last, runs
from auditor.history.document import State
from auditor.report import wording
from auditor.report.grouping import group
from auditor.report.html import page

if TYPE_CHECKING:
    import jinja2

    from auditor.history.document import Trend
    from auditor.report.view import View

_FOLDER: Final = Path(__file__).parent


def render(trend: Trend, view: View) -> str:  # noqa: ARG001 - the signature of all formats
    """Return the page; like the terminal, it leaves out what was always compliant."""
    shown = [history for history in trend.findings if history.days.broken or history.days.unknown]
    days = last(trend)
    style = (_FOLDER / "trend.css").read_text(encoding="utf-8")
    return _template().render(
        trend=trend,
        days=days,
        changes=list(changes.lines(trend)),
        groups=group(shown, lambda history: history.deployment),
        bars={id(history): list(runs(history, trend, days)) for history in shown},
        style=style,
        style_hash=page.content_hash(style),
        compliant=sum(history.state is State.COMPLIANT for history in trend.findings),
    )


@cache
def _template() -> jinja2.Template:
    environment = page.environment(_FOLDER)
    environment.globals |= {"count": wording.count, "id": id, "name_of": changes.name_of}
    return environment.get_template("trend.html.j2")
