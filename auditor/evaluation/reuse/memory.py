"""The memory of an evaluation: each finding with what was read for it."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import Final, NamedTuple

from auditor.estate.subjects import Deployment, Mirror, Subject, Tier
from auditor.estate.topology import Topology
from auditor.estate.watching import DEPLOYMENT
from auditor.evaluation.model import Finding
from auditor.evaluation.reuse.values import Values

Key = tuple[str, str, int, Subject]
"""Deployment ("" without one), rule, index of the target in the rule, and subject of a finding."""


class Evaluated(NamedTuple):
    """A finding, and what was read for it."""

    finding: Finding
    number: int
    """The number of what was read for it."""


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
        """What was evaluated and watched."""
        self.recalled = 0
        """The number of earlier findings that hold."""

    def recall(self, key: Key) -> Finding | None:
        """Return the earlier finding, if it still holds."""
        known = self._earlier.evaluated(key) if self._earlier is not None else None
        if known is None:
            return None
        self.recalled += 1
        return known.finding

    def begin(self, element: object, deployment: Deployment | None) -> None:
        """Begin the evaluation of a subject."""
        if self.watch is not None:
            self.watch.forget()
            field = _FIELDS.get(type(element))
            if field is not None and deployment is not None:
                self.watch.log.append(self.watch.number_of(((DEPLOYMENT, deployment.id), field)))

    def keep(self, key: Key, finding: Finding) -> None:
        """Keep what was found since the beginning."""
        if self.watch is not None:
            self.found[key] = Evaluated(finding, self.watch.taken())


class Unmoved:
    """The earlier findings for which nothing of what was read has changed."""

    def __init__(self, found: Mapping[Key, Evaluated], moved: Container[int]) -> None:
        """Take the earlier findings, and the numbers of what may be another now."""
        self._found = found
        self._moved = moved

    @classmethod
    def since(
        cls, earlier: Memory, after: Topology, unlike: Collection[str] = (), alike: Collection[str] = ()
    ) -> Unmoved:
        """Return the findings of an evaluation that hold in another topology.

        Resources with the keys `unlike` count as changed. Those with the keys `alike` are known to have the same body.

        Raises:
            ValueError: the earlier evaluation was not watched.
        """
        if earlier.watch is None:
            message = "what was read for the earlier findings is not known"
            raise ValueError(message)
        was, now = Values(earlier.topology), Values(after)
        used = used_for((each.number for each in earlier.found.values()), earlier.watch.computed)
        changed = (
            number
            for read, number in tuple(earlier.watch.looked_up.items())  # to look up again adds to them
            if number in used and read[0] not in alike and (read[0] in unlike or not was.are_as_in(now, read))
        )
        return cls(earlier.found, with_results(changed, earlier.watch.computed))

    def evaluated(self, key: Key) -> Evaluated | None:
        """Return the earlier finding, None if there is none or if it may be another one now."""
        found = self._found.get(key)
        return found if found is not None and found.number not in self._moved else None


def used_for(numbers: Iterable[int], computed: Mapping[int, tuple[int, ...]]) -> AbstractSet[int]:
    """Return numbers with those of all look-ups and results on which they rest."""
    found = {*numbers}
    latest_first = tuple(computed.items())[::-1]
    before = 0
    while len(found) > before:  # once for all, and once more for each circle
        before = len(found)
        for number, reads in latest_first:
            if number in found:
                found.update(reads)
    return found


def with_results(numbers: Iterable[int], computed: Mapping[int, tuple[int, ...]]) -> AbstractSet[int]:
    """Return numbers of look-ups with those of all results that rest on them."""
    found = {*numbers}
    before = -1
    while len(found) > before:  # once for all, and once more for each circle
        before = len(found)
        found.update(number for number, reads in computed.items() if not found.isdisjoint(reads))
    return found
