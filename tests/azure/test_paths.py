"""Property paths: their syntax, and the values that they find."""

from __future__ import annotations

from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.azure.paths import ABSENT, PathError, Step, WrongType, find, get, join, parse, render, values

# Every name that a path can spell: all but those that hold both kinds of quotes. Names like steps must be quoted.
NAMES: Final = st.one_of(
    st.from_regex(r"[A-Za-z_$@][\w$@-]{0,5}", fullmatch=True),
    st.sampled_from(["x.y", ".x", "[0]", "[*]", "it's", '"', "0", "-a", " ", "ä", "a\nb", "$schema", "@odata.type"]),
    st.text(min_size=1, max_size=5).filter(lambda name: "'" not in name or '"' not in name),
)
STEPS: Final = st.lists(st.one_of(NAMES, st.integers(0, 99), st.none()), max_size=5).map(tuple)


@pytest.mark.slow
@settings(max_examples=500)
@given(STEPS)
def test_render_is_the_reverse_of_parse(steps: tuple[Step, ...]) -> None:
    assert parse(render(steps)) == steps


@pytest.mark.slow
@settings(max_examples=200)
@given(STEPS, STEPS)
def test_joined_paths_are_the_steps_of_both(first: tuple[Step, ...], second: tuple[Step, ...]) -> None:
    assert parse(join(render(first), render(second))) == first + second


@pytest.mark.slow
@settings(max_examples=300)
@given(st.text(alphabet="ab.[]*'\"0 _", max_size=8))
def test_a_text_is_a_path_or_refused(text: str) -> None:
    try:
        steps = parse(text)
    except PathError as error:
        assert f"'{text}' is not a property path" in str(error)
    else:
        assert parse(render(steps)) == steps


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("", ()),
        ("a.b[0]", ("a", "b", 0)),
        ("a[*].b", ("a", None, "b")),
        ("tags['x.y']", ("tags", "x.y")),
        ('tags["it\'s"].z', ("tags", "it's", "z")),
        ("[0][1]", (0, 1)),
    ],
)
def test_parse(text: str, steps: tuple[Step, ...]) -> None:
    assert parse(text) == steps
    assert render(steps) == text


@pytest.mark.parametrize(
    "text", [".a", "a.", "a..b", "a b", "a[", "a[-1]", "a['x']b", "a['']", "a.[0]", "0", "a[" + "9" * 5000 + "]"]
)
def test_no_path(text: str) -> None:
    with pytest.raises(PathError):
        parse(text)


BODY: Final = {
    "a": {"b": [10, None, {"c": False}], "n": None, "t": "text"},
    "tags": {"Iris-Role": "db", "x": None},
    "l": [{"m": [{"n": 1}, {}]}, {"m": None}, "text", None, {"m": 5}],
}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a.b[0]", 10),
        ("a.b[2].c", False),
        ("a.t", "text"),
        ("a.b[1]", ABSENT),
        ("a.b[3]", ABSENT),
        ("a.n", ABSENT),
        ("a.n.deeper[0]", ABSENT),
        ("a.x", ABSENT),
        ("a.T", ABSENT),
        ("tags['iris-role']", "db"),
        ("tags.IRIS-ROLE", "db"),
        ("tags.X", ABSENT),
        ("", BODY),
    ],
)
def test_get(text: str, found: object) -> None:
    assert get(BODY, parse(text)) == found


@pytest.mark.parametrize(
    ("text", "where", "expected"),
    [
        ("a.t.x", "a.t", "an object"),
        ("a.t[0]", "a.t", "a list"),
        ("a[0]", "a", "a list"),
        ("a.b.x", "a.b", "an object"),
    ],
)
def test_a_wrong_type_is_reported_at_its_path(text: str, where: str, expected: str) -> None:
    found = get(BODY, parse(text))
    assert isinstance(found, WrongType)
    assert (found.path, found.expected) == (where, expected)


@pytest.mark.parametrize("steps", [(), ("a",), ("a", 0)])
def test_null_is_absent_also_as_a_whole(steps: tuple[Step, ...]) -> None:
    assert get(None, steps) is ABSENT


def _found(text: str) -> list[tuple[str, object]]:
    return [
        (path, (value.path, value.expected) if isinstance(value, WrongType) else value)
        for path, value in find(BODY, parse(text))
    ]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a.t", [("a.t", "text")]),
        ("a.x", [("a.x", ABSENT)]),
        ("a.b[*]", [("a.b[0]", 10), ("a.b[1]", ABSENT), ("a.b[2]", {"c": False})]),
        ("a.b[*].c", [("a.b[0].c", ("a.b[0]", "an object")), ("a.b[1].c", ABSENT), ("a.b[2].c", False)]),
        ("a.x[*].y", []),
        ("a.n[*]", []),
        ("a.t[*].y", [("a.t", ("a.t", "a list"))]),
        ("a.t.u[*]", [("a.t.u", ("a.t", "an object"))]),
        (
            "l[*].m[*].n",
            [
                ("l[0].m[0].n", 1),
                ("l[0].m[1].n", ABSENT),
                ("l[2].m", ("l[2]", "an object")),
                ("l[4].m", ("l[4].m", "a list")),
            ],
        ),
    ],
)
def test_find(text: str, found: list[tuple[str, object]]) -> None:
    assert _found(text) == found
    without = list(values(BODY, parse(text)))
    assert [isinstance(value, WrongType) for value in without] == [isinstance(value, tuple) for _, value in found]
    assert [value for value in without if not isinstance(value, WrongType)] == [
        value for _, value in found if not isinstance(value, tuple)
    ]


def test_get_returns_the_values_that_find_yields() -> None:
    paths = ["a.b[*]", "a.b[*].c", "l[*].m[*].n", "l[*].m", "tags['iris-role']"]
    seen = 0
    for text in paths:
        for path, value in find(BODY, parse(text)):
            if not isinstance(value, WrongType):
                assert get(BODY, parse(path)) == value
                seen += 1
    assert seen >= 10
