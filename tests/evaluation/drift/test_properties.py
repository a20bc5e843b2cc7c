"""Examples of comparing bodies path by path: differences, their paths, and what is left out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from auditor.evaluation.drift import with_shared
from auditor.evaluation.drift.properties import Comparison, Difference
from auditor.snapshot.model import Gap, GapReason, Snapshot, resource
from auditor.snapshot.redaction import DEEPEST

GROUP = "/subscriptions/1/resourcegroups/rg"
NETWORK = f"{GROUP}/providers/microsoft.network/virtualnetworks"
OLD, NEW = f"{NETWORK}/old", f"{NETWORK}/new"
"""A network before and after it was renamed."""


def now(key: str) -> str:
    return key.replace(OLD, NEW)


def compared(before: Any, after: Any, *, unread: tuple[str, str] = ("", "")) -> tuple[Comparison, list[Difference]]:
    """Compare two bodies of a network, both perhaps with unread properties."""
    first, second = (
        resource(body, NEW, unread=(Gap(NEW, what, GapReason.FORBIDDEN),) if what else ())
        for body, what in zip((before, after), unread, strict=True)
    )
    comparison = Comparison(first, second, now)
    return comparison, [*comparison.differences()]


def moved(before: object, after: object) -> dict[str, tuple[object, object]]:
    """Return the changes of a property `p`."""
    _, found = compared({"p": before}, {"p": after})
    return {difference.path: (difference.before, difference.after) for difference in found}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, []),
        (None, {}),
        (None, {"a": None, "b": [], "c": {"d": {}}}),
        ("Tcp", "TCP"),
        ("Microsoft.Network/x", "microsoft.network/X"),
        (OLD.upper(), NEW),
        (f"{OLD}/subnets/a", f"{NEW}/subnets/A"),
        ({"location": "West Europe"}, {"location": "westeurope"}),
        ({"primaryRegion": "West Europe"}, {"primaryRegion": "westeurope"}),
        (["a", "B"], ["b", "A"]),
        ([OLD], [NEW]),
        ([{"v": 1}, {"w": 2}], [{"w": 2}, {"v": 1}]),
        ([{"v": OLD}], [{"v": NEW}]),
        ([{"v": 1, "etag": "x"}], [{"etag": "y", "v": 1}]),
        ([{"v": 1, "w": None}], [{"v": 1}]),
        ([{"name": "A", "v": 1}, {"name": "b", "v": 2}], [{"name": "b", "v": 2}, {"name": "a", "v": 1}]),
        ({OLD: {"v": 1}}, {NEW.upper(): {"v": 1}}),
        ([{"x": {OLD: 1}}], [{"x": {NEW.upper(): 1}}]),
        (1, 1.0),
    ],
)
def test_values_with_the_same_meaning_are_unchanged(before: object, after: object) -> None:
    assert moved(before, after) == {}


@pytest.mark.parametrize(
    ("before", "after", "path"),
    [
        ("a b", "A B", "p"),
        (True, 1, "p"),
        (0, None, "p"),
        (False, None, "p"),
        ("", None, "p"),
        (NEW, OLD, "p"),
        (["a", "a", "b"], ["a", "b", "b"], "p"),
        ({"name": "West Europe"}, {"name": "westeurope"}, "p.name"),
        ({"Mode": "a"}, {"Mode": "a", "mode": "a"}, "p.mode"),
        ({"dnsServers": ["10.0.0.1", "10.0.0.2"]}, {"dnsServers": ["10.0.0.2", "10.0.0.1"]}, "p.dnsServers"),
        ([{"name": "a", "v": 1}], [{"name": "a", "v": 2}], "p[name=a].v"),
        ([{"id": OLD, "v": 1}], [{"id": NEW, "v": 2}], f"p[id={OLD}].v"),
        ([{"id": OLD, "name": "a", "v": 1}], [{"id": NEW, "name": "a", "v": 2}], "p[name=a].v"),
        ([{"lun": 0, "v": 1}, {"lun": 1}], [{"lun": 1}, {"lun": 0, "v": 2}], "p[lun=0].v"),
        ([{"code": "Power/on"}], [{"code": "Power/off"}], "p[code=Power].code"),
        ([{"v": 1}, {"w": 2}], [{"w": 2}, {"v": 3}], "p[1].v"),
        ([{"v": 1}, {"v": 1}], [{"v": 1}], "p[1]"),
        ([{"v": 1}], [{"w": 2}, {"v": 1}], "p[0]"),
        ([{"v": 1}, 5], [5, {"v": 2}], "p[1].v"),
        ([{"name": "a", "v": 1}, {}], [{"name": "a", "v": 2}, {}], "p[0].v"),
        ([{"name": "a", "v": 1}, {"name": "A", "v": 2}], [{"name": "a", "v": 1}, {"name": "A", "v": 3}], "p[1].v"),
    ],
)
def test_a_changed_value_is_reported_with_its_path(before: object, after: object, path: str) -> None:
    assert [*moved(before, after)] == [path]


def test_items_without_identity_are_compared_in_order() -> None:
    assert moved([{"v": 1}, {"v": 2}, {"v": 3}], [{"v": 2}, {"v": 8}]) == {
        "p[1].v": (1, 8),
        "p[2]": ({"v": 3}, None),
    }
    assert moved([{"v": 2}], [{"v": 8}, {"v": 2}, {"v": 9}]) == {"p[0]": (None, {"v": 8}), "p[2]": (None, {"v": 9})}


def test_names_of_tags_ignore_case_and_their_values_do_not() -> None:
    before = {"tags": {"Owner": "A", "region": "West Europe", "of": OLD}, "tagsOf": {"x": "A"}}
    after = {"tags": {"owner": "a", "region": "westeurope", "of": NEW}, "tagsOf": {"x": "a"}}
    _, found = compared(before, after)
    assert {difference.path for difference in found} == {"tags.owner", "tags.region"}


def test_a_change_has_its_path_before_and_after() -> None:
    before = {"p": [{"name": "a", "v": 1}, {"name": "gone"}]}
    after = {"p": [{"name": "new"}, {"name": "a", "v": 2}]}
    _, found = compared(before, after)
    assert {(difference.path, difference.at_before, difference.at_after) for difference in found} == {
        ("p[name=a].v", ("p", 0, "v"), ("p", 1, "v")),
        ("p[name=gone]", ("p", 1), ("p", None)),
        ("p[name=new]", ("p", None), ("p", 0)),
    }


def test_ignored_properties_are_not_shown() -> None:
    added = {"name": "a", "etag": "x", "list": [{"v": 1, "etag": "y"}, {"etag": "z"}], "none": {"etag": "x"}}
    assert moved([], [added]) == {"p[name=a]": (None, {"name": "a", "list": [{"v": 1}, None], "none": None})}


def test_unread_properties_are_unchanged() -> None:
    comparison, found = compared({"p": {"a": 1}}, {"p": {}}, unread=("", "p.a"))
    assert (found, comparison.hidden is None) == ([], False)
    comparison, found = compared({"p": {}}, {"p": {"a": 1}}, unread=("p.a", ""))
    assert (found, comparison.hidden) == ([], None)


def test_a_changed_value_with_an_unread_part_is_changed() -> None:
    for unread in (("p.a", ""), ("", "p.a"), ("p.a", "p.a")):
        comparison, found = compared({"p": {"a": 1}}, {"p": {"a": 2}}, unread=unread)
        assert ([difference.path for difference in found], comparison.hidden) == (["p.a"], None)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("wrap", "levels"),
    [(lambda value: {"a": value}, 1), (lambda value: [value, {}], 1), (lambda value: [{"a": value}], 2)],
    ids=range(3),
)
def test_the_deepest_body_is_compared(wrap: Callable[[object], object], levels: int) -> None:
    def nested(value: object) -> object:
        for _ in range((DEEPEST - 3) // levels):
            value = wrap(value)
        return value

    comparison, found = compared({"p": [nested(1)]}, {"p": [nested(2)]})
    assert len(found) == 1
    assert comparison.hidden is None


def test_only_resources_that_are_the_same_in_everything_are_shared() -> None:
    call = "GET /networks?api-version=2024-01-01"
    same, *others = (
        resource({"a": 1, "b": [True]}, NEW, call),
        resource({"a": 1, "b": [1]}, NEW, call),  # equal in Python
        resource({"a": 1, "b": [True]}, NEW.upper(), call),
        resource({"a": 1, "b": [True]}, NEW, call.replace("2024", "2025")),
        resource({"a": 1, "b": [True]}, NEW, call, unread=(Gap(NEW, "b", GapReason.FORBIDDEN),)),
        resource({"a": 1, "b": [True]}, OLD, call),
    )
    known = resource({"a": 1, "b": [True]}, NEW, call)
    earlier = Snapshot("", (), (known,), frozenset(), ())
    assert with_shared(Snapshot("", (), (same,), frozenset(), ()), earlier).resources[0] is known
    for other in others:
        assert with_shared(Snapshot("", (), (other,), frozenset(), ()), earlier).resources[0] is other
