"""Results of judging: findings, exemptions and coverage."""

from __future__ import annotations

import datetime as dt
import enum
import hashlib
from collections.abc import Mapping
from typing import Final, Generic, Literal, TypeVar

import msgspec

from auditor.estate.subjects import Subject
from auditor.rules.evidence import Evidence
from auditor.rules.model import Rule, Severity
from auditor.snapshot.known import Cause
from auditor.snapshot.model import Gap


class Waiver(msgspec.Struct, frozen=True):
    """Leave for a finding, or for a gap, to stand for a while, in the words of Azure Policy exemptions.

    It has either a `rule` or a `gap`.
    """

    scope: str
    """A glob over the ids of subjects, or over the scopes of gaps, compared without regard to case."""
    category: Literal["Waiver", "Mitigated"]
    """Whether the risk is borne, or met by other means."""
    reason: str
    approved_by: str
    granted_on: dt.date
    expires_on: dt.date
    """The last day on which it holds."""
    rule: str = ""
    gap: str = ""
    """The resource type of which something need not be read."""
    ticket: str = ""
    observed: Mapping[str, object] = {}
    """By path, the values for which alone it was granted."""
    file: str = ""
    line: int = 0

    @property
    def first_day(self) -> dt.date:
        """Return the first day on which it holds."""
        return self.granted_on

    @property
    def last_day(self) -> dt.date:
        """Return the last day on which it holds."""
        return self.expires_on


class Attestation(msgspec.Struct, frozen=True):
    """The word of a person for what Azure cannot tell: it makes a pass of what is unknown, never of a fail."""

    rule: str
    scope: str
    """A glob over the ids of subjects, compared without regard to case."""
    attested_by: str
    attested_on: dt.date
    valid_until: dt.date
    """The last day on which it holds."""
    statement: str
    file: str = ""
    line: int = 0

    @property
    def first_day(self) -> dt.date:
        """Return the first day on which it holds."""
        return self.attested_on

    @property
    def last_day(self) -> dt.date:
        """Return the last day on which it holds."""
        return self.valid_until


class Standing(enum.StrEnum):
    """What a waiver or an attestation is worth on the date that counts."""

    USED = "used"
    EXPIRED = "expired"
    LAPSED = "lapsed"
    """Bound to a value that what it would cover does not show any more."""
    PENDING = "pending"
    """Its first day is still to come."""
    UNUSED = "unused"
    """There is nothing that it could cover."""


_Exception = TypeVar("_Exception", Waiver, Attestation)


class Stood(msgspec.Struct, Generic[_Exception], frozen=True):
    """How a waiver or an attestation stands; a bound one may be used for one finding and lapsed for another."""

    exception: _Exception
    standing: Standing
    covers: int = 0
    """To how many findings and gaps this applies."""
    why: str = ""
    """Of a lapsed one, the first value that is another now; of an unused one, why it covers nothing."""


class Outcome(enum.StrEnum):
    """What a rule says of a subject."""

    FAIL = "fail"
    UNKNOWN = "unknown"
    ERROR = "error"
    PASS = "pass"  # noqa: S105 - a verdict, not a password
    NOT_APPLICABLE = "not_applicable"


class State(enum.StrEnum):
    """What became of a finding since the baseline, worst first."""

    REGRESSED = "regressed"
    """It passed or did not apply, or failed less severely, and fails now."""
    NEW = "new"
    """It fails, and the baseline did not have its subject, or could not judge it."""
    LOST_SIGHT = "lost sight"
    """It was judged, and cannot be judged or seen now: never `fixed`, and never `gone`."""
    FIXED = "fixed"
    """It failed, and passes or does not apply now."""
    GONE = "gone"
    """What it was about is certainly not there any more."""
    DRIFTED = "drifted"
    """It comes out as before, and something that it looks at has moved."""
    UNCHANGED = "unchanged"


_SHOWN_REASONS: Final = 3


class Finding(msgspec.Struct, frozen=True):
    """The outcome of one rule for one subject of one deployment."""

    rule: Rule
    outcome: Outcome
    severity: Severity
    subject: Subject
    deployment: str
    evidence: tuple[Evidence, ...] = ()
    cause: Cause | None = None
    reasons: tuple[str, ...] = ()
    """Why it is not known, or what went wrong, each once."""
    other_causes: tuple[Cause, ...] = ()
    """Causes of which `reasons` does not speak, because `cause` comes before them."""
    waiver: Waiver | None = None
    """What lets it stand; the outcome stays what it is."""
    attestation: Attestation | None = None
    """Whose word makes it a pass."""
    severity_is_sure: bool = True
    """False where it cannot be told whether a circumstance makes a fail less severe."""
    reads: tuple[tuple[str, str], ...] = ()
    """(key of the resource, path) of what was looked at in those resources that were watched."""
    state: State | None = None
    """What became of it since the baseline; None where there is none, or it says nothing of this."""

    @property
    def reason(self) -> str:
        """Return the reasons as one text, of many the first, "" where there is none."""
        more = len(self.reasons) - _SHOWN_REASONS
        return "; ".join(self.reasons[:_SHOWN_REASONS]) + (f"; and {more} more" if more > 0 else "")

    @property
    def key(self) -> str:
        """Return the identity that survives every change of value, line and severity."""
        text = f"{self.rule.id}\n{self.deployment.casefold()}\n{self.subject.id.casefold()}"
        return hashlib.sha256(text.encode()).hexdigest()


class Carried(msgspec.Struct, frozen=True):
    """A finding of an earlier report that may still stand, for all that this run could see."""

    finding: Finding
    """As it was, but for its `reasons`, which say why it was not seen this time."""
    last_seen: str
    """The time, or the date, of the last report that saw it."""


class Coverage(msgspec.Struct, frozen=True):
    """How much of what had to be seen was seen."""

    complete: bool
    """False where a clean answer cannot be given."""
    listed: tuple[tuple[str, str], ...]
    """(subscription, type) pairs that were listed completely."""
    gaps: tuple[Gap, ...]
    declarations: tuple[str, ...]
    """What nobody declared and a rule needs, each with how to declare it."""
    waived: Mapping[Gap, Waiver] = {}
    """The gaps that do not make it incomplete."""

    @property
    def open_gaps(self) -> tuple[Gap, ...]:
        """Return the gaps that nobody waived."""
        return tuple(gap for gap in self.gaps if gap not in self.waived)
