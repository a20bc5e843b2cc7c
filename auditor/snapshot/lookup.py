"""Look-ups in the bodies of resources and parts. What was not read is `Unknown`, never absent or empty."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from auditor.azure import arm, paths
from auditor.azure.paths import ABSENT, Absent
from auditor.snapshot.known import Answer, Cause, Items, Read, Unknown
from auditor.snapshot.model import Part, Resource


def unread(resource: Resource, path: str) -> Unknown | None:
    """Return why what a body lacks at a path may yet exist, or None where the body was read there."""
    for gap in resource.unread:
        if arm.canonical_type(gap.what) == resource.type or _overlap(gap.what, path):
            return Unknown.of(gap)
    return None


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


def value(element: Resource | Part, path: str) -> Answer:
    """Return what stands at a path without wildcards below a resource or a part of one."""
    found = paths.get(element.body, paths.parse(path))
    if type(element) is Resource:
        resource, whole = element, path
    else:
        resource, whole = element.resource, paths.join(element.path, path)
    if found is ABSENT:
        gap = unread(resource, whole) if resource.unread else None
        return Answer(gap or ABSENT, (Read(resource.id, whole, ABSENT),))
    if type(found) is paths.WrongType:
        reason = f"{resource.id}: {paths.join(element.path, found.path)} is not {found.expected} (malformed)"
        return Answer(Unknown(Cause.VALUE, reason, about=(resource.id,)))
    return Answer(found, (Read(resource.id, whole, found),))


def items(element: Resource | Part, path: str, default: object = ABSENT) -> Answer:
    """Return the list that a path with a wildcard names: objects as parts, everything else as it is.

    An absent list is empty, unless it may not have been read. A member that lacks the rest of the path is `default`, or
    unknown where that is `ABSENT`.
    """
    known: list[object] = []
    reads: list[Read] = []
    steps = paths.parse(path)
    for where, found in paths.find(element.body, steps):
        whole = paths.join(element.path, where)
        if type(found) is dict:
            known.append(Part(element.resource, whole, found))
        elif isinstance(found, paths.WrongType):
            reason = (
                f"{element.resource.id}: {paths.join(element.path, found.path)} is not {found.expected} (malformed)"
            )
            known.append(Unknown(Cause.VALUE, reason, about=(element.resource.id,)))
        elif isinstance(found, Absent):
            reads.append(Read(element.resource.id, whole, ABSENT))
            gap = unread(element.resource, whole) if element.resource.unread else None
            reason = f"{element.resource.id} has no {whole}"
            lacks = Unknown(Cause.VALUE, reason, about=(element.resource.id,)) if default is ABSENT else default
            known.append(gap or lacks)
        else:
            reads.append(Read(element.resource.id, whole, found))
            known.append(found)
    cut = next(_cut_lists(element, steps), None) if element.resource.unread else None
    return Answer(Items(tuple(known), cut), tuple(reads))


def _cut_lists(element: Resource | Part, steps: tuple[paths.Step, ...]) -> Iterator[Unknown]:
    """Yield why a list on the way along a path may have members that were not read."""
    for star in (index for index, step in enumerate(steps) if step is None):
        for where, found in paths.find(element.body, steps[:star]):
            gap = unread(element.resource, paths.join(element.path, where)) if isinstance(found, Absent) else None
            if gap is not None:
                yield gap


def objects(element: Resource | Part, path: str) -> Items:
    """Return the objects that a path with a wildcard names; what else stands among them is unknown."""
    found = Items.of(items(element, path).value)
    if all(isinstance(item, _OBJECTS) for item in found.known):
        return found
    where = f"{element.resource.id}: {paths.join(element.path, path)}"
    malformed = Unknown(Cause.VALUE, f"{where} is not an object (malformed)", about=(element.resource.id,))
    known = tuple(item if isinstance(item, _OBJECTS) else malformed for item in found.known)
    return Items(known, found.missing)


_OBJECTS: Final = (Part, Unknown)


def parts(element: Resource | Part, path: str) -> list[Part]:
    """Return the objects that a path with a wildcard names, where what is missing among them does not matter."""
    return [item for item in objects(element, path).known if isinstance(item, Part)]
