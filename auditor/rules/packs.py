"""Rule packs: a folder with `pack.yaml` and one YAML file a rule, loaded and checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from auditor import bundled, yaml_documents
from auditor.azure.arm import canonical_type
from auditor.azure.types import KINDS
from auditor.errors import InputError
from auditor.estate.declaration import DeclaredDeployment
from auditor.rules.conditions import Compiled, CompiledRule, Compiler, ConditionError
from auditor.rules.model import Grade, Pack, Rule, Setting, Severity, Source, Statement, Target
from auditor.rules.registry import Fact
from auditor.yaml_documents import Document

PACK_FILE: Final = "pack.yaml"

DEFINED_SETTINGS: Final[Mapping[str, Setting]] = {
    "session_idle_minutes": Setting(default=15, min=1, max=24 * 60),
    "rto_dns_seconds": Setting(default=300, min=1, max=24 * 3600),
    "dr_capacity_ratio": Setting(default=1.0, min=0.1, max=1.0),
    "max_backup_age_hours": Setting(default=26, min=1, max=31 * 24),
}
"""Settings that every deployment file may have, whether or not a rule of the chosen packs reads them."""


class LoadedPack(msgspec.Struct, frozen=True):
    """A pack with all of its rules, by profile."""

    pack: Pack
    rules: Mapping[str, tuple[CompiledRule, ...]]


def load(folder: Path, facts: Mapping[str, Fact]) -> LoadedPack:
    """Load a pack.

    Raises:
        InputError: a file of it is wrong, or two rules have one id.
    """
    pack = _pack(yaml_documents.read(folder / PACK_FILE).check("pack"))
    rules: dict[str, list[CompiledRule]] = {profile: [] for profile in pack.profiles}
    found: dict[str, str] = {}
    for path in sorted(folder.glob("*.y*ml")):
        if path.name == PACK_FILE:
            continue
        document = yaml_documents.read(path).check("rule")
        value: Any = document.value
        if value["id"] in found:
            message = f"the rule {value['id']} is already in {found[value['id']]}"
            raise document.error(message, value, "id")
        found[value["id"]] = path.name
        for profile, loaded in _rule(document, pack, facts).items():
            rules[profile].append(loaded)
    return LoadedPack(pack, {profile: tuple(loaded) for profile, loaded in rules.items()})


def load_all(folders: Iterable[Path], facts: Mapping[str, Fact]) -> tuple[LoadedPack, ...]:
    """Load the built-in pack and further ones.

    Raises:
        InputError: a file of them is wrong.
    """
    return (load(bundled.PACK, facts), *(load(folder, facts) for folder in folders))


def select(packs: Iterable[LoadedPack], profile: str) -> tuple[CompiledRule, ...]:
    """Return the rules of a profile over all packs, by id.

    Raises:
        InputError: no pack has the profile, or two packs have a rule of one id.
    """
    chosen: dict[str, CompiledRule] = {}
    known: set[str] = set()
    for pack in packs:
        known.update(pack.rules)
        for loaded in pack.rules.get(profile, ()):
            other = chosen.get(loaded.rule.id)
            if other is not None:
                message = (
                    f"the rule {loaded.rule.id} is also in {other.rule.file}; packs add rules, they never override"
                )
                raise InputError(message, loaded.rule.file)
            chosen[loaded.rule.id] = loaded
    if profile not in known:
        message = f"there is no profile '{profile}'; there is {', '.join(sorted(known))}"
        raise InputError(message)
    return tuple(chosen[rule_id] for rule_id in sorted(chosen))


def ids(packs: Iterable[LoadedPack]) -> frozenset[str]:
    """Return the ids of the rules of all profiles."""
    return frozenset(loaded.rule.id for pack in packs for rules in pack.rules.values() for loaded in rules)


def check_settings(packs: Iterable[LoadedPack], deployments: Iterable[DeclaredDeployment]) -> None:
    """Check the settings of deployments against the rules that read them.

    Raises:
        InputError: no rule reads a setting, or it is out of bounds.
    """
    known: dict[str, Setting] = dict(DEFINED_SETTINGS)
    for pack in packs:
        for rules in pack.rules.values():
            for loaded in rules:
                for name, setting in loaded.rule.settings.items():
                    other = known.get(name, setting)
                    known[name] = Setting(setting.default, max(setting.min, other.min), min(setting.max, other.max))
    for deployment in deployments:
        for name, value in deployment.settings.items():
            line = deployment.setting_lines.get(name, 0)
            if name not in known:
                message = f"no rule reads the setting '{name}'; there is {', '.join(sorted(known))}"
                raise InputError(message, deployment.file, line)
            if not known[name].min <= value <= known[name].max:
                message = f"the setting '{name}' must lie between {known[name].min:g} and {known[name].max:g}"
                raise InputError(message, deployment.file, line)


def _pack(document: Document) -> Pack:
    """Return the pack of a `pack.yaml`."""
    value: Any = document.value
    source = value.get("source")
    return Pack(
        name=value["name"],
        title=value["title"],
        profiles=value["profiles"],
        statements={name: Statement(**statement) for name, statement in value["statements"].items()},
        source=Source(**source) if source else None,
    )


def _rule(document: Document, pack: Pack, facts: Mapping[str, Fact]) -> dict[str, CompiledRule]:
    """Return a rule as it stands in each of its profiles."""
    value: Any = document.value
    for index, name in enumerate(value.get("reference", ())):
        if name not in pack.statements:
            message = f"{PACK_FILE} has no statement '{name}'"
            raise document.error(message, value["reference"], index)
    settings = {name: Setting(**setting) for name, setting in value.get("settings", {}).items()}
    for name, setting in settings.items():
        if not setting.min <= setting.default <= setting.max:
            message = f"the default of the setting '{name}' must lie between its min and max"
            raise document.error(message, value["settings"], name)
    loaded: dict[str, CompiledRule] = {}
    for profile, changes in value["profiles"].items():
        if profile not in pack.profiles:
            message = f"{PACK_FILE} has no profile '{profile}'; it has {', '.join(pack.profiles)}"
            raise document.error(message, value["profiles"], profile)
        merged = {
            **value,
            **(changes or {}),
            "params": {**value.get("params", {}), **(changes or {}).get("params", {})},
        }
        rule = _in_profile(document, pack, merged, settings)
        try:
            compiled = tuple(_compile(rule, target, facts) for target in rule.targets)
        except ConditionError as error:
            place = _place(error.path, profile, changes or {})
            raise InputError(str(error), document.file, document.line_at(place)) from None
        loaded[profile] = CompiledRule(rule, compiled)
    return loaded


def _place(path: tuple[str | int, ...], profile: str, changes: Mapping[str, Any]) -> tuple[str | int, ...]:
    """Return where the file has a part of a rule: below the profile where that changes it."""
    key, *inner = path
    changed = inner[0] in changes.get("params", ()) if key == "params" else key in changes
    return ("profiles", profile, *path) if changed else path


def _in_profile(document: Document, pack: Pack, value: dict[str, Any], settings: Mapping[str, Setting]) -> Rule:
    """Return a rule of which a profile's changes have been merged in."""
    targets = tuple(
        Target(canonical_type(target.get("type", "")), target.get("kind", ""), tuple(target.get("role", ())))
        for target in value["for"]
    )
    return Rule(
        id=value["id"],
        title=value["title"],
        severity=Severity(value["severity"]),
        targets=targets,
        condition=value["assert"],
        why=value["why"],
        fix=value["fix"],
        when=value.get("when"),
        params=value["params"],
        settings=settings,
        grade=tuple(Grade(grade["when"], Severity(grade["severity"])) for grade in value.get("grade", ())),
        reference=tuple(value.get("reference", ())),
        sources=tuple(Source(**source) for source in value.get("sources", ())),
        profiles=tuple(value["profiles"]),
        examples=tuple(value["examples"]),
        pack=pack.name,
        file=document.file,
    )


def _compile(rule: Rule, target: Target, facts: Mapping[str, Fact]) -> Compiled:
    """Compile the conditions of a rule for one target.

    Raises:
        ConditionError: one of them makes no sense.
    """
    kind = target.kind or KINDS.get(target.type, target.type)
    kinds = (kind,) if kind in {"deployment", "subscription"} else (kind, "deployment")
    compiler = Compiler(facts, rule.params, rule.settings, kinds)
    return Compiled(
        when=compiler.compile(rule.when, ("when",)) if rule.when else None,
        condition=compiler.compile(rule.condition, ("assert",)),
        grade=tuple(
            (compiler.compile(grade.when, ("grade", index, "when")), grade.severity)
            for index, grade in enumerate(rule.grade)
        ),
    )
