"""Which subscriptions are read: those with ids or names, those below management groups, or all that are seen."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable
from typing import Final
from urllib.parse import quote

from auditor.azure import arm
from auditor.errors import InputError
from auditor.sources.live import reads
from auditor.sources.live.bodies import text_at
from auditor.sources.live.client import ArmClient
from auditor.sources.live.responses import NotReadError, UntrustedError

_ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_MOST_NAMED: Final = 20
"""How many subscriptions or management groups an error names."""


async def choose(client: ArmClient, wanted: tuple[str, ...], groups: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Return the scopes of the subscriptions with these ids or names and of those below management groups, each once.

    If neither is wanted, return those of all subscriptions that the identity sees.

    Raises:
        InputError: no subscription or management group or more than one has a name, no subscription is found, or a list
            that is needed could not be read.
    """
    try:
        below = [scope for group in groups for scope in await _below(client, group)]
        if groups and not wanted:
            return tuple(dict.fromkeys(below))
        return tuple(dict.fromkeys([*below, *await _subscriptions(client, wanted)]))
    except UntrustedError as error:
        raise InputError(error.detail) from None


async def _subscriptions(client: ArmClient, wanted: tuple[str, ...]) -> tuple[str, ...]:
    """Return the scopes of subscriptions by their ids or names, of all that are seen if none is wanted."""
    if wanted and all(map(_ID.fullmatch, wanted)):
        return tuple(map(_scope, wanted))
    try:
        found = [(arm.name_of(body["id"]), str(body.get("displayName"))) async for body in seen(client)]
    except UntrustedError:
        raise
    except NotReadError as error:
        message = f"the list of subscriptions could not be read: {error}; name each subscription by its id"
        raise InputError(message) from None
    if not found:
        message = "the account that signed in sees no subscription; if they are elsewhere, give --tenant"
        raise InputError(message)
    names = wanted or tuple(id_ for id_, _ in found)
    return tuple(_scope(name if _ID.fullmatch(name) else _named("subscription", name, found)) for name in names)


async def seen(client: ArmClient) -> AsyncIterator[dict[str, str]]:
    """Yield the subscriptions that the identity can see, with their ids.

    Raises:
        NotReadError: the list is not complete.
    """
    async for body in client.items(reads.SUBSCRIPTION.request("/subscriptions")):
        if isinstance(body, dict) and arm.is_id(body.get("id")):
            yield body


async def _below(client: ArmClient, wanted: str) -> tuple[str, ...]:
    """Return the scopes of the subscriptions below a management group, also of those that the identity may not read.

    Raises:
        InputError: there is no such management group, or it has no subscription, or not all of them are known.
    """
    try:
        groups = [body async for body in client.items(reads.MANAGEMENT_GROUPS.request(""))]
        found = [(text_at(body, "name"), text_at(body, "properties", "displayName")) for body in groups]
        ids = [id_ for id_, _ in found if id_.casefold() == wanted.casefold()]
        group = ids[0] if ids else _named("management group", wanted, found)
        scope = f"/providers/{reads.MANAGEMENT_GROUPS.name}/{quote(group, safe='')}"
        below = [text_at(body, "id") async for body in client.items(reads.DESCENDANTS.request(scope))]
    except UntrustedError:
        raise
    except NotReadError as error:
        needed = f"{reads.MANAGEMENT_GROUPS.action} and {reads.DESCENDANTS.action}"
        message = (
            f"the subscriptions of the management group '{wanted}' could not be read: {error}; a role at it must grant "
            f"{needed}, as auditor permissions --management-group prints it; or name the subscriptions"
        )
        raise InputError(message) from None
    scopes = [arm.key(id_) for id_ in below if arm.type_of(id_) == arm.SUBSCRIPTION]
    if not scopes:
        message = f"the management group '{wanted}' has no subscription"
        raise InputError(message)
    return tuple(scopes)


def _scope(subscription: str) -> str:
    return f"/subscriptions/{subscription.lower()}"


def _named(what: str, name: str, known: Iterable[tuple[str, str]]) -> str:
    """Return the id that has a name, in any case; `known` are ids with their names.

    Raises:
        InputError: none or more than one has it.
    """
    known = list(known)
    found = [(id_, named) for id_, named in known if named.casefold() == name.casefold()]
    if len(found) == 1:
        return found[0][0]
    if found:
        message = f"{len(found)} {what}s are named '{name}': {_shown(found)}; name one by its id"
    elif known:
        message = f"no {what} is named '{name}'; the account that signed in sees {_shown(known)}"
    else:
        message = f"no {what} is named '{name}'; the account that signed in sees none"
    raise InputError(message)


def _shown(known: Iterable[tuple[str, str]]) -> str:
    """Return names and ids for an error."""
    shown = sorted(f"{name} ({id_})" for id_, name in known)
    more = [f"and {len(shown) - _MOST_NAMED} more"] if len(shown) > _MOST_NAMED else []
    return ", ".join([*shown[:_MOST_NAMED], *more])
