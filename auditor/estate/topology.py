"""What stands where: the graph of a snapshot, and the deployments, mirrors and tiers in it."""

from __future__ import annotations

import datetime as dt

from auditor.azure import arm
from auditor.estate.declaration import DeclaredDeployment
from auditor.estate.deployments import Finder
from auditor.estate.graph import Graph
from auditor.estate.load_balancing import Balancing
from auditor.estate.security_groups import SecurityGroups
from auditor.estate.subjects import Deployment, Subscription
from auditor.estate.tags import from_tags
from auditor.snapshot.model import Snapshot


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
        self.security_groups = SecurityGroups(self.graph)
        finder = Finder(self.graph, self.balancing)
        self.deployments = tuple(finder.build(deployment) for deployment in from_tags(self.graph, declared))
        self.subscriptions = tuple(
            Subscription(scope, tuple(d for d in self.deployments if scope in _subscriptions(d)))
            for scope in snapshot.scopes
        )


def _subscriptions(deployment: Deployment) -> set[str]:
    """Return the subscriptions that a deployment lies in: the declared ones, else those of its machines."""
    return set(deployment.declared.subscriptions) or {arm.subscription_of(machine) for machine in deployment.roles}
