"""Signing in to Azure: azure-identity's default chain, and who it turned out to be."""

from __future__ import annotations

import base64
import binascii
import logging
import os
from typing import TYPE_CHECKING, Any, Final, Self

import msgspec
from azure.core.exceptions import ClientAuthenticationError
from azure.identity.aio import DefaultAzureCredential

from auditor.collect.clouds import Cloud
from auditor.errors import InputError
from auditor.redaction import redact

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken
    from azure.core.pipeline.transport import AioHttpTransport

_AUTHORITY: Final = "AZURE_AUTHORITY_HOST"


class SignIn:
    """A credential of one tenant in one cloud."""

    def __init__(self, cloud: Cloud, tenant: str | None, transport: AioHttpTransport, proxies: dict[str, str]) -> None:
        """Prepare the chain; nothing is asked for yet."""
        self._cloud = cloud
        self._tenant = tenant
        # The chain hands its `authority` to some of its credentials only; all of them look here.
        os.environ[_AUTHORITY] = cloud.authority
        # What the chain tries and fails is said once, by the error that it ends with.
        logging.getLogger("azure.identity").setLevel(logging.CRITICAL)
        self._chain = DefaultAzureCredential(
            authority=cloud.authority,
            additionally_allowed_tenants=[tenant] if tenant else [],
            disable_instance_discovery=not cloud.known,  # else Microsoft's own login is asked about any other
            transport=transport,
            proxies=proxies,
        )
        self.identity = ""

    async def __aenter__(self) -> Self:
        """Sign in.

        Raises:
            InputError: no credential of the chain gave a token; each is named with its reason.
        """
        try:
            token = await self.get_token(self._cloud.scope)
        except ClientAuthenticationError as error:
            raise InputError(_refusal(str(error.message))) from None
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


def _refusal(message: str) -> str:
    """Return what each credential said, without the advice that the SDK adds."""
    tried = [" ".join(line.split()) for line in message.splitlines() if line.startswith("\t")]
    said = str(redact("; ".join(tried) or " ".join(message.split())))
    return f"cannot sign in to Azure: run `az login`, or set up one of these. Tried were {said}"


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
