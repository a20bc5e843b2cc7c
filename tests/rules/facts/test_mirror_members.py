"""The members and the arbiter that CPFs name: whose their addresses are."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.azure.paths import ABSENT
from auditor.estate.topology import Topology
from auditor.snapshot.known import PartialList, Unknown
from auditor.snapshot.model import Part
from tests.estate import subscription as s
from tests.estate.subscription import Body, arm_id
from tests.rules.facts.asking import ask, said

DEPLOYMENT = """
- name: d
  product: iris
  subscriptions: ["00000000-0000-0000-0000-000000000001"]
  regions: {primary: westeurope, dr: none}
  mirrors: [{name: LAB, failover: [a, b], arbiter: c, dr: [dr], reporting: none}]
  tiers: [{role: app, members: [app]}, {role: web, members: none}]
"""
VMS = {"a": "10.0.0.1", "b": "10.0.0.2", "c": "10.0.0.3", "dr": "10.0.0.4", "app": "10.0.0.5", "foreign": "10.0.0.6"}
TAKEN = "2026-11-01T06:00:00Z"


def member(name: str, address: str, kind: str = "0", **changes: Any) -> Body:
    """Return an entry of [MapMirrors]; a change to None removes a value."""
    found = {
        "name": name,
        "mirror": "LAB",
        "guid": f"G-{name}",
        "memberType": kind,
        "superServerAddress": address,
        "mirrorPrivate": address,
        "superServerPort": 1972,
        **({"agentAddress": address} if kind == "0" else {}),
        **changes,
    }
    return {key: value for key, value in found.items() if value is not None}


LAB = (member("MA", "10.0.0.1"), member("MB", "10.0.0.2"), member("MDR", "10.0.0.4", "2"))


def cpf(vm: str, system: str, *members: Body, arbiter: str = "10.0.0.3") -> Body:
    mirror = {"name": "LAB", "guid": "G", **({"arbiter": {"host": arbiter, "port": 2188}} if arbiter else {})}
    properties = {
        "kind": "cpf",
        "takenAt": TAKEN,
        "mirrors": [mirror],
        "mirrorMembers": [*members],
        "mirrorMember": {"systemName": system} if system else {},
    }
    return {
        "id": f"{arm_id('Compute/virtualMachines', vm)}/guest/iris.cpf",
        "name": "iris.cpf",
        "properties": properties,
    }


def estate(*bodies: Body, deployment: str = DEPLOYMENT, **keywords: Any) -> Topology:
    network = s.network(addressSpace={"addressPrefixes": ["10.0.0.0/24"]}, virtualNetworkPeerings=[])
    vms = [s.vm(name, osProfile={"computerName": name}) for name in VMS]
    nics = [s.nic(f"{name}-nic", vm=name, address=address) for name, address in VMS.items()]
    return s.topology(*vms, *nics, network, *bodies, deployment=deployment, taken_at=TAKEN, **keywords)


def first(built: Topology) -> Part:
    """Return the settings in the CPF of the first failover member."""
    found = ask("mirror.settings", built, s.only(built).mirrors[0]).value
    assert isinstance(found, PartialList)
    own = found.known[0]
    assert isinstance(own, Part), own
    return own


def of_settings(name: str, *bodies: Body, **keywords: Any) -> object:
    built = estate(*bodies, **keywords)
    return said(name, built, first(built))


# --- who the members are ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("members", "failover", "asyncs"),
    [
        (LAB, ["a", "b"], ["dr"]),
        (LAB[:1], ["a"], []),
        ((*LAB, member("X", "10.0.0.5", mirror="OTHER")), ["a", "b"], ["dr"]),
        ((member("MA", "10.0.0.1", mirror="lab"),), ["a"], []),
        ((member("MA", "10.0.0.1", mirrorPrivate="10.0.0.2"),), ["?"], []),
        ((member("MA", "db.hospital.example"),), ["?"], []),
        ((member("MA", "db.hospital.example", agentAddress="10.0.0.1"),), ["a"], []),
        ((member("MA", "10.0.0.77"),), ["?"], []),
        ((member("MA", "10.0.0.1", memberType=None),), ["a"], []),
        ((member("MA", "10.0.0.1", memberType=0),), ["?"], ["?"]),
    ],
)
def test_members_are_vms_by_their_addresses(members: tuple[Body, ...], failover: list[str], asyncs: list[str]) -> None:
    own = cpf("a", "", *members)
    if members and "memberType" not in members[0]:
        failover = []
    assert of_settings("mirror-settings.failover_vms", own) == failover
    assert of_settings("mirror-settings.async_vms", own) == asyncs


def test_the_name_in_its_own_cpf_says_which_vm_a_member_is() -> None:
    swapped = (member("MA", "10.0.0.2"), member("MB", "10.0.0.1"))
    assert of_settings("mirror-settings.failover_vms", cpf("a", "ma", *swapped[:1]), cpf("b", "MX")) == ["a"]
    both = cpf("a", "MA", *LAB[:1]), cpf("b", "MA", *LAB[:1])
    assert of_settings("mirror-settings.failover_vms", *both) == ["?"]
    undeclared = cpf("foreign", "MA", *LAB[:1])
    assert of_settings("mirror-settings.failover_vms", cpf("a", "", *LAB[:1]), undeclared) == ["a"]


def test_a_dr_async_that_one_failover_member_does_not_list() -> None:
    def unlisted(*bodies: Body) -> object:
        built = estate(*bodies)
        return said("mirror.unlisted_dr", built, s.only(built).mirrors[0])

    assert unlisted(cpf("a", "MA", *LAB), cpf("b", "MB", *LAB)) == []
    assert unlisted(cpf("a", "MA", *LAB), cpf("b", "MB", *LAB[:2])) == ["dr"]
    assert unlisted(cpf("a", "MA", *LAB[:2])) == ["dr"]
    assert unlisted(cpf("a", "MA", *LAB)) == ["?"]
    assert unlisted() == ["?"]
    hidden = (*LAB[:2], member("MDR", "other.hospital.example", "2"))
    assert unlisted(cpf("a", "MA", *LAB), cpf("b", "MB", *hidden)) == ["?"]


A, B, OTHER = member("MA", "10.0.0.1"), member("MB", "10.0.0.2"), member("MC", "10.0.0.5")
UNHELD = member("MC", "192.168.0.9")
OLD = "2026-10-01T02:00:00Z"


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ([A, B], [A, B], ["a", "b"]),
        ([A, OTHER], [A, OTHER], ["a", "app"]),
        ([A, OTHER], None, ["a", "app"]),
        ([A], [A], ["a"]),
        # The CPFs differ.
        ([A, OTHER], [A, B], ["a", "..."]),
        ([A], [A, B], ["a", "..."]),
        # What is not certain changes nothing, unless it names a VM that is not declared.
        (None, None, ["a", "b"]),
        ([], [], ["a", "b"]),
        ([A, UNHELD], None, ["a", "b"]),
        ([A, UNHELD], [A, B], ["a", "b"]),
        ([A, OTHER, UNHELD], None, ["a", "app", "..."]),
    ],
)
def test_the_failover_members_that_cpfs_list_come_before_the_declared_ones(
    a: list[Body] | None, b: list[Body] | None, expected: list[str]
) -> None:
    files = [cpf(vm, "", *listed) for vm, listed in (("a", a), ("b", b)) if listed is not None]
    built = estate(*files)
    assert said("mirror.stated_failover", built, s.only(built).mirrors[0]) == expected
    for file in files:
        file["properties"]["takenAt"] = OLD
    built = estate(*files)
    assert said("mirror.stated_failover", built, s.only(built).mirrors[0]) == ["a", "b"]


def test_the_roster_is_equal_whatever_the_order() -> None:
    assert of_settings("mirror-settings.roster", cpf("a", "", *LAB)) == (
        "MA G-MA 0 10.0.0.1 10.0.0.1 10.0.0.1 1972; MB G-MB 0 10.0.0.2 10.0.0.2 10.0.0.2 1972; "
        "MDR G-MDR 2 10.0.0.4 10.0.0.4 - 1972"
    )
    assert of_settings("mirror-settings.roster", cpf("a", "", *reversed(LAB))) == of_settings(
        "mirror-settings.roster", cpf("a", "", *LAB)
    )
    gap = s.gap(f"{arm_id('Compute/virtualMachines', 'a')}/guest/iris.cpf", "properties.mirrorMembers[*]", "malformed")
    found = of_settings("mirror-settings.roster", cpf("a", "", *LAB), gaps=[gap])
    assert found == "guest"


# --- the addresses ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("10.0.0.2", "member"),
        ("B.hospital.example", "member"),
        ("10.0.0.1", "other-vm"),
        ("127.0.0.1", "other-vm"),
        ("10.0.0.6", "other-vm"),
        ("10.0.0.10", "load-balancer"),
        ("10.0.0.77", "none"),
        ("192.168.0.1", "value"),
        ("db2", "value"),
    ],
)
def test_who_has_an_address_of_a_member(address: str, expected: str) -> None:
    files = cpf("a", "MA", member("MB", "10.0.0.2", mirrorPrivate=address)), cpf("b", "MB")
    assert addresses(*files) == ["member", expected, "member"]
    assert addresses(cpf("a", "MA", member("MB", "10.0.0.2", mirrorPrivate=address)))[:2] == ["member", expected]


def addresses(*files: Body) -> list[object]:
    """Return who has each address in the CPF of the first failover member."""
    frontend = {
        "id": f"{arm_id('Network/loadBalancers', 'lb')}/frontendIPConfigurations/f",
        "properties": {"privateIPAddress": "10.0.0.10", "subnet": {"id": f"{s.VNET}/subnets/default"}},
    }
    built = estate(s.load_balancer("lb", {"pool": s.by_nic("a-nic")}, frontendIPConfigurations=[frontend]), *files)
    found = ask("mirror.member_addresses", built, s.only(built).mirrors[0]).value
    assert isinstance(found, PartialList)
    return [said("member-address.held_by", built, one) for one in found.known if not isinstance(one, Unknown)]


# --- the arbiter ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arbiter", "expected"),
    [
        ("10.0.0.3", "vm"),
        ("C", "vm"),
        ("10.0.0.5", "vm"),
        ("10.0.0.1", "failover"),
        ("localhost", "failover"),
        ("b.hospital.example", "failover"),
        ("10.0.0.4", "dr"),
        ("10.0.0.6", "value"),
        ("10.0.0.77", "value"),
        ("192.168.0.1", "value"),
    ],
)
def test_what_the_arbiter_is(arbiter: str, expected: str) -> None:
    assert of_settings("mirror-settings.arbiter", cpf("a", "MA", *LAB, arbiter=arbiter)) == expected


def test_a_declared_arbiter_and_one_on_a_reporting_async() -> None:
    declared = DEPLOYMENT.replace("arbiter: c", "arbiter: {address: Arbiter.hospital.example}")
    own = cpf("a", "MA", *LAB, arbiter="arbiter.hospital.example")
    assert of_settings("mirror-settings.arbiter", own, deployment=declared) == "declared"
    assert of_settings("mirror-settings.arbiter", own) == "value"
    reporting = DEPLOYMENT.replace("arbiter: c", "arbiter: none").replace("reporting: none", "reporting: [c]")
    assert of_settings("mirror-settings.arbiter", cpf("a", "MA", *LAB), deployment=reporting) == "vm"


def test_no_arbiter_is_absent() -> None:
    built = estate(cpf("a", "MA", *LAB, arbiter=""))
    assert ask("mirror-settings.arbiter", built, first(built)).value is ABSENT
