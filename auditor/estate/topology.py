"""The estate: the reference graph of a snapshot, with deployments, mirrors and tiers."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable
from typing import TypeVar, cast

from auditor.azure import arm
from auditor.estate.caching import cached_method
from auditor.estate.declaration import DeclaredDeployment
from auditor.estate.deployments import DeploymentResolver
from auditor.estate.graph import Graph
from auditor.estate.guest_files import GuestFiles
from auditor.estate.load_balancing import LoadBalancing
from auditor.estate.named_hosts import NamedHosts
from auditor.estate.scope import unlisted_around
from auditor.estate.security_groups import SecurityGroups
from auditor.estate.subjects import Deployment, Subscription
from auditor.estate.tags import from_tags
from auditor.snapshot.known import PartialList, Unknown
from auditor.snapshot.model import Snapshot

T = TypeVar("T")


class Topology:
    """Everything that facts can use."""

    def __init__(
        self, snapshot: Snapshot, declared: tuple[DeclaredDeployment, ...], as_of: dt.date | None = None
    ) -> None:
        """Build the reference graph and resolve the deployments; `as_of` is the evaluation date, by default today."""
        self.as_of = as_of or dt.datetime.now(dt.UTC).date()
        self.graph = Graph(snapshot)
        self.guest_files = GuestFiles(self.graph)
        self.load_balancing = LoadBalancing(self.graph)
        self.dns = self.load_balancing.dns
        self.named_hosts = NamedHosts(self.load_balancing)
        self.security_groups = SecurityGroups(self.graph)
        resolver = DeploymentResolver(self.graph, self.load_balancing)
        self.public_addresses = resolver.public_addresses
        self.front_doors = resolver.front_doors
        self.deployments = tuple(resolver.build(deployment) for deployment in from_tags(self.graph, declared))
        within: dict[str, list[Deployment]] = defaultdict(list)
        for deployment in self.deployments:
            for scope in _subscriptions(deployment):
                within[scope].append(deployment)
        self.subscriptions = tuple(Subscription(scope, tuple(within.get(scope, ()))) for scope in snapshot.scopes)
        self._results: dict[Callable[[Topology], object], object] = {}

    @cached_method
    def unlisted_around(self, subscriptions: tuple[str, ...], vms: tuple[str, ...], type_: str) -> Unknown | None:
        """Return why some VMs, by their keys, may be behind further resources of a type; see `scope`."""
        members = PartialList(tuple(self.graph.resources[vm] for vm in vms))
        return unlisted_around(self.public_addresses, subscriptions, members, type_)

    def once(self, compute: Callable[[Topology], T]) -> T:
        """Return what a function computes from the topology; it is called at the first request only."""
        if compute not in self._results:
            self._results[compute] = compute(self)
        return cast("T", self._results[compute])


def _subscriptions(deployment: Deployment) -> set[str]:
    """Return the subscriptions of a deployment: the declared ones, else those of its VMs."""
    return set(deployment.declared.subscriptions) or {arm.subscription_of(vm) for vm in deployment.roles}
