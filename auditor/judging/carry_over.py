"""The report of an earlier run: what it had, and this run only lost sight of, is not yet mended."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Final, Literal, NamedTuple

import msgspec

from auditor import files
from auditor.azure import arm
from auditor.errors import InputError
from auditor.estate.graph import VM, not_scanned, unread
from auditor.estate.subjects import Subject
from auditor.estate.topology import Topology
from auditor.judging.model import Carried, Finding, Outcome
from auditor.rules.evidence import Evidence
from auditor.rules.model import SEVERITIES, Rule, Severity
from auditor.snapshot.known import Cause, Unknown
from auditor.snapshot.model import Gap

_UNSEEN: Final = frozenset({Outcome.UNKNOWN, Outcome.ERROR})


class _Part(msgspec.Struct, rename="camel"):
    """A part of `auditor.report/1`, with what of it is needed here."""


class _Read(_Part):
    resource: str
    path: str
    observed: object


class _Evidence(_Part):
    resource: str
    path: str
    observed: object
    expected: str
    reads: tuple[_Read, ...] = ()


class _Subject(_Part):
    id: str
    kind: str
    name: str
    region: str | None = None
    line: Annotated[int, msgspec.Meta(ge=1)] | None = None


class _Finding(_Part):
    rule: str
    outcome: Outcome
    severity: Severity
    subject: _Subject
    deployment: str | None
    evidence: tuple[_Evidence, ...]
    cause: Cause | None
    waiver: dict[str, object] | None


class _Carried(_Part):
    finding: _Finding
    last_seen: str


class Previous(_Part):
    """An earlier report."""

    format: Literal["auditor.report/1"]
    profile: str
    as_of: str
    taken_at: str | None
    scopes: tuple[str, ...]
    findings: tuple[_Finding, ...]
    carried: tuple[_Carried, ...]


def load(path: Path, profile: str) -> Previous:
    """Return an earlier report by the same profile; by another one, its findings would be other alerts.

    Raises:
        InputError: the file cannot be read, is no report, or one by another profile.
    """
    try:
        found = msgspec.json.decode(files.read(path), type=Previous)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        message = f"is not a report as scan -o json writes it: {error}"
        raise InputError(message, str(path)) from None
    if found.profile != profile:
        message = f"is a report by the profile '{found.profile}', not by '{profile}'"
        raise InputError(message, str(path))
    return found


def carried(
    previous: Previous, findings: Iterable[Finding], topology: Topology, rules: Iterable[Rule]
) -> tuple[Carried, ...]:
    """Return what an earlier report had and these findings do not, only because it could not be seen.

    What is known to be mended or gone is not among it, nor what no rule asks for any more.

    Raises:
        InputError: other subscriptions were scanned than the earlier report is of.
    """
    then, now = {*map(arm.key, previous.scopes)}, {*topology.graph.snapshot.scopes}
    if then and now and then.isdisjoint(now):
        message = f"the previous report is of {', '.join(previous.scopes)}, and none of them is scanned"
        raise InputError(message)
    known = {rule.id: rule for rule in rules}
    sight = _Sight(previous, findings, topology)
    lost: dict[str, Carried] = {}
    for old, last_seen in _open(previous):
        if old.rule in known:
            finding = _finding(old, known[old.rule], sight.subject(old.subject))
            hidden = sight.lost(finding)
            if hidden is not None:
                finding = msgspec.structs.replace(finding, reasons=hidden.reasons, gaps=hidden.gaps)
                lost.setdefault(finding.key, Carried(finding, last_seen))
    return tuple(sorted(lost.values(), key=_order))


def _open(previous: Previous) -> Iterator[tuple[_Finding, str]]:
    """Yield the findings that were alerts, those that were carried first, each with when it was last seen."""
    seen = previous.taken_at or previous.as_of
    found = [
        *((old.finding, old.last_seen) for old in previous.carried),
        *((finding, seen) for finding in previous.findings),
    ]
    for finding, last_seen in found:
        unread_then = finding.outcome is Outcome.UNKNOWN and finding.cause is Cause.GAP
        if (finding.outcome is Outcome.FAIL or unread_then) and finding.waiver is None:
            yield finding, last_seen


def _finding(old: _Finding, rule: Rule, subject: Subject) -> Finding:
    """Return a finding as it was."""
    evidence = tuple(
        Evidence(e.resource, e.path, e.observed, e.expected, tuple((r.resource, r.path, r.observed) for r in e.reads))
        for e in old.evidence
    )
    return Finding(rule, old.outcome, old.severity, subject, old.deployment or "", evidence, old.cause)


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

    def __init__(self, previous: Previous, findings: Iterable[Finding], topology: Topology) -> None:
        self._now = {finding.key: finding for finding in findings}
        self._subjects = {finding.subject.id.casefold(): finding.subject for finding in self._now.values()}
        self._lines = {subject.line for subject in self._subjects.values()}
        self._deployments = {deployment.id.casefold() for deployment in topology.deployments}
        self._graph = topology.graph
        self._left_out = [scope for scope in map(arm.key, previous.scopes) if scope not in self._graph.snapshot.scopes]

    def subject(self, old: _Subject) -> Subject:
        """Return a subject as it stands now; the line of one that is not seen is kept unless another has it now."""
        line = old.line if old.line and old.line not in self._lines else 0
        return self._subjects.get(old.id.casefold()) or Subject(old.id, old.kind, old.name, old.region or "", line)

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
