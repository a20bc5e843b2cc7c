"""A reader with all faults that can occur between it and Azure."""

from __future__ import annotations

import asyncio
import base64
import datetime as dt
import email.utils
import gc
import json
import math
import random
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from azure.core.exceptions import ClientAuthenticationError, ServiceRequestError
from hypothesis import example, given
from hypothesis import strategies as st

from auditor.snapshot.model import GapReason
from auditor.sources.live import client, responses, throttling
from auditor.sources.live.client import ATTEMPTS, ArmClient
from auditor.sources.live.responses import NotReadError
from auditor.sources.live.throttling import ARM, LONGEST_WAIT, Limiter
from tests.arm.exchange import Answer, Call
from tests.arm.faults import Fault, On
from tests.arm.server import ArmServer
from tests.arm.throttle import Throttle
from tests.sources.live import live, virtual

if TYPE_CHECKING:
    from azure.core.rest import HttpRequest

NAME = "mirror-template"
SUB = f"/subscriptions/{live.subscriptions_of(NAME)[0]}"
VERSION = "?api-version=2024-03-02"
LIST = f"{SUB}/providers/Microsoft.Compute/disks{VERSION}"
OTHER = f"{SUB}/providers/Microsoft.Network/loadBalancers{VERSION}"
PAGE = 3
DISKS = "/providers/Microsoft.Compute/disks"
END = "https://management.azure.com"


async def listed(reader: ArmClient, path: str = LIST) -> tuple[list[Any], NotReadError | None]:
    """Return the names of the items of a list, and the error that ended it."""
    found: list[Any] = []
    try:
        async for body in reader.items(path):
            found.append(body["name"] if isinstance(body, dict) and "name" in body else body)  # noqa: PERF401
    except NotReadError as error:
        return found, error
    return found, None


@pytest.fixture
def clock() -> Iterator[virtual.Clock]:
    with virtual.Clock() as found:
        yield found


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[live.Answering]:
    """Run a server with small pages; clients retry soon and do not wait long."""
    monkeypatch.setattr(client, "_BACKOFF", 0.01)
    monkeypatch.setattr(client, "LONGEST_WAIT", 0.3)
    with live.Answering(live.estate_of(NAME), page_size=PAGE, retry_after="0") as found:
        yield found


@pytest.fixture
def whole(server: live.Answering) -> list[Any]:
    found = [body["name"] for body in server.estate.of_type("microsoft.compute/disks", SUB)]
    assert len(found) > 3 * PAGE
    return found


@pytest.fixture
def nothing_open() -> Iterator[None]:
    """Make an open connection a failure of the test that left it open, not of a later one."""
    gc.collect()
    yield
    gc.collect()


def met(server: ArmServer) -> int:
    """Return the number of requests with a fault."""
    return sum(entry.fault is not None for entry in server.log)


def test_a_list_has_all_its_members(server: live.Answering, whole: list[Any]) -> None:
    assert live.ask(server, listed) == (whole, None)
    assert len(server.requests) == math.ceil(len(whole) / PAGE)


# --- faults that stay -------------------------------------------------------------------------------------------------

LASTING = {
    Fault.FORBIDDEN: (GapReason.FORBIDDEN, "AuthorizationFailed", ""),
    Fault.FORBIDDEN_RETRY_AFTER: (GapReason.FORBIDDEN, "AuthorizationFailed", ""),
    Fault.NOT_FOUND: (GapReason.UNAVAILABLE, "ResourceNotFound", ""),
    Fault.CONFLICT: (GapReason.UNAVAILABLE, "MissingSubscriptionRegistration", ""),
    Fault.NULL: (GapReason.MALFORMED, "", "is not a list"),
    Fault.ARRAY: (GapReason.MALFORMED, "", "is not a list"),
    Fault.NO_VALUE: (GapReason.MALFORMED, "", "is not a list"),
    Fault.VALUE_OBJECT: (GapReason.MALFORMED, "", "is not a list"),
    Fault.REDIRECT: (GapReason.MALFORMED, "HTTP 307", "is a redirection"),
}
"""Faults that are not retried: each occurs once."""

OF_TOKENS = {
    Fault.UNAUTHORIZED: (GapReason.FORBIDDEN, "InvalidAuthenticationToken", "sign in again"),
    Fault.EXPIRED: (GapReason.UNAVAILABLE, "ExpiredAuthenticationToken", "sign in again"),
}
"""Faults that a fresh token may mend: each is met twice."""

TRANSIENT = {
    Fault.THROTTLED: (GapReason.THROTTLED, "SubscriptionRequestsThrottled", "Azure asked to wait for 0 seconds"),
    Fault.THROTTLED_WITHOUT_RETRY_AFTER: (GapReason.THROTTLED, "TooManyRequests", ""),
    Fault.INTERNAL_ERROR: (GapReason.UNAVAILABLE, "InternalServerError", ""),
    Fault.BAD_GATEWAY: (GapReason.UNAVAILABLE, "HTTP 502", ""),
    Fault.UNAVAILABLE: (GapReason.UNAVAILABLE, "HTTP 503", ""),
    Fault.GATEWAY_TIMEOUT: (GapReason.UNAVAILABLE, "GatewayTimeout", ""),
    Fault.HTML: (GapReason.MALFORMED, "", "is not JSON"),
    Fault.TRUNCATED: (GapReason.MALFORMED, "", "is not JSON"),
    Fault.WRONG_ENCODING: (GapReason.UNAVAILABLE, "", "incorrect header check"),
    Fault.RESET: (GapReason.UNAVAILABLE, "", "Connection reset"),
    Fault.RESET_MIDWAY: (GapReason.UNAVAILABLE, "", "not completed"),
}
"""Faults that may be over when the request is repeated."""

LINKS = {
    Fault.NEXT_ITSELF: "form a loop",
    Fault.NEXT_LOOP: "form a loop",
    Fault.NEXT_FOREIGN: "another host",
    Fault.NEXT_HTTP: "another host",
}
"""Faults of the address of the next page; the page with this address is read."""

HARMLESS = (Fault.EMPTY_PAGE, Fault.REPEATED_PAGE)
ENDLESS = (Fault.SILENCE, Fault.DRIP)
OF_MEMBERS = {Fault.WRONG_MEMBERS}


def test_every_fault_has_its_place() -> None:
    assert {*LASTING, *OF_TOKENS, *TRANSIENT, *LINKS, *HARMLESS, *ENDLESS, *OF_MEMBERS} == set(Fault)


@pytest.mark.slow
@pytest.mark.parametrize("page", [1, 2])
@pytest.mark.parametrize("fault", [*LASTING, *OF_TOKENS, *TRANSIENT])
def test_a_fault_that_stays_ends_a_list(server: live.Answering, whole: list[Any], fault: Fault, page: int) -> None:
    server.faults = {On(DISKS, first=page): fault}
    found, error = live.ask(server, listed)
    reason, code, detail = {**LASTING, **OF_TOKENS, **TRANSIENT}[fault]
    assert error is not None
    assert (error.reason, error.code) == (reason, code)
    assert detail in error.detail
    assert found == whole[: (page - 1) * PAGE], "earlier pages count"
    if fault in LASTING:
        assert met(server) == 1
    elif fault in OF_TOKENS:
        assert met(server) == 2
    elif reason is not GapReason.THROTTLED:
        assert met(server) == (2 * ATTEMPTS if fault is Fault.RESET else ATTEMPTS), (
            "aiohttp repeats a request after a reset"
        )
    assert server.foreign.requests == []


@pytest.mark.slow
@pytest.mark.parametrize("page", [1, 2])
@pytest.mark.parametrize("fault", TRANSIENT)
def test_a_fault_that_passes_leaves_nothing_behind(
    server: live.Answering, whole: list[Any], fault: Fault, page: int
) -> None:
    server.faults = {On(DISKS, first=page, times=4 if fault is Fault.RESET else 2): fault}

    async def question(reader: ArmClient) -> tuple[Any, int]:
        return await listed(reader), reader.retries

    assert live.ask(server, question) == ((whole, None), 2)


@pytest.mark.parametrize("page", [1, 2])
@pytest.mark.parametrize("fault", LINKS)
def test_a_link_that_leads_nowhere_ends_a_list(
    server: live.Answering, whole: list[Any], fault: Fault, page: int
) -> None:
    server.faults = {On(DISKS, first=page): fault}
    found, error = live.ask(server, listed)
    assert error is not None
    assert (error.reason, error.code) == (GapReason.MALFORMED, "")
    assert LINKS[fault] in error.detail
    assert found[: page * PAGE] == whole[: page * PAGE]
    assert len(server.log) < 10
    assert server.foreign.requests == []


@pytest.mark.slow
@pytest.mark.parametrize("page", [1, 2])
@pytest.mark.parametrize("fault", HARMLESS)
def test_an_empty_and_a_repeated_page_end_nothing(
    server: live.Answering, whole: list[Any], fault: Fault, page: int
) -> None:
    server.faults = {On(DISKS, first=page, times=1): fault}
    found, error = live.ask(server, listed)
    assert error is None
    assert list(dict.fromkeys(found)) == whole
    assert len(found) == len(whole) + (PAGE if fault is Fault.REPEATED_PAGE else 0)


@pytest.mark.slow
@pytest.mark.usefixtures("nothing_open")
@pytest.mark.parametrize("fault", ENDLESS)
def test_an_answer_that_does_not_come_is_given_up_and_asked_for_again(
    clock: virtual.Clock, server: live.Answering, whole: list[Any], fault: Fault
) -> None:
    server.on_silence = lambda: clock.forward(client._REQUEST_TIMEOUT)  # noqa: SLF001 - the time limit of an answer
    server.faults = {On(DISKS, first=2, times=1): fault}
    assert live.ask(server, listed, seconds=10_000) == (whole, None)
    server.faults = {On(DISKS, first=2): fault}
    found, error = live.ask(server, listed, seconds=10_000)
    assert (found, met(server)) == (whole[:PAGE], 1 + ATTEMPTS)
    assert error is not None
    assert error.reason is GapReason.TIMEOUT
    assert "was not answered within 90 seconds" in error.detail


@pytest.mark.slow
@pytest.mark.usefixtures("nothing_open")
@pytest.mark.parametrize("fault", [*ENDLESS, Fault.THROTTLED, Fault.RESET])
def test_the_time_ends_everything(
    clock: virtual.Clock, server: live.Answering, whole: list[Any], fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "LONGEST_WAIT", 10_000.0)
    monkeypatch.setattr(client, "ATTEMPTS", 1000)
    server.on_silence = lambda: clock.forward(5000)

    def own(_: Call) -> None:
        if met(server) == 4:
            clock.forward(5000)

    server.own = own
    server.faults = {On(DISKS, first=2): fault}

    async def question(reader: ArmClient) -> Any:
        return await listed(reader), await listed(reader, OTHER)

    (found, error), (none, late) = live.ask(server, question, seconds=5000)
    reasons = {Fault.THROTTLED: GapReason.THROTTLED, Fault.RESET: GapReason.UNAVAILABLE}
    assert error is not None
    assert (found, error.reason) == (whole[:PAGE], reasons.get(fault, GapReason.TIMEOUT))
    assert late is not None
    assert (none, late.reason) == ([], GapReason.TIMEOUT)
    assert not [entry for entry in server.log if "loadBalancers" in entry.path], "no further request is sent"


# --- what the token is sent with --------------------------------------------------------------------------------------


def test_a_challenge_for_claims_is_met(server: live.Answering, whole: list[Any]) -> None:
    claims = base64.urlsafe_b64encode(b'{"access_token": {"nbf": {"essential": true, "value": "1"}}}').decode()
    challenge = f'Bearer authorization_uri="{server.url}/", error="insufficient_claims", claims="{claims}"'
    tokens: list[str] = []

    def own(call: Call) -> Answer | None:
        if DISKS not in call.path:
            return None
        tokens.append(call.headers["authorization"])
        body = {"error": {"code": "InvalidAuthenticationToken", "message": "Claims are missing."}}
        return Answer(401, body, {"WWW-Authenticate": challenge}) if tokens[-1] == tokens[0] else None

    server.own = own
    assert live.ask(server, listed) == (whole, None)
    assert tokens[0] not in tokens[1:]


@pytest.mark.parametrize("place", ["own", "foreign", "http"])
def test_a_token_is_sent_to_arm_only(server: live.Answering, place: str) -> None:
    prefix = {"own": server.url, "foreign": server.foreign.url, "http": server.foreign.http_url}[place]
    page = Answer(body={"value": [], "nextLink": f"{prefix}{OTHER}"})
    server.own = lambda call: page if DISKS in call.path else None
    found, error = live.ask(server, listed)
    assert bool(found) == (error is None) == (place == "own"), "another path is accepted, another host never"
    assert server.foreign.requests == []


@pytest.mark.slow
def test_an_answer_is_compressed_in_the_one_way_that_is_understood(server: live.Answering) -> None:
    live.ask(server, listed)
    assert {entry.headers["accept-encoding"] for entry in server.log if DISKS in entry.path} == {"gzip"}
    deflated = Answer(body=zlib.compress(b'{"value": []}'), headers={"Content-Encoding": "deflate"})
    server.own = lambda call: deflated if DISKS in call.path else None
    found, error = live.ask(server, listed)
    assert error is not None
    assert (found, error.reason) == ([], GapReason.UNAVAILABLE)


@pytest.mark.slow
@pytest.mark.parametrize("token", ["{}", "{endpoint}", "{0}", "{{x}}", 'a b{"c":[1,2]}', "%7B%7D", "ä%2Fö+%3D=", "'"])
def test_the_address_of_a_page_arrives_as_it_was_given(server: live.Answering, token: str) -> None:
    asked: list[str] = []

    def own(call: Call) -> Answer | None:
        if DISKS not in call.path:
            return None
        asked.append(call.parameter("token"))
        link = None if len(asked) > 1 else f"{server.url}{LIST}&token={token}"
        return Answer(body={"value": [{"name": len(asked)}], "nextLink": link})

    server.own = own
    assert live.ask(server, listed) == ([1, 2], None)
    first = Call("GET", f"/?token={token}").parameter("token")
    assert asked == ["", first]


# --- limits -----------------------------------------------------------------------------------------------------------


def slow(capacity: float, rate: float) -> Callable[[], Limiter]:
    return lambda: Limiter((ARM._replace(capacity=capacity, rate=rate),))


async def many(reader: ArmClient, count: int = 90) -> list[BaseException | None]:
    """Request lists without pages, as fast as possible."""
    asked = (reader.get(f"{SUB}?api-version=2022-12-01&n={n}") for n in range(count))
    return [found for found in await asyncio.gather(*asked, return_exceptions=True) if isinstance(found, BaseException)]


def statuses(server: ArmServer) -> list[int]:
    return [entry.status for entry in server.log if entry.path.startswith("/subscriptions")]


@pytest.mark.slow
def test_where_limits_are_equal_nothing_is_refused(server: live.Answering) -> None:
    chance = random.Random(0)

    def wavers(_: Call, __: int) -> None:
        server.latency = chance.uniform(0, 0.1)

    server.faults = wavers
    server.throttle = Throttle(60, 40)
    assert live.ask(server, many, slow(60, 40)) == []
    assert statuses(server) == [200] * 90


@pytest.mark.slow
def test_where_others_use_the_same_identity_nothing_is_refused(server: live.Answering) -> None:
    server.throttle = Throttle(100, 50)
    for _ in range(70):
        server.throttle.take(SUB.rsplit("/", 1)[-1])
    assert live.ask(server, many, slow(100, 50)) == []
    assert statuses(server) == [200] * 90


@pytest.mark.slow
def test_where_azure_is_stricter_no_request_is_sent_before_retry_after(
    server: live.Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "LONGEST_WAIT", 60.0)
    monkeypatch.setattr(throttling, "MOST_CONNECTIONS", 1)  # else some would be sent before the refusal arrives
    server.throttle = Throttle(30, 40)
    closed, early = 0.0, []

    def own(call: Call) -> Answer | None:
        nonlocal closed
        if not call.path.startswith(SUB):
            return None
        now = time.monotonic()
        if now < closed:
            early.append(closed - now)
        found = ArmServer.answer(server, call)
        if found.status == 429:
            closed = now + float(found.headers["Retry-After"])
        return found

    server.own = own
    assert live.ask(server, many, slow(1000, 1000)) == []
    assert early == []
    assert statuses(server).count(200) == 90
    assert 429 in statuses(server)


# --- when a request is sent again, in simulated time ------------------------------------------------------------------


@dataclass
class Said:
    """An answer of a client of the SDK."""

    status_code: int = 200
    content: bytes = b'{"value": []}'
    headers: dict[str, str] = field(default_factory=dict)


Step = Said | Exception | None
"""The answer to a request; None if there is never one."""


class Script:
    """Gives its answers in turn, then the last one repeatedly, and records when each request was sent."""

    def __init__(self, *steps: Step) -> None:
        self._steps = list(steps)
        self.sent: list[tuple[float, str]] = []

    @property
    def times(self) -> list[float]:
        return [moment for moment, _ in self.sent]

    async def send(self, request: HttpRequest) -> Any:
        self.sent.append((round(asyncio.get_running_loop().time(), 3), request.url))
        step = self._steps.pop(0) if len(self._steps) > 1 else self._steps[0]
        if step is None:
            await asyncio.Event().wait()
        if isinstance(step, Exception):
            raise step
        return step

    def read(self, *paths: str, seconds: float = math.inf) -> tuple[list[NotReadError | None], float]:
        """Request lists one after the other; return the result of each, and the time at the end."""

        async def question() -> tuple[list[NotReadError | None], float]:
            reader = ArmClient(END, lambda _: self.send, Limiter(), live.Told(), seconds)
            found = [(await listed(reader, path))[1] for path in paths]
            return found, round(asyncio.get_running_loop().time(), 3)

        return virtual.run(question())


def refused(seconds: str, status: int = 429, code: str = "TooManyRequests") -> Said:
    body = json.dumps({"error": {"code": code, "message": "Wait."}}).encode()
    return Said(status, body, {"Retry-After": seconds})


def gap(error: NotReadError | None) -> tuple[GapReason, str]:
    assert error is not None
    return error.reason, error.code


def test_what_fails_for_a_while_is_asked_for_again_later_and_later() -> None:
    script = Script(Said(500, b""))
    (error,), over = script.read(LIST)
    assert gap(error) == (GapReason.UNAVAILABLE, "HTTP 500")
    pauses = [later - earlier for earlier, later in pairwise(script.times)]
    assert len(pauses) == ATTEMPTS - 1
    assert all(2**n <= pause <= 2**n + 1 for n, pause in enumerate(pauses))
    assert over == script.times[-1], "no wait after the last attempt"


def test_requests_that_fail_together_are_not_sent_together_again() -> None:
    script = Script(*[Said(503, b"")] * 12, Said())

    async def question() -> None:
        reader = ArmClient(END, lambda _: script.send, Limiter(), live.Told(), math.inf)
        await asyncio.gather(*(reader.get(LIST) for _ in range(12)))

    virtual.run(question())
    assert len(set(script.times[:12])) == 1
    assert len(set(script.times[12:])) > 6


@pytest.mark.parametrize("seconds", ["7", " 7 ", "30", str(int(LONGEST_WAIT) - 1)])
def test_azure_says_how_long_to_wait(seconds: str) -> None:
    script = Script(refused(seconds), Said())
    assert script.read(LIST) == ([None], float(seconds))
    assert script.times == [0, float(seconds)]


def test_azure_says_until_when_to_wait() -> None:
    until = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=60)
    script = Script(refused(email.utils.format_datetime(until, usegmt=True)), Said())
    (error,), over = script.read(LIST)
    assert error is None
    assert 58 <= over <= 60


@pytest.mark.parametrize("seconds", ["", "0", "soon", "-5", "1.5e"])
def test_azure_says_nothing_that_makes_sense(seconds: str) -> None:
    script = Script(refused(seconds), refused(seconds), Said())
    (error,), over = script.read(LIST)
    assert error is None
    assert 3 <= over <= 5, "one second, then two"


@pytest.mark.parametrize("seconds", ["", "4"])
def test_others_of_a_type_wait_too(seconds: str) -> None:
    script = Script(refused(seconds), Said())

    async def question() -> None:
        reader = ArmClient(END, lambda _: script.send, Limiter(), live.Told(), math.inf)
        first = asyncio.create_task(reader.get(LIST))
        await asyncio.sleep(0.1)
        await reader.get(LIST)
        await first

    virtual.run(question())
    assert script.times[0] == 0
    assert script.times[1] == float(seconds or 1)


@pytest.mark.parametrize("seconds", ["3600", "601", "9" * 400, "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_azure_asks_for_more_than_anybody_waits(seconds: str) -> None:
    script = Script(refused(seconds), Said())
    (first, second, other), over = script.read(LIST, LIST, OTHER)
    assert (gap(first), gap(second)) == ((GapReason.THROTTLED, "TooManyRequests"),) * 2
    assert first is not None
    assert first.detail.startswith("Azure asked to wait for ")
    assert other is None
    assert [url for _, url in script.sent] == [END + LIST, END + OTHER], "a refused request is not repeated"
    assert over < 1


def test_azure_asks_for_more_than_there_is_time() -> None:
    script = Script(refused("60"), Said())
    (error,), over = script.read(LIST, seconds=30)
    assert gap(error) == (GapReason.THROTTLED, "TooManyRequests")
    assert (len(script.sent), over) == (1, 0)


def test_a_server_that_is_busy_says_how_long_it_will_be() -> None:
    script = Script(refused("20", 503, "ServerTimeout"), Said())
    assert script.read(LIST) == ([None], 20)


@pytest.mark.parametrize("seconds", [30, 100, math.inf])
def test_repeated_refusals_end(seconds: float) -> None:
    script = Script(refused("1", code="SubscriptionRequestsThrottled"))
    (error,), over = script.read(LIST, seconds=seconds)
    assert gap(error) == (GapReason.THROTTLED, "SubscriptionRequestsThrottled")
    assert over <= min(seconds, LONGEST_WAIT)
    assert 4 < len(script.sent) < 12


def test_a_refusal_for_the_request_rate_is_no_failure() -> None:
    script = Script(*[refused("1")] * (ATTEMPTS + 1), Said())
    assert script.read(LIST)[0] == [None]


def test_a_request_without_answer_is_abandoned() -> None:
    script = Script(None)
    (error,), over = script.read(LIST)
    assert gap(error) == (GapReason.TIMEOUT, "")
    assert len(script.sent) == ATTEMPTS
    assert ATTEMPTS * 90 < over < ATTEMPTS * 90 + 20


def test_nothing_is_sent_when_the_time_is_over() -> None:
    script = Script(None)
    found, over = script.read(LIST, LIST, OTHER, seconds=100)
    assert [gap(error) for error in found] == [(GapReason.TIMEOUT, "")] * 3
    assert over == 100
    assert {url for _, url in script.sent} == {END + LIST}


def test_why_it_failed_before_is_said_when_the_time_is_over() -> None:
    script = Script(Said(502, b""), None)
    assert gap(script.read(LIST, seconds=50)[0][0]) == (GapReason.UNAVAILABLE, "HTTP 502")


def test_no_retry_waits_beyond_the_deadline() -> None:
    script = Script(Said(500, b""))
    assert script.read(LIST, seconds=0.5)[1] == 0


def test_a_login_that_ends_on_the_way_is_not_tried_again_and_again() -> None:
    script = Script(
        ClientAuthenticationError(message="AADSTS700082: The refresh token has expired;\n client_secret=abc")
    )
    (error,), over = script.read(LIST)
    assert gap(error) == (GapReason.FORBIDDEN, "AuthenticationFailed")
    assert error is not None
    assert error.detail == "sign in again: AADSTS700082: The refresh token has expired; client_secret=[redacted]"
    assert (len(script.sent), over) == (1, 0)


@pytest.mark.parametrize(
    "error", [ServiceRequestError("no route"), OSError("no route"), ValueError("no"), zlib.error()]
)
def test_a_connection_that_fails_is_tried_again(error: Exception) -> None:
    assert Script(error, Said()).read(LIST)[0] == [None]
    assert gap(Script(error).read(LIST)[0][0])[0] is GapReason.UNAVAILABLE


# --- the next page ----------------------------------------------------------------------------------------------------


def followed(link: object) -> str | None:
    """Return the address to which a link leads, None where it is not followed."""
    script = Script(Said(content=json.dumps({"value": [], "nextLink": link}).encode()), Said())
    (error,), _ = script.read("/start?api-version=1")
    assert script.sent[0][1] == f"{END}/start?api-version=1"
    assert (error is None) == (len(script.sent) == 2 or not link)
    assert error is None or error.reason is GapReason.MALFORMED
    return script.sent[1][1] if len(script.sent) == 2 else None


@pytest.mark.parametrize(
    "link",
    [
        f"{END}/next?token=1",
        "HTTPS://Management.AZURE.com/next?token=1",
        "https://management.azure.com:443/next?token=1",
        "https://me@management.azure.com/next?token=1",
        f"{END}/next?token=1#part",
        "https://management.azure.com:0443/next?token=1",
        "https://evil.test\\@management.azure.com/next?token=1",
    ],
)
def test_every_spelling_of_arm_is_followed_at_arm_itself(link: str) -> None:
    assert followed(link) == f"{END}/next?token=1"


@pytest.mark.parametrize(
    "link",
    [
        "http://management.azure.com/next",
        "https://management.azure.com:8443/next",
        "https://management.azure.com.evil.test/next",
        "https://management.azure.com@evil.test/next",
        "https://management.azure.com:443@evil.test/next",
        "https://management.azure.com\\@evil.test/next",
        "https://evil.test/management.azure.com",
        "https://evil.test#@management.azure.com/next",
        "https://evil.test?@management.azure.com/next",
        "//evil.test/next",
        "/next",
        "next",
        "https:///next",
        "https://[::1/next",
        "https://management.azure.com:port/next",
        "https://management.azure.com:99999/next",
        "https://management.azure.com\uff03.evil.test/next",
        "ftp://management.azure.com/next",
        "javascript:alert(1)",
        7,
        True,
        ["https://management.azure.com/next"],
        {"href": "https://management.azure.com/next"},
    ],
)
def test_nothing_else_is_followed(link: object) -> None:
    assert followed(link) is None


@pytest.mark.slow
@given(st.text() | st.builds("https://{}management.azure.com{}/next".format, st.text(max_size=9), st.text(max_size=9)))
@example(END)
@example(f"{END}/")
@example(f"{END}?")
def test_no_link_at_all_leads_elsewhere(link: str) -> None:
    assert urlsplit(followed(link) or END)[:2] == ("https", "management.azure.com")


def test_an_endpoint_may_lie_below_a_path() -> None:
    first = Said(content=json.dumps({"value": [1], "nextLink": "https://arm.test/api/next?x=1"}).encode())
    script = Script(first, Said())

    async def question() -> None:
        reader = ArmClient("https://arm.test/api", lambda _: script.send, Limiter(), live.Told(), math.inf)
        assert await listed(reader, "/start") == ([1], None)

    virtual.run(question())
    assert [url for _, url in script.sent] == ["https://arm.test/api/start", "https://arm.test/api/next?x=1"]


def test_a_list_without_an_end_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "_MOST_PAGES", 50)
    links = (f"{END}/page/{n}" for n in range(100))
    script = Script(*(Said(content=json.dumps({"value": [], "nextLink": link}).encode()) for link in links))
    (error,), _ = script.read("/start")
    assert error is not None
    assert error.detail.endswith("have no end")
    assert len(script.sent) == 50


# --- Resource Graph ---------------------------------------------------------------------------------------------------


def rows(*pages: object) -> tuple[list[Any], NotReadError | None]:
    """Return the rows of these pages, and the error that ended them."""
    script = Script(*(Said(content=json.dumps(page).encode()) for page in pages))
    found: list[Any] = []

    async def question() -> NotReadError | None:
        reader = ArmClient(END, lambda _: script.send, Limiter(), live.Told(), math.inf)
        try:
            async for row in reader.rows("/graph", ["s"], "resources"):
                found.append(row)  # noqa: PERF401
        except NotReadError as error:
            return error
        return None

    return found, virtual.run(question())


ONE, TWO = {"id": "/subscriptions/s/1"}, {"id": "/subscriptions/s/2"}


def test_rows_are_as_many_as_azure_counts() -> None:
    first = {"totalRecords": 2, "data": [ONE], "$skipToken": "x"}
    assert rows(first, {"totalRecords": 2, "data": [TWO]}) == ([ONE, TWO], None)
    assert rows({"totalRecords": 0, "data": []}) == ([], None)


@pytest.mark.parametrize(
    ("pages", "detail"),
    [
        ([{"totalRecords": 2, "data": [ONE]}], "stated 2 resources and returned 1"),
        ([{"totalRecords": 2, "data": [ONE, {"id": "/Subscriptions/S/1"}]}], "stated 2 resources and returned 1"),
        ([{"totalRecords": 1, "data": [ONE, TWO]}], "stated 1 resources and returned 2"),
        ([{"data": [ONE]}], "stated None resources"),
        ([{"totalRecords": 1, "data": {"rows": []}}], "has no data"),
        ([{"totalRecords": 1}], "has no data"),
        ([None], "has no data"),
        ([{"totalRecords": 1, "data": [ONE], "resultTruncated": "true"}], "no further page"),
        ([{"totalRecords": 2, "data": [ONE], "$skipToken": "x"}], "form a loop"),
        ([{"totalRecords": 2, "data": [ONE], "$skipToken": ["x"]}], "form a loop"),
    ],
)
def test_rows_that_are_not_all_are_a_gap(pages: list[object], detail: str) -> None:
    _, error = rows(*pages)
    assert error is not None
    assert error.reason is GapReason.MALFORMED
    assert detail in error.detail


# --- what an answer says ----------------------------------------------------------------------------------------------


@given(st.text())
@example("Mon, 01 Jan 0001 00:00:00 +2359")
@example("Mon, 01 Jan 99999 00:00:00 GMT")
@example("\u0663")
@example("\u00b2")
def test_any_text_in_the_place_of_seconds_is_a_time_or_none(text: str) -> None:
    found = responses.retry_after({"Retry-After": text})
    assert found is None or found >= 0


@given(st.text())
@example("9" * 5000)
@example("\u0663")
def test_any_text_in_the_place_of_a_number_of_reads_is_one_or_none(text: str) -> None:
    left = responses.reads_left({"x-ms-ratelimit-remaining-subscription-reads": text})
    assert left is None or left >= 0


@pytest.mark.slow
@given(
    st.binary()
    | st.recursive(st.none() | st.text() | st.integers(), st.lists, max_leaves=3).map(json.dumps).map(str.encode)
)
@example(b'{"error": null}')
@example(b'{"error": {"code": 7}}')
@example(b'{"error": "text"}')
@example(b"[" * 5000)
def test_any_body_of_a_refusal_is_understood(content: bytes) -> None:
    error = responses.refusal(Said(400, content), LIST)  # type: ignore[arg-type]
    assert (error.reason, error.code) == (GapReason.UNAVAILABLE, "HTTP 400")


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (403, {"error": {"code": "AuthorizationFailed"}}, (GapReason.FORBIDDEN, "AuthorizationFailed")),
        (403, {}, (GapReason.FORBIDDEN, "HTTP 403")),
        (401, {}, (GapReason.FORBIDDEN, "HTTP 401")),
        (429, {"code": "ResourceRequestsThrottled"}, (GapReason.THROTTLED, "ResourceRequestsThrottled")),
        (429, {"Code": "429"}, (GapReason.THROTTLED, "TooManyRequests")),
        (401, {"error": {"code": "expiredauthenticationtoken"}}, (GapReason.UNAVAILABLE, "expiredauthenticationtoken")),
        (403, {"error": {"code": "DisallowedOperation"}}, (GapReason.UNSUPPORTED, "DisallowedOperation")),
        (404, {"error": {"code": "InvalidResourceType"}}, (GapReason.UNSUPPORTED, "InvalidResourceType")),
        (400, {"error": {"code": "NoRegisteredProviderFound"}}, (GapReason.UNSUPPORTED, "NoRegisteredProviderFound")),
        (404, {"error": {"code": "ResourceNotFound"}}, (GapReason.UNAVAILABLE, "ResourceNotFound")),
        (204, {}, (GapReason.UNAVAILABLE, "HTTP 204")),
        (302, {}, (GapReason.MALFORMED, "HTTP 302")),
    ],
)
def test_a_refusal_has_a_reason_and_azures_code(status: int, body: object, expected: tuple[GapReason, str]) -> None:
    error = responses.refusal(Said(status, json.dumps(body).encode()), LIST)  # type: ignore[arg-type]
    assert (error.reason, error.code) == expected


@pytest.mark.parametrize(
    ("code", "message", "unknown"),
    [
        ("InvalidResourceType", "The resource type could not be found in the namespace 'X' for api version '1'.", True),
        ("InvalidResourceType", "Resource type 'y' of provider namespace 'X' was not found in global location.", True),
        ("InvalidResourceType", "", True),
        ("INVALIDRESOURCENAMESPACE", "The resource namespace 'X' is invalid.", True),
        ("InvalidResourceType", "It could not be found. The supported api-versions are '2014-04-01'.", False),
        ("InvalidResourceType", f"'{'x' * 200}' could not be found. The supported api-versions are '1'.", False),
        ("InvalidResourceType", "It could not be found. THE SUPPORTED API-VERSIONS are '2014-04-01'.", False),
        ("NoRegisteredProviderFound", "No registered resource provider found for API version '1'.", False),
        ("InvalidApiVersionParameter", "The api-version '1' is invalid.", False),
        ("ResourceNotFound", "", False),
    ],
)
def test_a_type_is_unknown_unless_azure_names_versions_of_it(code: str, message: str, *, unknown: bool) -> None:
    body = {"error": {"code": code, "message": message}}
    error = responses.refusal(Said(404, json.dumps(body).encode()), LIST)  # type: ignore[arg-type]
    assert isinstance(error, responses.UnknownTypeError) is unknown


def test_a_code_has_no_secrets_and_no_lines() -> None:
    body = json.dumps({"error": {"code": "Bad\n token=1 password=hunter2 " + "x" * 999}}).encode()
    code = responses.refusal(Said(400, body), LIST).code  # type: ignore[arg-type]
    assert "hunter2" not in code
    assert "\n" not in code
    assert len(code) <= 200
