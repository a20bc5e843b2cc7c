"""Networks, load balancing and names."""

from __future__ import annotations

from typing import Final

from auditor.azure.types.model import (
    IdentityProperties,
    Namespace,
    PartKind,
    Reference,
    ResourceType,
    Since,
    Version,
    Via,
    Volatile,
)
from auditor.azure.types.names import (
    APPLICATION_GATEWAY,
    CIRCUIT,
    EXPRESSROUTE_PORT,
    FIREWALL_POLICY,
    LOAD_BALANCER,
    LOCAL_GATEWAY,
    NAT_GATEWAY,
    NETWORK_GATEWAY,
    NIC,
    PUBLIC_ADDRESS,
    PUBLIC_PREFIX,
    ROUTE_TABLE,
    SECURITY_GROUP,
    VIRTUAL_NETWORK,
    VIRTUAL_WAN,
    VM,
    WAF_POLICY,
)

_NETWORK: Final = Version(
    "2024-05-01", "the newest recorded one; `probeThreshold` and `defaultOutboundAccess` are in it"
)
_DNS: Final = Version("2018-05-01", "stable; alias records are in it")

PROVIDER: Final = Namespace("Microsoft.Network", IdentityProperties(unique=("properties.resourceGuid",)))

_SUBNET: Final = Reference("properties.subnet.id", VIRTUAL_NETWORK, "subnets")
_PUBLIC_ADDRESS: Final = Reference("properties.publicIPAddress.id", PUBLIC_ADDRESS)
_POOL: Final = PartKind(
    "properties.backendAddressPools[*]",
    "pool",
    "a backend pool",
    (Reference("properties.backendIPConfigurations[*].id", NIC, "ipConfigurations", reached=False),),
)


_BACKENDS: Final = "properties.backendAddressPools[*].properties.loadBalancerBackendAddresses"
_FRONTEND: Final = Reference(
    "properties.frontendIPConfiguration.id", LOAD_BALANCER, "frontendIPConfigurations", required=True
)


def _in_subnet(*names: str) -> Reference:
    """Return the reference of what serves a whole virtual network from a subnet that must have a certain name."""
    return Reference(
        "properties.subnet.id", VIRTUAL_NETWORK, "subnets", reached=False, reached_backwards=True, subnets=names
    )


def _end(path: str) -> Reference:
    """Return the reference of a connection to a gateway at an end of it, to whose deployments it belongs."""
    return Reference(path, NETWORK_GATEWAY, reached=False, reached_backwards=True)


def _of_manager(parent: str, collection: str) -> ResourceType:
    """Return the type of what a network manager has."""
    owner = f"Microsoft.Network/networkManagers{parent}"
    return ResourceType(f"{owner}/{collection}", _NETWORK, Via.PARENT, parent=owner, path=f"/{collection}")


def _of_gateway(path: str, collection: str) -> Reference:
    return Reference(path, APPLICATION_GATEWAY, collection)


_LOAD_BALANCER: Final = ResourceType(
    "Microsoft.Network/loadBalancers",
    _NETWORK,
    since=(
        Since("2020-04-01", (_BACKENDS,)),
        Since("2021-03-01", ("properties.inboundNatRules[*].properties.backendAddressPool",)),
        Since("2022-01-01", (f"{_BACKENDS}[*].properties.adminState",)),
        Since("2022-05-01", ("properties.probes[*].properties.probeThreshold",)),
        Since("2022-07-01", ("properties.backendAddressPools[*].properties.virtualNetwork",)),
        Since("2023-04-01", ("properties.backendAddressPools[*].properties.syncMode",)),
        Since("2024-03-01", ("properties.probes[*].properties.noHealthyBackendsBehavior",)),
    ),
    kind="balancer",
    about="a load balancer",
    parts=(
        PartKind(
            "properties.frontendIPConfigurations[*]",
            "frontend",
            "a frontend of a load balancer",
            (
                _PUBLIC_ADDRESS,
                _SUBNET,
                Reference("properties.publicIPPrefix.id", PUBLIC_PREFIX, reached=False),
            ),
        ),
        _POOL,
        PartKind(
            "properties.loadBalancingRules[*]",
            "rule",
            "a load-balancing rule",
            (_FRONTEND, Reference("properties.probe.id", LOAD_BALANCER, "probes")),
        ),
        PartKind(
            "properties.inboundNatRules[*]",
            references=(
                Reference("properties.backendIPConfiguration.id", NIC, "ipConfigurations", reached=False),
                _FRONTEND,
            ),
        ),
        PartKind("properties.probes[*]", "probe", "a health probe"),
    ),
)

_GATEWAY: Final = ResourceType(
    "Microsoft.Network/applicationGateways",
    _NETWORK,
    since=(
        Since("2018-10-01", ("properties.sslCertificates[*].properties.keyVaultSecretId",)),
        Since("2019-09-01", ("properties.httpListeners[*].properties.hostNames",)),
        Since("2020-06-01", ("properties.sslProfiles", "properties.httpListeners[*].properties.sslProfile")),
        Since("2022-01-01", ("properties.listeners", "properties.routingRules")),
        Since("2023-02-01", ("properties.defaultPredefinedSslPolicy",)),
    ),
    kind="gateway",
    about="an application gateway",
    references=(Reference("properties.firewallPolicy.id", WAF_POLICY),),
    parts=(
        PartKind(
            "properties.frontendIPConfigurations[*]",
            references=(
                _PUBLIC_ADDRESS,
                Reference("properties.publicIPPrefix.id", PUBLIC_PREFIX, reached=False),
            ),
        ),
        PartKind("properties.gatewayIPConfigurations[*]", references=(_SUBNET,)),
        _POOL,
        PartKind(
            "properties.httpListeners[*]",
            "listener",
            "a listener of an application gateway",
            (
                _of_gateway("properties.frontendIPConfiguration.id", "frontendIPConfigurations"),
                _of_gateway("properties.frontendPort.id", "frontendPorts"),
                _of_gateway("properties.sslProfile.id", "sslProfiles"),
                Reference("properties.firewallPolicy.id", WAF_POLICY),
            ),
        ),
        PartKind("properties.sslProfiles[*]"),
        PartKind("properties.frontendPorts[*]"),
        PartKind(
            "properties.listeners[*]",
            references=(_of_gateway("properties.frontendIPConfiguration.id", "frontendIPConfigurations"),),
        ),
        PartKind(
            "properties.requestRoutingRules[*]",
            references=(
                _of_gateway("properties.httpListener.id", "httpListeners"),
                _of_gateway("properties.urlPathMap.id", "urlPathMaps"),
                _of_gateway("properties.redirectConfiguration.id", "redirectConfigurations"),
                _of_gateway("properties.backendAddressPool.id", "backendAddressPools"),
                _of_gateway("properties.backendHttpSettings.id", "backendHttpSettingsCollection"),
            ),
        ),
        PartKind(
            "properties.routingRules[*]",
            references=(
                _of_gateway("properties.listener.id", "listeners"),
                _of_gateway("properties.backendAddressPool.id", "backendAddressPools"),
            ),
        ),
        PartKind(
            "properties.urlPathMaps[*]",
            references=(
                _of_gateway("properties.defaultBackendAddressPool.id", "backendAddressPools"),
                _of_gateway("properties.defaultBackendHttpSettings.id", "backendHttpSettingsCollection"),
                _of_gateway("properties.defaultRedirectConfiguration.id", "redirectConfigurations"),
            ),
        ),
        PartKind(
            "properties.urlPathMaps[*].properties.pathRules[*]",
            references=(
                Reference("properties.firewallPolicy.id", WAF_POLICY),
                _of_gateway("properties.redirectConfiguration.id", "redirectConfigurations"),
                _of_gateway("properties.backendAddressPool.id", "backendAddressPools"),
                _of_gateway("properties.backendHttpSettings.id", "backendHttpSettingsCollection"),
            ),
        ),
        PartKind(
            "properties.redirectConfigurations[*]",
            references=(_of_gateway("properties.targetListener.id", "httpListeners"),),
        ),
        PartKind(
            "properties.backendHttpSettingsCollection[*]",
            "backend-settings",
            references=(_of_gateway("properties.probe.id", "probes"),),
        ),
        PartKind("properties.probes[*]"),
    ),
)

_NETWORK_INTERFACE: Final = ResourceType(
    "Microsoft.Network/networkInterfaces",
    _NETWORK,
    kind="interface",
    about="a network interface",
    references=(
        Reference("properties.virtualMachine.id", VM, reached=False),
        Reference("properties.networkSecurityGroup.id", SECURITY_GROUP),
    ),
    parts=(
        PartKind(
            "properties.ipConfigurations[*]",
            "configuration",
            "an IP configuration of a network interface",
            (
                Reference("properties.subnet.id", VIRTUAL_NETWORK, "subnets", required=True),
                _PUBLIC_ADDRESS,
                Reference("properties.loadBalancerBackendAddressPools[*].id", LOAD_BALANCER, "backendAddressPools"),
                Reference("properties.loadBalancerInboundNatRules[*].id", LOAD_BALANCER, "inboundNatRules"),
                Reference(
                    "properties.applicationGatewayBackendAddressPools[*].id", APPLICATION_GATEWAY, "backendAddressPools"
                ),
            ),
        ),
    ),
)

_VIRTUAL_NETWORK: Final = ResourceType(
    "Microsoft.Network/virtualNetworks",
    _NETWORK,
    parts=(
        PartKind(
            "properties.subnets[*]",
            references=(
                Reference("properties.networkSecurityGroup.id", SECURITY_GROUP),
                Reference("properties.routeTable.id", ROUTE_TABLE, reached=False),
                Reference("properties.natGateway.id", NAT_GATEWAY, reached=False),
            ),
        ),
    ),
    volatile=(
        Volatile(
            (
                "properties.subnets[*].properties.ipConfigurations",
                "properties.subnets[*].properties.ipConfigurationProfiles",
                "properties.subnets[*].properties.serviceAssociationLinks",
            ),
            "lists the network interfaces and services of the subnet, which refer to the subnet themselves",
        ),
    ),
)

_SECURITY_GROUP: Final = ResourceType(
    "Microsoft.Network/networkSecurityGroups",
    _NETWORK,
    kind="security-group",
    about="a network security group",
    volatile=(
        Volatile(
            ("properties.networkInterfaces", "properties.subnets"),
            "lists the network interfaces and subnets, which refer to the security group themselves",
        ),
        Volatile(("properties.defaultSecurityRules",), "is the same for every security group, and cannot be changed"),
    ),
)

_TRAFFIC_MANAGER: Final = ResourceType(
    "Microsoft.Network/trafficManagerProfiles",
    Version("2022-04-01", "the newest recorded one; subnet and multi-value routing are in it"),
    since=(Since("2022-04-01", ("properties.endpoints[*].properties.alwaysServe",)),),
    kind="profile",
    about="a Traffic Manager profile",
    parts=(
        PartKind(
            "properties.endpoints[*]",
            "endpoint",
            "an endpoint of a Traffic Manager profile",
            (Reference("properties.targetResourceId", PUBLIC_ADDRESS, reached=False, reached_backwards=True),),
        ),
    ),
    volatile=(
        Volatile(
            ("properties.monitorConfig.profileMonitorStatus",),
            "summarises the status of the endpoints, which is compared itself",
        ),
    ),
)

TYPES: Final = (
    _LOAD_BALANCER,
    _GATEWAY,
    ResourceType(
        "Microsoft.Network/ApplicationGatewayWebApplicationFirewallPolicies",
        _NETWORK,
    ),
    _NETWORK_INTERFACE,
    ResourceType(
        "Microsoft.Network/publicIPAddresses",
        _NETWORK,
        since=(Since("2022-05-01", ("properties.ddosSettings.protectionMode",)),),
    ),
    ResourceType("Microsoft.Network/publicIPPrefixes", _NETWORK),
    _VIRTUAL_NETWORK,
    _SECURITY_GROUP,
    ResourceType("Microsoft.Network/routeTables", _NETWORK),
    ResourceType("Microsoft.Network/natGateways", _NETWORK),
    ResourceType(
        "Microsoft.Network/expressRouteCircuits",
        _NETWORK,
        kind="circuit",
        about="an ExpressRoute circuit",
        references=(Reference("properties.expressRoutePort.id", EXPRESSROUTE_PORT),),
    ),
    ResourceType("Microsoft.Network/expressRoutePorts", _NETWORK),
    ResourceType(
        "Microsoft.Network/azureFirewalls",
        _NETWORK,
        kind="firewall",
        about="an Azure Firewall",
        references=(Reference("properties.firewallPolicy.id", FIREWALL_POLICY, reached=False),),
        parts=(
            PartKind("properties.ipConfigurations[*]", references=(_in_subnet("AzureFirewallSubnet"), _PUBLIC_ADDRESS)),
            PartKind(
                "properties.managementIpConfiguration",
                references=(_in_subnet("AzureFirewallManagementSubnet"), _PUBLIC_ADDRESS),
            ),
        ),
    ),
    ResourceType("Microsoft.Network/firewallPolicies", _NETWORK),
    ResourceType(
        "Microsoft.Network/firewallPolicies/ruleCollectionGroups",
        _NETWORK,
        Via.PARENT,
        parent="Microsoft.Network/firewallPolicies",
        path="/ruleCollectionGroups",
    ),
    ResourceType("Microsoft.Network/bastionHosts", _NETWORK),
    ResourceType("Microsoft.Network/networkManagers", _NETWORK),
    _of_manager("", "networkGroups"),
    _of_manager("/networkGroups", "staticMembers"),
    _of_manager("", "securityAdminConfigurations"),
    _of_manager("/securityAdminConfigurations", "ruleCollections"),
    _of_manager("/securityAdminConfigurations/ruleCollections", "rules"),
    _TRAFFIC_MANAGER,
    ResourceType("Microsoft.Network/dnsZones", _DNS),
    ResourceType(
        "Microsoft.Network/dnsZones/recordsets",
        _DNS,
        Via.PARENT,
        parent="Microsoft.Network/dnsZones",
        path="/recordsets",
    ),
    ResourceType(
        "Microsoft.Network/virtualNetworkGateways",
        via=Via.RESOURCE_GRAPH,
        parts=(PartKind("properties.ipConfigurations[*]", references=(_in_subnet("GatewaySubnet"), _PUBLIC_ADDRESS)),),
    ),
    ResourceType("Microsoft.Network/localNetworkGateways", via=Via.RESOURCE_GRAPH),
    ResourceType(
        "Microsoft.Network/connections",
        via=Via.RESOURCE_GRAPH,
        references=(
            _end("properties.virtualNetworkGateway1.id"),
            _end("properties.virtualNetworkGateway2.id"),
            Reference("properties.localNetworkGateway2.id", LOCAL_GATEWAY),
            Reference("properties.peer.id", CIRCUIT),
        ),
        volatile=(
            Volatile(
                (
                    "properties.connectionStatus",
                    "properties.egressBytesTransferred",
                    "properties.ingressBytesTransferred",
                    "properties.tunnelConnectionStatus",
                ),
                "is what the connection reported last",
            ),
        ),
    ),
    ResourceType("Microsoft.Network/virtualWans", _NETWORK),
    ResourceType(
        "Microsoft.Network/virtualHubs",
        _NETWORK,
        references=(Reference("properties.virtualWan.id", VIRTUAL_WAN),),
    ),
    ResourceType(
        "Microsoft.Network/virtualHubs/hubVirtualNetworkConnections",
        _NETWORK,
        Via.PARENT,
        parent="Microsoft.Network/virtualHubs",
        path="/hubVirtualNetworkConnections",
        references=(
            Reference("properties.remoteVirtualNetwork.id", VIRTUAL_NETWORK, reached=False, reached_backwards=True),
        ),
    ),
    ResourceType(
        "Microsoft.Network/networkWatchers/flowLogs",
        via=Via.RESOURCE_GRAPH,
        references=(Reference("properties.targetResourceId", SECURITY_GROUP, reached=False, reached_backwards=True),),
    ),
)
