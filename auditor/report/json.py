"""The report as JSON for other programs: `auditor.report/1`, described by `schema/report.schema.json`."""

from __future__ import annotations

from json import dumps
from typing import TYPE_CHECKING, Final

import msgspec

from auditor.report.grouping import listed

if TYPE_CHECKING:
    from auditor.report.document import Document
    from auditor.report.view import View

_ENCODER: Final = msgspec.json.Encoder(order="deterministic")


def render(document: Document, view: View) -> str:
    """Return the report as JSON text; equal reports give equal texts."""
    document = msgspec.structs.replace(document, findings=tuple(listed(document, passes=view.passes)))
    return text_of(document)


def text_of(document: object) -> str:
    """Return a value as JSON text of several lines, with every character escaped that a terminal could act upon."""
    text = msgspec.json.format(_ENCODER.encode(document), indent=2).decode()
    # What is not printable and not escaped yet is inside strings, where JSON has an escape for it.
    if not text.replace("\n", "").isprintable():
        text = "\n".join(line if line.isprintable() else _escape(line) for line in text.split("\n"))
    return text + "\n"


def _escape(line: str) -> str:
    """Return a line of JSON with all characters escaped that a terminal could act upon."""
    return "".join(c if c.isprintable() else dumps(c)[1:-1] for c in line)
