"""The layout of a picture: where boxes and lines are, in pixels. It depends on slots alone, never on names.

Vertical lines run in the margins of regions, horizontal ones between the rows, so that no line crosses a box.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Final, NamedTuple

from auditor.azure import arm
from auditor.evaluation.picture.model import Edge, Picture, Region
from auditor.report.html.cells import Cell, Piles, Slot

WIDTH, HEIGHT = 120, 32
"""The size of the box of a VM."""
_NARROWEST: Final = 84
_BETWEEN: Final = 10
"""The space between two columns."""
_PILED: Final = 4
"""The space between two boxes of a pile."""
_MARGIN: Final = 18
"""The space at the left and right side of a region."""
_LABELS: Final = 122
"""The width of the titles of rows."""
_APART: Final = 16
"""The space between two regions."""
_HEADER: Final = 44
"""The height of the titles of a region and its places."""
_GAP: Final = 30
"""The space between two rows."""
_SYNC, _ASYNC, _ARBITER = 5, 9, 13
"""The distances from a row to the lines below it."""
_INTO, _INTO_ARBITER = 6, 11
"""The distances from a row to the lines above it."""


class Frame(NamedTuple):
    """A region, or a place in one."""

    title: str
    x: float
    y: float
    width: float
    height: float


class Box(NamedTuple):
    """A box with its position."""

    cell: Cell
    slot: Slot
    x: float
    y: float
    width: float
    height: float
    is_first: bool
    """Whether no box of its slot is above it."""
    is_last: bool
    """Whether no box of its slot is below it."""

    @property
    def middle(self) -> tuple[float, float]:
        """Return its centre."""
        return self.x + self.width / 2, self.y + self.height / 2


class Line(NamedTuple):
    """A horizontal or vertical line, or several of them with right angles."""

    kind: str
    active: bool
    points: tuple[tuple[float, float], ...]


class Drawing(NamedTuple):
    """One of the two drawings of a picture."""

    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]


class Grid:
    """The grid that both drawings of a picture have in common."""

    def __init__(self, picture: Picture, *drawings: Piles) -> None:
        """Make each row as high as the highest pile in it in any of the drawings."""
        self._picture = picture
        self.regions: dict[str | None, Frame] = {}
        self.places: dict[tuple[str, str], Frame] = {}
        self.rows: dict[str, tuple[float, float]] = {}
        """The upper and lower end of each row."""
        x = float(_LABELS)
        for region in picture.regions:
            width = self._inner(region) + 2 * _MARGIN
            self.regions[region.name] = Frame(region.name, x, 0, width, 0)
            x += width + _APART
        self.width = x
        whole = Frame("", _LABELS, 0, x - _LABELS - _APART, 0)
        self.regions[None] = whole
        y, framed = 14.0, 0.0
        for row in picture.rows:
            piles = [(slot, len(cells)) for piles in drawings for slot, cells in piles.items() if slot.row == row.id]
            if not framed and any(slot.region is not None for slot, _ in piles):
                framed = y
                y += _HEADER
            lines = max((self._lines(slot, number) for slot, number in piles), default=1)
            height = lines * HEIGHT + (lines - 1) * _PILED
            self.rows[row.id] = y, y + height
            y += height + _GAP
        self.height = y
        self._frame(framed or y, y - framed - 8)
        self._order = {row.id: index for index, row in enumerate(picture.rows)}

    def _frame(self, y: float, height: float) -> None:
        for region in self._picture.regions:
            frame = self.regions[region.name]
            self.regions[region.name] = frame._replace(y=y, height=height)
            for index, place in enumerate(region.places):
                x = frame.x + _MARGIN + index * (WIDTH + _BETWEEN)
                self.places[region.name, place] = Frame(place, x, y + 22, WIDTH, height - 26)

    @staticmethod
    def _inner(region: Region) -> float:
        columns = max(1, len(region.places))
        return columns * WIDTH + (columns - 1) * _BETWEEN

    def _space(self, slot: Slot) -> tuple[float, float]:
        """Return the left end and the width of a slot; what is not a VM has its whole region."""
        if slot.region is not None and slot.place is not None:
            place = self.places.get((slot.region, slot.place))
            return (place.x, place.width) if place else (0, WIDTH)
        region = self.regions[slot.region]
        return region.x + _MARGIN, region.width - 2 * _MARGIN

    def _abreast(self, slot: Slot, number: int) -> int:
        """Return how many boxes of a slot are side by side."""
        if slot.place is not None:
            return 1
        region = self.regions[slot.region]
        return max(1, min(number, int((region.width - 2 * _MARGIN + _BETWEEN) // (_NARROWEST + _BETWEEN))))

    def _lines(self, slot: Slot, number: int) -> int:
        return -(-number // self._abreast(slot, number))

    # --- drawings

    def drawn(self, piles: Piles, edges: Iterable[Edge]) -> Drawing:
        """Return boxes, and the lines between them; the ends of edges are ids of nodes."""
        boxes = tuple(box for slot, cells in piles.items() for box in self._boxes(slot, cells))
        at = {arm.key(node): box for box in boxes for node in box.cell.nodes}
        ends = (
            (at[arm.key(edge.source)], at[arm.key(edge.target)], edge)
            for edge in edges
            if arm.key(edge.source) in at and arm.key(edge.target) in at
        )
        lines = (self._line(one, other, edge.kind, edge.active) for one, other, edge in ends)
        return Drawing(boxes, tuple(_once(lines)))

    def reference(self, piles: Piles) -> Drawing:
        """Return boxes, and the lines that the reference architecture has between them."""
        boxes = tuple(box for slot, cells in piles.items() for box in self._boxes(slot, cells))
        lines = (self._line(one, other, kind, active=True) for one, other, kind in _expected_lines(boxes))
        return Drawing(boxes, tuple(_once(lines)))

    def _boxes(self, slot: Slot, cells: tuple[Cell, ...]) -> Iterator[Box]:
        left, space = self._space(slot)
        abreast = self._abreast(slot, len(cells))
        width = (space - (abreast - 1) * _BETWEEN) / abreast
        top, _ = self.rows[slot.row]
        for index, cell in enumerate(cells):
            line, column = divmod(index, abreast)
            x, y = left + column * (width + _BETWEEN), top + line * (HEIGHT + _PILED)
            yield Box(cell, slot, x, y, width, HEIGHT, line == 0, index + abreast >= len(cells))

    def _line(self, one: Box, other: Box, kind: str, active: bool) -> Line:  # noqa: FBT001 - as the edge has it
        if self._order[one.slot.row] > self._order[other.slot.row]:
            one, other = other, one
        if one.slot.row == other.slot.row:
            below = self.rows[one.slot.row][1] + {"sync": _SYNC, "async": _ASYNC}.get(kind, _ARBITER)
            points = (*self._leave(one, below), *reversed(self._leave(other, below)))
            return Line(kind, active, points)
        above = self.rows[other.slot.row][0] - (_INTO_ARBITER if kind == "arbiter" else _INTO)
        if self._order[other.slot.row] == self._order[one.slot.row] + 1:
            return Line(kind, active, (*self._leave(one, above), *self._enter(other, above)))
        below = self.rows[one.slot.row][1] + (_ARBITER if kind == "arbiter" else _SYNC)
        region = self.regions[other.slot.region]
        margin = region.x + region.width - 7 if kind == "arbiter" else region.x + 7
        return Line(
            kind,
            active,
            (*self._leave(one, below), (margin, below), (margin, above), *self._enter(other, above)),
        )

    @staticmethod
    def _leave(box: Box, y: float) -> tuple[tuple[float, float], ...]:
        """Return the way from a box down to a height below its row."""
        middle, centre = box.middle
        if box.is_last:
            return (middle, box.y + box.height), (middle, y)
        side = box.x + box.width
        return (side, centre), (side + 4, centre), (side + 4, y)

    @staticmethod
    def _enter(box: Box, y: float) -> tuple[tuple[float, float], ...]:
        """Return the way from a height above the row of a box down to it."""
        middle, centre = box.middle
        if box.is_first:
            return (middle, y), (middle, box.y)
        return (box.x - 4, y), (box.x - 4, centre), (box.x, centre)


def _once(lines: Iterable[Line]) -> Iterator[Line]:
    """Yield horizontal and vertical lines, each piece once, disabled ones first, since others are drawn over them."""
    found: dict[tuple[str, bool, bool, float], list[tuple[float, float]]] = {}
    for line in lines:
        for (x1, y1), (x2, y2) in pairwise(line.points):
            upright = x1 == x2
            ends = sorted((y1, y2) if upright else (x1, x2))
            found.setdefault((line.kind, line.active, upright, x1 if upright else y1), []).append((ends[0], ends[1]))
    for (kind, active, upright, at), pieces in sorted(found.items(), key=lambda entry: entry[0][1]):
        for start, end in _joined(sorted(pieces)):
            points = ((at, start), (at, end)) if upright else ((start, at), (end, at))
            yield Line(kind, active, points)


def _joined(pieces: Iterable[tuple[float, float]]) -> Iterator[tuple[float, float]]:
    """Yield sorted pieces of one line, those that overlap or touch as one."""
    first, *others = pieces
    start, end = first
    for left, right in others:
        if left > end:
            yield start, end
            start, end = left, right
        end = max(end, right)
    yield start, end


def _expected_lines(boxes: Iterable[Box]) -> Iterator[tuple[Box, Box, str]]:
    """Yield the lines of the reference architecture: names, backend pools, mirrors and arbiters."""
    at: dict[tuple[str, str | None], list[Box]] = {}
    for box in boxes:
        at.setdefault((box.slot.row, box.slot.region), []).append(box)
    regions = dict.fromkeys(box.slot.region for box in boxes if box.slot.region is not None)
    rows = dict.fromkeys(box.slot.row for box in boxes)
    webs = [row for row in rows if row.partition("/")[0] == "web"]
    mirrors = [row for row in rows if row.startswith("mirror/")]
    for region in regions:
        ways = [at.get((row, region), []) for row in ("gateways", "load-balancers")]
        servers = [box for row in webs for box in at.get((row, region), [])]
        first = next(filter(None, ways), servers)
        yield from ((one, other, "name") for one in at.get(("names", None), []) for other in first[:1])
        for way in ways:
            yield from ((one, other, "pool") for one in way[:1] for other in servers)
        for row in mirrors:
            members = at.get((row, region), [])
            in_pool = [box for box in members if box.cell.title != "reporting async"]
            yield from ((one, o, "pool") for one in at.get(("mirror-load-balancers", region), [])[:1] for o in in_pool)
    for row in mirrors:
        members = [box for region in regions for box in at.get((row, region), [])]
        failover = [box for box in members if box.cell.title == "failover member"]
        behind = [box for box in members if box.cell.title != "failover member"]
        yield from ((one, other, "sync") for one, other in pairwise(failover))
        yield from ((one, other, "async") for one in failover[-1:] for other in behind)
        arbiters = [box for region in regions for box in at.get(("arbiters", region), [])]
        yield from ((one, other, "arbiter") for one in failover for other in arbiters[:1])
