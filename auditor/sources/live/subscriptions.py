"""Subscriptions: those that the user asked for, and of all others the vaults, which may protect VMs of theirs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Final

from auditor.azure import arm
from auditor.azure.types.names import DISK, VAULT, VM
from auditor.errors import InputError
from auditor.snapshot.model import GapReason
from auditor.sources.live import reads
from auditor.sources.live.bodies import resource_of
from auditor.sources.live.client import ArmClient
from auditor.sources.live.completeness import SubscriptionAccess, read_access
from auditor.sources.live.lists import leave_out, read_list_with_children
from auditor.sources.live.resource_graph import MOST_SUBSCRIPTIONS, query_resources, query_types, read_rows
from auditor.sources.live.responses import OTHER_TENANT_HINT, NotReadError, NotSignedInError, UntrustedError
from auditor.sources.live.results import ReadResult, merged
from auditor.sources.live.scopes import seen
from auditor.sources.live.virtual_machines import read_virtual_machines

_UNKNOWN_ID: Final = f"check the id of the subscription; {OTHER_TENANT_HINT}"
Keep = Callable[[str, ReadResult], Awaitable[None]]
"""Keeps what was read of the subscription with a key."""
_AT_ONCE: Final = 32
"""Subscriptions whose lists are read at the same time: enough for all connections, whatever ARM's buckets hold."""


async def read_subscriptions(client: ArmClient, requested: tuple[str, ...], *, trusting: bool = False) -> ReadResult:
    """Read every list of the subscriptions with these ids, and the vaults of all others that the identity can see.

    See `read_each` for `trusting`.

    Raises:
        InputError: the certificate of Azure Resource Manager is not trusted.
    """
    found: dict[str, ReadResult] = {}

    async def keep(subscription: str, result: ReadResult) -> None:
        found[subscription] = result

    result = await read_other_vaults(client, requested)
    await read_each(client, requested, keep, trusting=trusting)
    result.merge(*(found[subscription] for subscription in requested))
    return result


async def read_other_vaults(client: ArmClient, requested: Collection[str]) -> ReadResult:
    """Read the vaults of all subscriptions that the identity can see besides the requested ones.

    Raises:
        InputError: the certificate of Azure Resource Manager is not trusted.
    """
    others = await _other_subscriptions(client, requested)
    return await merged(*(_read_vaults(client, subscription) for subscription in others))


async def read_each(client: ArmClient, subscriptions: Sequence[str], keep: Keep, *, trusting: bool = False) -> None:
    """Read every list of subscriptions, and let each one be kept as soon as all of it is read.

    So many are held at the same time as are read at the same time, with what Azure Resource Graph returned of others.
    If `trusting`, types of which Azure Resource Graph saw no resource, and on whose absence no outcome rests, are gaps.
    """
    at_once = asyncio.Semaphore(_AT_ONCE)
    for first in range(0, len(subscriptions), MOST_SUBSCRIPTIONS):
        group = subscriptions[first : first + MOST_SUBSCRIPTIONS]
        await _read_group(client, group, keep, at_once, trusting=trusting)


async def _read_group(
    client: ArmClient, subscriptions: Sequence[str], keep: Keep, at_once: asyncio.Semaphore, *, trusting: bool
) -> None:
    """Read every list of subscriptions that one query of Azure Resource Graph can take."""
    opened = await asyncio.gather(*(_open(client, subscription) for subscription in subscriptions))
    names = [access.subscription for _, access in opened if access is not None]

    async def read(subscription: str, own: ReadResult, access: SubscriptionAccess | None) -> None:
        result = ReadResult()  # forgotten once it is kept, as `opened` is not
        result.merge(own)
        async with at_once:
            if access is not None:
                seen = (await types or {}).get(subscription)
                result.merge(await _read_lists(access, seen), read_rows(access, await rows))
            await keep(subscription, result)

    try:
        async with asyncio.TaskGroup() as group:
            types = group.create_task(query_types(client, names if trusting else ()))
            rows = group.create_task(query_resources(client, names))
            for subscription, (result, access) in zip(subscriptions, opened, strict=True):
                group.create_task(read(subscription, result, access))
    except ExceptionGroup as failed:  # one error, such as a file that cannot be written, has ended all tasks
        raise failed.exceptions[0] from None


async def _read_lists(access: SubscriptionAccess, seen: Collection[str] | None) -> ReadResult:
    """Read the lists of a subscription that the identity can see, in which `seen` types are; all if that is unknown."""
    lists, left_out = [], []
    for type_, listing in reads.OF_SUBSCRIPTION.items():
        if seen is None or type_ in seen or type_ in reads.LISTED_IN_ANY_CASE:
            lists.append(listing)
        else:
            left_out.append(listing)
    others = (listing for listing in lists if listing.key not in {VM, DISK})
    result = await merged(
        read_virtual_machines(access), *(read_list_with_children(access, listing) for listing in others)
    )
    result.merge(leave_out(access, left_out, anything=not reads.OF_SUBSCRIPTION.keys().isdisjoint(seen or ())))
    return result


async def _other_subscriptions(client: ArmClient, requested: Collection[str]) -> list[str]:
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
