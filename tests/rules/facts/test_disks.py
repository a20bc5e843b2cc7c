from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from auditor.azure.paths import ABSENT
from auditor.azure.types import VERSIONS
from auditor.azure.types.names import DISK
from auditor.estate.topology import Topology
from auditor.rules.facts import disks
from auditor.snapshot import model
from auditor.snapshot.known import PartialList, Unknown
from auditor.snapshot.lookup import parts
from auditor.snapshot.model import Part, Resource
from tests.estate import subscription as s
from tests.estate.subscription import Body, arm_id
from tests.rules.facts.asking import DECLARATION, GAP, INFINITY, VALUE, ask, said, shown, vm_fact

RECORDINGS = Path(__file__).resolve().parents[4] / "shared" / "recordings" / "resources" / "disks"

DECLARED = """
- name: prod
  product: iris
  regions: {primary: westeurope, dr: none}
  mirrors:
    - name: M
      failover: [vm-a, vm-b]
      arbiter: none
      dr: none
      reporting: none
      disks: {journal: [2, 3], wij: [1]}
  tiers: none
"""


def vm(built: Topology, name: str = "vm-a") -> Resource:
    return s.item(built, "Compute/virtualMachines", name)


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({"tier": "P30"}, (5000, 200)),
        ({"tier": "p4", "diskSizeGB": 4095}, (120, 25)),
        ({"diskSizeGB": 1}, (120, 25)),
        ({"diskSizeGB": 128}, (500, 100)),
        ({"diskSizeGB": 129.0}, (1100, 125)),
        ({"diskSizeGB": 32767}, (20000, 900)),
        ({"diskSizeGB": 40000}, (VALUE, VALUE)),
        ({"diskSizeGB": 0}, (VALUE, VALUE)),
        ({"diskSizeGB": "128"}, (VALUE, VALUE)),
        ({"tier": "P99", "diskSizeGB": 128}, (VALUE, VALUE)),
        ({}, (VALUE, VALUE)),
    ],
)
def test_what_a_tier_gives(properties: Body, expected: tuple[object, object]) -> None:
    built = s.topology(s.resource("Compute/disks", "d", **properties))
    disk = s.item(built, "Compute/disks", "d")
    assert (said("disk.tier_iops", built, disk), said("disk.tier_mbps", built, disk)) == expected


def test_a_tier_that_was_not_read_is_not_derived_from_the_size() -> None:
    for hidden in ("properties.tier", "properties.diskSizeGB"):
        properties: Any = {"diskSizeGB": 128} if hidden.endswith("tier") else {}
        gaps = [s.gap(arm_id("Compute/disks", "d"), hidden)]
        built = s.topology(s.resource("Compute/disks", "d", **properties), gaps=gaps)
        assert said("disk.tier_iops", built, s.item(built, "Compute/disks", "d")) is GAP


def test_the_table_of_tiers_rises() -> None:
    rows = disks.tiers()
    assert [row.tier for row in rows][3:9] == ["P4", "P6", "P10", "P15", "P20", "P30"]
    assert [(row.iops, row.mbps) for row in rows if row.tier in {"P4", "P30"}] == [(120, 25), (5000, 200)]
    assert list(rows) == sorted(rows, key=lambda row: (row.gib, row.iops, row.mbps))


@pytest.mark.skipif(not RECORDINGS.is_dir(), reason="the recorded disks are not here")
def test_disks_that_azure_described_have_what_their_tier_gives() -> None:
    compared = 0
    for file in sorted(RECORDINGS.glob("*.json")):
        body = json.loads(file.read_bytes())["resource"]
        properties = body.get("properties", {})
        plus = properties.get("creationData", {}).get("performancePlus")
        if body.get("sku", {}).get("name") == "Premium_LRS" and "diskIOPSReadWrite" in properties and not plus:
            tier, _ = disks.tier_of(model.resource(body, body["id"], version=VERSIONS["Microsoft.Compute/disks"]))
            assert isinstance(tier, disks.Tier), file
            assert (tier.iops, tier.mbps) == (properties["diskIOPSReadWrite"], properties["diskMBpsReadWrite"]), file
            compared += 1
    assert compared >= 10


@pytest.mark.parametrize(
    ("os_disk", "listed", "expected"),
    [
        ({"managedDisk": {"id": arm_id("Compute/disks", "D")}}, True, ["d"]),
        ({"managedDisk": {"id": arm_id("Compute/disks", "lost")}}, True, [VALUE]),
        ({"managedDisk": {"id": arm_id("Compute/disks", "lost")}}, False, [GAP]),
        ({"vhd": {"uri": "https://x"}}, True, [VALUE]),
        ({"diffDiskSettings": {"option": "Local"}, "managedDisk": {"id": arm_id("Compute/disks", "lost")}}, True, []),
        ({"diffDiskSettings": {"option": "LOCAL"}, "managedDisk": {"id": arm_id("Compute/disks", "lost")}}, False, []),
        ({"diffDiskSettings": {"option": "Local"}, "managedDisk": {"id": arm_id("Compute/disks", "D")}}, True, ["d"]),
        ({"diffDiskSettings": {"option": "Local"}, "managedDisk": {"storageAccountType": "Standard_LRS"}}, True, []),
        (
            {"diffDiskSettings": {"option": "Odd"}, "managedDisk": {"id": arm_id("Compute/disks", "lost")}},
            True,
            [VALUE],
        ),
        ({"diffDiskSettings": {"option": 7}, "managedDisk": {"id": arm_id("Compute/disks", "lost")}}, True, [VALUE]),
        ({"diffDiskSettings": {}, "managedDisk": {"id": arm_id("Compute/disks", "lost")}}, True, [VALUE]),
        (None, True, VALUE),
        ("junk", True, VALUE),
    ],
)
def test_the_os_disk(os_disk: Any, *, listed: bool, expected: object) -> None:
    body = s.vm("vm-a")
    body["properties"]["storageProfile"]["osDisk"] = os_disk
    built = s.topology(body, s.disk("d"), unlisted=[] if listed else [DISK])
    found = ask("vm.os_disk", built, vm(built)).value
    if isinstance(found, PartialList):
        assert [i.cause if isinstance(i, Unknown) else i.name for i in found.known] == expected  # type: ignore[attr-defined]
    else:
        assert shown(found) == expected


def test_the_os_disk_of_a_vm_that_was_not_read() -> None:
    built = s.topology(gaps=[s.gap(arm_id("Compute/virtualMachines", "vm-a"))])
    assert said("vm.os_disk", built, vm(built)) is GAP


def attached(built: Topology, name: str) -> list[Part]:
    return parts(vm(built, name), "properties.storageProfile.dataDisks[*]")


def purposes(built: Topology, name: str) -> list[object]:
    return [said("attachment.purpose", built, part) for part in attached(built, name)]


def test_what_the_deployment_file_says_that_a_disk_holds() -> None:
    bodies = [s.vm(name, disks=["d0", "d1", "d2", "d3"]) for name in ("vm-a", "vm-b", "vm-c")]
    built = s.topology(*bodies, deployment=DECLARED)
    assert purposes(built, "vm-a") == purposes(built, "vm-b") == [ABSENT, "wij", "journal", "journal"]
    assert purposes(built, "vm-c") == [ABSENT] * 4
    silent = s.topology(*bodies, deployment=DECLARED.replace("disks: {journal: [2, 3], wij: [1]}", ""))
    assert purposes(silent, "vm-a") == [ABSENT] * 4


def test_what_a_disk_holds_where_the_mirror_may_have_other_members() -> None:
    bodies = [s.vm(name, disks=["d0", "d1"]) for name in ("vm-a", "vm-b", "vm-c")]
    unsaid = s.topology(*bodies, deployment=DECLARED.replace("dr: none\n      rep", "rep"))
    assert purposes(unsaid, "vm-c") == [ABSENT, DECLARATION]
    assert purposes(unsaid, "vm-a") == [ABSENT, "wij"]


@pytest.mark.parametrize("lun", [None, "1", True])
def test_an_attachment_without_a_number(lun: object) -> None:
    body = s.vm("vm-a", disks=["d0"])
    body["properties"]["storageProfile"]["dataDisks"][0]["lun"] = lun
    built = s.topology(body, s.vm("vm-b"), deployment=DECLARED)
    assert purposes(built, "vm-a") == [VALUE]


def test_a_number_that_was_not_read() -> None:
    body = s.vm("vm-a", disks=["d0"])
    del body["properties"]["storageProfile"]["dataDisks"][0]["lun"]
    gaps = [s.gap(body["id"], "properties.storageProfile.dataDisks[0].lun")]
    built = s.topology(body, s.vm("vm-b"), deployment=DECLARED, gaps=gaps)
    assert purposes(built, "vm-a") == [GAP]


def test_attachments() -> None:
    built = s.topology(s.vm("vm-a", disks=["d0", "d1"]))
    found = ask("vm.attachments", built, vm(built)).value
    assert isinstance(found, PartialList)
    assert [part.path[-3:] for part in found.known if isinstance(part, Part)] == ["[0]", "[1]"]


SIZE = s.size(UncachedDiskBytesPerSecond="268435456")
ARTICLE = (*(s.disk(f"p30-{n}") for n in range(4)), SIZE)
FOUR = [f"p30-{n}" for n in range(4)]


def test_the_articles_example_of_four_disks_of_a_small_vm() -> None:
    disks = vm_fact("vm.data_disk_mbps", *ARTICLE, disks=FOUR)
    assert shown(disks.value) == 800
    assert [read.value for read in disks.reads] == [200] * 4
    limit = vm_fact("vm.uncached_mbps", *ARTICLE, disks=FOUR)
    assert limit.value == pytest.approx(268.435456)
    assert [read.path for read in limit.reads] == [
        "properties.hardwareProfile.vmSize",
        "capabilities.UncachedDiskBytesPerSecond",
    ]


@pytest.mark.parametrize(
    ("others", "disks", "expected"),
    [
        (ARTICLE, [], 0),
        (ARTICLE[1:], FOUR, (600, INFINITY)),
        ((*ARTICLE[1:], s.disk("p30-0", mbps=None)), FOUR, (600, INFINITY)),
        ((*ARTICLE[1:], s.disk("p30-0", mbps="200")), FOUR, (600, INFINITY)),
    ],
)
def test_throughput_is_open_upwards_where_a_disk_is_not_known(
    others: tuple[Body, ...], disks: list[str], expected: object
) -> None:
    assert shown(vm_fact("vm.data_disk_mbps", *others, disks=disks).value) == expected


@pytest.mark.parametrize(
    ("attached", "expected"),
    [
        ("junk", ["?"]),
        (["junk"], ["?"]),
        ([{"lun": 0}], ["?"]),
        ([{"managedDisk": {"id": 7}}], ["?"]),
        ([{"managedDisk": "x"}], ["?"]),
        ([], []),
        (None, []),
    ],
)
def test_disks_that_are_unknown(attached: object, expected: list[str]) -> None:
    body = s.vm("vm-a")
    body["properties"]["storageProfile"] = {"dataDisks": attached}
    built = s.topology(body)
    vm = s.item(built, "Compute/virtualMachines", "vm-a")
    assert said("vm.data_disks", built, vm) == expected
    total = ask("vm.data_disk_mbps", built, vm).value
    assert shown(total) == ((0, INFINITY) if expected else 0)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("attachment.disk_sku", "Premium_LRS"),
        ("attachment.disk_size_gib", 1024),
        ("attachment.disk_mbps", 200),
        ("attachment.disk_iops", ABSENT),
    ],
)
def test_the_disk_of_an_attachment(name: str, expected: object) -> None:
    body = s.vm("vm-a", disks=["d", "lost"])
    for unlisted, lost in (([], VALUE), ([DISK], GAP)):
        built = s.topology(body, s.disk("d"), unlisted=unlisted)
        vm = s.item(built, "Compute/virtualMachines", "vm-a")
        first, second = parts(vm, "properties.storageProfile.dataDisks[*]")
        answer = ask(name, built, first)
        assert answer.value == expected
        assert answer.reads[0].resource.endswith("/disks/d")
        assert said(name, built, second) is lost


def test_the_operations_of_data_disks_are_open_upwards_where_one_is_not_known() -> None:
    disks = [s.disk("d-0"), s.disk("d-1")]
    for number, disk in enumerate(disks):
        disk["properties"]["diskIOPSReadWrite"] = 5000 + number
    assert shown(vm_fact("vm.data_disk_iops", *disks, disks=["d-0", "d-1"]).value) == 10001
    assert shown(vm_fact("vm.data_disk_iops", disks[0], disks=["d-0", "d-1"]).value) == (5000, INFINITY)
