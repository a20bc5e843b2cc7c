"""Storage accounts and backup."""

from __future__ import annotations

from typing import Final

from auditor.azure.types.model import (
    IdentityProperties,
    Namespace,
    Reference,
    ResourceType,
    Since,
    Version,
    Via,
    Volatile,
)
from auditor.azure.types.names import BACKUP_POLICY, DISK, VM

_STORAGE: Final = Version("2023-05-01", "recorded most often; `kind`, `sku` and `minimumTlsVersion` are in it")
_BACKUP: Final = Version(
    "2024-04-01", "the newest recorded one; a GET of a vault has its soft delete and immutability, the list does not"
)
_DATA_PROTECTION: Final = Version("2024-04-01", "the recorded one; it has the state of the protection of a disk")
_SITE_RECOVERY: Final = Version("2024-04-01", "stable; it has the VM that is replicated")
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
        "Microsoft.RecoveryServices/vaults",
        _BACKUP,
        since=(Since("2022-03-01", ("properties.monitoringSettings",)),),
        kind="vault",
        about="a Recovery Services vault",
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
        since=(Since("2024-02-01", ("properties.snapshotConsistencyType",)),),
        kind="backup-policy",
        about="a policy of Azure Backup for VMs",
    ),
    ResourceType(
        _PROTECTED_ITEMS,
        _BACKUP,
        Via.PARENT,
        parent="Microsoft.RecoveryServices/vaults",
        path="/backupProtectedItems",
        query=_OF_VMS,
        permission="Microsoft.RecoveryServices/vaults/backupProtectedItems/read",
        kind="backup",
        about="a protected item of Azure Backup: a VM with its backups",
        references=(
            Reference("properties.sourceResourceId", VM, reached=False, required=True),
            Reference(
                "properties.policyId",
                BACKUP_POLICY,
                reached=False,
                required=True,
                unless=("properties.protectionState", "ProtectionStopped"),
            ),
        ),
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
        "Microsoft.RecoveryServices/vaults/replicationFabrics/replicationProtectionContainers/replicationProtectedItems",
        _SITE_RECOVERY,
        Via.PARENT,
        parent="Microsoft.RecoveryServices/vaults",
        path="/replicationProtectedItems",
        permission="Microsoft.RecoveryServices/vaults/replicationProtectedItems/read",
        references=(Reference("properties.providerSpecificDetails.fabricObjectId", VM, reached=False),),
        volatile=(
            Volatile(
                (
                    "properties.replicationHealth",
                    "properties.healthErrors",
                    "properties.lastSuccessfulTestFailoverTime",
                ),
                "shows the progress of the replication",
            ),
        ),
    ),
    ResourceType("Microsoft.DataProtection/backupVaults", _DATA_PROTECTION),
    ResourceType(
        "Microsoft.DataProtection/backupVaults/backupInstances",
        _DATA_PROTECTION,
        Via.PARENT,
        parent="Microsoft.DataProtection/backupVaults",
        path="/backupInstances",
        references=(Reference("properties.dataSourceInfo.resourceID", DISK, reached=False),),
        volatile=(
            Volatile(
                ("properties.protectionStatus", "properties.protectionErrorDetails"),
                "shows the result of the last backup",
            ),
        ),
    ),
    ResourceType(
        "Microsoft.Storage/storageAccounts",
        _STORAGE,
        kind="account",
        about="a storage account",
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
        kind="share",
        about="a file share",
    ),
)
