"""Bodies that record which of their properties are read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.authoring.bodies import Steps, walk
from auditor.authoring.recording import Recorder
from auditor.azure import paths
from auditor.snapshot.model import Snapshot, resource

ID: Final = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/disks/d"
BODY: Final[dict[str, Any]] = {
    "id": ID,
    "tags": {"Owner": "us"},
    "sku": {"name": "Premium_LRS"},
    "zones": ["1", "2"],
    "none": [],
    "properties": {"rules": [{"port": 1, "probe": {"id": "p"}}, {"port": 2}], "ready": True},
}


def recorded(body: dict[str, Any]) -> tuple[Recorder, Any]:
    """Return a recorder and the copy of a body that reports to it."""
    recorder = Recorder()
    snapshot = Snapshot("", (), (resource({"id": ID, "body": body}, ID),), frozenset(), ())
    (found,) = recorder.snapshot(snapshot).resources
    assert recorder.take() == set()
    return recorder, found.body["body"]


def read(look: Callable[[Any], object], body: dict[str, Any] = BODY) -> set[str]:
    """Return the paths that are recorded while a body is read."""
    recorder, copy = recorded(body)
    recorder.take()
    look(copy)
    places = recorder.take()
    assert {key for key, _ in places} <= {ID.lower()}
    return {paths.render(steps).removeprefix("body.") for _, steps in places}


def at(path: str) -> Callable[[Any], object]:
    return lambda body: paths.get(body, paths.parse(path))


def every(path: str) -> Callable[[Any], object]:
    return lambda body: list(paths.find(body, paths.parse(path)))


@pytest.mark.parametrize(
    ("look", "expected"),
    [
        (at("sku.name"), {"sku.name"}),
        (at("sku"), {"sku"}),
        (lambda body: (at("sku")(body), at("sku.name")(body)), {"sku", "sku.name"}),
        (lambda body: (at("sku.name")(body), at("sku")(body)), {"sku", "sku.name"}),
        (at("missing"), {"missing"}),
        (at("properties.missing.id"), {"properties.missing"}),
        (at("zones[1]"), {"zones[1]"}),
        (at("zones[7]"), {"zones"}),
        (every("zones[*]"), {"zones[0]", "zones[1]"}),
        (every("none[*]"), {"none"}),
        (every("properties.rules[*].port"), {"properties.rules[0].port", "properties.rules[1].port"}),
        (every("properties.rules[*]"), {"properties.rules[0]", "properties.rules[1]"}),
        (at("tags.Owner"), {"tags.Owner"}),
        (at("tags.owner"), {"tags.owner", "tags"}),
        (lambda body: len(body["zones"]), {"zones"}),
        (lambda body: "1" in body["zones"], {"zones"}),
        (lambda body: "sku" in body, {"sku"}),
        (lambda body: [*body["sku"]], {"sku"}),
        (lambda body: dict(body["sku"]), {"sku.name"}),
        (lambda body: [*body["sku"].values()], {"sku"}),
        (lambda body: sorted(body["zones"]), {"zones[0]", "zones[1]"}),
    ],
)
def test_what_is_recorded(look: Callable[[Any], object], expected: set[str]) -> None:
    assert read(look) == expected


def test_items_are_not_recorded_if_only_their_properties_are_read() -> None:
    """A rule often takes all items of a list first, and then reads their properties."""

    def look(body: Any) -> None:
        items = [item for _, item in paths.find(body, paths.parse("properties.rules[*]"))]
        for item in items:
            paths.get(item, ("port",))

    assert read(look) == {"properties.rules[0].port", "properties.rules[1].port"}


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=12,
)


@pytest.mark.slow
@given(
    st.dictionaries(st.sampled_from("abc"), _JSON), st.lists(st.sampled_from(["a", "b", "c", 0, 1, None]), max_size=4)
)
def test_recorded_bodies_have_the_same_values(body: dict[str, Any], steps: list[str | int | None]) -> None:
    _, copy = recorded(body)
    assert copy == body
    assert list(walk(copy)) == list(walk(body))
    assert msgspec.json.encode(copy) == msgspec.json.encode(body)

    def found(value: Any, path: Steps) -> list[object]:
        return [
            (where, item.path, item.expected) if isinstance(item, paths.WrongType) else (where, item)
            for where, item in paths.find(value, path)
        ]

    assert found(copy, tuple(steps)) == found(body, tuple(steps))
