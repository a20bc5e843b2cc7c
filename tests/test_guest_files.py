"""`--guest DIR` as users call it: outcomes, coverage, drift, and what a snapshot keeps."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from auditor import bundled
from auditor.cli import exit_codes
from auditor.cli.main import main

pytestmark = pytest.mark.slow

KNOWN_GOOD = bundled.FIXTURES / "trakcare-current"
DEPLOYMENT = ["--deployment", str(KNOWN_GOOD / bundled.DEPLOYMENT)]
SNAPSHOT = ["--snapshot", str(KNOWN_GOOD / bundled.INVENTORY)]
GUEST = KNOWN_GOOD / bundled.GUEST


def report(path: Path, *arguments: str) -> tuple[int, Any]:
    """Return the exit code of a command and its JSON report."""
    code = main([*arguments, "-o", f"json={path / 'report.json'}"])
    return code, json.loads((path / "report.json").read_text())


def outcomes(document: Any, rule: str) -> list[tuple[str, str | None]]:
    return [(f["outcome"], f["cause"]) for f in document["findings"] if f["rule"] == rule]


def changed(path: Path, old: str, new: str, vm: str = "vm-db-a") -> Path:
    """Return a copy of the known-good guest files in which the CPF of one mirror member has another text."""
    target = path / "guest"
    shutil.copytree(GUEST, target)
    cpf = target / vm / "iris.cpf"
    text = cpf.read_text()
    assert old in text
    cpf.write_text(text.replace(old, new))
    return target


def test_rules_need_the_files_and_a_scan_is_complete_without(tmp_path: Path) -> None:
    code, document = report(tmp_path, "scan", *SNAPSHOT, *DEPLOYMENT)
    assert (code, document["coverage"]["complete"]) == (exit_codes.OK, True)
    assert outcomes(document, "MIR010") == [("unknown", "guest")]
    code, document = report(tmp_path, "scan", *SNAPSHOT, *DEPLOYMENT, "--guest", str(GUEST))
    assert (code, outcomes(document, "MIR010")) == (exit_codes.OK, [])
    files = document["coverage"]["guestFiles"]
    assert {(file["vm"].rpartition("/")[2], file["name"]) for file in files} == {
        (path.parent.name, path.name) for path in GUEST.glob("*/*") if path.suffix != ".sh"
    }
    assert {(file["takenAt"], file["replaced"]) for file in files} == {("2026-11-01T02:00:00Z", False)}


def test_a_deployment_can_require_files(tmp_path: Path) -> None:
    required = tmp_path / "deployment.yaml"
    required.write_text((KNOWN_GOOD / bundled.DEPLOYMENT).read_text().replace("guest: optional", "guest: required"))
    arguments = ["scan", *SNAPSHOT, "--deployment", str(required)]
    code, document = report(tmp_path, *arguments)
    assert (code, document["coverage"]["complete"]) == (exit_codes.INCOMPLETE, False)
    assert outcomes(document, "DEP004") == [("unknown", "guest")]
    code, document = report(tmp_path, *arguments, "--guest", str(GUEST))
    assert (code, document["coverage"]["complete"]) == (exit_codes.OK, True)


def test_a_cut_file_is_unknown_and_named(tmp_path: Path) -> None:
    whole = (GUEST / "vm-db-a" / "iris.cpf").read_text()
    cut = changed(tmp_path, whole[whole.index("[Mirrors]") :], "")
    code, document = report(tmp_path, "scan", *SNAPSHOT, *DEPLOYMENT, "--guest", str(cut))
    assert (code, outcomes(document, "MIR010")) == (exit_codes.OK, [("unknown", "guest")])
    (gap, *_) = document["coverage"]["gaps"]
    assert gap["scope"].endswith("/virtualMachines/vm-db-a/guest/iris.cpf")
    assert gap["reason"] == "malformed"


def test_a_wrong_folder_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = changed(tmp_path, "[", "[")
    (wrong / "manifest.yaml").write_text((GUEST / "manifest.yaml").read_text().replace("vm-db-b", "vm-db-x"))
    assert main(["scan", *SNAPSHOT, *DEPLOYMENT, "--guest", str(wrong)]) == exit_codes.USAGE
    assert capsys.readouterr().err == (
        f"auditor: error: {wrong / 'manifest.yaml'}:5: lists the files of vm-db-x, but there is no folder vm-db-x\n"
    )


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-32"])
def test_what_is_no_text_is_one_line_and_nothing_is_written(
    encoding: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = changed(tmp_path, "[", "[")
    cpf = wrong / "vm-db-a" / "iris.cpf"
    cpf.write_bytes(cpf.read_text().encode(encoding))
    written = tmp_path / "report.json"
    assert main(["scan", *SNAPSHOT, *DEPLOYMENT, "--guest", str(wrong), "-o", f"json={written}"]) == exit_codes.USAGE
    assert capsys.readouterr().err == (
        f"auditor: error: {cpf}:1: has a NUL character, and must be text: UTF-8, UTF-16 with a byte order mark, or "
        "Latin-1\n"
    )
    assert not written.exists()


def test_a_merge_cpf_in_the_place_of_a_cpf_is_named(tmp_path: Path) -> None:
    wrong = changed(tmp_path, "[ConfigFile]", "[Actions]\nConfigMirror:Name=M\n[ConfigFile]")
    _, document = report(tmp_path, "scan", *SNAPSHOT, *DEPLOYMENT, "--guest", str(wrong))
    (finding,) = [each for each in document["findings"] if each["rule"] == "MIR010"]
    assert (
        "was supplied (iris.cpf is a merge CPF, which says what an instance is asked to become): " in finding["reason"]
    )


def test_an_approval_names_the_files_that_were_cut(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = (GUEST / "vm-db-a" / "iris.cpf").read_text()
    cut = changed(tmp_path, whole[whole.index("[Journal]") :], "")
    taken = tmp_path / "taken.jsonl"
    main(["scan", *SNAPSHOT, *DEPLOYMENT, "--guest", str(cut), "-o", f"snapshot={taken}"])
    capsys.readouterr()
    assert main(["approve", str(taken), "--by", "operations", "--reason", "change 4711"]) == exit_codes.OK
    assert "drift cannot be detected in what was not read: iris.cpf of vm-db-a\n" in capsys.readouterr().err


def test_every_vm_with_files_is_in_every_report(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["scan", *SNAPSHOT, *DEPLOYMENT, "--guest", str(GUEST)]
    supplying = {path.name for path in GUEST.iterdir() if path.is_dir()}
    for format_ in ("terminal", "json", "markdown", "sarif"):
        assert main([*arguments, "--details", "-o", format_]) == exit_codes.OK
        shown = capsys.readouterr().out.replace("\\", "")
        assert {vm for vm in supplying if vm not in shown} == set(), format_
        assert "2026-11-01T02:00:00Z" in shown, format_


def test_a_snapshot_keeps_the_files_and_drift_shows_what_changed_in_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    then = tmp_path / "then.jsonl"
    assert main(["scan", *SNAPSHOT, *DEPLOYMENT, "--guest", str(GUEST), "-o", f"snapshot={then}"]) == exit_codes.OK
    _, document = report(tmp_path, "scan", "--snapshot", str(then))
    assert outcomes(document, "MIR010") == []
    assert main(["approve", str(then), "--by", "operations", "--reason", "change 4711"]) == exit_codes.OK
    now = changed(tmp_path, ",0,1,,0,10.10.3.20|2188,", ",0,1,,0,,")
    capsys.readouterr()
    code, document = report(tmp_path, "drift", str(then), str(then), "--guest", str(now))
    assert code == exit_codes.FINDINGS
    (change,) = document["drift"]["resources"]
    assert change["id"].endswith("/virtualMachines/vm-db-a/guest/iris.cpf")
    assert [entry["path"] for entry in change["properties"]] == ["properties.mirrors[name=TRAKDB].arbiter"]
    assert [(f["rule"], f["state"]) for f in document["drift"]["findings"] if f["state"] == "regressed"] == [
        ("MIR010", "regressed"),
        ("MIR016", "regressed"),
    ]
    assert {file["replaced"] for file in document["coverage"]["guestFiles"]} == {True}
    code, document = report(tmp_path, "drift", str(then), *SNAPSHOT[1:], *DEPLOYMENT)
    assert code == exit_codes.INCOMPLETE
    assert {(entry["fate"], entry["reason"]) for entry in document["drift"]["resources"]} == {
        ("lost sight", "it was not supplied this time, and no list says which files a VM has")
    }
    lost = {f["rule"] for f in document["drift"]["findings"] if f["state"] == "lost sight"}
    assert lost >= {"MIR010", "MIR013", "MIR014", "MIR015", "MIR017"}


def test_discover_names_the_folder_in_its_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "new.yaml"
    assert main(["discover", *SNAPSHOT, "--guest", str(GUEST), "-o", str(output)]) == exit_codes.OK
    assert f"--guest {GUEST}" in output.read_text() + capsys.readouterr().err


def test_the_report_lists_the_files_and_what_could_not_be_read_of_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = (GUEST / "vm-db-dr" / "iris.cpf").read_text()
    cut = changed(tmp_path, whole[whole.index("[Journal]") :], "", "vm-db-dr")
    arguments = ["scan", *SNAPSHOT, *DEPLOYMENT, "--guest", str(cut)]
    assert main([*arguments, "--details"]) == exit_codes.OK
    shown = " ".join(capsys.readouterr().out.split())
    assert re.search(r"vm-db-dr: [^(]*iris\.cpf \(the file may be cut\)[^(]* \(taken 2026-11-01T02:00:00Z\)", shown)
    assert "Coverage gaps" not in shown
    assert main([*arguments, "-o", "markdown"]) == exit_codes.OK
    table = capsys.readouterr().out.replace("\\", "")
    assert re.search(r"\| vm-db-dr \| [^|]*iris\.cpf \(the file may be cut\)[^|]* \| 2026-11-01T02:00:00Z \|", table)
