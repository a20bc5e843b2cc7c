"""The roles of VMs in the deployment, and those that they may have besides."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, cast

from auditor.azure.types.names import APPLICATION_GATEWAY, LOAD_BALANCER, TRAFFIC_MANAGER
from auditor.estate.declaration import Role
from auditor.estate.scope import scope_around, unlisted_in
from auditor.estate.subjects import Deployment
from auditor.estate.tags import TAG_ROLE
from auditor.rules.context import Context
from auditor.rules.registry import once
from auditor.snapshot.known import Answer, Cause, PartialList, Unknown
from auditor.snapshot.lookup import value
from auditor.snapshot.model import Resource

_LEADING: Final = (LOAD_BALANCER, APPLICATION_GATEWAY, TRAFFIC_MANAGER)
"""Types whose resources lead clients to VMs."""
_ASYNC: Final = frozenset({Role.MIRROR_DR, Role.MIRROR_REPORTING})
_BEHIND: Final = _ASYNC | {Role.MIRROR_ARBITER}
"""Roles of VMs to which no clients are sent from outside."""
_SERVED: Final = frozenset(Role) - _BEHIND


def roles_of(context: Context, vm: Resource) -> tuple[Role, ...]:
    """Return the roles of a VM in the deployment."""
    return context.deployment.roles.get(vm.key, ()) if context.deployment else ()


def unlisted(context: Context, deployment: Deployment, type_: str) -> Unknown | None:
    """Return why further resources of a type, one of `_LEADING`, may lead to the deployment, or None.

    Arbiters and async members that are not declared do not count.
    """
    if deployment.scope[type_].missing is None:
        return None
    found = cast("tuple[Unknown | None, ...]", _unlisted(context, deployment).value)
    return found[_LEADING.index(type_)]


@once
def _unlisted(context: Context, deployment: Deployment) -> Answer:
    """Return for each of `_LEADING` why further resources of the type may lead to the deployment, or None."""
    found = []
    for role, members in deployment.vms.items():
        own = PartialList.of(members)
        undeclared = own.missing is not None and own.missing.cause is Cause.DECLARATION
        found.append(PartialList(own.known) if role in _BEHIND and undeclared else own)
    public = context.topology.public_addresses
    scope = scope_around(public, deployment.subscriptions, PartialList.joined(*found))
    return Answer(tuple(unlisted_in(scope, public, type_) for type_ in _LEADING))


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


def any_serves_clients(context: Context, vms: PartialList) -> bool | Unknown:
    """Return whether some VMs include one of the deployment to which clients may be sent.

    An arbiter or async member counts too where it is known; a VM that may be one does not.
    """
    return any(roles_of(context, vm) for vm in vms.of_type(Resource)) or any_has_role(context, vms, _SERVED)


def any_has_role(context: Context, vms: PartialList, roles: Collection[Role]) -> bool | Unknown:
    """Return whether some VMs include one with one of some roles."""
    found = vms.of_type(Resource)
    if any(role in roles for vm in found for role in roles_of(context, vm)):
        return True
    unclear = (may_have_role(context, vm, roles) for vm in found)
    return vms.incomplete_because or next(filter(None, unclear), None) or False
