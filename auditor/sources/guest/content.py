"""What is kept of one file: values of an allow-list of names, and which of them could not be read for certain.

A parser never fails: of a file that is cut or malformed it keeps what is certain, and names the rest as unread.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from ipaddress import IPv4Address
from typing import Any, Final

import msgspec

from auditor.snapshot.guest_kinds import GuestKind

LONGEST: Final = 1024
"""Characters that a kept text may have."""

_UNFIT: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffd]")
_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,17}")
_NAME: Final = re.compile(r"[\w%.-]{1,128}")
_GUID: Final = re.compile(r"[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}", re.IGNORECASE)
_ADDRESS: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.:-]{0,251}[A-Za-z0-9])?")
_NUMERIC: Final = re.compile(r"[0-9.]+")
_LAST_PORT: Final = 65535


class Content(msgspec.Struct, frozen=True):
    """What a parser keeps of a file."""

    properties: dict[str, Any]
    """Names and values in the form of JSON."""
    unread: Mapping[str, str] = {}
    """Paths below `properties` that the file may have and this lacks, with the reason.

    "" stands for everything that is absent, `NAME[*]` for further items of a list.
    """


Read = Callable[[str], Any]
"""Returns the value of a text, None if it is empty.

Raises:
    ValueError: the text has another form.
"""


class Builder:
    """Collects the properties of a file, and which of them were not read."""

    def __init__(self, kind: GuestKind) -> None:
        """Start with the kind of the file."""
        self.properties: dict[str, Any] = {"kind": kind.value}
        self.unread: dict[str, str] = {}

    def content(self) -> Content:
        """Return what was collected."""
        return Content(self.properties, self.unread)

    def miss(self, path: str, why: str) -> None:
        """Record that a value was not read; the first reason counts."""
        self.unread.setdefault(path, why)


class Place(msgspec.Struct):
    """An object of the properties, into which values are put; a text of another form than expected is unread."""

    builder: Builder
    path: str
    item: dict[str, Any]
    line: int = 0
    """The line of the file; 0 where its form has no lines."""

    def put(self, name: str, text: str, read: Read) -> None:
        """Set one value, which is absent if it is empty."""
        try:
            value = read(text)
        except ValueError:
            self.miss(name, "has no valid value there")
        else:
            if value is not None:
                self.item[name] = value

    def miss(self, name: str, why: str) -> None:
        """Record that a value was not read, "" for all of the object; `why` is a verb phrase about the line."""
        path = f"{self.path}.{name}".strip(".")
        self.builder.miss(path, f"line {self.line} {why}" if self.line else f"the file {why}")


# --- the forms of values ----------------------------------------------------------------------------------------------


def text(value: str) -> str | None:
    """Read a text of one line."""
    if len(value) > LONGEST or _UNFIT.search(value):
        raise ValueError
    return value or None


def number(value: str) -> int | None:
    """Read a whole number without a sign or leading zeros."""
    if value and not _NUMBER.fullmatch(value):
        raise ValueError
    return int(value) if value else None


def required_number(value: str) -> int:
    """Read a whole number, which is never empty."""
    found = number(value)
    if found is None:
        raise ValueError
    return found


def port(value: str) -> int | None:
    """Read a port."""
    found = number(value)
    if found is not None and not 0 < found <= _LAST_PORT:
        raise ValueError
    return found


def flag(value: str) -> bool | None:
    """Read 0 or 1."""
    if value not in {"", "0", "1"}:
        raise ValueError
    return value == "1" if value else None


def required_flag(value: str) -> bool:
    """Read 0 or 1, which is never empty."""
    if value not in {"0", "1"}:
        raise ValueError
    return value == "1"


def name(value: str) -> str | None:
    """Read a name of letters, digits and the signs `%_.-`."""
    return _matching(_NAME, value)


def guid(value: str) -> str | None:
    """Read a GUID."""
    return _matching(_GUID, value)


def address(value: str) -> str | None:
    """Read a host name or an IP address."""
    if _NUMERIC.fullmatch(value):
        return str(IPv4Address(value))
    if ".." in value:
        raise ValueError
    return _matching(_ADDRESS, value)


def numbers(*counts: int) -> Read:
    """Return a reader of whole numbers between commas; `counts` are how many there can be."""

    def read(value: str) -> list[int]:
        found = [required_number(part) for part in value.split(",")]
        if len(found) not in counts:
            raise ValueError
        return found

    return read


def one_of(*words: str) -> Read:
    """Return a reader of one of several words."""

    def read(value: str) -> str | None:
        if value and value not in words:
            raise ValueError
        return value or None

    return read


def required(read: Read) -> Read:
    """Return a reader of a text that is never empty."""

    def found(value: str) -> Any:  # noqa: ANN401 - of the reader
        result = read(value)
        if result is None:
            raise ValueError
        return result

    return found


def _matching(pattern: re.Pattern[str], value: str) -> str | None:
    if value and not pattern.fullmatch(value):
        raise ValueError
    return value or None


def directory(value: str) -> str | None:
    """Read a directory; what has a `=` may be two lines that were joined."""
    if "=" in value:
        raise ValueError
    return text(value)


required_port: Final = required(port)
required_directory: Final = required(directory)
