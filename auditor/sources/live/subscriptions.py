"""Subscriptions: those that the user asked for, and of all others the vaults, which may protect VMs of theirs."""

from __future__ import annotations

from typing import Final

from auditor.azure import arm
from auditor.azure.types.names import DISK, VAULT, VM
from auditor.errors import InputError
from auditor.snapshot.model import GapReason
from auditor.sources.live import reads
from auditor.sources.live.bodies import resource_of
from auditor.sources.live.client import ArmClient
from auditor.sources.live.completeness import read_access
from auditor.sources.live.lists import read_by_resource_graph, read_list_with_children
from auditor.sources.live.responses import OTHER_TENANT_HINT, NotReadError, NotSignedInError, UntrustedError
from auditor.sources.live.results import ReadResult, merged
from auditor.sources.live.virtual_machines import read_virtual_machines

_UNKNOWN_ID: Final = f"check the id of the subscription; {OTHER_TENANT_HINT}"


async def read_subscriptions(client: ArmClient, requested: tuple[str, ...]) -> ReadResult:
    """Read every list of the subscriptions with these ids, and the vaults of all others that the identity can see.

    Raises:
        InputError: the certificate of Azure Resource Manager is not trusted.
    """
    others = await _other_subscriptions(client, requested)
    return await merged(
        *(_read_subscription(client, subscription) for subscription in requested),
        *(_read_vaults(client, subscription) for subscription in others),
    )


async def _other_subscriptions(client: ArmClient, requested: tuple[str, ...]) -> list[str]:
    """Return the ids of the subscriptions that the identity can see besides the requested ones."""
    found: dict[str, None] = {}
    try:
        async for body in client.items(reads.SUBSCRIPTION.request("/subscriptions")):
            if isinstance(body, dict) and arm.is_id(body.get("id")):
                found[arm.key(str(body["id"]))] = None
    except UntrustedError as error:
        raise InputError(error.detail) from None
    except NotReadError as error:
        # No gap of what was requested: absence is never concluded from the vaults of other subscriptions.
        client.progress.missed("the list of subscriptions", str(error))
    return [subscription for subscription in found if subscription not in requested]


async def _read_subscription(client: ArmClient, subscription: str) -> ReadResult:
    """Read a subscription itself, and every list of it if the identity can see it."""
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
            return result
    access = await read_access(client, subscription, requested=True)
    others = (listing for type_, listing in reads.OF_SUBSCRIPTION.items() if type_ not in {VM, DISK})
    lists = await merged(
        read_virtual_machines(access),
        read_by_resource_graph(access),
        *(read_list_with_children(access, listing) for listing in others),
    )
    result.merge(lists)
    return result


async def _read_vaults(client: ArmClient, subscription: str) -> ReadResult:
    access = await read_access(client, subscription, requested=False)
    return await read_list_with_children(access, reads.OF_SUBSCRIPTION[VAULT])
