import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.report.json_stream import streamed

ITEMS: st.SearchStrategy[list[Any]] = st.lists(
    st.one_of(st.just({}), st.just([]), st.text(), st.dictionaries(st.text(), st.lists(st.integers()))), max_size=3
)


def text_of(value: object, indent: int) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=indent).decode()


def nested(items: list[Any], depth: int) -> Any:
    """Return values in which other lists have the same key, one level less or more deep, or are in a text."""
    value: Any = {"a": '\n  "items": []', "items": items, "z": {"items": []}}
    for _ in range(depth - 1):
        value = {"items ": value, "y": []}
    return value


@given(items=ITEMS, indent=st.integers(1, 3), depth=st.integers(1, 3))
def test_streamed_text_is_that_of_the_whole(items: list[Any], indent: int, depth: int) -> None:
    whole = text_of(nested([], depth), indent)
    pieces = streamed(whole, "items", (text_of(item, indent) for item in items), indent=indent, depth=depth)
    text = "".join(pieces)
    assert text == text_of(nested(items, depth), indent)
    assert json.loads(text) == nested(items, depth)


@pytest.mark.parametrize("value", [{}, {"items": [1]}, {"items": {"items": []}}])
def test_a_key_that_is_not_there_with_an_empty_list_is_an_error(value: Any) -> None:
    with pytest.raises(ValueError, match="unpack"):
        list(streamed(text_of(value, 1), "items", (), indent=1, depth=1))
