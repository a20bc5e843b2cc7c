"""Security groups as Azure applies them, compared with an oracle that applies each rule to one packet at a time."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from itertools import pairwise, product
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.azure.ranges import EVERY, INTERNET, IPV4, IPV6, Ranges, contains, difference, intersection, size, union
from auditor.estate.admission import Admission, admission
from auditor.estate.security_rules import Addresses, Host, Ports, SecurityRule
from auditor.estate.topology import Topology
from auditor.snapshot.known import Cause, PartialList, Unknown
from auditor.snapshot.model import Part
from tests.estate.subscription import Body, arm_id, gap, item, network_gateway, nic, resource, topology

ANYWHERE: Body = {"protocol": "*", "sourcePortRange": "*", "destinationAddressPrefix": "*"}
VNET = arm_id("Network/virtualNetworks", "vnet")


def rule(priority: Any = 100, source: Any = "*", ports: Any = "22", access: str = "Allow", **changes: Any) -> Body:
    """Return an inbound rule; a change to None removes the property."""
    body = {"priority": priority, "access": access, "direction": "Inbound", **ANYWHERE}
    body |= {"sourceAddressPrefix": source, "destinationPortRange": ports, **changes}
    return {"name": f"rule-{priority}", "properties": {k: v for k, v in body.items() if v is not None}}


def group(name: str, rules: Sequence[Body], **properties: Any) -> Body:
    return resource("Network/networkSecurityGroups", name, securityRules=list(rules), **properties)


def network(*groups: str) -> Body:
    """Return a network whose only subnet has a security group, or none."""
    reference = {"networkSecurityGroup": {"id": arm_id("Network/networkSecurityGroups", groups[0])}} if groups else {}
    subnet = {"id": f"{VNET}/subnets/default", "name": "default", "properties": reference}
    return resource("Network/virtualNetworks", "vnet", subnets=[subnet])


def ask(
    *rules: Body, own: Sequence[Body] | None = None, port: int = 22, address: Any = "10.0.0.4", **keywords: Any
) -> Admission:
    """Return the sources that the rules of the subnet admit, and those of the network interface where it has rules."""
    before: Body = (
        {"networkSecurityGroup": {"id": arm_id("Network/networkSecurityGroups", "own")}} if own is not None else {}
    )
    bodies = [network("subnet"), group("subnet", rules), nic("n", address=address, **before), group("own", own or [])]
    return admitted(bodies, port, **keywords)


def admitted(bodies: Sequence[Body], port: int = 22, **keywords: Any) -> Admission:
    built = topology(*bodies, **keywords)
    return built.security_groups.admissions(configuration_of(built), (port,))[0]


def configuration_of(built: Topology, name: str = "n") -> Part:
    interface = item(built, "Network/networkInterfaces", name)
    properties: Any = interface.body["properties"]
    return Part(interface, "properties.ipConfigurations[0]", properties["ipConfigurations"][0])


def whole_internet(found: Admission) -> bool:
    assert found.sure == found.possible
    assert found.sure in {(), INTERNET[found.family]}
    return bool(found.sure)


# --- what one rule means ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", ["*", "Internet", "INTERNET", "any", "Any", "0.0.0.0/0", " * "])
def test_sources_that_are_the_whole_internet(source: str) -> None:
    assert whole_internet(ask(rule(source=source)))
    assert not whole_internet(ask(rule(source=source, access="deny"), rule(200)))


@pytest.mark.parametrize(
    "source", ["VirtualNetwork", "AzureLoadBalancer", "AppService", "Storage.WestEurope", "10.0.0.0/8", "", None]
)
def test_sources_that_are_not_the_internet(source: str | None) -> None:
    assert not whole_internet(ask(rule(source=source)))
    assert whole_internet(ask(rule(source=source, access="Deny"), rule(200)))


def test_two_halves_are_the_whole_internet_and_one_is_not() -> None:
    halves: Body = {"source": None, "sourceAddressPrefixes": ["0.0.0.0/1", "128.0.0.0/1"]}
    assert whole_internet(ask(rule(**halves)))
    assert whole_internet(ask(rule(source="0.0.0.0/1"), rule(200, source="128.0.0.0/1")))
    half = ask(rule(source="0.0.0.0/1"))
    assert (size(half.sure) * 2 > size(INTERNET[IPV4]), half.sure == INTERNET[IPV4]) == (True, False)


def test_an_earlier_deny_narrows_and_a_later_one_does_not() -> None:
    deny = rule(90, source="8.8.8.8", access="Deny")
    assert ask(deny, rule()).sure == difference(INTERNET[IPV4], ((0x08080808, 0x08080808),))
    assert whole_internet(ask(rule(200, access="Deny"), rule()))
    assert not whole_internet(ask(rule(99, access="Deny"), rule()))


@pytest.mark.parametrize(
    ("change", "opened"),
    [
        ({"protocol": "TCP"}, True),
        ({"protocol": "Udp"}, False),
        ({"protocol": "icmp"}, False),
        ({"ports": "*"}, True),
        ({"ports": "20-25"}, True),
        ({"ports": "23-25"}, False),
        ({"ports": ""}, False),
        ({"ports": None}, False),
        ({"ports": None, "destinationPortRanges": ["80", "22"]}, True),
        ({"ports": "80", "destinationPortRanges": ["22"]}, True),
        ({"ports": None, "destinationPortRanges": []}, False),
        ({"sourcePortRange": None}, True),
        ({"sourcePortRange": "53"}, True),
        ({"sourcePortRange": ""}, False),
        ({"direction": "Outbound"}, False),
        ({"destinationAddressPrefix": "VirtualNetwork"}, True),
        ({"destinationAddressPrefix": "10.0.0.0/24"}, True),
        ({"destinationAddressPrefix": "10.0.0.4"}, True),
        ({"destinationAddressPrefix": "10.0.0.5"}, False),
        ({"destinationAddressPrefix": "Internet"}, False),
        ({"destinationAddressPrefix": ""}, False),
        ({"destinationAddressPrefix": None}, False),
        ({"destinationAddressPrefix": None, "destinationAddressPrefixes": ["10.1.0.0/16", "10.0.0.4/32"]}, True),
        ({"source": None, "sourceApplicationSecurityGroups": [{"id": arm_id("Network/asg", "a")}]}, False),
    ],
)
def test_what_a_rule_matches(change: Body, opened: bool) -> None:
    assert whole_internet(ask(rule(**change))) is opened


def test_application_security_groups_as_destination() -> None:
    asg = arm_id("Network/applicationSecurityGroups", "databases")
    to_group = rule(destinationAddressPrefix=None, destinationApplicationSecurityGroups=[{"id": asg.upper()}])
    configuration = {"privateIPAddress": "10.0.0.4", "subnet": {"id": f"{VNET}/subnets/default"}}
    for groups, opened in (([{"id": asg}], True), ([{"id": f"{asg}-dr"}], False), ([], False)):
        member = nic("n", ipConfigurations=[{"properties": {**configuration, "applicationSecurityGroups": groups}}])
        assert whole_internet(admitted([network("subnet"), group("subnet", [to_group]), member])) is opened


def test_ipv6() -> None:
    configuration = {"privateIPAddress": "fd00::4", "privateIPAddressVersion": "IPv6"}
    six = nic("n", ipConfigurations=[{"properties": {**configuration, "subnet": {"id": f"{VNET}/subnets/default"}}}])
    for source, opened in (("*", True), ("Internet", True), ("::/0", True), ("0.0.0.0/0", False)):
        found = admitted([network("subnet"), group("subnet", [rule(source=source)]), six])
        assert (found.family, whole_internet(found)) == (IPV6, opened)


# --- service tags -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", ["AzureCloud", "azurecloud", "AzureCloud.WestEurope", "AzureCloud.germanywc"])
def test_a_cloud_in_which_anyone_rents_vms_is_the_whole_internet(source: str) -> None:
    assert whole_internet(ask(rule(source=source)))
    assert whole_internet(ask(rule(source=None, sourceAddressPrefixes=["10.0.0.0/8", source])))
    assert whole_internet(ask(rule(source=source), own=[rule()]))
    assert not whole_internet(ask(rule(source=source), own=[]))
    assert whole_internet(ask(rule(source=source, access="Deny"), rule(200))), "most of the Internet is no VM of Azure"


@pytest.mark.parametrize(
    ("denied", "allowed", "opened"),
    [
        ("Internet", "AzureCloud", False),
        ("AzureCloud", "AzureCloud.WestEurope", False),
        ("AzureCloud", "LogicApps", False),
        ("AzureCloud.WestEurope", "AzureCloud", True),
        ("AzureCloud.WestEurope", "AzureCloud.NorthEurope", True),
        ("AzureCloud.WestEurope", "LogicApps.WestEurope", False),
        ("Storage", "AzureCloud", True),
        ("20.0.0.0/8", "AzureCloud", True),
        ("0.0.0.0/1", "AzureCloud", True),
    ],
)
def test_a_deny_closes_only_what_it_names(denied: str, allowed: str, *, opened: bool) -> None:
    assert whole_internet(ask(rule(90, source=denied, access="Deny"), rule(100, source=allowed))) is opened


def test_a_region_of_the_cloud_passes_two_groups_that_name_it_differently() -> None:
    assert whole_internet(ask(rule(source="AzureCloud"), own=[rule(source="AzureCloud.WestEurope")]))
    assert not whole_internet(ask(rule(source="AzureCloud.NorthEurope"), own=[rule(source="AzureCloud.WestEurope")]))


@pytest.mark.parametrize("source", ["LogicApps", "AzureFrontDoor.Backend", "DataFactory.WestEurope", "NobodyKnows"])
def test_a_service_that_may_do_what_customers_ask_is_not_known(source: str) -> None:
    found = ask(rule(source=source))
    assert (found.sure, found.possible) == ((), INTERNET[IPV4])
    assert source.lower() in found.because[0].reason
    assert whole_internet(ask(rule(source=source), rule(200)))
    assert whole_internet(ask(rule(source=source, access="Deny"), rule(200)))
    office = ask(rule(source=source), rule(200, source="198.51.100.0/24"))
    assert (size(office.sure), office.possible) == (256, INTERNET[IPV4])


def test_it_is_not_known_whether_the_cloud_has_addresses_of_ipv6() -> None:
    configuration = {"privateIPAddress": "fd00::4", "privateIPAddressVersion": "IPv6"}
    six = nic("n", ipConfigurations=[{"properties": {**configuration, "subnet": {"id": f"{VNET}/subnets/default"}}}])
    found = admitted([network("subnet"), group("subnet", [rule(source="AzureCloud")]), six])
    assert (found.sure, found.possible, len(found.because)) == ((), INTERNET[IPV6], 1)


# --- the service tag VirtualNetwork -----------------------------------------------------------------------------------

TABLE = arm_id("Network/routeTables", "routes")


def route(prefix: Any, hop: Any = "VirtualAppliance") -> Body:
    properties = {"addressPrefix": prefix, "nextHopType": hop}
    return {"name": "r", "properties": {k: v for k, v in properties.items() if v is not None}}


def routed(*routes: Any, address: str = "10.0.0.4", announced: bool = False, **keywords: Any) -> Admission:
    """Return who the default rules let in, in a subnet with a route table."""
    place = network("subnet")
    place["properties"]["subnets"][0]["properties"]["routeTable"] = {"id": TABLE}
    place["properties"] |= keywords.pop("network", {})
    table = resource("Network/routeTables", "routes", routes=list(routes), **keywords.pop("table", {}))
    bodies = [place, group("subnet", keywords.pop("rules", [])), nic("n", address=address), table]
    built = topology(*bodies, *keywords.pop("more", []), **keywords)
    return built.security_groups.admissions(configuration_of(built), (22,), has_public_path=lambda: announced)[0]


@pytest.mark.parametrize(
    ("routes", "opened"),
    [
        ([route("0.0.0.0/0")], True),
        ([route("0.0.0.0/0", "virtualNetworkGateway")], True),
        ([route("0.0.0.0/1"), route("128.0.0.0/1")], True),
        ([route("AzureCloud")], True),
        ([route("0.0.0.0/1"), route("AzureCloud.WestEurope")], True),
        ([], False),
        ([route("10.0.0.0/8"), route("172.16.0.0/12")], False),
        ([route("Storage", "Internet"), route("10.0.0.0/8", "None")], False),
        ([route("::/0")], False),
    ],
)
def test_routes_of_the_subnet_are_in_the_virtual_network(routes: list[Body], *, opened: bool) -> None:
    found = routed(*routes)
    assert whole_internet(found) is opened
    if opened:
        assert {"properties.routes[0].properties.addressPrefix"} <= {
            r.path for f in found.rules for r in f.sources.reads
        }


def test_what_a_route_adds_is_no_more_than_its_prefix() -> None:
    assert size(routed(route("198.51.100.0/24")).sure) == 256
    assert size(routed(route("0.0.0.0/1")).sure) > size(INTERNET[IPV4]) // 2


@pytest.mark.parametrize(
    ("prefix", "opened"), [("::/0", True), ("::/1", True), ("2000::/3", True), ("fd00::/8", False)]
)
def test_routes_of_ipv6(prefix: str, *, opened: bool) -> None:
    found = routed(route(prefix), address="fd00::4")
    assert (found.family, whole_internet(found)) == (IPV6, opened)


def test_a_rule_before_the_tag_decides_without_the_routes() -> None:
    closed = rule(4096, access="Deny", ports="*")
    assert not whole_internet(routed(route("0.0.0.0/0"), rules=[closed]))
    assert not whole_internet(routed(gaps=[gap(TABLE)], rules=[closed]))
    assert whole_internet(routed(route("0.0.0.0/0"), rules=[rule(90, source="VirtualNetwork")]))
    # A deny of the tag closes what the tag then stands for.
    denied = rule(90, source="VirtualNetwork", access="Deny")
    assert not whole_internet(routed(route("0.0.0.0/0"), rules=[denied, rule(100)]))
    assert whole_internet(routed(route("10.0.0.0/8"), rules=[denied, rule(100)]))


@pytest.mark.parametrize("hop", ["Internet", "None", None, 7, "VirtualTunnel"], ids=repr)
def test_a_route_to_elsewhere_may_be_in_the_virtual_network(hop: Any) -> None:
    found = routed(route("0.0.0.0/0", hop))
    assert (found.sure, found.possible, len(found.because)) == ((), INTERNET[IPV4], 1)
    small = routed(route("198.51.100.0/24", hop))
    assert (size(small.sure), size(small.possible), small.bounded) == (0, 256, True)
    cloud = routed(route("AzureCloud", hop))
    assert (cloud.sure, cloud.possible) == ((), INTERNET[IPV4])


@pytest.mark.parametrize("broken", [route(None), route("300.0.0.0/8"), route(7), "x"])
def test_a_route_that_makes_no_sense_may_be_a_default_route(broken: Any) -> None:
    found = routed(route("10.0.0.0/8"), broken)
    assert (found.sure, found.possible) == ((), INTERNET[IPV4])
    assert found.because[0].cause is Cause.VALUE


def test_a_route_table_that_was_not_read_may_have_a_default_route() -> None:
    place = network("subnet")
    subnet = place["properties"]["subnets"][0]["properties"]
    bodies = [group("subnet", []), nic("n", address="10.0.0.4")]
    for reference, cause in (
        ({"id": TABLE}, Cause.GAP),
        ({"id": 7}, Cause.VALUE),
        ({"id": f"{TABLE}-gone"}, Cause.VALUE),
    ):
        subnet["routeTable"] = reference
        found = admitted([place, *bodies], gaps=[gap(TABLE)])
        assert (found.sure, found.possible, found.because[0].cause) == ((), INTERNET[IPV4], cause)


GATEWAY = {"id": f"{VNET}/subnets/GatewaySubnet", "name": "GatewaySubnet", "properties": {}}


def test_forced_tunnelling_by_a_gateway_is_a_default_route() -> None:
    site: Body = {"gatewayDefaultSite": {"id": arm_id("Network/localNetworkGateways", "office")}}
    assert whole_internet(routed(more=[network_gateway("vpn", **site)]))
    assert not whole_internet(routed(more=[network_gateway("vpn")]))
    assert not whole_internet(routed(more=[network_gateway("vpn", **site)], table={"disableBgpRoutePropagation": True}))


@pytest.mark.parametrize("uses", ["GatewaySubnet", "RouteServerSubnet", "peering"])
def test_what_a_gateway_has_learned_is_not_known_where_a_public_path_leads_in(uses: str) -> None:
    place = network("subnet")["properties"]["subnets"]
    place[0]["properties"]["routeTable"] = {"id": TABLE}
    hub = arm_id("Network/virtualNetworks", "hub")
    peering = {"properties": {"useRemoteGateways": True, "remoteVirtualNetwork": {"id": hub}}}
    own = {**GATEWAY, "id": f"{VNET}/subnets/{uses}", "name": uses}
    place = {"subnets": place, "virtualNetworkPeerings": [peering]} if uses == "peering" else {"subnets": [*place, own]}
    found = routed(network=place, announced=True)
    assert (found.sure, found.possible, found.because[0].cause) == ((), INTERNET[IPV4], Cause.VALUE)
    assert not whole_internet(routed(network=place))
    assert not whole_internet(routed(network=place, announced=True, table={"disableBgpRoutePropagation": True}))
    assert not whole_internet(routed(announced=True)), "no gateway"


# --- groups -----------------------------------------------------------------------------------------------------------


def test_both_security_groups_must_admit_the_traffic() -> None:
    closed = [rule(access="Deny")]
    assert whole_internet(ask(rule(), own=[rule()]))
    assert not whole_internet(ask(rule(), own=closed))
    assert not whole_internet(ask(*closed, own=[rule()]))
    assert not whole_internet(ask(rule(source="0.0.0.0/1"), own=[rule(source="128.0.0.0/1")]))
    # One source port must be open in both.
    assert not whole_internet(ask(rule(sourcePortRange="1-99"), own=[rule(sourcePortRange="100-200")]))
    assert whole_internet(ask(rule(sourcePortRange="1-100"), own=[rule(sourcePortRange="100-200")]))


def alike(rules: Sequence[Body], **keywords: Any) -> dict[str, Admission]:
    """Return what is admitted to `a` and `b`, each with a security group of the same rules, and to `c`, with both."""
    both = network("a")
    both["properties"]["subnets"][0]["properties"] |= {"routeTable": {"id": TABLE}}
    other = resource(
        "Network/virtualNetworks", "other", subnets=[{"id": f"{OTHER}/subnets/default", "name": "default"}]
    )
    groups: dict[str, Body] = {
        name: {"networkSecurityGroup": {"id": arm_id("Network/networkSecurityGroups", name)}} for name in "ab"
    }
    interfaces = [nic(name, address="10.0.0.4", vnet=OTHER, **groups[name]) for name in "ab"]
    interfaces.append(nic("c", address="10.0.0.4", **groups["b"]))
    table = resource("Network/routeTables", "routes", routes=[route("0.0.0.0/0")])
    built = topology(both, other, *(group(name, rules) for name in "ab"), *interfaces, table, **keywords)
    return {name: built.security_groups.admissions(configuration_of(built, name), (22,))[0] for name in "abc"}


OTHER = arm_id("Network/virtualNetworks", "other")


def test_of_security_groups_with_the_same_rules_each_admission_has_its_own_ones() -> None:
    def named(found: dict[str, Admission]) -> dict[str, set[str]]:
        return {name: {each.part.resource.name for each in one.rules if each.part} for name, one in found.items()}

    assert named(alike([rule()])) == {"a": {"a"}, "b": {"b"}, "c": {"a", "b"}}
    routed_there = alike([rule(source="VirtualNetwork")])
    assert named(routed_there) == {"a": set(), "b": set(), "c": {"a", "b"}}
    assert all(each.sources.reads for each in routed_there["c"].rules)


def test_what_is_unknown_of_security_groups_with_the_same_rules_is_about_each_itself() -> None:
    found = alike([rule(access="?!")])
    assert [found[name].because[0].about for name in "ab"] == [
        (arm_id("Network/networkSecurityGroups", name),) for name in "ab"
    ]
    unread = gap(
        arm_id("Network/networkSecurityGroups", "b"), "properties.securityRules[0].properties.sourceAddressPrefixes"
    )
    found = alike([rule(source="10.0.0.0/8")], gaps=[unread])
    assert [bool(found[name].possible) for name in "ab"] == [False, True]


def test_without_security_group_all_traffic_is_admitted_and_the_reads_name_where_one_could_be() -> None:
    built = topology(network(), nic("n", address="10.0.0.4"))
    configuration = configuration_of(built)
    assert whole_internet(built.security_groups.admissions(configuration, (22,))[0])
    found = built.security_groups.of(configuration)
    assert found.value == PartialList()
    assert [read.path for read in found.reads] == [
        "properties.subnets[0].properties.networkSecurityGroup.id",
        "properties.networkSecurityGroup.id",
    ]


def test_azures_own_rules_hold_whether_or_not_the_body_shows_them() -> None:
    assert not whole_internet(ask())
    default = rule(65500, ports="*", access="Deny")
    shown = group("subnet", [], defaultSecurityRules=[default])
    assert not whole_internet(admitted([network("subnet"), shown, nic("n", address="10.0.0.4")]))
    # Where the body has them, they are used unchanged.
    shown = group("subnet", [], defaultSecurityRules=[rule(65000, ports="*")])
    assert whole_internet(admitted([network("subnet"), shown, nic("n", address="10.0.0.4")]))


def test_the_rules_that_admit_traffic_are_named() -> None:
    found = ask(rule(90, source="VirtualNetwork"), rule(100, source="0.0.0.0/1"), rule(110), own=[rule(300), rule(400)])
    paths = [(r.part.resource.name, r.part.path) for r in found.rules if r.part]
    assert paths == [
        ("subnet", "properties.securityRules[1]"),
        ("subnet", "properties.securityRules[2]"),
        ("own", "properties.securityRules[0]"),
    ]


# --- not knowing ------------------------------------------------------------------------------------------------------

UNSURE = [
    {"source": "300.1.1.1"},
    {"source": 7},
    {"source": None, "sourceAddressPrefixes": ["10.0.0.0/8", None, {"a": 1}]},
    {"ports": "x"},
    {"ports": "9-1"},
    {"ports": "70000"},
    {"protocol": "quic"},
    {"protocol": None},
    {"direction": None},
    {"access": "Maybe"},
    {"sourcePortRange": "-"},
    {"destinationAddressPrefix": "10.0.0.0/99"},
]


@pytest.mark.parametrize("change", UNSURE)
def test_a_malformed_security_rule_makes_unknown_only_what_earlier_ones_do_not_decide(change: Body) -> None:
    found = ask(rule(**change))
    assert (found.sure, found.possible) == ((), INTERNET[IPV4])
    assert found.because[0].cause is Cause.VALUE
    assert whole_internet(ask(rule(50), rule(**change)))
    assert not whole_internet(ask(rule(50, access="Deny"), rule(**change)))
    # Any value means one of two things.
    denied = ask(rule(**{"access": "Deny", **change}), rule(200))
    assert (denied.sure, denied.possible) == ((), INTERNET[IPV4])


@pytest.mark.parametrize(
    "change",
    [
        {"ports": None, "destinationPortRanges": ["22", "x"]},
        {"ports": None, "destinationPortRanges": ["x", "*"]},
        {"sourcePortRange": "*", "sourcePortRanges": ["x"]},
        {"destinationAddressPrefix": None, "destinationAddressPrefixes": ["10.0.0.0/99", "10.0.0.4"]},
        {"destinationAddressPrefix": None, "destinationAddressPrefixes": ["10.0.0.0/99", "*"]},
        {"source": None, "sourceAddressPrefixes": ["300.1.1.1", "*"]},
    ],
)
def test_valid_parts_of_a_malformed_security_rule_count(change: Body) -> None:
    assert whole_internet(ask(rule(**change)))


@pytest.mark.parametrize("unsure", [{"protocol": "quic"}, {"direction": None}, {"sourcePortRange": "-"}])
@pytest.mark.parametrize("apart", [{"ports": "23"}, {"destinationAddressPrefix": "10.0.0.5"}, {"source": "10.0.0.0/8"}])
def test_a_malformed_security_rule_for_other_traffic_does_not_count(unsure: Body, apart: Body) -> None:
    found = ask(rule(**unsure, **apart))
    assert not whole_internet(found)
    assert whole_internet(ask(rule(access="Deny", **unsure, **apart), rule(200)))


def test_an_interface_may_be_in_an_unknown_application_security_group() -> None:
    asg = arm_id("Network/applicationSecurityGroups", "databases")
    to_group = rule(destinationAddressPrefix=None, destinationApplicationSecurityGroups=[{"id": asg}])
    configuration = {"privateIPAddress": "10.0.0.4", "subnet": {"id": f"{VNET}/subnets/default"}}
    unsure: list[list[Any]] = [[{}], [7], [{"id": f"{asg}-dr"}, {"id": None}]]
    for groups in unsure:
        member = nic("n", ipConfigurations=[{"properties": {**configuration, "applicationSecurityGroups": groups}}])
        found = admitted([network("subnet"), group("subnet", [to_group]), member])
        assert (found.sure, found.possible) == ((), INTERNET[IPV4])
        assert whole_internet(admitted([network("subnet"), group("subnet", [rule()]), member])), (
            "no security rule names application security groups"
        )
        known = {"applicationSecurityGroups": [*groups, {"id": asg}]}
        sure = nic("n", ipConfigurations=[{"properties": {**configuration, **known}}])
        assert whole_internet(admitted([network("subnet"), group("subnet", [to_group]), sure]))


@pytest.mark.parametrize("change", [{"priority": None}, {"priority": "100"}, {"priority": True}])
def test_a_rule_without_place_makes_the_whole_group_unknown(change: Body) -> None:
    found = ask(rule(**change))
    assert (found.sure, found.possible) == ((), INTERNET[IPV4])
    assert not whole_internet(ask(rule(**change), own=[]))


def test_two_rules_of_one_priority_have_no_order() -> None:
    assert ask(rule(), rule(access="Deny")).because[0].reason.endswith("priority 100 (malformed)")
    assert whole_internet(ask(rule(), rule(access="Deny", direction="Outbound")))


def test_an_unknown_address_matters_only_to_rules_with_addresses() -> None:
    assert whole_internet(ask(rule(), address=""))
    for address in ("", "somewhere", None):
        found = ask(rule(destinationAddressPrefix="10.0.0.4"), address=address)
        assert (found.sure, found.possible) == ((), INTERNET[IPV4])


@pytest.mark.parametrize("hidden", ["networkSecurityGroups/subnet", "virtualNetworks/vnet"])
def test_an_unread_group_is_unknown_and_another_one_still_denies(hidden: str) -> None:
    type_, name = hidden.split("/")
    gaps = [gap(arm_id(f"Network/{type_}", name))]
    bodies = [b for b in (network("subnet"), group("subnet", [rule()])) if b["name"] != name]
    found = admitted([*bodies, nic("n", address="10.0.0.4")], gaps=gaps)
    assert (found.sure, found.possible) == ((), INTERNET[IPV4])
    assert found.because[0].cause is Cause.GAP
    closed = nic("n", networkSecurityGroup={"id": arm_id("Network/networkSecurityGroups", "own")})
    assert not whole_internet(admitted([*bodies, closed, group("own", [])], gaps=gaps))


def test_rules_that_were_not_read_make_the_group_unknown() -> None:
    subnet = group("subnet", [])
    del subnet["properties"]["securityRules"]
    gaps = [gap(subnet["id"], "properties.securityRules")]
    found = admitted([network("subnet"), subnet, nic("n", address="10.0.0.4")], gaps=gaps)
    assert (found.sure, found.possible) == ((), INTERNET[IPV4])


def test_a_network_interface_without_subnet_is_malformed() -> None:
    for subnet in ({}, {"subnet": {"id": 7}}, {"subnet": "default"}):
        found = admitted([nic("n", ipConfigurations=[{"properties": {"privateIPAddress": "10.0.0.4", **subnet}}])])
        assert isinstance(found.because[0], Unknown)
        assert (found.sure, found.possible) == ((), INTERNET[IPV4])


# --- the oracle -------------------------------------------------------------------------------------------------------

SOURCES = ["*", "Internet", "any", "0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1", "64.0.0.0/2", "8.8.8.0/24", "8.8.8.8"]
SOURCES += ["10.0.0.0/8", "VirtualNetwork", "AzureLoadBalancer", "Storage", "", "203.0.113.0/25"]
PORTS = ["*", "22", "20-25", "23", "22-22", "0-65535", "", "3389"]
SOURCE_PORTS = ["*", "53", "1024-65535", "0-52", ""]
DESTINATIONS = ["*", "VirtualNetwork", "10.0.0.4", "10.0.0.0/24", "10.0.0.5", "", "Internet"]
PROTOCOLS = ["*", "Tcp", "TCP", "udp", "Icmp"]


def mostly(usual: str, values: list[str]) -> st.SearchStrategy[str]:
    """Draw a value that matches in most cases, so that security rules overlap."""
    return st.sampled_from([usual] * 2 * len(values) + values)


PROPERTIES = st.fixed_dictionaries(
    {
        "access": st.sampled_from(["Allow", "Deny", "allow"]),
        "direction": mostly("Inbound", ["Inbound", "Outbound"]),
        "protocol": mostly("*", PROTOCOLS),
        "sourcePortRange": mostly("*", SOURCE_PORTS),
        "sourceAddressPrefix": st.sampled_from(SOURCES),
        "destinationPortRange": mostly("*", PORTS),
        "destinationAddressPrefix": mostly("*", DESTINATIONS),
    },
    optional={
        "sourceAddressPrefixes": st.lists(st.sampled_from(SOURCES), max_size=3),
        "destinationPortRanges": st.lists(st.sampled_from(PORTS), max_size=2),
        "destinationAddressPrefixes": st.lists(st.sampled_from(DESTINATIONS), max_size=2),
    },
)
RULES = st.lists(PROPERTIES, max_size=6).flatmap(
    lambda found: st.permutations(range(100, 100 + len(found))).map(
        lambda order: [{"properties": {**p, "priority": n}} for p, n in zip(found, order, strict=True)]
    )
)


def said(properties: Body, singular: str, plural: str) -> list[str]:
    return [text for text in (properties.get(singular, ""), *properties.get(plural, [])) if text]


def from_there(text: str, source: str) -> bool:
    if text.lower() in {"*", "any", "internet"}:
        return True
    try:
        return ipaddress.ip_address(source) in ipaddress.ip_network(text)
    except ValueError:
        return False


def at_port(text: str, port: int) -> bool:
    low, _, high = text.partition("-")
    return text == "*" or int(low) <= port <= int(high or low)


def to_there(text: str) -> bool:
    return text in {"*", "VirtualNetwork", "10.0.0.4", "10.0.0.0/24"}


def lets_in(rules: Sequence[Body], source: str, source_port: int, port: int) -> bool:
    """Apply each rule in turn to one packet from the Internet to 10.0.0.4."""
    for body in sorted(rules, key=lambda found: found["properties"]["priority"]):
        p = body["properties"]
        if (
            p["direction"] == "Inbound"
            and p["protocol"].lower() in {"*", "tcp"}
            and any(from_there(text, source) for text in said(p, "sourceAddressPrefix", "sourceAddressPrefixes"))
            and any(at_port(text, source_port) for text in said(p, "sourcePortRange", "sourcePortRanges"))
            and any(at_port(text, port) for text in said(p, "destinationPortRange", "destinationPortRanges"))
            and any(to_there(text) for text in said(p, "destinationAddressPrefix", "destinationAddressPrefixes"))
        ):
            return bool(p["access"].lower() == "allow")
    return False


PACKETS = ["1.1.1.1", "8.8.7.255", "8.8.8.0", "8.8.8.7", "8.8.8.8", "8.8.8.9", "8.8.9.0", "63.255.255.255", "64.0.0.0"]
PACKETS += ["126.0.0.1", "128.0.0.0", "203.0.113.0", "203.0.113.127", "203.0.113.128", "223.255.255.255"]


@pytest.mark.slow
@given(subnet=RULES, own=st.none() | RULES, port=st.sampled_from([22, 23, 3389, 0, 65535]))
@settings(max_examples=400)
def test_admissions_agree_with_applying_each_rule_to_each_packet(
    subnet: list[Body], own: list[Body] | None, port: int
) -> None:
    found = ask(*subnet, own=own, port=port)
    assert found.sure == found.possible
    groups = [subnet] if own is None else [subnet, own]
    for source in PACKETS:
        expected = any(
            all(lets_in(rules, source, source_port, port) for rules in groups)
            for source_port in (0, 52, 53, 54, 1023, 1024, 65535)
        )
        assert contains(found.sure, int(ipaddress.ip_address(source))) is expected, source
    assert bool(found.rules) is bool(found.sure)


@pytest.mark.slow
@given(rules=RULES, data=st.data())
@settings(max_examples=200)
def test_an_unknown_admission_contains_all_possible_ones(rules: list[Body], data: st.DataObject) -> None:
    whole = ask(*rules)
    spoilt = [{"properties": dict(body["properties"])} for body in rules]
    for body in spoilt:
        for name in data.draw(st.sets(st.sampled_from(sorted(body["properties"].keys() - {"priority"})), max_size=2)):
            body["properties"][name] = ["?!"] if name.endswith(("es", "Ranges")) else "?!"
    found = ask(*spoilt)
    assert difference(found.sure, whole.sure) == ()
    assert difference(whole.sure, found.possible) == ()
    assert difference(found.sure, found.possible) == ()
    assert (found.sure == found.possible) is not bool(found.because)


# --- the oracle of what is not known ----------------------------------------------------------------------------------

BLOCKS = [((low << 24, (low + 1 << 24) - 1),) for low in (1, 2, 3)]
"""Parts of the Internet, some of which rules name."""

SENDERS = [*(block[0][0] for block in BLOCKS), 4 << 24]
"""An address of each, and one that no rule names."""

DOUBT = Unknown(Cause.VALUE, "who knows")


class Drawn(NamedTuple):
    """A rule, of which each part may be unknown."""

    blocks: frozenset[int]
    more_sources: bool
    """Whether it may name further senders."""
    concerned: bool | Unknown
    allows: bool | Unknown

    def made(self, priority: int) -> SecurityRule:
        named = {IPV4: union(*(BLOCKS[block] for block in self.blocks)), IPV6: ()}
        return SecurityRule(
            None,
            priority,
            self.allows,
            self.concerned,
            "*",
            Ports(((0, 65535),)),
            Ports(((0, 65535),)),
            Addresses(named, unknown=DOUBT if self.more_sources else None),
            Addresses(dict(EVERY), everywhere=True),
        )

    def ways(self, sender: int) -> set[tuple[bool, bool]]:
        """Return the possible effects of the rule on traffic of a sender: whether it decides, and how."""
        named = sender in self.blocks
        sources = {named, True} if self.more_sources else {named}
        concerned = {True, False} if isinstance(self.concerned, Unknown) else {self.concerned}
        allows = {True, False} if isinstance(self.allows, Unknown) else {self.allows}
        return {(a and b, c) for a in sources for b in concerned for c in allows}


MAYBE = st.sampled_from([True, False, DOUBT])
DRAWN = st.lists(
    st.builds(
        Drawn, st.frozensets(st.integers(0, 2)), st.booleans(), st.sampled_from([True, True, False, DOUBT]), MAYBE
    ),
    max_size=4,
)


def outcomes(rules: Sequence[Drawn], sender: int) -> tuple[set[bool], set[int]]:
    """Return the possible results for a sender in one group, and the positions of the rules that may admit it."""
    ends: set[bool] = set()
    through: set[int] = set()
    for world in product(*(rule.ways(sender) for rule in rules)):
        place, allows = next(((n, a) for n, (decides, a) in enumerate(world) if decides), (-1, False))
        ends.add(allows)
        through |= {place} if allows else set()
    return ends, through


@pytest.mark.slow
@given(groups=st.lists(DRAWN, min_size=1, max_size=2))
@settings(max_examples=600, deadline=None)
def test_unknown_admissions_agree_with_all_possible_values(groups: list[list[Drawn]]) -> None:
    made = [[rule.made(n) for n, rule in enumerate(rules)] for rules in groups]
    found = admission(made, Host(IPV4, 0x0A000004), 22)
    named: set[int] = set()
    for number, sender in enumerate(SENDERS):
        each = [outcomes(rules, number) for rules in groups]
        assert contains(found.sure, sender) is all(ends == {True} for ends, _ in each)
        assert contains(found.possible, sender) is all(True in ends for ends, _ in each)
        if contains(found.possible, sender):
            named |= {id(made[g][place]) for g, (_, through) in enumerate(each) for place in through}
    assert {id(rule) for rule in found.rules} == named
    assert bool(found.because) is (found.sure != found.possible)


@pytest.mark.parametrize("doubt", [{"concerned": DOUBT}, {"more_sources": True}, {"allows": DOUBT}])
def test_an_uncertain_deny_makes_only_its_own_traffic_unknown(doubt: dict[str, Any]) -> None:
    deny = Drawn(frozenset({0}), **{"more_sources": False, "concerned": True, "allows": False, **doubt})
    allow = Drawn(frozenset({0, 1}), more_sources=False, concerned=True, allows=True)
    found = admission([[deny.made(1), allow.made(2)]], Host(IPV4, 0x0A000004), 22)
    surely, possibly = {
        "concerned": (BLOCKS[1], union(BLOCKS[0], BLOCKS[1])),
        "more_sources": ((), BLOCKS[1]),
        "allows": (BLOCKS[1], union(BLOCKS[0], BLOCKS[1])),
    }[next(iter(doubt))]
    assert (found.sure, found.possible, found.because) == (surely, possibly, (DOUBT,))


NUMBERS = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 8)).map(lambda p: (p[0], p[0] + p[1])), max_size=5)


@pytest.mark.slow
@given(one=NUMBERS, other=NUMBERS)
def test_sets_of_numbers(one: list[tuple[int, int]], other: list[tuple[int, int]]) -> None:
    def members(ranges: Ranges) -> set[int]:
        return {number for low, high in ranges for number in range(low, high + 1)}

    a, b = union(tuple(one)), union(tuple(other))
    for ranges, expected in (
        (a, members(tuple(one))),
        (union(a, b), members(a) | members(b)),
        (intersection(a, b), members(a) & members(b)),
        (difference(a, b), members(a) - members(b)),
    ):
        assert members(ranges) == expected
        assert size(ranges) == len(expected)
        assert list(ranges) == sorted(ranges)
        assert all(contains(ranges, number) is (number in expected) for number in range(45))
    assert all(high + 1 < low for (_, high), (low, _) in pairwise(a))


def test_the_internet_has_no_private_addresses() -> None:
    for address in ("10.1.2.3", "172.31.0.1", "192.168.0.1", "127.0.0.1", "169.254.1.1", "100.64.0.1", "224.0.0.1"):
        assert not contains(INTERNET[IPV4], int(ipaddress.ip_address(address)))
    assert contains(INTERNET[IPV4], int(ipaddress.ip_address("172.32.0.1")))
    assert difference(INTERNET[IPV6], EVERY[IPV6]) == ()
