"""Proof that a list is complete.

With a role on some resource groups only, Azure answers 200 with a part of the list.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from auditor.azure import arm
from auditor.snapshot.model import GapReason
from auditor.sources.live import reads
from auditor.sources.live.client import ArmClient
from auditor.sources.live.permissions import grants
from auditor.sources.live.responses import NotReadError
from auditor.sources.live.results import ReadResult

_NOT_GRANTED: Final = "no role grants this on the whole subscription, so Azure may have left resources out of the list"
_NOT_KNOWN: Final = "the permissions of the identity are not known, so Azure may have left resources out of the list"


class SubscriptionAccess(msgspec.Struct, frozen=True):
    """A subscription to read, with the permissions that prove its lists complete."""

    client: ArmClient
    subscription: str
    requested: bool
    """Whether the user asked for it. Of other subscriptions only vaults are read, and a refusal there is no gap."""
    permissions: list[Any] | NotReadError
    """What the roles of the identity grant at the subscription itself, or why that is not known."""

    def record_gap(self, result: ReadResult, type_: str, error: NotReadError, permission: str) -> None:
        """Record that the resources of a type, or some of them, were not read."""
        if self.requested or error.reason is not GapReason.FORBIDDEN:
            result.record_gap(self.client.progress, self.subscription, type_, error, permission)

    def mark_complete(self, result: ReadResult, type_: str, permission: str) -> bool:
        """Mark a type as listed if the permissions prove it; else record a gap. Return whether they do."""
        call = f"GET {reads.PERMISSIONS.request(self.subscription)}"
        if isinstance(self.permissions, NotReadError):
            error = NotReadError(self.permissions.reason, self.permissions.code, _NOT_KNOWN, call)
            self.record_gap(result, type_, error, reads.PERMISSIONS.action)
            return False
        if not grants(self.permissions, permission):
            error = NotReadError(GapReason.FORBIDDEN, detail=_NOT_GRANTED, call=call)
            self.record_gap(result, type_, error, permission)
            return False
        result.listed.add((self.subscription, arm.canonical_type(type_)))
        return True

    def inherit_gap(self, result: ReadResult, type_: str, owners: ReadResult, *owner_types: str) -> bool:
        """Record the gap of the first owner type that is not listed: what belongs to its resources is not known either.

        Return whether there is such an owner type.
        """
        unlisted = [
            owner for owner in map(arm.canonical_type, owner_types) if (self.subscription, owner) not in owners.listed
        ]
        for gap in owners.gaps:
            if gap.scope == self.subscription and arm.canonical_type(gap.what) in unlisted[:1]:
                detail = f"it is read for each of {gap.what}, and not all of those were listed"
                result.gaps.append(msgspec.structs.replace(gap, what=type_, detail=detail))
        return bool(unlisted)


async def read_access(client: ArmClient, subscription: str, *, requested: bool) -> SubscriptionAccess:
    """Return a subscription with what the identity may read in it."""
    permissions: list[Any] | NotReadError
    try:
        permissions = [entry async for entry in client.items(reads.PERMISSIONS.request(subscription))]
    except NotReadError as error:
        permissions = error
    return SubscriptionAccess(client, subscription, requested, permissions)
