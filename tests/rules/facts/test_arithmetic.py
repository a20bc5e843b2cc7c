"""Sums and maxima of numbers, some unknown, compared with the results for every possible value of the unknown ones."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.azure.paths import ABSENT
from auditor.rules.facts.arithmetic import largest, number, total
from auditor.snapshot.known import Answer, Cause, Interval, Read, Unknown

GAP: Final = Unknown(Cause.GAP, "not read")
MANY: Final = 1000
"""An unbounded number: more than the sum of all that the strategies draw."""

Join = Callable[[list[float]], float]
FOLDS: Final = pytest.mark.parametrize(("fold", "join"), [(total, sum), (largest, max)], ids=["total", "largest"])


def answer(value: object) -> Answer:
    return Answer(value, (Read("/r", "p", value),))


KNOWN: Final = st.integers(0, 9)
BOUNDS: Final = st.tuples(KNOWN, KNOWN).map(lambda pair: Interval(min(pair), max(pair), (GAP,)))
VALUES: Final = st.lists(
    st.one_of(KNOWN, KNOWN, BOUNDS, st.sampled_from([GAP, ABSENT, "x", True, math.nan])), max_size=5
)


def ends(value: object) -> tuple[float, float]:
    """Return the lowest and the highest number that a value may be."""
    if isinstance(value, Interval):
        return value.low, value.high
    return (value, value) if type(value) is int else (0, MANY)


@pytest.mark.slow
@FOLDS
@settings(max_examples=300)
@given(values=VALUES, cut=st.booleans())
def test_the_bounds_are_the_least_and_the_greatest_that_is_possible(
    fold: Callable[..., Answer], join: Join, values: list[object], *, cut: bool
) -> None:
    found = fold(map(answer, values), GAP if cut else None)
    least = join([0, *(ends(value)[0] for value in values)])
    greatest = join([0, *(ends(value)[1] for value in values)])
    assert isinstance(found.value, Interval)
    assert found.value.low == least
    assert found.value.high == (math.inf if cut or greatest >= MANY else greatest)
    assert found.value.exact or found.value.because, "bounds that differ have a reason"
    assert found.reads == tuple(Read("/r", "p", value) for value in values)


@pytest.mark.slow
@FOLDS
@settings(max_examples=300)
@given(
    values=st.lists(KNOWN, max_size=5),
    hidden=st.lists(st.sampled_from(["no", "whole", "bounds", "left out"]), min_size=5),
)
def test_more_knowledge_only_narrows_the_bounds(
    fold: Callable[..., Answer], join: Join, values: list[int], hidden: list[str]
) -> None:
    seen: list[object] = []
    for value, how in zip(values, hidden, strict=False):
        if how != "left out":
            seen.append({"no": value, "whole": GAP, "bounds": Interval(max(value - 1, 0), value + 1, (GAP,))}[how])
    missing = GAP if len(seen) < len(values) else None
    bounds = fold(map(answer, seen), missing).value
    assert isinstance(bounds, Interval)
    assert bounds.low <= join([0, *values]) <= bounds.high


def test_the_sum_of_an_empty_list_is_zero() -> None:
    assert total([]) == Answer(Interval(0, 0))
    assert largest([]) == Answer(Interval(0, 0))
    assert total([], GAP) == Answer(Interval(0, math.inf, (GAP,)))


def test_every_reason_is_kept() -> None:
    found = total([answer(GAP), answer(ABSENT), answer("x"), answer([]), answer(10**400)]).value
    assert isinstance(found, Interval)
    reasons = [unknown.reason for unknown in found.because]
    assert reasons == [
        "not read",
        "/r has no p",
        "/r: p is 'x', not a number (malformed)",
        "/r: p is [], not a number (malformed)",
        f"/r: p is {10**400}, not a number (malformed)",
    ]


@pytest.mark.parametrize(("text", "value"), [("8", 8), ("3.5", 3.5), ("4.0", 4), ("1e3", 1000), ("-1", -1)])
def test_a_number_in_a_text_is_read(text: str, value: float) -> None:
    found = number(answer(text))
    assert found == Answer(value, (Read("/r", "p", text),))
    assert type(found.value) is type(value)


@pytest.mark.parametrize("text", ["", "eight", "nan", "inf", "-Infinity", "1e999", "1,5", "0x10"])
def test_a_text_that_is_no_number_is_malformed(text: str) -> None:
    found = number(answer(text))
    assert found.value == Unknown(Cause.VALUE, f"/r: p is {text!r}, not a number (malformed)", about=("/r",))
    assert found.reads == (Read("/r", "p", text),)


def test_the_last_read_of_a_number_is_the_number_itself() -> None:
    found = number(Answer("x", (Read("/vm", "size", "S"), Read("/skus/S", "capabilities.C", "x"))))
    assert found.value == Unknown(
        Cause.VALUE, "/skus/S: capabilities.C is 'x', not a number (malformed)", about=("/skus/S",)
    )


@pytest.mark.parametrize("value", [5, ABSENT, GAP, Interval(1, 2)])
def test_values_that_are_no_texts_are_unchanged(value: object) -> None:
    given_ = answer(value)
    assert number(given_) is given_
