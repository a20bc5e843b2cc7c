"""Which rules have a remedy, and which remedies CI proves."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from auditor import bundled
from auditor.rules import packs
from tests.tools.azcli import remedies, touched

WITHOUT = remedies.HERE / "without.yaml"
RULE = "rules/intersystems-azure/LB003.yaml"


def test_a_rule_has_a_remedy_or_a_reason_for_none() -> None:
    texts = {path.stem: path.read_text(encoding="utf-8") for path in packs.rule_paths(bundled.PACK)}
    with_remedy = {rule for rule, text in texts.items() if re.search(r"^remedy:", text, re.MULTILINE)}
    without = yaml.safe_load(WITHOUT.read_text(encoding="utf-8"))
    assert with_remedy
    assert not without.keys() & with_remedy
    assert without.keys() | with_remedy == texts.keys()
    assert [*without] == sorted(without)
    for rule, reason in without.items():
        assert isinstance(reason, str), rule
        assert re.fullmatch(r"[A-Z].{20,110}\.", reason), rule


@pytest.mark.parametrize(
    ("files", "rules"),
    [
        ([RULE, "rules/intersystems-azure/AVL001.yaml", "rules/intersystems-azure/pack.yaml"], ["AVL001", "LB003"]),
        (["README.md", "auditor/report/csv.py", "docs/rules/LB003.md"], []),
        ([RULE, "fixtures/index.yaml"], ["all"]),
        (["auditor/evaluation/remedies.py"], ["all"]),
    ],
)
def test_a_rule_touches_its_own_remedy_and_shared_code_all(files: list[str], rules: list[str]) -> None:
    assert touched.of(files) == rules


@pytest.mark.slow
def test_a_change_is_what_came_since_the_main_branch(tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        person = ("-c", "user.name=x", "-c", "user.email=x@example.com")
        subprocess.run(["git", "-C", str(tmp_path), *person, *arguments], check=True, capture_output=True)

    def commit(name: str) -> None:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
        git("add", ".")
        git("commit", "-m", name)

    git("init", "-b", "main")
    commit("rules/intersystems-azure/AVL001.yaml")
    assert touched.rules(tmp_path) == ["all"]
    git("switch", "-c", "change")
    commit(RULE)
    commit("README.md")
    (tmp_path / "rules/intersystems-azure/LB004.yaml").write_text("x")
    assert touched.rules(tmp_path) == ["LB003", "LB004"]
    git("switch", "main")
    git("merge", "--no-ff", "change")
    git("branch", "-D", "change")
    assert touched.rules(tmp_path) == ["LB003", "LB004"]
