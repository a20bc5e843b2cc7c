"""The roles of VMs in the deployment, and those that they may have besides."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from auditor.estate.declaration import Role
from auditor.estate.tags import TAG_ROLE
from auditor.rules.context import Context
from auditor.snapshot.known import Cause, PartialList, Unknown
from auditor.snapshot.lookup import value
from auditor.snapshot.model import Resource

_ASYNC: Final = frozenset({Role.MIRROR_DR, Role.MIRROR_REPORTING})


def roles_of(context: Context, vm: Resource) -> tuple[Role, ...]:
    """Return the roles of a VM in the deployment."""
    return context.deployment.roles.get(vm.key, ()) if context.deployment else ()


def may_have_role(context: Context, vm: Resource, roles: Collection[Role]) -> Unknown | None:
    """Return why a VM may have one of some roles that it is not known to have, or None.

    A VM with a declared role is none of the async members that are not declared, and a VM whose tags were read is none
    of the members that were not read.
    """
    deployment = context.deployment
    if deployment is None:
        return None
    if isinstance(tags := value(vm, f"tags['{TAG_ROLE}']").value, Unknown):
        return tags
    placed = bool(roles_of(context, vm))
    for role in roles:
        members = PartialList.of(deployment.vms[role])
        for unknown in filter(None, (members.missing, *members.of_type(Unknown))):
            others = role in _ASYNC and placed if unknown.cause is Cause.DECLARATION else unknown.cause is Cause.GAP
            if not others:
                return unknown
    return None
