"""Request rates: the limits of Azure as it states them, and the delays after it has refused requests."""

from __future__ import annotations

import asyncio
import contextlib
import math
import re
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Final, NamedTuple

from auditor.azure import arm
from auditor.sources.live import responses
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
    """Requests that it accepts at once, until a response states how many are left."""
    rate: float
    """Further requests that it accepts each second."""
    left: Callable[[Mapping[str, str]], int | None] = lambda _: None
    """Returns how many requests are left by the headers of a response, None if they do not say."""


def _limit(
    name: str, path: str, capacity: float, rate: float, left: Callable[[Mapping[str, str]], int | None] = lambda _: None
) -> Limit:
    return Limit(name, re.compile(path, re.IGNORECASE), capacity, rate, left)


ARM: Final = _limit("reads", "", 250, 25, responses.reads_left)
"""https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling"""

LIMITS: Final = (
    # https://learn.microsoft.com/azure/virtual-machines/compute-throttling-limits: 900 at once, 300 a minute
    _limit("lists of VMs", r"/providers/Microsoft\.Compute/virtualMachines$", 900, 5, responses.resource_reads_left),
    # Network: 10,000 reads in five minutes (the same page as ARM's); no header says how many are left
    _limit("Microsoft.Network", r"/providers/Microsoft\.Network/", 10_000, 10_000 / 300),
    # Storage: 100 lists and 800 reads in five minutes (the same page); no header says how many are left
    _limit("lists of storage accounts", r"/providers/Microsoft\.Storage/storageAccounts$", 100, 100 / 300),
    _limit("reads of storage accounts", r"/providers/Microsoft\.Storage/storageAccounts/", 800, 800 / 300),
    # https://learn.microsoft.com/azure/governance/resource-graph/concepts/guidance-for-throttled-requests
    _limit("Resource Graph", r"/providers/Microsoft\.ResourceGraph/", 15, 3, responses.queries_left),
    # All identities together have 15 times as much as one (the same page as ARM's).
    _limit("reads of all identities", "^/subscriptions/", 3750, 375, responses.reads_left_to_all),
    ARM,
)
"""Azure's limits for one identity in one subscription, the narrowest first; Resource Graph has one for the identity.

The numbers hold until Azure states what is left, which may be more: they differ between tenants and over the years.
"""

_ARM_CODES: Final = frozenset({"subscriptionrequeststhrottled", "tenantrequeststhrottled"})
"""Error codes if ARM's own bucket is empty; all others are of a resource provider, usually for one action."""
_SLACK: Final = 1.0
"""Seconds: requests sent one after the other may arrive together, so a bucket is never emptied completely."""
_REPORTED_WAIT: Final = 1.0
"""Seconds; shorter waits are not shown."""
_UNSTATED_RATE: Final = 1.0
"""Requests a second that a bucket is refilled by if Azure states what is left in it, and documents no rate."""


class Bucket:
    """One token bucket; times are those of the event loop, in seconds."""

    def __init__(self, capacity: float, rate: float, now: float) -> None:
        """Start full."""
        self._most = max(1.0, capacity - rate * _SLACK) if capacity < math.inf else capacity
        self._rate = rate
        self._level = self._most
        self._counted = now
        """The time of the level; if it is in the future, nothing is refilled before."""
        self._opens = now
        """No request is admitted before this time."""
        self._refusal: NotReadError | None = None
        self.taken = 0
        """How many requests have been sent."""
        self.under_way = 0
        """How many of them have no response yet."""
        self.turn = asyncio.Lock()
        """Held by the request that is next, which is the one that has waited longest."""

    def delay(self, now: float) -> float:
        """Return after how many seconds a request may be sent, if no other is sent before."""
        self._fill(now)
        missing = max(0.0, 1 - self._level)
        refilled = max(0.0, self._counted - now) + missing / self._rate if missing else 0.0
        return max(self._opens - now, refilled, 0.0)

    def take(self, now: float) -> None:
        """Count a request that is sent now."""
        self._fill(now)
        self._level -= 1
        self.taken += 1
        self.under_way += 1

    def learn(self, now: float, left: float, resets: float | None = None) -> None:
        """Record how many requests Azure accepts besides all that were sent.

        `resets` are the seconds until a window of time ends, before which nothing is refilled.
        """
        if self._rate == math.inf:
            self._rate, self._most = _UNSTATED_RATE, left
        self._fill(now)
        self._most = max(self._most, left)
        self._level = left if self._counted <= now else min(self._level, left)
        if resets is not None:
            self._counted = max(self._counted, now + resets)

    def close(self, now: float, until: float, refusal: NotReadError) -> None:
        """Admit no request before a time that Azure stated; the bucket is empty now and has one token then."""
        self._fill(now)
        self._level = min(self._level, 1)
        if until > self._opens:
            self._level = min(1.0, self._level + max(0.0, until - self._counted) * self._rate)
            self._counted = max(self._counted, until)
            self._opens = until
            self._refusal = refusal

    def refusal(self, until: float) -> NotReadError | None:
        """Return why no request is admitted before a time, None if one may be."""
        return self._refusal if self._opens > until else None

    def _fill(self, now: float) -> None:
        if now > self._counted:
            self._level = min(self._most, self._level + (now - self._counted) * self._rate)
            self._counted = now


class Admission:
    """A request that was admitted: what its response states is learnt by the buckets that count it."""

    def __init__(self, buckets: list[tuple[Limit, Bucket]]) -> None:
        """Take the buckets, from which the request was taken just now."""
        self._buckets = [(limit, bucket, bucket.taken, bucket.under_way) for limit, bucket in buckets]

    def learn(self, headers: Mapping[str, str]) -> None:
        """Learn what Azure has left, of which it may not have counted what was sent before and after this request."""
        now = asyncio.get_running_loop().time()
        for limit, bucket, taken, under_way in self._buckets:
            left = limit.left(headers)
            if left is not None:
                uncounted = under_way - 1 + bucket.taken - taken
                resets = responses.quota_resets(headers) if limit.left is responses.queries_left else None
                bucket.learn(now, left - uncounted, resets)


class Limiter:
    """Admits requests by the buckets of all subscriptions and the number of connections."""

    def __init__(self, limits: tuple[Limit, ...] = LIMITS) -> None:
        """Take the limits, that of ARM last."""
        self._limits = limits
        self._buckets: dict[tuple[str, str], Bucket] = {}
        self._connections = asyncio.Semaphore(MOST_CONNECTIONS)

    @contextlib.asynccontextmanager
    async def admitted(self, path: str, deadline: float, waiting: Callable[[float], None]) -> AsyncIterator[Admission]:
        """Hold a connection for a request as soon as Azure would accept it; `waiting` is told how many seconds remain.

        Requests of one type are admitted in their order, and the types in turn.

        Raises:
            NotReadError: Azure accepts none for longer than `LONGEST_WAIT`, or until the deadline.
        """
        limited = self._of(path)
        buckets = [bucket for _, bucket in limited]
        while not await self._connected(buckets, deadline, waiting):
            pass
        try:
            yield Admission(limited)
        finally:
            self._connections.release()
            for bucket in buckets:
                bucket.under_way -= 1

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
        buckets = [bucket for _, bucket in self._of(path)]
        refused = buckets[-1] if refusal.code.lower() in _ARM_CODES else buckets[0]
        refused.close(now, now + seconds, refusal)

    def _of(self, path: str) -> list[tuple[Limit, Bucket]]:
        """Return the buckets of a request, the narrowest first.

        That of its type has no limit but what Azure states; like all others, it may be closed.
        """
        now = asyncio.get_running_loop().time()
        path = path.lower().split("?", maxsplit=1)[0]
        subscription = arm.subscription_of(path)
        limits = [Limit(_type(path), ARM.concerns, math.inf, math.inf, responses.resource_reads_left)]
        limits += [limit for limit in self._limits if limit.concerns.search(path)]
        return [
            (limit, self._buckets.setdefault((limit.name, subscription), Bucket(limit.capacity, limit.rate, now)))
            for limit in limits
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
    """Return what a request reads: its path without names, and whether it is a list or one resource."""
    parts = path.rpartition("/providers/")[2].split("/")
    return "/".join([parts[0], *parts[1::2]]) + "/" * (len(parts) % 2)
