"""The content of the subscriptions of the server."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from auditor.azure import arm
from auditor.azure.types.names import METRIC

Body = dict[str, Any]

_METRICS = "/providers/Microsoft.Insights/metrics/"


_BACKUP_TIMES = ("lastBackupTime", "lastRecoveryPoint", "recoveryPointTime")
_STEP = timedelta(hours=12)
"""Times move in such steps, so that two estates of one file are almost always equal."""


def backed_up_since(inventory: Body) -> Body:
    """Return an ARM JSON file as if it had been taken now, or little earlier: with later times of backups."""
    if "takenAt" not in inventory:
        return inventory
    taken = datetime.fromisoformat(inventory["takenAt"])
    later = (datetime.now(UTC) - taken) // _STEP * _STEP
    value = [_moved(body, later) for body in inventory["value"]]
    return {**inventory, "takenAt": (taken + later).isoformat(), "value": value}


def _moved(body: Body, later: timedelta) -> Body:
    properties = body.get("properties")
    times = {name: properties[name] for name in _BACKUP_TIMES if isinstance(properties, dict) and name in properties}
    moved = {name: (datetime.fromisoformat(time) + later).isoformat() for name, time in times.items()}
    return {**body, "properties": {**body["properties"], **moved}} if moved else body


@dataclass(frozen=True)
class ManagementGroup:
    """A management group; a name that differs from its id may be another one's too."""

    name: str
    parent: str = ""
    """The id of the one that it is in."""
    subscriptions: tuple[str, ...] = ()
    """The ids (GUIDs) of those directly in it."""


@dataclass
class Estate:
    """Raw ARM bodies, in the order in which they are listed. A virtual machine may hold its `instanceView`."""

    resources: dict[str, Body] = field(default_factory=dict)
    """By `arm.key` of the id; subscriptions and resource groups too. `add` and `remove` change what is in it."""
    skus: list[Body] = field(default_factory=list)
    """Records of `Microsoft.Compute/skus`."""
    known: set[str] = field(default_factory=set)
    """Lower-case types that exist besides those of the catalogue and those of the resources."""
    retired: set[str] = field(default_factory=set)
    """Lower-case types that Azure does not know any more."""
    versions: dict[str, list[str]] = field(default_factory=dict)
    """The only versions that some lower-case types are served in; all others are in any."""
    unregistered: set[str] = field(default_factory=set)
    """Lower-case namespaces that the subscriptions have not registered."""
    denied: dict[str, str] = field(default_factory=dict)
    """Actions that no role grants at an id (`arm.key`) and below."""
    metrics: dict[tuple[str, str], list[Body]] = field(default_factory=dict)
    """Time series by `arm.key` of the resource and lower-case name of the metric."""
    management_groups: dict[str, ManagementGroup] = field(default_factory=dict)
    """By their ids."""
    answers: dict[str, Any] = field(default_factory=dict)
    """Bodies of anything else, by lower-case path without query; they have precedence over all other answers."""
    _types: dict[str, dict[str, Body]] = field(default_factory=dict)
    """The resources of each lower-case type."""
    _collections: dict[str, dict[str, Body]] = field(default_factory=dict)
    """The resources of each collection, by its lower-case path."""

    @classmethod
    def from_inventory(cls, path: Path) -> Estate:
        """Read a file like `fixtures/*/inventory.json`."""
        return cls.from_body(json.loads(path.read_bytes()))

    @classmethod
    def from_body(cls, inventory: Body) -> Estate:
        """Read an ARM JSON file: its resources and size records; its gaps become denied actions.

        Backups have gone on since.
        """
        estate = cls()
        estate.add(*backed_up_since(inventory)["value"])
        for types in inventory.get("listed", {}).values():
            estate.known.update(name.lower() for name in types)
        for gap in inventory.get("gaps", ()):
            estate.denied[arm.key(gap["scope"])] = gap["permission"]
        return estate

    @classmethod
    def from_recordings(cls, folder: Path) -> Estate:
        """Read the resources of a folder of recorded answers; of one that was seen in several versions, the first."""
        estate = cls()
        for path in sorted(folder.glob("resources/*/*.json"), reverse=True):
            body = json.loads(path.read_bytes())["resource"]
            if isinstance(body, dict) and arm.is_id(body.get("id")) and arm.type_of(body["id"]):
                estate.add(body)
        return estate

    def add(self, *bodies: Body) -> None:
        """Add or replace resources and records of sizes; add their subscription and resource group if missing."""
        for body in bodies:
            if "id" not in body:
                self.skus.append(body)
                continue
            if arm.type_of(body["id"]) == METRIC:
                self.metrics[arm.key(body["id"].split(_METRICS)[0]), arm.name_of(body["id"]).lower()] = body[
                    "timeseries"
                ]
                continue
            self._place(body["id"])
            self._put(body)

    def remove(self, arm_id: str) -> None:
        """Remove a resource and everything below it."""
        gone = arm.key(arm_id)
        kept = [body for key, body in self.resources.items() if not (key + "/").startswith(gone + "/")]
        for index in (self.resources, self._types, self._collections):
            index.clear()
        for body in kept:
            self._put(body)

    def find(self, arm_id: str) -> Body | None:
        return self.resources.get(arm.key(arm_id))

    def of_type(self, type_: str, scope: str = "") -> Iterator[Body]:
        """Yield the resources of a lower-case type within a scope."""
        below = arm.key(scope) + "/"
        return (body for key, body in self._types.get(type_, {}).items() if key.startswith(below))

    def children(self, parent: str, type_: str) -> Iterable[Body]:
        """Return the children of one type, a last segment such as `extensions`, that a resource has."""
        return self._collections.get(f"{arm.key(parent)}/{type_.lower()}", {}).values()

    @property
    def subscriptions(self) -> Iterable[Body]:
        return self._types.get(arm.SUBSCRIPTION, {}).values()

    @property
    def types(self) -> frozenset[str]:
        """The lower-case types that occur, or that the estate declares."""
        return frozenset(self._types.keys() | self.known)

    def _put(self, body: Body) -> None:
        key = arm.key(body["id"])
        self.resources[key] = body
        self._types.setdefault(arm.type_of(key), {})[key] = body
        self._collections.setdefault(key.rpartition("/")[0], {})[key] = body

    def _place(self, arm_id: str) -> None:
        """Add the subscription and the resource group of an id if they are missing."""
        parts = arm_id.strip("/").split("/")
        subscription = "/subscriptions/" + parts[1]
        if self.find(subscription) is None:
            names = {"id": subscription, "subscriptionId": parts[1], "displayName": parts[1]}
            self._put({**names, "state": "Enabled", "authorizationSource": "RoleBased"})
        if len(parts) > 3 and parts[2].lower() == "resourcegroups":
            group = f"{subscription}/resourceGroups/{parts[3]}"
            if self.find(group) is None:
                names = {"id": group, "name": parts[3], "type": "Microsoft.Resources/resourceGroups"}
                self._put({**names, "location": "westeurope", "properties": {"provisioningState": "Succeeded"}})
