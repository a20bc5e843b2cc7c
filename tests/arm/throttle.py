"""The limits of Azure Resource Manager, a token bucket, and of Azure Resource Graph, a quota for a window of time."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field

from tests.arm.exchange import RefusalError


@dataclass
class Throttle:
    """Number of reads that each subscription allows in a burst, and number of further reads per second."""

    capacity: int = 250
    rate: float = 25.0
    _levels: dict[str, tuple[float, float]] = field(default_factory=dict)
    """The level of each bucket, and the time of that level."""

    def take(self, subscription: str) -> int:
        """Take one request from a bucket and return how many are left.

        Raises:
            RefusalError: 429, the bucket is empty; a request that is refused costs nothing.
        """
        now = time.monotonic()
        level, since = self._levels.get(subscription, (float(self.capacity), now))
        level = min(float(self.capacity), level + (now - since) * self.rate)
        if level < 1:
            self._levels[subscription] = (level, now)
            wait = max(1, math.ceil((1 - level) / self.rate))
            message = (
                f"Number of 'read' requests for subscription '{subscription}' exceeded the limit of "
                f"'{self.capacity}'. Please try again after '{wait}' seconds."
            )
            headers = {"Retry-After": str(wait), "x-ms-ratelimit-remaining-subscription-reads": "0"}
            raise RefusalError(429, "SubscriptionRequestsThrottled", message, headers)
        self._levels[subscription] = (level - 1, now)
        return int(level - 1)


@dataclass
class Quota:
    """Azure Resource Graph's quota: number of queries that one user may send in each window of time.

    https://learn.microsoft.com/azure/governance/resource-graph/concepts/guidance-for-throttled-requests
    """

    most: int = 15
    seconds: float = 5.0
    _taken: int = 0
    _begun: float = -math.inf

    def take(self) -> dict[str, str]:
        """Take one query and return the headers that say what is left, and when all of it is there again.

        Raises:
            RefusalError: 429, nothing is left.
        """
        now = time.monotonic()
        if now >= self._begun + self.seconds:
            self._taken, self._begun = 0, now
        wait = max(1, math.ceil(self._begun + self.seconds - now))
        headers = {"x-ms-user-quota-resets-after": f"{wait // 3600:02}:{wait // 60 % 60:02}:{wait % 60:02}"}
        if self._taken == self.most:
            headers["x-ms-user-quota-remaining"] = "0"
            raise RefusalError(429, "RateLimiting", "Client is being rate limited.", headers)
        self._taken += 1
        return {**headers, "x-ms-user-quota-remaining": str(self.most - self._taken)}
