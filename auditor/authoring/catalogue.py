"""Listings of rules: all of a profile, one in full, and the matrix of statements and rules."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from pathlib import Path

from auditor.errors import InputError
from auditor.escape import printable
from auditor.rules import packs
from auditor.rules.facts import FACTS
from auditor.rules.maps import Maps
from auditor.rules.packs import LoadedPack

_WIDTH = 100


def load(folders: Iterable[Path] = ()) -> tuple[LoadedPack, ...]:
    """Load the built-in pack and further ones, with every fact.

    Raises:
        InputError: a file of them is wrong.
    """
    return packs.load_all(folders, FACTS)


def listing(loaded: tuple[LoadedPack, ...], profile: str) -> str:
    """Return one line a rule of a profile: id, severity, title."""
    rules = packs.select(loaded, profile)
    return "".join(f"{rule.rule.id:8} {rule.rule.severity:9} {rule.rule.title}\n" for rule in rules)


def show(loaded: tuple[LoadedPack, ...], maps: Maps, rule_id: str) -> str:
    """Return a rule for a reader: what it asks, why, on what it rests, how to mend it, and where it stands.

    Also which public checks are about the same, and for a part of which controls a pass is evidence.

    Raises:
        InputError: there is no rule of that id.
    """
    found = [
        (pack, profile, rule.rule)
        for pack in loaded
        for profile, rules in pack.rules.items()
        for rule in rules
        if rule.rule.id.lower() == rule_id.lower()
    ]
    if not found:
        message = f"there is no rule '{rule_id}'; auditor rules list names them"
        raise InputError(message)
    pack, _, rule = found[0]
    lines = [f"{rule.id}  {rule.title}", ""]
    lines += [f"if not     {rule.headline}"]
    lines += [f"severity   {rule.severity}", f"profiles   {', '.join(profile for _, profile, _ in found)}"]
    lines += [f"setting    {name}: {s.default:g} ({s.min:g} to {s.max:g})" for name, s in rule.settings.items()]
    for name in rule.reference:
        statement = pack.pack.statements[name]
        lines.append(f"reference  {name} ({statement.section}): {statement.text}")
        lines += [f"           today: {statement.today}"] if statement.today else []
    lines += [f"source     {source.title}, {source.date}: {source.url}" for source in rule.sources]
    lines += [f"attest     {rule.attest}"] if rule.attest else []
    lines += ["", rule.why, "", *(f"    {line}" for line in rule.fix.splitlines()), ""]
    lines += _elsewhere(maps, rule.id, len(rule.profiles))
    return "\n".join([*lines, f"in {rule.file}"]) + "\n"


def _elsewhere(maps: Maps, rule: str, profiles: int) -> list[str]:
    """Return what others say of the same: public checks with their relation, and controls."""
    lines: list[str] = []
    found = maps.recommendations_of(rule)
    lines += ["public checks, compared with this rule"] if found else []
    for row in found:
        advisor = f" (Azure Advisor {row.check.advisor})" if row.check.advisor else ""
        holds = f", in {', '.join(row.profiles)}" if len(row.profiles) < profiles else ""
        lines += _row("   ", f"{row.check.system} {row.check.id}{advisor}: {row.relation}{holds}")
        lines += _row("      ", row.note)
    lines += [""] if found else []
    evidence = maps.evidence_of(rule)
    lines += ["a pass is evidence for a part of"] if evidence else []
    for item in evidence:
        lines += _row("   ", f"{item.framework.title} {item.framework.version}: {item.control}")
        lines += _row("      ", item.because)
    return [*lines, ""] if evidence else lines


def matrix(loaded: tuple[LoadedPack, ...]) -> str:
    """Return who asks for what, both ways: each statement with the rules that cite it, each rule with what it rests on.

    A statement that rules do not check, or only in part, says what would show the rest. Sources are named by title;
    `show` has their addresses.
    """
    lines: list[str] = []
    for pack in loaded:
        rules = {rule.rule.id: rule.rule for of in pack.rules.values() for rule in of}
        citing = {
            name: sorted(rule.id for rule in rules.values() if name in rule.reference) for name in pack.pack.statements
        }
        if citing:
            whole = sum(bool(found) and not pack.pack.statements[name].unchecked for name, found in citing.items())
            part = sum(bool(found) for found in citing.values()) - whole
            lines += ["", f"{pack.pack.name}: statements"]
            lines += _row("", f"of {len(citing)}, rules check {whole} and {part} more in part")
        for name, statement in pack.pack.statements.items():
            lines += _row(f"{name:6}", f"{statement.section}: {statement.text}")
            found = [f"{rule} (by attestation)" if rules[rule].attest else rule for rule in citing[name]]
            lines += _row("", f"-> {', '.join(found) or 'no rule'}")
            lines += _row("", f"unchecked: {statement.unchecked}") if statement.unchecked else []
        lines += ["", f"{pack.pack.name}: rules"]
        for rule in (rules[rule_id] for rule_id in sorted(rules)):
            lines += _row(f"{rule.id:9} {rule.severity:9}", rule.title)
            lines += _row(" " * 19, f"in {', '.join(rule.profiles)}")
            lines += _row(" " * 19, f"<- {', '.join(rule.reference)}") if rule.reference else []
            for source in rule.sources:
                lines += _row(" " * 19, f"<- {source.title} ({source.date})")
    return "\n".join(lines[1:]) + "\n"


def _row(lead: str, text: str) -> list[str]:
    """Return a paragraph behind a lead, wrapped to `_WIDTH`; its further lines stand to the right of `->` and `<-`."""
    first = f"{lead} " if lead.strip() else " " * (len(lead) or 6) + " "
    further = " " * (len(first) + 3 * text.startswith(("->", "<-")))
    return textwrap.wrap(
        printable(" ".join(text.split())),
        _WIDTH,
        initial_indent=first,
        subsequent_indent=further,
        break_long_words=False,
        break_on_hyphens=False,
    )
