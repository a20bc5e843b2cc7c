"""Indexes of what is looked up for each deployment, so that a look-up costs what it finds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable
from operator import itemgetter
from typing import Generic, TypeVar

from auditor.azure import arm
from auditor.snapshot.known import Cause, Unknown
from auditor.snapshot.model import Resource
from auditor.snapshot.watching import Numbers, Watch, Watchable

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


class Index(Watchable, Generic[K, T]):
    """Items by a key that several of them may have, such as their subscription."""

    def __init__(self, items: Iterable[tuple[K, T]]) -> None:
        """Take the items with their keys."""
        self._by_key: dict[K, list[tuple[int, T]]] = defaultdict(list)
        for place, (key, item) in enumerate(items):
            self._by_key[key].append((place, item))
        self._found: dict[tuple[K, ...], tuple[T, ...]] = {}

    def of(self, *keys: K) -> tuple[T, ...]:
        """Return the items with any of some keys, in the order in which they were given."""
        if keys not in self._found:
            entries = [entry for key in dict.fromkeys(keys) for entry in self._by_key.get(key, ())]
            self._found[keys] = tuple(item for _, item in sorted(entries, key=itemgetter(0)))
        return self._found[keys]

    def watched(self, watch: Watch, name: Hashable) -> Index[K, T]:
        """Return an index that logs each look-up, as one of the keys together in what has a name."""
        return _WatchedIndex(self, watch, name)


class _WatchedIndex(Index[K, T]):
    def __init__(self, index: Index[K, T], watch: Watch, name: Hashable) -> None:
        self._index = index
        self._log = watch.log.append
        self._numbers = Numbers(watch, name)

    def of(self, *keys: K) -> tuple[T, ...]:
        self._log(self._numbers[keys])
        return self._index.of(*keys)


class Doubts(Watchable):
    """Resources that may lead to VMs of any deployment, with the reasons."""

    def __init__(self, doubtful: Iterable[tuple[Resource, Iterable[Unknown]]]) -> None:
        """Index them by subscription."""
        found = [(arm.subscription_of(each.key), (each, reason)) for each, reasons in doubtful for reason in reasons]
        self.all = Index(found)
        self.unread = Index((own, (each, reason)) for own, (each, reason) in found if reason.cause is Cause.GAP)

    def watched(self, watch: Watch, name: Hashable) -> Doubts:
        """Return the same with indexes that log each look-up."""
        found = Doubts(())
        found.all = self.all.watched(watch, (name, "all"))
        found.unread = self.unread.watched(watch, (name, "unread"))
        return found
