"""The connection to Azure: one transport with one TLS context, and the clients of the SDK on top of it."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Final

import aiohttp
import msgspec
from azure.core.pipeline import policies
from azure.core.pipeline.transport import AioHttpTransport
from azure.mgmt.compute.aio import ComputeManagementClient
from azure.mgmt.core.policies import AsyncARMChallengeAuthenticationPolicy
from azure.mgmt.network.aio import NetworkManagementClient
from azure.mgmt.resource.resources.aio import ResourceManagementClient

from auditor import __version__
from auditor.errors import InputError
from auditor.sources.live.client import Send
from auditor.sources.live.clouds import METADATA, Cloud, from_metadata
from auditor.sources.live.credential import Credential
from auditor.sources.live.proxies import proxies
from auditor.sources.live.responses import OK, UNAUTHORIZED, tls_hint
from auditor.sources.live.throttling import MOST_CONNECTIONS

_CLOSING: Final = 0.25
"""Seconds that TLS needs to close a connection after an error; aiohttp does not wait for it."""
_NO_SUBSCRIPTION: Final = "-"
"""The clients ask for a subscription, and use it only in operations of theirs; each request of ours has its own path.
"""


class _Authentication(AsyncARMChallengeAuthenticationPolicy):
    """Sends a request once more with a fresh token if Azure refuses the token of the first attempt.

    A token may expire, or be revoked, before its time is over by the clock of this computer.
    """

    def __init__(self, credential: Credential, scope: str) -> None:
        """Take the credential and what its tokens are for."""
        super().__init__(credential, scope)
        self._renewed = credential
        self._scope = scope

    async def send(self, request: Any) -> Any:  # noqa: ANN401 - as in the SDK
        """Authorize and send a request."""
        response = await super().send(request)
        if response.http_response.status_code != UNAUTHORIZED:
            return response
        self._renewed.renew(request.http_request.headers["Authorization"].removeprefix("Bearer "))
        await self.authorize_request(request, self._scope)
        return await self.next.send(request)


class _Transport(AioHttpTransport):  # type: ignore[misc]  # the SDK imports it lazily, so that its type is unknown
    """Records whether a request has failed, and with it its connection."""

    failed = False

    async def send(self, request: Any, **options: Any) -> Any:  # noqa: ANN401 - as in the SDK
        """Send a request and read its response."""
        try:
            return await super().send(request, **options)
        except BaseException:
            self.failed = True
            raise


@contextlib.asynccontextmanager
async def transport(ca_bundle: Path | None, deadline: float) -> AsyncIterator[AioHttpTransport]:
    """Open the one transport for signing in and reading; requests end at `deadline`, a time of the event loop.

    The transport of the SDK makes a TLS context for each request, which costs a handshake each.

    Raises:
        InputError: the file of certificates cannot be read.
    """
    try:
        context = ssl.create_default_context(cafile=ca_bundle)
    except ssl.SSLError:
        message = "is not a file of certificates in PEM format"
        raise InputError(message, str(ca_bundle)) from None
    except OSError as error:
        message = f"cannot be read: {error.strerror}"
        raise InputError(message, str(ca_bundle)) from None
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=context, limit=MOST_CONNECTIONS),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
    )
    opened = _Transport(session=session, session_owner=False, use_env_settings=False)
    try:
        async with session:
            yield opened
    finally:
        if opened.failed or asyncio.get_running_loop().time() >= deadline:
            await asyncio.sleep(_CLOSING)


async def fetch_cloud(endpoint: str, authority: str | None, shared: AioHttpTransport, deadline: float) -> Cloud:
    """Return the cloud of an ARM endpoint by its public description, with the `authority` of the user if there is one.

    Raises:
        InputError: the description cannot be read before the deadline, a time of the event loop, or is malformed.
    """
    version = METADATA[0]
    try:
        async with asyncio.timeout_at(deadline):
            for version in METADATA:
                status, content = await _get(f"{endpoint}/metadata/endpoints?api-version={version}", shared)
                if status == OK:
                    return from_metadata(endpoint, msgspec.json.decode(content), authority)
        why = f"HTTP {status}; check --arm-endpoint"
    except (OSError, TimeoutError, ValueError, aiohttp.ClientError) as error:
        why = (
            tls_hint(str(error)) or f"{type(error).__name__} {error}".strip() + "; check --arm-endpoint and the network"
        )
    message = f"{endpoint}/metadata/endpoints?api-version={version} cannot be read: {why}"
    raise InputError(message)


async def _get(url: str, shared: AioHttpTransport) -> tuple[int, bytes]:
    """Return the status and the body of the response to a request without a token."""
    headers = {"Accept-Encoding": "identity"}
    proxy = proxies(url).get("https")
    async with shared.session.get(url, headers=headers, proxy=proxy, allow_redirects=False) as response:
        return response.status, await response.read()


@contextlib.asynccontextmanager
async def clients(
    cloud: Cloud, credential: Credential, shared: AioHttpTransport
) -> AsyncIterator[Callable[[str], Send]]:
    """Open the clients of the SDK; yield a function that returns what sends a request to a path.

    Their pipelines do not retry, follow redirects or decode bodies: `ArmClient` retries under one limit, the token must
    not follow a redirect, and the SDK decodes each body twice.
    """
    options = {
        "base_url": cloud.endpoint,
        "credential_scopes": [cloud.scope],
        "transport": shared,
        "policies": [
            policies.RequestIdPolicy(),
            policies.HeadersPolicy(),
            policies.UserAgentPolicy(base_user_agent=f"auditor/{__version__}"),
            policies.ProxyPolicy(proxies=proxies(cloud.endpoint)),
            _Authentication(credential, cloud.scope),
        ],
    }
    async with (
        ComputeManagementClient(credential, _NO_SUBSCRIPTION, **options) as compute,
        NetworkManagementClient(credential, _NO_SUBSCRIPTION, **options) as network,
        ResourceManagementClient(credential, _NO_SUBSCRIPTION, **options) as resource,
    ):

        def send_of(path: str) -> Send:
            lowered = path.lower()
            if "/providers/microsoft.compute/" in lowered:
                return compute.send_request
            return network.send_request if "/providers/microsoft.network/" in lowered else resource.send_request

        yield send_of
