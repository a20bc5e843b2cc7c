"""Keys, identities, automation, locks, alerts and metrics; and the classic deployment model."""

from __future__ import annotations

from typing import Final

from auditor.azure.types.model import IdentityProperties, PartKind, Reference, ResourceType, Version, Via, Volatile
from auditor.azure.types.names import ACTION_GROUP, VM

_AUTOMATION: Final = Version("2023-11-01", "stable; it has runbooks, schedules and what joins them")
_ALERTS_DIFFER: Final = "stable; each kind of alert has versions of its own"
_CLASSIC_IS_FROZEN: Final = "the classic model is frozen"

TYPES: Final = (
    ResourceType(
        "Microsoft.KeyVault/vaults",
        Version("2023-07-01", "stable; purge protection and access by roles are in it"),
        kind="key-vault",
        about="a key vault",
    ),
    ResourceType("Microsoft.Automation/automationAccounts", _AUTOMATION),
    ResourceType(
        "Microsoft.Automation/automationAccounts/runbooks",
        _AUTOMATION,
        Via.PARENT,
        parent="Microsoft.Automation/automationAccounts",
        path="/runbooks",
    ),
    ResourceType(
        "Microsoft.Automation/automationAccounts/schedules",
        _AUTOMATION,
        Via.PARENT,
        parent="Microsoft.Automation/automationAccounts",
        path="/schedules",
    ),
    ResourceType(
        "Microsoft.Automation/automationAccounts/jobSchedules",
        _AUTOMATION,
        Via.PARENT,
        parent="Microsoft.Automation/automationAccounts",
        path="/jobSchedules",
    ),
    ResourceType("Microsoft.Authorization/locks", Version("2016-09-01", "the recorded one")),
    ResourceType(
        "Microsoft.Maintenance/configurationAssignments",
        Version("2023-04-01", "stable; the list of a subscription has the assignments to VMs"),
        kind="maintenance-assignment",
        about="an assignment of a maintenance configuration to a VM or its host",
    ),
    ResourceType(
        "Microsoft.Insights/metricAlerts",
        Version("2018-03-01", _ALERTS_DIFFER),
        references=(Reference("properties.actions[*].actionGroupId", ACTION_GROUP, reached=False),),
    ),
    ResourceType("Microsoft.Insights/scheduledQueryRules", Version("2022-06-15", _ALERTS_DIFFER)),
    ResourceType(
        "Microsoft.Insights/activityLogAlerts",
        Version("2020-10-01", _ALERTS_DIFFER),
        references=(Reference("properties.actions.actionGroups[*].actionGroupId", ACTION_GROUP, reached=False),),
    ),
    ResourceType("Microsoft.Insights/actionGroups", Version("2023-01-01", "stable; it has every kind of receiver")),
    ResourceType(
        "Microsoft.AlertsManagement/actionRules",
        Version("2021-08-08", "stable; it adds action groups to alerts, or removes them"),
        parts=(
            PartKind(
                "properties.actions[*]", references=(Reference("actionGroupIds[*]", ACTION_GROUP, reached=False),)
            ),
        ),
    ),
    ResourceType(
        "Microsoft.DevTestLab/schedules",
        Version("2018-09-15", "stable; it includes shutdown schedules of VMs"),
        kind="schedule",
        about="a schedule by which Azure shuts down a VM",
        references=(Reference("properties.targetResourceId", VM, reached=False),),
    ),
    # Which backend addresses answered a load balancer's probes in the last hour, by the port of load-balancing rules.
    # Without `top` Azure returns ten time series and does not say that there are more; a pool has no more than 5,000.
    ResourceType(
        "Microsoft.Insights/metrics",
        Version("2018-01-01", "stable; dimensions are split by `$filter`"),
        Via.MEMBER,
        parent="Microsoft.Network/loadBalancers",
        query="&metricnames=DipAvailability&aggregation=Average&interval=PT5M"
        "&$filter=BackendIPAddress%20eq%20'*'%20and%20BackendPort%20eq%20'*'&top=5000",
        has_properties=False,
        volatile=(Volatile(("**",), "is a measurement, not a setting"),),
    ),
    ResourceType(
        "Microsoft.ManagedIdentity/userAssignedIdentities",
        via=Via.NONE,
        identity=IdentityProperties(unique=("properties.principalId",)),
    ),
    ResourceType("Microsoft.ClassicCompute/virtualMachines", Version("2017-04-01", _CLASSIC_IS_FROZEN)),
    ResourceType("Microsoft.ClassicNetwork/virtualNetworks", Version("2017-11-15", _CLASSIC_IS_FROZEN)),
    ResourceType("Microsoft.ClassicStorage/storageAccounts", Version("2016-11-01", _CLASSIC_IS_FROZEN)),
)
