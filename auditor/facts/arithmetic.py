"""Sums and maxima over numbers of which some may be unknown."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from auditor.values import ABSENT, Answer, Cause, Interval, Read, Unknown, interval


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
        return Answer(_no_number(answer), answer.reads)
    return Answer(int(found) if found.is_integer() else found, answer.reads)


def _no_number(answer: Answer) -> Unknown:
    """Return that what was read last, which is the number itself, is none."""
    read = answer.reads[-1]
    return Unknown(Cause.VALUE, f"{read.resource}: {read.path} is {answer.value!r}, not a number (malformed)")


def _fold(answers: Iterable[Answer], missing: Unknown | None, join: Callable[[list[float]], float]) -> Answer:
    lows, highs = [0.0], [0.0]
    reads: list[Read] = []
    because: list[Unknown] = []
    for answer in answers:
        reads += answer.reads
        bounds = interval(answer.value)
        if bounds is None:
            bounds = Interval(0, math.inf)
            if isinstance(answer.value, Unknown):
                because.append(answer.value)
            elif answer.value is ABSENT:
                because.append(Unknown(Cause.VALUE, f"{answer.reads[-1].resource} has no {answer.reads[-1].path}"))
            else:
                because.append(_no_number(answer))
        because += bounds.because
        lows.append(bounds.low)
        highs.append(bounds.high)
    if missing is not None:
        because.append(missing)
        highs.append(math.inf)
    return Answer(Interval(join(lows), join(highs), tuple(because)), tuple(reads))
