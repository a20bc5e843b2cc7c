"""What no lock keeps from being deleted by mistake."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.azure.types.names import LOCK
from tests.estate import subscription as s
from tests.estate.subscription import SUB, Body, arm_id
from tests.rules.facts.asking import ask, shown

DEPLOYMENT = """
- name: d
  product: iris
  regions: {primary: westeurope, dr: none}
  mirrors: [{name: M, failover: [a, b], arbiter: none, dr: none, reporting: none}]
  tiers: none
"""
GROUP = f"{SUB}/resourceGroups/rg"
DISK, VAULT = arm_id("Compute/disks", "a1"), arm_id("RecoveryServices/vaults", "rsv", "backup")
LB = arm_id("Network/loadBalancers", "lb", "net")
ITEM = f"{VAULT}/backupFabrics/Azure/protectionContainers/c/protectedItems/i"
BACKUP: Body = {"backupManagementType": "AzureIaasVM", "protectionState": "Protected"}


def lock(place: str, level: object = "CanNotDelete") -> Body:
    return {"id": f"{place}/providers/Microsoft.Authorization/locks/l", "properties": {"level": level}}


def unlocked(*locks: Body, **keywords: Any) -> list[str]:
    """Return what is not locked of a disk, the vault and the load balancer of a mirror."""
    load_balancer = s.load_balancer("lb", {"p": s.by_nic("a-nic")})
    renamed = {**load_balancer, "id": LB, "properties": in_group(load_balancer["properties"])}
    bodies = (
        *(s.vm("a", disks=["a1"]), s.vm("b"), s.nic("a-nic"), s.nic("b-nic"), s.network(), s.disk("a1")),
        renamed,
        {"id": VAULT, "name": "rsv", "properties": {}},
        {"id": ITEM, "properties": BACKUP | {"sourceResourceId": arm_id("Compute/virtualMachines", "a")}},
    )
    built = s.topology(*bodies, *locks, deployment=DEPLOYMENT, also_listed=[LOCK], **keywords)
    answer = ask("deployment.unlocked", built, s.only(built))
    found = shown(answer.value)
    assert isinstance(found, list)
    assert {read.resource for read in answer.reads if not read.path} == {*found} - {"?"}
    return sorted(name.rpartition("/")[2] for name in found)


def in_group(properties: Body) -> Body:
    """Return the properties of a load balancer whose parts are in the resource group of its own."""
    parts = {
        kind: [
            {**part, "id": part["id"].replace(arm_id("Network/loadBalancers", "lb"), LB)} for part in properties[kind]
        ]
        for kind in ("backendAddressPools", "loadBalancingRules", "probes")
    }
    to_pool = {"backendAddressPool": {"id": f"{LB}/backendAddressPools/p"}}
    return {**parts, "loadBalancingRules": [{**rule, "properties": to_pool} for rule in parts["loadBalancingRules"]]}


NET, BACKUPS = lock(f"{SUB}/resourceGroups/NET"), lock(f"{SUB}/resourceGroups/backup", "ReadOnly")


@pytest.mark.parametrize(
    ("locks", "expected"),
    [
        ((), ["a1", "lb", "rsv"]),
        ((lock(SUB),), []),
        ((lock(DISK.upper(), "cannotdelete"), NET, BACKUPS), []),
        ((lock(GROUP), NET, BACKUPS), []),
        ((lock(f"{GROUP}-x"), NET, BACKUPS), ["a1"]),
        ((lock(arm_id("Compute/virtualMachines", "a")), NET, BACKUPS), ["a1"]),
        ((lock(DISK, "NotSpecified"), NET, BACKUPS), ["a1"]),
        ((lock(DISK, 7), NET, BACKUPS), ["?"]),
        ((lock(DISK, None), NET, BACKUPS), ["?"]),
    ],
)
def test_a_lock_of_the_resource_its_group_or_its_subscription(locks: tuple[Body, ...], expected: object) -> None:
    assert unlocked(*locks) == expected


def test_locks_that_were_not_listed() -> None:
    assert unlocked(NET, unlisted=[LOCK]) == ["?", "?"]
    assert unlocked(lock(SUB), unlisted=[LOCK]) == []
