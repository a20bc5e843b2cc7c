"""The trend as text for operators: what changed, and for each finding that was not always compliant its days."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Final

import msgspec

from auditor.history import changes
from auditor.history.days import last, runs
from auditor.history.document import History, State, Trend
from auditor.report import wording
from auditor.report.grouping import group as grouped
from auditor.report.terminal import styles
from auditor.report.terminal.layout import Page
from auditor.rules.model import Severity

if TYPE_CHECKING:
    from auditor.report.terminal.styles import Style
    from auditor.report.view import View

_MARKS: Final[Mapping[State | None, str]] = {
    State.COMPLIANT: ".",
    State.BROKEN: "x",
    State.UNKNOWN: "?",
    None: "-",
}
_STYLES: Final[Mapping[State | None, Style]] = {
    State.COMPLIANT: styles.PASS,
    State.BROKEN: styles.SEVERITIES[Severity.CRITICAL],
    State.UNKNOWN: styles.UNKNOWN,
}
_INDENT: Final = 9
"""The columns of a severity or state."""


def render(trend: Trend, view: View) -> str:
    """Return the trend as text within the view's width; the last line is a summary for logs."""
    page = Page(view.width)
    _head(page, trend)
    for number, line in enumerate(changes.lines(trend)):
        page.lines([""] * (number == 0))
        page.write(line.strip(), len(line) - len(line.lstrip()))
    shown = [history for history in trend.findings if history.days.broken or history.days.unknown]
    days = last(trend, max(1, view.width - _INDENT - 1))
    if shown:
        page.lines([""])
        page.write(
            f"Each mark is a day, {days[0]} to {days[-1]}: x broken, ? unknown, . compliant, - neither (the rule does "
            "not apply, or the subject does not exist), a space without a report."
        )
    for deployment, histories in grouped(shown, lambda history: history.deployment).items():
        page.section(f"{deployment or 'No deployment'}: {_numbers(histories)}")
        for history in histories:
            if not _is_always_unknown(history):
                _history(page, history, trend, days)
        never = Counter(history.rule for history in histories if _is_always_unknown(history))
        if never:
            rules = ", ".join(f"{rule} ({number})" if number > 1 else rule for rule, number in sorted(never.items()))
            page.write(rules, lead="Unknown on every day  ", style=_STYLES[State.UNKNOWN])
    page.lines(["", _summary(trend)])
    return page.text(colour=view.colour)


def _head(page: Page, trend: Trend) -> None:
    first, last = trend.days[0], trend.days[-1]
    of = (last - first).days + 1
    fields = [
        ("Reports", f"{len(trend.reports):,}, profile {trend.profile}"),
        ("Days", f"{first} to {last} (UTC): {len(trend.days):,} of {of:,} have a report"),
    ]
    fields += [("Left out", wording.count(len(trend.left_out), "file"))] * bool(trend.left_out)
    page.lines([f"auditor {trend.tool.version}", ""])
    for name, text in fields:
        page.write(text, lead=f"{name:<13}")


def _is_always_unknown(history: History) -> bool:
    return [spell.state for spell in history.spells] == [State.UNKNOWN]


def _history(page: Page, history: History, trend: Trend, days: list[dt.date]) -> None:
    lead = history.severity.upper() if history.state is State.BROKEN and history.severity else history.state or "-"
    always = f" (broken on every day{', waived' * history.waived})" * (len(history.spells) == 1)
    text = f"{history.rule} {history.text}: {changes.name_of(history)}{always}"
    page.write(text, lead=f"{lead:<{_INDENT}} ", style=_STYLES.get(history.state))
    if not always:
        page.pieces(_strip(history, trend, days), _INDENT + 1)
        page.write("; ".join(_sentences(history, trend)), _INDENT + 1)


def _strip(history: History, trend: Trend, days: list[dt.date]) -> Iterator[tuple[str, Style | None]]:
    """Yield the marks of days, those of one state together."""
    for run in runs(history, trend, days):
        yield (_MARKS[run.state] if run.is_reported else " ") * run.length, _STYLES.get(run.state)


def _sentences(history: History, trend: Trend) -> Iterator[str]:
    """Yield what happened, in words."""
    first = trend.reports[0].taken_at.date()
    if history.broken_since:
        is_broken = history.state is State.BROKEN
        earlier = " or earlier" * (history.broken_since == first)
        yield f"{'broken' if is_broken else 'broken when last known,'} since {history.broken_since}{earlier}" + (
            " (waived)" * history.waived
        )
    broke = history.broke if history.broke != (history.broken_since,) else ()  # what was said already
    events = (("broke", broke), ("mended", history.mended), ("gone", history.gone))
    counted = [f"{word} {_times(days)}" for word, days in events if days]
    if counted:
        yield ", ".join(counted) + ": it flaps" * history.flaps
    numbers = msgspec.structs.asdict(history.days)
    yield f"days: {', '.join(f'{number:,} {state}' for state, number in numbers.items() if number)}"


def _times(days: tuple[dt.date, ...]) -> str:
    return f"on {days[-1]}" if len(days) == 1 else f"{len(days)} times (last on {days[-1]})"


def _numbers(histories: Iterable[History]) -> str:
    """Return the numbers of the states now."""
    numbers = Counter(history.state for history in histories)
    texts = [f"{numbers[state]:,} {state}" for state in State if numbers[state]]
    return ", ".join(texts) or "nothing applies now"


def _summary(trend: Trend) -> str:
    """Return the numbers of the states now, in one line for logs."""
    flaps = sum(history.flaps for history in trend.findings)
    parts = [_numbers(trend.findings), *[f"{flaps:,} flapping"] * bool(flaps)]
    parts.append(wording.count(len(trend.reports), "report"))
    parts += [f"{wording.count(len(trend.left_out), 'file')} left out"] * bool(trend.left_out)
    return f"auditor: {'; '.join(parts)}"
