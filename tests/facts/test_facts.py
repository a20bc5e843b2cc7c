from __future__ import annotations

from typing import Any

import pytest

from auditor.facts import FACTS
from auditor.facts.registry import fact
from auditor.model import Part
from auditor.topology import Topology
from auditor.topology.balancing import POOLS, RULES
from auditor.topology.graph import DISK, LOAD_BALANCER, SCALE_SET, SKU, VM, parts
from auditor.values import ABSENT, Answer, Items, Unknown
from tests.facts.asking import DECLARATION, GAP, INFINITY, VALUE, ask, said, shown
from tests.topology import subscription as s
from tests.topology.subscription import SUB, Body, arm_id


def test_two_facts_cannot_bear_one_name() -> None:
    with pytest.raises(ValueError, match=r"two facts are named vm\.zone"):
        fact("vm.zone", "vm", gives="text")(lambda _context, _element: Answer(ABSENT))


def test_a_fact_of_a_machine_is_worked_out_once_for_each_of_them() -> None:
    built = s.topology(s.vm("a"), s.vm("b"))
    context = s.context(built)
    a, b = built.graph.by_type[VM]
    first = FACTS["vm.network_interfaces"].find(context, a)
    assert FACTS["vm.network_interfaces"].find(context, a) is first
    assert FACTS["vm.network_interfaces"].find(context, b) is not first
    assert FACTS["vm.network_interfaces"].find(s.context(built), a) is not first, "another context, other answers"


# --- machines -------------------------------------------------------------------------------------------------------

SIZE = s.size(vCPUs="4", MemoryGB="0.75", UncachedDiskBytesPerSecond="268435456", EncryptionAtHostSupported="True")
ARTICLE = (*(s.disk(f"p30-{n}") for n in range(4)), SIZE)
FOUR = [f"p30-{n}" for n in range(4)]


def machine_fact(name: str, *others: Body, gaps: list[Body] | None = None, **machine: Any) -> Answer:
    body = s.vm("vm-a", **machine)
    built = s.topology(body, *others, gaps=gaps or (), unlisted=[] if others else [SKU])
    return ask(name, built, s.item(built, "Compute/virtualMachines", "vm-a"))


def test_the_articles_example_of_four_disks_behind_a_small_machine() -> None:
    disks = machine_fact("vm.data_disk_mbps", *ARTICLE, disks=FOUR)
    assert shown(disks.value) == 800
    assert [read.value for read in disks.reads] == [200] * 4
    limit = machine_fact("vm.uncached_mbps", *ARTICLE, disks=FOUR)
    assert limit.value == pytest.approx(268.435456)
    assert [read.path for read in limit.reads] == [
        "properties.hardwareProfile.vmSize",
        "capabilities.UncachedDiskBytesPerSecond",
    ]


@pytest.mark.parametrize(
    ("others", "disks", "expected"),
    [
        (ARTICLE, [], 0),
        (ARTICLE[1:], FOUR, (600, INFINITY)),
        ((*ARTICLE[1:], s.disk("p30-0", mbps=None)), FOUR, (600, INFINITY)),
        ((*ARTICLE[1:], s.disk("p30-0", mbps="200")), FOUR, (600, INFINITY)),
    ],
)
def test_throughput_is_open_upwards_where_a_disk_is_not_known(
    others: tuple[Body, ...], disks: list[str], expected: object
) -> None:
    assert shown(machine_fact("vm.data_disk_mbps", *others, disks=disks).value) == expected


@pytest.mark.parametrize(
    ("attached", "expected"),
    [
        ("junk", ["?"]),
        (["junk"], ["?"]),
        ([{"lun": 0}], ["?"]),
        ([{"managedDisk": {"id": 7}}], ["?"]),
        ([{"managedDisk": "x"}], ["?"]),
        ([], []),
        (None, []),
    ],
)
def test_disks_that_cannot_be_told(attached: object, expected: list[str]) -> None:
    body = s.vm("vm-a")
    body["properties"]["storageProfile"] = {"dataDisks": attached}
    built = s.topology(body)
    machine = s.item(built, "Compute/virtualMachines", "vm-a")
    assert said("vm.data_disks", built, machine) == expected
    total = ask("vm.data_disk_mbps", built, machine).value
    assert shown(total) == ((0, INFINITY) if expected else 0)


@pytest.mark.parametrize(
    ("capabilities", "name", "expected"),
    [
        ({"vCPUs": "4"}, "vm.vcpus", 4),
        ({"vCPUs": "4", "vCPUsAvailable": "2"}, "vm.vcpus", 2),
        ({"vCPUs": "4", "vCPUsAvailable": "two"}, "vm.vcpus", VALUE),
        ({}, "vm.vcpus", ABSENT),
        ({"MemoryGB": "0.75"}, "vm.memory_gb", 0.75),
        ({"MemoryGB": "lots"}, "vm.memory_gb", VALUE),
        ({}, "vm.memory_gb", ABSENT),
        ({"UncachedDiskBytesPerSecond": "much"}, "vm.uncached_mbps", VALUE),
        ({"UncachedDiskBytesPerSecond": "3000000"}, "vm.uncached_mbps", 3),
        ({}, "vm.uncached_mbps", ABSENT),
        ({"EncryptionAtHostSupported": "True"}, "vm.encryption_at_host_supported", True),
        ({"EncryptionAtHostSupported": "False"}, "vm.encryption_at_host_supported", False),
        ({}, "vm.encryption_at_host_supported", ABSENT),
    ],
)
def test_what_a_size_can_do(capabilities: Body, name: str, expected: object) -> None:
    assert shown(machine_fact(name, s.size(**capabilities)).value) == expected


def test_what_a_size_can_do_where_the_size_the_region_or_the_list_is_missing() -> None:
    assert shown(machine_fact("vm.vcpus", SIZE, size="Standard_X").value) is VALUE
    assert shown(machine_fact("vm.vcpus").value) is GAP
    assert shown(machine_fact("vm.encryption_at_host_supported", SIZE, location="").value) is VALUE
    empty = {"id": arm_id("Compute/virtualMachines", "vm-a"), "properties": {}}
    hidden = s.topology(SIZE, gaps=[s.gap(arm_id("Compute/virtualMachines", "vm-a"))])
    nowhere = s.vm("vm-a")
    del nowhere["location"]
    for built, expected in ((s.topology(empty, SIZE), ABSENT), (s.topology(nowhere, SIZE), ABSENT), (hidden, GAP)):
        machine = s.item(built, "Compute/virtualMachines", "vm-a")
        assert said("vm.vcpus", built, machine) is expected


@pytest.mark.parametrize(
    ("machine", "expected"),
    [
        ({"zone": "2"}, "2"),
        ({}, ABSENT),
    ],
)
def test_the_zone_of_a_machine(machine: Any, expected: object) -> None:
    answer = machine_fact("vm.zone", **machine)
    assert answer.value == expected
    assert answer.reads[0].path == "zones[0]"


@pytest.mark.parametrize(
    ("properties", "gaps", "expected"),
    [
        ({"instanceView": {"platformFaultDomain": 1}}, [], 1),
        ({"instanceView": {}}, [], ABSENT),
        ({}, [], GAP),
        ({}, [s.gap(arm_id("Compute/virtualMachines", "vm-a"), "properties.instanceView")], GAP),
        ({"instanceView": "junk"}, [], VALUE),
    ],
)
def test_the_fault_domain_of_a_machine(properties: Body, gaps: list[Body], expected: object) -> None:
    answer = machine_fact("vm.fault_domain", gaps=gaps, **properties)
    assert shown(answer.value) == expected
    if isinstance(answer.value, Unknown) and answer.value.cause is GAP:
        assert ("$expand=instanceView" in answer.value.reason) is not bool(gaps)


ALIGNED = s.resource("Compute/availabilitySets", "set", top={"sku": {"name": "Aligned"}})
CLASSIC = s.resource("Compute/availabilitySets", "set", top={"sku": {"name": "Classic"}})
FLEXIBLE = s.resource("Compute/virtualMachineScaleSets", "vmss", orchestrationMode="Flexible")
UNIFORM = s.resource("Compute/virtualMachineScaleSets", "vmss", orchestrationMode="Uniform")
IN_SET = {"availabilitySet": {"id": ALIGNED["id"].upper()}}
IN_SCALE_SET = {"virtualMachineScaleSet": {"id": FLEXIBLE["id"].upper()}}


@pytest.mark.parametrize(
    ("properties", "others", "expected"),
    [
        ({}, [ALIGNED], ABSENT),
        (IN_SET, [ALIGNED], ALIGNED["id"]),
        (IN_SET, [CLASSIC], ABSENT),
        (IN_SET, [{**ALIGNED, "sku": None}], ABSENT),
        (IN_SET, [{**ALIGNED, "sku": "Aligned"}], VALUE),
        (IN_SET, [{**ALIGNED, "sku": None, "properties": None}], GAP),
        (IN_SET, [SIZE], VALUE),
        (IN_SCALE_SET, [FLEXIBLE], FLEXIBLE["id"]),
        (IN_SCALE_SET, [UNIFORM], ABSENT),
        ({"availabilitySet": "junk"}, [ALIGNED], VALUE),
    ],
)
def test_where_a_fault_domain_means_something(properties: Body, others: list[Body], expected: object) -> None:
    assert shown(machine_fact("vm.fault_domain_group", *others, **properties).value) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("attachment.disk_sku", "Premium_LRS"),
        ("attachment.disk_size_gib", 1024),
        ("attachment.disk_mbps", 200),
        ("attachment.disk_iops", ABSENT),
    ],
)
def test_attachments(name: str, expected: object) -> None:
    body = s.vm("vm-a", disks=["d", "lost"])
    for unlisted, lost in (([], VALUE), ([DISK], GAP)):
        built = s.topology(body, s.disk("d"), unlisted=unlisted)
        machine = s.item(built, "Compute/virtualMachines", "vm-a")
        first, second = parts(machine, "properties.storageProfile.dataDisks[*]")
        answer = ask(name, built, first)
        assert answer.value == expected
        assert answer.reads[0].resource.endswith("/disks/d")
        assert said(name, built, second) is lost


# --- mirrors --------------------------------------------------------------------------------------------------------

DEPLOYMENT = """
- name: d
  product: iris
  regions: {primary: westeurope, dr: northeurope}
  mirrors: [{name: M, failover: [a, b], arbiter: arb, dr: [dr], reporting: none}]
  tiers: [{role: web, members: none}, {role: app, members: [w1, w2, n]}]
"""


def estate(*bodies: Body, deployment: str = DEPLOYMENT, **keywords: Any) -> Topology:
    return s.topology(*bodies, deployment=deployment, **keywords)


def mirror_fact(name: str, *bodies: Body, **keywords: Any) -> Answer:
    built = estate(*bodies, **keywords)
    return ask(name, built, s.only(built).mirrors[0])


def pair(a: Body, b: Body) -> tuple[Body, Body]:
    """Return the failover members with these properties; `zone` stands for their zone."""
    return s.vm("a", **a), s.vm("b", **b)


def placed(domain: object, where: Body = IN_SET) -> Body:
    return {**where, "instanceView": {"platformFaultDomain": domain}}


OTHER_SET = {"availabilitySet": {"id": arm_id("Compute/availabilitySets", "other")}}
OTHER_ALIGNED = s.resource("Compute/availabilitySets", "other", top={"sku": {"name": "Aligned"}})


@pytest.mark.parametrize(
    ("members", "others", "expected"),
    [
        (pair({"zone": "1"}, {"zone": "2"}), [], "zone"),
        (pair({"zone": "1"}, {"zone": "1"}), [], "nothing"),
        (pair({"zone": "1"}, {}), [], "nothing"),
        (pair({}, {}), [], "nothing"),
        (pair(placed(0), placed(1)), [ALIGNED], "fault-domain"),
        (pair(placed(0), placed(0)), [ALIGNED], "nothing"),
        (pair(placed(0), placed(1)), [CLASSIC], "nothing"),
        (pair(placed(0), placed(1, OTHER_SET)), [ALIGNED, OTHER_ALIGNED], "nothing"),
        (pair(placed(0, IN_SCALE_SET), placed(1, IN_SCALE_SET)), [FLEXIBLE], "fault-domain"),
        (pair(placed(0, IN_SCALE_SET), placed(1, IN_SCALE_SET)), [UNIFORM], "nothing"),
        (pair(IN_SET, placed(1)), [ALIGNED], GAP),
        (pair(placed(None), placed(1)), [ALIGNED], VALUE),
        (pair(placed({}), placed(1)), [ALIGNED], VALUE),
        (pair(placed(0), placed(1)), [], VALUE),
    ],
)
def test_what_keeps_failover_members_apart(members: tuple[Body, Body], others: list[Body], expected: object) -> None:
    answer = mirror_fact("mirror.separation", *members, *others)
    assert shown(answer.value) == expected
    if expected == "fault-domain":
        assert {read.path for read in answer.reads} >= {"zones[0]", "properties.instanceView.platformFaultDomain"}


def test_separation_with_a_member_that_is_not_known() -> None:
    a, b = pair({"zone": "1"}, {"zone": "2"})
    assert shown(mirror_fact("mirror.separation", a).value) is DECLARATION
    assert shown(mirror_fact("mirror.separation", a, gaps=[s.gap(b["id"])]).value) is GAP
    assert shown(mirror_fact("mirror.separation", a, {**b, "zones": [{}]}).value) is VALUE
    assert shown(mirror_fact("mirror.separation", a, unlisted=[VM]).value) is GAP
    alone = DEPLOYMENT.replace("[a, b]", "[a]")
    assert shown(mirror_fact("mirror.separation", a, deployment=alone).value) == "nothing"


THREE = (s.vm("a", zone="1"), s.vm("b", zone="2"), s.vm("arb", zone="3"), s.vm("dr", location="northeurope", zone="1"))
TIER = (s.vm("w1", zone="2"), s.vm("w2"), s.vm("n", location="northeurope", zone="9"))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mirror.address_kind", "load-balancer"),
        ("mirror.failover", ["a", "b"]),
        ("mirror.arbiter", ["arb"]),
        ("mirror.failover_and_arbiter", ["a", "arb", "b"]),
        ("mirror.machines", ["a", "arb", "b", "dr"]),
        ("mirror.failover_zones", ["1", "2"]),
        ("mirror.zones_in_use", ["1", "2", "3"]),
        ("group.machines", ["a", "b"]),
        ("group.scale_sets", []),
        ("group.region", "westeurope"),
        ("group.has_dr", True),
    ],
)
def test_who_is_in_a_mirror(name: str, expected: object) -> None:
    assert shown(mirror_fact(name, *THREE, *TIER).value) == expected


def test_rosters_that_nobody_declared_leave_a_mirror_open() -> None:
    text = DEPLOYMENT.replace("arbiter: arb, dr: [dr], reporting: none", "dr: none")
    assert shown(mirror_fact("mirror.machines", *THREE, *TIER, deployment=text).value) == ["a", "b", "..."]
    assert shown(mirror_fact("mirror.arbiter", *THREE, *TIER, deployment=text).value) is DECLARATION
    assert mirror_fact("group.has_dr", *THREE, deployment=text).value is False
    text = text.replace(", dr: none", "")
    assert shown(mirror_fact("group.has_dr", *THREE, deployment=text).value) is DECLARATION
    assert shown(mirror_fact("group.dr_vcpus", *THREE, deployment=text).value) == (0, INFINITY)


def test_zones_in_use_are_those_where_the_failover_members_are() -> None:
    elsewhere = DEPLOYMENT.replace("primary: westeurope", "primary: eastus")
    assert shown(mirror_fact("mirror.zones_in_use", *THREE, *TIER, deployment=elsewhere).value) == ["1", "2", "3"]
    hidden = mirror_fact("mirror.zones_in_use", *THREE[:2], *THREE[3:], *TIER, gaps=[s.gap(THREE[2]["id"])])
    assert shown(hidden.value) == ["1", "2", "..."]
    malformed = mirror_fact("mirror.zones_in_use", *THREE, *TIER[:1], {**TIER[1], "zones": "2"}, TIER[2])
    assert shown(malformed.value) == ["1", "2", "3", "..."]
    assert shown(mirror_fact("mirror.zones_in_use", *THREE).value) == ["1", "2", "3", "..."], "the tier was not found"


def test_luns_join_what_the_members_have_attached() -> None:
    a, b = s.vm("a", disks=["a0", "a1"]), s.vm("b", disks=["b0"])
    built = estate(a, b, s.disk("a0"), s.disk("a1"), s.disk("b0"))
    luns = ask("mirror.luns", built, s.only(built).mirrors[0]).value
    assert isinstance(luns, Items)
    assert luns.complete
    found = {getattr(lun, "id", ""): ask("lun.attachments", built, lun) for lun in luns.known}
    assert {lun: len(answer.reads) for lun, answer in found.items()} == {
        "d/mirrors/M/luns/0": 2,
        "d/mirrors/M/luns/1": 1,
    }


@pytest.mark.parametrize("attached", [[{"lun": None}], [{"lun": "1"}], ["junk"], "junk"])
def test_luns_that_cannot_be_read_leave_the_list_open(attached: object) -> None:
    b = s.vm("b")
    b["properties"]["storageProfile"] = {"dataDisks": attached}
    luns = mirror_fact("mirror.luns", s.vm("a", disks=["a0"]), b).value
    assert isinstance(luns, Items)
    assert [luns.missing is None, *(getattr(lun, "attachments", Items()).complete for lun in luns.known)] == [
        False,
        False,
    ]
    hidden = mirror_fact("mirror.luns", s.vm("a"), gaps=[s.gap(b["id"])]).value
    assert shown(hidden) == ["..."]


LB = s.balancer(
    "lb", {"pool": s.by_nic("a-nic"), "idle": s.by_nic("b-nic")}, {"r": s.to("lb", "pool", probe="p")}, {"p": {}}
)


def test_the_pools_and_rules_of_a_mirror() -> None:
    outbound = s.balancer("out", {"pool": s.by_nic("a-nic")}, {})
    bodies = (*THREE, *TIER, s.nic("a-nic"), s.nic("b-nic"), s.gateway("gw", s.by_nic("a-nic")), outbound)
    for name in ("mirror.pools", "mirror.rules"):
        # Other interfaces are not here, so that another balancer may lead to these machines.
        known = mirror_fact(name, *bodies, LB).value
        assert isinstance(known, Items)
        (found,) = known.known
        assert getattr(found, "id", "").rpartition("/")[2] in {"pool", "r"}
        nics = [s.nic(f"{body['name']}-nic") for body in (*THREE[2:], *TIER)]
        vnet = s.resource("Network/virtualNetworks", "vnet")
        assert len(s.names(mirror_fact(name, *bodies, *nics, vnet, LB).value)) == 1
        assert s.names(mirror_fact(name, *bodies, *nics, vnet, unlisted=[LOAD_BALANCER]).value) == ["..."]
        assert s.names(mirror_fact(name, *THREE[1:], *nics, vnet).value) == ["..."], "a member was not found"


# --- groups ---------------------------------------------------------------------------------------------------------


def group(name: str, *bodies: Body, tier: str = "", **keywords: Any) -> object:
    """Return a fact of the mirror, or of the tier in a region."""
    built = estate(*bodies, **keywords)
    deployment = s.only(built)
    element = next(t for t in deployment.tiers if t.region == tier) if tier else deployment.mirrors[0]
    return said(name, built, element)


SIZES = (
    s.size("small", ["westeurope", "northeurope"], vCPUs="2", MemoryGB="4"),
    s.size("large", ["westeurope", "northeurope"], vCPUs="8", MemoryGB="32"),
)
SIZED = (
    *SIZES,
    s.vm("a", size="small", disks=["d1", "d2"]),
    s.vm("b", size="large", disks=["d3"]),
    s.vm("arb", size="large"),
    s.vm("dr", size="small", location="northeurope", disks=["d3"]),
    s.vm("w1", size="small", disks=["d1"]),
    s.vm("w2", size="large", disks=["d3"]),
    s.vm("n", size="large", location="northeurope", disks=["d2"]),
    *(s.disk(name, mbps) for name, mbps in (("d1", 100), ("d2", 150), ("d3", 200))),
)


@pytest.mark.parametrize(
    ("name", "mirror", "tier"),
    [
        ("group.vcpus", 8, 10),
        ("group.memory_gb", 32, 36),
        ("group.disk_mbps", 250, 300),
        ("group.dr_vcpus", 2, 8),
        ("group.dr_memory_gb", 4, 32),
        ("group.dr_disk_mbps", 200, 150),
    ],
)
def test_a_mirror_works_on_its_largest_member_and_a_tier_on_all(name: str, mirror: float, tier: float) -> None:
    assert group(name, *SIZED) == mirror
    assert group(name, *SIZED, tier="westeurope") == tier


def test_capacity_is_open_where_a_machine_or_its_region_is_not_known() -> None:
    without = [body for body in SIZED if body.get("name") not in {"b", "w2", "n", "dr"}]
    assert group("group.vcpus", *without) == (2, INFINITY)
    assert group("group.vcpus", *without, tier="westeurope") == (2, INFINITY)
    assert group("group.dr_vcpus", *without) == (0, INFINITY)
    assert group("group.dr_vcpus", *without, tier="westeurope") == (0, INFINITY)
    no_region = DEPLOYMENT.replace(", dr: northeurope", "")
    assert group("group.dr_vcpus", *SIZED, deployment=no_region, tier="westeurope") == (0, INFINITY)
    assert group("group.has_dr", *SIZED, deployment=no_region, tier="westeurope") is DECLARATION
    none = DEPLOYMENT.replace("dr: northeurope", "dr: none")
    assert group("group.has_dr", *SIZED, deployment=none, tier="westeurope") is False
    assert group("group.has_dr", *SIZED, tier="westeurope") is True
    nothing = DEPLOYMENT.replace("w2, n]", "w2]")
    assert group("group.dr_vcpus", *SIZED, deployment=nothing, tier="westeurope") == 0


def test_what_was_not_declared_about_a_deployment() -> None:
    tags = {"iris-deployment": "d", "iris-role": "mirror-failover", "iris-mirror": "M"}
    built = s.topology(s.vm("a", tags=tags))
    deployment = s.only(built)
    (mirror,) = deployment.mirrors
    for name, element in (
        ("group.region", mirror),
        ("deployment.product", deployment),
        ("deployment.primary_region", deployment),
    ):
        assert said(name, built, element) is DECLARATION, name
    assert ask("deployment.environment", built, deployment).value == "production"
    built = estate()
    assert ask("deployment.product", built, s.only(built)).value == "iris"
    assert ask("deployment.primary_region", built, s.only(built)).value == "westeurope"
    assert group("group.region", *SIZED, tier="northeurope") == "northeurope"


def test_the_scale_sets_of_a_group() -> None:
    members = pair(IN_SCALE_SET, {"virtualMachineScaleSet": {"id": FLEXIBLE["id"].lower()}})
    assert shown(mirror_fact("group.scale_sets", *members, FLEXIBLE).value) == ["vmss"]
    assert shown(mirror_fact("group.scale_sets", *members).value) == ["?"]
    assert shown(mirror_fact("group.scale_sets", *members, unlisted=[SCALE_SET]).value) == ["?"]
    assert shown(
        mirror_fact("group.scale_sets", *pair(IN_SCALE_SET, {"virtualMachineScaleSet": "x"}), FLEXIBLE).value
    ) == [
        "vmss",
        "...",
    ]


# --- balancers ------------------------------------------------------------------------------------------------------

WEB = """
- name: d
  product: iris
  regions: {primary: westeurope}
  mirrors: none
  tiers: [{role: web, members: [w]}, {role: app, members: [x]}, {role: db, members: none}]
"""
MACHINES = (s.vm("w"), s.nic("w-nic"), s.vm("x"), s.nic("x-nic"))


def balancer_fact(name: str, body: Body, *bodies: Body, deployment: str = WEB) -> object:
    built = s.topology(*MACHINES, body, *bodies, deployment=deployment)
    return ask(name, built, s.item(built, "Network/loadBalancers", "lb")).value


def ids(value: object) -> list[str]:
    assert isinstance(value, Items)
    return [part.id.rpartition("/")[2] for part in value.known if isinstance(part, Part)] + ["..."] * bool(
        value.missing
    )


def test_the_rules_and_probes_that_lead_to_web_servers() -> None:
    pools = {"web": s.by_nic("w-nic"), "app": s.by_nic("x-nic")}
    rules = {
        "a": s.to("lb", "web", probe="p"),
        "b": s.to("lb", "app", "web", probe="P", plural=True),
        "c": s.to("lb", "web"),
        "d": s.to("lb", "app", probe="q"),
        "e": {},
    }
    lb = s.balancer("lb", pools, rules, {"p": {}, "q": {}})
    assert ids(balancer_fact("balancer.web_rules", lb)) == ["a", "b", "c"]
    assert ids(balancer_fact("balancer.web_probes", lb)) == ["p"]
    assert ids(balancer_fact("balancer.web_rules", lb, deployment="")) == []


@pytest.mark.parametrize(
    ("pools", "rules", "expected"),
    [
        ({"web": s.by_nic("lost-nic")}, {"r": s.to("lb", "web", probe="p")}, ["..."]),
        ({}, {"r": s.to("lb", "web", probe="p")}, ["..."]),
        ({"web": {"backendIPConfigurations": "junk"}}, {"r": s.to("lb", "web")}, ["..."]),
        ({"web": s.by_nic("w-nic", "lost-nic")}, {"r": s.to("lb", "web", probe="p")}, ["r"]),
    ],
)
def test_rules_that_may_lead_to_web_servers(pools: Any, rules: Any, expected: list[str]) -> None:
    assert ids(balancer_fact("balancer.web_rules", s.balancer("lb", pools, rules))) == expected


def test_a_probe_or_a_rule_that_cannot_be_told_leaves_the_probes_open() -> None:
    lb = s.balancer("lb", {"web": s.by_nic("w-nic")}, {"r": s.to("lb", "web", probe="lost")})
    assert ids(balancer_fact("balancer.web_probes", lb)) == ["..."]
    lb["properties"]["loadBalancingRules"] = ["junk"]
    assert ids(balancer_fact("balancer.web_probes", lb)) == ["..."]
    assert ids(balancer_fact("balancer.web_rules", lb)) == ["..."]
    stub = {**lb, "properties": None}
    assert ids(balancer_fact("balancer.web_probes", stub)) == ["..."]


def test_the_machines_of_a_pool_and_the_probe_of_a_rule() -> None:
    rules = {"with": s.to("lb", "web", probe="p"), "none": s.to("lb", "web"), "lost": s.to("lb", "web", probe="q")}
    built = s.topology(*MACHINES, s.balancer("lb", {"web": s.by_nic("w-nic")}, rules, {"p": {}}))
    lb = s.item(built, "Network/loadBalancers", "lb")
    (pool,) = parts(lb, POOLS)
    machines = ask("pool.machines", built, pool)
    assert s.names(machines.value) == ["w"]
    assert machines.reads[0].path == "properties.backendAddressPools[0].properties.backendIPConfigurations[0].id"
    probes = [ask("rule.probes", built, rule).value for rule in parts(lb, RULES)]
    assert [ids(value) for value in probes] == [["p"], [], []]
    assert s.names(probes[2]) == ["?"]


# --- traffic manager ------------------------------------------------------------------------------------------------

ADDRESS = s.resource("Network/publicIPAddresses", "ip", top={"location": "North Europe"})
FOREIGN = s.resource("Network/publicIPAddresses", "foreign", top={"location": "North Europe"})
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
"""Who has the address."""
REACHED = {"subnet": {"id": f"{s.VNET}/subnets/default"}, "publicIPAddress": {"id": ADDRESS["id"]}}
WRITTEN = {"endpointLocation": "East US"}


def profile_fact(name: str, endpoints: object, *bodies: Body, **keywords: Any) -> Answer:
    listed = (
        [{"properties": e} if isinstance(e, dict) else e for e in endpoints]
        if isinstance(endpoints, list)
        else endpoints
    )
    profile = s.resource("Network/trafficManagerProfiles", "tm", endpoints=listed)
    machine = (s.vm("vm-web"), s.nic("vm-web-nic", ipConfigurations=[{"properties": REACHED}]))
    built = s.topology(profile, *machine, *bodies, deployment=BEHIND, **keywords)
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
        ({}, [], VALUE),
        ("junk", [], VALUE),
    ],
)
def test_the_region_of_an_endpoint(endpoint: object, bodies: list[Body], expected: object) -> None:
    value = profile_fact("profile.endpoint_regions", [endpoint], *bodies).value
    assert isinstance(value, Items)
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


# --- declared members and sightings ---------------------------------------------------------------------------------


def test_declared_members() -> None:
    built = s.topology(*MACHINES, deployment=WEB.replace("[x]", '[lost, {name: "w*"}]'))
    members = ask("deployment.members", built, s.only(built)).value
    assert isinstance(members, Items)
    found = [(said("member.kind", built, m), ask("member.matches", built, m)) for m in members.known]
    assert [(kind, s.names(matches.value)) for kind, matches in found] == [
        ("name", ["w"]),
        ("name", []),
        ("glob", ["w"]),
    ]
    assert [read.value for read in found[0][1].reads] == ["w"]


def sightings(*bodies: Body, deployment: str = WEB, **keywords: Any) -> object:
    """Return what is seen: the machine, the roles that agree, and what shows it."""
    built = s.topology(*bodies, deployment=deployment, **keywords)
    value = ask("subscription.sightings", built, built.subscriptions[0]).value
    if not isinstance(value, Items):
        return shown(value)
    agreed = [(seen, ask("sighting.agreed_roles", built, seen)) for seen in value.known]
    rows = [(seen.id.rpartition("/")[2], shown(a.value), a.reads[0].path) for seen, a in agreed]  # type: ignore[attr-defined]
    return rows + ["..."] * bool(value.missing)


TAG = "tags['iris-role']"
STATUS = "properties.probes[0].properties.requestPath"


def status(path: object = "/csp/bin/Mirror_Status.cxw", members: Body | None = None) -> Body:
    pools = {"pool": members or s.by_nic("w-nic", "x-nic")}
    return s.balancer("lb", pools, {"r": s.to("lb", "pool", probe="p")}, {"p": {"requestPath": path}})


def test_sightings_by_tag() -> None:
    w, x = s.vm("w", tags={"IRIS-role": "WEB"}), s.vm("x", tags={"iris-role": "web"})
    stranger, empty = s.vm("y", tags={"iris-role": "db"}), s.vm("z", tags={"iris-role": ""})
    assert sightings(w, x, stranger, empty) == [("w", ["web"], TAG), ("x", [], TAG), ("y", [], TAG)]
    assert sightings(w, deployment="") is DECLARATION
    assert sightings(*MACHINES, deployment=WEB) == []


def test_sightings_by_the_probe_for_the_status_page() -> None:
    seen = [("w", ["web"], STATUS), ("x", [], STATUS)]
    assert sightings(*MACHINES, status()) == seen
    assert sightings(*MACHINES, status("/csp/bin/mirror_status.cmx?x=1")) == seen
    twice = status()
    twice["properties"]["loadBalancingRules"] *= 2
    assert sightings(*MACHINES, twice) == seen
    for path in ("/health", None):
        assert sightings(*MACHINES, status(path)) == []
    assert sightings(*MACHINES, status(7)) == []


@pytest.mark.parametrize(
    "hidden",
    [
        {"unlisted": [VM]},
        {"unlisted": [LOAD_BALANCER]},
        {"gaps": [s.gap(arm_id("Compute/virtualMachines", "y"))]},
        {"gaps": [s.gap(arm_id("Network/loadBalancers", "y"))]},
    ],
)
def test_there_may_be_sightings_in_what_was_not_read(hidden: Any) -> None:
    assert sightings(*MACHINES, **hidden) == ["..."]


def test_there_may_be_sightings_where_a_balancer_leads_nowhere_known() -> None:
    w = s.vm("w", tags={"iris-role": "web"})
    lost = [("w", ["web"], TAG), "..."]
    assert sightings(w, status(members=s.by_nic("lost-nic"))) == lost
    no_pool = s.balancer("lb", {}, {"r": s.to("lb", "pool", probe="p")}, {"p": {"requestPath": "/mirror_status.cxw"}})
    no_probe = s.balancer("lb", {"pool": {}}, {"r": s.to("lb", "pool", probe="p")})
    junk = s.balancer("lb", {"pool": {}})
    junk["properties"]["loadBalancingRules"] = "junk"
    malformed = s.balancer("lb", {"pool": {}}, {"r": s.to("lb", "pool", probe="p")}, {"p": {}})
    malformed["properties"]["probes"][0]["properties"] = "junk"
    for lb in (no_pool, no_probe, junk, malformed):
        assert sightings(w, lb) == lost
    elsewhere = {**status(), "id": arm_id("Network/loadBalancers", "lb", subscription=s.OTHER)}
    here = f"{WEB}  subscriptions: [{SUB}]\n"
    assert sightings(w, s.vm("x"), elsewhere, deployment=here) == lost[:1]


def test_roles_may_agree_where_a_roster_was_not_read() -> None:
    x = s.vm("x", tags={"iris-role": "print"})
    text = WEB.replace("{role: db, members: none}", "{role: print, members: [{tag: {a: b}}]}")
    hidden = [s.gap(arm_id("Compute/virtualMachines", "y"))]
    assert sightings(x, s.vm("w"), deployment=text, gaps=hidden) == [("x", ["..."], TAG), "..."]
    undeclared = WEB.replace(", {role: db, members: none}", "")
    assert sightings(x, s.vm("w"), deployment=undeclared) == [("x", [], TAG)]
