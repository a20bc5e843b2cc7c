"""The scope of a deployment: its members and what the reference graph reaches from them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Final

from auditor.azure import arm
from auditor.azure.types import REACHED_BACKWARDS, REFERENCES
from auditor.azure.types.names import APPLICATION_GATEWAY, LOAD_BALANCER, PUBLIC_ADDRESS, TRAFFIC_MANAGER, VM
from auditor.estate.graph import Graph
from auditor.estate.load_balancing import LoadBalancing
from auditor.estate.subjects import DeploymentScope, Members
from auditor.snapshot.known import Cause, PartialList, Unknown
from auditor.snapshot.lookup import unread
from auditor.snapshot.model import Resource

_REFER_TO_DEPLOYMENTS: Final = (
    LOAD_BALANCER,
    APPLICATION_GATEWAY,
    *(type_ for types in REACHED_BACKWARDS.values() for type_ in types),
)
"""Types whose resources refer to the deployment, and not the reverse."""


class ScopeBuilder:
    """Collects the scope of a deployment, with the reason why a type may be incomplete."""

    def __init__(self, graph: Graph, balancing: LoadBalancing, subscriptions: tuple[str, ...]) -> None:
        """Start with an empty scope in some subscriptions."""
        self._graph = graph
        self._balancing = balancing
        self._naming = balancing.dns
        self._subscriptions = subscriptions
        self._found: dict[str, dict[str, Resource]] = defaultdict(dict)
        self._missing: dict[str, Unknown] = {}
        self._whole_groups = False

    def add_members(self, members: Members) -> None:
        """Add the VMs of a role and what they refer to."""
        vms = PartialList.of(members)
        self._reach(vms.of_type(Resource))
        if vms.incomplete_because is not None:
            self._record_missing(VM, vms.incomplete_because)

    def add_groups(self, groups: tuple[str, ...]) -> None:
        """Add everything in some resource groups, and what it refers to."""
        self._whole_groups = True
        self._reach(
            resource
            for resource in self._graph.resources.values()
            if arm.group_of(resource.key) in groups and arm.subscription_of(resource.key) in self._subscriptions
        )

    def result(self) -> DeploymentScope:
        """Return the scope."""
        for type_ in _REFER_TO_DEPLOYMENTS:
            for gap in self._unread(type_):
                self._record_missing(type_, gap)
        self._record_unresolved(APPLICATION_GATEWAY, self._balancing.doubtful)
        self._record_unresolved(TRAFFIC_MANAGER, self._naming.doubtful)
        found = {
            type_: PartialList(
                tuple(found for _, found in sorted(self._found[type_].items())),
                self._missing.get(type_) or self._unlisted(type_),
            )
            for type_ in {*self._found, *self._missing}
        }
        return DeploymentScope(found, self._unlisted)

    def _unlisted(self, type_: str) -> Unknown | None:
        """Return why a resource group may have unread resources of a type, None if it does not."""
        if not self._whole_groups:
            return None
        listings = (self._graph.listing(type_, subscription) for subscription in self._subscriptions)
        return next(filter(None, listings), None)

    def _reach(self, resources: Iterable[Resource]) -> None:
        queue = list(resources)
        while queue:
            resource = queue.pop()
            if resource.key in self._found[resource.type]:
                continue
            self._found[resource.type][resource.key] = resource
            for reference in REFERENCES.get(resource.type, ()) if resource.unread else ():
                gap = unread(resource, reference.path.split("[*]")[0])
                if gap is not None and reference.reached:
                    self._record_missing(reference.to, gap)
            for reached in self._graph.reached(resource):
                if isinstance(reached, Resource):
                    queue.append(reached)
                else:
                    self._record_missing(*reached)
            if resource.type == VM:
                queue.extend(pool.resource for pool in self._balancing.pools_of(resource))
            if resource.type == PUBLIC_ADDRESS:
                queue.extend(self._naming.profiles_at(resource))

    def _record_unresolved(self, type_: str, unresolved: Iterable[tuple[Resource, Iterable[Unknown]]]) -> None:
        """Record that resources of a type may lead here by a DNS name or address that cannot be resolved.

        If other resources of the type are known to lead here, only unread ones count: most unresolved names belong to
        resources of other teams.
        """
        for resource, reasons in unresolved:
            if resource.key in self._found[type_] or arm.subscription_of(resource.key) not in self._subscriptions:
                continue
            for reason in reasons:
                if reason.cause is Cause.GAP:
                    self._record_missing(type_, reason)
                elif not self._found[type_]:
                    self._missing.setdefault(type_, reason)

    def _record_missing(self, type_: str, reason: Unknown) -> None:
        """Record that resources of a type, and of all types reached from it, may be missing."""
        for lost in (type_, *_reachable_from(type_)):
            self._missing.setdefault(lost, reason)

    def _unread(self, type_: str) -> Iterator[Unknown]:
        """Yield why unread resources of a type may lead here."""
        for subscription in self._subscriptions:
            gap = self._graph.listing(type_, subscription)
            if gap is not None:
                yield gap
        for resource in self._graph.unreadable.get(type_, ()):
            gap = unread(resource, "properties")
            if gap is not None and arm.subscription_of(resource.key) in self._subscriptions:
                yield gap


def unlisted_around(
    graph: Graph, balancing: LoadBalancing, subscriptions: tuple[str, ...], members: Members, type_: str
) -> Unknown | None:
    """Return why some VMs may lead to further resources of a type, None if they do not."""
    scope = ScopeBuilder(graph, balancing, subscriptions)
    scope.add_members(members)
    return scope.result()[type_].missing


@cache
def _reachable_from(type_: str) -> tuple[str, ...]:
    """Return the types that the reference graph reaches from a type."""
    reached: dict[str, None] = {}
    queue = [type_]
    while queue:
        current = queue.pop()
        targets = [reference.to for reference in REFERENCES.get(current, ()) if reference.reached]
        targets += REACHED_BACKWARDS.get(current, ())
        queue.extend(target for target in targets if target not in reached)
        reached.update(dict.fromkeys(targets))
    return tuple(reached)
