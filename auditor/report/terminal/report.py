"""The report as text for operators: a first screen, or every finding in full."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.report.terminal import details, first_screen

if TYPE_CHECKING:
    from auditor.report.document import Document
    from auditor.report.view import View


def render(document: Document, view: View) -> str:
    """Return the report as text within the view's width; ids and words of commands are never broken.

    The last line is a summary for logs, and stays one line.
    """
    return details.render(document, view) if view.details else first_screen.render(document, view)
