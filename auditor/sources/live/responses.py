"""Responses of Azure: their bodies and headers, and what a failure means."""

from __future__ import annotations

import datetime as dt
import email.utils
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec

from auditor.azure import arm
from auditor.snapshot.model import GapReason
from auditor.snapshot.redaction import redact

if TYPE_CHECKING:
    from azure.core.rest import AsyncHttpResponse

OK: Final = 200
UNAUTHORIZED: Final = 401
TRANSIENT_STATUSES: Final = frozenset({408, 429, 500, 502, 503, 504})
"""Statuses of failures that may pass."""
OTHER_TENANT_HINT: Final = "if it is in another tenant, name that tenant with --tenant"

_TLS_HINT: Final = "its certificate is not trusted; name a file with the certificate of its issuer with --ca-bundle"
_NOT_FOUND: Final = frozenset(
    {"resourcenotfound", "resourcegroupnotfound", "parentresourcenotfound", "notfound", "subscriptionnotfound"}
)
_NOT_REGISTERED: Final = frozenset({"missingsubscriptionregistration", "subscriptionnotregistered"})
_UNKNOWN_TYPE: Final = frozenset({"invalidresourcetype", "invalidresourcenamespace"})
"""Error codes by which Azure says that it does not know a type, as after the type is retired."""
_OTHER_VERSIONS: Final = "supported api-versions"
"""Words with which Azure says that it knows the type, but not in the requested version of its API."""
_DISALLOWED: Final = "disallowedoperation"
"""The error code by which Azure says that it permits no operation to subscriptions of this kind."""
_UNSUPPORTED: Final = frozenset(
    {*_UNKNOWN_TYPE, "noregisteredproviderfound", "invalidapiversionparameter", _DISALLOWED}
)
"""Error codes by which Azure says that it does not offer a type here, or not in the requested version of its API."""
_UPDATE_HINT: Final = "update auditor, since Azure does not serve the version of its API that it asks for: "
_EXPIRED: Final = "expiredauthenticationtoken"
_EXPIRED_HINT: Final = "by Azure's clock every token had expired: set the clock of this computer, then sign in again"
_MOST_SECONDS: Final = 10**9
"""A longer `Retry-After` counts as this."""

_TENANT_READS: Final = "x-ms-ratelimit-remaining-tenant-reads"

_BODY: Final = msgspec.json.Decoder()


class NotReadError(Exception):
    """Something could not be read, with the reason as a gap has it."""

    def __init__(self, reason: GapReason, code: str = "", detail: str = "", call: str = "") -> None:
        """Keep the reason, Azure's error code, a sentence for the operator, and the request, such as `GET /...`."""
        super().__init__(": ".join(filter(None, (code, detail))) or reason.value)
        self.reason = reason
        self.code = code
        self.detail = detail
        self.call = call

    @property
    def not_found(self) -> bool:
        """Return whether Azure says that there is no such resource."""
        return self.code.lower() in _NOT_FOUND

    @property
    def not_registered(self) -> bool:
        """Return whether the resource provider is not registered in the subscription.

        Azure refuses to unregister one of which the subscription has resources.
        """
        return self.code.lower() in _NOT_REGISTERED


class UnknownTypeError(NotReadError):
    """Azure does not know the resource type, so that no resource of it exists, whatever the identity may read."""


class NotSignedInError(NotReadError):
    """Azure does not accept the token: no permission would help."""

    def __init__(self, code: str, detail: str, reason: GapReason = GapReason.FORBIDDEN) -> None:
        """Keep Azure's error code, a sentence for the operator, and the reason."""
        super().__init__(reason, code, detail)


class UntrustedError(NotReadError):
    """The certificate of the server is not trusted: no request to it can succeed."""

    def __init__(self, detail: str) -> None:
        """Keep a sentence for the operator."""
        super().__init__(GapReason.UNAVAILABLE, detail=detail)


def decoded(response: AsyncHttpResponse, path: str) -> Any:  # noqa: ANN401 - JSON
    """Return the decoded body of a response.

    Raises:
        NotReadError: the body is not JSON.
    """
    try:
        return _BODY.decode(response.content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise NotReadError(GapReason.MALFORMED, detail=f"the answer to {shown(path)} is not JSON") from None


def refusal(response: AsyncHttpResponse, path: str) -> NotReadError:
    """Return the error of a response with another status than 200."""
    status = response.status_code
    code, whole = _error_code_and_message(response.content)
    if status == UNAUTHORIZED:
        return _token_refusal(code)
    if code.lower() in _UNSUPPORTED:
        return _unsupported(code, whole)
    if status == 403:
        return NotReadError(GapReason.FORBIDDEN, code or "HTTP 403")
    if status == 429:
        seconds = retry_after(response.headers)
        detail = "" if seconds is None else f"Azure asked to wait for {math.ceil(seconds)} seconds"
        return NotReadError(GapReason.THROTTLED, code or "TooManyRequests", detail)
    if 300 <= status < 400:
        return NotReadError(GapReason.MALFORMED, f"HTTP {status}", f"the answer to {shown(path)} is a redirection")
    return NotReadError(GapReason.UNAVAILABLE, code or f"HTTP {status}", line(whole))


def _unsupported(code: str, message: str) -> NotReadError:
    """Return the error of a type that Azure does not know, or not in this version, or not in this subscription."""
    if code.lower() in _UNKNOWN_TYPE and _OTHER_VERSIONS not in message.lower():
        return UnknownTypeError(GapReason.UNSUPPORTED, code)
    hint = "" if code.lower() == _DISALLOWED else _UPDATE_HINT
    return NotReadError(GapReason.UNSUPPORTED, code, hint + line(message))


def _token_refusal(code: str) -> NotSignedInError:
    """Return the error of a fresh token that Azure has refused."""
    if code.lower() == _EXPIRED:
        return NotSignedInError(code, _EXPIRED_HINT, GapReason.UNAVAILABLE)
    return NotSignedInError(code or "HTTP 401", f"sign in again; {OTHER_TENANT_HINT}")


def _error_code_and_message(content: bytes) -> tuple[str, str]:
    """Return Azure's error code, and its message as it is, in a body; "" for each that it does not have."""
    try:
        body = _BODY.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return "", ""
    error = body.get("error", body) if isinstance(body, dict) else None
    parts = (error.get(name) if isinstance(error, dict) else None for name in ("code", "message"))
    code, message = (part if isinstance(part, str) else "" for part in parts)
    return line(code), message


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return how many seconds Azure asks to wait, None if it does not.

    `Retry-After` has a number or an HTTP date. Azure Resource Graph may say instead when its quota is full again.
    """
    text = headers.get("Retry-After", "").strip()
    if not text and queries_left(headers) == 0:
        return quota_resets(headers)
    if text.isdecimal():
        return float(min(int(text[:20]), _MOST_SECONDS))
    try:
        until = email.utils.parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=dt.UTC)
    return max(0.0, (until - dt.datetime.now(dt.UTC)).total_seconds())


def reads_left(headers: Mapping[str, str]) -> int | None:
    """Return how many reads ARM has left for the identity by its own count, None if it does not say."""
    return _count(headers.get("x-ms-ratelimit-remaining-subscription-reads") or headers.get(_TENANT_READS, ""))


def reads_left_to_all(headers: Mapping[str, str]) -> int | None:
    """Return how many reads of a subscription ARM has left for all identities together, None if it does not say."""
    return _count(headers.get("x-ms-ratelimit-remaining-subscription-global-reads", ""))


def resource_reads_left(headers: Mapping[str, str]) -> int | None:
    """Return how many requests of this kind a resource provider accepts, None if it does not say.

    Microsoft.Compute states one number or more, such as `Microsoft.Compute/HighCostGetSubscriptionMaximum;297`. Those
    whose names end with `Resource` count the requests for the one resource that was requested.
    """
    stated = (part.strip().split(";") for part in headers.get("x-ms-ratelimit-remaining-resource", "").split(","))
    counts = (_count(part[1]) for part in stated if len(part) == 2 and not part[0].endswith("Resource"))
    return min((count for count in counts if count is not None), default=None)


def queries_left(headers: Mapping[str, str]) -> int | None:
    """Return how many queries Azure Resource Graph accepts before `quota_resets`, None if it does not say."""
    return _count(headers.get("x-ms-user-quota-remaining", ""))


def quota_resets(headers: Mapping[str, str]) -> float | None:
    """Return after how many seconds Azure Resource Graph accepts its full number of queries again, None if unknown."""
    parts = headers.get("x-ms-user-quota-resets-after", "").split(":")
    counts = [_count(part) for part in parts]
    if len(counts) != 3 or None in counts:
        return None
    hours, minutes, seconds = (count or 0 for count in counts)
    return float(hours * 3600 + minutes * 60 + seconds)


def _count(text: str) -> int | None:
    """Return a number of a header, None if it is not one."""
    return int(text) if text.isdecimal() and text.isascii() and len(text) < 10 else None


def request_id(headers: Mapping[str, str]) -> str:
    """Return the id by which Azure's support finds a request, "" if there is none."""
    return line(headers.get("x-ms-request-id", "") or headers.get("x-ms-correlation-request-id", ""))


def tls_hint(error: str) -> str:
    """Return what to do if an error says that a certificate is not trusted, "" for any other error."""
    return _TLS_HINT if "CERTIFICATE_VERIFY_FAILED" in error else ""


def shown(path: str) -> str:
    """Return a path, or a call, for messages: without its query, which may have a long token of a page."""
    return str(redact(path.split("?", maxsplit=1)[0])) or arm.SUBSCRIPTION


def line(text: str, most: int = 200) -> str:
    """Return a text of Azure or of the SDK as one line without secrets, cut after `most` characters."""
    return str(redact(" ".join(text.split())))[:most]
