"""Times as texts."""

from __future__ import annotations

import datetime as dt

import pytest

from auditor.times import instant, written

NOON = dt.datetime(2026, 11, 1, 12, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    "text", ["2026-11-01T12:00:00Z", "2026-11-01T12:00:00", "2026-11-01 13:00:00+01:00", "2026-11-01T12:00:00.0000000Z"]
)
def test_a_time_without_a_zone_is_in_utc(text: str) -> None:
    assert instant(text) == NOON


def test_a_time_as_written_has_a_zone_only_if_the_text_has() -> None:
    assert written("2026-11-01T12:00:00") == NOON.replace(tzinfo=None)
    assert written("2026-11-01T12:00:00Z") == NOON


@pytest.mark.parametrize("value", [None, 7, "", "yesterday", "2026-13-01T12:00:00Z"])
def test_what_is_no_time(value: object) -> None:
    assert instant(value) is None
    assert written(value) is None
