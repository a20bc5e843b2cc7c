"""What is foreseen as JSON for other programs: `auditor.foresight/1`, described by `schema/foresight.schema.json`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.report.json import text_of

if TYPE_CHECKING:
    from auditor.foresight.document import Foresight
    from auditor.report.view import View


def render(foresight: Foresight, view: View) -> str:  # noqa: ARG001 - the signature of all formats
    """Return it as JSON text; equal ones give equal texts."""
    return text_of(foresight)
