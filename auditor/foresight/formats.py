"""The output formats of what is foreseen."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from auditor.foresight.document import Foresight
    from auditor.report.view import View

FORMATS: Final[Mapping[str, str]] = {name: f"auditor.foresight.{name}" for name in ("terminal", "json", "markdown")}
"""The modules by the names of the formats; a module is imported only when it is used."""


def render(name: str, foresight: Foresight, view: View) -> str:
    """Return it in a format as text that ends with a line break."""
    renderer: Callable[[Foresight, View], str] = importlib.import_module(FORMATS[name]).render
    return renderer(foresight, view)
