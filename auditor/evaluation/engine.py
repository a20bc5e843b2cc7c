"""Evaluation: every rule is applied to every subject that it is about, and each result becomes a finding."""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterable, Iterator
from itertools import chain
from typing import Any, Final

import msgspec

from auditor.estate.declaration import LoadBalancerRole, Role
from auditor.estate.subjects import Deployment, Subject, Subscription, subject_of
from auditor.estate.topology import Topology
from auditor.evaluation.model import Finding, Outcome
from auditor.evaluation.reuse import Memory
from auditor.rules.conditions import FALSE, TRUE, Compiled, CompiledRule, Result, Stack, Test
from auditor.rules.context import Context, ReadRecorder
from auditor.rules.evidence import Evidence, distinct
from auditor.rules.model import SEVERITIES, Target
from auditor.snapshot.known import Cause, PartialList, Unknown

_OUTCOMES: Final = {outcome: rank for rank, outcome in enumerate(Outcome)}
_SEVERITIES: Final = {severity: rank for rank, severity in enumerate(SEVERITIES)}
_LOAD_BALANCERS: Final = frozenset(LoadBalancerRole)
_CAUSES: Final = {cause: rank for rank, cause in enumerate(Cause)}


class Detail(enum.Enum):
    """Which findings have evidence."""

    FAILURES = enum.auto()
    """Those that fail; conditions that pass are evaluated only as far as they must."""
    ALL = enum.auto()
    """Also those that pass or do not apply."""


def evaluate(
    topology: Topology,
    rules: Iterable[CompiledRule],
    detail: Detail = Detail.FAILURES,
    recorded: Collection[str] = (),
    memory: Memory | None = None,
) -> tuple[Finding, ...]:
    """Evaluate the rules for every subject, and return the findings in the order of `ranked`.

    Findings list which properties were read in the resources whose keys are `recorded`; that implies `Detail.ALL`.
    """
    rules = tuple(rules)
    found = [evaluate_deployment(topology, each, rules, detail, recorded, memory) for each in topology.deployments]
    return ranked(chain(*found, evaluate_subscriptions(topology, rules, detail, recorded, memory=memory)))


def evaluate_deployment(  # noqa: PLR0913, PLR0917 - as of `evaluate`, and the deployment
    topology: Topology,
    deployment: Deployment,
    rules: Iterable[CompiledRule],
    detail: Detail = Detail.FAILURES,
    recorded: Collection[str] = (),
    memory: Memory | None = None,
) -> list[Finding]:
    """Evaluate the rules for every subject of one deployment; nothing else in the result depends on other deployments.

    The findings of several deployments can therefore be computed in different processes, and joined by `ranked`.
    """
    evaluator = _Evaluator(topology, deployment, detail, recorded, memory)
    subjects = _Subjects(deployment)
    return [finding for rule in rules for finding in _findings(evaluator, subjects, rule)]


def evaluate_subscriptions(  # noqa: PLR0913, PLR0917 - as of `evaluate`, and the subscriptions
    topology: Topology,
    rules: Iterable[CompiledRule],
    detail: Detail = Detail.FAILURES,
    recorded: Collection[str] = (),
    only: Collection[str] | None = None,
    memory: Memory | None = None,
) -> list[Finding]:
    """Evaluate the rules about subscriptions: about those with some keys, if `only` says which."""
    evaluator = _Evaluator(topology, None, detail, recorded, memory)
    found = topology.subscriptions
    chosen = found if only is None else tuple(each for each in found if each.id in only)
    return [finding for rule in rules for finding in _of_subscriptions(evaluator, chosen, rule)]


class RuleByRule:
    """Evaluates rules one after the other; they share the results of facts, as if they were evaluated together."""

    def __init__(self, topology: Topology) -> None:
        """Take what is evaluated."""
        self._topology = topology
        self._deployments = [
            (_Evaluator(topology, deployment, Detail.FAILURES, ()), _Subjects(deployment))
            for deployment in topology.deployments
        ]
        self._subscriptions = _Evaluator(topology, None, Detail.FAILURES, ())

    def findings(self, rule: CompiledRule) -> Iterator[Finding]:
        """Yield the findings of a rule."""
        for evaluator, subjects in self._deployments:
            yield from _findings(evaluator, subjects, rule)
        yield from _of_subscriptions(self._subscriptions, self._topology.subscriptions, rule)


def _of_subscriptions(
    evaluator: _Evaluator, subscriptions: Iterable[Subscription], rule: CompiledRule
) -> Iterator[Finding]:
    """Yield the findings of a rule about subscriptions."""
    for index, target in enumerate(rule.rule.targets):
        if target.kind == "subscription":
            for subscription in subscriptions:
                yield evaluator.evaluate(rule, index, subscription, subject_of(subscription, {}))


def ranked(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return findings by deployment, worst first."""
    return tuple(
        sorted(
            findings,
            key=lambda f: (
                f.deployment,
                _OUTCOMES[f.outcome],
                _SEVERITIES[f.severity],
                f.rule.id,
                f.subject.id.lower(),
            ),
        )
    )


class _Subjects:
    """What rules can be about in a deployment; it is looked up once for all rules."""

    def __init__(self, deployment: Deployment) -> None:
        """Take the deployment."""
        self.deployment = deployment
        self._by_identity: dict[int, Subject] = {}
        self._by_target: dict[Target, list[tuple[Any, Subject] | Unknown]] = {}

    def of(self, element: Any) -> Subject:  # noqa: ANN401 - of any kind that a target can name
        """Return the subject of an element, which the deployment keeps alive."""
        found = self._by_identity.get(id(element))
        if found is None:
            found = self._by_identity[id(element)] = subject_of(element, self.deployment.lines)
        return found

    def named(self, target: Target) -> list[tuple[Any, Subject] | Unknown]:
        """Return each element that a target names with its subject, and why there may be others."""
        found = self._by_target.get(target)
        if found is None:
            elements = _elements(self.deployment, target)
            found = self._by_target[target] = [
                each if isinstance(each, Unknown) else (each, self.of(each))
                for each in (elements.missing, *elements.known)
                if each is not None
            ]
        return found


def _findings(evaluator: _Evaluator, subjects: _Subjects, rule: CompiledRule) -> Iterator[Finding]:
    """Evaluate one rule for the subjects of a deployment.

    One more finding, about the deployment, reports that there may be other subjects, or that there are none. It also
    stands for all subjects that are unknown only for lack of optional declarations.
    """
    found = False
    unknown: list[Unknown] = []
    seen: set[str] = set()
    for index, target in enumerate(rule.rule.targets):
        if target.kind == "subscription":
            found = True
            continue
        for named in subjects.named(target):
            if isinstance(named, Unknown):
                unknown.append(named)
                continue
            element, subject = named
            if subject.id not in seen:
                seen.add(subject.id)
                found = True
                finding = evaluator.evaluate(rule, index, element, subject)
                if finding.optional and finding.cause is Cause.DECLARATION and target.kind != "deployment":
                    unknown += (Unknown(finding.cause, reason, optional=True) for reason in finding.reasons)
                else:
                    yield finding
    if unknown or not found:
        subject = subjects.of(subjects.deployment)
        if subject.id not in seen:
            deployment = subjects.deployment
            if unknown:
                yield _unknown(rule, deployment, subject, tuple(unknown))
            else:
                yield _finding(rule, deployment, subject, Outcome.NOT_APPLICABLE)


def _elements(deployment: Deployment, target: Target) -> PartialList:
    """Return what a target names in a deployment."""
    if target.kind == "deployment":
        return PartialList((deployment,))
    if target.kind == "mirror":
        return PartialList(deployment.mirrors, deployment.more_mirrors)
    if target.kind == "tier":
        roles = [Role(role) for role in target.roles] or list(Role)
        tiers = tuple(tier for tier in deployment.tiers if tier.declared.role in roles)
        # A member that was not found, or whose region was not read, may lie in a region of which no tier is known.
        groups = (*(tier.members for tier in tiers), *(deployment.vms[role] for role in roles))
        return PartialList(
            tiers, next(filter(None, (PartialList.of(group).incomplete_because for group in groups)), None)
        )
    if not target.roles:
        return deployment.scope[target.type]
    return PartialList.joined(
        *(
            deployment.load_balancers[LoadBalancerRole(role)] if role in _LOAD_BALANCERS else deployment.vms[Role(role)]
            for role in target.roles
        )
    )


class _Evaluator:
    """Evaluates rules for subjects of one deployment, or for subscriptions."""

    def __init__(
        self,
        topology: Topology,
        deployment: Deployment | None,
        detail: Detail,
        recorded: Collection[str],
        memory: Memory | None = None,
    ) -> None:
        recorder = ReadRecorder(recorded) if recorded else None
        self._memory = memory
        self._context = Context(topology, deployment, recorder)
        self._everything = detail is Detail.ALL or recorder is not None
        """Whether conditions are also evaluated for evidence that no finding has, or whose reads are recorded."""

    def evaluate(self, rule: CompiledRule, index: int, element: Any, subject: Subject) -> Finding:  # noqa: ANN401
        """Return the finding about a subject, by the conditions of a rule for the target with an index."""
        if self._memory is None:
            return self._finding(rule, rule.compiled[index], element, subject)
        deployment = self._context.deployment
        key = (deployment.id if deployment else "", rule.rule.id, index, subject)
        known = self._memory.recall(key)
        if known is not None:
            return known
        self._memory.begin(element, deployment)
        finding = self._finding(rule, rule.compiled[index], element, subject)
        self._memory.keep(key, finding)
        return finding

    def _finding(self, rule: CompiledRule, compiled: Compiled, element: Any, subject: Subject) -> Finding:  # noqa: ANN401
        """Evaluate; an exception in a fact or condition becomes `Outcome.ERROR`."""
        try:
            finding = self._evaluate(rule, compiled, element, subject)
        except Exception as error:  # noqa: BLE001 - a bug in one fact must not hide the findings of other rules
            failed = _finding(rule, self._context.deployment, subject, Outcome.ERROR)
            finding = msgspec.structs.replace(failed, reasons=(f"{type(error).__name__}: {error}",))
        recorder = self._context.recorder
        return finding if recorder is None else msgspec.structs.replace(finding, reads=recorder.take())

    def _evaluate(self, rule: CompiledRule, compiled: Compiled, element: Any, subject: Subject) -> Finding:  # noqa: ANN401
        deployment = self._context.deployment
        stack = (element,) if deployment is None or element is deployment else (element, deployment)
        if compiled.when is not None:
            applies = self._ask(compiled.when, stack, final=(True, False))
            if applies.truth is None:
                return _unknown(rule, deployment, subject, applies.unknown)
            if not applies.truth:
                return _finding(rule, deployment, subject, Outcome.NOT_APPLICABLE, applies.evidence)
        result = self._ask(compiled.condition, stack, final=(True,))
        if result.truth is None:
            return _unknown(rule, deployment, subject, result.unknown)
        if result.truth:
            return _finding(rule, deployment, subject, Outcome.PASS, result.evidence)
        failed = _finding(rule, deployment, subject, Outcome.FAIL, result.evidence)
        return self._graded(failed, compiled, stack) if compiled.grade else failed

    def _ask(self, test: Test, stack: Stack, *, final: tuple[bool, ...]) -> Result:
        """Return the result of a test, without evidence if its truth value is one of the `final`."""
        if not self._everything:
            truth = test.truth(self._context, stack)
            if truth in final:
                return TRUE if truth else FALSE
        return test.result(self._context, stack)

    def _graded(self, failed: Finding, compiled: Compiled, stack: Stack) -> Finding:
        """Return a fail with the severity of the first grade that applies."""
        sure = True
        for when, grade in compiled.grade:
            applies = self._ask(when, stack, final=(True, False)).truth
            sure = sure and applies is not None
            if applies:
                severity, because = grade.severity, grade.because
                return msgspec.structs.replace(failed, severity=severity, graded=because, severity_is_sure=sure)
        return failed if sure else msgspec.structs.replace(failed, severity_is_sure=False)


def _finding(
    rule: CompiledRule,
    deployment: Deployment | None,
    subject: Subject,
    outcome: Outcome,
    evidence: tuple[Evidence, ...] = (),
) -> Finding:
    """Return a finding whose outcome is known."""
    known = rule.rule
    name = deployment.id if deployment else ""
    return Finding(known, outcome, known.severity, subject, name, distinct(evidence) if evidence else ())


def _unknown(
    rule: CompiledRule, deployment: Deployment | None, subject: Subject, unknown: tuple[Unknown, ...]
) -> Finding:
    """Return an unknown; its cause is the first in the order of `Cause`, of what is not optional if anything is not."""
    needed = [each for each in unknown if not _is_optional(each, deployment)]
    decisive = needed or unknown
    cause = min([each.cause for each in decisive], key=_CAUSES.__getitem__)
    first = [each for each in decisive if each.cause is cause]
    gaps = [each.gaps for each in decisive]
    return msgspec.structs.replace(
        _finding(rule, deployment, subject, Outcome.UNKNOWN),
        cause=cause,
        reasons=tuple(dict.fromkeys([each.reason for each in first])),
        gaps=tuple(dict.fromkeys(chain(*gaps))) if all(gaps) else (),
        about=tuple(dict.fromkeys(chain(*[each.resources for each in first]))),
        optional=not needed,
    )


def _is_optional(unknown: Unknown, deployment: Deployment | None) -> bool:
    """Return whether a scan is complete without what is unknown: files from inside VMs only where they are optional."""
    if unknown.cause is Cause.GUEST and deployment is not None:
        return deployment.declared.guest != "required"
    return unknown.optional
