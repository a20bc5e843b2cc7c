"""The report as JSON for other programs: `auditor.report/1`, described by `schema/report.schema.json`."""

from __future__ import annotations

from collections.abc import Iterator
from json import dumps
from typing import TYPE_CHECKING, Final

import msgspec

from auditor.report.grouping import listed
from auditor.report.json_stream import streamed

if TYPE_CHECKING:
    from auditor.report.document import Document
    from auditor.report.view import View

INDENT: Final = 2
_ENCODER: Final = msgspec.json.Encoder(order="deterministic")
_DELETE: Final = b"\x7f"


def render(document: Document, view: View) -> Iterator[str]:
    """Yield the report as JSON text; equal reports give equal texts."""
    findings = map(_text, listed(document, passes=view.passes))
    rest = msgspec.structs.replace(document, findings=())
    yield from streamed(_text(rest), "findings", findings, indent=INDENT, depth=1)
    yield "\n"


def text_of(document: object) -> str:
    """Return a value as JSON text of several lines, with every character escaped that a terminal could act upon."""
    return _text(document) + "\n"


def _text(value: object) -> str:
    line = _ENCODER.encode(value)
    # Of ASCII, the encoder escapes all that is not printable but the last character.
    if not line.isascii() or _DELETE in line:
        line = _escape(line.decode()).encode()
    return msgspec.json.format(line, indent=INDENT).decode()


def _escape(line: str) -> str:
    """Return a line of JSON with all characters escaped that a terminal could act upon.

    What is not printable and not escaped yet is inside strings, where JSON has an escape for it.
    """
    return line if line.isprintable() else "".join(c if c.isprintable() else dumps(c)[1:-1] for c in line)
