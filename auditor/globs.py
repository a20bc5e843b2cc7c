"""Globs over many texts, and many globs over a text, where most do not match and are not compared.

Only texts that begin and end as a glob does are compared with it.
"""

from __future__ import annotations

import fnmatch
import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable
from operator import itemgetter
from typing import Final, Generic, TypeVar

T = TypeVar("T")

_WILDCARDS: Final = re.compile(r"[*?\[].*[*?\]]|[*?\[]", re.DOTALL)
"""From the first to the last wildcard."""
_LAST: Final = chr(0x10FFFF)
"""A character behind which no other is sorted."""


def matcher(glob: str) -> Callable[[str], object]:
    """Return the function that returns a match if a glob matches a text; the case counts."""
    return re.compile(fnmatch.translate(glob)).match


def ends_of(glob: str) -> tuple[str, str] | None:
    """Return the texts with which everything begins and ends that a glob matches, None without wildcards."""
    wildcards = _WILDCARDS.search(glob)
    return None if wildcards is None else (glob[: wildcards.start()], glob[wildcards.end() :])


class Texts(Generic[T]):
    """Items that globs find by a text."""

    def __init__(self, items: Iterable[tuple[str, T]]) -> None:
        """Sort the items by their texts, and by the texts read backwards."""
        self._items = tuple(items)
        self._forwards = sorted((text, place) for place, (text, _) in enumerate(self._items))
        self._backwards = sorted((text[::-1], place) for place, (text, _) in enumerate(self._items))

    def matching(self, glob: str) -> list[T]:
        """Return the items whose texts a glob matches, in the order in which they were given."""
        before, behind = ends_of(glob) or (glob, glob)
        several = ((self._forwards, before), (self._backwards, behind[::-1]))
        texts, places = min(((texts, _beginning(texts, end)) for texts, end in several), key=lambda each: len(each[1]))
        matches = matcher(glob)
        found = (self._items[place] for place in sorted(texts[number][1] for number in places))
        return [item for text, item in found if matches(text)]


def _beginning(texts: list[tuple[str, int]], beginning: str) -> range:
    """Return where in a sorted list the texts are that begin with another."""
    return range(bisect_left(texts, (beginning,)), bisect_left(texts, (beginning + _LAST,)))


class Globs(Generic[T]):
    """Items that are found by a text that their glob matches."""

    def __init__(self, items: Iterable[tuple[str, T]]) -> None:
        """Index items by the ends of their globs."""
        self._exact: dict[str, list[tuple[int, T]]] = defaultdict(list)
        self._by_ends: dict[tuple[str, str], list[tuple[int, T, Callable[[str], object]]]] = defaultdict(list)
        for place, (glob, item) in enumerate(items):
            ends = ends_of(glob)
            if ends is None:
                self._exact[glob].append((place, item))
            else:
                self._by_ends[ends].append((place, item, matcher(glob)))
        self._lengths = sorted({(len(before), len(behind)) for before, behind in self._by_ends})

    def matching(self, text: str) -> list[T]:
        """Return the items whose globs match a text, in the order in which they were given."""
        found = list(self._exact.get(text, ()))
        for before, behind in self._lengths:
            entries = self._by_ends.get((text[:before], text[max(0, len(text) - behind) :]), ())
            found += ((place, item) for place, item, matches in entries if matches(text))
        return [item for _, item in sorted(found, key=itemgetter(0))]
