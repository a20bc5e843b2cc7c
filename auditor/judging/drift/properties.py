"""Which properties of a resource moved: bodies compared path by path, as Azure means them and not as it writes them.

Members of lists are compared by what names them, so that their order does not matter; ids, places and words that look
like those of an enumeration, without regard to case; null, an empty list and an empty object are nothing at all.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Final, NamedTuple

import msgspec

from auditor.azure import arm, paths, types
from auditor.judging.drift.volatile import volatile
from auditor.snapshot.known import Unknown
from auditor.snapshot.lookup import unread
from auditor.snapshot.model import Resource

Steps = tuple[paths.Step, ...]

_NAMES: Final = {"id": str, "name": str, "lun": int, "code": str}
"""Properties that identify the items of a list: the first that every item has, with distinct values, is used."""
_ORDERED: Final = frozenset({"dnsServers"})
"""Lists of texts whose order says something: the first is asked first."""
_PLACES: Final = ("location", "locations", "region", "regions")
"""How properties end that name regions, which Azure also writes as `West Europe`."""
_WORD: Final = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[._/-][A-Za-z0-9]+)*")
"""What a value of an enumeration, a type, a size or the name of a resource looks like."""
_HEAD: Final = frozenset({"id", "name", "type"})
"""What says which resource it is, and not how it is."""

_encode: Final = msgspec.json.Encoder(order="deterministic").encode


class Difference(NamedTuple):
    """A property that moved."""

    path: str
    """With the members of lists by what names them."""
    before: object
    """None where it was missing."""
    after: object
    """None where it is missing."""
    at_before: Steps
    """Its path in the baseline; None as an index is the place of an item that a list did not have."""
    at_after: Steps


class _Spot(NamedTuple):
    """A place in one of the two bodies, and what stands there."""

    value: object
    at: Steps

    def below(self, step: paths.Step) -> _Spot:
        """Return a member of an object or list; None is one that is not there."""
        if isinstance(self.value, dict):
            return _Spot(self.value.get(step), (*self.at, step))
        found = self.value[step] if isinstance(self.value, list) and isinstance(step, int) else None
        return _Spot(found, (*self.at, step))


class Comparison:
    """Compares the bodies of one resource."""

    def __init__(self, before: Resource, after: Resource, now: Callable[[str], str]) -> None:
        """Take what is compared; `now` tells the key that an earlier one has today."""
        self._before = before
        self._after = after
        self._now = now
        self._volatile = volatile(before.type)
        identity = types.identity(before.type)
        self._identity = frozenset({*identity.unique, *identity.created})
        self.hidden: Unknown | None = None
        """Why something that was there cannot be seen, where that is so."""

    def differences(self) -> Iterator[Difference]:
        """Yield what moved, and find out what is hidden."""
        if _encode(self._before.body) == _encode(self._after.body):
            return
        old, new = (
            {name: value for name, value in found.body.items() if name not in _HEAD}
            for found in (self._before, self._after)
        )
        yield from self._objects(_Spot(old, ()), _Spot(new, ()), "")

    # --- going through ------------------------------------------------------------------------------------------------

    def _compare(self, old: _Spot, new: _Spot, path: str) -> Iterator[Difference]:
        if self._is_left_out(path):
            return
        if isinstance(old.value, dict) and isinstance(new.value, dict):
            yield from self._objects(old, new, path)
        elif isinstance(old.value, list) and isinstance(new.value, list) and _has_members(old.value, new.value):
            for one, other, label in self._matched(old.value, new.value, path):
                yield from self._compare(old.below(one), new.below(other), f"{path}[{label}]")
        elif self._meaning(old.value, path, now=False) != self._meaning(new.value, path, now=True):
            yield from self._moved(old, new, path)

    def _objects(self, old: _Spot, new: _Spot, path: str) -> Iterator[Difference]:
        first, second = self._names(old.value, path, now=False), self._names(new.value, path, now=True)
        for same in {**second, **first}:
            was, name = first.get(same, second.get(same)), second.get(same, first.get(same))
            yield from self._compare(old.below(was), new.below(name), paths.join(path, paths.render((name,))))

    def _moved(self, old: _Spot, new: _Spot, path: str) -> Iterator[Difference]:
        """Yield a difference, unless on one side it may only not have been read."""
        if _is_nothing(new.value) and (gap := unread(self._after, paths.render(new.at))):
            self.hidden = self.hidden or gap
        elif not _is_nothing(old.value) or not unread(self._before, paths.render(old.at)):
            yield Difference(path, self._shown(old.value, path), self._shown(new.value, path), old.at, new.at)

    # --- which member is which ----------------------------------------------------------------------------------------

    def _names(self, value: object, path: str, *, now: bool) -> dict[str, str]:
        """Return the names of the members of an object by what they mean."""
        return {self._name(name, path, now=now): name for name in value} if isinstance(value, dict) else {}

    def _matched(
        self, old: Sequence[object], new: Sequence[object], path: str
    ) -> Iterator[tuple[int | None, int | None, str]]:
        """Yield the indexes of members that belong together, and what the member is called."""
        for name in _NAMES:
            first, second = self._by(name, old, now=False), self._by(name, new, now=True)
            if first is not None and second is not None:
                break
        else:
            yield from self._by_place(old, new, path)
            return
        named = None not in (self._by("name", old, now=False), self._by("name", new, now=True))
        label = "name" if name == "id" and named else name
        for same in {**second, **first}:
            one, other = first.get(same), second.get(same)
            member = old[one] if one is not None else new[other] if other is not None else {}
            yield one, other, f"{label}={_named(member, label)}"

    def _by(self, name: str, members: Sequence[object], *, now: bool) -> dict[Hashable, int] | None:
        """Return the indexes of members by a member of theirs, None where one lacks it or two share it."""
        found = {
            self._meaning(value, name, now=now): index
            for index, member in enumerate(members)
            if type(value := _named(member, name)) is _NAMES[name]
        }
        return found if len(found) == len(members) else None

    def _by_place(
        self, old: Sequence[object], new: Sequence[object], path: str
    ) -> Iterator[tuple[int | None, int | None, str]]:
        """Yield members that nothing names: those that are alike are the same, the others go by their order."""
        meant = [self._meaning(member, f"{path}[{index}]", now=True) for index, member in enumerate(new)]
        left: list[int | None] = [*range(len(new))]
        others: list[int | None] = []
        for index, member in enumerate(old):
            meaning = self._meaning(member, f"{path}[{index}]", now=False)
            same = next((place for place in left if place is not None and meant[place] == meaning), None)
            if same is None:
                others.append(index)
            else:
                left.remove(same)
        for one, other in zip_longest(others, left):
            yield one, other, str(one if other is None else other)

    # --- what values mean ---------------------------------------------------------------------------------------------

    def _is_left_out(self, path: str) -> bool:
        return path in self._identity or self._volatile.fullmatch(path) is not None

    def _kept(self, value: Mapping[str, object], path: str) -> Iterator[tuple[str, object, str]]:
        """Yield the members of an object that are not left out, with their paths."""
        for name, member in value.items():
            below = paths.join(path, paths.render((name,)))
            if not self._is_left_out(below):
                yield name, member, below

    def _name(self, name: str, path: str, *, now: bool) -> str:
        """Return the name of a property as it is compared: those of tags, and ids, without regard to case."""
        if arm.is_id(name):
            return arm.key(name) if now else self._now(arm.key(name))
        return name.lower() if path == "tags" else name

    def _meaning(self, value: object, path: str, *, now: bool) -> Hashable:
        """Return what values that mean the same have in common, None of what is nothing; `now` says whose it is."""
        if isinstance(value, dict):
            kept = self._kept(value, path)
            members = (
                (self._name(n, path, now=now), self._meaning(member, below, now=now)) for n, member, below in kept
            )
            return frozenset(member for member in members if member[1] is not None) or None
        if isinstance(value, list):
            meanings = [self._meaning(member, f"{path}[{index}]", now=now) for index, member in enumerate(value)]
            ordered = _last(path) in _ORDERED
            return (tuple(meanings) if ordered else frozenset(Counter(meanings).items())) or None
        if isinstance(value, str):
            return self._text(value, path, now=now)
        return None if value is None else (isinstance(value, bool), value)  # true is not 1

    def _text(self, text: str, path: str, *, now: bool) -> str:
        if arm.is_id(text):
            return arm.key(text) if now else self._now(arm.key(text))
        if path.startswith(("tags.", "tags[")):
            return text
        if _last(path).lower().endswith(_PLACES):
            return arm.location(text)
        return text.lower() if _WORD.fullmatch(text) else text

    def _shown(self, value: object, path: str) -> object:
        """Return a value without what is left out of it, None where nothing is left."""
        if isinstance(value, dict):
            return {name: self._shown(member, below) for name, member, below in self._kept(value, path)} or None
        if isinstance(value, list):
            return [self._shown(member, f"{path}[{index}]") for index, member in enumerate(value)] or None
        return value


def _has_members(*lists: list[object]) -> bool:
    """Return whether one of some lists contains an object or list, so that items are compared one by one."""
    return any(isinstance(member, dict | list) for members in lists for member in members)


def _named(member: object, name: str) -> object:
    """Return what names a member of a list; of the code of a status (`PowerState/running`) that is what it is about."""
    found = member.get(name) if isinstance(member, dict) else None
    return found.partition("/")[0] if name == "code" and isinstance(found, str) else found


def _last(path: str) -> str:
    """Return the last name of a path."""
    return path.rpartition(".")[2].partition("[")[0]


def _is_nothing(value: object) -> bool:
    """Return whether a value is equivalent to an absent one."""
    return value is None or value in ({}, [])
