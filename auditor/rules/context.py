"""The context in which rules are evaluated: the topology, the deployment, and what is to be recorded."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from auditor.azure import arm, paths
from auditor.estate.subjects import Deployment
from auditor.estate.topology import Topology
from auditor.snapshot.known import Answer, PartialList, Read
from auditor.snapshot.model import Part, Resource

_ELEMENTS: Final = (Resource, Part)


class ReadRecorder:
    """Records which properties of some resources conditions read."""

    def __init__(self, keys: Collection[str]) -> None:
        """Take the keys of the resources."""
        self._keys = keys
        self._others: set[str] = set()
        """The ids of other resources, as they are spelled."""
        self._seen: dict[tuple[str, str], None] = {}

    def record(self, *answers: Answer) -> None:
        """Record what was read for some values, and the `id` of each resource or part in a list."""
        for answer in answers:
            for read in answer.reads:
                if read.resource not in self._others:
                    self._record(read)
            for item in answer.value.known if isinstance(answer.value, PartialList) else ():
                if isinstance(item, _ELEMENTS) and item.resource.key in self._keys:
                    self._seen[item.resource.key, paths.join(item.path, "id")] = None

    def _record(self, read: Read) -> None:
        key = arm.key(read.resource)
        if key in self._keys:
            self._seen[key, read.path] = None
        else:
            self._others.add(read.resource)

    def take(self) -> tuple[tuple[str, str], ...]:
        """Return (key of the resource, path) of what was recorded, in the order of reading, and start anew."""
        seen = tuple(self._seen)
        self._seen.clear()
        return seen


class Context:
    """What facts and conditions can use besides the element that they are evaluated for."""

    def __init__(
        self, topology: Topology, deployment: Deployment | None = None, recorder: ReadRecorder | None = None
    ) -> None:
        """Take the deployment of the subjects; None for subscriptions."""
        self.topology = topology
        self.deployment = deployment
        self.recorder = recorder
        self.answers: dict[tuple[object, int], tuple[object, Answer, int | None]] = {}
        """Results of facts by fact and identity of the element, which is kept alive beside the result.

        The third is the number of the result, if what is read is watched.
        """

    def unrecorded(self) -> Context:
        """Return a context that shares the results of facts with this one and records nothing."""
        context = Context(self.topology, self.deployment)
        context.answers = self.answers
        return context
