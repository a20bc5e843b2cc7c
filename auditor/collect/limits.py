"""How fast Azure may be asked, so that it need not say no."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Final, NamedTuple

from auditor import arm


class Limit(NamedTuple):
    """A token bucket that Azure keeps."""

    name: str
    concerns: re.Pattern[str]
    """What the path of a request looks like that it counts."""
    capacity: float
    """How many requests may come at once."""
    rate: float
    """How many more a second may follow."""


def _limit(name: str, path: str, capacity: float, rate: float) -> Limit:
    return Limit(name, re.compile(path, re.IGNORECASE), capacity, rate)


LIMITS: Final = (
    # https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling
    _limit("reads", "", 250, 25),
    # https://learn.microsoft.com/azure/virtual-machines/compute-throttling-limits: 900 at once, 300 a minute
    _limit("lists of machines", r"/providers/Microsoft\.Compute/virtualMachines(\?|$)", 900, 5),
    # Network: 10,000 reads in five minutes (the same page as ARM's)
    _limit("Microsoft.Network", r"/providers/Microsoft\.Network/", 10_000, 10_000 / 300),
    # Storage: 100 lists and 800 reads in five minutes (the same page)
    _limit("lists of storage accounts", r"/providers/Microsoft\.Storage/storageAccounts(\?|$)", 100, 100 / 300),
    _limit("reads of storage accounts", r"/providers/Microsoft\.Storage/storageAccounts/", 800, 800 / 300),
    # https://learn.microsoft.com/azure/governance/resource-graph/concepts/guidance-for-throttled-requests
    _limit("Resource Graph", r"/providers/Microsoft\.ResourceGraph/", 15, 3),
)
"""Azure's limits for one identity, by subscription; Resource Graph's is one for the identity."""


class Bucket:
    """One token bucket; its time is that of the event loop, in seconds."""

    def __init__(self, limit: Limit, now: float) -> None:
        """Begin full."""
        self._limit = limit
        self._tokens = limit.capacity
        self._counted = now
        self._closed_until = now

    def take(self, now: float) -> float:
        """Take a token; return how many seconds to wait before asking, which are reserved for the caller."""
        self._tokens = min(self._limit.capacity, self._tokens + (now - self._counted) * self._limit.rate) - 1
        self._counted = now
        return max(-self._tokens / self._limit.rate, self._closed_until - now, 0.0)

    def close(self, until: float) -> None:
        """Let nobody through before a time, since Azure said so."""
        self._closed_until = max(self._closed_until, until)


class Limiter:
    """The buckets of all subscriptions."""

    def __init__(self, limits: tuple[Limit, ...] = LIMITS) -> None:
        """Take the limits to keep to."""
        self._limits = limits
        self._buckets: dict[tuple[str, str], Bucket] = {}

    def _of(self, path: str) -> list[Bucket]:
        now = asyncio.get_running_loop().time()
        subscription = arm.subscription_of(path.lower())
        return [
            self._buckets.setdefault((limit.name, subscription), Bucket(limit, now))
            for limit in self._limits
            if limit.concerns.search(path)
        ]

    async def wait(self, path: str, waiting: Callable[[float], None]) -> None:
        """Wait until a request may be sent; `waiting` is told for how many seconds where it takes long."""
        loop = asyncio.get_running_loop()
        delay = max((bucket.take(loop.time()) for bucket in self._of(path)), default=0.0)
        if delay > _LONG:
            waiting(delay)
        if delay > 0:
            await asyncio.sleep(delay)

    def close(self, path: str, seconds: float) -> None:
        """Hold back all requests that count against the narrowest limit of one which Azure has refused."""
        self._of(path)[-1].close(asyncio.get_running_loop().time() + seconds)


_LONG: Final = 1.0
