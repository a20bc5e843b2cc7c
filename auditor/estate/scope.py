"""What belongs to a deployment: all that the graph reaches from its machines."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Final

from auditor.azure import arm
from auditor.azure.types import REACHED_BACKWARDS, REFERENCES
from auditor.azure.types.names import APPLICATION_GATEWAY, LOAD_BALANCER, PUBLIC_ADDRESS, TRAFFIC_MANAGER, VM
from auditor.estate.graph import Graph
from auditor.estate.load_balancing import Balancing
from auditor.estate.subjects import Belongings, Members
from auditor.snapshot.known import Cause, Items, Unknown
from auditor.snapshot.lookup import unread
from auditor.snapshot.model import Resource

_FOUND_BY_THEIR_BODY: Final = (
    LOAD_BALANCER,
    APPLICATION_GATEWAY,
    *(type_ for types in REACHED_BACKWARDS.values() for type_ in types),
)
"""Types of which only the resource itself says whom it serves."""


class Scope:
    """Collects what belongs to a deployment, and why there may be more of each type."""

    def __init__(self, graph: Graph, balancing: Balancing, subscriptions: tuple[str, ...]) -> None:
        """Begin with nothing."""
        self._graph = graph
        self._balancing = balancing
        self._naming = balancing.naming
        self._subscriptions = subscriptions
        self._found: dict[str, dict[str, Resource]] = defaultdict(dict)
        self._missing: dict[str, Unknown] = {}
        self._whole_groups = False

    def add_members(self, members: Members) -> None:
        """Add the machines of a role and what they lead to."""
        machines = Items.of(members)
        self._reach(machines.only(Resource))
        if machines.open_end is not None:
            self._lose(VM, machines.open_end)

    def add_groups(self, groups: tuple[str, ...]) -> None:
        """Add whole resource groups and what their resources lead to."""
        self._whole_groups = True
        self._reach(
            resource
            for resource in self._graph.resources.values()
            if arm.group_of(resource.key) in groups and arm.subscription_of(resource.key) in self._subscriptions
        )

    def result(self) -> Belongings:
        """Return what was found, by type."""
        for type_ in _FOUND_BY_THEIR_BODY:
            for gap in self._hidden(type_):
                self._lose(type_, gap)
        self._doubt(APPLICATION_GATEWAY, self._balancing.doubtful)
        self._doubt(TRAFFIC_MANAGER, self._naming.doubtful)
        found = {
            type_: Items(
                tuple(found for _, found in sorted(self._found[type_].items())),
                self._missing.get(type_) or self._unlisted(type_),
            )
            for type_ in {*self._found, *self._missing}
        }
        return Belongings(found, self._unlisted)

    def _unlisted(self, type_: str) -> Unknown | None:
        """Return why resources of a type may be in the whole groups without our seeing them."""
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
                    self._lose(reference.to, gap)
            for reached in self._graph.reached(resource):
                if isinstance(reached, Resource):
                    queue.append(reached)
                else:
                    self._lose(*reached)
            if resource.type == VM:
                queue.extend(pool.resource for pool in self._balancing.pools_of(resource))
            if resource.type == PUBLIC_ADDRESS:
                queue.extend(self._naming.profiles_at(resource))

    def _doubt(self, type_: str, doubtful: Iterable[tuple[Resource, Iterable[Unknown]]]) -> None:
        """Note that a resource of a type may lead here by a name or address of which nobody knows where it leads.

        Where it is known what others lead here, only one that was not read makes a doubt: most such names are those of
        other teams' resources.
        """
        for resource, doubts in doubtful:
            if resource.key in self._found[type_] or arm.subscription_of(resource.key) not in self._subscriptions:
                continue
            for doubt in doubts:
                if doubt.cause is Cause.GAP:
                    self._lose(type_, doubt)
                elif not self._found[type_]:
                    self._missing.setdefault(type_, doubt)

    def _lose(self, type_: str, reason: Unknown) -> None:
        """Note that a resource of a type, and what lies beyond it, may not have been seen."""
        for lost in (type_, *_beyond(type_)):
            self._missing.setdefault(lost, reason)

    def _hidden(self, type_: str) -> Iterator[Unknown]:
        """Yield why resources of a type may lead here without our seeing it."""
        for subscription in self._subscriptions:
            gap = self._graph.listing(type_, subscription)
            if gap is not None:
                yield gap
        for resource in self._graph.unreadable.get(type_, ()):
            gap = unread(resource, "properties")
            if gap is not None and arm.subscription_of(resource.key) in self._subscriptions:
                yield gap


@cache
def _beyond(type_: str) -> tuple[str, ...]:
    """Return the types that cannot be seen completely where a resource of this type cannot."""
    reached: dict[str, None] = {}
    queue = [type_]
    while queue:
        current = queue.pop()
        targets = [reference.to for reference in REFERENCES.get(current, ()) if reference.reached]
        targets += REACHED_BACKWARDS.get(current, ())
        queue.extend(target for target in targets if target not in reached)
        reached.update(dict.fromkeys(targets))
    return tuple(reached)
