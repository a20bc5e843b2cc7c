"""Raw ARM bodies that operators already have: a JSON array, `{"value": [...]}` or `{"data": [...]}`.

Beside its resources an object may say `takenAt`, what it has `listed` completely by subscription, and its `gaps`.
What it does not claim to list completely is not concluded from: that is the reader's to find missing.
"""

from __future__ import annotations

import json
from operator import attrgetter
from typing import Any, Final

import msgspec

from auditor import arm
from auditor.model import Gap, GapReason, InputError, Resource, Snapshot, resource

_WHITESPACE: Final = " \t\r\n"


class _Envelope(msgspec.Struct):
    value: list[Any] | None = None
    data: list[Any] | None = None
    takenAt: str = ""  # noqa: N815 - as Azure spells its properties
    listed: dict[str, list[str]] = {}
    gaps: list[Gap] = []
    nextLink: str | None = None  # noqa: N815


def decode(data: bytes, file: str) -> Snapshot:
    """Return a snapshot of a file's unpacked content; `file` names it in errors.

    Raises:
        InputError: it is no JSON of that shape, or says two things of one resource.
    """
    envelope = _envelope(data, file)
    found: dict[str, Resource] = {}
    gaps = list(envelope.gaps)
    skus: list[dict[str, object]] = []
    for index, body in enumerate(envelope.value or envelope.data or []):
        if _is_sku(body):
            skus.append(body)
            continue
        if not isinstance(body, dict) or not arm.is_id(body.get("id")):
            message = f"element {index} is not an Azure resource: it needs an id that begins with /subscriptions/"
            raise InputError(message, file, _line(data, index))
        item = resource(body, body["id"])
        if item.key in found:
            if found[item.key].body != body:
                message = f"element {index} says of {item.id} something else than an element before it"
                raise InputError(message, file, _line(data, index))
            continue
        found[item.key] = item
        if not isinstance(body.get("properties"), dict) and item.type != arm.SUBSCRIPTION:
            gaps.append(_stub(item))
    listed = {
        (arm.key(scope), arm.canonical_type(type_)) for scope, types in envelope.listed.items() for type_ in types
    }
    subscriptions = {arm.subscription_of(key) for key in found} | {scope for scope, _ in listed}
    return Snapshot(
        taken_at=envelope.takenAt,
        scopes=tuple(sorted(subscriptions)),
        resources=tuple(sorted(found.values(), key=attrgetter("key"))),
        listed=frozenset(listed),
        gaps=tuple(gaps),
        skus=tuple(skus),
    )


def _envelope(data: bytes, file: str) -> _Envelope:
    """Decode the outermost object, or the array that stands for its `value`."""
    try:
        if data.lstrip()[:1] == b"[":
            return _Envelope(value=msgspec.json.decode(data, type=list[Any]))
        envelope = msgspec.json.decode(data, type=_Envelope)
    except RecursionError:
        message = "is nested too deeply"
        raise InputError(message, file) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        message = f"is neither a snapshot nor a JSON list of Azure resources: {error}"
        raise InputError(message, file, _fault_line(data, str(error))) from None
    if envelope.value is None and envelope.data is None:
        message = 'is neither a snapshot nor a list of Azure resources: it has no "value" and no "data"'
        raise InputError(message, file, 1)
    if envelope.listed and envelope.nextLink:
        message = 'claims to have "listed" types completely, but its "nextLink" says that there is more'
        raise InputError(message, file)
    return envelope


def _is_sku(body: object) -> bool:
    """Tell whether an element is a record of `Microsoft.Compute/skus`, which has no id."""
    return isinstance(body, dict) and "id" not in body and "resourceType" in body and "capabilities" in body


def _stub(item: Resource) -> Gap:
    """Return the gap of a resource whose properties the file leaves out (`az resource list`, `az vm list`)."""
    command = f'az rest --method get --url "{item.id}?api-version=VERSION"'
    return Gap(
        scope=item.id,
        what=item.type,
        reason=GapReason.UNSUPPORTED,
        detail=f"it has no properties, as az resource list and the flattened az vm list write it: use {command}",
    )


def _fault_line(data: bytes, message: str) -> int:
    """Return the line of a decoding fault, whose message may name the byte; a truncated file's last line otherwise."""
    _, found, position = message.partition("(byte ")
    if found:
        return data.count(b"\n", 0, int(position.rstrip(")"))) + 1
    return 1 if " - at `$" in message else data.count(b"\n") + 1


def _line(data: bytes, index: int) -> int:
    """Return the line on which an element of the list starts, by reading again what stands before it."""
    text = data.decode()
    start = 0 if text.lstrip().startswith("[") else min(p for p in map(text.find, ('"value"', '"data"')) if p >= 0)
    position = text.index("[", start) + 1
    decoder = json.JSONDecoder()
    for _ in range(index + 1):
        while text[position] in _WHITESPACE + ",":
            position += 1
        begin = position
        _, position = decoder.raw_decode(text, begin)
    return text.count("\n", 0, begin) + 1
