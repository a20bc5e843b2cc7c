"""Resource Graph: rows by type, and the types in each subscription, the only queries that the auditor sends."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator

from auditor.azure import arm
from auditor.azure.types.names import LOCK, MAINTENANCE_ASSIGNMENT
from tests.arm import omissions
from tests.arm.estate import Body, Estate
from tests.arm.exchange import Answer, Call, RefusalError
from tests.arm.identity import Identity
from tests.arm.omissions import Form

PATH = "/providers/microsoft.resourcegraph/resources"

_QUERY = re.compile(r"resources \| where type in~ \(([^)]*)\) \| order by id asc")
_TYPES = "resources | distinct subscriptionId, type | extend id = strcat(subscriptionId, '/', type) | order by id asc"
_MOST_SUBSCRIPTIONS = 1000
_OTHER_TABLES = {
    *("", arm.SUBSCRIPTION, arm.RESOURCE_GROUP, arm.LOCATION, LOCK, MAINTENANCE_ASSIGNMENT),
}
"""Types that the table `resources` does not have:
https://learn.microsoft.com/azure/governance/resource-graph/reference/supported-tables-resources
"""
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
    scopes = {f"/subscriptions/{name.lower()}" for name in asked["subscriptions"]}
    known = [scope for scope in scopes if estate.find(scope)]
    if not known or len(scopes) > _MOST_SUBSCRIPTIONS:
        raise RefusalError(400, "BadRequest", "Please provide below info when asking for support.")
    readable = [
        row
        for row in _rows(estate)
        if arm.subscription_of(row["id"]) in scopes
        and may(f"{arm.type_of(row['id'])}/read", row["id"])
        and arm.type_of(row["id"]) not in _OTHER_TABLES
    ]
    found = _QUERY.fullmatch(asked["query"])
    if found is not None:
        types = {name.strip().strip("'").lower() for name in found[1].split(",")}
        rows = [_row(row, call) for row in readable if arm.type_of(row["id"]) in types]
    elif asked["query"] == _TYPES:
        pairs = {(arm.name_of(arm.subscription_of(row["id"])), arm.type_of(row["id"])) for row in readable}
        rows = [{"subscriptionId": name, "type": type_, "id": f"{name}/{type_}"} for name, type_ in pairs]
    else:
        raise RefusalError(400, "BadRequest", "Please provide below info when asking for support.")
    rows.sort(key=lambda row: arm.key(row["id"]))
    options = asked.get("options", {})
    begin = int(options.get("$skipToken", 0))
    end = begin + min(int(options.get("$top", 100)), most)
    data = rows[begin:end]
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
