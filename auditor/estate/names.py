"""Names of what exists, in which those are found that are similar to one that does not."""

from __future__ import annotations

import difflib
from bisect import bisect_left
from collections.abc import Iterable
from typing import Final

from auditor.azure.types.names import VM
from auditor.estate.caching import cached_method
from auditor.estate.graph import Graph
from auditor.estate.tags import tags_of

_MOST: Final = 5
"""The number of names that are given where none is similar."""
_NEAR: Final = 100
"""Of more than twice as many names, those are compared that are sorted next to a name, forwards and backwards."""


class Names:
    """Names, sorted once."""

    def __init__(self, names: Iterable[str]) -> None:
        """Take the names; the last of those that differ in case only counts."""
        self._known = {name.casefold(): name for name in names}
        self._forwards = sorted(self._known)
        self._backwards = sorted(name[::-1] for name in self._known)

    def similar(self, name: str) -> tuple[str, ...]:
        """Return the names that are similar to one that does not exist, else the first few of all."""
        wanted = name.casefold()
        behind = (other[::-1] for other in _near(self._backwards, wanted[::-1]))
        near = difflib.get_close_matches(wanted, sorted({*_near(self._forwards, wanted), *behind}))
        return tuple(self._known[other] for other in near or self._forwards[:_MOST])


class ExistingNames:
    """The names of what exists, each list of them made once."""

    def __init__(self, graph: Graph) -> None:
        """Take the graph."""
        self._graph = graph

    @cached_method
    def of_vms(self, kind: str, subscriptions: tuple[str, ...]) -> Names:
        """Return what VMs of some subscriptions are called in the manner of a kind of selector."""
        vms = self._graph.in_subscriptions(VM, subscriptions)
        if kind == "tag":
            return Names(f"tag {name}={text}" for vm in vms for name, text in tags_of(vm))
        return Names(vm.id if kind == "id" else vm.name for vm in vms)

    @cached_method
    def of_type(self, type_: str) -> Names:
        """Return the ids of the resources of a type."""
        return Names(found.id for found in self._graph.by_type.get(type_, ()))

    @cached_method
    def of_groups(self, subscriptions: tuple[str, ...]) -> Names:
        """Return the names of the resource groups of some subscriptions."""
        return Names(self._graph.groups_in(subscriptions))


def _near(names: list[str], name: str) -> list[str]:
    """Return the names next to one in their order, at most `2 * _NEAR`."""
    place = bisect_left(names, name)
    return names[max(0, place - _NEAR) : place + _NEAR]
