"""How fast Azure may be asked, so that it need not say no, and whom it holds back where it does."""

from __future__ import annotations

import asyncio
import contextlib
import math
import re
from collections.abc import AsyncIterator, Callable
from typing import Final, NamedTuple

from auditor.azure import arm
from auditor.sources.live.responses import NotReadError

AT_ONCE: Final = 16
"""Requests under way; ARM's bucket is empty before more of them would help."""
LONGEST_WAIT: Final = 600.0
"""Seconds; Azure may ask for more, and what cannot be read until then is a gap. Most of its limits are by five minutes.
"""


class Limit(NamedTuple):
    """A token bucket that Azure keeps."""

    name: str
    concerns: re.Pattern[str]
    """What the path of a request looks like that it counts, without the query."""
    capacity: float
    """How many requests may come at once."""
    rate: float
    """How many more a second may follow."""


def _limit(name: str, path: str, capacity: float, rate: float) -> Limit:
    return Limit(name, re.compile(path, re.IGNORECASE), capacity, rate)


ARM: Final = _limit("reads", "", 250, 25)
"""https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling"""

LIMITS: Final = (
    # https://learn.microsoft.com/azure/virtual-machines/compute-throttling-limits: 900 at once, 300 a minute
    _limit("lists of machines", r"/providers/Microsoft\.Compute/virtualMachines$", 900, 5),
    # Network: 10,000 reads in five minutes (the same page as ARM's)
    _limit("Microsoft.Network", r"/providers/Microsoft\.Network/", 10_000, 10_000 / 300),
    # Storage: 100 lists and 800 reads in five minutes (the same page)
    _limit("lists of storage accounts", r"/providers/Microsoft\.Storage/storageAccounts$", 100, 100 / 300),
    _limit("reads of storage accounts", r"/providers/Microsoft\.Storage/storageAccounts/", 800, 800 / 300),
    # https://learn.microsoft.com/azure/governance/resource-graph/concepts/guidance-for-throttled-requests
    _limit("Resource Graph", r"/providers/Microsoft\.ResourceGraph/", 15, 3),
    ARM,
)
"""Azure's limits for one identity, by subscription, the narrowest first; Resource Graph's is one for the identity."""

_ARM_REFUSES: Final = frozenset({"subscriptionrequeststhrottled", "tenantrequeststhrottled"})
"""Error codes by which ARM's own bucket is empty; all others are of a provider, for one action as a rule."""
_SLACK: Final = 1.0
"""Seconds: requests that are sent apart may arrive together, so that a bucket is never emptied to its bottom."""
_LONG: Final = 1.0
"""Seconds; nobody is told of a shorter wait."""


class Bucket:
    """One token bucket; its time is that of the event loop, in seconds."""

    def __init__(self, capacity: float, rate: float, now: float) -> None:
        """Begin full."""
        self._most = max(1.0, capacity - rate * _SLACK) if capacity < math.inf else capacity
        self._rate = rate
        self._level = self._most
        self._counted = now
        self._refusal: NotReadError | None = None
        self.turn = asyncio.Lock()
        """Whoever has it is next; it goes to the one who has waited longest."""

    def delay(self, now: float) -> float:
        """Return in how many seconds a request may be sent if no other is sent before."""
        self._fill(now)
        return max(0.0, self._counted - now) + max(0.0, 1 - self._level) / self._rate

    def take(self, now: float) -> None:
        """Count a request that is sent now."""
        self._fill(now)
        self._level -= 1

    def lower(self, now: float, left: float) -> None:
        """Note that no more than this is left, since others take from it too."""
        self._fill(now)
        self._level = min(self._level, left)

    def close(self, now: float, until: float, refusal: NotReadError) -> None:
        """Let nobody through before a time, since Azure said so; it is empty now, and has one token then."""
        self.lower(now, 1)
        if until > self._counted:
            self._level = min(1.0, self._level + (until - self._counted) * self._rate)
            self._counted = until
            self._refusal = refusal

    def refusal(self, until: float) -> NotReadError | None:
        """Return why nobody is let through before a time, or None where somebody may be."""
        return self._refusal if self._counted > until else None

    def _fill(self, now: float) -> None:
        if now > self._counted:
            self._level = min(self._most, self._level + (now - self._counted) * self._rate)
            self._counted = now


class Limiter:
    """The buckets of all subscriptions, and the connections."""

    def __init__(self, limits: tuple[Limit, ...] = LIMITS) -> None:
        """Take the limits to keep to, that of ARM last."""
        self._limits = limits
        self._buckets: dict[tuple[str, str], Bucket] = {}
        self._connections = asyncio.Semaphore(AT_ONCE)

    @contextlib.asynccontextmanager
    async def admitted(self, path: str, deadline: float, waiting: Callable[[float], None]) -> AsyncIterator[None]:
        """Hold a connection for a request from when Azure would take it; `waiting` is told how many seconds that takes.

        Requests of a type go in the order in which they came, and types take turns.

        Raises:
            NotReadError: Azure takes none for longer than is waited for.
        """
        while not await self._connected(self._of(path), deadline, waiting):
            pass
        try:
            yield
        finally:
            self._connections.release()

    async def _connected(self, buckets: list[Bucket], deadline: float, waiting: Callable[[float], None]) -> bool:
        """Wait for all buckets and then for a connection; it is given back where a bucket was closed meanwhile."""
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
        """Hold back all requests that count against the same limit as one which Azure has refused."""
        now = asyncio.get_running_loop().time()
        buckets = self._of(path)
        refused = buckets[-1] if refusal.code.lower() in _ARM_REFUSES else buckets[0]
        refused.close(now, now + seconds, refusal)

    def learn(self, path: str, left: int) -> None:
        """Note how many more reads ARM would take at once: other programs of the same identity take from its bucket.

        What is under way may not be counted yet.
        """
        self._of(path)[-1].lower(asyncio.get_running_loop().time(), left - AT_ONCE)

    def _of(self, path: str) -> list[Bucket]:
        """Return the buckets of a request, the narrowest first: that of its type is only ever closed, never empty."""
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
        NotReadError: Azure takes none for longer than is waited for.
    """
    loop = asyncio.get_running_loop()
    while (delay := bucket.delay(now := loop.time())) > 0:
        refusal = bucket.refusal(min(deadline, now + LONGEST_WAIT))
        if refusal is not None:
            raise NotReadError(refusal.reason, refusal.code, refusal.detail)
        if delay > _LONG:
            waiting(delay)
        await asyncio.sleep(delay)


def _type(path: str) -> str:
    """Return which type of what a request is for: its path without the names."""
    parts = path.rpartition("/providers/")[2].split("/")
    return "/".join([parts[0], *parts[1::2]])
