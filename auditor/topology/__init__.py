"""What stands where: the graph of a snapshot, and the deployments, mirrors and tiers in it."""

from __future__ import annotations

import datetime as dt
from functools import cached_property

from auditor import arm
from auditor.model import DeclaredDeployment, Snapshot
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
from auditor.values import Answer

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

    @cached_property
    def silently(self) -> Context:
        """Return the same, for conditions that are asked for their truth only."""
        context = Context(self.topology, self.deployment)
        context.answers = self.answers
        context.silent = True
        return context
