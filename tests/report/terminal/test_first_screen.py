"""The first screen of the terminal report."""

from __future__ import annotations

import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from auditor.escape import printable
from auditor.evaluation.model import Outcome
from auditor.evaluation.picture.model import Picture
from auditor.evaluation.result import Evaluation
from auditor.report.build import build
from auditor.report.formats import FORMATS
from auditor.report.view import View
from auditor.rules.evidence import Evidence
from auditor.rules.model import Severity
from auditor.snapshot.known import Cause
from auditor.snapshot.model import Gap, GapReason
from tests.report import reports
from tests.report.reports import PROBE, SIZE, SUBSCRIPTION, evidence, finding, gap, hidden_by, unknown, vm

SOURCE = "--demo"
FULL = """\
prod  FAIL    1 critical, 1 medium; 1 error, 1 unknown
taken 2026-11-01T06:00:00Z from 1 subscription; profile current

ERROR    CMP006 Not evaluated (a bug in auditor): The failover members are alike
                vm-d: KeyError: 'zones'
CRITICAL MIR003 The mirror status page is not probed
                TRAKDB: lb-mirror protocol Tcp, expected in [Http, Https]
MEDIUM   CMP006 Not as required: The failover members are alike
                TRAKDB: mirror.sizes [Standard_E16ds_v5, Standard_E8ds_v5], e...

Not seen   grant Microsoft.Network/loadBalancers/read at subscription
           00000000-0000-0000-0000-000000000001; 1 unknown: MIR003
           the web tier of prod is not declared: add it, or `none`
Next       auditor explain MIR003 --demo            why, evidence, fix
           auditor scan --demo -o html=report.html  all, with a picture
auditor: 2 fail (1 critical, 1 medium), 1 error, 1 unknown, 2 pass; incomplete: 1 gap, 1 missing declaration
"""
WIDE = """\
ERROR    CMP006 Not evaluated (a bug in auditor): The failover members are alike  vm-d: KeyError: 'zones'
CRITICAL MIR003 The mirror status page is not probed                              TRAKDB: lb-mirror protocol Tcp, ex\
pected in [Http, Https]
MEDIUM   CMP006 Not as required: The failover members are alike                   TRAKDB: mirror.sizes [Standard_E16\
ds_v5, Standard_E8ds_...
"""


def rendered(shown: Evaluation, view: View | None = None) -> str:
    view = view or View(command="auditor scan --demo", source=SOURCE)
    return reports.render("terminal", shown, view)


def lines(shown: Evaluation, view: View | None = None) -> list[str]:
    return rendered(shown, view).splitlines()


def many(number: int, severity: Severity) -> Evaluation:
    """Return fails of as many rules."""
    named = (
        msgspec.structs.replace(SIZE, id=f"CMP{n:03}", title=f"Rule {n} about a thing", severity=severity)
        for n in range(number)
    )
    return reports.report(*(finding(rule=rule, subject=vm(rule.id), seen=(evidence(),)) for rule in named))


# --- the head ---------------------------------------------------------------------------------------------------------


def test_a_report_is_the_outcome_the_findings_what_was_not_seen_and_what_is_next() -> None:
    assert rendered(reports.full()) == FULL


def test_a_wide_terminal_shows_what_was_observed_beside_the_headlines() -> None:
    assert WIDE in rendered(reports.full(), View(width=140))


def test_deployments_are_listed_worst_first() -> None:
    shown = reports.report(
        finding(Outcome.PASS, deployment="good"),
        finding(rule=SIZE, deployment="poor"),
        msgspec.structs.replace(unknown(PROBE, vm("a"), "why"), deployment="dim"),
        finding(deployment="bad"),
        finding(rule=SIZE, deployment=""),
    )
    assert [line.split()[:3] for line in lines(shown)[:5]] == [
        ["bad", "FAIL", "1"],
        ["poor", "FAIL", "1"],
        ["no", "deployment", "FAIL"],
        ["dim", "UNKNOWN", "1"],
        ["good", "NO", "FAIL"],
    ]


def test_of_many_deployments_the_rest_is_counted() -> None:
    shown = reports.report(*(finding(deployment=f"d{number:02}") for number in range(15)))
    assert lines(shown)[13] == "and 3 more deployments, 3 of them with fails"


TABLE = """\
deployment  outcome   critical  high  medium  low  unknown  stopped by a loss of
bad         FAIL             2     -       1    -        -
poor        FAIL             -     -       1    -        1
dim         UNKNOWN          -     -       -    -        1
2 of 2 subscriptions have no VM of a deployment
"""


def test_deployments_of_several_subscriptions_are_a_table() -> None:
    dim = msgspec.structs.replace(unknown(PROBE, vm("a"), "why"), deployment="dim")
    found = (
        *(finding(deployment="bad", subject=vm(name)) for name in "ab"),
        finding(rule=SIZE, deployment="bad"),
        finding(rule=SIZE, deployment="poor"),
        msgspec.structs.replace(dim, deployment="poor"),
        dim,
    )
    shown = reports.report(*found)
    snapshot = msgspec.structs.replace(shown.snapshot, scopes=(SUBSCRIPTION, "/subscriptions/2"))
    picture = Picture(product=None, environment="production", rows=(), regions=(), nodes=(), edges=(), expected=())
    trust = msgspec.structs.replace(shown, snapshot=snapshot, pictures=dict.fromkeys(("bad", "poor", "dim"), picture))
    assert rendered(trust).startswith(TABLE)
    assert max(map(cell_len, lines(trust, View(width=60))[:4])) <= 60


def test_only_what_is_complete_and_wholly_known_passes() -> None:
    passed = finding(Outcome.PASS)
    optional = msgspec.structs.replace(unknown(SIZE, vm("a"), "no key", Cause.DECLARATION), optional=True)
    assert lines(reports.report(passed))[0] == "prod  PASS"
    assert lines(reports.report(passed, gaps=(gap(),)))[0] == "prod  NO FAIL"
    assert lines(reports.report(passed, optional, complete=True))[0] == "prod  NO FAIL 1 unknown"
    assert lines(reports.report())[0] == "No rule applies to the scanned resources."


# --- findings ---------------------------------------------------------------------------------------------------------


def test_a_rule_is_one_row_for_all_its_subjects() -> None:
    fails = [finding(rule=SIZE, subject=vm(f"vm-{number}")) for number in range(12)]
    text = rendered(reports.report(*fails))
    assert text.count("CMP006 ") == 2, "in the table and in the next command"
    assert "vm-0, vm-1, vm-2, vm-3, vm-4, and 7 more\n" in text
    other = finding(rule=SIZE, subject=vm("vm-a"), deployment="test")
    assert "prod/vm-0, prod/vm-1, test/vm-a\n" in rendered(reports.report(*fails[:2], other))


def test_subjects_that_do_not_fit_on_a_short_line_are_counted() -> None:
    named = many(40, Severity.HIGH).findings
    long = [msgspec.structs.replace(named[0], subject=vm(f"a-long-name-{number}")) for number in range(3)]
    text = rendered(reports.report(*long, *named[1:]))
    assert "HIGH     CMP000 Not as required: Rule 0 about a thing: 3 subjects\n" in text


def test_a_graded_severity_is_said_with_its_reason() -> None:
    graded = msgspec.structs.replace(finding(severity=Severity.INFO), graded="the region has two zones")
    text = rendered(reports.report(graded))
    assert "INFO     MIR003 The mirror status page is not probed\n" in text
    many_of_them = [msgspec.structs.replace(f, graded="so") for f in many(40, Severity.LOW).findings]
    assert "about a thing: CMP000 (graded)\n" in rendered(reports.report(*many_of_them))
    assert "                TRAKDB: info, not critical, because the region has two zones\n" in text


def test_of_alternatives_each_observation_is_shown() -> None:
    seen = tuple(
        msgspec.structs.replace(evidence(n, observed=f"o{n}"), alternatives=(f"assert.anyOf[{n}]",)) for n in (0, 1)
    )
    text = rendered(reports.report(finding(seen=seen)))
    assert "TRAKDB: lb-mirror protocol o0, lb-mirror protocol o1\n" in text


def test_values_are_shown_with_names_in_the_place_of_ids() -> None:
    seen = Evidence(reports.MIRROR.id, "pool.members", [vm("a").id, None], f"exactly [{vm('b').id}]")
    assert "TRAKDB: pool.members [a, absent], expected exactly [b]\n" in rendered(reports.report(finding(seen=(seen,))))


def test_the_least_severe_are_shortened_to_keep_to_a_screen() -> None:
    shown = reports.report(*many(20, Severity.HIGH).findings, *many(30, Severity.MEDIUM).findings[20:])
    rows = lines(shown)
    assert len(rows) == 40
    long = [row for row in rows if row.startswith("    ")]
    assert rows.index("MEDIUM   CMP020 Not as required: Rule 20 about a thing: CMP020") > rows.index(long[-2])


def test_three_hundred_findings_are_a_table_with_room_for_the_critical_ones() -> None:
    shown = reports.report(*many(290, Severity.HIGH).findings, *many(300, Severity.CRITICAL).findings[290:])
    rows = [row for row in lines(shown) if row.startswith(("CRITICAL", "HIGH", "         "))]
    assert len(rows) == 290 + 2 * 10 + 1
    assert rows[0].startswith("CRITICAL CMP290 ")
    assert rows[1] == "                CMP290: lb-mirror protocol Tcp, expected in [Http, Https]"
    assert rows[20] == "HIGH     CMP000 Not as required: Rule 0 about a thing: CMP000"


# --- what was not seen ------------------------------------------------------------------------------------------------


def test_a_missing_permission_is_one_paragraph_with_what_to_grant_and_the_rules() -> None:
    hidden = Gap(vm("vm-x").id, "Microsoft.Compute/disks", GapReason.FORBIDDEN, "", "Microsoft.Compute/disks/read")
    shown = reports.report(
        hidden_by(hidden, subject=vm("a")),
        hidden_by(hidden, rule=SIZE, subject=vm("b")),
        unknown(PROBE, vm("c"), f"odd; {hidden}"),
        gaps=(hidden,),
    )
    assert "vm-x: grant Microsoft.Compute/disks/read at rg-prod; 2 unknown:\n           CMP006 MIR003\n" in rendered(
        shown
    )


def test_a_gap_without_permission_says_what_to_do() -> None:
    late = Gap(SUBSCRIPTION, "Microsoft.Compute/disks", GapReason.TIMEOUT)
    text = " ".join(rendered(reports.report(gaps=(late,))).split())
    assert (
        f"disks of subscription {SUBSCRIPTION[15:]} (timeout): Azure did not answer in time: scan again later" in text
    )


def test_a_token_that_ended_says_what_to_do() -> None:
    code = "ExpiredAuthenticationToken"
    ended = Gap(SUBSCRIPTION, "Microsoft.Compute/disks", GapReason.UNAVAILABLE, code, "", "set the clock, then sign in")
    text = " ".join(rendered(reports.report(gaps=(ended,))).split())
    assert f"(unavailable, {code}): set the clock, then sign in" in text


def test_a_missing_declaration_is_one_paragraph_with_its_line_and_the_rules() -> None:
    text = "`reporting` of TRAKDB is not declared: add `reporting: none`"
    subject = msgspec.structs.replace(reports.MIRROR, line=20)
    shown = reports.report(
        *(unknown(rule, subject, text, Cause.DECLARATION) for rule in (PROBE, SIZE)), declarations=(text,)
    )
    assert f"deployment.yaml:20 {text}; 2 unknown: CMP006 MIR003" in " ".join(rendered(shown).split())


def test_rules_that_evaluated_all_that_they_know_of_are_apart() -> None:
    document = build(
        reports.report(*(hidden_by(gap(), rule=rule, subject=vm("a")) for rule in (PROBE, SIZE)), gaps=(gap(),)),
        passes=False,
    )
    kinds = {PROBE.id: vm("a").kind.lower(), SIZE.id: "microsoft.compute/disks"}
    rules = tuple(msgspec.structs.replace(rule, kinds=(kinds[rule.id],)) for rule in document.rules)
    text = FORMATS["terminal"].render(msgspec.structs.replace(document, rules=rules), View(width=200))
    assert "; 1 unknown: MIR003; 1 unknown only for what else there may be: CMP006\n" in text


def test_other_causes_are_a_line_each_and_what_is_optional_is_only_counted() -> None:
    attest = msgspec.structs.replace(unknown(SIZE, vm("c"), "rehearse", Cause.ATTESTATION), optional=True)
    shown = reports.report(
        unknown(PROBE, vm("a"), f"{vm('a').id} is odd", Cause.VALUE),
        unknown(PROBE, vm("b"), f"{vm('b').id} is odd", Cause.VALUE),
        attest,
    )
    assert "Not seen   value without known meaning; 2 unknown: MIR003: a is odd\n" in rendered(shown)
    assert "           optional: 1 by attestations\n" in rendered(shown)


# --- exemptions and earlier reports -----------------------------------------------------------------------------------


def test_after_a_comparison_the_next_command_shows_every_change() -> None:
    view = View(only_changes=True, command="auditor drift then now", source=SOURCE)
    assert "           auditor drift then now --details  every change\n" in rendered(reports.drifted(), view)


def test_what_is_exempt_or_still_open_is_counted() -> None:
    text = " ".join(rendered(reports.excused()).split())
    assert "Waived 1 fail, 1 unknown, 1 gap" in text
    assert (
        "No effect waivers.yaml:20 MIR003 at * expired on 2026-10-31: 2 findings no longer covered; and 8 more" in text
    )
    assert "Still open 2 findings of the previous report" in " ".join(rendered(reports.carried()).split())


# --- the page ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [60, 80, 140])
def test_lines_keep_to_the_width_and_are_plain(width: int) -> None:
    made = (reports.full(), reports.excused(), reports.carried(), reports.drifted(), many(30, Severity.LOW))
    view = View(width=width, passes=True, command="auditor scan --demo", source=SOURCE)
    shown = [line for each in made for line in lines(each, view) if not line.startswith("auditor: ")]
    assert [line for line in shown if line != line.rstrip()] == []
    assert [line for line in shown if cell_len(line) > width and " " in line.strip()] == []


def test_colour_changes_nothing_else() -> None:
    coloured = rendered(reports.full(), View(colour=True))
    assert "\x1b[1;31mCRITICAL MIR003 \x1b[0m" in coloured
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured) == rendered(reports.full(), View())


@pytest.mark.slow
@given(st.text(min_size=1, max_size=40) | st.just(reports.HOSTILE), st.integers(1, 200), st.booleans())
def test_any_text_is_shown_without_effect(text: str, width: int, colour: bool) -> None:
    shown = rendered(reports.hostile(text), View(passes=True, width=width, colour=colour, command="auditor scan"))
    bare = re.sub(r"\x1b\[[\d;]*m", "", shown) if colour else shown
    assert all(printable(line) == line for line in bare.split("\n"))


def test_lesser_rows_become_one_where_the_screen_has_no_room_for_critical_ones() -> None:
    critical = [finding(rule=msgspec.structs.replace(PROBE, id=f"LB{number:03}")) for number in range(14)]
    lesser = [
        finding(rule=msgspec.structs.replace(SIZE, id=f"CMP{number:03}", severity=Severity.LOW)) for number in range(9)
    ]
    few, full = (lines(reports.report(*critical, *lesser[:number])) for number in (2, 9))
    assert sum(line.startswith("LOW ") for line in few) == 2
    assert [line for line in full if line.startswith("LOW")] == [
        "LOW/INFO CMP000 CMP001 CMP002 CMP003 CMP004 CMP005 CMP006 CMP007 CMP008"
    ]
    only = lines(reports.report(*lesser))
    assert sum(line.startswith("LOW ") for line in only) == 9
