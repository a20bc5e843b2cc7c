"""Requests to the server, with the Azure SDK and without it; ids are those of `trakcare-current`."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import aiohttp
from azure.core.rest import AsyncHttpResponse, HttpRequest
from azure.identity.aio import ClientSecretCredential
from azure.mgmt.compute.aio import ComputeManagementClient

from tests.arm.server import ArmServer

SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
SCOPE = f"/subscriptions/{SUBSCRIPTION}"
GROUP = f"{SCOPE}/resourceGroups/rg-trakcare-prod-weu"
VMS = "/providers/Microsoft.Compute/virtualMachines"
API = "api-version=2025-01-01"
"""Any date is accepted."""

Body = dict[str, Any]
Client = ComputeManagementClient
T = TypeVar("T")


def connected(server: ArmServer) -> dict[str, Any]:
    """Return the arguments with which a credential logs in at the server."""
    return {"authority": server.url, "disable_instance_discovery": True, "connection_verify": server.ca_file}


def ask(server: ArmServer, question: Callable[[Client], Awaitable[T]], retries: int = 0) -> T:
    """Return the result of a question to the Azure SDK, which is logged in with the secret."""

    async def session() -> T:
        try:
            return await signed_in()
        finally:  # aiohttp does not wait until an abandoned connection is closed
            while server.connections:  # noqa: ASYNC110 - the connections belong to another thread
                await asyncio.sleep(0.005)
            await asyncio.sleep(0.01)

    async def signed_in() -> T:
        identity = server.identity
        async with (
            ClientSecretCredential(
                identity.tenant_id, identity.client_id, identity.secret, retry_total=retries, **connected(server)
            ) as credential,
            Client(
                credential,
                SUBSCRIPTION,
                base_url=server.url,
                credential_scopes=[server.audience + ".default"],
                connection_verify=server.ca_file,
                retry_total=retries,
            ) as client,
        ):
            return await question(client)

    return asyncio.run(session())


def get(server: ArmServer, path: str) -> AsyncHttpResponse:
    """Return the answer to one request; the api-version is added where it is missing."""
    address = path if "api-version" in path else f"{path}{'&' if '?' in path else '?'}{API}"

    async def question(client: Client) -> AsyncHttpResponse:
        answer: AsyncHttpResponse = await client.send_request(HttpRequest("GET", address))
        return answer

    return ask(server, question)


def body(server: ArmServer, path: str) -> Any:
    """Return the body of an answer that is no error."""
    answer = get(server, path)
    assert answer.status_code == 200, answer.text()
    return answer.json()


def refusal(server: ArmServer, path: str) -> tuple[int, str]:
    """Return the status and the code of an answer that is an error."""
    answer = get(server, path)
    return answer.status_code, answer.json()["error"]["code"]


def names(listed: Body) -> list[str]:
    return [item["name"] for item in listed["value"]]


def pages(server: ArmServer, path: str) -> list[Body]:
    """Return all pages of a list."""

    async def question(client: Client) -> list[Body]:
        found, address = [], f"{path}?{API}"
        while address:
            answer = await client.send_request(HttpRequest("GET", address))
            answer.raise_for_status()
            found.append(answer.json())
            address = found[-1].get("nextLink")
        return found

    return ask(server, question)


def raw(server: ArmServer, path: str, **headers: str) -> tuple[int, bytes, dict[str, str]]:
    """Send a request without the Azure SDK, and so without a token; return status, body and headers."""

    async def fetch() -> tuple[int, bytes, dict[str, str]]:
        trusted = ssl.create_default_context(cafile=server.ca_file)
        async with (
            aiohttp.ClientSession() as session,
            session.get(server.url + path, ssl=trusted, headers=headers) as answer,
        ):
            return answer.status, await answer.read(), dict(answer.headers)

    return asyncio.run(fetch())


def bare(server: ArmServer, path: str, **headers: str) -> tuple[int, Any, dict[str, str]]:
    """Return the same, with the body read as JSON."""
    status, found, answered = raw(server, path, **headers)
    return status, json.loads(found), answered
