"""Escaping of text from Azure and from users for terminals, Markdown, HTML and spreadsheets."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_ACTIVE: Final = re.compile(
    r"""
    [`*~\[|{$@\\_<&\#:.\ >=+-]                     # any of these, by which the search is quick,
    (?:
        (?<=[`*~\[|{$@])                          # wherever they are
      | (?<=\\)(?=[!-/:-@\[-`{-~]|$)              # in front of what it would escape
      | (?<=_)(?:(?<![^\W_]_)|(?![^\W_]))         # not inside a word
      | (?<=<)(?=[a-z/!?]) | (?<=&)(?=[#\w]) | (?<=\#)(?=\w)
      | (?<=:)(?=//|(?:[+-]1|100|1234):|[\w+-]*[a-z][\w+-]*:)   # of an address or of an emoji such as :smile:
      | (?<=www\.)
      | (?<=^[\ \#>=+-])                          # of a block
    )
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""Characters with a meaning in Markdown, in what GitHub adds to it, or in HTML.

As few as possible: the text is also read as it is, without a renderer.
"""

_NUMBER: Final = re.compile(r"^(\d{1,9})([.)])")
"""What begins a numbered list."""

_ENTITIES: Final = {"&": "&amp;", "<": "&lt;", " ": "&#32;"}

_FORMULA: Final = re.compile(r"[\s']*[=+\-@\uff1d\uff0b\uff0d\uff20]")
"""How a cell begins that a spreadsheet may evaluate; the last four are the full-width forms of the first four."""


def printable(text: str) -> str:
    r"""Return a text with every character that is not printable replaced by an escape such as `\x1b`.

    Those are control and format characters (line ends, terminal sequences, bidirectional overrides, zero-width
    characters), line and paragraph separators, surrogates, and code points that Unicode does not define.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or unicodedata.category(c) == "Zs" else _escape(c) for c in text)


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def markdown(text: str) -> str:
    """Return a text as one line that Markdown and HTML render literally.

    It is not for code spans and code blocks, in which Markdown has no escapes.
    """
    escaped = _ACTIVE.sub(lambda found: _ENTITIES.get(found[0], f"\\{found[0]}"), printable(text))
    return _NUMBER.sub(r"\1\\\2", escaped) if escaped[:1].isdecimal() else escaped


def cell(text: str) -> str:
    """Return a text as one line that no spreadsheet evaluates: what could be a formula begins with an apostrophe."""
    shown = printable(text)
    return f"'{shown}" if _FORMULA.match(shown) else shown
