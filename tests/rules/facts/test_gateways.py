"""Application gateways: listeners, backend settings, and the TLS that they accept."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.estate.topology import Topology
from auditor.rules.facts.gateways import LISTENERS
from auditor.snapshot.known import Answer, PartialList
from auditor.snapshot.lookup import parts
from auditor.snapshot.model import Part
from tests.estate import subscription as s
from tests.estate.subscription import Body, arm_id
from tests.rules.facts.asking import GAP, VALUE, ask, said, shown

GATEWAY = arm_id("Network/applicationGateways", "agw")
DEPLOYMENT = """
- name: d
  product: healthshare
  environment: production
  subscriptions: [00000000-0000-0000-0000-000000000001]
  regions: {primary: westeurope, dr: northeurope}
  mirrors: none
  tiers:
    - {role: web, members: [web-a]}
    - {role: db, members: none}
"""


def ref(collection: str, name: str) -> Body:
    return {"id": f"{GATEWAY}/{collection}/{name}"}


def child(collection: str, name: str, **properties: Any) -> Body:
    return {**ref(collection, name), "name": name, "properties": properties}


def estate(*, gaps: list[Body] | None = None, deployment: str = DEPLOYMENT, **properties: Any) -> Topology:
    gateway = s.gateway("agw", {"ipAddress": "10.0.0.4"})
    gateway["properties"] |= properties
    interface = s.nic("web-a-nic", vm="web-a", address="10.0.0.4")
    return s.topology(s.vm("web-a"), s.vm("other"), interface, gateway, deployment=deployment, gaps=gaps or ())


def of_gateway(name: str, **keywords: Any) -> Answer:
    built = estate(**keywords)
    return ask(name, built, s.item(built, "Network/applicationGateways", "agw"))


# --- TLS ------------------------------------------------------------------------------------------------------------

NAMED = "AppGwSslPolicy"


def predefined(name: object) -> Body:
    return {"policyType": "Predefined", "policyName": name}


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({"sslPolicy": predefined(f"{NAMED}20150501")}, 1.0),
        ({"sslPolicy": predefined(f"{NAMED}20170401")}, 1.1),
        ({"sslPolicy": predefined(f"{NAMED}20170401s")}, 1.2),
        ({"sslPolicy": predefined(f"{NAMED}20220101")}, 1.2),
        ({"sslPolicy": predefined(f"{NAMED}20220101S")}, 1.2),
        ({"sslPolicy": predefined(f"{NAMED}20990101")}, (1.0, 1.3)),
        ({"sslPolicy": predefined(7)}, (1.0, 1.3)),
        ({"sslPolicy": {"policyType": "Predefined"}}, (1.0, 1.3)),
        ({"sslPolicy": {"policyName": f"{NAMED}20170401"}}, 1.1),
        ({"sslPolicy": {"policyType": "CustomV2", "minProtocolVersion": "TLSv1_3"}}, 1.3),
        ({"sslPolicy": {"policyType": "Custom", "minProtocolVersion": "TLSv1_1"}}, 1.1),
        ({"sslPolicy": {"policyType": "Custom", "minProtocolVersion": "TLSv9"}}, (1.0, 1.3)),
        ({"sslPolicy": {"policyType": "Custom"}}, (1.0, 1.3)),
        ({"sslPolicy": {"disabledSslProtocols": ["TLSv1_0", "TLSv1_1"]}}, 1.2),
        ({"sslPolicy": {"disabledSslProtocols": ["TLSv1_0", "TLSv1_1", "TLSv1_2", "TLSv1_3"]}}, (1.0, 1.3)),
        ({"sslPolicy": "junk"}, (1.0, 1.3)),
        ({"defaultPredefinedSslPolicy": f"{NAMED}20150501"}, 1.0),
        ({"defaultPredefinedSslPolicy": f"{NAMED}20220101"}, 1.2),
        ({"sku": {"tier": "WAF"}}, 1.0),
        ({"sku": {"tier": "WAF_v2"}}, (1.0, 1.2)),
        ({}, (1.0, 1.2)),
        ({"gaps": [s.gap(GATEWAY, "properties.sslPolicy")]}, (1.0, 1.3)),
        ({"gaps": [s.gap(GATEWAY, "properties.defaultPredefinedSslPolicy")]}, (1.0, 1.3)),
    ],
)
def test_the_oldest_tls_of_a_policy(properties: Body, expected: object) -> None:
    assert shown(of_gateway("gateway.oldest_tls", **properties).value) == expected


WEAK = child("sslProfiles", "weak", sslPolicy=predefined(f"{NAMED}20170401"))
PLAIN = child("sslProfiles", "plain")
JUNK = child("sslProfiles", "junk", sslPolicy=[])


@pytest.mark.parametrize(
    ("profile", "own", "expected"),
    [
        (ref("sslProfiles", "weak"), f"{NAMED}20220101", 1.1),
        (ref("sslProfiles", "weak"), f"{NAMED}20150501", 1.0),
        (ref("sslProfiles", "plain"), f"{NAMED}20220101", 1.2),
        (ref("sslProfiles", "junk"), f"{NAMED}20220101", (1.0, 1.2)),
        (ref("sslProfiles", "lost"), f"{NAMED}20220101", (1.0, 1.2)),
        (ref("sslProfiles", "lost"), f"{NAMED}20150501", 1.0),
        ("junk", f"{NAMED}20220101", (1.0, 1.2)),
        (None, f"{NAMED}20220101", 1.2),
    ],
)
def test_a_listener_may_accept_less_than_its_gateway(profile: object, own: str, expected: object) -> None:
    listener = child("httpListeners", "https", protocol="Https", sslProfile=profile)
    found = of_gateway(
        "gateway.oldest_tls",
        sslPolicy=predefined(own),
        httpListeners=[listener],
        sslProfiles=[WEAK, PLAIN, JUNK],
    )
    assert shown(found.value) == expected


def test_listeners_that_were_not_read_may_accept_anything() -> None:
    listeners = s.gap(GATEWAY, "properties.httpListeners")
    found = of_gateway("gateway.oldest_tls", sslPolicy=predefined(f"{NAMED}20220101"), gaps=[listeners])
    assert shown(found.value) == (1.0, 1.2)


# --- listeners ------------------------------------------------------------------------------------------------------

TO_HTTPS = ref("redirectConfigurations", "to-https")
POOL = ref("backendAddressPools", "pool")
PATHS = ref("urlPathMaps", "paths")


def rule(**properties: Any) -> Body:
    return child("requestRoutingRules", "r", httpListener=ref("httpListeners", "http"), **properties)


def to(name: str = "to-https", **properties: Any) -> Body:
    return child("redirectConfigurations", name, **properties)


BOTH = [child("httpListeners", "http", protocol="Http"), child("httpListeners", "https", protocol="Https")]
SECURE = to(targetListener=ref("httpListeners", "https"))


def path_map(default: object, *paths: object) -> Body:
    rules = [child("pathRules", f"p{n}", redirectConfiguration=path) for n, path in enumerate(paths)]
    return child("urlPathMaps", "paths", defaultRedirectConfiguration=default, pathRules=rules)


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({"requestRoutingRules": [rule(redirectConfiguration=TO_HTTPS)]}, True),
        ({"requestRoutingRules": [rule(backendAddressPool=POOL)]}, False),
        ({"requestRoutingRules": [rule(redirectConfiguration=TO_HTTPS), rule(backendAddressPool=POOL)]}, False),
        ({"requestRoutingRules": []}, False),
        ({"requestRoutingRules": [child("requestRoutingRules", "r", httpListener=ref("httpListeners", "x"))]}, VALUE),
        (
            {"requestRoutingRules": [child("requestRoutingRules", "r", httpListener=ref("httpListeners", "https"))]},
            False,
        ),
        ({"requestRoutingRules": [rule(redirectConfiguration=TO_HTTPS), "junk"]}, VALUE),
        ({"requestRoutingRules": [child("requestRoutingRules", "r", httpListener="junk")]}, VALUE),
        ({"requestRoutingRules": [rule(redirectConfiguration="junk")]}, VALUE),
        ({"requestRoutingRules": [rule(urlPathMap="junk")]}, VALUE),
        ({"requestRoutingRules": [rule(urlPathMap=PATHS)]}, VALUE),
        ({"requestRoutingRules": [rule(urlPathMap=PATHS)], "urlPathMaps": [path_map(TO_HTTPS, TO_HTTPS)]}, True),
        ({"requestRoutingRules": [rule(urlPathMap=PATHS)], "urlPathMaps": [path_map(TO_HTTPS, None)]}, False),
        ({"requestRoutingRules": [rule(urlPathMap=PATHS)], "urlPathMaps": [path_map(None, TO_HTTPS)]}, False),
        ({"requestRoutingRules": [rule(urlPathMap=PATHS)], "urlPathMaps": [path_map(TO_HTTPS, "junk")]}, VALUE),
        ({"gaps": [s.gap(GATEWAY, "properties.requestRoutingRules")]}, GAP),
    ],
)
def test_whether_all_that_a_listener_receives_is_redirected(properties: Body, expected: object) -> None:
    built = estate(**{"httpListeners": BOTH, "redirectConfigurations": [SECURE], **properties})
    gateway = s.item(built, "Network/applicationGateways", "agw")
    listener, other = parts(gateway, LISTENERS)
    found = ask("gateway.listeners", built, gateway).value
    assert isinstance(found, PartialList)
    assert found.known == (listener, other)
    assert said("listener.redirects", built, listener) == expected


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ({"targetListener": ref("httpListeners", "https")}, True),
        ({"targetListener": ref("httpListeners", "HTTPS")}, True),
        ({"targetListener": ref("httpListeners", "http")}, False),
        ({"targetListener": ref("httpListeners", "gone")}, VALUE),
        ({"targetListener": "junk"}, VALUE),
        ({"targetUrl": "HTTPS://trakcare.hospital.example"}, True),
        ({"targetUrl": "http://trakcare.hospital.example"}, False),
        ({"targetUrl": "https.hospital.example"}, False),
        ({"targetUrl": "", "targetListener": ref("httpListeners", "https")}, True),
        ({"targetUrl": 7}, VALUE),
        ({}, VALUE),
    ],
)
def test_a_redirect_counts_where_it_leads_to_https(target: Body, expected: object) -> None:
    other = ref("redirectConfigurations", "other")
    for routed in (rule(redirectConfiguration=other), rule(urlPathMap=PATHS)):
        properties: Body = {
            "httpListeners": BOTH,
            "redirectConfigurations": [SECURE, to("other", **target)],
            "requestRoutingRules": [routed],
            "urlPathMaps": [path_map(TO_HTTPS, other)],
        }
        built = estate(**properties)
        listener = parts(s.item(built, "Network/applicationGateways", "agw"), LISTENERS)[0]
        assert said("listener.redirects", built, listener) == expected


# --- backend settings -----------------------------------------------------------------------------------------------

SETTINGS = child("backendHttpSettingsCollection", "https", cookieBasedAffinity="Enabled")
OWN = ref("backendHttpSettingsCollection", "https")
SERVE = child("requestRoutingRules", "r", backendAddressPool=POOL, backendHttpSettings=OWN)
DEFAULT = child("urlPathMaps", "m", defaultBackendAddressPool=POOL, defaultBackendHttpSettings=OWN)
BY_PATH = child("urlPathMaps", "m", pathRules=[SERVE])
LOST = child("requestRoutingRules", "r", backendAddressPool=POOL, backendHttpSettings=ref("x", "lost"))
NOWHERE = child("requestRoutingRules", "r", backendHttpSettings=OWN)


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({"requestRoutingRules": [SERVE]}, ["https"]),
        ({"requestRoutingRules": [SERVE, SERVE]}, ["https"]),
        ({"urlPathMaps": [DEFAULT]}, ["https"]),
        ({"urlPathMaps": [BY_PATH]}, ["https"]),
        ({"requestRoutingRules": [rule(redirectConfiguration=TO_HTTPS)]}, []),
        ({"requestRoutingRules": [NOWHERE]}, []),
        ({"requestRoutingRules": [LOST]}, ["?"]),
        ({"requestRoutingRules": [SERVE, "junk"]}, ["https", "..."]),
        ({"requestRoutingRules": [SERVE], "deployment": DEPLOYMENT.replace("web-a", "other")}, []),
        ({"requestRoutingRules": [SERVE], "deployment": DEPLOYMENT.replace("web-a", "lost")}, ["..."]),
        ({"gaps": [s.gap(GATEWAY, "properties.requestRoutingRules")]}, ["..."]),
    ],
)
def test_the_settings_by_which_web_servers_are_asked(properties: Body, expected: list[str]) -> None:
    value = of_gateway("gateway.web_settings", **{"backendHttpSettingsCollection": [SETTINGS], **properties}).value
    assert isinstance(value, PartialList)
    names = [found.id.rpartition("/")[2] if isinstance(found, Part) else "?" for found in value.known]
    assert names + ["..."] * bool(value.missing) == expected
