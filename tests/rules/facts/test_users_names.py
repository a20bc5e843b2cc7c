"""Where the domain names of users lead: wildcards, delegations, chains of names, and zones that were not read."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.snapshot.known import PartialList
from tests.estate import subscription as s
from tests.estate.edge import classic_front_door, front_door
from tests.estate.subscription import Body, arm_id
from tests.rules.facts.asking import GAP, VALUE, ask, shown

DEPLOYMENT = """
- name: d
  product: iris
  dns: USERS.hospital.example.
  regions: {primary: westeurope}
  mirrors: none
  tiers: [{role: web, members: [vm-web]}, {role: app, members: none}, {role: db, members: none}]
"""
ADDRESS = s.public("ip", fqdn="here.westeurope.cloudapp.azure.com", address="203.0.113.7")
REACHED = {"subnet": {"id": f"{s.VNET}/subnets/default"}, "publicIPAddress": {"id": ADDRESS["id"]}}
HERE = (
    s.vm("vm-web"),
    s.nic("vm-web-nic", ipConfigurations=[{"properties": REACHED}]),
    ADDRESS,
    s.network(),
    s.profile("tm", {"targetResourceId": ADDRESS["id"]}, dnsConfig={"fqdn": "tm.trafficmanager.net"}),
)
OTHER = s.profile("other", {"target": "198.51.100.1"}, dnsConfig={"fqdn": "other.trafficmanager.net"})
ZONE = s.resource("Network/dnszones", "hospital.example", zoneType="Public")
SUBZONE = s.resource("Network/dnszones", "users.hospital.example", zoneType="Public")
SAME = s.resource("Network/dnszones", "hospital.example", group="other", zoneType="Public")
PRIVATE = s.resource("Network/dnszones", "users.hospital.example", zoneType="Private")
DOOR = front_door("door", {"hostName": "here.westeurope.cloudapp.azure.com"})
ELSEWHERE = front_door("door", {"hostName": "app.azurewebsites.net"})
CLASSIC = classic_front_door("classic", {"address": "203.0.113.7"})
READ = ["microsoft.network/dnszones", "microsoft.network/dnszones/recordsets"]


def record(kind: str, name: str, zone: str = "hospital.example", group: str = "rg", **properties: Any) -> Body:
    return s.resource("Network/dnszones", f"{zone}/{kind}/{name}", group=group, **properties)


def cname(name: str, to: str, **where: str) -> Body:
    return record("CNAME", name, CNAMERecord={"cname": to}, **where)


def alias(kind: str, name: str, target: str, **where: str) -> Body:
    return record(kind, name, targetResource={"id": target}, **where)


def leads_to(*bodies: Body, listed: bool = True) -> object:
    built = s.topology(*HERE, *bodies, deployment=DEPLOYMENT, also_listed=READ if listed else ())
    (found,) = PartialList.of(ask("deployment.users_names", built, s.only(built)).value).known
    return shown(ask("users-name.leads_to", built, found).value)


@pytest.mark.parametrize(
    ("bodies", "expected"),
    [
        ((ZONE, cname("users", "TM.trafficmanager.net.")), "traffic-manager"),
        ((ZONE, cname("users", "other.trafficmanager.net"), OTHER), "elsewhere"),
        ((ZONE, cname("users", "unread.trafficmanager.net")), VALUE),
        ((ZONE, cname("users", "sorry.azurewebsites.net")), "elsewhere"),
        ((ZONE, cname("users", "here.westeurope.cloudapp.azure.com")), "address"),
        ((ZONE, record("A", "users", ARecords=[{"ipv4Address": "203.0.113.7"}])), "address"),
        ((ZONE, record("A", "users", ARecords=[{"ipv4Address": "198.51.100.7"}])), VALUE),
        ((ZONE, alias("AAAA", "users", arm_id("Network/trafficManagerProfiles", "TM"))), "traffic-manager"),
        ((ZONE, alias("A", "users", ADDRESS["id"])), "address"),
        (
            (
                ZONE,
                alias("A", "users", arm_id("Network/trafficManagerProfiles", "tm")),
                record("AAAA", "users", AAAARecords=[{"ipv6Address": "2001:db8::7"}]),
            ),
            VALUE,
        ),
        ((ZONE, alias("CNAME", "users", arm_id("Cdn/profiles", "gone/afdEndpoints/web"))), VALUE),
        ((ZONE, alias("CNAME", "users", arm_id("Cdn/profiles", "gone/afdEndpoints/e", subscription=s.OTHER))), GAP),
        ((ZONE, *DOOR, alias("CNAME", "users", arm_id("Cdn/profiles", "door/afdEndpoints/web"))), "front-door"),
        ((ZONE, *DOOR, cname("users", "DOOR-abc.z01.azurefd.net.")), "front-door"),
        ((ZONE, *ELSEWHERE, cname("users", "door-abc.z01.azurefd.net")), "elsewhere"),
        ((ZONE, CLASSIC, cname("users", "classic.azurefd.net")), "front-door"),
        (
            (
                ZONE,
                alias("CNAME", "users", arm_id("Network/dnszones", "hospital.example/CNAME/www")),
                cname("www", "tm.trafficmanager.net"),
            ),
            "traffic-manager",
        ),
        ((ZONE, cname("users", "www.hospital.example"), cname("www", "users.hospital.example")), VALUE),
        ((ZONE,), "nowhere"),
        ((ZONE, cname("other", "tm.trafficmanager.net")), "nowhere"),
        ((ZONE, cname("*", "tm.trafficmanager.net")), "traffic-manager"),
        ((ZONE, cname("*", "tm.trafficmanager.net"), record("TXT", "users", TXTRecords=[])), "nowhere"),
        ((ZONE, record("NS", "users", NSRecords=[{"nsdname": "ns.elsewhere.example"}])), VALUE),
        (
            (ZONE, SUBZONE, cname("users", "nowhere.example"), alias("A", "@", ADDRESS["id"], zone=SUBZONE["name"])),
            "address",
        ),
        ((ZONE, PRIVATE, cname("users", "tm.trafficmanager.net")), "traffic-manager"),
        ((ZONE, SAME, cname("users", "tm.trafficmanager.net")), VALUE),
        (
            (
                ZONE,
                SAME,
                cname("users", "tm.trafficmanager.net"),
                cname("users", "tm.trafficmanager.net", group="other"),
            ),
            "traffic-manager",
        ),
        ((), VALUE),
    ],
)
def test_public_zones_lead_a_name_to_a_profile_or_elsewhere(bodies: tuple[Body, ...], expected: object) -> None:
    assert leads_to(*bodies) == expected


@pytest.mark.parametrize("bodies", [(), (ZONE,)])
def test_what_was_not_listed_may_have_the_name(bodies: tuple[Body, ...]) -> None:
    assert leads_to(*bodies, listed=False) == GAP


def test_records_that_were_not_listed_may_lead_elsewhere() -> None:
    own = (ZONE, cname("users", "tm.trafficmanager.net"))
    for bodies, expected in ((own, GAP), ((ZONE, cname("users", "sorry.azurewebsites.net")), "elsewhere")):
        built = s.topology(*HERE, *bodies, deployment=DEPLOYMENT, also_listed=READ[:1])
        (found,) = PartialList.of(ask("deployment.users_names", built, s.only(built)).value).known
        assert shown(ask("users-name.leads_to", built, found).value) == expected


def test_the_name_of_a_profile_that_was_not_read() -> None:
    hidden = s.gap(arm_id("Network/trafficManagerProfiles", "hidden"))
    built = s.topology(
        *HERE, ZONE, cname("users", "hidden.trafficmanager.net"), deployment=DEPLOYMENT, also_listed=READ, gaps=[hidden]
    )
    (found,) = PartialList.of(ask("deployment.users_names", built, s.only(built)).value).known
    assert shown(ask("users-name.leads_to", built, found).value) is GAP
