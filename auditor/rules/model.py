"""Rules and packs as frozen data."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Final

import msgspec


class Severity(enum.StrEnum):
    """How bad a failed rule is, worst first."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"


SEVERITIES: Final = tuple(Severity)
"""Worst first."""


Condition = Mapping[str, object]
"""A condition as it stands in a rule file; `auditor.rules.conditions` gives it its meaning."""


class Target(msgspec.Struct, frozen=True):
    """What a rule judges: resources of a type, or a kind of subject, in these roles."""

    type: str = ""
    """Lower-case resource type; "" where `kind` is given."""
    kind: str = ""
    roles: tuple[str, ...] = ()
    """Empty for any."""


class Setting(msgspec.Struct, frozen=True):
    """A parameter that the deployment file may set, within bounds."""

    default: float
    min: float
    max: float


class Grade(msgspec.Struct, frozen=True):
    """A circumstance that changes the severity of a failure."""

    when: Condition
    severity: Severity


class Source(msgspec.Struct, frozen=True):
    """A page on which a rule rests."""

    title: str
    url: str
    date: str


class Statement(msgspec.Struct, frozen=True):
    """What the reference asks for, in our words."""

    section: str
    text: str
    today: str = ""
    """What supersedes it today."""
    unchecked: str = ""
    """Why no rule checks it."""


class Pack(msgspec.Struct, frozen=True):
    """A set of rules and the reference that they rest on."""

    name: str
    title: str
    profiles: Mapping[str, str]
    """What each profile stands for."""
    statements: Mapping[str, Statement]
    source: Source | None = None


class Rule(msgspec.Struct, frozen=True):
    """One rule of one profile: the profile's changes to parameters, severity and condition are already in it."""

    id: str
    title: str
    severity: Severity
    targets: tuple[Target, ...]
    condition: Condition
    why: str
    fix: str
    when: Condition | None = None
    params: Mapping[str, object] = {}
    settings: Mapping[str, Setting] = {}
    grade: tuple[Grade, ...] = ()
    reference: tuple[str, ...] = ()
    sources: tuple[Source, ...] = ()
    profiles: tuple[str, ...] = ()
    examples: tuple[Mapping[str, object], ...] = ()
    pack: str = ""
    file: str = ""
