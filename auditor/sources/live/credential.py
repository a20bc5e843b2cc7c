"""Signing in to Azure with the default chain of azure-identity."""

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
from auditor.sources.live.proxies import proxies
from auditor.sources.live.responses import tls_hint

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken
    from azure.core.pipeline.transport import AioHttpTransport

_AUTHORITY: Final = "AZURE_AUTHORITY_HOST"
_LONGEST: Final = 120.0
"""Seconds for signing in; without a limit the SDK waits for hours for a service that does not answer."""
_NO_CREDENTIAL: Final = (
    "not signed in: run `az login`, or set AZURE_CLIENT_ID, AZURE_TENANT_ID and AZURE_CLIENT_SECRET of a service"
    " principal"
)
_CHECKS: Final = {
    "EnvironmentCredential": "check AZURE_CLIENT_ID, AZURE_TENANT_ID and AZURE_CLIENT_SECRET",
    "WorkloadIdentityCredential": "check AZURE_CLIENT_ID, AZURE_TENANT_ID and the federated credential",
}
"""What to check where Microsoft Entra ID has refused a credential that ends the chain."""
_ERROR_CODE: Final = "AADSTS"
"""The beginning of the error codes of Microsoft Entra ID, which has refused a credential; others were not there."""

# The SDK logs each credential that fails; the error at the end of the chain names them once.
logging.getLogger("azure").addHandler(logging.NullHandler())


class Credential:
    """The credential of one tenant in one cloud; the clients of the SDK get their tokens from it."""

    def __init__(
        self,
        cloud: Cloud,
        tenant: str | None,
        transport: AioHttpTransport,
        deadline: float,
        *,
        verbose: bool = False,
    ) -> None:
        """Prepare the chain without a request.

        `deadline` is the time of the event loop at which signing in ends; `verbose` is whether an error names each
        credential that was tried.

        Raises:
            InputError: an environment variable of a credential is malformed.
        """
        self.identity = ""
        self.retries = 0
        """Requests that were sent again with a fresh token."""
        self._cloud = cloud
        self._tenant = tenant
        self._transport = transport
        self._deadline = deadline
        self._verbose = verbose
        self._refused: set[str] = set()
        try:
            self._chains = [self._chain()]
        except ValueError as error:
            raise InputError(_sign_in_error(str(error), verbose=verbose)) from None

    def _chain(self) -> DefaultAzureCredential:
        """Return a chain that has not kept any token.

        Raises:
            ValueError: an environment variable of a credential is malformed.
        """
        with _authority(self._cloud.authority):
            return DefaultAzureCredential(
                authority=self._cloud.authority,
                additionally_allowed_tenants=[self._tenant] if self._tenant else [],
                transport=self._transport,
                proxies=proxies(self._cloud.authority),
            )

    async def __aenter__(self) -> Self:
        """Sign in.

        Raises:
            InputError: no credential of the chain got a token; the error says what to do.
        """
        try:
            async with asyncio.timeout_at(min(self._deadline, asyncio.get_running_loop().time() + _LONGEST)):
                token = await self.get_token(self._cloud.scope)
        except ClientAuthenticationError as error:
            raise InputError(_sign_in_error(str(error.message), verbose=self._verbose)) from None
        except TimeoutError:
            message = f"{self._cloud.authority} did not answer in time; check the network and HTTPS_PROXY"
            raise InputError(_sign_in_error(message, verbose=self._verbose)) from None
        self.identity = identity_of(token.token)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the chains."""
        for chain in self._chains:
            await chain.close()

    async def get_token(self, *scopes: str, claims: str | None = None, **options: Any) -> AccessToken:  # noqa: ANN401
        """Return a token; the clients of the SDK call this."""
        options["tenant_id"] = self._tenant or options.get("tenant_id")
        return await self._chains[-1].get_token(*scopes, claims=claims, **options)

    def renew(self, refused: str) -> None:
        """Let the next token be a fresh one for a request that Azure has refused with this one.

        A chain keeps its tokens until they expire by the clock of this computer, so that only a new one asks again.
        """
        self.retries += 1
        if refused not in self._refused:
            self._refused.add(refused)
            self._chains.append(self._chain())

    async def close(self) -> None:
        """Do nothing: each client of the SDK calls this, and the chain serves all of them."""


@contextlib.contextmanager
def _authority(authority: str) -> Iterator[None]:
    """Set the authority for all credentials of the chain; the chain itself passes it to some of them only."""
    before = os.environ.get(_AUTHORITY)
    os.environ[_AUTHORITY] = authority
    try:
        yield
    finally:
        del os.environ[_AUTHORITY]
        if before is not None:
            os.environ[_AUTHORITY] = before


def _sign_in_error(message: str, *, verbose: bool) -> str:
    """Return on one line what to do, and why the credentials that were tried got no token.

    Of a whole chain that was tried in vain, these are only the ones that Microsoft Entra ID refused, unless `verbose`.
    """
    tried = [_reason(*line.strip().split(": ", 1)) for line in message.splitlines() if line.startswith("\t")]
    hint = tls_hint(message)
    if hint or len(tried) < 2:
        reason = f"tried {'; '.join(tried)}" if tried else str(redact(message))
        advice = hint or next((check for name, check in _CHECKS.items() for one in tried if one.startswith(name)), "")
        return f"cannot sign in to Azure: {'; '.join(filter(None, (advice, reason)))}"
    shown = [reason for reason in tried if verbose or _ERROR_CODE in reason]
    more = [f"tried {'; '.join(shown)}"] if shown else []
    return "; ".join([_NO_CREDENTIAL, *more, *([] if verbose else ["-v shows what was tried"])])


def _reason(credential: str, reason: str = "") -> str:
    """Return why a credential got no token, without sentences that only link to help or repeat its name."""
    sentences = re.split(r"(?<=\.)\s+", str(redact(reason)))
    kept = [s for s in sentences if "https://aka.ms/" not in s and s != f"{credential} authentication unavailable."]
    return f"{credential}: {' '.join(kept)}".rstrip(" .:")


def identity_of(token: str) -> str:
    """Return the principal to which a token was issued, "" if it has none; it is shown, and nothing relies on it."""
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
