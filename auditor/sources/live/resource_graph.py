"""Azure Resource Graph: rows of many subscriptions by few queries."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Final

import msgspec

from auditor.azure import arm
from auditor.snapshot.model import Resource
from auditor.sources.live import reads
from auditor.sources.live.bodies import resource_of, text_at
from auditor.sources.live.client import ArmClient
from auditor.sources.live.completeness import SubscriptionAccess
from auditor.sources.live.responses import NotReadError
from auditor.sources.live.results import ReadResult

MOST_SUBSCRIPTIONS: Final = 250
"""Subscriptions of one query; Microsoft recommends fewer than 300:
https://learn.microsoft.com/azure/governance/resource-graph/concepts/guidance-for-throttled-requests
"""


class GraphRows(msgspec.Struct, frozen=True):
    """The resources of some subscriptions whose types ARM lists only for each VM or each resource group."""

    resources: dict[str, list[Resource]]
    """By the key of the subscription."""
    error: NotReadError | None = None
    """Why there may be more of them, in any of the subscriptions."""


async def query_resources(client: ArmClient, subscriptions: Sequence[str]) -> GraphRows:
    """Query the types of which ARM has no list of a subscription, in at most `MOST_SUBSCRIPTIONS` of them."""
    names = ", ".join(f"'{declared.name}'" for declared in reads.BY_GRAPH)
    query = f"resources | where type in~ ({names}) | order by id asc"
    path = reads.GRAPH.request("")
    found: dict[str, list[Resource]] = defaultdict(list)
    if not subscriptions:
        return GraphRows(found)
    try:
        async for row in client.rows(path, [arm.name_of(subscription) for subscription in subscriptions], query):
            resource = resource_of(row, f"POST {path}")
            found[arm.subscription_of(resource.key)].append(resource)
    except NotReadError as error:
        return GraphRows(found, error)
    return GraphRows(found)


async def query_types(client: ArmClient, subscriptions: Sequence[str]) -> dict[str, set[str]] | None:
    """Query which types there are in each of at most `MOST_SUBSCRIPTIONS`; return None if it is not known."""
    query = (
        "resources | distinct subscriptionId, type | extend id = strcat(subscriptionId, '/', type) | order by id asc"
    )
    if not subscriptions:
        return None
    found: dict[str, set[str]] = {subscription: set() for subscription in subscriptions}
    names = [arm.name_of(subscription) for subscription in subscriptions]
    try:
        async for row in client.rows(reads.GRAPH.request(""), names, query):
            scope = f"/subscriptions/{text_at(row, 'subscriptionId').lower()}"
            found.setdefault(scope, set()).add(text_at(row, "type").lower())
    except NotReadError as error:
        client.progress.missed("the types of resources by Azure Resource Graph", f"{error}; every type is listed")
        return None
    return found


def read_rows(access: SubscriptionAccess, rows: GraphRows) -> ReadResult:
    """Return the rows of a subscription, with the types that they prove listed."""
    progress, subscription = access.client.progress, access.subscription
    result = ReadResult()
    for resource in rows.resources.pop(subscription, ()):
        result.add_with_properties(resource)
    counts = Counter(resource.type for resource in result.resources.values())
    for declared in reads.BY_GRAPH:
        if rows.error is not None:
            access.record_gap(result, declared.name, rows.error, reads.GRAPH.action)
        elif access.mark_complete(result, declared.name, declared.action):
            progress.read(f"{declared.name} of {subscription}", counts[declared.key])
    return result
