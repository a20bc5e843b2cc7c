"""The roles in which the CPFs of mirror members show VMs: as members of a mirror, or as its arbiter."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from auditor.azure import arm
from auditor.estate.declaration import Role
from auditor.estate.indexes import Index
from auditor.estate.subjects import Deployment, Mirror, Subscription
from auditor.estate.topology import Topology
from auditor.rules.context import Context
from auditor.rules.facts.mirror_members import ASYNC, FAILOVER, members, vm_of
from auditor.rules.facts.mirror_settings import all_settings
from auditor.rules.registry import once
from auditor.snapshot.known import Answer, PartialList, Read, Unknown
from auditor.snapshot.lookup import value
from auditor.snapshot.model import Part, Resource

_ROLES: Final[dict[object, frozenset[str]]] = {
    FAILOVER: frozenset({Role.MIRROR_FAILOVER}),
    ASYNC: frozenset({Role.MIRROR_DR, Role.MIRROR_REPORTING}),
}
_ARBITER: Final[frozenset[str]] = frozenset({Role.MIRROR_ARBITER})

Stated = tuple[Resource, frozenset[str], Read] | Unknown
"""A VM, the roles of which it has at least one, and the property that shows it; or why a member cannot be told."""


def stated_roles(context: Context, subscription: Subscription) -> Iterator[Stated]:
    """Yield the VMs of a subscription that CPFs show in a role, each role once; what was not supplied shows none.

    A role that the deployment file does not mention cannot disagree with a CPF. A member that cannot be told counts in
    the subscriptions of its own deployment.
    """
    found = _all_stated(context, context.topology).value
    assert isinstance(found, Index)  # noqa: S101 - as that returns it
    yield from found.of(subscription.id)


@once
def _all_stated(context: Context, topology: Topology) -> Answer:
    """Return what is stated in all deployments, by subscription."""
    places: dict[str, list[str]] = defaultdict(list)
    for subscription in topology.subscriptions:
        for deployment in subscription.deployments:
            places[deployment.id].append(subscription.id)
    found: list[tuple[str, Stated]] = []
    seen: set[tuple[str, frozenset[str]]] = set()
    for deployment in topology.deployments:
        for stated in (each for mirror in deployment.mirrors for each in _of_mirror(context, deployment, mirror)):
            if isinstance(stated, Unknown):
                found += ((place, stated) for place in places[deployment.id])
                continue
            vm, roles, _ = stated
            if (vm.key, roles) not in seen:
                seen.add((vm.key, roles))
                found.append((arm.subscription_of(vm.key), stated))
    return Answer(Index(found))


def _of_mirror(context: Context, deployment: Deployment, mirror: Mirror) -> Iterator[Stated]:
    kinds = {FAILOVER: (mirror.failover,), ASYNC: (mirror.dr, mirror.reporting)}
    mentioned = [kind for kind, rosters in kinds.items() if not any(isinstance(one, Unknown) for one in rosters)]
    for own in PartialList.of(all_settings(context, mirror).value).of_type(Part):
        for member in PartialList.of(members(context, own).value).of_type(Part):
            kind = value(member, "memberType")
            if kind.value in mentioned:
                yield from _at(vm_of(context.topology, member, deployment), _ROLES[kind.value], kind.reads[0])
        address = value(own, "arbiter.host")
        declared = mirror.declared.arbiter_address.casefold()
        mentions = not isinstance(mirror.arbiter, Unknown)
        if mentions and isinstance(address.value, str) and address.value.casefold() != declared:
            vm = context.topology.graph.get_or_placeholder(arm.parent_of(own.resource.key))
            yield from _at(context.topology.named_hosts.find(address.value, vm, deployment), _ARBITER, address.reads[0])


def _at(host: Answer, roles: frozenset[str], read: Read) -> Iterator[Stated]:
    """Yield the VM of a host, or why there may be one; a load balancer and an address that nothing has are none."""
    if isinstance(host.value, Resource):
        yield host.value, roles, read
    elif isinstance(host.value, Unknown):
        yield host.value
