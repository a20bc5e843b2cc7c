"""Lists in pages, and the opaque tokens that lead to the next one."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from tests.arm.exchange import Answer, Call, Listing, RefusalError

_LOWER = "$skiptoken"
_CAMEL = "$skipToken"
_ENCODED = "%24skiptoken"
_SPELLED = {"network": _CAMEL, "recoveryservices": _CAMEL, "resources": _ENCODED}
"""The spelling of the parameter by some providers; all others write it in lower case."""


def spelling(namespace: str) -> str:
    return _SPELLED.get(namespace.lower().removeprefix("microsoft."), _LOWER)


def listing(call: Call, items: list[Any], size: int, namespace: str, **beside: Any) -> Answer:
    """Answer with the page that a request asks for, and with what stands beside its items.

    Raises:
        RefusalError: the token was not issued here.
    """
    top = call.parameter("$top")
    return Answer(listing=Listing(items, position(call)[0], min(size, int(top or size)), spelling(namespace), beside))


def position(call: Call) -> tuple[int, str]:
    """Return the position at which a request continues, and the mark in its token.

    Raises:
        RefusalError: the token was not issued here.
    """
    token = call.parameter(_LOWER)
    if not token:
        return 0, ""
    try:
        at, mark = json.loads(base64.urlsafe_b64decode(token))
    except ValueError:
        raise RefusalError(400, "InvalidSkipToken", f"The skip token '{token}' is not valid.") from None
    return at, mark


def mark(call: Call) -> str:
    """Return the mark of a request's token, or "" where it has none."""
    try:
        return position(call)[1]
    except RefusalError:
        return ""


def link(base: str, call: Call, page: Listing, at: int, mark: str = "") -> str:
    """Return the address of a page that starts `at` an item."""
    token = quote(base64.urlsafe_b64encode(json.dumps([at, mark]).encode()).decode(), safe="")
    kept = [part for part in call.query.split("&") if unquote(part.partition("=")[0]).lower() not in {_LOWER, ""}]
    return f"{base}{urlsplit(call.target).path}?{'&'.join([*kept, f'{page.token}={token}'])}"


def body(base: str, call: Call, page: Listing) -> dict[str, Any]:
    """Return the body of a page."""
    found = {"value": page.value, **page.beside}
    return {**found, "nextLink": link(base, call, page, page.at + page.size)} if page.more else found
