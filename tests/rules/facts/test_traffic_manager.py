"""Traffic Manager profiles: the regions of their endpoints, and the time to switch over."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.azure.paths import ABSENT
from auditor.azure.types.names import TRAFFIC_MANAGER
from auditor.estate.dns import ENDPOINTS
from auditor.snapshot.known import Answer, PartialList
from auditor.snapshot.lookup import parts
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
WEST = {"target": "www.example.org", "endpointLocation": "West Europe"}
NESTED = {"targetResourceId": arm_id("Network/trafficManagerProfiles", "CHILD"), "endpointLocation": "East US"}


def child(*endpoints: Body) -> Body:
    """Return the profile to which a nested endpoint leads."""
    return s.profile("child", *endpoints)


CHILD = child(AZURE)


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
        (ELSEWHERE, [FOREIGN], "northeurope"),
        ({"targetResourceId": ADDRESS["id"]}, [{**ADDRESS, "location": None, "properties": None}], GAP),
        ({"targetResourceId": ADDRESS["id"]}, [{**ADDRESS, "location": None}], VALUE),
        (WRITTEN, [], "eastus"),
        ({"target": "HERE.northeurope.cloudapp.azure.com."}, [NAMED], "northeurope"),
        ({"target": "203.0.113.7"} | WRITTEN, [NAMED], "northeurope"),
        ({"target": "foreign.example.org"} | WRITTEN, [NAMED, NAMED_FOREIGN], "northeurope"),
        (NESTED, [CHILD, ADDRESS], "northeurope"),
        (NESTED, [child(AZURE, {"targetResourceId": FOREIGN["id"]}), ADDRESS, FOREIGN], "northeurope"),
        (NESTED, [child(AZURE, WEST), ADDRESS], VALUE),
        (NESTED, [child(AZURE, LOST), ADDRESS], VALUE),
        (NESTED, [child()], VALUE),
        (NESTED, [child(NESTED)], VALUE),
        (NESTED, [], VALUE),
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


# --- nested profiles --------------------------------------------------------------------------------------------------


def of_profile(name: str, profile: str, *bodies: Body, **keywords: Any) -> object:
    built = s.topology(*bodies, deployment=BEHIND, **keywords)
    return shown(ask(name, built, s.item(built, "Network/trafficManagerProfiles", profile)).value)


TOP = s.profile("tm", NESTED)


def test_a_profile_is_nested_if_another_one_leads_to_it() -> None:
    assert of_profile("profile.is_nested", "child", TOP, CHILD, ADDRESS) is True
    assert of_profile("profile.is_nested", "tm", TOP, CHILD, ADDRESS) is False
    assert of_profile("profile.is_nested", "child", CHILD, ADDRESS) is False
    assert of_profile("profile.is_nested", "child", CHILD, unlisted=[TRAFFIC_MANAGER]) is GAP
    hidden = [s.gap(arm_id("Network/trafficManagerProfiles", "hidden"))]
    assert of_profile("profile.is_nested", "child", CHILD, gaps=hidden) is GAP
    assert of_profile("profile.is_nested", "child", TOP, CHILD, gaps=hidden) is True
    astray = s.profile("other", NESTED | {"targetResourceId": f"{CHILD['id']}-gone"})
    astray["properties"]["endpoints"][0]["type"] = "Microsoft.Network/trafficManagerProfiles/nestedEndpoints"
    assert of_profile("profile.is_nested", "child", astray, CHILD, ADDRESS) is VALUE, "it may be meant for any profile"
    assert of_profile("profile.is_nested", "child", astray, TOP, CHILD, ADDRESS) is True


@pytest.mark.parametrize(
    ("endpoints", "expected"),
    [
        ([NESTED], True),
        ([NESTED, NESTED], True),
        ([NESTED, AZURE], False),
        ([AZURE, "junk"], False),
        ([NESTED, "junk"], VALUE),
        ([], False),
        (None, False),
    ],
)
def test_whether_all_endpoints_are_nested(endpoints: list[Any] | None, expected: object) -> None:
    listed = endpoints and [{"properties": end} if isinstance(end, dict) else end for end in endpoints]
    top = s.resource("Network/trafficManagerProfiles", "tm", endpoints=listed)
    assert of_profile("profile.only_nested", "tm", top, CHILD, ADDRESS) == expected


def of_endpoint(name: str, endpoint: Body, *bodies: Body, **keywords: Any) -> object:
    built = s.topology(s.profile("tm", endpoint), *bodies, **{"deployment": BEHIND, **keywords})
    (end,) = parts(s.item(built, "Network/trafficManagerProfiles", "tm"), ENDPOINTS)
    return shown(ask(name, built, end).value)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("Online", True),
        ("ONLINE", True),
        ("Unmonitored", True),
        ("Degraded", False),
        ("Disabled", False),
        ("Inactive", False),
        ("Stopped", False),
        ("CheckingEndpoint", VALUE),
        ("Asleep", VALUE),
        (None, VALUE),
        (7, VALUE),
    ],
)
def test_the_endpoints_to_which_clients_are_sent(status: object, expected: object) -> None:
    assert of_endpoint("endpoint.is_served", {"endpointMonitorStatus": status}) == expected


WEB = (s.vm("vm-web"), s.nic("vm-web-nic", ipConfigurations=[{"properties": REACHED}]), s.network())
LB_FRONT = {"publicIPAddress": {"id": ADDRESS["id"]}}
BALANCED = s.load_balancer("lb", {"p": s.by_nic("vm-web-nic")}, frontendIPConfigurations=[{"properties": LB_FRONT}])
UNCLEAR = s.load_balancer("lb", {"p": s.by_nic("lost-nic")}, frontendIPConfigurations=[{"properties": LB_FRONT}])
INSIDE = (s.vm("vm-web"), s.nic("vm-web-nic"), s.network())
FIREWALL = s.resource(
    "Network/azureFirewalls",
    "fw",
    ipConfigurations=[{"properties": {**LB_FRONT, "subnet": {"id": f"{s.VNET.upper()}/subnets/AzureFirewallSubnet"}}}],
)
APPLIANCE = (s.vm("nva"), s.nic("nva-nic", ipConfigurations=[{"properties": REACHED}], enableIPForwarding=True))


@pytest.mark.parametrize(
    ("endpoint", "bodies", "expected"),
    [
        (AZURE, [ADDRESS, *WEB], True),
        (AZURE, [ADDRESS, *INSIDE, BALANCED], True),
        (AZURE, [ADDRESS, *INSIDE, UNCLEAR], VALUE),
        (AZURE, [ADDRESS, *INSIDE], VALUE),
        (AZURE, [ADDRESS, *INSIDE, FIREWALL], VALUE),
        (AZURE, [ADDRESS, *INSIDE, *APPLIANCE], VALUE),
        (AZURE, [ADDRESS, s.vm("vm-x"), s.nic("vm-x-nic", ipConfigurations=[{"properties": REACHED}])], VALUE),
        (LOST, [*WEB], VALUE),
        ({"target": "shop.azurewebsites.net"}, [*WEB], False),
        ({"target": "www.example.org"}, [*WEB], VALUE),
        (NESTED, [CHILD, ADDRESS, *WEB], True),
        (NESTED, [child(LOST), *WEB], VALUE),
        (NESTED, [child(), *WEB], VALUE),
    ],
)
def test_whether_an_endpoint_leads_to_the_deployment(endpoint: Body, bodies: list[Body], expected: object) -> None:
    assert of_endpoint("endpoint.leads_here", endpoint, *bodies) == expected
