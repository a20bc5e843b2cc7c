"""Works out the history of each finding from the outcomes of reports."""

from __future__ import annotations

import datetime as dt
import itertools
from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple

from auditor import __version__
from auditor.azure import arm
from auditor.azure.types.names import VM
from auditor.errors import InputError
from auditor.evaluation.model import fingerprint
from auditor.history import kept
from auditor.history.document import ChangeKind, Days, History, Report, Spell, State, Trend
from auditor.history.folder import Archive
from auditor.history.kept import Subject
from auditor.report.document import Tool
from auditor.rules.model import SEVERITIES

_WORST: Final = (State.BROKEN, State.UNKNOWN, State.COMPLIANT)
"""Of a day with several reports, the first of these states that one of them has is that of the day."""

_FLAPS: Final = 3
"""The number of times that something must have broken to flap."""


def of(archive: Archive, rules: Sequence[str], since: dt.date | None) -> Trend:
    """Return the histories of some rules, by default of all, from a day on.

    Raises:
        InputError: no report names one of the rules, or none is as late as the day.
    """
    entries = [entry for _, entry in archive.reports]
    moments = [entry.about.moment for entry in entries]
    if since and moments[-1].date() < since:
        message = f"no report is as late as {since}: the last one is of {moments[-1].date()}"
        raise InputError(message)
    wanted = {rule.upper() for rule in rules}
    subjects = archive.content.subjects
    if missing := sorted(wanted - {subject.rule.upper() for subject in subjects}):
        message = f"no report names the rule {missing[0]}"
        raise InputError(message)
    histories = _Histories(archive, since)
    size = len(subjects)
    columns = zip(*(entry.codes.ljust(size, b"\0") for entry in entries), strict=True)
    findings = [
        histories.of(subject, column)
        for subject, column in zip(subjects, columns, strict=True)
        if (not wanted or subject.rule.upper() in wanted) and any(column)
    ]
    return Trend(
        format="auditor.trend/1",
        tool=Tool("auditor", __version__),
        profile=entries[-1].about.profile,
        scopes=entries[-1].about.scopes,
        since=since,
        reports=tuple(Report(file, entry.about.moment) for file, entry in archive.reports),
        left_out=tuple(archive.left_out),
        days=tuple(dict.fromkeys(moment.date() for moment in moments if not since or moment.date() >= since)),
        findings=tuple(sorted(filter(None, findings), key=_order)),
    )


def _order(history: History) -> tuple[int, bool, int, str, str, str]:
    severity = SEVERITIES.index(history.severity) if history.severity else len(SEVERITIES)
    state = _WORST.index(history.state) if history.state else len(_WORST)
    return (
        state,
        history.waived,
        severity,
        history.rule,
        (history.deployment or "").casefold(),
        history.subject.casefold(),
    )


class _Course(NamedTuple):
    """What happened to a finding, by positions of reports."""

    broke: list[int]
    mended: list[int]
    gone: list[int]
    since: int | None
    """Where it broke, if it is not known to be mended or gone."""

    @classmethod
    def of(cls, codes: Sequence[int]) -> _Course:
        """Return the course of the codes of all reports; while it is unknown, nothing happens."""
        broke: list[int] = []
        mended: list[int] = []
        gone: list[int] = []
        since = 0 if kept.is_broken(codes[0]) else None
        for position, code in enumerate(codes[1:], 1):
            if kept.is_broken(code):
                if since is None:
                    broke.append(position)
                    since = position
            elif since is not None and code != kept.UNKNOWN:
                (gone if code == kept.ABSENT else mended).append(position)
                since = None
        return cls(broke, mended, gone, since)


class _Histories:
    """The reports of an archive, for the history of each finding."""

    def __init__(self, archive: Archive, since: dt.date | None) -> None:
        self._numbers = archive.content.numbers
        self._entries = [entry for _, entry in archive.reports]
        scopes = self._entries[-1].about.scopes
        self._have_all_vms = [
            all(VM in entry.about.listed.get(scope, ()) for scope in scopes) for entry in self._entries
        ]
        """Whether each report has all VMs of the subscriptions of the last one."""
        self._titles: dict[str, str] = {}
        self._headlines: dict[str, str] = {}
        for entry in self._entries:
            self._titles |= entry.about.titles
            self._headlines |= entry.about.headlines
        self._dates = [entry.about.moment.date() for entry in self._entries]
        self._first = next(place for place, date in enumerate(self._dates) if not since or date >= since)
        self._days = [
            (date, [place for place, _ in places])
            for date, places in itertools.groupby(enumerate(self._dates), lambda item: item[1])
            if not since or date >= since
        ]

    def of(self, subject: Subject, column: Sequence[int]) -> History | None:
        """Return the history of a finding by its code in each report, None if no day shown has a state."""
        codes = self._with_unseen(subject, column)
        spells = self._spells(codes)
        course = _Course.of(codes)
        change = _change(codes, course)
        if not change and all(spell.state is None for spell in spells):
            return None
        fails = [code for code in codes if kept.is_broken(code)]
        number = Counter[State | None]()
        for spell in spells:
            number[spell.state] += spell.days
        return History(
            rule=subject.rule,
            text=self._headlines.get(subject.rule) or self._titles.get(subject.rule, ""),
            deployment=subject.deployment or None,
            subject=subject.id,
            kind=subject.kind,
            name=subject.name,
            region=subject.region or None,
            state=_state([codes[-1]]),
            severity=kept.severity_of(fails[-1]) if fails else None,
            waived=kept.is_waived(codes[-1]),
            broken_since=None if course.since is None else self._dates[course.since],
            days=Days(number[State.BROKEN], number[State.UNKNOWN], number[State.COMPLIANT]),
            broke=self._shown(course.broke),
            mended=self._shown(course.mended),
            gone=self._shown(course.gone),
            flaps=len(self._shown(course.broke)) + kept.is_broken(codes[self._first]) >= _FLAPS,
            change=change,
            spells=spells,
        )

    def _shown(self, places: Sequence[int]) -> tuple[dt.date, ...]:
        return tuple(self._dates[place] for place in places if place >= self._first)

    def _spells(self, codes: Sequence[int]) -> tuple[Spell, ...]:
        if codes.count(codes[0]) == len(codes):  # as most are: the quick way
            return (Spell(_state(codes[:1]), self._days[0][0], self._days[-1][0], len(self._days)),)
        states = ((date, _state([codes[place] for place in places])) for date, places in self._days)
        spells = []
        for state, group in itertools.groupby(states, lambda item: item[1]):
            dates = [date for date, _ in group]
            spells.append(Spell(state, dates[0], dates[-1], len(dates)))
        return tuple(spells)

    # --- what a report does not name ----------------------------------------------------------------------------------

    def _with_unseen(self, subject: Subject, column: Sequence[int]) -> Sequence[int]:
        """Return the codes of a finding; unknown where a report neither names it nor proves that it is not there."""
        if kept.ABSENT not in column:
            return column
        whole = self._numbers.get(fingerprint(subject.rule, subject.deployment, subject.deployment))
        return [
            kept.UNKNOWN if code == kept.ABSENT and self._may_be_there(place, subject, whole) else code
            for place, code in enumerate(column)
        ]

    def _may_be_there(self, place: int, subject: Subject, whole: int | None) -> bool:
        """Return whether a report may not name a finding only because it could not see it.

        If a rule may have more subjects than were read, its finding about the whole deployment is unknown.
        """
        entry = self._entries[place]
        if not entry.about.whole or not self._is_listed(place, subject):
            return True
        return whole is not None and entry.codes[whole : whole + 1] == bytes([kept.UNKNOWN])

    def _is_listed(self, place: int, subject: Subject) -> bool:
        """Return whether a report has every subject of this kind: those of tiers and mirrors depend on the VMs."""
        if arm.is_id(subject.id):
            owner = arm.owner_of(subject.id)
            return arm.type_of(owner) in self._entries[place].about.listed.get(arm.subscription_of(owner), ())
        return self._have_all_vms[place]


def _state(codes: Sequence[int]) -> State | None:
    """Return the state of a day by the codes of its reports; None if the rule did not apply in any."""
    if any(map(kept.is_broken, codes)):
        return State.BROKEN
    if kept.UNKNOWN in codes:
        return State.UNKNOWN
    return State.COMPLIANT if kept.PASS in codes else None


def _change(codes: Sequence[int], course: _Course) -> ChangeKind | None:
    """Return what happened between the last two reports."""
    if len(codes) < 2:
        return None
    last, before, now = len(codes) - 1, codes[-2], codes[-1]
    if last in course.mended:
        return ChangeKind.MENDED
    if last in course.gone:
        return ChangeKind.GONE
    if kept.is_broken(now) and not kept.is_waived(now):
        return ChangeKind.BROKE if last in course.broke or kept.is_waived(before) else None
    was_known = kept.is_broken(before) or before == kept.PASS
    return ChangeKind.LOST_SIGHT if now == kept.UNKNOWN and was_known else None
