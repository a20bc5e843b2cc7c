"""Where mirror members and the arbiter are reached: by the CPF of the sender, else by others, else as declared."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.snapshot.known import Cause, PartialList
from auditor.snapshot.lookup import value
from auditor.snapshot.model import Part
from tests.estate import subscription as s
from tests.estate.subscription import SUB, VNET, Body
from tests.rules.facts.asking import ask
from tests.rules.facts.guest import TAKEN, cpf

OLD = "2026-10-01T02:00:00Z"
VMS = {"a": ["10.0.0.1"], "b": ["10.0.0.2", "10.0.1.2"], "c": ["10.0.0.3"], "app": ["10.0.0.5"], "dr": ["10.0.0.4"]}
DEPLOYMENT = f"""
- name: d
  product: iris
  subscriptions: ["{SUB.rpartition("/")[2]}"]
  regions: {{primary: westeurope, dr: none}}
  mirrors: [{{name: M, failover: [a, b], arbiter: c, dr: [dr], reporting: none, superserver: 1972}}]
  tiers: [{{role: app, members: [app]}}, {{role: web, members: none}}]
"""


def member(name: str, address: str, kind: str = "0", **changes: Any) -> Body:
    """Return an entry of [MapMirrors]."""
    found: Body = {
        "name": name,
        "mirror": "M",
        "memberType": kind,
        "superServerAddress": address,
        "mirrorPrivate": address,
    }
    found |= {"superServerPort": 1973, "agentPort": 2189, **({"agentAddress": address} if kind == "0" else {})}
    return {**found, **changes}


ROSTER = (member("A", "10.0.0.1"), member("B", "10.0.0.2"), member("DR", "10.0.0.4", "2"))


def stated(vm: str, *members: Body, arbiter: Body | None = None, **properties: Any) -> Body:
    """Return a CPF with the members of the mirror."""
    own = {"name": "M", **({"arbiter": arbiter} if arbiter else {})}
    return cpf(vm, mirrors=[own], mirrorMembers=[*members], **properties)


def interface(name: str, addresses: list[str]) -> Body:
    subnet = {"id": f"{VNET}/subnets/default"}
    configurations = [
        {
            "id": f"{s.configuration_id(f'{name}-nic')}{number}",
            "name": f"{number}",
            "properties": {"privateIPAddress": address, "subnet": subnet},
        }
        for number, address in enumerate(addresses)
    ]
    return s.nic(f"{name}-nic", vm=name, ipConfigurations=configurations)


def traffic(*files: Body, deployment: str = DEPLOYMENT) -> PartialList:
    """Return the traffic of the mirror."""
    network = s.network(addressSpace={"addressPrefixes": ["10.0.0.0/16"]}, virtualNetworkPeerings=[])
    vms = [s.vm(name, osProfile={"computerName": f"host-{name}"}) for name in VMS]
    nics = [interface(name, addresses) for name, addresses in VMS.items()]
    built = s.topology(*vms, *nics, network, *files, deployment=deployment, taken_at=TAKEN)
    found = ask("mirror.traffic", built, s.only(built).mirrors[0]).value
    assert isinstance(found, PartialList)
    return found


def to(*files: Body, sender: str = "", receiver: str = "", deployment: str = DEPLOYMENT) -> set[str]:
    """Return the connections of a sender or to a receiver, with the addresses at which the receiver is reached."""
    found: Any = traffic(*files, deployment=deployment)
    assert found.missing is None, found.missing
    return {
        f"{one.name} at {addresses(one.receivers)}".partition(" to ")[2]
        for one in found.known
        if one.name.startswith(f"{sender} to") and f" to {receiver}," in one.name
    }


def addresses(receivers: tuple[Part, ...]) -> str:
    return " ".join(str(value(one, "properties.privateIPAddress").value) for one in receivers)


USUAL = {"b, TCP 2188 at 10.0.0.2 10.0.1.2", "b, TCP 1972 at 10.0.0.2 10.0.1.2"}
STATED = {"b, TCP 2189 at 10.0.0.2", "b, TCP 1973 at 10.0.0.2"}
ELSEWHERE = member("B", "10.0.0.2", mirrorPrivate="10.0.1.2", superServerPort=1974, agentPort=2190)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ([], USUAL),
        ([stated("a", *ROSTER, takenAt=OLD)], USUAL),
        ([stated("a", *ROSTER)], STATED),
        # The CPF of the sender comes before that of another member.
        ([stated("a", *ROSTER), stated("b", ROSTER[0], ELSEWHERE)], STATED),
        ([stated("a", ROSTER[0], ELSEWHERE)], {"b, TCP 2190 at 10.0.0.2", "b, TCP 1974 at 10.0.1.2"}),
        # A CPF that does not list the other member leaves it to the CPFs of the others.
        ([stated("a", ROSTER[0]), stated("b", *ROSTER)], STATED),
        ([stated("b", *ROSTER)], STATED),
        ([stated("dr", *ROSTER)], USUAL),
        # The name of a VM is no address of an IP configuration, and a VM without that address has all of its own.
        (
            [stated("a", ROSTER[0], member("B", "host-b"))],
            {"b, TCP 2189 at 10.0.0.2 10.0.1.2", "b, TCP 1973 at 10.0.0.2 10.0.1.2"},
        ),
        # No port of the agent is the usual one.
        (
            [stated("a", ROSTER[0], member("B", "10.0.0.2", agentPort=None))],
            {"b, TCP 2188 at 10.0.0.2 10.0.1.2", "b, TCP 1973 at 10.0.0.2"},
        ),
    ],
)
def test_a_member_connects_as_its_cpf_says(files: list[Body], expected: set[str]) -> None:
    assert to(*files, sender="a", receiver="b") == expected


def test_an_async_member_is_reached_at_its_superserver_port_only() -> None:
    assert to(stated("a", *ROSTER), sender="a", receiver="dr") == {"dr, TCP 1973 at 10.0.0.4"}
    assert to(stated("dr", *ROSTER), sender="dr", receiver="b") == STATED


def test_the_superserver_port_of_cpfs_comes_before_the_declared_one() -> None:
    file = stated("a", startup={"defaultPort": 56772})
    assert to(file, sender="a", receiver="b") == {
        "b, TCP 2188 at 10.0.0.2 10.0.1.2",
        "b, TCP 56772 at 10.0.0.2 10.0.1.2",
    }


@pytest.mark.parametrize(
    ("arbiter", "expected"),
    [
        (None, {"c, TCP 2188 at 10.0.0.3"}),
        ({"host": "10.0.0.3", "port": 2199}, {"c, TCP 2199 at 10.0.0.3"}),
        ({"host": "10.0.0.3"}, {"c, TCP 2188 at 10.0.0.3"}),
        ({"host": "host-c", "port": 2199}, {"c, TCP 2199 at 10.0.0.3"}),
        ({"host": "arbiter.example.org", "port": 2199}, {"c, TCP 2199 at 10.0.0.3"}),
        ({"host": "10.0.0.5", "port": 2199}, {"app, TCP 2199 at 10.0.0.5"}),
        # A failover member does not connect to itself; MIR011 fails.
        ({"host": "10.0.0.1", "port": 2199}, set()),
    ],
)
def test_the_arbiter_is_that_of_the_cpf(arbiter: Body | None, expected: set[str]) -> None:
    file = stated("a", *ROSTER, arbiter=arbiter)
    found = {each for name in ("c", "app") for each in to(file, sender="a", receiver=name)}
    assert found == expected


def test_the_arbiter_is_that_of_another_failover_member_whose_cpf_was_supplied() -> None:
    file = stated("b", *ROSTER, arbiter={"host": "10.0.0.5", "port": 2199})
    assert to(file, sender="a", receiver="app") == {"app, TCP 2199 at 10.0.0.5"}
    assert to(file, sender="a", receiver="c") == set()


@pytest.mark.parametrize("host", ["10.0.0.99", "192.168.7.7"])
def test_an_arbiter_whose_address_no_vm_of_the_deployment_has_is_unknown(host: str) -> None:
    found = traffic(stated("a", *ROSTER, arbiter={"host": host, "port": 2188}))
    assert found.missing is not None
    assert (found.missing.cause, found.missing.optional) == (Cause.VALUE, True)


def test_the_declared_arbiter_outside_of_azure_has_the_port_of_the_cpf() -> None:
    text = DEPLOYMENT.replace("arbiter: c", "arbiter: {address: Arbiter.example.org}")
    file = stated("a", *ROSTER, arbiter={"host": "arbiter.example.org", "port": 2199})
    found = to(file, sender="a", receiver="Arbiter.example.org", deployment=text)
    assert found == {"Arbiter.example.org, TCP 2199 at "}
