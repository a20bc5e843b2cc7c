"""Rows of Azure Resource Graph, spelled as Azure Resource Manager spells the bodies of resources."""

from __future__ import annotations

from typing import Any, Final

_COLUMNS: Final = frozenset({"resourceGroup", "subscriptionId", "tenantId"})
"""Columns of every row that bodies do not have, all of them at once."""

_TEXTS: Final = ("kind", "managedBy")


def as_body(found: dict[str, Any]) -> dict[str, Any]:
    """Return a row, which may have any of its columns, as a body; a body is returned as it is.

    `kind` and `managedBy` are "" where there is none. The state of a VM is in `extended`; its fault domain and update
    domain are in no row.
    """
    extra = {name for name in _TEXTS if found.get(name) == ""}
    if found.keys() >= _COLUMNS:
        extra |= _COLUMNS
    body = {name: value for name, value in found.items() if name not in extra} if extra else found
    properties = body.get("properties")
    view = _instance_view(properties) if isinstance(properties, dict) else None
    if view is None:
        return body
    others = {name: value for name, value in properties.items() if name != "extended"}  # type: ignore[union-attr]
    return {**body, "properties": {**others, "instanceView": view}}


def _instance_view(properties: dict[str, Any]) -> dict[str, Any] | None:
    """Return the instance view that stands under `extended` with the power state of a VM, None if there is none."""
    extended = properties.get("extended")
    view = extended.get("instanceView") if isinstance(extended, dict) else None
    if not isinstance(view, dict) or properties.get("instanceView") is not None:
        return None
    power = view.get("powerState")
    if not isinstance(power, dict) or not isinstance(power.get("code"), str):
        return None
    return {**{name: value for name, value in view.items() if name != "powerState"}, "statuses": [power]}
