"""Which resource of one snapshot is which of another: by what Azure gave it for good, else by its id."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping
from typing import Final, NamedTuple

from auditor.azure import arm, paths, types
from auditor.evaluation.drift.model import ResourceChangeKind
from auditor.snapshot.model import Resource
from auditor.times import instant

_UNCHANGED: Final = ResourceChangeKind.CHANGED
"""What happened to a resource that is still there; whether anything in it moved is for others to find out."""


class Pair(NamedTuple):
    """A resource in both snapshots, or the two that bear one id."""

    before: Resource
    after: Resource
    kind: ResourceChangeKind


class Pairing:
    """Which resource of one snapshot is which of another."""

    def __init__(self, before: Mapping[str, Resource], after: Mapping[str, Resource]) -> None:
        """Find the same resource in both, whatever it is called, and then what else bears the same id."""
        self._moved: dict[str, str] = {}
        old, new = _by_identity(before), _by_identity(after)
        same = {old[identity].key: new[identity] for identity in old.keys() & new.keys()}
        self._moved = {key: resource.key for key, resource in same.items() if key != resource.key}
        taken = {resource.key for resource in same.values()}
        self.pairs: list[Pair] = []
        self.removed: list[Resource] = []
        for resource in before.values():
            found = same.get(resource.key)
            if found is None and (now := self.now(resource.key)) not in taken:
                found = after.get(now)
            if found is None:
                self.removed.append(resource)
            else:
                taken.add(found.key)
                self.pairs.append(Pair(resource, found, self._fate(resource, found)))
        self.added = [resource for key, resource in after.items() if key not in taken]

    def now(self, key: str) -> str:
        """Return the key that a resource, or a part of one, of the first snapshot has in the second one."""
        rest = key
        while self._moved and rest:
            if rest in self._moved:
                return self._moved[rest] + key[len(rest) :]
            rest = rest.rpartition("/")[0]
        return key

    def _fate(self, before: Resource, after: Resource) -> ResourceChangeKind:
        if before.key in self._moved:
            return (
                ResourceChangeKind.MOVED
                if arm.name_of(before.key) == arm.name_of(after.key)
                else ResourceChangeKind.RENAMED
            )
        return ResourceChangeKind.RECREATED if _differ(before, after) else _UNCHANGED


def _by_identity(resources: Mapping[str, Resource]) -> Mapping[tuple[str, str], Resource]:
    """Return the resources that have an identity of their own by it; what two of them share is none."""
    found = [(identity, resource) for resource in resources.values() if (identity := _identity(resource))]
    times = Counter(identity for identity, _ in found)
    return {identity: resource for identity, resource in found if times[identity] == 1}


def _identity(resource: Resource) -> tuple[str, str] | None:
    for path in types.identity(resource.type).unique:
        value = paths.get(resource.body, paths.parse(path))
        if isinstance(value, str) and value:
            return resource.type, value.casefold()
    return None


def _differ(before: Resource, after: Resource) -> bool:
    """Return whether one of two resources with the same id was created after the other was deleted."""
    old, new = _identity(before), _identity(after)
    if old and new:
        return old != new
    for path in types.identity(before.type).created:
        steps = paths.parse(path)
        first, second = _time(paths.get(before.body, steps)), _time(paths.get(after.body, steps))
        if first and second:
            return first != second
    return False


def _time(value: object) -> dt.datetime | None:
    """Return a time to the second, however it is written, None where there is none."""
    found = instant(value)
    return found and found.replace(microsecond=0)
