"""Requests to Azure Resource Manager: single resources, lists of many pages, and retries."""

from __future__ import annotations

import asyncio
import contextlib
import random
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

from azure.core.exceptions import AzureError, ClientAuthenticationError
from azure.core.rest import AsyncHttpResponse, HttpRequest

from auditor.snapshot.model import GapReason
from auditor.sources.live import responses
from auditor.sources.live.progress import Progress
from auditor.sources.live.responses import NotReadError, NotSignedInError, UntrustedError, line, shown, tls_hint
from auditor.sources.live.throttling import LONGEST_WAIT, Admission, Limiter

ATTEMPTS: Final = 5
"""How often a request is sent whose failures may pass. A refusal for too many requests is not counted."""
_REQUEST_TIMEOUT: Final = 90.0
"""Seconds from sending a request to the last byte of its response: a page takes one or two, and ARM gives up after 60.
"""
_BACKOFF: Final = 1.0
"""Seconds before the second attempt; each further attempt waits twice as long."""
_MOST_PAGES: Final = 100_000
_MOST_ROWS: Final = 1_000
"""Rows that Resource Graph returns in one page."""

Send = Callable[..., Awaitable[AsyncHttpResponse]]
"""Sends a request: the public method of every client of the SDK."""


class _TransientError(Exception):
    """An attempt has failed, and another may succeed."""

    def __init__(self, failure: NotReadError, retry_after: float | None = None) -> None:
        """Keep the failure in case no attempt succeeds, and how many seconds Azure asks to wait."""
        super().__init__(str(failure))
        self.failure = failure
        self.retry_after = retry_after


class ArmClient:
    """Reads from one Azure Resource Manager endpoint until a deadline."""

    def __init__(
        self, endpoint: str, send_of: Callable[[str], Send], limiter: Limiter, progress: Progress, deadline: float
    ) -> None:
        """Prepare; `send_of` returns what sends a request to a path, `deadline` is a time of the event loop."""
        self.progress = progress
        self.calls = 0
        self.retries = 0
        self._endpoint = urlsplit(endpoint)
        self._base = endpoint.rstrip("/")
        self._send_of = send_of
        self._limiter = limiter
        self._deadline = deadline

    async def get(self, path: str) -> Any:  # noqa: ANN401 - JSON
        """Return the decoded response to a GET.

        Raises:
            NotReadError: there is none, or it is not JSON.
        """
        with _call_of_errors(f"GET {path}"):
            return await self._read(path, self._request("GET", path))

    async def items(self, path: str) -> AsyncIterator[Any]:
        """Yield the items of a list of any number of pages.

        Raises:
            NotReadError: a page is missing; the items before it were yielded.
        """
        seen: set[str] = set()
        next_page: str | None = path
        with _call_of_errors(f"GET {path}"):
            while next_page is not None:
                _guard_against_page_loops(seen, next_page, shown(path))
                page = await self._read(next_page, self._request("GET", next_page))
                items = page.get("value") if isinstance(page, dict) else None
                if not isinstance(items, list):
                    raise NotReadError(GapReason.MALFORMED, detail=f"the answer to {shown(next_page)} is not a list")
                for item in items:
                    yield item
                next_page = self._next(page.get("nextLink"), path)

    async def rows(self, path: str, subscriptions: Sequence[str], query: str) -> AsyncIterator[Any]:
        """Yield the rows that answer a query of Azure Resource Graph in subscriptions, the only POST.

        Each row has an id of its own. Of subscriptions that the identity may not read, Azure returns no rows.

        Raises:
            NotReadError: a page is missing, or the number of rows is not the one that Azure states.
        """
        options: dict[str, object] = {"resultFormat": "objectArray", "$top": _MOST_ROWS}
        question = {"subscriptions": [*subscriptions], "query": query, "options": options}
        seen: set[str] = set()
        ids: set[str] = set()
        with _call_of_errors(f"POST {path}"):
            while True:
                page = await self._read(path, self._request("POST", path, question))
                rows = page.get("data") if isinstance(page, dict) else None
                if not isinstance(rows, list):
                    raise NotReadError(GapReason.MALFORMED, detail="the answer of Azure Resource Graph has no data")
                for row in rows:
                    ids.add(str(row.get("id")).lower() if isinstance(row, dict) else "")
                    yield row
                token = page.get("$skipToken")
                if not token:
                    if str(page.get("resultTruncated")).lower() == "true":
                        detail = "Azure Resource Graph returned a part of the rows, and no further page"
                        raise NotReadError(GapReason.MALFORMED, detail=detail)
                    break
                _guard_against_page_loops(seen, str(token), "Azure Resource Graph")
                options["$skipToken"] = token
            if page.get("totalRecords") != len(ids):
                total = page.get("totalRecords")
                detail = f"Azure Resource Graph stated {total} resources and returned {len(ids)}"
                raise NotReadError(GapReason.MALFORMED, detail=detail)

    def _request(self, method: str, path: str, body: object = None) -> HttpRequest:
        """Return a request, with braces in its URL escaped: the SDK would take them for places to fill in.

        Only gzip is accepted: servers call two formats deflate, and the SDK reads the rarer one.
        """
        url = (self._base + path).replace("{", "%7B").replace("}", "%7D")
        return HttpRequest(method, url, headers={"Accept-Encoding": "gzip"}, json=body)

    def _next(self, link: object, path: str) -> str | None:
        """Return the path of the next page of a list, None if there is none.

        A link to another host than the ARM endpoint is never followed: the token would be sent there. On the same host
        every path is accepted, since resource providers spell those of their pages in their own ways.
        """
        if link is None or link == "":
            return None
        parts = self._own(link)
        if parts is None:
            raise NotReadError(GapReason.MALFORMED, detail=f"the next page of {shown(path)} is on another host")
        whole = f"{parts.path}?{parts.query}" if parts.query else parts.path
        return whole.removeprefix(self._endpoint.path.rstrip("/"))

    def _own(self, link: object) -> SplitResult | None:
        """Return the parts of a link to the ARM endpoint, None for any other."""
        try:
            parts = urlsplit(link) if isinstance(link, str) else None
            return parts if parts is not None and _origin(parts) == _origin(self._endpoint) else None
        except ValueError:  # the host or the port is malformed
            return None

    async def _read(self, path: str, request: HttpRequest) -> Any:  # noqa: ANN401
        """Return the decoded response to a request, which is sent again while its failures may pass."""
        loop = asyncio.get_running_loop()
        failure = NotReadError(
            GapReason.TIMEOUT, detail=f"the time limit (--timeout) ended before {shown(path)} was answered"
        )
        failures, waited, backoff = 0, 0.0, _BACKOFF
        while loop.time() < self._deadline:
            try:
                async with (
                    asyncio.timeout_at(self._deadline),
                    self._limiter.admitted(path, self._deadline, self.progress.waits) as admission,
                ):
                    return await self._attempt(path, request, admission)
            except TimeoutError:
                break
            except _TransientError as transient:
                failure, retry_after = transient.failure, transient.retry_after
            throttled = failure.reason is GapReason.THROTTLED
            if throttled or retry_after is not None:
                self._limiter.close(path, backoff if retry_after is None else retry_after, failure)
            # Jitter keeps apart what failed together.
            pause = backoff + random.uniform(0, min(backoff, 1.0))  # noqa: S311 - no secret
            backoff *= 2
            failures += not throttled
            closed = max(pause, retry_after or 0.0)
            waited += closed
            if failures == ATTEMPTS or waited > LONGEST_WAIT or loop.time() + closed >= self._deadline:
                break
            self.progress.waits(pause)
            await asyncio.sleep(pause)
            self.retries += 1
        raise failure

    async def _attempt(self, path: str, request: HttpRequest, admission: Admission) -> Any:  # noqa: ANN401
        """Send a request once and return the decoded response.

        Raises:
            NotReadError: it failed, and another attempt would fail too.
            _TransientError: it failed, and another attempt may succeed.
        """
        response = await self._send(path, request)
        admission.learn(response.headers)
        if response.status_code == responses.OK:
            try:
                return responses.decoded(response, path)
            except NotReadError as truncated:
                raise _TransientError(truncated) from None
        failure = responses.refusal(response, path)
        if response.status_code in responses.TRANSIENT_STATUSES:
            raise _TransientError(failure, responses.retry_after(response.headers))
        raise failure

    async def _send(self, path: str, request: HttpRequest) -> AsyncHttpResponse:
        """Send a request once and read the whole response."""
        self.calls += 1
        loop = asyncio.get_running_loop()
        begun = loop.time()
        try:
            async with asyncio.timeout(_REQUEST_TIMEOUT):
                response = await self._send_of(path)(request)
        except TimeoutError:
            detail = f"{shown(path)} was not answered within {_REQUEST_TIMEOUT:.0f} seconds"
            raise _TransientError(NotReadError(GapReason.TIMEOUT, detail=detail)) from None
        except ClientAuthenticationError as error:
            raise NotSignedInError("AuthenticationFailed", f"sign in again: {line(error.message)}") from None
        except (AzureError, OSError, ValueError, zlib.error) as error:  # the last if a body is not in its stated format
            if hint := tls_hint(str(error)):
                raise UntrustedError(f"{self._base} cannot be read: {hint}") from None
            detail = f"{shown(path)}: {type(error).__name__}: {line(str(error))}"
            raise _TransientError(NotReadError(GapReason.UNAVAILABLE, detail=detail)) from None
        headers = response.headers
        self.progress.called(path, response.status_code, responses.request_id(headers), loop.time() - begun)
        return response


@contextlib.contextmanager
def _call_of_errors(call: str) -> Iterator[None]:
    """Let errors that are raised within name the call."""
    try:
        yield
    except NotReadError as error:
        error.call = call
        raise


def _origin(parts: SplitResult) -> tuple[str, str | None, int]:
    """Return the scheme, host and port of a URL.

    Raises:
        ValueError: the port is malformed.
    """
    return parts.scheme, parts.hostname, parts.port or 443


def _guard_against_page_loops(seen: set[str], page: str, what: str) -> None:
    """Add a page to those that were seen.

    Raises:
        NotReadError: it was seen before, or there are too many.
    """
    if page in seen:
        raise NotReadError(GapReason.MALFORMED, detail=f"the pages of {what} form a loop")
    if len(seen) == _MOST_PAGES:
        raise NotReadError(GapReason.MALFORMED, detail=f"the pages of {what} have no end")
    seen.add(page)
