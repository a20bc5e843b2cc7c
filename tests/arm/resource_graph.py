"""Resource Graph: rows by type, the only query that the auditor sends."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator

from auditor.azure import arm
from tests.arm import omissions
from tests.arm.estate import Body, Estate
from tests.arm.exchange import Answer, Call, RefusalError
from tests.arm.identity import Identity
from tests.arm.omissions import Form

PATH = "/providers/microsoft.resourcegraph/resources"

_QUERY = re.compile(r"resources \| where type in~ \(([^)]*)\) \| order by id asc")
_COLUMNS: Body = {
    **dict.fromkeys(("id", "name", "type", "tenantId", "kind", "location"), ""),
    **dict.fromkeys(("resourceGroup", "subscriptionId", "managedBy"), ""),
    **dict.fromkeys(("sku", "plan", "properties", "tags", "identity", "zones", "extendedLocation")),
}
"""The columns of a row, with the value of what a resource does not have."""
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
    data = [_row(body, call) for body in rows[begin:end]]
    body = {"totalRecords": len(rows), "count": len(data), "data": data, "facets": []}
    more = {"$skipToken": str(end)} if end < len(rows) else {}
    return Answer(body={**body, "resultTruncated": "true" if more else "false", **more})


def _row(body: Body, call: Call) -> Body:
    """Return a resource as a row: with a lower-case type, and every column, whatever the resource has."""
    shown = omissions.shown(body, call, Form.OF_SUBSCRIPTION)
    row = {name: shown.get(name, empty) for name, empty in _COLUMNS.items()}
    group = arm.name_of(arm.group_of(arm.key(body["id"])))
    names = {"resourceGroup": group, "subscriptionId": arm.name_of(arm.subscription_of(body["id"]))}
    return {**row, **names, "type": arm.type_of(body["id"]), "tenantId": Identity.tenant_id}


def _rows(estate: Estate) -> Iterator[Body]:
    """Yield all resources; an extension that only the body of its VM has is one too."""
    for body in estate.resources.values():
        yield body
        for inside in body.get("resources") or ():
            if arm.type_of(inside["id"]) == _EXTENSION and arm.key(inside["id"]) not in estate.resources:
                yield inside
