"""The output formats of a trend."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from auditor.history.document import Trend
    from auditor.report.view import View

FORMATS: Final[Mapping[str, str]] = {
    name: f"auditor.history.{name}" for name in ("terminal", "json", "csv", "html", "changes")
}
"""The modules by the names of the formats; a module is imported only when it is used."""


def render(name: str, trend: Trend, view: View) -> str:
    """Return a trend in a format as text, which is empty or ends with a line break."""
    renderer: Callable[[Trend, View], str] = importlib.import_module(FORMATS[name]).render
    return renderer(trend, view)
