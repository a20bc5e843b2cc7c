from __future__ import annotations

from typing import Any

import pytest

from auditor.azure import arm
from auditor.azure.types import REFERENCES, Reference, display_type
from auditor.azure.types.names import AZURE_FIREWALL, FLOW_LOG, NETWORK_GATEWAY, NIC, VM
from auditor.estate.declaration import Role
from auditor.estate.subjects import Deployment, subject_of
from auditor.estate.topology import Topology
from auditor.snapshot.known import Cause, PartialList, Unknown
from tests.estate import subscription as s
from tests.estate.subscription import OTHER, SUB, Body, arm_id

LB = "microsoft.network/loadbalancers"


def tier(*members: str, product: str = "iris", more: str = "") -> str:
    """Return a deployment file of one app tier."""
    listed = ", ".join(members)
    return f"""
    - name: d
      product: {product}
      regions: {{primary: westeurope}}
      mirrors: none
      tiers:
        - {{role: app, members: [{listed}]}}
        - {{role: web, members: none}}
        - {{role: db, members: none}}
      {more}
    """


def app(deployment: Deployment) -> PartialList:
    found = deployment.vms[Role.APP]
    assert isinstance(found, PartialList)
    return found


def chosen(member: str, *bodies: Body, **keywords: Any) -> list[str]:
    """Return the VMs to which one declared member gives a role."""
    return s.names(app(s.only(s.topology(*bodies, deployment=tier(member), **keywords))))


VMS = (s.vm("vm-a", tags={"Iris-Role": "App"}), s.vm("vm-b", tags={}), s.vm("db-a", tags={"odd 'tag'": "x"}))


@pytest.mark.parametrize(
    ("member", "names"),
    [
        ("VM-A", ["vm-a"]),
        (arm_id("Compute/virtualMachines", "vm-a").upper(), ["vm-a"]),
        ('{name: "VM-*"}', ["vm-a", "vm-b"]),
        ('{name: "?[m]-a"}', ["vm-a"]),
        ("{tag: {IRIS-ROLE: app}}", ["vm-a"]),
        ("""{tag: {"odd 'tag'": x}}""", ["db-a"]),
        ("{tag: {iris-role: web}}", ["..."]),
        ('{name: "web-*"}', ["..."]),
        ("vm", ["?"]),
    ],
)
def test_members(member: str, names: list[str]) -> None:
    assert chosen(member, *VMS) == names


@pytest.mark.parametrize("member", ["vm-z", '{name: "z*"}', "{tag: {a: b}}", arm_id("Compute/virtualMachines", "z")])
def test_a_member_that_is_not_found(member: str) -> None:
    for keywords, cause in (({}, Cause.DECLARATION), ({"unlisted": [VM]}, Cause.GAP)):
        topology = s.topology(*VMS, deployment=tier(member), **keywords)  # type: ignore[arg-type]
        found = PartialList.of(app(s.only(topology))).incomplete_because
        assert found is not None
        assert found.cause is cause


def test_more_may_match_where_vms_were_not_listed() -> None:
    assert chosen('{name: "vm-*"}', *VMS, unlisted=[VM]) == ["vm-a", "vm-b", "..."]
    assert chosen("{tag: {iris-role: app}}", *VMS, unlisted=[VM]) == ["vm-a", "..."]
    assert chosen("vm-a", *VMS, unlisted=[VM]) == ["vm-a"]
    assert chosen(arm_id("Compute/virtualMachines", "vm-a"), *VMS, unlisted=[VM]) == ["vm-a"]


def test_a_tag_may_be_on_a_vm_that_was_not_read() -> None:
    hidden = arm_id("Compute/virtualMachines", "vm-x")
    assert chosen("{tag: {iris-role: app}}", *VMS, gaps=[s.gap(hidden)]) == ["vm-a", "..."]
    assert chosen('{name: "vm-*"}', *VMS, gaps=[s.gap(hidden)]) == ["vm-a", "vm-b", "vm-x"]
    elsewhere = arm_id("Compute/virtualMachines", "vm-x", subscription=OTHER)
    text = tier("{tag: {iris-role: app}}", more=f"subscriptions: [{SUB}]")
    built = s.topology(*VMS, gaps=[s.gap(elsewhere)], deployment=text)
    assert s.names(app(s.only(built))) == ["vm-a"]


def test_a_declared_name_of_two_vms_gives_neither_the_role() -> None:
    twins = (s.vm("vm-a"), s.vm("vm-a", group="restored"))
    found = s.only(s.topology(*twins, deployment=tier("vm-a")))
    assert found.roles == {}
    assert s.names(app(found)) == ["?"]
    assert len(found.declared_members[0].matches.known) == 2
    assert chosen(twins[1]["id"], *twins) == ["vm-a"]
    assert chosen('{name: "vm-a*"}', *twins) == ["vm-a", "vm-a"]


def test_only_the_declared_subscriptions_are_searched() -> None:
    there = s.vm("vm-a", subscription=OTHER)
    bodies = (s.vm("vm-a"), there)
    both = s.topology(*bodies, deployment=tier("vm-a"), scopes=[SUB, OTHER])
    assert s.names(app(s.only(both))) == ["?"], "two VMs of one name"
    for scope in (SUB, OTHER):
        text = tier("vm-a", more=f"subscriptions: [{scope}]")
        built = s.topology(*bodies, deployment=text, scopes=[SUB, OTHER])
        (found,) = app(s.only(built)).known
        assert getattr(found, "id", "").startswith(scope)
        assert [sub.id for sub in built.subscriptions if sub.deployments] == [scope]
    everywhere = s.topology(s.vm("vm-a"), scopes=[SUB, OTHER], deployment=tier("vm-a"))
    assert [sub.id for sub in everywhere.subscriptions if sub.deployments] == [SUB], "where its VMs are"
    both = s.topology(
        s.vm("vm-a"), scopes=[SUB, OTHER], deployment=tier("vm-a", more=f"subscriptions: [{SUB}, {OTHER}]")
    )
    assert [sub.id for sub in both.subscriptions if sub.deployments] == [SUB, OTHER], "in the declared subscription"
    left_out = s.only(s.topology(s.vm("x"), deployment=tier("vm-a", more=f"subscriptions: [{OTHER}]")))
    gap = PartialList.of(app(left_out)).incomplete_because
    assert gap is not None
    assert "was not scanned" in gap.reason


def test_a_vm_declared_twice_is_one_member() -> None:
    found = s.only(s.topology(*VMS, deployment=tier("vm-a", '{name: "vm-*"}')))
    assert s.names(app(found)) == ["vm-a", "vm-b"]
    assert [member.id for member in found.declared_members] == ["d/members/vm-a", "d/members/vm-*"]


# --- roles ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("product", "undeclared"),
    [("trakcare", {"web", "app", "print"}), ("healthshare", {"web"}), ("iris", {"web", "app"})],
)
@pytest.mark.parametrize("mirrors", [True, False])
def test_roles_that_are_not_declared(product: str, undeclared: set[str], *, mirrors: bool) -> None:
    mirror = "mirrors: [{name: M, failover: [vm-a]}]" if mirrors else "mirrors: none"
    text = f"""
    - name: d
      product: {product}
      regions: {{primary: westeurope}}
      {mirror}
    """
    found = s.only(s.topology(*VMS, deployment=text)).vms
    expected = undeclared | ({"mirror-arbiter", "mirror-dr", "mirror-reporting"} if mirrors else {"db"})
    assert {role for role, members in found.items() if isinstance(members, Unknown)} == expected
    assert [m.cause for m in found.values() if isinstance(m, Unknown) and m.cause is not Cause.DECLARATION] == []
    assert found[Role.MIRROR_FAILOVER] == PartialList() or mirrors


SUITE = """
- name: d
  product: healthshare
  regions: {primary: westeurope}
  mirrors:
    - {name: M, product: patient-index, failover: [vm-a]}
    - {name: N, product: health-insight, failover: [vm-b]}
    - {name: O, product: health-insight, failover: [db-a]}
  tiers: [TIERS]
"""


@pytest.mark.parametrize(
    ("tiers", "asked"),
    [
        ("{role: db, members: none}", ["patient-index", "health-insight"]),
        ("{role: web, product: patient-index, members: [vm-a]}", ["health-insight"]),
        ("{role: web, product: patient-index, members: none}", ["health-insight"]),
        ("{role: web, product: personal-community, members: [vm-a]}", ["patient-index", "health-insight"]),
        ("{role: app, product: health-insight, members: [vm-a]}", ["patient-index", "health-insight"]),
        ("{role: web, members: [vm-a]}", []),
        ("{role: web, product: healthshare, members: [vm-a]}", []),
        ("{role: web, members: none}", []),
    ],
)
def test_each_product_needs_its_web_tier(tiers: str, asked: list[str]) -> None:
    found = s.only(s.topology(*VMS, deployment=SUITE.replace("TIERS", tiers)))
    gap = PartialList.of(found.vms[Role.WEB]).incomplete_because
    assert (gap is not None) is bool(asked)
    assert list(found.expected) == [(Role.WEB, product) for product in asked]
    for product in asked:
        assert gap is not None
        assert (gap.cause, gap) == (Cause.DECLARATION, found.expected[Role.WEB, product])
        assert product in gap.reason
        assert f"{{role: web, product: {asked[0]}, members: [...]}}" in gap.reason


def test_products_beside_the_deployments_own() -> None:
    """TrakCare with Health Connect: each needs the tiers that the reference architecture gives it."""
    text = SUITE.replace("healthshare", "trakcare").replace("product: patient-index, ", "")
    both = s.only(s.topology(*VMS, deployment=text.replace("TIERS", "{role: db, members: none}")))
    assert set(both.expected) == {(r, "") for r in (Role.WEB, Role.APP, Role.PRINT)} | {(Role.WEB, "health-insight")}
    own = "{role: web, product: health-insight, members: [vm-a]}, {role: app, members: [vm-b]}"
    lacking = s.only(s.topology(*VMS, deployment=text.replace("TIERS", own)))
    assert set(lacking.expected) == {(Role.WEB, ""), (Role.PRINT, "")}


def test_roles_declared_to_be_none() -> None:
    text = """
    - {name: d, product: trakcare, regions: {primary: westeurope}, mirrors: none, tiers: none}
    """
    found = s.only(s.topology(*VMS, deployment=text))
    assert list(found.vms.values()) == [PartialList()] * len(Role)
    assert (found.tiers, found.mirrors) == ((), ())
    assert found.expected == {(role, ""): PartialList() for role in (Role.APP, Role.PRINT, Role.WEB)}


def test_mirrors_that_are_not_declared() -> None:
    text = "- {name: d, product: iris, regions: {primary: westeurope}, tiers: none}"
    found = s.only(s.topology(*VMS, deployment=text)).vms
    for role in (Role.MIRROR_FAILOVER, Role.MIRROR_ARBITER, Role.MIRROR_DR, Role.MIRROR_REPORTING):
        gap = found[role]
        assert isinstance(gap, Unknown)
        assert "`mirrors: none`" in gap.reason


def test_one_of_two_mirrors_without_arbiter_leaves_the_arbiters_open() -> None:
    text = """
    - name: d
      product: iris
      regions: {primary: westeurope}
      mirrors: [{name: M, failover: [vm-a], arbiter: vm-b}, {name: N, failover: [vm-lost]}]
      tiers: none
    """
    found = s.only(s.topology(*VMS, deployment=text))
    assert s.names(found.vms[Role.MIRROR_ARBITER]) == ["vm-b", "..."]
    assert s.names(found.vms[Role.MIRROR_FAILOVER]) == ["?", "vm-a"]
    assert [mirror.id for mirror in found.mirrors] == ["d/mirrors/M", "d/mirrors/N"]


def test_a_vm_may_have_two_roles_and_belong_to_two_deployments() -> None:
    one = tier("vm-a").replace("{role: web, members: none}", "{role: web, members: [vm-a, vm-b]}")
    built = s.topology(*VMS, s.nic("vm-a-nic"), deployment=one + tier("vm-a").replace("name: d", "name: e"))
    d, e = built.deployments
    key = arm_id("Compute/virtualMachines", "vm-a").lower()
    assert d.roles[key] == (Role.APP, Role.WEB)
    assert e.roles == {key: (Role.APP,)}
    assert (s.names(d.scope[NIC]), s.names(e.scope[NIC])) == (["vm-a-nic", "..."], ["vm-a-nic"])
    assert [d.id, e.id] == [deployment.id for deployment in built.subscriptions[0].deployments]


# --- tiers ----------------------------------------------------------------------------------------------------------


def tiers(built: Topology) -> dict[str, list[str]]:
    return {tier.id: s.names(tier.members) for tier in s.only(built).tiers}


def test_tiers_are_split_by_region_and_product() -> None:
    bodies = (s.vm("a"), s.vm("b", location="North Europe"), s.vm("p", location="NORTHEUROPE"))
    text = """
    - name: d
      product: healthshare
      regions: {primary: westeurope, dr: northeurope}
      mirrors: none
      tiers:
        - {role: web, members: [a, b]}
        - {role: app, product: registry, members: [p]}
        - {role: app, product: access, members: [a, lost]}
        - {role: print, members: none}
    """
    assert tiers(s.topology(*bodies, deployment=text)) == {
        "d/tiers/web/westeurope": ["a"],
        "d/tiers/web/northeurope": ["b"],
        "d/tiers/app/registry/westeurope": [],
        "d/tiers/app/registry/northeurope": ["p"],
        "d/tiers/app/access/westeurope": ["?", "a"],
    }


def test_a_vm_without_region_may_be_in_every_tier() -> None:
    nowhere = s.vm("b")
    del nowhere["location"]
    hidden = arm_id("Compute/virtualMachines", "c")
    built = s.topology(s.vm("a"), nowhere, gaps=[s.gap(hidden)], deployment=tier("a", "b", "c"))
    assert tiers(built) == {"d/tiers/app/westeurope": ["?", "?", "a"]}
    causes = {m.cause for m in s.only(built).tiers[0].members.known if isinstance(m, Unknown)}
    assert causes == {Cause.GAP, Cause.VALUE}


# --- tags -----------------------------------------------------------------------------------------------------------


def tagged(name: str, role: str, **more: str) -> Body:
    tags = {"IRIS-Deployment": "Prod", "iris-role": role, "iris-product": "IRIS"}
    return s.vm(name, tags={**tags, **{f"iris-{key}": value for key, value in more.items()}})


TAGGED = (
    tagged("a", "Mirror-Failover", mirror="TRAKDB"),
    tagged("b", "mirror-failover", mirror="trakdb", deployment="PROD"),
    tagged("arb", "mirror-arbiter", mirror="TRAKDB"),
    tagged("w", "web"),
)


def test_a_deployment_may_be_made_of_tags() -> None:
    built = s.topology(*TAGGED, s.vm("bystander"), s.vm("half", tags={"iris-deployment": "other"}))
    found = s.only(built)
    assert (found.id.lower(), found.declared.product, found.declared.environment) == ("prod", "iris", "production")
    (mirror,) = found.mirrors
    assert mirror.id == f"{found.id}/mirrors/TRAKDB"
    assert (s.names(mirror.failover), s.names(mirror.arbiter)) == (["a", "b"], ["arb"])
    assert isinstance(mirror.dr, Unknown), "it is not declared"
    assert s.names(found.vms[Role.WEB]) == ["w"]
    assert isinstance(found.vms[Role.APP], Unknown)
    assert found.vms[Role.PRINT] == PartialList()
    assert tiers(built) == {f"{found.id}/tiers/web/westeurope": ["w"]}
    assert built.subscriptions[0].deployments == (found,)
    assert not any(found.lines.values())


def test_contradictory_products_give_none() -> None:
    assert s.only(s.topology(*TAGGED, tagged("x", "app", product="trakcare"))).declared.product == ""


HIDDEN: list[dict[str, Any]] = [{"unlisted": [VM]}, {"gaps": [s.gap(arm_id("Compute/virtualMachines", "x"))]}]


@pytest.mark.parametrize("how", HIDDEN)
def test_roles_by_tags_are_unknown_where_tags_are_hidden(how: Any) -> None:
    found = s.only(s.topology(*TAGGED, **how))
    assert s.names(found.mirrors[0].failover) == ["a", "b", "..."]
    assert s.names(found.mirrors[0].arbiter) == ["arb", "..."]
    assert s.names(found.tiers[0].members) == ["w", "..."]
    assert s.names(found.vms[Role.PRINT]) == ["..."]


@pytest.mark.parametrize(
    "tags",
    [
        {"iris-deployment": "../x", "iris-role": "web"},
        {"iris-deployment": "", "iris-role": "web"},
        {"iris-deployment": "d"},
        {"iris-deployment": ["d"], "iris-role": {"a": "b"}},
    ],
)
def test_tags_that_declare_nothing(tags: Body) -> None:
    assert s.topology(s.vm("a", tags=tags)).deployments == ()


@pytest.mark.parametrize("role", ["root", "mirror-failover", "mirror-lb", "web'] | *", "wéb\n"])
def test_tags_of_no_role_give_none(role: str) -> None:
    found = s.only(s.topology(s.vm("a", tags={"iris-deployment": "d'\n<b>", "iris-role": role, "iris-mirror": "x/y"})))
    assert (found.id, found.roles, found.mirrors) == ("d'\n<b>", {}, ())


def test_tags_complete_a_file_and_never_override_it() -> None:
    text = """
    - name: prod
      product: trakcare
      regions: {primary: westeurope}
      mirrors: [{name: M, failover: [f]}]
      tiers: [{role: web, members: [f]}, {role: print, members: none}]
    """
    bodies = (
        s.vm("f"),
        tagged("arb", "mirror-arbiter", mirror="m"),
        tagged("dr", "mirror-dr", mirror="other"),
        tagged("x", "mirror-failover", mirror="M"),
        tagged("w", "web"),
        tagged("p", "print"),
        tagged("app", "app"),
    )
    found = s.only(s.topology(*bodies, deployment=text))
    (mirror,) = found.mirrors
    assert (s.names(mirror.failover), s.names(mirror.arbiter)) == (["f"], ["arb"])
    assert isinstance(mirror.dr, Unknown)
    assert found.declared.product == "trakcare"
    expected = {Role.WEB: ["f"], Role.PRINT: [], Role.APP: ["app"]}
    assert {role: s.names(found.vms[role]) for role in expected} == expected


@pytest.mark.parametrize("how", HIDDEN)
def test_a_tag_that_is_hidden_may_give_any_role_that_a_file_leaves_open(how: Any) -> None:
    text = """
    - name: prod
      product: iris
      regions: {primary: westeurope}
      mirrors: [{name: M, failover: [a], arbiter: none, dr: none, reporting: none}]
      tiers: [{role: web, members: [w]}]
    """
    tier_roles = (Role.WEB, Role.APP, Role.PRINT, Role.DB)

    def found(text: str, *more: Body, how: Any) -> list[list[str]]:
        vms = s.only(s.topology(*TAGGED, *more, deployment=text, **how)).vms
        assert s.names(vms[Role.MIRROR_ARBITER]) == [], "declared as none"
        return [s.names(vms[role]) for role in tier_roles]

    assert found(text, how={}) == [["w"], ["?"], [], []]
    assert found(text, how=how) == [["w"], ["?"], ["..."], ["..."]]
    app = tagged("app", "app")
    assert found(text, app, how={}) == [["w"], ["app"], [], []]
    assert found(text, app, how=how) == [["w"], ["app", "..."], ["..."], ["..."]]
    closed = text.replace("]}]\n    ", "]}, {role: app, members: none}, {role: print, members: none}]\n    ")
    assert found(closed, how=how) == [["w"], [], [], ["..."]]
    none = text.replace("[{role: web, members: [w]}]", "none")
    assert found(none, how=how) == [[], [], [], []]


@pytest.mark.parametrize("how", HIDDEN)
def test_a_tag_that_is_hidden_may_name_another_mirror(how: Any) -> None:
    text = "- {name: prod, product: iris, regions: {primary: westeurope}, tiers: none}"
    for deployment in (text, ""):
        assert s.only(s.topology(*TAGGED, deployment=deployment)).more_mirrors is None
        found = s.only(s.topology(*TAGGED, deployment=deployment, **how))
        assert len(found.mirrors) == 1
        assert found.more_mirrors is not None
        assert found.more_mirrors.cause is Cause.GAP
    for mirrors in ("none", "[{name: M, failover: [a]}]"):
        declared = text.replace("tiers", f"mirrors: {mirrors}, tiers")
        assert s.only(s.topology(*TAGGED, deployment=declared, **how)).more_mirrors is None
    undeclared = s.only(s.topology(*VMS, deployment=text)).more_mirrors
    assert undeclared is not None
    assert undeclared.cause is Cause.DECLARATION


def test_tags_separate_the_tiers_of_products() -> None:
    text = SUITE.replace("  tiers: [TIERS]\n", "").replace("name: d", "name: prod")
    web = tagged("w", "web", product="Patient-Index")
    found = s.only(s.topology(*VMS, web, deployment=text))
    assert [tier.id for tier in found.tiers] == ["prod/tiers/web/patient-index/westeurope"]
    assert list(found.expected) == [(Role.WEB, "health-insight")]
    for product in ("HealthShare", "no/name", ""):
        shared = s.only(s.topology(*VMS, web, tagged("x", "web", product=product), deployment=text))
        assert {tier.id: s.names(tier.members)[:1] for tier in shared.tiers} == {
            "prod/tiers/web/westeurope": ["x"],
            "prod/tiers/web/patient-index/westeurope": ["w"],
        }
        assert not shared.expected, "a member without a product serves all"


def test_the_mirrors_of_tags_are_of_their_products() -> None:
    text = "- {name: prod, product: healthshare, regions: {primary: westeurope}}"
    pair = [
        tagged(f"{letter}{n}", "mirror-failover", mirror=letter, product=f"hs-{letter}")
        for letter in "ab"
        for n in "12"
    ]
    found = s.only(s.topology(*pair, tagged("w", "web", product="hs-a"), deployment=text))
    assert [(mirror.declared.name, mirror.declared.product) for mirror in found.mirrors] == [
        ("a", "hs-a"),
        ("b", "hs-b"),
    ]
    assert list(found.expected) == [(Role.WEB, "hs-b")]
    other = s.only(
        s.topology(*pair, tagged("w", "web", product="hs-a"), deployment=text.replace("healthshare", "iris"))
    )
    assert {mirror.declared.product for mirror in other.mirrors} == {"iris"}, "only HealthShare has products within"
    assert list(other.expected) == [(Role.APP, "")]


def test_tags_add_nothing_to_roles_declared_as_none() -> None:
    text = "- {name: prod, product: iris, regions: {primary: westeurope}, mirrors: none, tiers: none}"
    assert s.only(s.topology(*TAGGED, deployment=text)).roles == {}


# --- scope ----------------------------------------------------------------------------------------------------------


def scope(*bodies: Body, deployment: str = "", **keywords: Any) -> dict[str, list[str]]:
    found = s.only(s.topology(*bodies, deployment=deployment or tier("vm-a"), **keywords)).scope
    return {type_.rpartition("/")[2]: s.names(items) for type_, items in found.items()}


PUBLIC = s.resource("Network/publicIPAddresses", "ip")
SET = s.resource("Compute/availabilitySets", "set", virtualMachines=[{"id": arm_id("Compute/virtualMachines", "vm-x")}])
VNET = s.resource(
    "Network/virtualNetworks",
    "vnet",
    subnets=[
        {"properties": {"networkSecurityGroup": {"id": arm_id("Network/networkSecurityGroups", "nsg")}}},
        {"name": "gatewaySUBNET"},
    ],
)
REACHED = (
    s.vm("vm-a", disks=["disk"], availabilitySet={"id": SET["id"].upper()}),
    s.nic("vm-a-nic"),
    s.disk("disk"),
    SET,
    VNET,
    s.resource("Network/networkSecurityGroups", "nsg"),
    PUBLIC,
    s.load_balancer(
        "lb",
        {"pool": s.by_nic("vm-a-nic", "vm-x-nic")},
        frontendIPConfigurations=[{"properties": {"publicIPAddress": {"id": PUBLIC["id"]}}}],
    ),
    s.resource(
        "Network/trafficManagerProfiles", "tm", endpoints=[{"properties": {"targetResourceId": PUBLIC["id"].lower()}}]
    ),
    s.network_gateway("vgw", VNET["id"].upper()),
    s.flow_log("log", arm_id("Network/networkSecurityGroups", "NSG")),
)
UNRELATED = (
    s.vm("vm-x", group="rg-x"),
    s.nic("vm-x-nic"),
    s.load_balancer("lb-x", {"pool": s.by_nic("vm-x-nic")}),
    s.disk("disk-x"),
    s.resource("Network/trafficManagerProfiles", "tm-x", endpoints=[]),
    s.network(arm_id("Network/virtualNetworks", "vnet-x")),
    s.network_gateway("vgw-x", arm_id("Network/virtualNetworks", "vnet-x")),
    s.flow_log("log-x", arm_id("Network/networkSecurityGroups", "nsg-x")),
    s.flow_log("log-y", VNET["id"]),
)
ALL = {
    "virtualmachines": ["vm-a"],
    "networkinterfaces": ["vm-a-nic"],
    "disks": ["disk"],
    "availabilitysets": ["set"],
    "virtualnetworks": ["vnet"],
    "networksecuritygroups": ["nsg"],
    "loadbalancers": ["lb"],
    "publicipaddresses": ["ip"],
    "trafficmanagerprofiles": ["tm"],
    "virtualnetworkgateways": ["vgw"],
    "flowlogs": ["log"],
}


def test_a_deployment_contains_what_its_vms_refer_to() -> None:
    assert scope(*REACHED, *UNRELATED) == ALL


def test_whole_resource_groups_belong_only_where_the_file_lists_them() -> None:
    text = tier("vm-a", more="scope: {resourceGroups: [RG-X]}")
    assert scope(*REACHED, *UNRELATED, deployment=text)["virtualmachines"] == ["vm-a", "vm-x"]
    elsewhere = s.vm("vm-o", group="rg-x", subscription=OTHER)
    text = tier("vm-a", more=f"scope: {{resourceGroups: [rg-x]}}\n      subscriptions: [{SUB}]")
    found = scope(*REACHED, *UNRELATED, elsewhere, scopes=[SUB, OTHER], deployment=text)
    assert found["virtualmachines"] == ["vm-a", "vm-x"]


def test_a_whole_group_may_hold_more_of_a_type_that_was_not_listed() -> None:
    vault = "microsoft.recoveryservices/vaults"
    text = tier("vm-a", more="scope: {resourceGroups: [rg-x]}")
    bodies = (*REACHED, *UNRELATED)
    mine = s.resource("RecoveryServices/vaults", "rsv", group="rg-x")
    assert s.names(s.only(s.topology(*bodies, deployment=text)).scope[vault]) == ["..."]
    assert s.names(s.only(s.topology(*bodies, mine, deployment=text)).scope[vault]) == ["rsv", "..."]
    assert s.names(s.only(s.topology(*bodies, mine, deployment=tier("vm-a"))).scope[vault]) == []
    assert s.names(s.only(s.topology(*bodies, deployment=text)).scope[VM]) == ["vm-a", "vm-x"]


NAME = "ip.westeurope.cloudapp.azure.com"
NAMED = (
    *(body for body in REACHED if body["name"] not in {"ip", "tm"}),
    s.public("ip", fqdn=NAME, address="203.0.113.7"),
)
"""The content of the scope, with a public DNS name and without a Traffic Manager profile."""
STRANGER = s.profile("tm-x", {"target": "www.example.org"})


def profiles(*bodies: Body, **keywords: Any) -> list[str]:
    return scope(*NAMED, *bodies, **keywords).get("trafficmanagerprofiles", [])


def test_a_profile_may_lead_here_by_name() -> None:
    assert profiles() == []
    assert profiles(s.profile("tm", {"target": NAME.upper()}, {"target": "dr.example.org"})) == ["tm"]
    assert profiles(s.profile("tm", {"target": "203.0.113.7"})) == ["tm"]
    elsewhere = (s.public("x", fqdn="x.example.org"), s.profile("tm", {"target": "x.example.org"}))
    assert profiles(*elsewhere) == []
    assert profiles(s.profile("tm", {"target": "shop.azurewebsites.net"})) == []


def test_a_dns_name_without_known_owner_may_belong_to_the_deployment() -> None:
    assert profiles(STRANGER) == ["..."]
    assert profiles(s.profile("tm-x", endpoints="junk")) == ["..."]
    assert profiles(s.profile("tm-x", {"targetResourceId": f"{PUBLIC['id']}-deleted"})) == ["..."]
    assert profiles(s.profile("tm", {"target": NAME}), STRANGER) == ["tm"]
    both = s.profile("tm-x", {"target": "www.example.org"}, {"target": "x.example.org"})
    assert profiles(both, s.public("x", fqdn="x.example.org")) == [], "of another deployment"
    by_id = s.profile("tm-x", {"targetResourceId": f"{PUBLIC['id']}-gone"}, {"target": "x.example.org"})
    assert profiles(by_id, s.public("x", fqdn="x.example.org")) == ["..."], "an id of nothing may be meant for any"
    opened = {type_ for type_, names in scope(*NAMED, STRANGER).items() if names[-1] == "..."}
    assert opened == {"trafficmanagerprofiles"}
    text = tier("vm-a", more=f"subscriptions: [{SUB}]")
    far = {**STRANGER, "id": STRANGER["id"].replace(SUB, OTHER)}
    assert profiles(far, deployment=text, scopes=[SUB, OTHER]) == []


def test_an_address_that_was_not_read_may_have_the_name() -> None:
    gap = s.gap(arm_id("Network/publicIPAddresses", "hidden"))
    own = s.profile("tm", {"target": NAME})
    assert profiles(own, gaps=[gap]) == ["tm"]
    assert profiles(own, STRANGER, gaps=[gap]) == ["tm", "..."]
    assert profiles(own, s.profile("tm-x", {"target": "shop.azurewebsites.net"}), gaps=[gap]) == ["tm"]


def gateways(*bodies: Body, **keywords: Any) -> list[str]:
    return scope(*NAMED, *bodies, **keywords).get("applicationgateways", [])


def test_a_gateway_may_lead_here_by_name() -> None:
    web = s.public("web", fqdn="web.example.org", of=s.configuration_id("vm-a-nic"))
    own = s.gateway("gw", {"fqdn": "web.example.org"})
    stranger = s.gateway("gw-x", {"fqdn": "www.example.org"})
    gap = s.gap(arm_id("Network/publicIPAddresses", "hidden"))
    assert gateways(own, web) == ["gw"]
    assert gateways(own, web, stranger) == ["gw", "gw-x"], "it is in the network of the deployment"
    assert gateways(stranger) == ["gw-x"]
    far = s.gateway("gw-x", {"fqdn": "www.example.org"}, vnet=f"{VNET['id']}-x")
    peering = [{"properties": {"remoteVirtualNetwork": {"id": VNET["id"].upper()}}}]
    hub = s.network(f"{VNET['id']}-x", virtualNetworkPeerings=peering)
    assert gateways(own, web, far, hub) == ["gw", "..."], "it can have VMs in a peered network"
    assert gateways(own, web, far, s.network(f"{VNET['id']}-x")) == ["gw"]
    assert gateways(own, web, far) == ["gw", "..."], "its network does not exist, and may be meant for any"
    assert gateways(far) == ["..."]
    assert gateways(own, web, far, gaps=[gap]) == ["gw", "..."]
    assert gateways(s.gateway("gw-x", {"fqdn": "shop.azurewebsites.net"})) == []
    assert gateways(s.gateway("gw-x", {"ipAddress": "10.9.9.9"})) == ["gw-x"], "no NIC is known to have the address"
    other = s.public("y", fqdn="y.example.org", of=s.configuration_id("vm-y-nic"))
    theirs = s.gateway("gw-x", {"fqdn": "www.example.org"}, {"fqdn": "y.example.org"}, vnet=f"{VNET['id']}-x")
    beside = (other, s.vm("vm-y"), s.nic("vm-y-nic"), s.network(f"{VNET['id']}-x"))
    assert gateways(theirs, *beside) == [], "of another deployment"
    assert gateways(s.gateway("gw-x", {"fqdn": "y.example.org"}), other, s.vm("vm-y"), s.nic("vm-y-nic")) == []
    opened = {type_ for type_, names in scope(*NAMED, far, s.network(f"{VNET['id']}-x")).items() if names[-1] == "..."}
    assert opened == {"applicationgateways"}


def firewall(name: str = "fw", vnet: str = VNET["id"], **management: Any) -> Body:
    """Return a firewall with the public IP address `out` in a virtual network."""
    own = {"publicIPAddress": {"id": OUT["id"]}, "subnet": {"id": f"{vnet}/subnets/AzureFirewallSubnet"}}
    return s.resource("Network/azureFirewalls", name, ipConfigurations=[{"properties": own}], **management)


OUT = s.public("out", fqdn="out.example.org")
WITH_FIREWALL = s.network(subnets=[{"name": "AzureFIREWALLSubnet"}, {"name": "GatewaySubnet"}])
AT_OUT = s.profile("tm", {"targetResourceId": OUT["id"].upper()})
OTHER_VNET = VNET["id"].replace("vnet", "hub")


def without_network(*bodies: Body, **keywords: Any) -> dict[str, list[str]]:
    return scope(*(body for body in NAMED if body["name"] != "vnet"), *bodies, **keywords)


def test_firewalls_of_the_networks_belong_with_their_addresses_and_profiles() -> None:
    found = without_network(WITH_FIREWALL, firewall(), OUT, AT_OUT)
    assert found["azurefirewalls"] == ["fw"]
    assert found["publicipaddresses"] == ["ip", "out"]
    assert found["trafficmanagerprofiles"] == ["tm"]
    management = {"properties": {"publicIPAddress": {"id": OUT["id"]}, "subnet": {"id": f"{VNET['id']}/subnets/m"}}}
    tunnelled = s.resource("Network/azureFirewalls", "fw", managementIpConfiguration=management)
    assert without_network(WITH_FIREWALL, tunnelled, OUT)["publicipaddresses"] == ["ip", "out"]
    assert "out" not in without_network(WITH_FIREWALL, firewall(vnet=OTHER_VNET), OUT)["publicipaddresses"]


def test_a_firewall_that_was_not_read_matters_where_a_network_has_a_subnet_for_it() -> None:
    unlisted = [AZURE_FIREWALL]
    assert without_network(WITH_FIREWALL, unlisted=unlisted)["azurefirewalls"] == ["..."]
    assert without_network(WITH_FIREWALL, unlisted=unlisted)["trafficmanagerprofiles"] == ["..."]
    assert "azurefirewalls" not in without_network(VNET, unlisted=unlisted)
    hidden = s.gap(arm_id("Network/azureFirewalls", "hidden"))
    assert without_network(WITH_FIREWALL, gaps=[hidden])["azurefirewalls"] == ["..."]
    assert "azurefirewalls" not in without_network(VNET, gaps=[hidden])


def test_addresses_of_network_gateways_belong_but_lead_no_client_here() -> None:
    configuration = {"publicIPAddress": {"id": OUT["id"]}, "subnet": {"id": f"{VNET['id']}/subnets/GatewaySubnet"}}
    gateway = s.network_gateway("vgw-2", ipConfigurations=[{"properties": configuration}])
    found = without_network(VNET, gateway, OUT, AT_OUT)
    assert found["publicipaddresses"] == ["ip", "out"]
    assert "trafficmanagerprofiles" not in found


@pytest.mark.parametrize(
    ("uses", "keywords", "expected"),
    [
        (True, {}, ["far"]),
        (False, {}, []),
        (None, {}, []),
        (True, {"unlisted": [NETWORK_GATEWAY]}, ["far", "..."]),
    ],
)
def test_a_network_may_use_the_gateway_of_a_peered_one(uses: object, keywords: Body, expected: list[str]) -> None:
    peering = {"remoteVirtualNetwork": {"id": OTHER_VNET.upper()}, "useRemoteGateways": uses}
    spoke = s.network(virtualNetworkPeerings=[{"properties": peering}])
    bodies = (spoke, s.network(OTHER_VNET), s.network_gateway("far", OTHER_VNET))
    found = without_network(*bodies, **keywords)
    assert [name for name in found.get("virtualnetworkgateways", []) if name != "vgw"] == expected
    hidden = without_network(spoke).get("virtualnetworkgateways", [])
    assert ("..." in hidden) is (uses is True), "the other network does not exist"


@pytest.mark.parametrize(
    ("bodies", "belongs"),
    [
        ([firewall(vnet=OTHER_VNET)], True),
        ([], True),  # nothing else has it
        ([s.nic("vm-x-nic", ipConfigurations=[{"properties": {"publicIPAddress": {"id": OUT["id"]}}}])], False),
    ],
)
def test_a_firewall_to_which_a_profile_of_the_deployment_leads_may_be_in_any_network(
    bodies: list[Body], *, belongs: bool
) -> None:
    both = s.profile("tm", {"target": NAME}, {"targetResourceId": OUT["id"].upper()})
    assert ("out" in scope(*NAMED, OUT, both, *bodies)["publicipaddresses"]) is belongs
    assert "out" not in scope(*NAMED, OUT, AT_OUT, *bodies)["publicipaddresses"], "it is a profile of others"


def appliance(vnet: str = VNET["id"], *, forwards: bool = True) -> tuple[Body, Body]:
    """Return a VM, which may forward packets, with the public IP address `out`."""
    own = {"publicIPAddress": {"id": OUT["id"]}, "subnet": {"id": f"{vnet}/subnets/dmz"}}
    card = s.nic("nva-nic", ipConfigurations=[{"properties": own}], enableIPForwarding=forwards)
    return s.vm("nva"), card


def peered() -> Body:
    hub = {"properties": {"remoteVirtualNetwork": {"id": OTHER_VNET.upper()}}}
    return s.network(virtualNetworkPeerings=[hub])


@pytest.mark.parametrize(
    ("bodies", "expected"),
    [
        ([VNET, *appliance()], ["tm"]),
        ([VNET, *appliance(forwards=False)], ["..."]),
        ([VNET, *appliance(OTHER_VNET)], []),
        ([peered(), *appliance(OTHER_VNET)], ["..."]),
        ([peered(), *appliance(OTHER_VNET, forwards=False)], []),
        ([peered(), firewall(vnet=OTHER_VNET)], ["..."]),
        (
            [
                VNET,
                s.vm("nva"),
                s.nic("nva-nic", enableIPForwarding=True),
                s.load_balancer(
                    "lb-nva",
                    {"pool": s.by_nic("nva-nic")},
                    frontendIPConfigurations=[{"properties": {"publicIPAddress": {"id": OUT["id"]}}}],
                ),
            ],
            ["tm"],
        ),
    ],
)
def test_a_profile_may_lead_here_through_vms_that_forward(bodies: list[Body], expected: list[str]) -> None:
    assert without_network(*bodies, OUT, AT_OUT).get("trafficmanagerprofiles", []) == expected
    known = s.profile("tm-own", {"target": NAME})
    assert without_network(*bodies, OUT, AT_OUT, known)["trafficmanagerprofiles"] == [
        *(name for name in expected if name == "tm"),
        "tm-own",
    ]


def test_a_gateway_at_an_endpoint_of_the_profile_belongs_whatever_its_backends_are() -> None:
    own = s.profile("tm", {"target": NAME}, {"targetResourceId": OUT["id"]})

    def found(*backends: Body, vnet: str = OTHER_VNET) -> list[str]:
        gateway = s.gateway("gw", *backends, vnet=vnet)
        front = {"id": f"{gateway['id']}/frontendIPConfigurations/f", "properties": {"publicIPAddress": OUT}}
        gateway["properties"]["frontendIPConfigurations"] = [front]
        other = (s.public("y", fqdn="y.example.org", of=s.configuration_id("vm-y-nic")), s.vm("vm-y"))
        everything = without_network(VNET, OUT, own, gateway, *other, s.nic("vm-y-nic"))
        return everything.get("applicationgateways", [])

    assert found({"fqdn": "web.internal.example"}) == ["gw"]
    assert found() == ["gw"]
    assert found({"fqdn": "y.example.org"}, {"fqdn": "web.internal.example"}) == ["..."]
    assert found({"fqdn": "y.example.org"}) == [], "the profile leads to two deployments"


def test_a_load_balancer_with_unknown_members_may_serve_the_deployment() -> None:
    unclear = {"loadBalancerBackendAddresses": [{"properties": {"ipAddress": "10.0.0.4"}}]}
    far = {"loadBalancerBackendAddresses": [{"properties": {"ipAddress": "10.0.0.4", "virtualNetwork": {"id": 7}}}]}
    elsewhere = [{"properties": {"subnet": {"id": f"{OTHER_VNET}/subnets/x"}}}]
    nowhere = s.by_address("10.0.0.4", vnet=f"{OTHER_VNET}-gone")
    for pool, frontends, expected in (
        (unclear, [], ["lb", "..."]),
        (far, [], ["lb", "..."]),
        (unclear, elsewhere, ["lb"]),
        (far, elsewhere, ["lb", "..."]),
        (nowhere, [], ["lb", "..."]),
        (nowhere, elsewhere, ["lb", "..."]),
        (s.by_nic("lost-nic"), [], ["lb", "..."]),
    ):
        body = s.load_balancer("lb-x", {"pool": pool}, frontendIPConfigurations=frontends)
        found = scope(*NAMED, s.nic("vm-x-nic"), s.network(OTHER_VNET), body)["loadbalancers"]
        assert [name for name in found if name != "lb-x"] == expected


def test_nested_profiles_belong_with_those_that_they_are_nested_in() -> None:
    child, middle = s.profile("child", {"target": NAME}), s.profile("middle", {"targetResourceId": profile_id("child")})
    top = s.profile("top", {"targetResourceId": profile_id("MIDDLE")}, {"target": "www.example.org"})
    assert profiles(child, middle, top) == ["child", "middle", "top"]
    assert profiles(middle, top) == ["..."], "the nested profile does not exist"
    loop = s.profile("child", {"targetResourceId": profile_id("top")})
    assert profiles(loop, middle, top) == ["..."]


def profile_id(name: str) -> str:
    return arm_id("Network/trafficManagerProfiles", name)


BEHIND_GATEWAYS = {"connections", "expressroutecircuits", "expressrouteports", "localnetworkgateways"}


@pytest.mark.parametrize(
    ("gap", "opened"),
    [
        (
            s.gap(REACHED[1]["id"]),
            {
                "virtualnetworks",
                "networksecuritygroups",
                "loadbalancers",
                "applicationgateways",
                "applicationgatewaywebapplicationfirewallpolicies",
                "publicipaddresses",
            },
        ),
        (s.gap(REACHED[0]["id"], "properties.instanceView"), set()),
        (s.gap(REACHED[0]["id"], "properties.storageProfile.dataDisks"), {"disks"}),
        (s.gap(REACHED[0]["id"], "properties.storageProfile.dataDisks[3]"), {"disks"}),
        (s.gap(REACHED[2]["id"]), set()),
        (s.gap(VNET["id"]), {"networksecuritygroups", "flowlogs"}),
        (
            s.gap(arm_id("Network/virtualNetworkGateways", "vgw-y")),
            {"virtualnetworkgateways", "publicipaddresses", *BEHIND_GATEWAYS},
        ),
        (s.gap(SUB, FLOW_LOG), {"flowlogs"}),
        (s.gap(SUB, NIC), set()),
        (s.gap(arm_id("Network/loadBalancers", "lb-y")), {"loadbalancers", "virtualnetworks", "publicipaddresses"}),
        (s.gap(arm_id("Network/loadBalancers", "lb-y", subscription=OTHER)), set()),
    ],
)
def test_a_gap_makes_everything_behind_it_unknown(gap: Body, opened: set[str]) -> None:
    found = scope(*REACHED, gaps=[gap])
    of_networks = {"azurefirewalls", "virtualnetworkgateways", "hubvirtualnetworkconnections", *BEHIND_GATEWAYS}
    beyond = {"networksecuritygroups", "trafficmanagerprofiles", "publicipaddresses", "flowlogs", *of_networks}
    beyond = beyond if "virtualnetworks" in opened else set()
    assert {type_ for type_, names in found.items() if names[-1:] == ["..."]} == opened | beyond
    assert {type_: [name for name in names if name != "..."] for type_, names in found.items() if type_ in ALL} == ALL


FOLLOWED = [
    (type_, reference)
    for type_, references in REFERENCES.items()
    for reference in references
    if reference.reached and type_ != VM
]


def at(path: str, found: object) -> Body:
    """Return a body with a value at a path; lists have one item."""
    name, _, rest = path.partition(".")
    below = at(rest, found) if rest else found
    return {name.removesuffix("[*]"): [below] if name.endswith("[*]") else below}


def holder(type_: str, path: str, found: object) -> Body:
    """Return a resource with a value at a path; all resources of its resource group belong to the deployment."""
    return {**s.resource(display_type(type_).removeprefix("Microsoft."), "x", group="rg-x"), **at(path, found)}


@pytest.mark.parametrize(("type_", "reference"), FOLLOWED, ids=[f"{type_} {r.path}" for type_, r in FOLLOWED])
def test_a_malformed_reference_is_not_treated_as_absent(type_: str, reference: Reference) -> None:
    text = tier("vm-a", more="scope: {resourceGroups: [rg-x]}")

    def opened(body: Body) -> Unknown | None:
        built = s.topology(*REACHED, body, deployment=text)
        assert s.names(s.only(built).scope[type_])[-1] != "..."
        return s.only(built).scope[reference.to].missing

    assert opened(holder(type_, "properties", {})) is None
    assert opened(holder(type_, reference.path, None)) is None
    several = [place for place in range(len(reference.path)) if reference.path.startswith("[*]", place)]
    parents: list[tuple[str, Any]] = [
        (reference.path[: reference.path.rindex(".")], 7),
        *((reference.path[:place], "x") for place in several),
    ]
    wrong: tuple[Any, ...] = (7, {}, [], "", "vm-a", "/subscriptions/", s.arm_id("Web/sites", "x"))
    places: list[tuple[str, Any]] = [*((reference.path, found) for found in wrong), *parents]
    for path, found in places:
        gap = opened(holder(type_, path, found))
        assert gap is not None, (path, found)
        assert gap.cause is Cause.VALUE
        assert "(malformed)" in gap.reason
        assert "/x: properties." in gap.reason


@pytest.mark.parametrize("subnet", [arm_id("Network/virtualNetworks", "gone") + "/subnets/GatewaySubnet", "x", 7])
def test_a_gateway_of_unknown_network_may_be_that_of_the_deployment(subnet: object) -> None:
    configuration = {"properties": {"subnet": {"id": subnet}}}
    gateway = s.network_gateway("vgw-2", ipConfigurations=[configuration])
    assert scope(*REACHED, gateway)["virtualnetworkgateways"] == ["vgw", "..."]


def test_a_part_may_be_a_resource_of_its_own() -> None:
    subnet = s.resource("Network/virtualNetworks", "vnet/subnets/default")
    assert scope(*REACHED, subnet) == ALL


def test_a_vm_with_a_malformed_reference() -> None:
    changes: list[Body] = [
        {"availabilitySet": {"id": 7}},
        {"availabilitySet": "set"},
        {"networkProfile": {"networkInterfaces": {}}},
    ]
    for change in changes:
        found = scope(*REACHED[1:], {**REACHED[0], "properties": {**REACHED[0]["properties"], **change}})
        lost = "availabilitysets" if "availabilitySet" in change else "networkinterfaces"
        assert found[lost][-1] == "..."
        assert found["disks"] == ["disk"]


def test_an_unread_interface_makes_everything_behind_it_unknown() -> None:
    bodies = [body for body in REACHED if body["name"] != "vm-a-nic"]
    for keywords in ({}, {"unlisted": [NIC]}):
        found = scope(*bodies, **keywords)  # type: ignore[arg-type]
        assert {"networkinterfaces", "loadbalancers"} <= {t for t, names in found.items() if names[-1:] == ["..."]}


@pytest.mark.parametrize("member", ["vm-lost", "{tag: {a: b}}"])
def test_a_member_that_is_not_found_may_lead_to_what_is_not_here_yet(member: str) -> None:
    def incomplete(*bodies: Body, **keywords: Any) -> set[str]:
        found = scope(*bodies, deployment=tier("vm-a", member), **keywords)
        assert set(ALL) <= set(found)
        return {type_ for type_, names in found.items() if names[-1:] == ["..."]}

    assert incomplete(*REACHED) >= {"virtualmachines"}
    assert not incomplete(*REACHED) & {*ALL} - {"virtualmachines"}, "there are no others"
    others = {arm.type_of(body["id"]).rpartition("/")[2] for body in UNRELATED}
    assert incomplete(*REACHED, *UNRELATED) & {*ALL} == others
    assert incomplete(*REACHED, unlisted=[PUBLIC["type"]]) & {*ALL} == {"virtualmachines", "publicipaddresses"}


def test_a_member_in_an_unread_list_makes_the_whole_scope_unknown() -> None:
    found = scope(*REACHED, deployment=tier("vm-a", "vm-lost"), unlisted=[VM])
    assert {type_ for type_, names in found.items() if names[-1] != "..."} == set()
    assert set(ALL) <= set(found)


def test_a_tier_that_is_not_declared_may_have_further_vms() -> None:
    undeclared = scope(*REACHED, deployment=tier("vm-a").replace("- {role: web, members: none}", ""))
    assert undeclared["virtualmachines"] == ["vm-a", "..."]


# --- subjects -------------------------------------------------------------------------------------------------------


def test_subjects_have_the_line_that_declares_them_alone() -> None:
    text = """
- name: d
  product: iris
  regions: {primary: westeurope}
  mirrors:
    - name: M
      failover:
        - vm-a
        - vm-b
      arbiter: vm-arb
  tiers:
    - {role: web, members: [db-a]}
    - role: app
      members: [x, y, far]
    - role: db
      members:
        - {name: "vm-*"}
        - vm-a
"""
    bodies = (*VMS, s.vm("vm-arb"), s.vm("x"), s.vm("y"), s.vm("far", location="northeurope"))
    found = s.only(s.topology(*bodies, deployment=text))
    names = {arm_id("Compute/virtualMachines", body["name"]).lower(): body["name"] for body in bodies}
    lines = {names.get(subject, subject): line for subject, line in found.lines.items()}
    expected = {"d": 3, "d/mirrors/M": 7, "vm-a": 9, "vm-b": 10, "vm-arb": 11, "d/tiers/app/westeurope": 14}
    assert lines == {**expected, "d/tiers/db/westeurope": 16}
    subject = subject_of(found.mirrors[0], found.lines)
    assert (subject.id, subject.kind, subject.name, subject.region, subject.line) == (
        "d/mirrors/M",
        "mirror",
        "M",
        "westeurope",
        7,
    )
    assert subject_of(found, {}).line == 0


def test_the_tiers_of_several_products_have_names_of_their_own() -> None:
    text = SUITE.replace("TIERS", "{role: web, product: patient-index, members: [vm-a]}")
    (tier,) = s.only(s.topology(*VMS, deployment=text)).tiers
    subject = subject_of(tier, {})
    assert (subject.id, subject.name) == ("d/tiers/web/patient-index/westeurope", "web patient-index")


def test_every_kind_of_subject() -> None:
    built = s.topology(*VMS, deployment=tier("vm-a"))
    found = s.only(built)
    vm = s.item(built, "Compute/virtualMachines", "vm-a")
    rows = {
        (subject.kind, subject.id, subject.name, subject.region)
        for subject in (subject_of(e, {}) for e in (vm, found, found.tiers[0], built.subscriptions[0]))
    }
    assert rows == {
        ("Microsoft.Compute/virtualMachines", vm.id, "vm-a", "westeurope"),
        ("deployment", "d", "d", "westeurope"),
        ("tier", "d/tiers/app/westeurope", "app", "westeurope"),
        ("subscription", SUB, SUB.rpartition("/")[2], ""),
    }
    with pytest.raises(TypeError, match="str cannot be the subject of a finding"):
        subject_of("junk", {})
