"""The styles of the terminal report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from rich.style import Style

from auditor.rules.model import Severity

SEVERITIES: Final[Mapping[str, Style]] = {
    Severity.CRITICAL: Style.parse("bold red"),
    Severity.HIGH: Style.parse("red"),
    Severity.MEDIUM: Style.parse("yellow"),
    Severity.LOW: Style.parse("cyan"),
    Severity.INFO: Style.parse("blue"),
}
DIM: Final = Style.parse("dim")
UNKNOWN: Final = Style.parse("yellow")
PASS: Final = Style.parse("green")
