"""Nights of generated changes: exactly these changes are reported."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.azure import arm
from auditor.evaluation.drift.model import ResourceChangeKind
from auditor.evaluation.model import BaselineState, Finding, Outcome
from auditor.rules.model import SEVERITIES
from tests import estates
from tests.evaluation.drift.comparing import Compared, compare
from tests.evaluation.drift.simulation import CHANGES, Estate, Told, told

pytestmark = pytest.mark.slow

START = dt.date(2026, 11, 1)
KNOWN = {Outcome.PASS, Outcome.FAIL, Outcome.NOT_APPLICABLE}
ESTATES = st.sampled_from(["mirror-template"] * 5 + ["trakcare-current", "trakcare-2018", "demo"])
CHANGE = st.tuples(st.sampled_from(CHANGES), st.integers(0, 10**6))
NIGHTS = st.lists(st.lists(CHANGE, min_size=1, max_size=4), min_size=1, max_size=4)

Key = tuple[str, str, str]


def by_first_key(findings: Sequence[Finding], first: Mapping[str, str]) -> dict[Key, Finding]:
    """Return findings by rule, deployment and subject, with the names of resources on the first night."""
    found = {}
    for finding in findings:
        subject = finding.subject.id
        key = first.get(arm.key(subject), arm.key(subject)) if arm.is_id(subject) else subject.casefold()
        found[finding.rule.id, finding.deployment.casefold(), key] = finding
    return found


def state_without_gaps(before: Finding | None, after: Finding) -> set[BaselineState | None]:
    """Return the states that a finding with these outcomes may have."""
    known = before is not None and before.outcome in KNOWN
    if after.outcome not in KNOWN:
        return {BaselineState.LOST_SIGHT} if known else {None, BaselineState.UNCHANGED, BaselineState.LOST_SIGHT}
    if before is None or not known:
        return {BaselineState.NEW if after.outcome is Outcome.FAIL else None}
    if (before.outcome, after.outcome) == (Outcome.FAIL, Outcome.FAIL) and before.severity != after.severity:
        worse = SEVERITIES.index(after.severity) < SEVERITIES.index(before.severity)
        sure = before.severity_is_sure and after.severity_is_sure
        return (
            {BaselineState.REGRESSED if worse else BaselineState.DRIFTED}
            if sure
            else {*BaselineState} - {BaselineState.REGRESSED, BaselineState.FIXED}
        )
    if (before.outcome is Outcome.FAIL) is not (after.outcome is Outcome.FAIL):
        return {BaselineState.REGRESSED if after.outcome is Outcome.FAIL else BaselineState.FIXED}
    return (
        {BaselineState.DRIFTED, BaselineState.UNCHANGED} if before.outcome is after.outcome else {BaselineState.DRIFTED}
    )


def is_explained(rule: str, found: Compared) -> bool:
    """Return whether a changed resource, or a property that the rule reads, may have changed the outcome."""
    changes = found.drift.resources
    looked_at = {rule for change in changes for moved in change.properties for rule in moved.rules}
    return rule in looked_at or any(change.kind is not ResourceChangeKind.CHANGED for change in changes)


def check(found: Compared, estate: Estate) -> None:
    """Check a comparison with the first night against the changes of the estate since."""
    assert told(found.drift) == estate.expected()
    before, after = by_first_key(found.before, {}), by_first_key(found.after, estate.first)
    for key, finding in after.items():
        was = before.get(key)
        assert finding.state in state_without_gaps(was, finding)
        if was is not None:
            lives_on = arm.key(was.subject.id) == arm.key(finding.subject.id)
            assert (was.key == finding.key) is (lives_on or not arm.is_id(was.subject.id))
            assert lives_on or finding.state is not BaselineState.UNCHANGED or was.outcome not in KNOWN
    for change in found.drift.findings:
        if change.state in {BaselineState.REGRESSED, BaselineState.FIXED, BaselineState.DRIFTED}:
            assert change.before is not None
            assert change.after is not None
            assert is_explained(change.after.rule.id, found)
        if change.after is None:
            assert change.before is not None
            (key,) = by_first_key([change.before], {})
            assert key not in after  # resources with another id are matched
            unseen = after.get((key[0], key[1], key[1]))
            hidden = unseen is not None and unseen.outcome is Outcome.UNKNOWN
            removed = estate.kinds.get(key[2]) is ResourceChangeKind.REMOVED
            assert change.state is (BaselineState.LOST_SIGHT if hidden and not removed else BaselineState.GONE)


@given(nights=NIGHTS, name=ESTATES)
@settings(max_examples=30)
def test_every_change_is_reported_exactly(nights: list[list[tuple[str, int]]], name: str) -> None:
    first, estate = estates.body_of(name), Estate(name)
    for number, changes in enumerate(nights, start=1):
        for kind, choice in changes:
            estate.change(kind, choice)
        check(compare(name, first, estate.body, START + dt.timedelta(days=90 * number)), estate)


@pytest.mark.parametrize("season", range(4))
def test_changes_accumulate_over_three_months(season: int) -> None:
    """All changes since the first night remain visible, so that comparing on some nights is enough."""
    chance, name = random.Random(season), "trakcare-current"
    first, estate = estates.body_of(name), Estate(name)
    made: set[str] = set()
    subjects = {subject for _, _, subject in estates.baseline(name)}
    while not any(estate.kinds.get(subject) is ResourceChangeKind.REMOVED for subject in subjects):
        estate.change("remove", chance.randrange(10**6))
    for night in range(1, 92):
        for kind in chance.sample(CHANGES, chance.choice([0, 0, 1, 1, 2])):
            estate.change(kind, chance.randrange(10**6))
            made.add(kind)
        if night % 13 == 0:
            found = compare(name, first, estate.body, START + dt.timedelta(days=90 * season + night))
            check(found, estate)
    assert made == {*CHANGES}
    assert {change.kind for change in found.drift.resources} == {*ResourceChangeKind} - {ResourceChangeKind.LOST_SIGHT}
    states = {change.state for change in found.drift.findings}
    assert states >= {BaselineState.REGRESSED, BaselineState.GONE}
    assert len(found.drift.resources) > 40


GAPS = st.lists(st.tuples(st.booleans(), st.integers(0, 10**6)), min_size=1, max_size=3)
IN_PLACE = st.tuples(st.sampled_from(sorted({*CHANGES} - {"move", "rename"})), st.integers(0, 10**6))
SOFTER: dict[BaselineState | None, set[BaselineState | None]] = {
    BaselineState.DRIFTED: {BaselineState.UNCHANGED},
    BaselineState.NEW: {None},  # a fail of a new resource becomes unknown, which is not compared
}
"""Further possible states of a finding where more is hidden now."""
SOFTER_BEFORE: dict[BaselineState | None, set[BaselineState | None]] = {
    BaselineState.REGRESSED: {BaselineState.NEW},
    BaselineState.FIXED: {None},
    BaselineState.DRIFTED: {BaselineState.UNCHANGED, BaselineState.NEW, None},
    BaselineState.UNCHANGED: {BaselineState.NEW, None},
    BaselineState.LOST_SIGHT: {BaselineState.UNCHANGED, BaselineState.NEW, None},
}
"""Further possible states where more was hidden in the baseline."""


def states(found: Compared) -> dict[Key, BaselineState | None]:
    gone = [change.before for change in found.drift.findings if change.after is None and change.before]
    lost = dict(zip(by_first_key(gone, {}), (c.state for c in found.drift.findings if c.after is None), strict=True))
    return lost | {key: finding.state for key, finding in by_first_key(found.after, {}).items()}


@given(changes=st.lists(IN_PLACE, max_size=4), gaps=GAPS, name=ESTATES)
@settings(max_examples=25)
def test_what_cannot_be_read_any_more_is_neither_gone_nor_fixed(
    changes: list[tuple[str, int]], gaps: list[tuple[bool, int]], name: str
) -> None:
    first, estate = estates.body_of(name), Estate(name)
    for kind, choice in changes:
        estate.change(kind, choice)
    body, hidden = estate.hide(estate.body, gaps)
    found = compare(name, first, body)
    lost = {Told(key, ResourceChangeKind.LOST_SIGHT, "", frozenset()) for key in hidden}
    clear = {one for one in estate.expected() if one.id not in hidden and estate.is_seen(one.id, body)}
    assert told(found.drift) == lost | clear
    before = states(compare(name, first, estate.body))
    for key, state in states(found).items():
        if key in before:
            assert state in {before[key], BaselineState.LOST_SIGHT} | SOFTER.get(before[key], set())
        else:
            assert state in {BaselineState.LOST_SIGHT, BaselineState.UNCHANGED, None}
    assert {change.state for change in found.drift.findings if not changes} <= {BaselineState.LOST_SIGHT}


@given(changes=st.lists(IN_PLACE, max_size=4), gaps=GAPS, name=ESTATES)
@settings(max_examples=25)
def test_resources_hidden_in_the_baseline_are_not_compared(
    changes: list[tuple[str, int]], gaps: list[tuple[bool, int]], name: str
) -> None:
    estate = Estate(name)
    first, hidden = estate.hide(estates.body_of(name), gaps)
    for kind, choice in changes:
        estate.change(kind, choice)
    found = compare(name, first, estate.body)
    assert told(found.drift) == {o for o in estate.expected() if o.id not in hidden and estate.is_seen(o.id, first)}
    clear = states(compare(name, estates.body_of(name), estate.body))
    for key, state in states(found).items():
        if key in clear:
            assert state in {clear[key]} | SOFTER_BEFORE.get(clear[key], set())


@pytest.mark.parametrize("name", [*estates.ESTATES, "mirror-template"])
def test_another_spelling_is_no_drift_on_any_date(name: str) -> None:
    estate = Estate(name)
    for night in range(3):
        estate.change("rewrite", night)
        found = compare(name, estates.body_of(name), estate.body, START + dt.timedelta(days=365 * night))
        assert found.drift.resources == ()
        assert found.drift.findings == ()
        assert {finding.state for finding in found.after} <= {BaselineState.UNCHANGED}
