"""Whose the addresses are that files inside VMs name: members of mirrors, frontends that lead to them, or others."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.azure import arm
from auditor.snapshot.known import Cause
from tests.estate import subscription as s
from tests.estate.subscription import Body, arm_id
from tests.rules.facts.asking import ask, shown

DEPLOYMENT = """
- name: d
  product: iris
  subscriptions: ["00000000-0000-0000-0000-000000000001"]
  regions: {primary: westeurope, dr: none}
  mirrors: [{name: M, failover: [a, b], arbiter: none, dr: none, reporting: none}]
  tiers: [{role: app, members: [x, y]}, {role: web, members: none}]
"""
LB = arm_id("Network/loadBalancers", "lb")
NETWORK = s.network(addressSpace={"addressPrefixes": ["10.0.0.0/24"]})


def frontend(name: str, address: str) -> Body:
    own = {"subnet": {"id": f"{s.VNET}/subnets/default"}, "privateIPAddress": address}
    return {"id": f"{LB}/frontendIPConfigurations/{name}", "name": name, "properties": own}


def load_balancer() -> Body:
    rules = {
        name: {**s.to("lb", name), "frontendIPConfiguration": {"id": f"{LB}/frontendIPConfigurations/{name}"}}
        for name in ("mirror", "app")
    }
    pools = {"mirror": s.by_nic("a-nic", "b-nic"), "app": s.by_nic("x-nic")}
    fronts = [frontend("mirror", "10.0.0.20"), frontend("app", "10.0.0.21"), frontend("idle", "10.0.0.22")]
    return s.load_balancer("lb", pools, rules, {}, frontendIPConfigurations=fronts)


def asked(name: str, address: Any, of: str = "x") -> object:
    file: Body = {
        "id": f"{arm_id('Compute/virtualMachines', of)}/guest/iris.cpf",
        "name": "iris.cpf",
        "properties": {"kind": "cpf", "ecpServers": [{"name": "S", "address": address}]},
    }
    addresses = {"a": "10.0.0.1", "b": "10.0.0.2", "x": "10.0.0.3", "y": "10.0.0.4"}
    vms = (body for vm, own in addresses.items() for body in (s.vm(vm), s.nic(f"{vm}-nic", vm=vm, address=own)))
    built = s.topology(NETWORK, *vms, load_balancer(), file, deployment=DEPLOYMENT)
    found = built.graph.resources[arm.key(file["id"])]
    (server,) = ask("cpf.ecp_servers", built, found).value.known  # type: ignore[attr-defined]
    return shown(ask(name, built, server).value)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("10.0.0.1", "failover-member"),
        ("10.0.0.3", "itself"),
        ("127.0.0.1", "itself"),
        ("localhost", "itself"),
        ("10.0.0.4", "other"),
        ("10.0.0.20", "frontend"),
        ("10.0.0.21", "other"),
        ("10.0.0.22", "other"),
        ("10.0.0.99", Cause.GUEST),
        ("192.168.1.1", Cause.GUEST),
        ("data.hospital.example", Cause.GUEST),
        (None, Cause.GUEST),
    ],
)
def test_an_address_is_that_of_a_vm_or_frontend(address: object, expected: object) -> None:
    assert asked("server.target", address) == expected


def test_the_host_is_named_by_its_id() -> None:
    assert asked("server.host", "10.0.0.1") == arm_id("Compute/virtualMachines", "a")
    assert asked("server.host", "10.0.0.20") == f"{LB}/frontendIPConfigurations/mirror"
    assert asked("server.host", "10.0.0.99") is Cause.GUEST


def test_a_frontend_leads_back_to_the_vms_behind_it() -> None:
    assert asked("server.leads_back", "10.0.0.21") is True
    assert asked("server.leads_back", "10.0.0.20") is False
    assert asked("server.leads_back", "10.0.0.20", of="a") is True
    assert asked("server.leads_back", "10.0.0.1", of="a") is False
    assert asked("server.leads_back", "10.0.0.99") is Cause.GUEST
