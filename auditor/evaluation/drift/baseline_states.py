"""What became of the findings of one snapshot in another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable
from typing import Final, NamedTuple

from auditor.azure import arm
from auditor.estate.graph import not_scanned
from auditor.estate.topology import Topology
from auditor.evaluation.drift.model import FindingChange
from auditor.evaluation.drift.resources import Changes
from auditor.evaluation.drift.rule_reads import RuleReads
from auditor.evaluation.model import BaselineState, Finding, Outcome
from auditor.rules.model import SEVERITIES

_DECIDED: Final = frozenset({Outcome.PASS, Outcome.FAIL, Outcome.NOT_APPLICABLE})
_ORDER: Final = {state: index for index, state in enumerate(BaselineState)}

Key = tuple[str, str, str]
"""Rule, deployment and subject of a finding, as they are called in the later snapshot."""


class EvaluatedSnapshot(NamedTuple):
    """A snapshot, and what the rules say of it."""

    topology: Topology
    findings: tuple[Finding, ...]


class States:
    """Compares findings by what they are about."""

    def __init__(self, changes: Changes, before: EvaluatedSnapshot, after: EvaluatedSnapshot) -> None:
        """Take what moved, and what the same rules say of both snapshots."""
        self._changes = changes
        self._keys = _keys(after.findings, arm.key)
        self._before = dict(zip(_keys(before.findings, self._now), before.findings, strict=True))
        self._after = dict(zip(self._keys, after.findings, strict=True))
        self._was, self._is = before.topology, after.topology
        self._same_sight = _sight(self._was) == _sight(self._is)
        self._evaluated = {key[:2] for key, finding in self._before.items() if _is_evaluated(finding)}
        self._left_out = {
            deployment.id.casefold(): not_scanned(subscription.id).reason
            for subscription in self._was.subscriptions
            if subscription.id not in self._is.graph.snapshot.scopes
            for deployment in subscription.deployments
        }
        self.reads = RuleReads(changes)
        touched = {key for key, found in self._before.items() if found.reads and self.reads.record(found, "before")}
        touched |= {key for key, found in self._after.items() if found.reads and self.reads.record(found, "after")}
        self._states: dict[Key, BaselineState | None] = {}
        for key in {**self._after, **self._before}:
            state = self._states[key] = self._state(key, touched=key in touched)
            if state in {BaselineState.REGRESSED, BaselineState.FIXED, BaselineState.DRIFTED} and key not in touched:
                old, new = self._before[key], self._after[key]
                if state is not BaselineState.DRIFTED or self._differ(old, new):
                    self.reads.attribute_outcome_change(old, "before")
                    self.reads.attribute_outcome_change(new, "after")
            elif state is BaselineState.LOST_SIGHT and key in self._after:
                self.reads.attribute_unknown(self._after[key])

    def of_later(self) -> list[BaselineState | None]:
        """Return the state of each finding of the later snapshot; None if the earlier one is not comparable."""
        return [self._states[key] for key in self._keys]

    def changes(self) -> tuple[FindingChange, ...]:
        """Return the findings that are not as they were, worst first."""
        found = []
        for key, state in self._states.items():
            if state is not None and state is not BaselineState.UNCHANGED:
                before, after = self._before.get(key), self._after.get(key)
                unsaid = state is BaselineState.LOST_SIGHT and not (after and after.reasons)
                found.append(FindingChange(state, before, after, self._unseen(before) if before and unsaid else ""))
        return tuple(sorted(found, key=_rank))

    def _now(self, key: str) -> str:
        """Return the key that an earlier subject has now; that of one that is not there may be another's."""
        moved = self._changes.before.get(key)
        return f"{key}?" if moved and moved.after is None else self._changes.now(key)

    def _state(self, key: Key, *, touched: bool) -> BaselineState | None:  # noqa: PLR0911 - a case a line
        before, after = self._before.get(key), self._after.get(key)
        if before is after and before is not None and not before.reads:
            return BaselineState.UNCHANGED
        was = before if before and _is_evaluated(before) else None
        if after is None:
            if was is None or _stands_for_all(was):
                return None
            return BaselineState.LOST_SIGHT if self._unseen(was) else BaselineState.GONE
        if not _is_evaluated(after):
            return self._not_evaluated(key, before, after)
        fails = after.outcome is Outcome.FAIL
        if was is None:
            return BaselineState.NEW if fails else None
        failed = was.outcome is Outcome.FAIL
        if fails and failed and was.severity_is_sure and after.severity != was.severity:
            if not after.severity_is_sure:
                return BaselineState.LOST_SIGHT
            worse = SEVERITIES.index(after.severity) < SEVERITIES.index(was.severity)
            return BaselineState.REGRESSED if worse else BaselineState.DRIFTED
        if fails and not failed:
            return BaselineState.REGRESSED
        if failed and not fails:
            return BaselineState.LOST_SIGHT if key[1] in self._left_out else BaselineState.FIXED
        respelled = arm.key(was.subject.id) != arm.key(after.subject.id)
        return BaselineState.DRIFTED if touched or respelled or self._differ(was, after) else BaselineState.UNCHANGED

    def _not_evaluated(self, key: Key, before: Finding | None, after: Finding) -> BaselineState | None:
        """Return the state of a finding that is unknown, or a pass by attestation."""
        if before is None:
            lost = _stands_for_all(after) and key[:2] in self._evaluated
            return BaselineState.LOST_SIGHT if lost else None
        if not _is_evaluated(before):
            return BaselineState.UNCHANGED
        return BaselineState.FIXED if before.attestation and after.attestation else BaselineState.LOST_SIGHT

    def _differ(self, before: Finding, after: Finding) -> bool:
        """Return whether two findings differ, neither of which is worse."""
        if before.outcome is not after.outcome:
            return True
        compared = self._same_sight and (before.reads or after.reads)
        return bool(compared) and self._observed(before, self._changes.now) != self._observed(after, arm.key)

    @staticmethod
    def _observed(finding: Finding, now: Callable[[str], str]) -> Counter[Hashable]:
        """Return the values that a finding shows, wherever and in whatever order they stand."""
        return Counter(_meaning(evidence.observed, now) for evidence in finding.evidence)

    # --- what cannot be seen ------------------------------------------------------------------------------------------

    def _unseen(self, finding: Finding) -> str:
        """Return why the subject of an earlier finding may still exist and be evaluated; "" if it certainly is not."""
        moved = self._changes.before.get(arm.key(finding.subject.id))
        if moved is not None and moved.after is None:
            return moved.hidden.reason if moved.hidden else ""
        if finding.subject.kind == "subscription":
            return not_scanned(finding.subject.id).reason
        deployment = finding.deployment.casefold()
        if deployment in self._left_out:
            return self._left_out[deployment]
        if deployment not in {found.id.casefold() for found in self._is.deployments}:  # only tags had named it
            hidden = self._is.graph.unseen_vms(self._was.graph.snapshot.scopes, tags=True)
            return hidden.reason if hidden else ""
        standing = self._after.get((finding.rule.id, deployment, deployment))
        return standing.reason if standing and not _is_evaluated(standing) else ""


def _keys(findings: Iterable[Finding], now: Callable[[str], str]) -> list[Key]:
    """Return what findings are about; `now` tells the key that an id has in the later snapshot."""
    names: dict[str, str] = {}
    found: list[Key] = []
    for finding in findings:
        subject = finding.subject.id
        name = names.get(subject)
        if name is None:
            name = names[subject] = now(arm.key(subject)) if arm.is_id(subject) else subject.casefold()
        found.append((finding.rule.id, finding.deployment.casefold(), name))
    return found


def _is_evaluated(finding: Finding) -> bool:
    """Return whether the outcome is the rule's own, or a fail by attestation; a pass by attestation is none."""
    return finding.outcome in _DECIDED and (finding.attestation is None or finding.outcome is Outcome.FAIL)


def _sight(topology: Topology) -> tuple[frozenset[tuple[str, str]], frozenset[tuple[str, str]]]:
    """Return what was seen of a subscription: only by the same sight does the same come out the same."""
    snapshot = topology.graph.snapshot
    return snapshot.listed, frozenset((arm.key(gap.scope), gap.what.lower()) for gap in snapshot.gaps)


def _stands_for_all(finding: Finding) -> bool:
    """Return whether a finding is about a deployment because the subjects of the rule are not, or not all, known."""
    return finding.subject.kind == "deployment" and all(t.kind != "deployment" for t in finding.rule.targets)


def _meaning(value: object, now: Callable[[str], str]) -> Hashable:
    """Return what two observed values that mean the same have in common."""
    if isinstance(value, str):
        return now(arm.key(value)) if arm.is_id(value) else value.casefold()
    if isinstance(value, list):
        return frozenset(Counter(_meaning(member, now) for member in value).items())
    if isinstance(value, dict):
        return frozenset((name.casefold(), _meaning(member, now)) for name, member in value.items())
    return type(value) is bool, value


def _rank(change: FindingChange) -> tuple[int, int, str, str]:
    """Return what sorts changes, worst first."""
    finding = change.finding
    severity = SEVERITIES.index(change.severity)
    return _ORDER[change.state], severity, finding.rule.id, finding.subject.id.lower()
