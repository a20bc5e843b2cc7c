"""The context in which rules are judged: the topology, the deployment, and what is recorded."""

from __future__ import annotations

from collections.abc import Collection
from functools import cached_property

from auditor.azure import arm, paths
from auditor.estate.subjects import Deployment
from auditor.estate.topology import Topology
from auditor.snapshot.known import Answer, Items
from auditor.snapshot.model import Part, Resource


class Watch:
    """Notes what conditions look at in some resources."""

    def __init__(self, keys: Collection[str]) -> None:
        """Take the keys of the resources."""
        self._keys = keys
        self._seen: dict[tuple[str, str], None] = {}

    def note(self, *answers: Answer) -> None:
        """Note what went into answers; of the members of a list, at least that they exist."""
        for answer in answers:
            for read in answer.reads:
                self._note(read.resource, read.path)
            for member in answer.value.known if isinstance(answer.value, Items) else ():
                if isinstance(member, Resource | Part):
                    self._note(member.resource.id, paths.join(member.path, "id"))

    def _note(self, arm_id: str, path: str) -> None:
        key = arm.key(arm_id)
        if key in self._keys:
            self._seen[key, path] = None

    def take(self) -> tuple[tuple[str, str], ...]:
        """Return what was noted, as (key of the resource, path), and begin anew."""
        seen = tuple(self._seen)
        self._seen.clear()
        return seen


class Context:
    """What a fact may look at besides the element that it is asked about."""

    def __init__(self, topology: Topology, deployment: Deployment | None) -> None:
        """Take the deployment for which is judged; None for a subscription."""
        self.topology = topology
        self.deployment = deployment
        self.answers: dict[tuple[object, int], tuple[object, Answer]] = {}
        """What facts have answered, by fact and identity of the element, which is kept alive beside the answer."""
        self.silent = False
        """Whether conditions are asked for their truth only, not for what it rests on."""
        self.watch: Watch | None = None
        """Who wants to know what conditions look at, whether or not it decides anything."""
        self.brief = False
        """Whether nobody wants to know what is looked at, so that what decides nothing need not be looked at."""

    @cached_property
    def silently(self) -> Context:
        """Return the same, for conditions that are asked for their truth only."""
        context = Context(self.topology, self.deployment)
        context.answers = self.answers
        context.silent = True
        context.watch = self.watch
        context.brief = self.watch is None
        return context
