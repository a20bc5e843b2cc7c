"""Resource types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from auditor.azure.types.names import (
    APPLICATION_GATEWAY,
    AVAILABILITY_SET,
    DISK,
    FLOW_LOG,
    LOAD_BALANCER,
    NETWORK_GATEWAY,
    NIC,
    PLACEMENT_GROUP,
    PUBLIC_ADDRESS,
    SCALE_SET,
    SECURITY_GROUP,
    TRAFFIC_MANAGER,
    VIRTUAL_NETWORK,
    VM,
)

KINDS: Final = {
    VM: "vm",
    DISK: "disk",
    NIC: "interface",
    SCALE_SET: "scale-set",
    AVAILABILITY_SET: "availability-set",
    LOAD_BALANCER: "balancer",
    APPLICATION_GATEWAY: "gateway",
    TRAFFIC_MANAGER: "profile",
}
"""The short names by which facts speak of resource types."""

_PROPER_NAMES: Final = {
    name.lower(): name
    for name in (
        "Microsoft.Compute/virtualMachines",
        "Microsoft.Compute/virtualMachines/extensions",
        "Microsoft.Compute/disks",
        "Microsoft.Compute/availabilitySets",
        "Microsoft.Compute/virtualMachineScaleSets",
        "Microsoft.Compute/proximityPlacementGroups",
        "Microsoft.Compute/skus",
        "Microsoft.Network/networkInterfaces",
        "Microsoft.Network/loadBalancers",
        "Microsoft.Network/applicationGateways",
        "Microsoft.Network/publicIPAddresses",
        "Microsoft.Network/publicIPPrefixes",
        "Microsoft.Network/virtualNetworks",
        "Microsoft.Network/networkSecurityGroups",
        "Microsoft.Network/trafficManagerProfiles",
        "Microsoft.Network/virtualNetworkGateways",
        "Microsoft.Network/networkWatchers/flowLogs",
    )
}

ONLY_IN_RESOURCE_GRAPH: Final = frozenset({NETWORK_GATEWAY, FLOW_LOG})
"""Types that Azure Resource Manager lists by resource group or parent, but not for a subscription as a whole."""


def display_type(type_: str) -> str:
    """Return a resource type in Microsoft's casing."""
    return _PROPER_NAMES.get(type_, type_)


class Reference(NamedTuple):
    """A property that holds the id of another resource, or of a part of one."""

    path: str
    to: str
    """The type of the resource that is referred to."""
    reached: bool = True
    """Whether what it names belongs to whoever the resource belongs to; false where it may be somebody else's."""


REFERENCES: Final[Mapping[str, tuple[Reference, ...]]] = {
    VM: (
        Reference("properties.availabilitySet.id", AVAILABILITY_SET),
        Reference("properties.virtualMachineScaleSet.id", SCALE_SET),
        Reference("properties.proximityPlacementGroup.id", PLACEMENT_GROUP),
        Reference("properties.storageProfile.osDisk.managedDisk.id", DISK),
        Reference("properties.storageProfile.dataDisks[*].managedDisk.id", DISK),
        Reference("properties.networkProfile.networkInterfaces[*].id", NIC),
    ),
    NIC: (
        Reference("properties.virtualMachine.id", VM, reached=False),
        Reference("properties.networkSecurityGroup.id", SECURITY_GROUP),
        Reference("properties.ipConfigurations[*].properties.subnet.id", VIRTUAL_NETWORK),
        Reference("properties.ipConfigurations[*].properties.publicIPAddress.id", PUBLIC_ADDRESS),
        Reference("properties.ipConfigurations[*].properties.loadBalancerBackendAddressPools[*].id", LOAD_BALANCER),
        Reference("properties.ipConfigurations[*].properties.loadBalancerInboundNatRules[*].id", LOAD_BALANCER),
        Reference(
            "properties.ipConfigurations[*].properties.applicationGatewayBackendAddressPools[*].id", APPLICATION_GATEWAY
        ),
    ),
    DISK: (Reference("managedBy", VM, reached=False), Reference("managedByExtended[*]", VM, reached=False)),
    AVAILABILITY_SET: (Reference("properties.virtualMachines[*].id", VM, reached=False),),
    LOAD_BALANCER: (
        Reference("properties.frontendIPConfigurations[*].properties.publicIPAddress.id", PUBLIC_ADDRESS),
        Reference("properties.frontendIPConfigurations[*].properties.subnet.id", VIRTUAL_NETWORK),
        Reference("properties.backendAddressPools[*].properties.backendIPConfigurations[*].id", NIC, reached=False),
        Reference("properties.inboundNatRules[*].properties.backendIPConfiguration.id", NIC, reached=False),
    ),
    APPLICATION_GATEWAY: (
        Reference("properties.frontendIPConfigurations[*].properties.publicIPAddress.id", PUBLIC_ADDRESS),
        Reference("properties.gatewayIPConfigurations[*].properties.subnet.id", VIRTUAL_NETWORK),
        Reference("properties.backendAddressPools[*].properties.backendIPConfigurations[*].id", NIC, reached=False),
    ),
    VIRTUAL_NETWORK: (Reference("properties.subnets[*].properties.networkSecurityGroup.id", SECURITY_GROUP),),
    TRAFFIC_MANAGER: (Reference("properties.endpoints[*].properties.targetResourceId", PUBLIC_ADDRESS, reached=False),),
    NETWORK_GATEWAY: (
        Reference("properties.ipConfigurations[*].properties.subnet.id", VIRTUAL_NETWORK, reached=False),
    ),
    FLOW_LOG: (Reference("properties.targetResourceId", SECURITY_GROUP, reached=False),),
}
"""Every property by which the graph goes from one resource to another, by the type that has it."""

REACHED_BACKWARDS: Final[Mapping[str, tuple[str, ...]]] = {
    PUBLIC_ADDRESS: (TRAFFIC_MANAGER,),
    VIRTUAL_NETWORK: (NETWORK_GATEWAY,),
    SECURITY_GROUP: (FLOW_LOG,),
}
"""Types that belong to whoever has what they refer to: a Traffic Manager profile to its endpoints' addresses."""
