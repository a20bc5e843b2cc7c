"""The controls of frameworks with the rules that are evidence for a part of them, for terminals and spreadsheets."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Final

from auditor.escape import cell, printable

if TYPE_CHECKING:
    from auditor.rules.maps import Evidence, Framework, Maps
    from auditor.rules.model import Rule
    from auditor.rules.packs import LoadedPack

RELATION: Final = "evidence for a part of the control"
"""The only relation of a rule to a control."""

FORMATS: Final = ("terminal", "csv")

_WIDTH: Final = 100
_COLUMNS: Final = (
    *("framework", "version", "control", "rule", "severity", "title", "relation", "because"),
    *("basis", "by", "origin", "checked"),
)


def render(maps: Maps, framework: Framework | None, packs: Iterable[LoadedPack], before: str, form: str) -> str:
    """Return a framework in one of `FORMATS`; of no framework, all as CSV or their names behind a text."""
    if form == "csv":
        return _csv([framework] if framework else maps.frameworks.values(), maps, packs)
    return _table(framework, maps) if framework else f"{before}{_names(maps)}"


def _names(maps: Maps) -> str:
    """Return one line for each framework: its name for `--framework`, how many controls have rules, its title."""
    width = max(map(len, maps.frameworks), default=0)
    lines = [
        f"{framework.name:{width}}  {len({row.control for row in maps.in_framework(framework)}):3} controls  "
        f"{framework.title}, {framework.version}"
        for framework in maps.frameworks.values()
    ]
    return "".join(f"{printable(line)}\n" for line in ["frameworks, for --framework", *lines])


def _table(framework: Framework, maps: Maps) -> str:
    """Return the controls of a framework, each with the rules that have evidence for a part of it, and the reasons."""
    rows = maps.in_framework(framework)
    lines = [f"{framework.title}, {framework.version}", ""]
    lines += textwrap.wrap(
        "A pass of a rule is evidence for a part of a control, never for the whole: controls also ask for what people "
        "do and write. docs/evidence.md says what a pass shows.",
        _WIDTH,
    )
    for control, found in _by_control(rows).items():
        lines += ["", control]
        for because, rules in _by_reason(found).items():
            lines += _wrapped(", ".join(sorted(rules)))
            lines += _wrapped(because, "  ")
    return "".join(f"{printable(line)}\n" for line in lines)


def _csv(chosen: Iterable[Framework], maps: Maps, packs: Iterable[LoadedPack]) -> str:
    """Return CSV (RFC 4180) with a row for each control and rule of some frameworks; no cell is a formula."""
    rules = {loaded.rule.id: loaded.rule for pack in packs for of in pack.rules.values() for loaded in of}
    import csv  # noqa: PLC0415 - the parser of the command line imports this module, for every command

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n", quoting=csv.QUOTE_ALL)
    writer.writerow(_COLUMNS)
    for framework in chosen:
        for row in maps.in_framework(framework):
            writer.writerow(map(cell, _cells(row, rules)))
    return text.getvalue()


def _cells(row: Evidence, rules: Mapping[str, Rule]) -> Iterator[str]:
    rule = rules[row.rule]
    yield from (row.framework.name, row.framework.version, row.control)
    yield from (rule.id, rule.severity, rule.title, RELATION, row.because)
    yield from (row.basis, " ".join(row.by), str(row.framework.origins[row.basis]), row.checked)


def _by_control(rows: Iterable[Evidence]) -> dict[str, list[Evidence]]:
    """Return the rows by control, in the order of the controls' numbers."""
    found: dict[str, list[Evidence]] = {}
    for row in sorted(rows, key=lambda row: _numbers(row.control)):
        found.setdefault(row.control, []).append(row)
    return found


def _numbers(control: str) -> list[tuple[int, str]]:
    """Return what orders controls: numbers by value, other characters as they are."""
    parts = "".join(c if c.isdigit() else f" {c} " for c in control).split()
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]


def _by_reason(rows: Iterable[Evidence]) -> dict[str, list[str]]:
    """Return the rules by what is said of them: the reason, and who else says so."""
    found: dict[str, list[str]] = {}
    for row in rows:
        by = f" ({row.basis}: {', '.join(row.by)})" if row.by else ""
        found.setdefault(f"{row.because}{by}", []).append(row.rule)
    return found


def _wrapped(text: str, indent: str = "") -> list[str]:
    return textwrap.wrap(
        text, _WIDTH, initial_indent=f"  {indent}", subsequent_indent=f"  {indent}", break_on_hyphens=False
    )
