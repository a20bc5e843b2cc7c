"""Whether security rules let health probes and the traffic of mirrors through."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import accumulate
from typing import Any

import pytest

from auditor.snapshot.known import Cause, PartialList, Unknown
from tests.estate import subscription as s
from tests.estate.subscription import VNET, Body, arm_id
from tests.rules.facts.asking import ask

LB = arm_id("Network/loadBalancers", "lb")
NSG = arm_id("Network/networkSecurityGroups", "nsg")
OTHER_VNET = arm_id("Network/virtualNetworks", "other")
STATUS = {"protocol": "Http", "port": 80, "requestPath": "/csp/bin/mirror_status.cxw"}
DEPLOYMENT = """
- name: d
  product: iris
  regions: {primary: westeurope, dr: none}
  mirrors: [{name: M, failover: [a, b], arbiter: c, dr: none, superserver: 1972}]
  tiers: none
"""


def rule(priority: int, access: str = "Allow", **own: Any) -> Body:
    usual = {"direction": "Inbound", "protocol": "*", "sourcePortRange": "*", "destinationPortRange": "*"}
    usual |= {"sourceAddressPrefix": "*", "destinationAddressPrefix": "*"}
    return {"name": f"r{priority}", "properties": {**usual, "priority": priority, "access": access, **own}}


def subnet(vnet: str = VNET) -> Body:
    properties = {"networkSecurityGroup": {"id": NSG}}
    return {"id": f"{vnet}/subnets/default", "name": "default", "properties": properties}


def interface(name: str, address: str, vnet: str = VNET) -> Body:
    own = {"privateIPAddress": address, "subnet": {"id": f"{vnet}/subnets/default"}}
    if ":" in address:
        own["privateIPAddressVersion"] = "IPv6"
    return s.nic(
        f"{name}-nic",
        vm=name,
        ipConfigurations=[{"id": s.configuration_id(f"{name}-nic"), "name": "ipconfig1", "properties": own}],
    )


ADDRESSES = {"a": "10.0.0.4", "b": "10.0.0.5", "c": "10.0.0.6"}


def built(
    *rules: Body,
    addresses: dict[str, str] = ADDRESSES,
    other: bool = False,
    peered: str = "",
    more: Iterable[Body] = (),
    port: object = 1972,
    **keywords: Any,
) -> Any:
    """Return a mirror of `a` and `b` with the arbiter `c`, which can be in another virtual network."""
    peering = {"name": "p", "properties": {"remoteVirtualNetwork": {"id": OTHER_VNET}, "peeringState": peered}}
    peerings = [peering] if peered else []
    networks = [s.resource("Network/virtualNetworks", "vnet", subnets=[subnet()], virtualNetworkPeerings=peerings)]
    back: Body = {"remoteVirtualNetwork": {"id": VNET}, "allowVirtualNetworkAccess": True, "peeringState": "CONNECTED"}
    if other:
        backs = [{"name": "p", "properties": back}] if peered else []
        networks.append(
            s.resource("Network/virtualNetworks", "other", subnets=[subnet(OTHER_VNET)], virtualNetworkPeerings=backs)
        )
    return s.topology(
        *(s.vm(name) for name in "abc"),
        *(interface(n, ip, OTHER_VNET if other and n == "c" else VNET) for n, ip in addresses.items()),
        *networks,
        s.resource("Network/networkSecurityGroups", "nsg", securityRules=list(rules)),
        s.load_balancer(
            "lb",
            {"p": s.by_nic("a-nic", "b-nic")},
            {"r": {**s.to("lb", "p", probe="status"), "protocol": "Tcp", "backendPort": port}},
            {"status": STATUS},
        ),
        *more,
        **{"deployment": DEPLOYMENT, **keywords},
    )


def allowed(found: Any, traffic: Iterable[Any]) -> dict[str, bool | None]:
    """Return of each traffic whether it is allowed; None if that is unknown."""
    answers: dict[str, Any] = {one.name: ask("traffic.allowed", found, one).value for one in traffic}
    return {name: None if isinstance(answer, Unknown) else answer for name, answer in answers.items()}


def probe(*rules: Body, **keywords: Any) -> bool | None:
    found = built(*rules, **keywords)
    traffic: Any = ask("vm.probe_traffic", found, s.item(found, "Compute/virtualMachines", "a")).value
    assert traffic.missing is None, traffic.missing
    return allowed(found, traffic.known)["lb to a, TCP 80"]


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ([], True),
        ([rule(100, "Deny")], False),
        ([rule(100, "Deny", sourceAddressPrefix="AzureLoadBalancer")], False),
        ([rule(100, "Deny", sourceAddressPrefix="VirtualNetwork")], False),
        ([rule(100, "Deny", sourceAddressPrefix="168.63.129.16")], False),
        ([rule(100, "Deny", sourceAddressPrefix="0.0.0.0/0")], False),
        ([rule(100, "Deny", sourceAddressPrefix="Internet")], True),
        ([rule(100, "Deny", sourceAddressPrefix="10.0.0.0/8")], True),
        ([rule(100, "Deny", sourceAddressPrefix="Storage")], True),
        ([rule(100, "Deny", sourceAddressPrefix="AzureCloud")], None),
        ([rule(100, "Deny", sourceAddressPrefix="NewService")], None),
        ([rule(100, "Deny", sourceAddressPrefix="10.0.0/8")], None),
        ([rule(100, sourceAddressPrefix="AzureLoadBalancer"), rule(200, "Deny")], True),
        ([rule(300, sourceAddressPrefix="AzureLoadBalancer"), rule(200, "Deny")], False),
        ([rule(100), rule(100, "Deny")], False),
        ([rule(100, "Deny", protocol="Udp")], True),
        ([rule(100, "Deny", protocol="Tcp")], False),
        ([rule(100, "Deny", destinationPortRange="79-81")], False),
        ([rule(100, "Deny", destinationPortRange="81-99")], True),
        ([rule(100, "Deny", destinationAddressPrefix="10.0.0.4/32")], False),
        ([rule(100, "Deny", destinationAddressPrefix="10.0.0.5/32")], True),
        ([rule(100, "Deny", destinationAddressPrefix="VirtualNetwork")], False),
        ([rule(100, "Deny", sourcePortRange="32000-65535")], False),
        ([rule(100, "Deny", sourcePortRange="80")], True),
        ([rule(100, "Deny", sourcePortRange="50000-60000")], None),
        ([rule(100, "Maybe")], None),
        ([rule(100, "Deny", direction="Outbound")], True),
        ([rule(100, "Deny", direction="Sideways")], None),
        ([rule(100, "Maybe"), rule(200, "Deny")], None),
    ],
)
def test_probes(rules: list[Body], expected: bool | None) -> None:
    assert probe(*rules) is expected


def test_what_is_unknown_does_not_matter_if_the_outcome_is_the_same() -> None:
    assert probe(rule(100, "Deny", sourcePortRange="50000-60000"), rule(200, "Deny")) is False


def test_probes_by_ipv6_come_from_a_link_local_address() -> None:
    addresses = ADDRESSES | {"a": "fd00::4"}
    assert probe(rule(100, "Deny", sourceAddressPrefix="fe80::/10"), addresses=addresses) is False
    assert probe(rule(100, "Deny", sourceAddressPrefix="168.63.129.16"), addresses=addresses) is True


def mirror(fact: str, *rules: Body, **keywords: Any) -> dict[str, bool | None]:
    found = built(*rules, **keywords)
    traffic: Any = ask(fact, found, s.only(found).mirrors[0]).value
    assert traffic.missing is None, traffic.missing
    return allowed(found, traffic.known)


MEMBERS = {"a to b, TCP 2188", "b to a, TCP 2188", "a to b, TCP 1972", "b to a, TCP 1972"}
ARBITER = {"a to c, TCP 2188", "b to c, TCP 2188"}


def test_the_traffic_of_a_mirror() -> None:
    assert mirror("mirror.traffic") == dict.fromkeys(MEMBERS | ARBITER, True)
    assert mirror("mirror.pings") == {"a to b, ICMP": True, "b to a, ICMP": True}


def test_the_sender_s_rules_count_too() -> None:
    denied = mirror("mirror.traffic", rule(100, "Deny", direction="Outbound", destinationAddressPrefix="10.0.0.6"))
    assert {name for name, answer in denied.items() if answer is False} == ARBITER
    to_internet = rule(100, "Deny", direction="Outbound", destinationAddressPrefix="Internet")
    assert all(mirror("mirror.traffic", to_internet).values())


@pytest.mark.parametrize(
    ("peered", "expected"), [("Connected", True), ("Disconnected", None), ("Initiated", None), ("", None)]
)
def test_the_tag_of_the_network_includes_peered_networks(peered: str, expected: bool | None) -> None:
    found = mirror("mirror.traffic", other=True, peered=peered)
    assert {found[name] for name in ARBITER} == {expected}
    assert all(found[name] for name in MEMBERS)


def test_a_port_that_cannot_be_read_is_no_missing_declaration() -> None:
    undeclared = DEPLOYMENT.replace(", superserver: 1972", "")
    for port, expected in ((1972, None), ("x", (Cause.VALUE, False)), (443, (Cause.DECLARATION, True))):
        found = built(deployment=undeclared, port=port)
        missing = PartialList.of(ask("mirror.traffic", found, s.only(found).mirrors[0]).value).missing
        assert (missing and (missing.cause, missing.optional)) == expected


def to_arbiter(address: str, *rules: Body) -> set[bool | None]:
    """Return whether the failover members reach an arbiter outside of Azure."""
    found = built(*rules, deployment=DEPLOYMENT.replace("arbiter: c", f"arbiter: {{address: '{address}'}}"))
    traffic: Any = ask("mirror.traffic", found, s.only(found).mirrors[0]).value
    assert traffic.missing is None, traffic.missing
    answers = allowed(found, traffic.known)
    outside = {f"a to {address}, TCP 2188", f"b to {address}, TCP 2188"}
    assert answers.keys() == MEMBERS | outside, "the arbiter sends nothing by itself"
    return {answers[name] for name in outside}


OUT: Body = {"direction": "Outbound"}


@pytest.mark.parametrize(
    ("address", "rules", "expected"),
    [
        ("192.168.7.7", [], True),
        ("20.1.2.3", [], True),
        ("arbiter.example.org", [], None),
        ("arbiter.example.org", [rule(100, **OUT)], True),
        ("arbiter.example.org", [rule(100, "Deny", **OUT)], False),
        ("arbiter.example.org", [rule(100, destinationPortRange="443", **OUT), rule(200, "Deny", **OUT)], False),
        ("192.168.7.7", [rule(100, "Deny", **OUT)], False),
        ("192.168.7.7", [rule(100, "Deny", destinationAddressPrefix="192.168.0.0/16", **OUT)], False),
        ("192.168.7.7", [rule(100, "Deny", destinationAddressPrefix="192.168.8.0/24", **OUT)], True),
        ("192.168.7.7", [rule(100, "Deny", destinationAddressPrefix="Internet", **OUT)], True),
        ("192.168.7.7", [rule(100, "Deny")], True),
        ("20.1.2.3", [rule(100, "Deny", destinationAddressPrefix="Internet", **OUT)], False),
        ("20.1.2.3", [rule(100, "Deny", destinationAddressPrefix="VirtualNetwork", **OUT)], None),
        ("fd00::7", [], None),
    ],
)
def test_an_arbiter_outside_of_azure_is_reached_by_the_rules_of_the_members(
    address: str, rules: list[Body], expected: bool | None
) -> None:
    assert to_arbiter(address, *rules) == {expected}


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        ({"protocol": "Icmp"}, False),
        ({"protocol": "*"}, False),
        ({"protocol": "Tcp"}, True),
        ({"protocol": "*", "destinationPortRange": "80"}, None),
    ],
)
def test_icmp_has_no_ports(own: Body, expected: bool | None) -> None:
    assert set(mirror("mirror.pings", rule(100, "Deny", **own)).values()) == {expected}


def test_members_without_a_common_ip_version_are_unknown() -> None:
    found = mirror("mirror.pings", addresses=ADDRESSES | {"b": "fd00::5"})
    assert set(found.values()) == {None}


MANAGER = "Network/networkManagers"
GROUP = arm_id(f"{MANAGER}/nm/networkGroups", "databases")
COLLECTION = arm_id(f"{MANAGER}/nm/securityAdminConfigurations/c/ruleCollections", "all")


def admin(access: str, *members: str, priority: Any = 10, **own: Any) -> list[Body]:
    """Return a network manager whose security admin rule applies to the members of a network group."""
    named: Body = {"sources": [{"addressPrefix": "*", "addressPrefixType": "IPPrefix"}], "destinations": []}
    named |= {"sourcePortRanges": ["0-65535"], "destinationPortRanges": [], "protocol": "Any", "direction": "Inbound"}
    rule = {**named, "priority": priority, "access": access, **own}
    return [
        {"id": COLLECTION, "properties": {"appliesToGroups": [{"networkGroupId": GROUP}]}},
        {"id": f"{COLLECTION}/rules/r{priority}", "kind": "Custom", "properties": rule},
        *({"id": f"{GROUP}/staticMembers/m{n}", "properties": {"resourceId": m}} for n, m in enumerate(members)),
    ]


DENIED = rule(100, "Deny")


@pytest.mark.parametrize(
    ("rules", "manager", "expected"),
    [
        ([], admin("Deny", VNET), None),
        ([], admin("Deny"), None),
        ([], admin("Deny", OTHER_VNET), True),
        ([], admin("Allow", VNET), True),
        ([], admin("AlwaysAllow", VNET), True),
        ([DENIED], admin("Allow", VNET), False),
        ([DENIED], admin("AlwaysAllow", VNET), None),
        ([DENIED], admin("Deny", VNET), False),
        ([], admin("Deny", VNET, destinationPortRanges=["443"]), True),
        ([], admin("Deny", VNET, direction="Outbound"), True),
        ([], admin("Deny", VNET, sources=[{"addressPrefix": "Internet", "addressPrefixType": "ServiceTag"}]), True),
        ([], [*admin("AlwaysAllow", VNET, priority=5), *admin("Deny", VNET)[1:2]], True),
        ([], admin("Deny", VNET, priority="first"), None),
    ],
)
def test_security_admin_rules_apply_before_security_groups(
    rules: list[Body], manager: list[Body], expected: bool | None
) -> None:
    assert probe(*rules, more=manager) is expected


def test_what_a_known_network_manager_has_must_be_listed() -> None:
    manager = s.resource(MANAGER, "nm")
    rules = "/securityAdminConfigurations", "/ruleCollections", "/rules"
    kinds = ("", "/networkGroups", "/networkGroups/staticMembers", *accumulate(rules))
    listed = [f"Microsoft.{MANAGER}{kind}".lower() for kind in kinds]
    assert probe(more=[manager], also_listed=listed) is True
    for type_ in listed:
        assert probe(more=[manager], also_listed=[each for each in listed if each != type_]) is None, type_


def test_network_managers_that_could_not_be_read_make_it_unknown() -> None:
    gaps = [s.gap(s.SUB, "Microsoft.Network/networkManagers")]
    assert probe(gaps=gaps) is None
