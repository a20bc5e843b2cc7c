"""The text of a file: UTF-8, UTF-16 or Latin-1, with any end of line."""

from __future__ import annotations

import codecs
import re
from typing import Final

import msgspec

LONGEST_LINE: Final = 64 * 1024
_LINE_END: Final = re.compile(r"\r\n|\n|\r")


class Line(msgspec.Struct, frozen=True):
    """One line, without its end."""

    number: int
    text: str
    ended: bool
    """Whether it has an end of line; without one it may be cut."""


def decoded(data: bytes) -> str:
    """Return the text of a file; what is not UTF-8 is Latin-1, in which every byte is a character."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", errors="replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.removeprefix(codecs.BOM_UTF8).decode("latin-1")


def lines(text: str) -> list[Line]:
    """Return the lines of a text; longer ones than `LONGEST_LINE` are cut."""
    parts = _LINE_END.split(text)
    last = len(parts)
    found = [
        Line(number, part[:LONGEST_LINE], ended=number < last and len(part) <= LONGEST_LINE)
        for number, part in enumerate(parts, start=1)
    ]
    return found if parts[-1] else found[:-1]
