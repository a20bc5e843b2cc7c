"""Sums, maxima and other functions of numbers of which some may be unknown."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

from auditor.rules.facts.reading import malformed, required
from auditor.snapshot.known import Answer, Interval, Read, Unknown, interval


def total(answers: Iterable[Answer], missing: Unknown | None = None) -> Answer:
    """Return the sum of numbers of zero or more; what is unknown, absent or may be missing leaves it open upwards."""
    return _fold(answers, missing, sum)


def largest(answers: Iterable[Answer], missing: Unknown | None = None) -> Answer:
    """Return the largest of numbers that cannot be negative; open upwards likewise."""
    return _fold(answers, missing, max)


def number(answer: Answer) -> Answer:
    """Return the number that Azure wrote as a text."""
    if not isinstance(answer.value, str):
        return answer
    try:
        found = float(answer.value)
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        return Answer(malformed(answer, "a number"), answer.reads)
    return Answer(int(found) if found.is_integer() else found, answer.reads)


def computed(answers: Sequence[Answer], compute: Callable[..., float]) -> Answer:
    """Return what several numbers make together; unknown where one of them is."""
    reads = tuple(read for answer in answers for read in answer.reads)
    unsure = next((answer.value for answer in answers if isinstance(answer.value, Unknown)), None)
    return Answer(unsure or compute(*(answer.value for answer in answers)), reads)


def _fold(answers: Iterable[Answer], missing: Unknown | None, join: Callable[[list[float]], float]) -> Answer:
    lows, highs = [0.0], [0.0]
    reads: list[Read] = []
    because: list[Unknown] = []
    for answer in answers:
        reads += answer.reads
        bounds = interval(answer.value)
        if bounds is None:
            known = required(answer).value
            unsure = known if isinstance(known, Unknown) else malformed(answer, "a number")
            bounds = Interval(0, math.inf, (unsure,))
        because += bounds.because
        lows.append(bounds.low)
        highs.append(bounds.high)
    if missing is not None:
        because.append(missing)
        highs.append(math.inf)
    return Answer(Interval(join(lows), join(highs), tuple(because)), tuple(reads))
