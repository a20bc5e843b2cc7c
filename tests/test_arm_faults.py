"""The faults of the server with the Azure SDK as the client."""

from __future__ import annotations

import asyncio
import zlib
from typing import Any

import aiohttp
import pytest
from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    DecodeError,
    HttpResponseError,
    IncompleteReadError,
    ServiceRequestError,
)
from azure.core.rest import HttpRequest

from tests.arm import ArmServer, Call, Fault, On
from tests.arm.asking import API, SCOPE, VMS, Client, ask, body, get, names, pages, raw

pytestmark = pytest.mark.slow

LIST = SCOPE + VMS
DISKS = f"{SCOPE}/providers/Microsoft.Compute/disks"


def outcome(server: ArmServer, path: str = LIST) -> Any:
    """Return the status and body of one answer, or the type of the error."""

    async def question(client: Client) -> Any:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(None) as patience:
                server.on_silence = lambda: loop.call_soon_threadsafe(lambda: patience.reschedule(loop.time() + 0.2))
                answer = await client.send_request(HttpRequest("GET", f"{path}?{API}"))
                return answer.status_code, await answer.read()
        except (AzureError, TimeoutError, zlib.error) as failed:
            return type(failed)
        finally:
            server.on_silence = lambda: None

    return ask(server, question)


def listed(server: ArmServer, most: int = 1000, retries: int = 0) -> list[str]:
    """Return the names of the VMs that the pager of the Azure SDK finds, `most` at most."""

    async def question(client: Client) -> list[str]:
        found: list[str] = []
        async for vm in client.virtual_machines.list_all():
            found.append(str(vm.name))
            if len(found) == most:
                break
        return found

    return ask(server, question, retries)


@pytest.mark.parametrize("fault", Fault)
def test_every_fault_shows_and_passes(arm_server: ArmServer, fault: Fault) -> None:
    honest = outcome(arm_server)
    assert honest[0] == 200
    arm_server.faults = {"virtualMachines": fault}
    assert outcome(arm_server) != honest
    assert [entry.fault for entry in arm_server.log if entry.path == LIST][:2] == [None, fault]
    assert outcome(arm_server, DISKS)[0] == 200, "other paths have no fault"
    arm_server.faults = {}
    assert outcome(arm_server) == honest


@pytest.mark.parametrize(
    ("fault", "status", "code", "retry_after"),
    [
        (Fault.UNAUTHORIZED, 401, "InvalidAuthenticationToken", None),
        (Fault.EXPIRED, 401, "ExpiredAuthenticationToken", None),
        (Fault.FORBIDDEN, 403, "AuthorizationFailed", None),
        (Fault.FORBIDDEN_RETRY_AFTER, 403, "AuthorizationFailed", "7"),
        (Fault.NOT_FOUND, 404, "ResourceNotFound", None),
        (Fault.CONFLICT, 409, "MissingSubscriptionRegistration", None),
        (Fault.THROTTLED, 429, "SubscriptionRequestsThrottled", "7"),
        (Fault.THROTTLED_WITHOUT_RETRY_AFTER, 429, "TooManyRequests", None),
        (Fault.INTERNAL_ERROR, 500, "InternalServerError", None),
        (Fault.BAD_GATEWAY, 502, None, None),
        (Fault.UNAVAILABLE, 503, None, None),
        (Fault.GATEWAY_TIMEOUT, 504, "GatewayTimeout", None),
    ],
)
def test_a_status_comes_with_its_code(
    arm_server: ArmServer, fault: Fault, status: int, code: str | None, retry_after: str | None
) -> None:
    arm_server.faults = {"virtualMachines": fault}
    arm_server.retry_after = "7"
    answer = get(arm_server, LIST)
    assert (answer.status_code, answer.headers.get("Retry-After")) == (status, retry_after)
    assert (answer.json()["error"]["code"] if code else None) == code
    assert arm_server.log[-1].status == status


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Fault.NULL, None),
        (Fault.ARRAY, []),
        (Fault.NO_VALUE, {}),
    ],
)
def test_a_body_may_be_json_of_another_kind(arm_server: ArmServer, fault: Fault, expected: Any) -> None:
    arm_server.faults = {"virtualMachines": fault}
    assert body(arm_server, LIST) == expected


def test_value_may_be_no_list_of_resources(arm_server: ArmServer) -> None:
    arm_server.faults = {"virtualMachines": Fault.VALUE_OBJECT, "disks": Fault.WRONG_MEMBERS}
    assert isinstance(body(arm_server, LIST)["value"], dict)
    assert not [item for item in body(arm_server, DISKS)["value"] if isinstance(item, dict) and "name" in item]


def test_html_is_said_to_be_html(arm_server: ArmServer) -> None:
    arm_server.faults = {"virtualMachines": Fault.HTML}
    answer = get(arm_server, LIST)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html")
    assert answer.text().startswith("<!DOCTYPE html>")


def test_a_truncated_body_has_the_length_that_it_says(arm_server: ArmServer) -> None:
    _, whole = outcome(arm_server)
    arm_server.faults = {"virtualMachines": Fault.TRUNCATED}
    token = arm_server.log[-1].headers["authorization"]
    plain = {"Authorization": token, "Accept-Encoding": "identity"}
    status, found, headers = raw(arm_server, f"{LIST}?{API}", **plain)
    assert (status, found, headers["Content-Length"]) == (200, whole[: len(whole) // 2], str(len(whole) // 2))
    assert outcome(arm_server) is DecodeError


def test_a_body_that_is_not_compressed_cannot_be_unpacked(arm_server: ArmServer) -> None:
    arm_server.faults = {"virtualMachines": Fault.WRONG_ENCODING}
    assert outcome(arm_server) is zlib.error, "which is not an error of the Azure SDK itself"


# --- pages ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", [1, 2, 3])
def test_an_empty_page_is_followed_by_the_rest(arm_server: ArmServer, first: int) -> None:
    whole = listed(arm_server)
    arm_server.page_size = 6
    arm_server.faults = {On("virtualMachines", first, times=1): Fault.EMPTY_PAGE}
    found = pages(arm_server, LIST)
    assert found[first - 1]["value"] == []
    assert [name for page in found for name in names(page)] == whole


@pytest.mark.parametrize("first", [1, 2, 3])
def test_a_page_comes_twice(arm_server: ArmServer, first: int) -> None:
    whole = listed(arm_server)
    arm_server.page_size = 6
    arm_server.faults = {On("virtualMachines", first, times=1): Fault.REPEATED_PAGE}
    found = [names(page) for page in pages(arm_server, LIST)]
    assert found.pop(first) == found[first - 1]
    assert [name for page in found for name in page] == whole


@pytest.mark.parametrize("fault", [Fault.EMPTY_PAGE, Fault.REPEATED_PAGE])
def test_a_list_ends_though_every_page_is_at_fault(arm_server: ArmServer, fault: Fault) -> None:
    whole = listed(arm_server)
    arm_server.page_size = 6
    arm_server.faults = {"virtualMachines": fault}
    found = pages(arm_server, LIST)
    assert len(found) == 6
    assert [name for page in found[1::2] for name in names(page)] == whole


@pytest.mark.parametrize(("fault", "times", "addresses"), [(Fault.NEXT_ITSELF, 6, 1), (Fault.NEXT_LOOP, 1, 3)])
def test_links_may_lead_nowhere(arm_server: ArmServer, fault: Fault, times: int, addresses: int) -> None:
    arm_server.faults = {On("virtualMachines", times=times): fault}
    assert len(listed(arm_server, most=6 * 16)) == 6 * 16
    asked = [entry.query for entry in arm_server.log if entry.path == LIST]
    assert len(asked) == 6
    assert len(set(asked)) == addresses


def test_the_azure_sdk_hands_its_token_to_another_host(arm_server: ArmServer) -> None:
    arm_server.faults = {"virtualMachines": Fault.NEXT_FOREIGN}
    assert listed(arm_server)
    assert arm_server.foreign.tokens == [arm_server.log[-1].headers["authorization"]]
    assert arm_server.foreign.requests[0].startswith(f"GET {LIST}?{API[:12]}")


def test_the_azure_sdk_sends_no_token_over_http(arm_server: ArmServer) -> None:
    arm_server.faults = {"virtualMachines": Fault.NEXT_HTTP}
    with pytest.raises(ServiceRequestError, match="non-TLS"):
        listed(arm_server)
    assert not arm_server.foreign.requests


def test_who_follows_a_link_to_http_is_seen(arm_server: ArmServer) -> None:
    arm_server.faults = {"virtualMachines": Fault.NEXT_HTTP}
    link = body(arm_server, LIST)["nextLink"]
    assert link.startswith("http://")

    async def follow() -> Any:
        async with aiohttp.ClientSession(headers={"Authorization": "Bearer x"}) as session:
            return await (await session.get(link)).json()

    assert asyncio.run(follow()) == {"value": []}
    assert arm_server.foreign.tokens == ["Bearer x"]


def test_a_fault_of_pages_leaves_other_answers_alone(arm_server: ArmServer) -> None:
    honest = outcome(arm_server, SCOPE)
    arm_server.faults = {"": Fault.EMPTY_PAGE}
    assert outcome(arm_server, SCOPE) == honest


# --- the connection ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "known_as", "started"),
    [
        (Fault.RESET, ServiceRequestError, r"Errno \d+"),
        (Fault.RESET_MIDWAY, IncompleteReadError, r"received [1-9]\d* of"),
    ],
)
def test_a_connection_is_reset(arm_server: ArmServer, fault: Fault, known_as: type[AzureError], started: str) -> None:
    arm_server.faults = {"virtualMachines": fault}
    with pytest.raises(known_as, match=started) as failed:
        get(arm_server, LIST)
    assert "Connection reset by peer" in str(failed.value)


@pytest.mark.parametrize("fault", [Fault.DRIP, Fault.SILENCE])
def test_an_answer_may_never_end(arm_server: ArmServer, fault: Fault) -> None:
    arm_server.faults = {"virtualMachines": fault}
    assert outcome(arm_server) is TimeoutError
    assert outcome(arm_server, DISKS)[0] == 200, "other requests are answered meanwhile"


def test_a_redirect_leads_to_another_host(arm_server: ArmServer) -> None:
    arm_server.faults = {"virtualMachines": Fault.REDIRECT}
    assert outcome(arm_server) == (200, b'{"value": []}'), "the Azure SDK follows it"
    assert arm_server.foreign.requests == [f"GET {LIST}?{API}"]
    assert not arm_server.foreign.tokens, "without its token"


# --- when -------------------------------------------------------------------------------------------------------------


def test_a_fault_that_passes_is_overcome_by_trying_again(arm_server: ArmServer) -> None:
    whole = listed(arm_server)
    arm_server.retry_after = "0"
    arm_server.faults = {On("virtualMachines", times=2): Fault.THROTTLED}
    assert listed(arm_server, retries=3) == whole
    assert [entry.status for entry in arm_server.log if entry.path == LIST] == [200, 429, 429, 200]


def test_the_first_entry_that_holds_decides(arm_server: ArmServer) -> None:
    arm_server.faults = {
        On("virtualMachines", first=2, times=1): Fault.NULL,
        On("VIRTUALMACHINES", first=3): Fault.ARRAY,
        "/virtualMachines": Fault.NO_VALUE,
    }
    assert [outcome(arm_server)[1] for _ in range(4)] == [b"{}", b"null", b"[]", b"[]"]


def test_a_function_may_decide(arm_server: ArmServer) -> None:
    def choose(call: Call, time: int) -> Fault | None:
        return Fault.NOT_FOUND if time == 2 and "virtualmachines" in call.path.lower() else None

    arm_server.faults = choose
    assert [outcome(arm_server)[0] for _ in range(3)] == [200, 404, 200]


def test_the_login_fails_too(arm_server: ArmServer) -> None:
    arm_server.faults = {"/oauth2/v2.0/token": Fault.INTERNAL_ERROR}
    with pytest.raises(ClientAuthenticationError):
        listed(arm_server)


def test_a_fault_of_the_server_itself_is_not_taken_for_one_that_it_plays(arm_server: ArmServer) -> None:
    def broken(_: Call, __: int) -> None:
        raise KeyError("a mistake")

    def use() -> None:
        with ArmServer(arm_server.estate, faults=broken) as server, pytest.raises(HttpResponseError):
            listed(server)

    with pytest.raises(ExceptionGroup, match="at fault"):
        use()
