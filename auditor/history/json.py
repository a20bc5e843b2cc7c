"""The trend as JSON for other programs: `auditor.trend/1`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.report.json import text_of

if TYPE_CHECKING:
    from auditor.history.document import Trend
    from auditor.report.view import View


def render(trend: Trend, view: View) -> str:  # noqa: ARG001 - the signature of all formats
    """Return the trend as JSON text; equal trends give equal texts."""
    return text_of(trend)
