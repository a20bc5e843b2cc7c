"""Lists of a subscription, and of what belongs to each resource of a list."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from auditor.azure import arm
from auditor.azure.types import ResourceType, children_of
from auditor.snapshot.model import Gap, GapReason, Resource
from auditor.sources.live.bodies import resource_of, resources_of
from auditor.sources.live.client import ArmClient
from auditor.sources.live.completeness import SubscriptionAccess
from auditor.sources.live.responses import NotReadError, UnknownTypeError
from auditor.sources.live.results import ReadResult, merged

_NO_FILE_SHARES: Final = frozenset({"featurenotsupportedforaccount", "operationnotallowedonkind"})
"""Error codes of storage accounts of a kind that has no file shares."""


async def read_list(access: SubscriptionAccess, listed: ResourceType) -> ReadResult:
    """Read a list of a subscription."""
    progress, name = access.client.progress, f"{listed.name} of {access.subscription}"
    progress.begins(name)
    result = ReadResult()
    try:
        async for found in resources_of(access.client, listed.request(access.subscription), listed.key):
            result.add_with_properties(found)
    except NotReadError as error:
        if isinstance(error, UnknownTypeError) and not result.resources:
            result.listed.add((access.subscription, listed.key))
            progress.read(name, 0)
            return result
        if result.resources or not error.not_registered:
            access.record_gap(result, listed.name, error, listed.action)
            return result
    if access.mark_complete(result, listed.name, listed.action):
        progress.read(name, len(result.resources))
    return result


async def read_list_with_children(access: SubscriptionAccess, listed: ResourceType) -> ReadResult:
    """Read a list of a subscription, the lists that each of its resources has, and so on."""
    result = await read_list(access, listed)
    result.merge(await _read_below(access, listed, result))
    return result


async def _read_below(access: SubscriptionAccess, listed: ResourceType, owners: ReadResult) -> ReadResult:
    """Read the lists that each resource of a list has, and the lists of their resources."""
    return await merged(*(_read_branch(access, child, owners) for child in children_of(listed.key)))


async def _read_branch(access: SubscriptionAccess, listed: ResourceType, owners: ReadResult) -> ReadResult:
    result = await _read_children(access, listed, owners)
    result.merge(await _read_below(access, listed, result))
    return result


async def _read_children(access: SubscriptionAccess, listed: ResourceType, owners: ReadResult) -> ReadResult:
    parents = [owner for owner in owners.resources.values() if listed.belongs_to(owner.body)]
    result = await merged(*(_read_child(access.client, listed, owner) for owner in parents))
    if access.inherit_gap(result, listed.name, owners, listed.parent) or result.incomplete:
        return result
    if access.mark_complete(result, listed.name, listed.action):
        access.client.progress.read(f"{listed.name} of {access.subscription}", len(result.resources))
    return result


async def _read_child(client: ArmClient, listed: ResourceType, owner: Resource) -> ReadResult:
    """Read the list, or the single resource, that belongs to a resource."""
    result = ReadResult()
    path = listed.request(owner.id)
    try:
        if listed.single:
            result.add_with_properties(resource_of(await client.get(path), f"GET {path}"))
        else:
            async for found in resources_of(client, path):
                result.add_with_properties(found)
    except NotReadError as error:
        none = isinstance(error, UnknownTypeError) or error.code.lower() in _NO_FILE_SHARES
        if result.resources or not none:
            result.record_gap(client.progress, owner.id, listed.name, error, listed.action)
            result.incomplete.add((arm.subscription_of(owner.key), listed.key))
    return result


def leave_out(access: SubscriptionAccess, left_out: Collection[ResourceType], *, anything: bool) -> ReadResult:
    """Record gaps of types that are not listed, and of what belongs to them, since Azure Resource Graph saw none.

    It may be behind, so that this proves nothing. `anything` is whether it saw any resource of a type that is listed.
    """
    saw = "none in it" if anything else "nothing in it that rules read"
    detail = (
        f"Azure Resource Graph saw {saw}, which may have changed since; without --trust-resource-graph it is listed"
    )
    result = ReadResult()
    if left_out:
        what = f"{len(left_out)} types of {access.subscription}"
        access.client.progress.missed(what, f"Azure Resource Graph saw {saw}")
    wanted = [*left_out]
    while wanted:
        listing = wanted.pop()
        wanted += children_of(listing.key)
        result.gaps.append(Gap(access.subscription, listing.name, GapReason.NOT_REQUESTED, detail=detail))
    return result
