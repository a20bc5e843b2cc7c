"""Reading from Azure Resource Manager: one request, and lists of many pages, whatever goes wrong on the way."""

from __future__ import annotations

import asyncio
import random
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

from azure.core.exceptions import AzureError, ClientAuthenticationError
from azure.core.rest import AsyncHttpResponse, HttpRequest

from auditor.snapshot.model import GapReason
from auditor.sources.live import responses
from auditor.sources.live.progress import Progress
from auditor.sources.live.responses import NotReadError, NotSignedInError, line, shown, untrusted
from auditor.sources.live.throttling import LONGEST_WAIT, Limiter

ATTEMPTS: Final = 5
"""How often a request is sent that fails for a while; being refused for its rate is no failure of its own."""
_REQUEST_TIMEOUT: Final = 90.0
"""Seconds from sending a request to the last byte of its answer: a page takes one or two, and ARM gives up after 60."""
_BACKOFF: Final = 1.0
"""Seconds before a second attempt; each further one waits twice as long."""
_MOST_PAGES: Final = 100_000
_MOST_ROWS: Final = 1_000
"""What Resource Graph gives at once."""

Send = Callable[..., Awaitable[AsyncHttpResponse]]
"""What sends a request: the public method of every client of the SDK."""


class _PassingError(Exception):
    """An attempt has failed, and another may not."""

    def __init__(self, failure: NotReadError, asked: float | None = None) -> None:
        """Keep what the failure is if it does not pass, and how many seconds Azure asks to wait."""
        super().__init__(str(failure))
        self.failure = failure
        self.asked = asked


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
        self.calls = 0
        self.retries = 0

    async def get(self, path: str) -> Any:  # noqa: ANN401 - JSON
        """Return the decoded answer to a GET.

        Raises:
            NotReadError: there is none that makes sense.
        """
        return await self._answer(path, self._request("GET", path))

    async def items(self, path: str) -> AsyncIterator[Any]:
        """Yield the members of a list, whatever the number of its pages.

        Raises:
            NotReadError: a page is missing; what was yielded before is not all.
        """
        seen: set[str] = set()
        onwards: str | None = path
        while onwards is not None:
            _turn(seen, onwards, shown(path))
            page = await self.get(onwards)
            members = page.get("value") if isinstance(page, dict) else None
            if not isinstance(members, list):
                raise NotReadError(GapReason.MALFORMED, detail=f"the answer to {shown(onwards)} is no list")
            for member in members:
                yield member
            onwards = self._next(page.get("nextLink"), path)

    async def rows(self, path: str, question: Mapping[str, object]) -> AsyncIterator[Any]:
        """Yield the rows that answer a query of Resource Graph, the only thing that is not a GET.

        Raises:
            NotReadError: a page is missing, or there are not as many rows as Azure counts.
        """
        options: dict[str, object] = {"resultFormat": "objectArray", "$top": _MOST_ROWS}
        seen: set[str] = set()
        ids: set[str] = set()
        while True:
            page = await self._answer(path, self._request("POST", path, {**question, "options": options}))
            rows = page.get("data") if isinstance(page, dict) else None
            if not isinstance(rows, list):
                raise NotReadError(GapReason.MALFORMED, detail="the answer of Resource Graph has no data")
            for row in rows:
                ids.add(str(row.get("id")).lower() if isinstance(row, dict) else "")
                yield row
            token = page.get("$skipToken")
            if not token:
                break
            _turn(seen, str(token), "Resource Graph")
            options["$skipToken"] = token
        if page.get("totalRecords") != len(ids):
            detail = f"Resource Graph counts {page.get('totalRecords')} resources and gave {len(ids)}"
            raise NotReadError(GapReason.MALFORMED, detail=detail)

    def _request(self, method: str, path: str, body: object = None) -> HttpRequest:
        """Return a request. The SDK fills in what stands in braces in its address, so that they are written otherwise.

        Compression is gzip or none: what servers call deflate is one of two formats, and the SDK reads the rarer one.
        """
        url = (self._base + path).replace("{", "%7B").replace("}", "%7D")
        return HttpRequest(method, url, headers={"Accept-Encoding": "gzip"}, json=body)

    def _next(self, link: object, path: str) -> str | None:
        """Return the path of the next page of a list, None where there is none.

        A link to anywhere but the ARM endpoint itself is never followed: the token would go there too. There, any path
        will do, since providers spell those of their pages as they like.
        """
        if link is None or link == "":
            return None
        parts = self._own(link)
        if parts is None:
            raise NotReadError(GapReason.MALFORMED, detail=f"the next page of {shown(path)} lies on another host")
        whole = f"{parts.path}?{parts.query}" if parts.query else parts.path
        return whole.removeprefix(self._endpoint.path.rstrip("/"))

    def _own(self, link: object) -> SplitResult | None:
        """Return the parts of a link to the ARM endpoint, None for any other."""
        try:
            parts = urlsplit(link) if isinstance(link, str) else None
            return parts if parts is not None and _origin(parts) == _origin(self._endpoint) else None
        except ValueError:  # a host or a port that is none
            return None

    async def _answer(self, path: str, request: HttpRequest) -> Any:  # noqa: ANN401
        """Return the decoded answer to a request that is sent again while what fails may pass."""
        loop = asyncio.get_running_loop()
        failure = NotReadError(GapReason.TIMEOUT, detail=f"the time was over before {shown(path)} was answered")
        failures, waited, backoff = 0, 0.0, _BACKOFF
        while loop.time() < self._deadline:
            try:
                async with (
                    asyncio.timeout_at(self._deadline),
                    self._limiter.admitted(path, self._deadline, self._progress.waits),
                ):
                    return await self._attempt(path, request)
            except TimeoutError:
                break
            except _PassingError as passing:
                failure, asked = passing.failure, passing.asked
            throttled = failure.reason is GapReason.THROTTLED
            if throttled or asked is not None:
                self._limiter.close(path, backoff if asked is None else asked, failure)
            # Jitter keeps apart what failed together.
            pause = backoff + random.uniform(0, min(backoff, 1.0))  # noqa: S311 - no secret
            backoff *= 2
            failures += not throttled
            closed = max(pause, asked or 0.0)
            waited += closed
            if failures == ATTEMPTS or waited > LONGEST_WAIT or loop.time() + closed >= self._deadline:
                break
            self._progress.waits(pause)
            await asyncio.sleep(pause)
            self.retries += 1
        raise failure

    async def _attempt(self, path: str, request: HttpRequest) -> Any:  # noqa: ANN401
        """Send a request once and return its decoded answer.

        Raises:
            NotReadError: there is none, and another attempt would not help.
            _PassingError: there is none, and another attempt may help.
        """
        response = await self._sent(path, request)
        left = responses.reads_left(response.headers)
        if left is not None:
            self._limiter.learn(path, left)
        if response.status_code == responses.OK:
            try:
                return responses.decoded(response, path)
            except NotReadError as cut:
                raise _PassingError(cut) from None
        failure = responses.refusal(response, path)
        if response.status_code in responses.PASSING:
            raise _PassingError(failure, responses.retry_after(response.headers))
        raise failure

    async def _sent(self, path: str, request: HttpRequest) -> AsyncHttpResponse:
        """Send a request once and read all of its answer."""
        self.calls += 1
        loop = asyncio.get_running_loop()
        begun = loop.time()
        try:
            async with asyncio.timeout(_REQUEST_TIMEOUT):
                response = await self._send_of(path)(request)
        except TimeoutError:
            detail = f"{shown(path)} was not answered within {_REQUEST_TIMEOUT:.0f} seconds"
            raise _PassingError(NotReadError(GapReason.TIMEOUT, detail=detail)) from None
        except ClientAuthenticationError as error:
            raise NotSignedInError("AuthenticationFailed", line(error.message)) from None
        except (AzureError, OSError, ValueError, zlib.error) as error:  # the last where a body is not what it claims
            if why := untrusted(str(error)):
                raise NotReadError(GapReason.UNAVAILABLE, detail=f"{self._base} cannot be read: {why}") from None
            detail = f"{shown(path)}: {type(error).__name__}: {line(str(error))}"
            raise _PassingError(NotReadError(GapReason.UNAVAILABLE, detail=detail)) from None
        headers = response.headers
        self._progress.called(path, response.status_code, responses.request_id(headers), loop.time() - begun)
        return response


def _origin(parts: SplitResult) -> tuple[str, str | None, int]:
    """Return the scheme, host and port of an address.

    Raises:
        ValueError: the port is none.
    """
    return parts.scheme, parts.hostname, parts.port or 443


def _turn(seen: set[str], page: str, what: str) -> None:
    """Note that a page is next.

    Raises:
        NotReadError: it has been there before, or there were too many.
    """
    if page in seen:
        raise NotReadError(GapReason.MALFORMED, detail=f"the pages of {what} lead round in a circle")
    if len(seen) == _MOST_PAGES:
        raise NotReadError(GapReason.MALFORMED, detail=f"the pages of {what} have no end")
    seen.add(page)
