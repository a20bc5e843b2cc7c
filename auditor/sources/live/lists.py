"""Lists of a subscription, of what belongs to each resource of a list, and of Azure Resource Graph."""

from __future__ import annotations

from collections import Counter
from typing import Final

from auditor.azure import arm
from auditor.snapshot.model import Resource
from auditor.sources.live import reads
from auditor.sources.live.bodies import resource_of, resources_of
from auditor.sources.live.client import ArmClient
from auditor.sources.live.completeness import SubscriptionAccess
from auditor.sources.live.reads import Listing
from auditor.sources.live.responses import NotReadError
from auditor.sources.live.results import ReadResult, merged

LISTING_OF: Final = {listing.key: listing for listing in reads.LISTINGS if not listing.below}
"""The lists of a subscription, by type."""

_NO_FILE_SHARES: Final = frozenset({"featurenotsupportedforaccount", "operationnotallowedonkind"})
"""Error codes of storage accounts of a kind that has no file shares."""


async def read_list(access: SubscriptionAccess, listing: Listing) -> ReadResult:
    """Read a list of a subscription."""
    progress, name = access.client.progress, f"{listing.type} of {access.subscription}"
    progress.begins(name)
    result = ReadResult()
    try:
        async for found in resources_of(access.client, listing.of(access.subscription), listing.key):
            result.add_with_properties(found)
    except NotReadError as error:
        if result.resources or not error.not_registered:
            access.record_gap(result, listing.type, error, listing.action)
            return result
    if access.mark_complete(result, listing.type, listing.action):
        progress.read(name, len(result.resources))
    return result


async def read_list_with_children(access: SubscriptionAccess, listing: Listing) -> ReadResult:
    """Read a list of a subscription, and the lists that each of its resources has."""
    result = await read_list(access, listing)
    children = (_read_children(access, child, result) for child in reads.children_of(listing.key))
    result.merge(await merged(*children))
    return result


async def _read_children(access: SubscriptionAccess, listing: Listing, owners: ReadResult) -> ReadResult:
    result = await merged(*(_read_child(access.client, listing, owner) for owner in owners.resources.values()))
    if access.inherit_gap(result, listing.type, owners, listing.below) or result.incomplete:
        return result
    if access.mark_complete(result, listing.type, listing.action):
        access.client.progress.read(f"{listing.type} of {access.subscription}", len(result.resources))
    return result


async def _read_child(client: ArmClient, listing: Listing, owner: Resource) -> ReadResult:
    """Read the list, or the single resource, that belongs to a resource."""
    result = ReadResult()
    path = listing.of(owner.id)
    try:
        if listing.single:
            result.add_with_properties(resource_of(await client.get(path), f"GET {path}"))
        else:
            async for found in resources_of(client, path):
                result.add_with_properties(found)
    except NotReadError as error:
        if result.resources or error.code.lower() not in _NO_FILE_SHARES:
            result.record_gap(client.progress, owner.id, listing.type, error, listing.action)
            result.incomplete.add((arm.subscription_of(owner.key), listing.key))
    return result


async def read_by_resource_graph(access: SubscriptionAccess) -> ReadResult:
    """Read the types of which ARM has no list of a subscription."""
    progress, subscription = access.client.progress, access.subscription
    for type_ in reads.BY_GRAPH:
        progress.begins(f"{type_} of {subscription}")
    names = ", ".join(f"'{type_}'" for type_ in reads.BY_GRAPH)
    query = f"resources | where type in~ ({names}) | order by id asc"
    path = reads.GRAPH.of("")
    result = ReadResult()
    try:
        async for row in access.client.rows(path, arm.name_of(subscription), query):
            result.add_with_properties(resource_of(row, f"POST {path}"))
    except NotReadError as error:
        for type_ in reads.BY_GRAPH:
            access.record_gap(result, type_, error, reads.GRAPH.action)
        return result
    counts = Counter(found.type for found in result.resources.values())
    for type_ in reads.BY_GRAPH:
        if access.mark_complete(result, type_, f"{type_}/read"):
            progress.read(f"{type_} of {subscription}", counts[type_.lower()])
    return result
