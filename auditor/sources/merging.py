"""Bodies of one resource as one: those of a list and of a GET, or of two pages, say different parts of the same.

Bodies agree unless both have a value for a property and mean different ones. Ids, regions and words are compared as
Azure compares them; members of lists by what names them. The result does not depend on the order of the bodies.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Sequence
from functools import cache, reduce
from typing import Final

import msgspec

from auditor.azure import arm, paths, types
from auditor.snapshot.model import Resource, resource

_NAMES: Final[tuple[Callable[[object], object], ...]] = (
    lambda item: item.lower() if isinstance(item, str) else None,
    lambda item: arm.key(found) if isinstance(found := _member(item, "id"), str) else None,
    lambda item: found.lower() if isinstance(found := _member(item, "name"), str) else None,
    lambda item: found if type(found := _member(item, "lun")) is int else None,
    lambda item: found.partition("/")[0].lower() if isinstance(found := _member(item, "code"), str) else None,
)
"""What names a member of a list: the first that every member of both lists has, with distinct values, is used."""
_STATUSES: Final = "properties.instanceView.statuses"
"""A list of which a row of Azure Resource Graph has only the power state."""
_EMPTY_WITHOUT_EXPAND: Final = "properties.virtualMachines"
"""A list, of availability sets, that Azure returns empty unless the request has `$expand`."""
_PLACES: Final = ("location", "region")
_TAGS: Final = "tags"
_WORD: Final = re.compile(r"[A-Za-z0-9]+(?:[._/-][A-Za-z0-9]+)*")
"""What values of enumerations, types, sizes, GUIDs and names of resources look like; Azure ignores their case."""
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)")
"""A time, which Azure Resource Graph writes with fewer digits, and with Z instead of +00:00."""
_VIEW: Final = "instanceView"
"""The property of a VM that lists leave out."""

_encode: Final = msgspec.json.Encoder(order="deterministic").encode


class ContradictionError(Exception):
    """Two bodies have different values for a property."""

    def __init__(self, path: str) -> None:
        """Name the property; "" is the body itself."""
        super().__init__(path)
        self.path = path


def merged(bodies: Sequence[Resource]) -> Resource:
    """Return one resource from all that is said of it.

    Its api-version is the newest of a body that has all that the others have, but for the instance view; if there is
    none, it is the oldest of all. Of several spellings of its id, one that is not changed to upper or lower case
    counts: some responses of Azure change ids, or parts of them.

    Raises:
        ContradictionError: two of them contradict each other.
    """
    noise = _noise(bodies[0].type)
    body = reduce(lambda one, other: _objects(one, other, "", noise), (each.body for each in bodies))
    whole = [each.version for each in bodies if _covers(each.body, body)]
    version = max(whole, default=min(each.version for each in bodies))
    return resource(body, max((each.id for each in bodies), key=_as_named), version=version)


def _as_named(arm_id: str) -> tuple[bool, str]:
    """Return a key by which the id is the greatest that is neither in upper nor in lower case as a whole."""
    return "/resourceGroups/" in arm_id, arm_id


@cache
def _noise(type_: str) -> re.Pattern[str]:
    """Return a pattern of the paths of properties that may differ between bodies that say the same."""
    return re.compile("|".join(entry.pattern for entry in types.volatile(type_) if entry.meaningless), re.DOTALL)


def _merge(one: object, other: object, path: str, noise: re.Pattern[str]) -> object:
    if one is None or other is None:
        return other if one is None else one
    if path == _EMPTY_WITHOUT_EXPAND and [] in (one, other):
        return one or other
    if noise.fullmatch(path):
        return min(one, other, key=_encode)
    if isinstance(one, dict) and isinstance(other, dict):
        return _objects(one, other, path, noise)
    if isinstance(one, list) and isinstance(other, list) and (len(one) == len(other) or path == _STATUSES):
        return _lists(one, other, path, noise)
    if _meaning(one, path) == _meaning(other, path):
        return min(one, other, key=_encode)
    raise ContradictionError(path)


def _objects(one: dict[str, object], other: dict[str, object], path: str, noise: re.Pattern[str]) -> dict[str, object]:
    if path == _TAGS and one and other and {name.lower() for name in one} != {name.lower() for name in other}:
        raise ContradictionError(path)
    names = dict.fromkeys((*one, *other))
    return {
        name: _merge(one.get(name), other.get(name), paths.join(path, paths.render((name,))), noise) for name in names
    }


def _lists(one: list[object], other: list[object], path: str, noise: re.Pattern[str]) -> list[object]:
    """Merge lists; if their names or the order of them differ, the result has the order of the names."""
    for name in _NAMES:
        first, second = ({name(item): item for item in items} for items in (one, other))
        unique = len(first) == len(one) and len(second) == len(other) and None not in {*first, *second}
        if unique and (first.keys() == second.keys() or path == _STATUSES):
            order = list(first) if list(first) == list(second) else sorted({*first, *second}, key=str)
            pairs = [(first.get(key), second.get(key)) for key in order]
            break
    else:
        if len(one) != len(other):
            raise ContradictionError(path)
        pairs = list(zip(one, other, strict=True))
    return [_merge(a, b, f"{path}[{index}]", noise) for index, (a, b) in enumerate(pairs)]


def _meaning(value: object, path: str) -> object:
    """Return what values that mean the same have in common."""
    if isinstance(value, str):
        if path.lower().endswith(_PLACES):
            return arm.location(value)
        if arm.is_id(value):
            return arm.key(value)
        if _TIME.fullmatch(value):
            return _seconds(value)
        return value.lower() if _WORD.fullmatch(value) and not path.startswith(_TAGS) else value
    return type(value) is bool, value  # true is not 1


def _seconds(text: str) -> object:
    """Return a time to the second, or the text if there is no such time."""
    try:
        return dt.datetime.fromisoformat(text).astimezone(dt.UTC).replace(microsecond=0)
    except (ValueError, OverflowError):
        return text


def _covers(body: object, whole: object) -> bool:
    """Return whether a body has every property of a merged one, but for the instance view."""
    if isinstance(body, dict) and isinstance(whole, dict):
        return all(name == _VIEW or _covers(body.get(name), value) for name, value in whole.items())
    if isinstance(body, list) and isinstance(whole, list):
        return all(map(_covers, body, whole))
    return whole is None or body is not None


def _member(item: object, name: str) -> object:
    return item.get(name) if isinstance(item, dict) else None
