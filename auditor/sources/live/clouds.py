"""Azure clouds: their endpoints, and the audience and the issuer of their tokens."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

import msgspec

from auditor.errors import InputError
from auditor.snapshot.redaction import redact


class Cloud(msgspec.Struct, frozen=True):
    """An Azure cloud."""

    name: str
    endpoint: str
    """The base URL of Azure Resource Manager, without a slash at its end."""
    audience: str
    """The audience that a token must have."""
    authority: str
    """The base URL of Microsoft Entra ID, or of the service that replaces it."""

    @property
    def scope(self) -> str:
        """Return the scope of a token. A slash at the end of the audience counts: two follow each other then."""
        return f"{self.audience}/.default"


CLOUDS: Final = {
    cloud.name: cloud
    for cloud in (
        Cloud(
            "AzureCloud",
            "https://management.azure.com",
            "https://management.azure.com",
            "https://login.microsoftonline.com",
        ),
        Cloud(
            "AzureUSGovernment",
            "https://management.usgovcloudapi.net",
            "https://management.core.usgovcloudapi.net",
            "https://login.microsoftonline.us",
        ),
        Cloud(
            "AzureChinaCloud",
            "https://management.chinacloudapi.cn",
            "https://management.chinacloudapi.cn",
            "https://login.chinacloudapi.cn",
        ),
    )
}
"""The clouds of Microsoft, by their names in the Azure CLI."""

METADATA: Final = ("2022-09-01", "2015-01-01")
"""The api-versions of the public description of a cloud: the present one, and the first, the only one of older clouds.
"""


def check_url(url: str, what: str) -> str:
    """Return a base URL without the slash at its end; `what` names it in errors.

    Raises:
        InputError: it is not an https URL without user, query and fragment. A token is never sent over anything else.
    """
    try:
        parts = urlsplit(url)
        good = parts.scheme == "https" and parts.hostname and "@" not in parts.netloc and parts.port != 0
    except ValueError:  # the host or the port is malformed
        good = False
    if not good or parts.query or parts.fragment:
        message = f"{what} is '{redact(url)}', not a URL like https://management.example.org"
        raise InputError(message)
    return url.rstrip("/")


def from_metadata(endpoint: str, body: object, authority: str | None) -> Cloud:
    """Return the cloud that an ARM endpoint describes; an `authority` of the user replaces the described one.

    Raises:
        InputError: the description does not have the audience and the issuer of tokens.
    """
    description = _description(endpoint, body)
    authentication = description.get("authentication")
    authentication = authentication if isinstance(authentication, dict) else {}
    login, audiences = authentication.get("loginEndpoint"), authentication.get("audiences")
    audience = next((a for a in audiences if isinstance(a, str) and a), None) if isinstance(audiences, list) else None
    if audience is None or not (authority or isinstance(login, str)):
        missing = "authentication.loginEndpoint and .audiences"
        message = f"{endpoint} does not describe where to sign in ({missing}); check --arm-endpoint"
        raise InputError(message)
    name = description.get("name")
    return Cloud(
        name if isinstance(name, str) and name else str(urlsplit(endpoint).hostname),
        endpoint,
        audience,
        authority or check_url(str(login), f"the loginEndpoint of {endpoint}"),
    )


def _description(endpoint: str, body: object) -> dict[str, object]:
    """Return the description of the cloud of an endpoint; a body has that one, or a list of all that it knows."""
    if isinstance(body, dict):
        return body
    descriptions = [item for item in body if isinstance(item, dict)] if isinstance(body, list) else []
    own = [d for d in descriptions if str(d.get("resourceManager")).rstrip("/").lower() == endpoint.lower()]
    return own[0] if own else {}
