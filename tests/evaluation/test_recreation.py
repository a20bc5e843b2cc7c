"""VMs that are created again: all that they were, in the right order, or not at all."""

from __future__ import annotations

import json
import shlex
from functools import cache
from typing import Any

import msgspec
import pytest

from auditor import bundled
from auditor.authoring import changes, fixtures
from auditor.estate.topology import Topology
from auditor.evaluation import engine, remedies
from auditor.evaluation.remedies import FilledStep
from auditor.report.build import build
from auditor.report.document import Document, Finding, RemedyStep
from auditor.report.remedies import apart, block, runbook
from auditor.rules import packs
from auditor.rules.conditions import CompiledRule
from auditor.rules.facts import FACTS
from auditor.rules.model import Disturbance
from tests.report.reports import GROUP, full

SPOT = {"resource": "vm-db-a", "path": "properties.priority", "value": "Spot"}
SAME_ZONE = {"resource": "vm-db-b", "path": "zones[0]", "value": "1"}


@cache
def of_current() -> dict[str, CompiledRule]:
    return {one.rule.id: one for one in packs.load(bundled.PACK, FACTS).rules["current"]}


def steps(rule: str, *settings: dict[str, Any], on: str = "trakcare-current", **change: Any) -> tuple[FilledStep, ...]:
    """Return the remedy of the only fail of a rule after changes of properties."""
    found = topology(on, {"set": [*settings], **change})
    [fail] = [finding for finding in engine.evaluate(found, [of_current()[rule]]) if finding.outcome.value == "fail"]
    return remedies.steps(fail, found)


def topology(on: str, change: dict[str, Any]) -> Topology:
    return changes.apply(fixtures.known_good(on), change).topology()


def sent(found: tuple[FilledStep, ...]) -> dict[str, Any]:
    """Return the bodies that the commands send, by the last two segments of their address."""
    words = [shlex.split(step.command) for step in found if " rest " in step.command]
    sent_to = ((w[w.index("--url") + 1].split("?api-version")[0], w[-3]) for w in words)
    return {"/".join(url.split("/")[-2:]): json.loads(body) for url, body in sent_to}


def verbs(found: tuple[FilledStep, ...]) -> list[str]:
    """Return what each step does, such as `vm delete`; that of a check is ""."""
    return [" ".join(step.command.split()[1:3]) for step in found]


@pytest.mark.slow
def test_a_vm_is_created_again_with_all_that_it_was() -> None:
    found = steps("AVL014", SPOT)
    assert verbs(found)[2:-2] == [
        "vm deallocate",
        "vm update",
        "vm show",
        "",
        "vm delete",
        "rest --method",
        "vm wait",
        "rest --method",
    ]
    assert "only if vm-db-a is now the backup failover member" in found[0].text
    away = [step.command.split()[2] for step in found if step.disturbs is Disturbance.RECREATES]
    assert away == ["deallocate", "delete"]
    assert found[3].command.count("deleteOption=Detach") == 6  # the OS disk, four data disks, the network interface
    bodies = fixtures.known_good("trakcare-current").inventory["value"]
    old = next(body for body in bodies if body.get("name") == "vm-db-a")
    new = sent(found)["virtualMachines/vm-db-a"]
    assert {key: new[key] for key in ("location", "tags", "zones")} == {
        k: old[k] for k in ("location", "tags", "zones")
    }
    kept = {"hardwareProfile", "networkProfile", "securityProfile", "diagnosticsProfile"}
    assert new["properties"].keys() == kept | {"storageProfile"}
    assert {key: new["properties"][key] for key in kept} == {key: old["properties"][key] for key in kept}
    disks = [(disk["lun"], disk["caching"], disk["managedDisk"]["id"]) for disk in of_data(old)]
    assert [(disk["lun"], disk["caching"], disk["managedDisk"]["id"]) for disk in of_data(new)] == disks
    assert {disk["createOption"] for disk in of_data(new)} == {"Attach"}
    assert sent(found)["extensions/ama-vm-db-a"]["properties"]["type"] == "AzureMonitorLinuxAgent"


def of_data(vm: dict[str, Any]) -> list[dict[str, Any]]:
    disks: list[dict[str, Any]] = vm["properties"]["storageProfile"]["dataDisks"]
    return disks


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("properties.newFromAzure", 1),
        ("properties.virtualMachineScaleSet", {"id": "x"}),
        ("properties.storageProfile.osDisk.diffDiskSettings", {"option": "Local"}),
        ("properties.storageProfile.osDisk.vhd", {"uri": "https://x"}),
        ("properties.storageProfile.dataDisks[0].managedDisk", {}),
        ("properties.networkProfile.networkInterfaces", []),
        (
            "properties.storageProfile.osDisk.managedDisk.securityProfile",
            {"securityEncryptionType": "x"},
        ),
        ("managedBy", "x"),
        ("tags.note", "password=[redacted]"),
        ("tags.note", "a\x1b[2Jb"),
        ("tags.note", "\\u0000SIZE"),
    ],
)
def test_a_vm_that_might_lose_something_is_not_recreated(path: str, value: object) -> None:
    assert steps("AVL014", SPOT, {"resource": "vm-db-a", "path": path, "value": value}) == ()


@pytest.mark.slow
def test_an_extension_that_may_have_secrets_is_only_named() -> None:
    found = steps("AVL014", SPOT, {"resource": "ama-vm-db-a", "path": "properties.settings", "value": {"a": 1}})
    assert [*sent(found)] == ["virtualMachines/vm-db-a"]
    assert "extensions with settings, ama-vm-db-a. Keep" in found[-2].text


@pytest.mark.slow
def test_a_text_of_a_body_is_data() -> None:
    text = "'; touch pwned; '$(touch pwned)\"$ZONE\" `x`"
    found = steps("AVL014", SPOT, {"resource": "vm-db-a", "path": "tags.note", "value": text})
    assert sent(found)["virtualMachines/vm-db-a"]["tags"]["note"] == text


@pytest.mark.slow
def test_one_of_two_members_moves_to_another_zone_with_copies_of_its_disks() -> None:
    found = steps("AVL005", SAME_ZONE)
    assert {step.vm.rsplit("/", 1)[1] for step in found if step.vm} == {"vm-db-b"}
    assert [[*step.choices] for step in found if step.choices] == [["ZONE"]]
    assert verbs(found).index("vm delete") > max(n for n, verb in enumerate(verbs(found)) if verb == "disk wait")
    bodies = sent(found)
    assert bodies["virtualMachines/vm-db-b"]["zones"] == ["${ZONE:?}"]
    assert (
        bodies["virtualMachines/vm-db-b"]["properties"]["storageProfile"]["osDisk"]["name"] == "vm-db-b-os-z${ZONE:?}"
    )
    copy = bodies["disks/vm-db-b-data1-z${ZONE:?}"]
    assert copy["zones"] == ["${ZONE:?}"]
    assert copy["sku"] == {"name": "PremiumV2_LRS"}
    assert copy["properties"]["networkAccessPolicy"] == "DenyAll"
    assert copy["properties"]["diskMBpsReadWrite"] == 225
    assert copy["properties"]["creationData"]["sourceResourceId"].endswith("/snapshots/vm-db-b-data1-z${ZONE:?}")
    assert len(bodies) == 5 * 2 + 2  # snapshots and copies, the VM and its extension


@pytest.mark.slow
def test_the_arbiter_moves_rather_than_a_failover_member() -> None:
    found = steps("AVL007", {"resource": "vm-arbiter", "path": "zones[0]", "value": "2"})
    assert {step.vm.rsplit("/", 1)[1] for step in found if step.vm} == {"vm-arbiter"}


@pytest.mark.slow
def test_of_three_servers_in_one_zone_one_moves() -> None:
    web = ["vm-web-a", "vm-web-b", "vm-print-a"]
    same = [{"resource": name, "path": "zones[0]", "value": "2"} for name in web]
    found = steps("AVL002", *same, declare=[{"path": "deployments[0].tiers[0].members", "value": web}])
    assert {step.vm.rsplit("/", 1)[1] for step in found if step.vm} == {"vm-print-a"}


@pytest.mark.slow
def test_where_there_is_no_other_place_nothing_is_recreated() -> None:
    region: dict[str, Any] = {
        "id": f"{GROUP.split('/resourceGroups')[0]}/locations/westeurope",
        "name": "westeurope",
        "type": "Region",
        "availabilityZoneMappings": [{"logicalZone": z, "physicalZone": f"westeurope-az{z}"} for z in ("1", "2")],
    }
    arbiter = {"resource": "vm-arbiter", "path": "zones[0]", "value": "2"}
    assert steps("AVL007", arbiter, add=[region]) == ()


def test_a_vm_is_recreated_only_as_it_was_read() -> None:
    """What other steps change of it would be lost."""
    vm = f"{GROUP}/providers/Microsoft.Compute/virtualMachines/vm-db-b"
    resize = (RemedyStep(command="az vm resize", disturbs=Disturbance.RESTARTS, vm=vm),)
    recreate = (RemedyStep(command="az vm delete", disturbs=Disturbance.RECREATES, vm=vm.upper()),)
    found = [msgspec.structs.replace(fail(*steps), rule=rule) for rule, steps in (("B", recreate), ("A", resize))]
    sections = {title: [(f.rule, f.remedy[0].command) for f in shown] for title, shown in runbook(report_of(found))}
    assert [*sections.values()] == [[("A", "az vm resize")], [("B", None)]]
    alone = [shown for _, shown in runbook(report_of(found[:1]))]
    assert [[finding.remedy for finding in shown] for shown in alone] == [[recreate]]


def fail(*done: RemedyStep) -> Finding:
    """Return a fail with the steps of a remedy."""
    found = build(full(), passes=False).findings
    return msgspec.structs.replace(next(f for f in found if f.outcome.value == "fail"), remedy=done)


def report_of(findings: list[Finding]) -> Document:
    return msgspec.structs.replace(build(full(), passes=False), findings=tuple(findings))


def test_a_vm_that_needs_a_change_of_its_disk_is_recreated_after_the_next_scan() -> None:
    disk = f"{GROUP}/providers/Microsoft.Compute/disks/os"
    recreate = RemedyStep(command=f"az rest --body {disk.lower()}", disturbs=Disturbance.RECREATES, vm=f"{GROUP}/vm")
    changed = fail(RemedyStep(command="az disk update"))
    of_disk = msgspec.structs.replace(changed, subject=msgspec.structs.replace(changed.subject, id=disk))
    sections = [[f.remedy[0].command for f in shown] for _, shown in runbook(report_of([of_disk, fail(recreate)]))]
    assert sections == [["az disk update"], [None]]


def test_what_comes_after_a_check_is_not_copied_with_what_comes_before() -> None:
    done = [
        RemedyStep(text="Look."),
        RemedyStep(text="Stop it."),
        RemedyStep(command="az a"),
        RemedyStep(command="az b"),
    ]
    found = fail(*done, RemedyStep(text="Go on only if that printed []."), RemedyStep(command="az vm delete"))
    first, second = apart(found)
    assert [line for line in first if not line.startswith("#")] == ["az a", "az b"]
    assert [line for line in second if not line.startswith("#")] == ["az vm delete"]
    assert second[0] == "# Go on only if that printed []."
    assert block(found, "###").count("```") == 2
