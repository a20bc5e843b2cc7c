"""Rules and packs as frozen data."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Final

import msgspec


class Severity(enum.StrEnum):
    """The severity of a rule, worst first."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"


SEVERITIES: Final = tuple(Severity)
"""Worst first."""


Condition = Mapping[str, object]
"""A condition as a rule file has it; `auditor.rules.conditions` compiles it."""


class Target(msgspec.Struct, frozen=True):
    """What a rule evaluates: resources of a type, or subjects of a kind, in some roles."""

    type: str = ""
    """Lower-case resource type; "" if `kind` is given."""
    kind: str = ""
    roles: tuple[str, ...] = ()
    """Empty for any."""


class Setting(msgspec.Struct, frozen=True):
    """A parameter that the deployment file may set, within bounds."""

    default: float
    min: float
    max: float


class Grade(msgspec.Struct, frozen=True):
    """A condition that changes the severity of a fail."""

    when: Condition
    severity: Severity
    because: str = ""
    """Why the fail has this severity then: a clause without full stop."""


class Source(msgspec.Struct, frozen=True):
    """A page on which a rule rests."""

    title: str
    url: str
    date: str
    """The date of the page, in full or only its month or year."""
    read: str = ""
    """The date on which the page was last read for what the rule says of it."""


class Statement(msgspec.Struct, frozen=True):
    """A requirement of the reference architecture, in our words."""

    section: str
    text: str
    today: str = ""
    """What supersedes it today."""
    unchecked: str = ""
    """What no rule checks of it, and what would show that; "" if rules check all of it."""


class Pack(msgspec.Struct, frozen=True):
    """A set of rules and the reference architecture on which they rest."""

    name: str
    title: str
    profiles: Mapping[str, str]
    """A description by rule profile."""
    statements: Mapping[str, Statement]
    source: Source | None = None


class Disturbance(enum.StrEnum):
    """What a step of a remedy does to the system while it is done, mildest first."""

    NOTHING = "nothing"
    RECONNECTS = "reconnects"
    """Clients lose their connections once."""
    RESTARTS = "restarts a VM"
    RECREATES = "recreates a VM"


class Step(msgspec.Struct, frozen=True):
    """A command of a remedy before its placeholders are filled in."""

    words: tuple[str, ...]
    """The words of the command. They are split before they are filled in, so that no value becomes two words."""
    disturbs: Disturbance
    type: str = ""
    """The lower-case type of those resources in the evidence that it is done for; "" for the subject."""
    path: str = ""
    """The property that the evidence must name; up to the last `[*]` it is the part that the step is done for."""
    present: bool | None = None
    """Whether the property must be there, or absent, for an observation to count; None if either counts."""
    observed: tuple[str | float | bool | None, ...] = ()
    """The values of which one must be observed, texts in lower case; None for an absent property. Empty for any."""
    having: str = ""
    """A property that a resource must have; "" if none."""
    lacking: str = ""
    """A property that a resource must not have; "" if none."""
    other: tuple[str, str] = ("", "")
    """The type and path of a second place that the same observation must name, such as what is to be joined."""
    repeated: bool | str = False
    """Whether it is for resources without a value, and for all but one of those with the same value; "one" for one."""
    ungraded: bool = False
    """Whether it is only for fails whose severity no grade changed."""
    recreate: Mapping[str, str] | None = None
    """How the new VM differs where it recreates one, with placeholders; then it has no words."""
    stopped: bool = False
    """Whether the VM must be stopped for the command: it is, once for all such commands on it."""
    check: str = ""
    """What a person must check or do before the command, "" if nothing."""
    vm: str = ""
    """The VM that is disturbed, with placeholders; "" for the resource itself."""
    choices: Mapping[str, str] = {}
    """What a person must choose, by the name of its placeholder."""


class Rule(msgspec.Struct, frozen=True):
    """One rule of one rule profile, with that profile's changes applied."""

    id: str
    title: str
    severity: Severity
    targets: tuple[Target, ...]
    condition: Condition
    """What must be true; empty if `attest` has it."""
    why: str
    fix: str
    fails: str = ""
    """What is wrong when it fails, without full stop; "" if the file does not say."""
    when: Condition | None = None
    attest: str = ""
    """The sentence that a person must attest, since nothing in Azure shows it; "" if there is a condition."""
    params: Mapping[str, object] = {}
    settings: Mapping[str, Setting] = {}
    grade: tuple[Grade, ...] = ()
    remedy: tuple[Step, ...] = ()
    """The commands that correct a fail, in their order; empty if only `fix` says how."""
    reference: tuple[str, ...] = ()
    sources: tuple[Source, ...] = ()
    profiles: tuple[str, ...] = ()
    pack: str = ""
    file: str = ""

    @property
    def headline(self) -> str:
        """What is wrong when it fails."""
        return self.fails or not_as_required(self.title)


def not_as_required(title: str) -> str:
    """Return what is wrong when a rule fails that says only what it requires."""
    return f"Not as required: {title}"
