"""The connection to Azure: one transport with one TLS context, and the clients of the SDK on top of it."""

from __future__ import annotations

import contextlib
import ssl
import urllib.request
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
from azure.core.pipeline import policies
from azure.core.pipeline.transport import AioHttpTransport
from azure.mgmt.compute.aio import ComputeManagementClient
from azure.mgmt.core.policies import AsyncARMChallengeAuthenticationPolicy
from azure.mgmt.network.aio import NetworkManagementClient
from azure.mgmt.resource.resources.aio import ResourceManagementClient

from auditor import __version__
from auditor.collect.clouds import Cloud
from auditor.collect.reading import AT_ONCE, Send
from auditor.collect.signin import SignIn
from auditor.errors import InputError


@contextlib.asynccontextmanager
async def transport(ca_bundle: Path | None) -> AsyncIterator[AioHttpTransport]:
    """Open the one transport for signing in and reading.

    The SDK's own makes a TLS context for each request, which costs a handshake each.

    Raises:
        InputError: the bundle of certificates cannot be read.
    """
    try:
        context = ssl.create_default_context(cafile=ca_bundle)
    except (OSError, ssl.SSLError) as error:
        message = f"is not a file of certificates in PEM form: {error.__class__.__name__}"
        raise InputError(message, str(ca_bundle)) from None
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=context, limit=AT_ONCE),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
    )
    async with session:
        yield AioHttpTransport(session=session, session_owner=False, use_env_settings=False)


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
