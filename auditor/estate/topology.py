"""The estate: the reference graph of a snapshot, with deployments, mirrors and tiers."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable
from typing import TypeVar, cast

from auditor.azure import arm
from auditor.estate.caching import cached_method, cached_summary
from auditor.estate.declaration import DeclaredDeployment
from auditor.estate.deployments import DeploymentResolver
from auditor.estate.graph import Graph
from auditor.estate.guest_files import GuestFiles
from auditor.estate.load_balancing import LoadBalancing
from auditor.estate.named_hosts import NamedHosts
from auditor.estate.names import ExistingNames
from auditor.estate.scope import unlisted_around
from auditor.estate.security_groups import SecurityGroups
from auditor.estate.subjects import Deployment, Subscription
from auditor.estate.tags import from_tags
from auditor.estate.watching import watch_fields_of, watch_tables, watched_deployment, watched_subscription
from auditor.snapshot.known import PartialList, Unknown
from auditor.snapshot.model import Snapshot
from auditor.snapshot.watching import Watch

T = TypeVar("T")


class Topology:
    """Everything that facts can use."""

    def __init__(
        self,
        snapshot: Snapshot,
        declared: tuple[DeclaredDeployment, ...],
        as_of: dt.date | None = None,
        watch: Watch | None = None,
    ) -> None:
        """Build the reference graph and resolve the deployments; `as_of` is the evaluation date, by default today.

        A watch logs what is read of all this.
        """
        self.watch = watch
        self.as_of = as_of or dt.datetime.now(dt.UTC).date()
        self.graph = Graph(snapshot, watch)
        self.guest_files = GuestFiles(self.graph)
        self.load_balancing = LoadBalancing(self.graph)
        self.dns = self.load_balancing.dns
        self.named_hosts = NamedHosts(self.load_balancing)
        self.names = ExistingNames(self.graph)
        self.security_groups = SecurityGroups(self.graph)
        resolver = DeploymentResolver(self.graph, self.load_balancing)
        self.public_addresses = resolver.public_addresses
        self.front_doors = resolver.front_doors
        self._results: dict[Callable[[Topology], object], object] = {}
        if watch is not None:
            watch_tables(self, watch)
        self.deployments = tuple(resolver.build(deployment) for deployment in from_tags(self.graph, declared))
        if watch is not None:
            self.deployments = tuple(watched_deployment(deployment, watch) for deployment in self.deployments)
        within: dict[str, list[Deployment]] = defaultdict(list)
        for deployment in self.deployments:
            for scope in _subscriptions(deployment):
                within[scope].append(deployment)
        self.subscriptions = tuple(Subscription(scope, tuple(within.get(scope, ()))) for scope in snapshot.scopes)
        if watch is not None:
            self.subscriptions = tuple(watched_subscription(subscription, watch) for subscription in self.subscriptions)
            watch_fields_of(self)

    @cached_method
    def unlisted_around(self, subscriptions: tuple[str, ...], vms: tuple[str, ...], type_: str) -> Unknown | None:
        """Return why some VMs, by their keys, may be behind further resources of a type; see `scope`."""
        members = PartialList(tuple(self.graph.resources[vm] for vm in vms))
        return unlisted_around(self.public_addresses, subscriptions, members, type_)

    @cached_summary
    def months_until(self, date: dt.date) -> int:
        """Return the number of months from the evaluation date to another, rounded up; 0 or less if it has passed."""
        now = self.as_of
        return (date.year - now.year) * 12 + date.month - now.month + (date.day > now.day)

    def once(self, compute: Callable[[Topology], T]) -> T:
        """Return what a function computes from the topology; it is called at the first request only."""
        if compute not in self._results:
            self._results[compute] = compute(self)
        return cast("T", self._results[compute])


def _subscriptions(deployment: Deployment) -> set[str]:
    """Return the subscriptions of a deployment: the declared ones, else those of its VMs."""
    return set(deployment.declared.subscriptions) or {arm.subscription_of(vm) for vm in deployment.roles}
