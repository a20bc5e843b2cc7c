"""The styles of the terminal report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from auditor.rules.model import Severity

Style = str
"""A style in the words of rich, which is imported only where colours are shown."""

SEVERITIES: Final[Mapping[str, Style]] = {
    Severity.CRITICAL: "bold red",
    Severity.HIGH: "red",
    Severity.MEDIUM: "yellow",
    Severity.LOW: "cyan",
    Severity.INFO: "blue",
}
DIM: Final = "dim"
UNKNOWN: Final = "yellow"
PASS: Final = "green"  # noqa: S105 - a colour


def coloured(text: str, style: Style) -> str:
    """Return a text in a style, by the escape sequences that every terminal with colours knows."""
    from rich.color import ColorSystem  # noqa: PLC0415 - what is no terminal has no colours
    from rich.style import Style as Parsed  # noqa: PLC0415 - as above

    return Parsed.parse(style).render(text, color_system=ColorSystem.STANDARD)
