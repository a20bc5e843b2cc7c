"""Redaction: the removal of passwords, keys, signed URLs, and scripts that may hold them.

All records of a snapshot are `Redacted`, whatever their source. Outputs rely on it and do not redact again.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import lru_cache
from operator import is_
from typing import Final, TypeVar, cast

import msgspec

REDACTED: Final = "[redacted]"
DEEPEST: Final = 250
"""Levels of nesting that a body may have; those of Azure have about twenty."""

T = TypeVar("T")

_SECRET_NAME: Final = re.compile(
    r"""
    .*(?:password|passwordHash|pwd|secret|accessKey|accountKey|sharedKey|connectionString|sasToken|accessToken)
    | authorizationKey | primaryKey | secondaryKey | serviceKey | sig
    | customData | userData | additionalUnattendContent
    | commandToExecute | fileUris | script | scriptContent
    | protectedSettings | protectedParameters
    | serviceUri | callbackUrl | httpTriggerUrl | emailAddress | phoneNumber
    """,
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
"""Names, of properties and within texts, whose values are dropped whole; `-` and `_` in them do not matter.

`secretUrl` and `keyVaultSecretId` only say where a secret lies. Of the receivers of an action group the addresses are
dropped: who knows that of a webhook can use it.
"""

_NAMED: Final = re.compile(
    r"""
    (?: %(?:25){0,3}[0-9a-f]{2} | \\u00[0-9a-f]{2} | (?<![\w-]) )  # an encoded sign ends like the beginning of a name
    (?P<name>[\w-]++)
    (?: \s*+ = | %(?:25){0,3}3D | \\*["'] \s*+ : ) \s*+
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""A name and what stands between it and its value: `name=`, `name%3D`, `"name": `."""

_VALUE: Final = re.compile(
    r"""
    (?! (?:true|false|null)\b )
    (?: (?P<quote>\\{0,7}["']) .*? (?: (?<!\\)(?P=quote) | \Z )
    | \[ [^]]* \]? | \{ [^}]* \}?
    | (?: (?! &(?:amp;)?[\w-]+= | \\u0026 | %(?:25){0,3}(?:26|3B|20|22|27) | \\{1,7}["'] ) [^\s;"'] )+ )
    """,
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
"""What a name may be followed by: a quoted text, a list, a map, or all up to the next parameter."""

_LISTS: Final = (list, tuple, frozenset)

_CALL: Final = re.compile(r"(?:GET|POST) [\w/.-]*\?api-version=[\d-]*")
"""The most frequent text with a sign: what each resource of a snapshot was returned by."""

_URL_PASSWORD: Final = re.compile(r"(://[^/\s:@]*:)[^/\s@]+@")


class Redacted(msgspec.Struct, frozen=True):
    """A record without secrets: the only gate by which what a source has read enters a snapshot.

    Constructing, decoding or copying one redacts its fields.

    Raises:
        RecursionError: a body has more than `DEEPEST` levels.
    """

    def __post_init__(self) -> None:
        """Redact every field."""
        for name in self.__struct_fields__:
            value = getattr(self, name)
            redacted = redact(value)
            if redacted is not value:
                msgspec.structs.force_setattr(self, name, redacted)


def redact(value: T) -> T:
    """Return a value without its secrets; one without secrets is returned as it is, not copied.

    Raises:
        RecursionError: it has more than `DEEPEST` levels.
    """
    return cast("T", _redact(value, 0))


def _redact(value: object, level: int) -> object:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, dict):
        return _properties(value, level + 1)
    if isinstance(value, _LISTS):
        return _items(value, level + 1)
    return value


def _properties(body: dict[str, object], level: int) -> dict[str, object]:
    if level > DEEPEST:
        raise RecursionError
    changed: dict[str, object] = {}
    for name, value in body.items():
        redacted = _secret(value) if _is_secret(name) else _redact(value, level)
        if redacted is not value:
            changed[name] = redacted
    return body | changed if changed else body


def _items(items: Collection[object], level: int) -> Collection[object]:
    if level > DEEPEST:
        raise RecursionError
    redacted = [_redact(item, level) for item in items]
    if all(map(is_, redacted, items)):
        return items
    return type(items)(redacted)  # type: ignore[call-arg]  # of a list, a tuple or a frozenset


def _secret(value: object) -> object:
    """Return what is shown of the value of a secret: whether there is one may be known."""
    return value if value is None or isinstance(value, bool) or value == REDACTED else REDACTED


@lru_cache(maxsize=4096)
def _is_secret(name: str) -> bool:
    """Return whether a property of this name holds a secret."""
    return _SECRET_NAME.fullmatch(name.replace("-", "").replace("_", "")) is not None


def _text(text: str) -> str:
    """Return a string without its secrets; most have none of the signs that stand between a name and a value."""
    if "@" in text:
        text = _URL_PASSWORD.sub(rf"\1{REDACTED}@", text)
    if "=" in text or "%" in text or (":" in text and ('"' in text or "'" in text)):
        return text if _CALL.fullmatch(text) else _named(_json(text))
    return text


def _json(text: str) -> str:
    """Return a string that is JSON without its secrets, another as it is."""
    if not text.lstrip().startswith(("{", "[")):
        return text
    try:
        value = msgspec.json.decode(text)
        redacted = redact(value)
    except (msgspec.DecodeError, RecursionError):
        return text
    return text if redacted is value else msgspec.json.encode(redacted).decode()


def _named(text: str) -> str:
    """Return a string without the values that follow the names of secrets."""
    kept: list[str] = []
    end = 0
    for named in _NAMED.finditer(text):
        if named.start() >= end and _is_secret(named["name"]):
            value = _VALUE.match(text, named.end())
            if value is not None:
                quote = value["quote"] or ""
                kept += (text[end : named.end()], quote, REDACTED, quote)
                end = value.end()
    return "".join((*kept, text[end:])) if kept else text
