from __future__ import annotations

from typing import Any

import pytest

from auditor.facts.needs import Need
from auditor.model import Part
from auditor.topology.graph import LOAD_BALANCER, SKU, TRAFFIC_MANAGER, VM, parts
from auditor.values import ABSENT, Answer, Cause, Items
from tests.facts.asking import DECLARATION, GAP, VALUE, ask, said, shown
from tests.topology import subscription as s
from tests.topology.subscription import Body, arm_id

PAIR = """
- name: prod
  product: iris
  regions: {primary: westeurope, dr: northeurope}
  mirrors: [{name: DB, failover: [vm-a, vm-b], arbiter: vm-c, dr: [vm-d], reporting: none}]
  tiers: [{role: web, members: none}, {role: app, members: none}]
"""


# --- machines and sets ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "body", "expected"),
    [
        ("vm.region", {"location": "West Europe"}, "westeurope"),
        ("vm.region", {"location": None}, ABSENT),
        ("vm.update_domain", {"properties": {"instanceView": {"platformUpdateDomain": 3}}}, 3),
        ("vm.update_domain", {"properties": {"instanceView": {"platformUpdateDomain": "3"}}}, VALUE),
        ("vm.update_domain", {"properties": {"instanceView": {"platformUpdateDomain": True}}}, VALUE),
        ("vm.update_domain", {"properties": {"instanceView": "x"}}, VALUE),
        ("vm.update_domain", {"properties": {"instanceView": {}}}, ABSENT),
        ("vm.update_domain", {"properties": {}}, GAP),
    ],
)
def test_what_is_said_of_a_machine(name: str, body: Body, expected: object) -> None:
    built = s.topology({"id": arm_id("Compute/virtualMachines", "vm-a"), "properties": {}, **body})
    assert said(name, built, s.item(built, "Compute/virtualMachines", "vm-a")) == expected


@pytest.mark.parametrize(
    ("record", "location", "expected"),
    [
        ({"MaximumPlatformFaultDomainCount": "3"}, "West Europe", 3),
        ({"MaximumPlatformFaultDomainCount": "many"}, "westeurope", VALUE),
        ({}, "westeurope", ABSENT),
        ({"MaximumPlatformFaultDomainCount": "3"}, "northeurope", VALUE),
        ({"MaximumPlatformFaultDomainCount": "3"}, None, ABSENT),
        (None, "westeurope", GAP),
    ],
)
def test_fault_domains_of_a_region(record: Body | None, location: str | None, expected: object) -> None:
    sku = {**s.size("Aligned", **(record or {})), "resourceType": "availabilitySets"}
    own = s.resource("Compute/availabilitySets", "set", top={"location": location})
    built = s.topology(own, *([] if record is None else [sku]), unlisted=[SKU] if record is None else [])
    found = ask("set.maximum_fault_domains", built, s.item(built, "Compute/availabilitySets", "set"))
    assert shown(found.value) == expected


# --- deployments ----------------------------------------------------------------------------------------------------


def needs(deployment: str, *machines: Body, **keywords: Any) -> dict[str, object]:
    """Return the names of the machines by what they are needed for; `...` where there may be more needs."""
    built = s.topology(*machines, deployment=deployment, **keywords)
    found = ask("deployment.needs", built, s.only(built)).value
    assert isinstance(found, Items)
    known = [need for need in found.known if isinstance(need, Need)]
    assert [ask("need.role", built, need).value for need in known] == [str(need.role) for need in known]
    machines_of = {need.id.removeprefix("prod/"): said("need.machines", built, need) for need in known}
    return machines_of | ({"...": found.missing.cause} if found.missing else {})


FOUR = (*(s.vm(f"vm-{letter}") for letter in "abc"), s.vm("vm-d", location="North Europe"))


def test_a_product_needs_its_mirror_and_tiers_even_where_they_are_declared_as_none() -> None:
    expected = {
        "mirrors/DB/failover": ["vm-a", "vm-b"],
        "mirrors/DB/arbiter": ["vm-c"],
        "tiers/web": [],
        "tiers/app": [],
    }
    assert needs(PAIR, *FOUR) == expected
    none = PAIR.replace("arbiter: vm-c", "arbiter: none")
    assert needs(none, *FOUR) == {**expected, "mirrors/DB/arbiter": []}
    bare = "- {name: prod, product: iris, regions: {primary: westeurope, dr: none}, mirrors: none, tiers: none}"
    assert needs(bare) == {"mirrors": [], "tiers/app": [], "tiers/web": []}


def test_a_tier_that_the_product_does_not_need_counts_where_it_has_machines() -> None:
    def with_tier(members: str) -> str:
        return PAIR.replace("tiers: [", f"tiers: [{{role: print, product: lab, members: {members}}}, ")

    assert needs(with_tier("[vm-d, vm-a]"), *FOUR)["tiers/print/lab"] == ["vm-a"]
    assert "tiers/print/lab" not in needs(with_tier("none"), *FOUR)


def test_each_product_of_healthshare_needs_web_servers() -> None:
    text = PAIR.replace("product: iris", "product: healthshare").replace("name: DB", "name: DB, product: registry")
    assert "healthshare" in text
    assert "product: registry" in text
    without = text.replace("{role: web, members: none}, ", "")
    assert without != text
    assert {need: found for need, found in needs(without, *FOUR).items() if "web" in need} == {
        "tiers/web/registry": DECLARATION
    }
    assert {need: found for need, found in needs(text, *FOUR).items() if "web" in need} == {"tiers/web": []}


def test_what_nobody_declared_or_read_is_not_missing() -> None:
    undeclared = needs("- {name: prod, product: iris, regions: {primary: westeurope, dr: none}}")
    assert undeclared == dict.fromkeys(("tiers/app", "tiers/web", "..."), DECLARATION)
    hidden = s.gap(arm_id("Compute/virtualMachines", "vm-b"))
    assert needs(PAIR, FOUR[0], gaps=[hidden])["mirrors/DB/failover"] == ["?", "vm-a"]
    nowhere = {**FOUR[1], "location": None}
    assert needs(PAIR, FOUR[0], nowhere)["mirrors/DB/failover"] == ["?", "vm-a"]
    assert needs(PAIR, FOUR[0], unlisted=[VM])["mirrors/DB/failover"] == ["vm-a", "..."]
    assert needs(PAIR, FOUR[0])["mirrors/DB/failover"] == ["?", "vm-a"]


def test_tags_name_neither_product_nor_primary_region() -> None:
    def tagged(name: str, role: str, **more: str) -> Body:
        return s.vm(name, tags={"iris-deployment": "prod", "iris-role": role, **more})

    machines = [tagged("vm-a", "mirror-failover", **{"iris-mirror": "DB"}), tagged("vm-w", "web")]
    expected = {"mirrors/DB/failover": ["?"], "mirrors/DB/arbiter": DECLARATION, "tiers/web": ["?"], "...": DECLARATION}
    assert needs("", *machines) == expected
    built = s.topology(*machines)
    assert said("deployment.dr_region", built, s.only(built)) is DECLARATION


@pytest.mark.parametrize(("written", "expected"), [("North Europe", "northeurope"), ("none", "none")])
def test_the_dr_region(written: str, expected: str) -> None:
    built = s.topology(deployment=PAIR.replace("dr: northeurope", f"dr: {written}"))
    assert ask("deployment.dr_region", built, s.only(built)).value == expected


def test_the_profiles_of_a_deployment() -> None:
    assert shown(profiles_of().value) == []
    assert shown(profiles_of(unlisted=[TRAFFIC_MANAGER]).value) == ["..."]


def profiles_of(**keywords: Any) -> Answer:
    built = s.topology(*FOUR, *NICS, deployment=PAIR, **keywords)
    return ask("deployment.profiles", built, s.only(built))


# --- mirrors --------------------------------------------------------------------------------------------------------

NICS = tuple(s.nic(f"vm-{letter}-nic") for letter in "abcd")


def mirror_fact(name: str, *bodies: Body, **keywords: Any) -> Answer:
    built = s.topology(*bodies, deployment=PAIR, **keywords)
    return ask(name, built, s.only(built).mirrors[0])


def test_the_dr_members() -> None:
    assert shown(mirror_fact("mirror.dr", *FOUR).value) == ["vm-d"]


def balancer(*rules: Body) -> Body:
    own = arm_id("Network/loadBalancers", "lb")
    return s.balancer(
        "lb",
        {"pool": s.by_nic("vm-a-nic", "vm-b-nic"), "other": s.by_nic("vm-c-nic")},
        {f"rule-{number}": {**s.to("lb", "pool"), **rule} for number, rule in enumerate(rules)}
        | {
            "elsewhere": {
                **s.to("lb", "other"),
                "frontendIPConfiguration": {"id": f"{own}/frontendIPConfigurations/f3"},
            }
        },
        frontendIPConfigurations=[
            {"id": f"{own}/frontendIPConfigurations/{name}", "name": name, "properties": {}}
            for name in ("f1", "f2", "f3")
        ],
    )


def front(name: Any) -> Body:
    return {
        "frontendIPConfiguration": {"id": f"{arm_id('Network/loadBalancers', 'lb')}/frontendIPConfigurations/{name}"}
    }


@pytest.mark.parametrize(
    ("rules", "expected", "missing"),
    [
        ([], [], None),
        ([front("f1")], ["f1"], None),
        ([front("f1"), front("F1")], ["f1"], None),
        ([front("f1"), front("f2")], ["f1", "f2"], None),
        ([front("f1"), front("f9")], ["f1"], Cause.VALUE),
        ([{}], [], Cause.VALUE),
        ([{"frontendIPConfiguration": "x"}], [], Cause.VALUE),
    ],
)
def test_the_frontends_that_lead_to_a_mirror(rules: list[Body], expected: list[str], missing: Cause | None) -> None:
    found = mirror_fact("mirror.frontends", *FOUR, *NICS, balancer(*rules)).value
    assert isinstance(found, Items)
    assert sorted(part.id.split("/")[-1] for part in found.only(Part)) == expected
    assert shown(found.missing) is missing


def test_balancers_that_were_not_listed_may_lead_to_a_mirror() -> None:
    found = mirror_fact("mirror.frontends", *FOUR, *NICS, unlisted=[LOAD_BALANCER]).value
    assert isinstance(found, Items)
    assert shown(found.missing) is GAP


def test_the_rules_that_lead_to_a_machine() -> None:
    built = s.topology(*FOUR, *NICS, balancer(front("f1"), front("f2")), deployment=PAIR)
    expected = {"vm-a": ["rule-0", "rule-1"], "vm-c": ["elsewhere"], "vm-d": []}
    for name, rules in expected.items():
        found = ask("vm.balancing_rules", built, s.item(built, "Compute/virtualMachines", name)).value
        assert isinstance(found, Items)
        assert sorted(part.id.split("/")[-1] for part in found.known if isinstance(part, Part)) == rules
        assert found.missing is None


def in_domains(**domains: Any) -> list[Body]:
    return [
        s.vm(f"vm-{letter}", instanceView={"platformFaultDomain": domain, "platformUpdateDomain": domain})
        for letter, domain in domains.items()
    ]


@pytest.mark.parametrize("name", ["mirror.fault_domains", "mirror.update_domains"])
def test_the_domains_of_a_mirror(name: str) -> None:
    assert shown(mirror_fact(name, *in_domains(a=0, b=1, c=0)).value) == ["0", "0", "1"]
    assert shown(mirror_fact(name, *in_domains(a=0, b=None, c="x")).value) == ["0", "?", "?"]
    assert shown(mirror_fact(name, *in_domains(a=0), s.vm("vm-b"), unlisted=[VM]).value) == ["0", "?", "..."]


# --- what Azure promises --------------------------------------------------------------------------------------------

SET: Body = {"availabilitySet": {"id": arm_id("Compute/availabilitySets", "set")}}
SHOUTED = {"availabilitySet": {"id": SET["availabilitySet"]["id"].upper()}}
FLEX: Body = {"virtualMachineScaleSet": {"id": arm_id("Compute/virtualMachineScaleSets", "flex")}}
ALONE = (0, 99.9)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ({"zone": "1"}, {"zone": "2"}, 99.99),
        ({"zone": "1"}, {"zone": "1"}, ALONE),
        ({"zone": "1"}, {"zone": "2", "location": "northeurope"}, ALONE),
        ({"zone": "1"}, {}, ALONE),
        ({}, {}, ALONE),
        (SET, SHOUTED, 99.95),
        (SET, {}, ALONE),
        (FLEX, FLEX, 99.95),
        (SET, FLEX, ALONE),
        (SET, {"availabilitySet": {"id": 7}}, ALONE),
        (SET, {"availabilitySet": "x"}, VALUE),
    ],
)
def test_what_azure_promises_of_a_pair(one: Body, other: Body, expected: object) -> None:
    flexible = s.resource("Compute/virtualMachineScaleSets", "flex", orchestrationMode="Flexible")
    found = mirror_fact("group.sla_percent", s.vm("vm-a", **one), s.vm("vm-b", **other), flexible)
    assert shown(found.value) == expected


def test_a_promise_is_not_known_where_a_machine_is_not() -> None:
    assert shown(mirror_fact("group.sla_percent", s.vm("vm-a", zone="1"), unlisted=[VM]).value) is GAP
    hidden = s.gap(arm_id("Compute/virtualMachines", "vm-b"))
    assert shown(mirror_fact("group.sla_percent", s.vm("vm-a", zone="1"), gaps=[hidden]).value) is GAP
    assert shown(mirror_fact("group.sla_percent", s.vm("vm-a"), s.vm("vm-b", **FLEX)).value) is VALUE
    assert shown(mirror_fact("group.sla_percent").value) is DECLARATION


# --- how soon clients follow ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({"intervalInSeconds": 5, "probeThreshold": 2}, 10),
        ({"intervalInSeconds": 5, "probeThreshold": 0}, 5),
        ({"intervalInSeconds": 5, "numberOfProbes": 4}, 5),
        ({"probeThreshold": 2}, 30),
        ({}, 15),
        ({"intervalInSeconds": "5"}, VALUE),
        ({"intervalInSeconds": 5, "probeThreshold": True}, VALUE),
    ],
)
def test_how_long_a_probe_takes(properties: Body, expected: object) -> None:
    built = s.topology(s.balancer("lb", {}, probes={"probe": properties}))
    (probe,) = parts(s.item(built, "Network/loadBalancers", "lb"), "properties.probes[*]")
    assert said("probe.detection_seconds", built, probe) == expected


@pytest.mark.parametrize(
    ("monitor", "dns", "expected"),
    [
        ({"toleratedNumberOfFailures": 2, "intervalInSeconds": 10, "timeoutInSeconds": 5}, {"ttl": 30}, 65),
        ({"toleratedNumberOfFailures": 0, "intervalInSeconds": 10, "timeoutInSeconds": 5}, {"ttl": 0}, 15),
        ({}, {}, 190),
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


def test_a_profile_that_was_not_read_tells_nothing() -> None:
    own = arm_id("Network/trafficManagerProfiles", "tm")
    built = s.topology(gaps=[s.gap(own)])
    found = ask("profile.switch_seconds", built, s.item(built, "Network/trafficManagerProfiles", "tm"))
    assert shown(found.value) is GAP
