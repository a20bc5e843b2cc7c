"""`auditor rules new` and `auditor rules test`: their output for valid and for invalid rules."""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path
from typing import Final

import pytest

from auditor import bundled
from auditor.authoring import fixtures, testing
from auditor.cli import exit_codes, live_line
from auditor.cli.main import main
from tests import estates

PACK: Final = """\
format: auditor.pack/1
name: own
title: Our own rules
profiles: {current: What we require besides.}
statements: {}
"""
RULE: Final = """\
id: OWN001
title: The size of a disk is as agreed
severity: low
sources: [{title: A page, url: "https://example.org/", date: 2026-01}]
for: [{type: Microsoft.Compute/disks}]
assert: {field: properties.diskSizeGB, greater: 8}
profiles: {current: {}}
why: Because it matters to us.
fix: az disk update
examples:
  - {on: trakcare-current, expect: pass}
  - on: trakcare-current
    expect: fail
    because: a disk is too small
    set: [{resource: vm-db-a-data1, path: properties.diskSizeGB, value: 4}]
"""
LISTED: Final = """\
insensitive:
  - type: Microsoft.Compute/disks
    path: [properties.diskSizeGB]
    kind: [next, tenfold]
    reason: A disk may be larger.
  - {type: Microsoft.Compute/disks, path: [location], reason: Only reports show it.}
  - {type: Microsoft.Compute/disks, path: [''], kind: [delete], reason: No rule requires a disk.}
"""
"""The mutations that no rule notices if there is no other rule."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of a user's pack, below the working folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "pack.yaml").write_text(PACK)
    return Path("own")


@pytest.fixture
def only(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of the only pack; there is one known-good deployment, which keeps the tests short."""
    monkeypatch.setattr(bundled, "PACK", folder.absolute())
    monkeypatch.setattr(fixtures, "profiles", lambda: {"trakcare-current": "current"})
    return folder


def faults(folder: Path, rule: str, *, mutations: bool = False, **others: str) -> list[str]:
    """Return the faults of rules, by examples or by mutations too, without the name of the folder."""
    for name, text in {"OWN001": rule, **others}.items():
        (folder / f"{name}.yaml").write_text(text)
    found = testing.test(folder / "OWN001.yaml" if mutations else None, (), lambda _: None)
    assert (found.mutations > 0) is mutations
    return [str(fault).removeprefix("own/") for fault in found.faults]


@pytest.mark.slow
def test_a_rule_is_created_tested_and_edited(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules", "new", "OWN", "--rules", str(folder)]) == exit_codes.OK
    path = Path(capsys.readouterr().out.strip())
    assert path == folder / "OWN001.yaml"
    assert main(["rules", "test", str(path)]) == exit_codes.OK
    assert re.fullmatch(r"1 rule, 3 examples, [1-9]\d* mutations, 0 faults\n", capsys.readouterr().out)
    known_good = bundled.FIXTURES / "trakcare-current"
    snapshot, declared = str(known_good / bundled.INVENTORY), str(known_good / bundled.DEPLOYMENT)
    assert (
        main(["scan", "--snapshot", snapshot, "--deployment", declared, "--rules", str(folder), "--details"])
        == exit_codes.OK
    )
    assert f"({len(estates.rules('current')) + 1} rules)" in capsys.readouterr().out
    path.write_text(path.read_text().replace("value: Failed", "value: Succeeded"))
    assert main(["rules", "test", str(path)]) == exit_codes.FINDINGS
    assert f"{path}:15: example 2 (" in capsys.readouterr().out
    assert main(["rules", "new", "OWN", "--rules", str(folder)]) == exit_codes.OK
    assert capsys.readouterr().out.strip().endswith("OWN002.yaml")


@pytest.mark.slow
def test_the_mutations_that_no_rule_notices_have_to_be_listed(only: Path) -> None:
    place, size, loss = faults(only, RULE, mutations=True)
    assert re.fullmatch(
        r"OWN001\.yaml:10: no rule notices \S+ \(.*\): properties\.diskSizeGB: (next|tenfold) to \d+, was \d+"
        r" on trakcare-current, and \d+ other mutations\. Let one notice it, or list it under `insensitive`: "
        r'- \{type: Microsoft\.Compute/disks, path: \["properties\.diskSizeGB"\], kind: \["next", "tenfold"\], '
        r"reason: \.\.\.\}",
        size,
    )
    assert place.endswith('path: ["location"], reason: ...}')
    assert loss.endswith('path: [""], kind: ["delete"], reason: ...}')
    assert faults(only, RULE + LISTED, mutations=True) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("[next, tenfold]", "[next, tenfold, zero]", "17: OWN001 notices what is listed here: .*zero to 0"),
        (
            "[next, tenfold]",
            "[next, tenfold, flip]",
            "17: of this there is no mutation .*: properties.diskSizeGB flip$",
        ),
        (
            "    reason: A",
            "    on: [trakcare-2018]\n    reason: A",
            "17: of this there is no mutation .*: trakcare-2018$",
        ),
        ("    reason: A", "    of: [nurse]\n    reason: A", "17: of this there is no mutation .*: nurse"),
        ("    reason: A", "    was: ['-1']\n    reason: A", "17: of this there is no mutation .*: -1$"),
        (
            "path: [location]",
            "path: [location, properties.diskSizeGB]",
            "21: own/OWN001.yaml:17 lists this too: .*diskSizeGB: ",
        ),
    ],
)
def test_an_entry_that_is_wrong_is_a_fault_on_its_line(only: Path, old: str, new: str, expected: str) -> None:
    assert old in LISTED
    found = faults(only, RULE + LISTED.replace(old, new, 1), mutations=True)
    assert len([fault for fault in found if re.match(rf"OWN001\.yaml:{expected}", fault)]) == 1, found


@pytest.mark.slow
def test_an_entry_is_about_what_its_own_rule_reads(only: Path) -> None:
    other = RULE.replace("OWN001", "OWN002").replace("properties.diskSizeGB, greater: 8", "sku.tier, exists: true")
    assert len(faults(only, RULE, mutations=True, OWN002=other + LISTED)) == 1
    assert len(faults(only, RULE, mutations=True, OWN002=other)) == 3


@pytest.mark.slow
def test_a_rule_that_cannot_fail_is_a_fault(only: Path) -> None:
    found = faults(only, RULE.replace("greater: 8", "greater: -1") + LISTED, mutations=True)
    message = "OWN001 passes on trakcare-current, and neither an example nor a mutation makes it fail there"
    assert f"OWN001.yaml:16: {message}" in found


@pytest.mark.slow
def test_a_pack_is_not_bound_by_what_another_one_lists(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """STO005 of the built-in pack lists that no rule notices the loss of a disk's tier; a rule of another pack may."""
    monkeypatch.setattr(fixtures, "profiles", lambda: {"trakcare-current": "current"})
    rule = RULE.replace(
        "assert: {field: properties.diskSizeGB, greater: 8}",
        "when: {field: sku.name, equals: Premium_LRS}\nassert: {field: properties.tier, exists: true}",
    ).replace(
        "set: [{resource: vm-db-a-data1, path: properties.diskSizeGB, value: 4}]",
        "remove: [{resource: vm-db-a-os, path: properties.tier}]",
    )
    assert faults(folder, rule, mutations=True) == []


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "value: 4",
            "value: 512",
            (
                r"OWN001\.yaml:12: example 2 \(a disk is too small\): expected fail, got pass; "
                r"vm-db-a-data1 \(disks\) pass: properties\.diskSizeGB is 512, expected > 8; .*; and \d+ more subjects"
            ),
        ),
        (
            "{on: trakcare-current, expect: pass}",
            "{on: trakcare-current, expect: unknown, because: of some gap, subject: vm-db-a-data1}",
            r"OWN001\.yaml:11: example 1 \(of some gap\): expected unknown, got pass; vm-db-a-data1 \(disks\) pass: .*",
        ),
        (
            "{on: trakcare-current, expect: pass}",
            "{on: trakcare-current, expect: pass, gap: [Microsoft.Compute/disks]}",
            r"OWN001\.yaml:11: example 1: expected pass, got unknown; trakcare-prod \(deployment\) unknown: .*",
        ),
        (
            "{on: trakcare-current, expect: pass}",
            "{on: trakcare-current, expect: pass, subject: nobody}",
            r"OWN001\.yaml:11: example 1: expected pass, got no finding for this subject",
        ),
        (
            "because: a disk",
            "severity: high\n    because: a disk",
            r"OWN001\.yaml:12: example 2 \(.*\): expected the severity high, got low",
        ),
        (
            "resource: vm-db-a-data1",
            "resource: vm-nobody",
            r"OWN001\.yaml:12: example 2 \(.*\): 'vm-nobody' names 0 resources of the known-good deployment, not one",
        ),
        (
            "path: properties.diskSizeGB",
            "path: sku.name.length",
            r"OWN001\.yaml:12: example 2 \(.*\): the known-good deployment has nothing at 'sku\.name\.length'",
        ),
        (
            "{on: trakcare-current, expect: pass}",
            "{on: trakcare-current, profile: other, expect: pass}",
            r"OWN001\.yaml:11: example 1: the rule is not in the profile other",
        ),
        (
            "path: properties.diskSizeGB",
            "path: properties..diskSizeGB",
            r"OWN001\.yaml:12: example 2 \(.*\): 'properties\.\.diskSizeGB' is not a property path .*",
        ),
        (
            "{on: trakcare-current, expect: pass}",
            "{on: nowhere, expect: pass}",
            r"OWN001\.yaml:11: example 1: there is no known-good deployment 'nowhere'; there is trakcare-current",
        ),
    ],
)
def test_an_example_that_does_not_hold_is_one_line(only: Path, old: str, new: str, expected: str) -> None:
    assert old in RULE
    found = faults(only, RULE.replace(old, new, 1))
    assert any(re.fullmatch(expected, fault) for fault in found), found
    assert not any("/subscriptions/" in fault for fault in found if "was not read" not in fault)


def test_the_rules_that_fail_too_are_exactly_those_that_are_named(only: Path) -> None:
    twin = RULE.replace("OWN001", "OWN002")
    one, other = faults(only, RULE, OWN002=twin)
    assert one == "OWN001.yaml:12: example 2 (a disk is too small): OWN002 fails too, and `also` does not name it"
    assert other.startswith("OWN002.yaml:12: ")
    also = [RULE.replace("because:", f"also: [{rule}]\n    because:") for rule in ("OWN002", "OWN001")]
    assert faults(only, also[0], OWN002=also[1].replace("id: OWN001", "id: OWN002")) == []
    (only / "OWN002.yaml").unlink()
    (found,) = faults(only, also[0])
    assert found.endswith("example 2 (a disk is too small): OWN002 does not fail, and `also` names it")


def test_an_invalid_rule_of_the_built_in_pack_is_refused(only: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Other commands do not validate the built-in pack."""
    (only / "OWN001.yaml").write_text(RULE.replace("severity: low", "severity: lowly"))
    assert main(["rules", "test"]) == exit_codes.USAGE
    assert "OWN001.yaml:3: severity must be one of" in capsys.readouterr().err


@pytest.mark.usefixtures("only")
@pytest.mark.parametrize("path", ["own", "own/pack.yaml"])
def test_there_has_to_be_a_rule(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules", "test", path]) == exit_codes.USAGE
    assert "has no rule to test" in capsys.readouterr().err


@pytest.mark.parametrize(("terminal", "shown"), [("xterm", True), ("dumb", False)])
def test_progress_is_one_line_of_a_terminal(monkeypatch: pytest.MonkeyPatch, terminal: str, shown: bool) -> None:
    screen = io.StringIO()
    monkeypatch.setattr(screen, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", terminal)
    monkeypatch.setenv("COLUMNS", "20")
    with live_line.open_line() as show:
        show("x" * 100)
        show("too soon after the last one")
    assert screen.getvalue() == (f"\r{'x' * 19}\x1b[K\r\x1b[K" if shown else "")
