"""Collecting into a snapshot folder: it has what reading at once has, and goes on where it was stopped."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from auditor.azure import arm
from auditor.cli import exit_codes
from auditor.cli.main import main
from auditor.errors import InputError
from auditor.snapshot.model import GapReason, Snapshot
from auditor.sources.live.collection import CollectOptions, collect
from auditor.sources.live.folder import collect_into
from auditor.sources.snapshot_folder import Collection, SnapshotFolder
from tests import estates
from tests.arm import ArmServer, Estate, Fault, Identity, Role
from tests.arm.exchange import Answer
from tests.sources.live import live

pytestmark = pytest.mark.slow

NAME = "trakcare-current"
(SUBSCRIPTION,) = live.subscriptions_of(NAME)
SCOPES = [f"/subscriptions/{SUBSCRIPTION[:-1]}{letter}" for letter in "1abc"]


def copied(letter: str) -> list[dict[str, object]]:
    """Return the estate of the tests as that of another subscription."""
    text = json.dumps(estates.body_of(NAME)["value"])
    return json.loads(text.replace(SUBSCRIPTION, SUBSCRIPTION[:-1] + letter))  # type: ignore[no-any-return]


@pytest.fixture
def server() -> Iterator[live.Answering]:
    estate = Estate()
    for scope in SCOPES:
        estate.add(*copied(scope[-1]))
    with live.Answering(estate) as started, live.signed_in(started):
        yield started


def options(server: ArmServer, *letters: str) -> CollectOptions:
    names = tuple(scope.rpartition("/")[2] for scope in SCOPES if scope[-1] in letters)
    return CollectOptions(names, endpoint=server.url, ca_bundle=Path(server.ca_file))


def into(folder: Path, server: ArmServer, *letters: str) -> Snapshot:
    """Collect subscriptions into a folder, and return what it has."""
    text = json.dumps(estates.declared_of(NAME))
    collect_into(folder, options(server, *letters), live.declared(NAME), text, live.Told())
    return SnapshotFolder(folder).read()


def at_once(server: ArmServer, *letters: str) -> Snapshot:
    text = json.dumps(estates.declared_of(NAME))
    return collect(options(server, *letters), live.declared(NAME), text, live.Told()).snapshot


def comparable(snapshot: Snapshot) -> dict[str, object]:
    """Return a snapshot without its time and without the numbers of equal SKU records, which depend on their order."""
    found = msgspec.to_builtins(msgspec.structs.replace(snapshot, taken_at="", resources=()), order="deterministic")
    bodies = sorted(msgspec.json.encode(item.body, order="deterministic") for item in snapshot.resources)
    return {
        **found,
        "bodies": bodies,
        "keys": sorted(item.key for item in snapshot.resources if "sku" not in item.type),
    }


def requested(server: ArmServer) -> set[str]:
    """Return the last letters of the subscriptions of which lists were requested since the last call."""
    asked = {arm.subscription_of(entry.path)[-1] for entry in server.log if entry.path.endswith("/disks")}
    server.log.clear()
    return asked


def test_a_folder_has_what_is_read_at_once(server: live.Answering, tmp_path: Path) -> None:
    server.faults = {f"{SCOPES[1][-12:]}/providers/Microsoft.Network/loadBalancers": Fault.FORBIDDEN}
    taken, whole = into(tmp_path / "s", server, *"1ab"), at_once(server, *"1ab")
    assert comparable(taken) == comparable(whole)
    assert len(taken.gaps) > 0
    assert {arm.subscription_of(found.key)[-1:] for found in taken.resources} == {*"1abc", ""}, "and vaults of others"
    assert {path.name for path in (tmp_path / "s").iterdir()} == {
        "manifest.json",
        *(f"{scope.rpartition('/')[2]}.jsonl.gz" for scope in SCOPES[:3]),
    }


def test_a_subscription_that_cannot_be_read_is_a_gap_of_the_manifest(server: live.Answering, tmp_path: Path) -> None:
    server.identity = Identity(roles=tuple(Role(scope=scope) for scope in SCOPES[:2]))
    folder = tmp_path / "s"
    taken = into(folder, server, *"1ab")
    assert comparable(taken) == comparable(at_once(server, *"1ab"))
    (gap,) = SnapshotFolder(folder).manifest.gaps
    assert (gap.scope, gap.what, gap.reason) == (SCOPES[2], arm.SUBSCRIPTION, GapReason.FORBIDDEN)


class Stopped(BaseException):
    """Stands for a signal."""


def test_what_was_stopped_goes_on_and_reads_nothing_twice(
    server: live.Answering, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "s"
    written: list[str] = []

    def add(collection: Collection, part: Snapshot) -> None:
        if len(written) == 1:
            raise Stopped
        written.append(part.scopes[0][-1])
        original(collection, part)

    original = Collection.add
    with monkeypatch.context() as patch:
        patch.setattr(Collection, "add", add)
        with pytest.raises(BaseExceptionGroup):
            into(folder, server, *"1ab")
    with pytest.raises(InputError, match="is not finished"):
        SnapshotFolder(folder)
    requested(server)
    taken = into(folder, server, *"1ab")
    assert requested(server) == {*"1ab"} - {*written}
    assert comparable(taken) == comparable(at_once(server, *"1ab"))


def test_a_part_that_was_changed_after_a_stop_is_read_again(server: live.Answering, tmp_path: Path) -> None:
    folder = tmp_path / "s"
    into(folder, server, *"1a")
    manifest = SnapshotFolder(folder).manifest
    reopened = Collection.__new__(Collection)
    reopened._path = folder  # noqa: SLF001 - only an interrupted write leaves such a manifest
    reopened._keep(msgspec.structs.replace(manifest, parts=manifest.parts[:1]))  # noqa: SLF001
    (folder / manifest.parts[0].file).write_bytes(b"damaged")
    requested(server)
    into(folder, server, *"1a")
    assert requested(server) == {*"1a"}


def test_a_collection_that_began_a_day_ago_is_not_continued(server: live.Answering, tmp_path: Path) -> None:
    header = at_once(server, "a")
    before = (dt.datetime.now(dt.UTC) - dt.timedelta(days=1, minutes=1)).isoformat(timespec="seconds")
    begun = msgspec.structs.replace(header, resources=(), listed=frozenset(), gaps=(), taken_at=before)
    Collection(tmp_path / "s", begun)
    with pytest.raises(InputError, match="more than a day ago; name a new folder, or remove it"):
        into(tmp_path / "s", server, "a")


def test_what_a_list_of_another_subscription_hides_is_noticed(server: live.Answering, tmp_path: Path) -> None:
    """Subnets of the first have a security group of the second, whose list does not contain it."""
    type_ = "microsoft.network/networksecuritygroups"
    hidden = next(server.estate.of_type(type_, SCOPES[1]))["id"]
    for body in server.estate.of_type("microsoft.network/virtualnetworks", SCOPES[0]):
        for subnet in body["properties"]["subnets"]:
            subnet["properties"]["networkSecurityGroup"] = {"id": hidden}
    listed = f"{SCOPES[1]}/providers/{type_}"
    server.own = lambda call: Answer(body={"value": []}) if call.path.lower() == listed else None
    taken = into(tmp_path / "s", server, *"1a")
    assert comparable(taken) == comparable(at_once(server, *"1a"))
    assert hidden in {found.id for found in taken.resources}
    assert (SCOPES[0], type_) in taken.listed
    assert (SCOPES[1], type_) not in taken.listed


def test_a_live_scan_writes_a_folder_and_reports_what_a_scan_of_it_does(
    server: live.Answering, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    live_scan = ["scan", "--all-subscriptions", "--arm-endpoint", server.url, "--ca-bundle", server.ca_file]
    codes = [main([*live_scan, "-o", f"snapshot={tmp_path}/s/", "-o", f"json={tmp_path / 'live.json'}"])]
    codes += [main(["scan", "--snapshot", f"{tmp_path}/s", "-o", f"json={tmp_path / 'again.json'}"])]
    assert codes[0] == codes[1] != exit_codes.USAGE
    assert (tmp_path / "live.json").read_bytes() == (tmp_path / "again.json").read_bytes()
    server.log.clear()
    assert main([*live_scan, "-o", f"snapshot={tmp_path}/s/"]) == exit_codes.USAGE
    assert "is a finished snapshot" in capsys.readouterr().err
    assert requested(server) == set()


def test_the_command_writes_a_folder_that_scan_takes(
    server: live.Answering, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    connected = ["--arm-endpoint", server.url, "--ca-bundle", server.ca_file]
    asked = ["collect", "--subscription", SUBSCRIPTION, *connected]
    assert main([*asked, "-o", f"snapshot={tmp_path}/s/"]) == exit_codes.OK
    assert "resources as application" in capsys.readouterr().err
    scanned = ["scan", "--snapshot", str(tmp_path / "s"), "-o", f"json={tmp_path / 'r.json'}"]
    assert main([*scanned, "-o", f"snapshot={tmp_path}/again/"]) in {exit_codes.OK, exit_codes.INCOMPLETE}
    again, first = SnapshotFolder(tmp_path / "again").read(), SnapshotFolder(tmp_path / "s").read()
    own = [found for found in first.resources if arm.subscription_of(found.key) in {SCOPES[0], ""}]
    assert [found for found in again.resources if arm.subscription_of(found.key) in {SCOPES[0], ""}] == own
    for more, expected in (
        (["-o", f"snapshot={tmp_path}/t/", "-o", f"snapshot={tmp_path}/t.jsonl"], "is the only output"),
        (["-o", f"snapshot={tmp_path}/t/", "--guest", str(tmp_path)], "name them when it is scanned"),
        (["-o", f"snapshot={tmp_path}/s/"], "is a finished snapshot"),
        (["-o", f"snapshot={tmp_path}/no/t/"], "there is no such folder"),
    ):
        assert main([*asked, *more]) == exit_codes.USAGE
        assert expected in capsys.readouterr().err
    assert not (tmp_path / "t").exists()
