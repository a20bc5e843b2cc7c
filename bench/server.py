"""Serves an estate as Azure does, in a separate process, until its standard input ends.

    python bench/server.py VMS VMS_PER_SUBSCRIPTION LATENCY

It is the server of the tests, which computes each list and each body once: a reader that comes again takes little of
its time. With a latency, in seconds, it also throttles requests as Azure does.
"""

from __future__ import annotations

import gzip
import json
import sys
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import estate

from auditor.azure import arm
from auditor.azure.types.names import GUEST_FILE, VM
from tests.arm import paging
from tests.arm.estate import Estate
from tests.arm.exchange import Answer, Call, RefusalError
from tests.arm.server import ArmServer
from tests.arm.throttle import Throttle
from tests.arm.wire import content

_ENCODING: Final = "Content-Encoding"


class CachingServer(ArmServer):
    """Computes each list and each body once."""

    def __post_init__(self) -> None:
        """Start with an empty cache."""
        super().__post_init__()
        self._lists: dict[str, Answer] = {}
        self._bodies: dict[str, Answer] = {}

    def answer(self, call: Call) -> Answer:
        """Answer with a body of the cache; otherwise as the base class does."""
        if not call.path.startswith("/subscriptions"):  # signing in, and queries
            return super().answer(call)
        try:
            known = self._bodies.get(call.target)
            if known is not None:
                return replace(known, headers={**known.headers, **self._take(call)})
            made = self._page(call)
        except RefusalError as refusal:
            return refusal.answer
        if made.status == HTTPStatus.OK:
            body = gzip.compress(content(self.url, call, made), 1)
            made = Answer(body=body, headers={**made.headers, _ENCODING: "gzip"})
            self._bodies[call.target] = made
        return made

    def _page(self, call: Call) -> Answer:
        """Answer with a page of a list in the cache; otherwise as the base class does."""
        own = "&".join(part for part in call.query.split("&") if "skiptoken" not in part.lower())
        known = self._lists.get(f"{call.path}?{own}")
        if known is not None and known.listing is not None:
            page = paging.listing(call, list(known.listing.items), self.page_size, "").listing
            assert page is not None  # noqa: S101 - what `listing` answers with
            return Answer(listing=page, headers=self._take(call))
        made = super().answer(call)
        if made.listing is not None:
            self._lists[f"{call.path}?{own}"] = made
        return made


def served(vms: int, per_subscription: int) -> Estate:
    """Return the estate of a size, without tags of VMs, so that no role is declared and no VM is read by itself.

    Azure has no files from inside VMs.
    """
    built = estate.build(vms, per_subscription=per_subscription)
    found = Estate()
    for resource in built.resources:
        if resource.type == GUEST_FILE:
            continue
        found.add({name: value for name, value in resource.body.items() if name != "tags" or resource.type != VM})
    return found


def main() -> None:
    """Serve, and print the address and credentials as one line of JSON."""
    vms, per_subscription, latency = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    found = served(vms, per_subscription)
    with CachingServer(found, latency=latency, throttle=Throttle() if latency else None) as server:
        about = {
            "url": server.url,
            "ca": str(server.ca_file),
            "audience": server.audience.rstrip("/"),
            "environment": server.environment,
            "subscriptions": [
                key.rsplit("/", 1)[-1] for key in found.resources if arm.type_of(key) == arm.SUBSCRIPTION
            ],
        }
        print(json.dumps(about), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
