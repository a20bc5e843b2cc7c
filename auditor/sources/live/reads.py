"""What is read of a subscription, by which version of which API, and which permission it takes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from auditor.azure import arm


class Version(msgspec.Struct, frozen=True):
    """An api-version."""

    date: str
    why: str
    """Why it is this one, in Markdown."""

    def __str__(self) -> str:
        """Return it as a request has it."""
        return self.date


class Listing(msgspec.Struct, frozen=True):
    """All resources of a type: those of a subscription in one list, or those below each resource of another type."""

    type: str
    """As Azure spells it."""
    version: Version
    below: str = ""
    """The type of which each resource has such a list; "" for a list of the subscription's."""
    path: str | None = None
    """Behind the subscription's or the owner's id; by default `/providers/` and the type."""
    query: str = ""
    """Further parameters."""
    permission: str = ""
    """The action that it takes; by default the type and `/read`."""
    single: bool = False
    """Whether the answer is the one resource itself."""

    @property
    def action(self) -> str:
        """Return the action that the identity must be allowed."""
        return self.permission or f"{self.type}/read"

    @property
    def key(self) -> str:
        """Return the type as it is compared."""
        return arm.canonical_type(self.type)

    def of(self, scope: str) -> str:
        """Return the path and query of the request below a scope."""
        path = f"/providers/{self.type}" if self.path is None else self.path
        return f"{scope}{path}?api-version={self.version}{self.query}"


COMPUTE: Final = Version("2024-07-01", "the newest of which several recorded answers were at hand to test against")
DISKS: Final = Version("2024-03-02", "the newest recorded one; Premium SSD v2 and performance plus are in it")
SKUS: Final = Version("2021-07-01", "the one that public code calls")
NETWORK: Final = Version(
    "2024-05-01", "the newest recorded one; `probeThreshold` and `defaultOutboundAccess` are in it"
)
TRAFFIC_MANAGER: Final = Version("2022-04-01", "the newest recorded one; subnet and multi-value routing are in it")
DNS: Final = Version("2018-05-01", "stable; alias records are in it")
BACKUP: Final = Version("2024-04-01", "the newest recorded one; soft delete and immutability of vaults are in it")
STORAGE: Final = Version("2023-05-01", "recorded most often; `kind`, `sku` and `minimumTlsVersion` are in it")
KEY_VAULT: Final = Version("2023-07-01", "stable; purge protection and access by roles are in it")
AUTOMATION: Final = Version("2023-11-01", "stable; it has runbooks, schedules and what joins them")
LOCKS: Final = Version("2016-09-01", "the recorded one")
METRIC_ALERTS: Final = Version("2018-03-01", "stable; each kind of alert has versions of its own")
LOG_ALERTS: Final = Version("2022-06-15", "stable; each kind of alert has versions of its own")
ACTIVITY_ALERTS: Final = Version("2020-10-01", "stable; each kind of alert has versions of its own")
DEVTEST: Final = Version("2018-09-15", "stable; shutdown schedules of machines are in it")
CLASSIC_COMPUTE: Final = Version("2017-04-01", "the classic model is frozen")
CLASSIC_NETWORK: Final = Version("2017-11-15", "the classic model is frozen")
CLASSIC_STORAGE: Final = Version("2016-11-01", "the classic model is frozen")
SUBSCRIPTIONS: Final = Version("2022-12-01", "stable; only the id and the name are read")
GROUPS: Final = Version("2021-04-01", "stable; only the id, the region and tags are read")
PERMITTED: Final = Version("2022-04-01", "stable; it says what roles grant at the subscription itself")
RESOURCE_GRAPH: Final = Version("2021-03-01", "stable; rows as objects and the number of all records are in it")
METRICS: Final = Version("2018-01-01", "stable; dimensions are split by `$filter`")

LISTINGS: Final = (
    Listing(
        "Microsoft.Resources/resourceGroups",
        GROUPS,
        path="/resourcegroups",
        permission="Microsoft.Resources/subscriptions/resourceGroups/read",
    ),
    Listing("Microsoft.Compute/virtualMachines", COMPUTE),
    Listing("Microsoft.Compute/availabilitySets", COMPUTE),
    Listing("Microsoft.Compute/virtualMachineScaleSets", COMPUTE),
    Listing("Microsoft.Compute/proximityPlacementGroups", COMPUTE),
    Listing("Microsoft.Compute/capacityReservationGroups", COMPUTE),
    Listing("Microsoft.Compute/disks", DISKS),
    Listing("Microsoft.Compute/diskEncryptionSets", DISKS),
    Listing("Microsoft.Network/loadBalancers", NETWORK),
    Listing("Microsoft.Network/applicationGateways", NETWORK),
    Listing("Microsoft.Network/ApplicationGatewayWebApplicationFirewallPolicies", NETWORK),
    Listing("Microsoft.Network/networkInterfaces", NETWORK),
    Listing("Microsoft.Network/publicIPAddresses", NETWORK),
    Listing("Microsoft.Network/publicIPPrefixes", NETWORK),
    Listing("Microsoft.Network/virtualNetworks", NETWORK),
    Listing("Microsoft.Network/networkSecurityGroups", NETWORK),
    Listing("Microsoft.Network/routeTables", NETWORK),
    Listing("Microsoft.Network/natGateways", NETWORK),
    Listing("Microsoft.Network/expressRouteCircuits", NETWORK),
    Listing("Microsoft.Network/azureFirewalls", NETWORK),
    Listing("Microsoft.Network/firewallPolicies", NETWORK),
    Listing(
        "Microsoft.Network/firewallPolicies/ruleCollectionGroups",
        NETWORK,
        "Microsoft.Network/firewallPolicies",
        "/ruleCollectionGroups",
    ),
    Listing("Microsoft.Network/bastionHosts", NETWORK),
    Listing("Microsoft.Network/trafficManagerProfiles", TRAFFIC_MANAGER),
    Listing("Microsoft.Network/dnsZones", DNS),
    Listing("Microsoft.Network/dnsZones/recordsets", DNS, "Microsoft.Network/dnsZones", "/recordsets"),
    Listing("Microsoft.RecoveryServices/vaults", BACKUP),
    Listing(
        "Microsoft.RecoveryServices/vaults/backupconfig",
        BACKUP,
        "Microsoft.RecoveryServices/vaults",
        "/backupconfig/vaultconfig",
        single=True,
    ),
    Listing(
        "Microsoft.RecoveryServices/vaults/backupPolicies",
        BACKUP,
        "Microsoft.RecoveryServices/vaults",
        "/backupPolicies",
        "&$filter=backupManagementType%20eq%20'AzureIaasVM'",
    ),
    Listing(
        "Microsoft.RecoveryServices/vaults/backupFabrics/protectionContainers/protectedItems",
        BACKUP,
        "Microsoft.RecoveryServices/vaults",
        "/backupProtectedItems",
        "&$filter=backupManagementType%20eq%20'AzureIaasVM'",
        "Microsoft.RecoveryServices/vaults/backupProtectedItems/read",
    ),
    Listing("Microsoft.Storage/storageAccounts", STORAGE),
    Listing(
        "Microsoft.Storage/storageAccounts/fileServices",
        STORAGE,
        "Microsoft.Storage/storageAccounts",
        "/fileServices/default",
        single=True,
    ),
    Listing(
        "Microsoft.Storage/storageAccounts/fileServices/shares",
        STORAGE,
        "Microsoft.Storage/storageAccounts",
        "/fileServices/default/shares",
    ),
    Listing("Microsoft.KeyVault/vaults", KEY_VAULT),
    Listing("Microsoft.Automation/automationAccounts", AUTOMATION),
    Listing(
        "Microsoft.Automation/automationAccounts/runbooks",
        AUTOMATION,
        "Microsoft.Automation/automationAccounts",
        "/runbooks",
    ),
    Listing(
        "Microsoft.Automation/automationAccounts/schedules",
        AUTOMATION,
        "Microsoft.Automation/automationAccounts",
        "/schedules",
    ),
    Listing(
        "Microsoft.Automation/automationAccounts/jobSchedules",
        AUTOMATION,
        "Microsoft.Automation/automationAccounts",
        "/jobSchedules",
    ),
    Listing("Microsoft.Authorization/locks", LOCKS),
    Listing("Microsoft.Insights/metricAlerts", METRIC_ALERTS),
    Listing("Microsoft.Insights/scheduledQueryRules", LOG_ALERTS),
    Listing("Microsoft.Insights/activityLogAlerts", ACTIVITY_ALERTS),
    Listing("Microsoft.DevTestLab/schedules", DEVTEST),
    Listing("Microsoft.ClassicCompute/virtualMachines", CLASSIC_COMPUTE),
    Listing("Microsoft.ClassicNetwork/virtualNetworks", CLASSIC_NETWORK),
    Listing("Microsoft.ClassicStorage/storageAccounts", CLASSIC_STORAGE),
)
"""What is listed by ARM itself."""

BY_GRAPH: Final = (
    "Microsoft.Compute/virtualMachines/extensions",
    "Microsoft.Network/virtualNetworkGateways",
    "Microsoft.Network/localNetworkGateways",
    "Microsoft.Network/connections",
    "Microsoft.Network/networkWatchers/flowLogs",
)
"""What ARM lists only for each machine or each resource group, and Resource Graph for a subscription."""

VAULTS: Final = "microsoft.recoveryservices/vaults"

STATUSES: Final = Listing("Microsoft.Compute/virtualMachines", COMPUTE, query="&statusOnly=true")
"""The power state of all machines, which their list leaves out."""
STATUS: Final = "Microsoft.Compute/virtualMachines/instanceView"
"""What is missing where they cannot be read."""
INSTANCE: Final = Listing("Microsoft.Compute/virtualMachines", COMPUTE, path="", query="&$expand=instanceView")
"""One machine with its fault domain, its agent and its extensions' states."""
RECOVERY_POINTS: Final = Listing(
    "Microsoft.RecoveryServices/vaults/backupFabrics/protectionContainers/protectedItems/recoveryPoints",
    BACKUP,
    "Microsoft.RecoveryServices/vaults/backupFabrics/protectionContainers/protectedItems",
    "/recoveryPoints",
)
AVAILABILITY: Final = Listing(
    "Microsoft.Insights/metrics",
    METRICS,
    "Microsoft.Network/loadBalancers",
    query="&metricnames=DipAvailability&aggregation=Average&interval=PT5M&$filter=BackendIPAddress%20eq%20'*'&top=5000",
)
"""Which backend addresses answered a balancer's probes in the last hour.

Without `top` Azure gives ten of them and does not say that there are more; a pool has no more than 5,000.
"""
SIZES: Final = Listing("Microsoft.Compute/skus", SKUS)
USAGES: Final = Listing("Microsoft.Compute/locations/usages", COMPUTE, "Microsoft.Compute/locations", "/usages")

SUBSCRIPTION: Final = Listing("Microsoft.Resources/subscriptions", SUBSCRIPTIONS, path="")
PERMISSIONS: Final = Listing("Microsoft.Authorization/permissions", PERMITTED)
GRAPH: Final = Listing("Microsoft.ResourceGraph/resources", RESOURCE_GRAPH)
"""The only thing that is not a GET; it is asked once for a subscription, and at none."""

FURTHER: Final = (SUBSCRIPTION, PERMISSIONS, STATUSES, SIZES, USAGES, GRAPH)
"""What is read of each subscription besides its lists."""
OF_MEMBERS: Final = (INSTANCE, RECOVERY_POINTS, AVAILABILITY)
"""What only the machines and balancers of deployments are asked for."""


def children_of(type_: str) -> Iterator[Listing]:
    """Yield what each resource of a type has lists of."""
    return (listing for listing in LISTINGS if arm.canonical_type(listing.below) == type_)


def actions() -> list[str]:
    """Return every action that reading takes."""
    listed = {listing.action for listing in (*LISTINGS, *FURTHER, *OF_MEMBERS)}
    return sorted(listed | {f"{type_}/read" for type_ in BY_GRAPH}, key=str.lower)
