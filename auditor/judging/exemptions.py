"""Waivers and attestations: what may stand for a while, and what a person answers for; each of them ends."""

from __future__ import annotations

import datetime as dt
import difflib
import fnmatch
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, Generic, TypeVar

import msgspec

from auditor.azure import arm
from auditor.estate.graph import not_listed
from auditor.judging.model import Attestation, Carried, ExemptionState, ExemptionStatus, Finding, Outcome, Waiver
from auditor.rules.conditions import identity
from auditor.snapshot.known import Cause
from auditor.snapshot.model import Gap
from auditor.yaml_documents import Document

_WAIVABLE: Final = frozenset({Outcome.FAIL, Outcome.UNKNOWN})
_ATTESTABLE: Final = frozenset({Outcome.UNKNOWN})
_BEYOND: Final[Mapping[Outcome, str]] = {
    Outcome.FAIL: "what is there fails, and only an unknown can be attested",
    Outcome.ERROR: "an error of auditor is not for anybody to excuse",
    Outcome.PASS: "what is there passes",
    Outcome.NOT_APPLICABLE: "the rule does not apply there",
}
"""Why an outcome is not excused, the reason that matters most first."""
_MOST_PATHS: Final = 5
"""The paths of a finding that are named to whoever named another."""

_Exception = TypeVar("_Exception", Waiver, Attestation)


class Exceptions(msgspec.Struct, frozen=True):
    """What the user's files say."""

    waivers: tuple[Waiver, ...] = ()
    attestations: tuple[Attestation, ...] = ()


class Applied(msgspec.Struct, frozen=True):
    """Findings and gaps with what excuses them, and how every waiver and attestation stands."""

    findings: tuple[Finding, ...]
    carried: tuple[Carried, ...]
    gaps: Mapping[Gap, Waiver]
    """Those that are waived."""
    waivers: tuple[ExemptionStatus[Waiver], ...]
    attestations: tuple[ExemptionStatus[Attestation], ...]


# --- files ------------------------------------------------------------------------------------------------------------


def load(document: Document, rules: Iterable[str]) -> tuple[Waiver, ...]:
    """Return the waivers of a file.

    Raises:
        InputError: the file does not follow its schema, names a rule that is none of these, or has a waiver that lasts
            for more than a year.
    """
    value: Any = document.check("waivers").value
    known = sorted(rules)
    return tuple(_waiver(document, entry, known) for entry in value["waivers"])


def _waiver(document: Document, entry: dict[str, Any], rules: list[str]) -> Waiver:
    if "rule" in entry:
        _check_rule(document, entry, rules)
    granted, expires = _days(document, entry, "grantedOn", "expiresOn")
    if (expires.year - 1, expires.month, expires.day) > (granted.year, granted.month, granted.day):
        raise document.error("a waiver lasts for a year at most; grant it again when it ends", entry, "expiresOn")
    return Waiver(
        scope=entry["scope"],
        category=entry["category"],
        reason=entry["reason"],
        approved_by=entry["approvedBy"],
        granted_on=granted,
        expires_on=expires,
        rule=entry.get("rule", ""),
        gap=entry.get("gap", ""),
        ticket=entry.get("ticket", ""),
        observed=entry.get("observed", {}),
        file=document.file,
        line=document.line(entry),
    )


def load_attestations(document: Document, rules: Iterable[str]) -> tuple[Attestation, ...]:
    """Return the attestations of a file.

    Raises:
        InputError: the file does not follow its schema, or names a rule that is none of these.
    """
    value: Any = document.check("attestations").value
    known = sorted(rules)
    return tuple(_attestation(document, entry, known) for entry in value["attestations"])


def _attestation(document: Document, entry: dict[str, Any], rules: list[str]) -> Attestation:
    _check_rule(document, entry, rules)
    attested, until = _days(document, entry, "attestedOn", "validUntil")
    return Attestation(
        rule=entry["rule"],
        scope=entry["scope"],
        attested_by=entry["attestedBy"],
        attested_on=attested,
        valid_until=until,
        statement=entry["statement"],
        file=document.file,
        line=document.line(entry),
    )


def _check_rule(document: Document, entry: dict[str, Any], rules: list[str]) -> None:
    if entry["rule"] not in rules:
        near = difflib.get_close_matches(entry["rule"], rules, n=1)
        hint = f"; did you mean '{near[0]}'?" if near else "; auditor rules list names them"
        raise document.error(f"there is no rule '{entry['rule']}'{hint}", entry, "rule")


def _days(document: Document, entry: dict[str, Any], first: str, last: str) -> tuple[dt.date, dt.date]:
    """Return the first and the last day of an entry."""
    begin, end = (_day(document, entry, key) for key in (first, last))
    if end <= begin:
        raise document.error(f"{last} must be later than {first}", entry, last)
    return begin, end


def _day(document: Document, entry: dict[str, Any], key: str) -> dt.date:
    try:
        return dt.date.fromisoformat(entry[key])
    except ValueError:
        raise document.error(f"{key} is '{entry[key]}', which no calendar has", entry, key) from None


# --- what they do -----------------------------------------------------------------------------------------------------


def apply(
    exceptions: Exceptions,
    findings: tuple[Finding, ...],
    carried: tuple[Carried, ...],
    gaps: tuple[Gap, ...],
    as_of: dt.date,
) -> Applied:
    """Excuse what waivers and attestations cover on a date: an attested unknown is a pass, no other outcome changes."""
    granted = _Register(exceptions.waivers, lambda w: w.rule or arm.canonical_type(w.gap), as_of, _WAIVABLE)
    given = _Register(exceptions.attestations, lambda a: a.rule, as_of, _ATTESTABLE)
    waived = {gap: waiver for gap in gaps if (waiver := granted.for_gap(gap))}
    reasons = {reason: waiver for gap, waiver in waived.items() for reason in _reasons(gap)}
    return Applied(
        tuple(_waived(_attested(finding, given), granted, reasons) for finding in findings),
        tuple(
            msgspec.structs.replace(old, finding=_waived(old.finding, granted, reasons)) for old in carried
        ),  # nobody's word ends an alert of what was seen to fail
        waived,
        granted.stood(),
        given.stood(),
    )


def _attested(finding: Finding, attestations: _Register[Attestation]) -> Finding:
    """Return a finding, or the pass that an attestation makes of it."""
    attestation = attestations.for_finding(finding)
    if attestation is None:
        return finding
    return msgspec.structs.replace(
        finding, outcome=Outcome.PASS, attestation=attestation, cause=None, reasons=(), other_causes=()
    )


def _waived(finding: Finding, waivers: _Register[Waiver], reasons: Mapping[str, Waiver]) -> Finding:
    """Return a finding with what lets it stand."""
    waiver = waivers.for_finding(finding) or _unseen(finding, reasons)
    return finding if waiver is None else msgspec.structs.replace(finding, waiver=waiver)


def _unseen(finding: Finding, reasons: Mapping[str, Waiver]) -> Waiver | None:
    """Return the waiver of the gaps that alone keep a finding from being known, of several the one that ends first."""
    if finding.outcome is not Outcome.UNKNOWN or finding.cause is not Cause.GAP or finding.other_causes:
        return None
    if not set(finding.reasons) <= reasons.keys():
        return None
    return min((reasons[reason] for reason in finding.reasons), key=lambda waiver: waiver.last_day, default=None)


def _reasons(gap: Gap) -> tuple[str, ...]:
    """Return the words in which findings speak of a gap."""
    return str(gap), not_listed(arm.canonical_type(gap.what), arm.key(gap.scope))


class _Entry(Generic[_Exception]):
    """A waiver or an attestation, and what it has covered so far."""

    def __init__(self, exception: _Exception, as_of: dt.date, excusable: frozenset[Outcome]) -> None:
        self.exception: _Exception = exception
        self._excusable = excusable
        self.standing = ExemptionState.UNUSED
        if as_of > exception.last_day:
            self.standing = ExemptionState.EXPIRED
        elif as_of < exception.first_day:
            self.standing = ExemptionState.PENDING
        self._covers: set[str] = set()
        self._beyond: set[Outcome] = set()
        self._lapses: dict[str, str] = {}
        self._scope = re.compile(fnmatch.translate(arm.key(exception.scope)))

    def excuses(self, scope: str, key: str, finding: Finding | None = None) -> bool:
        """Tell whether it excuses a finding of a subject, or a gap of a scope, and remember that by its key."""
        if not self._scope.match(arm.key(scope)):
            return False
        if finding and finding.outcome not in self._excusable:
            self._beyond.add(finding.outcome)
            return False
        lapse = _lapse(self.exception, finding) if finding and isinstance(self.exception, Waiver) else ""
        if lapse:
            self._lapses.setdefault(key, lapse)
            return False
        self._covers.add(key)
        if self.standing is ExemptionState.UNUSED:
            self.standing = ExemptionState.USED
        return self.standing is ExemptionState.USED

    def stood(self) -> Iterator[ExemptionStatus[_Exception]]:
        """Yield how it stands."""
        in_force = self.standing in {ExemptionState.USED, ExemptionState.UNUSED}
        if self._lapses and in_force:
            yield ExemptionStatus(
                self.exception, ExemptionState.LAPSED, len(self._lapses), next(iter(self._lapses.values()))
            )
        if self._covers or not self._lapses or not in_force:
            why = self._idle() if self.standing is ExemptionState.UNUSED else ""
            yield ExemptionStatus(self.exception, self.standing, len(self._covers), why)

    def _idle(self) -> str:
        """Return why an unused one covers nothing."""
        beyond = (why for outcome, why in _BEYOND.items() if outcome in self._beyond)
        return next(beyond, _nowhere(self.exception))


class _Register(Generic[_Exception]):
    """Waivers or attestations, found by the rule, or the type, that they are for."""

    def __init__(
        self,
        exceptions: Iterable[_Exception],
        about: Callable[[_Exception], str],
        as_of: dt.date,
        excusable: frozenset[Outcome],
    ) -> None:
        """Take them in any order; `about` says what each is for, and `excusable` which outcomes they excuse."""
        ordered = sorted(exceptions, key=lambda exception: (exception.file, exception.line))
        self._entries: list[_Entry[_Exception]] = [_Entry(exception, as_of, excusable) for exception in ordered]
        self._for: dict[str, list[_Entry[_Exception]]] = defaultdict(list)
        for entry in self._entries:
            self._for[about(entry.exception)].append(entry)

    def for_finding(self, finding: Finding) -> _Exception | None:
        """Return what excuses a finding, of several what does so for longest."""
        return _longest(
            e for e in self._for.get(finding.rule.id, ()) if e.excuses(finding.subject.id, finding.key, finding)
        )

    def for_gap(self, gap: Gap) -> _Exception | None:
        """Likewise for a gap; one of a property is of the type of the resource that has it."""
        what = arm.canonical_type(gap.what) if "/" in gap.what else arm.type_of(gap.scope)
        return _longest(e for e in self._for.get(what, ()) if e.excuses(gap.scope, f"{gap.scope} {gap.what}"))

    def stood(self) -> tuple[ExemptionStatus[_Exception], ...]:
        """Return how all of them stand."""
        return tuple(stood for entry in self._entries for stood in entry.stood())


def _longest(entries: Iterable[_Entry[_Exception]]) -> _Exception | None:
    return max((entry.exception for entry in entries), key=lambda exception: exception.last_day, default=None)


def _nowhere(exception: Waiver | Attestation) -> str:
    """Return what is not there where nothing is of its scope."""
    if isinstance(exception, Waiver) and exception.gap:
        return "there is no gap of that type and scope"
    return "the rule judges nothing of that scope"


def _lapse(waiver: Waiver, finding: Finding) -> str:
    """Return which value that a waiver is bound to a finding does not show, "" where it shows all of them."""
    for path, wanted in waiver.observed.items():
        seen = [evidence.observed for evidence in finding.evidence if evidence.path == path]
        others = [value for value in seen if not _same(value, wanted)]
        if others:
            return f"{path} of {finding.subject.id} is {_text(others[0])}; it was granted for {_text(wanted)}"
        if not seen:
            paths = ", ".join(list(dict.fromkeys(evidence.path for evidence in finding.evidence))[:_MOST_PATHS])
            return f"{finding.subject.id} does not show {path}{f', only {paths}' if paths else ''}"
    return ""


def _text(value: object) -> str:
    return "absent" if value is None else msgspec.json.encode(value).decode()


def _same(one: object, other: object) -> bool:
    """Tell whether two observed values are equal as conditions have it: texts ignore case, and true is not 1."""
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    known = identity(one)
    return one == other if known is None else known == identity(other)
