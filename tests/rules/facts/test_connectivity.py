"""How users' networks reach a deployment: VPN gateways, virtual hubs and appliances."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.snapshot.known import PartialList
from tests.estate import subscription as s
from tests.estate.subscription import VNET, Body, arm_id
from tests.rules.facts.asking import GAP, VALUE, ask, shown

HUB = arm_id("Network/virtualNetworks", "hub")
MANAGED = "/subscriptions/00000000-0000-0000-0000-000000000009/resourceGroups/rg/providers/Microsoft.Network"
GATEWAY = s.network_gateway("gw")
CLIENTS = s.network_gateway(
    "gw", vpnClientConfiguration={"vpnClientAddressPool": {"addressPrefixes": ["172.16.0.0/24"]}}
)
FIREWALL = s.resource(
    "Network/azureFirewalls",
    "fw",
    ipConfigurations=[
        {
            "name": "default",
            "properties": {
                "subnet": {"id": f"{HUB}/subnets/AzureFirewallSubnet"},
                "publicIPAddress": {"id": arm_id("Network/publicIPAddresses", "ip")},
            },
        }
    ],
)


def deployment(ways: str) -> str:
    return f"""
- name: d
  product: iris
  connectivity: {ways}
  regions: {{primary: westeurope}}
  mirrors: none
  tiers: [{{role: web, members: [vm-web]}}, {{role: app, members: none}}, {{role: db, members: none}}]
"""


def network(*remote: str, vnet: str = VNET) -> Body:
    peerings = [{"name": "p", "properties": {"remoteVirtualNetwork": {"id": peer}}} for peer in remote]
    return s.network(vnet, subnets=[{"name": "GatewaySubnet"}], virtualNetworkPeerings=peerings)


def connection(kind: str, status: str = "Connected") -> Body:
    gateway = {"id": arm_id("Network/virtualNetworkGateways", "gw")}
    return s.resource(
        "Network/connections", "c", connectionType=kind, connectionStatus=status, virtualNetworkGateway1=gateway
    )


def hub(**gateways: str) -> tuple[Body, ...]:
    """Return a virtual hub with gateways, and its connection to the network."""
    inside: Body = {name: {"id": arm_id(f"Network/{name}s", to)} for name, to in gateways.items()}
    connected: Body = {"remoteVirtualNetwork": {"id": VNET}}
    name = "hub/hubVirtualNetworkConnections/c"
    return (
        network(f"{MANAGED}/virtualNetworks/HV_hub_guid"),
        s.resource("Network/virtualHubs", "hub", **inside),
        s.resource("Network/virtualHubs", name, **connected),
    )


def is_there(way: str, *bodies: Body, **keywords: Any) -> object:
    vm = (s.vm("vm-web"), s.nic("vm-web-nic"))
    own = () if any(body["id"] == VNET for body in bodies) else (network(),)
    built = s.topology(*vm, *own, *bodies, deployment=deployment(f"[{way}]"), **keywords)
    (found,) = PartialList.of(ask("deployment.connectivity", built, s.only(built)).value).known
    return shown(ask("connectivity.is_there", built, found).value)


@pytest.mark.parametrize(
    ("way", "bodies", "expected"),
    [
        ("vpn", (), False),
        ("vpn", (GATEWAY,), False),
        ("vpn", (CLIENTS,), True),
        ("vpn", (GATEWAY, connection("IPsec")), True),
        ("vpn", (GATEWAY, connection("IPsec", "Connecting")), False),
        ("vpn", (GATEWAY, connection("Vnet2Vnet")), False),
        ("vpn", (GATEWAY, connection("IPsec", "Unknown")), VALUE),
        ("expressroute", (GATEWAY, connection("IPsec")), False),
        ("expressroute", (GATEWAY, connection("ExpressRoute")), VALUE),
        ("expressroute", (GATEWAY, connection("ExpressRoute", "NotConnected")), False),
        ("vpn", hub(vpnGateway="v"), VALUE),
        ("expressroute", hub(vpnGateway="v"), False),
        ("expressroute", hub(expressRouteGateway="e"), VALUE),
        ("vpn", (network(f"{MANAGED}/virtualNetworks/HV_hub_guid"),), VALUE),
        ("internet", (), False),
        ("internet", (network(HUB), network(VNET, vnet=HUB)), False),
        ("internet", (network(HUB), network(VNET, vnet=HUB), FIREWALL, s.public("ip")), VALUE),
        ("vpn", (network(HUB), network(VNET, vnet=HUB), FIREWALL, s.public("ip")), False),
        ("vpn", (network(f"{s.OTHER}/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/hub"),), GAP),
    ],
)
def test_resources_show_a_declared_way(way: str, bodies: tuple[Body, ...], expected: object) -> None:
    assert is_there(way, *bodies) == expected


@pytest.mark.parametrize("kind", ["IPsec", "ExpressRoute"])
def test_a_connection_of_a_gateway_that_was_not_scanned_may_be_a_way(kind: str) -> None:
    far = connection(kind)
    far["properties"]["virtualNetworkGateway1"] = {"id": GATEWAY["id"].replace(s.SUB, s.OTHER)}
    for way in ("vpn", "expressroute"):
        assert is_there(way, far) == GAP
    built = s.topology(s.vm("vm-web"), s.nic("vm-web-nic"), network(), far, deployment=deployment("[vpn]"))
    lacking = PartialList.of(ask("deployment.regions_without_gateway", built, s.only(built)).value)
    assert lacking.of_type(str) == []


def test_connections_that_were_not_listed_may_be_a_vpn() -> None:
    assert is_there("vpn", GATEWAY, unlisted=["microsoft.network/connections"]) == GAP
