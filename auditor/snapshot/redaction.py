"""What must never enter a file: passwords, keys, signed URLs and scripts that may hold them."""

from __future__ import annotations

import re
from functools import lru_cache
from operator import is_
from typing import Final, TypeVar, cast

import msgspec

REDACTED: Final = "[redacted]"

T = TypeVar("T")

_SECRET_NAME: Final = re.compile(
    r"""
    .*(?:password|passwordHash|pwd|secret|accessKey|accountKey|sharedKey|connectionString|sasToken|accessToken)
    | authorizationKey | primaryKey | secondaryKey | serviceKey | sig
    | customData | userData | additionalUnattendContent
    | commandToExecute | fileUris | script | scriptContent
    | protectedSettings | protectedParameters
    """,
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
"""Names, of properties and within texts, whose values are dropped whole; `-` and `_` in them do not matter.

`secretUrl` and `keyVaultSecretId` only say where a secret lies.
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

_URL_PASSWORD: Final = re.compile(r"(://[^/\s:@]*:)[^/\s@]+@")


def redact(value: T) -> T:
    """Return a body without its secrets; what holds none is returned as it is, not copied."""
    return cast("T", _redact(value))


def _redact(value: object) -> object:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, list):
        items = [_redact(item) for item in value]
        return value if all(map(is_, items, value)) else items
    if isinstance(value, dict):
        changed = {name: new for name, old in value.items() if (new := _member(name, old)) is not old}
        return value | changed if changed else value
    return value


def _member(name: str, value: object) -> object:
    """Return the value of a property without secrets; whether one is there may be known."""
    if _is_secret(name) and value is not None and not isinstance(value, bool):
        return REDACTED
    return _redact(value)


@lru_cache(maxsize=4096)
def _is_secret(name: str) -> bool:
    """Tell whether a property of this name holds a secret."""
    return _SECRET_NAME.fullmatch(name.replace("-", "").replace("_", "")) is not None


def _text(text: str) -> str:
    """Return a string without its secrets; most have none of the signs that stand between a name and a value."""
    if "@" in text:
        text = _URL_PASSWORD.sub(rf"\1{REDACTED}@", text)
    if "=" in text or "%" in text or (":" in text and ('"' in text or "'" in text)):
        return _named(_json(text))
    return text


def _json(text: str) -> str:
    """Return a string that is JSON without its secrets, another as it is."""
    if not text.lstrip().startswith(("{", "[")):
        return text
    try:
        value = msgspec.json.decode(text)
        redacted = _redact(value)
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
