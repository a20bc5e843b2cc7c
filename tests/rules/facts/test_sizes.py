from __future__ import annotations

import datetime as dt
import json
import re
from pathlib import Path
from typing import Any

import pytest

from auditor.azure.paths import ABSENT
from auditor.estate.topology import Topology
from auditor.rules.facts import sizes
from auditor.rules.facts.retirement_table import table
from auditor.snapshot.known import Answer
from tests.estate import subscription as s
from tests.estate.subscription import Body, arm_id
from tests.rules.facts.asking import GAP, VALUE, ask, said, shown, vm_fact

RECORDINGS = Path(__file__).resolve().parents[4] / "shared" / "recordings" / "skus"


def built_with(*bodies: Body, as_of: str = "2026-11-01", **keywords: Any) -> Topology:
    built = s.topology(*bodies, **keywords)
    built.as_of = dt.date.fromisoformat(as_of)
    return built


def of_vm(name: str, built: Topology) -> Answer:
    return ask(name, built, s.item(built, "Compute/virtualMachines", "vm-a"))


ENDS = {
    "2023-09-06": ["Standard_NV6", "Standard_NV24_Promo"],
    "2024-08-31": [
        "Standard_A0",
        "Standard_A7",
        "Standard_A11",
        "Basic_A0",
        "BASIC_A4",
        "Standard_HB60rs",
        "Standard_HB60-45rs",
    ],
    "2025-03-31": ["Standard_NC24rs_v3"],
    "2025-09-30": ["Standard_NC6s_v3", "Standard_NC24s_v3"],
    "2026-06-30": ["Standard_DC2s_v2", "Standard_DC8_v2"],
    "2026-08-01": ["Standard_DC4as_cc_v5", "Standard_DC96ads_cc_v5", "Standard_EC20as_cc_v5", "Standard_EC4ads_cc_v5"],
    "2026-09-30": ["Standard_NV12s_v3", "Standard_NV24ms_v3", "Standard_NV32ms_v3", "Standard_NV32as_v4"],
    "2027-03-31": ["Standard_M192is_v2", "Standard_M192ims_v2", "Standard_M192ids_v2", "Standard_M192idms_v2"],
    "2027-05-31": ["Standard_HB120rs_v2", "Standard_HB120-64rs_v2", "Standard_HC44rs", "Standard_HC44-16rs"],
    "2028-05-01": [
        "Standard_D1",
        "Standard_D14",
        "Standard_DS2",
        "standard_ds13",
        "Standard_DS14",
        "Standard_D2_v2",
        "Standard_D15i_v2",
        "Standard_D13_v2_Promo",
        "Standard_DS13_v2",
        "Standard_DS13-4_v2",
        "Standard_DS11_v2_Promo",
        "Standard_L4s",
        "Standard_L32s",
    ],
    "2028-11-15": [
        "Standard_L8s_v2",
        "Standard_A2_v2",
        "Standard_A8m_v2",
        "Standard_B1ls",
        "Standard_B2s",
        "Standard_B20ms",
        "Standard_F4",
        "Standard_F16s",
        "Standard_F72s_v2",
        "Standard_G5",
        "Standard_GS5",
        "Standard_GS5-16",
    ],
    "2029-10-31": ["Standard_DC8s_v3", "Standard_DC48ds_v3"],
    "": [
        "Standard_D2_v3",
        "Standard_D2s_v3",
        "Standard_D16_v4",
        "Standard_D2as_v4",
        "Standard_D8ds_v5",
        "Standard_D64-16s_v3",
        "Standard_E16ds_v5",
        "Standard_E16bs_v5",
        "Standard_B2s_v2",
        "Standard_B2as_v2",
        "Standard_B16pls_v2",
        "Standard_F2as_v6",
        "Standard_F16ams_v6",
        "Standard_L8s_v3",
        "Standard_L16as_v3",
        "Standard_M8-2ms",
        "Standard_M192is_v3",
        "Standard_DC2ads_v5",
        "Standard_NC16as_T4_v3",
        "Standard_NV36ads_A10_v5",
        "Standard_HB120rs_v3",
        "xStandard_D2",
        "Standard_D2\n",
        "",
    ],
}


@pytest.mark.parametrize(("date", "name"), [(date, name) for date, names in ENDS.items() for name in names])
def test_when_azure_retires_a_size(date: str, name: str) -> None:
    series = sizes.series_of(name)
    assert (series.date.isoformat() if series else "") == date
    matching = [entry for entry in table().series if entry.pattern.fullmatch(name)]
    assert len(matching) <= 1, "no size is of two series"


@pytest.mark.skipif(not RECORDINGS.is_dir(), reason="the recorded SKU lists are not here")
def test_sizes_that_azure_listed_are_of_the_series_that_their_family_names() -> None:
    ends = {
        "standarda0_a7": "2024-08-31",
        "standardav2": "2028-11-15",
        "standardbs": "2028-11-15",
        "standarddcsv3": "2029-10-31",
        "standarddv2": "2028-05-01",
        "standarddv2promo": "2028-05-01",
        "standarddsv2": "2028-05-01",
        "standardfsv2": "2028-11-15",
        "standardncsv3": "2025-09-30",
        "standardnv": "2023-09-06",
    }
    seen: dict[str, str] = {}
    for file in RECORDINGS.glob("*.json"):
        body = json.loads(file.read_bytes())
        for sku in body["value"] if isinstance(body, dict) else body:
            if sku["resourceType"] == "virtualMachines":
                seen[sku["name"]] = re.sub("family$", "", sku["family"].lower())
    assert len(seen) >= 15
    for name, family in seen.items():
        series = sizes.series_of(name)
        assert (series.date.isoformat() if series else "") == ends.get(family, ""), name


@pytest.mark.parametrize(
    ("as_of", "months"),
    [
        ("2026-05-01", 24),
        ("2026-04-30", 25),
        ("2026-11-01", 18),
        ("2028-03-31", 2),
        ("2028-04-01", 1),
        ("2028-04-30", 1),
        ("2028-05-01", 0),
        ("2028-05-02", 0),
        ("2028-06-02", -1),
    ],
)
def test_months_until_a_size_retires_count_from_the_date_that_counts(as_of: str, months: int) -> None:
    answer = of_vm("vm.months_until_size_retires", built_with(s.vm("vm-a", size="Standard_DS13"), as_of=as_of))
    assert answer.value == months
    assert [read.value for read in answer.reads] == ["Standard_DS13", "2028-05-01"]


@pytest.mark.parametrize(
    ("size", "gaps", "expected"),
    [
        ("Standard_DS13", [], "2028-05-01"),
        ("Standard_D8ds_v5", [], ABSENT),
        (None, [], VALUE),
        (13, [], VALUE),
        (None, [s.gap(arm_id("Compute/virtualMachines", "vm-a"), "properties.hardwareProfile")], GAP),
    ],
)
def test_the_retirement_of_a_size(size: Any, gaps: list[Body], expected: object) -> None:
    built = built_with(s.vm("vm-a", size=size), gaps=gaps)
    assert shown(of_vm("vm.size_retirement", built).value) == expected
    months = of_vm("vm.months_until_size_retires", built)
    assert shown(months.value) == (18 if isinstance(expected, str) and expected[:2] == "20" else expected)


@pytest.mark.parametrize(
    ("capabilities", "name", "expected"),
    [
        ({"vCPUs": "4"}, "vm.vcpus", 4),
        ({"vCPUs": "4", "vCPUsAvailable": "2"}, "vm.vcpus", 2),
        ({"vCPUs": "4", "vCPUsAvailable": "two"}, "vm.vcpus", VALUE),
        ({}, "vm.vcpus", ABSENT),
        ({"MemoryGB": "0.75"}, "vm.memory_gb", 0.75),
        ({"MemoryGB": "lots"}, "vm.memory_gb", VALUE),
        ({}, "vm.memory_gb", ABSENT),
        ({"UncachedDiskBytesPerSecond": "much"}, "vm.uncached_mbps", VALUE),
        ({"UncachedDiskBytesPerSecond": "3000000"}, "vm.uncached_mbps", 3),
        ({}, "vm.uncached_mbps", ABSENT),
        ({"EncryptionAtHostSupported": "True"}, "vm.encryption_at_host_supported", True),
        ({"EncryptionAtHostSupported": "False"}, "vm.encryption_at_host_supported", False),
        ({}, "vm.encryption_at_host_supported", ABSENT),
        ({"PremiumIO": "True"}, "vm.premium_storage_supported", True),
        ({"PremiumIO": "False"}, "vm.premium_storage_supported", False),
        ({}, "vm.premium_storage_supported", ABSENT),
        ({"UncachedDiskIOPS": "25600"}, "vm.uncached_iops", 25600),
        ({"UncachedDiskIOPS": "many"}, "vm.uncached_iops", VALUE),
        ({}, "vm.uncached_iops", ABSENT),
    ],
)
def test_what_a_size_can_do(capabilities: Body, name: str, expected: object) -> None:
    assert shown(of_vm(name, built_with(s.vm("vm-a"), s.size(**capabilities))).value) == expected
    assert shown(of_vm(name, built_with(s.vm("vm-a"), unlisted=["microsoft.compute/skus"])).value) is GAP


@pytest.mark.parametrize("what", ["size", "location"])
def test_a_size_or_region_that_is_no_text_is_no_capability(what: str) -> None:
    own = s.vm("vm-a", size=16) if what == "size" else s.vm("vm-a", location=16)  # type: ignore[arg-type]
    for name in ("vm.vcpus", "vm.memory_gb", "vm.uncached_iops", "vm.uncached_mbps"):
        assert shown(of_vm(name, built_with(own, s.size(vCPUs="2", MemoryGB="8"))).value) is VALUE


SIZE = s.size(vCPUs="4", MemoryGB="0.75", UncachedDiskBytesPerSecond="268435456", EncryptionAtHostSupported="True")


def test_what_a_size_can_do_where_the_size_the_region_or_the_list_is_missing() -> None:
    assert shown(vm_fact("vm.vcpus", SIZE, size="Standard_X").value) is VALUE
    assert shown(vm_fact("vm.vcpus").value) is GAP
    assert shown(vm_fact("vm.encryption_at_host_supported", SIZE, location="").value) is VALUE
    empty = {"id": arm_id("Compute/virtualMachines", "vm-a"), "properties": {}}
    hidden = s.topology(SIZE, gaps=[s.gap(arm_id("Compute/virtualMachines", "vm-a"))])
    nowhere = s.vm("vm-a")
    del nowhere["location"]
    for built, expected in ((s.topology(empty, SIZE), ABSENT), (s.topology(nowhere, SIZE), ABSENT), (hidden, GAP)):
        vm = s.item(built, "Compute/virtualMachines", "vm-a")
        assert said("vm.vcpus", built, vm) is expected
