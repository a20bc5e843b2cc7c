"""The pages about the rules: the matrix of statements and rules, and one page for each rule."""

from __future__ import annotations

import html
import json
import re
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from auditor import bundled, yaml_documents
from auditor.authoring import catalogue
from auditor.cli import exit_codes
from auditor.cli.main import main
from auditor.escape import printable
from auditor.rules.model import Rule
from auditor.rules.packs import LoadedPack
from tests import estates
from tests.test_docs import ROOT, load

PAGES = ROOT / "docs" / "rules"


@cache
def generator() -> ModuleType:
    return load(ROOT / "docs" / "generate.py")


@cache
def built_in() -> LoadedPack:
    return catalogue.load()[0]


@cache
def rules_by_id() -> dict[str, Rule]:
    found = {loaded.rule.id: loaded.rule for rules in built_in().rules.values() for loaded in rules}
    assert found
    return found


@cache
def matrix() -> str:
    return catalogue.matrix((built_in(),))


def sections() -> tuple[str, str]:
    statements, _, rules = matrix().partition(f"\n{built_in().pack.name}: rules\n")
    return statements, rules


def entry(text: str, name: str) -> str:
    """Return the text of a section about a statement or rule, on one line."""
    found = re.search(rf"^{name} .*\n(?: .*\n)*", text, re.MULTILINE)
    assert found is not None, name
    return " ".join(found[0].split())


# --- the matrix -------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_matrix_fits_a_page() -> None:
    assert max(map(len, matrix().splitlines())) <= 100
    assert all(line == line.rstrip() for line in matrix().splitlines())


def citing(statement: str) -> list[str]:
    return sorted(rule.id for rule in rules_by_id().values() if statement in rule.reference)


@pytest.mark.slow
def test_each_statement_is_cited_or_says_what_would_show_it() -> None:
    statements, _ = sections()
    assert built_in().pack.statements
    for name, statement in built_in().pack.statements.items():
        by = [f"{rule} (by attestation)" if rules_by_id()[rule].attest else rule for rule in citing(name)]
        rest = f" unchecked: {statement.unchecked}" * bool(statement.unchecked)
        said = entry(statements, name)
        assert said.endswith(f"-> {', '.join(by) or 'no rule'}{' '.join(rest.split()) and ' '}{' '.join(rest.split())}")
        assert statement.section in said
        assert by or statement.unchecked, name
        assert " yet" not in statement.unchecked, f"{name} says what would show it"


@pytest.mark.slow
def test_at_least_sixty_statements_are_checked_by_rules_that_fail_where_they_are_broken() -> None:
    """That the examples fail is tested with the rules."""
    broken: Any = yaml_documents.read(ROOT / "tests" / "data" / "statements.yaml").value
    for statement, (rule, because) in broken.items():
        failing = [e.content["because"] for e in estates.rule_files()[rule].examples if e.content["expect"] == "fail"]
        assert rule in citing(statement), statement
        assert because in failing, statement
    statements = built_in().pack.statements
    whole = {name for name, statement in statements.items() if citing(name) and not statement.unchecked}
    assert len(whole & broken.keys()) >= 60
    part = sum(bool(citing(name)) for name in statements) - len(whole)
    assert f"of {len(statements)}, rules check {len(whole)} and {part} more in part" in matrix()


@pytest.mark.slow
def test_each_rule_names_its_sources_and_its_file() -> None:
    _, rules = sections()
    for rule in rules_by_id().values():
        said = entry(rules, rule.id)
        assert f"in {', '.join(rule.profiles)}" in said
        assert not rule.reference or f"<- {', '.join(rule.reference)}" in said
        assert all(source.date in said for source in rule.sources)


@pytest.mark.slow
def test_the_matrix_has_packs_of_users_besides_the_built_in_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pack = {"format": "auditor.pack/1", "name": "own", "title": "Own", "profiles": {"current": "What holds today."}}
    rule: dict[str, Any] = {
        "id": "OWN001",
        "title": "A disk is attached \u202e or not",
        "severity": "low",
        "sources": [{"title": "A page", "url": "https://example.org/", "date": "2026"}],
        "for": [{"type": "Microsoft.Compute/disks"}],
        "assert": {"field": "properties.diskState", "equals": "Attached"},
        "profiles": {"current": {}},
        "why": "Because it matters to us.",
        "fix": "Fix it by hand.",
        "examples": [
            {"on": "trakcare-current", "expect": "pass"},
            {"on": "trakcare-current", "expect": "fail", "because": "the disk is not attached"},
        ],
    }
    (tmp_path / "pack.yaml").write_text(json.dumps({**pack, "statements": {}}), encoding="utf-8")
    (tmp_path / "OWN001.yaml").write_text(json.dumps(rule), encoding="utf-8")
    assert main(["rules", "matrix", "--rules", str(tmp_path)]) == exit_codes.OK
    printed = capsys.readouterr().out
    assert printed.startswith(matrix())
    assert "own: rules" in printed
    assert "own: statements" not in printed
    assert "\\u202e" in printed, "text of users does not act on terminals"


# --- one page a rule --------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_there_is_one_page_for_each_rule_and_no_other() -> None:
    ids = {path.stem for path in bundled.PACK.glob("*.yaml")} - {"pack"}
    assert {path.stem for path in PAGES.glob("*.md")} == {*ids, "README"}, "run make docs"
    assert generator().leftovers() == [], "run make docs"


@pytest.mark.slow
def test_pages_of_deleted_rules_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = generator()
    monkeypatch.setattr(module, "HERE", tmp_path)
    monkeypatch.setattr(module, "RULES", tmp_path / "rules")
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "OLD001.md").write_text("gone")
    (tmp_path / "rules.md").write_text("written by hand")
    module.main()
    assert not (tmp_path / "rules" / "OLD001.md").exists()
    assert (tmp_path / "rules" / "README.md").exists()
    assert (tmp_path / "rules.md").read_text() == "written by hand"


@pytest.mark.slow
def test_a_page_has_the_whole_content_of_its_rule() -> None:
    pages = generator().pages()
    for rule in rules_by_id().values():
        text = pages[generator().RULES / f"{rule.id}.md"]
        value: Any = yaml_documents.read(Path(rule.file)).value
        assert all(f"`{profile}`" in text for profile in rule.profiles)
        assert all(f"- {name}, " in text for name in rule.reference)
        assert all(source.url in text for source in rule.sources)
        examples, _, unnoticed = text.partition("## Examples")[2].partition("## Not noticed")
        assert examples.count("\n| `") == len(value["examples"])
        assert all(generator().prose(entry["reason"]) in unnoticed for entry in value.get("insensitive", ()))
        assert ("\nattest:" if rule.attest else "\nassert:") in text
        assert ("\nwhen:" in text) is ("when" in value)


def test_the_index_leads_to_every_page() -> None:
    text = (PAGES / "README.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"\]\((\w+)\.md\)", text)) == sorted(
        path.stem for path in PAGES.glob("*.md") if path.stem != "README"
    )


def test_text_of_rules_cannot_act_as_markdown() -> None:
    module = generator()
    assert list(module.fence("sh", "echo ```` \x1b")) == ["`````sh", "echo ```` \\x1b", "`````"]
    assert module.example_row(
        {"on": "x", "expect": "fail", "because": "a | <b>", "also": ["R1"], "set": ["a|`b`"], "gap": ["x" * 999]}
    )[1:] == ("fail; also fails: R1", "a \\| &lt;b&gt;", "``set: [a\\|`b`]``<br>`gap: [" + "x" * 234 + " ...`")


def test_plain_text_of_rules_is_not_escaped() -> None:
    text = 'The mirror\'s page (vm-db-dr, mirror_status.cxw) at 99.95 %: TCP 1972, Standard_DS13; "none" is {x: 1}.'
    assert generator().prose(text) == text


@pytest.mark.slow
@given(st.text(st.characters(), max_size=60) | st.text("\x00\x1b\n\u202e\ud800 ax[]<>`*_~|#&:\\-+=1.)!\t", max_size=60))
def test_prose_renders_to_the_text_and_nothing_else(text: str) -> None:
    rendered = MarkdownIt("js-default", {"html": True}).render(generator().prose(text)).removesuffix("\n")
    shown = printable(" ".join(text.split()))
    assert html.unescape(rendered) == (f"<p>{shown}</p>" if shown else "")
    assert rendered.count("<") == (2 if shown else 0)


@pytest.mark.slow
@given(st.text(st.characters(), max_size=60) | st.text("ab`| \\<", max_size=30))
def test_code_renders_to_the_text_in_a_cell(text: str) -> None:
    table = f"| a | b |\n| --- | --- |\n| {generator().code(text)} | x |"
    rendered = MarkdownIt("js-default", {"html": True}).render(table)
    (cell,) = re.findall(r"<tbody>\n<tr>\n<td><code>(.*)</code></td>\n<td>x</td>", rendered)
    assert html.unescape(cell).strip() == printable(text).strip()
