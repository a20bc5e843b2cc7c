"""The ARM JSON file: a JSON array of resources, `{"value": [...]}` or `{"data": [...]}`.

An object may also have `takenAt`, the types that it has `listed` completely by subscription, the `apiVersion` by which
each type was read, and its `gaps`. Nothing is concluded from the absence of resources of other types. A resource may
have an `apiVersion` of its own, and may be there several times: with and without its instance view, for example.
"""

from __future__ import annotations

import codecs
import re
from collections import defaultdict
from itertools import combinations
from operator import attrgetter
from typing import Any, Final

import msgspec

from auditor.azure import arm, commands
from auditor.azure.types import has_properties
from auditor.errors import InputError
from auditor.snapshot.model import Gap, GapReason, Resource, Snapshot, resource
from auditor.snapshot.skus import is_sku_record, sku
from auditor.sources.graph_rows import as_body
from auditor.sources.merging import ContradictionError, merged

_VERSION: Final = re.compile(r"\d{4}-\d\d-\d\d(-[A-Za-z]+)?")
_NOTHING: Final = msgspec.Raw(b"null")


class _Column(msgspec.Struct):
    name: str


class _Table(msgspec.Struct):
    """Rows of Azure Resource Graph in its older format."""

    columns: list[_Column]
    rows: list[list[Any]]


class _Envelope(msgspec.Struct):
    value: list[Any] | None = None
    data: list[Any] | _Table | None = None
    takenAt: str = ""  # noqa: N815 - as Azure spells its properties
    listed: dict[str, list[str]] = {}
    apiVersion: dict[str, str] = {}  # noqa: N815
    gaps: list[Gap] = []
    nextLink: str | None = None  # noqa: N815
    # What `az graph query` prints, and what Azure Resource Graph itself returns.
    skip_token: str | None = None
    total_records: int | None = None
    rest_token: str | None = msgspec.field(name="$skipToken", default=None)
    totalRecords: int | None = None  # noqa: N815

    @property
    def elements(self) -> list[Any]:
        """Return the elements of the list."""
        if isinstance(self.data, _Table):
            names = [column.name for column in self.data.columns]
            return [dict(zip(names, row, strict=False)) for row in self.data.rows]
        return self.value or self.data or []


class _Texts(msgspec.Struct):
    """The text of the lists in the file."""

    value: msgspec.Raw = _NOTHING
    data: msgspec.Raw = _NOTHING


class _TableText(msgspec.Struct):
    rows: msgspec.Raw


def decode(data: bytes, file: str) -> Snapshot:
    """Return the snapshot of a file's unpacked content; `file` names it in errors.

    Raises:
        InputError: it is not JSON of that shape, or has bodies of one resource that contradict each other.
    """
    data = data.removeprefix(codecs.BOM_UTF8)
    envelope = _envelope(data, file)
    versions = {arm.canonical_type(type_): version for type_, version in envelope.apiVersion.items()}
    found: dict[str, Resource] = {}
    said: dict[str, list[tuple[int, Resource]]] = defaultdict(list)
    for index, body in enumerate(envelope.elements):
        try:
            if is_sku_record(body):
                item = sku(body, found)
                found[item.key] = item
            else:
                item = _resource(body, versions)
                if all(item != other for _, other in said[item.key]):
                    said[item.key].append((index, item))
        except _ElementError as error:
            message = f"element {index} {error}"
            raise InputError(message, file, _line(data, index)) from None
        except RecursionError:
            message = f"element {index} is nested too deeply"
            raise InputError(message, file, _line(data, index)) from None
    for key, bodies in said.items():
        found[key] = bodies[0][1] if len(bodies) == 1 else _merged(bodies, data, file)
    whole = (key for key in said if has_properties(found[key].type))
    gaps = [_properties_gap(found[key]) for key in whole if not isinstance(found[key].body.get("properties"), dict)]
    listed = {
        (arm.key(scope), arm.canonical_type(type_)) for scope, types in envelope.listed.items() for type_ in types
    }
    subscriptions = {arm.subscription_of(key) for key in found if arm.is_id(key)} | {scope for scope, _ in listed}
    return Snapshot(
        taken_at=envelope.takenAt,
        scopes=tuple(sorted(subscriptions)),
        resources=tuple(sorted(found.values(), key=attrgetter("key"))),
        listed=frozenset(listed),
        gaps=(*envelope.gaps, *gaps),
    )


class _ElementError(Exception):
    """An element of the list is not a resource; the text says why."""


def _resource(body: Any, versions: dict[str, str]) -> Resource:  # noqa: ANN401 - parsed JSON
    """Return the resource of an element, read by its own api-version or else by that of its type.

    Raises:
        _ElementError: it is none.
        RecursionError: it is nested too deeply.
    """
    if not (isinstance(body, dict) and arm.is_id(body.get("id")) and arm.type_of(body["id"])):
        message = "is not an Azure resource: it needs an id like /subscriptions/.../providers/..."
        raise _ElementError(message)
    version = body.get("apiVersion") or versions.get(arm.type_of(body["id"]), "")
    if version and not (isinstance(version, str) and _VERSION.fullmatch(version)):
        message = f'has the "apiVersion" {version!r}, which is not like 2024-05-01'
        raise _ElementError(message)
    own = {name: value for name, value in body.items() if name != "apiVersion"} if "apiVersion" in body else body
    return resource(as_body(own), body["id"], version=version)


def _merged(bodies: list[tuple[int, Resource]], data: bytes, file: str) -> Resource:
    """Return one resource from its elements, by their indexes.

    Raises:
        InputError: two of them contradict each other.
    """
    for (before, one), (index, other) in combinations(bodies, 2):
        try:
            merged((one, other))
        except ContradictionError as error:
            message = (
                f"elements {before} and {index} contradict each other in {error.path} of {other.id}; "
                "leave out the one that was read first"
            )
            raise InputError(message, file, _line(data, index)) from None
    return merged([item for _, item in bodies])


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
    _refuse(envelope, file)
    return envelope


def further_page(data: bytes) -> str:
    """Return the name of the key that shows that a valid file lacks pages of its list, "" if it has none."""
    data = data.removeprefix(codecs.BOM_UTF8)
    if data.lstrip()[:1] == b"[":
        return ""
    envelope = msgspec.json.decode(data, type=_Envelope)
    return _token(envelope) or ("total_records" if _total(envelope) > len(envelope.elements) else "")


def _total(envelope: _Envelope) -> int:
    """Return the number of records in all pages, 0 if it is not known."""
    return envelope.total_records or envelope.totalRecords or 0


def _token(envelope: _Envelope) -> str:
    tokens = {"nextLink": envelope.nextLink, "skip_token": envelope.skip_token, "$skipToken": envelope.rest_token}
    return next((name for name, token in tokens.items() if token), "")


def _refuse(envelope: _Envelope, file: str) -> None:
    """Raise InputError if what an object says of its list cannot be."""
    if (envelope.value is None) is (envelope.data is None):
        both = 'no "value" and no "data"' if envelope.value is None else 'both "value" and "data"'
        message = f"is neither a snapshot nor a list of Azure resources: it has {both}"
        raise InputError(message, file, 1)
    more = _token(envelope)
    if envelope.listed and more:
        message = f'has "listed" types, but its "{more}" shows that pages are missing; save all pages'
        raise InputError(message, file)
    total, count = _total(envelope), len(envelope.elements)
    if envelope.listed and total > count:
        message = f'has "listed" types, but only {count} of {total} records; save all pages'
        raise InputError(message, file)
    for type_, version in envelope.apiVersion.items():
        if "/" not in type_ or not _VERSION.fullmatch(version):
            message = f'has the "apiVersion" {version!r} of {type_!r}; it needs versions by type, like 2024-05-01'
            raise InputError(message, file)
    malformed = next((scope for scope in envelope.listed if arm.type_of(scope) != arm.SUBSCRIPTION), None)
    if malformed is not None:
        message = f"has \"listed\" types of '{malformed}', which is not an id like /subscriptions/00000000-..."
        raise InputError(message, file)


def _properties_gap(item: Resource) -> Gap:
    """Return the gap of a resource that has no properties in the file."""
    return Gap(
        scope=item.id,
        what=item.type,
        reason=GapReason.UNSUPPORTED,
        detail=f"read its properties, which az resource list and az vm list leave out: {commands.get(item.id)}",
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
        if whole.startswith(b"{"):
            whole = bytes(msgspec.json.decode(whole, type=_TableText).rows)
    position = data.rindex(whole)
    start = position + 1
    for element in msgspec.json.decode(whole, type=list[msgspec.Raw])[: index + 1]:
        start = data.index(bytes(element), position + 1)
        position = start + len(bytes(element)) - 1
    return data.count(b"\n", 0, start) + 1
