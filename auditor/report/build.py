"""Builds a report from the result of a scan."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

import msgspec

from auditor import __version__
from auditor.estate import subjects
from auditor.evaluation import losses, model, remedies
from auditor.evaluation.drift import model as drift_model
from auditor.evaluation.drift.model import ResourceChangeKind
from auditor.evaluation.model import BaselineState, ExemptionState, ExemptionStatus, Outcome
from auditor.evaluation.result import Evaluation
from auditor.report import wording
from auditor.report.document import (
    Approval,
    Attestation,
    Attestations,
    AttestationStatus,
    Baseline,
    Brief,
    BriefSubject,
    Carried,
    ChangeCounts,
    Control,
    Coverage,
    Declaration,
    Deployment,
    Document,
    Drift,
    DriftSummary,
    Finding,
    FindingChange,
    FindingSide,
    Framework,
    Gap,
    GuestFile,
    LossesOfKind,
    Pack,
    PropertyChange,
    Recommendation,
    RemedyStep,
    ResourceChange,
    Rule,
    SeverityCounts,
    Source,
    StateCounts,
    Statement,
    StoppingLoss,
    Subject,
    Summary,
    Tool,
    Waived,
    Waiver,
    Waivers,
    WaiverStatus,
)
from auditor.report.grouping import group, is_always_listed
from auditor.rules import model as rules_model
from auditor.rules.maps import Maps
from auditor.rules.model import SEVERITIES
from auditor.snapshot import model as snapshot_model
from auditor.snapshot.known import Cause


def build(evaluation: Evaluation, *, passes: bool) -> Document:
    """Return the result of a scan as a report; without `passes` only with the findings that it lists in any case."""
    snapshot, drift = evaluation.snapshot, evaluation.drift
    listed = [finding for finding in evaluation.findings if passes or is_always_listed(finding)]
    coverage = evaluation.coverage
    context = _Context(
        gaps={gap: position for position, gap in enumerate(coverage.gaps)},
        declarations={text: position for position, text in enumerate(coverage.declarations)},
        known={},
    )
    return Document(
        format="auditor.report/1",
        tool=Tool("auditor", __version__),
        profile=evaluation.profile,
        as_of=evaluation.as_of,
        taken_at=snapshot.taken_at or None,
        identity=snapshot.identity or None,
        scopes=snapshot.scopes,
        cloud=snapshot.cloud or None,
        resources=evaluation.resource_count,
        declaration=_declaration(evaluation),
        deployments=tuple(_deployments(evaluation)),
        config=evaluation.config or None,
        summary=_summary(evaluation.findings),
        coverage=_coverage(evaluation.coverage),
        findings=tuple(_finding(finding, context, evaluation.remedies) for finding in listed),
        carried=tuple(Carried(old.last_seen, _finding(old.finding, context, {})) for old in evaluation.carried),
        waivers=_waivers(evaluation.waivers),
        attestations=_attestations(evaluation.attestations),
        drift=_drift(drift, evaluation.findings) if drift else None,
        rules=_rules(evaluation),
        packs=tuple(map(_pack, evaluation.packs)),
        frameworks=tuple(_frameworks(evaluation.maps)),
        brief=_brief(evaluation.findings),
    )


def _declaration(evaluation: Evaluation) -> Declaration | None:
    in_snapshot = bool(evaluation.snapshot.deployment)
    return Declaration(evaluation.deployment_file or None) if evaluation.deployment_file or in_snapshot else None


def _deployments(evaluation: Evaluation) -> Iterator[Deployment]:
    findings = group((f for f in evaluation.findings if f.deployment), lambda finding: finding.deployment)
    for name, own in findings.items():
        survived = tuple(map(_losses, evaluation.losses.get(name, ())))
        yield Deployment(name, _summary(own), evaluation.pictures.get(name), survived)


def _losses(found: losses.LossesOfKind) -> LossesOfKind:
    seconds = found.seconds
    return LossesOfKind(
        kind=found.kind,
        survived=len(found.survived),
        stopping=tuple(
            StoppingLoss(
                name=each.losses[0].name,
                first=each.first or None,
                because=tuple(because.text for because in each.because),
                unless=each.unless or None,
            )
            for each in found.stopping
        ),
        unknown=tuple(each.losses[0].name for each in found.unknown),
        least_seconds=float(seconds.least) if seconds else None,
        most_seconds=float(seconds.most) if seconds and math.isfinite(seconds.most) else None,
    )


def _summary(findings: Sequence[model.Finding]) -> Summary:
    numbers = Counter(finding.outcome for finding in findings if finding.waiver is None)
    waived = Counter(finding.outcome for finding in findings if finding.waiver is not None)
    fails = Counter(f.severity for f in findings if f.outcome is Outcome.FAIL and f.waiver is None)
    return Summary(
        fail=numbers[Outcome.FAIL],
        unknown=numbers[Outcome.UNKNOWN],
        error=numbers[Outcome.ERROR],
        passed=numbers[Outcome.PASS],
        not_applicable=numbers[Outcome.NOT_APPLICABLE],
        waived=Waived(waived[Outcome.FAIL], waived[Outcome.UNKNOWN]),
        fails_by_severity=SeverityCounts(*(fails[severity] for severity in SEVERITIES)),
    )


# --- findings ---------------------------------------------------------------------------------------------------------


class _Context(NamedTuple):
    """What findings have in common."""

    gaps: Mapping[snapshot_model.Gap, int]
    """The positions of gaps in the coverage."""
    declarations: Mapping[str, int]
    """The positions of missing declarations in the coverage."""
    known: dict[subjects.Subject, Subject]
    """The subjects of the findings so far, of which most have many."""

    def subject(self, found: subjects.Subject) -> Subject:
        """Return a subject, the same one for all its findings."""
        return self.known.get(found) or self.known.setdefault(found, _subject(found))


def _finding(
    finding: model.Finding, context: _Context, filled: Mapping[str, tuple[remedies.FilledStep, ...]]
) -> Finding:
    rule, key = finding.rule, finding.key
    lacking = finding.reasons if finding.cause is Cause.DECLARATION and not finding.optional else ()
    return Finding(
        rule=rule.id,
        title=rule.title,
        headline=_headline(finding),
        outcome=finding.outcome,
        severity=finding.severity,
        grade=finding.graded or None,
        subject=context.subject(finding.subject),
        deployment=finding.deployment or None,
        evidence=finding.evidence,
        cause=finding.cause,
        reason=finding.reason or None,
        gaps=tuple(context.gaps[gap] for gap in finding.gaps if gap in context.gaps),
        declarations=tuple(context.declarations[text] for text in lacking if text in context.declarations),
        optional=finding.optional,
        reference=rule.reference,
        sources=_sources(rule.sources),
        fix=rule.fix,
        remedy=tuple(map(_step, filled.get(key, ()))),
        key=key,
        waiver=_waiver(finding.waiver) if finding.waiver else None,
        attestation=_attestation(finding.attestation) if finding.attestation else None,
        state=finding.state,
    )


def _step(step: remedies.FilledStep) -> RemedyStep:
    return RemedyStep(
        command=step.command or None,
        text=step.text or None,
        disturbs=step.disturbs,
        vm=step.vm or None,
        choices=step.choices,
    )


def _headline(finding: model.Finding) -> str | None:
    return wording.headline_of(finding.outcome, finding.cause, finding.rule.title, finding.rule.headline)


def _subject(subject: subjects.Subject) -> Subject:
    return Subject(subject.id, subject.kind, subject.name, subject.region or None, subject.line or None)


# --- rules ------------------------------------------------------------------------------------------------------------


def _rules(evaluation: Evaluation) -> tuple[Rule, ...]:
    passes = Counter(finding.rule.id for finding in evaluation.findings if finding.outcome is Outcome.PASS)
    return tuple(_rule(rule, passes[rule.id], evaluation) for rule in evaluation.rules)


def _rule(rule: rules_model.Rule, passes: int, evaluation: Evaluation) -> Rule:
    maps = evaluation.maps
    return Rule(
        id=rule.id,
        title=rule.title,
        headline=rule.headline,
        severity=rule.severity,
        grades=tuple(dict.fromkeys(grade.severity for grade in rule.grade if grade.severity is not rule.severity)),
        why=rule.why,
        fix=rule.fix,
        reference=rule.reference,
        sources=_sources(rule.sources),
        kinds=tuple(dict.fromkeys(target.type or target.kind for target in rule.targets)),
        pack=rule.pack or None,
        passes=passes,
        recommendations=tuple(
            Recommendation(row.check.system, row.check.id, row.check.advisor or None, row.relation, row.note)
            for row in (maps.recommendations_of(rule.id) if maps else ())
            if evaluation.profile in row.profiles
        ),
        controls=tuple(
            Control(row.framework.name, row.control, row.basis, row.because)
            for row in (maps.evidence_of(rule.id) if maps else ())
        ),
    )


def _frameworks(maps: Maps | None) -> Iterator[Framework]:
    for framework in maps.frameworks.values() if maps else ():
        yield Framework(framework.name, framework.title, framework.version, framework.url)


def _pack(pack: rules_model.Pack) -> Pack:
    return Pack(
        name=pack.name,
        source=_source(pack.source) if pack.source else None,
        statements={name: Statement(s.section, s.text, s.today or None) for name, s in pack.statements.items()},
    )


@lru_cache(maxsize=1024)
def _sources(sources: tuple[rules_model.Source, ...]) -> tuple[Source, ...]:
    """Return the web pages of a rule, the same objects for all its findings."""
    return tuple(map(_source, sources))


def _source(source: rules_model.Source) -> Source:
    return Source(source.title, source.url, source.date, source.read or None)


def _brief(findings: Iterable[model.Finding]) -> Brief:
    """Return the outcomes that are not listed in any case."""
    positions: dict[tuple[str, str], int] = {}
    subjects: list[BriefSubject] = []
    outcomes: dict[Outcome, dict[str, list[int]]] = {Outcome.PASS: {}, Outcome.NOT_APPLICABLE: {}}
    for finding in findings:
        if not is_always_listed(finding):
            position = positions.setdefault((finding.deployment, finding.subject.id), len(subjects))
            if position == len(subjects):
                subjects.append(BriefSubject(finding.deployment or None, _subject(finding.subject)))
            outcomes[finding.outcome].setdefault(finding.rule.id, []).append(position)
    passed, not_applicable = ({rule: tuple(found) for rule, found in by_rule.items()} for by_rule in outcomes.values())
    return Brief(tuple(subjects), passed, not_applicable)


# --- coverage and exemptions ------------------------------------------------------------------------------------------


def _coverage(coverage: model.Coverage) -> Coverage:
    listed: dict[str, tuple[str, ...]] = {}
    for subscription, type_ in coverage.listed:
        listed[subscription] = (*listed.get(subscription, ()), type_)
    gaps = tuple(_gap(gap, coverage.waived.get(gap)) for gap in coverage.gaps)
    files = tuple(GuestFile(file.vm, file.name, file.taken_at or None, file.replaced) for file in coverage.guest_files)
    return Coverage(coverage.complete, listed, gaps, files, coverage.declarations)


def _gap(gap: snapshot_model.Gap, waiver: model.Waiver | None = None) -> Gap:
    return Gap(
        scope=gap.scope,
        what=gap.what,
        reason=gap.reason,
        code=gap.code or None,
        permission=gap.permission or None,
        call=gap.call or None,
        detail=gap.detail or None,
        waiver=_waiver(waiver) if waiver else None,
    )


def _waivers(statuses: Iterable[ExemptionStatus[model.Waiver]]) -> Waivers:
    return Waivers(
        **{
            state.value: tuple(
                WaiverStatus(
                    **msgspec.structs.asdict(_waiver(status.exemption)), covers=status.covers, why=status.why or None
                )
                for status in statuses
                if status.state is state
            )
            for state in ExemptionState
        }
    )


def _attestations(statuses: Iterable[ExemptionStatus[model.Attestation]]) -> Attestations:
    return Attestations(
        **{
            state.value: tuple(
                AttestationStatus(
                    **msgspec.structs.asdict(_attestation(status.exemption)),
                    covers=status.covers,
                    why=status.why or None,
                )
                for status in statuses
                if status.state is state
            )
            for state in ExemptionState
            if state is not ExemptionState.LAPSED  # attestations are bound to no value
        }
    )


def _waiver(waiver: model.Waiver) -> Waiver:
    return Waiver(
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


def _attestation(attestation: model.Attestation) -> Attestation:
    return Attestation(**msgspec.structs.asdict(attestation))


# --- drift ------------------------------------------------------------------------------------------------------------


def _drift(drift: drift_model.Drift, findings: Iterable[model.Finding]) -> Drift:
    gone = [change.state for change in drift.findings if change.after is None]
    states = Counter([*gone, *(finding.state for finding in findings)])
    kinds = Counter(change.kind for change in drift.resources)
    approved = drift.baseline.approved
    return Drift(
        baseline=Baseline(
            taken_at=drift.baseline.taken_at or None,
            scopes=drift.baseline.scopes,
            approved=Approval(approved.by, approved.at, approved.reason) if approved else None,
            gaps=tuple(map(_gap, drift.baseline.gaps)),
        ),
        summary=DriftSummary(
            StateCounts(**{state.name.lower(): states[state] for state in BaselineState}),
            ChangeCounts(**{kind.name.lower(): kinds[kind] for kind in ResourceChangeKind}),
        ),
        findings=tuple(map(_finding_change, drift.findings)),
        resources=tuple(map(_resource_change, drift.resources)),
    )


def _finding_change(change: drift_model.FindingChange) -> FindingChange:
    finding = change.finding
    return FindingChange(
        state=change.state,
        severity=change.severity,
        rule=finding.rule.id,
        title=finding.rule.title,
        headline=_headline_of_change(change),
        subject=_subject(finding.subject),
        deployment=finding.deployment or None,
        before=_side(change.before),
        after=_side(change.after),
        reason=change.reason or (change.after.reason if change.after else "") or None,
    )


def _headline_of_change(change: drift_model.FindingChange) -> str | None:
    """Return the headline of a finding as it is now; of one that was mended or is gone, as it was."""
    if change.state is BaselineState.LOST_SIGHT and change.after is None:
        return wording.headline_of(Outcome.UNKNOWN, Cause.GAP, change.finding.rule.title, "")
    headlines = (_headline(side) for side in (change.after, change.before) if side)
    return next(filter(None, headlines), None)


def _side(finding: model.Finding | None) -> FindingSide | None:
    return FindingSide(finding.outcome, finding.severity, finding.key, finding.graded or None) if finding else None


def _resource_change(change: drift_model.ResourceChange) -> ResourceChange:
    return ResourceChange(
        id=change.id,
        fate=change.kind,
        former_id=change.former_id or None,
        properties=tuple(PropertyChange(p.path, p.before, p.after, p.rules) for p in change.properties),
        rules=change.rules,
        reason=change.reason or None,
    )
