"""Bodies that Azure returned: as resources, and single values of them."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator

from auditor.azure import arm, paths
from auditor.snapshot.model import GapReason, Resource, resource
from auditor.sources.live.client import ArmClient
from auditor.sources.live.responses import NotReadError, shown


def resource_of(body: object, call: str, type_: str = "") -> Resource:
    """Return the resource of a body that a call returned.

    Raises:
        NotReadError: the body has no id or that of another type, or is nested too deeply.
    """
    if not isinstance(body, dict) or not arm.is_id(body.get("id")):
        raise NotReadError(GapReason.MALFORMED, detail=f"{shown(call)} returned an item without an id", call=call)
    with refusing_deep_bodies(call):
        found = resource(body, body["id"], call)
    if type_ and found.type != type_:
        detail = f"{shown(call)} returned {found.id}, which is of another type"
        raise NotReadError(GapReason.MALFORMED, detail=detail, call=call)
    return found


@contextlib.contextmanager
def refusing_deep_bodies(call: str) -> Iterator[None]:
    """Raise NotReadError instead of the RecursionError with which redaction refuses a body that a call returned."""
    try:
        yield
    except RecursionError:
        detail = f"{shown(call)} returned an item that is nested too deeply"
        raise NotReadError(GapReason.MALFORMED, detail=detail, call=call) from None


async def resources_of(client: ArmClient, path: str, type_: str = "") -> AsyncIterator[Resource]:
    """Yield the resources of a list, all of one type if it is given.

    Raises:
        NotReadError: a page is missing; or, after all others, an item was not such a resource.
    """
    malformed: NotReadError | None = None
    async for body in client.items(path):
        try:
            found = resource_of(body, f"GET {path}", type_)
        except NotReadError as error:
            malformed = error
        else:
            yield found
    if malformed is not None:
        raise malformed


def text_at(body: object, *path: str) -> str:
    """Return the text at a path, "" if there is none."""
    found = paths.get(body, path)
    return found if isinstance(found, str) else ""


def object_at(body: object, *path: str) -> dict[str, object] | None:
    """Return the object at a path, None if there is none."""
    found = paths.get(body, path)
    return found if isinstance(found, dict) else None


def name_of(body: object, path: str, *name: str) -> str:
    """Return the name of an item of a list that has no id; `path` is that of the request.

    Raises:
        NotReadError: it has none.
    """
    found = text_at(body, *name)
    if not found:
        call = f"GET {path}"
        raise NotReadError(GapReason.MALFORMED, detail=f"{shown(call)} returned an item without a name", call=call)
    return found
