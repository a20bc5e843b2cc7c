"""A page of text for a terminal: lines within a width, without control characters of foreign text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size

from auditor.escape import printable
from auditor.report.terminal.styles import coloured

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from auditor.report.terminal.styles import Style

_LINE_END = ("\n", None)


class Page:
    """Collects lines. Every text passes `printable`."""

    def __init__(self, width: int) -> None:
        """Create an empty page of a width in columns."""
        self.width = width
        self._pieces: list[tuple[str, Style | None]] = []

    def lines(self, lines: Iterable[str], indent: int = 0, *, lead: str = "", style: Style | None = None) -> None:
        """Write lines unwrapped, the first after a lead; the style applies to the lead, or without one to the lines."""
        for line in lines:
            if lead.strip():
                text = printable(line)
                self._pieces += (
                    (" " * indent, None),
                    (printable(lead) if text else printable(lead).rstrip(), style),
                    (text, None),
                )
                style = None
            elif line:
                self._pieces += ((" " * (indent + len(lead)), None), (printable(line), style))
            self._pieces.append(_LINE_END)
            lead = " " * len(lead)

    def write(self, text: str, indent: int = 0, *, lead: str = "", style: Style | None = None) -> None:
        """Write a paragraph, wrapped; further lines are indented to the text of the first."""
        wrapped = wrap(printable(text), self.width - indent - len(lead))
        self.lines(wrapped, indent, lead=lead, style=style)

    @property
    def height(self) -> int:
        """Return the number of lines."""
        return self._pieces.count(_LINE_END)

    def add(self, other: Page) -> None:
        """Write the lines of another page."""
        self._pieces += other._pieces

    def pieces(self, pieces: Iterable[tuple[str, Style | None]], indent: int) -> None:
        """Write a line of pieces with a style each."""
        self._pieces.append((" " * indent, None))
        self._pieces += ((printable(text), style) for text, style in pieces)
        self._pieces.append(_LINE_END)

    def section(self, title: str) -> None:
        """Write the title of a section."""
        start = f"--- {printable(title)} "
        self.lines(["", start + "-" * (self.width - width_of(start)), ""])

    def fits(self, text: str, indent: int) -> bool:
        """Return whether a text fits on one line."""
        return indent + width_of(printable(text)) <= self.width

    def text(self, *, colour: bool) -> str:
        """Return the whole page."""
        return "".join(coloured(text, style) if colour and style else text for text, style in self._pieces)


def width_of(text: str) -> int:
    """Return how many columns a printable text has; rich knows which characters are wide."""
    return len(text) if text.isascii() else cell_len(text)


def cut(text: str, width: int) -> str:
    """Return a printable text within a width; one that is too long ends with dots."""
    text = printable(text)
    if width_of(text) <= width:
        return text
    return set_cell_size(text, max(0, width - 3)).rstrip(" ,;:") + "..."


def wrap(text: str, width: int) -> Iterator[str]:
    """Yield the lines of a paragraph; unlike rich, never break a word that is longer than a line."""
    line = ""
    for word in text.split(" "):
        longer = f"{line} {word}" if line else word
        if line and width_of(longer) > width:
            yield line.rstrip()
            line = word
        else:
            line = longer
    yield line.rstrip()
