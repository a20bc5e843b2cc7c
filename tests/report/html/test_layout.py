"""The layout of pictures: boxes that overlap nowhere, in the same slots, and lines that cross no box."""

from __future__ import annotations

from itertools import combinations, pairwise
from typing import Final

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.evaluation.picture.model import Edge, ExpectedNode, Node, Picture, Region, Row
from auditor.report.html.cells import as_built, expected
from auditor.report.html.layout import Box, Drawing, Grid

_REGIONS: Final = (
    Region("westeurope", "primary", ("zone 1", "zone 2", "zone 3", "no zone")),
    Region("northeurope", "DR", ("zone 1",)),
)
_ROWS: Final = ("names", "gateways", "load-balancers", "web", "app", "mirror/M", "arbiters", "undeclared")
_PLACED: Final = ("web", "app", "mirror/M", "arbiters", "undeclared")
_KINDS: Final = ("name", "pool", "sync", "async", "arbiter")


def node(number: int, row: str, region: str | None, place: str | None, detail: str = "D8s_v5") -> Node:
    type_ = "Microsoft.Compute/virtualMachines" if place else "Microsoft.Network/loadBalancers"
    return Node(
        id=f"/subscriptions/s/resourceGroups/g/providers/{type_}/n{number}",
        name=f"n{number}",
        type=type_,
        detail=detail,
        row=row,
        region=region,
        place=place,
    )


@st.composite
def slots(draw: st.DrawFn) -> tuple[str, str | None, str | None]:
    row = draw(st.sampled_from(_ROWS))
    region = draw(st.sampled_from(_REGIONS))
    if row == "names":
        return row, None, None
    return row, region.name, draw(st.sampled_from(region.places)) if row in _PLACED else None


@st.composite
def pictures(draw: st.DrawFn) -> Picture:
    found = draw(st.lists(st.tuples(slots(), st.sampled_from(["D8s_v5", "E8s_v5"])), min_size=1, max_size=25))
    nodes = tuple(node(number, *slot, detail) for number, (slot, detail) in enumerate(found))
    wanted = draw(st.dictionaries(slots(), st.integers(1, 7), max_size=12))
    ends = st.sampled_from([found.id for found in nodes])
    edges = draw(st.lists(st.builds(Edge, ends, ends, st.sampled_from(_KINDS)), max_size=20))
    return Picture(
        product="iris",
        environment="production",
        rows=tuple(Row(row, row) for row in _ROWS),
        regions=_REGIONS,
        nodes=nodes,
        edges=tuple(edge for edge in edges if edge.source != edge.target),
        expected=tuple(ExpectedNode(*slot, number, "server") for slot, number in wanted.items()),
    )


def picture_of(nodes: tuple[Node, ...], edges: tuple[Edge, ...], wanted: tuple[ExpectedNode, ...]) -> Picture:
    return Picture("iris", "production", (Row("web", "Web servers"),), _REGIONS, nodes, edges, wanted)


def drawings(picture: Picture, *, missing: bool = True) -> tuple[Grid, Drawing, Drawing]:
    piles, wanted = as_built(picture, lambda _: missing), expected(picture)
    grid = Grid(picture, piles, wanted)
    return grid, grid.drawn(piles, picture.edges), grid.reference(wanted)


def overlap(one: Box, other: Box) -> bool:
    return (
        one.x < other.x + other.width
        and other.x < one.x + one.width
        and one.y < other.y + other.height
        and other.y < one.y + one.height
    )


def crosses(line: tuple[tuple[float, float], tuple[float, float]], box: Box) -> bool:
    """Return whether a piece of a line runs through the inside of a box."""
    (x1, y1), (x2, y2) = line
    inside_x = max(min(x1, x2), box.x + 0.1) < min(max(x1, x2), box.x + box.width - 0.1)
    inside_y = max(min(y1, y2), box.y + 0.1) < min(max(y1, y2), box.y + box.height - 0.1)
    if x1 == x2:
        return box.x + 0.1 < x1 < box.x + box.width - 0.1 and inside_y
    return box.y + 0.1 < y1 < box.y + box.height - 0.1 and inside_x


@pytest.mark.slow
@settings(max_examples=60)
@given(pictures())
def test_no_two_boxes_overlap_and_no_line_crosses_one(picture: Picture) -> None:
    grid, *both = drawings(picture)
    for drawing in both:
        assert not any(overlap(one, other) for one, other in combinations(drawing.boxes, 2))
        for box in drawing.boxes:
            assert 0 <= box.x <= box.x + box.width <= grid.width
            assert box.y + box.height <= grid.height
        for line in drawing.lines:
            assert all(x1 == x2 or y1 == y2 for (x1, y1), (x2, y2) in pairwise(line.points))
            assert not any(crosses(piece, box) for piece in pairwise(line.points) for box in drawing.boxes)


def test_both_drawings_have_the_same_slots() -> None:
    nodes = tuple(node(number, "web", "westeurope", f"zone {number}") for number in (1, 2))
    wanted = tuple(ExpectedNode("web", "westeurope", f"zone {number}", 1, "web server") for number in (1, 2))
    _, built, reference = drawings(picture_of(nodes, (), wanted))
    assert [(box.x, box.y, box.width) for box in built.boxes] == [(b.x, b.y, b.width) for b in reference.boxes]


def test_more_than_four_of_one_kind_are_one_box() -> None:
    nodes = tuple(node(number, "web", "westeurope", "zone 1") for number in range(4))
    picture = picture_of(nodes, (), ())
    assert [cell.title for cells in as_built(picture, lambda _: True).values() for cell in cells] == [
        "n0",
        "n1",
        "n2",
        "n3",
    ]
    more = (*nodes, node(4, "web", "westeurope", "zone 1"), node(5, "web", "westeurope", "zone 1", "E8s_v5"))
    cells = as_built(msgspec.structs.replace(picture, nodes=more), lambda _: True).values()
    assert [cell.title for found in cells for cell in found] == ["5 x D8s_v5", "n5"]


def test_what_is_expected_is_drawn_as_missing_only_where_a_rule_says_so() -> None:
    wanted = (ExpectedNode("web", "westeurope", "zone 1", 2, "web server"),)
    picture = picture_of((node(1, "web", "westeurope", "zone 1"),), (), wanted)
    for missing, kinds in ((False, ["vm"]), (True, ["vm", "missing"])):
        _, built, _ = drawings(picture, missing=missing)
        assert [box.cell.kind for box in built.boxes] == kinds
