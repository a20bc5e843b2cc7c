"""The report as JSON for other programs: `auditor.report/1`, described by `schema/report.schema.json`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from json import dumps
from typing import TYPE_CHECKING, Final

import msgspec

from auditor.report.grouping import listed

if TYPE_CHECKING:
    from auditor.report.document import Document
    from auditor.report.view import View

INDENT: Final = 2
_ENCODER: Final = msgspec.json.Encoder(order="deterministic")
_DELETE: Final = b"\x7f"


def render(document: Document, view: View) -> Iterator[str]:
    """Yield the report as JSON text; equal reports give equal texts."""
    yield from _pieces(document, view, INDENT)
    yield "\n"


def compact(document: Document, view: View) -> Iterator[str]:
    """Yield the report as JSON text of one line without spaces."""
    return _pieces(document, view, -1)


def _pieces(document: Document, view: View, indent: int) -> Iterator[str]:
    """Yield the object of a report, of which one finding or the value of one other key is in memory at a time."""
    line, space = ("\n", " ") if indent > 0 else ("", "")
    inner = line + " " * indent
    rest = _ENCODER.encode(msgspec.structs.replace(document, findings=()))
    before = "{"
    for name, value in msgspec.json.decode(rest, type=dict[str, msgspec.Raw]).items():
        yield f'{before}{inner}"{name}":{space}'
        before = ","
        if name == "findings":
            yield from _list(listed(document, passes=view.passes), indent, inner)
        else:
            yield _formatted(bytes(value), indent, inner)
    yield line + "}"


def _list(items: Iterable[object], indent: int, line: str) -> Iterator[str]:
    """Yield a list of JSON; `line` is what its lines begin with."""
    inner = line + " " * indent
    before = "["
    for item in items:
        yield before + inner + _formatted(_ENCODER.encode(item), indent, inner)
        before = ","
    yield line + "]" if before == "," else "[]"


def _formatted(value: bytes, indent: int, line: str) -> str:
    """Return a JSON value as text whose lines begin with `line`: a line end is never inside a text in JSON."""
    # Of ASCII, the encoder escapes all that is not printable but the last character.
    if not value.isascii() or _DELETE in value:
        value = _escape(value.decode()).encode()
    return msgspec.json.format(value, indent=indent).decode().replace("\n", line)


def text_of(document: object) -> str:
    """Return a value as JSON text of several lines, with every character escaped that a terminal could act upon."""
    return _formatted(_ENCODER.encode(document), INDENT, "\n") + "\n"


def _escape(line: str) -> str:
    """Return a line of JSON with all characters escaped that a terminal could act upon.

    What is not printable and not escaped yet is inside strings, where JSON has an escape for it.
    """
    return line if line.isprintable() else "".join(c if c.isprintable() else dumps(c)[1:-1] for c in line)
