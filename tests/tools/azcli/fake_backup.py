"""What the fake ARM does as Azure Backup does: vaults whose settings have addresses of their own, items, backups."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

Body = dict[str, Any]

_VAULT = re.compile(r"(.*/Microsoft\.RecoveryServices/vaults/[^/]+)(/.*|$)", re.IGNORECASE)
_SETTINGS = "/backupconfig/vaultconfig"
_ITEM = re.compile(r"/backupFabrics/[^/]+/protectionContainers/([^/]+)/protectedItems/[^/]+", re.IGNORECASE)
_TYPE = "Microsoft.RecoveryServices/vaults/backupFabrics/protectionContainers/protectedItems"
ACCEPTED = 202


class FakeBackup:
    """Azure Backup over the resources of a fake ARM, by their ids in lower case."""

    def __init__(self, resources: dict[str, Body]) -> None:
        self._resources = resources

    def get(self, path: str) -> Any:
        """Return the response to a GET, None if this path is not one of Azure Backup alone."""
        vault, below = _split(path)
        if vault not in self._resources:
            return None
        if below.startswith("/backupoperations/"):
            return {"status": "Succeeded"}
        listed = self._listed(vault, below)
        if listed is not None:
            return {"value": listed}
        return {"properties": self._settings(vault)} if below == _SETTINGS else None

    def _listed(self, vault: str, below: str) -> list[Body] | None:
        """Return a list of a vault, None if this path has none."""
        ids = self._item_ids(vault)
        vms = [body for body in self._resources.values() if str(body.get("type")).lower().endswith("/virtualmachines")]
        lists = {
            "/backupprotecteditems": [self._resources[path.lower()] for path in ids],
            "/backupprotectioncontainers": [
                _container(path) for path in sorted({path.rsplit("/protectedItems/", 1)[0] for path in ids})
            ],
            "/backupprotectableitems": [self._protectable(vault, vm) for vm in vms],
            "/backupjobs": [],
            "/backupresourceguardproxies": [],
        }
        return lists.get(below)

    def change(self, method: str, path: str, body: Any) -> tuple[int, Any] | None:
        """Return the response to a request that changes something, None if it is not one of Azure Backup alone."""
        vault, below = _split(path)
        if vault and not below and method == "PUT":
            body["properties"]["redundancySettings"] = {"standardTierStorageRedundancy": "GeoRedundant"}
        if vault not in self._resources:
            return None
        if below == _SETTINGS:
            self._settings(vault).update(
                softDeleteState=body["properties"]["softDeleteFeatureState"],
                enhancedSecurityState=body["properties"].get("enhancedSecurityState"),
            )
            return 200, {"properties": self._settings(vault)}
        if _ITEM.fullmatch(below) and method == "PUT":
            self._protect(path, body["properties"])
            return ACCEPTED, None
        if _ITEM.fullmatch(below.removesuffix("/backup")) and method == "POST":
            item = self._resources[path.lower().removesuffix("/backup")]["properties"]
            now = dt.datetime.now(tz=dt.UTC).isoformat()
            item |= {"protectionState": "Protected", "lastBackupStatus": "Completed", "lastBackupTime": now}
            return ACCEPTED, None
        return None

    def _item_ids(self, vault: str) -> list[str]:
        prefix = f"{vault}/backupfabrics/"
        found = (body["id"] for key, body in self._resources.items() if key.startswith(prefix))
        return [path for path in found if _ITEM.fullmatch(path[len(vault) :])]

    def _settings(self, vault: str) -> Body:
        properties: Body = self._resources[vault]["properties"]
        settings: Body = properties.setdefault("securitySettings", {}).setdefault("softDeleteSettings", {})
        settings["softDeleteFeatureState"] = settings.get("softDeleteState")
        return settings

    def _protectable(self, vault: str, vm: Body) -> Body:
        name = f"iaasvmcontainerv2;{vm['id'].split('/')[4]};{vm['name']}"
        container = f"/backupFabrics/Azure/protectionContainers/IaasVMContainer;{name}"
        return {
            "id": f"{self._resources[vault]['id']}{container}/protectableItems/vm;{name}",
            "name": name,
            "properties": {"protectableItemType": vm["type"], "virtualMachineId": vm["id"]},
        }

    def _protect(self, path: str, sent: Body) -> None:
        """Protect a VM, or change how it is protected; its first backup is still to come."""
        container = path.rsplit("/", 3)[1]
        old = self._resources.get(path.lower(), {}).get("properties", {})
        state = {"ProtectionStopped": "Protected"}.get(
            old.get("protectionState"), old.get("protectionState", "IRPending")
        )
        self._resources[path.lower()] = {
            "id": path,
            "name": path.rsplit("/", 1)[1],
            "type": _TYPE,
            "properties": {
                **old,
                **sent,
                "backupManagementType": "AzureIaasVM",
                "workloadType": "VM",
                "containerName": container,
                "friendlyName": container.rsplit(";", 1)[1],
                "virtualMachineId": sent["sourceResourceId"],
                "protectionState": state,
            },
        }


def keeps_the_rest(path: str) -> bool:
    """Return whether a PUT leaves what it does not send: of a protected item it is a request, not the resource."""
    return _ITEM.search(path) is not None


def _split(path: str) -> tuple[str, str]:
    """Return the id of a vault in lower case and what is below it; "" if the path is not in a vault."""
    found = _VAULT.fullmatch(path)
    return (found[1].lower(), found[2].lower()) if found else ("", "")


def _container(path: str) -> Body:
    name = path.rsplit("/", 1)[1]
    properties = {"friendlyName": name.rsplit(";", 1)[1], "backupManagementType": "AzureIaasVM"}
    return {
        "id": path,
        "name": name,
        "properties": {**properties, "containerType": "Microsoft.Compute/virtualMachines"},
    }
