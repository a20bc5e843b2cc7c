"""ARM bodies that record which of their properties are read."""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, KeysView, ValuesView
from typing import Any

import msgspec

from auditor.authoring.bodies import Steps
from auditor.azure.paths import Step
from auditor.snapshot.model import Snapshot

Place = tuple[str, Steps]
"""A property: the key of its resource and the path in its body."""


class Recorder:
    """Records which properties of some bodies are read, also those that do not exist.

    An object or list is recorded only if it is read as a whole, not if it only leads to another property: if what is
    read next is not in it, or for an item of a list, if nothing in it is ever read.
    """

    def __init__(self) -> None:
        """Start without any record."""
        self._read: set[Place] = set()
        self._items: set[Place] = set()
        """Items of lists in which nothing has been read."""
        self._last: Place | None = None

    def snapshot(self, snapshot: Snapshot) -> Snapshot:
        """Return a copy of a snapshot whose bodies report to this recorder."""
        copied = msgspec.structs.replace(
            snapshot,
            resources=tuple(
                msgspec.structs.replace(resource, body=self._recorded(resource.key, resource.body, ()))
                for resource in snapshot.resources
            ),
        )
        self.take()  # constructing the copy has read everything
        return copied

    def _recorded(self, key: str, value: Any, steps: Steps) -> Any:  # noqa: ANN401 - parsed JSON
        """Return a copy of a part of a body that reports to this recorder."""
        found: _Object | _List
        if isinstance(value, dict):
            found = _Object({name: self._recorded(key, item, (*steps, name)) for name, item in value.items()})
        elif isinstance(value, list):
            found = _List([self._recorded(key, item, (*steps, index)) for index, item in enumerate(value)])
        else:
            return value
        found.recorder, found.place = self, (key, steps)
        return found

    def take(self) -> set[Place]:
        """Return what was recorded, and start anew."""
        self._keep_last()
        found = self._read | self._items
        self._read, self._items = set(), set()
        return found

    def read(self, container: Place, step: Step) -> None:
        """Record that a property or an item of a container is read."""
        if self._last == container:
            self._last = None
        self._keep_last()
        self._items.discard(container)
        key, steps = container
        place = key, (*steps, step)
        if isinstance(step, int):
            self._items.add(place)
        else:
            self._last = place

    def read_whole(self, container: Place) -> None:
        """Record that a container is read, unless a property of it is read next."""
        if self._last != container:
            self._keep_last()
            self._last = container

    def _keep_last(self) -> None:
        if self._last is not None:
            self._read.add(self._last)
            self._last = None


class _Object(dict[str, object]):
    """A JSON object that reports each read."""

    recorder: Recorder
    place: Place

    def __getitem__(self, name: str) -> object:
        self.recorder.read(self.place, name)
        return super().__getitem__(name)

    def get(self, name: str, default: object = None) -> object:
        self.recorder.read(self.place, name)
        return super().get(name, default)

    def __contains__(self, name: object) -> bool:
        self.recorder.read(self.place, str(name))
        return super().__contains__(name)

    def __len__(self) -> int:
        self.recorder.read_whole(self.place)
        return super().__len__()

    def __iter__(self) -> Iterator[str]:
        self.recorder.read_whole(self.place)
        return super().__iter__()

    def keys(self) -> KeysView[str]:  # type: ignore[override]  # the type of the built-in one has no public name
        self.recorder.read_whole(self.place)
        return super().keys()

    def values(self) -> ValuesView[object]:  # type: ignore[override]  # as for `keys`
        self.recorder.read_whole(self.place)
        return super().values()

    def items(self) -> ItemsView[str, object]:  # type: ignore[override]  # as for `keys`
        self.recorder.read_whole(self.place)
        return super().items()


class _List(list[object]):
    """A JSON list that reports each read."""

    recorder: Recorder
    place: Place

    def __getitem__(self, index: Any) -> Any:  # noqa: ANN401 - an index or a slice, and what the list has there
        self.recorder.read(self.place, index)
        return super().__getitem__(index)

    def __contains__(self, value: object) -> bool:
        self.recorder.read_whole(self.place)
        return super().__contains__(value)

    def __len__(self) -> int:
        self.recorder.read_whole(self.place)
        return super().__len__()

    def __iter__(self) -> Iterator[object]:
        for index, item in enumerate(super().__iter__()):
            self.recorder.read(self.place, index)
            yield item
