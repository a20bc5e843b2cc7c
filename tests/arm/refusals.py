"""In which words Azure refuses. The server obeys this table, and recorded answers confirm it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from tests.arm.exchange import RefusalError


@dataclass(frozen=True)
class Refusal:
    """One error of Azure Resource Manager."""

    status: int
    code: str
    message: str
    """With names in braces for what differs."""
    challenge: str = ""
    """The `error_description` in the header `WWW-Authenticate`, if it has one."""

    def error(self, login: str = "https://login.arm.test", **names: object) -> RefusalError:
        """Return the error with its names filled in; `login` is the address of the login service."""
        headers = {}
        if self.challenge:
            parts = f'error="invalid_token", error_description="{self.challenge}"'
            headers["WWW-Authenticate"] = f'Bearer authorization_uri="{login}/", {parts}'
        return RefusalError(self.status, self.code, self.message.format(**names), headers)

    def words(self, body: Any, headers: dict[str, str]) -> bool:
        """Return whether a recorded answer has these words."""
        message = body["error"]["message"] if isinstance(body, dict) and "error" in body else ""
        said = headers.get("www-authenticate", "")
        pattern = re.sub(r"\\{\w+\\}", ".*", re.escape(self.message))
        return re.fullmatch(pattern, message) is not None and (not self.challenge or self.challenge in said)


EXPIRED_TOKEN: Final = Refusal(
    401,
    "ExpiredAuthenticationToken",
    "The access token expiry UTC time '{end}' is earlier than current UTC time '{now}'.",
    "The access token has expired.",
)
INVALID_TOKEN: Final = Refusal(
    401, "InvalidAuthenticationToken", "The access token is invalid.", "The access token is invalid."
)
NO_TOKEN: Final = Refusal(
    401,
    "AuthenticationFailed",
    "Authentication failed. The 'Authorization' header is missing.",
    "Authentication failed. The 'Authorization' header is missing.",
)
FORBIDDEN: Final = Refusal(
    403,
    "AuthorizationFailed",
    "The client '{client}' with object id '{identity}' does not have authorization to perform action '{action}' over "
    "scope '{scope}' or the scope is invalid. If access was recently granted, please refresh your credentials.",
)
NOT_FOUND: Final = Refusal(
    404, "ResourceNotFound", "The Resource '{resource}' under resource group '{group}' was not found."
)
NO_GROUP: Final = Refusal(404, "ResourceGroupNotFound", "Resource group '{group}' could not be found.")
NO_PARENT: Final = Refusal(
    404,
    "ParentResourceNotFound",
    "Can not perform requested operation on nested resource. Parent resource '{parent}' not found.",
)
UNKNOWN_NAMESPACE: Final = Refusal(404, "InvalidResourceNamespace", "The resource namespace '{namespace}' is invalid.")
# Said of a type that Azure does not know at all, such as one that it has retired, in any version:
# Azure/Azure-Governance-Visualizer#70.
UNKNOWN_TYPE: Final = Refusal(
    404,
    "InvalidResourceType",
    "The resource type could not be found in the namespace '{namespace}' for api version '{version}'.",
)
# Said of a type that it knows in other versions: Azure/azure-sdk-for-go#12580.
OTHER_VERSIONS: Final = Refusal(
    404,
    "InvalidResourceType",
    "The resource type '{type}' could not be found in the namespace '{namespace}' for api version '{version}'. The "
    "supported api-versions are '{supported}'.",
)
# Said of accounts for blobs only, and of premium accounts for page blobs: turbot/steampipe-plugin-azure#474.
NO_FILES: Final = Refusal(400, "FeatureNotSupportedForAccount", "File is not supported for the account.")
NOT_REGISTERED: Final = Refusal(
    409,
    "MissingSubscriptionRegistration",
    "The subscription is not registered to use namespace '{namespace}'. See https://aka.ms/rps-not-found for how to "
    "register subscriptions.",
)

RECORDED: Final = (EXPIRED_TOKEN, FORBIDDEN, NOT_FOUND, NO_GROUP, NO_PARENT, NOT_REGISTERED)
"""Those of which there are recorded answers."""
