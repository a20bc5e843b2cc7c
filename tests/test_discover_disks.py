"""What `auditor discover --guest DIR` proposes for `disks`: LUNs by CPFs, `findmnt` and `lsblk`."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from auditor import bundled, discover, scan, yaml_documents
from auditor.estate import deployment_file
from auditor.estate.declaration import DeclaredMirror
from auditor.evaluation.model import Outcome
from auditor.snapshot.model import Snapshot
from auditor.sources import arm_json
from auditor.sources.file_source import FileSource
from auditor.sources.guest import block_devices, cpf, folder, mounts
from auditor.sources.guest.attaching import attach
from auditor.sources.guest.content import Content
from auditor.sources.guest.folder import SuppliedFile, SuppliedVm

NAMES = ["trakcare-current", "trakcare-2018", "healthshare-current"]
FILES: Final[Mapping[str, Callable[[str], Content]]] = {
    "iris.cpf": cpf.parse,
    "findmnt.json": mounts.parse,
    "lsblk.json": block_devices.parse,
}
Change = Callable[[str], str]


@functools.cache
def snapshot(name: str) -> Snapshot:
    return arm_json.decode((bundled.FIXTURES / name / bundled.INVENTORY).read_bytes(), "test")


def mirrors(text: str) -> Mapping[str, DeclaredMirror]:
    found = deployment_file.load(yaml_documents.parse(text.encode(), "proposed"))[0].mirrors
    return {mirror.name: mirror for mirror in found or ()}


@functools.cache
def proposed_by_all_files(name: str) -> str:
    files = folder.read(bundled.FIXTURES / name / bundled.GUEST)
    return discover.propose(attach(snapshot(name), files).snapshot).text


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_the_files_show_what_the_known_good_deployment_declares(name: str) -> None:
    found = mirrors(proposed_by_all_files(name))
    for mirror, declared in mirrors((bundled.FIXTURES / name / bundled.DEPLOYMENT).read_text()).items():
        disks = found[mirror].disks
        assert sorted(disks["journal"] + disks["alternate"]) == [*declared.disks["journal"]]
        assert disks["wij"] == declared.disks["wij"]
        assert disks.keys() == {"installation", "database", "journal", "alternate", "wij"}


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_with_the_proposal_the_disks_have_the_outcomes_of_the_known_good_deployment(name: str, tmp_path: Path) -> None:
    here = bundled.FIXTURES / name
    path = tmp_path / "proposed.yaml"
    path.write_text(proposed_by_all_files(name))

    def outcomes(deployment: Path) -> set[tuple[str, str, Outcome]]:
        index: Any = yaml_documents.read(bundled.FIXTURES / "index.yaml").value
        source = FileSource(here / bundled.INVENTORY)
        found = scan.scan(scan.Request(source, deployment, profile=index[name]["profile"], guest=here / bundled.GUEST))
        return {(f.rule.id, f.subject.id, f.outcome) for f in found.findings if f.rule.id.startswith("STO")}

    assert outcomes(path) == outcomes(here / bundled.DEPLOYMENT)


def proposed(vms: Mapping[str, Mapping[str, Change | None]]) -> list[str]:
    """Return the lines of `disks` if only these VMs have files; None for one that is missing."""
    supplied = []
    for vm, changes in vms.items():
        texts = {file: (bundled.FIXTURES / NAMES[0] / bundled.GUEST / vm / file).read_text() for file in FILES}
        found = {file: change(texts[file]) for file in FILES if (change := changes.get(file, str)) is not None}
        own = tuple(SuppliedFile(file, file, FILES[file](text)) for file, text in found.items())
        supplied.append(SuppliedVm(vm, "2026-11-01T02:00:00Z", own, "manifest.yaml", 1))
    text = discover.propose(attach(snapshot(NAMES[0]), tuple(supplied)).snapshot).text
    assert mirrors(text)
    lines = text.splitlines()
    start = next(place for place, line in enumerate(lines) if line.lstrip(" #").startswith("disks:"))
    end = next(place for place in range(start + 1, len(lines)) if not lines[place].startswith(" " * 10))
    return [line.strip() for line in lines[start:end]]


def replaced(old: str, new: str) -> Change:
    def change(text: str) -> str:
        assert old in text
        return text.replace(old, new)

    return change


def test_files_of_one_member_show_what_is_likely_for_all() -> None:
    assert proposed({"vm-db-a": {}}) == [
        "disks:",
        "installation: [0]  # likely: the CPF, findmnt and lsblk of vm-db-a",
        "database: [1]  # likely: the CPF, findmnt and lsblk of vm-db-a",
        "journal: [2]  # likely: the CPF, findmnt and lsblk of vm-db-a",
        "alternate: [3]  # likely: the CPF, findmnt and lsblk of vm-db-a",
        "wij: [0]  # likely: the CPF, findmnt and lsblk of vm-db-a",
    ]


def test_what_members_have_at_different_luns_is_not_proposed() -> None:
    swapped = replaced("AlternateDirectory=/iris/jrnalt/", "AlternateDirectory=/iris/db/jrnalt/")
    found = proposed({"vm-db-a": {}, "vm-db-b": {"iris.cpf": swapped}})
    assert [line.split(":")[0] for line in found[1:5]] == ["installation", "database", "journal", "wij"]
    assert found[5:] == ["# alternate: the members differ, LUN 1 of vm-db-b; LUN 3 of vm-db-a"]


def test_a_wij_without_a_directory_is_beside_the_database_of_the_system_manager() -> None:
    found = proposed({"vm-db-a": {"iris.cpf": replaced("wijdir=/iris/sys/wij/", "wijdir=")}})
    assert found[-1].startswith("wij: [0]")


@pytest.mark.parametrize(
    ("changes", "untold"),
    [
        (
            {"iris.cpf": replaced("CurrentDirectory=/iris/jrn/", "CurrentDirectory=/var/jrn/")},
            "# journal: .*/lsblk.json shows no LUN of sda, as of an OS disk",
        ),
        (
            {"iris.cpf": replaced("CurrentDirectory=/iris/jrn/", r"CurrentDirectory=F:\jrn" + "\\")},
            "# journal: no file shows at which LUN drive f: is",
        ),
        (
            {"lsblk.json": replaced('"1:0:0:2"', '"1:0:0:7"')},
            "# journal: .* has a disk at LUN 7, at which Azure shows no data disk of the VM",
        ),
    ],
)
def test_what_is_not_certain_is_a_comment(changes: Mapping[str, Change], untold: str) -> None:
    *told, last = proposed({"vm-db-a": changes})[1:]
    assert [line.split(":")[0] for line in told] == ["installation", "database", "alternate", "wij"]
    assert re.fullmatch(untold, last)


@pytest.mark.parametrize("file", ["lsblk.json", "findmnt.json"])
def test_without_a_file_names_and_tags_tell_or_the_comment_says_what_is_missing(file: str) -> None:
    first, *rest = proposed({"vm-db-a": {file: None}})
    if first == "disks:":
        assert all("guess" in line for line in rest if not line.startswith("#"))
    assert f"no {file}" in "".join((first, *rest))
