"""Whose an address or name in a file of a VM is."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.estate.private_addresses import Unheld
from auditor.estate.topology import Topology
from auditor.snapshot.known import Answer, Cause, Unknown
from auditor.snapshot.model import Part, Resource
from tests.estate import subscription as s
from tests.estate.subscription import Body, arm_id

DEPLOYMENT = """
- name: d
  product: iris
  subscriptions: ["00000000-0000-0000-0000-000000000001"]
  regions: {primary: westeurope, dr: northeurope}
  mirrors: [{name: M, failover: [a, b], arbiter: arb, dr: [dr], reporting: none}]
  tiers: none
"""
DR = s.VNET.replace("vnet", "vnet-dr")
HUB = s.VNET.replace("vnet", "vnet-hub")
FOREIGN = s.VNET.replace("vnet", "vnet-foreign")
PLACES = {
    "a": ("10.0.0.4", s.VNET),
    "b": ("10.0.0.5", s.VNET),
    "arb": ("10.0.0.6", s.VNET),
    "dr": ("10.2.0.4", DR),
    "jump": ("10.1.0.4", HUB),
    "foreign": ("10.3.0.4", FOREIGN),
}
SPACES = {s.VNET: "10.0.0.0/16", HUB: "10.1.0.0/16", DR: "10.2.0.0/16", FOREIGN: "10.3.0.0/16"}
NONE, VALUE, GAP = "none", Cause.VALUE, Cause.GAP


def vnet(vnet_id: str, *peers: str, **properties: Any) -> Body:
    """Return a virtual network; those in `peers` are peered with it."""
    peerings = [
        {
            "name": peer,
            "properties": {
                "remoteVirtualNetwork": {"id": peer.upper()},
                "remoteAddressSpace": {"addressPrefixes": [SPACES[peer]]},
            },
        }
        for peer in peers
    ]
    space = {"addressPrefixes": [SPACES[vnet_id]]}
    return s.network(vnet_id, **{"addressSpace": space, "virtualNetworkPeerings": peerings, **properties})


def estate(*changed: Body, without: tuple[str, ...] = (), deployment: str = DEPLOYMENT, **keywords: Any) -> Topology:
    """Return VMs in four virtual networks, of which the first two are peered, with some resources changed or left out.

    The VMs `jump` and `foreign` are in no deployment, and `foreign` is in a network of no deployment.
    """
    bodies = [
        *(s.vm(name, osProfile={"computerName": name.upper()}) for name in PLACES),
        *(s.nic(f"{name}-nic", vm=name, address=address, vnet=place) for name, (address, place) in PLACES.items()),
        vnet(s.VNET, HUB),
        vnet(HUB, s.VNET),
        vnet(DR),
        vnet(FOREIGN),
    ]
    found = {body["id"]: body for body in (*bodies, *changed)}
    kept = (body for body in found.values() if body["name"] not in without)
    return s.topology(*kept, deployment=deployment, **keywords)


def find(text: str, built: Topology, on: str = "a") -> Answer:
    return built.named_hosts.find(text, s.item(built, "Compute/virtualMachines", on), s.only(built))


def who(text: str, built: Topology, on: str = "a") -> str | Cause:
    """Return whose an address or name is: the name of the VM or frontend, or the cause of the unknown."""
    found = find(text, built, on).value
    if isinstance(found, Unknown):
        return found.cause
    if isinstance(found, Unheld):
        return NONE
    assert isinstance(found, Resource | Part)
    return found.name if isinstance(found, Resource) else found.id.rpartition("/")[2]


# --- addresses --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "on", "expected"),
    [
        ("10.0.0.5", "a", "b"),
        ("10.0.0.4", "a", "a"),
        ("10.1.0.4", "a", "jump"),
        ("10.2.0.4", "a", "dr"),
        ("10.0.0.4", "dr", "a"),
        ("10.0.0.77", "a", NONE),
        ("10.1.0.77", "a", NONE),
        ("10.2.0.77", "a", NONE),
        ("10.3.0.4", "a", VALUE),
        ("192.168.40.7", "a", VALUE),
        ("20.1.2.3", "a", VALUE),
        ("0.0.0.0", "a", VALUE),  # noqa: S104 - not an address to bind to
        ("127.0.0.1", "b", "b"),
        ("127.1.2.3", "b", "b"),
        ("::1", "b", "b"),
        ("localhost", "b", "b"),
        ("LocalHost", "b", "b"),
        ("10.0.0.005", "a", VALUE),
        ("10.0.0", "a", VALUE),
        ("", "a", VALUE),
    ],
)
def test_an_address_counts_in_the_networks_of_the_vm_and_of_its_deployment(text: str, on: str, expected: str) -> None:
    assert who(text, estate(), on) == expected


def test_what_shows_it_is_the_address_of_the_network_interface() -> None:
    (read,) = find("10.0.0.5", estate()).reads
    assert read.resource.endswith("/b-nic")
    assert (read.path, read.value) == ("properties.ipConfigurations[0].properties.privateIPAddress", "10.0.0.5")


def test_the_same_address_in_an_unrelated_network_is_another_host() -> None:
    twin = s.nic("foreign-nic", vm="foreign", address="10.0.0.5", vnet=FOREIGN)
    same_space = vnet(FOREIGN, addressSpace={"addressPrefixes": ["10.0.0.0/16"]})
    assert who("10.0.0.5", estate(twin, same_space)) == "b"
    assert who("10.0.0.5", estate(twin, same_space, without=("b-nic", "b"))) == NONE


def test_the_own_network_comes_before_another_one_of_the_deployment() -> None:
    overlapping = (
        vnet(DR, addressSpace={"addressPrefixes": ["10.0.0.0/16"]}),
        s.nic("dr-nic", vm="dr", address="10.0.0.5", vnet=DR),
    )
    assert who("10.0.0.5", estate(*overlapping), "a") == "b"
    assert who("10.0.0.5", estate(*overlapping), "dr") == "dr"
    assert who("10.0.0.5", estate(*overlapping, s.nic("b-nic", vm="b", address="10.0.0.9"))) == NONE


def test_an_address_that_two_further_networks_have_is_unknown() -> None:
    others = (
        s.nic("arb-nic", vm="arb", address="10.2.0.4", vnet=FOREIGN),
        vnet(FOREIGN, addressSpace={"addressPrefixes": ["10.3.0.0/16", "10.2.0.0/16"]}),
    )
    assert who("10.2.0.4", estate(*others)) == VALUE
    assert who("10.2.0.77", estate(*others)) == NONE
    moved = s.nic("arb-nic", vm="arb", address="10.2.0.9", vnet=FOREIGN)
    assert who("10.2.0.4", estate(moved, others[1])) == "dr"


def test_an_address_that_two_network_interfaces_of_a_network_have_is_unknown() -> None:
    assert who("10.0.0.5", estate(s.nic("arb-nic", vm="arb", address="10.0.0.5"))) == VALUE


def test_addresses_of_ipv6_are_compared_by_value() -> None:
    changed = (
        s.nic("b-nic", vm="b", address="FD00:0::0005"),
        vnet(s.VNET, HUB, addressSpace={"addressPrefixes": ["10.0.0.0/16", "fd00::/64"]}),
    )
    assert who("fd00::5", estate(*changed)) == "b"
    assert who("fd00:0:0:0::5", estate(*changed)) == "b"
    assert who("fd00::6", estate(*changed)) == NONE


def test_every_address_of_a_vm_counts() -> None:
    configurations = [
        {"name": f"c{number}", "properties": {"privateIPAddress": address, "subnet": {"id": f"{place}/subnets/s"}}}
        for number, (address, place) in enumerate([("10.0.0.5", s.VNET), ("10.0.0.50", s.VNET)])
    ]
    second = s.nic("b-nic-2", vm="b", address="10.0.0.51")
    several = s.vm("b", nics=["b-nic", "b-nic-2"])
    built = estate(several, s.nic("b-nic", vm="b", ipConfigurations=configurations), second)
    assert [who(text, built) for text in ("10.0.0.5", "10.0.0.50", "10.0.0.51")] == ["b", "b", "b"]


def test_the_frontend_of_a_load_balancer_is_no_vm() -> None:
    own = arm_id("Network/loadBalancers", "lb")
    frontend = {
        "id": f"{own}/frontendIPConfigurations/db",
        "name": "db",
        "properties": {"privateIPAddress": "10.0.0.10", "subnet": {"id": f"{s.VNET}/subnets/default"}},
    }
    rule = {**s.to("lb", "pool"), "frontendIPConfiguration": {"id": own.upper() + "/frontendIPConfigurations/db"}}
    load_balancer = s.load_balancer(
        "lb", {"pool": s.by_nic("a-nic", "b-nic")}, {"r": rule}, frontendIPConfigurations=[frontend]
    )
    built = estate(load_balancer)
    assert who("10.0.0.10", built) == "db"
    assert who("10.0.0.10", built, "dr") == "db"
    found = find("10.0.0.10", built).value
    assert isinstance(found, Part)
    served = built.load_balancing.behind_frontend(found.id)
    assert sorted(vm.name for vm in served if isinstance(vm, Resource)) == ["a", "b"]


def test_a_network_interface_without_a_vm_has_no_host() -> None:
    assert who("10.0.0.20", estate(s.nic("left-nic", address="10.0.0.20"))) == NONE


NICS, VNETS = "microsoft.network/networkinterfaces", "microsoft.network/virtualnetworks"


@pytest.mark.parametrize(
    ("text", "keywords", "expected"),
    [
        ("10.0.0.5", {"unlisted": [NICS]}, "b"),
        ("10.0.0.77", {"unlisted": [NICS]}, GAP),
        ("10.0.0.77", {"unlisted": ["microsoft.network/loadbalancers"]}, GAP),
        ("10.0.0.77", {"gaps": [s.gap(arm_id("Network/networkInterfaces", "b-nic"))], "without": ("b-nic",)}, GAP),
        ("10.0.0.5", {"gaps": [s.gap(arm_id("Network/networkInterfaces", "b-nic"))], "without": ("b-nic",)}, GAP),
        ("10.0.0.5", {"gaps": [s.gap(arm_id("Network/networkInterfaces", "a-nic"))], "without": ("a-nic",)}, GAP),
        ("10.0.0.5", {"without": ("a-nic",)}, VALUE),
        ("10.0.0.5", {"gaps": [s.gap(s.VNET)], "without": ("vnet",)}, "b"),
        ("10.0.0.77", {"gaps": [s.gap(s.VNET)], "without": ("vnet",)}, GAP),
        ("10.2.0.4", {"gaps": [s.gap(s.VNET)], "without": ("vnet",)}, GAP),
        ("10.0.0.5", {"unlisted": [VNETS], "without": ("vnet", "vnet-hub", "vnet-dr")}, "b"),
        ("10.2.0.4", {"unlisted": [VNETS], "without": ("vnet-hub",)}, "dr"),
        ("10.1.0.4", {"unlisted": [VNETS], "without": ("vnet-hub",)}, "jump"),
        ("10.1.0.5", {"unlisted": [VNETS], "without": ("vnet-hub",)}, GAP),
        ("10.0.0.5", {"unlisted": ["microsoft.compute/virtualmachines"], "without": ("b",)}, "b"),
    ],
)
def test_what_was_not_read_may_have_the_address(text: str, keywords: Any, expected: str) -> None:
    assert who(text, estate(**keywords)) == expected


@pytest.mark.parametrize(
    "properties",
    [
        {"addressSpace": {"addressPrefixes": []}},
        {"addressSpace": {}},
        {"addressSpace": {"addressPrefixes": ["10.2.0.0/16", 7]}},
        {"addressSpace": {"addressPrefixes": ["none"]}},
    ],
)
def test_a_malformed_address_space_may_have_every_address(properties: Body) -> None:
    assert who("10.9.0.1", estate(vnet(DR, **properties))) == NONE
    assert who("10.2.0.4", estate(vnet(DR, **properties))) == "dr"


def test_malformed_peerings_hide_who_has_an_address_elsewhere() -> None:
    built = estate(vnet(s.VNET, virtualNetworkPeerings="none"))
    assert who("10.0.0.5", built) == "b"
    assert who("10.2.0.4", built) == VALUE


def test_an_undeclared_role_may_lead_to_further_networks() -> None:
    undeclared = DEPLOYMENT.replace(", reporting: none", "")
    built = estate(deployment=undeclared)
    assert who("10.2.0.4", built) == "dr"
    assert who("10.2.0.77", built) == Cause.DECLARATION
    assert who("10.3.0.4", built) == Cause.DECLARATION


# --- names ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("b", "b"),
        ("B", "b"),
        ("b.internal.cloudapp.net", "b"),
        ("DR.hospital.example", "dr"),
        ("jump", "jump"),
        ("foreign", VALUE),
        ("x", VALUE),
        ("b-nic", VALUE),
        (".b", VALUE),
    ],
)
def test_a_name_is_a_computer_name(text: str, expected: str) -> None:
    assert who(text, estate()) == expected


def test_what_shows_it_is_the_computer_name() -> None:
    (read,) = find("b", estate()).reads
    assert (read.resource.rpartition("/")[2], read.path, read.value) == ("b", "properties.osProfile.computerName", "B")


def test_the_name_of_the_vm_in_azure_is_no_computer_name() -> None:
    assert who("b", estate(s.vm("b", osProfile={"computerName": "trakb"}))) == VALUE
    assert who("trakb", estate(s.vm("b", osProfile={"computerName": "trakb"}))) == "b"
    assert who("b", estate(s.vm("b"))) == VALUE
    assert who("b", estate(s.vm("b", osProfile={"computerName": 7}))) == VALUE


def test_two_vms_of_one_computer_name_are_unknown() -> None:
    twin: Body = {"osProfile": {"computerName": "b"}}
    assert who("b", estate(s.vm("dr", **twin))) == VALUE
    assert who("b", estate(s.vm("jump", **twin))) == VALUE
    assert who("b", estate(s.vm("foreign", **twin))) == "b"


@pytest.mark.parametrize(
    ("text", "keywords", "expected"),
    [
        ("b", {"unlisted": ["microsoft.compute/virtualmachines"]}, GAP),
        ("b", {"gaps": [s.gap(arm_id("Compute/virtualMachines", "b"), "properties.osProfile")]}, "b"),
        ("x", {"gaps": [s.gap(arm_id("Compute/virtualMachines", "jump"))], "without": ("jump",)}, GAP),
        ("b", {"gaps": [s.gap(arm_id("Network/networkInterfaces", "a-nic"))], "without": ("a-nic",)}, GAP),
        ("b", {"unlisted": [VNETS], "without": ("vnet-hub",)}, "b"),
        ("jump", {"unlisted": [NICS], "without": ("jump-nic",)}, "jump"),
    ],
)
def test_what_was_not_read_may_have_the_name(text: str, keywords: Any, expected: str) -> None:
    assert who(text, estate(**keywords)) == expected
