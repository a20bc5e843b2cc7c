"""What stands where: the graph of a snapshot, and the deployments, mirrors and tiers in it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from functools import cached_property

from auditor import arm, paths
from auditor.model import DeclaredDeployment, Part, Resource, Snapshot
from auditor.topology.balancing import Balancing
from auditor.topology.deployments import Finder
from auditor.topology.filtering import Filtering
from auditor.topology.graph import Graph
from auditor.topology.subjects import (
    Choice,
    Deployment,
    Members,
    Mirror,
    Subscription,
    Tier,
    declared_region,
    subject_of,
)
from auditor.topology.tags import from_tags
from auditor.values import Answer, Items

__all__ = [
    "Balancing",
    "Choice",
    "Context",
    "Deployment",
    "Filtering",
    "Graph",
    "Members",
    "Mirror",
    "Subscription",
    "Tier",
    "Topology",
    "Watch",
    "declared_region",
    "subject_of",
]


class Topology:
    """Everything that facts may ask about."""

    def __init__(
        self, snapshot: Snapshot, declared: tuple[DeclaredDeployment, ...], as_of: dt.date | None = None
    ) -> None:
        """Build the graph and recognise the deployments in it; `as_of` is the date that counts, by default today."""
        self.as_of = as_of or dt.datetime.now(dt.UTC).date()
        self.graph = Graph(snapshot)
        self.balancing = Balancing(self.graph)
        self.naming = self.balancing.naming
        self.filtering = Filtering(self.graph)
        finder = Finder(self.graph, self.balancing)
        self.deployments = tuple(finder.build(deployment) for deployment in from_tags(self.graph, declared))
        self.subscriptions = tuple(
            Subscription(scope, tuple(d for d in self.deployments if scope in _subscriptions(d)))
            for scope in snapshot.scopes
        )


def _subscriptions(deployment: Deployment) -> set[str]:
    """Return the subscriptions that a deployment lies in: the declared ones, else those of its machines."""
    return set(deployment.declared.subscriptions) or {arm.subscription_of(machine) for machine in deployment.roles}


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
