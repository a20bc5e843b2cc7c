"""The history of a folder of reports, against a count of its own."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from auditor.errors import InputError
from auditor.history import folder, index, trend
from auditor.history.document import ChangeKind, History, State, Trend
from auditor.rules.model import Severity
from tests.history import nights
from tests.history.nights import DAY, MIRROR, START
from tests.report.reports import SUBSCRIPTION


def read(path: Path, *rules: str, since: dt.date | None = None) -> Trend:
    return trend.of(folder.read(path), rules, since)


def only(path: Path, subject: nights.Subject = MIRROR, since: dt.date | None = None) -> History:
    (found,) = [
        history
        for history in read(path, since=since).findings
        if (history.rule, history.deployment, history.subject) == subject
    ]
    return found


def counted(made: list[dict[str, Any]], subject: nights.Subject, since: str = "") -> dict[str, Any]:
    """Return what the trend must say of a finding."""
    states = {day: state for day, state in nights.days(made, subject).items() if day >= since}
    happened = {what: [day for day in found if day >= since] for what, found in nights.events(made, subject).items()}
    return {
        "states": states,
        "days": {name: [*states.values()].count(name) for name in ("broken", "unknown", "compliant")},
        **happened,
    }


def said(found: Trend, history: History) -> dict[str, Any]:
    states = [spell.state or "none" for spell in history.spells for _ in range(spell.days)]
    for spell in history.spells:
        assert spell.days == sum(spell.first <= day <= spell.last for day in found.days)
    return {
        "states": dict(zip(map(str, found.days), map(str, states), strict=True)),
        "days": msgspec.structs.asdict(history.days),
        **{what: [str(day) for day in getattr(history, what)] for what in ("broke", "mended", "gone")},
    }


@pytest.mark.slow
@pytest.mark.parametrize("since", ["", "2025-11-20"])
def test_the_trend_of_400_nights_is_what_a_recount_says(tmp_path: Path, since: str) -> None:
    made = list(nights.generate(400, seed=13))
    for one in made:
        nights.write(tmp_path, one)
    first = dt.date.fromisoformat(since) if since else None
    found = read(tmp_path, since=first)
    assert len(found.reports) == len(made) > 380
    assert [*map(str, found.days)] == sorted({day for one in made if (day := nights.day_of(one)) >= since})
    histories = {(h.rule, h.deployment or "", h.subject): h for h in found.findings}
    assert histories.keys() == set(nights.SUBJECTS)
    for subject, history in histories.items():
        assert said(found, history) == counted(made, subject, since), subject
    for happened in ("broke", "mended", "gone"):
        assert sum(bool(getattr(history, happened)) for history in histories.values()) > 4
    assert read(tmp_path, since=first) == found, "the same from the index"


def folder_of(path: Path, *outcomes: str) -> Path:
    """Write nights in which the mirror has these outcomes; for "" it is not there, for None there is no report."""
    for night, outcome in enumerate(outcomes):
        nights.write(path, nights.report(START + DAY * night, {MIRROR: outcome} if outcome else {}))
    return path


P, F, U, W, N = "pass", "fail", "unknown", "waived", "not_applicable"


@pytest.mark.parametrize(
    ("outcomes", "broke", "mended", "gone", "flaps", "change"),
    [
        ((P, F, P), [1], [2], [], False, ChangeKind.MENDED),
        ((F, P), [], [1], [], False, ChangeKind.MENDED),
        ((F, N), [], [1], [], False, ChangeKind.MENDED),
        ((F, ""), [], [], [1], False, ChangeKind.GONE),
        ((F, U), [], [], [], False, ChangeKind.LOST_SIGHT),
        ((P, U), [], [], [], False, ChangeKind.LOST_SIGHT),
        ((N, U), [], [], [], False, None),
        ((F, U, F), [], [], [], False, None),
        ((P, U, F), [2], [], [], False, ChangeKind.BROKE),
        ((U, F), [1], [], [], False, ChangeKind.BROKE),
        ((F, U, P), [], [2], [], False, ChangeKind.MENDED),
        (("", F), [1], [], [], False, ChangeKind.BROKE),
        ((F, P, F, P, F), [2, 4], [1, 3], [], True, ChangeKind.BROKE),
        ((P, F, P, F), [1, 3], [2], [], False, ChangeKind.BROKE),
        ((W, F), [], [], [], False, ChangeKind.BROKE),
        ((P, W), [1], [], [], False, None),
        ((F, F), [], [], [], False, None),
        ((F,), [], [], [], False, None),
    ],
    ids=str,
)
def test_what_broke_was_mended_and_flaps(  # noqa: PLR0913, PLR0917 - the columns of a table
    tmp_path: Path,
    outcomes: tuple[str, ...],
    broke: list[int],
    mended: list[int],
    gone: list[int],
    flaps: bool,
    change: ChangeKind | None,
) -> None:
    history = only(folder_of(tmp_path, *outcomes))
    days = [(START + DAY * night).date() for night in range(len(outcomes))]
    assert history.broke == tuple(days[night] for night in broke)
    assert history.mended == tuple(days[night] for night in mended)
    assert history.gone == tuple(days[night] for night in gone)
    assert (history.flaps, history.change) == (flaps, change)
    is_open = any(outcome in {F, W} for outcome in outcomes) and history.change not in {
        ChangeKind.MENDED,
        ChangeKind.GONE,
    }
    assert history.broken_since == ((history.broke[-1] if broke else days[0]) if is_open else None)


def test_a_finding_has_the_words_and_severity_of_its_last_fail(tmp_path: Path) -> None:
    history = only(folder_of(tmp_path, P, W))
    assert (history.text, history.severity, history.waived) == ("MIR003 is not met", Severity.CRITICAL, True)
    assert history.state is State.BROKEN


def test_a_day_is_as_bad_as_its_worst_report(tmp_path: Path) -> None:
    for hour, outcome in enumerate((P, F, U, P)):
        nights.write(tmp_path, nights.report(START + dt.timedelta(hours=hour), {MIRROR: outcome}))
    nights.write(tmp_path, nights.report(START + DAY, {MIRROR: P}))
    nights.write(tmp_path, nights.report(START + DAY + dt.timedelta(hours=1), {MIRROR: U}))
    history = only(tmp_path)
    assert [(spell.state, spell.days) for spell in history.spells] == [(State.BROKEN, 1), (State.UNKNOWN, 1)]
    assert history.days.compliant == 0


@pytest.mark.parametrize(
    "second",
    [
        {"brief": False},
        {"listed": {}},
        {"scopes": [SUBSCRIPTION, "/subscriptions/2"], "listed": nights.LISTED},
        {"carried": [MIRROR]},
    ],
    ids=["without passes", "VMs not listed", "another subscription too", "carried over"],
)
def test_what_a_report_does_not_name_is_unknown_unless_it_proves_that_it_is_not_there(
    tmp_path: Path, second: dict[str, Any]
) -> None:
    nights.write(tmp_path, nights.report(START, {MIRROR: P}))
    nights.write(tmp_path, nights.report(START + DAY, {nights.SUBJECTS[2]: P}, **second))
    assert only(tmp_path).state is State.UNKNOWN


def test_a_vm_is_known_to_be_gone_if_the_vms_of_its_own_subscription_were_listed(tmp_path: Path) -> None:
    other = "/subscriptions/00000000-0000-0000-0000-000000000002"
    here, there = nights.SUBJECTS[2], ("AVL002", "prod", nights.vm("vm-x").replace(SUBSCRIPTION, other))
    for night, (outcomes, listed) in enumerate((({here: F, there: F}, [nights.VM]), ({}, []))):
        vms = {SUBSCRIPTION: [nights.VM], other: listed}
        made = nights.report(START + DAY * night, outcomes, listed=vms, scopes=[SUBSCRIPTION, other])
        nights.write(tmp_path, made)
    assert only(tmp_path, here).change is ChangeKind.GONE
    assert only(tmp_path, there).change is ChangeKind.LOST_SIGHT


def test_a_mirror_is_unknown_where_not_all_subscriptions_of_today_were_scanned(tmp_path: Path) -> None:
    other = "/subscriptions/2"
    nights.write(tmp_path, nights.report(START, {nights.SUBJECTS[2]: P}))
    both = {scope: [nights.VM] for scope in (SUBSCRIPTION, other)}
    nights.write(tmp_path, nights.report(START + DAY, {MIRROR: P}, listed=both, scopes=list(both)))
    assert [spell.state for spell in only(tmp_path).spells] == [State.UNKNOWN, State.COMPLIANT]


def test_days_are_those_of_utc(tmp_path: Path) -> None:
    moment = dt.datetime(2026, 1, 2, 1, tzinfo=dt.timezone(dt.timedelta(hours=2)))
    nights.write(tmp_path, nights.report(moment, {MIRROR: F}), "r.json")
    assert [*map(str, read(tmp_path).days)] == ["2026-01-01"]


def test_a_report_without_a_time_is_of_its_evaluation_date(tmp_path: Path) -> None:
    nights.write(tmp_path, nights.report(START, {MIRROR: F}, takenAt=None, asOf="2026-02-03"), "r.json")
    assert [*map(str, read(tmp_path).days)] == ["2026-02-03"]


def test_rules_are_chosen_in_any_case(tmp_path: Path) -> None:
    nights.write(tmp_path, nights.report(START, {MIRROR: F, nights.SUBJECTS[2]: F}))
    assert [history.rule for history in read(tmp_path, "mir003").findings] == ["MIR003"]
    assert len(read(tmp_path).findings) == 2
    with pytest.raises(InputError, match="no report names the rule MIR999"):
        read(tmp_path, "MIR999")
    with pytest.raises(InputError, match="no report is as late as 2026-01-01: the last one is of 2025-01-01"):
        read(tmp_path, since=dt.date(2026, 1, 1))


# --- what is left out -------------------------------------------------------------------------------------------------


def test_each_file_that_is_left_out_has_one_line_with_the_reason(tmp_path: Path) -> None:
    folder_of(tmp_path, P, F)
    good = nights.report(START + DAY, {MIRROR: P})
    nights.write(tmp_path, good, "z-again.json")
    nights.write(tmp_path, good | {"scopes": ["/subscriptions/2"], "takenAt": "2025-01-01T00:00:00Z"}, "other.json")
    nights.write(tmp_path, good | {"profile": "article-2018", "takenAt": "2025-01-01T01:00:00Z"}, "profile.json")
    nights.write(tmp_path, good | {"takenAt": "yesterday"}, "time.json")
    brief = {"subjects": [], "pass": {"MIR003": [0]}, "notApplicable": {}}
    nights.write(tmp_path, good | {"brief": brief}, "brief.json")
    (tmp_path / "half.json").write_text(json.dumps(good)[:500])
    (tmp_path / "list.json").write_text("[]")
    (tmp_path / "gone.json").symlink_to("nowhere")
    (tmp_path / "notes.txt").write_text("not a report, and not looked at")
    (tmp_path / "folder.json").mkdir()
    found = read(tmp_path)
    assert [report.file[:10] for report in found.reports] == ["2025-01-01", "2025-01-02"]
    reasons = {one.file: one.why for one in found.left_out}
    assert reasons.keys() == {f"{n}.json" for n in ("z-again", "other", "profile", "time", "brief", "half", "list")}
    assert reasons["z-again.json"] == "is of the same time as 2025-01-02T020000Z.json"
    assert reasons["other.json"].startswith("is of /subscriptions/2, and the newest report of /subscriptions/0000")
    assert reasons["profile.json"] == "is of the profile article-2018, and the newest report of current"
    assert reasons["time.json"].startswith("takenAt is 'yesterday'")
    assert "`$.brief` has a position behind the last" in reasons["brief.json"]
    assert reasons["half.json"].startswith("is not a report as scan -o json writes it")
    assert only(tmp_path).state is State.BROKEN


def test_of_two_reports_of_one_time_the_first_by_name_counts_whenever_it_came(tmp_path: Path) -> None:
    nights.write(tmp_path, nights.report(START, {MIRROR: F}), "b.json")
    assert only(tmp_path).state is State.BROKEN
    nights.write(tmp_path, nights.report(START, {MIRROR: P}), "a.json")
    assert only(tmp_path).state is State.COMPLIANT
    assert [one.file for one in read(tmp_path).left_out] == ["b.json"]


def test_a_folder_without_reports_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"has no report as scan -o json writes it$"):
        read(tmp_path)
    with pytest.raises(InputError, match="cannot be read: No such file"):
        read(tmp_path / "nowhere")
    assert not (tmp_path / index.NAME).exists()
