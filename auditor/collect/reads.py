"""What is read of a subscription, by which version of which API, and which permission it takes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from auditor import arm


class Listing(msgspec.Struct, frozen=True):
    """All resources of a type: those of a subscription in one list, or those below each resource of another type."""

    type: str
    """As Azure spells it."""
    version: str
    """The api-version."""
    below: str = ""
    """The type of which each resource has such a list; "" for a list of the subscription's."""
    path: str = ""
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
        return f"{scope}{self.path or '/providers/' + self.type}?api-version={self.version}{self.query}"


COMPUTE: Final = "2024-07-01"
"""Machines: the newest of which recorded answers were at hand; later ones add nothing that rules read, and sovereign
clouds get them late."""
DISKS: Final = "2024-03-02"
"""Disks are versioned apart; the newest recorded. Premium SSD v2 and performance plus are in it."""
SKUS: Final = "2021-07-01"
"""Only this one has been in use for years; it is the version of the SDK before it pinned one for a whole package."""
NETWORK: Final = "2024-05-01"
"""The newest recorded; `probeThreshold` and `defaultOutboundAccess` are in it."""
TRAFFIC_MANAGER: Final = "2022-04-01"
"""The newest stable one; subnet and multi-value routing are in it."""
DNS: Final = "2018-05-01"
"""The newest stable one; alias records are in it."""
BACKUP: Final = "2024-04-01"
"""Vaults and what is in them: the newest recorded. `enhancedSecurityState` and soft delete settings are in it."""
STORAGE: Final = "2023-05-01"
"""Recorded; retirements are seen by `kind`, `sku` and `minimumTlsVersion`, which newer ones have unchanged."""
KEY_VAULT: Final = "2023-07-01"
"""The newest stable one that lists by subscription in all clouds."""
AUTOMATION: Final = "2023-11-01"
"""The newest stable one; schedules and runbooks have one shape since 2015."""
LOCKS: Final = "2016-09-01"
"""The version that public code calls; locks have not changed since."""
DEVTEST: Final = "2018-09-15"
"""The only stable one since."""
SUBSCRIPTIONS: Final = "2022-12-01"
"""The newest stable one."""
GROUPS: Final = "2021-04-01"
"""A version that every cloud has."""
PERMISSIONS: Final = "2022-04-01"
"""The newest stable one; it is asked at the subscription itself."""
RESOURCE_GRAPH: Final = "2021-03-01"
"""A version that every cloud has."""
METRICS: Final = "2018-01-01"
"""A version that every cloud has; dimensions are split by `$filter`."""

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
    # Alerts: each kind is a provider of its own behind one namespace, with versions of its own.
    Listing("Microsoft.Insights/metricAlerts", "2018-03-01"),
    Listing("Microsoft.Insights/scheduledQueryRules", "2022-06-15"),
    Listing("Microsoft.Insights/activityLogAlerts", "2020-10-01"),
    Listing("Microsoft.DevTestLab/schedules", DEVTEST),
    # The classic model has answered by these versions only since it was frozen.
    Listing("Microsoft.ClassicCompute/virtualMachines", "2017-04-01"),
    Listing("Microsoft.ClassicNetwork/virtualNetworks", "2017-11-15"),
    Listing("Microsoft.ClassicStorage/storageAccounts", "2016-11-01"),
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
    query="&metricnames=DipAvailability&aggregation=Average&interval=PT5M&$filter=BackendIPAddress%20eq%20'*'",
)
"""Which backend addresses answered a balancer's probes in the last hour."""
SIZES: Final = Listing("Microsoft.Compute/skus", SKUS)
USAGES: Final = Listing("Microsoft.Compute/locations/usages", COMPUTE)

SUBSCRIPTION_READ: Final = "Microsoft.Resources/subscriptions/read"
PERMISSIONS_READ: Final = "Microsoft.Authorization/permissions/read"
GRAPH_READ: Final = "Microsoft.ResourceGraph/resources/read"


def children_of(type_: str) -> Iterator[Listing]:
    """Yield what each resource of a type has lists of."""
    return (listing for listing in LISTINGS if arm.canonical_type(listing.below) == type_)


def actions() -> list[str]:
    """Return every action that reading takes."""
    listed = {listing.action for listing in (*LISTINGS, STATUSES, RECOVERY_POINTS, AVAILABILITY, SIZES, USAGES)}
    by_graph = {f"{type_}/read" for type_ in BY_GRAPH}
    return sorted(listed | by_graph | {SUBSCRIPTION_READ, PERMISSIONS_READ, GRAPH_READ}, key=str.lower)
