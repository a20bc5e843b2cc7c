"""Subscriptions: those that the user asked for, and of all others the vaults, which may protect VMs of theirs."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from auditor.azure import arm
from auditor.azure.types.names import DISK, VAULT, VM
from auditor.errors import InputError
from auditor.snapshot.model import GapReason
from auditor.sources.live import reads
from auditor.sources.live.bodies import resource_of
from auditor.sources.live.client import ArmClient
from auditor.sources.live.completeness import SubscriptionAccess, read_access
from auditor.sources.live.lists import read_list_with_children
from auditor.sources.live.resource_graph import MOST_SUBSCRIPTIONS, query_resources, read_rows
from auditor.sources.live.responses import OTHER_TENANT_HINT, NotReadError, NotSignedInError, UntrustedError
from auditor.sources.live.results import ReadResult, merged
from auditor.sources.live.scopes import seen
from auditor.sources.live.virtual_machines import read_virtual_machines

_UNKNOWN_ID: Final = f"check the id of the subscription; {OTHER_TENANT_HINT}"
_AT_ONCE: Final = 32
"""Subscriptions whose lists are read at the same time: enough for all connections, whatever ARM's buckets hold."""


async def read_subscriptions(client: ArmClient, requested: tuple[str, ...]) -> ReadResult:
    """Read every list of the subscriptions with these ids, and the vaults of all others that the identity can see.

    Raises:
        InputError: the certificate of Azure Resource Manager is not trusted.
    """
    others = await _other_subscriptions(client, requested)
    groups = [requested[at : at + MOST_SUBSCRIPTIONS] for at in range(0, len(requested), MOST_SUBSCRIPTIONS)]
    return await merged(
        *(_read_group(client, group) for group in groups),
        *(_read_vaults(client, subscription) for subscription in others),
    )


async def _other_subscriptions(client: ArmClient, requested: tuple[str, ...]) -> list[str]:
    """Return the ids of the subscriptions that the identity can see besides the requested ones."""
    found: dict[str, None] = {}
    try:
        async for body in seen(client):
            found[arm.key(body["id"])] = None
    except UntrustedError as error:
        raise InputError(error.detail) from None
    except NotReadError as error:
        # No gap of what was requested: absence is never concluded from the vaults of other subscriptions.
        client.progress.missed("the list of subscriptions", str(error))
    return [subscription for subscription in found if subscription not in requested]


async def _read_group(client: ArmClient, subscriptions: tuple[str, ...]) -> ReadResult:
    """Read every list of subscriptions that one query of Azure Resource Graph can take."""
    opened = await asyncio.gather(*(_open(client, subscription) for subscription in subscriptions))
    result = ReadResult()
    result.merge(*(found for found, _ in opened))
    accesses = [access for _, access in opened if access is not None]
    result.merge(await _read_lists(client, accesses) if accesses else ReadResult())
    return result


async def _read_lists(client: ArmClient, accesses: Sequence[SubscriptionAccess]) -> ReadResult:
    """Read every list of subscriptions that the identity can see."""

    async def lists(access: SubscriptionAccess) -> ReadResult:
        async with at_once:
            others = (listing for type_, listing in reads.OF_SUBSCRIPTION.items() if type_ not in {VM, DISK})
            return await merged(
                read_virtual_machines(access), *(read_list_with_children(access, listing) for listing in others)
            )

    async def by_graph() -> ReadResult:
        rows = await query_resources(client, [access.subscription for access in accesses])
        result = ReadResult()
        result.merge(*(read_rows(access, rows) for access in accesses))
        return result

    at_once = asyncio.Semaphore(_AT_ONCE)
    return await merged(by_graph(), *map(lists, accesses))


async def _open(client: ArmClient, subscription: str) -> tuple[ReadResult, SubscriptionAccess | None]:
    """Read a subscription itself, and what the identity may read in it; None if the identity cannot see it."""
    path = reads.SUBSCRIPTION.request(subscription)
    result = ReadResult()
    try:
        result.add(resource_of(await client.get(path), f"GET {path}"))
    except NotReadError as error:
        hidden = error.not_found or error.reason is GapReason.FORBIDDEN or isinstance(error, NotSignedInError)
        failure = NotReadError(error.reason, error.code, _UNKNOWN_ID, error.call) if error.not_found else error
        what = arm.SUBSCRIPTION if hidden else "properties"
        result.record_gap(client.progress, subscription, what, failure, reads.SUBSCRIPTION.action)
        if hidden:
            return result, None
    return result, await read_access(client, subscription, requested=True)


async def _read_vaults(client: ArmClient, subscription: str) -> ReadResult:
    access = await read_access(client, subscription, requested=False)
    return await read_list_with_children(access, reads.OF_SUBSCRIPTION[VAULT])
