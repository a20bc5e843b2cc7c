"""The rules themselves: listed, shown, tried on their examples, begun."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from auditor import bundled, files
from auditor.authoring import examples
from auditor.errors import InputError
from auditor.escape import printable
from auditor.rules import packs
from auditor.rules.conditions import CompiledRule
from auditor.rules.facts import FACTS
from auditor.rules.model import Rule
from auditor.rules.packs import LoadedPack

_GROUP = re.compile(r"[A-Z]{2,8}")
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


def show(loaded: tuple[LoadedPack, ...], rule_id: str) -> str:
    """Return a rule for a reader: what it asks, why, on what it rests, how to mend it, and where it stands.

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
    lines += [f"severity   {rule.severity}", f"profiles   {', '.join(profile for _, profile, _ in found)}"]
    lines += [f"setting    {name}: {s.default:g} ({s.min:g} to {s.max:g})" for name, s in rule.settings.items()]
    for name in rule.reference:
        statement = pack.pack.statements[name]
        lines.append(f"reference  {name} ({statement.section}): {statement.text}")
        lines += [f"           today: {statement.today}"] if statement.today else []
    lines += [f"source     {source.title}, {source.date}: {source.url}" for source in rule.sources]
    lines += ["", rule.why, "", *(f"    {line}" for line in rule.fix.splitlines()), "", f"in {rule.file}"]
    return "\n".join(lines) + "\n"


def matrix(loaded: tuple[LoadedPack, ...]) -> str:
    """Return who asks for what, both ways: each statement with the rules that cite it, each rule with what it rests on.

    A statement that no rule cites says why. Sources are named by title; `show` has their addresses.
    """
    lines: list[str] = []
    for pack in loaded:
        rules = {rule.rule.id: rule.rule for of in pack.rules.values() for rule in of}
        lines += ["", f"{pack.pack.name}: statements"] if pack.pack.statements else []
        for name, statement in pack.pack.statements.items():
            citing = sorted(rule.id for rule in rules.values() if name in rule.reference)
            lines += _row(f"{name:6}", f"{statement.section}: {statement.text}")
            lines += _row("", f"-> {', '.join(citing) or f'no rule: {statement.unchecked}'}")
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


def check(path: Path | None, loaded: tuple[LoadedPack, ...]) -> tuple[int, list[examples.Failure]]:
    """Try the examples of a pack's folder, a rule file, or all packs; return how many there were and what failed.

    Raises:
        InputError: a file is wrong, or there is nothing to try.
    """
    if path is not None:
        if not path.exists():
            message = "cannot be read: there is no such file or folder"
            raise InputError(message, str(path))
        folder = path if path.is_dir() else path.parent
        if folder.resolve() == bundled.PACK.resolve():
            loaded = (packs.load(folder, FACTS),)
        else:
            loaded = (*loaded, packs.load(folder, FACTS))
    rules_of = {profile: packs.select(loaded, profile) for pack in loaded for profile in pack.rules}
    tried = list(_meant(path, rules_of))
    if not tried:
        message = "has no rule to try"
        raise InputError(message, str(path or ""))
    trial = examples.Trial(rules_of)
    failures = [failure for rule in tried for failure in trial.check(rule)]
    return sum(len(rule.examples) for rule in tried), failures


def _meant(path: Path | None, rules_of: Mapping[str, tuple[CompiledRule, ...]]) -> Iterator[Rule]:
    """Yield each rule, once, that a path means: a file, a folder, or all."""
    seen: set[str] = set()
    for rules in rules_of.values():
        for rule in (loaded.rule for loaded in rules):
            file = Path(rule.file).resolve()
            if rule.id not in seen and (path is None or path.resolve() in {file, file.parent}):
                seen.add(rule.id)
                yield rule


def new(group: str, folder: Path | None) -> Path:
    """Write the beginning of a rule under the next free id of a group, and return where.

    Raises:
        InputError: the group is no group, or there is no folder to write to.
    """
    if not _GROUP.fullmatch(group):
        message = f"'{group}' is not a group of rules; it takes two to eight capital letters, as in LB"
        raise InputError(message)
    if folder is None:
        if bundled.RULES.parent.name == "_data":
            message = "the built-in pack is installed, not checked out; name the folder of your own pack with --rules"
            raise InputError(message)
        folder = bundled.PACK
    if not (folder / packs.PACK_FILE).is_file():
        message = f"has no {packs.PACK_FILE}"
        raise InputError(message, str(folder))
    taken = [int(found.stem[len(group) :]) for found in folder.glob(f"{group}[0-9][0-9][0-9].yaml")]
    rule_id = f"{group}{max(taken, default=0) + 1:03}"
    path = folder / f"{rule_id}.yaml"
    files.write(path, _BEGINNING.format(id=rule_id).encode())
    return path


_BEGINNING = """\
# yaml-language-server: $schema=../../auditor/schema/rule.schema.json
id: {id}
title: What is true of a good deployment, as one sentence
severity: medium                   # critical | high | medium | low | info
sources:                           # or `reference: [S..]`, statements of pack.yaml
  - {{title: The page that asks for this, url: "https://learn.microsoft.com/azure/", date: 2026-01}}
for: [{{type: Microsoft.Compute/virtualMachines, role: [mirror-failover]}}]
assert: {{field: properties.provisioningState, equals: Succeeded}}
profiles: {{current: {{}}}}
why: What happens to the hospital where this is not so.
fix: az vm update -g RG -n VM
examples:
  - {{on: trakcare-current, expect: pass}}
  - on: trakcare-current
    expect: fail
    because: in one word, what was changed
    set: [{{resource: vm-db-a, path: properties.provisioningState, value: Failed}}]
  - {{on: trakcare-current, expect: unknown, because: the machine could not be read, gap: [vm-db-a]}}
"""
