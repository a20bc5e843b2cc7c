"""Answers as bytes of HTTP."""

from __future__ import annotations

import gzip
import json
import uuid
from typing import Any

from aiohttp import web

from tests.arm import paging
from tests.arm.exchange import JSON, Answer, Call


def content(url: str, call: Call, answer: Answer) -> bytes:
    """Return the bytes of the body of an answer; `url` is the address of its pages."""
    body: Any = answer.body if answer.listing is None else paging.body(url, call, answer.listing)
    return body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()


def response(url: str, call: Call, answer: Answer) -> web.Response:
    """Return an answer, compressed where the client takes gzip, with the ids of the request."""
    body = content(url, call, answer)
    headers = {
        "Content-Type": JSON,
        "x-ms-request-id": str(uuid.uuid4()),
        "x-ms-correlation-request-id": call.headers.get("x-ms-correlation-request-id", str(uuid.uuid4())),
        **answer.headers,
    }
    if body and "gzip" in call.headers.get("accept-encoding", "") and "Content-Encoding" not in headers:
        headers["Content-Encoding"] = "gzip"
        body = gzip.compress(body, 1)
    return web.Response(status=answer.status, body=body, headers=headers)
