"""What Azure answers, and what it means where that is not what was asked for."""

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
PASSING: Final = frozenset({408, 429, 500, 502, 503, 504})
"""Statuses by which something fails for a while."""
ANOTHER_TENANT: Final = "where it is of another tenant, name that with --tenant"
UNTRUSTED: Final = "its certificate is not trusted; name the file of its issuer's certificate with --ca-bundle"

_UNSUPPORTED: Final = frozenset(
    {"invalidresourcetype", "invalidresourcenamespace", "noregisteredproviderfound", "invalidapiversionparameter"}
)
"""Error codes by which a cloud says that it does not have a type, or not this version of its API."""
_MOST_SECONDS: Final = 10**9
"""What is longer is not counted: it is for ever."""

_BODY: Final = msgspec.json.Decoder()


class NotReadError(Exception):
    """Something could not be read, with the reason as a gap carries it."""

    def __init__(self, reason: GapReason, code: str = "", detail: str = "") -> None:
        """Keep the reason, Azure's own code, and a sentence for a human."""
        super().__init__(": ".join(filter(None, (code, detail))) or reason.value)
        self.reason = reason
        self.code = code
        self.detail = detail


class NotSignedInError(NotReadError):
    """Azure does not take the identity for whom it says it is, so that no permission would help."""

    def __init__(self, code: str, detail: str) -> None:
        """Keep Azure's own code, and a sentence for a human."""
        super().__init__(GapReason.FORBIDDEN, code, detail)


def decoded(response: AsyncHttpResponse, path: str) -> Any:  # noqa: ANN401 - JSON
    """Return what a body says.

    Raises:
        NotReadError: it is no JSON.
    """
    try:
        return _BODY.decode(response.content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise NotReadError(GapReason.MALFORMED, detail=f"the answer to {shown(path)} is no JSON") from None


def refusal(response: AsyncHttpResponse, path: str) -> NotReadError:
    """Return why an answer with another status than 200 is none."""
    status = response.status_code
    code, message = _said(response.content)
    if status == 401:
        return NotSignedInError(code or "HTTP 401", f"Azure does not take this sign-in for it; {ANOTHER_TENANT}")
    if status == 403:
        return NotReadError(GapReason.FORBIDDEN, code or "HTTP 403")
    if status == 429:
        asked = retry_after(response.headers)
        detail = "" if asked is None else f"Azure asked to wait for {math.ceil(asked)} seconds"
        return NotReadError(GapReason.THROTTLED, code or "TooManyRequests", detail)
    if code.lower() in _UNSUPPORTED:
        return NotReadError(GapReason.UNSUPPORTED, code)
    if 300 <= status < 400:
        return NotReadError(GapReason.MALFORMED, f"HTTP {status}", f"{shown(path)} was answered by a redirection")
    return NotReadError(GapReason.UNAVAILABLE, code or f"HTTP {status}", message)


def _said(content: bytes) -> tuple[str, str]:
    """Return Azure's error code and message in a body, "" for what is not there."""
    try:
        body = _BODY.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return "", ""
    error = body.get("error", body) if isinstance(body, dict) else None
    parts = (error.get(name) if isinstance(error, dict) else None for name in ("code", "message"))
    code, message = (line(part) if isinstance(part, str) else "" for part in parts)
    return code, message


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return how many seconds Azure asks to wait: a number, or a date as HTTP has it; None where it does not ask."""
    text = headers.get("Retry-After", "").strip()
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
    """Return how many more reads ARM would take at once, by its own count; None where it does not say."""
    text = headers.get("x-ms-ratelimit-remaining-subscription-reads", "")
    return int(text) if text.isdecimal() and len(text) < 10 else None


def request_id(headers: Mapping[str, str]) -> str:
    """Return the id under which Azure's support finds a request."""
    return headers.get("x-ms-request-id", "") or headers.get("x-ms-correlation-request-id", "")


def untrusted(said: str) -> str:
    """Return what to do where an error says that a certificate is not trusted, "" where it says anything else."""
    return UNTRUSTED if "CERTIFICATE_VERIFY_FAILED" in said else ""


def shown(path: str) -> str:
    """Return a path as messages show it: without the token of a page, which is long and says nothing."""
    return str(redact(path.split("?", maxsplit=1)[0])) or arm.SUBSCRIPTION


def line(text: str, most: int = 200) -> str:
    """Return a text of Azure's or of the SDK's as one short line without secrets."""
    return str(redact(" ".join(text.split())))[:most]
