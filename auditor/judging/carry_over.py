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

_UNSEEN: Final = frozenset({Outcome.UNKNOWN, Outcome.ERROR})


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
    sight = _Sight(earlier.scopes, findings, topology)
    lost: dict[str, Carried] = {}
    for old in earlier.findings:
        finding = msgspec.structs.replace(old.finding, subject=sight.subject(old.finding.subject))
        hidden = sight.lost(finding)
        if hidden is not None:
            finding = msgspec.structs.replace(finding, reasons=hidden.reasons, gaps=hidden.gaps)
            lost.setdefault(finding.key, Carried(finding, old.last_seen))
    return tuple(sorted(lost.values(), key=_order))


def _order(lost: Carried) -> tuple[str, int, str, str]:
    finding = lost.finding
    return finding.deployment, SEVERITIES.index(finding.severity), finding.rule.id, finding.subject.id.casefold()


class _Hidden(NamedTuple):
    """Why an earlier finding cannot be judged."""

    reasons: tuple[str, ...]
    gaps: tuple[Gap, ...]
    """The gaps that alone are the reason."""

    @classmethod
    def of(cls, *unknown: Unknown) -> _Hidden:
        reasons = dict.fromkeys(found.reason for found in unknown)
        gaps = dict.fromkeys(gap for found in unknown for gap in found.gaps)
        return cls(tuple(reasons), tuple(gaps) if all(found.gaps for found in unknown) else ())


class _Sight:
    """What a run can say of what an earlier one reported."""

    def __init__(self, scopes: Iterable[str], findings: Iterable[Finding], topology: Topology) -> None:
        self._now = {finding.key: finding for finding in findings}
        self._subjects = {finding.subject.id.casefold(): finding.subject for finding in self._now.values()}
        self._lines = {subject.line for subject in self._subjects.values()}
        self._deployments = {deployment.id.casefold() for deployment in topology.deployments}
        self._graph = topology.graph
        self._left_out = [scope for scope in map(arm.key, scopes) if scope not in self._graph.snapshot.scopes]

    def subject(self, old: Subject) -> Subject:
        """Return a subject as it stands now; the line of one that is not seen is kept unless another has it now."""
        kept = msgspec.structs.replace(old, line=0) if old.line in self._lines else old
        return self._subjects.get(old.id.casefold()) or kept

    def lost(self, finding: Finding) -> _Hidden | None:
        """Return why this run cannot judge an earlier finding; None where it does, or where its subject is gone."""
        now = self._now.get(finding.key)
        if now is not None:
            judged = finding.outcome is not Outcome.FAIL or now.outcome not in _UNSEEN
            return None if judged else _Hidden(now.reasons, now.gaps)
        if finding.deployment and finding.deployment.casefold() not in self._deployments:
            return self._unrecognised()
        if arm.is_id(finding.subject.id):
            hidden = self._hidden(finding.subject.id)
            if hidden is not None:
                return _Hidden.of(hidden) if hidden.cause is Cause.GAP else None
        # Where subjects of a rule may not have been seen, a finding about the deployment says so.
        whole = Subject(finding.deployment, "deployment", finding.deployment)
        said = self._now.get(msgspec.structs.replace(finding, subject=whole).key)
        return _Hidden(said.reasons, said.gaps) if said is not None and said.outcome in _UNSEEN else None

    def _hidden(self, arm_id: str) -> Unknown | None:
        """Return why a resource or a subscription is not here, None where it is."""
        key = arm.key(arm_id)
        if arm.type_of(key) != arm.SUBSCRIPTION:
            found = self._graph.get(arm_id)
            return found if isinstance(found, Unknown) else None
        return not_scanned(key) if key in self._left_out else None

    def _unrecognised(self) -> _Hidden | None:
        """Return why a deployment may be there that was not recognised: a machine, or its tags, may not be seen."""
        snapshot = self._graph.snapshot
        if self._left_out:
            return _Hidden.of(*map(not_scanned, self._left_out))
        doubts = [self._graph.listing(VM, scope) for scope in snapshot.scopes]
        doubts += [unread(machine, "tags") for machine in self._graph.unreadable.get(VM, ())]
        found = [doubt for doubt in doubts if doubt is not None]
        return _Hidden.of(*found) if found else None
