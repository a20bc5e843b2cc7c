"""Reading from Azure Resource Manager: one request, and lists of many pages, whatever goes wrong on the way."""

from __future__ import annotations

import asyncio
import datetime as dt
import email.utils
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
from azure.core.exceptions import AzureError, ClientAuthenticationError
from azure.core.rest import AsyncHttpResponse, HttpRequest

from auditor import arm
from auditor.collect.limits import Limiter
from auditor.collect.progress import Progress
from auditor.model import GapReason
from auditor.redaction import redact

AT_ONCE: Final = 16
"""Requests under way; ARM's bucket is empty before more of them would help."""
ATTEMPTS: Final = 5
"""How often a request is sent that fails for a while."""
LONGEST_WAIT: Final = 120.0
"""Seconds; Azure may ask for more, and what cannot be read until then is a gap."""
_REQUEST_TIMEOUT: Final = 90.0
"""Seconds from sending a request to the last byte of its answer: a page takes one or two."""
_BACKOFF: Final = 1.0
_PASSING: Final = frozenset({408, 429, 500, 502, 503, 504})
_OK: Final = 200
_MOST_PAGES: Final = 100_000
_MOST_ROWS: Final = 1_000
"""What Resource Graph gives at once."""

_BODY: Final = msgspec.json.Decoder()


Send = Callable[..., Awaitable[AsyncHttpResponse]]
"""What sends a request: the public method of every client of the SDK."""


class NotReadError(Exception):
    """Something could not be read, with the reason as a gap carries it."""

    def __init__(self, reason: GapReason, code: str = "", detail: str = "") -> None:
        """Keep the reason, Azure's own code, and a sentence for a human."""
        super().__init__(detail or code or reason.value)
        self.reason = reason
        self.code = code
        self.detail = detail


class Reader:
    """Reads from one ARM endpoint within a time."""

    def __init__(
        self, endpoint: str, send_of: Callable[[str], Send], limiter: Limiter, progress: Progress, deadline: float
    ) -> None:
        """Take the endpoint, the client that sends for each provider, and the loop's time at which it is over."""
        self._endpoint = urlsplit(endpoint)
        self._base = endpoint.rstrip("/")
        self._send_of = send_of
        self._limiter = limiter
        self._progress = progress
        self._deadline = deadline
        self._connections = asyncio.Semaphore(AT_ONCE)  # the wait for one is not a wait for Azure
        self.calls = 0
        self.retries = 0

    async def get(self, path: str) -> Any:  # noqa: ANN401 - JSON
        """Return the decoded answer to a GET.

        Raises:
            NotReadError: there is none that makes sense.
        """
        return await self._answer(path, HttpRequest("GET", self._base + path))

    async def items(self, path: str) -> AsyncIterator[Any]:
        """Yield the members of a list, whatever the number of its pages.

        Raises:
            NotReadError: a page is missing; what was yielded before is not all.
        """
        seen = {path}
        while path:
            page = await self.get(path)
            members = page.get("value") if isinstance(page, dict) else None
            if not isinstance(members, list):
                raise NotReadError(GapReason.MALFORMED, detail=f"the answer to {shown(path)} is no list")
            for member in members:
                yield member
            path = self._next(page.get("nextLink"), path)
            if path in seen:
                raise NotReadError(GapReason.MALFORMED, detail=f"the pages of {shown(path)} lead round in a circle")
            seen.add(path)
            if len(seen) > _MOST_PAGES:
                raise NotReadError(GapReason.MALFORMED, detail=f"the pages of {shown(path)} have no end")

    async def rows(self, path: str, question: Mapping[str, object]) -> AsyncIterator[Any]:
        """Yield the rows that answer a query of Resource Graph, the only thing that is not a GET.

        Raises:
            NotReadError: a page is missing, or there are not as many rows as Azure counts.
        """
        options: dict[str, object] = {"resultFormat": "objectArray", "$top": _MOST_ROWS}
        tokens: set[object] = set()
        ids: set[str] = set()
        while True:
            request = HttpRequest("POST", self._base + path, json={**question, "options": options})
            page = await self._answer(path, request)
            rows = page.get("data") if isinstance(page, dict) else None
            if not isinstance(rows, list):
                raise NotReadError(GapReason.MALFORMED, detail="the answer of Resource Graph has no data")
            for row in rows:
                ids.add(str(row.get("id")).lower() if isinstance(row, dict) else "")
                yield row
            token = page.get("$skipToken")
            if not token:
                break
            if token in tokens:
                raise NotReadError(GapReason.MALFORMED, detail="the pages of Resource Graph lead round in a circle")
            tokens.add(token)
            options["$skipToken"] = token
        if page.get("totalRecords") != len(ids):
            detail = f"Resource Graph counts {page.get('totalRecords')} resources and gave {len(ids)}"
            raise NotReadError(GapReason.MALFORMED, detail=detail)

    def _next(self, link: object, path: str) -> str:
        """Return the path of the next page, "" where there is none.

        A link to anywhere but the ARM endpoint itself is never followed: the token would go there too.
        """
        if link is None or link == "":
            return ""
        parts = urlsplit(link) if isinstance(link, str) else None
        if parts is None or (parts.scheme, parts.netloc.lower()) != (
            self._endpoint.scheme,
            self._endpoint.netloc.lower(),
        ):
            raise NotReadError(GapReason.MALFORMED, detail=f"the next page of {shown(path)} lies on another host")
        whole = f"{parts.path}?{parts.query}" if parts.query else parts.path
        return whole.removeprefix(self._endpoint.path.rstrip("/"))

    async def _answer(self, path: str, request: HttpRequest) -> Any:  # noqa: ANN401
        """Return the decoded answer to a request that is sent again while what fails may pass."""
        failure = NotReadError(GapReason.TIMEOUT, detail="the time was over before it was asked for")
        for attempt in range(ATTEMPTS):
            self.retries += attempt > 0
            try:
                async with asyncio.timeout_at(self._deadline):
                    await self._limiter.wait(path, self._progress.waits)
                    async with self._connections:
                        response = await self._sent(path, request)
            except TimeoutError:
                failure = NotReadError(failure.reason, failure.code, failure.detail) if attempt else failure
                raise failure from None
            except NotReadError as error:
                failure, wait = error, None
            else:
                if response.status_code == _OK:
                    try:
                        return _decoded(response, path)
                    except NotReadError as error:
                        failure, wait = error, None
                else:
                    failure, wait = _refusal(response, path), _retry_after(response.headers)
                    if response.status_code not in _PASSING:
                        raise failure
                    if wait is not None:
                        self._limiter.close(path, wait)
            if attempt + 1 == ATTEMPTS:
                break
            await self._pause(_BACKOFF * 2**attempt if wait is None else wait, failure)
        raise failure

    async def _pause(self, seconds: float, failure: NotReadError) -> None:
        """Wait before the next attempt, never past the deadline; jitter keeps requests that fail together apart."""
        seconds += random.uniform(0, min(seconds, 1.0))  # noqa: S311 - no secret
        if seconds > LONGEST_WAIT or asyncio.get_running_loop().time() + seconds > self._deadline:
            raise failure
        self._progress.waits(seconds)
        await asyncio.sleep(seconds)

    async def _sent(self, path: str, request: HttpRequest) -> AsyncHttpResponse:
        """Send a request once and read all of its answer."""
        self.calls += 1
        loop = asyncio.get_running_loop()
        begun = loop.time()
        try:
            async with asyncio.timeout(_REQUEST_TIMEOUT):
                response = await self._send_of(path)(request)
        except TimeoutError:
            if loop.time() >= self._deadline:
                raise
            raise NotReadError(GapReason.TIMEOUT, detail=f"{shown(path)} was not answered in time") from None
        except ClientAuthenticationError as error:
            raise NotReadError(GapReason.FORBIDDEN, "AuthenticationFailed", _line(error.message)) from None
        except (AzureError, OSError, ValueError, EOFError) as error:
            # aiohttp and the decompression of bodies raise what azure-core does not translate.
            detail = f"{shown(path)}: {type(error).__name__}: {_line(str(error))}"
            raise NotReadError(GapReason.UNAVAILABLE, detail=detail) from None
        self._progress.called(path, response.status_code, request_id(response.headers), loop.time() - begun)
        return response


def _decoded(response: AsyncHttpResponse, path: str) -> Any:  # noqa: ANN401
    try:
        return _BODY.decode(response.content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise NotReadError(GapReason.MALFORMED, detail=f"the answer to {shown(path)} is no JSON") from None


def _refusal(response: AsyncHttpResponse, path: str) -> NotReadError:
    """Return why an answer with another status than 200 is none."""
    status = response.status_code
    code = _code(response.content)
    if status in {401, 403}:
        return NotReadError(GapReason.FORBIDDEN, code or f"HTTP {status}")
    if status == 429:
        return NotReadError(GapReason.THROTTLED, code or "TooManyRequests")
    if code.lower() in _UNSUPPORTED:
        return NotReadError(GapReason.UNSUPPORTED, code)
    if 300 <= status < 400:
        return NotReadError(GapReason.MALFORMED, f"HTTP {status}", f"{shown(path)} was answered by a redirection")
    return NotReadError(GapReason.UNAVAILABLE, code or f"HTTP {status}")


_UNSUPPORTED: Final = frozenset(
    {"invalidresourcetype", "invalidresourcenamespace", "noregisteredproviderfound", "invalidapiversionparameter"}
)
"""Error codes by which a cloud says that it does not have a type, or not this version of its API."""


def _code(content: bytes) -> str:
    """Return Azure's error code in a body, "" where there is none."""
    try:
        body = _BODY.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    error = body.get("error", body) if isinstance(body, dict) else None
    code = error.get("code") if isinstance(error, dict) else None
    return _line(code) if isinstance(code, str) else ""


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Return how many seconds Azure asks to wait: a number, or a date as HTTP has it; None where it does not ask."""
    text = headers.get("Retry-After", "").strip()
    if text.isdecimal():
        return float(text)
    try:
        until = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=dt.UTC)
    return max(0.0, (until - dt.datetime.now(dt.UTC)).total_seconds())


def request_id(headers: Mapping[str, str]) -> str:
    """Return the id under which Azure's support finds a request."""
    return headers.get("x-ms-request-id", "") or headers.get("x-ms-correlation-request-id", "")


def shown(path: str) -> str:
    """Return a path as messages show it: without the token of a page, which is long and says nothing."""
    return str(redact(path.split("?", maxsplit=1)[0])) or arm.SUBSCRIPTION


def _line(text: str, most: int = 200) -> str:
    """Return a text of Azure's or of the SDK's as one short line without secrets."""
    return str(redact(" ".join(text.split())))[:most]
