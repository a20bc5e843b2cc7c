"""Azure Front Doors in raw ARM shape."""

from __future__ import annotations

from typing import Any

from tests.estate import subscription as s
from tests.estate.subscription import Body, arm_id

POLICY = arm_id("Network/frontDoorWebApplicationFirewallPolicies", "waf")


def front_door(name: str, *origins: Body, **changes: Body) -> list[Body]:
    """Return a Front Door with an endpoint, a route, an origin group and origins of these properties.

    The changes are further properties of `endpoint`, `route` and `group`; `top` has the keys of the profile.
    """
    own = arm_id("Cdn/profiles", name)
    group = f"{own}/originGroups/group"
    route = {"originGroup": {"id": group.upper()}, "patternsToMatch": ["/*"], "linkToDefaultDomain": "Enabled"}
    return [
        s.resource("Cdn/profiles", name, top={"sku": {"name": "Premium_AzureFrontDoor"}, **changes.get("top", {})}),
        _child(f"{own}/afdEndpoints/web", {"hostName": f"{name}-abc.z01.azurefd.net", **changes.get("endpoint", {})}),
        _child(f"{own}/afdEndpoints/web/routes/all", {**route, **changes.get("route", {})}),
        _child(group, {"healthProbeSettings": {"probePath": "/"}, **changes.get("group", {})}),
        *(_child(f"{group}/origins/o{number}", origin) for number, origin in enumerate(origins)),
    ]


def security_policy(name: str, *domains: str, patterns: tuple[str, ...] = ("/*",)) -> Body:
    """Return the security policy of a Front Door for domains, by default for the domain of its endpoint."""
    own = arm_id("Cdn/profiles", name)
    ids = [{"id": domain} for domain in domains or (f"{own}/afdEndpoints/web",)]
    associations = [{"domains": ids, "patternsToMatch": [*patterns]}]
    return _child(
        f"{own}/securityPolicies/waf", {"parameters": {"wafPolicy": {"id": POLICY}, "associations": associations}}
    )


def waf_policy(**settings: str) -> Body:
    """Return the WAF policy of Front Doors, with a managed rule set."""
    sets = [{"ruleSetType": "Microsoft_DefaultRuleSet", "ruleSetVersion": "2.1"}]
    return s.resource(
        "Network/frontDoorWebApplicationFirewallPolicies",
        "waf",
        policySettings={"enabledState": "Enabled", "mode": "Prevention", **settings},
        managedRules={"managedRuleSets": sets},
    )


def classic_front_door(name: str, *backends: Body, waf: bool = False, **changes: Any) -> Body:
    """Return a Front Door (classic) with a routing rule and a backend pool."""
    own = arm_id("Network/frontDoors", name)
    policy = {"id": POLICY} if waf else None
    return s.resource(
        "Network/frontDoors",
        name,
        **{
            "cName": f"{name}.azurefd.net",
            "frontendEndpoints": [
                {"id": f"{own}/frontendEndpoints/f", "properties": {"webApplicationFirewallPolicyLink": policy}}
            ],
            "routingRules": [
                {
                    "properties": {
                        "frontendEndpoints": [{"id": f"{own}/frontendEndpoints/f"}],
                        "routeConfiguration": {"backendPool": {"id": f"{own}/backendPools/p"}},
                    }
                }
            ],
            "healthProbeSettings": [{"id": f"{own}/healthProbeSettings/h", "properties": {"enabledState": "Enabled"}}],
            "backendPools": [
                {
                    "id": f"{own}/backendPools/p",
                    "properties": {
                        "backends": [*backends],
                        "healthProbeSettings": {"id": f"{own}/healthProbeSettings/h"},
                    },
                }
            ],
            **changes,
        },
    )


def _child(child_id: str, properties: Body) -> Body:
    name = child_id.rpartition("/")[2]
    return {"id": child_id, "name": name, "properties": properties}
