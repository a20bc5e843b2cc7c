"""What the deployment file names, and what exists under that name or a similar one."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.azure.types.names import VAULT, VIRTUAL_NETWORK, VM
from auditor.estate.topology import Topology
from auditor.snapshot.known import Cause, PartialList
from tests.estate import subscription as s
from tests.estate.subscription import SUB, Body, arm_id
from tests.rules.facts.asking import ask, shown

GROUPS = "microsoft.resources/subscriptions/resourcegroups"

DEPLOYMENT = """
- name: d
  product: iris
  regions: {primary: westeurope, dr: northeurope}
  mirrors: [{name: M, failover: [a, b], arbiter: arb, dr: [dr], disks: {journal: [1], wij: [0]}}]
  tiers: [{role: web, members: [w]}, {role: app, members: none}]
"""
VMS = (
    s.vm("a", disks=["a0", "a1"]),
    s.vm("b", disks=["b0", "b1"]),
    s.vm("arb", location="uksouth"),
    s.vm("dr", location="North Europe", disks=["dr0"]),
    s.vm("w"),
)
NETWORK = s.resource("Network/virtualNetworks", "vnet")


def names(built: Topology) -> dict[str, tuple[str, object]]:
    """Return what the file names and what exists, by place."""
    found = ask("deployment.names", built, s.only(built)).value
    assert isinstance(found, PartialList)
    assert found.complete
    return {
        name.path: (  # type: ignore[attr-defined]
            str(ask("name.written", built, name).value),
            _listed(ask("name.existing", built, name).value),
        )
        for name in found.known
    }


def _listed(found: object) -> object:
    """Return a list in its own order, `...` where there may be more; the cause of what is unknown."""
    if not isinstance(found, PartialList):
        return shown(found)
    return [str(item) for item in found.known] + ["..."] * (found.missing is not None)


def named(place: str, *bodies: Body, old: str = "", new: str = "", **keywords: Any) -> object:
    """Return what exists for a place after a change of the deployment file."""
    assert old in DEPLOYMENT
    return names(s.topology(*bodies, deployment=DEPLOYMENT.replace(old, new, 1), **keywords))[place][1]


def test_what_the_file_names_exists() -> None:
    assert names(s.topology(*VMS, deployment=DEPLOYMENT)) == {
        "regions.primary": ("westeurope", ["westeurope"]),
        "regions.dr": ("northeurope", ["northeurope"]),
        "mirrors['M'].disks.journal[0]": ("1", ["1"]),
        "mirrors['M'].disks.wij[0]": ("0", ["0"]),
    }


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("westeurop", ["westeurope", "northeurope"]),
        ("West Europ", ["westeurope", "northeurope"]),
        ("japaneast", ["northeurope", "westeurope"]),
        ("uksouth", ["northeurope", "westeurope"]),
    ],
)
def test_a_primary_region_is_one_of_a_declared_member(written: str, expected: list[str]) -> None:
    others = s.vm("other", location="japaneast")
    assert named("regions.primary", *VMS, others, old="primary: westeurope", new=f"primary: {written}") == expected


def test_a_member_that_is_not_known_may_be_in_the_declared_region() -> None:
    change = {"old": "primary: westeurope", "new": "primary: uksouth"}
    known = *VMS[1:], NETWORK
    assert named("regions.primary", *known, gaps=[s.gap(VMS[0]["id"])], **change) == [
        "northeurope",
        "westeurope",
        "...",
    ]
    assert named("regions.primary", *known, unlisted=[VM], **change) == ["northeurope", "westeurope", "..."]
    assert named("regions.primary", *known, **change) == ["northeurope", "westeurope", "..."], (
        "DEP001 reports the member"
    )
    assert named("regions.primary", *known, {**s.vm("a"), "location": None}, **change) == [
        "northeurope",
        "westeurope",
        "...",
    ]
    assert named("regions.primary", *known, unlisted=[VM]) == ["westeurope"]


def test_a_dr_region_may_be_prepared_by_a_network_alone() -> None:
    change = {"old": "dr: [dr]", "new": "dr: none"}
    there = s.resource("Network/virtualNetworks", "vnet-dr", top={"location": "northeurope"})
    vms = VMS[:3] + VMS[4:]
    assert named("regions.dr", *vms, NETWORK, there, **change) == ["northeurope"]
    assert named("regions.dr", *vms, NETWORK, **change) == []
    assert named("regions.dr", *vms, NETWORK, unlisted=[VIRTUAL_NETWORK], **change) == ["..."]
    mistyped = {"old": "dr: northeurope", "new": "dr: norteurope"}
    elsewhere = s.resource("Network/virtualNetworks", "vnet-dr", top={"location": "norteurope"})
    assert named("regions.dr", *VMS, NETWORK, elsewhere, **mistyped) == ["northeurope", "westeurope"]


def test_no_region_is_named_where_none_is_declared() -> None:
    assert "regions.dr" not in names(s.topology(*VMS, deployment=DEPLOYMENT.replace("dr: northeurope", "dr: none")))
    assert "regions.dr" not in names(s.topology(*VMS, deployment=DEPLOYMENT.replace(", dr: northeurope", "")))
    tags = {"iris-deployment": "d", "iris-role": "app"}
    assert names(s.topology(s.vm("a", tags=tags))) == {}
    empty = DEPLOYMENT.partition("  mirrors")[0] + "  mirrors: none\n  tiers: none\n"
    assert names(s.topology(*VMS, deployment=empty))["regions.primary"] == ("westeurope", ["..."])


def group(name: str) -> Body:
    own = {"id": f"{SUB}/resourceGroups/{name}", "name": name, "type": "Microsoft.Resources/resourceGroups"}
    return {**own, "location": "westeurope", "properties": {"provisioningState": "Succeeded"}}


@pytest.mark.parametrize(
    ("written", "expected", "unlisted"),
    [
        ("RG", ["rg"], ["rg"]),
        ("rg-empty", ["rg-empty"], ["rg-empty"]),
        ("rg-empti", ["rg-empty"], ["rg-empty", "..."]),
        ("rg-elsewhere", ["rg", "rg-empty"], ["rg", "rg-empty", "..."]),
    ],
)
def test_a_resource_group_exists_if_it_is_listed_or_something_is_in_it(
    written: str, expected: list[str], unlisted: list[str]
) -> None:
    text = DEPLOYMENT + f"  scope: {{resourceGroups: [{written}]}}\n  subscriptions: [{SUB.rpartition('/')[2]}]\n"
    bodies = *VMS, group("RG-empty"), s.vm("z", group="rg-elsewhere", subscription=s.OTHER)
    whole = s.topology(*bodies, deployment=text, also_listed=[GROUPS])
    assert names(whole)["scope.resourceGroups[0]"][1] == expected
    assert names(s.topology(*bodies, deployment=text))["scope.resourceGroups[0]"][1] == unlisted


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("journal: [1]", "journal: [7]", ["0", "1"]),
        ("journal: [1]", "journal: [0]", ["0"]),
        ("failover: [a, b]", "failover: [b]", ["1"]),
    ],
)
def test_a_lun_has_a_disk_of_some_mirror_member(old: str, new: str, expected: list[str]) -> None:
    assert named("mirrors['M'].disks.journal[0]", *VMS, old=old, new=new) == expected


def test_a_lun_is_open_where_the_disks_of_a_member_are_not_known() -> None:
    change = {"old": "journal: [1]", "new": "journal: [7]"}
    place = "mirrors['M'].disks.journal[0]"
    assert named(place, *VMS[1:], NETWORK, gaps=[s.gap(VMS[0]["id"])], **change) == ["0", "1", "..."]
    assert named(place, *VMS[1:], **change) == ["0", "1", "..."]
    odd = s.vm("a")
    odd["properties"]["storageProfile"] = {"dataDisks": [{"lun": None}]}
    assert named(place, *VMS[1:], odd, **change) == ["0", "1", "..."]


def test_a_vault() -> None:
    vault = s.resource("RecoveryServices/vaults", "vault-prod")
    for written, expected in (
        (vault["id"].replace("vault-prod", "VAULT-prod"), [vault["id"].replace("vault-prod", "VAULT-prod")]),
        (arm_id("RecoveryServices/vaults", "vault-prd"), [vault["id"], "..."]),
    ):
        text = DEPLOYMENT + f"  backup: {{strategy: azure-backup, vault: {written}}}\n"
        assert names(s.topology(*VMS, vault, deployment=text))["backup.vault"] == (written, expected)
    text = DEPLOYMENT + f"  backup: {{strategy: azure-backup, vault: {arm_id('RecoveryServices/vaults', 'x')}}}\n"
    assert names(s.topology(*VMS, vault, deployment=text, also_listed=[VAULT]))["backup.vault"][1] == [vault["id"]]


def test_an_account_for_online_backups() -> None:
    account = s.resource("Storage/storageAccounts", "stbackup")
    other = arm_id("Storage/storageAccounts", "stbackups")
    for written, expected in ((account["id"], [account["id"]]), (other, [account["id"], "..."])):
        text = DEPLOYMENT + f"  backup: {{strategy: online, account: {written}}}\n"
        assert names(s.topology(*VMS, account, deployment=text))["backup.account"] == (written, expected)


def test_required_files_from_inside_the_vms_are_missing() -> None:
    found = names(s.topology(*VMS, deployment=DEPLOYMENT + "  guest: required\n"))
    assert found["guest"] == ("required", Cause.GUEST)
    assert "guest" not in names(s.topology(*VMS, deployment=DEPLOYMENT + "  guest: optional\n"))


@pytest.mark.parametrize(
    ("member", "written", "expected"),
    [
        ("W", "W", ["W"]),
        ("web-1", "web-1", ["vm-web-1"]),
        ('{name: "vm-wbe-*"}', "vm-wbe-*", ["vm-web-1"]),
        ("{tag: {iris-rol: app}}", "tag iris-rol=app", ["tag iris-role=app"]),
        ("{tag: {x: y}}", "tag x=y", ["tag iris-role=app"]),
        (arm_id("Compute/virtualMachines", "vm-web-2"), None, [arm_id("Compute/virtualMachines", "vm-web-1")]),
    ],
)
def test_a_member_that_matches_no_vm_has_similar_ones(member: str, written: str | None, expected: list[str]) -> None:
    text = DEPLOYMENT.replace("[w]", f"[{member}]")
    built = s.topology(*VMS, s.vm("vm-web-1", tags={"iris-role": "app"}), deployment=text)
    found = ask("deployment.members", built, s.only(built)).value
    assert isinstance(found, PartialList)
    last = found.known[-1]
    assert ask("member.written", built, last).value == (written or member)
    assert _listed(ask("member.existing", built, last).value)[: len(expected)] == expected  # type: ignore[index]


TWO = """
- name: one
  product: iris
  regions: {primary: westeurope, dr: none}
  mirrors: none
  tiers: [{role: app, members: [MEMBER]}, {role: web, members: none}, {role: db, members: none}]
- name: two
  product: iris
  regions: {primary: westeurope, dr: none}
  mirrors: none
  tiers: [{role: app, members: [two-a]}, {role: web, members: none}, {role: db, members: none}]
"""


@pytest.mark.parametrize(
    ("member", "expected"),
    [
        ("one-a", {"one-a": []}),
        ("{tag: {iris-role: app}}", {"one-a": [], "two-a": ["two"], "three-a": ["three"]}),
        ("{tag: {iris-role: app, iris-deployment: ONE}}", {"one-a": []}),
        ('{name: "t*"}', {"two-a": ["two"], "three-a": ["three"]}),
    ],
)
def test_the_other_deployments_of_matched_vms(member: str, expected: dict[str, list[str]]) -> None:
    vms = (
        s.vm("one-a", tags={"iris-role": "app", "IRIS-deployment": "One"}),
        s.vm("two-a", tags={"iris-role": "app"}),
        s.vm("three-a", tags={"iris-role": "app", "iris-deployment": "three"}),
    )
    built = s.topology(*vms, deployment=TWO.replace("MEMBER", member))
    matches = ask("deployment.members", built, built.deployments[0]).value
    assert isinstance(matches, PartialList)
    found = ask("member.matches", built, matches.known[0]).value
    assert isinstance(found, PartialList)
    assert {vm.name: shown(ask("vm.other_deployments", built, vm).value) for vm in found.known} == expected  # type: ignore[attr-defined]


def test_a_tag_that_was_not_read_leaves_the_deployments_of_a_vm_open() -> None:
    vm = s.vm("one-a")
    built = s.topology(vm, deployment=TWO.replace("MEMBER", "one-a"), gaps=[s.gap(vm["id"], "tags")])
    assert shown(ask("vm.other_deployments", built, s.item(built, "Compute/virtualMachines", "one-a")).value) == ["..."]
