"""The report as text for operators: a first screen, or every finding in full."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from auditor.report.document import Document
    from auditor.report.view import View


def render(document: Document, view: View) -> str:
    """Return the report as text within the view's width; ids and words of commands are never broken.

    The last line is a summary for logs, and stays one line.
    """
    if view.details:
        from auditor.report.terminal import details  # noqa: PLC0415 - most reports are a first screen

        return details.render(document, view)
    from auditor.report.terminal import first_screen  # noqa: PLC0415 - as above

    return first_screen.render(document, view)
