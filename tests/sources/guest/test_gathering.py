"""The scripts that gather guest files: what they keep is what the parsers read, and nothing else leaves a VM."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import subprocess
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import tree_sitter_powershell
from tree_sitter import Language, Node, Parser

from auditor import bundled
from auditor.cli import exit_codes
from auditor.cli.main import main
from auditor.report.formats import FORMATS
from auditor.snapshot.known import Unknown
from auditor.sources.guest import folder, formats, gathering, messages_log
from tests.sources.guest import samples
from tests.sources.guest.test_shell_scripts import (
    BY_STATUS,
    HIDES_FAILURE,
    HIDES_SUCCESS,
    NO_CALL,
    RECORDED,
    UNREAD,
    derived,
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "mkfifo") or not shutil.which("dd"), reason="the script is for Linux"),
]

SHARED = Path(__file__).resolve().parents[4] / "shared" / "guest"
SECRET = "hunter2"
INSTALLED = "/iris/sys"
ETC = "/etc/azure"
LIST = samples.LIST.replace("'LAB'", "'IRIS'")
FILTERS = {
    "iris.cpf": 'sections "$CPF"',
    "cache.cpf": 'sections "$CPF"',
    "CSP.ini": 'sections "$CSP"',
    "VMSnapshotScriptPluginConfig.json": 'json "$PLUGIN"',
    "lsblk.json": 'json "$DEVICES"',
    "findmnt.json": 'json "$MOUNTS"',
    "messages.log": "log",
    "iris-list.txt": "instances",
    "metrics.prom": "metrics",
    "freeze.sh": "script",
}
"""The filter of each file, as the script calls it."""


def filtered(path: Path, name: str, texts: list[bytes]) -> list[str]:
    """Return what the filter of a file keeps of several texts."""
    functions = gathering.script("linux").partition("# --- what is gathered")[0]
    path.mkdir(exist_ok=True)
    for index, text in enumerate(texts):
        (path / f"{index}.raw").write_bytes(text)
    loop = f'for raw in "$1"/*.raw; do {FILTERS[name]} >"${{raw%.raw}}.kept"; done\n'
    script = path / "filter.sh"
    script.write_text(functions + loop)
    found = subprocess.run(["sh", str(script), str(path)], capture_output=True, text=True, timeout=120, check=True)
    assert found.stderr == ""
    return [(path / f"{index}.kept").read_text(encoding="utf-8") for index in range(len(texts))]


def gather(path: Path, files: Mapping[str, str | bytes], commands: Mapping[str, str], name: str = "vm-a") -> str:
    """Run the script on a root folder with some files, and commands that print texts; return what it prints.

    The folder of the VM is then below `path / "guest"`.
    """
    root, programs, private = (path / part for part in ("root", "programs", "private"))
    for part in (root, programs, private):
        part.mkdir(parents=True, exist_ok=True)
    for file, content in files.items():
        target = root / file.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)
    for command in ("iris", "ccontrol", "lsblk", "findmnt", "curl"):
        (programs / f"{command}.out").write_text(commands.get(command, ""))
        (programs / command).write_text(f'#!/bin/sh\ncat "{programs}/{command}.out"\n')
        (programs / command).chmod(0o700)
    (path / "gather.sh").write_text(gathering.script("linux"))
    found = subprocess.run(
        ["sh", str(path / "gather.sh"), name],
        env={"PATH": f"{programs}:/usr/bin:/bin", "GATHER_ROOT": str(root), "TMPDIR": str(private)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if found.returncode == 0:
        tar = Path(found.stdout.strip())
        assert [each.name for each in tar.parent.iterdir()] == [f"{name}.tar"]
        assert (tar.parent.stat().st_mode & 0o777, tar.stat().st_mode & 0o777) == (0o700, 0o600)
        with tarfile.open(tar) as members:
            members.extractall(path / "guest", filter="data")
    return found.stdout + found.stderr


def test_the_tar_can_be_had_from_what_a_managed_run_command_prints(tmp_path: Path) -> None:
    page = (Path(__file__).resolve().parents[3] / "docs" / "guest-files.md").read_text()
    (encode,) = re.findall(r"cat gather\.sh; echo '(.*)'; \} >run\.sh", page)
    (decode,) = re.findall(r'curl --fail --silent "BLOB_SAS" \| (.*) >VM\.tar', page)
    script = tmp_path / "run.sh"
    script.write_text(f"{gathering.script('linux')}{encode}\n")
    for command, printed in {"lsblk": samples.DEVICES, "findmnt": samples.MOUNTS, "curl": ""}.items():
        (tmp_path / command).write_text(f"#!/bin/sh\necho '{printed}'\n")
        (tmp_path / command).chmod(0o700)
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "GATHER_ROOT": str(tmp_path), "TMPDIR": str(tmp_path)}
    pipe = f"sh {script} vm-a 2>{tmp_path}/errors | {decode} | tar -t"
    tar = subprocess.run(["sh", "-c", pipe], env=environment, capture_output=True, text=True, timeout=120, check=True)
    assert sorted(tar.stdout.split()) == ["vm-a/", "vm-a/findmnt.json", "vm-a/lsblk.json", "vm-a/manifest.yaml"]
    assert "No CPF was found" in (tmp_path / "errors").read_text()
    assert [each for each in tmp_path.iterdir() if each.is_dir()] == []


def content(name: str, text: str, scripts: Mapping[str, str] | None = None) -> tuple[Any, set[str]]:
    """Return what is read of a text, and which paths are unread."""
    found = formats.by_name(name)
    assert found is not None
    read = found.parse(text, samples.SCRIPTS if scripts is None else scripts)
    return read.properties, {*read.unread}


def examples() -> Iterator[tuple[str, str]]:
    """Yield the name and the text of each example of a file that is gathered."""
    yield from ((name, text) for name, text in samples.SAMPLES.items() if name in FILTERS)
    for known_good in ("trakcare-current", "trakcare-2018"):
        for file in sorted((bundled.FIXTURES / known_good / bundled.GUEST).glob("*/*")):
            if file.name in FILTERS and file.suffix != ".sh":
                yield file.name, file.read_text(encoding="utf-8")
    for file in sorted(SHARED.iterdir()) if SHARED.is_dir() else ():
        known = formats.by_name(
            re.sub("-bad|-good|-by-balancer|-mirror-aware|-(failover|app|dr).*(?=.cpf)", "", file.name)
        )
        if known is not None and known.shown[0] in FILTERS:
            yield known.shown[0], file.read_text(encoding="utf-8")


def test_what_is_kept_of_a_file_reads_like_the_whole_file(tmp_path: Path) -> None:
    by_name: dict[str, list[str]] = {}
    for name, text in examples():
        by_name.setdefault(name, []).extend([text, text.replace("\n", "\r\n"), text[: len(text) * 2 // 3]])
    assert by_name.keys() >= FILTERS.keys() - {"freeze.sh"}
    for name, texts in by_name.items():
        kept = filtered(tmp_path / name, name, [text.encode() for text in texts])
        for text, found in zip(texts, kept, strict=True):
            assert content(name, found) == content(name, text), text


def test_a_form_or_line_that_may_be_damaged_stays_unread(tmp_path: Path) -> None:
    memory = "Allocated 1211MB shared memory using Huge Pages"
    lines = [
        f"{memory}: 1MB global buffers",
        memory.replace("MB", "B"),
        memory.replace("using", "uusing"),
        f"{memory}s",
    ]
    lines += [
        memory.replace("Allocated", "Alocated"),
        memory.replace("d 1", "d1"),
        "Failed to allocate 1MB shared memory",
    ]
    passwords = [
        "]]]x",
        "]]x",
        "PBKDF2|x",
        "PBKDF2x",
        "PPBKDF2|x",
        "BKDF2|x",
        "{/opt/show}",
        "{/opt/show",
        "/show}",
        "x",
    ]
    for name, old, replacements in (
        ("messages.log", memory, lines),
        ("CSP.ini", "plainsecret", passwords),
        ("CSP.ini", "PBKDF2|SHA512|10000|c2VjcmV0", passwords),
    ):
        texts = [samples.SAMPLES[name].replace(old, new) for new in replacements]
        for text, found in zip(texts, filtered(tmp_path, name, [text.encode() for text in texts]), strict=True):
            assert content(name, found) == content(name, text), text


def test_encodings_are_those_of_the_parsers(tmp_path: Path) -> None:
    text = samples.IRIS.replace("[Map.", "[Databases]\nUML=/iris/db/Ümläut/\n[Map.", 1)
    assert "Ümläut" in text
    texts = [b"\xef\xbb\xbf" + text.encode(), text.encode("latin-1"), text.encode()]
    for found in filtered(tmp_path, "iris.cpf", texts):
        assert content("iris.cpf", found) == content("iris.cpf", text)


def test_a_script_is_understood_without_its_other_words(tmp_path: Path) -> None:
    certain = BY_STATUS | HIDES_FAILURE | HIDES_SUCCESS | NO_CALL
    scripts = [RECORDED, *certain.values(), *(text for name, text in UNREAD.items() if not name.startswith("too"))]
    for text, found in zip(scripts, filtered(tmp_path, "freeze.sh", [text.encode() for text in scripts]), strict=True):
        assert derived(found) == derived(text), (text, found)


def paths(value: Any, path: str = "") -> Iterator[str]:
    """Yield the path of each value of the properties of a file."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from paths(item, f"{path}.{key}".strip("."))
    elif isinstance(value, list):
        yield path
        for index, item in enumerate(value):
            yield from paths(item, f"{path}[{index}]")
    else:
        yield path


@pytest.mark.parametrize("name", [name for name in FILTERS if name != "freeze.sh"])
def test_of_a_damaged_file_nothing_is_certain_that_the_whole_file_leaves_unread(tmp_path: Path, name: str) -> None:
    whole = samples.SAMPLES[name]
    known = sorted({*paths(content(name, whole)[0])})
    places = random.Random(name).sample(range(len(whole)), 6)
    damaged = [whole[:place] + whole[place] * double + whole[place + 1 :] for place in places for double in (0, 2)]
    for text, found in zip(damaged, filtered(tmp_path, name, [text.encode() for text in damaged]), strict=True):
        kept, expected = samples.parsed(name, found), samples.parsed(name, text)
        partial = tuple(path.removesuffix("[*]") for path in kept.unread if path.endswith("[*]"))
        for path in (path for path in known if not path.startswith(partial)):
            value = samples.look(kept, path)
            assert isinstance(value, Unknown) or value == samples.look(expected, path), (path, text)


def test_a_scan_has_the_same_outcomes_as_with_the_whole_files(tmp_path: Path) -> None:
    """Only the status of mirrors cannot be gathered: it is left out of both."""
    known_good = bundled.FIXTURES / "trakcare-current"
    whole = tmp_path / "whole"
    shutil.copytree(known_good / bundled.GUEST, whole)
    (whole / "manifest.yaml").write_text((whole / "manifest.yaml").read_text().replace(", mirror-status.txt", ""))
    (whole / "vm-db-a" / "mirror-status.txt").unlink()
    for vm in folder.read(whole):
        files = {file.name: (whole / vm.folder / file.name).read_text() for file in vm.files}
        at = {"iris.cpf": "/usr/irissys", "messages.log": "/usr/irissys/mgr", "CSP.ini": "/opt/webgateway/bin"}
        installed = {f"{at.get(name, ETC)}/{name}": text for name, text in files.items()}
        installed |= {f"{ETC}/{script.name}": script.read_text() for script in (whole / vm.folder).glob("*.sh")}
        commands = {"lsblk": files.get("lsblk.json", ""), "findmnt": files.get("findmnt.json", "")}
        gather(tmp_path / vm.folder, installed, commands | {"curl": files.get("metrics.prom", "")}, vm.folder)
        gathered = tmp_path / "gathered" / vm.folder
        shutil.copytree(tmp_path / vm.folder / "guest" / vm.folder, gathered)
        manifest = gathered / "manifest.yaml"
        manifest.write_text(re.sub("    at: .*", f"    at: {vm.taken_at}", manifest.read_text()))
    one, other = (outcomes(tmp_path, known_good, guest) for guest in (whole, tmp_path / "gathered"))
    assert one == other
    assert {outcome for rule, _, outcome in one if rule in {"MIR010", "MIR014", "MIR015"}} == {"pass"}


def outcomes(path: Path, known_good: Path, guest: Path) -> set[tuple[str, str, str]]:
    """Return rule, subject and outcome of each finding of a scan."""
    report = path / "report.json"
    arguments = [
        "--snapshot",
        str(known_good / bundled.INVENTORY),
        "--deployment",
        str(known_good / bundled.DEPLOYMENT),
    ]
    code = main(["scan", *arguments, "--guest", str(guest), "--passes", "-o", f"json={report}"])
    assert code == exit_codes.OK
    findings = json.loads(report.read_text())["findings"]
    return {(each["rule"], each["subject"]["id"], each["outcome"]) for each in findings}


FORMS = (SECRET, f"PBKDF2|SHA512|10000|{SECRET}", f"]]]{SECRET}", f"{{/opt/{SECRET}}}", f"'{SECRET}'")
KEYS = (
    "Password",
    "PASSWORD ",
    "  pass\tword",
    "PasswordHash",
    "SSLCC_Private_Key_Password",
    "Passwords",
    "Username",
    "",
)


def with_secrets(text: str) -> str:
    """Return a file of sections with secrets in each section, in every form, spelling and place."""
    planted = [f"{key}={form}" for key in KEYS for form in FORMS]
    planted += [f"; {SECRET}", f"# Password={SECRET}", SECRET, f"x=1;Server=db;Pwd={SECRET}", f"\x1bPassword={SECRET}"]
    planted += [f"x={SECRET}[Mirrors]", f"[x={SECRET}]", f'"a=b"Password={SECRET}', f"Pass\x00word={SECRET}"]
    block = "\n".join(planted)
    return re.sub(r"(?m)^(\[.*\])$", lambda found: f"{found[1]}\n{block}\r\n", f"{block}\n{text}\n[Other]\n{block}\n")


def test_no_secret_leaves_a_vm(tmp_path: Path) -> None:
    script = (
        f"#!/bin/sh\n# {SECRET}\npassword={SECRET}; export TOKEN='{SECRET}' # {SECRET}\n"
        f'curl -u "user:{SECRET}" -H "Authorization: Bearer {SECRET}" https://{SECRET}@host/$X{SECRET}?sig={SECRET}\n'
        f"log=$(date +{SECRET}) x=${{y:-{SECRET}}}\n"
        f"iris session IRIS -U%SYS '##class(Backup.General).ExternalFreeze(\"{SECRET}\")' -p{SECRET}\n[ $? -eq 5 ]\n"
    )
    line = "11/01/26-01:30:02:102 (4711) 1 [Utility.Event]"
    log = samples.LOG + "".join(
        f"{line} {text}\n"
        for text in (
            f"Login with password={SECRET}",
            f"Backup.General.ExternalFreeze: Suspending system {SECRET}",
            f"VSS Writer started {SECRET}",
            f"Allocated 12MB shared memory using Huge Pages, Server=db;Uid=sa;Pwd={SECRET}",
        )
    )
    plugin = samples.PLUGIN.replace("paramsecret", SECRET).replace(
        "{", f'{{"{SECRET}": {{"preScriptLocation": "{SECRET}"}},', 1
    )
    files = {
        f"{INSTALLED}/iris.cpf": with_secrets(samples.IRIS),
        f"{INSTALLED}/mgr/messages.log": f"{SECRET}\n{log}{SECRET}",
        f"{INSTALLED}/csp/bin/CSP.ini": with_secrets(samples.CSP_INI),
        "/opt/webgateway/bin/CSP.ini": with_secrets(samples.CSP_INI.replace("[PORTAL]", "[SYSTEM_INDEX]")),
        f"{ETC}/VMSnapshotScriptPluginConfig.json": plugin,
        f"{ETC}/before.sh": script,
        f"{ETC}/after.sh": f"#!/bin/sh\necho '{SECRET}\n{SECRET}'\n",
    }
    devices = samples.DEVICES.replace('"name": "sdb",', f'"name": "sdb", "serial": "{SECRET}", "label": "{SECRET}",')
    commands = {
        "iris": LIST + f"    password:     {SECRET}\n    state: ok, token {SECRET}={SECRET}\n{SECRET}\n",
        "lsblk": devices,
        "findmnt": samples.MOUNTS.replace("mountsecret", SECRET).replace("//files", f"//u:{SECRET}@files"),
        "curl": samples.METRICS
        + f'iris_mirror_status{{passwordid="{SECRET}",token="{SECRET}"}} 1\niris_ecp_conn {SECRET}\n# {SECRET}\n',
    }
    assert SECRET not in gather(tmp_path, files, commands)
    gathered = tmp_path / "guest" / "vm-a"
    assert {file.name for file in gathered.iterdir()} == {
        *("CSP.ini", "VMSnapshotScriptPluginConfig.json", "after.sh", "before.sh", "findmnt.json", "iris-CSP.ini"),
        *("iris-list.txt", "iris-messages.log", "iris-metrics.prom", "iris.cpf", "lsblk.json", "manifest.yaml"),
    }
    for file in gathered.iterdir():
        assert SECRET.encode() not in file.read_bytes(), file.name
    (vm,) = folder.read(tmp_path / "guest")
    found = {file.name: file.content.properties for file in vm.files}
    assert SECRET not in json.dumps(found)
    assert found["VMSnapshotScriptPluginConfig.json"]["preScript"]["callsFreeze"] is True
    assert {"host": "10.10.3.20", "port": 2188} in [mirror.get("arbiter") for mirror in found["iris.cpf"]["mirrors"]]
    assert {server.get("name") for server in found["iris-CSP.ini"]["servers"]} >= {"LAB", "PORTAL"}


def test_no_secret_of_whole_files_is_in_an_output(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    known_good = bundled.FIXTURES / "trakcare-current"
    guest = tmp_path / "guest"
    shutil.copytree(known_good / bundled.GUEST, guest)
    vm = guest / "vm-db-a"
    cpf = vm / "iris.cpf"
    cpf.write_text(
        "".join(
            with_secrets(part).partition("[Other]")[0] if part.startswith(("[Startup]", "[config]", "[SQL]")) else part
            for part in re.split(r"(?m)^(?=\[)", cpf.read_text())
        ).replace("\0", "")
    )
    assert cpf.read_text().count(SECRET) > 50
    (vm / "CSP.ini").write_text(with_secrets((vm / "CSP.ini").read_text().replace("[Other]", "")).replace("\0", ""))
    for file, text in {
        "messages.log": f"11/01/26-01:30:02:102 (1) 1 [Utility.Event] Server=db;Pwd={SECRET}\n{SECRET}\n",
        "metrics.prom": f'iris_mirror_status{{passwordid="{SECRET}"}} 1\n# {SECRET}\n',
        "freeze.sh": f"token={SECRET} # {SECRET}\n",
    }.items():
        (vm / file).write_text((vm / file).read_text() + text)
    found = tmp_path / "outputs"
    found.mkdir()
    options = [word for kind in (*FORMATS, "snapshot") for word in ("-o", f"{kind}={found / kind}")]
    scan = ["scan", "--snapshot", str(known_good / bundled.INVENTORY), "--guest", str(guest), "--passes", *options]
    assert main([*scan, "--deployment", str(known_good / bundled.DEPLOYMENT)]) in {exit_codes.OK, exit_codes.FINDINGS}
    assert SECRET not in "".join(capsys.readouterr())
    assert {file.name for file in found.iterdir()} == {*FORMATS, "snapshot"}
    for output in found.iterdir():
        assert SECRET.encode() not in output.read_bytes(), output.name


def test_links_devices_and_large_files_are_left_out(tmp_path: Path) -> None:
    outside = tmp_path / "outside.cpf"
    outside.write_text(samples.IRIS)
    line = "11/01/26-01:30:02:102 (1) 0 [Utility.Event] x\n"
    log = line * (5 * 1024**2 // len(line)) + samples.LOG
    plugin = samples.PLUGIN.replace("/etc/azure/before.sh", "/etc/azure/../../outside.cpf")
    files = {
        f"{INSTALLED}/mgr/messages.log": log,
        f"{INSTALLED}/a\nb/iris.cpf": samples.IRIS,
        "/opt/webgateway/bin/CSP.ini": ";" * (5 * 1024**2),
        "/usr/local/etc/irissys/iris.reg": "X^/iris/linked^\n",
        f"{ETC}/VMSnapshotScriptPluginConfig.json": plugin.replace("after.sh", "-after.sh"),
        f"{ETC}/-after.sh": "exit 0\n",
    }
    root = tmp_path / "root"
    (root / INSTALLED.lstrip("/")).mkdir(parents=True)
    (root / INSTALLED.lstrip("/") / "iris.cpf").symlink_to(outside)
    os.mkfifo(root / INSTALLED.lstrip("/") / "cache.cpf")
    (root / "outside.cpf").symlink_to(outside)
    listed = LIST.replace("status:", "datadir:      /iris/sys/a\n    status:")
    said = gather(tmp_path, files, {"iris": listed}, "rg-1~vm-a")
    assert "too large" in said
    gathered = tmp_path / "guest" / "rg-1~vm-a"
    names = {"VMSnapshotScriptPluginConfig.json", "iris-list.txt", "iris-messages.log", "manifest.yaml"}
    assert {file.name for file in gathered.iterdir()} == names
    (vm,) = folder.read(tmp_path / "guest")
    assert (vm.group, vm.name) == ("rg-1", "vm-a")
    (events,) = (file.content.properties["events"] for file in vm.files if file.name == "iris-messages.log")
    assert events == samples.parsed("messages.log", log).properties["events"]


COMMANDS_OF_POWERSHELL = {
    *("Add", "Compress-Archive", "ForEach-Object", "Format-Entry", "Get-ChildItem", "Get-Command", "Get-FromAzure"),
    *("Get-Item", "Get-Separator", "Get-Sha256", "Join-Path", "New-Item", "New-Object", "Out-Null", "Read-Line"),
    *("Remove-Item", "Save-Instance", "Save-Line", "Save-Metric", "Select-Event", "Select-Instance", "Select-Metric"),
    *("Select-Section", "Set-StrictMode", "Test-Near", "Test-Path", "Where-Object", "Write-Host", "Write-Output"),
    *("Write-Warning", "icacls.exe", "tar.exe", "$path", "$endHash"),
}


def nodes(node: Node) -> Iterator[Node]:
    """Yield a node of a syntax tree and all below it."""
    yield node
    for child in node.children:
        yield from nodes(child)


def test_the_script_for_windows_is_powershell_and_runs_only_known_commands() -> None:
    """It is not run: there is no PowerShell here."""
    parser = Parser(Language(tree_sitter_powershell.language()))
    text = gathering.script("windows")
    assert not re.search("@[A-Z]+@", text)
    root = parser.parse(text.encode()).root_node
    assert not root.has_error
    assert parser.parse(text.replace("foreach (", "foreach ((", 1).encode()).root_node.has_error
    names = {(node.text or b"").decode() for node in nodes(root) if node.type in {"command_name", "command_name_expr"}}
    assert names - COMMANDS_OF_POWERSHELL == set()
    linux = gathering.script("linux")
    for table in (
        "Journal\t",
        "TCP_Port:number",
        "Backup\\.General\\.ExternalFreeze",
        "iris_mirror_status",
        "conf file",
    ):
        assert table in text
        assert table in linux


@pytest.mark.parametrize("name", ["../x", "a b", "", "-x", 'x"\n', "a/b"])
def test_a_name_that_is_no_name_of_a_vm_is_refused(tmp_path: Path, name: str) -> None:
    assert "give the name of the VM in Azure" in gather(tmp_path, {}, {}, name)
    assert not (tmp_path / "guest").exists()
    assert not [*(tmp_path / "private").iterdir()]


def test_where_nothing_is_found_there_is_no_tar(tmp_path: Path) -> None:
    assert "nothing was found" in gather(tmp_path, {}, {})
    assert not [*(tmp_path / "private").iterdir()]


def test_each_event_of_a_log_has_a_pattern_for_awk() -> None:
    script = gathering.script("linux")
    assert not re.search("@[A-Z]+@", script)
    for pattern in messages_log.EVENTS.values():
        assert pattern.partition("(?")[0].replace(r"\d{1,9}", "[0-9]+").partition(".{")[0][:24] in script


def test_the_command_prints_the_script(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["guest", "script", "--os", "linux"]) == exit_codes.OK
    assert capsys.readouterr().out == gathering.script("linux")
