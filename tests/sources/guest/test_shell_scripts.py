"""What is derived from a script: certain, or unread. The shell itself has the last word."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from auditor.snapshot.guest_kinds import GuestKind
from auditor.sources.guest.content import Builder
from auditor.sources.guest.shell_scripts import put_derived

FREEZE = "iris session IRIS -U%SYS '##class(Backup.General).ExternalFreeze()'"
THAW = FREEZE.replace("Freeze", "Thaw")
RECORDED = f"{THAW}\nstatus=$?\n{THAW.replace('Thaw()', 'SetHistory()')}\n[ $status -eq 5 ]\n"
WITH_CASE = f"""\
#!/bin/sh
# Freezes one instance.
log=freeze.log
{FREEZE} >>"$log" 2>&1
case $? in
  5) exit 0 ;;
  *) {THAW} >>"$log" 2>&1; exit 1 ;;
esac
"""
WITH_IF = f"""\
#!/bin/bash
success=0
error=1
log="freeze.log"   # beside it
csession "$1" -U %SYS "##Class(Backup.General).ExternalFreeze(\\"$log\\", \\"backup\\")" >> $log
status=$?
if [ $status -eq 5 ]; then
  echo "frozen at $(date +%F)" >> $log
  status=$success
elif [ "$status" = "3" ]
then
  status=$error
  {THAW}
else
  status=$error
fi

exit $status
"""
BY_STATUS = {
    "case": WITH_CASE,
    "if": WITH_IF,
    "last command": f"{FREEZE}\n[ $? -eq 5 ]\n",
    "or": f"{FREEZE} \\\n  >>./log 2>&1\ntest $? -eq 5 || exit 1\n",
    "and": f"{FREEZE}\nrc=$?\n[ $rc -eq 5 ] && exit 0\nexit 1\n",
    "not": f"{FREEZE}\nif [ ! $? -eq 5 ]; then\n  {THAW}\n  exit 1\nfi\n",
    "other statuses": f"{FREEZE}\nif [ $? -ne 5 ]; then exit 9; fi\nexit 0\n",
    "command line": "iris freeze IRIS timeout=120\n",
    "path in a variable": f"iris=iris\n${FREEZE}\n[ $? -eq 5 ]\n",
}
HIDES_FAILURE = {
    "exit 0": f"{FREEZE}\nexit 0\n",
    "or true": f"{FREEZE} || true\n",
    "pipe": f"{FREEZE} | tee ./log\nexit 0\n",
    "warning": f"{FREEZE}\nif [ $? -eq 5 ]; then exit 0; fi\nexit 2\n",
    "tested and forgotten": f"{FREEZE}\nif [ $? -ne 5 ]; then echo failed; fi\necho done\n",
    "another command between": f"{FREEZE}\necho done\nif [ $? -ne 0 ]; then exit 1; fi\n",
    "command line": "iris freeze IRIS; exit 0\n",
}
HIDES_SUCCESS = {
    "status as it is": f"{FREEZE}\nexit $?\n",
    "no test": f"{FREEZE}\n",
    "if": f"if {FREEZE}; then exit 0; else exit 1; fi\n",
    "and": f"{FREEZE} && exit 0\nexit 1\n",
    "compared with 0": f"{FREEZE}\nif [ $? -ne 0 ]; then exit 1; fi\n",
    "command line": "iris freeze IRIS\n[ $? -eq 5 ]\n",
}
NO_CALL = {
    "comment": f"# {FREEZE}\nexit 0\n",
    "method in a comment": "iris=1 # ##class(Backup.General).ExternalFreeze()\n",
    "echo": f'echo "{FREEZE}"\n',
    "behind exit": f"exit 0\n{FREEZE}\n",
    "branch that is not taken": f"if false; then\n{FREEZE}\nfi\n",
    "nothing": "\n",
}
UNREAD = {
    "no end": f"{FREEZE}\n[ $? -eq 5 ]",
    "function": f"freeze() {{\n{FREEZE}\n}}\nfreeze\n",
    "here-document": "iris session IRIS -U%SYS <<EOF\ndo ##class(Backup.General).ExternalFreeze()\nEOF\n",
    "interactive session": "iris session IRIS\n",
    "method outside of quotes": "iris session IRIS -U%SYS ##class(Backup.General).ExternalFreeze()\n",
    "other namespace": f"{FREEZE.replace('%SYS', 'USER')}\n[ $? -eq 5 ]\n",
    "other user": f"sudo -u irisowner {FREEZE}\n[ $? -eq 5 ]\n",
    "other interpreter": "#!/usr/bin/python3\nexit(0)\n",
    "loop": f"for i in A B; do\n{FREEZE}\ndone\n",
    "set -e": f"set -e\n{FREEZE}\n[ $? -eq 5 ]\n",
    "trap": f"trap 'exit 0' EXIT\n{FREEZE}\nexit 1\n",
    "background": f"{FREEZE} &\nexit 0\n",
    "group": f"{{ {FREEZE}; }}\n",
    "subshell": f"({FREEZE})\n",
    "bash only": f"{FREEZE}\nif [[ $? -eq 5 ]]; then exit 0; fi\nexit 1\n",
    "call in an expansion": f'out="$({FREEZE})"\n[ $? -eq 5 ]\n',
    "arithmetic": f"{FREEZE}\nexit $(( $? - 5 ))\n",
    "evaluation": f'eval "{FREEZE}"\n',
    "Windows line ends": WITH_CASE.replace("\n", "\r\n"),
    "quotation without an end": f"{FREEZE}\necho 'x\n",
    "cut within if": WITH_IF[: WITH_IF.index("else\n")],
    "variable as a command": "$1 session IRIS\n",
    "word over two lines": "iris session IRIS -U%SYS '##class(Backup.General).ExternalFreeze()'\\\nx\n",
    "too many ways": "".join(f"if [ -f /{n} ]; then a{n}=1; fi\n" for n in range(20)) + f"{FREEZE}\nexit 0\n",
    "too long": f"{FREEZE}\n" + "#" * 70_000 + "\n",
    "too deep": "if true; then\n" * 20 + f"{FREEZE}\n" + "fi\n" * 20,
}


def derived(script: str) -> tuple[dict[str, object], set[str]]:
    """Return what is derived from a script, and what is unread."""
    builder = Builder(GuestKind.BACKUP_SCRIPTS)
    return put_derived(builder, "script", script), {path.rpartition(".")[2] for path in builder.unread}


@pytest.mark.parametrize(
    ("scripts", "status"),
    [(BY_STATUS, "by-status"), (HIDES_FAILURE, "hides-failure"), (HIDES_SUCCESS, "hides-success")],
)
def test_how_a_script_exits(scripts: dict[str, str], status: str) -> None:
    assert {name: derived(script) for name, script in scripts.items()} == {
        name: ({"callsFreeze": True, "callsThaw": False, "callsSetHistory": False, "exit": status}, set())
        for name in scripts
    }


@pytest.mark.parametrize("name", NO_CALL)
def test_what_is_not_run_is_no_call(name: str) -> None:
    assert derived(NO_CALL[name]) == ({"callsFreeze": False, "callsThaw": False, "callsSetHistory": False}, {"exit"})


@pytest.mark.parametrize("name", UNREAD)
def test_what_is_not_understood_is_unread(name: str) -> None:
    assert derived(UNREAD[name]) == ({}, {"callsFreeze", "callsThaw", "callsSetHistory", "exit"})


@pytest.mark.parametrize(
    ("script", "known"),
    [
        (f"/opt/other\n{FREEZE}\n[ $? -eq 5 ]\n", {"callsFreeze": True}),
        (f"if [ -f /x ]; then {FREEZE}; fi\nexit 0\n", {"callsThaw": False}),
        (f"{FREEZE} | tee log\n", {"callsFreeze": True, "callsThaw": False}),
        (f"{FREEZE}\nstatus=$?\n[ $status -eq 3 ] && exit 1\n[ $status -eq 5 ] && exit 0\nexit $status\n", {}),
        (f"{FREEZE}\n{FREEZE}\n[ $? -eq 5 ]\n", {"callsFreeze": True, "callsThaw": False}),
        (f"{FREEZE}\n[ $? -eq $wanted ]\n", {"callsFreeze": True, "callsThaw": False}),
    ],
    ids=["another program", "sometimes", "pipe", "other statuses", "two instances", "unknown variable"],
)
def test_what_only_some_ways_have_in_common_is_unread(script: str, known: dict[str, object]) -> None:
    found, unread = derived(script)
    assert found | known == found
    assert "exit" in unread


def test_both_at_once_are_seen() -> None:
    found, _ = derived(f"{FREEZE}\n[ $? -eq 5 ] || exit 1\n{THAW}\n")
    assert (found["callsFreeze"], found["callsThaw"]) == (True, True)


def test_the_record_of_a_backup_is_no_thaw() -> None:
    found, unread = derived(RECORDED)
    assert found == {"callsFreeze": False, "callsThaw": True, "callsSetHistory": True, "exit": "by-status"}
    assert not unread


def run(script: str, folder: Path, status: int) -> int:
    """Return how a script exits if each call of InterSystems has a status; nothing else is on the path but tools."""
    for name in ("iris", "irissession", "csession"):
        fake = folder / name
        if not fake.exists():
            fake.write_text("#!/bin/sh\nexit $STATUS\n")
            fake.chmod(0o700)
    environment = {"PATH": f"{folder}:{os.defpath}", "STATUS": str(status)}
    file = folder / "script"
    file.write_text(script)
    done = subprocess.run(
        ["/bin/sh", str(file), "IRIS"], cwd=folder, env=environment, capture_output=True, check=False, timeout=20
    )
    return done.returncode


@pytest.mark.slow
def test_the_shell_agrees(tmp_path: Path) -> None:
    for name, script in BY_STATUS.items():
        success = 0 if name == "command line" else 5
        assert run(script, tmp_path, success) == 0, name
        assert all(run(script, tmp_path, failed) not in {0, 2} for failed in (1, 3, 127)), name
    for name, script in HIDES_FAILURE.items():
        assert run(script, tmp_path, 3) in {0, 2}, name
    for name, script in HIDES_SUCCESS.items():
        assert run(script, tmp_path, 0 if name == "command line" else 5) != 0, name


@pytest.mark.slow
def test_the_shell_agrees_about_damaged_scripts(tmp_path: Path) -> None:
    for whole in (WITH_CASE, WITH_IF, BY_STATUS["or"], BY_STATUS["and"]):
        for script in (whole[:place] + whole[place + 1 :] for place in range(len(whole))):
            found, _ = derived(script)
            if found.get("exit") == "by-status":
                assert run(script, tmp_path, 5) == 0, script
                assert run(script, tmp_path, 3) not in {0, 2}, script
