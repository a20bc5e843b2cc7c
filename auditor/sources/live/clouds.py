"""Azure clouds: where each answers, for whom a token must be, and who issues it."""

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
    """For whom a token must be."""
    authority: str
    """The base URL of Microsoft Entra ID, or of what stands in for it."""

    @property
    def scope(self) -> str:
        """Return the scope that is asked for with a token; a slash at the audience's end counts, so that two follow."""
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
"""The clouds that Microsoft runs, by the names that the Azure CLI gives them."""

METADATA: Final = ("2022-09-01", "2015-01-01")
"""The api-versions by which a cloud describes itself to anybody: today's, and the first, which is all that older ones
have."""


def check_url(url: str, what: str) -> str:
    """Return a base URL without the slash at its end.

    Raises:
        InputError: it is not an https URL without parameters; a token is never sent over anything else.
    """
    try:
        parts = urlsplit(url)
        good = parts.scheme == "https" and parts.hostname and "@" not in parts.netloc and parts.port != 0
    except ValueError:  # an address or a port that is none
        good = False
    if not good or parts.query or parts.fragment:
        message = f"{what} is '{redact(url)}', not a URL like https://management.example.org"
        raise InputError(message)
    return url.rstrip("/")


def from_metadata(endpoint: str, body: object, authority: str | None) -> Cloud:
    """Return the cloud that an ARM endpoint describes; an `authority` that the user gave goes before the described one.

    Raises:
        InputError: the answer does not say who issues tokens and for whom.
    """
    described = _described(endpoint, body)
    authentication = described.get("authentication")
    authentication = authentication if isinstance(authentication, dict) else {}
    login, audiences = authentication.get("loginEndpoint"), authentication.get("audiences")
    audience = next((a for a in audiences if isinstance(a, str) and a), None) if isinstance(audiences, list) else None
    if audience is None or not (authority or isinstance(login, str)):
        message = f"{endpoint} does not say where to sign in (authentication.loginEndpoint and .audiences)"
        raise InputError(message)
    name = described.get("name")
    return Cloud(
        name if isinstance(name, str) and name else str(urlsplit(endpoint).hostname),
        endpoint,
        audience,
        authority or check_url(str(login), f"the loginEndpoint of {endpoint}"),
    )


def _described(endpoint: str, body: object) -> dict[str, object]:
    """Return the description of one cloud: an answer is that, or a list of all clouds that the endpoint knows."""
    if isinstance(body, dict):
        return body
    described = [cloud for cloud in body if isinstance(cloud, dict)] if isinstance(body, list) else []
    own = [cloud for cloud in described if str(cloud.get("resourceManager")).rstrip("/").lower() == endpoint.lower()]
    return own[0] if own else {}
