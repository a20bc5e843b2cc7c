"""The ARM JSON file: a JSON array of resources, `{"value": [...]}` or `{"data": [...]}`.

An object may also have `takenAt`, the types that it has `listed` completely by subscription, and its `gaps`. Nothing is
concluded from the absence of resources of other types.
"""

from __future__ import annotations

import codecs
from operator import attrgetter
from typing import Any, Final

import msgspec

from auditor.azure import arm
from auditor.azure.types import has_properties
from auditor.errors import InputError
from auditor.snapshot.model import Gap, GapReason, Resource, Snapshot, resource
from auditor.snapshot.skus import is_sku_record, sku

_NOTHING: Final = msgspec.Raw(b"null")


class _Envelope(msgspec.Struct):
    value: list[Any] | None = None
    data: list[Any] | None = None
    takenAt: str = ""  # noqa: N815 - as Azure spells its properties
    listed: dict[str, list[str]] = {}
    gaps: list[Gap] = []
    nextLink: str | None = None  # noqa: N815
    skip_token: str | None = None


class _Texts(msgspec.Struct):
    """The text of the lists in the file."""

    value: msgspec.Raw = _NOTHING
    data: msgspec.Raw = _NOTHING


def decode(data: bytes, file: str) -> Snapshot:
    """Return the snapshot of a file's unpacked content; `file` names it in errors.

    Raises:
        InputError: it is not JSON of that shape, or has two different bodies of one resource.
    """
    data = data.removeprefix(codecs.BOM_UTF8)
    envelope = _envelope(data, file)
    found: dict[str, Resource] = {}
    gaps = list(envelope.gaps)
    for index, body in enumerate(envelope.value or envelope.data or []):
        is_sku = is_sku_record(body)
        if not is_sku and not (isinstance(body, dict) and arm.is_id(body.get("id")) and arm.type_of(body["id"])):
            message = f"element {index} is not an Azure resource: it needs an id like /subscriptions/.../providers/..."
            raise InputError(message, file, _line(data, index))
        try:
            item = sku(body, found) if is_sku else resource(body, body["id"])
        except RecursionError:
            message = f"element {index} is nested too deeply"
            raise InputError(message, file, _line(data, index)) from None
        if item.key in found:
            if found[item.key].body != item.body:
                message = f"element {index} has another body of {item.id} than an element before it"
                raise InputError(message, file, _line(data, index))
            continue
        found[item.key] = item
        if has_properties(item.type) and not isinstance(body.get("properties"), dict):
            gaps.append(_properties_gap(item))
    listed = {
        (arm.key(scope), arm.canonical_type(type_)) for scope, types in envelope.listed.items() for type_ in types
    }
    subscriptions = {arm.subscription_of(key) for key in found if arm.is_id(key)} | {scope for scope, _ in listed}
    return Snapshot(
        taken_at=envelope.takenAt,
        scopes=tuple(sorted(subscriptions)),
        resources=tuple(sorted(found.values(), key=attrgetter("key"))),
        listed=frozenset(listed),
        gaps=tuple(gaps),
    )


def _envelope(data: bytes, file: str) -> _Envelope:
    """Decode the outermost object, or the array that is its `value`."""
    try:
        if data.lstrip()[:1] == b"[":
            return _Envelope(value=msgspec.json.decode(data, type=list[Any]))
        envelope = msgspec.json.decode(data, type=_Envelope)
    except RecursionError:
        message = "is nested too deeply"
        raise InputError(message, file) from None
    except UnicodeDecodeError:
        message = "is not UTF-8 text"
        raise InputError(message, file, data.decode(errors="replace").partition("\ufffd")[0].count("\n") + 1) from None
    except msgspec.DecodeError as error:
        message = f"is neither a snapshot nor a JSON list of Azure resources: {error}"
        if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            message = "is UTF-16 text, as > of PowerShell writes it; save it as UTF-8"
        raise InputError(message, file, _fault_line(data, str(error))) from None
    if (envelope.value is None) is (envelope.data is None):
        both = 'no "value" and no "data"' if envelope.value is None else 'both "value" and "data"'
        message = f"is neither a snapshot nor a list of Azure resources: it has {both}"
        raise InputError(message, file, 1)
    more = "nextLink" if envelope.nextLink else "skip_token"
    if envelope.listed and (envelope.nextLink or envelope.skip_token):
        message = f'has "listed" types, but its "{more}" shows that pages are missing; save all pages'
        raise InputError(message, file)
    malformed = next((scope for scope in envelope.listed if arm.type_of(scope) != arm.SUBSCRIPTION), None)
    if malformed is not None:
        message = f"has \"listed\" types of '{malformed}', which is not an id like /subscriptions/00000000-..."
        raise InputError(message, file)
    return envelope


def _properties_gap(item: Resource) -> Gap:
    """Return the gap of a resource that has no properties in the file."""
    command = f'az rest --method get --url "{item.id}?api-version=VERSION"'
    return Gap(
        scope=item.id,
        what=item.type,
        reason=GapReason.UNSUPPORTED,
        detail=f"read its properties, which az resource list and az vm list leave out: {command}",
    )


def _fault_line(data: bytes, message: str) -> int:
    """Return the line of a decoding error: the message names a byte, or a path (then 0), or the end is missing."""
    _, found, position = message.partition("(byte ")
    if found:
        return data.count(b"\n", 0, int(position.rstrip(")"))) + 1
    return 0 if " - at `$" in message else data.count(b"\n") + 1


def _line(data: bytes, index: int) -> int:
    """Return the line on which an element of the list starts."""
    whole = data
    if data.lstrip()[:1] != b"[":
        texts = msgspec.json.decode(data, type=_Texts)
        whole = bytes(texts.data if bytes(texts.value) == b"null" else texts.value)
    position = data.rindex(whole)
    start = position + 1
    for element in msgspec.json.decode(whole, type=list[msgspec.Raw])[: index + 1]:
        start = data.index(bytes(element), position + 1)
        position = start + len(bytes(element)) - 1
    return data.count(b"\n", 0, start) + 1
