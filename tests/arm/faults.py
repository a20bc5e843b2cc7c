"""Faults between a client and Azure, and the requests that they affect."""

from __future__ import annotations

import enum
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tests.arm.exchange import Call


class Fault(enum.Enum):
    """A fault of a request; faults of pages do not change an answer that is no list."""

    UNAUTHORIZED = "401, the token is refused"
    EXPIRED = "401, the token has expired"
    FORBIDDEN = "403"
    FORBIDDEN_RETRY_AFTER = "403 with Retry-After"
    NOT_FOUND = "404"
    CONFLICT = "409, the provider is not registered"
    THROTTLED = "429 with Retry-After"
    THROTTLED_WITHOUT_RETRY_AFTER = "429 without Retry-After"
    INTERNAL_ERROR = "500"
    BAD_GATEWAY = "502 with HTML"
    UNAVAILABLE = "503 without a body"
    GATEWAY_TIMEOUT = "504"

    HTML = "200 with HTML"
    TRUNCATED = "200 with half of the JSON, of the length that its header says"
    NULL = "200 with null"
    ARRAY = "200 with an empty array"
    NO_VALUE = "200 with an empty object"
    VALUE_OBJECT = "200 where value is an object"
    WRONG_MEMBERS = "200 where value has members that are no resources"
    WRONG_ENCODING = "200 that says to be compressed and is not"

    EMPTY_PAGE = "a page without items, and then all the rest"
    REPEATED_PAGE = "the same page twice, and then all the rest"
    NEXT_ITSELF = "a nextLink to its own page"
    NEXT_LOOP = "nextLinks of two pages to each other"
    NEXT_FOREIGN = "a nextLink to another host"
    NEXT_HTTP = "a nextLink to http"

    RESET = "the connection is reset before the first byte"
    RESET_MIDWAY = "the connection is reset in the middle of the body"
    DRIP = "a body that never ends, byte by byte"
    SILENCE = "no answer, ever"
    REDIRECT = "307 to another host"


@dataclass(frozen=True)
class On:
    """Requests of which `PATH?QUERY` has a pattern, in any case; of these from the `first` on, so many `times`."""

    pattern: str
    first: int = 1
    times: int | None = None


DeclaredMember = Callable[[Call, int], Fault | None]
"""Decides for a request, with the number of requests to its address, this one included."""
Faults = Mapping[str | On, Fault] | DeclaredMember
"""A pattern alone is for all requests that match it; the first entry that matches decides."""


@dataclass
class Schedule:
    """Counts requests and chooses their faults."""

    _seen: Counter[str | On] = field(default_factory=Counter)

    def due(self, faults: Faults, call: Call) -> Fault | None:
        """Count a request and return its fault."""
        if not isinstance(faults, Mapping):
            self._seen[call.target] += 1
            return faults(call, self._seen[call.target])
        due = None
        for key, fault in faults.items():
            on = key if isinstance(key, On) else On(key)
            if not re.search(on.pattern, f"{call.path}?{call.query}", re.IGNORECASE):
                continue
            self._seen[on] += 1
            if (
                due is None
                and on.first <= self._seen[on]
                and (on.times is None or self._seen[on] < on.first + on.times)
            ):
                due = fault
        return due
