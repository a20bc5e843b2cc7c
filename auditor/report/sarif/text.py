"""Text for SARIF: plain, on one line, cut to a length, and without characters that a viewer acts upon."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from auditor.escape import printable
from auditor.report import wording

_ACTIVE: Final = re.compile(r"[\\\[\]{}<]")
"""A character that may have an effect."""
_BRACKET: Final = re.compile(r"\\(?=[\\\[\]])|[\[\]]")
_TAG: Final = re.compile("<(?=[A-Za-z/!?])")

LONGEST_NAME: Final = 120
LONGEST_VALUE: Final = 200
LONGEST_REASON: Final = 1000
LONGEST_TITLE: Final = 250
LONGEST_DESCRIPTION: Final = 1024
"""GitHub cuts or refuses longer descriptions."""


def value(observed: object) -> str:
    """Return an observed or expected value as a message quotes it.

    Resource ids are replaced by resource group and name: cut ids would hide how they differ.
    """
    return _named(wording.text(observed, absent="null", empty=""))


@lru_cache(maxsize=4096)
def _named(text: str) -> str:
    """Return the text of a value as a message quotes it, with the names of resources in the place of their ids."""
    return quoted(wording.named(text), LONGEST_VALUE)


def quoted(text: str, limit: int) -> str:
    """Return data in quotes, as a message shows it."""
    return f"'{inert(text, limit)}'"


@lru_cache(maxsize=4096)
def inert(text: str, limit: int) -> str:
    """Return data that has no effect in a message: no control character, link, placeholder or tag.

    SARIF (3.11.5, 3.11.6) escapes braces by doubling them, and brackets by a backslash, which is then itself escaped
    where it could be taken for one.
    """
    text = printable(_cut(text, limit))
    if not _ACTIVE.search(text):
        return text
    text = _BRACKET.sub(r"\\\g<0>", text)
    text = text.replace("{", "{{").replace("}", "}}")
    return _TAG.sub(r"\\u003c", text)


@lru_cache(maxsize=4096)
def clause(text: str, limit: int) -> str:
    """Return prose on one line, without its full stop and without effect in a message."""
    return inert(one_line(text).rstrip("."), limit)


def one_line(text: str) -> str:
    """Return prose without its line breaks."""
    return " ".join(text.split())


def sentence(text: str, limit: int = 0) -> str:
    """Return prose on one line with its full stop; a limit of 0 is none."""
    text = printable(one_line(text)).rstrip(".")
    return _cut(text, limit - 1 if limit else len(text)) + "."


def _cut(text: str, limit: int) -> str:
    """Return at most `limit` characters of a text, with `...` where it is longer."""
    return text if len(text) <= limit else text[: limit - 3] + "..."
