"""Public entrances to a tier, and the Traffic Manager profiles that lead to them."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.azure.types.names import (
    APPLICATION_GATEWAY,
    AZURE_FIREWALL,
    LOAD_BALANCER,
    PUBLIC_ADDRESS,
    TRAFFIC_MANAGER,
)
from auditor.estate.subjects import Tier
from auditor.estate.topology import Topology
from auditor.snapshot.known import PartialList
from tests.estate import subscription as s
from tests.estate.subscription import Body, arm_id
from tests.rules.facts.asking import DECLARATION, GAP, VALUE, ask, said

DEPLOYMENT = """
- name: d
  product: healthshare
  regions: {primary: westeurope, dr: northeurope}
  mirrors: none
  tiers:
    - {role: web, product: index, members: [vm-a, vm-far]}
    - {role: web, product: insight, members: [vm-b]}
    - {role: db, members: none}
"""
PIP = s.public("pip", fqdn="pip.westeurope.cloudapp.azure.com")
VMS = (
    s.vm("vm-a"),
    s.nic("vm-a-nic"),
    s.vm("vm-b"),
    s.nic("vm-b-nic"),
    s.vm("vm-far", location="northeurope"),
    s.nic("vm-far-nic"),
    s.network(),
)
LB, GW = arm_id("Network/loadBalancers", "lb"), arm_id("Network/applicationGateways", "gw")
PUBLIC: Body = {"publicIPAddress": {"id": PIP["id"].upper()}}
PRIVATE: Body = {"subnet": {"id": f"{s.VNET}/subnets/default"}}


def built_with(*bodies: Body, **keywords: Any) -> Topology:
    return s.topology(*VMS, PIP, *bodies, **{"deployment": DEPLOYMENT, **keywords})


def of_tier(name: str, built: Topology, product: str = "index") -> object:
    (tier,) = [t for t in s.only(built).tiers if t.declared.product == product and t.region == "westeurope"]
    return said(name, built, tier)


def test_tiers_of_the_primary_region() -> None:
    def found(text: str, **keywords: Any) -> list[str]:
        built = built_with(deployment=text, **keywords)
        tiers = ask("deployment.tiers", built, s.only(built)).value
        assert isinstance(tiers, PartialList)
        return [tier.name for tier in tiers.of_type(Tier)] + ([tiers.missing.cause] if tiers.missing else [])

    assert found(DEPLOYMENT) == ["web index", "web insight"]
    assert found(DEPLOYMENT.replace("[{name: db", "[")) == ["web index", "web insight"]
    mirrored = DEPLOYMENT.replace("mirrors: none", "mirrors: [{name: M, product: more, failover: [vm-b]}]")
    assert found(mirrored) == ["web index", "web insight", DECLARATION], "whose web tier is not declared"
    hidden = [s.gap(arm_id("Compute/virtualMachines", "vm-x"))]
    assert found(DEPLOYMENT, gaps=hidden) == ["web index", "web insight", GAP], "it may be tagged as an app server"
    tagged = s.vm("vm-t", tags={"iris-deployment": "t", "iris-role": "web"})
    by_tags = s.topology(tagged)
    assert said("deployment.tiers", by_tags, s.only(by_tags)) is DECLARATION


# --- load balancers ---------------------------------------------------------------------------------------------------


def load_balancer(frontend: object, *members: str, **rule: Any) -> Body:
    body = {**s.to("lb", "p"), "frontendIPConfiguration": {"id": f"{LB}/frontendIPConfigurations/f"}, **rule}
    frontends = [{"id": f"{LB}/frontendIPConfigurations/f", "properties": frontend}]
    return s.load_balancer("lb", {"p": s.by_nic(*members)}, {"r": body}, frontendIPConfigurations=frontends)


@pytest.mark.parametrize(
    ("body", "keywords", "expected"),
    [
        (load_balancer(PUBLIC, "vm-a-nic"), {}, True),
        (load_balancer(PUBLIC, "vm-b-nic", "vm-a-nic"), {}, True),
        (load_balancer(PRIVATE, "vm-a-nic"), {}, False),
        (load_balancer(PUBLIC, "vm-b-nic"), {}, False),
        (load_balancer(PUBLIC, "vm-a-nic", protocol="Udp"), {}, False),
        (load_balancer(PUBLIC, "vm-b-nic", "lost-nic"), {}, VALUE),
        (load_balancer({"publicIPPrefix": {"id": arm_id("Network/publicIPPrefixes", "p")}}, "vm-a-nic"), {}, VALUE),
        (load_balancer({"publicIPAddress": {"id": 7}}, "vm-a-nic"), {}, VALUE),
        (load_balancer({"publicIPAddress": "pip"}, "vm-a-nic"), {}, VALUE),
        (load_balancer(PUBLIC, "vm-a-nic", frontendIPConfiguration=None), {}, VALUE),
        (
            load_balancer(PUBLIC, "vm-a-nic", frontendIPConfiguration={"id": f"{LB}/frontendIPConfigurations/x"}),
            {},
            VALUE,
        ),
        (load_balancer(PRIVATE, "vm-a-nic"), {"unlisted": [LOAD_BALANCER]}, GAP),
        (load_balancer(PRIVATE, "vm-a-nic"), {"unlisted": [APPLICATION_GATEWAY]}, GAP),
        (load_balancer(PUBLIC, "vm-a-nic"), {"unlisted": [APPLICATION_GATEWAY]}, True),
        (load_balancer(PUBLIC, "vm-a-nic"), {"gaps": [s.gap(LB, "properties.frontendIPConfigurations")]}, True),
        (s.vm("vm-x"), {"deployment": DEPLOYMENT.replace("[vm-a, ", "[vm-a, vm-lost, ")}, DECLARATION),
    ],
)
def test_tiers_behind_load_balancers(body: Body, keywords: Body, expected: object) -> None:
    assert of_tier("tier.is_public", built_with(body, **keywords)) == expected


def test_a_rule_that_cannot_be_read_may_lead_to_the_tier() -> None:
    junk = load_balancer(PUBLIC, "vm-a-nic")
    junk["properties"]["loadBalancingRules"] = "junk"
    assert of_tier("tier.is_public", built_with(junk)) is VALUE


# --- gateways ---------------------------------------------------------------------------------------------------------


def gateway(*rules: Body, frontend: Body = PUBLIC, maps: Any = (), **listeners: Any) -> Body:
    """Return an application gateway with one backend pool for each VM; `listeners` have host names, or None."""

    def ref(kind: str, name: str) -> Body:
        return {"id": f"{GW}/{kind}/{name}"}

    named = [
        {
            **ref("httpListeners", name),
            "properties": {"frontendIPConfiguration": ref("frontendIPConfigurations", "f"), **own},
        }
        for name, own in listeners.items()
    ]
    return s.resource(
        "Network/applicationGateways",
        "gw",
        frontendIPConfigurations=[{**ref("frontendIPConfigurations", "f"), "properties": frontend}],
        httpListeners=named,
        backendAddressPools=[
            {**ref("backendAddressPools", vm), "properties": s.by_nic(f"{vm}-nic")} for vm in ("vm-a", "vm-b")
        ],
        requestRoutingRules=[{"properties": rule} for rule in rules],
        urlPathMaps=[{**ref("urlPathMaps", "m"), "properties": maps}] if maps else [],
    )


def to(listener: str, vm: str = "", **more: Any) -> Body:
    pool = {"backendAddressPool": {"id": f"{GW}/backendAddressPools/{vm}"}} if vm else {}
    return {"httpListener": {"id": f"{GW}/httpListeners/{listener}"}, **pool, **more}


BY_PATH: Body = {"urlPathMap": {"id": f"{GW}/urlPathMaps/m"}}
POOL_A = {"id": f"{GW}/backendAddressPools/vm-a"}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (gateway(to("l", "vm-a"), l={}), True),
        (gateway(to("l", "vm-b"), l={}), False),
        (gateway(to("l", "vm-a"), frontend=PRIVATE, l={}), False),
        (gateway(to("l", redirectConfiguration={"id": f"{GW}/redirectConfigurations/r"}), l={}), False),
        (gateway(to("l", **BY_PATH), maps={"defaultBackendAddressPool": POOL_A}, l={}), True),
        (gateway(to("l", **BY_PATH), maps={"pathRules": [{"properties": {"backendAddressPool": POOL_A}}]}, l={}), True),
        (gateway(to("l", **BY_PATH), maps={"pathRules": [{"properties": {}}]}, l={}), False),
        (gateway(to("l", **BY_PATH), maps={"pathRules": "junk"}, l={}), VALUE),
        (gateway(to("l", **BY_PATH), l={}), VALUE),
        (gateway(to("lost", "vm-a"), l={}), VALUE),
        (gateway({"backendAddressPool": POOL_A}, l={}), VALUE),
    ],
)
def test_tiers_behind_gateways(body: Body, expected: object) -> None:
    assert of_tier("tier.is_public", built_with(body)) == expected


# --- profiles ---------------------------------------------------------------------------------------------------------

HERE = {"targetResourceId": PIP["id"]}
ALONE = gateway(to("a", "vm-a"), a={"hostName": "index.example.org"})
SHARED = gateway(
    to("a", "vm-a"),
    to("b", "vm-b"),
    a={"hostName": "Index.example.org"},
    b={"hostNames": ["insight.example.org", "*.insight.example.org"]},
)
REST = gateway(to("a", "vm-a"), to("b", "vm-b"), a={}, b={"hostName": "insight.example.org"})


def profile(name: str, host: object = None, *endpoints: Body, **own: Any) -> Body:
    """Return a Traffic Manager profile whose probe requests a host."""
    headers = {"customHeaders": [{"name": "X", "value": "y"}, {"name": "HOST", "value": host}]} if host else {}
    return s.profile(name, *(endpoints or (HERE,)), monitorConfig=headers, **own)


@pytest.mark.parametrize(
    ("body", "profiles", "index", "insight"),
    [
        (ALONE, [], [], []),
        (ALONE, [profile("tm")], ["tm"], []),
        (ALONE, [profile("tm", "whatever.example.org")], ["tm"], []),
        (ALONE, [profile("tm", None, {"target": "pip.westeurope.cloudapp.azure.com"})], ["tm"], []),
        (ALONE, [profile("tm", None, {"target": "www.example.org"})], ["..."], ["..."]),
        (ALONE, [profile("tm"), profile("tm-x", None, {"target": "www.example.org"})], ["tm", "..."], ["..."]),
        (ALONE, [profile("tm", None, HERE, {"target": "www.example.org"})], ["tm", "..."], ["..."]),
        (SHARED, [profile("tm", "INDEX.example.org")], ["tm"], []),
        (SHARED, [profile("tm", "insight.example.org")], [], ["tm"]),
        (SHARED, [profile("tm", "a.insight.example.org")], [], ["tm"]),
        (SHARED, [profile("tm", "www.example.org")], [], []),
        (SHARED, [profile("tm")], ["?"], ["?"]),
        (SHARED, [profile("tm", 7)], ["?"], ["?"]),
        (
            SHARED,
            [
                profile(
                    "tm",
                    "insight.example.org",
                    HERE | {"customHeaders": [{"name": "host", "value": "index.example.org"}]},
                )
            ],
            ["tm"],
            [],
        ),
        (SHARED, [profile("tm", None, HERE | {"customHeaders": "junk"})], ["?"], ["?"]),
        (REST, [profile("tm")], ["tm"], ["?"]),
        (REST, [profile("tm", "insight.example.org")], [], ["tm"]),
        (REST, [profile("tm", "www.example.org")], ["tm"], []),
    ],
)
def test_the_profiles_that_lead_to_a_tier(
    body: Body, profiles: list[Body], index: list[str], insight: list[str]
) -> None:
    built = built_with(body, *profiles)
    assert of_tier("tier.profiles", built) == index
    assert of_tier("tier.profiles", built, "insight") == insight


@pytest.mark.parametrize("hidden", [TRAFFIC_MANAGER, PUBLIC_ADDRESS, APPLICATION_GATEWAY])
def test_there_may_be_profiles_that_were_not_read(hidden: str) -> None:
    bodies = [*VMS, PIP, ALONE, profile("tm")]
    seen = [body for body in bodies if body["type"].lower() != hidden]
    assert len(seen) == len(bodies) - 1
    assert of_tier("tier.profiles", s.topology(*seen, deployment=DEPLOYMENT, unlisted=[hidden])) == ["..."]


def test_what_shows_an_entrance() -> None:
    built = built_with(ALONE, profile("tm"))
    (tier, *_) = s.only(built).tiers
    for name in ("tier.is_public", "tier.profiles"):
        (read,) = ask(name, built, tier).reads
        assert (read.resource, read.path) == (
            GW,
            "properties.frontendIPConfigurations[0].properties.publicIPAddress.id",
        )
    private = built_with(gateway(to("l", "vm-a"), frontend=PRIVATE, l={}))
    assert ask("tier.is_public", private, s.only(private).tiers[0]).reads == ()


def test_clients_reach_a_nested_profile_by_the_one_that_it_is_nested_in() -> None:
    top = s.profile("top", {"targetResourceId": profile("tm")["id"].upper()})
    assert of_tier("tier.profiles", built_with(ALONE, profile("tm"), top)) == ["top"]


# --- where clients come from ------------------------------------------------------------------------------------------

WAYS = ("internet", "private", "front-door", "")
HIDDEN = gateway(to("l", "vm-a"), frontend=PRIVATE, l={})
STATUS_PAGE = {"protocol": "Http", "requestPath": "/csp/bin/mirror_status.cxw"}


def firewall(**configuration: Any) -> Body:
    own = {"subnet": {"id": f"{s.VNET}/subnets/AzureFirewallSubnet"}, **configuration}
    return s.resource("Network/azureFirewalls", "fw", ipConfigurations=[{"properties": own}])


def anycast(probe: Body) -> tuple[Body, Body]:
    """Return a load balancer with a probe, and a global one in front of it."""
    front = f"{LB}/frontendIPConfigurations/f"
    regional = s.load_balancer(
        "lb",
        {"p": s.by_nic("vm-a-nic")},
        {"r": {**s.to("lb", "p", probe="p"), "frontendIPConfiguration": {"id": front}}},
        {"p": probe},
        frontendIPConfigurations=[{"id": front, "properties": PRIVATE}],
    )
    pool = {"loadBalancerBackendAddresses": [{"properties": {"loadBalancerFrontendIPConfiguration": {"id": front}}}]}
    return regional, {**s.load_balancer("anycast", {"p": pool}), "sku": {"name": "Standard", "tier": "Global"}}


@pytest.mark.parametrize(
    ("bodies", "expected"),
    [
        ([HIDDEN], (True, False, True, DECLARATION)),
        ([ALONE], (True, False, True, True)),
        ([ALONE, profile("tm")], (True, False, True, True)),
        ([HIDDEN, firewall(publicIPAddress={"id": PIP["id"]})], (True, False, True, True)),
        ([HIDDEN, firewall()], (True, False, True, DECLARATION)),
        ([HIDDEN, firewall(publicIPAddress={"id": 7})], (True, False, True, DECLARATION)),
        ([*anycast(STATUS_PAGE)], (VALUE, False, True, VALUE)),
        ([*anycast({"protocol": "Tcp", "port": 443})], (True, False, True, DECLARATION)),
        ([s.vm("vm-x")], (True, False, True, DECLARATION)),
    ],
)
def test_where_clients_come_from(bodies: list[Body], expected: tuple[object, ...]) -> None:
    for way, wanted in zip(WAYS, expected, strict=True):
        written = DEPLOYMENT.replace(
            "product: healthshare", f"product: healthshare\n  entrance: {way}" if way else "product: healthshare"
        )
        built = built_with(*bodies, deployment=written)
        assert said("deployment.internet_entrance", built, s.only(built)) == wanted, way


def test_an_entrance_that_was_not_read() -> None:
    for keywords in (
        {"unlisted": [APPLICATION_GATEWAY]},
        {"unlisted": [AZURE_FIREWALL], "deployment": DEPLOYMENT},
        {"gaps": [s.gap(arm_id("Network/azureFirewalls", "fw"))]},
    ):
        network = s.network(subnets=[{"name": "AzureFirewallSubnet"}])
        others = [body for body in VMS if body["type"] != network["type"]]
        built = s.topology(*others, network, PIP, **{"deployment": DEPLOYMENT, **keywords})  # type: ignore[arg-type]
        assert said("deployment.internet_entrance", built, s.only(built)) is GAP, keywords


def test_a_profile_at_a_firewall_may_lead_to_any_tier() -> None:
    out = s.public("out")
    at_firewall = s.profile("tm", {"targetResourceId": out["id"]})
    built = built_with(ALONE, out, firewall(publicIPAddress={"id": out["id"]}), at_firewall)
    assert of_tier("tier.profiles", built) == ["..."]
    both = s.profile("tm", HERE, {"targetResourceId": out["id"]})
    assert of_tier("tier.profiles", built_with(ALONE, out, firewall(publicIPAddress={"id": out["id"]}), both)) == [
        "tm",
        "...",
    ]
