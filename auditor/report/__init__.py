"""The formats in which a report is shown, each in a module that is imported only where it is used."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from auditor.report.document import Report
    from auditor.report.view import View

FORMATS: Final[Mapping[str, str]] = {
    "terminal": "auditor.report.terminal.report:render",
    "json": "auditor.report.json:render",
    "sarif": "auditor.report.sarif:render",
    "sarif-github": "auditor.report.sarif:render_github",
    "markdown": "auditor.report.markdown:render",
}
"""By the name of a format, the `module:function` that renders it."""


def render(name: str, report: Report, view: View) -> str:
    """Return a report in one of `FORMATS`.

    Raises:
        KeyError: there is no such format.
    """
    module, function = FORMATS[name].split(":")
    renderer: Callable[[Report, View], str] = getattr(importlib.import_module(module), function)
    return renderer(report, view)
