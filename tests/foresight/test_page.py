"""The page about foresight agrees with the program."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from auditor import bundled, yaml_documents
from auditor.cli import exit_codes
from auditor.cli.main import main
from auditor.estate import deployment_file
from auditor.losses.loss import LossKind
from auditor.losses.objectives import KINDS
from auditor.losses.statements import STATEMENTS
from tests.foresight.documents import DECLARED

ROOT = bundled.FIXTURES.parent
PAGE = (ROOT / "docs" / "foresight.md").read_text(encoding="utf-8")
COMMANDS = [
    line
    for page in (PAGE, (ROOT / "README.md").read_text(encoding="utf-8"))
    for line in re.findall(r"^auditor foresee --demo.*$", page, re.MULTILINE)
]


@pytest.mark.slow
@pytest.mark.parametrize("command", dict.fromkeys(COMMANDS))
def test_the_commands_work_on_the_demo(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, shown = main(shlex.split(command)[1:]), capsys.readouterr().out
    expected = (
        exit_codes.FINDINGS if "BREACHED" in shown else exit_codes.INCOMPLETE if "UNKNOWN" in shown else exit_codes.OK
    )
    assert code == expected


def test_the_page_has_commands() -> None:
    assert len({*COMMANDS}) >= 6


@pytest.mark.slow
@pytest.mark.parametrize("page", ["README.md", "docs/foresight.md"])
def test_the_rows_of_a_page_are_those_of_the_demo(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    (rows,) = re.findall(r"```text\n([^`]*^zone +60 s [^`]*)```", (ROOT / page).read_text("utf-8"), re.MULTILINE)
    shown = tmp_path / "shown.txt"
    assert main(["foresee", "--demo", "-o", f"terminal={shown}"]) == exit_codes.FINDINGS
    assert rows in shown.read_text(encoding="utf-8")


def test_the_page_has_every_statement() -> None:
    rows = re.findall(r"^\| ([TOGN]\d+) \| (.*) \| (.*) \|$", PAGE, re.MULTILINE)
    assert rows == [(statement.id, statement.text, statement.serves) for statement in STATEMENTS]


def test_the_page_has_every_kind_of_loss() -> None:
    assert {*re.findall(r"^\| `([a-z-]+):[A-Z]", PAGE, re.MULTILINE)} == {*LossKind}


def test_the_objectives_of_the_page_are_valid() -> None:
    (example,) = re.findall(r"```yaml\n(    objectives:\n.*?)```", PAGE, re.DOTALL)
    text, _ = DECLARED.split("  - name: iris-test\n")
    text = re.sub(r"^    (?:objectives|settings):\n(?:      .*\n)+", "", text, flags=re.MULTILINE)
    document = yaml_documents.parse(f"{text}{example}".encode(), "docs/foresight.md")
    (production,) = deployment_file.load(document)
    assert production.objectives.keys() == KINDS.keys()
    assert production.settings == {"takeover_seconds": 10, "dr_decision_minutes": 40}
