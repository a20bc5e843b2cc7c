"""Azure clouds: where each answers, for whom a token must be, and who issues it."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

import msgspec

from auditor.errors import InputError


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
        """Return the scope that is asked for with a token."""
        return f"{self.audience.rstrip('/')}/.default"

    @property
    def known(self) -> bool:
        """Tell whether Entra ID itself vouches for the authority."""
        return self.name in CLOUDS


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

METADATA: Final = "/metadata/endpoints?api-version=2022-09-01"
"""What ARM answers to anybody: the version is the newest that Azure Stack Hub and the public clouds share."""


def check_url(url: str, what: str) -> str:
    """Return a base URL without the slash at its end.

    Raises:
        InputError: it is not an https URL of a host alone; a token is never sent over anything else.
    """
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname or parts.username or parts.query or parts.fragment:
        message = f"{what} is '{url}', not a URL like https://management.example.org"
        raise InputError(message)
    return url.rstrip("/")


def from_metadata(endpoint: str, body: object, authority: str | None) -> Cloud:
    """Return the cloud that an ARM endpoint describes; an `authority` that the user gave goes before the described one.

    Raises:
        InputError: the answer does not say who issues tokens and for whom.
    """
    described = _described(endpoint, body)
    authentication = described.get("authentication") if described else None
    authentication = authentication if isinstance(authentication, dict) else {}
    login, audiences = authentication.get("loginEndpoint"), authentication.get("audiences")
    audience = next((a for a in audiences if isinstance(a, str) and a), None) if isinstance(audiences, list) else None
    if audience is None or not (authority or isinstance(login, str)):
        message = f"{endpoint}{METADATA} does not say where to sign in (authentication.loginEndpoint and .audiences)"
        raise InputError(message)
    name = described.get("name") if described else None
    issuer = authority or check_url(str(login), f"the loginEndpoint of {endpoint}")
    return Cloud(str(name or urlsplit(endpoint).hostname), endpoint, audience, issuer)


def _described(endpoint: str, body: object) -> dict[str, object] | None:
    """Return the description of one cloud: the newer answers are a list of all that it knows, older ones an object."""
    if isinstance(body, dict):
        return body
    described = [cloud for cloud in body if isinstance(cloud, dict)] if isinstance(body, list) else []
    own = [cloud for cloud in described if str(cloud.get("resourceManager", "")).rstrip("/") == endpoint]
    return next(iter(own or described), None)
