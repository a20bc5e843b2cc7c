"""The page of text that a terminal shows: lines within a width, in which nothing acts."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.console import Console
from rich.segment import Segment, Segments

from auditor.escape import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rich.style import Style


class Page:
    """Collects lines. Everything that is written goes through `lines`, and so through `printable`."""

    def __init__(self, width: int) -> None:
        """Begin with nothing; lines are as wide as that."""
        self.width = width
        self._segments: list[Segment] = []

    def lines(self, lines: Iterable[str], indent: int = 0, *, lead: str = "", style: Style | None = None) -> None:
        """Write lines as they are, the first behind a lead; the style is the lead's, or without one the lines'."""
        for line in lines:
            if lead.strip():
                self._segments += (Segment(" " * indent), Segment(lead, style), Segment(printable(line)))
                style = None
            elif line:
                self._segments += (Segment(" " * (indent + len(lead))), Segment(printable(line), style))
            self._segments.append(Segment.line())
            lead = " " * len(lead)

    def write(self, text: str, indent: int = 0, *, lead: str = "", style: Style | None = None) -> None:
        """Write a paragraph; its further lines stand below the text of the first."""
        wrapped = wrap(printable(text), self.width - indent - len(lead))
        self.lines(wrapped, indent, lead=lead, style=style)

    def section(self, title: str) -> None:
        """Begin a section."""
        start = f"--- {printable(title)} "
        self.lines(["", start + "-" * (self.width - cell_len(start)), ""])

    def fits(self, text: str, indent: int) -> bool:
        """Tell whether a text needs one line only."""
        return indent + cell_len(printable(text)) <= self.width

    def text(self, *, colour: bool) -> str:
        """Return all that was written."""
        file = io.StringIO()
        console = Console(
            file=file,
            width=self.width,
            height=25,  # else rich would ask the environment
            force_terminal=colour,
            color_system="standard" if colour else None,
            no_color=not colour,
            legacy_windows=False,
            markup=False,
            emoji=False,
            highlight=False,
        )
        console.print(Segments(self._segments), soft_wrap=True, end="")
        return file.getvalue()


def wrap(text: str, width: int) -> Iterator[str]:
    """Yield the lines of a paragraph; rich's own wrapping would cut what is longer than a line."""
    line = ""
    for word in text.split(" "):
        longer = f"{line} {word}" if line else word
        if line and cell_len(longer) > width:
            yield line.rstrip()
            line = word
        else:
            line = longer
    yield line.rstrip()
