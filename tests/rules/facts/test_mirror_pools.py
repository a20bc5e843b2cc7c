"""Which VMs are in the backend pool of a mirror, and by which IP configuration one that is not would be."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.estate.topology import Topology
from auditor.rules.facts.mirror_pools import PoolVm
from auditor.snapshot.known import PartialList
from tests.estate import subscription as s
from tests.estate.subscription import Body
from tests.rules.facts.asking import GAP, ask, said

DEPLOYMENT = """
- name: d
  product: healthshare
  regions: {primary: westeurope, dr: none}
  mirrors: [{name: M, failover: [a, b], arbiter: none, dr: none}]
  tiers: none
"""
MAIN = {"name": "ipconfig1", "properties": {"primary": True, "privateIPAddress": "10.0.0.2"}}
SECOND = {"name": "second", "properties": {"privateIPAddress": "10.0.0.3"}}


def built(pool: Body, *configurations: Body, nics: tuple[str, ...] = ("b-nic",), **options: Any) -> Topology:
    interfaces = [s.nic("a-nic", vm="a", address="10.0.0.1"), s.nic("w-nic", vm="w", address="10.0.0.9")]
    own = [s.nic(name, vm="b", ipConfigurations=[*configurations]) for name in nics]
    vms = [s.vm("a"), s.vm("b", nics=nics), s.vm("w")]
    return s.topology(*vms, *interfaces, *own, s.load_balancer("lb", {"p": pool}), deployment=DEPLOYMENT, **options)


def places(topology: Topology) -> dict[str, PoolVm]:
    found = ask("mirror.pool_vms", topology, s.only(topology).mirrors[0]).value
    assert isinstance(found, PartialList)
    return {place.vm.name: place for place in found.of_type(PoolVm)}


def test_members_and_others_in_the_pool() -> None:
    topology = built(s.by_nic("a-nic", "w-nic"), MAIN)
    found = places(topology)
    names = ("pool-vm.role", "pool-vm.is_in_pool")
    assert {name: [said(fact, topology, place) for fact in names] for name, place in found.items()} == {
        "a": ["failover-member", True],
        "b": ["failover-member", False],
        "w": ["other", True],
    }
    assert found["w"].id == "w in p of lb"


def test_a_pool_may_have_any_vm_while_a_member_is_unknown() -> None:
    topology = built(
        s.by_nic("a-nic", "gone-nic"), MAIN, gaps=[s.gap(s.arm_id("Network/networkInterfaces", "gone-nic"))]
    )
    assert said("pool-vm.is_in_pool", topology, places(topology)["b"]) is GAP


@pytest.mark.parametrize(
    ("pool", "configurations", "nics", "expected"),
    [
        (s.by_nic("a-nic"), [MAIN], ("b-nic",), ["properties.ipConfigurations[0].id"]),
        (s.by_nic("a-nic"), [SECOND, MAIN], ("b-nic",), ["properties.ipConfigurations[1].id"]),
        (s.by_nic("a-nic"), [SECOND], ("b-nic",), []),
        (s.by_nic("a-nic"), [MAIN], ("b-nic", "b2-nic"), []),
        (s.by_address("10.0.0.1"), [MAIN], ("b-nic",), []),
    ],
)
def test_the_primary_ip_configuration_would_join_a_pool_of_them(
    pool: Body, configurations: list[Body], nics: tuple[str, ...], expected: list[str]
) -> None:
    topology = built(pool, *configurations, nics=nics)
    reads = ask("pool-vm.is_in_pool", topology, places(topology)["b"]).reads
    assert [read.path for read in reads if read.resource.endswith("-nic")] == expected


@pytest.mark.parametrize(
    ("web", "expected"),
    [("[w, x]", ["x-nic", "lb"]), ("[a, x]", []), ("[w, x, a]", ["x-nic", "lb"]), ("[x]", [])],
)
def test_a_vm_in_no_pool_could_join_those_of_vms_with_its_roles(web: str, expected: list[str]) -> None:
    vms = [s.vm(name) for name in "abwx"]
    interfaces = [s.nic(f"{name}-nic", vm=name, ipConfigurations=[MAIN]) for name in "abwx"]
    load_balancers = [
        s.load_balancer("lb", {"p": s.by_nic("w-nic")}),
        s.load_balancer("mirror", {"p": s.by_nic("a-nic")}),
    ]
    deployment = DEPLOYMENT.replace("tiers: none", f"tiers: [{{role: web, members: {web}}}]")
    topology = s.topology(*vms, *interfaces, *load_balancers, deployment=deployment)
    reads = ask("vm.pools", topology, s.item(topology, "Compute/virtualMachines", "x")).reads
    assert {read.resource.rpartition("/")[2] for read in reads} == {*expected}
