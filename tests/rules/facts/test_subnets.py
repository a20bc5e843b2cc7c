"""Which servers share a subnet."""

from __future__ import annotations

from typing import Any

import pytest

from tests.estate import subscription as s
from tests.estate.subscription import VNET, Body
from tests.rules.facts.asking import ask, shown

DEPLOYMENT = """
- name: d
  product: iris
  regions: {primary: westeurope}
  mirrors: [{name: M, failover: [a, b], arbiter: arb, dr: none, reporting: none}]
  tiers: [{role: web, members: [w]}, {role: app, members: [x]}]
"""
SUBNETS = {"a": "data", "b": "data", "arb": "arb", "w": "web", "x": "app"}


def place(name: str, subnet: object) -> Body:
    """Return a network interface in a subnet, by its name or as the value of the id."""
    found = f"{VNET}/subnets/{subnet}" if isinstance(subnet, str) else subnet
    return s.nic(f"{name}-nic", ipConfigurations=[{"name": "ipconfig1", "properties": {"subnet": {"id": found}}}])


def beside(
    fact: str, vm: str, *, without: tuple[str, ...] = (), gaps: list[Body] | None = None, **moved: Any
) -> object:
    """Return the answer of a fact for a VM; some VMs are `moved` to other subnets."""
    names = sorted({*SUBNETS.values()} - {*without})
    network = s.network(subnets=[{"id": f"{VNET}/subnets/{name}", "name": name} for name in names])
    places = (place(name, subnet) for name, subnet in {**SUBNETS, **moved}.items())
    built = s.topology(*map(s.vm, SUBNETS), *places, network, deployment=DEPLOYMENT, gaps=gaps or ())
    return shown(ask(fact, built, s.item(built, "Compute/virtualMachines", vm)).value)


def test_servers_of_other_tiers_in_the_subnet() -> None:
    assert beside("vm.other_tiers_in_subnet", "a") == []
    assert beside("vm.other_tiers_in_subnet", "a", w="DATA") == ["w"]
    assert beside("vm.other_tiers_in_subnet", "w", w="data") == ["a", "b"]
    assert beside("vm.other_tiers_in_subnet", "x", w="data") == []


def test_arbiters_count_beside_databases_only() -> None:
    assert beside("vm.arbiters_in_subnet", "a", arb="data") == ["arb"]
    assert beside("vm.arbiters_in_subnet", "w", arb="web") == []
    assert beside("vm.other_tiers_in_subnet", "a", arb="data") == []


@pytest.mark.parametrize("subnet", [7, [], "gone"])
def test_a_subnet_that_does_not_exist_may_be_any(subnet: object) -> None:
    assert beside("vm.other_tiers_in_subnet", "a", w=subnet) == ["..."]
    assert beside("vm.other_tiers_in_subnet", "w", w=subnet) == ["..."]


def test_a_network_that_was_not_read_has_subnets_by_their_ids() -> None:
    gaps = [s.gap(VNET)]
    assert beside("vm.other_tiers_in_subnet", "a", without=tuple(SUBNETS.values()), gaps=gaps) == []
    assert beside("vm.other_tiers_in_subnet", "a", w="data", without=tuple(SUBNETS.values()), gaps=gaps) == ["w"]
