"""Waivers (accepted findings and gaps) and attestations (manual sign-off); both expire."""

from __future__ import annotations

import datetime as dt
import difflib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

import msgspec

from auditor import yaml_documents
from auditor.azure import arm
from auditor.evaluation.model import Attestation, Carried, ExemptionState, ExemptionStatus, Finding, Outcome, Waiver
from auditor.globs import Globs
from auditor.rules.conditions import identity
from auditor.rules.evidence import Evidence
from auditor.snapshot.model import Gap
from auditor.yaml_documents import Document

_WAIVABLE: Final = frozenset({Outcome.FAIL, Outcome.UNKNOWN})
_ATTESTABLE: Final = frozenset({Outcome.UNKNOWN})
_NOT_EXEMPT: Final[Mapping[Outcome, str]] = {
    Outcome.FAIL: "the findings in its scope fail, and only an unknown can be attested",
    Outcome.ERROR: "the findings in its scope are errors of auditor, which cannot be exempted",
    Outcome.PASS: "the findings in its scope pass",
    Outcome.NOT_APPLICABLE: "the rule does not apply to the resources in its scope",
}
"""Why an outcome cannot be exempted, the most important reason first."""
_MOST_PATHS: Final = 5
"""How many paths of a finding a message lists where a waiver names another path."""

_Exemption = TypeVar("_Exemption", Waiver, Attestation)


class Exemptions(msgspec.Struct, frozen=True):
    """The entries of the user's files."""

    waivers: tuple[Waiver, ...] = ()
    attestations: tuple[Attestation, ...] = ()


class ExemptionResult(msgspec.Struct, frozen=True):
    """Findings and gaps with their exemptions, and the status of every waiver and attestation."""

    findings: tuple[Finding, ...]
    carried: tuple[Carried, ...]
    gaps: Mapping[Gap, Waiver]
    """The waived gaps, each with its waiver."""
    waivers: tuple[ExemptionStatus[Waiver], ...]
    attestations: tuple[ExemptionStatus[Attestation], ...]


# --- files ------------------------------------------------------------------------------------------------------------


def read(waivers: Path | None, attestations: Path | None, rules: Iterable[str]) -> Exemptions:
    """Read the user's files; `rules` are the ids that they may name.

    Raises:
        InputError: a file is unreadable or wrong.
    """
    known = frozenset(rules)
    return Exemptions(
        load(yaml_documents.read(waivers), known) if waivers else (),
        load_attestations(yaml_documents.read(attestations), known) if attestations else (),
    )


def load(document: Document, rules: Iterable[str]) -> tuple[Waiver, ...]:
    """Return the waivers of a file.

    Raises:
        InputError: the file does not follow its schema, names an unknown rule, or has a waiver of more than a year.
    """
    value: Any = document.check("waivers").value
    known = sorted(rules)
    return tuple(_waiver(document, entry, known) for entry in value["waivers"])


def _waiver(document: Document, entry: dict[str, Any], rules: list[str]) -> Waiver:
    rule = _rule(document, entry, rules) if "rule" in entry else ""
    granted, expires = _days(document, entry, "grantedOn", "expiresOn")
    if (expires.year - 1, expires.month, expires.day) > (granted.year, granted.month, granted.day):
        raise document.error("a waiver lasts at most one year; grant it again when it expires", entry, "expiresOn")
    return Waiver(
        scope=entry["scope"],
        category=entry["category"],
        reason=entry["reason"],
        approved_by=entry["approvedBy"],
        granted_on=granted,
        expires_on=expires,
        rule=rule,
        gap=entry.get("gap", ""),
        ticket=entry.get("ticket", ""),
        observed=entry.get("observed", {}),
        file=document.file,
        line=document.line(entry),
    )


def load_attestations(document: Document, rules: Iterable[str]) -> tuple[Attestation, ...]:
    """Return the attestations of a file.

    Raises:
        InputError: the file does not follow its schema, or names an unknown rule.
    """
    value: Any = document.check("attestations").value
    known = sorted(rules)
    return tuple(_attestation(document, entry, known) for entry in value["attestations"])


def _attestation(document: Document, entry: dict[str, Any], rules: list[str]) -> Attestation:
    rule = _rule(document, entry, rules)
    attested, until = _days(document, entry, "attestedOn", "validUntil")
    return Attestation(
        rule=rule,
        scope=entry["scope"],
        attested_by=entry["attestedBy"],
        attested_on=attested,
        valid_until=until,
        statement=entry["statement"],
        holds=entry.get("holds", True),
        file=document.file,
        line=document.line(entry),
    )


def _rule(document: Document, entry: dict[str, Any], rules: list[str]) -> str:
    """Return the id of the rule that an entry names in any case.

    Raises:
        InputError: there is no such rule.
    """
    rule: str = entry["rule"].upper()
    if rule not in rules:
        near = difflib.get_close_matches(rule, rules, n=1)
        hint = f"; did you mean '{near[0]}'?" if near else "; list the rules with auditor rules list"
        raise document.error(f"there is no rule '{entry['rule']}'{hint}", entry, "rule")
    return rule


def _days(document: Document, entry: dict[str, Any], first: str, last: str) -> tuple[dt.date, dt.date]:
    """Return the first and the last day on which an entry is in effect."""
    begin, end = (_day(document, entry, key) for key in (first, last))
    if end <= begin:
        raise document.error(f"{last} must be later than {first}", entry, last)
    return begin, end


def _day(document: Document, entry: dict[str, Any], key: str) -> dt.date:
    try:
        return dt.date.fromisoformat(entry[key])
    except ValueError:
        raise document.error(f"{key} is '{entry[key]}', which is not a calendar date", entry, key) from None


# --- applying them ----------------------------------------------------------------------------------------------------


def apply(
    exemptions: Exemptions,
    findings: tuple[Finding, ...],
    carried: tuple[Carried, ...],
    gaps: tuple[Gap, ...],
    as_of: dt.date,
) -> ExemptionResult:
    """Apply the exemptions that are in effect on a date: an attested unknown becomes a pass or a fail."""
    if exemptions == Exemptions():
        return ExemptionResult(findings, carried, {}, (), ())
    waivers = _Register(exemptions.waivers, lambda w: w.rule or arm.canonical_type(w.gap), as_of, _WAIVABLE)
    attestations = _register(exemptions.attestations, as_of)
    waived = {gap: waiver for gap in gaps if (waiver := waivers.for_gap(gap))}
    found = tuple(_waived(_attested(finding, attestations), waivers, waived) for finding in findings)
    attested = {finding.key: finding for finding in found if finding.attestation is not None}
    return ExemptionResult(
        found,
        tuple(
            msgspec.structs.replace(old, finding=_waived(old.finding, waivers, waived))
            for old in carried
            if not _is_superseded(old.finding, attested.get(old.finding.key))
        ),
        waived,
        waivers.statuses(),
        attestations.statuses(),
    )


def attest(exemptions: Exemptions, findings: tuple[Finding, ...], as_of: dt.date) -> tuple[Finding, ...]:
    """Return the findings of a baseline, with the attestations that were in effect on its date."""
    attestations = _register(exemptions.attestations, as_of)
    return tuple(_attested(finding, attestations) for finding in findings)


def _register(attestations: tuple[Attestation, ...], as_of: dt.date) -> _Register[Attestation]:
    return _Register(attestations, lambda a: a.rule, as_of, _ATTESTABLE)


def _attested(finding: Finding, attestations: _Register[Attestation]) -> Finding:
    """Return a finding, as a pass or a fail where an attestation covers it."""
    attestation = attestations.for_finding(finding)
    if attestation is None:
        return finding
    decided = msgspec.structs.replace(
        finding,
        outcome=Outcome.PASS,
        attestation=attestation,
        cause=None,
        reasons=(),
        gaps=(),
        about=(),
        optional=False,
    )
    if attestation.holds:
        return decided
    seen = Evidence(finding.subject.id, "attestation", attestation.statement, finding.rule.attest or finding.rule.title)
    return msgspec.structs.replace(
        decided, outcome=Outcome.FAIL, evidence=(seen,), severity_is_sure=not finding.rule.grade
    )


def _is_superseded(old: Finding, attested: Finding | None) -> bool:
    """Return whether an attestation of today replaces a carried finding; it closes no fail that Azure had shown."""
    return attested is not None and (attested.outcome is Outcome.FAIL or old.attestation is not None)


def _waived(finding: Finding, waivers: _Register[Waiver], waived: Mapping[Gap, Waiver]) -> Finding:
    """Return a finding with the waiver that covers it, or that covers all the gaps that make it unknown."""
    waiver = waivers.for_finding(finding) or _waiver_of_gaps(finding, waived)
    return finding if waiver is None else msgspec.structs.replace(finding, waiver=waiver)


def _waiver_of_gaps(finding: Finding, waived: Mapping[Gap, Waiver]) -> Waiver | None:
    """Return the waiver of the gaps that alone make a finding unknown, of several the one that expires first."""
    if not waived or finding.outcome is not Outcome.UNKNOWN or not all(gap in waived for gap in finding.gaps):
        return None
    return min((waived[gap] for gap in finding.gaps), key=lambda waiver: waiver.last_day, default=None)


class _Entry(Generic[_Exemption]):
    """A waiver or an attestation, and what it has matched so far."""

    def __init__(self, exemption: _Exemption, as_of: dt.date, exempt: frozenset[Outcome]) -> None:
        self.exemption: _Exemption = exemption
        self._exempt = exempt
        self.state = ExemptionState.UNUSED
        if as_of > exemption.last_day:
            self.state = ExemptionState.EXPIRED
        elif as_of < exemption.first_day:
            self.state = ExemptionState.PENDING
        self._covers: set[str] = set()
        self._not_exempt: set[Outcome] = set()
        self._lapses: dict[str, str] = {}

    def covers(self, key: str, finding: Finding | None = None) -> bool:
        """Return whether it covers a finding, or a gap, that is in its scope; record the match under its key."""
        if finding and finding.outcome not in self._exempt:
            self._not_exempt.add(finding.outcome)
            return False
        lapse = _lapse(self.exemption, finding) if finding and isinstance(self.exemption, Waiver) else ""
        if lapse:
            self._lapses.setdefault(key, lapse)
            return False
        self._covers.add(key)
        if self.state is ExemptionState.UNUSED:
            self.state = ExemptionState.USED
        return self.state is ExemptionState.USED

    def statuses(self) -> Iterator[ExemptionStatus[_Exemption]]:
        """Yield its status; one that is bound to a value can have two, as it may match one finding and not another."""
        in_effect = self.state in {ExemptionState.USED, ExemptionState.UNUSED}
        if self._lapses and in_effect:
            yield ExemptionStatus(
                self.exemption, ExemptionState.LAPSED, len(self._lapses), next(iter(self._lapses.values()))
            )
        if self._covers or not self._lapses or not in_effect:
            why = self._why_unused() if self.state is ExemptionState.UNUSED else ""
            yield ExemptionStatus(self.exemption, self.state, len(self._covers), why)

    def _why_unused(self) -> str:
        """Return why an unused one covers nothing."""
        reasons = (why for outcome, why in _NOT_EXEMPT.items() if outcome in self._not_exempt)
        return next(reasons, _no_match(self.exemption))


class _Register(Generic[_Exemption]):
    """Waivers or attestations by the rule, or by the resource type of a gap, that they name."""

    def __init__(
        self,
        exemptions: Iterable[_Exemption],
        about: Callable[[_Exemption], str],
        as_of: dt.date,
        exempt: frozenset[Outcome],
    ) -> None:
        """Index exemptions: `about` returns the rule or type of each, `exempt` has the outcomes that they cover."""
        ordered = sorted(exemptions, key=lambda exemption: (exemption.file, exemption.line))
        self._entries: list[_Entry[_Exemption]] = [_Entry(exemption, as_of, exempt) for exemption in ordered]
        by_subject: dict[str, list[tuple[str, _Entry[_Exemption]]]] = defaultdict(list)
        for entry in self._entries:
            by_subject[about(entry.exemption)].append((arm.key(entry.exemption.scope), entry))
        self._for: dict[str, Globs[_Entry[_Exemption]]] = {
            subject: Globs(entries) for subject, entries in by_subject.items()
        }

    def for_finding(self, finding: Finding) -> _Exemption | None:
        """Return the exemption that covers a finding: one that does not hold before others, then the longest one."""
        entries = self._in_scope(finding.rule.id, finding.subject.id)
        if not entries:
            return None
        key = finding.key
        return _longest(entry for entry in entries if entry.covers(key, finding))

    def for_gap(self, gap: Gap) -> _Exemption | None:
        """Likewise for a gap; a gap of a property counts for the type of its resource."""
        what = arm.canonical_type(gap.what) if "/" in gap.what else arm.type_of(gap.scope)
        return _longest(e for e in self._in_scope(what, gap.scope) if e.covers(f"{gap.scope} {gap.what}"))

    def _in_scope(self, about: str, scope: str) -> list[_Entry[_Exemption]]:
        """Return the entries about a rule or type of which the scope matches a subject, or the scope of a gap."""
        entries = self._for.get(about)
        return [] if entries is None else entries.matching(arm.key(scope))

    def statuses(self) -> tuple[ExemptionStatus[_Exemption], ...]:
        """Return the status of every entry."""
        return tuple(status for entry in self._entries for status in entry.statuses())


def _longest(entries: Iterable[_Entry[_Exemption]]) -> _Exemption | None:
    return max((entry.exemption for entry in entries), key=_precedence, default=None)


def _precedence(exemption: Waiver | Attestation) -> tuple[bool, dt.date]:
    return isinstance(exemption, Attestation) and not exemption.holds, exemption.last_day


def _no_match(exemption: Waiver | Attestation) -> str:
    """Return why an exemption covers nothing where nothing has its scope."""
    if isinstance(exemption, Waiver) and exemption.gap:
        return "there is no gap of that type and scope"
    return "the rule evaluates no resource of that scope"


def _lapse(waiver: Waiver, finding: Finding) -> str:
    """Return which value that a waiver is bound to a finding does not have, "" where it has all of them."""
    for path, wanted in waiver.observed.items():
        seen = [evidence.observed for evidence in finding.evidence if evidence.path == path]
        others = [value for value in seen if not _same(value, wanted)]
        if others:
            return f"{path} of {finding.subject.id} is {_text(others[0])}; it was granted for {_text(wanted)}"
        if not seen:
            paths = ", ".join(list(dict.fromkeys(evidence.path for evidence in finding.evidence))[:_MOST_PATHS])
            return f"{finding.subject.id} has no {path} in its evidence{f', only {paths}' if paths else ''}"
    return ""


def _text(value: object) -> str:
    return "absent" if value is None else msgspec.json.encode(value).decode()


def _same(one: object, other: object) -> bool:
    """Return whether two observed values are equal as in conditions: texts ignore case, and true is not 1."""
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    known = identity(one)
    return one == other if known is None else known == identity(other)
