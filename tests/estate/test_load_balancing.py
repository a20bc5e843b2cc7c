from __future__ import annotations

from typing import Any

import pytest

from auditor.azure.paths import ABSENT
from auditor.azure.types.names import NIC
from auditor.estate.declaration import LoadBalancerRole
from auditor.estate.load_balancing import POOLS, RULES
from auditor.estate.topology import Topology
from auditor.snapshot.known import Cause, PartialList, Unknown
from auditor.snapshot.lookup import parts
from auditor.snapshot.model import Part
from tests.estate import subscription as s
from tests.estate.subscription import Body, arm_id

PEER = s.VNET.replace("vnet", "peer")


def pool(built: Topology, type_: str = "Network/loadBalancers", name: str = "lb") -> Part:
    return parts(s.item(built, type_, name), POOLS)[0]


def vms(built: Topology, type_: str = "Network/loadBalancers", name: str = "lb") -> PartialList:
    found = built.load_balancing.vms(pool(built, type_, name)).value
    assert isinstance(found, PartialList)
    return found


def behind(properties: Body, *bodies: Body, **keywords: Any) -> PartialList:
    """Return the VMs of a load balancer's backend pool with these properties."""
    return vms(s.topology(s.load_balancer("lb", {"pool": properties}), *bodies, **keywords))


PAIR = (s.vm("vm-a"), s.nic("vm-a-nic", address="10.0.0.4"), s.vm("vm-b"), s.nic("vm-b-nic", address="10.0.0.5"))


@pytest.mark.parametrize(
    "members",
    [
        s.by_nic("vm-a-nic", "VM-B-NIC"),
        s.by_address("10.0.0.4", "10.0.0.5"),
        s.by_address("10.0.0.4", "10.0.0.5", key="subnet"),
        s.by_nic("vm-a-nic", "vm-b-nic") | s.by_address("10.0.0.4", "10.0.0.5"),
        s.by_nic("vm-a-nic") | s.by_address("10.0.0.5", vnet=s.VNET.upper()),
    ],
)
def test_members_by_interface_and_by_address(members: Body) -> None:
    assert s.names(behind(members, *PAIR)) == ["vm-a", "vm-b"]


def test_an_interface_named_in_an_address_entry() -> None:
    entry = {"properties": {"networkInterfaceIPConfiguration": {"id": s.configuration_id("vm-a-nic")}}}
    assert s.names(behind({"loadBalancerBackendAddresses": [entry]}, *PAIR)) == ["vm-a"]


def test_the_same_address_in_another_network_is_another_vm() -> None:
    other = (s.vm("vm-x"), s.nic("vm-x-nic", address="10.0.0.4", vnet=PEER))
    assert s.names(behind(s.by_address("10.0.0.4"), *PAIR, *other)) == ["vm-a"]
    assert s.names(behind(s.by_address("10.0.0.4", vnet=PEER), *PAIR, *other)) == ["vm-x"]


def test_an_interface_and_its_vm_are_joined_by_either_reference() -> None:
    from_vm = (s.vm("vm-a"), s.nic("vm-a-nic"))
    from_interface = (s.vm("vm-a", nics=[]), s.nic("vm-a-nic", vm="VM-A"))
    for bodies in (from_vm, from_interface):
        assert s.names(behind(s.by_nic("vm-a-nic"), *bodies)) == ["vm-a"]
    assert s.names(behind(s.by_nic("vm-a-nic"), s.vm("vm-a"))) == ["vm-a"], "the interface itself is not needed"


def test_a_vm_that_was_not_read_is_known_by_its_id() -> None:
    (found,) = behind(s.by_nic("nic"), s.nic("nic", vm="vm-gone"), unlisted=["microsoft.compute/virtualmachines"]).known
    assert getattr(found, "name", "") == "vm-gone"
    assert getattr(found, "unread", ())


def test_a_detached_interface_is_no_member() -> None:
    assert behind(s.by_nic("nic"), s.nic("nic")) == PartialList()


@pytest.mark.parametrize("members", [s.by_nic("nic"), s.by_address("10.0.0.4")])
@pytest.mark.parametrize("how", ["stub", "gap", "unlisted"])
def test_an_interface_that_was_not_read_may_belong_to_any_vm(members: Body, how: str) -> None:
    interface = s.nic("nic", address="10.0.0.4", vm="vm-a")
    hidden = {
        "stub": lambda: behind(members, {**interface, "properties": None}),
        "gap": lambda: behind(members, gaps=[s.gap(interface["id"])]),
        "unlisted": lambda: behind(members, unlisted=[NIC]),
    }[how]()
    (member,) = hidden.known
    assert isinstance(member, Unknown)
    assert member.cause is Cause.GAP


def test_pool_members_that_are_unknown() -> None:
    for members, says in (
        (s.by_address("10.0.0.9"), "belongs to no network interface"),
        ({"loadBalancerBackendAddresses": [{"properties": {"ipAddress": "10.0.0.4"}}]}, "without its virtual network"),
        ({"backendIPConfigurations": [{"id": "junk"}]}, "backendIPConfigurations[0].id does not refer to"),
        ({"backendIPConfigurations": ["junk"]}, "malformed"),
        ({"backendIPConfigurations": "junk"}, "malformed"),
        (s.by_nic("nic"), "does not exist"),
    ):
        (member,) = behind(members, *PAIR, s.network()).known
        assert isinstance(member, Unknown)
        assert member.cause is Cause.VALUE
        assert says in member.reason


def on_pool(*addresses: str, vnet: object = s.VNET, **entry: Any) -> Body:
    """Return the properties of a pool of addresses with their virtual network in the pool itself."""
    members = [{"properties": {"ipAddress": address, **entry}} for address in addresses]
    return {"virtualNetwork": {"id": vnet}, "syncMode": "Automatic", "loadBalancerBackendAddresses": members}


@pytest.mark.parametrize(
    "members",
    [
        on_pool("10.0.0.4", "10.0.0.5"),
        on_pool("10.0.0.4", "10.0.0.5", vnet=s.VNET.upper()),
        on_pool("10.0.0.4", "10.0.0.5", vnet=PEER, virtualNetwork={"id": s.VNET}),
        on_pool("10.0.0.4", "10.0.0.5", vnet=None, subnet={"id": f"{s.VNET}/subnets/default"}),
        {**on_pool("10.0.0.4"), **s.by_nic("vm-b-nic")},
    ],
)
def test_the_network_of_addresses_is_that_of_the_pool(members: Body) -> None:
    other = (s.vm("vm-x"), s.nic("vm-x-nic", address="10.0.0.4", vnet=PEER))
    assert s.names(behind(members, *PAIR, *other)) == ["vm-a", "vm-b"]


@pytest.mark.parametrize(
    ("members", "bodies", "is_open"),
    [
        (on_pool("10.0.0.4"), (), False),
        (on_pool("10.0.0.9"), (), False),  # no VM that was read has it
        (on_pool("10.0.0.9", vnet=PEER), (), True),
        (on_pool("10.0.0.9", vnet=7), (), True),
        (on_pool("10.0.0.9"), (s.nic("lost", address="10.0.0.9", vnet=PEER),), True),
        (on_pool("10.0.0.9"), (s.nic("far", address="10.0.0.8", vnet=PEER),), False),
        (on_pool("10.0.0.9"), (s.nic("new", address=""),), True),
        (on_pool("10.0.0.9"), (s.resource("Network/networkInterfaces", "x", ipConfigurations=[{}]),), True),
        (s.by_nic("lost"), (), True),
        (s.by_nic("lost"), (s.nic("lost"),), False),
        (s.by_nic("lost"), (s.nic("lost", vm="vm-lost"),), True),
    ],
)
def test_a_pool_is_open_where_a_member_can_be_any_vm(members: Body, bodies: tuple[Body, ...], *, is_open: bool) -> None:
    for type_, owner in (
        ("Network/loadBalancers", s.load_balancer("lb", {"pool": members})),
        ("Network/loadBalancers", s.load_balancer("lb", {"other": {}, "pool": members})),
    ):
        built = s.topology(owner, *PAIR, *bodies, s.network())
        found = built.load_balancing.open_because(s.item(built, type_, "lb"))
        assert (found is not None) is is_open, found


POOL = arm_id("Network/loadBalancers", "lb") + "/backendAddressPools/pool"


@pytest.mark.parametrize(
    ("rules", "is_open"),
    [
        ([], False),
        ([{"properties": {}}], False),
        ([{"properties": {"backendAddressPool": {"id": POOL.upper()}}}], False),
        ([{"properties": {"backendAddressPool": {"id": f"{POOL}-x"}}}], True),
        ([{"properties": {"backendAddressPools": [{"id": POOL}, {"id": 7}]}}], True),
        ([None], True),
        ("none", True),
    ],
)
def test_a_rule_to_a_pool_that_is_not_there_can_lead_to_any_vm(rules: object, *, is_open: bool) -> None:
    body = s.load_balancer("lb", {"pool": s.by_nic("vm-a-nic")})
    body["properties"]["loadBalancingRules"] = rules
    built = s.topology(body, *PAIR)
    found = built.load_balancing.open_because(s.item(built, "Network/loadBalancers", "lb"))
    assert (found is not None) is is_open, found


def test_several_members_that_are_unknown_for_one_reason_are_several() -> None:
    found = behind(s.by_address("10.0.0.8", "10.0.0.9"), *PAIR, unlisted=[NIC])
    assert s.names(found) == ["?", "?"]


def test_a_global_load_balancer_sends_traffic_to_others() -> None:
    pool_of_frontends = {
        "loadBalancerBackendAddresses": [
            {"properties": {"loadBalancerFrontendIPConfiguration": {"id": FRONTEND.upper()}}},
            {"properties": {"loadBalancerFrontendIPConfiguration": {"id": f"{FRONTEND}-x".replace("/lb/", "/gone/")}}},
        ]
    }
    whole = {**s.load_balancer("anycast", {"pool": pool_of_frontends}), "sku": {"name": "Standard", "tier": "Global"}}
    built = s.topology(whole, LED, *PAIR, *X)
    assert s.names(vms(built, name="anycast")) == ["?", "vm-a", "vm-b"]
    assert built.load_balancing.open_because(s.item(built, "Network/loadBalancers", "anycast")) is None
    vm = s.item(built, "Compute/virtualMachines", "vm-a")
    assert [found.resource.name for found in built.load_balancing.pools_of(vm)] == ["lb"]


def test_instances_of_a_uniform_scale_set_are_represented_by_the_scale_set() -> None:
    scale_set = s.resource("Compute/virtualMachineScaleSets", "vmss", orchestrationMode="Uniform")
    instances = [
        {"id": f"{scale_set['id'].upper()}/virtualMachines/{n}/networkInterfaces/nic/ipConfigurations/ip"}
        for n in (0, 1)
    ]
    assert s.names(behind({"backendIPConfigurations": instances}, scale_set)) == ["vmss"]
    (stub,) = behind({"backendIPConfigurations": instances}).known
    assert getattr(stub, "key", "") == scale_set["id"].lower()


def test_a_pool_that_was_not_read_may_have_members() -> None:
    lb = s.load_balancer("lb", {"pool": {}})
    assert behind({}) == PartialList()
    what = "properties.backendAddressPools[0].properties.backendIPConfigurations"
    hidden = vms(s.topology(lb, gaps=[s.gap(lb["id"], what)]))
    assert hidden.missing is not None


def test_gateways_find_addresses_in_their_own_and_in_peered_networks() -> None:
    vnet = s.resource(
        "Network/virtualNetworks",
        "vnet",
        virtualNetworkPeerings=[{"properties": {"remoteVirtualNetwork": {"id": PEER.upper()}}}, {"properties": {}}],
    )
    there = (s.vm("vm-x"), s.nic("vm-x-nic", address="10.1.0.4", vnet=PEER))
    gateway = s.gateway("gw", {"ipAddress": "10.0.0.4"}, {"ipAddress": "10.1.0.4"})

    def found(*bodies: Body) -> PartialList:
        return vms(s.topology(gateway, *PAIR, *there, *bodies), "Network/applicationGateways", "gw")

    assert s.names(found(vnet)) == ["vm-a", "vm-x"]
    assert s.names(found()) == ["?", "vm-a"], "no peering is known"


def test_gateways_by_interface_and_by_name() -> None:
    by_name = s.gateway("gw", {"fqdn": "web.example.org"})
    by_nic = s.gateway("gw")
    by_nic["properties"]["backendAddressPools"][0]["properties"] = s.by_nic("vm-a-nic")
    nowhere = s.gateway("gw", {"ipAddress": "10.0.0.4"})
    nowhere["properties"]["gatewayIPConfigurations"] = [{}]
    for gateway, names in ((by_name, ["?"]), (by_nic, ["vm-a"]), (nowhere, ["?"])):
        assert s.names(vms(s.topology(gateway, *PAIR), "Network/applicationGateways", "gw")) == names


FRONTEND = arm_id("Network/loadBalancers", "lb") + "/frontendIPConfigurations/f"
LED = s.load_balancer(
    "lb",
    {"web": s.by_nic("vm-a-nic", "vm-b-nic"), "other": s.by_nic("vm-x-nic")},
    {
        "web": {**s.to("lb", "web"), "frontendIPConfiguration": {"id": FRONTEND.upper()}},
        "other": {**s.to("lb", "other"), "frontendIPConfiguration": {"id": f"{FRONTEND}-x"}},
    },
    frontendIPConfigurations=[
        {"id": FRONTEND, "properties": {"privateIPAddress": "10.0.0.9", "subnet": {"id": f"{s.VNET}/subnets/default"}}}
    ],
)
X = (s.vm("vm-x"), s.nic("vm-x-nic"))


@pytest.mark.parametrize(
    ("holder", "names"),
    [
        (s.configuration_id("vm-a-nic"), ["vm-a"]),
        (FRONTEND, ["vm-a", "vm-b"]),
        (f"{FRONTEND}-x", ["vm-x"]),
        (f"{FRONTEND}-y", []),
        (arm_id("Network/applicationGateways", "gw") + "/frontendIPConfigurations/f", ["?"]),
        (FRONTEND.replace("/lb/", "/lost/"), ["?"]),
        (arm_id("Network/natGateways", "nat"), ["?"]),
        ("", []),
    ],
)
def test_gateways_by_the_name_of_a_public_address(holder: str, names: list[str]) -> None:
    gateway = s.gateway("gw", {"fqdn": "LED.westeurope.cloudapp.azure.com"}, {"fqdn": "shop.azurewebsites.net"})
    address = s.public("pip", fqdn="led.westeurope.cloudapp.azure.com", of=holder)
    built = s.topology(gateway, LED, address, *PAIR, *X)
    assert s.names(vms(built, "Network/applicationGateways", "gw")) == names
    hidden = s.topology(gateway, LED, *PAIR, *X, gaps=[s.gap(address["id"])])
    (member,) = vms(hidden, "Network/applicationGateways", "gw").known
    assert isinstance(member, Unknown)
    assert member.cause is Cause.GAP


def test_what_refers_to_a_public_address_has_it() -> None:
    gateway = s.gateway("gw", {"fqdn": "led.westeurope.cloudapp.azure.com"})
    address = s.public("pip", fqdn="led.westeurope.cloudapp.azure.com")
    own = {"publicIPAddress": {"id": address["id"].upper()}}
    front = {"id": FRONTEND, "properties": own}
    balanced = {
        **LED,
        "properties": {**LED["properties"], "frontendIPConfigurations": [front, {"id": f"{FRONTEND}-x"}]},
    }
    card = s.nic("vm-a-nic", ipConfigurations=[{"properties": own}])
    for bodies, names in (
        ((balanced, *PAIR, *X), ["vm-a", "vm-b"]),
        ((LED, PAIR[0], card), ["vm-a"]),
        ((s.nic("spare", ipConfigurations=[{"properties": own}]),), []),
    ):
        assert s.names(vms(s.topology(gateway, address, *bodies), "Network/applicationGateways", "gw")) == names


def test_a_gateway_with_an_unknown_name_may_have_other_targets() -> None:
    web = s.public("web", fqdn="web.example.org", of=s.configuration_id("vm-a-nic"))
    mixed = s.gateway("gw", {"fqdn": "web.example.org"}, {"fqdn": "www.example.org"})
    without_owner = s.gateway("gw", {"fqdn": "www.example.org"})
    hidden = [s.gap(arm_id("Network/publicIPAddresses", "hidden"))]
    for gateway, gaps, causes in (
        (mixed, [], []),
        (mixed, hidden, [Cause.GAP]),
        (without_owner, [], [Cause.VALUE]),
        (without_owner, hidden, [Cause.GAP]),
        (s.gateway("gw"), hidden, []),
    ):
        found = s.topology(gateway, web, *PAIR, gaps=gaps).load_balancing.doubtful
        assert [doubt.cause for _, doubts in found for doubt in doubts] == causes


def test_gateways_in_front_of_a_load_balancer() -> None:
    gateway = s.gateway("gw", {"ipAddress": "10.0.0.9"})
    assert s.names(vms(s.topology(gateway, LED, *PAIR, *X), "Network/applicationGateways", "gw")) == [
        "vm-a",
        "vm-b",
    ]
    unread = s.topology(gateway, *PAIR, *X, gaps=[s.gap(LED["id"])])
    (member,) = vms(unread, "Network/applicationGateways", "gw").known
    assert isinstance(member, Unknown)
    assert member.cause is Cause.GAP
    cut = s.topology(gateway, {**LED, "properties": {**LED["properties"], "loadBalancingRules": "junk"}}, *PAIR, *X)
    assert s.names(vms(cut, "Network/applicationGateways", "gw")) == ["?"]


def test_a_loop_of_pools_ends() -> None:
    own = arm_id("Network/applicationGateways", "gw") + "/backendAddressPools/pool"
    rule = {"backendAddressPool": {"id": own}, "frontendIPConfiguration": {"id": FRONTEND}}
    circle = {**LED, "properties": {**LED["properties"], "loadBalancingRules": [{"properties": rule}]}}
    (member,) = vms(
        s.topology(s.gateway("gw", {"ipAddress": "10.0.0.9"}), circle), "Network/applicationGateways", "gw"
    ).known
    assert isinstance(member, Unknown)
    assert "leads to itself" in member.reason


@pytest.mark.parametrize(
    ("rule", "leads"),
    [
        (s.to("lb", "pool"), ["pool"]),
        (s.to("lb", "pool", "other", plural=True), ["pool", "other"]),
        (s.to("lb", "pool") | s.to("LB", "POOL", "other", plural=True), ["pool", "other"]),
        ({}, []),
    ],
)
def test_a_rule_has_one_pool_or_several_or_none(rule: Body, leads: list[str]) -> None:
    built = s.topology(s.load_balancer("lb", {"pool": {}, "other": {}}, {"rule": rule}))
    lb = s.item(built, "Network/loadBalancers", "lb")
    (found,) = parts(lb, RULES)
    assert [key.rsplit("/", 1)[1] for key in built.load_balancing.pool_keys(found)] == leads
    into = [p.body["name"] for p in parts(lb, POOLS) if built.load_balancing.rules_into(p)]  # type: ignore[index]
    assert into == leads


def test_a_rule_may_have_no_probe_or_one_that_is_not_there() -> None:
    rules = {"with": s.to("lb", "pool", probe="p"), "none": s.to("lb", "pool"), "lost": s.to("lb", "pool", probe="q")}
    built = s.topology(s.load_balancer("lb", {"pool": {}}, rules, {"p": {}}))
    found = {
        rule.body["name"]: built.graph.follow(rule, "probe")  # type: ignore[index]
        for rule in parts(s.item(built, "Network/loadBalancers", "lb"), RULES)
    }
    assert isinstance(found["with"].value, Part)
    assert found["with"].reads[0].path == "properties.loadBalancingRules[0].properties.probe.id"
    assert found["none"].value is ABSENT
    assert isinstance(found["lost"].value, Unknown)


DEPLOYMENT = """
- name: d
  product: iris
  regions: {primary: westeurope}
  mirrors: [{name: M, failover: [vm-a], arbiter: none, dr: none, reporting: none}]
  tiers: [{role: web, members: [vm-b]}, {role: app, members: none}]
"""


def test_roles_of_load_balancers_follow_from_the_targets_of_their_rules() -> None:
    bodies = (
        s.load_balancer("lb-mirror", {"pool": s.by_nic("vm-a-nic")}),
        s.load_balancer("lb-web", {"pool": s.by_address("10.0.0.5")}),
        s.load_balancer("lb-outbound", {"pool": s.by_nic("vm-a-nic", "vm-b-nic")}, {}),
        s.load_balancer("lb-stranger", {"pool": s.by_nic("nic-x")}),
        s.gateway("gw", {"ipAddress": "10.0.0.5"}),
    )
    built = s.topology(*PAIR, *bodies, s.vm("vm-x"), s.nic("nic-x", vm="vm-x"), deployment=DEPLOYMENT)
    deployment = s.only(built)
    assert s.names(deployment.load_balancers[LoadBalancerRole.MIRROR]) == ["lb-mirror"]
    assert s.names(deployment.load_balancers[LoadBalancerRole.WEB]) == ["lb-web"]
    assert s.names(deployment.scope["microsoft.network/loadbalancers"]) == ["lb-mirror", "lb-outbound", "lb-web"]
    assert s.names(deployment.scope["microsoft.network/applicationgateways"]) == ["gw"]
    vm = s.item(built, "Compute/virtualMachines", "vm-a")
    assert [p.resource.name for p in built.load_balancing.pools_of(vm)] == ["lb-mirror", "lb-outbound"]


def test_roles_of_load_balancers_are_unknown_where_vms_or_load_balancers_are_hidden() -> None:
    lb = s.load_balancer("lb-mirror", {"pool": s.by_nic("vm-a-nic")})
    for keywords, web in (
        ({"unlisted": ["microsoft.network/loadbalancers"]}, ["..."]),
        ({"gaps": [s.gap(arm_id("Network/loadBalancers", "hidden"))]}, ["..."]),
        ({"gaps": [s.gap(PAIR[1]["id"])]}, []),  # the network interface of another VM
        ({"deployment": DEPLOYMENT.replace("[vm-a]", "[vm-a, vm-lost]").replace("[vm-b]", "[vm-lost]")}, ["..."]),
    ):
        found = s.only(s.topology(*PAIR, lb, **{"deployment": DEPLOYMENT, **keywords})).load_balancers  # type: ignore[arg-type]
        assert s.names(found[LoadBalancerRole.MIRROR]) == ["lb-mirror", "..."], keywords
        assert s.names(found[LoadBalancerRole.WEB]) == web, keywords
    undeclared = s.only(s.topology(*PAIR, deployment=DEPLOYMENT.partition("  mirrors")[0])).load_balancers
    assert s.names(undeclared[LoadBalancerRole.WEB]) == ["..."]
