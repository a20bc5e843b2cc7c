"""Microsoft Entra: discovery, tokens for a secret or a federated token, and the managed identity of an App Service."""

from __future__ import annotations

import base64
import json
import time
from dataclasses import dataclass, field
from typing import Any

from tests.arm import refusals
from tests.arm.exchange import Answer, Call, RefusalError
from tests.arm.identity import Identity

MANAGED_IDENTITY = "/msi/token"
"""The path of `IDENTITY_ENDPOINT`."""

_DISCOVERY = "/.well-known/openid-configuration"
_ANY_TENANT = {"common", "organizations", "consumers"}
_FEDERATED = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@dataclass
class Entra:
    """The login service of one tenant with one identity."""

    url: str
    audiences: tuple[str, ...]
    lifetime: float = 3600.0
    clock_skew: float = 0.0
    """Seconds for which an expired token is still accepted."""
    issued: dict[str, float] = field(default_factory=dict)
    """Each issued token with its expiry."""

    def answers(self, call: Call) -> bool:
        """Return whether a request is for the login service."""
        path = call.path.lower()
        return path == MANAGED_IDENTITY or path.endswith((_DISCOVERY, "/oauth2/v2.0/token", "/oauth2/token"))

    def answer(self, call: Call, identity: Identity) -> Answer:
        """Return the answer of the login service.

        Raises:
            RefusalError: an App Service does not answer such a request.
        """
        if call.path.lower() == MANAGED_IDENTITY:
            return self._managed_identity(call, identity)
        tenant = call.path.strip("/").split("/")[0]
        if tenant.lower() not in {identity.tenant_id, *_ANY_TENANT}:
            return _failure(400, "invalid_tenant", 90002, f"Tenant '{tenant}' not found.")
        if call.path.lower().endswith(_DISCOVERY):
            return Answer(body=self._discovery(tenant, identity))
        return self._token(call.form, identity)

    def check(self, call: Call) -> None:
        """Require a token that was issued here and has not expired.

        Raises:
            RefusalError: 401, with the challenge that Azure Resource Manager sends.
        """
        scheme, _, token = call.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise refusals.NO_TOKEN.error(self.url)
        if token not in self.issued:
            raise refusals.INVALID_TOKEN.error(self.url)
        if self.issued[token] + self.clock_skew <= time.time():
            raise refusals.EXPIRED_TOKEN.error(self.url, end=self.issued[token], now=time.time())

    def _discovery(self, tenant: str, identity: Identity) -> dict[str, Any]:
        issuer = tenant if tenant.lower() not in _ANY_TENANT else "{tenantid}"
        return {
            "token_endpoint": f"{self.url}/{tenant}/oauth2/v2.0/token",
            "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
            "jwks_uri": f"{self.url}/{tenant}/discovery/v2.0/keys",
            "response_modes_supported": ["query", "fragment", "form_post"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
            "issuer": f"{self.url}/{issuer}/v2.0",
            "authorization_endpoint": f"{self.url}/{tenant}/oauth2/v2.0/authorize",
            "device_authorization_endpoint": f"{self.url}/{tenant}/oauth2/v2.0/devicecode",
            "tenant_region_scope": "EU" if tenant == identity.tenant_id else None,
            "cloud_instance_name": "arm.test",
        }

    def _token(self, form: dict[str, str], identity: Identity) -> Answer:
        if form.get("grant_type") != "client_credentials":
            return _failure(400, "unsupported_grant_type", 70003, "The app requested an unsupported grant type.")
        if form.get("client_id") != identity.client_id:
            message = f"Application with identifier '{form.get('client_id')}' was not found in the directory."
            return _failure(400, "unauthorized_client", 700016, message)
        if form.get("client_assertion_type") == _FEDERATED:
            if form.get("client_assertion") != identity.assertion:
                return _failure(401, "invalid_client", 700213, "No matching federated identity record was found.")
        elif form.get("client_secret") != identity.secret:
            return _failure(401, "invalid_client", 7000215, "Invalid client secret provided.")
        scope, default, _ = form.get("scope", "").partition("/.default")
        if not default:
            return _failure(400, "invalid_scope", 1002012, f"The scope '{scope}' is not valid for client credentials.")
        return self._issue(scope, identity)

    def _managed_identity(self, call: Call, identity: Identity) -> Answer:
        if call.headers.get("x-identity-header") != identity.managed_identity_header:
            raise RefusalError(401, "Unauthorized", "The X-IDENTITY-HEADER is missing or wrong.")
        if call.parameter("client_id") not in {"", identity.client_id}:
            raise RefusalError(400, "invalid_request", "No user-assigned identity of this client id was found.")
        issued = self._issue(call.parameter("resource"), identity)
        if issued.status != 200:
            return issued
        token = issued.body["access_token"]
        ends = {"expires_on": str(int(self.issued[token])), "resource": call.parameter("resource")}
        return Answer(body={"access_token": token, "token_type": "Bearer", "client_id": identity.client_id, **ends})

    def _issue(self, resource: str, identity: Identity) -> Answer:
        if resource.rstrip("/") not in {audience.rstrip("/") for audience in self.audiences}:
            message = f"The resource principal named {resource} was not found in the tenant named Hospital."
            return _failure(400, "invalid_resource", 500011, message)
        now = time.time()
        claims = {
            "aud": resource,
            "iss": f"{self.url}/{identity.tenant_id}/",
            "iat": int(now),
            "nbf": int(now),
            "exp": int(now + self.lifetime),
            "appid": identity.client_id,
            "idtyp": "user" if identity.upn else "app",
            "oid": identity.object_id,
            "sub": identity.object_id,
            "tid": identity.tenant_id,
            "uti": f"token-{len(self.issued)}",
            "ver": "1.0",
        }
        token = _jwt({**claims, "upn": identity.upn} if identity.upn else claims)
        self.issued[token] = now + self.lifetime
        seconds = int(self.lifetime)
        body = {"token_type": "Bearer", "expires_in": seconds, "ext_expires_in": seconds, "access_token": token}
        return Answer(body=body)


def _failure(status: int, name: str, code: int, message: str) -> Answer:
    body = {"error": name, "error_description": f"AADSTS{code}: {message}", "error_codes": [code]}
    return Answer(status, body)


def _jwt(claims: dict[str, Any]) -> str:
    """Return a token that looks signed; only its issuer can verify it."""
    parts = (json.dumps({"typ": "JWT", "alg": "RS256", "kid": "none"}), json.dumps(claims), "not a signature")
    return ".".join(base64.urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in parts)
