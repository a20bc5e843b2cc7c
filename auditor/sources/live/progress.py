"""Progress: what is told while subscriptions are read."""

from __future__ import annotations

from typing import Protocol

import msgspec


class Amount(msgspec.Struct, frozen=True):
    """What was read, and what it cost."""

    identity: str
    """Who read it, as Azure names the principal."""
    resources: int
    gaps: int
    calls: int
    retries: int
    seconds: float


class Progress(Protocol):
    """Shows progress. Texts may come from Azure or a user."""

    def begins(self, what: str) -> None:
        """Tell that something is being read now."""

    def read(self, what: str, count: int) -> None:
        """Tell that it was read completely, and how many items it has."""

    def missed(self, what: str, why: str) -> None:
        """Tell that it was not read, or not completely."""

    def waits(self, seconds: float) -> None:
        """Tell that no request is sent for some seconds, because of Azure's limits or before another attempt."""

    def called(self, path: str, status: int, request_id: str, seconds: float) -> None:
        """Tell that Azure has answered a request."""
