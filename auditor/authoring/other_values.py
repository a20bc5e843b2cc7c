"""Values that Azure allows as well, most of them worse, for the mutations of text properties."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final


def other_values(type_and_path: str, name: str, was: str) -> list[str]:
    """Return the values listed for a property that differ from the one that it has.

    A property is listed by the last part of its type and its path, else by its name; `True` and `False` are each
    other's opposites everywhere.
    """
    listed = _VALUES.get(type_and_path, _VALUES.get(name, _OPPOSITES.get(was, ())))
    return [value for value in listed if value.lower() != was.lower()]


_OPPOSITES: Final = {"True": ("False",), "False": ("True",)}

_VALUES: Final[Mapping[str, tuple[str, ...]]] = {
    "access": ("Allow", "Deny"),
    "adminState": ("Up",),
    "alwaysServe": ("Enabled",),
    "caching": ("ReadWrite",),
    "code": ("PowerState/deallocated", "PowerState/running"),
    "cookieBasedAffinity": ("Disabled",),
    "destinationAddressPrefix": ("*", "10.99.0.0/24"),
    "destinationPortRange": ("*", "1024-65535"),
    "direction": ("Outbound", "Inbound"),
    "endpointMonitorStatus": ("Online", "Degraded"),
    "endpointStatus": ("Disabled",),
    "loadDistribution": ("Default",),
    "minProtocolVersion": ("TLSv1_0",),
    "noHealthyBackendsBehavior": ("AllProbedUp",),
    "policyType": ("Predefined",),
    "privateIPAddressVersion": ("IPv6",),
    "privateIPAllocationMethod": ("Dynamic",),
    "profileStatus": ("Disabled",),
    "securityType": ("Standard",),
    "sourceAddressPrefix": ("*", "10.0.0.0/8"),
    "sourcePortRange": ("*", "1024-65535"),
    "trafficRoutingMethod": ("Weighted",),
    "vmSize": ("Basic_A2", "Standard_B4ms"),
    "availabilitySets sku.name": ("Classic",),
    "disks sku.name": ("Standard_LRS",),
    "applicationGateways properties.sku.tier": ("Standard",),
    "applicationGateways properties.httpListeners[*].properties.hostNames[*]": ("other.example",),
    "applicationGateways properties.httpListeners[*].properties.protocol": ("Http", "Https"),
    "extensions properties.type": ("AzureDiskEncryptionForLinux",),
    "loadBalancers properties.loadBalancingRules[*].properties.protocol": ("Udp",),
    "loadBalancers properties.probes[*].properties.protocol": ("Tcp",),
    "loadBalancers properties.probes[*].properties.requestPath": ("/",),
    "loadBalancers sku.name": ("Basic",),
    "loadBalancers sku.tier": ("Global",),
    "networkSecurityGroups properties.defaultSecurityRules[*].properties.protocol": ("Udp",),
    "networkSecurityGroups properties.securityRules[*].properties.protocol": ("*", "Udp"),
    "publicIPAddresses sku.name": ("Basic",),
    "trafficManagerProfiles properties.monitorConfig.path": ("/",),
    "trafficManagerProfiles properties.monitorConfig.protocol": ("TCP",),
    "virtualNetworkGateways properties.gatewayType": ("Vpn",),
    "virtualNetworkGateways properties.sku.name": ("Standard",),
}
