"""Completion scripts, run by the shells that they are for."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from auditor.cli import completion
from auditor.cli.arguments import Parser
from auditor.cli.main import main
from auditor.cli.parser import parser


def offered(*lines: list[str]) -> list[list[str]]:
    """Return what bash offers for the last word of command lines, of which each word is one for bash."""
    asked = "".join(
        f'COMP_WORDS=(auditor {shlex.join(words)}); COMP_CWORD={len(words)}; _auditor; echo "${{COMPREPLY[*]}}"\n'
        for words in lines
    )
    script = f"set -u\n{completion.script(parser(), 'bash')}{asked}"
    done = subprocess.run(["bash", "--norc"], input=script, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return [line.split() for line in done.stdout.split("\n")[:-1]]


def commands(of: Parser, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Parser]]:
    yield path, of
    for name, command in of.commands.items():
        yield from commands(command, (*path, name))


def test_bash_offers_every_command_and_every_option() -> None:
    found = list(commands(parser()))
    by_options = offered(*([*path, "--"] for path, _ in found))
    for (path, command), options in zip(found, by_options, strict=True):
        assert {f"--{name}" for name in command.options} | {"--help"} == set(options), path
    groups = [(path, command) for path, command in found if command.commands]
    by_command = offered(*([*path, ""] for path, _ in groups))
    assert [list(command.commands) for _, command in groups] == by_command
    assert len(groups) >= 3


def test_bash_offers_the_values_of_an_option_and_files_where_it_offers_nothing() -> None:
    severities = ["critical", "high", "medium", "low", "info", "none"]
    asked = {
        ("scan", "--fail-on", ""): severities,
        ("scan", "--fail-on", "="): severities,
        ("scan", "--fail-on", "=", "cr"): ["critical"],
        ("scan", "--demo", "-o", "mark"): ["markdown"],
        ("scan", "-o", "json", "="): [],
        ("scan", "-o", "json", "=", "scan"): [],
        ("scan", "--deployment", "sc"): [],
        ("approve", ""): [],
        ("discover", "-o", ""): ["deployment", "deployment="],
        ("completion", ""): ["bash", "zsh", "fish"],
        ("guest", "script", "--os", "w"): ["windows"],
        ("rules", "te"): ["test"],
        ("scan", "$(exit 9)"): [],
    }
    assert dict(zip(asked, offered(*map(list, asked)), strict=True)) == asked


@pytest.mark.parametrize("shell", completion.SHELLS)
def test_each_shell_accepts_its_script(shell: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")
    main(["completion", shell])
    script = tmp_path / "script"
    script.write_text(capsys.readouterr().out)
    assert subprocess.run([shell, "-n", script], capture_output=True, check=False).returncode == 0
    script.write_text(script.read_text() + "if case '(\n")
    assert subprocess.run([shell, "-n", script], capture_output=True, check=False).returncode != 0


@pytest.mark.skipif(not shutil.which("fish"), reason="fish is not installed")
def test_fish_offers_commands_and_values() -> None:
    asked = ["auditor rules t", "auditor scan --fail-on cr", "auditor scan --deplo"]
    questions = "\n".join(f"complete -C {shlex.quote(line)}" for line in asked)
    script = completion.script(parser(), "fish") + questions
    done = subprocess.run(["fish", "--no-config"], input=script, capture_output=True, text=True, check=True)
    assert [line.split("\t")[0] for line in done.stdout.splitlines()] == [
        "test",
        "critical",
        "--deployment",
        "--deployment-name",
    ]
