"""A page of text for a terminal: lines within a width, without control characters of foreign text."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.segment import Segment, Segments

from auditor.escape import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rich.style import Style


class Page:
    """Collects lines. Every text passes `printable`."""

    def __init__(self, width: int) -> None:
        """Create an empty page of a width in columns."""
        self.width = width
        self._segments: list[Segment] = []

    def lines(self, lines: Iterable[str], indent: int = 0, *, lead: str = "", style: Style | None = None) -> None:
        """Write lines unwrapped, the first after a lead; the style applies to the lead, or without one to the lines."""
        for line in lines:
            if lead.strip():
                text = printable(line)
                self._segments += (
                    Segment(" " * indent),
                    Segment(printable(lead) if text else printable(lead).rstrip(), style),
                    Segment(text),
                )
                style = None
            elif line:
                self._segments += (Segment(" " * (indent + len(lead))), Segment(printable(line), style))
            self._segments.append(Segment.line())
            lead = " " * len(lead)

    def write(self, text: str, indent: int = 0, *, lead: str = "", style: Style | None = None) -> None:
        """Write a paragraph, wrapped; further lines are indented to the text of the first."""
        wrapped = wrap(printable(text), self.width - indent - len(lead))
        self.lines(wrapped, indent, lead=lead, style=style)

    @property
    def height(self) -> int:
        """Return the number of lines."""
        return sum(segment.text == "\n" for segment in self._segments)

    def add(self, other: Page) -> None:
        """Write the lines of another page."""
        self._segments += other._segments

    def pieces(self, pieces: Iterable[tuple[str, Style | None]], indent: int) -> None:
        """Write a line of pieces with a style each."""
        self._segments.append(Segment(" " * indent))
        self._segments += (Segment(printable(text), style) for text, style in pieces)
        self._segments.append(Segment.line())

    def section(self, title: str) -> None:
        """Write the title of a section."""
        start = f"--- {printable(title)} "
        self.lines(["", start + "-" * (self.width - cell_len(start)), ""])

    def fits(self, text: str, indent: int) -> bool:
        """Return whether a text fits on one line."""
        return indent + cell_len(printable(text)) <= self.width

    def text(self, *, colour: bool) -> str:
        """Return the whole page."""
        file = io.StringIO()
        console = Console(
            file=file,
            width=self.width,
            height=25,  # else rich reads it from the environment
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


def cut(text: str, width: int) -> str:
    """Return a printable text within a width; one that is too long ends with dots."""
    text = printable(text)
    if cell_len(text) <= width:
        return text
    return set_cell_size(text, max(0, width - 3)).rstrip(" ,;:") + "..."


def wrap(text: str, width: int) -> Iterator[str]:
    """Yield the lines of a paragraph; unlike rich, never break a word that is longer than a line."""
    line = ""
    for word in text.split(" "):
        longer = f"{line} {word}" if line else word
        if line and cell_len(longer) > width:
            yield line.rstrip()
            line = word
        else:
            line = longer
    yield line.rstrip()
