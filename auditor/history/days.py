"""The days of a history as a calendar has them, also those without a report."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from auditor.history.document import History, State, Trend


class Run(NamedTuple):
    """Days of the calendar, one after the other, that are alike."""

    start: int
    """The position of the first one."""
    length: int
    state: State | None
    is_reported: bool


def last(trend: Trend, most: int | None = None) -> list[dt.date]:
    """Return the days of the calendar to the last one with a report, at most some."""
    first, end = trend.days[0], trend.days[-1]
    number = (end - first).days + 1
    return [end - dt.timedelta(days=back) for back in reversed(range(min(number, most or number)))]


def runs(history: History, trend: Trend, days: Sequence[dt.date]) -> Iterator[Run]:
    """Yield the runs of some days of a trend."""
    states = itertools.chain.from_iterable([spell.state] * spell.days for spell in history.spells)
    reported = dict(zip(trend.days, states, strict=True))
    start = 0
    for (state, is_reported), group in itertools.groupby((reported.get(day), day in reported) for day in days):
        length = len(list(group))
        yield Run(start, length, state, is_reported)
        start += length
