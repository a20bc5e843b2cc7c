"""The snapshot folder: what is written is read back; a collection goes on where it was; wrong folders are refused."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from auditor.azure import arm
from auditor.cli import exit_codes
from auditor.cli.main import main
from auditor.errors import InputError
from auditor.estate.graph import Graph
from auditor.snapshot.known import Unknown
from auditor.snapshot.model import Approval, Gap, GapReason, Snapshot, resource
from auditor.snapshot.skus import sku
from auditor.sources import approval, snapshot_file, snapshot_folder
from auditor.sources.file_source import FileSource
from auditor.sources.snapshot_folder import MANIFEST, Collection, Manifest, SnapshotFolder

SCOPES = tuple(f"/subscriptions/{digit * 8}-0000-0000-0000-000000000000" for digit in "abc")
FAILED = Gap(SCOPES[2], "Microsoft.Resources/subscriptions", GapReason.TIMEOUT, detail="no answer")


def record(name: str) -> dict[str, Any]:
    return {"resourceType": "virtualMachines", "name": name, "locations": ["westeurope"], "capabilities": []}


def part(number: int, *skus: str) -> Snapshot:
    """Return what was read of a subscription."""
    scope = SCOPES[number]
    id_ = f"{scope}/resourceGroups/G/providers/Microsoft.Compute/virtualMachines/vm{number}"
    vm = resource({"id": id_}, id_)
    offered = [sku(record(name)) for name in skus]
    return Snapshot(
        taken_at="2026-11-01T06:00:00Z",
        scopes=(scope,),
        resources=tuple(sorted((vm, *offered), key=lambda found: found.key)),
        listed=frozenset({(scope, "microsoft.compute/disks")}),
        gaps=(Gap(scope, "Microsoft.KeyVault/vaults", GapReason.FORBIDDEN),),
    )


HEADER = msgspec.structs.replace(part(0), scopes=SCOPES, resources=(), listed=frozenset(), gaps=())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "taken"
    collection = Collection(path, HEADER)
    collection.add(part(0, "E8", "E16"))
    collection.fail(FAILED)
    collection.add(part(1, "E8"))
    assert collection.pending == ()
    return path


def names(found: Snapshot) -> list[str]:
    return [arm.name_of(each.id) for each in found.resources]


def test_parts_are_read_as_one_snapshot(folder: Path) -> None:
    found = FileSource(folder).read()
    assert (found.taken_at, found.scopes) == (HEADER.taken_at, SCOPES)
    assert names(found) == [
        "virtualMachines:E16::westeurope",
        "virtualMachines:E8::westeurope",
        "vm0",
        "vm1",
    ]
    assert found.listed == {(scope, "microsoft.compute/disks") for scope in SCOPES[:2]}
    assert {*found.gaps} == {*part(0).gaps, *part(1).gaps, FAILED}


def test_a_subscription_that_failed_is_a_gap_of_all_that_it_has(folder: Path) -> None:
    missing = Graph(FileSource(folder).read()).listing("microsoft.compute/disks", SCOPES[2])
    assert isinstance(missing, Unknown)
    assert missing.gaps == (FAILED,)


@pytest.mark.parametrize("scopes", [1, 3])
def test_a_whole_snapshot_is_the_same_in_parts(scopes: int, tmp_path: Path) -> None:
    resources = tuple(each for number in range(scopes) for each in part(number).resources)
    listed = frozenset(pair for number in range(scopes) for pair in part(number).listed)
    gaps = tuple(gap for number in range(scopes) for gap in part(number).gaps)
    offered = sku(record("E8"))
    header = msgspec.structs.replace(HEADER, scopes=SCOPES[:scopes], identity="me", deployment="deployments: []\n")
    whole = msgspec.structs.replace(header, resources=(offered, *resources), listed=listed, gaps=gaps)
    snapshot_folder.write(tmp_path / "parts", whole)
    assert len([*(tmp_path / "parts").iterdir()]) == scopes + 1
    assert SnapshotFolder(tmp_path / "parts").read() == whole


# --- collecting -------------------------------------------------------------------------------------------------------


def stopped(path: Path) -> Collection:
    """Return a collection that has the first part."""
    collection = Collection(path, HEADER)
    collection.add(part(0))
    return collection


def test_what_was_stopped_goes_on_where_it_was(tmp_path: Path) -> None:
    path = tmp_path / "taken"
    assert stopped(path).pending == SCOPES[1:]
    with pytest.raises(InputError, match=f"is not finished: it lacks the parts of 2 of 3 .* {SCOPES[1]}"):
        FileSource(path).read()
    later = msgspec.structs.replace(HEADER, taken_at="2026-11-01T09:00:00Z", identity="another")
    collection = Collection(path, later)
    assert collection.pending == SCOPES[1:]
    collection.fail(FAILED)
    collection.add(part(1))
    assert names(FileSource(path).read()) == ["vm0", "vm1"]
    assert SnapshotFolder(path).manifest.taken_at == HEADER.taken_at


@pytest.mark.parametrize("damage", [Path.unlink, lambda file: file.write_bytes(b"half")])
def test_a_damaged_part_is_collected_again(damage: Callable[[Path], object], tmp_path: Path) -> None:
    stopped(tmp_path / "taken")
    (file,) = (tmp_path / "taken").glob("*.jsonl.gz")
    damage(file)
    assert Collection(tmp_path / "taken", HEADER).pending == SCOPES


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scopes": SCOPES[:2]}, "subscriptions other than this"),
        ({"cloud": "AzureChinaCloud"}, "a cloud other than this"),
        ({"deployment": "deployments: []"}, "a deployment file other than this"),
    ],
)
def test_another_collection_does_not_go_on(change: dict[str, Any], message: str, tmp_path: Path) -> None:
    stopped(tmp_path / "taken")
    with pytest.raises(InputError, match=message):
        Collection(tmp_path / "taken", msgspec.structs.replace(HEADER, **change))


def test_nothing_that_is_there_is_overwritten(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a finished snapshot, taken 2026-11-01T06:00:00Z; name a new folder"):
        Collection(folder, HEADER)
    for path in (tmp_path, folder / MANIFEST):
        with pytest.raises(InputError, match="exists already"):
            Collection(path, HEADER)


# --- wrong folders ----------------------------------------------------------------------------------------------------


def edit(folder: Path, change: Callable[[dict[str, Any]], object], *, sealed: bool = True) -> None:
    """Change a manifest, and by default state its right digest."""
    body = json.loads((folder / MANIFEST).read_bytes())
    change(body)
    if sealed:
        manifest = msgspec.json.decode(json.dumps({**body, "sha256": ""}), type=Manifest)
        body["sha256"] = hashlib.sha256(msgspec.json.encode(manifest, order="deterministic")).hexdigest()
    (folder / MANIFEST).write_text(json.dumps(body))


@pytest.mark.parametrize(
    "name", ["../taken.jsonl.gz", "/etc/passwd", "..", "", "a/b", "a\\b", "C:x", ".hidden", "a\n", "Manifest.json"]
)
def test_a_manifest_names_files_of_its_folder_only(name: str, folder: Path) -> None:
    edit(folder, lambda body: body["parts"][0].update(file=name))
    with pytest.raises(InputError, match="expected the name of a file of this folder") as caught:
        FileSource(folder).read()
    assert caught.value.file == str(folder / MANIFEST)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda body: body.update(format="auditor.snapshots/2"), "has the format auditor.snapshots/2; this version"),
        (lambda body: body.update(other=1), "is not a manifest of auditor.snapshots/1: .*other"),
        (lambda body: body["parts"].append(body["parts"][0]), "each once"),
        (lambda body: body["parts"][1].update(scopes=[SCOPES[0]]), "each in one part"),
        (lambda body: body["parts"][1].update(scopes=["/subscriptions/x"]), "expected some of its scopes"),
        (lambda body: body["parts"][1].update(scopes=[]), r"\(\); expected some of its scopes"),
        (lambda body: body["gaps"][0].update(scope="/subscriptions/x"), "has a gap of /subscriptions/x; expected one"),
        (lambda body: body["gaps"].clear(), f"is not finished: .* {SCOPES[2]}"),
    ],
)
def test_a_wrong_manifest_is_one_error(change: Callable[[dict[str, Any]], object], message: str, folder: Path) -> None:
    try:
        edit(folder, change)
    except msgspec.ValidationError:
        edit(folder, change, sealed=False)
    with pytest.raises(InputError, match=message) as caught:
        FileSource(folder).read()
    assert caught.value.file == str(folder / MANIFEST)


def test_a_changed_or_missing_manifest_is_refused(folder: Path) -> None:
    edit(folder, lambda body: body["parts"].pop(), sealed=False)
    with pytest.raises(InputError, match="has been changed"):
        FileSource(folder).read()
    (folder / MANIFEST).unlink()
    with pytest.raises(InputError, match="is missing; a snapshot folder has it"):
        FileSource(folder).read()


def replace_part(folder: Path, other: Snapshot) -> None:
    """Put another snapshot in the place of the first part, with its digest."""
    data = snapshot_file.encode(other)
    (folder / f"{arm.name_of(SCOPES[0])}.jsonl.gz").write_bytes(data)
    edit(folder, lambda body: body["parts"][0].update(sha256=hashlib.sha256(data).hexdigest()))


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (part(1), f"is of {SCOPES[1]} in AzureCloud; manifest.json says {SCOPES[0]} in AzureCloud"),
        (msgspec.structs.replace(part(1), scopes=SCOPES[:1]), f"has {SCOPES[1]}.*, which is not of {SCOPES[0]}"),
    ],
)
def test_a_part_of_another_subscription_is_refused(other: Snapshot, message: str, folder: Path) -> None:
    replace_part(folder, other)
    with pytest.raises(InputError, match=message) as caught:
        FileSource(folder).read()
    assert caught.value.file == str(folder / f"{arm.name_of(SCOPES[0])}.jsonl.gz")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (Path.unlink, f"is missing; manifest.json names it as the part of {SCOPES[0]}"),
        (lambda file: file.write_bytes(b"half"), "its SHA-256 is [0-9a-f]{64}, not [0-9a-f]{64}"),
    ],
)
def test_a_damaged_part_is_one_error(damage: Callable[[Path], object], message: str, folder: Path) -> None:
    file = folder / f"{arm.name_of(SCOPES[0])}.jsonl.gz"
    damage(file)
    with pytest.raises(InputError, match=message) as caught:
        FileSource(folder).read()
    assert caught.value.file == str(file)


# --- commands ---------------------------------------------------------------------------------------------------------


def test_a_folder_is_approved_in_place_or_as_a_copy(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not approved"):
        approval.read(folder)
    copied = approval.approve(folder, "operations", "change 4711", tmp_path / "approved")
    assert approval.read(tmp_path / "approved") == copied
    assert SnapshotFolder(folder).manifest.approved is None
    approval.approve(folder, "operations", "change 4711")
    found = approval.read(folder).approved
    assert found is not None
    assert found == Approval("operations", found.at, "change 4711")
    edit(folder, lambda body: body["approved"].update(by="another"), sealed=False)
    with pytest.raises(InputError, match="has been changed"):
        approval.read(folder)


@pytest.mark.slow
@pytest.mark.parametrize("command", ["scan", "discover", "foresee"])
def test_commands_take_a_folder(command: str, folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--snapshot", str(folder)]) == exit_codes.INCOMPLETE
    (folder / MANIFEST).unlink()
    capfd.readouterr()
    assert main([command, "--snapshot", str(folder)]) == exit_codes.USAGE
    assert capfd.readouterr().err.startswith(f"auditor: error: {folder / MANIFEST}: is missing")


@pytest.mark.slow
def test_drift_takes_folders(folder: Path, tmp_path: Path) -> None:
    approval.approve(folder, "operations", "change 4711", tmp_path / "approved")
    assert main(["drift", str(tmp_path / "approved"), str(folder)]) == exit_codes.INCOMPLETE
