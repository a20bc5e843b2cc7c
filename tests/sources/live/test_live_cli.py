"""The command line against a live subscription, as users start it."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from auditor import bundled, files
from auditor.azure.types.names import GUEST_FILE
from auditor.cli import exit_codes
from auditor.cli.main import main
from auditor.report.terminal.progress import ConsoleProgress
from auditor.sources import snapshot_file
from auditor.sources.live.clouds import CLOUDS
from tests import estates
from tests.arm import ArmServer, Estate, Fault, Identity, On, Role, exchange
from tests.arm.exchange import Answer, Call
from tests.sources.live import live
from tests.sources.live.proxy import Proxy

pytestmark = pytest.mark.slow

NAME = "trakcare-current"
(SUBSCRIPTION,) = live.subscriptions_of(NAME)
SCOPE = f"/subscriptions/{SUBSCRIPTION}"
DEPLOYMENT = bundled.FIXTURES / NAME / bundled.DEPLOYMENT
ACTING = "\x1b]0;pwned\x07\x1b[2J\u202e"
"""Text that would change the title of a terminal, clear it, and reverse text."""


@pytest.fixture
def server() -> Iterator[ArmServer]:
    with ArmServer(live.estate_of(NAME)) as started, live.signed_in(started):
        yield started


def source(server: ArmServer, *subscriptions: str) -> list[str]:
    asked = [argument for name in subscriptions or [SUBSCRIPTION] for argument in ("--subscription", name)]
    return [*asked, "--arm-endpoint", server.url, "--ca-bundle", server.ca_file]


def scan(server: ArmServer, *arguments: str) -> int:
    return main(["scan", *source(server), "--deployment", str(DEPLOYMENT), *arguments])


def started(server: ArmServer, *arguments: str, **streams: Any) -> subprocess.Popen[bytes]:
    """Start the program in a separate process."""
    environment = {**os.environ, **server.environment, "PYTHONPATH": str(Path.cwd()), "TERM": "xterm", "COLUMNS": "100"}
    environment.pop("NO_COLOR", None)
    return subprocess.Popen([sys.executable, "-m", "auditor", *arguments], env=environment, **streams)


# --- commands and exit codes ------------------------------------------------------------------------------------------


def test_a_good_subscription_exits_with_0(server: ArmServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert scan(server, "--details") == exit_codes.OK
    printed = capsys.readouterr()
    assert "Coverage is complete." in printed.out
    assert "Cloud        ArmTest" in printed.out


def test_a_drifted_one_exits_with_1(tmp_path: Path) -> None:
    (subscription,) = live.subscriptions_of("demo")
    declared = str(bundled.DEMO / bundled.DEPLOYMENT)
    with ArmServer(live.estate_of("demo")) as server, live.signed_in(server):
        asked = source(server, subscription)
        assert main(["scan", *asked, "--deployment", declared, "-o", f"json={tmp_path / 'r'}"]) == exit_codes.FINDINGS


def test_a_gap_gives_exit_code_3_unless_ignored(server: ArmServer, tmp_path: Path) -> None:
    server.faults = {"Microsoft.KeyVault/vaults": Fault.FORBIDDEN}
    outputs = ("--details", "-o", f"terminal={tmp_path / 't'}", "-o", f"json={tmp_path / 'j'}")
    assert scan(server, *outputs) == exit_codes.INCOMPLETE
    assert scan(server, *outputs, "--allow-incomplete") == exit_codes.OK
    text = (tmp_path / "t").read_text()
    assert "Microsoft.KeyVault/vaults: forbidden (AuthorizationFailed) in 1 scope" in text
    assert "Needs  Microsoft.KeyVault/vaults/read" in text
    assert "`auditor permissions`" in text
    (gap,) = json.loads((tmp_path / "j").read_bytes())["coverage"]["gaps"]
    assert (gap["scope"], gap["what"], gap["permission"]) == (
        SCOPE,
        "Microsoft.KeyVault/vaults",
        "Microsoft.KeyVault/vaults/read",
    )


def test_a_list_that_is_cut_says_why_and_what_to_do(server: ArmServer, tmp_path: Path) -> None:
    server.identity = Identity(roles=(Role(("*/read",), not_actions=("Microsoft.KeyVault/vaults/read",)),))
    assert scan(server, "--details", "-o", f"terminal={tmp_path / 't'}") == exit_codes.INCOMPLETE
    text = " ".join((tmp_path / "t").read_text().split())
    assert "Why no role grants this on the whole subscription, so Azure may have left resources out of the list" in text
    assert "To do assign the role" in text


def test_a_scan_of_a_collected_snapshot_has_the_same_findings(server: ArmServer, tmp_path: Path) -> None:
    kept, evaluated, later = tmp_path / "taken.jsonl.gz", tmp_path / "live.json", tmp_path / "later.json"
    common = ("--passes", "--as-of", "2026-11-01")
    assert (
        main(["collect", *source(server), "--deployment", str(DEPLOYMENT), "-o", f"snapshot={kept}"]) == exit_codes.OK
    )
    assert scan(server, *common, "-o", f"json={evaluated}") == exit_codes.OK
    assert main(["scan", "--snapshot", str(kept), *common, "-o", f"json={later}"]) == exit_codes.OK
    assert kept.read_bytes()[:2] == b"\x1f\x8b"
    assert kept.stat().st_mode & 0o777 == 0o600
    first, second = (json.loads(path.read_bytes()) for path in (evaluated, later))
    assert second["declaration"] == {"file": None}, "it is in the snapshot"
    for report in (first, second):
        del report["takenAt"], report["declaration"]
    assert first == second
    assert len(first["findings"]) > 100


def test_the_snapshot_has_the_text_of_the_deployment_file(server: ArmServer, tmp_path: Path) -> None:
    kept = tmp_path / "taken.jsonl"
    assert (
        main(["collect", *source(server), "--deployment", str(DEPLOYMENT), "-o", f"snapshot={kept}"]) == exit_codes.OK
    )
    taken = snapshot_file.decode(files.read(kept), str(kept))
    assert taken.deployment == DEPLOYMENT.read_text(encoding="utf-8")
    assert taken.scopes == (SCOPE,)


def test_a_scan_may_keep_what_it_read(server: ArmServer, tmp_path: Path) -> None:
    assert scan(server, "-o", f"snapshot={tmp_path / 'a.gz'}", "-o", f"json={tmp_path / 'j'}") == exit_codes.OK
    taken = snapshot_file.decode(files.read(tmp_path / "a.gz"), "a.gz")
    assert taken.deployment == DEPLOYMENT.read_text(encoding="utf-8")
    assert len(taken.resources) > 100


def test_collect_exits_with_3_where_it_has_gaps(server: ArmServer, tmp_path: Path) -> None:
    server.faults = {"Microsoft.KeyVault/vaults": Fault.FORBIDDEN}
    kept = tmp_path / "taken.jsonl"
    assert main(["collect", *source(server), "-o", f"snapshot={kept}"]) == exit_codes.INCOMPLETE
    assert [gap.what for gap in snapshot_file.decode(files.read(kept), "").gaps] == ["Microsoft.KeyVault/vaults"]


def test_discover_proposes_from_what_it_reads(
    server: ArmServer, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["discover", *source(server), "-o", str(tmp_path / "deployment.yaml")]) == exit_codes.OK
    assert capsys.readouterr().out == ""
    proposed = (tmp_path / "deployment.yaml").read_text()
    assert "vm-db-a" in proposed
    kept = tmp_path / "taken.jsonl"
    assert main(["collect", *source(server), "-o", f"snapshot={kept}"]) == exit_codes.OK
    assert main(["discover", "--snapshot", str(kept)]) == exit_codes.OK
    *lines, command = capsys.readouterr().out.splitlines()
    *expected, live_command = proposed.splitlines()
    assert lines == expected
    assert f"scan --snapshot {kept}" in command
    assert f"scan --subscription {SUBSCRIPTION}" in live_command


def test_several_subscriptions_are_read_in_one_run(tmp_path: Path) -> None:
    estate = live.estate_of(NAME)
    other = live.estate_of("healthshare-current")
    estate.add(*other.resources.values(), *other.skus)
    (second,) = live.subscriptions_of("healthshare-current")
    with ArmServer(estate) as server, live.signed_in(server):
        asked = source(server, SUBSCRIPTION.upper(), f"/subscriptions/{second}", SUBSCRIPTION)
        assert main(["collect", *asked, "-o", f"snapshot={tmp_path / 's'}"]) == exit_codes.OK
    taken = snapshot_file.decode(files.read(tmp_path / "s"), "")
    assert sorted(taken.scopes) == sorted([SCOPE, f"/subscriptions/{second}"])
    for name in (NAME, "healthshare-current"):
        held = {str(item["id"]).lower() for item in estates.body_of(name)["value"] if "/disks/" in item.get("id", "")}
        assert held
        assert held <= {resource.key for resource in taken.resources}


def named(**names: str) -> Estate:
    """Return an estate of empty subscriptions of these names; the id of each ends in its keyword."""
    estate = Estate()
    for letter, name in names.items():
        own = SCOPE[:-1] + letter
        estate.add({"id": own, "subscriptionId": own[-36:], "displayName": name, "state": "Enabled"})
    return estate


def scopes(path: Path) -> list[str]:
    return sorted(snapshot_file.decode(files.read(path), "").scopes)


def test_a_subscription_is_chosen_by_its_name_in_any_case(tmp_path: Path) -> None:
    taken = tmp_path / "taken.jsonl"
    with ArmServer(named(a="Web Shop", b="other", c="c"), page_size=1) as server, live.signed_in(server):
        main(["collect", *source(server, "web shop", f"{SCOPE[:-1]}C"), "-o", f"snapshot={taken}"])
    assert scopes(taken) == [f"{SCOPE[:-1]}a", f"{SCOPE[:-1]}c"]


def test_all_subscriptions_are_those_that_the_identity_can_see(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    taken = tmp_path / "taken.jsonl"
    roles = tuple(Role(scope=SCOPE[:-1] + letter) for letter in "bc")
    with ArmServer(named(a="hidden", b="seen", c="too"), Identity(roles=roles)) as server, live.signed_in(server):
        asked = ["--all-subscriptions", *source(server)[2:]]
        main(["collect", *asked, "-o", f"snapshot={taken}"])
        assert scopes(taken) == [f"{SCOPE[:-1]}b", f"{SCOPE[:-1]}c"]
        assert main(["discover", *asked]) == exit_codes.INCOMPLETE
        assert "auditor scan --all-subscriptions --deployment" in capsys.readouterr().out
        server.identity = Identity(roles=())
        assert main(["collect", *asked, "-o", f"snapshot={taken}"]) == exit_codes.USAGE
    assert "error: the account that signed in sees no subscription; if they are elsewhere" in capsys.readouterr().err


def test_a_name_that_does_not_say_which_subscription_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cases = (
        (
            "shop",
            None,
            f"2 subscriptions are named 'shop': Shop ({SUBSCRIPTION[:-1]}a), shop (",
            "; name one by its id",
        ),
        ("shopp", None, "no subscription is named 'shopp'; the account that signed in sees ", "\\x1b]0;pwned"),
        (
            "shop",
            Fault.FORBIDDEN,
            "the list of subscriptions could not be read: ",
            "; name each subscription by its id",
        ),
    )
    with ArmServer(named(a="Shop", b="shop", c=ACTING)) as server, live.signed_in(server):
        for name, fault, *expected in cases:
            server.faults = {r"^/subscriptions\?": fault} if fault else {}
            asked = source(server, name)
            assert main(["collect", *asked, "-o", f"snapshot={tmp_path / 'taken.jsonl'}"]) == exit_codes.USAGE
            (line,) = capsys.readouterr().err.splitlines()
            assert line.startswith(f"auditor: error: {expected[0]}")
            assert expected[1] in line
            assert "\x1b" not in line
    assert list(tmp_path.iterdir()) == []


# --- usage ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["scan", "--subscription", "/prod"], "'/prod' is not the id of a subscription, like 00000000-"),
        (["scan", "--subscription", " "], "is not the id of a subscription"),
        (["permissions", "--subscription", "prod"], "'prod' is not the id of a subscription"),
        (["scan", "--subscription", SUBSCRIPTION, "--all-subscriptions"], "not allowed with argument"),
        (["scan", "--subscription", f"{SUBSCRIPTION}/resourceGroups/rg"], "is not the id of a subscription"),
        (["scan", "--subscription", SUBSCRIPTION, "--timeout", "0"], "'0' is not a number of seconds"),
        (["scan", "--subscription", SUBSCRIPTION, "--timeout", "nan"], "'nan' is not a number of seconds"),
        (["scan", "--subscription", SUBSCRIPTION, "--timeout", "inf"], "'inf' is not a number of seconds"),
        (["scan", "--subscription", SUBSCRIPTION, "--timeout", "-5"], "'-5' is not a number of seconds"),
        (["scan", "--subscription", SUBSCRIPTION, "--demo"], "not allowed with argument"),
        (["scan", "--subscription", SUBSCRIPTION, "--snapshot", "x"], "not allowed with argument"),
        (["scan", "--subscription", SUBSCRIPTION, "--cloud", "AzureGermanCloud"], "invalid choice"),
        (
            ["scan", "--subscription", SUBSCRIPTION, "--cloud", "AzureCloud", "--arm-endpoint", "https://a.example"],
            "not allowed with argument",
        ),
        (["collect", "--subscription", SUBSCRIPTION], "required: -o/--output"),
        (
            ["collect", "-o", "snapshot=x"],
            "one of the arguments --subscription --management-group --all-subscriptions is required",
        ),
        (["permissions"], "one of the arguments --subscription --management-group is required"),
        (["permissions", "--management-group", "Contoso Health"], "is not the id of a management group"),
        (["scan", "--management-group", "a", "--subscription", SUBSCRIPTION], "not allowed with argument"),
    ],
)
def test_wrong_arguments_are_refused(
    arguments: list[str], expected: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == exit_codes.USAGE
    assert expected in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["collect", "-o", "json"], "there is no output format 'json'; there is snapshot"),
        (
            ["collect", "-o", "snapshot"],
            "the format snapshot needs a file, or a folder: -o snapshot=FILE or -o snapshot=FOLDER/",
        ),
        (["collect", "-o", "snapshot=/nowhere/at/all"], "/nowhere/at/all: cannot be written: there is no such folder"),
        (["discover", "-o", "/nowhere/at/all"], "/nowhere/at/all: cannot be written: there is no such folder"),
        (["scan", "-o", "json=/nowhere/at/all"], "/nowhere/at/all: cannot be written: there is no such folder"),
        (["scan", "--deployment", "/nowhere.yaml"], "/nowhere.yaml: cannot be read"),
        (["scan", "--rules", "/nowhere"], "/nowhere/pack.yaml: cannot be read"),
        (["scan", "--profile", "article-2016"], "there is no rule profile 'article-2016'"),
        (["scan", "--waivers", "/nowhere.yaml"], "/nowhere.yaml: cannot be read"),
        (
            ["scan", "--authority", "http://login.example"],
            "--authority is 'http://login.example', not a URL like https",
        ),
    ],
)
def test_what_a_user_got_wrong_is_said_before_anything_is_read(
    arguments: list[str], expected: str, server: ArmServer, capsys: pytest.CaptureFixture[str]
) -> None:
    command, *more = arguments
    assert main([command, *source(server), *more]) == exit_codes.USAGE
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("auditor: error: ")
    assert expected in printed.err
    assert printed.err.count("\n") == 1
    assert server.log == []


def test_a_setting_that_no_rule_has_is_said_before_anything_is_read(
    server: ArmServer, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    declared = estates.declared_of(NAME)
    declared["deployments"][0]["settings"] = {"session_idle_hours": 1}
    file = tmp_path / "deployment.yaml"
    file.write_text(json.dumps(declared))
    assert main(["scan", *source(server), "--deployment", str(file)]) == exit_codes.USAGE
    assert "session_idle_hours" in capsys.readouterr().err
    assert server.log == []


def test_the_cloud_is_the_one_that_was_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    government = CLOUDS["AzureUSGovernment"]
    with (
        ArmServer(live.estate_of(NAME), audiences=(government.audience,), page_size=1000) as server,
        live.signed_in(server),
        Proxy(server.port) as proxy,
    ):
        proxy.use(monkeypatch)
        asked = ["--subscription", SUBSCRIPTION, "--cloud", government.name, "--ca-bundle", server.ca_file]
        assert main(["collect", *asked, "-o", f"snapshot={tmp_path / 's'}"]) == exit_codes.OK
    assert set(proxy.hosts) == {"login.microsoftonline.us", "management.usgovcloudapi.net"}
    assert snapshot_file.decode(files.read(tmp_path / "s"), "").cloud == "AzureUSGovernment"


def test_an_arm_endpoint_must_be_https(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["scan", "--subscription", SUBSCRIPTION, "--arm-endpoint", "http://management.example"]
    assert main(arguments) == exit_codes.USAGE
    assert "--arm-endpoint is 'http://management.example', not a URL like https://" in capsys.readouterr().err


# --- Ctrl-C -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("held_back", "command"),
    [
        ("/metadata/endpoints", "scan"),
        ("/oauth2/v2.0/token", "scan"),
        ("Microsoft.Network/loadBalancers", "scan"),
        ("Microsoft.Network/loadBalancers", "collect"),
    ],
)
def test_ctrl_c_leaves_nothing_behind(held_back: str, command: str, server: ArmServer, tmp_path: Path) -> None:
    server.faults = {held_back: Fault.SILENCE}
    arguments = [command, *source(server), "-o", f"snapshot={tmp_path / 'taken.jsonl'}"]
    with started(server, *arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        patience = time.monotonic() + 120
        while not any(entry.fault for entry in server.log) and time.monotonic() < patience:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=120)
    assert process.returncode == exit_codes.INTERRUPTED
    assert b"Traceback" not in err
    assert b"Error" not in err
    assert out == b""
    assert list(tmp_path.iterdir()) == []


# --- progress ---------------------------------------------------------------------------------------------------------


def test_elsewhere_than_on_a_terminal_progress_is_a_line_a_step(
    server: ArmServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert scan(server) == exit_codes.OK
    lines = capsys.readouterr().err.splitlines()
    assert all(line.startswith("auditor: ") for line in lines)
    assert "\x1b" not in "".join(lines)
    assert f"auditor: read Microsoft.Compute/virtualMachines of {SCOPE}: 16" in lines
    assert f"auditor: read Microsoft.Compute/virtualMachines/extensions of {SCOPE}: 3" in lines
    assert f"auditor: read Microsoft.Storage/storageAccounts/fileServices of {SCOPE}: 2" in lines
    assert "auditor: read more about the members of deployments: 16" in lines
    calls = len(server.requests) + sum("ResourceGraph" in entry.path for entry in server.log)
    end = rf"auditor: read \d+ resources as application .*; {calls} requests, 0 of them repeated, \d+\.\d s"
    assert re.fullmatch(end, lines[-1])
    assert not [line for line in lines if " 200 " in line], "calls are shown with -v"


def test_what_is_missed_and_repeated_is_said(server: ArmServer, capsys: pytest.CaptureFixture[str]) -> None:
    once = On("Microsoft.Network/natGateways", times=1)
    server.faults = {"Microsoft.KeyVault/vaults": Fault.FORBIDDEN, once: Fault.INTERNAL_ERROR}
    assert scan(server) == exit_codes.INCOMPLETE
    err = capsys.readouterr().err
    why = "AuthorizationFailed; needs Microsoft.KeyVault/vaults/read"
    assert f"auditor: not read: Microsoft.KeyVault/vaults of {SCOPE}: {why}\n" in err
    assert re.search(r", 1 gap as .* requests, 1 of them repeated, ", err)


def test_calls_are_shown_with_their_request_ids(server: ArmServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert scan(server, "-v") == exit_codes.OK
    shown = re.findall(
        r"^auditor: 200 (\S+) \d+\.\d\d s, request ([0-9a-f-]{36})$", capsys.readouterr().err, re.MULTILINE
    )
    asked = [entry.path for entry in server.log if entry.path.startswith(("/subscriptions", "/providers"))]
    assert sorted(path for path, _ in shown) == sorted(asked)
    assert len({request for _, request in shown}) == len(asked)


class ActingServer(ArmServer):
    """Answers with text that would act on a terminal."""

    def answer(self, call: Call) -> Answer:
        if call.path.endswith("Microsoft.KeyVault/vaults"):
            return exchange.error(400, f"Broken{ACTING}", f"message {ACTING}")
        return super().answer(call)


def on_terminal(server: ArmServer, *arguments: str) -> tuple[int, str]:
    """Run the program with a terminal as standard error; return its exit code and the output on the terminal."""
    master, slave = pty.openpty()
    with started(server, *arguments, stdout=subprocess.DEVNULL, stderr=slave) as process:
        os.close(slave)
        sent = b""
        with suppress(OSError):  # the program has closed its end
            while data := os.read(master, 65536):
                sent += data
        code = process.wait(120)
    os.close(master)
    return code, sent.decode()


def test_on_a_terminal_progress_is_a_living_line(tmp_path: Path) -> None:
    identity = Identity(upn=f"operator{ACTING}@hospital.example")
    with ActingServer(live.estate_of(NAME), identity, latency=0.05) as server:
        code, sent = on_terminal(server, "collect", *source(server), "-v", "-o", f"snapshot={tmp_path / 'taken'}")
    assert code == exit_codes.INCOMPLETE
    assert "resources of" in sent
    assert "reading Microsoft." in sent
    assert sent.count("\x1b[2K") > 2, "the line is rewritten"
    own = re.sub(r"\x1b\[(\d*[AKm]|\?25[lh]|\d+;\d+m)", "", sent)
    assert "\x1b" not in own
    assert "\x07" not in own
    assert "\u202e" not in own
    acting = r"\x1b]0;pwned\x07\x1b[2J\u202e"
    assert f"Broken{acting}: message {acting}" in own, "the code and the message of Azure"
    assert "read Microsoft.Compute/disks" not in own, "resources are counted, not listed"
    last = own.rstrip().splitlines()[-1]
    assert re.search(r"read \d+ resources, 1 gap as operator.* requests, 0 of them repeated, \d+\.\d s$", last)


def test_no_text_of_the_living_line_acts(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with ConsoleProgress(verbose=False) as shown:
        shown.begins(f"a list{ACTING}")
    sent = capsys.readouterr().err
    assert r"reading a list\x1b]0;pwned\x07\x1b[2J\u202e" in sent
    assert "\x1b]" not in sent
    assert "\x07" not in sent


def test_a_terminal_that_can_only_write_lines_gets_lines(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with ConsoleProgress(verbose=False) as shown:
        shown.read("a list", 3)
        shown.waits(1.0)
        shown.waits(20.0)
    assert (
        capsys.readouterr().err == "auditor: read a list: 3\nauditor: waiting 20 s because Azure throttles requests\n"
    )


def test_collect_keeps_guest_files(server: ArmServer, tmp_path: Path) -> None:
    kept, guest = tmp_path / "taken.jsonl", DEPLOYMENT.parent / bundled.GUEST
    assert main(["collect", *source(server), "--guest", str(guest), "-o", f"snapshot={kept}"]) == exit_codes.OK
    taken = snapshot_file.decode(files.read(kept), str(kept))
    names = {"/".join(found.key.split("/")[-3:]) for found in taken.resources if found.type == GUEST_FILE}
    supplied = [file for file in guest.glob("*/*") if file.suffix != ".sh"]
    assert supplied
    assert names == {f"{file.parent.name}/guest/{file.name}".lower() for file in supplied}
