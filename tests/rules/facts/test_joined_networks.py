"""What joins the networks of failover members and DR asyncs: gateways, virtual WANs, hubs, and what is not read."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.azure import arm
from auditor.estate.subjects import Mirror
from tests.estate import subscription as s
from tests.estate.subscription import SUB, Body, arm_id
from tests.rules.facts.asking import GAP, VALUE, ask, shown

WEST, NORTH = arm_id("Network/virtualNetworks", "west"), arm_id("Network/virtualNetworks", "north")
HUB, FAR_HUB = arm_id("Network/virtualNetworks", "hub"), arm_id("Network/virtualNetworks", "far-hub")
DEPLOYMENT = """
- name: d
  product: iris
  regions: {primary: westeurope, dr: northeurope}
  mirrors: [{name: M, failover: [vm-a], arbiter: none, dr: [vm-dr]}]
  tiers: none
"""


def peering(remote: str, *prefixes: str, **properties: Any) -> Body:
    return {
        "name": arm.name_of(remote),
        "properties": {
            "peeringState": "Connected",
            "allowVirtualNetworkAccess": True,
            "allowForwardedTraffic": True,
            "remoteVirtualNetwork": {"id": remote},
            "remoteAddressSpace": {"addressPrefixes": [*prefixes]},
            **properties,
        },
    }


def network(name: str, *peerings: Body, table: str = "") -> Body:
    routes = {"routeTable": {"id": arm_id("Network/routeTables", table)}} if table else {}
    vnet = arm_id("Network/virtualNetworks", name)
    subnets = [
        {"id": f"{vnet}/subnets/{subnet}", "name": subnet, "properties": routes if subnet == "default" else {}}
        for subnet in ("default", "GatewaySubnet")
    ]
    return s.network(vnet, subnets=subnets, virtualNetworkPeerings=[*peerings])


def routes(name: str, *entries: tuple[str, str]) -> Body:
    """Return a route table of prefixes and next hops: an address, or a type."""
    listed = [
        {
            "name": f"route-{index}",
            "properties": {
                "addressPrefix": prefix,
                **(
                    {"nextHopType": "VirtualAppliance", "nextHopIpAddress": hop}
                    if hop[0].isdigit()
                    else {"nextHopType": hop}
                ),
            },
        }
        for index, (prefix, hop) in enumerate(entries)
    ]
    return s.resource("Network/routeTables", name, routes=listed)


def connection(name: str, kind: str, status: str | None = "Connected", **ends: str) -> Body:
    types = {"peer": "expressRouteCircuits", "localNetworkGateway2": "localNetworkGateways"}
    named: Body = {
        end: {"id": arm_id(f"Network/{types.get(end, 'virtualNetworkGateways')}", to)} for end, to in ends.items()
    }
    if status:
        named["connectionStatus"] = status
    return s.resource("Network/connections", name, connectionType=kind, **named)


def vpn_gateway(name: str, vnet: str) -> Body:
    address = {"publicIPAddress": {"id": arm_id("Network/publicIPAddresses", f"{name}-ip")}}
    inside = {"subnet": {"id": f"{vnet}/subnets/GatewaySubnet"}}
    return s.network_gateway(name, ipConfigurations=[{"name": "default", "properties": {**inside, **address}}])


def hub_connection(hub: str, name: str, vnet: str, **routing: Any) -> Body:
    own: Body = {"provisioningState": "Succeeded", "remoteVirtualNetwork": {"id": vnet}}
    if routing:
        own["routingConfiguration"] = routing
    return s.resource("Network/virtualHubs", f"{hub}/hubVirtualNetworkConnections/{name}", **own)


def hub(name: str, wan: str) -> Body:
    return s.resource("Network/virtualHubs", name, virtualWan={"id": arm_id("Network/virtualWans", wan)})


def joined_by(*bodies: Body, **keywords: Any) -> object:
    vms = (
        s.vm("vm-a"),
        s.nic("vm-a-nic", address="10.1.0.4", vnet=WEST),
        s.vm("vm-dr", location="northeurope"),
        s.nic("vm-dr-nic", address="10.2.0.4", vnet=NORTH),
    )
    built = s.topology(*vms, *bodies, deployment=DEPLOYMENT, **keywords)
    mirror: Mirror = s.only(built).mirrors[0]
    return shown(ask("mirror.dr_joined_by", built, mirror).value)


ALONE = (network("west"), network("north"))
GATEWAYS = (vpn_gateway("gw-west", WEST), vpn_gateway("gw-north", NORTH))
ADDRESSES = (s.public("gw-west-ip", address="203.0.113.1"), s.public("gw-north-ip", address="203.0.113.2"))
DEVICE = s.resource("Network/localNetworkGateways", "far", gatewayIpAddress="203.0.113.2")
SITE = s.resource("Network/localNetworkGateways", "far", gatewayIpAddress="198.51.100.1")
BETWEEN = {"virtualNetworkGateway1": "gw-west", "virtualNetworkGateway2": "GW-NORTH"}
TO_DEVICE = {"virtualNetworkGateway1": "gw-west", "localNetworkGateway2": "far"}


@pytest.mark.parametrize(
    ("bodies", "expected"),
    [
        ((), "nothing"),
        ((*GATEWAYS, *ADDRESSES), "nothing"),
        ((*GATEWAYS, *ADDRESSES, connection("c", "Vnet2Vnet", **BETWEEN)), "vpn"),
        ((*GATEWAYS, *ADDRESSES, connection("c", "Vnet2Vnet", "NotConnected", **BETWEEN)), "nothing"),
        ((*GATEWAYS, *ADDRESSES, connection("c", "Vnet2Vnet", "Unknown", **BETWEEN)), VALUE),
        ((*GATEWAYS, *ADDRESSES, connection("c", "Vnet2Vnet", None, **BETWEEN)), GAP),
        ((*GATEWAYS, *ADDRESSES, DEVICE, connection("c", "IPsec", **TO_DEVICE)), "vpn"),
        ((*GATEWAYS, *ADDRESSES, SITE, connection("c", "IPsec", **TO_DEVICE)), "nothing"),
        ((*GATEWAYS, *ADDRESSES, SITE, connection("c", "IPsec", None, **TO_DEVICE)), "nothing"),
        ((*GATEWAYS, *ADDRESSES, connection("c", "IPsec", **TO_DEVICE)), VALUE),
    ],
)
def test_a_vpn_joins_networks_whose_gateways_it_connects(bodies: tuple[Body, ...], expected: object) -> None:
    assert joined_by(*ALONE, *bodies) == expected


def test_a_gateway_of_a_peered_network_is_used_too() -> None:
    lender = (network("hub", peering(WEST)), vpn_gateway("gw-west", HUB))
    west = network("west", peering(HUB, "10.0.0.0/16", useRemoteGateways=True))
    others = (network("north"), vpn_gateway("gw-north", NORTH), *ADDRESSES)
    assert joined_by(west, *lender, *others, connection("c", "Vnet2Vnet", **BETWEEN)) == "vpn"


WAN = s.resource("Network/virtualWans", "wan", type="Standard")
BASIC_WAN = s.resource("Network/virtualWans", "wan", type="Basic")
OTHER_WAN = s.resource("Network/virtualWans", "other", type="Standard")
MANAGED = "/subscriptions/00000000-0000-0000-0000-000000000009/resourceGroups/rg/providers/Microsoft.Network"
TO_HUBS = tuple(
    network(name, peering(f"{MANAGED}/virtualNetworks/HV_{name}_guid", useRemoteGateways=True))
    for name in ("west", "north")
)
CONNECTED = (hub_connection("hub-west", "west", WEST), hub_connection("hub-north", "north", NORTH))
DEFAULT = {
    "associatedRouteTable": {"id": arm_id("Network/virtualHubs", "hub-north/hubRouteTables/defaultRouteTable")},
    "propagatedRouteTables": {"labels": ["default"]},
}
OWN = {"associatedRouteTable": {"id": arm_id("Network/virtualHubs", "hub-north/hubRouteTables/isolated")}}


@pytest.mark.parametrize(
    ("bodies", "expected"),
    [
        ((WAN, hub("hub-west", "wan"), hub("hub-north", "wan"), *CONNECTED), "virtual-wan"),
        ((BASIC_WAN, hub("hub-west", "wan"), hub("hub-north", "wan"), *CONNECTED), "nothing"),
        ((WAN, OTHER_WAN, hub("hub-west", "wan"), hub("hub-north", "other"), *CONNECTED), "nothing"),
        ((WAN, hub("hub-west", "wan"), hub("hub-north", "wan"), CONNECTED[0]), GAP),
        ((hub("hub-west", "wan"), hub("hub-north", "wan"), *CONNECTED), VALUE),
        (
            (
                WAN,
                hub("hub-west", "wan"),
                hub("hub-north", "wan"),
                CONNECTED[0],
                hub_connection("hub-north", "n", NORTH, **DEFAULT),
            ),
            "virtual-wan",
        ),
        (
            (
                WAN,
                hub("hub-west", "wan"),
                hub("hub-north", "wan"),
                CONNECTED[0],
                hub_connection("hub-north", "n", NORTH, **OWN),
            ),
            VALUE,
        ),
    ],
)
def test_hubs_of_one_virtual_wan_join_networks_by_its_default_routes(
    bodies: tuple[Body, ...], expected: object
) -> None:
    assert joined_by(*TO_HUBS, *bodies) == expected


def test_a_network_without_a_peering_has_no_virtual_hub_though_none_was_listed() -> None:
    assert joined_by(*ALONE, unlisted=["microsoft.network/virtualhubs/hubvirtualnetworkconnections"]) == "nothing"


SPOKES = (
    network("west", peering(HUB, "10.0.0.0/16"), table="to-hub"),
    network("north", peering(FAR_HUB, "10.9.0.0/16"), table="to-far-hub"),
)
TABLES = (routes("to-hub", ("10.0.0.0/8", "10.0.1.4")), routes("to-far-hub", ("0.0.0.0/0", "10.9.1.4")))
HUBS = (network("hub", peering(WEST), peering(FAR_HUB)), network("far-hub", peering(NORTH), peering(HUB)))


@pytest.mark.parametrize(
    ("bodies", "expected"),
    [
        ((*SPOKES, *TABLES, *HUBS), "hub"),
        ((*SPOKES, *TABLES, network("hub", peering(WEST)), network("far-hub", peering(NORTH))), "nothing"),
        (
            (
                *SPOKES,
                *TABLES,
                HUBS[0],
                network("far-hub", peering(NORTH), peering(HUB, allowForwardedTraffic=False)),
            ),
            "nothing",
        ),
        ((*SPOKES, TABLES[0], routes("to-far-hub", ("0.0.0.0/0", "Internet")), *HUBS), "nothing"),
        (
            (*SPOKES, TABLES[0], routes("to-far-hub", ("0.0.0.0/0", "10.9.1.4"), ("10.1.0.0/16", "None")), *HUBS),
            "nothing",
        ),
        ((*SPOKES, *TABLES), VALUE),
        ((*SPOKES, TABLES[0], *HUBS), VALUE),
    ],
)
def test_routes_lead_through_the_appliances_of_joined_hubs(bodies: tuple[Body, ...], expected: object) -> None:
    assert joined_by(*bodies) == expected


@pytest.mark.parametrize(
    ("hops", "expected"),
    [
        ({"useRemoteGateways": True}, "hub"),
        ({"useRemoteGateways": False}, "nothing"),
    ],
)
def test_a_route_to_a_gateway_leads_to_the_network_whose_gateway_is_used(hops: Body, expected: str) -> None:
    spokes = (network(name, peering(HUB, "10.0.0.0/16", **hops), table="to-gateway") for name in ("west", "north"))
    table = routes("to-gateway", ("10.0.0.0/8", "VirtualNetworkGateway"))
    assert joined_by(*spokes, table, network("hub", peering(WEST), peering(NORTH))) == expected


def test_routes_that_a_gateway_announces_are_unknown() -> None:
    spokes = (network(name, peering(HUB, "10.0.0.0/16", useRemoteGateways=True)) for name in ("west", "north"))
    assert joined_by(*spokes, network("hub", peering(WEST), peering(NORTH))) == VALUE


def test_a_peering_of_some_subnets_is_unknown() -> None:
    ends = (network("west", peering(NORTH, peerCompleteVnets=False)), network("north", peering(WEST)))
    assert joined_by(*ends) == VALUE


def test_a_peered_network_in_a_subscription_that_was_not_scanned_may_be_the_hub() -> None:
    elsewhere = HUB.replace(SUB, s.OTHER)
    spokes = (network(name, peering(elsewhere, "10.0.0.0/16"), table="to-hub") for name in ("west", "north"))
    assert joined_by(*spokes, TABLES[0]) == GAP


CIRCUITS = tuple(
    s.resource(
        "Network/expressRouteCircuits",
        name,
        serviceProviderProvisioningState="Provisioned",
        circuitProvisioningState="Enabled",
        globalReachEnabled=True,
        peerings=[
            {
                "name": "AzurePrivatePeering",
                "properties": {
                    "connections": [
                        {
                            "name": "far",
                            "properties": {
                                "circuitConnectionStatus": "Connected",
                                "peerExpressRouteCircuitPeering": {
                                    "id": arm_id(
                                        "Network/expressRouteCircuits", "er-north/peerings/AzurePrivatePeering"
                                    )
                                },
                            },
                        }
                    ]
                    if name == "er-west"
                    else []
                },
            }
        ],
    )
    for name in ("er-west", "er-north")
)


@pytest.mark.parametrize(("accepts", "expected"), [(True, "expressroute"), (False, "nothing"), (None, VALUE)])
def test_global_reach_joins_networks_whose_gateways_accept_each_other(accepts: bool | None, expected: object) -> None:
    setting = {} if accepts is None else {"allowRemoteVnetTraffic": accepts}
    gateways = (s.network_gateway(f"gw-{end}", arm_id("Network/virtualNetworks", end), **setting) for end in ENDS)
    connections = (
        connection(f"c-{end}", "ExpressRoute", virtualNetworkGateway1=f"gw-{end}", peer=f"er-{end}") for end in ENDS
    )
    assert joined_by(*ALONE, *gateways, *connections, *CIRCUITS) == expected


ENDS = ("west", "north")
