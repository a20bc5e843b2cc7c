"""The memory of an evaluation: each finding with what was read for it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import Final, NamedTuple

from auditor.estate.subjects import Deployment, Mirror, Subject, Tier
from auditor.estate.topology import Topology
from auditor.estate.watching import DEPLOYMENT
from auditor.evaluation.model import Finding
from auditor.evaluation.reuse.values import Values
from auditor.snapshot.watching import Computed, Read

Key = tuple[str, str, int, Subject]
"""Deployment ("" without one), rule, index of the target in the rule, and subject of a finding."""


class Evaluated(NamedTuple):
    """A finding, and what was read for it."""

    finding: Finding
    reads: tuple[Read | Computed, ...]


_FIELDS: Final[Mapping[type, str]] = {Mirror: "mirrors", Tier: "tiers"}
"""The fields of a deployment that have the subjects without a body."""


class Memory:
    """What an evaluation has found, and what an earlier one had found and still holds."""

    def __init__(self, topology: Topology, earlier: Unmoved | None = None) -> None:
        """Take the topology that is evaluated; if it is watched, what is read is kept."""
        self.topology = topology
        self.watch = topology.watch
        self._earlier = earlier
        self.found: dict[Key, Evaluated] = {}

    def recall(self, key: Key) -> Finding | None:
        """Return the earlier finding, if it still holds."""
        known = self._earlier.evaluated(key) if self._earlier is not None else None
        if known is None:
            return None
        if self.watch is not None:
            self.found[key] = known
        return known.finding

    def begin(self, element: object, deployment: Deployment | None) -> None:
        """Begin the evaluation of a subject."""
        if self.watch is not None:
            self.watch.take()
            field = _FIELDS.get(type(element))
            if field is not None and deployment is not None:
                self.watch.log.append(((DEPLOYMENT, deployment.id), field))

    def keep(self, key: Key, finding: Finding) -> None:
        """Keep what was found since the beginning."""
        if self.watch is not None:
            self.found[key] = Evaluated(finding, self.watch.take())


class Unmoved:
    """The earlier findings for which nothing of what was read has changed."""

    def __init__(
        self, found: Mapping[Key, Evaluated], computed: Iterable[Computed], is_same: Callable[[Read], bool]
    ) -> None:
        """Take the earlier findings, all results on which they rest, and whether a look-up returns the same now."""
        self._found = found
        self._moved = _moved([each.reads for each in found.values()], list(computed), is_same)

    @classmethod
    def since(cls, earlier: Memory, after: Topology, unlike: Collection[str] = ()) -> Unmoved:
        """Return the findings of an evaluation that hold in another topology.

        Resources with the keys `unlike` count as changed.

        Raises:
            ValueError: the earlier evaluation was not watched.
        """
        if earlier.watch is None:
            message = "what was read for the earlier findings is not known"
            raise ValueError(message)
        was, now = Values(earlier.topology), Values(after)
        return cls(
            earlier.found, earlier.watch.computed, lambda read: read[0] not in unlike and was.are_as_in(now, read)
        )

    def evaluated(self, key: Key) -> Evaluated | None:
        """Return the earlier finding, None if there is none or if it may be another one now."""
        found = self._found.get(key)
        return found if found is not None and self._moved.isdisjoint(found.reads) else None


def _moved(
    used: Iterable[tuple[Read | Computed, ...]], computed: Collection[Computed], is_same: Callable[[Read], bool]
) -> AbstractSet[Read | Computed]:
    """Return what was read for findings and may not be the same now."""
    reads = set[Read | Computed]().union(*(each.reads for each in computed), *used)
    found = {read for read in reads if not isinstance(read, Computed) and not is_same(read)}
    moved: set[Read | Computed] = {*found}
    more = True
    while more:  # once for all, and once more for each circle
        more = False
        for result in computed:
            if result not in moved and not moved.isdisjoint(result.reads):
                moved.add(result)
                more = True
    return moved
