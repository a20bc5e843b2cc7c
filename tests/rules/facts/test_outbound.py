"""Paths of VMs to the Internet."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.azure.types.names import NAT_GATEWAY
from tests.estate import subscription as s
from tests.estate.subscription import Body, arm_id
from tests.rules.facts.asking import GAP, VALUE, said

DEPLOYMENT = """
- name: d
  product: iris
  regions: {primary: westeurope, dr: none}
  mirrors: none
  tiers: [{role: web, members: [w]}, {role: app, members: none}]
"""
NAT = {"id": arm_id("Network/natGateways", "nat")}
TABLE = {"id": arm_id("Network/routeTables", "table")}
ADDRESS = {"id": arm_id("Network/publicIPAddresses", "pip")}


def subnet(*others: str, **properties: Any) -> Body:
    """Return the network with the subnet of the VM, and with other subnets."""
    names = {"default": properties} | {name: {} for name in others}
    subnets = [{"id": f"{s.VNET}/subnets/{name}", "name": name, "properties": of} for name, of in names.items()]
    return s.network(subnets=subnets)


def table(*routes: tuple[str, str], learned: bool = False) -> Body:
    """Return a route table: its prefixes with their next hops, and whether it takes learned routes."""
    bodies = [{"properties": {"addressPrefix": prefix, "nextHopType": hop}} for prefix, hop in routes]
    return s.resource("Network/routeTables", "table", routes=bodies, disableBgpRoutePropagation=not learned)


def nat(**properties: Any) -> Body:
    return s.resource("Network/natGateways", "nat", **properties)


def path(*bodies: Body, name: str = "outbound_path", **keywords: Any) -> object:
    built = s.topology(s.vm("w"), s.nic("w-nic", vm="w"), *bodies, deployment=DEPLOYMENT, **keywords)
    return said(f"vm.{name}", built, s.item(built, "Compute/virtualMachines", "w"))


@pytest.mark.parametrize(
    ("routes", "found"),
    [
        ([("0.0.0.0/0", "VirtualAppliance")], "appliance"),
        ([("0.0.0.0/0", "virtualnetworkgateway")], "network-gateway"),
        ([("0.0.0.0/0", "None")], "blocked"),
        ([("0.0.0.0/0", "Internet")], "nothing"),
        ([("10.0.0.0/8", "VirtualAppliance"), ("::/0", "VirtualAppliance"), ("Storage", "Internet")], "nothing"),
        ([("0.0.0.0/1", "VirtualAppliance"), ("128.0.0.0/1", "VirtualAppliance")], "appliance"),
        ([("0.0.0.0/1", "VirtualAppliance")], "nothing"),
        ([("0.0.0.0/0", "None"), ("0.0.0.0/1", "VirtualAppliance"), ("128.0.0.0/1", "VirtualAppliance")], "appliance"),
    ],
)
def test_user_defined_default_routes(routes: list[tuple[str, str]], found: str) -> None:
    assert path(subnet(routeTable=TABLE), table(*routes)) == found


def test_a_route_comes_before_a_nat_gateway() -> None:
    both = subnet(routeTable=TABLE, natGateway=NAT)
    assert path(both, table(("0.0.0.0/0", "None")), nat(publicIpAddresses=[ADDRESS])) == "blocked"
    assert path(both, table(("0.0.0.0/0", "Internet")), nat(publicIpAddresses=[ADDRESS])) == "nat-gateway"


@pytest.mark.parametrize(
    ("bodies", "found"),
    [
        ([nat(publicIpAddresses=[ADDRESS])], "nat-gateway"),
        ([nat(publicIpPrefixes=[ADDRESS])], "nat-gateway"),
        ([nat()], "nothing"),
        ([], VALUE),
    ],
)
def test_a_nat_gateway_has_a_public_address(bodies: list[Body], found: object) -> None:
    assert path(subnet(natGateway=NAT), *bodies) == found


def test_what_was_not_read_is_unknown() -> None:
    assert path(subnet(natGateway=NAT), unlisted=[NAT_GATEWAY]) is GAP
    assert path() is VALUE, "the network does not exist"
    assert path(subnet(routeTable=TABLE)) is VALUE
    hidden = s.gap(s.VNET)
    assert path(gaps=[hidden]) is GAP
    assert path(gaps=[hidden], name="has_default_outbound") is GAP
    assert path(subnet(routeTable=TABLE), table(("0.0.0.0/0", 1))) is VALUE  # type: ignore[arg-type] # malformed


def public(rule: Body, **properties: Any) -> Body:
    """Return a load balancer with a public frontend and one rule."""
    own = arm_id("Network/loadBalancers", "lb")
    frontend = {"id": f"{own}/frontendIPConfigurations/f", "properties": {"publicIPAddress": ADDRESS}}
    rules = {"r": {**s.to("lb", "p"), "frontendIPConfiguration": {"id": frontend["id"]}, **rule}}
    body = s.load_balancer("lb", {"p": s.by_nic("w-nic")}, rules, **properties)
    body["properties"]["frontendIPConfigurations"] = [frontend]
    return body


def test_a_load_balancer_translates_addresses_by_an_outbound_rule_or_without_being_told_not_to() -> None:
    own = {"backendAddressPool": {"id": f"{arm_id('Network/loadBalancers', 'lb')}/backendAddressPools/p"}}
    outbound = {"outboundRules": [{"name": "o", "properties": own}]}
    assert path(subnet(), public({})) == "load-balancer"
    assert path(subnet(), public({"disableOutboundSnat": True})) == "nothing"
    assert path(subnet(), public({"disableOutboundSnat": True}, **outbound)) == "load-balancer"
    assert path(subnet(), public({"frontendIPConfiguration": None})) is VALUE
    assert path(subnet(), unlisted=["microsoft.network/loadbalancers"]) is GAP


def test_a_public_ip_address_of_the_vm_is_a_path() -> None:
    configuration = {"subnet": {"id": f"{s.VNET}/subnets/default"}, "publicIPAddress": ADDRESS}
    built = s.topology(
        s.vm("w"),
        s.nic("w-nic", vm="w", ipConfigurations=[{"properties": configuration}]),
        subnet(),
        deployment=DEPLOYMENT,
    )
    assert said("vm.outbound_path", built, s.item(built, "Compute/virtualMachines", "w")) == "public-address"


def test_a_gateway_may_have_learned_a_default_route_unless_the_subnet_takes_none() -> None:
    gateway, route_server = s.network_gateway("vgw"), subnet("RouteServerSubnet")
    assert path(subnet("GatewaySubnet"), gateway) is VALUE
    assert path(subnet("GatewaySubnet", routeTable=TABLE), table(learned=True), gateway) is VALUE
    assert path(subnet("GatewaySubnet", routeTable=TABLE), table(), gateway) == "nothing"
    assert path(subnet("GatewaySubnet")) == "nothing"
    assert path(subnet("GatewaySubnet"), unlisted=["microsoft.network/virtualnetworkgateways"]) is GAP
    assert path(route_server) is VALUE


@pytest.mark.parametrize(("setting", "found"), [(True, True), (False, False), (None, False), ("yes", VALUE)])
def test_a_subnet_may_be_set_to_lend_addresses(setting: object, found: object) -> None:
    assert path(subnet(defaultOutboundAccess=setting), name="has_default_outbound") is found
