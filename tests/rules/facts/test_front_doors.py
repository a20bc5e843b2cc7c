"""Azure Front Doors direct clients to regions, and their WAF filters what they send to an entrance."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.azure.types.names import FRONT_DOOR, FRONT_DOOR_SECURITY, ORIGIN
from auditor.estate.topology import Topology
from auditor.rules.facts.protection import GROUP
from auditor.snapshot.known import Cause, PartialList
from tests.estate import subscription as s
from tests.estate.edge import POLICY, classic_front_door, front_door, security_policy, waf_policy
from tests.estate.subscription import Body, arm_id
from tests.rules.facts.asking import GAP, VALUE, ask, said

DEPLOYMENT = """
- name: d
  product: iris
  regions: {primary: westeurope, dr: northeurope}
  mirrors: none
  tiers:
    - {role: web, members: [vm-web, vm-far]}
    - {role: app, members: none}
    - {role: db, members: none}
"""
GW, LB = arm_id("Network/applicationGateways", "gw"), arm_id("Network/loadBalancers", "lb")
NEAR, FAR = (
    s.public(n, fqdn=f"{n}.cloudapp.azure.com", top={"location": r})
    for n, r in (("near", "westeurope"), ("far", "northeurope"))
)
ONLY_FRONT_DOORS = {"sourceAddressPrefix": "AzureFrontDoor.Backend"}
ANYONE = {"sourceAddressPrefix": "Internet"}


def rule(priority: int, access: str, **more: Any) -> Body:
    own = {"priority": priority, "access": access, "direction": "Inbound", "protocol": "*"}
    anywhere = {"sourcePortRange": "*", "destinationPortRange": "*", "destinationAddressPrefix": "*"}
    return {"name": f"r{priority}", "properties": {**own, **anywhere, "sourceAddressPrefix": "*", **more}}


def group(*rules: Body) -> Body:
    return s.resource("Network/networkSecurityGroups", "nsg", securityRules=[*rules, rule(4000, "Deny")])


def gateway(**properties: Any) -> Body:
    """Return a public application gateway that sends requests to the web server."""
    return s.resource(
        "Network/applicationGateways",
        "gw",
        **{
            "sku": {"tier": "Standard_v2"},
            "gatewayIPConfigurations": [{"properties": {"subnet": {"id": f"{s.VNET}/subnets/gateway"}}}],
            "frontendIPConfigurations": [
                {"id": f"{GW}/frontendIPConfigurations/f", "properties": {"publicIPAddress": {"id": NEAR["id"]}}}
            ],
            "frontendPorts": [{"properties": {"port": 443}}],
            "httpListeners": [
                {
                    "id": f"{GW}/httpListeners/l",
                    "properties": {"frontendIPConfiguration": {"id": f"{GW}/frontendIPConfigurations/f"}},
                }
            ],
            "backendAddressPools": [{"id": f"{GW}/backendAddressPools/p", "properties": s.by_nic("vm-web-nic")}],
            "requestRoutingRules": [
                {
                    "properties": {
                        "httpListener": {"id": f"{GW}/httpListeners/l"},
                        "backendAddressPool": {"id": f"{GW}/backendAddressPools/p"},
                    }
                }
            ],
            **properties,
        },
    )


def built_with(*bodies: Body, admitted: Body | None = ANYONE, **keywords: Any) -> Topology:
    """Return the gateway in the primary region, a public VM in the DR region, and further resources."""
    guarded = {"networkSecurityGroup": {"id": arm_id("Network/networkSecurityGroups", "nsg")}}
    subnets = [
        {"name": name, "id": f"{s.VNET}/subnets/{name}", "properties": guarded} for name in ("gateway", "default")
    ]
    configuration = {"publicIPAddress": {"id": FAR["id"]}, "subnet": {"id": f"{s.VNET}/subnets/default"}}
    own = (
        s.vm("vm-web"),
        s.nic("vm-web-nic", vm="vm-web", address="10.0.0.4"),
        s.vm("vm-far", location="northeurope"),
        s.nic("vm-far-nic", vm="vm-far", ipConfigurations=[{"properties": configuration}]),
        NEAR,
        FAR,
        s.network(subnets=subnets),
        group(*((rule(100, "Allow", **admitted),) if admitted else ())),
        gateway(),
    )
    unique = {body["id"]: body for body in (*own, *bodies)}
    keywords = {"deployment": DEPLOYMENT, "also_listed": [GROUP], **keywords}
    return s.topology(*unique.values(), **keywords)


def to(address: Body, priority: object = 1, **more: Any) -> Body:
    return {"hostName": address["properties"]["dnsSettings"]["fqdn"], "priority": priority, **more}


def backend(address: Body, priority: int) -> Body:
    return {"address": address["properties"]["dnsSettings"]["fqdn"], "priority": priority}


REGIONS = (to(NEAR, 1), to(FAR, 2))
ELSEWHERE: Body = {"hostName": "sorry.azurewebsites.net"}


# --- regions ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bodies", "expected"),
    [
        (front_door("door", *REGIONS), True),
        (front_door("door", *REGIONS, {**ELSEWHERE, "priority": 5}), True),
        (front_door("door", *REGIONS, {**ELSEWHERE, "priority": 1}), False),
        (front_door("door", *REGIONS, {"hostName": "x.example", "priority": 3}), VALUE),
        (front_door("door", to(NEAR, 2), to(FAR, 1)), False),
        (front_door("door", to(NEAR, 1), to(FAR, 1)), False),
        (front_door("door", to(NEAR, 1)), False),
        (front_door("door", to(FAR, 1)), False),
        (front_door("door", to(NEAR, "first"), to(FAR, 2)), VALUE),
        (front_door("door", *REGIONS, group={"healthProbeSettings": None}), False),
        ([classic_front_door("door", backend(NEAR, 1), backend(FAR, 2))], True),
        ([classic_front_door("door", backend(NEAR, 1), backend(FAR, 1))], False),
        ([classic_front_door("door", backend(NEAR, 1), backend(FAR, 2), healthProbeSettings=[])], VALUE),
    ],
)
def test_a_front_door_prefers_the_primary_region(bodies: list[Body], expected: object) -> None:
    built = built_with(*bodies)
    doors = PartialList.of(ask("deployment.front_doors", built, s.only(built)).value)
    (door,) = doors.known
    assert said("front-door.prefers_primary", built, door) == expected


def test_a_traffic_manager_profile_behind_a_front_door_chooses_the_region() -> None:
    profile = s.profile("tm", {"targetResourceId": NEAR["id"]}, dnsConfig={"fqdn": "d.trafficmanager.net"})
    built = built_with(*front_door("door", {"hostName": "d.trafficmanager.net"}), profile)
    door = s.item(built, "Cdn/profiles", "door")
    assert said("front-door.prefers_primary", built, door) is True
    assert said("deployment.routed_by", built, s.only(built)) == "traffic-manager"
    assert of_tier(built) == ["door"]


def of_tier(built: Topology) -> object:
    (tier,) = [t for t in s.only(built).tiers if t.region == "westeurope"]
    return said("tier.front_doors", built, tier)


@pytest.mark.parametrize(
    ("bodies", "keywords", "expected"),
    [
        (front_door("door", *REGIONS), {}, ("front-door", ["door"], ["door"])),
        (front_door("door", to(FAR)), {}, ("front-door", ["door"], [])),
        (front_door("door", to(FAR), {"hostName": 7}), {}, ("front-door", ["door"], ["..."])),
        (front_door("door", ELSEWHERE), {}, ("traffic-manager", [], [])),
        ([], {"unlisted": [FRONT_DOOR]}, (GAP, ["..."], ["..."])),
        (front_door("door"), {"unlisted": [ORIGIN]}, (GAP, ["..."], ["..."])),
        ([], {"deployment": DEPLOYMENT + "  entrance: front-door\n"}, ("front-door", ["..."], ["..."])),
        (
            [],
            {"deployment": DEPLOYMENT + "  entrance: internet\n", "unlisted": [FRONT_DOOR]},
            ("traffic-manager", [], []),
        ),
    ],
)
def test_what_directs_clients_to_a_region(bodies: list[Body], keywords: Body, expected: tuple[object, ...]) -> None:
    built = built_with(*bodies, **keywords)
    facts = (said(f"deployment.{name}", built, s.only(built)) for name in ("routed_by", "front_doors"))
    assert (*facts, of_tier(built)) == expected


# --- Web Application Firewalls ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bodies", "keywords", "expected"),
    [
        ([*front_door("door", to(NEAR)), security_policy("door"), waf_policy()], {}, (True, True)),
        ([*front_door("door", to(NEAR)), security_policy("door"), waf_policy(mode="Detection")], {}, (True, False)),
        (
            [*front_door("door", to(NEAR)), security_policy("door"), waf_policy(enabledState="Disabled")],
            {},
            (True, False),
        ),
        (
            [*front_door("door", to(NEAR)), security_policy("door"), {**waf_policy(), "properties": {}}],
            {},
            (True, False),
        ),
        ([*front_door("door", to(NEAR)), security_policy("door")], {}, (True, VALUE)),
        ([*front_door("door", to(NEAR)), security_policy("door")], {"gaps": [s.gap(POLICY)]}, (True, GAP)),
        (front_door("door", to(NEAR)), {}, (False, False)),
        (front_door("door", to(NEAR)), {"unlisted": [FRONT_DOOR_SECURITY]}, (GAP, GAP)),
        ([classic_front_door("door", backend(NEAR, 1), waf=True), waf_policy()], {}, (True, True)),
        ([classic_front_door("door", backend(NEAR, 1))], {}, (False, False)),
    ],
)
def test_the_waf_of_a_front_door(bodies: list[Body], keywords: Body, expected: tuple[object, ...]) -> None:
    built = built_with(*bodies, **keywords)
    (door,) = PartialList.of(ask("deployment.front_doors", built, s.only(built)).value).known
    assert tuple(said(f"entrance.{name}", built, door) for name in ("has_waf", "waf_blocks")) == expected


@pytest.mark.parametrize(
    ("managed", "expected"),
    [
        ({"managedRuleSets": []}, False),
        ({}, False),
        (None, False),
        ("junk", Cause.VALUE),
        ({"managedRuleSets": 7}, Cause.VALUE),
        ({"managedRuleSets": ["junk"]}, Cause.VALUE),
        ({"managedRuleSets": ["junk", {"ruleSetType": "DefaultRuleSet"}]}, True),
    ],
)
def test_a_waf_without_managed_rules_detects_nothing(managed: object, expected: object) -> None:
    policy = waf_policy()
    policy["properties"]["managedRules"] = managed
    built = built_with(*front_door("door", to(NEAR)), security_policy("door"), policy)
    (door,) = PartialList.of(ask("deployment.front_doors", built, s.only(built)).value).known
    assert said("entrance.waf_blocks", built, door) == expected


FILTERED = (*front_door("door", to(NEAR)), security_policy("door"), waf_policy())
BY_LINK = (
    *front_door("door", {"hostName": "x.example", "sharedPrivateLinkResource": {"privateLink": {"id": GW}}}),
    security_policy("door"),
)
DOMAIN = arm_id("Cdn/profiles", "door/customDomains/users")
PROFILE = s.profile("tm", {"targetResourceId": NEAR["id"]}, dnsConfig={"fqdn": "d.trafficmanager.net"})


@pytest.mark.parametrize(
    ("bodies", "admitted", "expected"),
    [
        (FILTERED, ANYONE, []),
        (FILTERED, ONLY_FRONT_DOORS, [Cause.ATTESTATION]),
        (FILTERED, {"sourceAddressPrefixes": ["AzureFrontDoor.Backend", "198.51.100.0/24"]}, []),
        (FILTERED, {"sourceAddressPrefix": "LogicApps"}, [VALUE]),
        (BY_LINK, None, ["front-door"]),
        (BY_LINK, ANYONE, []),
        (front_door("door", to(NEAR)), ONLY_FRONT_DOORS, []),
        ((*front_door("door", to(NEAR)), security_policy("door", patterns=("/csp/*",))), ONLY_FRONT_DOORS, []),
        ((*front_door("door", to(NEAR)), security_policy("door", DOMAIN)), ONLY_FRONT_DOORS, []),
        (
            (
                *front_door(
                    "door", to(NEAR), route={"customDomains": [{"id": DOMAIN}], "linkToDefaultDomain": "Disabled"}
                ),
                security_policy("door", DOMAIN.upper()),
            ),
            ONLY_FRONT_DOORS,
            [Cause.ATTESTATION],
        ),
        (front_door("door", to(NEAR), route={"linkToDefaultDomain": None}), ONLY_FRONT_DOORS, [VALUE]),
        (front_door("door", to(FAR)), ONLY_FRONT_DOORS, []),
        (front_door("door", ELSEWHERE, {"hostName": "x.example"}), ONLY_FRONT_DOORS, [VALUE]),
        (
            (*front_door("door", {"hostName": "d.trafficmanager.net"}), security_policy("door"), PROFILE),
            ONLY_FRONT_DOORS,
            [Cause.ATTESTATION],
        ),
        ([classic_front_door("door", backend(NEAR, 1), waf=True)], ONLY_FRONT_DOORS, [Cause.ATTESTATION]),
        ([classic_front_door("door", backend(NEAR, 1))], ONLY_FRONT_DOORS, []),
        ([], ONLY_FRONT_DOORS, []),
    ],
)
def test_a_front_door_protects_what_no_client_reaches_without_it(
    bodies: list[Body], admitted: Body | None, expected: list[object]
) -> None:
    built = built_with(*bodies, admitted=admitted)
    found = PartialList.of(ask("entrance.protections", built, s.item(built, "Network/applicationGateways", "gw")).value)
    assert [*found.known, *([found.missing.cause] if found.missing else [])] == expected


def test_security_groups_of_the_vms_decide_behind_a_load_balancer() -> None:
    front = f"{LB}/frontendIPConfigurations/f"
    body = {**s.to("lb", "p"), "frontendIPConfiguration": {"id": front}, "backendPort": 443, "protocol": "Tcp"}
    frontends = [{"id": front, "properties": {"publicIPAddress": {"id": NEAR["id"]}}}]
    balanced = s.load_balancer("lb", {"p": s.by_nic("vm-web-nic")}, {"r": body}, frontendIPConfigurations=frontends)
    private = gateway(frontendIPConfigurations=[])
    own = {"privateIPAddress": "10.0.0.4", "subnet": {"id": f"{s.VNET}/subnets/default"}}
    configurations = [{"id": s.configuration_id("vm-web-nic"), "properties": own}]
    nic = s.nic("vm-web-nic", vm="vm-web", ipConfigurations=configurations)
    causes = []
    for admitted in (ANYONE, ONLY_FRONT_DOORS):
        built = built_with(private, balanced, nic, *FILTERED, admitted=admitted)
        found = PartialList.of(ask("entrance.protections", built, s.item(built, "Network/loadBalancers", "lb")).value)
        causes.append(found.missing and found.missing.cause)
    assert causes == [None, Cause.ATTESTATION]
