"""Signing in to Azure: azure-identity's default chain, and who it turned out to be."""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import logging
import os
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final, Self

import msgspec
from azure.core.exceptions import ClientAuthenticationError
from azure.identity.aio import DefaultAzureCredential

from auditor.errors import InputError
from auditor.snapshot.redaction import redact
from auditor.sources.live.clouds import Cloud
from auditor.sources.live.connection import proxies
from auditor.sources.live.responses import untrusted

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken
    from azure.core.pipeline.transport import AioHttpTransport

_AUTHORITY: Final = "AZURE_AUTHORITY_HOST"
_LONGEST: Final = 120.0
"""Seconds; by itself the SDK waits for hours for a login that does not answer."""

# What the chain tries and fails is said once, by the error that it ends with.
logging.getLogger("azure").addHandler(logging.NullHandler())


class SignIn:
    """A credential of one tenant in one cloud."""

    def __init__(self, cloud: Cloud, tenant: str | None, transport: AioHttpTransport, deadline: float) -> None:
        """Prepare the chain; nothing is asked for yet.

        `deadline` is the time of the event loop at which signing in is given up.

        Raises:
            InputError: a variable of the environment that a credential reads makes no sense.
        """
        self._cloud = cloud
        self._tenant = tenant
        self._deadline = deadline
        try:
            with _authority(cloud.authority):
                self._chain = DefaultAzureCredential(
                    authority=cloud.authority,
                    additionally_allowed_tenants=[tenant] if tenant else [],
                    transport=transport,
                    proxies=proxies(cloud.authority),
                )
        except ValueError as error:
            raise InputError(_refusal(str(error))) from None
        self.identity = ""

    async def __aenter__(self) -> Self:
        """Sign in.

        Raises:
            InputError: no credential of the chain gave a token; each is named with its reason.
        """
        try:
            async with asyncio.timeout_at(min(self._deadline, asyncio.get_running_loop().time() + _LONGEST)):
                token = await self.get_token(self._cloud.scope)
        except ClientAuthenticationError as error:
            raise InputError(_refusal(str(error.message))) from None
        except TimeoutError:
            raise InputError(_refusal(f"{self._cloud.authority} did not answer in time")) from None
        self.identity = identity_of(token.token)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close what the credentials hold."""
        await self._chain.close()

    async def get_token(self, *scopes: str, claims: str | None = None, **options: Any) -> AccessToken:  # noqa: ANN401
        """Return a token, as the clients of the SDK ask for one."""
        options["tenant_id"] = self._tenant or options.get("tenant_id")
        return await self._chain.get_token(*scopes, claims=claims, **options)

    async def close(self) -> None:
        """Do nothing: the clients of the SDK close what is not theirs."""


@contextlib.contextmanager
def _authority(authority: str) -> Iterator[None]:
    """Let all credentials that are made know the authority, of which the chain itself tells some only."""
    before = os.environ.get(_AUTHORITY)
    os.environ[_AUTHORITY] = authority
    try:
        yield
    finally:
        del os.environ[_AUTHORITY]
        if before is not None:
            os.environ[_AUTHORITY] = before


def _refusal(message: str) -> str:
    """Return on one line what each credential said, without the advice that the SDK adds."""
    tried = [_reason(*line.strip().split(": ", 1)) for line in message.splitlines() if line.startswith("\t")]
    said = f"; tried were {'; '.join(tried)}" if tried else f": {redact(message)}"
    hint = untrusted(message)
    return f"cannot sign in to Azure{said}{hint and '; '}{hint}"


def _reason(credential: str, said: str = "") -> str:
    """Return why a credential gave no token: what the SDK links to, and where it only repeats itself, is left out."""
    sentences = re.split(r"(?<=\.)\s+", str(redact(said)))
    kept = [s for s in sentences if "https://aka.ms/" not in s and s != f"{credential} authentication unavailable."]
    return f"{credential}: {' '.join(kept)}".rstrip(" .:")


def identity_of(token: str) -> str:
    """Return the principal that a token was issued to, "" where it does not say: it is shown, never relied upon."""
    try:
        payload = token.split(".")[1]
        claims = msgspec.json.decode(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, binascii.Error, ValueError):
        return ""
    if not isinstance(claims, dict):
        return ""
    for claim in ("upn", "unique_name", "preferred_username"):
        if isinstance(claims.get(claim), str) and claims[claim]:
            return str(claims[claim])
    application, principal = claims.get("appid") or claims.get("azp"), claims.get("oid")
    if application:
        return f"application {application}" + (f" (object {principal})" if principal else "")
    return f"object {principal}" if principal else ""
