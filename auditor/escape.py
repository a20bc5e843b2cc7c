"""Text that comes from Azure or from users is data: here it loses its power over terminals, Markdown and HTML."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_ACTIVE: Final = re.compile(r"""[!"#$&'()*+.:<=>@\[\\\]^_`{|}~-]|^ """)
"""What Markdown or HTML could act upon; a space in front could make a block of code."""

_ENTITIES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;", " ": "&#32;"}


def printable(text: str) -> str:
    r"""Return a text in which every character that shows nothing itself, but acts, stands as an escape such as `\x1b`.

    Those are control and format characters (line ends, terminal sequences, bidirectional overrides, zero-width ones),
    separators of lines and paragraphs, surrogates, and what Unicode does not define.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or unicodedata.category(c) == "Zs" else _escape(c) for c in text)


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def markdown(text: str) -> str:
    """Return a printable text that shows literally, on one line, wherever Markdown or HTML takes text.

    Inside a code span or block, where nothing is escaped, it must not be put.
    """
    return _ACTIVE.sub(lambda found: _ENTITIES.get(found[0], f"\\{found[0]}"), printable(text))
