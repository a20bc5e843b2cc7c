"""Guest files as resources of a snapshot: under their VM, in the place of older ones, without secrets."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from auditor.azure import arm
from auditor.azure.arm import SUBSCRIPTION
from auditor.azure.types import display_type
from auditor.azure.types.names import GUEST_FILE, VM
from auditor.errors import InputError
from auditor.snapshot.model import Gap, GapReason, Resource, Snapshot, resource
from auditor.sources import snapshot_file
from auditor.sources.guest import folder
from auditor.sources.guest.attaching import Attached, attach
from tests.sources.guest import samples
from tests.sources.guest.test_folder import entry, written

SUB = "/subscriptions/00000000-0000-0000-0000-000000000001"
CUT = samples.IRIS[: samples.IRIS.index("[Journal]")]


def vm(name: str, group: str = "rg") -> Resource:
    arm_id = f"{SUB}/resourceGroups/{group}/providers/Microsoft.Compute/virtualMachines/{name}"
    return resource({"id": arm_id, "properties": {}}, arm_id)


def snapshot(*vms: Resource) -> Snapshot:
    return Snapshot("2026-11-01T06:00:00Z", (SUB,), vms, frozenset(), ())


def attached(path: Path, before: Snapshot, files: dict[str, str], *entries: str) -> Attached:
    return attach(before, folder.read(written(path, files, *entries)))


def guest(found: Snapshot) -> list[str]:
    """Return the guest files of a snapshot, each as VM and name."""
    return ["/".join(r.id.split("/")[-3::2]) for r in found.resources if r.type == GUEST_FILE]


def test_a_file_is_a_resource_below_its_vm(tmp_path: Path) -> None:
    found = attached(tmp_path, snapshot(vm("vm-a")), {"VM-A/iris.cpf": samples.IRIS}, entry("VM-A", "iris.cpf"))
    (file,) = (r for r in found.snapshot.resources if r.type == GUEST_FILE)
    assert file.id == f"{vm('vm-a').id}/guest/iris.cpf"
    assert arm.parent_of(file.key) == vm("vm-a").key
    assert file.body["properties"]["takenAt"] == "2026-11-01T02:00:00Z"  # type: ignore[index]
    assert (found.replaced, found.snapshot.gaps, found.snapshot.resource_count) == ((), (), 1)


def test_a_snapshot_file_keeps_files_and_their_gaps(tmp_path: Path) -> None:
    found = attached(tmp_path, snapshot(vm("vm")), {"vm/iris.cpf": CUT}, entry("vm", "iris.cpf")).snapshot
    assert {gap.what for gap in found.gaps} >= {"properties", "properties.mirrorMembers[*]"}
    assert all(gap.is_of_guest_file and not gap.makes_listing_incomplete for gap in found.gaps)
    again = snapshot_file.decode(snapshot_file.encode(found), "x")
    assert (again.resources, set(again.gaps)) == (found.resources, set(found.gaps))


def test_no_secret_gets_into_a_snapshot_file(tmp_path: Path) -> None:
    files = {f"vm/{name}": text for name, text in (samples.SAMPLES | samples.SCRIPTS).items()}
    names = [*samples.SAMPLES, *samples.SCRIPTS]
    found = attached(tmp_path, snapshot(vm("vm")), files, entry("vm", *names)).snapshot
    data = snapshot_file.encode(found).lower()
    assert data.count(b'"kind"') == len(samples.SAMPLES)
    for secret in (b"secret", b"c2vjcmv0", b"pbkdf2", b"cspsystem", b"--token"):
        assert secret not in data


def test_files_of_a_vm_replace_all_that_the_snapshot_had_of_it(tmp_path: Path) -> None:
    files = {"vm-a/iris.cpf": CUT, "vm-a/CSP.ini": samples.CSP_INI, "vm-b/iris.cpf": CUT}
    entries = entry("vm-a", "iris.cpf", "CSP.ini"), entry("vm-b", "iris.cpf")
    first = attached(tmp_path / "1", snapshot(vm("vm-a"), vm("vm-b")), files, *entries)
    second = attached(tmp_path / "2", first.snapshot, {"vm-a/iris.cpf": samples.IRIS}, entry("vm-a", "iris.cpf"))
    assert guest(first.snapshot) == ["vm-a/CSP.ini", "vm-a/iris.cpf", "vm-b/iris.cpf"]
    assert guest(second.snapshot) == ["vm-a/iris.cpf", "vm-b/iris.cpf"]
    assert second.replaced == (vm("vm-a").id,)
    assert {arm.parent_of(arm.key(gap.scope)) for gap in second.snapshot.gaps} == {vm("vm-b").key}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("vm-x", "lists files of vm-x, but no VM of that name was read"),
        ("other~vm-a", "lists files of other~vm-a, but no VM of that name was read"),
        ("twin", "lists files of twin, which is the name of 2 VMs: rg~twin, rg2~twin"),
    ],
)
def test_a_vm_that_is_not_clear_is_an_error_with_its_line(tmp_path: Path, name: str, message: str) -> None:
    before = snapshot(vm("vm-a"), vm("twin"), vm("twin", "rg2"))
    with pytest.raises(InputError) as raised:
        attached(tmp_path, before, {f"{name}/iris.cpf": ""}, entry(name, "iris.cpf"))
    assert str(raised.value) == f"{tmp_path / 'manifest.yaml'}:3: {message}"


@pytest.mark.parametrize(
    ("scope", "what"),
    [(SUB, "Microsoft.Compute/virtualMachines"), (f"{SUB}/resourceGroups/rg2", display_type(VM)), (SUB, SUBSCRIPTION)],
)
def test_files_of_a_vm_that_could_not_be_read_are_left_out_and_the_gap_says_so(
    tmp_path: Path, scope: str, what: str
) -> None:
    gap = Gap(scope, what, GapReason.FORBIDDEN, "AuthorizationFailed", "x/read", "grant it")
    disks = Gap(SUB, "Microsoft.Compute/disks", GapReason.TIMEOUT)
    before = msgspec.structs.replace(snapshot(vm("vm-a")), gaps=(gap, disks))
    files = {f"{name}/iris.cpf": samples.IRIS for name in ("vm-a", "vm-x", "vm-y")}
    found = attached(tmp_path, before, files, *(entry(name, "iris.cpf") for name in ("vm-a", "vm-x", "vm-y")))
    assert guest(found.snapshot) == ["vm-a/iris.cpf"]
    detail = "grant it; the files of vm-x, vm-y are not used: no VM of that name was read"
    assert found.snapshot.gaps == (msgspec.structs.replace(gap, detail=detail), disks)


def test_a_gap_names_a_few_of_the_vms_whose_files_are_left_out(tmp_path: Path) -> None:
    before = msgspec.structs.replace(snapshot(), gaps=(Gap(SUB, display_type(VM), GapReason.THROTTLED),))
    names = [f"vm-{number}" for number in range(5)]
    files = {f"{name}/iris.cpf": samples.IRIS for name in names}
    found = attached(tmp_path, before, files, *(entry(name, "iris.cpf") for name in names))
    (gap,) = found.snapshot.gaps
    assert gap.detail == "the files of vm-0, vm-1, vm-2 and 2 more are not used: no VM of that name was read"


@pytest.mark.parametrize(
    ("scope", "what"),
    [(SUB, "Microsoft.Compute/disks"), (vm("vm-x").id, "instanceView"), (vm("vm-x").id, "properties.storageProfile")],
)
def test_other_gaps_hide_no_vm(tmp_path: Path, scope: str, what: str) -> None:
    before = msgspec.structs.replace(snapshot(), gaps=(Gap(scope, what, GapReason.FORBIDDEN),))
    with pytest.raises(InputError, match="no VM of that name was read"):
        attached(tmp_path, before, {"vm-y/iris.cpf": ""}, entry("vm-y", "iris.cpf"))


def test_a_vm_is_named_with_its_resource_group(tmp_path: Path) -> None:
    before = snapshot(vm("twin"), vm("twin", "rg2"))
    found = attached(tmp_path, before, {"RG2~twin/iris.cpf": samples.IRIS}, entry("RG2~twin", "iris.cpf"))
    (file,) = (r for r in found.snapshot.resources if r.type == GUEST_FILE)
    assert arm.group_of(file.key) == "rg2"


def test_files_of_one_vm_in_two_folders_are_an_error(tmp_path: Path) -> None:
    files = {"vm/iris.cpf": samples.IRIS, "rg~vm/iris.cpf": samples.IRIS}
    with pytest.raises(InputError, match=r"lists files of .*/vm twice, as vm and as rg~vm"):
        attached(tmp_path, snapshot(vm("vm")), files, entry("vm", "iris.cpf"), entry("rg~vm", "iris.cpf"))
