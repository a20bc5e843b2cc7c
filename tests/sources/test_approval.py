from __future__ import annotations

import datetime as dt
import gzip
import hashlib
import json
import stat
from pathlib import Path

import msgspec
import pytest

from auditor import bundled, files, scan
from auditor.cli import exit_codes
from auditor.cli.main import main
from auditor.errors import InputError
from auditor.scan import Request
from auditor.snapshot.model import Approval, Gap, GapReason, Snapshot
from auditor.sources import approval, snapshot_file
from auditor.sources.file_source import FileSource
from tests import estates

INVENTORY = bundled.FIXTURES / "trakcare-current" / bundled.INVENTORY


@pytest.fixture
def taken() -> Snapshot:
    raw = estates.snapshot_of("trakcare-current", estates.body_of("trakcare-current"))
    return snapshot_file.decode(snapshot_file.encode(raw), "taken.jsonl")


@pytest.fixture
def file(tmp_path: Path, taken: Snapshot) -> Path:
    path = tmp_path / "taken.jsonl"
    files.write(path, snapshot_file.encode(taken))
    return path


def test_an_approval_is_in_the_file_and_changes_nothing_else(file: Path, taken: Snapshot) -> None:
    start = dt.datetime.now(dt.UTC).replace(microsecond=0)
    approved = approval.approve(file, " operations ", "change 4711 ")
    assert approved.approved is not None
    assert start <= dt.datetime.fromisoformat(approved.approved.at) <= dt.datetime.now(dt.UTC)
    assert approved.approved == Approval("operations", approved.approved.at, "change 4711")
    assert approval.read(file) == approved
    assert approved == msgspec.structs.replace(taken, approved=approved.approved)
    assert json.loads(file.read_bytes().split(b"\n")[0])["approved"] == msgspec.to_builtins(approved.approved)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_snapshot_without_approval_is_written_unchanged(taken: Snapshot) -> None:
    assert b'"approved"' not in snapshot_file.encode(taken)


def test_the_last_approval_is_the_one_that_counts(file: Path) -> None:
    approval.approve(file, "one", "first")
    approval.approve(file, "other", "second")
    found = approval.read(file).approved
    assert found is not None
    assert (found.by, found.reason) == ("other", "second")


@pytest.mark.parametrize("name", ["approved.jsonl", "approved.jsonl.gz"])
def test_another_file_leaves_the_snapshot_as_it_is(name: str, file: Path, tmp_path: Path) -> None:
    before = file.read_bytes()
    output = tmp_path / name
    approval.approve(file, "me", "why", output)
    assert file.read_bytes() == before
    assert approval.read(output).resources == snapshot_file.decode(before, "").resources
    assert (output.read_bytes()[:2] == gzip.compress(b"")[:2]) is name.endswith(".gz")
    with pytest.raises(InputError, match="exists already"):
        approval.approve(file, "me", "why", output)
    approval.approve(file, "me", "why", tmp_path / "." / file.name)  # the same file under another name


def test_a_changed_approval_is_noticed(file: Path) -> None:
    approval.approve(file, "me", "why")
    file.write_bytes(file.read_bytes().replace(b'"by":"me"', b'"by":"you"', 1))
    with pytest.raises(InputError, match="has been changed"):
        approval.read(file)


def test_a_secret_in_a_reason_stays_outside(file: Path) -> None:
    approval.approve(file, "me", "key=1, AccountKey=abcdefgh12345678")
    assert b"abcdefgh12345678" not in file.read_bytes()


def test_without_approval_a_snapshot_is_no_baseline(file: Path) -> None:
    with pytest.raises(
        InputError, match=rf"is not approved; to approve it: auditor approve {file} --by WHO --reason"
    ) as caught:
        approval.read(file)
    assert caught.value.file == str(file)


def test_raw_bodies_are_no_baseline() -> None:
    with pytest.raises(
        InputError, match=r"is not a snapshot; to make one of ARM JSON: auditor scan --snapshot .* -o snapshot=FILE"
    ):
        approval.read(INVENTORY)


@pytest.mark.parametrize(("by", "reason", "option"), [(" ", "why", "--by"), ("me", "", "--reason")])
def test_an_approval_needs_a_name_and_a_reason(by: str, reason: str, option: str, file: Path) -> None:
    before = file.read_bytes()
    with pytest.raises(InputError, match=f"{option} is empty"):
        approval.approve(file, by, reason)
    assert file.read_bytes() == before


def test_the_command_says_what_gaps_leave_out(file: Path, taken: Snapshot, capsys: pytest.CaptureFixture[str]) -> None:
    gap = Gap(taken.scopes[0], "Microsoft.Network/\x1bloadBalancers", GapReason.FORBIDDEN)
    hidden = "Microsoft.Network/\\x1bloadBalancers"
    assert main(["approve", str(file), "--by", "me", "--reason", "why"]) == exit_codes.OK
    clean = capsys.readouterr()
    assert clean.err == f"auditor: approved {taken.resource_count} resources, taken 2026-11-01T06:00:00Z\n"
    for gaps, has in (((gap,), "1 gap"), ((gap, gap), "2 gaps")):
        files.write(file, snapshot_file.encode(msgspec.structs.replace(taken, gaps=gaps, taken_at="")))
        assert main(["approve", str(file), "--by", "me", "--reason", "why"]) == exit_codes.OK
        assert capsys.readouterr().err.splitlines() == [
            f"auditor: approved {taken.resource_count} resources, taken at an unknown time",
            f"auditor: it has {has}; drift cannot be detected in what was not read: {hidden}",
        ]


@pytest.mark.slow
def test_a_snapshot_that_a_scan_writes_is_not_approved(file: Path, tmp_path: Path) -> None:
    approval.approve(file, "me", "why")
    deployment = tmp_path / "d.yaml"
    deployment.write_text((INVENTORY.parent / bundled.DEPLOYMENT).read_text())
    assert scan.scan(Request(FileSource(file), deployment=deployment)).snapshot.approved is None


def test_killing_it_leaves_the_file_whole(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = hashlib.sha256(file.read_bytes()).digest()

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("os.fsync", killed)
    with pytest.raises(KeyboardInterrupt):
        approval.approve(file, "me", "why")
    assert hashlib.sha256(file.read_bytes()).digest() == before
    assert [path.name for path in file.parent.iterdir()] == [file.name]
