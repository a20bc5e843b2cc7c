"""What Azure Firewalls detect."""

from __future__ import annotations

import pytest

from tests.estate import subscription as s
from tests.estate.subscription import Body, arm_id
from tests.rules.facts.asking import VALUE, ask, shown

POLICY = arm_id("Network/firewallPolicies", "fp")


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
