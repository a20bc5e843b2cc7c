"""Rule packs: folders with `pack.yaml` and one YAML file per rule, loaded and checked."""

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
from auditor.rules import remedies
from auditor.rules.conditions import Compiled, CompiledRule, Compiler, ConditionError, Test, unknown_because
from auditor.rules.model import Grade, Pack, Rule, Setting, Severity, Source, Statement, Target
from auditor.rules.registry import Fact
from auditor.snapshot.known import Unknown
from auditor.yaml_documents import Document

PACK_FILE: Final = "pack.yaml"

DEFINED_SETTINGS: Final[Mapping[str, Setting]] = {
    "session_idle_minutes": Setting(default=15, min=1, max=24 * 60),
    "rto_dns_seconds": Setting(default=300, min=1, max=24 * 3600),
    "dr_capacity_ratio": Setting(default=1.0, min=0.1, max=1.0),
    "max_backup_age_hours": Setting(default=26, min=1, max=31 * 24),
    "max_guest_age_days": Setting(default=7, min=1, max=366),
    "takeover_seconds": Setting(default=0, min=0, max=24 * 3600),
    "dr_decision_minutes": Setting(default=0, min=0, max=31 * 24 * 60),
}
"""Settings that every deployment file may have, even if no rule of the selected packs reads them."""


class LoadedPack(msgspec.Struct, frozen=True):
    """A pack with its rules by rule profile."""

    pack: Pack
    rules: Mapping[str, tuple[CompiledRule, ...]]


def load(folder: Path, facts: Mapping[str, Fact]) -> LoadedPack:
    """Load a pack.

    Raises:
        InputError: a file of the pack is invalid, or two rules have the same id.
    """
    pack = _pack(yaml_documents.read(folder / PACK_FILE).check("pack"))
    rules: dict[str, list[CompiledRule]] = {profile: [] for profile in pack.profiles}
    found: dict[str, str] = {}
    for path in rule_paths(folder):
        document = yaml_documents.read_rule(path).check("rule")
        value: Any = document.value
        if value["id"] in found:
            message = f"the rule {value['id']} is already in {found[value['id']]}"
            raise document.error(message, value, "id")
        found[value["id"]] = path.name
        for profile, loaded in _rule(document, pack, facts).items():
            rules[profile].append(loaded)
    return LoadedPack(pack, {profile: tuple(loaded) for profile, loaded in rules.items()})


def rule_paths(folder: Path) -> list[Path]:
    """Return the rule files of a pack."""
    return sorted(path for path in folder.glob("*.y*ml") if path.name != PACK_FILE)


def load_all(folders: Iterable[Path], facts: Mapping[str, Fact]) -> tuple[LoadedPack, ...]:
    """Load the built-in pack and further ones.

    Raises:
        InputError: a file of a pack is invalid.
    """
    return (load(bundled.PACK, facts), *(load(folder, facts) for folder in folders))


def select(packs: Iterable[LoadedPack], profile: str) -> tuple[CompiledRule, ...]:
    """Return the rules of a rule profile from all packs, sorted by id.

    Raises:
        InputError: no pack has the rule profile, or two packs have a rule with the same id.
    """
    chosen: dict[str, CompiledRule] = {}
    known: set[str] = set()
    for pack in packs:
        known.update(pack.rules)
        for loaded in pack.rules.get(profile, ()):
            other = chosen.get(loaded.rule.id)
            if other is not None:
                message = f"the rule {loaded.rule.id} is also in {other.rule.file}; packs cannot replace rules"
                raise InputError(message, loaded.rule.file)
            chosen[loaded.rule.id] = loaded
    if profile not in known:
        message = f"there is no rule profile '{profile}'; there are {', '.join(sorted(known))}"
        raise InputError(message)
    return tuple(chosen[rule_id] for rule_id in sorted(chosen))


def ids(packs: Iterable[LoadedPack]) -> frozenset[str]:
    """Return the ids of the rules of all rule profiles."""
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
                message = f"no rule reads the setting '{name}'; there are {', '.join(sorted(known))}"
                raise InputError(message, deployment.file, line)
            if not known[name].min <= value <= known[name].max:
                message = f"the setting '{name}' must be between {known[name].min:g} and {known[name].max:g}"
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
    """Return a rule for each of its rule profiles, with that profile's changes applied; without any, the same rule."""
    value: Any = document.value
    for index, name in enumerate(value.get("reference", ())):
        if name not in pack.statements:
            message = f"{PACK_FILE} has no statement '{name}'"
            raise document.error(message, value["reference"], index)
    settings = {name: Setting(**setting) for name, setting in value.get("settings", {}).items()}
    for name, setting in settings.items():
        if not setting.min <= setting.default <= setting.max:
            message = f"the default of the setting '{name}' must be between its min and max"
            raise document.error(message, value["settings"], name)
    loaded: dict[str, CompiledRule] = {}
    unchanged: CompiledRule | None = None
    for profile, changes in value["profiles"].items():
        if profile not in pack.profiles:
            message = f"{PACK_FILE} has no profile '{profile}'; it has {', '.join(pack.profiles)}"
            raise document.error(message, value["profiles"], profile)
        if unchanged and not changes:
            loaded[profile] = unchanged
            continue
        merged = {
            **value,
            **(changes or {}),
            "params": {**value.get("params", {}), **(changes or {}).get("params", {})},
        }
        try:
            rule = _in_profile(document, pack, merged, settings)
            compiled = tuple(_compile(rule, target, facts) for target in rule.targets)
        except ConditionError as error:
            place = _place(error.path, profile, changes or {})
            raise InputError(str(error), document.file, document.line_at(place)) from None
        loaded[profile] = CompiledRule(rule, compiled)
        unchanged = unchanged if changes else loaded[profile]
    return loaded


def _place(path: tuple[str | int, ...], profile: str, changes: Mapping[str, Any]) -> tuple[str | int, ...]:
    """Return the path of a rule's part in its file: below `profiles` if the rule profile changes that part."""
    key, *inner = path
    changed = inner[0] in changes.get("params", ()) if key == "params" else key in changes
    return ("profiles", profile, *path) if changed else path


def _in_profile(document: Document, pack: Pack, value: dict[str, Any], settings: Mapping[str, Setting]) -> Rule:
    """Return a rule from the content of its file, with the changes of a rule profile merged in.

    Raises:
        ConditionError: a step of the remedy is invalid.
    """
    targets = tuple(
        Target(canonical_type(target.get("type", "")), target.get("kind", ""), tuple(target.get("role", ())))
        for target in value["for"]
    )
    return Rule(
        id=value["id"],
        title=value["title"],
        severity=Severity(value["severity"]),
        targets=targets,
        condition=value.get("assert", {}),
        why=value["why"],
        fix=value["fix"],
        fails=" ".join(value.get("fails", "").split()),
        when=value.get("when"),
        attest=" ".join(value.get("attest", "").split()),
        params=value["params"],
        settings=settings,
        remedy=remedies.steps(value),
        grade=tuple(
            Grade(grade["when"], Severity(grade["severity"]), " ".join(grade.get("because", "").split()))
            for grade in value.get("grade", ())
        ),
        reference=tuple(value.get("reference", ())),
        sources=tuple(Source(**source) for source in value.get("sources", ())),
        profiles=tuple(value["profiles"]),
        pack=pack.name,
        file=document.file,
    )


def _unattested(rule: Rule) -> Test:
    """Return the condition of a rule by attestation: unknown, since only an attestation decides."""
    result = unknown_because(Unknown.unattested(rule.attest))
    return Test(lambda _context, _stack: None, lambda _context, _stack: result)


def _compile(rule: Rule, target: Target, facts: Mapping[str, Fact]) -> Compiled:
    """Compile the conditions of a rule for one target.

    Raises:
        ConditionError: a condition is invalid.
    """
    kind = target.kind or KINDS.get(target.type, target.type)
    kinds = (kind,) if kind in {"deployment", "subscription"} else (kind, "deployment")
    compiler = Compiler(facts, rule.params, rule.settings, kinds)
    return Compiled(
        when=compiler.compile(rule.when, ("when",)) if rule.when else None,
        condition=compiler.compile(rule.condition, ("assert",)) if rule.condition else _unattested(rule),
        grade=tuple(
            (compiler.compile(grade.when, ("grade", index, "when")), grade) for index, grade in enumerate(rule.grade)
        ),
    )
