"""What look-ups in a topology return, by the names under which they are logged."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any, Final

from auditor.estate.caching import caches
from auditor.estate.indexes import Doubts, Index
from auditor.estate.topology import Topology
from auditor.estate.watching import DEPLOYMENT, ONCE, SNAPSHOT, SUBSCRIPTION, TOPOLOGY, estate_objects
from auditor.evaluation.reuse.plain import Plain, encode
from auditor.snapshot.model import Resource
from auditor.snapshot.watching import WHOLE, Read, group_in, head

_NO_KEY: Final = ["no such key"]
_RESOURCES: Final = "graph.resources"
_SCOPE: Final = "scope"
"""The only table that has a value for every key."""


class Values:
    """What look-ups in a topology return; the topology may be watched, and nothing is logged."""

    def __init__(self, topology: Topology) -> None:
        """Take a topology."""
        self._topology = topology
        self._objects = dict(estate_objects(topology))
        self._cached = {path: {name for name, _, _ in caches(type(owner))} for path, owner in self._objects.items()}
        self._records: dict[Hashable, Any] = {
            (kind, record.id): record
            for kind, records in ((DEPLOYMENT, "deployments"), (SUBSCRIPTION, "subscriptions"))
            for record in vars(topology)[records]
        }
        self._plain = Plain()
        self._same_bodies: dict[str, bool] = {}

    def of(self, read: Read) -> bytes | None:
        """Return what a look-up returns; None if it fails, or cannot be compared."""
        name, key = read
        if isinstance(name, str) and name.startswith("/"):
            return self._in_body(name, key)
        if self._topology.watch is None:
            return self._looked_up(name, key)
        return self._topology.watch.unlogged(lambda: self._looked_up(name, key))

    def are_as_in(self, other: Values, read: Read) -> bool:
        """Return whether a look-up returns the same in another topology; false where that is not known."""
        name, key = read
        if isinstance(name, str) and name.startswith("/"):
            return self._has_same_body(other, name) or _are_same(self._in_body(name, key), other.of(read))
        if name == _RESOURCES and isinstance(key, str):
            one, two = self.resource(key), other.resource(key)
            return one is two if one is None or two is None else head(one) == head(two)
        return _are_same(self.of(read), other.of(read))

    def resource(self, key: str) -> Resource | None:
        """Return a resource by its key."""
        return dict.get(self._topology.graph.resources, key)

    def _has_same_body(self, other: Values, key: str) -> bool:
        same = self._same_bodies.get(key)
        if same is None:
            same = self._same_bodies[key] = _are_same(self._in_body(key, WHOLE), other._in_body(key, WHOLE))
        return same

    def _in_body(self, key: str, group: Any) -> bytes | None:  # noqa: ANN401 - a group
        resource = self.resource(key)
        try:
            return None if resource is None else encode(group_in(resource, group))
        except OverflowError:  # a number that MessagePack does not have
            return None

    def _looked_up(self, name: Hashable, key: Hashable) -> bytes | None:
        try:
            return self._plain.encoded(self._value(name, key))
        except Exception:  # noqa: BLE001 - what fails, as for what is not here, is evaluated again, and fails there too
            return None

    def _value(self, name: Any, key: Any) -> Any:  # noqa: ANN401 - a name, a key, and any value
        """Return what stands in a table or record under a key."""
        if name == TOPOLOGY:
            return vars(self._topology)[key]
        if name == SNAPSHOT:
            return getattr(self._topology.graph.snapshot, key)
        if name in self._records:
            return getattr(self._records[name], key)
        if name == ONCE or (isinstance(name, str) and self._is_cached(name)):
            return _without_dicts(self._result(name, key))
        if isinstance(name, str):
            return _entry(self._attribute(name), key)
        table = self._container(*name)
        return table[key] if name[1] == _SCOPE else _entry(table, key)

    def _container(self, name: Any, key: Any) -> Any:  # noqa: ANN401 - the parts of a name
        """Return the table, or tuple with tables, with a name that consists of another one and of a key."""
        if name in self._records:
            return getattr(self._records[name], key)
        if isinstance(name, str):
            return self._result(name, key)
        around = self._container(*name)
        return getattr(around, key) if isinstance(around, Doubts) else around[key]

    def _result(self, name: str, arguments: Any) -> Any:  # noqa: ANN401 - arguments, and any result
        """Return the result of a function whose results are kept."""
        if name == ONCE:
            return self._topology.once(arguments)
        found = self._attribute(name)
        return found(*arguments) if callable(found) else found

    def _attribute(self, name: str) -> Any:  # noqa: ANN401 - any attribute
        path, _, attribute = name.rpartition(".")
        return getattr(self._objects[path], attribute)

    def _is_cached(self, name: str) -> bool:
        path, _, attribute = name.rpartition(".")
        return attribute in self._cached[path]


def _are_same(one: bytes | None, other: bytes | None) -> bool:
    """Return whether two look-ups return the same; false if one of them cannot be compared."""
    return one is not None and one == other


def _entry(table: Any, key: Any) -> Any:  # noqa: ANN401 - a table or a tuple, and a key
    if isinstance(table, Index):
        return table.of(*key)
    if key == WHOLE:
        return table
    return table.get(key, _NO_KEY) if isinstance(table, Mapping) else table[key]


def _without_dicts(value: Any) -> Any:  # noqa: ANN401 - any result
    """Return a tuple without the dicts in it, in which look-ups are logged by themselves."""
    if isinstance(value, tuple) and any(isinstance(member, Mapping) for member in value):
        return tuple(None if isinstance(member, Mapping) else member for member in value)
    return value
