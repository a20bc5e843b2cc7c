"""The shape of a trend, `auditor.trend/1`: what its formats render, and JSON holds."""

from __future__ import annotations

import datetime as dt
import enum
from typing import Literal

import msgspec

from auditor.report.document import Tool
from auditor.rules.model import Severity


class State(enum.StrEnum):
    """Whether a subject is as a rule requires."""

    BROKEN = "broken"
    UNKNOWN = "unknown"
    COMPLIANT = "compliant"


class ChangeKind(enum.StrEnum):
    """What happened to a finding between two reports."""

    BROKE = "broke"
    """It fails, and did not before, or its waiver is not in effect any more."""
    LOST_SIGHT = "lost sight"
    """It was broken or compliant, and is unknown now."""
    MENDED = "mended"
    """It was broken, and passes or does not apply now."""
    GONE = "gone"
    """It was broken, and its subject does not exist any more."""


class _Part(msgspec.Struct, frozen=True, rename="camel"):
    """A part of a trend; the order of its fields is that of its keys."""


class Report(_Part, frozen=True):
    """A report that was read."""

    file: str
    """The name of its file."""
    taken_at: dt.datetime
    """Its time, in UTC."""


class LeftOut(_Part, frozen=True):
    """A file that is not part of the history."""

    file: str
    """Its name."""
    why: str
    """Why it is left out."""


class Spell(_Part, frozen=True):
    """A number of days on which the state was the same, each with a report."""

    state: State | None
    """The state; null if the rule did not apply, or the subject did not exist."""
    first: dt.date
    """The first day."""
    last: dt.date
    """The last day."""
    days: int
    """The number of days that have a report."""


class Days(_Part, frozen=True):
    """The number of days of each state; days on which a rule did not apply count for none."""

    broken: int
    unknown: int
    compliant: int


class History(_Part, frozen=True):
    """The states of one rule for one subject."""

    rule: str
    """The rule's id."""
    text: str
    """What is wrong if it fails; of a rule that never failed its title, empty if no report has it."""
    deployment: str | None
    """The deployment; null if the subject is a subscription."""
    subject: str
    """The id of the subject."""
    kind: str
    """The resource type, or mirror, tier, deployment or subscription."""
    name: str
    """The name in Azure or in the deployment file."""
    region: str | None
    """The region; null if it has none."""
    state: State | None
    """The state in the last report."""
    severity: Severity | None
    """How bad the last fail is or was; null if it never failed."""
    waived: bool
    """Whether a waiver covers it in the last report."""
    broken_since: dt.date | None
    """The day on which it broke, if it was not seen mended since; the first day of all means: then or earlier."""
    days: Days
    """The number of days of each state."""
    broke: tuple[dt.date, ...]
    """When it broke."""
    mended: tuple[dt.date, ...]
    """When it was mended: it passes, or the rule does not apply any more."""
    gone: tuple[dt.date, ...]
    """When it was broken and its subject ceased to exist."""
    flaps: bool
    """Whether it broke again at least twice after it was mended."""
    change: ChangeKind | None
    """What happened between the last two reports."""
    spells: tuple[Spell, ...]
    """Its states, in the order of time."""


class Trend(_Part, frozen=True):
    """The history of a folder of reports. All days are those of UTC."""

    format: Literal["auditor.trend/1"]
    """The version of this format."""
    tool: Tool
    """The program that wrote it."""
    profile: str
    """The rule profile of the reports."""
    scopes: tuple[str, ...]
    """The subscriptions that the last report scanned."""
    since: dt.date | None
    """The first day that is shown; null for all of them."""
    reports: tuple[Report, ...]
    """The reports, in the order of time; also those before `since`."""
    left_out: tuple[LeftOut, ...]
    """The files that are not part of the history."""
    days: tuple[dt.date, ...]
    """The days that have a report and are shown."""
    findings: tuple[History, ...]
    """The histories: broken, then unknown, then compliant ones, worst first."""
