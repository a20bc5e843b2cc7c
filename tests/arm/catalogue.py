"""Which resource types Azure knows, and at which scopes it lists them."""

from __future__ import annotations

BY_SUBSCRIPTION = """\
Microsoft.AlertsManagement/actionRules
Microsoft.Authorization/locks
Microsoft.Authorization/permissions
Microsoft.Authorization/policyAssignments
Microsoft.Authorization/roleAssignments
Microsoft.Automation/automationAccounts
Microsoft.Cdn/profiles
Microsoft.ClassicCompute/domainNames
Microsoft.ClassicCompute/virtualMachines
Microsoft.ClassicNetwork/virtualNetworks
Microsoft.ClassicStorage/storageAccounts
Microsoft.Compute/availabilitySets
Microsoft.Compute/capacityReservationGroups
Microsoft.Compute/diskAccesses
Microsoft.Compute/diskEncryptionSets
Microsoft.Compute/disks
Microsoft.Compute/galleries
Microsoft.Compute/hostGroups
Microsoft.Compute/images
Microsoft.Compute/locations/usages
Microsoft.Compute/proximityPlacementGroups
Microsoft.Compute/restorePointCollections
Microsoft.Compute/skus
Microsoft.Compute/snapshots
Microsoft.Compute/sshPublicKeys
Microsoft.Compute/virtualMachineScaleSets
Microsoft.Compute/virtualMachines
Microsoft.DataProtection/backupVaults
Microsoft.DevTestLab/labs
Microsoft.DevTestLab/schedules
Microsoft.Insights/actionGroups
Microsoft.Insights/activityLogAlerts
Microsoft.Insights/metricAlerts
Microsoft.Insights/scheduledQueryRules
Microsoft.KeyVault/vaults
Microsoft.Maintenance/configurationAssignments
Microsoft.Maintenance/maintenanceConfigurations
Microsoft.ManagedIdentity/userAssignedIdentities
Microsoft.NetApp/netAppAccounts
Microsoft.Network/ApplicationGatewayWebApplicationFirewallPolicies
Microsoft.Network/applicationGateways
Microsoft.Network/applicationSecurityGroups
Microsoft.Network/azureFirewalls
Microsoft.Network/bastionHosts
Microsoft.Network/ddosProtectionPlans
Microsoft.Network/dnszones
Microsoft.Network/expressRouteCircuits
Microsoft.Network/expressRouteGateways
Microsoft.Network/expressRoutePorts
Microsoft.Network/firewallPolicies
Microsoft.Network/frontDoorWebApplicationFirewallPolicies
Microsoft.Network/frontDoors
Microsoft.Network/ipGroups
Microsoft.Network/loadBalancers
Microsoft.Network/locations/usages
Microsoft.Network/natGateways
Microsoft.Network/networkInterfaces
Microsoft.Network/networkManagers
Microsoft.Network/networkSecurityGroups
Microsoft.Network/networkWatchers
Microsoft.Network/privateDnsZones
Microsoft.Network/privateEndpoints
Microsoft.Network/privateLinkServices
Microsoft.Network/publicIPAddresses
Microsoft.Network/publicIPPrefixes
Microsoft.Network/routeTables
Microsoft.Network/trafficManagerProfiles
Microsoft.Network/virtualHubs
Microsoft.Network/virtualNetworks
Microsoft.Network/virtualWans
Microsoft.Network/vpnGateways
Microsoft.OperationalInsights/workspaces
Microsoft.RecoveryServices/vaults
Microsoft.Security/pricings
Microsoft.Storage/storageAccounts
""".splitlines()

BY_GROUP = """\
Microsoft.Network/connections
Microsoft.Network/localNetworkGateways
Microsoft.Network/virtualNetworkGateways
""".splitlines()
"""Top-level types that Azure lists only within a resource group."""

CHILDREN = """\
Microsoft.Cdn/profiles/afdEndpoints
Microsoft.Cdn/profiles/afdEndpoints/routes
Microsoft.Cdn/profiles/originGroups
Microsoft.Cdn/profiles/originGroups/origins
Microsoft.Cdn/profiles/securityPolicies
Microsoft.Automation/automationAccounts/jobSchedules
Microsoft.Automation/automationAccounts/runbooks
Microsoft.Automation/automationAccounts/schedules
Microsoft.Compute/capacityReservationGroups/capacityReservations
Microsoft.Compute/virtualMachineScaleSets/virtualMachines
Microsoft.Compute/virtualMachines/extensions
Microsoft.Compute/virtualMachines/instanceView
Microsoft.Compute/virtualMachines/runCommands
Microsoft.DataProtection/backupVaults/backupInstances
Microsoft.DataProtection/backupVaults/backupPolicies
Microsoft.Insights/diagnosticSettings
Microsoft.Insights/metrics
Microsoft.Network/dnszones/A
Microsoft.Network/dnszones/AAAA
Microsoft.Network/dnszones/CNAME
Microsoft.Network/dnszones/MX
Microsoft.Network/dnszones/NS
Microsoft.Network/dnszones/SOA
Microsoft.Network/dnszones/SRV
Microsoft.Network/dnszones/TXT
Microsoft.Network/dnszones/all
Microsoft.Network/dnszones/recordsets
Microsoft.Network/expressRouteCircuits/peerings
Microsoft.Network/firewallPolicies/ruleCollectionGroups
Microsoft.Network/networkManagers/networkGroups
Microsoft.Network/networkManagers/networkGroups/staticMembers
Microsoft.Network/networkManagers/securityAdminConfigurations
Microsoft.Network/networkManagers/securityAdminConfigurations/ruleCollections
Microsoft.Network/networkManagers/securityAdminConfigurations/ruleCollections/rules
Microsoft.Network/networkWatchers/flowLogs
Microsoft.Network/privateDnsZones/A
Microsoft.Network/privateDnsZones/CNAME
Microsoft.Network/privateDnsZones/SOA
Microsoft.Network/privateDnsZones/all
Microsoft.Network/privateDnsZones/virtualNetworkLinks
Microsoft.Network/virtualHubs/hubVirtualNetworkConnections
Microsoft.Network/virtualNetworks/subnets
Microsoft.Network/virtualNetworks/virtualNetworkPeerings
Microsoft.RecoveryServices/vaults/backupEncryptionConfigs
Microsoft.RecoveryServices/vaults/backupFabrics/protectionContainers/protectedItems
Microsoft.RecoveryServices/vaults/backupFabrics/protectionContainers/protectedItems/recoveryPoints
Microsoft.RecoveryServices/vaults/backupJobs
Microsoft.RecoveryServices/vaults/backupPolicies
Microsoft.RecoveryServices/vaults/backupProtectedItems
Microsoft.RecoveryServices/vaults/backupconfig
Microsoft.RecoveryServices/vaults/backupstorageconfig
Microsoft.RecoveryServices/vaults/replicationFabrics/replicationProtectionContainers/replicationProtectedItems
Microsoft.RecoveryServices/vaults/replicationProtectedItems
Microsoft.Storage/storageAccounts/blobServices
Microsoft.Storage/storageAccounts/blobServices/containers
Microsoft.Storage/storageAccounts/fileServices
Microsoft.Storage/storageAccounts/fileServices/shares
Microsoft.Storage/storageAccounts/managementPolicies
""".splitlines()

REGIONS = ("westeurope", "northeurope", "japaneast", "westcentralus")
"""Regions that every subscription has, whatever is in it."""

KNOWN = frozenset(name.lower() for name in (*BY_SUBSCRIPTION, *BY_GROUP, *CHILDREN))
ONLY_BY_GROUP = frozenset(name.lower() for name in BY_GROUP)
API_VERSION = "2025-01-01"
"""The api-version of every type here; any date is accepted."""


def namespaces() -> dict[str, list[str]]:
    """Return the types of each provider, as Azure spells both."""
    found: dict[str, list[str]] = {}
    for name in sorted({*BY_SUBSCRIPTION, *BY_GROUP, *CHILDREN}):
        namespace, _, type_ = name.partition("/")
        found.setdefault(namespace, []).append(type_)
    return found
