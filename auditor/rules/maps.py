"""Maps of a pack: which public checks ask for what its rules ask for, and of which controls a pass is evidence.

A pack has them in `maps/recommendations.yaml` and `maps/controls.yaml`, both optional. A scan reads them only for a
format that shows them.
"""

from __future__ import annotations

import difflib
import enum
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from auditor import bundled, yaml_documents
from auditor.errors import InputError
from auditor.rules.packs import LoadedPack
from auditor.yaml_documents import Document

FOLDER: Final = "maps"
RECOMMENDATIONS: Final = "recommendations.yaml"
CONTROLS: Final = "controls.yaml"


class Relation(enum.StrEnum):
    """How what a public check asks for compares with what a rule asks for; exactly one holds of two."""

    SAME = "same"
    """What passes one passes the other."""
    WEAKER = "weaker"
    """What passes the rule passes the public check, but not the other way round."""
    STRONGER = "stronger"
    """What passes the public check passes the rule, but not the other way round."""
    OVERLAPS = "overlaps"
    """Neither implies the other, and something passes both."""
    CONTRADICTS = "contradicts"
    """Nothing passes both."""


class Basis(enum.StrEnum):
    """Who says that a rule is evidence for a part of a control."""

    MICROSOFT = "microsoft"
    """An initiative of Azure Policy has a policy of the like under the control."""
    PROWLER = "prowler"
    """Prowler has a check of the like under the control."""
    PSRULE = "psrule"
    """PSRule for Azure labels a rule of the like with the control."""
    TEXT = "text"
    """We do, having read the control: `because` has the reason."""


class Origin(msgspec.Struct, frozen=True):
    """A place in a repository or publication at one version."""

    url: str
    """The repository."""
    version: str
    """The commit, or the version of a publication that has no commits."""
    path: str
    """The file in it; "" for all of it."""

    def __str__(self) -> str:
        """Return repository, path and short version in one line."""
        return " ".join(part for part in (self.url, self.path, f"at {self.version[:12]}") if part)


class PublicCheck(msgspec.Struct, frozen=True):
    """A check or recommendation of another tool."""

    system: str
    """The tool: APRL, Azure Policy, PSRule, Prowler, ..."""
    id: str
    origin: Origin
    checked: str
    """The date on which the id and what it asks for were last compared with the origin."""
    advisor: str = ""
    """The recommendationTypeId of Azure Advisor, "" if there is none."""


class Recommendation(msgspec.Struct, frozen=True):
    """A public check with its relation to a rule."""

    rule: str
    check: PublicCheck
    relation: Relation
    """Seen from the public check: `weaker` asks for less than the rule."""
    note: str
    profiles: tuple[str, ...]
    """The rule profiles in which the relation holds."""


class Framework(msgspec.Struct, frozen=True):
    """A framework of controls."""

    name: str
    """As in `--framework`."""
    title: str
    version: str
    url: str
    origins: Mapping[Basis, Origin]
    """Where the controls stand that a basis maps to."""


class Evidence(msgspec.Struct, frozen=True):
    """A rule whose pass is evidence for a part of a control. It never is for the whole control."""

    rule: str
    framework: Framework
    control: str
    basis: Basis
    by: tuple[str, ...]
    """The public checks that the basis maps to the control; empty for `text`."""
    because: str
    checked: str
    """The date on which the row was last compared with its origin."""


class Maps(msgspec.Struct, frozen=True):
    """The maps of all loaded packs, in the order of their files."""

    recommendations: tuple[Recommendation, ...]
    evidence: tuple[Evidence, ...]
    frameworks: Mapping[str, Framework]

    def recommendations_of(self, rule: str) -> list[Recommendation]:
        """Return the public checks that have a relation to a rule."""
        return [row for row in self.recommendations if row.rule == rule]

    def evidence_of(self, rule: str) -> list[Evidence]:
        """Return the controls for a part of which a pass of a rule is evidence."""
        return [row for row in self.evidence if row.rule == rule]

    def by_advisor(self, type_: str) -> list[Recommendation]:
        """Return the relations of a recommendation type of Azure Advisor, which is compared without regard to case."""
        return [row for row in self.recommendations if row.check.advisor == type_.lower() != ""]

    def in_framework(self, framework: Framework) -> list[Evidence]:
        """Return the rows of a framework."""
        return [row for row in self.evidence if row.framework == framework]

    def framework(self, name: str) -> Framework:
        """Return the framework of a name, in any case of letters.

        Raises:
            InputError: there is none.
        """
        known = {key.lower(): framework for key, framework in self.frameworks.items()}
        found = known.get(name.strip().lower())
        if found is None:
            near = difflib.get_close_matches(name.strip().lower(), known, 1)
            meant = f"did you mean '{near[0]}'? T" if near else "t"
            message = f"there is no framework '{name}'; {meant}here are {', '.join(sorted(known)) or 'none'}"
            raise InputError(message)
        return found


def load(packs: Iterable[LoadedPack], folders: Iterable[Path] = ()) -> Maps:
    """Load the maps of the built-in pack and of further ones; rows may name rules and frameworks of any of them.

    Args:
        packs: the loaded packs of the same folders.
        folders: the folders of the further packs.

    Raises:
        InputError: a file of maps is invalid, or names a rule, rule profile or framework that does not exist.
    """
    profiles: dict[str, list[str]] = {}
    for pack in packs:
        for profile, rules in pack.rules.items():
            for loaded in rules:
                profiles.setdefault(loaded.rule.id, []).append(profile)
    places = [folder / FOLDER for folder in (bundled.PACK, *folders)]
    checks = [_read(place / RECOMMENDATIONS, "recommendations") for place in places]
    controls = [_read(place / CONTROLS, "controls") for place in places]
    frameworks: dict[str, Framework] = {}
    for document in filter(None, controls):
        for name, framework in _frameworks(document):
            if name.lower() in {known.lower() for known in frameworks}:
                value: Any = document.value
                message = f"another pack has the framework '{name}' too"
                raise document.error(message, value["frameworks"], name)
            frameworks[name] = framework
    return Maps(
        tuple(row for document in filter(None, checks) for row in _recommendations(document, profiles)),
        tuple(row for document in filter(None, controls) for row in _evidence(document, profiles, frameworks)),
        frameworks,
    )


def _read(path: Path, schema: str) -> Document | None:
    """Return a file of maps, None if the pack has none."""
    return yaml_documents.read(path).check(schema) if path.exists() else None


def _recommendations(document: Document, profiles: Mapping[str, Sequence[str]]) -> Iterator[Recommendation]:
    value: Any = document.value
    found: set[tuple[str, str]] = set()
    for entry in value["checks"]:
        system = value["systems"].get(entry["system"])
        if system is None:
            message = f"`systems` has no '{entry['system']}'; it has {', '.join(value['systems'])}"
            raise document.error(message, entry, "system")
        key = (entry["system"], entry["id"].lower())
        if key in found:
            message = f"{entry['system']} {entry['id']} is in this file twice"
            raise document.error(message, entry, "id")
        found.add(key)
        check = PublicCheck(
            system=entry["system"],
            id=entry["id"],
            origin=Origin(system["url"], entry.get("version", system["version"]), entry.get("path", "")),
            checked=entry["checked"],
            advisor=entry.get("advisor", "").lower(),
        )
        related: set[tuple[str, str]] = set()
        for row in entry["rules"]:
            rule = row["rule"]
            known = _profiles(document, row, "rule", profiles)
            for index, profile in enumerate(row.get("profiles", ())):
                if profile not in known:
                    message = f"{rule} is not in the profile '{profile}'; it is in {', '.join(known)}"
                    raise document.error(message, row["profiles"], index)
            holding = tuple(row.get("profiles", known))
            if related & {(rule, profile) for profile in holding}:
                message = f"{entry['id']} has two relations to {rule} in one profile"
                raise document.error(message, row, "rule")
            related |= {(rule, profile) for profile in holding}
            yield Recommendation(rule, check, Relation(row["relation"]), " ".join(row["note"].split()), holding)
    for entry in value.get("none", ()):
        for index in range(len(entry["rules"])):
            _profiles(document, entry["rules"], index, profiles)


def _frameworks(document: Document) -> Iterator[tuple[str, Framework]]:
    value: Any = document.value
    for name, entry in value["frameworks"].items():
        origins = {
            Basis(basis): Origin(origin["url"], origin["version"], origin.get("path", ""))
            for basis, origin in entry["origins"].items()
        }
        yield name, Framework(name, entry["title"], entry["version"], entry["url"], origins)


def _evidence(
    document: Document, profiles: Mapping[str, Sequence[str]], frameworks: Mapping[str, Framework]
) -> Iterator[Evidence]:
    value: Any = document.value
    found: set[tuple[str, str, str, str]] = set()
    for entry in value["controls"]:
        framework = frameworks.get(entry["framework"])
        if framework is None:
            message = f"there is no framework '{entry['framework']}'; there are {', '.join(frameworks)}"
            raise document.error(message, entry, "framework")
        basis = Basis(entry["basis"])
        if basis not in framework.origins:
            message = f"the framework '{framework.name}' has no origin for the basis {basis}"
            raise document.error(message, entry, "basis")
        if (basis is Basis.TEXT) != ("by" not in entry):
            need = "has no 'by'" if basis is Basis.TEXT else "needs 'by': the public checks under the control"
            message = f"the basis {basis} {need}"
            raise document.error(message, entry, "basis")
        for index, rule in enumerate(entry["rules"]):
            _profiles(document, entry["rules"], index, profiles)
            key = (framework.name, entry["control"], basis.value, rule)
            if key in found:
                message = f"{rule} is evidence for {framework.name} {entry['control']} by {basis} twice"
                raise document.error(message, entry["rules"], index)
            found.add(key)
            because = " ".join(entry["because"].split())
            by = tuple(entry.get("by", ()))
            yield Evidence(rule, framework, entry["control"], basis, by, because, entry["checked"])
    for entry in value.get("none", ()):
        for index in range(len(entry["rules"])):
            _profiles(document, entry["rules"], index, profiles)


def _profiles(
    document: Document,
    container: Any,  # noqa: ANN401 - a mapping or list of a YAML file
    key: str | int,
    profiles: Mapping[str, Sequence[str]],
) -> Sequence[str]:
    """Return the rule profiles of the rule that a member of a container names."""
    rule = container[key]
    if rule not in profiles:
        near = difflib.get_close_matches(rule, profiles, 1)
        message = f"there is no rule '{rule}'" + (f"; did you mean '{near[0]}'?" if near else "")
        raise document.error(message, container, key)
    return profiles[rule]
