"""The nouns of the auditor: frozen data without I/O, from what Azure said to what is reported."""

from __future__ import annotations

import datetime as dt
import enum
import hashlib
from collections.abc import Mapping
from typing import Final, Generic, Literal, TypeVar

import msgspec

from auditor import arm
from auditor.values import Cause

# --- what was read from Azure -----------------------------------------------------------------------------------------


class GapReason(enum.StrEnum):
    """Why something could not be read."""

    FORBIDDEN = "forbidden"
    THROTTLED = "throttled"
    TIMEOUT = "timeout"
    UNAVAILABLE = "unavailable"
    MALFORMED = "malformed"
    UNSUPPORTED = "unsupported"
    NOT_REQUESTED = "not-requested"


class Gap(msgspec.Struct, frozen=True, omit_defaults=True):
    """Something that was not read, so that nothing may be concluded from its absence."""

    scope: str
    """The ARM id of the subscription, resource group or resource that was asked."""
    what: str
    """The resource type, or within a resource the property path, that is missing."""
    reason: GapReason
    code: str = ""
    """Azure's error code, for example `AuthorizationFailed`."""
    permission: str = ""
    """The action that the caller would need."""
    detail: str = ""
    """What went wrong in particular, or what to do about it, for a human."""
    call: str = ""
    """The request that was not answered as it should be, for example `GET /subscriptions/...`; "" where none was."""

    def __str__(self) -> str:
        """Return the gap as one sentence without a full stop."""
        text = f"{self.what} in {self.scope} was not read ({self.reason}{': ' + self.code if self.code else ''})"
        if self.permission:
            text += f", which needs {self.permission}"
        return f"{text}; {self.detail}" if self.detail else text


class Resource(msgspec.Struct, frozen=True):
    """One Azure resource as the API returned it."""

    id: str
    body: dict[str, object]
    call: str = ""
    """The request that returned it, for example `GET /subscriptions/.../virtualMachines`."""
    key: str = ""
    """The id in the form in which it is compared."""
    type: str = ""
    """The lower-case resource type."""
    unread: tuple[Gap, ...] = ()
    """What is missing of the body; a `what` that is the resource's type stands for all that the body lacks."""

    path: Final = ""

    @property
    def resource(self) -> Resource:
        """Return itself: a resource is an element with the empty path."""
        return self

    @property
    def name(self) -> str:
        """Return the name as Azure spelled it in the id."""
        return arm.name_of(self.id)

    @property
    def location(self) -> str:
        """Return the normalised region, "" where the body has none."""
        found = self.body.get("location")
        return arm.location(found) if isinstance(found, str) else ""


def resource(body: dict[str, object], arm_id: str, call: str = "", unread: tuple[Gap, ...] = ()) -> Resource:
    """Return the resource of a body whose id is known."""
    key = arm.key(arm_id)
    return Resource(id=arm_id, body=body, call=call, key=key, type=arm.type_of(key), unread=unread)


class Part(msgspec.Struct, frozen=True):
    """A piece of a resource that rules speak of by itself: a rule of a load balancer, an attached disk, an endpoint."""

    resource: Resource
    path: str
    body: object

    @property
    def id(self) -> str:
        """Return the ARM id of the part where Azure gives it one, else the resource's id with the path behind `#`."""
        found = self.body.get("id") if isinstance(self.body, dict) else None
        return found if isinstance(found, str) else f"{self.resource.id}#{self.path}"

    @property
    def key(self) -> str:
        """Return the id in the form in which it is compared."""
        return arm.key(self.id)


class Approval(msgspec.Struct, frozen=True):
    """Who made a snapshot the one that later ones are compared with."""

    by: str
    at: str
    """RFC 3339 time."""
    reason: str


class Snapshot(msgspec.Struct, frozen=True):
    """All that is known of the subscriptions at one time; nothing is judged that is not in here."""

    taken_at: str
    """RFC 3339 time at which reading began; "" where the file does not say."""
    scopes: tuple[str, ...]
    """The subscriptions (`/subscriptions/<guid>`) that were asked for."""
    resources: tuple[Resource, ...]
    """Sorted by key."""
    listed: frozenset[tuple[str, str]]
    """(subscription key, type) pairs of which every resource is here."""
    gaps: tuple[Gap, ...]
    skus: tuple[Mapping[str, object], ...] = ()
    """Records of `Microsoft.Compute/skus`."""
    cloud: str = "AzureCloud"
    identity: str = ""
    """Who read it, as Azure names the principal."""
    deployment: str = ""
    """The text of the deployment file in force when it was taken."""
    approved: Approval | None = None


# --- what the user declares -------------------------------------------------------------------------------------------


class Role(enum.StrEnum):
    """What a machine is there for."""

    MIRROR_FAILOVER = "mirror-failover"
    MIRROR_ARBITER = "mirror-arbiter"
    MIRROR_DR = "mirror-dr"
    MIRROR_REPORTING = "mirror-reporting"
    DB = "db"
    APP = "app"
    WEB = "web"
    PRINT = "print"


class BalancerRole(enum.StrEnum):
    """What a load balancer is there for, which follows from whom it serves."""

    WEB = "web-lb"
    MIRROR = "mirror-lb"


class Selector(msgspec.Struct, frozen=True):
    """One entry of a list of members: a name, an ARM id, a name glob or a tag."""

    kind: Literal["name", "id", "glob", "tag"]
    value: str
    """The name, id, glob or wanted tag value."""
    tag: str = ""
    """The tag's name where the kind is `tag`."""
    line: int = 0
    """Where the deployment file has it; 0 where it comes from somewhere else."""

    def __str__(self) -> str:
        """Return it as one would say it."""
        return f"tag {self.tag}={self.value}" if self.kind == "tag" else self.value


class Roster(msgspec.Struct, frozen=True):
    """Who plays a role: nobody said (`declared` false), none on purpose (declared and empty), or these."""

    declared: bool = False
    selectors: tuple[Selector, ...] = ()
    line: int = 0

    @property
    def none(self) -> bool:
        """Tell whether the role was declared to be empty."""
        return self.declared and not self.selectors


class DeclaredMirror(msgspec.Struct, frozen=True):
    """A mirror as the deployment file has it."""

    name: str
    product: str
    address_kind: Literal["load-balancer", "secondary-ip", "none"]
    failover: Roster
    arbiter: Roster = Roster()
    dr: Roster = Roster()
    reporting: Roster = Roster()
    disks: Mapping[str, tuple[int, ...]] = {}
    """LUNs by purpose (`journal`, `wij`)."""
    line: int = 0


class DeclaredTier(msgspec.Struct, frozen=True):
    """A tier as the deployment file has it."""

    role: Role
    members: Roster
    product: str = ""
    line: int = 0


class DeclaredDeployment(msgspec.Struct, frozen=True):
    """A deployment as its file, or the tags of its machines, declare it."""

    name: str
    product: str = ""
    environment: Literal["production", "non-production"] = "production"
    subscriptions: tuple[str, ...] = ()
    """Keys of the subscriptions that it lies in; empty for all that were scanned."""
    primary_region: str = ""
    dr_region: str = ""
    """"" where nobody said; `none` where there is none on purpose."""
    mirrors: tuple[DeclaredMirror, ...] | None = None
    """Empty where there are none on purpose, None where nobody said."""
    tagged_mirrors: bool = False
    """Whether tags alone name the mirrors, so that a tag that was not read may name another."""
    tiers: tuple[DeclaredTier, ...] | None = None
    """Likewise."""
    resource_groups: tuple[str, ...] = ()
    """Lower-case names of groups that belong to it as a whole."""
    guest: Literal["optional", "required"] = "optional"
    settings: Mapping[str, float] = {}
    setting_lines: Mapping[str, int] = {}
    file: str = ""
    line: int = 0


# --- rules ------------------------------------------------------------------------------------------------------------


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
"""A condition as it stands in a rule file; `auditor.conditions` gives it its meaning."""


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


# --- exceptions -------------------------------------------------------------------------------------------------------


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


# --- verdicts ---------------------------------------------------------------------------------------------------------


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


class Evidence(msgspec.Struct, frozen=True):
    """One observation that decided a verdict."""

    resource: str
    """The ARM id, or the id of the subject for a computed value."""
    path: str
    """The property, or the name of the fact for a computed value."""
    observed: object
    """None where the property was missing."""
    expected: str
    reads: tuple[tuple[str, str, object], ...] = ()
    """For a computed value: (resource, path, observed) of all that went into it."""


class Subject(msgspec.Struct, frozen=True):
    """What a finding is about."""

    id: str
    kind: str
    name: str
    region: str = ""
    line: int = 0
    """The line of the deployment file that declares it and nothing else, 0 where there is none."""


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


# --- drift ------------------------------------------------------------------------------------------------------------


class FindingChange(msgspec.Struct, frozen=True):
    """A finding whose state is any but `unchanged`."""

    state: State
    before: Finding | None
    """None where the baseline had no such finding."""
    after: Finding | None
    """None where there is none now."""
    reason: str = ""
    """Why it cannot be seen, where there is no finding that says so."""

    @property
    def finding(self) -> Finding:
        """Return the finding as it is now, or was where there is none now."""
        return next(filter(None, (self.after, self.before)))


class Fate(enum.StrEnum):
    """What became of a resource since the baseline."""

    ADDED = "added"
    REMOVED = "removed"
    RECREATED = "recreated"
    """Another resource bears its id now."""
    MOVED = "moved"
    """It lies in another resource group or subscription."""
    RENAMED = "renamed"
    CHANGED = "changed"
    LOST_SIGHT = "lost sight"
    """It, or some of its properties, cannot be seen now."""


class PropertyChange(msgspec.Struct, frozen=True):
    """A property that moved."""

    path: str
    """Its path, in which members of lists go by what names them: `properties.probes[name=web].properties.port`."""
    before: object
    """None where it was missing."""
    after: object
    """None where it is missing."""
    rules: tuple[str, ...] = ()
    """The ids of the rules that look at it."""


class ResourceChange(msgspec.Struct, frozen=True):
    """A resource of which something moved."""

    id: str
    """The ARM id as it is now, or was where there is none now."""
    fate: Fate
    former_id: str = ""
    """The id before it was moved or renamed."""
    properties: tuple[PropertyChange, ...] = ()
    rules: tuple[str, ...] = ()
    """The ids of the rules that look at anything in it."""
    reason: str = ""
    """Why it cannot be seen."""


class Baseline(msgspec.Struct, frozen=True):
    """The approved snapshot with which was compared."""

    taken_at: str
    scopes: tuple[str, ...]
    approved: Approval | None
    gaps: tuple[Gap, ...]
    """What it could not see, so that nothing is compared with it."""


class Drift(msgspec.Struct, frozen=True):
    """What has moved since the baseline."""

    baseline: Baseline
    findings: tuple[FindingChange, ...]
    """Worst first."""
    resources: tuple[ResourceChange, ...]
    """By id."""


# --- the report -------------------------------------------------------------------------------------------------------


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


class Report(msgspec.Struct, frozen=True):
    """The result of a scan; every format shows the same one."""

    profile: str
    as_of: str
    """The calendar date against which retirements and expiries count."""
    snapshot: Snapshot
    findings: tuple[Finding, ...]
    """All of them, also passes; worst first within a deployment."""
    coverage: Coverage
    packs: tuple[Pack, ...]
    rules: tuple[Rule, ...]
    deployment_file: str = ""
    """The path of the deployment file, "" where none was given."""
    carried: tuple[Carried, ...] = ()
    """Of the fails, and of what could not be read, of an earlier report: what this run lost sight of."""
    waivers: tuple[Stood[Waiver], ...] = ()
    """By file and line."""
    attestations: tuple[Stood[Attestation], ...] = ()
    """Likewise."""
    drift: Drift | None = None
