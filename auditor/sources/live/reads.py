"""The requests of a live scan, derived from the declarations of resource types."""

from __future__ import annotations

from typing import Final

import msgspec

from auditor.azure import arm
from auditor.azure.types import TYPES, ResourceType, Via, read_via
from auditor.azure.types.names import (
    ACTION_RULE,
    ACTIVITY_ALERT,
    APPLICATION_GATEWAY,
    AZURE_FIREWALL,
    CONNECTION,
    DESCENDANT,
    DISK,
    FRONT_DOOR,
    FRONT_DOOR_CLASSIC,
    LOAD_BALANCER,
    LOCK,
    LOG_ALERT,
    MAINTENANCE_ASSIGNMENT,
    MANAGEMENT_GROUP,
    METRIC,
    METRIC_ALERT,
    NETWORK_MANAGER,
    PERMISSION,
    RECOVERY_POINT,
    RESOURCE_GRAPH,
    SCHEDULE,
    SKU,
    STORAGE_ACCOUNT,
    TRAFFIC_MANAGER,
    USAGE,
    VAULT,
    VIRTUAL_NETWORK,
    VM,
)

LISTS: Final = tuple(read_via(Via.SUBSCRIPTION, Via.PARENT))
"""What ARM lists for a subscription, or for each resource of another type."""
BY_GRAPH: Final = tuple(read_via(Via.RESOURCE_GRAPH))
OF_SUBSCRIPTION: Final = {declared.key: declared for declared in read_via(Via.SUBSCRIPTION)}
"""The lists of a subscription, by type."""

NOT_IN_GRAPH: Final = frozenset({arm.RESOURCE_GROUP, arm.LOCATION, LOCK, MAINTENANCE_ASSIGNMENT})
"""Those of which the table `resources` of Azure Resource Graph has no rows:
https://learn.microsoft.com/azure/governance/resource-graph/reference/supported-tables-resources
"""
LISTED_IN_ANY_CASE: Final = NOT_IN_GRAPH | {
    *(VM, DISK, LOAD_BALANCER, APPLICATION_GATEWAY, AZURE_FIREWALL, TRAFFIC_MANAGER, FRONT_DOOR, FRONT_DOOR_CLASSIC),
    *(NETWORK_MANAGER, VAULT, STORAGE_ACCOUNT, METRIC_ALERT, LOG_ALERT, ACTIVITY_ALERT, ACTION_RULE, SCHEDULE),
    *(type_ for type_ in OF_SUBSCRIPTION if type_.startswith("microsoft.classic")),
}
"""Those on whose absence outcomes rest, and which ARM lists whatever Azure Resource Graph saw; a test derives them."""

SUBSCRIPTION: Final = TYPES[arm.SUBSCRIPTION]
MANAGEMENT_GROUPS: Final = TYPES[MANAGEMENT_GROUP]
DESCENDANTS: Final = TYPES[DESCENDANT]
"""What is below a management group, at any depth: further ones and subscriptions."""
PERMISSIONS: Final = TYPES[PERMISSION]
GRAPH: Final = TYPES[RESOURCE_GRAPH]
"""The only request that is no GET; it is sent for many subscriptions at once, to no scope."""
SIZES: Final = TYPES[SKU]
USAGES: Final = TYPES[USAGE]
RECOVERY_POINTS: Final = TYPES[RECOVERY_POINT]
AVAILABILITY: Final = TYPES[METRIC]

STATUSES: Final = msgspec.structs.replace(TYPES[VM], query="&statusOnly=true")
"""The power state of all VMs, which their list leaves out."""
STATUS: Final = "Microsoft.Compute/virtualMachines/instanceView"
"""What is missing where they cannot be read."""
INSTANCE: Final = msgspec.structs.replace(TYPES[VM], path="", query="&$expand=instanceView")
"""One VM with its fault domain, its agent and its extensions' states."""
CONNECTION_STATE: Final = msgspec.structs.replace(TYPES[CONNECTION], version=TYPES[VIRTUAL_NETWORK].version, path="")
"""One connection with its state, which no list contains."""
WHOLE_VAULT: Final = msgspec.structs.replace(TYPES[VAULT], parent=TYPES[VAULT].name, path="")
"""One vault with its redundancy and its security settings."""

FURTHER: Final = (SUBSCRIPTION, PERMISSIONS, STATUSES, SIZES, USAGES, GRAPH)
"""What is read of each subscription besides its lists."""
OF_MANAGEMENT_GROUPS: Final = (MANAGEMENT_GROUPS, DESCENDANTS)
"""What is read only where management groups are named."""
OF_MEMBERS: Final = (INSTANCE, RECOVERY_POINTS, WHOLE_VAULT, AVAILABILITY, CONNECTION_STATE)
"""What is read only for the VMs, vaults, load balancers and networks of deployments."""


def actions(*, of_management_groups: bool = False) -> list[str]:
    """Return every action that reading takes, where management groups are named those of these too."""
    read: tuple[ResourceType, ...] = (*LISTS, *BY_GRAPH, *FURTHER, *OF_MEMBERS)
    read += OF_MANAGEMENT_GROUPS if of_management_groups else ()
    return sorted({declared.action for declared in read}, key=str.lower)
