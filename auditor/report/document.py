"""The shape of a report, `auditor.report/1`: what formats render, JSON holds and later runs read back.

Evidence is that of `rules/evidence.py`, the parts of a picture are those of `evaluation/picture/model.py`.
`schema/report.schema.json` is generated from these classes and their docstrings by `make docs`. An unknown string is
null, never empty.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from auditor.azure import arm
from auditor.azure.types.names import GUEST_FILE
from auditor.evaluation.drift.model import ResourceChangeKind
from auditor.evaluation.model import BaselineState, Outcome
from auditor.evaluation.picture.model import Picture
from auditor.losses.loss import LossKind
from auditor.rules.evidence import Evidence, Json, Text
from auditor.rules.maps import Basis, Relation
from auditor.rules.model import Disturbance, Severity
from auditor.snapshot.known import Cause
from auditor.snapshot.model import GapReason

Count = Annotated[int, Meta(ge=0)]
Line = Annotated[int, Meta(ge=0)]
Fingerprint = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]


class _Part(msgspec.Struct, frozen=True, rename="camel"):
    """A part of a report; the order of its fields is that of its keys."""


# --- findings ---------------------------------------------------------------------------------------------------------


class Subject(_Part, frozen=True):
    """What a finding is about."""

    id: str
    """An ARM id, or `<deployment>`, `<deployment>/mirrors/<name>`, `<deployment>/tiers/<role>[/<product>]/<region>`."""
    kind: str
    """The resource type, or mirror, tier, deployment or subscription."""
    name: str
    """The name in Azure or in the deployment file."""
    region: Text | None
    """The region; null if it has none."""
    line: Annotated[int, Meta(ge=1)] | None
    """The line of the deployment file that declares this subject alone; null if there is none."""


class Source(_Part, frozen=True, omit_defaults=True):
    """A web page on which a rule rests."""

    title: str
    """Its title."""
    url: str
    """Its address."""
    date: str
    """Its date, in full or only its month or year."""
    read: Text | None = None
    """The date on which it was last read for what the rule says of it; absent if the rule does not state it."""


class Waiver(_Part, frozen=True):
    """A time-limited exemption of findings or coverage gaps."""

    rule: Text | None
    """The rule whose findings it covers; null if it covers gaps."""
    gap: Text | None
    """The resource type whose gaps it covers; null if it covers findings."""
    scope: Text
    """A glob over the ids of subjects, or over the scopes of gaps."""
    category: Literal["Waiver", "Mitigated"]
    """`Waiver`: the risk is accepted. `Mitigated`: the requirement is met by other means."""
    reason: Text
    """Why it was granted."""
    approved_by: Text
    """Who granted it."""
    ticket: Text | None
    """Where that is recorded."""
    granted_on: dt.date
    """The first day on which it is in effect."""
    expires_on: dt.date
    """The last day on which it is in effect."""
    observed: Annotated[Mapping[str, Json], Meta(min_length=1)] | None
    """The observed values that it is bound to, by path; null if it is bound to none."""
    file: Text
    """The file that contains it."""
    line: Line
    """The line in that file."""


class Attestation(_Part, frozen=True, kw_only=True):
    """A manual sign-off for what Azure cannot show."""

    rule: Text
    """The rule whose unknowns it turns into passes or fails."""
    scope: Text
    """A glob over the ids of subjects."""
    statement: Text
    """What is attested."""
    holds: bool = True
    """Whether the rule is met; if not, an unknown becomes a fail."""
    attested_by: Text
    """Who attests it."""
    attested_on: dt.date
    """The first day on which it is in effect."""
    valid_until: dt.date
    """The last day on which it is in effect."""
    file: Text
    """The file that contains it."""
    line: Line
    """The line in that file."""


class RemedyStep(_Part, frozen=True, omit_defaults=True, kw_only=True):
    """A step that corrects a finding: a command, or what a person must check before the next one."""

    command: Text | None = None
    """One line for a shell, quoted; a choice is a variable, such as `"${SIZE:?}"`; absent if `text` is there."""
    text: Text | None = None
    """What a person must check or wait for."""
    disturbs: Disturbance = Disturbance.NOTHING
    """What it does to the system while it is done; absent if nothing."""
    vm: Text | None = None
    """The ARM id of the VM that it restarts or recreates; absent if there is none."""
    choices: Annotated[Mapping[Text, str], Meta(min_length=1)] = {}
    """What a person must choose, by the name of the variable; absent if there is no choice."""


class Finding(_Part, frozen=True, omit_defaults=True, kw_only=True):
    """The outcome of one rule for one subject of one deployment."""

    rule: Text
    """The rule's id."""
    title: str
    """The rule's title."""
    headline: Text | None = None
    """What is wrong, or why that is unknown; absent if the rule passes or does not apply, and in older reports."""
    outcome: Outcome
    """The result of the rule for the subject."""
    severity: Severity
    """How bad a fail is."""
    grade: Text | None = None
    """Why the severity is not that of the rule, a clause; absent if it is."""
    subject: Subject
    """What the finding is about."""
    deployment: Text | None
    """The deployment; null if the subject is a subscription."""
    evidence: tuple[Evidence, ...]
    """The observations that decided the outcome; of a fail only those that made it fail."""
    cause: Cause | None
    """Why the outcome is unknown."""
    reason: Text | None
    """The cause in words; of an error, what went wrong."""
    gaps: Annotated[tuple[Count, ...], Meta(min_length=1)] = ()
    """Of an unknown, the positions in `coverage.gaps` of the gaps that alone are the reason; absent if there are other
    reasons."""
    declarations: Annotated[tuple[Count, ...], Meta(min_length=1)] = ()
    """Of an unknown, the positions in `coverage.declarationsMissing` of what it lacks; absent if it lacks none, and in
    older reports."""
    optional: bool = False
    """Whether the coverage is complete without it: it lacks only optional declarations, attestations or metrics."""
    reference: tuple[Text, ...]
    """The statements of the reference architecture that the rule checks; empty if `sources` has the reasons."""
    sources: Annotated[tuple[Source, ...], Meta(min_length=1)] = ()
    """The web pages on which the rule rests."""
    fix: str
    """How to correct it: commands, and comments that begin with `#`; empty in a page, where it is that of the rule, and
    so are the sources."""
    remedy: Annotated[tuple[RemedyStep, ...], Meta(min_length=1)] = ()
    """The steps that correct this finding, in their order; absent if only `fix` says how."""
    key: Fingerprint
    """The fingerprint; it depends on rule, deployment and subject, not on values, lines or severity."""
    waiver: Waiver | None
    """The waiver that covers it; null if none does."""
    attestation: Attestation | None
    """The attestation that made an unknown a pass or a fail; null if none did."""
    state: Annotated[BaselineState, Meta(extra_json_schema={"not": {"const": "gone"}})] | None
    """Its state relative to the baseline; null without a baseline, or if the baseline has nothing to compare."""


class Carried(_Part, frozen=True):
    """A finding of the previous report that this scan could not evaluate again; it stays open."""

    last_seen: Text
    """Time or date of the last report that evaluated it."""
    finding: Finding
    """The finding as reported before; its `reason` says why it could not be evaluated this time."""


# --- what was evaluated -----------------------------------------------------------------------------------------------


class Statement(_Part, frozen=True):
    """A requirement of the reference architecture, in the words of the pack."""

    section: str
    """The section of the reference architecture."""
    text: str
    """What it asks for."""
    today: Text | None
    """What supersedes it today; null if nothing does."""


class Pack(_Part, frozen=True):
    """A set of rules, and the reference architecture on which they rest."""

    name: Text
    """Its name."""
    source: Source | None
    """The reference architecture; null if the pack rests on none."""
    statements: Mapping[str, Statement]
    """Its statements by id."""


class Framework(_Part, frozen=True):
    """A framework of controls, such as NIST SP 800-53."""

    name: Text
    """Its name in this report."""
    title: Text
    """Its title."""
    version: Text
    """Its version."""
    url: Text
    """Its address."""


class Control(_Part, frozen=True):
    """A control of a framework for a part of which a pass of a rule is evidence. It never is for the whole control."""

    framework: Text
    """The name of the framework."""
    id: Text
    """The control, as the framework spells it."""
    basis: Basis
    """Who says so."""
    because: Text
    """Why."""


class Recommendation(_Part, frozen=True):
    """What another tool asks for, beside what a rule asks for."""

    system: Text
    """The tool."""
    id: Text
    """The id of its check or recommendation."""
    advisor: Text | None
    """The recommendation type of Azure Advisor; null if there is none."""
    relation: Relation
    """How it compares with the rule: `weaker` asks for less than the rule."""
    note: Text
    """What is different."""


class Rule(_Part, frozen=True, omit_defaults=True):
    """An evaluated rule."""

    id: Text
    """Its id."""
    title: str
    """What holds where it is met."""
    headline: str
    """What is wrong when it fails, in one line without full stop."""
    severity: Severity
    """How bad a fail is, unless a grade changes it."""
    grades: tuple[Severity, ...]
    """The other severities that a fail can have."""
    why: str
    """Why it exists; empty if it is not known."""
    fix: str
    """How to correct a fail: commands, and comments that begin with `#`."""
    reference: tuple[Text, ...]
    """The statements of its pack that it checks."""
    sources: tuple[Source, ...]
    """The web pages on which it rests."""
    kinds: tuple[Text, ...]
    """What it is evaluated for: resource types in lower case, and kinds of subjects; empty if it is not known."""
    pack: Text | None
    """The name of its pack; null if it is not known."""
    passes: Count | None
    """The number of subjects that are as it requires, also of those that are not listed; null if it is not known."""
    recommendations: tuple[Recommendation, ...] = ()
    """What other tools ask for; absent if there is nothing, or if it was not asked for."""
    controls: tuple[Control, ...] = ()
    """The controls for a part of which a pass is evidence; absent if there are none, or if they were not asked for."""


class StoppingLoss(_Part, frozen=True):
    """A loss after which a deployment stops until a person acts or what was lost comes back."""

    name: Text
    """What is lost, such as `westeurope/1` of a zone."""
    first: Text | None
    """The failover member that is primary before; null if it does not matter."""
    because: tuple[Text, ...]
    """Why it stops."""
    unless: Text | None
    """In which other course of the loss it would not stop; null if in none."""


class LossesOfKind(_Part, frozen=True):
    """The losses of one kind that a deployment can suffer, one at a time."""

    kind: LossKind
    """The kind, as `auditor foresee --lose` spells it."""
    survived: Count
    """How many of them it survives without a person."""
    stopping: tuple[StoppingLoss, ...]
    """Those that stop it."""
    unknown: tuple[Text, ...]
    """What is lost in those whose effect is not known."""
    least_seconds: float | None
    """The shortest time for which clients wait after the worst of those that it survives; null without any."""
    most_seconds: float | None
    """The longest time; null if it is not known."""


class Deployment(_Part, frozen=True, omit_defaults=True):
    """A deployment that was evaluated; older reports have only its name."""

    name: Text
    """Its name."""
    summary: Summary | None = None
    """The number of its findings."""
    picture: Picture | None = None
    """What it consists of."""
    losses: tuple[LossesOfKind, ...] = ()
    """What it survives, by kind of loss; see docs/foresight.md."""


class Declaration(_Part, frozen=True):
    """What declares the deployments."""

    file: Text | None
    """The path of the deployment file; null if the snapshot contains it."""


class BriefSubject(_Part, frozen=True):
    """A subject of findings in brief."""

    deployment: Text | None
    """The deployment; null if the subject is a subscription."""
    subject: Subject
    """What the findings are about."""


class Brief(_Part, frozen=True, rename={"passed": "pass", "not_applicable": "notApplicable"}):
    """The findings that pass or do not apply, except for passes by attestation: outcomes without evidence."""

    subjects: tuple[BriefSubject, ...]
    """Their subjects."""
    passed: Mapping[Text, tuple[Count, ...]]
    """By rule, the positions in `subjects` of those that are as the rule requires."""
    not_applicable: Mapping[Text, tuple[Count, ...]]
    """By rule, the positions in `subjects` of those to which the rule does not apply."""


# --- coverage and exemptions ------------------------------------------------------------------------------------------


class Gap(_Part, frozen=True):
    """Something that was not read."""

    scope: str
    """The ARM id of the subscription, resource group or resource that was requested."""
    what: str
    """The resource type, or the property path within a resource, that is missing."""
    reason: GapReason
    """Why it was not read."""
    code: Text | None
    """Azure's error code."""
    permission: Text | None
    """The action that the caller would need."""
    call: Text | None
    """The request that failed."""
    detail: Text | None
    """What went wrong in particular, or what to do about it."""
    waiver: Waiver | None
    """The waiver by which the gap does not make the coverage incomplete; null if there is none."""

    @property
    def is_open(self) -> bool:
        """Return whether no waiver is in effect; a gap of a guest file never is, which is shown with the files."""
        return self.waiver is None and arm.type_of(self.scope) != GUEST_FILE


class GuestFile(_Part, frozen=True):
    """A file from inside a VM."""

    vm: Text
    """The ARM id of the VM."""
    name: Text
    """The name of the file."""
    taken_at: Text | None
    """When it was taken; null if the snapshot does not say."""
    replaced: bool
    """Whether it is in the place of files of the VM that the snapshot had."""


class Coverage(_Part, frozen=True):
    """What was listed, which gaps there are, and what was not declared."""

    complete: bool
    """False if there is an open gap, an unknown that is neither exempt nor optional, or an error: findings may be
    missing."""
    listed: Mapping[str, tuple[str, ...]]
    """By subscription, the resource types of which every resource was read."""
    gaps: tuple[Gap, ...]
    """What was not read; its absence proves nothing."""
    guest_files: tuple[GuestFile, ...]
    """The files from inside VMs that were supplied."""
    declarations_missing: tuple[Text, ...]
    """What a rule needs and the deployment file does not declare, each with how to declare it."""

    @property
    def open_gaps(self) -> tuple[Gap, ...]:
        """Return the gaps without a waiver in effect; those of guest files are shown with the files."""
        return tuple(gap for gap in self.gaps if gap.is_open)


class WaiverStatus(Waiver, frozen=True):
    """A waiver, and what it covers."""

    covers: Count
    """The number of findings and gaps that it covers, or would cover if it were in effect."""
    why: Text | None
    """Of a lapsed waiver, the first value that differs; of an unused one, why it covers nothing."""


class AttestationStatus(Attestation, frozen=True, kw_only=True):
    """An attestation, and what it covers."""

    covers: Count
    """The number of findings that it covers, or would cover if it were in effect."""
    why: Text | None
    """Of an unused attestation, why it covers nothing."""


class Waivers(_Part, frozen=True):
    """The waivers by state; one that is bound to values can be used for one finding and lapsed for another."""

    expired: tuple[WaiverStatus, ...]
    """Past the last day; what they covered is open again."""
    lapsed: tuple[WaiverStatus, ...]
    """Bound to a value that the finding does not have any more; what they covered is open again."""
    pending: tuple[WaiverStatus, ...]
    """Before the first day."""
    unused: tuple[WaiverStatus, ...]
    """In effect, and covering nothing."""
    used: tuple[WaiverStatus, ...]
    """In effect, and covering a finding or a gap."""


class Attestations(_Part, frozen=True):
    """The attestations by state."""

    expired: tuple[AttestationStatus, ...]
    """Past the last day; what they covered is open again."""
    pending: tuple[AttestationStatus, ...]
    """Before the first day."""
    unused: tuple[AttestationStatus, ...]
    """In effect, and covering nothing."""
    used: tuple[AttestationStatus, ...]
    """In effect, and covering a finding."""


# --- drift ------------------------------------------------------------------------------------------------------------


class Approval(_Part, frozen=True):
    """Who made a snapshot the baseline."""

    by: Text
    """Who approved it."""
    at: Text
    """When."""
    reason: Text
    """Why."""


class Baseline(_Part, frozen=True):
    """The approved snapshot that the current one is compared with."""

    taken_at: Text | None
    """The time at which reading it began; null if unknown."""
    scopes: tuple[Text, ...]
    """Its subscriptions."""
    approved: Approval | None
    """Who approved it; null if it is not approved."""
    gaps: tuple[Gap, ...]
    """Its gaps; what they hide is not compared."""


class StateCounts(_Part, frozen=True, rename={"lost_sight": "lost sight"}):
    """The number of findings in each state."""

    drifted: Count
    fixed: Count
    gone: Count
    lost_sight: Count
    new: Count
    regressed: Count
    unchanged: Count


class ChangeCounts(_Part, frozen=True, rename={"lost_sight": "lost sight"}):
    """The number of resources to which each change happened."""

    added: Count
    changed: Count
    lost_sight: Count
    moved: Count
    recreated: Count
    removed: Count
    renamed: Count


class DriftSummary(_Part, frozen=True):
    """The changes in numbers."""

    findings: StateCounts
    """The number of findings in each state."""
    resources: ChangeCounts
    """The number of resources to which each change happened."""


class FindingSide(_Part, frozen=True, omit_defaults=True):
    """The outcome of a finding in one of the two snapshots."""

    outcome: Outcome
    """The result of the rule for the subject."""
    severity: Severity
    """How bad a fail is."""
    key: Fingerprint
    """The fingerprint of the finding."""
    grade: Text | None = None
    """Why the severity is not that of the rule, a clause; absent if it is, and in older reports."""


class FindingChange(_Part, frozen=True, omit_defaults=True, kw_only=True):
    """A finding that is not `unchanged`."""

    state: Annotated[BaselineState, Meta(extra_json_schema={"not": {"const": "unchanged"}})]
    """Its state relative to the baseline."""
    severity: Severity | None = None
    """How bad the change is: where nothing failed before, that of the rule, whatever grade the fail has; absent in
    older reports."""
    rule: Text
    """The rule's id."""
    title: str
    """The rule's title."""
    headline: Text | None = None
    """What is wrong, or was before it was mended, or why that is unknown; absent if neither outcome is a fail, unknown
    or error, and in older reports."""
    subject: Subject
    """What the finding is about."""
    deployment: Text | None
    """The deployment; null if the subject is a subscription."""
    before: FindingSide | None
    """The finding in the baseline; null if it had none."""
    after: FindingSide | None
    """The finding now; null if there is none."""
    reason: Text | None
    """Why it is unknown or not visible now."""


class PropertyChange(_Part, frozen=True):
    """A property whose value differs from the baseline."""

    path: Text
    """Its path; list items are named where they have a name: `properties.probes[name=web].properties.port`."""
    before: Json
    """The value in the baseline; null if it was absent."""
    after: Json
    """The value now; null if it is absent."""
    rules: tuple[Text, ...]
    """The rules that read it; may be empty."""


class ResourceChange(_Part, frozen=True):
    """A resource that differs from the baseline."""

    id: Text
    """The current ARM id, or the baseline's if the resource does not exist now."""
    fate: ResourceChangeKind
    """What happened to it."""
    former_id: Text | None
    """The id before it was moved or renamed."""
    properties: tuple[PropertyChange, ...]
    """Its changed properties, without those that Azure writes by itself."""
    rules: tuple[Text, ...]
    """The rules that read any of its properties."""
    reason: Text | None
    """Why it could not be read."""


class Drift(_Part, frozen=True):
    """All changes since the baseline; both snapshots are evaluated with the same rules, deployment file and date."""

    baseline: Baseline
    """The approved snapshot."""
    summary: DriftSummary
    """The changes in numbers."""
    findings: tuple[FindingChange, ...]
    """The findings that are not `unchanged`, worst first; also those that pass, and those of the baseline alone."""
    resources: tuple[ResourceChange, ...]
    """The resources that differ from the baseline, by id."""


# --- the whole --------------------------------------------------------------------------------------------------------


class Tool(_Part, frozen=True):
    """The program that wrote the report."""

    name: Literal["auditor"]
    """Its name."""
    version: Text
    """Its version."""


class Waived(_Part, frozen=True):
    """The number of waived findings; they keep their outcome."""

    fail: Count
    unknown: Count


class SeverityCounts(_Part, frozen=True):
    """The number of fails of each severity, without waived ones."""

    critical: Count
    high: Count
    medium: Count
    low: Count
    info: Count


class Summary(_Part, frozen=True, rename={"passed": "pass", "fails_by_severity": "failsBySeverity"}):
    """The number of findings, also of those that are not listed; waived ones count as `waived` only."""

    fail: Count
    """The subject differs from what the rule requires."""
    unknown: Count
    """The outcome could not be determined."""
    error: Count
    """A bug of auditor."""
    passed: Count
    """The subject is as the rule requires."""
    not_applicable: Count
    """The rule does not apply to the subject."""
    waived: Waived
    """Findings covered by a waiver."""
    fails_by_severity: SeverityCounts
    """The fails by severity."""


class Document(_Part, frozen=True, kw_only=True):
    """The result of a scan, as `auditor scan -o json` writes it. What is unknown is null, never an empty string.

    Keys with a default were added later: older reports lack them, and are read as well.
    """

    format: Literal["auditor.report/1"]
    """The version of this format."""
    tool: Tool
    """The program that wrote the report."""
    profile: Text
    """The rule profile."""
    as_of: Annotated[dt.date, Meta(extra_json_schema={"pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"})]
    """The evaluation date, by which retirements and expiries count."""
    taken_at: Text | None
    """The time at which reading the subscriptions began; null if the snapshot does not say."""
    identity: Text | None
    """Who read the subscriptions, as Azure names the principal; null if the snapshot does not say."""
    scopes: tuple[Text, ...]
    """The scanned subscriptions."""
    cloud: Text | None = None
    """The cloud of the subscriptions."""
    resources: Count | None = None
    """The number of resources that were read."""
    declaration: Declaration | None = None
    """What declares the deployments; null if nothing but tags does."""
    deployments: tuple[Deployment, ...] = ()
    """The evaluated deployments."""
    config: Text | None = None
    """The path of the file of default options, such as auditor.yaml; null if none was used."""
    summary: Summary
    """The number of findings."""
    coverage: Coverage
    """What was listed, which gaps there are, and what was not declared."""
    findings: tuple[Finding, ...]
    """The fails, unknowns and errors, and the passes by attestation; with `--passes` all findings."""
    carried: tuple[Carried, ...]
    """The findings of the previous report that could not be evaluated this time; they stay open."""
    waivers: Waivers
    """The waivers by state."""
    attestations: Attestations
    """The attestations by state."""
    drift: Drift | None
    """The changes since the baseline of `--baseline`; null without one."""
    rules: tuple[Rule, ...] = ()
    """The evaluated rules by id."""
    packs: tuple[Pack, ...] = ()
    """The packs of the rules."""
    frameworks: tuple[Framework, ...] = ()
    """The frameworks of the controls of rules."""
    brief: Brief | None = None
    """The findings that pass or do not apply, in brief, also if they are listed; null in older reports."""

    @property
    def lists_all(self) -> bool:
        """Return whether the findings are all that were evaluated, those that pass or do not apply included."""
        found = self.summary
        waived = found.waived.fail + found.waived.unknown
        total = found.fail + found.unknown + found.error + found.passed + found.not_applicable + waived
        return len(self.findings) == total

    @property
    def deployment_file(self) -> str:
        """Return the path of the deployment file, "" without one."""
        return (self.declaration and self.declaration.file) or ""
