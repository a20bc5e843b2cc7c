"""Azure Front Doors belong to the deployments to whose entrances their origins lead."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.azure.types.names import (
    FRONT_DOOR,
    FRONT_DOOR_CLASSIC,
    FRONT_DOOR_ENDPOINT,
    FRONT_DOOR_ROUTE,
    ORIGIN,
)
from tests.estate import subscription as s
from tests.estate.edge import classic_front_door, front_door
from tests.estate.subscription import Body, arm_id

DEPLOYMENT = """
- name: d
  product: iris
  regions: {primary: westeurope, dr: none}
  mirrors: none
  tiers: [{role: web, members: [vm-web]}, {role: app, members: none}, {role: db, members: none}]
"""
FQDN = "here.westeurope.cloudapp.azure.com"
ADDRESS = s.public("ip", fqdn=FQDN, address="203.0.113.7")
OTHERS = s.public("others", fqdn="there.westeurope.cloudapp.azure.com")
INSIDE = f"{arm_id('Network/loadBalancers', 'lb')}/frontendIPConfigurations/f"
HERE = (
    s.vm("vm-web"),
    s.nic("vm-web-nic", ipConfigurations=[{"properties": {"publicIPAddress": {"id": ADDRESS["id"]}}}], vm="vm-web"),
    ADDRESS,
    OTHERS,
    s.network(),
    s.load_balancer("lb", {"p": {}}, frontendIPConfigurations=[{"id": INSIDE, "properties": {}}]),
)
BEHIND = s.load_balancer(
    "lb", {"p": s.by_nic("vm-web-nic")}, frontendIPConfigurations=[{"id": INSIDE, "properties": {}}]
)
SERVICE = s.resource("Network/privateLinkServices", "pls", loadBalancerFrontendIpConfigurations=[{"id": INSIDE}])
PROFILE = s.profile("tm", {"targetResourceId": ADDRESS["id"]}, dnsConfig={"fqdn": "d.trafficmanager.net"})


def linked(target: str) -> Body:
    return {"hostName": "10.0.0.4", "sharedPrivateLinkResource": {"privateLink": {"id": target}}}


def of_deployment(*bodies: Body, type_: str = FRONT_DOOR, entrance: str = "", **keywords: Any) -> list[str]:
    """Return the Front Doors of a type that the deployment has."""
    declared = DEPLOYMENT + (f"  entrance: {entrance}\n" if entrance else "")
    unique = {body["id"]: body for body in (*HERE, *bodies)}
    return s.names(s.only(s.topology(*unique.values(), deployment=declared, **keywords)).scope[type_])


@pytest.mark.parametrize(
    ("bodies", "expected"),
    [
        ((), []),
        (front_door("door", {"hostName": FQDN.upper()}), ["door"]),
        (front_door("door", {"hostName": "203.0.113.7"}), ["door"]),
        (front_door("door", {"azureOrigin": {"id": ADDRESS["id"].upper()}, "hostName": "x.example"}), ["door"]),
        (front_door("door", {"hostName": "x.example"}, {"hostName": FQDN}), ["door"]),
        ((*front_door("door", {"hostName": "d.trafficmanager.net"}), PROFILE), ["door"]),
        ((*front_door("door", linked(SERVICE["id"])), SERVICE, BEHIND), ["door"]),
        ((*front_door("door", linked(SERVICE["id"])), SERVICE), []),
        (front_door("door", linked(SERVICE["id"])), ["..."]),
        (front_door("door", linked(arm_id("Storage/storageAccounts", "st"))), []),
        (front_door("door", {"hostName": "app.azurewebsites.net"}), []),
        (front_door("door", {"hostName": OTHERS["properties"]["dnsSettings"]["fqdn"]}), []),
        (front_door("door", {"hostName": "x.example"}), ["..."]),
        (front_door("door", {"hostName": 7}), ["..."]),
        ((*front_door("door", {"hostName": "x.example"}), PROFILE), []),
        ((*front_door("a", {"hostName": "x.example"}), *front_door("b", {"hostName": FQDN})), ["b"]),
        (front_door("door", {"hostName": FQDN}, endpoint={"enabledState": "Disabled"}), []),
        (front_door("door", {"hostName": FQDN}, route={"enabledState": "disabled"}), []),
        (front_door("door", {"hostName": FQDN}, route={"enabledState": 7}), ["..."]),
        (front_door("door", {"hostName": FQDN, "enabledState": "Disabled"}), []),
        (front_door("door", {"hostName": FQDN}, route={"originGroup": None}), ["..."]),
        (front_door("cdn", {"hostName": FQDN}, top={"sku": {"name": "Standard_Microsoft"}}), []),
        (front_door("cdn", {"hostName": FQDN}, top={"sku": None}), ["cdn"]),
    ],
)
def test_a_front_door_belongs_where_an_enabled_origin_leads(bodies: list[Body], expected: list[str]) -> None:
    assert of_deployment(*bodies) == expected


@pytest.mark.parametrize(
    ("bodies", "expected"),
    [
        ([classic_front_door("old", {"address": FQDN})], ["old"]),
        ([classic_front_door("old", {"address": FQDN}, enabledState="Disabled")], []),
        ([classic_front_door("old", {"address": FQDN, "enabledState": "Disabled"})], []),
        ([classic_front_door("old", {"address": "x.example", "privateLinkResourceId": None})], ["..."]),
        ([classic_front_door("old", {"address": "10.0.0.4", "privateLinkResourceId": SERVICE["id"]}), SERVICE], []),
        ([classic_front_door("old", routingRules=[{"properties": {"routeConfiguration": {}}}])], []),
        ([classic_front_door("old", routingRules=[7])], ["..."]),
    ],
)
def test_the_classic_tier_has_all_in_its_body(bodies: list[Body], expected: list[str]) -> None:
    assert of_deployment(*bodies, type_=FRONT_DOOR_CLASSIC) == expected


@pytest.mark.parametrize("hidden", [FRONT_DOOR, FRONT_DOOR_ENDPOINT, FRONT_DOOR_ROUTE, ORIGIN])
def test_what_was_not_listed_may_lead_here(hidden: str) -> None:
    bodies = front_door("door", {"hostName": "app.azurewebsites.net"})
    assert of_deployment(*bodies, unlisted=[hidden]) == ["..."]
    assert of_deployment(*bodies, unlisted=[hidden], entrance="front-door") == ["..."]
    assert of_deployment(*bodies, unlisted=[hidden], entrance="internet") == [], "it is declared that none does"


def test_a_front_door_that_could_not_be_read() -> None:
    bodies = front_door("door", {"hostName": FQDN})
    for body in (body for body in bodies[1:] if not body["id"].endswith("/originGroups/group")):
        assert of_deployment(*bodies, gaps=[s.gap(body["id"])])[-1:] == ["..."], body["id"]
    classic = classic_front_door("old", {"address": FQDN})
    assert of_deployment(gaps=[s.gap(classic["id"])], type_=FRONT_DOOR_CLASSIC) == ["..."]


def test_a_front_door_may_lead_through_a_firewall_of_a_peered_network() -> None:
    hub = s.network(s.VNET.replace("/vnet", "/hub"), subnets=[{"name": "AzureFirewallSubnet"}])
    peered = s.network(virtualNetworkPeerings=[{"properties": {"remoteVirtualNetwork": {"id": hub["id"]}}}])
    own = {"subnet": {"id": f"{hub['id']}/subnets/AzureFirewallSubnet"}, "publicIPAddress": {"id": OTHERS["id"]}}
    firewall = s.resource("Network/azureFirewalls", "fw", ipConfigurations=[{"properties": own}])
    nic = s.nic("vm-web-nic", vm="vm-web")
    door = front_door("door", {"azureOrigin": {"id": OTHERS["id"]}})
    assert of_deployment(nic, hub, peered, firewall, *door) == ["..."]
    assert of_deployment(nic, hub, firewall, *door) == []
