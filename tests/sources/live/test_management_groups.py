"""A management group is read with every subscription below it, and none of them is left out silently."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from auditor.azure import arm
from auditor.cli import exit_codes
from auditor.cli.main import main
from auditor.snapshot.model import GapReason
from auditor.sources import snapshot_file
from auditor.sources.live import reads
from auditor.sources.live.permissions import custom_role
from tests.arm import ArmServer, Estate, Fault, Identity, Role
from tests.arm.estate import ManagementGroup
from tests.arm.management_groups import scope
from tests.sources.live import live

pytestmark = pytest.mark.slow

GUIDS = {letter: f"00000000-0000-0000-0000-00000000000{letter}" for letter in "abcd"}
SCOPES = {letter: f"/subscriptions/{guid}" for letter, guid in GUIDS.items()}
GROUPS = {
    "trust": ManagementGroup("Northern Trust"),
    "trust-prod": ManagementGroup("Production", "trust", (GUIDS["a"],)),
    "trust-dr": ManagementGroup("DR", "trust-prod", (GUIDS["b"], GUIDS["c"])),
    "other": ManagementGroup("Production", "", (GUIDS["d"],)),
    "bare": ManagementGroup("Bare"),
}


@pytest.fixture
def server() -> Iterator[ArmServer]:
    estate = Estate(management_groups=dict(GROUPS))
    for found in SCOPES.values():
        vnet = f"{found}/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/vnet"
        estate.add({"id": vnet, "name": "vnet", "location": "westeurope", "properties": {}})
    estate.resources[SCOPES["b"]]["state"] = "Disabled"
    with ArmServer(estate, page_size=2) as started, live.signed_in(started):
        yield started


def collect(server: ArmServer, file: Path, *groups: str) -> int:
    asked = [word for group in groups for word in ("--management-group", group)]
    connected = ["--arm-endpoint", server.url, "--ca-bundle", server.ca_file]
    return main(["collect", *asked, *connected, "-o", f"snapshot={file}"])


def below(server: ArmServer, folder: Path, *groups: str) -> set[str]:
    """Return the letters of the subscriptions that are read for groups."""
    assert collect(server, folder / "s.jsonl", *groups) == exit_codes.OK
    taken = snapshot_file.decode((folder / "s.jsonl").read_bytes(), "s.jsonl")
    assert {arm.subscription_of(found.key) for found in taken.resources} == {*taken.scopes}
    return {found[-1] for found in taken.scopes}


def error_of(server: ArmServer, folder: Path, capsys: pytest.CaptureFixture[str], *groups: str) -> str:
    assert collect(server, folder / "s.jsonl", *groups) == exit_codes.USAGE
    (line,) = capsys.readouterr().err.splitlines()
    assert list(folder.iterdir()) == []
    return line


def test_every_subscription_at_any_depth_is_read_a_disabled_one_too(server: ArmServer, tmp_path: Path) -> None:
    assert below(server, tmp_path, "trust") == {*"abc"}
    assert below(server, tmp_path, "TRUST-DR", "dr") == {*"bc"}
    assert below(server, tmp_path, "northern trust", "other") == {*"abcd"}


def test_nothing_but_get_and_the_query_is_sent_and_no_token_leaves(server: ArmServer, tmp_path: Path) -> None:
    below(server, tmp_path, "trust")
    sent = {(entry.method, entry.path) for entry in server.log if entry.method != "GET" and "oauth2" not in entry.path}
    assert sent == {("POST", "/providers/Microsoft.ResourceGraph/resources")}
    assert server.foreign.requests == []


def test_a_subscription_that_may_not_be_read_is_a_gap(server: ArmServer, tmp_path: Path) -> None:
    seen = (Role(("Microsoft.Management/*/read",), scope=scope("trust")), Role(scope=SCOPES["a"]))
    server.identity = Identity(roles=seen)
    file = tmp_path / "s.jsonl"
    assert collect(server, file, "trust") == exit_codes.INCOMPLETE
    taken = snapshot_file.decode(file.read_bytes(), "s.jsonl")
    assert [found[-1] for found in taken.scopes] == [*"abc"]
    assert {(gap.scope[-1], gap.what, gap.reason) for gap in taken.gaps} == {
        ("b", arm.SUBSCRIPTION, GapReason.FORBIDDEN),
        ("c", arm.SUBSCRIPTION, GapReason.FORBIDDEN),
    }


def test_the_role_of_a_management_group_is_enough(server: ArmServer, tmp_path: Path) -> None:
    role = custom_role((), "trust")
    assert role["AssignableScopes"] == [scope("trust")]
    server.identity = Identity(roles=(Role(tuple(role["Actions"]), scope=scope("trust")),))  # type: ignore[arg-type]
    assert below(server, tmp_path, "trust") == {*"abc"}
    named = {declared.action for declared in reads.OF_MANAGEMENT_GROUPS}
    assert {*role["Actions"]} - named == {*custom_role(GUIDS.values())["Actions"]}  # type: ignore[misc]
    for action in named:
        assert action in role["Actions"]  # type: ignore[operator]


def test_the_command_prints_that_role(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["permissions", "--management-group", "trust"]) == exit_codes.OK
    assert json.loads(capsys.readouterr().out) == custom_role((), "trust")


@pytest.mark.parametrize(
    ("group", "expected"),
    [
        ("production", "2 management groups are named 'production': Production (other), Production (trust-prod); name"),
        (
            "nowhere",
            "no management group is named 'nowhere'; the account that signed in sees Bare (bare), DR (trust-dr)",
        ),
        ("bare", "the management group 'bare' has no subscription"),
    ],
)
def test_a_group_that_does_not_say_what_to_read_is_one_line(
    group: str, expected: str, server: ArmServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert error_of(server, tmp_path, capsys, group).startswith(f"auditor: error: {expected}")


@pytest.mark.parametrize("refused", ["managementGroups", "managementGroups/descendants"])
def test_what_is_below_a_group_is_known_completely_or_nothing_is_read(
    refused: str, server: ArmServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.faults = {f"{refused.rpartition('/')[2]}\\?.*skiptoken": Fault.FORBIDDEN}
    line = error_of(server, tmp_path, capsys, "trust")
    assert "management group 'trust' could not be read: AuthorizationFailed" in line
    assert "needs" not in line
    assert (
        "must grant Microsoft.Management/managementGroups/read and Microsoft.Management/managementGroups/desc" in line
    )
    assert not [entry for entry in server.log if entry.path.startswith("/subscriptions/")]


def test_without_any_role_at_a_group_it_is_not_seen(
    server: ArmServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.identity = Identity(roles=(Role(scope=SCOPES["a"]),))
    assert error_of(server, tmp_path, capsys, "trust").endswith("the account that signed in sees none")


def test_scan_names_the_group_in_what_to_do_next(
    server: ArmServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["--management-group", "Northern Trust", "--arm-endpoint", server.url, "--ca-bundle", server.ca_file]
    assert main(["discover", *asked]) == exit_codes.INCOMPLETE
    assert "auditor scan --management-group 'Northern Trust' --deployment" in capsys.readouterr().out
    assert main(["scan", *asked, "-o", f"json={tmp_path / 'r.json'}"]) in {exit_codes.OK, exit_codes.INCOMPLETE}
    listed = json.loads((tmp_path / "r.json").read_bytes())["coverage"]["listed"]
    whole = {found for found, types in listed.items() if "Microsoft.Network/virtualNetworks" in types}
    assert whole == {SCOPES[letter] for letter in "abc"}
