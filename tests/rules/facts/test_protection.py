"""What protects public entrances: WAFs, firewalls in front or on the way, and DDoS Protection."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.azure.types.names import AZURE_FIREWALL
from auditor.estate.topology import Topology
from auditor.rules.facts.protection import GROUP
from tests.estate import subscription as s
from tests.estate.subscription import VNET, Body, arm_id
from tests.rules.facts.asking import DECLARATION, GAP, VALUE, ask, shown
from tests.rules.facts.mirrored import VMS, WEB

LB, GATEWAY = arm_id("Network/loadBalancers", "lb"), arm_id("Network/applicationGateways", "gw")
ADDRESS = arm_id("Network/publicIPAddresses", "ip")
TABLE = arm_id("Network/routeTables", "rt")
POLICY = arm_id("Network/firewallPolicies", "fp")
WAF_POLICY = arm_id("Network/applicationGatewayWebApplicationFirewallPolicies", "waf")
PUBLIC: Body = {"publicIPAddress": {"id": ADDRESS}}


def frontend(owner: str, own: Body) -> Body:
    return {"id": f"{owner}/frontendIPConfigurations/f", "name": "f", "properties": own}


def load_balancer(front: Body = PUBLIC, pool: Body | None = None, **rule: Any) -> Body:
    """Return a load balancer before `w`."""
    to_pool = {**s.to("lb", "p"), "frontendIPConfiguration": {"id": f"{LB}/frontendIPConfigurations/f"}, **rule}
    pools = {"p": s.by_nic("w-nic") if pool is None else pool}
    return s.load_balancer("lb", pools, {"r": to_pool}, frontendIPConfigurations=[frontend(LB, front)])


def listener(name: str, front: str = "f", **properties: Any) -> Body:
    """Return a listener of the application gateway at a frontend."""
    own = {"frontendIPConfiguration": {"id": f"{GATEWAY}/frontendIPConfigurations/{front}"}, **properties}
    return {"id": f"{GATEWAY}/httpListeners/{name}", "name": name, "properties": own}


def gateway(front: Body = PUBLIC, backend: str = "10.0.0.4", **properties: Any) -> Body:
    """Return an application gateway before `w`."""
    body = s.gateway("gw", {"ipAddress": backend})
    rule = {
        "backendAddressPool": {"id": f"{GATEWAY}/backendAddressPools/pool"},
        "httpListener": {"id": f"{GATEWAY}/httpListeners/a"},
    }
    body["properties"] |= {
        "httpListeners": [listener("a")],
        "sku": {"name": "WAF_v2", "tier": "WAF_v2"},
        "frontendIPConfigurations": [frontend(GATEWAY, front)],
        "requestRoutingRules": [{"name": "r", "properties": rule}],
        **properties,
    }
    return body


def network(table: str = "", **properties: Any) -> Body:
    """Return the virtual network; its subnets have a route table if one is given."""
    own: Body = {"routeTable": {"id": table}} if table else {}
    subnets = [{"id": f"{VNET}/subnets/{name}", "name": name, "properties": own} for name in ("default", "gateway")]
    return s.network(subnets=subnets, **properties)


def built(*bodies: Body, declared: str = "", **keywords: Any) -> Topology:
    networks = () if any(body["id"] == VNET for body in bodies) else (network(),)
    own = (s.vm("w"), s.nic("w-nic", address="10.0.0.4"), *VMS[2:], s.public("ip", address="203.0.113.7"))
    listed = [AZURE_FIREWALL, GROUP]
    return s.topology(*own, *networks, *bodies, deployment=WEB + declared, also_listed=listed, **keywords)


def said(fact: str, *bodies: Body, **keywords: Any) -> object:
    """Return the answer of a fact for the load balancer or application gateway."""
    found = built(*bodies, **keywords)
    type_ = "loadBalancers" if any("/loadBalancers/" in body["id"] for body in bodies) else "applicationGateways"
    return shown(ask(fact, found, s.item(found, f"Network/{type_}", "lb" if type_ == "loadBalancers" else "gw")).value)


# --- public entrances -------------------------------------------------------------------------------------------------


INSIDE = {"id": f"{GATEWAY}/frontendIPConfigurations/private", "properties": {"privateIPAddress": "10.0.0.9"}}
TWO = [frontend(GATEWAY, PUBLIC), INSIDE]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (load_balancer(), True),
        (load_balancer({"publicIPPrefix": {"id": arm_id("Network/publicIPPrefixes", "p")}}), True),
        (load_balancer({"subnet": {"id": f"{VNET}/subnets/default"}}), False),
        (load_balancer({"publicIPAddress": {"id": 7}}), VALUE),
        (load_balancer(protocol="Udp"), False),
        (load_balancer(pool=s.by_nic("x-nic")), True),
        (load_balancer(pool=s.by_nic("other-nic")), False),
        (load_balancer(pool=s.by_nic("gone-nic")), VALUE),
        (gateway(), True),
        (gateway({"privateIPAddress": "10.0.0.9"}), False),
        (gateway(backend="10.0.0.9"), VALUE),
        (gateway(requestRoutingRules=[]), False),
        (gateway(requestRoutingRules=[{"name": "r", "properties": {}}]), VALUE),
        (gateway(httpListeners=[listener("b")]), VALUE),
        (gateway(frontendIPConfigurations=TWO), True),
        (gateway(frontendIPConfigurations=TWO, httpListeners=[listener("a", "private"), listener("b")]), False),
    ],
)
def test_an_entrance_is_public_if_a_public_frontend_leads_to_a_vm_with_a_role(body: Body, expected: object) -> None:
    others = (s.vm("other"), s.nic("other-nic", address="10.0.0.5"))
    assert said("entrance.is_public", body, *others) == expected


# --- Web Application Firewalls ----------------------------------------------------------------------------------------

HAS: Body = {"firewallPolicy": {"id": WAF_POLICY}}
LISTENERS = [listener("a", **HAS), listener("b", **HAS)]


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        (HAS, ["waf"]),
        ({**HAS, "sku": {"tier": "waf"}}, ["waf"]),
        ({**HAS, "sku": {"tier": "Standard_v2"}}, []),
        ({**HAS, "sku": {}}, ["..."]),
        ({}, []),
        ({"firewallPolicy": {"id": 7}}, ["..."]),
        ({"httpListeners": LISTENERS}, ["waf"]),
        ({"httpListeners": [LISTENERS[0], listener("b")]}, []),
        ({"webApplicationFirewallConfiguration": {"enabled": True}}, ["waf"]),
        ({"webApplicationFirewallConfiguration": {"enabled": False}}, []),
        ({"webApplicationFirewallConfiguration": {"enabled": "yes"}}, ["..."]),
    ],
)
def test_a_waf_filters_what_comes_to_an_application_gateway(properties: Body, expected: object) -> None:
    assert said("entrance.protections", gateway(**properties)) == expected


# --- firewalls --------------------------------------------------------------------------------------------------------


def firewall(address: str = "10.0.9.4", vnet: str = VNET, **properties: Any) -> Body:
    place = {"privateIPAddress": address, "subnet": {"id": f"{vnet}/subnets/AzureFirewallSubnet"}}
    return s.resource("Network/azureFirewalls", "fw", ipConfigurations=[{"properties": place}], **properties)


def route(hop: str = "10.0.9.4", prefix: str = "0.0.0.0/0", kind: str = "VirtualAppliance") -> Body:
    own = {"addressPrefix": prefix, "nextHopType": kind, "nextHopIpAddress": hop}
    return s.resource("Network/routeTables", "rt", routes=[{"name": "r", "properties": own}])


ROUTED = network(TABLE)
OTHER_VNET = f"{VNET}-other"
PEERED = network(TABLE, virtualNetworkPeerings=[{"properties": {"remoteVirtualNetwork": {"id": OTHER_VNET}}}])
APPLIANCE = "  firewall: appliance\n"
ONLY_AZURE = "  firewall: azure-firewall\n"


@pytest.mark.parametrize(
    ("bodies", "declared", "expected"),
    [
        ([ROUTED, route(), firewall()], "", ["azure-firewall"]),
        ([ROUTED, route(kind="virtualAPPLIANCE"), firewall()], "", ["azure-firewall"]),
        ([PEERED, route(), firewall(vnet=OTHER_VNET)], "", ["azure-firewall"]),
        ([ROUTED, route(), firewall(vnet=OTHER_VNET)], ONLY_AZURE, []),
        ([ROUTED, route(prefix="10.0.0.0/8"), firewall()], "", []),
        ([ROUTED, route(kind="Internet"), firewall()], "", []),
        ([ROUTED, firewall()], "", ["..."]),
        ([firewall()], "", []),
        ([ROUTED, route("10.0.7.7")], "", ["..."]),
        ([ROUTED, route("10.0.7.7")], APPLIANCE, ["appliance"]),
        ([ROUTED, route("10.0.7.7")], ONLY_AZURE, []),
    ],
)
def test_a_firewall_on_the_way_of_the_vms_of_a_load_balancer(
    bodies: list[Body], declared: str, expected: object
) -> None:
    assert said("entrance.protections", load_balancer(), *bodies, declared=declared) == expected


def test_what_is_not_declared_or_was_not_read_of_a_firewall() -> None:
    bodies = (load_balancer(), ROUTED, route("10.0.7.7"))
    found = built(*bodies)
    missing = ask("entrance.protections", found, s.item(found, "Network/loadBalancers", "lb")).value.missing  # type: ignore[attr-defined]
    assert (missing.cause, missing.optional) == (DECLARATION, True)
    found = built(*bodies, unlisted=[AZURE_FIREWALL])
    missing = ask("entrance.protections", found, s.item(found, "Network/loadBalancers", "lb")).value.missing  # type: ignore[attr-defined]
    assert missing.cause is GAP


def test_any_route_of_the_subnet_of_an_application_gateway_counts() -> None:
    bodies = (gateway(), ROUTED, route(prefix="10.0.0.0/24"), firewall())
    assert said("entrance.protections", *bodies) == ["azure-firewall"]


def translating(target: str, name: str = "translatedAddress") -> Body:
    """Return a rule of an Azure Firewall's policy that translates to a target."""
    rules = [{"ruleType": "NatRule", name: target}]
    return s.resource("Network/firewallPolicies", "fp/ruleCollectionGroups/g", ruleCollections=[{"rules": rules}])


@pytest.mark.parametrize(
    ("rule", "policy", "expected"),
    [
        (translating("203.0.113.7"), POLICY.upper(), ["azure-firewall"]),
        (translating("lb.example.org", "translatedFqdn"), POLICY, ["azure-firewall"]),
        (translating("203.0.113.8"), POLICY, []),
        (translating("203.0.113.7"), f"{POLICY}-other", []),
        (translating("203.0.113.7"), 7, []),
    ],
)
def test_a_firewall_in_front_translates_to_the_address(rule: Body, policy: object, expected: object) -> None:
    named = s.public("ip", address="203.0.113.7", fqdn="LB.example.org")
    in_front = firewall(firewallPolicy={"id": policy})
    assert said("entrance.protections", load_balancer(), rule, in_front, named) == expected


def test_a_firewall_without_a_policy_has_rules_of_its_own() -> None:
    own = [{"properties": {"rules": [{"translatedAddress": "203.0.113.7"}]}}]
    assert said("entrance.protections", gateway(), firewall(natRuleCollections=own)) == ["azure-firewall"]
    assert said("entrance.protections", load_balancer(), unlisted=[GROUP]) == ["..."]


# --- denial of service ------------------------------------------------------------------------------------------------


def address(mode: object) -> Body:
    body = s.public("ip", address="203.0.113.7")
    body["properties"]["ddosSettings"] = {"protectionMode": mode}
    return body


PLAN = network(enableDdosProtection=True)


@pytest.mark.parametrize("owner", [load_balancer(), gateway()], ids=["load balancer", "application gateway"])
@pytest.mark.parametrize(
    ("bodies", "expected"),
    [
        ([address("Enabled")], True),
        ([address("Disabled"), PLAN], False),
        ([address("VirtualNetworkInherited")], False),
        ([address("VirtualNetworkInherited"), PLAN], True),
        ([PLAN], True),
        ([], False),
        ([address(7)], VALUE),
        ([network(enableDdosProtection="yes")], VALUE),
    ],
)
def test_ddos_protection_is_of_the_address_or_of_a_plan(owner: Body, bodies: list[Body], expected: object) -> None:
    assert said("entrance.ddos_protected", owner, *bodies) == expected


def test_a_network_that_was_not_read_may_have_a_plan() -> None:
    assert said("entrance.ddos_protected", gateway(), network(), gaps=[s.gap(VNET)]) is GAP
