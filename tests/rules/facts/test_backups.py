"""Which VMs Azure Backup protects, how old and consistent their backups are, and what they leave out."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from auditor import yaml_documents
from auditor.azure import arm
from auditor.azure.paths import ABSENT
from auditor.azure.types.names import PROTECTED_ITEM, VAULT
from auditor.estate.topology import Topology
from auditor.rules.facts.backups import REGION_PAIRS
from auditor.snapshot.known import Cause, PartialList, Unknown
from auditor.snapshot.model import Part, Resource
from tests.estate import subscription as s
from tests.estate.subscription import OTHER, SUB, Body, arm_id
from tests.rules.facts.asking import ask, said

DEPLOYMENT = """
- name: d
  product: iris
  subscriptions: ["00000000-0000-0000-0000-000000000001"]
  regions: {primary: westeurope, dr: northeurope}
  mirrors: [{name: M, failover: [a, b], arbiter: none, dr: none}]
  tiers: none
"""
VMS = (s.vm("a", disks=["a0", "a1"]), s.vm("b", disks=["b0"]))
VAULT_ID = arm_id("RecoveryServices/vaults", "rsv")
ITEMS = "/backupFabrics/Azure/protectionContainers/c/protectedItems/"


def item(name: str, vm: str, vault: str = VAULT_ID, **properties: Any) -> Body:
    """Return the protected item of a VM, with its ids as some vaults write them."""
    usual = {"backupManagementType": "AzureIaasVM", "protectionState": "Protected", "sourceResourceId": vm.upper()}
    return {
        "id": vault.replace("/subscriptions/", "/Subscriptions/") + ITEMS + name,
        "name": name,
        "properties": {**usual, **properties},
    }


def point(of: str, name: str, time: str, consistency: str | None) -> Body:
    """Return a recovery point of a protected item."""
    properties = {"recoveryPointTime": time, "recoveryPointType": consistency}
    return {"id": f"{VAULT_ID}{ITEMS}{of}/recoveryPoints/{name}", "properties": properties}


def vm_id(name: str, group: str = "rg") -> str:
    return arm_id("Compute/virtualMachines", name, group)


def built(*bodies: Body, **keywords: Any) -> Topology:
    return s.topology(*VMS, *bodies, deployment=keywords.pop("deployment", DEPLOYMENT), **keywords)


def backup(topology: Topology, name: str = "i") -> Resource:
    found = topology.graph.get(VAULT_ID + ITEMS + name)
    assert isinstance(found, Resource)
    return found


def backups(topology: Topology, vm: str = "a") -> object:
    return said("database.backups", topology, s.item(topology, "Compute/virtualMachines", vm))


# --- which items protect a VM -----------------------------------------------------------------------------------------


def test_an_item_is_joined_by_the_id_of_the_vm_and_not_by_its_name() -> None:
    topology = built(item("i", vm_id("a")), item("VM;iaasvmcontainerv2;other;b", vm_id("b", "other")))
    assert backups(topology) == ["i"]
    assert backups(topology, "b") == []
    assert said("database.backups", topology, s.only(topology).mirrors[0]) == ["i"]


def test_an_item_that_leads_nowhere_may_protect_the_vm_of_its_name() -> None:
    astray = item("VM;iaasvmcontainerv2;RG;A", vm_id("gone"))
    assert backups(built(astray)) == ["..."]
    assert backups(built(astray), "b") == []
    assert backups(built(item("i", "junk")), "b") == ["..."]


def test_items_of_other_workloads_do_not_protect_the_vm() -> None:
    assert backups(built(item("i", vm_id("a"), backupManagementType="AzureWorkload"))) == []


def test_a_vault_of_another_subscription_counts() -> None:
    vault = arm_id("RecoveryServices/vaults", "rsv", subscription=OTHER)
    assert backups(built(item("elsewhere", vm_id("a"), vault))) == ["elsewhere"]


@pytest.mark.parametrize(
    "gap",
    [
        s.gap(SUB, VAULT),
        s.gap(SUB, PROTECTED_ITEM),
        s.gap(VAULT_ID, PROTECTED_ITEM),
        s.gap(arm_id("RecoveryServices/vaults", "rsv", subscription=OTHER), PROTECTED_ITEM, "throttled"),
        s.gap(OTHER, VAULT, "unavailable"),
        s.gap(VAULT_ID + ITEMS + "i"),
    ],
    ids=["vaults", "items", "vault", "other vault", "other vaults", "item"],
)
def test_what_was_not_read_may_protect_the_vm(gap: Body) -> None:
    assert backups(built(gaps=[gap])) == ["..."]
    assert backups(built(item("known", vm_id("a")), gaps=[gap])) == ["known", "..."]


def test_a_vault_that_lacks_its_own_body_hides_no_item() -> None:
    assert backups(built(gaps=[s.gap(VAULT_ID)])) == []


def test_items_that_were_not_listed_are_unknown() -> None:
    assert backups(built(unlisted=[PROTECTED_ITEM])) == ["..."]
    elsewhere = (
        f"  backup: {{strategy: azure-backup, vault: {arm_id('RecoveryServices/vaults', 'v', subscription=OTHER)}}}"
    )
    assert backups(built(deployment=DEPLOYMENT + elsewhere)) == ["..."], "the declared vault was not scanned"


# --- their age, consistency and disks ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("time", "taken", "hours"),
    [
        ("2026-11-01T01:03:27.1093412Z", "2026-11-01T06:00:00Z", 5),
        ("2026-10-31T04:00:00Z", "2026-11-01T06:00:00Z", 26),
        ("2026-10-31T03:59:59Z", "2026-11-01T06:00:00Z", 27),
        ("2026-11-01T02:00:00", "2026-11-01T06:00:00+02:00", 2),
        ("2026-11-01T02:00:00Z", "", Cause.VALUE),
        ("yesterday", "2026-11-01T06:00:00Z", Cause.VALUE),
        (7, "2026-11-01T06:00:00Z", Cause.VALUE),
        (None, "2026-11-01T06:00:00Z", Cause.VALUE),
    ],
)
def test_the_age_of_the_last_backup(time: object, taken: str, hours: object) -> None:
    topology = built(item("i", vm_id("a"), lastBackupTime=time))
    snapshot = msgspec.structs.replace(topology.graph.snapshot, taken_at=taken)
    assert said("backup.age_hours", Topology(snapshot, s.declare(DEPLOYMENT)), backup(topology)) == hours


@pytest.mark.parametrize(
    ("points", "last", "consistency"),
    [
        ([("1", "2026-10-31T01:00:00Z", "AppConsistent")], "x", "AppConsistent"),
        (
            [("1", "2026-10-31T01:00:00Z", "AppConsistent"), ("2", "2026-11-01T01:00:00Z", "CrashConsistent")],
            "x",
            "CrashConsistent",
        ),
        (
            [("1", "2026-11-01T02:00:00Z", "AppConsistent"), ("2", "2026-11-01T03:00:00+02:00", "CrashConsistent")],
            "x",
            "AppConsistent",
        ),
        ([("1", "2026-10-31T01:00:00Z", None)], "x", Cause.VALUE),
        ([("1", "once", "AppConsistent")], "x", Cause.VALUE),
        ([], "2026-10-31T01:00:00Z", Cause.GAP),
        ([], None, ABSENT),
    ],
)
def test_the_newest_recovery_point_counts(
    points: list[tuple[str, str, str | None]], last: str | None, consistency: object
) -> None:
    topology = built(item("i", vm_id("a"), lastRecoveryPoint=last), *(point("i", *each) for each in points))
    assert said("backup.newest_consistency", topology, backup(topology)) == consistency


def test_recovery_points_that_were_not_read_are_unknown() -> None:
    gap = s.gap(VAULT_ID + ITEMS + "i", f"{PROTECTED_ITEM}/recoverypoints", "throttled")
    topology = built(item("i", vm_id("a")), point("i", "1", "2026-10-31T01:00:00Z", "AppConsistent"), gaps=[gap])
    assert said("backup.newest_consistency", topology, backup(topology)) == Cause.GAP


@pytest.mark.parametrize(
    ("exclusion", "luns"),
    [
        (None, []),
        ({"diskLunList": [], "isInclusionList": False}, []),
        ({"diskLunList": [1], "isInclusionList": False}, [1]),
        ({"diskLunList": [7], "isInclusionList": False}, []),
        ({"diskLunList": [], "isInclusionList": True}, [0, 1]),
        ({"diskLunList": [0], "isInclusionList": True}, [1]),
        ({"diskLunList": [0, 1], "isInclusionList": True}, []),
        ({"diskLunList": [0]}, Cause.VALUE),
        ({"diskLunList": ["0", None], "isInclusionList": "yes"}, Cause.VALUE),
        ({"diskLunList": [1, "0"], "isInclusionList": False}, Cause.VALUE),
        ({"diskLunList": [{}], "isInclusionList": True}, Cause.VALUE),
        ({"diskLunList": [True], "isInclusionList": False}, Cause.VALUE),
        ("none", Cause.VALUE),
    ],
)
def test_disks_that_backups_leave_out(exclusion: object, luns: object) -> None:
    extended = {} if exclusion is None else {"diskExclusionProperties": exclusion}
    topology = built(item("i", vm_id("a"), extendedProperties=extended))
    found = ask("backup.left_out", topology, backup(topology)).value
    if isinstance(found, Unknown):
        assert found.cause == luns
    else:
        assert isinstance(found, PartialList)
        assert [part.body["lun"] for part in found.of_type(Part)] == luns  # type: ignore[index]
        assert found.complete


def test_disks_of_a_vm_that_was_not_read_are_unknown() -> None:
    exclusion = {"diskExclusionProperties": {"diskLunList": [1], "isInclusionList": False}}
    topology = built(item("i", vm_id("c"), extendedProperties=exclusion), gaps=[s.gap(vm_id("c"))])
    assert said("backup.left_out", topology, backup(topology)) in ([], ["..."])
    assert not PartialList.of(ask("backup.left_out", topology, backup(topology)).value).complete


# --- policies and vaults ----------------------------------------------------------------------------------------------


def test_the_policy_of_an_item() -> None:
    policy = {"id": f"{VAULT_ID}/backupPolicies/daily", "properties": {}}
    topology = built(policy, item("i", vm_id("a"), policyId=str(policy["id"]).upper()))
    assert said("backup.policies", topology, backup(topology)) == ["daily"]
    stopped = built(item("i", vm_id("a"), policyId="", protectionState="ProtectionStopped"))
    assert said("backup.policies", stopped, backup(stopped)) == []
    lacking = built(item("i", vm_id("a")))
    assert said("backup.policies", lacking, backup(lacking)) == ["?"]


def test_the_vaults_and_policies_of_a_deployment_are_named_once() -> None:
    vault = {"id": VAULT_ID, "name": "rsv", "properties": {}}
    policy = {"id": f"{VAULT_ID}/backupPolicies/daily", "properties": {}}
    items = [item(name, vm_id(name), policyId=policy["id"]) for name in ("a", "b")]
    topology = built(vault, policy, *items)
    assert said("deployment.backup_vaults", topology, s.only(topology)) == ["rsv"]
    assert said("deployment.backup_policies", topology, s.only(topology)) == ["daily"]
    assert said("deployment.backups", topology, s.only(topology)) == ["a", "b"]
    old = item("old", vm_id("a"), vault=f"{VAULT_ID}-old", protectionState="protectionSTOPPED")
    moved = built(vault, policy, *items, old)
    assert said("deployment.backup_vaults", moved, s.only(moved)) == ["rsv"], "the other one takes no backups any more"
    unread = built(*items, unlisted=[VAULT])
    (found,) = PartialList.of(ask("deployment.backup_vaults", unread, s.only(unread)).value).of_type(Resource)
    assert (found.key, said("vault.redundancy", unread, found)) == (arm.key(VAULT_ID), Cause.GAP)


@pytest.mark.parametrize(
    ("fact", "properties", "found"),
    [
        ("redundancy", {}, Cause.GAP),
        ("redundancy", {"redundancySettings": {}}, Cause.VALUE),
        ("redundancy", {"redundancySettings": {"standardTierStorageRedundancy": "GeoRedundant"}}, "GeoRedundant"),
        ("cross_region_restore", {"redundancySettings": {}}, "Disabled"),
        ("soft_delete", {"securitySettings": {}}, Cause.VALUE),
        ("soft_delete", {"securitySettings": {"softDeleteSettings": {"softDeleteState": "AlwaysON"}}}, "AlwaysON"),
        ("immutability", {}, Cause.GAP),
        ("immutability", {"securitySettings": {"immutabilitySettings": None}}, "Disabled"),
        ("immutability", {"securitySettings": {"immutabilitySettings": {"state": "Unlocked"}}}, "Unlocked"),
    ],
)
def test_what_lists_of_vaults_lack_is_unknown(fact: str, properties: Body, found: object) -> None:
    topology = built({"id": VAULT_ID, "name": "rsv", "properties": properties})
    assert said(f"vault.{fact}", topology, s.item(topology, "RecoveryServices/vaults", "rsv")) == found


@pytest.mark.parametrize(
    ("place", "found"),
    [
        ("West Europe", True),
        ("northeurope", True),
        ("uksouth", Cause.ATTESTATION),
        ("italynorth", Cause.ATTESTATION),
        ("atlantis", Cause.VALUE),
        (None, Cause.VALUE),
    ],
)
def test_copies_of_a_vault_are_in_the_paired_region(place: str | None, found: object) -> None:
    vault: Body = {"id": VAULT_ID, "name": "rsv", "location": place, "properties": {}}
    text = "- {name: d, product: iris, regions: {primary: westeurope, dr: northeurope}, mirrors: none, tiers: none}"
    topology = built(vault, deployment=text)
    assert said("vault.reaches_dr", topology, s.item(topology, "RecoveryServices/vaults", "rsv")) == found


def test_the_regions_of_most_pairs_are_paired_with_each_other() -> None:
    pairs = yaml_documents.read(REGION_PAIRS).value
    assert isinstance(pairs, dict)
    one_way = {region for region, paired in pairs.items() if paired != "none" and pairs.get(paired) != region}
    assert one_way == {"brazilsouth", "brazilsoutheast", "indiasouthcentral", "swedencentral", "westindia", "westus3"}


@pytest.mark.parametrize(
    ("declared", "strategy", "otherwise"),
    [
        ("", ABSENT, False),
        ("backup: {strategy: azure-backup}", "azure-backup", False),
        ("backup: {strategy: third-party, product: Copies}", "third-party", Cause.ATTESTATION),
        ("backup: {strategy: online}", "online", Cause.ATTESTATION),
    ],
)
def test_the_declared_strategy(declared: str, strategy: object, otherwise: object) -> None:
    topology = built(deployment=f"{DEPLOYMENT}  {declared}")
    deployment = s.only(topology)
    assert said("deployment.backup_strategy", topology, deployment) == strategy
    assert said("deployment.backed_up_otherwise", topology, deployment) == otherwise


INSTANCE = arm_id("DataProtection/backupVaults", "bv") + "/backupInstances/x"
REPLICATED = f"{VAULT_ID}/replicationFabrics/f/replicationProtectionContainers/c/replicationProtectedItems/r"


def copy_of_disk(disk: str, kind: str = "Microsoft.Compute/disks") -> Body:
    source = {"resourceID": disk.upper(), "datasourceType": kind}
    return {"id": INSTANCE, "properties": {"dataSourceInfo": source}}


def copy_of_vm(vm: object) -> Body:
    details = {"instanceType": "A2A", "fabricObjectId": vm} if vm else {"instanceType": "InMageRcm"}
    return {"id": REPLICATED, "properties": {"providerSpecificDetails": details}}


def copies(*bodies: Body, **keywords: Any) -> list[list[str]]:
    """Return what copies the VMs `a` and `b`; `...` if there may be more."""
    topology = built(*bodies, s.disk("a1"), **keywords)
    vms = (s.item(topology, "Compute/virtualMachines", name) for name in "ab")
    found = [PartialList.of(ask("vm.other_copies", topology, vm).value) for vm in vms]
    return [[str(name) for name in each.known] + ["..."] * (each.missing is not None) for each in found]


def test_other_copies_of_a_vm() -> None:
    disk, storage = arm_id("Compute/disks", "a1"), arm_id("Storage/storageAccounts", "blobs")
    both = ["Azure Site Recovery", "Azure Disk Backup"]
    assert copies(copy_of_disk(disk), copy_of_vm(vm_id("a").upper())) == [both, []]
    assert copies(copy_of_disk(storage, "Microsoft.Storage/storageAccounts/blobServices")) == [[], []]
    assert copies(copy_of_vm(None)) == [[], []], "a server outside of Azure"
    assert copies(copy_of_vm(vm_id("a").replace(SUB, OTHER))) == [[], []], "of a subscription that was not scanned"


@pytest.mark.parametrize(
    "copy", [copy_of_disk(arm_id("Compute/disks", "gone")), copy_of_vm(vm_id("gone")), copy_of_vm(7)]
)
def test_a_copy_that_leads_nowhere_may_be_that_of_any_vm(copy: Body) -> None:
    assert copies(copy) == [["..."], ["..."]]
    listed = [PROTECTED_ITEM, arm.type_of(copy["id"])]
    assert copies(unlisted=listed) == [["..."], ["..."]]
