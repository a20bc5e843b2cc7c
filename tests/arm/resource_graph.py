"""Resource Graph: rows by type, the only query that the auditor sends."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator

from auditor.azure import arm
from tests.arm.estate import Body, Estate
from tests.arm.exchange import Answer, Call, RefusalError

PATH = "/providers/microsoft.resourcegraph/resources"

_QUERY = re.compile(r"resources \| where type in~ \(([^)]*)\) \| order by id asc")
_EXTENSION = "microsoft.compute/virtualmachines/extensions"


def answer(estate: Estate, call: Call, may: Callable[[str, str], bool], most: int) -> Answer:
    """Return a page of the rows that the identity may read; other rows are left out without an error.

    Raises:
        RefusalError: 400, any other query.
    """
    asked = json.loads(call.body)
    found = _QUERY.fullmatch(asked["query"])
    if found is None:
        raise RefusalError(400, "BadRequest", "Please provide below info when asking for support.")
    types = {name.strip().strip("'").lower() for name in found[1].split(",")}
    scopes = {f"/subscriptions/{name.lower()}" for name in asked["subscriptions"]}
    rows = sorted(
        (row for row in _rows(estate) if arm.type_of(row["id"]) in types and arm.subscription_of(row["id"]) in scopes),
        key=lambda row: arm.key(row["id"]),
    )
    rows = [row for row in rows if may(f"{arm.type_of(row['id'])}/read", row["id"])]
    options = asked.get("options", {})
    begin = int(options.get("$skipToken", 0))
    end = begin + min(int(options.get("$top", 100)), most)
    body = {"totalRecords": len(rows), "count": len(rows[begin:end]), "data": rows[begin:end], "facets": []}
    more = {"$skipToken": str(end)} if end < len(rows) else {}
    return Answer(body={**body, "resultTruncated": "false", **more})


def _rows(estate: Estate) -> Iterator[Body]:
    """Yield all resources; an extension that only the body of its VM has is one too."""
    for body in estate.resources.values():
        yield body
        for inside in body.get("resources") or ():
            if arm.type_of(inside["id"]) == _EXTENSION and arm.key(inside["id"]) not in estate.resources:
                yield inside
