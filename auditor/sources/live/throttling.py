"""Request rates: the limits of Azure, and the delays after it has refused requests."""

from __future__ import annotations

import asyncio
import contextlib
import math
import re
from collections.abc import AsyncIterator, Callable
from typing import Final, NamedTuple

from auditor.azure import arm
from auditor.sources.live.responses import NotReadError

MOST_CONNECTIONS: Final = 16
"""Requests at the same time; with more of them ARM's bucket would only be empty earlier."""
LONGEST_WAIT: Final = 600.0
"""Seconds to wait for Azure's limits, most of which count over five minutes; if Azure asks for more, there is a gap."""


class Limit(NamedTuple):
    """A token bucket of Azure."""

    name: str
    concerns: re.Pattern[str]
    """Matches the paths, without query, of the requests that it counts."""
    capacity: float
    """Requests that it accepts at once."""
    rate: float
    """Further requests that it accepts each second."""


def _limit(name: str, path: str, capacity: float, rate: float) -> Limit:
    return Limit(name, re.compile(path, re.IGNORECASE), capacity, rate)


ARM: Final = _limit("reads", "", 250, 25)
"""https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling"""

LIMITS: Final = (
    # https://learn.microsoft.com/azure/virtual-machines/compute-throttling-limits: 900 at once, 300 a minute
    _limit("lists of VMs", r"/providers/Microsoft\.Compute/virtualMachines$", 900, 5),
    # Network: 10,000 reads in five minutes (the same page as ARM's)
    _limit("Microsoft.Network", r"/providers/Microsoft\.Network/", 10_000, 10_000 / 300),
    # Storage: 100 lists and 800 reads in five minutes (the same page)
    _limit("lists of storage accounts", r"/providers/Microsoft\.Storage/storageAccounts$", 100, 100 / 300),
    _limit("reads of storage accounts", r"/providers/Microsoft\.Storage/storageAccounts/", 800, 800 / 300),
    # https://learn.microsoft.com/azure/governance/resource-graph/concepts/guidance-for-throttled-requests
    _limit("Resource Graph", r"/providers/Microsoft\.ResourceGraph/", 15, 3),
    ARM,
)
"""Azure's limits for one identity in one subscription, the narrowest first; Resource Graph has one for the identity."""

_ARM_CODES: Final = frozenset({"subscriptionrequeststhrottled", "tenantrequeststhrottled"})
"""Error codes if ARM's own bucket is empty; all others are of a resource provider, usually for one action."""
_SLACK: Final = 1.0
"""Seconds: requests sent one after the other may arrive together, so a bucket is never emptied completely."""
_REPORTED_WAIT: Final = 1.0
"""Seconds; shorter waits are not shown."""


class Bucket:
    """One token bucket; times are those of the event loop, in seconds."""

    def __init__(self, capacity: float, rate: float, now: float) -> None:
        """Start full."""
        self._most = max(1.0, capacity - rate * _SLACK) if capacity < math.inf else capacity
        self._rate = rate
        self._level = self._most
        self._counted = now
        self._refusal: NotReadError | None = None
        self.turn = asyncio.Lock()
        """Held by the request that is next, which is the one that has waited longest."""

    def delay(self, now: float) -> float:
        """Return after how many seconds a request may be sent, if no other is sent before."""
        self._fill(now)
        return max(0.0, self._counted - now) + max(0.0, 1 - self._level) / self._rate

    def take(self, now: float) -> None:
        """Count a request that is sent now."""
        self._fill(now)
        self._level -= 1

    def lower(self, now: float, left: float) -> None:
        """Record that no more than this is left: other programs take from it too."""
        self._fill(now)
        self._level = min(self._level, left)

    def close(self, now: float, until: float, refusal: NotReadError) -> None:
        """Admit no request before a time that Azure stated; the bucket is empty now and has one token then."""
        self.lower(now, 1)
        if until > self._counted:
            self._level = min(1.0, self._level + (until - self._counted) * self._rate)
            self._counted = until
            self._refusal = refusal

    def refusal(self, until: float) -> NotReadError | None:
        """Return why no request is admitted before a time, None if one may be."""
        return self._refusal if self._counted > until else None

    def _fill(self, now: float) -> None:
        if now > self._counted:
            self._level = min(self._most, self._level + (now - self._counted) * self._rate)
            self._counted = now


class Limiter:
    """Admits requests by the buckets of all subscriptions and the number of connections."""

    def __init__(self, limits: tuple[Limit, ...] = LIMITS) -> None:
        """Take the limits, that of ARM last."""
        self._limits = limits
        self._buckets: dict[tuple[str, str], Bucket] = {}
        self._connections = asyncio.Semaphore(MOST_CONNECTIONS)

    @contextlib.asynccontextmanager
    async def admitted(self, path: str, deadline: float, waiting: Callable[[float], None]) -> AsyncIterator[None]:
        """Hold a connection for a request as soon as Azure would accept it; `waiting` is told how many seconds remain.

        Requests of one type are admitted in their order, and the types in turn.

        Raises:
            NotReadError: Azure accepts none for longer than `LONGEST_WAIT`, or until the deadline.
        """
        while not await self._connected(self._of(path), deadline, waiting):
            pass
        try:
            yield
        finally:
            self._connections.release()

    async def _connected(self, buckets: list[Bucket], deadline: float, waiting: Callable[[float], None]) -> bool:
        """Wait for all buckets, then for a connection. Return whether it is held: a bucket may be closed meanwhile."""
        loop = asyncio.get_running_loop()
        async with contextlib.AsyncExitStack() as turns:
            for bucket in buckets:
                await turns.enter_async_context(bucket.turn)
                await _open(bucket, deadline, waiting)
            await self._connections.acquire()
            now = loop.time()
            if any(bucket.delay(now) > 0 for bucket in buckets):
                self._connections.release()
                return False
            for bucket in buckets:
                bucket.take(now)
            return True

    def close(self, path: str, seconds: float, refusal: NotReadError) -> None:
        """Delay all requests that count against the same limit as one that Azure has refused."""
        now = asyncio.get_running_loop().time()
        buckets = self._of(path)
        refused = buckets[-1] if refusal.code.lower() in _ARM_CODES else buckets[0]
        refused.close(now, now + seconds, refusal)

    def learn(self, path: str, left: int) -> None:
        """Record how many reads ARM has left: other programs of the same identity take from its bucket.

        ARM may not have counted the requests under way.
        """
        self._of(path)[-1].lower(asyncio.get_running_loop().time(), left - MOST_CONNECTIONS)

    def _of(self, path: str) -> list[Bucket]:
        """Return the buckets of a request, the narrowest first. That of its type is never empty, but may be closed."""
        now = asyncio.get_running_loop().time()
        path = path.lower().split("?", maxsplit=1)[0]
        subscription = arm.subscription_of(path)
        wanted = [(_type(path), math.inf, math.inf)]
        wanted += [(limit.name, limit.capacity, limit.rate) for limit in self._limits if limit.concerns.search(path)]
        return [
            self._buckets.setdefault((name, subscription), Bucket(capacity, rate, now))
            for name, capacity, rate in wanted
        ]


async def _open(bucket: Bucket, deadline: float, waiting: Callable[[float], None]) -> None:
    """Wait until a bucket has a token.

    Raises:
        NotReadError: Azure accepts no request for longer than `LONGEST_WAIT`, or until the deadline.
    """
    loop = asyncio.get_running_loop()
    while (delay := bucket.delay(now := loop.time())) > 0:
        refusal = bucket.refusal(min(deadline, now + LONGEST_WAIT))
        if refusal is not None:
            raise NotReadError(refusal.reason, refusal.code, refusal.detail)
        if delay > _REPORTED_WAIT:
            waiting(delay)
        await asyncio.sleep(delay)


def _type(path: str) -> str:
    """Return the type that a request reads: its path without names."""
    parts = path.rpartition("/providers/")[2].split("/")
    return "/".join([parts[0], *parts[1::2]])
