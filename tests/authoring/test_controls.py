"""The controls of a framework, in a terminal and as CSV."""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING

from auditor.authoring import controls
from auditor.cli import exit_codes
from auditor.cli.main import main
from auditor.rules.maps import Basis, Evidence, Framework, Maps, Origin
from tests import estates
from tests.test_maps import built_in

if TYPE_CHECKING:
    import pytest

_ORIGIN = Origin("https://example.com", "1", "")
_HOSTILE = Framework("evil", "=cmd|'/c calc'!A1", "\x1b[2J", "https://example.com", {Basis.TEXT: _ORIGIN})


def test_a_framework_has_each_control_once_in_the_order_of_its_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules", "matrix", "--framework", "NIST-800-53"]) == exit_codes.OK
    shown = capsys.readouterr().out
    headed = re.findall(r"^([A-Z]{2}-[0-9()]+)$", shown, re.MULTILINE)
    rows = built_in().in_framework(built_in().framework("nist-800-53"))
    assert sorted(headed) == sorted({row.control for row in rows})
    assert headed.index("CP-4") < headed.index("CP-10")
    assert "evidence for a part of a control" in shown
    assert max(map(len, shown.splitlines())) <= 100
    assert "complian" not in shown.lower()


def test_without_a_framework_all_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules", "matrix"]) == exit_codes.OK
    names = capsys.readouterr().out.partition("frameworks, for --framework\n")[2].splitlines()
    assert [line.split()[0] for line in names] == list(built_in().frameworks)


def test_csv_has_a_row_for_each_control_and_rule(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules", "matrix", "-o", "csv"]) == exit_codes.OK
    found = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [(row["framework"], row["control"], row["rule"]) for row in found] == [
        (row.framework.name, row.control, row.rule)
        for framework in built_in().frameworks.values()
        for row in built_in().in_framework(framework)
    ]
    assert {row["relation"] for row in found} == {"evidence for a part of the control"}


def test_neither_format_has_control_codes_or_formulas_of_a_pack() -> None:
    evil = Evidence("AVL001", _HOSTILE, "@SUM(1)", Basis.TEXT, (), "+1\n\x1b[31m", "2026-11-30")
    found = Maps((), (evil,), {"evil": _HOSTILE})
    for form in controls.FORMATS:
        text = controls.render(found, _HOSTILE, [estates.pack()], "", form)
        assert "\x1b" not in text
    row = list(csv.reader(io.StringIO(text)))[1]
    assert not [value for value in row if value[:1] in {"=", "+", "@", "-"}]
    assert "\x1b" not in controls.render(found, None, [], "", "terminal")


def test_an_unknown_framework_or_format_is_an_error_of_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules", "matrix", "--framework", "nist-80-53"]) == exit_codes.USAGE
    assert "did you mean 'nist-800-53'?" in capsys.readouterr().err
    assert main(["rules", "matrix", "--framework", "nis2", "-o", "json"]) == exit_codes.USAGE
    assert "there is no output format 'json'" in capsys.readouterr().err


def test_a_rule_shows_its_public_checks_and_controls(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules", "show", "SEC002"]) == exit_codes.OK
    shown = capsys.readouterr().out
    assert "Azure Policy fc4d8e41-e223-45ea-9bf5-eada37891d87: stronger\n" in shown
    assert "a pass is evidence for a part of\n" in shown
    assert "NIST Special Publication 800-53 Rev. 5: SC-28(1)\n" in shown
    assert main(["rules", "show", "MIR028"]) == exit_codes.OK
    assert "public checks" not in capsys.readouterr().out
