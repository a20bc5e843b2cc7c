"""The report as JSON for other programs: `auditor.report/1`, described by `schema/report.schema.json`."""

from __future__ import annotations

from collections import Counter, defaultdict
from json import dumps
from typing import TYPE_CHECKING, Final

import msgspec

from auditor import __version__
from auditor.model import SEVERITIES, Coverage, Evidence, Finding, Gap, Outcome, Report, Source

if TYPE_CHECKING:
    from collections.abc import Iterable

    from auditor.report.view import View

FORMAT: Final = "auditor.report/1"

_ENCODER: Final = msgspec.json.Encoder(order="deterministic")
_ALWAYS: Final = frozenset({Outcome.FAIL, Outcome.UNKNOWN, Outcome.ERROR})


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


class _Summary(msgspec.Struct):
    fail: int
    unknown: int
    error: int
    passed: int = msgspec.field(name="pass")
    not_applicable: int
    fails_by_severity: _Severities = msgspec.field(name="failsBySeverity")


class _Gap(_Struct):
    scope: str
    what: str
    reason: str
    code: str | None
    permission: str | None
    detail: str | None


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
    waiver: None = None
    state: None = None


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
        findings=[_finding(f) for f in report.findings if view.passes or f.outcome in _ALWAYS],
    )


def _escape(line: str) -> str:
    """Return a line of JSON with everything escaped that could act upon a terminal."""
    return "".join(c if c.isprintable() else dumps(c)[1:-1] for c in line)


def _summary(findings: Iterable[Finding]) -> _Summary:
    outcomes = Counter(finding.outcome for finding in findings)
    fails = Counter(finding.severity for finding in findings if finding.outcome is Outcome.FAIL)
    return _Summary(
        fail=outcomes[Outcome.FAIL],
        unknown=outcomes[Outcome.UNKNOWN],
        error=outcomes[Outcome.ERROR],
        passed=outcomes[Outcome.PASS],
        not_applicable=outcomes[Outcome.NOT_APPLICABLE],
        fails_by_severity=_Severities(*(fails[severity] for severity in SEVERITIES)),
    )


def _coverage(coverage: Coverage) -> _Coverage:
    listed: dict[str, list[str]] = defaultdict(list)
    for subscription, type_ in coverage.listed:
        listed[subscription].append(type_)
    return _Coverage(coverage.complete, listed, [_gap(gap) for gap in coverage.gaps], [], coverage.declarations)


def _gap(gap: Gap) -> _Gap:
    return _Gap(gap.scope, gap.what, gap.reason, gap.code or None, gap.permission or None, gap.detail or None)


def _finding(finding: Finding) -> _Finding:
    rule, subject = finding.rule, finding.subject
    return _Finding(
        rule=rule.id,
        title=rule.title,
        outcome=finding.outcome,
        severity=finding.severity,
        subject=_Subject(subject.id, subject.kind, subject.name, subject.region or None),
        deployment=finding.deployment or None,
        evidence=[_evidence(evidence) for evidence in finding.evidence],
        cause=finding.cause,
        reason=finding.reason or None,
        reference=rule.reference,
        sources=rule.sources or msgspec.UNSET,
        fix=rule.fix,
        key=finding.key,
    )


def _evidence(evidence: Evidence) -> _Evidence:
    reads = [_Read(*read) for read in evidence.reads]
    return _Evidence(evidence.resource, evidence.path, evidence.observed, evidence.expected, reads)
