"""Load balancers: frontends, load-balancing rules, backend pools and their members."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.azure.paths import ABSENT
from auditor.azure.types.names import APPLICATION_GATEWAY, LOAD_BALANCER, PUBLIC_PREFIX, SKU
from auditor.estate.load_balancing import POOLS, RULES
from auditor.estate.topology import Topology
from auditor.snapshot.known import Answer, PartialList, Unknown
from auditor.snapshot.lookup import parts
from auditor.snapshot.model import Part
from tests.estate import subscription as s
from tests.estate.subscription import SUB, Body, arm_id
from tests.rules.facts.asking import DECLARATION, GAP, INFINITY, VALUE, ask, said, shown
from tests.rules.facts.guest import TAKEN, cpf

LB = arm_id("Network/loadBalancers", "lb")

DEPLOYMENT = """
- name: d
  product: trakcare
  environment: production
  subscriptions: [00000000-0000-0000-0000-000000000001]
  regions: {primary: westeurope, dr: northeurope}
  mirrors:
    - {name: M, failover: [db-a, db-b], arbiter: none, dr: [db-dr], reporting: none}
  tiers:
    - {role: web, members: [web-a, web-b]}
    - {role: app, members: none}
    - {role: print, members: none}
"""
VMS = [s.vm(name) for name in ("db-a", "db-b", "db-dr", "web-a", "web-b", "other")]


def estate(*bodies: Body, deployment: str = DEPLOYMENT, **keywords: Any) -> Topology:
    return s.topology(*VMS, *bodies, deployment=deployment, **keywords)


def load_balancer_fact(name: str, *bodies: Body, **keywords: Any) -> object:
    built = estate(*bodies, **keywords)
    return said(name, built, s.item(built, "Network/loadBalancers", "lb"))


def of_part(name: str, path: str, *bodies: Body, **keywords: Any) -> Answer:
    built = estate(*bodies, **keywords)
    (part,) = parts(s.item(built, "Network/loadBalancers", "lb"), path)
    return ask(name, built, part)


HIDDEN = {"gaps": [s.gap(LB)]}
TWO = {"one": s.by_nic("web-a-nic"), "two": s.by_nic("db-a-nic")}


@pytest.mark.parametrize(
    ("load_balancer", "keywords", "expected"),
    [
        (s.load_balancer("lb", TWO), {}, ["one", "two"]),
        (s.load_balancer("lb", TWO, {"r": s.to("lb", "one")}), {}, ["one"]),
        (s.load_balancer("lb", TWO, {"r": s.to("lb", "one"), "q": s.to("lb", "one")}), {}, ["one"]),
        (s.load_balancer("lb", TWO, {}), {}, []),
        (s.load_balancer("lb", {}, {"r": s.to("lb", "lost")}), {}, ["?", "..."]),
        (s.load_balancer("lb", TWO, {"r": {"backendAddressPool": {"id": 7}}}), {}, ["..."]),
        (s.load_balancer("lb", TWO, {"r": {"backendAddressPools": [{"id": 7}]}}), {}, ["..."]),
        (s.load_balancer("lb", TWO, {"r": {"backendAddressPool": "junk"}}), {}, ["..."]),
        (s.load_balancer("lb", TWO, {"r": {"backendAddressPools": ["junk"]}}), {}, ["..."]),
        (s.resource("Network/loadBalancers", "lb", loadBalancingRules="junk"), {}, ["..."]),
        (s.resource("Network/loadBalancers", "lb"), HIDDEN, ["..."]),
    ],
)
def test_pools_that_traffic_is_sent_to(load_balancer: Body, keywords: Body, expected: list[str]) -> None:
    built = estate(load_balancer, **keywords)
    value = ask("balancer.served_pools", built, s.item(built, "Network/loadBalancers", "lb")).value
    assert isinstance(value, PartialList)
    names = [pool.id.rpartition("/")[2] if isinstance(pool, Part) else "?" for pool in value.known]
    assert sorted(names) + ["..."] * bool(value.missing) == expected


OWN_POOL = arm_id("Network/loadBalancers", "lb") + "/backendAddressPools/p"


def nat(**to: object) -> list[Body]:
    """Return the only inbound NAT rule of a load balancer, with the ids of its targets."""
    return [{"name": "ssh", "properties": {name: {"id": found} for name, found in to.items()}}]


@pytest.mark.parametrize(
    ("load_balancer", "keywords", "expected"),
    [
        (s.load_balancer("lb", {"p": s.by_nic("db-a-nic")}), {}, True),
        (s.load_balancer("lb", {"p": s.by_nic("web-a-nic", "db-dr-nic")}), {}, True),
        (s.load_balancer("lb", {"p": s.by_nic("web-a-nic")}), {}, False),
        (s.load_balancer("lb", {"p": s.by_nic("db-a-nic")}, {}), {}, False),
        (
            s.load_balancer("lb", {"p": s.by_nic("web-a-nic", "lost-nic")}),
            {"unlisted": ["microsoft.network/networkinterfaces"]},
            GAP,
        ),
        (
            s.load_balancer("lb", {"p": s.by_nic("db-a-nic", "lost-nic")}),
            {"unlisted": ["microsoft.network/networkinterfaces"]},
            True,
        ),
        (s.load_balancer("lb", {}, {"r": s.to("lb", "lost")}), {}, VALUE),
        (s.resource("Network/loadBalancers", "lb"), HIDDEN, GAP),
        (
            s.load_balancer("lb", {}, inboundNatRules=nat(backendIPConfiguration=s.configuration_id("db-a-nic"))),
            {},
            True,
        ),
        (
            s.load_balancer("lb", {}, inboundNatRules=nat(backendIPConfiguration=s.configuration_id("web-a-nic"))),
            {},
            False,
        ),
        (
            s.load_balancer("lb", {}, inboundNatRules=nat(backendIPConfiguration=s.configuration_id("lost-nic"))),
            {},
            VALUE,
        ),
        (s.load_balancer("lb", {}, inboundNatRules=nat()), {}, False),
        (
            s.load_balancer("lb", {"p": s.by_nic("db-a-nic")}, {}, inboundNatRules=nat(backendAddressPool=OWN_POOL)),
            {},
            True,
        ),
        (
            s.load_balancer("lb", {"p": s.by_nic("web-a-nic")}, {}, inboundNatRules=nat(backendAddressPool=OWN_POOL)),
            {},
            False,
        ),
        (s.load_balancer("lb", {}, inboundNatRules=nat(backendIPConfiguration=7)), {}, VALUE),
        (s.load_balancer("lb", {}, inboundNatRules="junk"), {}, VALUE),
    ],
)
def test_whether_databases_are_behind_a_load_balancer(load_balancer: Body, keywords: Body, expected: object) -> None:
    assert load_balancer_fact("balancer.serves_databases", load_balancer, **keywords) == expected


def test_with_undeclared_roles_it_is_unknown_whether_databases_are_behind_a_load_balancer() -> None:
    open_ = DEPLOYMENT.replace(", reporting: none", "")
    for vm, expected in (("other", DECLARATION), ("web-a", False)):
        found = s.load_balancer("lb", {"p": s.by_nic(f"{vm}-nic")})
        assert load_balancer_fact("balancer.serves_databases", found, deployment=open_) is expected, vm
    assert load_balancer_fact("balancer.serves_databases", s.load_balancer("lb", {"p": {}}), deployment=open_) is False


MIXED = DEPLOYMENT.replace("[web-a, web-b]", "[db-a, db-b, web-a]")
STATUS = {"requestPath": "/csp/bin/mirror_status.cxw"}


@pytest.mark.parametrize(
    ("rule", "probe", "expected"),
    [
        ({"backendPort": 1972}, {}, []),
        ({"backendPort": 51773}, {}, []),
        ({"backendPort": 56772, "protocol": "tcp"}, {}, ["..."]),
        ({"backendPort": 443}, {}, ["rule"]),
        ({"backendPort": 443}, STATUS, []),
        ({"backendPort": 56772}, STATUS, []),
        ({"backendPort": 443, "protocol": "Udp"}, {}, []),
        ({"backendPort": 0, "protocol": "All"}, {}, ["rule"]),
        ({"backendPort": "443"}, {}, ["..."]),
        ({"backendPort": 443, "protocol": 6}, {}, ["..."]),
        ({"backendPort": 443}, {"requestPath": 7}, ["..."]),
    ],
)
def test_which_rules_to_failover_members_send_web_traffic(rule: Body, probe: Body, expected: list[str]) -> None:
    rules = {"rule": {**s.to("lb", "p", probe="probe"), **rule}}
    built = estate(
        s.load_balancer("lb", {"p": s.by_nic("db-a-nic", "db-b-nic")}, rules, {"probe": probe}), deployment=MIXED
    )
    found = ask("balancer.web_rules", built, s.item(built, "Network/loadBalancers", "lb")).value
    assert isinstance(found, PartialList)
    assert [part.id.split("/")[-1] for part in found.of_type(Part)] + ["..."] * (not found.complete) == expected


def test_a_rule_that_leads_to_a_web_server_without_database_sends_web_traffic_unless_it_is_for_the_superserver() -> (
    None
):
    pools = {"p": s.by_nic("db-a-nic", "web-a-nic")}
    for port, text, files, expected in (
        (6661, MIXED, (), 1),
        (1972, MIXED, (), 0),
        (6661, MIXED.replace("name: M,", "name: M, superserver: 6661,"), (), 0),
        (6661, MIXED, (cpf("db-a", startup={"defaultPort": 6661}),), 0),
    ):
        rules = {"rule": {**s.to("lb", "p", probe="probe"), "backendPort": port}}
        lb = s.load_balancer("lb", pools, rules, {"probe": STATUS})
        built = estate(lb, *files, deployment=text, taken_at=TAKEN)
        found = ask("balancer.web_rules", built, s.item(built, "Network/loadBalancers", "lb")).value
        assert isinstance(found, PartialList)
        assert len(found.known) == expected


@pytest.mark.parametrize(
    ("pool", "expected"),
    [
        ({}, 0),
        (s.by_nic("web-a-nic", "web-b-nic"), 2),
        (s.by_nic("web-a-nic") | s.by_address("10.0.0.4"), 1),
        (s.by_address("10.0.0.4", "10.0.0.9"), (1, 2)),
        (s.by_address("10.0.0.9", "10.0.0.8"), (0, 2)),
        ({"backendIPConfigurations": "junk"}, (0, 1)),
    ],
)
def test_how_many_members_a_pool_has(pool: Body, expected: object) -> None:
    found = of_part(
        "pool.member_count", POOLS, s.load_balancer("lb", {"p": pool}), s.nic("web-a-nic", address="10.0.0.4")
    )
    assert shown(found.value) == expected


def test_every_instance_of_a_uniform_scale_set_is_a_member() -> None:
    scale_set = arm_id("Compute/virtualMachineScaleSets", "vmss")
    nics = [f"{scale_set}/virtualMachines/{n}/networkInterfaces/nic/ipConfigurations/ipconfig1" for n in (0, 1, 1)]
    pool = {"backendIPConfigurations": [{"id": nic} for nic in nics]}
    assert shown(of_part("pool.member_count", POOLS, s.load_balancer("lb", {"p": pool})).value) == 2


def test_a_pool_that_was_not_read_may_have_any_number_of_members() -> None:
    gaps = [s.gap(LB, "properties.backendAddressPools[0].properties.backendIPConfigurations")]
    found = of_part("pool.member_count", POOLS, s.load_balancer("lb", {"p": {}}), gaps=gaps)
    assert shown(found.value) == (0, INFINITY)
    assert shown(of_part("pool.only_dr_members", POOLS, s.load_balancer("lb", {"p": {}}), gaps=gaps).value) is GAP


@pytest.mark.parametrize(
    ("pool", "deployment", "expected"),
    [
        (s.by_nic("db-dr-nic"), DEPLOYMENT, True),
        (s.by_nic("db-dr-nic", "db-a-nic"), DEPLOYMENT, False),
        (s.by_nic("web-a-nic"), DEPLOYMENT, False),
        ({}, DEPLOYMENT, False),
        (s.by_nic("db-dr-nic", "lost-nic"), DEPLOYMENT, VALUE),
        (s.by_nic("web-a-nic", "lost-nic"), DEPLOYMENT, False),
        (s.by_nic("other-nic"), DEPLOYMENT.replace("dr: [db-dr], ", ""), DECLARATION),
        (s.by_nic("other-nic"), DEPLOYMENT.replace("[db-dr]", "none"), False),
    ],
)
def test_pools_of_dr_members_only(pool: Body, deployment: str, expected: object) -> None:
    found = of_part("pool.only_dr_members", POOLS, s.load_balancer("lb", {"p": pool}), deployment=deployment)
    assert shown(found.value) == expected


PROBES = {"p": {"protocol": "Tcp"}}


@pytest.mark.parametrize(
    ("rule", "probes", "gaps", "expected"),
    [
        (s.to("lb", "one", probe="p"), PROBES, [], True),
        (s.to("lb", "one"), PROBES, [], False),
        (s.to("lb", "one", probe="lost"), PROBES, [], VALUE),
        (s.to("lb", "one", probe="lost"), {}, [s.gap(LB, "properties.probes")], GAP),
        (s.to("lb", "one") | {"probe": {"id": "junk"}}, PROBES, [], VALUE),
        (s.to("lb", "one") | {"probe": "junk"}, PROBES, [], VALUE),
    ],
)
def test_whether_a_rule_has_a_probe(rule: Body, probes: Body, gaps: list[Body], expected: object) -> None:
    found = of_part("rule.has_probe", RULES, s.load_balancer("lb", TWO, {"r": rule}, probes), gaps=gaps)
    assert shown(found.value) == expected


def test_the_rules_and_frontends_of_a_load_balancer() -> None:
    body = s.load_balancer("lb", TWO, frontendIPConfigurations=[{"id": f"{LB}/frontendIPConfigurations/f"}, "junk"])
    built = estate(body)
    found = s.item(built, "Network/loadBalancers", "lb")
    rules, frontends = ask("balancer.rules", built, found).value, ask("balancer.frontends", built, found).value
    assert isinstance(rules, PartialList)
    assert isinstance(frontends, PartialList)
    assert [len(rules.known), len(frontends.known), shown(frontends.known[1])] == [2, 2, VALUE]


def public(to: object = arm_id("Network/publicIPAddresses", "pip")) -> Body:
    return {"properties": {"publicIPAddress": {"id": to}}}


def address(zones: object, sku: object = "Standard") -> Body:
    return s.resource("Network/publicIPAddresses", "pip", top={"zones": zones, "sku": {"name": sku}})


PREFIX_ID = arm_id("Network/publicIPPrefixes", "prefix")
PREFIX = {"properties": {"publicIPPrefix": {"id": PREFIX_ID.upper()}}}


def prefix(zones: object) -> Body:
    return s.resource("Network/publicIPPrefixes", "prefix", top={"zones": zones, "sku": {"name": "Standard"}})


PRIVATE = {"properties": {"subnet": {"id": f"{s.VNET}/subnets/default"}}}
PIP = arm_id("Network/publicIPAddresses", "pip")


@pytest.mark.parametrize(
    ("frontend", "bodies", "gaps", "expected"),
    [
        (PRIVATE | {"zones": ["1", "2"]}, [], [], ["1", "2"]),
        (PRIVATE, [], [], []),
        (PRIVATE | {"zones": [1]}, [], [], ["?"]),
        (PRIVATE | {"zones": "1"}, [], [], ["..."]),
        (public(), [address(["1", "3"])], [], ["1", "3"]),
        (public() | {"zones": ["1", "2"]}, [address(["3"])], [], ["3"]),
        (public(), [address(None)], [], ["..."]),
        (public(), [address(None, "Basic")], [], []),
        (public(), [address(None, None)], [], []),
        (public(), [address(None, None)], [s.gap(PIP, "sku")], ["..."]),
        (public(), [address(None)], [s.gap(PIP)], ["..."]),
        (public(), [], [], VALUE),
        (public(), [], [s.gap(PIP)], ["..."]),
        ({"properties": {"publicIPAddress": "junk"}}, [], [], VALUE),
        (public(7), [], [], VALUE),
        ({"properties": {"publicIPPrefix": {"id": "prefix"}}}, [], [], VALUE),
        ({"properties": {"publicIPPrefix": {"id": 7}}}, [], [], VALUE),
        (PREFIX, [prefix(["2", "3"])], [], ["2", "3"]),
        (PREFIX | {"zones": ["1", "2"]}, [prefix(["3"])], [], ["3"]),
        (PREFIX, [prefix(None)], [], ["..."]),
        (PREFIX, [prefix(["1"])], [s.gap(PREFIX_ID, "zones")], ["1"]),
        (PREFIX, [], [s.gap(PREFIX_ID)], ["..."]),
        (PREFIX, [], [], VALUE),
    ],
)
def test_the_zones_of_a_frontend(frontend: Body, bodies: list[Body], gaps: list[Body], expected: object) -> None:
    body = s.load_balancer("lb", TWO, frontendIPConfigurations=[frontend])
    path = "properties.frontendIPConfigurations[*]"
    assert shown(of_part("frontend.zones", path, body, *bodies, gaps=gaps).value) == expected


STANDARD: Body = {"sku": {"name": "Standard"}}


@pytest.mark.parametrize(
    ("frontend", "offered", "expected"),
    [
        (PRIVATE, [], ["..."]),
        (PRIVATE, [s.region("westeurope", "1", "2", "3")], ["..."]),
        (PRIVATE, [s.offered("westeurope")], []),
        (PRIVATE | {"zones": []}, [], ["..."]),
        (PRIVATE | {"zones": ["2"]}, [], ["2"]),
    ],
)
def test_azure_may_spread_a_private_frontend_of_a_standard_load_balancer(
    frontend: Body, offered: list[Body], expected: object
) -> None:
    body = s.load_balancer("lb", TWO, frontendIPConfigurations=[frontend]) | STANDARD
    path = "properties.frontendIPConfigurations[*]"
    assert shown(of_part("frontend.zones", path, body, *offered).value) == expected


def test_a_prefix_that_was_not_listed_may_have_zones() -> None:
    body = s.load_balancer("lb", TWO, frontendIPConfigurations=[PREFIX])
    path = "properties.frontendIPConfigurations[*]"
    assert shown(of_part("frontend.zones", path, body, unlisted=[PUBLIC_PREFIX]).value) is GAP


@pytest.mark.parametrize(
    ("sizes", "unlisted", "location", "expected"),
    [
        ([s.offered("WestEurope"), s.offered("westeurope", "1", "2")], [], "westeurope", True),
        ([s.offered("westeurope", "1", "2")], [SKU], "West Europe", True),
        ([s.offered("westeurope", "1")], [], "westeurope", False),
        ([s.offered("westeurope")], [SKU], "westeurope", GAP),
        ([s.offered("northeurope", "1", "2")], [], "westeurope", VALUE),
        ([s.offered("westeurope", "1", "2", kind="disks")], [], "westeurope", VALUE),
        ([s.size() | {"locationInfo": "junk"}], [], "westeurope", VALUE),
        ([s.size() | {"locationInfo": [{"location": "westeurope", "zones": [["1"], ["2"]]}]}], [], "westeurope", True),
        ([s.offered("westeurope", "1", "2")], [], None, ABSENT),
        ([s.offered("westeurope", "1", "2")], [], "", VALUE),
        ([s.region("westeurope", "1", "2", "3")], [SKU], "westeurope", True),
        ([s.region("westeurope"), s.offered("westeurope", "1", "2")], [], "westeurope", True),
        ([s.region("westeurope"), s.offered("westeurope")], [], "westeurope", False),
        ([s.region("westeurope", "1", subscription=s.OTHER)], [SKU], "westeurope", GAP),
    ],
)
def test_whether_a_region_has_zones(sizes: list[Body], unlisted: list[str], location: object, expected: object) -> None:
    body = s.load_balancer("lb", TWO) | {"location": location}
    assert load_balancer_fact("regional.has_zones", body, *sizes, unlisted=unlisted) == expected


@pytest.mark.parametrize(
    ("zones", "sizes", "expected"),
    [
        (["1"], [], True),
        (["1", "2", "3"], [], True),
        ([], [], GAP),
        ([7], [], GAP),
        ("1", [], GAP),
        (["1", "2"], [s.region("westeurope", "1")], False),
    ],
)
def test_a_frontend_in_a_zone_shows_that_the_region_has_zones(
    zones: object, sizes: list[Body], expected: object
) -> None:
    frontend = {"name": "f", "zones": zones, "properties": {"subnet": {"id": f"{s.VNET}/subnets/default"}}}
    body = s.load_balancer("lb", TWO, frontendIPConfigurations=[{"name": "other", "properties": {}}, frontend])
    assert load_balancer_fact("regional.has_zones", body, *sizes, unlisted=[SKU]) == expected


GATEWAY = arm_id("Network/applicationGateways", "agw")
POOL = {"id": f"{GATEWAY}/backendAddressPools/pool"}
IN_GATEWAY = s.gateway("agw", {"ipAddress": "10.0.0.4"})


def routed(**properties: Any) -> Body:
    return {**IN_GATEWAY, "properties": {**IN_GATEWAY["properties"], **properties}}


RULE = [{"id": f"{GATEWAY}/requestRoutingRules/r", "properties": {"backendAddressPool": POOL}}]
OWN = [s.nic("web-a-nic", vm="web-a", address="10.0.0.4")]


@pytest.mark.parametrize(
    ("bodies", "keywords", "expected"),
    [
        ([s.load_balancer("lb", {"p": s.by_nic("web-a-nic")})], {}, 1),
        ([s.load_balancer("lb", {"p": s.by_address("10.0.0.4")})], {}, 1),
        ([s.load_balancer("lb", {"p": s.by_nic("web-a-nic")}, {})], {}, 0),
        ([s.load_balancer("lb", {"p": s.by_nic("web-b-nic")})], {}, 0),
        ([s.load_balancer("lb", {"p": s.by_nic("web-a-nic")}, {"r": {"backendAddressPool": "junk"}})], {}, "?"),
        ([routed(requestRoutingRules=RULE)], {}, 1),
        ([routed(requestRoutingRules=[])], {}, 0),
        ([routed(requestRoutingRules="junk")], {}, "?"),
        ([routed(requestRoutingRules=[{"properties": {"backendAddressPool": "junk"}}])], {}, "?"),
        ([routed(urlPathMaps=[{"properties": {"defaultBackendAddressPool": POOL}}])], {}, 1),
        ([routed(urlPathMaps=[{"properties": {"pathRules": RULE}}])], {}, 1),
        ([s.load_balancer("lb", {"p": s.by_nic("web-a-nic")}), routed(requestRoutingRules=RULE)], {}, 2),
        ([], {"unlisted": [LOAD_BALANCER]}, "..."),
        ([], {"unlisted": [APPLICATION_GATEWAY]}, "..."),
        ([], {"gaps": [s.gap(LB)]}, "..."),
        ([s.load_balancer("lb", {"p": {"backendIPConfigurations": ["junk"]}})], {}, "..."),
        ([s.load_balancer("lb", {"p": {"backendIPConfigurations": ["junk"]}}, {})], {}, 0),
    ],
)
def test_the_pools_through_which_traffic_reaches_a_vm(bodies: list[Body], keywords: Body, expected: object) -> None:
    built = estate(*OWN, *bodies, **keywords)
    value = ask("vm.pools", built, s.item(built, "Compute/virtualMachines", "web-a")).value
    assert isinstance(value, PartialList)
    unknown = any(isinstance(pool, Unknown) for pool in value.known)
    assert ("?" if unknown else "..." if value.missing else len(value.known)) == expected


def idle(load_balancer: Body, **keywords: Any) -> list[str]:
    built = estate(load_balancer, **keywords)
    value = ask("balancer.idle_pools", built, s.item(built, "Network/loadBalancers", "lb")).value
    assert isinstance(value, PartialList)
    return [pool.id.rpartition("/")[2] if isinstance(pool, Part) else "?" for pool in value.known]


WAITING = {"p": s.by_nic("web-a-nic")}
USED = [{"properties": s.to("lb", "p")}]


def udp(load_balancer: Body) -> Body:
    load_balancer["properties"]["loadBalancingRules"][0]["properties"]["protocol"] = "Udp"
    return load_balancer


@pytest.mark.parametrize(
    ("load_balancer", "expected"),
    [
        (s.load_balancer("lb", WAITING), []),
        (s.load_balancer("lb", WAITING, {}), ["p"]),
        (udp(s.load_balancer("lb", WAITING)), ["p"]),
        (s.load_balancer("lb", {"p": s.by_nic("other-nic")}, {}), []),
        (s.load_balancer("lb", {"p": {}}, {}), []),
        (s.load_balancer("lb", WAITING, {}, outboundRules=USED), []),
        (s.load_balancer("lb", WAITING, {}, inboundNatRules=USED), []),
        (s.load_balancer("lb", WAITING, {}, outboundRules=[{"properties": s.to("lb", "another")}]), ["?"]),
        (s.load_balancer("lb", WAITING, {}, outboundRules=["junk"]), ["?"]),
        (s.load_balancer("lb", WAITING, {}, outboundRules=[{"properties": {"backendAddressPool": "junk"}}]), ["?"]),
        (s.load_balancer("lb", WAITING, {"r": {"backendAddressPool": "junk"}}), ["?"]),
        (s.load_balancer("lb", WAITING, {"r": {"backendAddressPool": "junk"}}, outboundRules=USED), []),
        (s.resource("Network/loadBalancers", "lb", backendAddressPools=["junk"]), ["?"]),
        (s.resource("Network/loadBalancers", "lb", backendAddressPools="junk"), ["?"]),
    ],
)
def test_pools_that_nothing_uses(load_balancer: Body, expected: list[str]) -> None:
    assert idle(load_balancer) == expected


@pytest.mark.parametrize(("rules", "expected"), [({}, ["?"]), (None, [])])
def test_a_pool_whose_members_cannot_be_seen_may_be_idle(rules: dict[str, Any] | None, expected: list[str]) -> None:
    load_balancer = s.load_balancer("lb", {"p": s.by_nic("unseen-nic")}, *([] if rules is None else [rules]))
    assert idle(load_balancer, gaps=[s.gap("Microsoft.Network/networkInterfaces")]) == expected


def test_pools_of_a_load_balancer_that_was_not_read_may_be_idle() -> None:
    built = estate(s.resource("Network/loadBalancers", "lb"), gaps=[s.gap(LB)])
    value = ask("balancer.idle_pools", built, s.item(built, "Network/loadBalancers", "lb")).value
    assert isinstance(value, PartialList)
    assert value.missing


EMPTY = s.gateway("agw")
TO_LOST = [{"properties": {"backendAddressPool": {"id": f"{GATEWAY}/backendAddressPools/lost"}}}]
IN_ANOTHER = s.gateway("agw", {"ipAddress": "10.0.0.9"})


@pytest.mark.parametrize(
    ("gateway", "rules", "served", "idle"),
    [
        (IN_GATEWAY, RULE, ["pool"], []),
        (IN_GATEWAY, [], [], ["pool"]),
        (IN_GATEWAY, "junk", ["..."], ["?"]),
        (IN_GATEWAY, [{"properties": {"backendAddressPool": "junk"}}], ["..."], ["?"]),
        (IN_GATEWAY, TO_LOST, ["?", "..."], ["?"]),
        (EMPTY, RULE, ["pool"], []),
        (EMPTY, [], [], []),
        (IN_ANOTHER, RULE, [], []),
        (s.gateway("agw", {"fqdn": "app.example"}), RULE, ["?"], []),
    ],
)
def test_the_pools_of_a_gateway(gateway: Body, rules: object, served: list[str], idle: list[str]) -> None:
    body = {**gateway, "properties": {**gateway["properties"], "requestRoutingRules": rules}}
    built = estate(*OWN, s.nic("other-nic", vm="other", address="10.0.0.9"), body)
    for name, expected in (("balancer.served_pools", served), ("balancer.idle_pools", idle)):
        value = ask(name, built, s.item(built, "Network/applicationGateways", "agw")).value
        assert isinstance(value, PartialList)
        found = [pool.id.rpartition("/")[2] if isinstance(pool, Part) else "?" for pool in value.known]
        assert found + ["..."] * bool(value.missing) == expected


def test_the_pools_of_a_vm_outside_all_deployments() -> None:
    built = s.topology(*VMS, s.load_balancer("lb", {"p": s.by_nic("other-nic")}), scopes=[SUB])
    value = ask("vm.pools", built, s.item(built, "Compute/virtualMachines", "other")).value
    assert isinstance(value, PartialList)
    assert [len(value.known), value.missing] == [1, None]


@pytest.mark.parametrize(
    ("vnet", "rules", "is_open"),
    [
        (s.VNET, None, True),
        (f"{s.VNET}-x", None, False),
        (f"{s.VNET}-gone", None, True),
        (s.VNET, {}, False),
        (7, None, True),
    ],
)
def test_a_vm_may_be_in_an_open_pool_of_its_network(
    vnet: object, rules: dict[str, Body] | None, *, is_open: bool
) -> None:
    members = [{"id": s.configuration_id("lost-nic")}]
    pool = {"backendIPConfigurations": members, "virtualNetwork": {"id": vnet}}
    own = (*(s.nic(f"{vm['name']}-nic") for vm in VMS), s.network(), s.network(f"{s.VNET}-x"))
    built = estate(*own, s.load_balancer("open", {"p": pool}, rules))
    found = ask("vm.pools", built, s.item(built, "Compute/virtualMachines", "web-a")).value
    assert isinstance(found, PartialList)
    assert (found.missing is not None) is is_open, found.missing
