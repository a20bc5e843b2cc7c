"""Facts about the Internet exposure of VMs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from auditor.estate.topology import Topology
from auditor.rules.facts import FACTS
from auditor.snapshot.known import Cause, Interval, PartialList, Unknown, interval
from tests.estate.subscription import (
    SUB,
    VNET,
    Body,
    arm_id,
    by_address,
    by_nic,
    configuration_id,
    context,
    gap,
    gateway,
    item,
    load_balancer,
    nic,
    resource,
    size,
    to,
    topology,
    vm,
)
from tests.rules.facts.guest import DEPLOYMENT as MIRROR
from tests.rules.facts.guest import TAKEN, cpf, vm_of
from tests.rules.facts.test_traffic import admin

DEPLOYMENT = """
- name: prod
  product: iris
  environment: production
  regions: {primary: westeurope, dr: none}
  mirrors: none
  tiers:
    - {role: db, members: [a]}
    - {role: web, members: none}
    - {role: app, members: none}
"""
PIP = arm_id("Network/publicIPAddresses", "pip")
NSG = arm_id("Network/networkSecurityGroups", "nsg")
LB = arm_id("Network/loadBalancers", "lb")
PUBLIC = [{"id": f"{LB}/frontendIPConfigurations/front", "properties": {"publicIPAddress": {"id": PIP}}}]
PRIVATE = [{"id": f"{LB}/frontendIPConfigurations/front", "properties": {"privateIPAddress": "10.0.0.9"}}]
FRONT = {"frontendIPConfiguration": {"id": f"{LB}/frontendIPConfigurations/front"}}


def network(*, filtered: bool = True) -> Body:
    properties = {"networkSecurityGroup": {"id": NSG}} if filtered else {}
    subnets = [{"id": f"{VNET}/subnets/default", "name": "default", "properties": properties}]
    return resource("Network/virtualNetworks", "vnet", subnets=subnets)


def group(ports: str = "22", source: str = "*") -> Body:
    rule = {"priority": 100, "access": "Allow", "direction": "Inbound", "protocol": "*", "sourcePortRange": "*"}
    rule |= {"sourceAddressPrefix": source, "destinationPortRange": ports, "destinationAddressPrefix": "*"}
    rules = [{"name": "open", "properties": rule}]
    return resource("Network/networkSecurityGroups", "nsg", securityRules=rules)


def address(sku: str = "Standard") -> Body:
    return resource("Network/publicIPAddresses", "pip", top={"sku": {"name": sku}})


def interface(name: str = "a-nic", *, public: bool = False, **configuration: Any) -> Body:
    own = {"privateIPAddress": "10.0.0.4", "subnet": {"id": f"{VNET}/subnets/default"}, **configuration}
    if public:
        own["publicIPAddress"] = {"id": PIP}
    entry = {"id": configuration_id(name), "name": "ipconfig1", "properties": own}
    return nic(name, vm="a", ipConfigurations=[entry])


def built(*bodies: Body, nics: Sequence[str] = ("a-nic",), **keywords: Any) -> Topology:
    return topology(vm("a", nics=nics), *bodies, deployment=DEPLOYMENT, **keywords)


def find(name: str, found: Topology, element: object = None) -> Any:
    vm = item(found, "Compute/virtualMachines", "a")
    return FACTS[name].find(context(found), vm if element is None else element).value


def openings(found: Topology) -> dict[int, Any]:
    listed = find("vm.internet_openings", found)
    assert listed.missing is None
    return {find("opening.port", found, o): o for o in listed.known}


def paths(found: Topology) -> list[tuple[str, int]]:
    listed = find("vm.public_paths", found)
    assert listed.missing is None, listed.missing
    return [(find("path.kind", found, p), find("path.port", found, p)) for p in listed.known]


# --- interfaces -------------------------------------------------------------------------------------------------------


def test_interfaces_and_their_configurations() -> None:
    found = built(interface(), network(), group())
    assert [nic.name for nic in find("vm.network_interfaces", found).known] == ["a-nic"]
    (configuration,) = find("vm.ip_configurations", found).known
    groups = find("configuration.security_groups", found, configuration)
    assert [g.id for g in groups.known] == [NSG]


def test_a_security_group_that_was_not_read_is_listed_too() -> None:
    found = built(interface(), network(), unlisted=["microsoft.network/networksecuritygroups"])
    (configuration,) = find("vm.ip_configurations", found).known
    assert find("configuration.security_groups", found, configuration).complete


@pytest.mark.parametrize(
    ("nics", "bodies", "cause"),
    [
        (["a-nic"], [], Cause.VALUE),
        ([], [], Cause.VALUE),
        (["a-nic"], [nic("a-nic", ipConfigurations=[])], Cause.VALUE),
        (["a-nic"], [nic("a-nic", ipConfigurations=["x"])], Cause.VALUE),
    ],
)
def test_a_vm_without_interface_or_ip_configuration_is_unknown(
    nics: list[str], bodies: list[Body], cause: Cause
) -> None:
    found = built(*bodies, nics=nics)
    for name in ("vm.ip_configurations", "vm.internet_openings", "vm.public_paths"):
        listed = find(name, found)
        unsure = listed.missing or next(entry for entry in listed.known if isinstance(entry, Unknown))
        assert unsure.cause is cause, name
    assert not find("vm.ip_configurations", built(gaps=[gap(arm_id("Network/networkInterfaces", "a-nic"))])).complete


@pytest.mark.parametrize(("said", "means"), [("True", True), ("true", True), ("False", False)])
def test_accelerated_networking_by_size(said: str, *, means: bool) -> None:
    found = built(size(AcceleratedNetworkingEnabled=said))
    assert find("vm.accelerated_networking_supported", found) is means
    unlisted = built(unlisted=["microsoft.compute/skus"])
    assert find("vm.accelerated_networking_supported", unlisted).cause is Cause.GAP


# --- openings ---------------------------------------------------------------------------------------------------------


def test_sensitive_ports_that_are_open_and_the_rule_that_opens_them() -> None:
    found = built(interface(), network(), group("1000-3000"))
    opened = openings(found)
    assert sorted(opened) == [1972, 2188]
    assert find("opening.internet_share", found, opened[1972]) == 1
    reads = {read.path: read.value for read in opened[1972].reads}
    assert reads["properties.securityRules[0].name"] == "open"
    assert reads["properties.securityRules[0].properties.sourceAddressPrefix"] == "*"
    assert {read.resource for read in opened[1972].reads} == {NSG}
    assert opened[1972].id.endswith("/ipConfigurations/ipconfig1:1972")


def test_an_office_is_a_small_part_of_the_internet() -> None:
    found = built(interface(), network(), group(source="198.51.100.0/24"))
    share = find("opening.internet_share", found, openings(found)[22])
    assert 0 < share < 1e-6


def test_without_group_everything_is_open_and_the_reads_say_why() -> None:
    found = built(interface(), network(filtered=False))
    opened = openings(found)
    assert sorted(opened) == [22, 1972, 2188, 3389, 5985, 5986, 51773, 52773, 57772]
    assert {read.path.rsplit(".", 2)[-2] for read in opened[22].reads} == {"networkSecurityGroup"}


def test_what_may_be_open_is_missing_and_not_open() -> None:
    for hidden in (gap(NSG), gap(VNET)):
        bodies = [body for body in (interface(), network(), group()) if body["id"] != hidden["scope"]]
        listed = find("vm.internet_openings", built(*bodies, gaps=[hidden]))
        assert listed.known == ()
        assert listed.missing.cause is Cause.GAP


def test_a_share_of_which_only_the_bounds_are_known() -> None:
    half = group(source="0.0.0.0/1")
    unsure = {**half["properties"]["securityRules"][0]["properties"], "priority": 200, "sourceAddressPrefix": "?"}
    half["properties"]["securityRules"].append({"properties": unsure})
    found = built(interface(), network(), half)
    share = find("opening.internet_share", found, openings(found)[22])
    assert isinstance(share, Interval)
    assert (share.high, share.low < 0.6, len(share.because)) == (1, True, 1)


# --- public paths -----------------------------------------------------------------------------------------------------


def lb(frontends: list[Body] | None = None, sku: str = "Standard", **properties: Any) -> Body:
    rule = {**to("lb", "pool"), **FRONT, "protocol": "Tcp", "frontendPort": 2222, "backendPort": 22}
    rule |= properties.pop("rule", {})
    rule = {key: found for key, found in rule.items() if found is not None}
    pool = properties.pop("pool", by_nic("a-nic"))
    body = load_balancer(
        "lb", {"pool": pool}, {"rule": rule}, frontendIPConfigurations=frontends or PUBLIC, **properties
    )
    return {**body, "sku": {"name": sku}}


def nat(**changes: Any) -> list[Body]:
    target = {"backendIPConfiguration": {"id": configuration_id("a-nic").upper()}}
    properties = {**FRONT, **target, "protocol": "Tcp", "frontendPort": 50001, "backendPort": 3389, **changes}
    return [{"id": f"{LB}/inboundNatRules/n", "properties": {k: v for k, v in properties.items() if v is not None}}]


@pytest.mark.parametrize(
    ("bodies", "expected"),
    [
        ([interface()], []),
        ([interface(public=True), address()], [("address", 0)]),
        ([interface(public=True)], [("address", 0)]),
        ([interface(), lb()], [("balancing", 22)]),
        ([interface(), lb(pool=by_address("10.0.0.4"))], [("balancing", 22)]),
        (
            [interface(loadBalancerBackendAddressPools=[{"id": f"{LB}/backendAddressPools/pool"}]), lb()],
            [("balancing", 22)],
        ),
        ([interface(), lb(rule={"protocol": "All", "backendPort": 0})], [("balancing", 0)]),
        ([interface(), lb(rule={"protocol": "Udp"})], []),
        ([interface(), lb(PRIVATE)], []),
        ([interface(), lb(pool=by_nic("other-nic")), nic("other-nic")], []),
        ([interface(), lb(pool={}, inboundNatRules=nat())], [("nat", 3389)]),
        ([interface(), lb(PRIVATE, inboundNatRules=nat())], []),
        ([interface(), lb(inboundNatRules=nat(protocol="Udp"))], [("balancing", 22)]),
        (
            [
                interface(loadBalancerInboundNatRules=[{"id": f"{LB}/inboundNatRules/n"}]),
                lb(pool={}, inboundNatRules=nat(backendIPConfiguration=None)),
            ],
            [("nat", 3389)],
        ),
        (
            [interface(), lb(inboundNatRules=nat(backendIPConfiguration=None, **to("lb", "pool")))],
            [("balancing", 22), ("nat", 3389)],
        ),
        ([interface(), gateway("gw", {"ipAddress": "10.0.0.4"})], []),
    ],
)
def test_public_paths(bodies: list[Body], expected: list[tuple[str, int]]) -> None:
    assert paths(built(*bodies, network())) == expected


def test_a_range_of_addresses_is_public_as_well() -> None:
    prefix = [
        {"id": PUBLIC[0]["id"], "properties": {"publicIPPrefix": {"id": arm_id("Network/publicIPPrefixes", "p")}}}
    ]
    assert paths(built(interface(), lb(prefix), network())) == [("balancing", 22)]


@pytest.mark.parametrize(
    "changes",
    [
        {"rule": {"backendPort": "22"}},
        {"rule": {"backendPort": None}},
        {"rule": {"protocol": None}},
        {"rule": {"frontendIPConfiguration": None}},
        {"rule": {"frontendIPConfiguration": {"id": f"{LB}/frontendIPConfigurations/gone"}}},
        {"frontends": [{"id": PUBLIC[0]["id"], "properties": {"publicIPAddress": {"id": 7}}}]},
        {"inboundNatRules": ["x"]},
    ],
)
def test_a_rule_that_makes_no_sense_may_be_a_path(changes: Body) -> None:
    assert find("vm.public_paths", built(interface(), lb(**changes), network())).missing.cause is Cause.VALUE


def test_a_load_balancer_that_was_not_read_may_be_a_path() -> None:
    for keywords in ({"unlisted": ["microsoft.network/loadbalancers"]}, {"gaps": [gap(LB)]}):
        assert find("vm.public_paths", built(interface(), network(), **keywords)).missing.cause is Cause.GAP
    assert find("vm.public_paths", built(interface(publicIPAddress={"id": 7}), network())).missing is not None


def opened_paths(found: Topology, port: int) -> PartialList:
    listed = find("opening.public_paths", found, openings(found)[port])
    assert isinstance(listed, PartialList)
    return listed


def test_only_paths_to_the_open_port_count() -> None:
    found = built(interface(), network(), group("*"), lb(), address())
    assert [find("path.kind", found, p) for p in opened_paths(found, 22).known] == ["balancing"]
    assert opened_paths(found, 1972) == PartialList()


def test_only_paths_to_the_open_configuration_count() -> None:
    other = nic("b-nic", vm="a", networkSecurityGroup={"id": f"{NSG}-closed"})
    other["properties"]["ipConfigurations"][0] |= {"id": configuration_id("b-nic")}
    closed = resource("Network/networkSecurityGroups", "nsg-closed", securityRules=[])
    found = built(
        interface(), other, network(), group(), closed, lb(pool=by_nic("b-nic")), address(), nics=["a-nic", "b-nic"]
    )
    assert paths(found) == [("balancing", 22)]
    assert opened_paths(found, 22) == PartialList()


def test_standard_addresses_and_load_balancers_are_closed_without_security_group() -> None:
    bare = network(filtered=False)
    for sku, count in (("Standard", 0), ("StandardV2", 0), ("Basic", 1)):
        assert len(opened_paths(built(interface(public=True), bare, address(sku)), 22).known) == count
        assert len(opened_paths(built(interface(), bare, lb(sku=sku)), 22).known) == count
    assert opened_paths(built(interface(public=True), bare, gaps=[gap(PIP)]), 22).missing is not None
    assert len(opened_paths(built(interface(public=True), network(), group(), address()), 22).known) == 1


# --- security admin rules ---------------------------------------------------------------------------------------------


INTERNET = [{"addressPrefix": "Internet", "addressPrefixType": "ServiceTag"}]
OFFICE = [{"addressPrefix": "20.0.0.0/24", "addressPrefixType": "IPPrefix"}]
CLOUD = [{"addressPrefix": "AzureCloud", "addressPrefixType": "ServiceTag"}]
OPEN, CLOSED = group(), group(source="10.0.0.0/8")


@pytest.mark.parametrize(
    ("security_group", "manager", "expected"),
    [
        (OPEN, admin("Deny", VNET), None),
        (OPEN, admin("Deny"), None),
        (OPEN, admin("Deny", VNET, sources=INTERNET), None),
        (OPEN, admin("Deny", VNET, sources=CLOUD), None),
        (OPEN, admin("Deny", VNET, sources=OFFICE), (0.99, 1)),
        (OPEN, admin("Deny", VNET, sources=[]), None),
        (OPEN, admin("Deny", VNET, sources=[{"addressPrefix": 7}]), None),
        (OPEN, admin("Deny", VNET, priority="first"), None),
        (OPEN, admin("Deny", f"{VNET}-x"), (1, 1)),
        (OPEN, admin("Deny", VNET, destinationPortRanges=["443"]), (1, 1)),
        (OPEN, admin("Deny", VNET, protocol="Udp"), (1, 1)),
        (OPEN, admin("Deny", VNET, direction="Outbound"), (1, 1)),
        (OPEN, admin("Deny", VNET, destinations=[{"addressPrefix": "10.0.0.5/32"}]), (1, 1)),
        (OPEN, admin("Allow", VNET), (1, 1)),
        (OPEN, admin("AlwaysAllow", VNET), None),
        (OPEN, admin("AlwaysAllow", VNET, destinationPortRanges=["22"]), (1, 1)),
        (OPEN, [*admin("Allow", VNET, priority=5), *admin("Deny", VNET)[1:2]], (1, 1)),
        (OPEN, [*admin("Allow", VNET, priority=5, sources=OFFICE), *admin("Deny", VNET)[1:2]], None),
        (OPEN, admin("Sideways", VNET), None),
        (CLOSED, admin("Deny", VNET), (0, 0)),
        (CLOSED, admin("Allow", VNET), (0, 0)),
        (CLOSED, admin("AlwaysAllow", VNET), None),
        (CLOSED, admin("AlwaysAllow", VNET, sources=OFFICE), (0, 0.001)),
        (CLOSED, admin("AlwaysAllow", VNET, sources=CLOUD), None),
        (CLOSED, [*admin("Deny", VNET, priority=5), *admin("AlwaysAllow", VNET)[1:2]], (0, 0)),
    ],
)
def test_a_security_admin_rule_that_changes_what_is_open_makes_it_unknown(
    security_group: Body, manager: list[Body], expected: tuple[float, float] | None
) -> None:
    """No resource shows whether it is deployed."""
    listed = find("vm.internet_openings", built(interface(), network(), security_group, *manager))
    assert (listed.missing is None) is (expected is not None), listed.missing
    if listed.missing is not None:
        assert "if its configuration is deployed" in listed.missing.reason or "priority" in listed.missing.reason
        return
    found = built(interface(), network(), security_group, *manager)
    shares = [find("opening.internet_share", found, opening) for opening in openings(found).values()]
    low, high = expected or (0, 0)
    assert all(bounds is not None and low <= bounds.low <= bounds.high <= high for bounds in map(interval, shares))
    assert bool(shares) is (high > 0)


def test_network_managers_that_could_not_be_read_leave_open_ports_unknown() -> None:
    for group_ in (OPEN, CLOSED):
        gaps = [gap(SUB, "Microsoft.Network/networkManagers")]
        listed = find("vm.internet_openings", built(interface(), network(), group_, gaps=gaps))
        assert listed.missing.cause is Cause.GAP


def test_the_superserver_port_in_cpfs_is_sensitive_on_all_members() -> None:
    members = [each for name in "abc" for each in (vm(name), interface(f"{name}-nic"))]
    file = cpf("a", startup={"defaultPort": 6661})
    built = topology(*members, network(), group("6661"), file, deployment=MIRROR, taken_at=TAKEN)
    found = FACTS["vm.internet_openings"].find(context(built), vm_of(built, "c")).value
    assert [opening.is_superserver for opening in PartialList.of(found).known] == [True]  # type: ignore[attr-defined]
