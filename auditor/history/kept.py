"""What a history needs of one kept report: its time, what it covers, and the outcome of each finding as a number."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from auditor.azure import arm
from auditor.errors import InputError
from auditor.evaluation.model import Outcome, fingerprint
from auditor.report import wording
from auditor.report.document import Document, Finding
from auditor.report.document import Subject as ReportSubject
from auditor.rules.model import SEVERITIES, Severity
from auditor.times import instant

ABSENT: Final = 0
PASS: Final = 1
NOT_APPLICABLE: Final = 2
UNKNOWN: Final = 3
_FAIL: Final = 4
_WAIVED: Final = _FAIL + len(SEVERITIES)
"""Codes of outcomes, one byte each; a fail adds the position of its severity to `_FAIL`, or to `_WAIVED`."""

_CODES: Final = {Outcome.PASS: PASS, Outcome.NOT_APPLICABLE: NOT_APPLICABLE}


class Subject(msgspec.Struct, frozen=True):
    """What reports name when they state an outcome: a rule, a deployment and a subject."""

    rule: str
    deployment: str
    """"" for a subscription."""
    id: str
    kind: str
    name: str
    region: str
    """"" if it has none."""


class Kept(msgspec.Struct, frozen=True):
    """What a report says besides the outcomes."""

    moment: dt.datetime
    """When reading the subscriptions began, in UTC; of a report without a time, the start of its evaluation date."""
    profile: str
    scopes: tuple[str, ...]
    """The keys of the scanned subscriptions."""
    listed: Mapping[str, frozenset[str]]
    """By subscription, the lower-case types of which every resource was read."""
    whole: bool
    """Whether it has the outcome of every finding; an older report may lack those that pass or do not apply."""
    titles: Mapping[str, str]
    """The titles of rules that it names, by id."""
    headlines: Mapping[str, str]
    """What is wrong where a rule fails, by id."""


def is_broken(code: int) -> bool:
    """Return whether a code is that of a fail, waived or not."""
    return code >= _FAIL


def is_waived(code: int) -> bool:
    """Return whether a code is that of a waived fail."""
    return code >= _WAIVED


def severity_of(code: int) -> Severity:
    """Return the severity of the code of a fail."""
    return SEVERITIES[(code - _FAIL) % len(SEVERITIES)]


def about(document: Document) -> Kept:
    """Return what a report says besides the outcomes.

    Raises:
        InputError: its time is none.
    """
    moment = instant(document.taken_at)
    if document.taken_at and not moment:
        message = f"takenAt is '{document.taken_at}', not a time like 2026-11-01T06:00:00Z"
        raise InputError(message)
    fails = (finding for finding in document.findings if finding.outcome is Outcome.FAIL)
    return Kept(
        moment=moment.astimezone(dt.UTC) if moment else dt.datetime.combine(document.as_of, dt.time(), dt.UTC),
        profile=document.profile,
        scopes=tuple(map(arm.key, document.scopes)),
        listed={
            arm.key(scope): frozenset(map(arm.canonical_type, types))
            for scope, types in document.coverage.listed.items()
        },
        whole=document.brief is not None or document.lists_all,
        titles={finding.rule: finding.title for finding in document.findings}
        | {rule.id: rule.title for rule in document.rules},
        headlines={finding.rule: wording.headline(finding) for finding in fails},
    )


def outcomes(document: Document) -> dict[str, tuple[Subject, int]]:
    """Return the subject and the code of each finding of a report, by fingerprint.

    A finding that could only be carried over is unknown.
    """
    found: dict[str, tuple[Subject, int]] = {}
    for key, subject, code in (*_in_full(document), *_in_brief(document)):
        found.setdefault(key, (subject, code))
    return found


def _in_full(document: Document) -> Iterator[tuple[str, Subject, int]]:
    for finding in document.findings:
        yield finding.key, _subject(finding.rule, finding.deployment, finding.subject), _code(finding)
    for finding in (old.finding for old in document.carried):
        yield finding.key, _subject(finding.rule, finding.deployment, finding.subject), UNKNOWN


def _in_brief(document: Document) -> Iterator[tuple[str, Subject, int]]:
    brief = document.brief
    if brief is None:
        return
    for by_rule, code in ((brief.passed, PASS), (brief.not_applicable, NOT_APPLICABLE)):
        for rule, positions in by_rule.items():
            for one in (brief.subjects[position] for position in positions):
                subject = _subject(rule, one.deployment, one.subject)
                yield fingerprint(rule, subject.deployment, subject.id), subject, code


def _subject(rule: str, deployment: str | None, subject: ReportSubject) -> Subject:
    return Subject(rule, deployment or "", subject.id, subject.kind, subject.name, subject.region or "")


def _code(finding: Finding) -> int:
    if finding.outcome is Outcome.FAIL:
        return (_WAIVED if finding.waiver else _FAIL) + SEVERITIES.index(finding.severity)
    return _CODES.get(finding.outcome, UNKNOWN)
