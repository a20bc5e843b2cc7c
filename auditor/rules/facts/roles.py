"""The roles of VMs in the deployment, and those that they may have besides."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from auditor.estate.declaration import Role
from auditor.rules.context import Context
from auditor.snapshot.known import Cause, PartialList, Unknown
from auditor.snapshot.model import Resource

_ASYNC: Final = frozenset({Role.MIRROR_DR, Role.MIRROR_REPORTING})


def roles_of(context: Context, vm: Resource) -> tuple[Role, ...]:
    """Return the roles of a VM in the deployment."""
    return context.deployment.roles.get(vm.key, ()) if context.deployment else ()


def may_have_role(context: Context, vm: Resource, roles: Collection[Role]) -> Unknown | None:
    """Return why a VM may have one of some roles that it is not known to have, or None.

    A VM with a declared role is none of the async members that are not declared.
    """
    deployment = context.deployment
    if deployment is None:
        return None
    placed = bool(roles_of(context, vm)) and not context.topology.graph.unseen_vms(deployment.subscriptions, tags=True)
    for role in roles:
        unknown = PartialList.of(deployment.vms[role]).incomplete_because
        if unknown is not None and not (placed and role in _ASYNC and unknown.cause is Cause.DECLARATION):
            return unknown
    return None
