"""The WAF policies of an application gateway, its listeners and its path rules, which all must block."""

from __future__ import annotations

import pytest

from auditor.azure.types.names import WAF_POLICY
from tests.estate import subscription as s
from tests.estate.subscription import Body, arm_id
from tests.rules.facts.asking import GAP, VALUE, ask, shown

_WAF = "Network/applicationGatewayWebApplicationFirewallPolicies"
NAMES = ("own", "listener", "path")


def named(name: object) -> Body:
    return {"firewallPolicy": {"id": arm_id(_WAF, name) if isinstance(name, str) else name}}


def gateway(own: object = "own", listeners: object = None) -> Body:
    found = s.gateway("gw")
    paths = [{"name": "p", "properties": named("PATH")}, {"name": "q", "properties": {}}]
    found["properties"] |= named(own) | {
        "httpListeners": listeners or [{"properties": named("listener")}, {"properties": named("OWN")}],
        "urlPathMaps": [{"name": "m", "properties": {"pathRules": paths}}],
    }
    return found


def policy(name: str, **settings: str) -> Body:
    return s.resource(_WAF, name, policySettings={"state": "Enabled", "mode": "Prevention", **settings})


ALL = tuple(map(policy, NAMES))


def said(*bodies: Body, unlisted: tuple[str, ...] = ()) -> tuple[object, ...]:
    """Return whether the gateway has a WAF, and whether it blocks."""
    unique = {body["id"]: body for body in bodies}
    built = s.topology(*unique.values(), unlisted=unlisted)
    found = s.item(built, "Network/applicationGateways", "gw")
    return tuple(shown(ask(f"entrance.{name}", built, found).value) for name in ("has_waf", "waf_blocks"))


@pytest.mark.parametrize(
    ("bodies", "expected"),
    [
        ((gateway(), *ALL, policy("of-others", mode="Detection")), (True, True)),
        *(((gateway(), *ALL, policy(name, mode="Detection")), (True, False)) for name in NAMES),
        *(((gateway(), *ALL, policy(name, state="Disabled")), (True, False)) for name in NAMES),
        ((gateway(), *ALL, s.resource(_WAF, "own")), (True, False)),
        ((gateway(), *ALL[:2]), (True, VALUE)),
        ((gateway(7), *ALL), (True, VALUE)),
        ((gateway(listeners="x"), *ALL), (True, VALUE)),
        ((s.gateway("gw"), *ALL), (False, False)),
    ],
)
def test_each_policy_must_block(bodies: tuple[Body, ...], expected: tuple[object, ...]) -> None:
    assert said(*bodies) == expected


def test_policies_that_were_not_listed() -> None:
    assert said(gateway(), *ALL[:2], unlisted=(WAF_POLICY,)) == (True, GAP)


@pytest.mark.parametrize(
    ("configuration", "expected"),
    [
        ({"enabled": True, "firewallMode": "Prevention"}, (True, True)),
        ({"enabled": True, "firewallMode": "Detection"}, (True, False)),
        ({"enabled": True}, (True, False)),
        ({"enabled": "yes", "firewallMode": "Prevention"}, (VALUE, True)),
        ({"enabled": False, "firewallMode": "Prevention"}, (False, True)),
    ],
)
def test_a_waf_without_a_policy(configuration: Body, expected: tuple[object, ...]) -> None:
    found = s.gateway("gw")
    found["properties"]["webApplicationFirewallConfiguration"] = configuration
    assert said(found) == expected
