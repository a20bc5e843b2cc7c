"""Answers of look-ups."""

from __future__ import annotations

import math
import sys

import pytest

from auditor.azure.paths import ABSENT
from auditor.snapshot.known import Cause, Interval, PartialList, Unknown, interval

GAP = Unknown(Cause.GAP, "not read")
OTHER = Unknown(Cause.VALUE, "malformed")


@pytest.mark.parametrize("value", [0, -1, 2.5, 2**53 + 1, sys.float_info.max])
def test_a_number_is_an_interval_without_width(value: float) -> None:
    found = interval(value)
    assert found == Interval(value, value)
    assert found.exact
    assert found.low == value, "no precision is lost"


@pytest.mark.parametrize(
    "value", [True, False, "1", None, ABSENT, GAP, [1], math.nan, math.inf, 10**400, PartialList((1,))]
)
def test_nothing_else_is_a_number(value: object) -> None:
    assert interval(value) is None


def test_an_interval_stays_what_it_is() -> None:
    bounds = Interval(1, math.inf, (GAP,))
    assert interval(bounds) is bounds
    assert not bounds.exact


@pytest.mark.parametrize(
    ("items", "complete"),
    [
        (PartialList(), True),
        (PartialList((1,)), True),
        (PartialList((1,), GAP), False),
        (PartialList((1, GAP)), False),
        (PartialList((), GAP), False),
    ],
)
def test_a_list_is_complete_where_every_member_is_known(items: PartialList, *, complete: bool) -> None:
    assert items.complete is complete


@pytest.mark.parametrize(
    ("value", "known", "open_end"),
    [
        (GAP, [], GAP),
        (ABSENT, [], None),
        (PartialList(), [], None),
        (PartialList((1, 2)), [1, 2], None),
        (PartialList((1,), GAP), [1], GAP),
        (PartialList((OTHER, 1)), [1], OTHER),
        (PartialList((OTHER, 1), GAP), [1], GAP),
    ],
)
def test_a_list_has_its_known_members_and_a_reason_why_there_may_be_others(
    value: object, known: list[int], open_end: Unknown | None
) -> None:
    found = PartialList.of(value)
    assert (found.of_type(int), found.incomplete_because) == (known, open_end)


@pytest.mark.parametrize(
    ("lists", "joined"),
    [
        ([], PartialList()),
        ([PartialList((1,)), PartialList((1, 2))], PartialList((1, 1, 2))),
        ([PartialList((1,)), OTHER, GAP], PartialList((1,), OTHER)),
        ([PartialList((OTHER,)), PartialList((2,), GAP)], PartialList((OTHER, 2), GAP)),
    ],
)
def test_lists_joined_are_open_where_one_of_them_is(lists: list[PartialList | Unknown], joined: PartialList) -> None:
    assert PartialList.joined(*lists) == joined
