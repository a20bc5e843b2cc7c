"""Management groups: their list, what is below them, and the roles that are inherited from them.

https://learn.microsoft.com/rest/api/managementgroups/management-groups/get-descendants
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from tests.arm.estate import Body, Estate, ManagementGroup
from tests.arm.exchange import RefusalError
from tests.arm.identity import Identity

LIST = ["providers", "microsoft.management", "managementgroups"]
READ = "Microsoft.Management/managementGroups/read"
READ_DESCENDANTS = "Microsoft.Management/managementGroups/descendants/read"
_TYPE = "Microsoft.Management/managementGroups"

Groups = Mapping[str, ManagementGroup]


def scope(name: str) -> str:
    return f"/providers/{_TYPE}/{name}"


def listed(groups: Groups, name: str) -> Body:
    """Return a management group as the list has it."""
    properties = {"tenantId": Identity.tenant_id, "displayName": groups[name].name}
    return {"id": scope(name), "type": _TYPE, "name": name, "properties": properties}


def descendants(groups: Groups, name: str, estate: Estate) -> list[Body]:
    """Return everything below a management group, whether the identity may read it or not.

    Raises:
        RefusalError: 404, there is no such management group.
    """
    own = next((group for group in groups if group.lower() == name.lower()), None)
    if own is None:
        raise RefusalError(404, "NotFound", f"'{scope(name)}' not found")
    found = []
    for group in _at_and_below(groups, own):
        for guid in groups[group].subscriptions:
            body = estate.find(f"/subscriptions/{guid}") or {"displayName": ""}
            properties = {"displayName": body["displayName"], "parent": {"id": scope(group)}}
            found.append(
                {"id": f"/subscriptions/{guid}", "type": "/subscriptions", "name": guid, "properties": properties}
            )
        if group != own:
            properties = {"displayName": groups[group].name, "parent": {"id": scope(groups[group].parent)}}
            found.append({"id": scope(group), "type": _TYPE, "name": group, "properties": properties})
    return found


def inherited(identity: Identity, estate: Estate) -> Identity:
    """Return the identity with the roles that everything below a management group inherits from it."""
    groups = estate.management_groups
    roles = [
        replace(role, scope=below)
        for role in identity.roles
        for group in groups
        if role.scope.lower() == scope(group).lower()
        for below in _scopes(groups, group)
    ]
    return replace(identity, roles=(*identity.roles, *roles))


def _scopes(groups: Groups, name: str) -> Iterator[str]:
    for group in _at_and_below(groups, name):
        yield from (f"/subscriptions/{guid}" for guid in groups[group].subscriptions)
        if group != name:
            yield scope(group)


def _at_and_below(groups: Groups, name: str) -> Iterator[str]:
    yield name
    for group, about in groups.items():
        if about.parent == name:
            yield from _at_and_below(groups, group)
