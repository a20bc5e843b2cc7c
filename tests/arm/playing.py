"""Playing a fault: what it changes in an answer, and in the connection."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from aiohttp import web

from tests.arm import paging, refusals
from tests.arm.exchange import Answer, Call, Listing, error
from tests.arm.faults import Fault
from tests.arm.wire import content, response

DRIP_SECONDS: Final = 0.05
"""Seconds between two bytes of a body that never ends."""

_HONEST: Final = "honest"
"""The mark of pages without a fault, so that a list ends."""
_ROUND: Final = {"there": "back", "back": "there"}
"""The marks of the two pages of a loop."""

_ERRORS: Final = {
    Fault.FORBIDDEN: (403, "AuthorizationFailed"),
    Fault.FORBIDDEN_RETRY_AFTER: (403, "AuthorizationFailed"),
    Fault.NOT_FOUND: (404, "ResourceNotFound"),
    Fault.CONFLICT: (409, "MissingSubscriptionRegistration"),
    Fault.THROTTLED: (429, "SubscriptionRequestsThrottled"),
    Fault.THROTTLED_WITHOUT_RETRY_AFTER: (429, "TooManyRequests"),
    Fault.INTERNAL_ERROR: (500, "InternalServerError"),
    Fault.GATEWAY_TIMEOUT: (504, "GatewayTimeout"),
}
_HTML: Final = b"<!DOCTYPE html><html><head><title>Service unavailable</title></head></html>"
_ANSWERS: Final[Mapping[Fault, Answer]] = {
    **{fault: error(status, code, fault.value) for fault, (status, code) in _ERRORS.items()},
    Fault.UNAUTHORIZED: refusals.INVALID_TOKEN.error().answer,
    Fault.EXPIRED: refusals.EXPIRED_TOKEN.error(end="earlier", now="later").answer,
    Fault.BAD_GATEWAY: Answer(502, _HTML, {"Content-Type": "text/html"}),
    Fault.UNAVAILABLE: Answer(503, b""),
    Fault.HTML: Answer(200, _HTML, {"Content-Type": "text/html"}),
    Fault.NULL: Answer(body=None),
    Fault.ARRAY: Answer(body=[]),
    Fault.NO_VALUE: Answer(body={}),
    Fault.VALUE_OBJECT: Answer(body={"value": {"0": {"id": "/subscriptions/0"}}}),
    Fault.WRONG_MEMBERS: Answer(body={"value": [None, 7, "text", [], {"id": 7}, {"properties": {}}]}),
    Fault.RESET: Answer(0),
    Fault.SILENCE: Answer(0),
}
_RETRY_AFTER: Final = {Fault.FORBIDDEN_RETRY_AFTER, Fault.THROTTLED}


@dataclass(frozen=True)
class Places:
    """The addresses to which a fault may send a client."""

    own: str
    foreign: str
    http: str


def mended(call: Call) -> bool:
    """Return whether a request follows a link after which no further fault is played."""
    return paging.mark(call) == _HONEST


def looped(call: Call) -> bool:
    """Return whether a request follows a link of a loop."""
    return paging.mark(call) in _ROUND


def altered(fault: Fault, places: Places, retry_after: str, call: Call, answer: Answer) -> Answer:
    """Return an answer changed by a fault; `retry_after` is the value of the header."""
    if fault in _ANSWERS:
        fixed = _ANSWERS[fault]
        return replace(fixed, headers={**fixed.headers, "Retry-After": retry_after}) if fault in _RETRY_AFTER else fixed
    if fault in _LINKS and answer.listing is not None:
        return replace(answer, listing=None, body=_LINKS[fault](places, call, answer.listing))
    if fault is Fault.TRUNCATED:
        whole = content(places.own, call, answer)
        return replace(answer, listing=None, body=whole[: len(whole) // 2])
    if fault is Fault.WRONG_ENCODING:
        return replace(answer, headers={**answer.headers, "Content-Encoding": "gzip"})
    if fault is Fault.REDIRECT:
        return Answer(307, b"", {"Location": places.foreign + call.target})
    return answer


async def play(
    fault: Fault | None, request: web.Request, places: Places, call: Call, answer: Answer
) -> web.StreamResponse:
    """Send an answer, or apply a fault to the connection."""
    match fault:
        case Fault.RESET:
            _reset(request)
        case Fault.SILENCE:
            await asyncio.Event().wait()
        case Fault.RESET_MIDWAY:
            whole = content(places.own, call, answer)
            stream = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": str(len(whole))})
            await stream.prepare(request)
            await stream.write(whole[: len(whole) // 2])
            _reset(request)
        case Fault.DRIP:
            stream = web.StreamResponse(headers={"Content-Type": "application/json"})
            await stream.prepare(request)
            await stream.write(b'{"value": [')
            while True:
                await asyncio.sleep(DRIP_SECONDS)
                await stream.write(b" ")
    return response(places.own, call, answer)


def _reset(request: web.Request) -> None:
    """Close a connection so that the client gets a reset.

    Raises:
        ConnectionResetError: always, since the connection is closed.
    """
    assert request.transport is not None
    connection = request.transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    request.transport.abort()
    raise ConnectionResetError


def _empty(places: Places, call: Call, page: Listing) -> dict[str, Any]:
    return {"value": [], "nextLink": paging.link(places.own, call, page, page.at, _HONEST)}


def _repeated(places: Places, call: Call, page: Listing) -> dict[str, Any]:
    return {"value": page.value, "nextLink": paging.link(places.own, call, page, page.at, _HONEST)}


def _itself(places: Places, call: Call, page: Listing) -> dict[str, Any]:
    return {"value": page.value, "nextLink": places.own + call.target}


def _loop(places: Places, call: Call, page: Listing) -> dict[str, Any]:
    onwards = _ROUND.get(paging.mark(call), "there")
    return {"value": page.value, "nextLink": paging.link(places.own, call, page, page.at, onwards)}


def _foreign(places: Places, call: Call, page: Listing) -> dict[str, Any]:
    return {"value": page.value, "nextLink": paging.link(places.foreign, call, page, page.at + page.size)}


def _http(places: Places, call: Call, page: Listing) -> dict[str, Any]:
    return {"value": page.value, "nextLink": paging.link(places.http, call, page, page.at + page.size)}


_LINKS: Final = {
    Fault.EMPTY_PAGE: _empty,
    Fault.REPEATED_PAGE: _repeated,
    Fault.NEXT_ITSELF: _itself,
    Fault.NEXT_LOOP: _loop,
    Fault.NEXT_FOREIGN: _foreign,
    Fault.NEXT_HTTP: _http,
}
