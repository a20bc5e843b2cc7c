"""The further reads for deployment members, from a snapshot of the lists alone."""

from __future__ import annotations

import msgspec
import pytest

from auditor.azure import arm
from auditor.snapshot.model import Snapshot, resource
from auditor.sources.live.members import MemberReads, plan
from auditor.sources.live.results import ReadResult
from tests import estates
from tests.sources.live import live
from tests.sources.live.test_permissions import GROUP, NAME, SCOPE

DATABASES = {"vm-db-a", "vm-db-b", "vm-db-dr"}


@pytest.fixture(scope="module")
def lists() -> Snapshot:
    return estates.snapshot_of(NAME, estates.body_of(NAME))


def planned(lists: Snapshot, *without: str, protected: tuple[str, ...] = ()) -> MemberReads:
    vault = f"{GROUP}/providers/Microsoft.RecoveryServices/vaults/rsv/backupFabrics/Azure/protectionContainers/c"
    items = [
        resource({"properties": {"sourceResourceId": vm.upper()}}, f"{vault}/protectedItems/{arm.name_of(vm)}")
        for vm in protected
    ]
    kept = (found for found in lists.resources if found.name not in without)
    return plan(msgspec.structs.replace(lists, resources=(*kept, *items)), live.declared(NAME))


def test_members_are_those_that_are_declared(lists: Snapshot) -> None:
    found = planned(lists)
    names = {vm.name for vm in found.vms}
    assert names >= DATABASES | {"vm-web-a"}
    assert len(names) == 16
    assert {load_balancer.name for load_balancer in found.load_balancers} == {"lb-mirror"}
    assert {connection.name for connection in found.connections} == {"con-hospital-weu", "con-hospital-neu"}
    assert found.unlisted == ()
    assert plan(lists, ()) == MemberReads((), (), (), (), (), ()), (
        "without a declaration and without tags there are none"
    )


def test_recovery_points_are_read_of_database_servers(lists: Snapshot) -> None:
    vms = {vm.name: vm.id for vm in planned(lists).vms}
    found = planned(lists, protected=tuple(vms.values()))
    sources = {item.body["properties"]["sourceResourceId"].rpartition("/")[2].lower() for item in found.protected_items}  # type: ignore[index]
    assert sources == DATABASES
    assert {vault.name for vault in found.vaults} == {"rsv-trakcare-weu", "rsv-trakcare-neu"}


def test_what_a_deployment_refers_to_and_no_list_contains_is_read_by_itself(lists: Snapshot) -> None:
    found = planned(lists, "vm-db-a-nic")
    assert found.unlisted == (arm.key(f"{GROUP}/providers/Microsoft.Network/networkInterfaces/vm-db-a-nic"),)


def test_an_ephemeral_disk_is_not_asked_for() -> None:
    body = estates.body_of(NAME)
    disk = estates.find(body, "vm-db-a")["properties"]["storageProfile"]["osDisk"]
    body["value"] = [item for item in body["value"] if item.get("name") != "vm-db-a-os"]
    assert plan(estates.snapshot_of(NAME, body), live.declared(NAME)).unlisted == (arm.key(disk["managedDisk"]["id"]),)
    disk["diffDiskSettings"] = {"option": "Local"}
    assert plan(estates.snapshot_of(NAME, body), live.declared(NAME)).unlisted == ()


def test_a_list_is_incomplete_whichever_step_found_out_first() -> None:
    pair = (SCOPE, "microsoft.compute/disks")
    complete, incomplete = ReadResult(listed={pair}), ReadResult(incomplete={pair})
    header = Snapshot("", (SCOPE,), (), frozenset(), ())
    for results in ((complete, incomplete), (incomplete, complete)):
        merged = ReadResult()
        merged.merge(*results)
        assert merged.snapshot(header).listed == frozenset()
    assert complete.snapshot(header).listed == {pair}
