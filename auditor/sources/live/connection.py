"""The connection to Azure: one transport with one TLS context, and the clients of the SDK on top of it."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import urllib.request
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

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
from auditor.sources.live.responses import untrusted
from auditor.sources.live.throttling import AT_ONCE

if TYPE_CHECKING:
    from auditor.sources.live.credential import SignIn

_OK: Final = 200
_GOODBYE: Final = 0.25
"""Seconds that TLS takes to end a connection that was cut, which aiohttp does not wait for."""


class _Transport(AioHttpTransport):  # type: ignore[misc]  # the SDK loads it late, so that nobody knows its type
    """Remembers whether a connection was cut."""

    cut = False

    async def send(self, request: Any, **options: Any) -> Any:  # noqa: ANN401 - as the SDK has it
        """Send a request and read its answer."""
        try:
            return await super().send(request, **options)
        except BaseException:
            self.cut = True
            raise


@contextlib.asynccontextmanager
async def transport(ca_bundle: Path | None, deadline: float) -> AsyncIterator[AioHttpTransport]:
    """Open the one transport for signing in and reading, which is cut at a time of the event loop.

    The SDK's own makes a TLS context for each request, which costs a handshake each.

    Raises:
        InputError: the bundle of certificates cannot be read.
    """
    try:
        context = ssl.create_default_context(cafile=ca_bundle)
    except ssl.SSLError:
        message = "is not a file of certificates in PEM form"
        raise InputError(message, str(ca_bundle)) from None
    except OSError as error:
        message = f"cannot be read: {error.strerror}"
        raise InputError(message, str(ca_bundle)) from None
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=context, limit=AT_ONCE),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
    )
    opened = _Transport(session=session, session_owner=False, use_env_settings=False)
    try:
        async with session:
            yield opened
    finally:
        if opened.cut or asyncio.get_running_loop().time() >= deadline:
            await asyncio.sleep(_GOODBYE)


async def ask_cloud(endpoint: str, authority: str | None, shared: AioHttpTransport, deadline: float) -> Cloud:
    """Return the cloud of an ARM endpoint, which it describes to anybody; an `authority` of the user's goes first.

    Raises:
        InputError: it cannot be read by the deadline, a time of the event loop, or makes no sense.
    """
    version = METADATA[0]
    try:
        async with asyncio.timeout_at(deadline):
            for version in METADATA:
                status, content = await _get(f"{endpoint}/metadata/endpoints?api-version={version}", shared)
                if status == _OK:
                    return from_metadata(endpoint, msgspec.json.decode(content), authority)
        why = f"HTTP {status}"
    except (OSError, TimeoutError, ValueError, aiohttp.ClientError) as error:
        why = untrusted(str(error)) or f"{type(error).__name__} {error}".strip()
    message = f"{endpoint}/metadata/endpoints?api-version={version} cannot be read: {why}"
    raise InputError(message)


async def _get(url: str, shared: AioHttpTransport) -> tuple[int, bytes]:
    """Return the status and the body of an answer to a request without a token."""
    headers = {"Accept-Encoding": "identity"}
    proxy = proxies(url).get("https")
    async with shared.session.get(url, headers=headers, proxy=proxy, allow_redirects=False) as response:
        return response.status, await response.read()


@contextlib.asynccontextmanager
async def clients(
    cloud: Cloud, credential: SignIn, shared: AioHttpTransport, subscription: str
) -> AsyncIterator[Callable[[str], Send]]:
    """Open the clients of the SDK; what is returned says which of them sends a request to a path.

    Retries, redirects and the decoding of bodies are left out of their pipelines: the reader does the first under one
    limit, follows none of the second since the token would go along, and decodes once where the SDK does twice.
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
            AsyncARMChallengeAuthenticationPolicy(credential, cloud.scope),
        ],
    }
    async with (
        ComputeManagementClient(credential, subscription, **options) as compute,
        NetworkManagementClient(credential, subscription, **options) as network,
        ResourceManagementClient(credential, subscription, **options) as resource,
    ):

        def of(path: str) -> Send:
            lowered = path.lower()
            if "/providers/microsoft.compute/" in lowered:
                return compute.send_request
            return network.send_request if "/providers/microsoft.network/" in lowered else resource.send_request

        yield of


def proxies(url: str) -> dict[str, str]:
    """Return the proxy of the environment for a host, which is looked up once and not for each request.

    Only what is encrypted goes through it: a managed identity's own endpoint is on the machine.
    """
    found = urllib.request.getproxies().get("https")
    host = urlsplit(url).hostname or ""
    return {"https": found} if found and not urllib.request.proxy_bypass(host) else {}
