"""Redaction: the removal of passwords, keys, signed URLs, and scripts that may hold them.

All records of a snapshot are `Redacted`, whatever their source. Outputs rely on it and do not redact again.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from operator import is_
from typing import Any, Final, TypeVar, cast

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

_SCALARS: Final = frozenset((bool, int, float, type(None)))

_CALL: Final = re.compile(r"(?:GET|POST) [\w/.-]*\?api-version=[\d-]*")
"""The most frequent text with a sign: what each resource of a snapshot was returned by."""

_URL_PASSWORD: Final = re.compile(r"(://[^/\s:@]*:)[^/\s@]+@")

_MOST: Final = 2**13
"""The number of texts that are remembered; in a file sorted by id, equal ones are near each other."""
_LONGEST: Final = 512
"""The length of a text that is worth remembering: an ARM id has a few hundred characters."""

_harmless: Final[dict[str, str]] = {}
"""Texts without secrets that were met lately, each by itself: an equal one is replaced by it."""
_known: Final = _harmless.get
_plain: Final[set[str]] = set()
"""Names met lately whose values are no secrets."""


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
            redacted = (_known(value) or _text(value)) if type(value) is str else redact(value)
            if redacted is not value:
                msgspec.structs.force_setattr(self, name, redacted)


def redact(value: T) -> T:
    """Return a value without its secrets; one without secrets is returned as it is, not copied.

    Equal texts of its properties become one object: nine of ten texts of a snapshot are repetitions.

    Raises:
        RecursionError: it has more than `DEEPEST` levels.
    """
    kind: type = type(value)
    if (kind is dict or kind is list) and _has_none(value, 1):  # type: ignore[arg-type]
        return value
    return cast("T", _redact(value, 0))


def _has_none(holder: dict[str, Any] | list[Any], level: int) -> bool:
    """Return whether a value has no secret, as nearly all have none; let its equal texts be one object.

    It may return False of what has no secret, but has values of other types than those of JSON.

    Raises:
        RecursionError: it has more than `DEEPEST` levels.
    """
    if level > DEEPEST:
        raise RecursionError
    if type(holder) is dict and not _plain.issuperset(holder) and any(map(_is_secret, holder)):
        return False
    places: Iterable[tuple[Any, Any]] = holder.items() if type(holder) is dict else enumerate(holder)
    for place, value in places:
        kind = type(value)
        if kind is str:
            known = _known(value) or _text(value)
            if known != value:
                return False
            holder[place] = known
        elif kind is dict or kind is list:
            if not _has_none(value, level + 1):
                return False
        elif kind not in _SCALARS:
            return False
    return True


def _redact(value: object, level: int) -> object:
    """Return a value without its secrets."""
    if isinstance(value, dict | list | tuple | frozenset):
        if level >= DEEPEST:
            raise RecursionError
        if isinstance(value, dict):
            return _properties(value, level + 1)
        return _items(value, level + 1)
    return _text(value) if isinstance(value, str) else value


def _properties(body: dict[str, object], level: int) -> dict[str, object]:
    redacted = {name: _secret(value) if _is_secret(name) else _redact(value, level) for name, value in body.items()}
    return body if all(map(is_, redacted.values(), body.values())) else redacted


def _items(items: Collection[object], level: int) -> Collection[object]:
    redacted = [_redact(item, level) for item in items]
    if all(map(is_, redacted, items)):
        return items
    return type(items)(redacted)  # type: ignore[call-arg]  # of a list, a tuple or a frozenset


def _secret(value: object) -> object:
    """Return what is shown of the value of a secret: whether there is one may be known."""
    return value if value is None or isinstance(value, bool) or value == REDACTED else REDACTED


def _is_secret(name: str) -> bool:
    """Return whether a property of this name holds a secret; remember a name that does not."""
    if _SECRET_NAME.fullmatch(name.replace("-", "").replace("_", "")):
        return True
    if len(_plain) >= 4096:
        _plain.clear()
    _plain.add(name)
    return False


def _text(text: str) -> str:
    """Return a string without its secrets; remember one that has none."""
    if text in _harmless:
        return text
    redacted = _without_secrets(text)
    if redacted != text:
        return redacted
    if len(text) <= _LONGEST and type(text) is str:
        if len(_harmless) >= _MOST:
            _harmless.clear()
        _harmless[text] = text
    return text


def _without_secrets(text: str) -> str:
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
