"""Sums, maxima and other functions of numbers of which some may be unknown."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

from auditor.snapshot.known import Answer, Interval, Read, Unknown, interval
from auditor.snapshot.lookup import unusable


def total(answers: Iterable[Answer], unknown: Unknown | None = None) -> Answer:
    """Return the sum of numbers that cannot be negative.

    It has no upper bound if a number is unknown or absent, or if there may be more (`unknown`).
    """
    return _fold(answers, unknown, sum)


def largest(answers: Iterable[Answer], unknown: Unknown | None = None) -> Answer:
    """Return the largest of numbers that cannot be negative; without an upper bound as in `total`."""
    return _fold(answers, unknown, max)


def number(answer: Answer) -> Answer:
    """Convert a number that Azure returns as text."""
    if not isinstance(answer.value, str):
        return answer
    try:
        found = float(answer.value)
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        return Answer(unusable(answer, "a number"), answer.reads)
    return Answer(int(found) if found.is_integer() else found, answer.reads)


def computed(answers: Sequence[Answer], compute: Callable[..., float]) -> Answer:
    """Compute a number from several numbers; unknown if one of them is unknown."""
    reads = tuple(read for answer in answers for read in answer.reads)
    unknown = next((answer.value for answer in answers if isinstance(answer.value, Unknown)), None)
    return Answer(unknown or compute(*(answer.value for answer in answers)), reads)


def _fold(answers: Iterable[Answer], unknown: Unknown | None, join: Callable[[list[float]], float]) -> Answer:
    lows, highs = [0.0], [0.0]
    reads: list[Read] = []
    because: list[Unknown] = []
    for answer in answers:
        reads += answer.reads
        bounds = interval(answer.value)
        if bounds is None:
            bounds = Interval(0, math.inf, (unusable(answer, "a number"),))
        because += bounds.because
        lows.append(bounds.low)
        highs.append(bounds.high)
    if unknown is not None:
        because.append(unknown)
        highs.append(math.inf)
    return Answer(Interval(join(lows), join(highs), tuple(because)), tuple(reads))
