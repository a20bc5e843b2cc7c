"""Approved snapshots, with which later ones are compared."""

from __future__ import annotations

import datetime as dt
from itertools import chain
from pathlib import Path

import msgspec

from auditor import files
from auditor.errors import InputError
from auditor.snapshot.model import Approval, Snapshot
from auditor.sources import snapshot_file, snapshot_folder


def approve(path: Path, by: str, reason: str, output: Path | None = None) -> Snapshot:
    """Write a snapshot with its approval: who approves it, now, and why. By default it replaces the file.

    Raises:
        InputError: the file is not a snapshot, `by` or `reason` is empty, or the output is another file that exists.
    """
    for option, text in (("--by", by), ("--reason", reason)):
        if not text.strip():
            message = f"{option} is empty; name the person who approves the snapshot, and the reason"
            raise InputError(message)
    target = output or path
    if target.exists() and not target.samefile(path):
        message = "exists already, and an approval replaces no other file than the snapshot itself; name a new file"
        raise InputError(message, str(target))
    at = dt.datetime.now(dt.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    approval = Approval(by.strip(), at, reason.strip())
    if path.is_dir():
        return snapshot_folder.approve(path, target, approval)
    approved = msgspec.structs.replace(_read(path), approved=approval)
    files.write(target, snapshot_file.encode(approved, compress=target.suffix == ".gz"))
    return approved


def read(path: Path) -> Snapshot:
    """Read an approved snapshot.

    Raises:
        InputError: the file is not a snapshot, is damaged, or is not approved.
    """
    taken = _read(path)
    if taken.approved is None:
        message = f'is not approved; to approve it: auditor approve {path} --by WHO --reason "WHY"'
        raise InputError(message, str(path))
    return taken


def _read(path: Path) -> Snapshot:
    if path.is_dir():
        return snapshot_folder.SnapshotFolder(path).read()
    pieces = files.pieces(path)
    begin = next(pieces)
    if not snapshot_file.is_snapshot(begin):
        message = f"is not a snapshot; to make one of ARM JSON: auditor scan --snapshot {path} -o snapshot=FILE"
        raise InputError(message, str(path), 1)
    return snapshot_file.decode_pieces(chain((begin,), pieces), str(path))
