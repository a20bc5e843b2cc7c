"""The state of a topology before any rule is evaluated, to which it can be reset."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from typing import Any, Final

from auditor.estate.topology import Topology
from auditor.snapshot.model import Resource

_CONTAINERS: Final = (list, tuple, set, frozenset)
_CONSTANT: Final = (Resource, enum.Enum)
_PACKAGE: Final = "auditor."


class InitialState:
    """The attributes of a topology and of all objects in it, without what rules have made them compute and keep."""

    def __init__(self, topology: Topology) -> None:
        """Keep the state of a new topology."""
        self._state = [(found.__dict__, _copied(found.__dict__)) for found in _objects(topology)]

    def restore(self) -> None:
        """Forget what was computed since."""
        for attributes, initial in self._state:
            attributes.clear()
            attributes.update(_copied(initial))


def _copied(attributes: dict[str, Any]) -> dict[str, Any]:
    """Return a copy of attributes and of the dictionaries among them, in which results are kept."""
    return {name: value.copy() if isinstance(value, dict) else value for name, value in attributes.items()}


def _objects(topology: Topology) -> Iterator[Any]:
    """Yield every object of the auditor's classes that has attributes and is reached from a topology, each once."""
    seen: set[int] = set()
    pending: list[Any] = [topology]
    while pending:
        found = pending.pop()
        if id(found) in seen or isinstance(found, _CONSTANT):
            continue
        seen.add(id(found))
        if isinstance(found, dict):
            pending += (*found.keys(), *found.values())
        elif isinstance(found, _CONTAINERS):
            pending += found
        elif type(found).__module__.startswith(_PACKAGE):
            pending += (getattr(found, name) for name in getattr(found, "__struct_fields__", ()))
            if hasattr(found, "__dict__"):
                pending.append(found.__dict__)
                yield found
