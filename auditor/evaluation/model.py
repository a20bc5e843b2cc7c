"""Results of an evaluation: findings, exemptions and coverage."""

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
    """A time-limited exemption of a finding or a coverage gap, modelled on Azure Policy exemptions.

    It has either a `rule` or a `gap`.
    """

    scope: str
    """A glob over the ids of subjects, or over the scopes of gaps, compared without regard to case."""
    category: Literal["Waiver", "Mitigated"]
    """`Waiver`: the risk is accepted. `Mitigated`: the requirement is met by other means."""
    reason: str
    approved_by: str
    granted_on: dt.date
    expires_on: dt.date
    """The last day on which it is in effect."""
    rule: str = ""
    gap: str = ""
    """The resource type of the gaps to exempt."""
    ticket: str = ""
    observed: Mapping[str, object] = {}
    """Observed values by path: the waiver covers only findings whose evidence has these values."""
    file: str = ""
    line: int = 0

    @property
    def first_day(self) -> dt.date:
        """Return the first day on which it is in effect."""
        return self.granted_on

    @property
    def last_day(self) -> dt.date:
        """Return the last day on which it is in effect."""
        return self.expires_on


class Attestation(msgspec.Struct, frozen=True):
    """A manual sign-off for what Azure cannot show: it turns an unknown into a pass or a fail, and no other outcome."""

    rule: str
    scope: str
    """A glob over the ids of subjects, compared without regard to case."""
    attested_by: str
    attested_on: dt.date
    valid_until: dt.date
    """The last day on which it is in effect."""
    statement: str
    holds: bool = True
    """Whether the rule is met; if not, the unknown becomes a fail."""
    file: str = ""
    line: int = 0

    @property
    def first_day(self) -> dt.date:
        """Return the first day on which it is in effect."""
        return self.attested_on

    @property
    def last_day(self) -> dt.date:
        """Return the last day on which it is in effect."""
        return self.valid_until


class ExemptionState(enum.StrEnum):
    """BaselineState of an exemption on the evaluation date."""

    USED = "used"
    """In effect, and covers a finding or a gap."""
    EXPIRED = "expired"
    """Past its last day."""
    LAPSED = "lapsed"
    """Bound to a value that the finding does not have any more."""
    PENDING = "pending"
    """Before its first day."""
    UNUSED = "unused"
    """In effect, and covers nothing."""


_Exemption = TypeVar("_Exemption", Waiver, Attestation)


class ExemptionStatus(msgspec.Struct, Generic[_Exemption], frozen=True):
    """An exemption with its state.

    A waiver bound to a value can be used for one finding and lapsed for another; then there is a status for each.
    """

    exemption: _Exemption
    state: ExemptionState
    covers: int = 0
    """The number of findings and gaps that it covers, or would cover if it were in effect."""
    why: str = ""
    """Of a lapsed exemption, the first value that differs; of an unused one, why it covers nothing."""


class Outcome(enum.StrEnum):
    """Result of a rule for a subject."""

    FAIL = "fail"
    UNKNOWN = "unknown"
    ERROR = "error"
    PASS = "pass"  # noqa: S105 - an outcome, not a password
    NOT_APPLICABLE = "not_applicable"


class BaselineState(enum.StrEnum):
    """BaselineState of a finding relative to the baseline, worst first."""

    REGRESSED = "regressed"
    """It fails now, or more severely; the baseline had a pass, a not-applicable or a milder fail."""
    NEW = "new"
    """It fails now; the baseline had no such subject, or it was unknown there."""
    LOST_SIGHT = "lost sight"
    """It had an outcome, and is unknown or not visible now. Never `fixed` or `gone`."""
    FIXED = "fixed"
    """It failed, and passes or does not apply now."""
    GONE = "gone"
    """Its subject certainly does not exist, or does not belong to the deployment, any more."""
    DRIFTED = "drifted"
    """The outcome is the same, but a property that the rule reads has changed."""
    UNCHANGED = "unchanged"
    """The outcome is the same, and no property that the rule reads has changed."""


_SHOWN_REASONS: Final = 3


def fingerprint(rule: str, deployment: str, subject: str) -> str:
    """Return the fingerprint of the findings of a rule, a deployment ("" without one) and the id of a subject."""
    text = f"{rule}\n{deployment.casefold()}\n{subject.casefold()}"
    return hashlib.sha256(text.encode()).hexdigest()


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
    """The reasons of an unknown that have its cause, or the exception of an error, each once; optional ones only where
    there are no others."""
    gaps: tuple[Gap, ...] = ()
    """The gaps that alone make it unknown; empty where there is any other reason that is not optional."""
    about: tuple[str, ...] = ()
    """The ids of the resources in which the reasons lie."""
    optional: bool = False
    """Whether it is unknown only for lack of what a scan does not need: declarations, attestations, metrics."""
    waiver: Waiver | None = None
    """The waiver that covers it; the outcome does not change."""
    attestation: Attestation | None = None
    """The attestation that made an unknown a pass or a fail."""
    graded: str = ""
    """Why it has another severity than its rule: the reason of the grade that applies."""
    severity_is_sure: bool = True
    """False if it is unknown whether a grade changes the severity of a fail."""
    reads: tuple[tuple[str, str], ...] = ()
    """(resource key, path) of the properties read from watched resources."""
    state: BaselineState | None = None
    """Its state relative to the baseline; None without a baseline, or where the baseline has nothing to compare."""

    @property
    def reason(self) -> str:
        """Return the first reasons joined into one text, "" without any."""
        more = len(self.reasons) - _SHOWN_REASONS
        return "; ".join(self.reasons[:_SHOWN_REASONS]) + (f"; and {more} more" if more > 0 else "")

    @property
    def key(self) -> str:
        """Return the fingerprint; it depends on rule, deployment and subject, not on values, lines or severity."""
        return fingerprint(self.rule.id, self.deployment, self.subject.id)


class Carried(msgspec.Struct, frozen=True):
    """A finding of the previous report that this scan could not evaluate again; it stays open."""

    finding: Finding
    """As in the earlier report, except for `reasons` and `gaps`, which state why this run could not evaluate it."""
    last_seen: str
    """Time or date of the last report that evaluated it."""


class GuestFile(msgspec.Struct, frozen=True):
    """A file from inside a VM that was supplied."""

    vm: str
    """The ARM id of the VM."""
    name: str
    taken_at: str
    """RFC 3339 time; "" where the snapshot does not say."""
    replaced: bool
    """Whether it is in the place of files of the VM that the snapshot had."""


class Coverage(msgspec.Struct, frozen=True):
    """What was listed, which gaps there are, and what was not declared."""

    complete: bool
    """False if there is an open gap, an unknown that is neither exempt nor optional, or an error."""
    listed: tuple[tuple[str, str], ...]
    """(subscription, type) pairs of which every resource is in the snapshot."""
    gaps: tuple[Gap, ...]
    declarations: tuple[str, ...]
    """Declarations that a rule needs and the deployment file lacks, each with how to declare it."""
    waived: Mapping[Gap, Waiver] = {}
    """The gaps with a waiver in effect; they do not make the coverage incomplete."""
    guest_files: tuple[GuestFile, ...] = ()

    @property
    def open_gaps(self) -> tuple[Gap, ...]:
        """Return the gaps without a waiver in effect."""
        return tuple(gap for gap in self.gaps if gap not in self.waived)
