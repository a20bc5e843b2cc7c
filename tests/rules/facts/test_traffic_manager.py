"""Traffic Manager profiles: the regions of their endpoints, and the time to switch over."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.azure.paths import ABSENT
from auditor.snapshot.known import Answer, PartialList
from tests.estate import subscription as s
from tests.estate.subscription import Body, arm_id
from tests.rules.facts.asking import GAP, VALUE, ask, shown

ADDRESS = s.resource("Network/publicIPAddresses", "ip", top={"location": "North Europe"})
FOREIGN = s.resource("Network/publicIPAddresses", "foreign", top={"location": "North Europe"})
NAMED = {
    **ADDRESS,
    "properties": {"dnsSettings": {"fqdn": "here.northeurope.cloudapp.azure.com"}, "ipAddress": "203.0.113.7"},
}
NAMED_FOREIGN = {**FOREIGN, "properties": {"dnsSettings": {"fqdn": "foreign.example.org"}}}
AZURE = {"targetResourceId": ADDRESS["id"].upper(), "endpointLocation": "East US"}
LOST = {"targetResourceId": arm_id("Network/publicIPAddresses", "lost")}
ELSEWHERE = {"targetResourceId": FOREIGN["id"], "endpointLocation": "East US"}
BEHIND = """
- name: d
  product: iris
  regions: {primary: westeurope}
  mirrors: none
  tiers: [{role: web, members: [vm-web]}, {role: app, members: none}, {role: db, members: none}]
"""
"""The resource that has the address."""
REACHED = {"subnet": {"id": f"{s.VNET}/subnets/default"}, "publicIPAddress": {"id": ADDRESS["id"]}}
WRITTEN = {"endpointLocation": "East US"}


def profile_fact(name: str, endpoints: object, *bodies: Body, **keywords: Any) -> Answer:
    listed = (
        [{"properties": e} if isinstance(e, dict) else e for e in endpoints]
        if isinstance(endpoints, list)
        else endpoints
    )
    profile = s.resource("Network/trafficManagerProfiles", "tm", endpoints=listed)
    vm = (s.vm("vm-web"), s.nic("vm-web-nic", ipConfigurations=[{"properties": REACHED}]))
    built = s.topology(profile, *vm, *bodies, deployment=BEHIND, **keywords)
    return ask(name, built, s.item(built, "Network/trafficManagerProfiles", "tm"))


@pytest.mark.parametrize(
    ("endpoint", "bodies", "expected"),
    [
        (AZURE, [ADDRESS], "northeurope"),
        (AZURE, [{**ADDRESS, "location": None}], "eastus"),
        (LOST | WRITTEN, [], VALUE),
        (ELSEWHERE, [FOREIGN], VALUE),
        ({"targetResourceId": ADDRESS["id"]}, [{**ADDRESS, "location": None, "properties": None}], GAP),
        ({"targetResourceId": ADDRESS["id"]}, [{**ADDRESS, "location": None}], VALUE),
        (WRITTEN, [], "eastus"),
        ({"target": "HERE.northeurope.cloudapp.azure.com."}, [NAMED], "northeurope"),
        ({"target": "203.0.113.7"} | WRITTEN, [NAMED], "northeurope"),
        ({"target": "foreign.example.org"} | WRITTEN, [NAMED, NAMED_FOREIGN], VALUE),
        ({"target": "www.example.org"} | WRITTEN, [NAMED], "eastus"),
        ({"target": "www.example.org"}, [NAMED], VALUE),
        ({"target": "shop.azurewebsites.net"}, [NAMED], VALUE),
        ({"target": "shop.azurewebsites.net"} | WRITTEN, [NAMED], "eastus"),
        ({"target": "www.example.org"} | WRITTEN, [{**NAMED, "properties": None}], GAP),
        ({"targetResourceId": 7} | WRITTEN, [], VALUE),
        ({}, [], VALUE),
        ("junk", [], VALUE),
    ],
)
def test_the_region_of_an_endpoint(endpoint: object, bodies: list[Body], expected: object) -> None:
    value = profile_fact("profile.endpoint_regions", [endpoint], *bodies).value
    assert isinstance(value, PartialList)
    assert [shown(region) for region in value.known] == [expected]
    first = [{**endpoint, "priority": 1}] if isinstance(endpoint, dict) else [endpoint]
    assert shown(profile_fact("profile.first_region", first, *bodies).value) == expected


@pytest.mark.parametrize(
    ("endpoints", "expected"),
    [
        ([{**WRITTEN, "priority": 2}, {"endpointLocation": "west us", "priority": 1}], "westus"),
        ([{**WRITTEN, "priority": 2.0}], "eastus"),
        ([], ABSENT),
        (None, ABSENT),
        ("junk", VALUE),
        ([WRITTEN], VALUE),
        ([{**WRITTEN, "priority": "1"}], VALUE),
        ([{**WRITTEN, "priority": 1}, WRITTEN], VALUE),
    ],
)
def test_the_region_that_is_answered_first(endpoints: object, expected: object) -> None:
    assert shown(profile_fact("profile.first_region", endpoints).value) == expected


def test_the_endpoints_of_a_profile_that_was_not_read() -> None:
    gaps = [s.gap(arm_id("Network/trafficManagerProfiles", "tm"))]
    assert shown(profile_fact("profile.first_region", None, gaps=gaps).value) is GAP
    assert shown(profile_fact("profile.endpoint_regions", None, gaps=gaps).value) == ["..."]
    assert shown(profile_fact("profile.endpoint_regions", "junk").value) == ["?"]


@pytest.mark.parametrize(
    ("monitor", "dns", "expected"),
    [
        ({"toleratedNumberOfFailures": 2, "intervalInSeconds": 10, "timeoutInSeconds": 5}, {"ttl": 30}, 65),
        ({"toleratedNumberOfFailures": 0, "intervalInSeconds": 10, "timeoutInSeconds": 5}, {"ttl": 0}, 15),
        ({}, {}, 190),
        ({"intervalInSeconds": 10}, {}, 109),
        ({"intervalInSeconds": 30}, {}, 190),
        ({"intervalInSeconds": "10"}, {}, VALUE),
        ({}, {"ttl": "60"}, VALUE),
        ({"timeoutInSeconds": "x"}, {}, VALUE),
        ("x", {}, VALUE),
    ],
)
def test_how_long_clients_are_sent_to_the_wrong_region(monitor: Any, dns: Body, expected: object) -> None:
    own = s.resource("Network/trafficManagerProfiles", "tm", monitorConfig=monitor, dnsConfig=dns)
    built = s.topology(own)
    found = ask("profile.switch_seconds", built, s.item(built, "Network/trafficManagerProfiles", "tm"))
    assert shown(found.value) == expected


def test_a_profile_that_was_not_read_has_unknown_facts() -> None:
    own = arm_id("Network/trafficManagerProfiles", "tm")
    built = s.topology(gaps=[s.gap(own)])
    found = ask("profile.switch_seconds", built, s.item(built, "Network/trafficManagerProfiles", "tm"))
    assert shown(found.value) is GAP
