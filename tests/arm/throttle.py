"""Azure Resource Manager's token bucket: as many requests as it holds, refilled at a rate."""

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
