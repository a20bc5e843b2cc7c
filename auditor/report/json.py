"""The report as JSON for other programs: `auditor.report/1`, described by `schema/report.schema.json`."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from json import dumps
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec
from msgspec.structs import asdict

from auditor import __version__
from auditor.estate.subjects import Subject
from auditor.judging.drift.model import Drift, FindingChange, ResourceChange, ResourceChangeKind
from auditor.judging.model import (
    Attestation,
    BaselineState,
    Coverage,
    ExemptionState,
    ExemptionStatus,
    Finding,
    Outcome,
    Waiver,
)
from auditor.report.document import Report
from auditor.rules.evidence import Evidence
from auditor.rules.model import SEVERITIES, Source
from auditor.snapshot.model import Gap

if TYPE_CHECKING:
    from auditor.report.view import View

FORMAT: Final = "auditor.report/1"

_ENCODER: Final = msgspec.json.Encoder(order="deterministic")
_ALWAYS: Final = frozenset({Outcome.FAIL, Outcome.UNKNOWN, Outcome.ERROR})
_ATTESTED: Final = (ExemptionState.USED, ExemptionState.EXPIRED, ExemptionState.PENDING, ExemptionState.UNUSED)
"""How an attestation can stand: it is bound to no value that could change."""

_Of = TypeVar("_Of", Waiver, Attestation)
_Shown = TypeVar("_Shown")


class _Struct(msgspec.Struct, rename="camel"):
    """Its fields are the keys of the format, in their order."""


class _Tool(_Struct):
    name: str
    version: str


class _Severities(_Struct):
    critical: int
    high: int
    medium: int
    low: int
    info: int


class _Waived(_Struct):
    fail: int
    unknown: int


class _Summary(msgspec.Struct):
    fail: int
    unknown: int
    error: int
    passed: int = msgspec.field(name="pass")
    not_applicable: int
    waived: _Waived
    fails_by_severity: _Severities = msgspec.field(name="failsBySeverity")


class _Waiver(_Struct):
    rule: str | None
    gap: str | None
    scope: str
    category: str
    reason: str
    approved_by: str
    ticket: str | None
    granted_on: dt.date
    expires_on: dt.date
    observed: Mapping[str, object] | None
    file: str
    line: int


class _Attestation(_Struct):
    rule: str
    scope: str
    statement: str
    attested_by: str
    attested_on: dt.date
    valid_until: dt.date
    file: str
    line: int


class _StoodWaiver(_Waiver):
    covers: int
    why: str | None


class _StoodAttestation(_Attestation):
    covers: int
    why: str | None


class _Gap(_Struct):
    scope: str
    what: str
    reason: str
    code: str | None
    permission: str | None
    call: str | None
    detail: str | None
    waiver: _Waiver | None


class _Coverage(_Struct):
    complete: bool
    listed: dict[str, list[str]]
    gaps: list[_Gap]
    guest_files: list[str]
    declarations_missing: tuple[str, ...]


class _Read(_Struct):
    resource: str
    path: str
    observed: object


class _Evidence(_Struct, omit_defaults=True):
    resource: str
    path: str
    observed: object
    expected: str
    reads: list[_Read] = []


class _Subject(_Struct):
    id: str
    kind: str
    name: str
    region: str | None
    line: int | None


class _Finding(_Struct):
    rule: str
    title: str
    outcome: str
    severity: str
    subject: _Subject
    deployment: str | None
    evidence: list[_Evidence]
    cause: str | None
    reason: str | None
    reference: tuple[str, ...]
    sources: tuple[Source, ...] | msgspec.UnsetType
    fix: str
    key: str
    waiver: _Waiver | None
    attestation: _Attestation | None
    state: str | None


class _Carried(_Struct):
    last_seen: str
    finding: _Finding


class _Approval(_Struct):
    by: str
    at: str
    reason: str


class _Baseline(_Struct):
    taken_at: str | None
    scopes: tuple[str, ...]
    approved: _Approval | None
    gaps: list[_Gap]


class _Side(_Struct):
    outcome: str
    severity: str
    key: str


class _FindingChange(_Struct):
    state: str
    rule: str
    title: str
    subject: _Subject
    deployment: str | None
    before: _Side | None
    after: _Side | None
    reason: str | None


class _PropertyChange(_Struct):
    path: str
    before: object
    after: object
    rules: tuple[str, ...]


class _ResourceChange(_Struct):
    id: str
    fate: str
    former_id: str | None
    properties: list[_PropertyChange]
    rules: tuple[str, ...]
    reason: str | None


class _Drift(_Struct):
    baseline: _Baseline
    summary: dict[str, dict[str, int]]
    findings: list[_FindingChange]
    resources: list[_ResourceChange]


class _Report(_Struct):
    format: str
    tool: _Tool
    profile: str
    as_of: str
    taken_at: str | None
    identity: str | None
    scopes: tuple[str, ...]
    summary: _Summary
    coverage: _Coverage
    findings: list[_Finding]
    carried: list[_Carried]
    waivers: dict[str, list[_StoodWaiver]]
    attestations: dict[str, list[_StoodAttestation]]
    drift: _Drift | None


def render(report: Report, view: View) -> str:
    """Return the report as JSON text; the same report gives the same text."""
    text = msgspec.json.format(_ENCODER.encode(_shown(report, view)), indent=2).decode()
    # All that is left raw and not printable stands in strings, where JSON has an escape for it.
    if not text.replace("\n", "").isprintable():
        text = "\n".join(line if line.isprintable() else _escape(line) for line in text.split("\n"))
    return text + "\n"


def _shown(report: Report, view: View) -> _Report:
    """Return what of a report is shown."""
    return _Report(
        format=FORMAT,
        tool=_Tool("auditor", __version__),
        profile=report.profile,
        as_of=report.as_of,
        taken_at=report.snapshot.taken_at or None,
        identity=report.snapshot.identity or None,
        scopes=report.snapshot.scopes,
        summary=_summary(report.findings),
        coverage=_coverage(report.coverage),
        findings=[_finding(f) for f in report.findings if view.passes or f.outcome in _ALWAYS or f.attestation],
        carried=[_Carried(old.last_seen, _finding(old.finding)) for old in report.carried],
        waivers=_by_standing(report.waivers, _stood_waiver, ExemptionState),
        attestations=_by_standing(report.attestations, _stood_attestation, _ATTESTED),
        drift=_drift(report.drift, report.findings) if report.drift else None,
    )


def _escape(line: str) -> str:
    """Return a line of JSON with everything escaped that could act upon a terminal."""
    return "".join(c if c.isprintable() else dumps(c)[1:-1] for c in line)


def _summary(findings: Sequence[Finding]) -> _Summary:
    outcomes = Counter(finding.outcome for finding in findings if finding.waiver is None)
    fails = Counter(f.severity for f in findings if f.outcome is Outcome.FAIL and f.waiver is None)
    waived = Counter(finding.outcome for finding in findings if finding.waiver is not None)
    return _Summary(
        fail=outcomes[Outcome.FAIL],
        unknown=outcomes[Outcome.UNKNOWN],
        error=outcomes[Outcome.ERROR],
        passed=outcomes[Outcome.PASS],
        not_applicable=outcomes[Outcome.NOT_APPLICABLE],
        waived=_Waived(waived[Outcome.FAIL], waived[Outcome.UNKNOWN]),
        fails_by_severity=_Severities(*(fails[severity] for severity in SEVERITIES)),
    )


def _coverage(coverage: Coverage) -> _Coverage:
    listed: dict[str, list[str]] = defaultdict(list)
    for subscription, type_ in coverage.listed:
        listed[subscription].append(type_)
    gaps = [_gap(gap, coverage.waived.get(gap)) for gap in coverage.gaps]
    return _Coverage(coverage.complete, listed, gaps, [], coverage.declarations)


def _gap(gap: Gap, waiver: Waiver | None) -> _Gap:
    """Return a gap with the waiver that covers it."""
    said = (gap.code or None, gap.permission or None, gap.call or None, gap.detail or None)
    return _Gap(gap.scope, gap.what, gap.reason, *said, _waiver(waiver) if waiver else None)


def _finding(finding: Finding) -> _Finding:
    rule = finding.rule
    return _Finding(
        rule=rule.id,
        title=rule.title,
        outcome=finding.outcome,
        severity=finding.severity,
        subject=_subject(finding.subject),
        deployment=finding.deployment or None,
        evidence=[_evidence(evidence) for evidence in finding.evidence],
        cause=finding.cause,
        reason=finding.reason or None,
        reference=rule.reference,
        sources=rule.sources or msgspec.UNSET,
        fix=rule.fix,
        key=finding.key,
        waiver=_waiver(finding.waiver) if finding.waiver else None,
        attestation=_attestation(finding.attestation) if finding.attestation else None,
        state=finding.state,
    )


def _subject(subject: Subject) -> _Subject:
    return _Subject(subject.id, subject.kind, subject.name, subject.region or None, subject.line or None)


def _evidence(evidence: Evidence) -> _Evidence:
    reads = [_Read(*read) for read in evidence.reads]
    return _Evidence(evidence.resource, evidence.path, evidence.observed, evidence.expected, reads)


# --- drift ------------------------------------------------------------------------------------------------------------


def _drift(drift: Drift, findings: Iterable[Finding]) -> _Drift:
    """Return what has moved, and in numbers what became of all findings and of the resources that moved."""
    gone = [change.state for change in drift.findings if change.after is None]
    states = Counter([*gone, *(finding.state for finding in findings)])
    kinds = Counter(change.kind for change in drift.resources)
    approved = drift.baseline.approved
    return _Drift(
        baseline=_Baseline(
            taken_at=drift.baseline.taken_at or None,
            scopes=drift.baseline.scopes,
            approved=_Approval(approved.by, approved.at, approved.reason) if approved else None,
            gaps=[_gap(gap, None) for gap in drift.baseline.gaps],
        ),
        summary={
            "findings": {state: states[state] for state in BaselineState},
            "resources": {kind: kinds[kind] for kind in ResourceChangeKind},
        },
        findings=[_finding_change(change) for change in drift.findings],
        resources=[_resource_change(change) for change in drift.resources],
    )


def _finding_change(change: FindingChange) -> _FindingChange:
    finding = change.finding
    return _FindingChange(
        state=change.state,
        rule=finding.rule.id,
        title=finding.rule.title,
        subject=_subject(finding.subject),
        deployment=finding.deployment or None,
        before=_side(change.before),
        after=_side(change.after),
        reason=change.reason or (change.after.reason if change.after else "") or None,
    )


def _side(finding: Finding | None) -> _Side | None:
    return _Side(finding.outcome, finding.severity, finding.key) if finding else None


def _resource_change(change: ResourceChange) -> _ResourceChange:
    return _ResourceChange(
        id=change.id,
        fate=change.kind,
        former_id=change.former_id or None,
        properties=[_PropertyChange(p.path, p.before, p.after, p.rules) for p in change.properties],
        rules=change.rules,
        reason=change.reason or None,
    )


# --- waivers and attestations -----------------------------------------------------------------------------------------


def _by_standing(
    stood: Iterable[ExemptionStatus[_Of]],
    shown: Callable[[ExemptionStatus[_Of]], _Shown],
    standings: Iterable[ExemptionState],
) -> dict[str, list[_Shown]]:
    """Return waivers or attestations by how they stand."""
    return {standing: [shown(one) for one in stood if one.state is standing] for standing in standings}


def _stood_waiver(stood: ExemptionStatus[Waiver]) -> _StoodWaiver:
    return _StoodWaiver(**asdict(_waiver(stood.exemption)), covers=stood.covers, why=stood.why or None)


def _stood_attestation(stood: ExemptionStatus[Attestation]) -> _StoodAttestation:
    return _StoodAttestation(**asdict(_attestation(stood.exemption)), covers=stood.covers, why=stood.why or None)


def _waiver(waiver: Waiver) -> _Waiver:
    return _Waiver(
        rule=waiver.rule or None,
        gap=waiver.gap or None,
        scope=waiver.scope,
        category=waiver.category,
        reason=waiver.reason,
        approved_by=waiver.approved_by,
        ticket=waiver.ticket or None,
        granted_on=waiver.granted_on,
        expires_on=waiver.expires_on,
        observed=waiver.observed or None,
        file=waiver.file,
        line=waiver.line,
    )


def _attestation(attestation: Attestation) -> _Attestation:
    return _Attestation(
        rule=attestation.rule,
        scope=attestation.scope,
        statement=attestation.statement,
        attested_by=attestation.attested_by,
        attested_on=attestation.attested_on,
        valid_until=attestation.valid_until,
        file=attestation.file,
        line=attestation.line,
    )
