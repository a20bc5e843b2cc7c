"""Look-ups in the bodies of resources and parts. What was not read is `Unknown`, never absent or empty."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from auditor.azure import arm, commands, paths
from auditor.azure.paths import ABSENT, Absent
from auditor.azure.types import NEWEST_PROPERTY, OLDEST, TYPES, first_version
from auditor.snapshot.known import Answer, Cause, PartialList, Read, Unknown
from auditor.snapshot.model import Gap, GapReason, Part, Resource
from auditor.snapshot.watching import WatchedResource


def unread(resource: Resource, path: str) -> Unknown | None:
    """Return why what a body lacks at a path may yet exist, or None where the body was read there."""
    for gap in resource.unread:
        if arm.canonical_type(gap.what) == resource.type or _overlap(gap.what, path):
            return Unknown.of(gap)
    return _not_returned(resource, path) if _is_of_old_version(resource) else None


def may_lack(resource: Resource) -> bool:
    """Return whether anything may exist that the body lacks."""
    return bool(resource.unread) or _is_of_old_version(resource)


def _is_of_old_version(resource: Resource) -> bool:
    """Return whether the api-version by which a resource was read may lack something; nothing may say which it was."""
    return resource.version < NEWEST_PROPERTY.get(resource.type, "")


def _not_returned(resource: Resource, path: str) -> Unknown | None:
    """Return that an old or unknown api-version does not return a property, or None where it does."""
    first = first_version(resource.type, path)
    if not first and "" < resource.version < OLDEST:
        first = str(TYPES[resource.type].version)
    if resource.version >= first:
        return None
    said = f"api-version {resource.version} does not return it" if resource.version else "its api-version is not stated"
    detail = (
        f"{said}, {first} and later return it: read it with {commands.get(resource.id)}, and state its `apiVersion`"
    )
    return Unknown.of(Gap(resource.id, path, GapReason.UNSUPPORTED, detail=detail))


def _overlap(one: str, other: str) -> bool:
    """Return whether one path is inside the other; text that is not a path overlaps nothing."""
    a, b = _comparable(one), _comparable(other)
    return a is not None and b is not None and all(x == y for x, y in zip(a, b, strict=False))


@lru_cache(maxsize=4096)
def _comparable(path: str) -> tuple[paths.Step, ...] | None:
    """Return the steps of a path as they are compared: the names of tags without regard to case."""
    try:
        steps = paths.parse(path)
    except paths.PathError:
        return None
    if steps[:1] == ("tags",):
        return tuple(step.lower() if isinstance(step, str) else step for step in steps)
    return steps


def body_at(element: Resource | Part, path: str) -> object:
    """Return the body of a resource or part of which only what stands at a path is read."""
    return element.at(path) if type(element) is WatchedResource else element.body


def value(element: Resource | Part, path: str) -> Answer:
    """Return the value at a path without wildcards in a resource or part."""
    body = element.at(path) if type(element) is WatchedResource else element.body  # as `body_at`, which takes longer
    found = paths.get(body, paths.parse(path))
    if isinstance(element, Part):
        resource, whole = element.resource, paths.join(element.path, path)
    else:
        resource, whole = element, path
    if found is ABSENT:
        gap = unread(resource, whole) if may_lack(resource) else None
        return Answer(gap or ABSENT, (Read(resource.id, whole, ABSENT),))
    if type(found) is paths.WrongType:
        return Answer(wrong_type(element, found))
    return Answer(found, (Read(resource.id, whole, found),))


def items(element: Resource | Part, path: str, default: object = ABSENT) -> Answer:
    """Return the list at a path with wildcards: objects as parts, everything else as it is.

    An absent list is empty, unless it may not have been read. An item that lacks the rest of the path is `default`, or
    unknown if that is `ABSENT`.
    """
    known: list[object] = []
    reads: list[Read] = []
    resource = element.resource
    for whole, found in paths.find(body_at(element, path), paths.parse(path), element.path):
        if isinstance(found, dict):
            known.append(Part(resource, whole, found))
        elif isinstance(found, paths.WrongType):
            known.append(wrong_type(resource, found))
        elif isinstance(found, Absent):
            reads.append(Read(resource.id, whole, ABSENT))
            gap = unread(resource, whole) if may_lack(resource) else None
            known.append(gap or (_lacks(resource.id, whole) if default is ABSENT else default))
        else:
            reads.append(Read(resource.id, whole, found))
            known.append(found)
    cut = next(_cut_lists(element, path), None) if may_lack(resource) else None
    return Answer(PartialList(tuple(known), cut), tuple(reads))


def _cut_lists(element: Resource | Part, path: str) -> Iterator[Unknown]:
    """Yield why a list along a path may have items that were not read."""
    steps = paths.parse(path)
    for star in (index for index, step in enumerate(steps) if step is None):
        for whole, found in paths.find(body_at(element, path), steps[:star], element.path):
            absent = isinstance(found, Absent)
            gap = unread(element.resource, whole) if absent else _further_items(element.resource, whole)
            if gap is not None:
                yield gap


def _further_items(resource: Resource, path: str) -> Unknown | None:
    """Return why a list may have more items than the body, None if it has not: a gap names them by `PATH[*]`."""
    return next((Unknown.of(gap) for gap in resource.unread if gap.what == f"{path}[*]"), None)


def objects(element: Resource | Part, path: str) -> PartialList:
    """Return the objects at a path with wildcards; an item that is something else is unknown."""
    found = PartialList.of(items(element, path).value)
    if _OBJECTS.issuperset(map(type, found.known)):
        return found
    known = (item if type(item) in _OBJECTS else malformed(element, path, item, "an object") for item in found.known)
    return PartialList(tuple(known), found.missing)


_OBJECTS: Final = frozenset({Part, Unknown})


def parts(element: Resource | Part, path: str) -> list[Part]:
    """Return the objects at a path with wildcards, without the unknown ones."""
    return [item for item in objects(element, path).known if isinstance(item, Part)]


# --- values without use -----------------------------------------------------------------------------------------------


def malformed(element: Resource | Part, path: str, found: object, wanted: str) -> Unknown:
    """Return that a property has a value that Azure does not document; `wanted` is a noun phrase."""
    return _is_no(element.resource.id, paths.join(element.path, path), found, wanted)


def wrong_type(element: Resource | Part, found: paths.WrongType) -> Unknown:
    """Return that a value along a path has another type than the path needs."""
    where = paths.join(element.path, found.path)
    reason = f"{element.resource.id}: {where} is not {found.expected} (malformed)"
    return Unknown(Cause.VALUE, reason, about=(element.resource.id,))


def unusable(answer: Answer, wanted: str) -> Unknown:
    """Return why the property that was read last has no value of the wanted kind: unknown, absent or malformed."""
    if isinstance(answer.value, Unknown):
        return answer.value
    read = answer.reads[-1]
    if answer.value is ABSENT:
        return _lacks(read.resource, read.path)
    return _is_no(read.resource, read.path, answer.value, wanted)


def required(answer: Answer) -> Answer:
    """Return a property that every resource of its type has: if it is absent, its value is unknown."""
    if answer.value is not ABSENT:
        return answer
    return Answer(_lacks(answer.reads[-1].resource, answer.reads[-1].path), answer.reads)


def _lacks(resource: str, path: str) -> Unknown:
    return Unknown(Cause.VALUE, f"{resource} has no {path}", about=(resource,))


def _is_no(resource: str, path: str, found: object, wanted: str) -> Unknown:
    shown = found.body if isinstance(found, Part) else found
    return Unknown(Cause.VALUE, f"{resource}: {path} is {shown!r}, not {wanted} (malformed)", about=(resource,))
