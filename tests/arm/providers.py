"""The resource providers behind Azure Resource Manager: expansions, filters and their own lists."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime

from auditor.azure import arm
from tests.arm import catalogue, omissions
from tests.arm.estate import Body, Estate
from tests.arm.exchange import Call, RefusalError
from tests.arm.identity import Role
from tests.arm.omissions import Form
from tests.arm.target import Target

VIRTUAL_MACHINE = "microsoft.compute/virtualmachines"
_USAGE = "microsoft.compute/locations/usages"
_IMPLIED = {
    "microsoft.storage/storageaccounts/fileservices",
    "microsoft.recoveryservices/vaults/backupconfig",
}
_MEASURED = {("microsoft.network/loadbalancers", "dipavailability")}
_RECORD_SETS = {"recordsets", "all"}
_STUB = ("id", "name", "type", "location", "tags", "sku", "kind", "managedBy", "identity", "plan", "zones")
_COMPARISON = re.compile(r"(\w+(?:/\w+)*) eq '((?:[^']|'')*)'", re.IGNORECASE)


def describe(subscription: str, unregistered: set[str]) -> list[Body]:
    """Return the providers of a subscription with their registration."""
    return [
        {
            "id": f"{subscription}/providers/{namespace}",
            "namespace": namespace,
            "registrationPolicy": "RegistrationRequired",
            "registrationState": "NotRegistered" if namespace.lower() in unregistered else "Registered",
            "resourceTypes": [
                {"resourceType": type_, "locations": [], "apiVersions": [catalogue.API_VERSION], "capabilities": "None"}
                for type_ in types
            ],
        }
        for namespace, types in catalogue.namespaces().items()
    ]


def conditions(text: str) -> dict[str, str]:
    """Return the comparisons of a filter by lower-case name.

    Raises:
        RefusalError: 400, it has anything but `NAME eq 'VALUE'` joined by `and`.
    """
    if _COMPARISON.sub("", text).lower().replace("and", "").strip():
        raise RefusalError(
            400, "InvalidFilterInQueryString", f"Invalid $filter '{text}' specified in the query string."
        )
    return {name.lower(): value.replace("''", "'") for name, value in _COMPARISON.findall(text)}


def resource_type_filter(text: str) -> str:
    """Return the lower-case type that a filter of the generic list asks for, or "".

    Raises:
        RefusalError: 400, any other filter.
    """
    found = conditions(text)
    if set(found) - {"resourcetype"}:
        raise RefusalError(
            400, "InvalidFilterInQueryString", f"Invalid $filter '{text}' specified in the query string."
        )
    return found.get("resourcetype", "").lower()


def stub(body: Body) -> Body:
    """Return a resource as the generic list shows it."""
    return {name: body[name] for name in _STUB if name in body}


def listed(found: list[Body], call: Call, target: Target) -> list[Body]:
    """Return resources as a list shows them.

    Raises:
        RefusalError: 400, a list of VMs cannot be expanded.
    """
    if target.type == VIRTUAL_MACHINE and call.parameter("$expand"):
        raise RefusalError(400, "BadRequest", "$expand is only supported together with a $filter by scale set.")
    if target.type == VIRTUAL_MACHINE and call.parameter("statusOnly").lower() == "true":
        return [_status(body) for body in found]
    return [omissions.shown(body, call, Form.of(target)) for body in found]


def children(estate: Estate, call: Call, target: Target) -> Iterable[Body]:
    """Yield the members of a nested collection.

    Raises:
        RefusalError: 400, the filter is malformed, or a profile of Azure CDN has no such collection.
    """
    last = target.types[-1].lower()
    if target.type.startswith("microsoft.cdn/profiles/") and not _is_front_door(estate, target):
        raise RefusalError(400, "BadRequest", "The profile has another SKU than those of Azure Front Door.")
    if target.type == "microsoft.recoveryservices/vaults/backupprotecteditems":
        protected = "microsoft.recoveryservices/vaults/backupfabrics/protectioncontainers/protecteditems"
        return _managed(estate.of_type(protected, target.parent), call)
    if target.type == "microsoft.recoveryservices/vaults/replicationprotecteditems":
        fabrics = "microsoft.recoveryservices/vaults/replicationfabrics"
        return estate.of_type(f"{fabrics}/replicationprotectioncontainers/replicationprotecteditems", target.parent)
    if target.type == "microsoft.recoveryservices/vaults/backuppolicies":
        return _managed(estate.children(target.parent, last), call)
    if target.type.endswith("/protecteditems/recoverypoints"):
        return _between(estate.children(target.parent, last), call)
    if len(target.types) == 2 and target.types[0].lower() in {"dnszones", "privatednszones"} and last in _RECORD_SETS:
        return (body for body in estate.resources.values() if _is_record_set(body["id"], target.parent))
    return estate.children(target.parent, last)


def _is_front_door(estate: Estate, target: Target) -> bool:
    """Return whether the profile of a target is an Azure Front Door; Azure CDN has the others."""
    profile = estate.find(arm.owner_of(target.parent)) or {}
    return bool(profile.get("sku", {}).get("name", "").endswith("_AzureFrontDoor"))


def implied(estate: Estate, target: Target) -> Body | None:
    """Return a child that every resource of a type has, such as the file service of a storage account."""
    if target.type not in _IMPLIED or estate.find(target.parent) is None:
        return None
    return {"id": target.path, "name": target.name, "type": target.type, "properties": {}}


def has_files(estate: Estate, target: Target) -> bool:
    """Return whether the storage account of a target is of a kind that has file shares."""
    account = estate.find(f"{target.scope}/providers/{target.namespace}/{'/'.join(target.segments[:2])}") or {}
    kind, sku = account.get("kind", ""), (account.get("sku") or {}).get("name", "")
    return kind == "FileStorage" or not (kind in {"BlobStorage", "BlockBlobStorage"} or sku.startswith("Premium"))


def permission(role: Role) -> Body:
    """Return a role as the list of permissions shows it."""
    kept = {"actions": list(role.actions), "notActions": list(role.not_actions)}
    return {**kept, "dataActions": [], "notDataActions": [], "condition": None, "conditionVersion": None}


def skus(estate: Estate, call: Call) -> list[Body]:
    """Return the size records, perhaps of one location."""
    wanted = conditions(call.parameter("$filter")).get("location", "")
    if not wanted:
        return estate.skus
    return [sku for sku in estate.skus if arm.location(wanted) in {arm.location(name) for name in sku["locations"]}]


def locations(estate: Estate, call: Call, subscription: str) -> list[Body]:
    """Return the regions of a subscription: those that the estate has, else those in use and some more.

    A region without availability zones has no mapping, and old versions know none. Each subscription numbers the zones
    in an order of its own.
    """
    found = list(estate.of_type(arm.LOCATION, subscription)) or _locations(estate, subscription)
    return [omissions.shown(region, call, Form.OF_SUBSCRIPTION) for region in found]


def _locations(estate: Estate, subscription: str) -> list[Body]:
    zones: dict[str, set[str]] = {region: set() for region in catalogue.REGIONS}
    for sku in estate.skus:
        for info in sku.get("locationInfo", ()):
            zones.setdefault(arm.location(info["location"]), set()).update(info["zones"])
    return [_location(subscription, region, sorted(offered)) for region, offered in zones.items()]


def _location(subscription: str, region: str, zones: list[str]) -> Body:
    shift = sum(subscription.encode())
    mappings = [
        {"logicalZone": zone, "physicalZone": f"{region}-az{1 + (number + shift) % len(zones)}"}
        for number, zone in enumerate(zones)
    ]
    return {
        "id": f"{subscription}/locations/{region}",
        "name": region,
        "type": "Region",
        "displayName": region,
        "regionalDisplayName": region,
        "metadata": {"regionType": "Physical", "regionCategory": "Recommended"},
        **({"availabilityZoneMappings": mappings} if mappings else {}),
    }


def usages(estate: Estate, target: Target) -> list[Body]:
    """Return the quotas of a region with their usage, to which Azure gives no id."""
    found = (body for body in estate.of_type(_USAGE, target.scope) if f"/{target.segments[1]}/" in body["id"])
    return [{name: value for name, value in body.items() if name != "id"} for body in found]


def metrics(estate: Estate, call: Call, target: Target) -> Body:
    """Return the time series of the requested metrics.

    Raises:
        RefusalError: 400, the resource has no such metric.
    """
    value: list[Body] = []
    most = int(call.parameter("top") or 10) if call.parameter("$filter") else None
    for name in call.parameter("metricnames").split(","):
        series = estate.metrics.get((arm.key(target.scope), name.lower()))
        if series is None and (arm.type_of(target.scope), name.lower()) in _MEASURED:
            series = []
        if series is None:
            raise RefusalError(400, "BadRequest", f"Failed to find metric configuration for metric: {name}.")
        metric_id = f"{target.scope}/providers/Microsoft.Insights/metrics/{name}"
        shown_name = {"value": name, "localizedValue": name}
        value.append(
            {"id": metric_id, "type": "Microsoft.Insights/metrics", "name": shown_name, "timeseries": series[:most]}
        )
    return {"cost": 0, "timespan": call.parameter("timespan"), "interval": call.parameter("interval"), "value": value}


def _status(body: Body) -> Body:
    statuses = body.get("properties", {}).get("instanceView", {}).get("statuses", [])
    kept: Body = {name: body[name] for name in ("id", "name", "type", "location") if name in body}
    return {**kept, "properties": {"instanceView": {"statuses": statuses}}}


def _managed(found: Iterable[Body], call: Call) -> list[Body]:
    """Return the backup objects of the requested management type."""
    wanted = conditions(call.parameter("$filter")).get("backupmanagementtype", "").lower()
    return [body for body in found if wanted in {"", body["properties"]["backupManagementType"].lower()}]


def _between(found: Iterable[Body], call: Call) -> list[Body]:
    """Return the recovery points between two dates."""
    asked = conditions(call.parameter("$filter"))
    start = _moment(asked["startdate"]) if "startdate" in asked else datetime.min.replace(tzinfo=UTC)
    end = _moment(asked["enddate"]) if "enddate" in asked else datetime.max.replace(tzinfo=UTC)
    return [body for body in found if start <= datetime.fromisoformat(body["properties"]["recoveryPointTime"]) <= end]


def _moment(text: str) -> datetime:
    """Read a date as Azure Backup's filters write it: `2026-11-01 06:00:00 AM`."""
    try:
        return datetime.strptime(text, "%Y-%m-%d %I:%M:%S %p").replace(tzinfo=UTC)
    except ValueError:
        raise RefusalError(400, "BMSUserErrorInvalidInput", f"The date '{text}' is not valid.") from None


def _is_record_set(arm_id: str, zone: str) -> bool:
    key, below = arm.key(arm_id), arm.key(zone) + "/"
    return key.startswith(below) and key.count("/") == below.count("/") + 1 and "/virtualnetworklinks/" not in key
