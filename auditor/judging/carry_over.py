"""Findings of an earlier report that stay open, because this run could not evaluate them again."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

import msgspec

from auditor.azure import arm
from auditor.azure.types.names import VM
from auditor.errors import InputError
from auditor.estate.graph import not_scanned
from auditor.estate.subjects import Subject
from auditor.estate.topology import Topology
from auditor.judging.model import Carried, Finding, Outcome
from auditor.rules.model import SEVERITIES
from auditor.snapshot.known import Cause, Unknown
from auditor.snapshot.lookup import unread
from auditor.snapshot.model import Gap

_NOT_EVALUATED: Final = frozenset({Outcome.UNKNOWN, Outcome.ERROR})


class Earlier(msgspec.Struct, frozen=True):
    """The open findings of an earlier report."""

    scopes: tuple[str, ...]
    """The subscriptions that were scanned."""
    findings: tuple[Carried, ...]
    """As reported, without `reasons`."""


def carried(earlier: Earlier, findings: Iterable[Finding], topology: Topology) -> tuple[Carried, ...]:
    """Return the open findings of an earlier report that this run can neither evaluate nor declare fixed or gone.

    Raises:
        InputError: none of the subscriptions of the earlier report was scanned.
    """
    then, now = {*map(arm.key, earlier.scopes)}, {*topology.graph.snapshot.scopes}
    if then and now and then.isdisjoint(now):
        message = f"the previous report is of {', '.join(earlier.scopes)}, and none of them is scanned"
        raise InputError(message)
    current = _CurrentScan(earlier.scopes, findings, topology)
    lost: dict[str, Carried] = {}
    for old in earlier.findings:
        finding = msgspec.structs.replace(old.finding, subject=current.subject(old.finding.subject))
        hidden = current.why_not_evaluated(finding)
        if hidden is not None:
            finding = msgspec.structs.replace(finding, reasons=hidden.reasons, gaps=hidden.gaps)
            lost.setdefault(finding.key, Carried(finding, old.last_seen))
    return tuple(sorted(lost.values(), key=_order))


def _order(lost: Carried) -> tuple[str, int, str, str]:
    finding = lost.finding
    return finding.deployment, SEVERITIES.index(finding.severity), finding.rule.id, finding.subject.id.casefold()


class _Hidden(NamedTuple):
    """Why this scan cannot evaluate an earlier finding."""

    reasons: tuple[str, ...]
    gaps: tuple[Gap, ...]
    """The gaps that alone are the reason."""

    @classmethod
    def of(cls, *unknown: Unknown) -> _Hidden:
        reasons = dict.fromkeys(found.reason for found in unknown)
        gaps = dict.fromkeys(gap for found in unknown for gap in found.gaps)
        return cls(tuple(reasons), tuple(gaps) if all(found.gaps for found in unknown) else ())


class _CurrentScan:
    """What this scan knows about the subjects of earlier findings."""

    def __init__(self, scopes: Iterable[str], findings: Iterable[Finding], topology: Topology) -> None:
        self._now = {finding.key: finding for finding in findings}
        self._subjects = {finding.subject.id.casefold(): finding.subject for finding in self._now.values()}
        self._lines = {subject.line for subject in self._subjects.values()}
        self._deployments = {deployment.id.casefold() for deployment in topology.deployments}
        self._graph = topology.graph
        self._left_out = [scope for scope in map(arm.key, scopes) if scope not in self._graph.snapshot.scopes]

    def subject(self, old: Subject) -> Subject:
        """Return a subject as it is now; one that is not visible keeps its line, unless another subject has it."""
        kept = msgspec.structs.replace(old, line=0) if old.line in self._lines else old
        return self._subjects.get(old.id.casefold()) or kept

    def why_not_evaluated(self, finding: Finding) -> _Hidden | None:
        """Return why this scan cannot evaluate an earlier finding; None if it does, or if the subject is gone."""
        now = self._now.get(finding.key)
        if now is not None:
            evaluated = finding.outcome is not Outcome.FAIL or now.outcome not in _NOT_EVALUATED
            return None if evaluated else _Hidden(now.reasons, now.gaps)
        if finding.deployment and finding.deployment.casefold() not in self._deployments:
            return self._unrecognised()
        if arm.is_id(finding.subject.id):
            unread = self._unread(finding.subject.id)
            if unread is not None:
                return _Hidden.of(unread) if unread.cause is Cause.GAP else None
        # If a rule may have more subjects than were read, a finding about the deployment has the reason.
        deployment = Subject(finding.deployment, "deployment", finding.deployment)
        whole = self._now.get(msgspec.structs.replace(finding, subject=deployment).key)
        return _Hidden(whole.reasons, whole.gaps) if whole is not None and whole.outcome in _NOT_EVALUATED else None

    def _unread(self, arm_id: str) -> Unknown | None:
        """Return why a resource or subscription is not in the snapshot; None if it is."""
        key = arm.key(arm_id)
        if arm.type_of(key) != arm.SUBSCRIPTION:
            found = self._graph.get(arm_id)
            return found if isinstance(found, Unknown) else None
        return not_scanned(key) if key in self._left_out else None

    def _unrecognised(self) -> _Hidden | None:
        """Return why a deployment may exist that was not recognised: VMs or their tags were not read."""
        snapshot = self._graph.snapshot
        if self._left_out:
            return _Hidden.of(*map(not_scanned, self._left_out))
        unknown = [self._graph.listing(VM, scope) for scope in snapshot.scopes]
        unknown += [unread(vm, "tags") for vm in self._graph.unreadable.get(VM, ())]
        found = [one for one in unknown if one is not None]
        return _Hidden.of(*found) if found else None
