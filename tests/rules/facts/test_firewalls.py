"""What Azure Firewalls detect, and which WAF policies an application gateway has."""

from __future__ import annotations

import pytest

from tests.estate import subscription as s
from tests.estate.subscription import Body, arm_id
from tests.rules.facts.asking import VALUE, ask, shown

POLICY = arm_id("Network/firewallPolicies", "fp")
_WAF = "Network/applicationGatewayWebApplicationFirewallPolicies"


def said(fact: str, type_: str, *bodies: Body) -> object:
    built = s.topology(*bodies)
    return shown(ask(fact, built, s.item(built, type_, bodies[0]["name"])).value)


def detects(fact: str, firewall: Body, policy: Body | None = None) -> object:
    """Return what a firewall detects, by the properties of its policy if it has one."""
    own = firewall | ({"firewallPolicy": {"id": POLICY.upper()}} if policy is not None else {})
    policies = [] if policy is None else [s.resource("Network/firewallPolicies", "fp", **policy)]
    return said(fact, "Network/azureFirewalls", s.resource("Network/azureFirewalls", "fw", **own), *policies)


@pytest.mark.parametrize(
    ("firewall", "policy", "expected"),
    [
        ({}, {"threatIntelMode": "Deny"}, "Deny"),
        ({"threatIntelMode": "Deny"}, {"threatIntelMode": "Off"}, "Off"),
        ({}, {}, "Alert"),
        ({"threatIntelMode": "Off"}, None, "Off"),
        ({}, None, "Alert"),
        ({}, {"threatIntelMode": 7}, VALUE),
        ({"firewallPolicy": {"id": f"{POLICY}-gone"}}, None, VALUE),
    ],
)
def test_threat_intelligence_is_that_of_the_policy(firewall: Body, policy: Body | None, expected: object) -> None:
    assert detects("firewall.threat_intelligence", firewall, policy) == expected


PREMIUM: Body = {"sku": {"tier": "premium"}}


@pytest.mark.parametrize(
    ("firewall", "policy", "expected"),
    [
        (PREMIUM, {"intrusionDetection": {"mode": "Deny"}}, "Deny"),
        (PREMIUM, {}, "Off"),
        (PREMIUM, {"intrusionDetection": 7}, VALUE),
        ({"sku": {"tier": "Standard"}}, {"intrusionDetection": {"mode": "Deny"}}, "unavailable"),
        ({"sku": {"tier": "Basic"}}, {}, "unavailable"),
        ({"sku": {"tier": "Titanium"}}, {}, VALUE),
        ({}, {}, VALUE),
    ],
)
def test_only_the_premium_tier_detects_intrusions(firewall: Body, policy: Body, expected: object) -> None:
    assert detects("firewall.intrusion_detection", firewall, policy) == expected


def named(name: object) -> Body:
    return {"firewallPolicy": {"id": arm_id(_WAF, name) if isinstance(name, str) else name}}


def test_waf_policies_of_a_gateway_its_listeners_and_path_rules() -> None:
    gateway = s.gateway("gw")
    paths = [{"name": "p", "properties": named("PATH")}, {"name": "q", "properties": {}}]
    gateway["properties"] |= named("own") | {
        "httpListeners": [{"name": "a", "properties": named("listener")}, {"name": "b", "properties": named("OWN")}],
        "urlPathMaps": [{"name": "m", "properties": {"pathRules": paths}}],
    }
    policies = [s.resource(_WAF, name) for name in ("own", "listener", "path", "of-others")]
    of = "gateway.waf_policies", "Network/applicationGateways"
    assert said(*of, gateway, *policies) == ["listener", "own", "path"]
    assert said(*of, gateway, *policies[:2]) == ["?", "listener", "own"], "one does not exist"
    gateway["properties"]["firewallPolicy"] = {"id": 7}
    assert said(*of, gateway, *policies) == ["?", "listener", "own", "path"]
    assert said(*of, s.gateway("gw")) == []
    gateway["properties"]["httpListeners"] = "x"
    assert said(*of, gateway, *policies) == ["?", "path", "..."]
