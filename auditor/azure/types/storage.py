"""Storage accounts and backup."""

from __future__ import annotations

from typing import Final

from auditor.azure.types.model import IdentityProperties, Namespace, ResourceType, Since, Version, Via, Volatile

_STORAGE: Final = Version("2023-05-01", "recorded most often; `kind`, `sku` and `minimumTlsVersion` are in it")
_BACKUP: Final = Version(
    "2024-04-01", "the newest recorded one; a GET of a vault has its soft delete and immutability, the list does not"
)
_OF_VMS: Final = "&$filter=backupManagementType%20eq%20'AzureIaasVM'"
_PROTECTED_ITEMS: Final = "Microsoft.RecoveryServices/vaults/backupFabrics/protectionContainers/protectedItems"

BACKUP_PROVIDER: Final = Namespace(
    "Microsoft.RecoveryServices",
    volatile=(
        Volatile(
            (
                "**.healthDetails",
                "**.healthStatus",
                "**.kpisHealths",
                "**.lastBackupStatus",
                "**.lastBackupTime",
                "**.lastRecoveryPoint",
                "**.oldestRecoveryPoint",
                "**.recoveryPointCount",
            ),
            "changes with every backup; rules evaluate the age of the last one",
        ),
    ),
)

TYPES: Final = (
    ResourceType(
        "Microsoft.RecoveryServices/vaults", _BACKUP, since=(Since("2022-03-01", ("properties.monitoringSettings",)),)
    ),
    ResourceType(
        "Microsoft.RecoveryServices/vaults/backupconfig",
        _BACKUP,
        Via.PARENT,
        parent="Microsoft.RecoveryServices/vaults",
        path="/backupconfig/vaultconfig",
        single=True,
    ),
    ResourceType(
        "Microsoft.RecoveryServices/vaults/backupPolicies",
        _BACKUP,
        Via.PARENT,
        parent="Microsoft.RecoveryServices/vaults",
        path="/backupPolicies",
        query=_OF_VMS,
    ),
    ResourceType(
        _PROTECTED_ITEMS,
        _BACKUP,
        Via.PARENT,
        parent="Microsoft.RecoveryServices/vaults",
        path="/backupProtectedItems",
        query=_OF_VMS,
        permission="Microsoft.RecoveryServices/vaults/backupProtectedItems/read",
    ),
    ResourceType(
        f"{_PROTECTED_ITEMS}/recoveryPoints",
        _BACKUP,
        Via.MEMBER,
        parent=_PROTECTED_ITEMS,
        path="/recoveryPoints",
        volatile=(Volatile(("**",), "is created and deleted with every backup, by the policy"),),
    ),
    ResourceType(
        "Microsoft.Storage/storageAccounts",
        _STORAGE,
        since=(Since("2019-04-01", ("properties.minimumTlsVersion",)),),
        identity=IdentityProperties(created=("properties.creationTime",)),
        volatile=(Volatile(("properties.geoReplicationStats",), "is the progress of the replication"),),
    ),
    ResourceType(
        "Microsoft.Storage/storageAccounts/fileServices",
        _STORAGE,
        Via.PARENT,
        parent="Microsoft.Storage/storageAccounts",
        path="/fileServices/default",
        single=True,
    ),
    ResourceType(
        "Microsoft.Storage/storageAccounts/fileServices/shares",
        _STORAGE,
        Via.PARENT,
        parent="Microsoft.Storage/storageAccounts",
        path="/fileServices/default/shares",
    ),
)
