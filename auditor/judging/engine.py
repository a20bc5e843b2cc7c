"""Rule x subject -> finding."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final, cast

import msgspec

from auditor.azure import arm
from auditor.estate.declaration import BalancerRole, Role
from auditor.estate.graph import REFERENCES, VM, cuts_a_list, proper_type, unlisted
from auditor.estate.subjects import Deployment, Subject, subject_of
from auditor.estate.topology import Topology
from auditor.judging.model import Coverage, Finding, Outcome, Waiver
from auditor.rules.conditions import Compiled, CompiledRule, Proof, Stack, Test, Verdict
from auditor.rules.context import Context, Watch
from auditor.rules.evidence import Evidence
from auditor.rules.model import Severity, Target
from auditor.snapshot.known import Cause, Items, Unknown
from auditor.snapshot.model import SKU, Gap, Snapshot

_ORDER: Final = {outcome: index for index, outcome in enumerate(Outcome)}
_CAUSES: Final = {cause: index for index, cause in enumerate(Cause)}


def judge(topology: Topology, rules: Iterable[CompiledRule], watched: Collection[str] = ()) -> tuple[Finding, ...]:
    """Judge every subject by every rule that is about it; worst first within a deployment.

    Findings tell what they looked at in the resources that are `watched`, by their keys.
    """
    findings: list[Finding] = []
    rules = tuple(rules)
    for deployment in topology.deployments:
        context = _context(topology, deployment, watched)
        subjects: dict[int, Subject] = {}
        for loaded in rules:
            findings += _judge_deployment(context, deployment, loaded, subjects)
        context.answers.clear()
    for subscription in topology.subscriptions:
        context = _context(topology, None, watched)
        for loaded in rules:
            for target, compiled in zip(loaded.rule.targets, loaded.compiled, strict=True):
                if target.kind == "subscription":
                    findings.append(_judge(context, loaded, compiled, subscription, subject_of(subscription, {})))
    severities = {severity: index for index, severity in enumerate(Severity)}
    findings.sort(
        key=lambda f: (f.deployment, _ORDER[f.outcome], severities[f.severity], f.rule.id, f.subject.id.lower())
    )
    return tuple(findings)


def _judge_deployment(
    context: Context, deployment: Deployment, loaded: CompiledRule, named: dict[int, Subject]
) -> Iterator[Finding]:
    """Judge the subjects of one deployment by one rule; `named` has how findings speak of them, by their identity.

    Where some of them may not have been seen, one more finding says so; where there are none, one says that too.
    """
    judged = False
    hidden: list[Unknown] = []
    seen: set[str] = set()
    for target, compiled in zip(loaded.rule.targets, loaded.compiled, strict=True):
        if target.kind == "subscription":
            judged = True
            continue
        subjects = _subjects(deployment, target)
        if subjects.missing is not None:
            hidden.append(subjects.missing)
        for element in subjects.known:
            if isinstance(element, Unknown):
                hidden.append(element)
                continue
            subject = named.get(id(element)) or named.setdefault(id(element), subject_of(element, deployment.lines))
            if subject.id not in seen:
                seen.add(subject.id)
                judged = True
                yield _judge(context, loaded, compiled, element, subject)
    if hidden or not judged:
        subject = subject_of(deployment, deployment.lines)
        if subject.id not in seen:
            outcome = Outcome.UNKNOWN if hidden else Outcome.NOT_APPLICABLE
            yield _finding(loaded, deployment, subject, outcome, unknown=tuple(hidden))


def _subjects(deployment: Deployment, target: Target) -> Items:
    """Return what a target names in a deployment, and why there may be more of it."""
    if target.kind == "deployment":
        return Items((deployment,))
    if target.kind == "mirror":
        return Items(deployment.mirrors, deployment.more_mirrors)
    if target.kind == "tier":
        roles = [Role(role) for role in target.roles] or list(Role)
        tiers = tuple(tier for tier in deployment.tiers if tier.declared.role in roles)
        # A member that was not found, or whose region was not read, may lie in a region of which no tier is known.
        groups = (*(tier.members for tier in tiers), *(deployment.machines[role] for role in roles))
        return Items(tiers, next(filter(None, (Items.of(group).open_end for group in groups)), None))
    if not target.roles:
        return deployment.scope[target.type]
    return Items.joined(
        *(
            deployment.balancers[BalancerRole(role)] if role in set(BalancerRole) else deployment.machines[Role(role)]
            for role in target.roles
        )
    )


def _context(topology: Topology, deployment: Deployment | None, watched: Collection[str]) -> Context:
    """Return in what is judged; only where something is watched does it cost anything to note what is looked at."""
    context = Context(topology, deployment)
    context.watch = Watch(watched) if watched else None
    return context


def _judge(context: Context, loaded: CompiledRule, compiled: Compiled, element: Any, subject: Subject) -> Finding:  # noqa: ANN401
    """Judge one subject, and tell what was looked at where something is watched."""
    finding = _decide(context, loaded, compiled, element, subject)
    return finding if context.watch is None else msgspec.structs.replace(finding, reads=context.watch.take())


def _decide(context: Context, loaded: CompiledRule, compiled: Compiled, element: Any, subject: Subject) -> Finding:  # noqa: ANN401
    """Judge one subject; an exception in a rule or fact is a bug of ours, reported as that and not as a verdict."""
    deployment = context.deployment
    stack = (element,) if deployment is None or element is deployment else (element, deployment)
    try:
        if compiled.when is not None:
            applies = _ask(compiled.when, context, stack, enough=(True, False))
            if applies.truth is None:
                return _finding(loaded, deployment, subject, Outcome.UNKNOWN, unknown=applies.unknown)
            if not applies.truth:
                again = Proof(partial(compiled.when, context, stack), distinct=True)
                return _finding(loaded, deployment, subject, Outcome.NOT_APPLICABLE, again)
        verdict = _ask(compiled.condition, context, stack, enough=(True,))
        if verdict.truth is None:
            return _finding(loaded, deployment, subject, Outcome.UNKNOWN, unknown=verdict.unknown)
        if verdict.truth:
            again = Proof(partial(compiled.condition, context, stack), distinct=True)
            return _finding(loaded, deployment, subject, Outcome.PASS, again)
        severity, sure = loaded.rule.severity, True
        for when, graded in compiled.grade:
            lesser = when(context, stack).truth
            sure = sure and lesser is not None
            if lesser:
                severity = graded
                break
        proof = Proof(tuple(verdict.evidence), distinct=True)
        finding = _finding(loaded, deployment, subject, Outcome.FAIL, proof, severity=severity)
        return finding if sure else msgspec.structs.replace(finding, severity_is_sure=False)
    except Exception as error:  # noqa: BLE001 - one bug must not hide what the other rules say; it is never forgiven
        reason = f"{type(error).__name__}: {error}"
        return _finding(loaded, deployment, subject, Outcome.ERROR, reasons=(reason,))


def _ask(test: Test, context: Context, stack: Stack, *, enough: tuple[bool, ...]) -> Verdict:
    """Ask a condition for its truth alone where that is enough, else for what it rests on too.

    What passes is most of it, and its evidence is worked out only where it is shown.
    """
    verdict = test(context.silently, stack)
    return verdict if verdict.truth in enough else test(context, stack)


def _finding(  # noqa: PLR0913 - a finding has that many sides
    loaded: CompiledRule,
    deployment: Deployment | None,
    subject: Subject,
    outcome: Outcome,
    evidence: Sequence[Evidence] = (),
    *,
    unknown: tuple[Unknown, ...] = (),
    severity: Severity | None = None,
    reasons: tuple[str, ...] = (),
) -> Finding:
    """Return a finding; of several reasons for not knowing, the first cause in the order of `Cause` names it."""
    cause = None
    gaps: tuple[Gap, ...] = ()
    about: tuple[str, ...] = ()
    if unknown:
        cause = min((u.cause for u in unknown), key=_CAUSES.__getitem__)
        first = [u for u in unknown if u.cause is cause]
        reasons = tuple(dict.fromkeys(u.reason for u in first))
        if all(u.gaps for u in unknown):
            gaps = tuple(dict.fromkeys(gap for u in unknown for gap in u.gaps))
        about = tuple(dict.fromkeys(arm_id for u in first for arm_id in u.resources))
    return Finding(
        rule=loaded.rule,
        outcome=outcome,
        severity=severity or loaded.rule.severity,
        subject=subject,
        deployment=deployment.id if deployment else "",
        evidence=cast("tuple[Evidence, ...]", evidence),
        cause=cause,
        reasons=reasons,
        gaps=gaps,
        about=about,
    )


def gaps(topology: Topology, rules: Iterable[CompiledRule]) -> tuple[Gap, ...]:
    """Return what of all that the rules need was not read, by scope."""
    snapshot = topology.graph.snapshot
    found = (*snapshot.gaps, *_unlisted(snapshot, topology, _types(rules)))
    return tuple(sorted(found, key=lambda gap: (gap.scope.lower(), gap.what.lower())))


def coverage(
    topology: Topology, gaps: tuple[Gap, ...], findings: Iterable[Finding], waived: Mapping[Gap, Waiver]
) -> Coverage:
    """Return how much of what the rules need was seen; what is waived does not make it incomplete."""
    snapshot = topology.graph.snapshot
    hiding = [finding for finding in findings if finding.waiver is None and _hides(finding, topology)]
    undeclared = (finding for finding in hiding if finding.cause is Cause.DECLARATION)
    return Coverage(
        complete=not hiding and all(gap in waived for gap in gaps),
        listed=tuple(sorted((scope, proper_type(type_)) for scope, type_ in snapshot.listed)),
        gaps=gaps,
        declarations=tuple(dict.fromkeys(reason for finding in undeclared for reason in finding.reasons)),
        waived=waived,
    )


def _types(rules: Iterable[CompiledRule]) -> set[str]:
    """Return the types that must be listed completely: those that rules judge and those that the graph goes through."""
    targets = {target.type for loaded in rules for target in loaded.rule.targets if target.type}
    return (
        targets | {VM, SKU, *REFERENCES} | {r.to for references in REFERENCES.values() for r in references if r.reached}
    )


def _unlisted(snapshot: Snapshot, topology: Topology, types: set[str]) -> Iterator[Gap]:
    """Yield a gap for each type that nobody claims to have listed, and each subscription that was left out."""
    said = {(arm.subscription_of(gap.scope), arm.canonical_type(gap.what)) for gap in snapshot.gaps if cuts_a_list(gap)}
    for scope in snapshot.scopes:
        for type_ in sorted(types) if (scope, arm.SUBSCRIPTION) not in said else ():
            if (scope, type_) not in snapshot.listed and (scope, type_) not in said:
                yield unlisted(type_, scope)
    left_out = {s for d in topology.deployments for s in d.declared.subscriptions if s not in snapshot.scopes}
    for scope in sorted(left_out):
        yield unlisted(arm.SUBSCRIPTION, scope)


def _hides(finding: Finding, topology: Topology) -> bool:
    """Tell whether a finding stands in the way of a clean answer."""
    if finding.outcome is Outcome.ERROR:
        return True
    if finding.outcome is not Outcome.UNKNOWN:
        return False
    if finding.cause is Cause.GUEST:
        return any(d.id == finding.deployment and d.declared.guest == "required" for d in topology.deployments)
    return True
