"""The folder of guest files: what is read, what is refused, and with which message."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from auditor.errors import InputError
from auditor.sources.guest import folder
from tests.sources.guest import samples

AT = "2026-11-01T02:00:00Z"


def entry(vm: str, *files: str, at: str = AT) -> str:
    return f"  - {{machine: {vm}, at: {at}, files: [{', '.join(files)}]}}\n"


def hashed(name: str, text: str) -> str:
    return f"{{name: {name}, sha256: {hashlib.sha256(text.encode()).hexdigest()}}}"


def written(path: Path, files: Mapping[str, str], *entries: str) -> Path:
    """Write a folder of guest files with its manifest."""
    for name, text in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(text, encoding="utf-8")
    manifest = "format: auditor.guest/1\ntaken:\n" + "".join(entries) if entries else None
    if manifest:
        (path / "manifest.yaml").write_text(manifest, encoding="utf-8")
    return path


def error(path: Path) -> str:
    """Return the error of reading a folder, without the path of the folder itself."""
    with pytest.raises(InputError) as raised:
        folder.read(path)
    return str(raised.value).replace(f"{path}{os.sep}", "")


def test_all_files_of_all_vms_are_read(tmp_path: Path) -> None:
    files = {f"vm-a/{name}": text for name, text in samples.SAMPLES.items() if name != "mirror-status-2020.txt"}
    files |= {f"vm-a/{name}": text for name, text in samples.SCRIPTS.items()}
    names = [Path(name).name for name in files]
    whole = written(
        tmp_path, {**files, "rg~vm-b/own.cpf": samples.IRIS}, entry("vm-a", *names), entry("RG~vm-b", "own.cpf")
    )
    (tmp_path / ".DS_Store").write_text("x")
    a, b = folder.read(whole)
    assert {file.name for file in a.files} == set(names) - samples.SCRIPTS.keys()
    assert (a.name, a.group, a.taken_at) == ("vm-a", "", AT)
    assert (b.name, b.group, [file.name for file in b.files]) == ("vm-b", "RG", ["own.cpf"])
    (plugin,) = (file for file in a.files if file.name.startswith("VMSnapshot"))
    assert plugin.content.properties["preScript"]["callsFreeze"] is True


@pytest.mark.parametrize("settings", ["{}", '{"preScriptLocation": ""}', '{"preScriptLocation": "/etc/az'])
def test_scripts_that_the_settings_do_not_name_are_not_read(tmp_path: Path, settings: str) -> None:
    files = {
        "vm/VMSnapshotScriptPluginConfig.json": settings,
        "vm/before.sh": samples.SCRIPTS["before.sh"],
        "vm/b.SH": "",
    }
    listed = entry("vm", *(name.removeprefix("vm/") for name in files))
    (vm,) = folder.read(written(tmp_path, files, listed))
    (only,) = vm.files
    assert only.content.properties.keys() & {"preScript", "postScript"} == set()
    files = {"vm/VMSnapshotScriptPluginConfig.json": settings, "vm/notes.txt": "x"}
    listed = entry("vm", "VMSnapshotScriptPluginConfig.json", "notes.txt")
    assert "notes.txt: is no file that is read" in error(written(tmp_path / "notes", files, listed))


def test_a_file_of_another_name_is_recognised_by_its_content(tmp_path: Path) -> None:
    (vm,) = folder.read(written(tmp_path, {"vm/status": samples.STATUS}, entry("vm", "status")))
    assert vm.files[0].content.properties["mirror"] == "LAB"


def test_times_are_those_of_utc(tmp_path: Path) -> None:
    at = "2026-11-01T04:00:00+02:00"
    (vm,) = folder.read(written(tmp_path, {"vm/iris.cpf": samples.IRIS}, entry("vm", "iris.cpf", at=at)))
    assert vm.taken_at == AT


CPF = {"vm/iris.cpf": samples.IRIS}


@pytest.mark.parametrize(
    ("files", "entries", "message"),
    [
        ({}, (), "manifest.yaml: is missing; it lists"),
        (CPF, (), "vm/manifest.yaml: is missing; it lists"),
        (
            CPF,
            (entry("vm", "iris.cpf"), entry("vm-b", "iris.cpf")),
            "manifest.yaml:4: lists the files of vm-b, but there is",
        ),
        ({**CPF, "x/iris.cpf": ""}, (entry("vm", "iris.cpf"),), "manifest.yaml:1: does not list x, so that"),
        (CPF, (entry("vm", "iris.cpf", "CSP.ini"),), "manifest.yaml:3: lists CSP.ini of vm, but"),
        ({**CPF, "vm/CSP.ini": ""}, (entry("vm", "iris.cpf"),), "manifest.yaml:3: does not list CSP.ini of vm"),
        (CPF, (entry("vm", "iris.cpf"), entry("VM", "iris.cpf")), "manifest.yaml:4: has VM twice"),
        (CPF, (entry("vm", "iris.cpf", "IRIS.cpf"),), "manifest.yaml:3: has the file IRIS.cpf twice"),
        (CPF, (entry("vm", "iris.cpf", at="2026-11-01"),), "manifest.yaml:3: must be a time with a zone"),
        (CPF, (entry("vm", "iris.cpf", at="yesterday"),), "manifest.yaml:3: must be a time with a zone"),
        (CPF, (entry("vm", "../iris.cpf"),), "manifest.yaml:3: taken[0].files[0] must match"),
        (CPF, (entry("vm/..", "iris.cpf"),), "manifest.yaml:3: taken[0].machine must match"),
        (CPF, (entry("vm", "{name: iris.cpf, sha256: abc}"),), "manifest.yaml:3: taken[0].files[0]"),
        ({"vm/notes.txt": "x"}, (entry("vm", hashed("notes.txt", "y")),), "notes.txt: is no file that is read"),
        (
            {**CPF, "vm/manifest.yaml": "format: auditor.guest/1\ntaken: []\n"},
            (entry("vm", "iris.cpf"),),
            "manifest.yaml:3: lists the files of vm, which",
        ),
        ({"vm/manifest.yaml": "format: auditor.guest/1\ntaken: []\n"}, (), "vm/manifest.yaml:1: lists no files of vm"),
        (
            {**CPF, "vm/manifest.yaml": f"format: auditor.guest/1\ntaken:\n{entry('other', 'iris.cpf')}"},
            (),
            "vm/manifest.yaml:3: lists the files of other, and is in the folder of vm",
        ),
        ({"vm/notes.txt": "x"}, (entry("vm", "notes.txt"),), "notes.txt: is no file that is read"),
        ({"vm/before.sh": "x"}, (entry("vm", "before.sh"),), "before.sh: is no file that is read"),
        (
            {"vm/lsblk.json": samples.MOUNTS},
            (entry("vm", "lsblk.json"),),
            "lsblk.json: has the name of a list of block",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_place(
    tmp_path: Path, files: dict[str, str], entries: tuple[str, ...], message: str
) -> None:
    found = error(written(tmp_path, files, *entries))
    assert message in found
    assert "\n" not in found


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no such files")
def test_links_and_devices_are_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "dir", CPF, entry("vm", "iris.cpf"))
    outside = tmp_path / "outside"
    outside.write_text(samples.IRIS)
    (path / "vm" / "iris.cpf").unlink()
    (path / "vm" / "iris.cpf").symlink_to(outside)
    assert "is a link" in error(path)
    (path / "vm" / "iris.cpf").unlink()
    os.mkfifo(path / "vm" / "iris.cpf")
    assert "is no regular file" in error(path)
    (path / "vm" / "iris.cpf").unlink()
    (path / "vm").rmdir()
    (path / "vm").symlink_to(tmp_path)
    assert "is a link" in error(path)
    assert "cannot be read" in error(tmp_path / "missing")


@pytest.mark.slow
def test_large_files_are_refused_and_of_logs_the_end_is_read(tmp_path: Path) -> None:
    line = "11/01/26-01:30:02:102 (1) 0 [Utility.Event] x\n"
    log = line * (5 * 1024**2 // len(line)) + samples.LOG
    (vm,) = folder.read(written(tmp_path / "a", {"vm/messages.log": log}, entry("vm", "messages.log")))
    assert vm.files[0].content.properties["events"][0]["event"] == "suspending"
    large = written(tmp_path / "b", {"vm/CSP.ini": ";" * (5 * 1024**2)}, entry("vm", "CSP.ini"))
    assert "CSP.ini: is larger than 4 MiB" in error(large)


def test_each_folder_can_have_a_manifest_of_its_own(tmp_path: Path) -> None:
    own = "format: auditor.guest/1\ntaken:\n" + entry("vm-b", hashed("iris.cpf", samples.IRIS))
    files = {"vm-a/iris.cpf": samples.IRIS, "vm-b/iris.cpf": samples.IRIS, "vm-b/manifest.yaml": own}
    together = written(tmp_path, files, entry("vm-a", "iris.cpf"))
    assert [(vm.folder, len(vm.files), Path(vm.manifest).parent.name) for vm in folder.read(together)] == [
        ("vm-a", 1, tmp_path.name),
        ("vm-b", 1, "vm-b"),
    ]
    (together / "manifest.yaml").unlink()
    assert "manifest.yaml: is missing" in error(together)


def test_a_file_of_other_bytes_than_were_taken_is_unread_and_hides_no_other_one(tmp_path: Path) -> None:
    files = {"vm/iris.cpf": samples.IRIS, "vm/CSP.ini": samples.CSP_INI, "vm/before.sh": "exit 0\n"}
    files |= {"vm/after.sh": samples.SCRIPTS["after.sh"], "vm/VMSnapshotScriptPluginConfig.json": samples.PLUGIN}
    whole = {Path(name).name: text for name, text in files.items()}
    listed = entry("vm", *(hashed(name, text) for name, text in whole.items()))
    (vm,) = folder.read(written(tmp_path, files | {"vm/iris.cpf": samples.IRIS + "x", "vm/before.sh": "x"}, listed))
    found = {file.name: file.content for file in vm.files}
    assert found["iris.cpf"].properties == {"kind": "cpf"}
    assert found["iris.cpf"].unread == {"": "its SHA-256 is not that of line 3 of manifest.yaml: copy it again"}
    assert found["CSP.ini"].properties["servers"]
    settings = found["VMSnapshotScriptPluginConfig.json"]
    assert settings.unread["preScript.callsFreeze"] == "before.sh was not supplied as it was taken"
    assert settings.properties["postScript"]["callsThaw"] is True
    (vm,) = folder.read(written(tmp_path, {"vm/VMSnapshotScriptPluginConfig.json": "{}"}, listed))
    assert [file.content.unread.keys() for file in vm.files if file.name.startswith("VM")] == [{""}]


@pytest.mark.slow
def test_of_a_long_log_the_hash_is_of_all_its_bytes(tmp_path: Path) -> None:
    log = "11/01/26-01:30:02:102 (1) 0 [Utility.Event] x\n" * (5 * 1024**2 // 46) + samples.LOG
    (vm,) = folder.read(written(tmp_path, {"vm/messages.log": log}, entry("vm", hashed("messages.log", log))))
    assert vm.files[0].content.properties["events"]


def test_a_file_with_its_hash_was_not_cut(tmp_path: Path) -> None:
    texts = {"CSP.ini": samples.CSP_INI.rstrip("\n"), "iris.cpf": samples.IRIS.partition("[SQL]")[0].rstrip("\n")}
    files = {f"{vm}/{name}": text for vm in ("cut", "whole") for name, text in texts.items()}
    entries = entry("cut", *texts), entry("whole", *(hashed(name, text) for name, text in texts.items()))
    by_vm = {vm.name: vm.files for vm in folder.read(written(tmp_path, files, *entries))}
    for unsure, sure in zip(by_vm["cut"], by_vm["whole"], strict=True):
        assert "may be cut" in " ".join(unsure.content.unread.values())
        assert set(sure.content.unread.values()) <= {"the file has no section for it"}
