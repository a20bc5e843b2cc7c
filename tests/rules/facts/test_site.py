"""A deployment as far as losses concern it: where its VMs stand, what leads to them, and what was assumed."""

from __future__ import annotations

import math
from typing import Any, Final

import pytest

from auditor.azure.types.names import SKU, TRAFFIC_MANAGER
from auditor.losses.site import Arbiter, Objective, Seconds, Site, Vm
from auditor.rules.facts.site import said_of_stopped, site_of
from auditor.snapshot.known import Cause, Unknown
from tests.estate import subscription as s
from tests.estate.subscription import OTHER, SUB, Body, arm_id
from tests.rules.facts.mirrored import FLEXIBLE, IN_SCALE_SET, SPREAD
from tests.rules.facts.test_mirror_settings import TAKEN, cpf

DEPLOYMENT: Final = """
- name: d
  product: {product}
  subscriptions: ["00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000002"]
  regions: {{primary: westeurope, dr: none}}
  mirrors: [{{name: M, failover: [a, b], arbiter: {arbiter}, dr: none, reporting: none}}]
  tiers: [{{role: web, members: [w1, w2]}}, {{role: app, members: none}}]
"""
ZONES: Final = s.offered("westeurope", "1", "2", "3")
VMS: Final = (
    *(s.vm(name, zone=zone) for name, zone in (("a", "1"), ("b", "2"), ("arb", "3"), ("w1", "1"))),
    s.vm("w2"),
)
NICS: Final = tuple(s.nic(f"{name}-nic", vm=name) for name in ("a", "b", "arb", "w1", "w2"))


def site(*bodies: Body, arbiter: str = "arb", product: str = "iris", more: str = "", **keywords: Any) -> Site:
    text = DEPLOYMENT.format(arbiter=arbiter, product=product) + more
    built = s.topology(*bodies, deployment=text, **{"scopes": (SUB, OTHER), **keywords})
    return site_of(s.context(built), s.only(built))


def with_pair(*bodies: Body, **keywords: Any) -> Site:
    return site(*VMS, *NICS, ZONES, *bodies, **keywords)


def vm_of(found: Site, name: str) -> Vm:
    return next(vm for vm in found.vms.values() if vm.name == name)


# --- places -----------------------------------------------------------------------------------------------------------


def test_a_zone_has_the_number_of_the_only_subscription() -> None:
    found = with_pair()
    assert [vm_of(found, name).zone for name in ("a", "b", "arb")] == ["1", "2", "3"]
    assert found.zones == {"westeurope": ("1", "2", "3")}


def test_a_vm_without_zone_is_in_an_unknown_one_that_no_scan_can_find() -> None:
    zone = vm_of(with_pair(), "w2").zone
    assert isinstance(zone, Unknown)
    assert zone.optional
    assert "in no particular zone of westeurope" in zone.reason


def test_a_region_without_zones_has_none() -> None:
    found = site(s.vm("a"), *VMS[1:], *NICS, s.offered("westeurope"))
    assert vm_of(found, "a").zone == ""
    assert found.zones == {"westeurope": ()}


def test_the_zones_of_a_region_are_unknown_if_the_sku_list_was_not_read() -> None:
    found = site(*VMS, *NICS, unlisted=[SKU])
    assert isinstance(found.zones["westeurope"], Unknown)
    assert vm_of(found, "a").zone == "1"
    zone = vm_of(found, "w2").zone
    assert isinstance(zone, Unknown)
    assert not zone.optional


def test_zones_of_two_subscriptions_are_the_physical_ones() -> None:
    other = s.vm("b", zone="2", subscription=OTHER)
    mapped = (s.region("westeurope", "3", "1", "2"), s.region("westeurope", "3", "2", "1", subscription=OTHER))
    found = site(VMS[0], other, *VMS[2:], *NICS, *mapped)
    assert [vm_of(found, name).zone for name in ("a", "b", "arb")] == [
        *("westeurope-az3", "westeurope-az2", "westeurope-az2"),
    ]
    assert found.zones["westeurope"] == ("westeurope-az1", "westeurope-az2", "westeurope-az3")
    unmapped = site(VMS[0], other, *VMS[2:], *NICS)
    assert isinstance(vm_of(unmapped, "a").zone, Unknown)


@pytest.mark.parametrize(
    ("scale_set", "zone", "view", "expected"),
    [
        (FLEXIBLE, "", {"platformFaultDomain": 1, "platformUpdateDomain": 0}, 1),
        (FLEXIBLE, "", None, Cause.GAP),
        (SPREAD, "", {"platformFaultDomain": 0, "platformUpdateDomain": 0}, Cause.VALUE),
        # Azure shows one number for all VMs of the set, and the zone separates more than a fault domain.
        (SPREAD, "1", {"platformFaultDomain": 0, "platformUpdateDomain": 0}, None),
    ],
)
def test_the_fault_domain_of_a_vm_in_a_set(scale_set: Body, zone: str, view: Body | None, expected: object) -> None:
    properties: Body = {**IN_SCALE_SET, **({"instanceView": view} if view else {})}
    member = s.vm("a", zone=zone, **properties)
    found = vm_of(site(member, *VMS[1:], *NICS, ZONES, scale_set), "a")
    domain = found.fault_domain
    assert found.set == scale_set["id"].lower()
    assert (domain.cause if isinstance(domain, Unknown) else domain) == expected


def test_a_vm_without_set_has_no_domains() -> None:
    found = vm_of(with_pair(), "a")
    assert (found.set, found.fault_domain, found.update_domain) == ("", None, None)


# --- mirrors and tiers ------------------------------------------------------------------------------------------------


def test_the_arbiter_is_a_vm_or_none() -> None:
    key = arm_id("Compute/virtualMachines", "arb").lower()
    assert with_pair().mirrors[0].arbiter == Arbiter(key)
    assert with_pair(arbiter="none").mirrors[0].arbiter is None
    unfound = with_pair(arbiter="lost").mirrors[0].arbiter
    assert isinstance(unfound, Arbiter)
    assert isinstance(unfound.vm, Unknown)


SPACE: Final = s.network(addressSpace={"addressPrefixes": ["10.0.0.0/16"]})
ADDRESSED: Final = tuple(
    s.nic(f"{name}-nic", vm=name, address=f"10.0.0.{number}") for number, name in enumerate(("a", "b", "x", "w1", "w2"))
)
BY_ADDRESS: Final = (*VMS, *ADDRESSED, SPACE, ZONES)
X: Final = s.vm("x", zone="1", osProfile={"computerName": "x"})


def by_address(address: str, *bodies: Body, **keywords: Any) -> Site:
    return site(*(bodies or (*BY_ADDRESS, X)), arbiter=f"{{address: {address}}}", **keywords)


@pytest.mark.parametrize("address", ["10.0.0.2", "x", "X"])
def test_an_arbiter_at_the_address_of_a_vm_is_that_vm(address: str) -> None:
    found = by_address(address)
    key = arm_id("Compute/virtualMachines", "x").lower()
    assert found.mirrors[0].arbiter == Arbiter(key)
    assert (found.vms[key].zone, found.vms[key].name) == ("1", "x")
    text = f"mirror M: the address of the arbiter, {address}, is that of x"
    assert text in {each.text for each in found.assumed}


def test_an_arbiter_at_the_public_address_of_a_vm_is_that_vm() -> None:
    configuration = f"{arm_id('Network/networkInterfaces', 'x-nic')}/ipConfigurations/ipconfig1"
    held = s.public("pip", address="203.0.113.7", fqdn="arb.westeurope.cloudapp.azure.com", of=configuration)
    nic = s.nic("x-nic", vm="x", address="10.0.0.2")
    nic["properties"]["ipConfigurations"][0]["properties"]["publicIPAddress"] = {"id": held["id"]}
    others = [body for body in BY_ADDRESS if body["name"] != "x-nic"]
    for address in ("203.0.113.7", "arb.westeurope.cloudapp.azure.com"):
        arbiter = by_address(address, *others, nic, held, X).mirrors[0].arbiter
        assert arbiter == Arbiter(arm_id("Compute/virtualMachines", "x").lower())
    unheld = by_address("203.0.113.7", *BY_ADDRESS, s.public("pip", address="203.0.113.7")).mirrors[0].arbiter
    assert isinstance(unheld, Arbiter)
    assert isinstance(unheld.vm, Unknown)


@pytest.mark.parametrize("address", ["192.168.7.7", "arbiter.hospital.example", "2001:db8::7"])
def test_an_address_of_no_network_of_the_deployment_is_outside_of_azure(address: str) -> None:
    found = by_address(address)
    assert found.mirrors[0].arbiter == Arbiter(None)
    said = f"mirror M: the address of the arbiter, {address}, is outside of Azure: nothing that was read has it"
    assert said in {each.text for each in found.assumed}


@pytest.mark.parametrize(
    ("address", "keywords", "reason"),
    [
        ("10.0.0.99", {}, "10.0.0.99 belongs to no network interface"),
        ("x.hospital.example", {}, "which has that computer name, is unknown"),
        ("10.0.0.99", {"unlisted": ["Microsoft.Network/networkInterfaces"]}, "not listed"),
        ("arbiter.hospital.example", {"unlisted": ["Microsoft.Compute/virtualMachines"]}, "not listed"),
    ],
)
def test_whose_an_address_is_may_not_be_known(address: str, keywords: Body, reason: str) -> None:
    arbiter = by_address(address, **keywords).mirrors[0].arbiter
    assert isinstance(arbiter, Arbiter)
    assert isinstance(arbiter.vm, Unknown)
    assert reason in arbiter.vm.reason


def test_the_members_are_unknown_unless_both_are_found() -> None:
    assert isinstance(site(VMS[0], *VMS[2:], *NICS, ZONES).mirrors[0].members, Unknown)
    keys = tuple(arm_id("Compute/virtualMachines", name).lower() for name in "ab")
    assert with_pair().mirrors[0].members == keys


@pytest.mark.parametrize(
    ("files", "product", "qos", "said"),
    [
        ({"a": 5000, "b": 5000}, "trakcare", Seconds(5, 5), "QoS timeout 5 s, by CPFs of its members"),
        ({"a": 5000, "b": 6000}, "trakcare", Seconds(5, 6), "QoS timeout 5 to 6 s, by CPFs of its members"),
        ({}, "trakcare", Seconds(2, 8), "QoS timeout 2 to 8 s, the default up to version 2015.1 and later"),
        ({}, "iris", Seconds(8, 8), "QoS timeout 8 s, the default; no CPF shows it"),
    ],
)
def test_the_qos_timeout_is_that_of_cpfs_else_the_default(files: Body, product: str, qos: Seconds, said: str) -> None:
    supplied = [cpf(vm, "M") for vm in files]
    for body, number in zip(supplied, files.values(), strict=True):
        body["properties"]["mirrors"][0]["qosTimeout"] = number
    found = with_pair(*supplied, product=product, taken_at=TAKEN)
    assert found.mirrors[0].qos == qos
    assert found.assumed[0].text.startswith(f"mirror M: {said}")
    assert [read.path for read in found.assumed[0].reads] == ["properties.mirrors[0].qosTimeout"] * len(files)


def test_a_defined_primary_prevents_failover() -> None:
    supplied = cpf("a", "M")
    supplied["properties"]["mirrors"][0]["definedPrimary"] = "A"
    found = with_pair(supplied, taken_at=TAKEN)
    assert found.mirrors[0].no_failover is True
    assert found.assumed[1].text == "mirror M: no automatic failover, by DefinedPrimary in a CPF"
    assert with_pair(cpf("a", "M"), taken_at=TAKEN).mirrors[0].no_failover is False
    assert with_pair().assumed[1].text == "mirror M: the backup takes over by itself, no CPF shows otherwise"


def test_a_cpf_that_cannot_be_read_is_not_taken_for_none() -> None:
    found = with_pair(cpf("a", "X", "Y"), taken_at=TAKEN)
    assert isinstance(found.mirrors[0].no_failover, Unknown)
    assert found.mirrors[0].qos == Seconds(0, math.inf)
    assert [each.text for each in found.assumed[:2]] == [
        "mirror M: QoS timeout unknown: a CPF could not be read for certain",
        "mirror M: whether the backup takes over by itself is unknown: a CPF could not be read for certain",
    ]


def test_that_a_vm_runs_that_was_stopped_when_it_was_read_is_said() -> None:
    def view(code: str) -> Body:
        return {"instanceView": {"statuses": [{"code": f"PowerState/{code}"}]}}

    vms = [s.vm("a", zone="1", **view("running")), s.vm("b", zone="2", **view("deallocated")), *VMS[2:]]
    text = DEPLOYMENT.format(arbiter="arb", product="iris")
    built = s.topology(*vms, *NICS, ZONES, deployment=text, scopes=(SUB, OTHER))
    (said,) = said_of_stopped(s.context(built), site_of(s.context(built), s.only(built)))
    assert (said.text, len(said.reads)) == ("running again, although not when their state was read: b", 1)


def test_each_database_without_mirror_stands_alone() -> None:
    text = """
- name: d
  product: iris
  regions: {primary: westeurope, dr: none}
  mirrors: none
  tiers: [{role: db, members: [a, b]}, {role: web, members: none}, {role: app, members: none}]
"""
    built = s.topology(*VMS, *NICS, ZONES, deployment=text)
    found = site_of(s.context(built), s.only(built)).tiers
    assert [(tier.name, len(tier.vms), tier.holds_data, tier.mirrors) for tier in found] == [("db", 1, True, ())] * 2


def test_a_tier_reaches_the_mirrors_of_its_product() -> None:
    text = """
- name: d
  product: healthshare
  regions: {primary: westeurope, dr: none}
  mirrors:
    - {name: M, product: patient-index, failover: [a, b], arbiter: arb, dr: none, reporting: none}
    - {name: N, product: health-insight, failover: [a, b], arbiter: arb, dr: none, reporting: none}
  tiers:
    - {role: web, product: patient-index, members: [w1]}
    - {role: web, product: health-connect, members: [w2]}
"""
    built = s.topology(*VMS, *NICS, ZONES, deployment=text)
    found = site_of(s.context(built), s.only(built))
    assert {tier.name: tier.mirrors for tier in found.tiers} == {
        "web patient-index": ("d/mirrors/M",),
        "web health-connect": None,
    }
    # health-insight needs a web tier, and none is declared.
    assert [unknown.cause for unknown in found.undeclared] == [Cause.DECLARATION]


# --- entrances --------------------------------------------------------------------------------------------------------

OWN: Final = arm_id("Network/loadBalancers", "lb")


def balanced(zones: list[str] | None = None, probe: Body | None = None, *members: str) -> Body:
    """Return a load balancer to VMs, with the zones of its frontend."""
    frontend: Body = {"id": f"{OWN}/frontendIPConfigurations/f", "name": "f", "properties": {}}
    frontend |= {} if zones is None else {"zones": zones}
    rule = s.to("lb", "p", probe="probe" if probe else "")
    rule |= {"frontendIPConfiguration": {"id": frontend["id"]}, "protocol": "Tcp", "backendPort": 1972}
    found = s.load_balancer(
        "lb",
        {"p": s.by_nic(*(f"{name}-nic" for name in members or ("a", "b")))},
        {"r": rule},
        {"probe": probe} if probe else {},
        frontendIPConfigurations=[frontend],
    )
    return {**found, "location": "westeurope", "sku": {"name": "Standard", "tier": "Regional"}}


@pytest.mark.parametrize(
    ("zones", "expected"),
    [(["1", "2", "3"], frozenset()), (["2"], frozenset({"2"})), (["2", "2"], frozenset({"2"})), (None, Cause.VALUE)],
)
def test_a_load_balancer_needs_the_only_zone_of_its_frontend(zones: list[str] | None, expected: object) -> None:
    (way,) = with_pair(balanced(zones)).entrances.values()
    assert (way.zones.cause if isinstance(way.zones, Unknown) else way.zones) == expected


def test_that_an_entrance_in_one_zone_keeps_its_network_is_assumed() -> None:
    def said(zones: list[str] | None) -> list[str]:
        return [each.text for each in with_pair(balanced(zones)).assumed if "network" in each.text]

    assert said(["2"]) == said(None) == ["a lost network between zones does not separate lb from its VMs"]
    assert said(["1", "2", "3"]) == []


def test_web_servers_may_use_application_servers_of_their_region_and_product() -> None:
    text = """
- name: d
  product: healthshare
  regions: {primary: westeurope, dr: none}
  mirrors: none
  tiers:
    - {role: web, product: patient-index, members: [w1]}
    - {role: app, product: patient-index, members: [a]}
    - {role: app, product: health-insight, members: [b]}
    - {role: app, members: [arb]}
"""
    built = s.topology(*VMS, *NICS, ZONES, deployment=text)
    found = {tier.name: tier for tier in site_of(s.context(built), s.only(built)).tiers}
    assert {*found["web patient-index"].uses} == {found["app patient-index"].id, found["app"].id}
    assert found["app"].uses == found["app patient-index"].uses == ()


@pytest.mark.parametrize(
    ("probe", "expected"),
    [
        ({"intervalInSeconds": 5, "probeThreshold": 1}, Seconds(0, 10)),
        ({"intervalInSeconds": 5, "probeThreshold": 3}, Seconds(10, 20)),
        ({"intervalInSeconds": 60, "probeThreshold": 2}, Seconds(60, 150)),
        ({"port": 1972}, Seconds(0, 30)),
        ({"intervalInSeconds": "5"}, Seconds(0, math.inf)),
        (None, Seconds(0, math.inf)),
    ],
)
def test_a_probe_needs_its_interval_times_its_threshold(probe: Body | None, expected: Seconds) -> None:
    (way,) = with_pair(balanced(["1", "2"], probe)).entrances.values()
    assert way.detection == expected


def test_the_load_balancer_of_a_mirror_leads_to_its_members() -> None:
    found = with_pair(balanced(["1", "2"]))
    assert found.mirrors[0].entrances == (OWN.lower(),)
    assert {found.vms[key].name for key in found.entrances[OWN.lower()].vms} == {"a", "b"}
    assert found.entrances[OWN.lower()].doubt is None
    assert found.tiers[0].entrances == ()


def test_a_member_of_a_pool_that_is_no_known_vm_leaves_a_doubt() -> None:
    assert with_pair(balanced(["1", "2"], None, "a", "lost")).entrances[OWN.lower()].doubt is not None


def test_profiles_switch_in_their_documented_time() -> None:
    address = s.public("pip", fqdn="w.example", of=f"{OWN}/frontendIPConfigurations/f")
    front = balanced(["1", "2"])
    front["properties"]["frontendIPConfigurations"][0]["properties"] = {"publicIPAddress": {"id": address["id"]}}
    end = {"target": "w.example", "endpointLocation": "westeurope", "priority": 1}
    body = s.profile("tm", end, trafficRoutingMethod="Priority", dnsConfig={"ttl": 60}, monitorConfig={})
    body["properties"]["endpoints"][0]["name"] = "west"
    (found,) = with_pair(front, address, body).profiles
    assert [(end.name, end.region, end.priority) for end in found.endpoints] == [("west", "westeurope", 1)]
    assert found.switch == Seconds(90, 190)  # Microsoft's example: 30 s, 3 failures, 10 s, and 60 s in DNS


def test_a_disabled_endpoint_directs_no_one() -> None:
    address = s.public("pip", fqdn="w.example", of=f"{OWN}/frontendIPConfigurations/f")
    front = balanced(["1", "2"])
    front["properties"]["frontendIPConfigurations"][0]["properties"] = {"publicIPAddress": {"id": address["id"]}}
    ends = [{"target": "w.example", "endpointLocation": "westeurope", "priority": number} for number in (1, 2, 3)]
    body = s.profile("tm", *ends, trafficRoutingMethod="Priority")
    statuses: tuple[object, ...] = ("Enabled", "disabled", None)
    for number, (end, status) in enumerate(zip(body["properties"]["endpoints"], statuses, strict=True)):
        end["name"] = f"e{number}"
        end["properties"] |= {} if status is None else {"endpointStatus": status}
    (found,) = with_pair(front, address, body).profiles
    assert ([end.name for end in found.endpoints], found.more_endpoints) == (["e0", "e2"], None)
    body["properties"]["endpoints"][1]["properties"]["endpointStatus"] = 7
    (found,) = with_pair(front, address, body).profiles
    assert found.more_endpoints


def test_profiles_that_were_not_listed_may_be_there() -> None:
    found = with_pair(s.network(), unlisted=[TRAFFIC_MANAGER]).more_profiles
    assert found is not None
    assert found.cause is Cause.GAP
    assert with_pair(s.network()).more_profiles is None


def test_without_a_profile_the_way_to_the_dr_region_takes_an_unknown_time() -> None:
    text = DEPLOYMENT.format(arbiter="arb", product="iris")
    text = text.replace("primary: westeurope, dr: none", "primary: westeurope, dr: northeurope")
    network = {**s.network(), "location": "northeurope"}
    built = s.topology(*VMS, *NICS, ZONES, network, deployment=text, scopes=(SUB, OTHER))
    found = site_of(s.context(built), s.only(built))
    assert found.dr_region == "northeurope"
    assert found.more_profiles is not None
    assert found.more_profiles.optional


def test_the_time_of_a_decision_has_the_unit_of_its_setting() -> None:
    text = DEPLOYMENT.format(arbiter="arb", product="iris") + "  settings: {dr_decision_minutes: 40}\n"
    text = text.replace("primary: westeurope, dr: none", "primary: westeurope, dr: northeurope")
    built = s.topology(*VMS, *NICS, ZONES, s.network(), deployment=text, scopes=(SUB, OTHER))
    said = "a person decides for the DR region in 40 min, by settings.dr_decision_minutes"
    assert site_of(s.context(built), s.only(built)).assumed[-1].text == said


# --- declarations -----------------------------------------------------------------------------------------------------


def test_settings_and_objectives_are_those_of_the_deployment_file() -> None:
    found = with_pair()
    assert found.takeover == found.decision == Seconds(0, math.inf)
    assert (
        found.assumed[-1].text == "a new primary opens its databases in an unknown time: no settings.takeover_seconds"
    )
    more = (
        "  settings: {takeover_seconds: 10, dr_decision_minutes: 40}\n"
        "  objectives:\n"
        "    machine: {rto: 90s, rpo: 0s}\n"
        "    region: {rto: 1.5h}\n"
    )
    declared = with_pair(more=more)
    assert (declared.takeover, declared.decision) == (Seconds(10, 10), Seconds(2400, 2400))
    assert declared.assumed[-1].text == "a new primary opens its databases in 10 s, by settings.takeover_seconds"
    assert declared.objectives == {"machine": Objective(90, 0, 11), "region": Objective(5400, None, 12)}


def test_what_is_not_declared_may_be_there() -> None:
    text = "- {name: d, product: iris, regions: {primary: westeurope, dr: none}}"
    built = s.topology(*VMS, deployment=text)
    found = site_of(s.context(built), s.only(built)).undeclared
    assert len(found) == 4  # the mirrors, the web and app tiers, and databases without a mirror
    assert {unknown.cause for unknown in found} == {Cause.DECLARATION}
