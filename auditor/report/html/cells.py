"""What stands in each slot of a picture: boxes in a pile, of which many of one kind are one box."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final, Literal, NamedTuple

from auditor.evaluation.picture.model import ExpectedNode, Node, Picture
from auditor.report.grouping import group

MOST: Final = 4
"""The number of boxes of one kind that a slot shows before they become one."""


class Slot(NamedTuple):
    """A place in the grid of a picture."""

    row: str
    region: str | None
    place: str | None


class Cell(NamedTuple):
    """A box."""

    title: str
    detail: str
    kind: Literal["vm", "entrance", "undeclared", "expected", "missing"]
    nodes: tuple[str, ...] = ()
    """The ids of what it shows as built."""


Piles = Mapping[Slot, tuple[Cell, ...]]
"""The boxes of each slot, from top to bottom or from left to right."""


def as_built(picture: Picture, is_missing: Callable[[ExpectedNode], bool]) -> Piles:
    """Return what is built, and what is expected but not there, if a rule says that it is missing."""
    nodes = group(picture.nodes, lambda node: Slot(node.row, node.region, node.place))
    piles = {slot: [*_built(found)] for slot, found in nodes.items()}
    for node in picture.expected:
        slot = Slot(node.row, node.region, node.place)
        there = sum(not found.undeclared for found in nodes.get(slot, ()))
        if there < node.number and is_missing(node):
            piles.setdefault(slot, []).extend(_several(node.number - there, node.label, "missing"))
    return {slot: tuple(cells) for slot, cells in piles.items()}


def expected(picture: Picture) -> Piles:
    """Return what the reference architecture asks for."""
    nodes = group(picture.expected, lambda node: Slot(node.row, node.region, node.place))
    return {
        slot: tuple(cell for node in found for cell in _several(node.number, node.label, "expected"))
        for slot, found in nodes.items()
    }


def _several(number: int, label: str, kind: Literal["expected", "missing"]) -> list[Cell]:
    detail = "expected" if kind == "missing" else ""
    return [Cell(f"{number} x {label}", detail, kind)] if number > MOST else [Cell(label, detail, kind)] * number


def _built(nodes: Iterable[Node]) -> Iterable[Cell]:
    alike = group(nodes, lambda node: (node.type, node.detail, node.undeclared))
    for (type_, detail, undeclared), found in alike.items():
        kind: Literal["vm", "entrance", "undeclared"] = (
            "undeclared" if undeclared else "entrance" if found[0].place is None else "vm"
        )
        if len(found) > MOST:
            title = f"{len(found)} x {type_.rpartition('/')[2] if kind == 'entrance' else detail or 'VM'}"
            yield Cell(title, f"{found[0].name} ...", kind, tuple(node.id for node in found))
        else:
            yield from (Cell(node.name, detail or "", kind, (node.id,)) for node in found)
