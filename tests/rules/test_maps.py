"""Files of maps: what is loaded, and which faults are named with file and line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from auditor import bundled
from auditor.errors import InputError
from auditor.rules import maps
from auditor.rules.maps import Basis, Maps, Relation
from tests.rules.test_packs import _RULE, load
from tests.test_docs import ROOT

_CHECKS = """\
format: auditor.recommendations/1
systems:
  Other: {title: Another tool, url: 'https://example.com/other', version: abc}
checks:
  - system: Other
    id: Other.1
    advisor: AAAAAAAA-0000-0000-0000-000000000000
    path: checks/1.yaml
    checked: 2026-11-30
    rules:
      - {rule: OWN001, relation: weaker, note: only half of it, profiles: [strict]}
      - rule: OWN001
        relation: contradicts
        note: the opposite
        profiles: [current]
none:
  - searched: 2026-11-30
    rules: [OWN001]
"""
_CONTROLS = """\
format: auditor.controls/1
frameworks:
  own-1:
    title: Our own
    version: '1'
    url: https://example.com
    origins: {text: {url: 'https://example.com', version: '1'}}
controls:
  - framework: own-1
    control: X.1
    basis: text
    because: we read it
    checked: 2026-11-30
    rules: [OWN001]
"""


def of(folder: Path, checks: str = _CHECKS, controls: str = _CONTROLS, rule: str = _RULE) -> Maps:
    loaded = load(folder, rule)
    write(folder, {maps.RECOMMENDATIONS: checks, maps.CONTROLS: controls})
    return maps.load([loaded], [folder])


def write(pack: Path, files: dict[str, str]) -> None:
    (pack / maps.FOLDER).mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (pack / maps.FOLDER / name).write_text(text, encoding="utf-8")


@pytest.fixture(autouse=True)
def _without_the_built_in_maps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundled, "PACK", tmp_path / "none")


def test_the_rows_of_a_pack_have_what_is_said_once_of_their_check(tmp_path: Path) -> None:
    found = of(tmp_path)
    strict, current = found.recommendations_of("OWN001")
    assert strict.check == current.check
    assert (strict.relation, strict.profiles, current.relation) == (Relation.WEAKER, ("strict",), Relation.CONTRADICTS)
    assert strict.check.advisor == "aaaaaaaa-0000-0000-0000-000000000000"
    assert str(strict.check.origin) == "https://example.com/other checks/1.yaml at abc"
    (evidence,) = found.evidence_of("OWN001")
    assert (evidence.control, evidence.basis, evidence.by) == ("X.1", Basis.TEXT, ())
    assert found.in_framework(found.framework(" OWN-1 ")) == [evidence]


def test_a_pack_needs_no_maps(tmp_path: Path) -> None:
    loaded = load(tmp_path)
    assert maps.load([loaded], [tmp_path]) == Maps((), (), {})


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("system: Other\n", "system: Othr\n", 5, "`systems` has no 'Othr'; it has Other"),
        ("rule: OWN001\n", "rule: OWN002\n", 12, "there is no rule 'OWN002'; did you mean 'OWN001'?"),
        (
            "profiles: [current]",
            "profiles: [strct]",
            15,
            "OWN001 is not in the profile 'strct'; it is in current, strict",
        ),
        ("profiles: [current]", "profiles: [strict]", 12, "Other.1 has two relations to OWN001 in one profile"),
        ("relation: contradicts", "relation: differs", 13, "checks[0].rules[1].relation must be one of"),
        ("    rules: [OWN001]", "    rules: [OWN002]", 18, "there is no rule 'OWN002'; did you mean 'OWN001'?"),
        ("    checked: 2026-11-30\n", "", 5, "checks[0] lacks the key 'checked'"),
    ],
)
def test_a_fault_in_public_checks_is_named_with_its_line(
    tmp_path: Path, old: str, new: str, line: int, message: str
) -> None:
    with pytest.raises(InputError) as caught:
        of(tmp_path, _CHECKS.replace(old, new))
    assert message in caught.value.message
    assert (caught.value.file, caught.value.line) == (str(tmp_path / maps.FOLDER / maps.RECOMMENDATIONS), line)


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("framework: own-1", "framework: own-2", 9, "there is no framework 'own-2'; there are own-1"),
        ("basis: text", "basis: prowler", 11, "the framework 'own-1' has no origin for the basis prowler"),
        ("basis: text", "basis: text\n    by: [x]", 11, "the basis text has no 'by'"),
        ("{text: {", "{prowler: {url: 'https://x', version: '1'}, text: {", 0, ""),
        ("rules: [OWN001]", "rules: [OWN001, OWN003]", 14, "there is no rule 'OWN003'; did you mean 'OWN001'?"),
    ],
)
def test_a_fault_in_controls_is_named_with_its_line(
    tmp_path: Path, old: str, new: str, line: int, message: str
) -> None:
    text = _CONTROLS.replace(old, new)
    if not message:  # another origin, and a basis that needs to say what it maps
        text, line, message = text.replace("basis: text", "basis: prowler"), 11, "the basis prowler needs 'by'"
    with pytest.raises(InputError) as caught:
        of(tmp_path, controls=text)
    assert message in caught.value.message
    assert (caught.value.file, caught.value.line) == (str(tmp_path / maps.FOLDER / maps.CONTROLS), line)


def test_a_row_that_is_there_twice_is_named(tmp_path: Path) -> None:
    entry = _CONTROLS.partition("controls:\n")[2]
    with pytest.raises(InputError, match=r"OWN001 is evidence for own-1 X\.1 by text twice") as caught:
        of(tmp_path, controls=_CONTROLS + entry)
    assert caught.value.line == 20
    check = _CHECKS.partition("checks:\n")[2].partition("none:")[0]
    with pytest.raises(InputError, match=r"Other Other\.1 is in this file twice"):
        of(tmp_path, _CHECKS.replace("none:", f"{check}none:"))


def test_two_packs_cannot_define_one_framework(tmp_path: Path) -> None:
    of(tmp_path)
    other = tmp_path / "other"
    write(other, {maps.CONTROLS: _CONTROLS})
    with pytest.raises(InputError, match="another pack has the framework 'own-1' too") as caught:
        maps.load([load(tmp_path)], [tmp_path, other])
    assert (caught.value.file, caught.value.line) == (str(other / maps.FOLDER / maps.CONTROLS), 3)


def test_an_unknown_framework_is_refused_with_a_proposal(tmp_path: Path) -> None:
    found = of(tmp_path)
    with pytest.raises(InputError, match=r"there is no framework 'own-l'; did you mean 'own-1'\? There are own-1"):
        found.framework("own-l")
    with pytest.raises(InputError, match=r"there is no framework 'x'; there are none"):
        Maps((), (), {}).framework("x")


def test_the_examples_of_the_page_are_valid(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")
    checks, controls = re.findall(
        r"```yaml\n(format: auditor\.(?:recommendations|controls)/1\n.*?)```", page, re.DOTALL
    )
    found = of(tmp_path, checks, controls.replace(", AVL002", ""))
    assert len(found.recommendations_of("OWN001")) == len(found.evidence_of("OWN001")) == 1
