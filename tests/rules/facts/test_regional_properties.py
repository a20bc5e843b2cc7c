"""What serves a tier in both regions: load-balancing rules, routes of application gateways, data disks."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from auditor.azure import arm
from auditor.rules.facts.regional_properties import RegionalProperty
from auditor.snapshot.known import PartialList
from tests.estate import subscription as s
from tests.estate.subscription import Body, arm_id
from tests.rules.facts.asking import GAP, VALUE, ask, shown

DEPLOYMENT = """
- name: d
  product: iris
  regions: {primary: westeurope, dr: northeurope}
  mirrors: none
  tiers: [{role: web, members: [w, v]}, {role: app, members: none}]
"""


def vms(*disks: str) -> tuple[Body, ...]:
    """Return a VM in each region; that in the DR region has some data disks."""
    found = (s.vm("w", disks=["d1"]), s.vm("v", location="northeurope", disks=[*disks]))
    for vm in found:
        for attached in vm["properties"]["storageProfile"]["dataDisks"]:
            attached["caching"] = "None"
    return (*found, *(s.nic(f"{vm}-nic", vm=vm) for vm in "wv"), s.disk("d1"), s.disk("d2"))


def balanced(name: str, vm: str, **rule: Any) -> Body:
    """Return a load balancer with one frontend and rule."""
    own = arm_id("Network/loadBalancers", name)
    frontend = {"id": f"{own}/frontendIPConfigurations/f", "properties": {}}
    properties = {
        **s.to(name, "p", probe="probe"),
        "protocol": "Tcp",
        "frontendPort": 443,
        "backendPort": 443,
        "frontendIPConfiguration": {"id": frontend["id"]},
        **rule,
    }
    body = s.load_balancer(
        name, {"p": s.by_nic(f"{vm}-nic")}, {"r": properties}, {"probe": {"protocol": "Tcp", "port": 443}}
    )
    body["properties"]["frontendIPConfigurations"] = [frontend]
    return body


def gateway(name: str, vm: str, settings: Body | None = None, *paths: str) -> Body:
    """Return an application gateway with one rule; with paths, that has a path map."""
    own = arm_id("Network/applicationGateways", name)

    def ref(collection: str, child: str) -> Body:
        return {"id": f"{own}/{collection}/{child}"}

    def child(collection: str, child: str, **properties: Any) -> list[Body]:
        return [{**ref(collection, child), "name": child, "properties": properties}]

    target = {
        "backendAddressPool": ref("backendAddressPools", "p"),
        "backendHttpSettings": ref("backendHttpSettingsCollection", "s"),
    }
    default = {f"default{key[0].upper()}{key[1:]}": found for key, found in target.items()}
    path_rules = child("urlPathMaps/m/pathRules", "r", paths=[*paths], **target)
    rule = {"urlPathMap": ref("urlPathMaps", "m")} if paths else target
    return s.resource(
        "Network/applicationGateways",
        name,
        backendAddressPools=child("backendAddressPools", "p", **s.by_nic(f"{vm}-nic")),
        backendHttpSettingsCollection=child(
            "backendHttpSettingsCollection", "s", port=443, probe=ref("probes", "p"), **(settings or {})
        ),
        probes=child("probes", "p", path="/health.html"),
        frontendPorts=child("frontendPorts", "https", port=443),
        httpListeners=child("httpListeners", "l", protocol="Https", frontendPort=ref("frontendPorts", "https")),
        urlPathMaps=child("urlPathMaps", "m", pathRules=path_rules, **default) if paths else [],
        requestRoutingRules=child("requestRoutingRules", "r", httpListener=ref("httpListeners", "l"), **rule),
    )


def differences(*bodies: Body, **keywords: Any) -> dict[str, tuple[object, object]]:
    """Return what differs between the regions, and "..." if there may be more properties."""
    built = s.topology(*bodies, deployment=DEPLOYMENT, **keywords)
    tier = next(tier for tier in s.only(built).tiers if tier.region == "westeurope")
    found = ask("group.regional_properties", built, tier).value
    assert isinstance(found, PartialList)
    sides = {
        found.id.removeprefix(f"{tier.id}/"): (shown(found.primary.value), shown(found.dr.value))
        for found in found.of_type(RegionalProperty)
    }
    unlike = {
        name: values for name, values in sides.items() if values[0] != values[1] or not isinstance(values[0], str)
    }
    return unlike | ({"...": (shown(found.missing), None)} if found.missing else {})


def test_defaults_are_alike_and_names_do_not_count() -> None:
    defaults = {"enableFloatingIP": False, "idleTimeoutInMinutes": 4, "loadDistribution": "Default"}
    both = (balanced("lb", "w"), balanced("other", "v", **defaults))
    assert (
        differences(*vms("d2"), *both, gateway("g", "w"), gateway("h", "v", {"cookieBasedAffinity": "Disabled"})) == {}
    )


@pytest.mark.parametrize(
    ("rule", "found"),
    [
        ({"idleTimeoutInMinutes": 30}, {"private TCP 443/rule idleTimeoutInMinutes": ("4", "30")}),
        ({"enableTcpReset": True}, {"private TCP 443/rule enableTcpReset": ("false", "true")}),
        ({"frontendPort": 444}, {"private TCP 443": ("there", "not there")}),
        ({"frontendPort": 0}, {"private TCP 443": ("there", "not there")}),
        ({"protocol": None}, {"private TCP 443": ("there", VALUE)}),
        ({"frontendIPConfiguration": None}, {"private TCP 443": ("there", VALUE)}),
    ],
)
def test_load_balancing_rules_are_compared_by_what_they_accept(rule: Body, found: object) -> None:
    assert differences(*vms("d2"), balanced("lb", "w"), balanced("other", "v", **rule)) == found


def test_a_rule_without_a_probe_is_not_like_one_with_a_probe() -> None:
    found = differences(*vms("d2"), balanced("lb", "w"), balanced("other", "v", probe=None))
    assert found["private TCP 443/probe"] == ("there", "not there")
    assert found["private TCP 443/probe port"] == ("443", "not set")


def test_several_ways_of_one_port_are_compared_together() -> None:
    bodies = [balanced("lb", "w"), balanced("lb2", "w", idleTimeoutInMinutes=30), balanced("other", "v")]
    assert differences(*vms("d2"), *bodies) == {"private TCP 443/rule idleTimeoutInMinutes": ("30 or 4", "4")}


def test_routes_of_application_gateways_are_compared_by_what_they_accept() -> None:
    found = differences(*vms("d2"), gateway("g", "w"), gateway("h", "v", {"requestTimeout": 20}))
    assert found == {"HTTPS 443/backend settings requestTimeout": ("not set", "20")}
    assert differences(*vms("d2"), gateway("g", "w")) == {"HTTPS 443": ("there", "not there")}
    by_path = differences(*vms("d2"), gateway("g", "w", None, "/b/*", "/a/*"), gateway("h", "v"))
    assert by_path == {"HTTPS 443 /a/* /b/*": ("there", "not there")}


def test_a_route_that_leads_nowhere_is_unknown() -> None:
    for collection in ("httpListeners", "frontendPorts", "probes", "backendHttpSettingsCollection"):
        broken = gateway("h", "v")
        broken["properties"][collection] = []
        assert differences(*vms("d2"), gateway("g", "w"), broken) == {"HTTPS 443": ("there", VALUE)}, collection
    malformed = gateway("h", "v")
    malformed["properties"]["backendHttpSettingsCollection"][0]["properties"]["probe"]["id"] = 1
    assert differences(*vms("d2"), gateway("g", "w"), malformed) == {"HTTPS 443": ("there", VALUE)}
    broken = gateway("g", "w", None, "/a/*")
    broken["properties"]["urlPathMaps"] = []
    assert differences(*vms("d2"), broken) == {"...": (VALUE, None)}


def test_data_disks_are_compared_by_sku_size_and_caching() -> None:
    small = copy.deepcopy(vms("d2"))
    small[-1]["properties"]["diskSizeGB"] = 512
    like, unlike = (f"Premium_LRS {size} GiB, host caching None" for size in (1024, 512))
    assert differences(*small) == {"data disks": (like, unlike)}
    assert differences(*vms()) == {"data disks": (like, "not set")}
    gone = [body for body in vms("d2") if body["name"] != "d2"]
    assert differences(*gone) == {"data disks": (like, VALUE)}


def test_what_was_not_read_is_unknown() -> None:
    load_balancer, listing = balanced("lb", "w"), "Microsoft.Network/loadBalancers"
    found = differences(*vms("d2"), load_balancer, unlisted=[listing.lower()])
    assert found == {"private TCP 443": ("there", GAP), "...": (GAP, None)}
    hidden = s.gap(arm_id("Compute/virtualMachines", "v"))
    without = [body for body in vms("d2") if body["name"] != "v"]
    found = differences(*without, load_balancer, gaps=[hidden], unlisted=[arm.type_of(hidden["scope"])])
    assert all(dr is GAP for name, (_, dr) in found.items() if name != "...")
