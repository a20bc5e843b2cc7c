"""Values as words of a command for a shell."""

from __future__ import annotations

import shlex
from typing import Final

_NOT_TEXT: Final = ("-", "@")
"""How a word begins that Azure CLI takes for an option or for the name of a file."""


class UnfilledError(Exception):
    """A placeholder has no value, or one that cannot safely be a word of a command."""


def safe(value: object) -> str:
    """Return a value as text.

    Raises:
        UnfilledError: it is not known, is no text or number, or has characters that would not be shown as they are.
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return f"{value:.15g}"
    if isinstance(value, str) and value and value.isprintable():
        return value
    raise UnfilledError


def may_begin(value: str) -> str:
    """Return a value with which a word begins.

    Raises:
        UnfilledError: Azure CLI would take it for something else.
    """
    if value.startswith(_NOT_TEXT) or value == "null":
        raise UnfilledError
    return value


def quoted(value: object) -> str:
    """Return a value as a whole word.

    Raises:
        UnfilledError: it cannot safely be one.
    """
    return shlex.quote(may_begin(safe(value)))


def variable(choice: str) -> str:
    """Return the word for what a person chooses: a shell refuses the command while it is empty."""
    return f'"${{{choice}:?}}"'
