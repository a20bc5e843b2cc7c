from __future__ import annotations

import datetime as dt
import html
import re
from typing import Final

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from auditor.escape import printable
from auditor.estate.subjects import Subject
from auditor.evaluation.drift.model import Drift
from auditor.evaluation.model import BaselineState, ExemptionState, ExemptionStatus, GuestFile, Outcome
from auditor.evaluation.result import Evaluation
from auditor.report import wording
from auditor.report.build import build
from auditor.report.formats import FORMATS
from auditor.report.view import View
from auditor.snapshot.known import Cause
from tests.report import reports
from tests.report.reports import PROBE, SIZE, finding, gap, unknown, vm

MOST: Final = 1024 * 1024
"""The size in bytes above which GitHub discards the summary of a step."""
TAGS: Final = {"h2", "h3", "p", "table", "thead", "tbody", "tr", "th", "td"}


def rendered(shown: Evaluation) -> str:
    text = reports.render("markdown", shown, View())
    assert text == reports.render("markdown", shown, View(passes=True, width=200, colour=True))
    return text


def as_html(text: str) -> str:
    return str(MarkdownIt("js-default", {"html": True}).render(text))


def cells(text: str) -> list[list[str]]:
    """Return the rows of all tables as rendered text."""
    rows = re.findall("<tr>(.*?)</tr>", as_html(text), re.DOTALL)
    return [[html.unescape(cell) for cell in re.findall("<t[dh]>(.*?)</t[dh]>", row, re.DOTALL)] for row in rows]


def titles(text: str) -> list[str]:
    return re.findall("^### (.*)$", text, re.MULTILINE)


def test_the_summary_counts_findings() -> None:
    text = rendered(reports.full())
    lines = text.splitlines()
    assert lines[0] == "## 2 of 2 rules failed."
    assert lines[2] == "This result is incomplete: 1 gap, 1 missing declaration, 1 unknown, 1 error."
    assert cells(text)[:9] == [
        ["", ""],
        ["Fails", "2 (1 critical, 1 medium)"],
        ["Unknown", "1"],
        ["Errors", "1"],
        ["Passes", "2"],
        ["Taken", "2026-11-01T06:00:00Z"],
        ["Evaluated by", "auditor 0.1.0, profile current, as of 2026-11-01"],
        ["Severity", "Rule", "Subject", "Where"],
        [
            "critical",
            "MIR003 The mirror status page is not probed",
            "TRAKDB (mirror, westeurope)",
            "prod/mirrors/TRAKDB",
        ],
    ]
    assert titles(text) == ["2 fails", "1 error", "1 unknown", "Coverage gaps", "Missing declarations"]


def test_a_complete_report_without_fails_is_short() -> None:
    text = rendered(reports.report(finding(Outcome.PASS)))
    assert text.startswith("## Every rule that applies passed: 1 pass of 1 rule.\n\nCoverage is complete")
    assert titles(text) == []


def test_a_subject_is_found_at_the_line_that_declares_it_else_by_its_group_and_name() -> None:
    declared = msgspec.structs.replace(vm("vm-a"), line=14)
    made = reports.report(finding(subject=declared), finding(subject=vm("vm-b")))
    assert [row[-1] for row in cells(rendered(made))[-2:]] == ["deployment.yaml:14", "rg-prod/vm-b"]
    undeclared = msgspec.structs.replace(made, deployment_file="")
    assert [row[-1] for row in cells(rendered(undeclared))[-2:]] == ["rg-prod/vm-a", "rg-prod/vm-b"]


def test_the_worst_comes_first() -> None:
    made = reports.report(finding(rule=SIZE, deployment="a"), finding(deployment="b"))
    assert [row[0] for row in cells(rendered(made))[-2:]] == ["critical", "medium"]


def test_an_unknown_has_its_reason_and_its_remedy() -> None:
    made = reports.report(
        unknown(PROBE, vm("vm-a"), str(gap(vm("vm-a").id))), gaps=(gap(vm("vm-a").id), gap(detail="ask"))
    )
    rows = cells(rendered(made))
    assert [rows[-4][column] for column in (0, 2, 3)] == ["critical", PROBE.id, "vm-a"]
    assert rows[-4][1].startswith("Microsoft.Network/loadBalancers in rg-prod/vm-a was not read (forbidden")
    needs = "Microsoft.Network/loadBalancers/read"
    assert rows[-2:] == [
        ["Microsoft.Network/loadBalancers", "rg-prod/vm-a", "forbidden", "AuthorizationFailed", needs],
        ["Microsoft.Network/loadBalancers", "/subscriptions/sub-d12b62c0", "forbidden", "AuthorizationFailed", needs],
    ]


def test_what_has_one_reason_is_one_row_and_what_is_optional_stands_apart() -> None:
    hidden = [unknown(rule, vm(f"vm-{number}"), str(gap())) for rule in (SIZE, PROBE) for number in range(20)]
    optional = msgspec.structs.replace(unknown(SIZE, vm("vm-b"), "no file", Cause.GUEST), optional=True)
    text = rendered(reports.report(optional, *hidden))
    assert titles(text) == ["40 unknowns", "1 optional unknown"]
    row, _, other = cells(text)[-3:]
    assert [row[0], row[2]] == ["critical", "CMP006, MIR003"]
    assert row[3] == f"{', '.join(f'vm-{number}' for number in range(15))} and 5 more"
    assert other == ["medium", "no file", "CMP006", "vm-b"]


def test_vms_with_the_same_files_are_one_row() -> None:
    made = reports.report()
    files = tuple(
        GuestFile(vm(name).id, file, taken_at="2026-11-01T02:00:00Z", replaced=False)
        for name, file in (("vm-a", "iris.cpf"), ("vm-b", "iris.cpf"), ("vm-c", "CSP.ini"))
    )
    made = msgspec.structs.replace(made, coverage=msgspec.structs.replace(made.coverage, guest_files=files))
    assert [row[:2] for row in cells(rendered(made))[-2:]] == [["vm-a, vm-b", "iris.cpf"], ["vm-c", "CSP.ini"]]


def test_a_table_is_readable_without_a_renderer() -> None:
    text = rendered(reports.report(finding(subject=msgspec.structs.replace(vm("vm-db-a"), line=14))))
    assert "| Taken | 2026-11-01T06:00:00Z |" in text
    assert "| vm-db-a (virtualMachines, westeurope) | deployment.yaml:14 |" in text


def test_what_is_waived_is_counted_and_not_listed() -> None:
    text = rendered(reports.excused())
    assert ["Waived", "1 fail, 1 unknown, 1 gap"] in cells(text)
    assert titles(text) == ["1 fail", "Waivers and attestations without effect"]
    assert cells(text)[-9] == ["waivers.yaml:20", "MIR003 at * expired on 2026-10-31: 2 findings no longer covered"]
    idle = "MIR003 at gone covers nothing: the rule has no finding in that scope"
    assert cells(text)[-1] == ["attestations.yaml:40", idle]


def test_what_is_lost_from_sight_is_listed_with_when_it_was_last_seen() -> None:
    text = rendered(reports.carried())
    title = "2 findings of the previous report, not evaluated this time"
    assert titles(text) == ["2 unknowns", title, "Coverage gaps"]
    assert "2 open findings carried over from the previous report." in text.splitlines()[2], "said first"
    rows = [row for row in cells(text) if "2026-10-31T06:00:00Z" in row]
    assert [(row[0], row[2]) for row in rows] == [
        ("critical", "TRAKDB (mirror, westeurope)"),
        ("medium", "vm-gone (virtualMachines, westeurope)"),
    ]


def test_changes_since_the_baseline_are_listed() -> None:
    text = rendered(reports.drifted())
    told = cells(text)
    assert [
        row for row in told if row[0] in {"Baseline", "Findings since the baseline", "Resources since the baseline"}
    ] == [
        ["Baseline", "2026-08-01T06:00:00Z, approved by operations at 2026-08-02T09:00:00Z: change 4711"],
        ["Findings since the baseline", "1 regressed, 1 new, 1 lost sight, 1 fixed, 1 gone, 1 drifted"],
        ["Resources since the baseline", "1 removed, 1 moved, 1 changed, 1 lost sight"],
    ]
    assert titles(text)[0] == "Changes since the baseline"
    start = told.index(["State", "Rule", "Subject", "Before and now"]) + 1
    probe, size = (f"{rule.id} {rule.headline}" for rule in (PROBE, SIZE))
    hidden = f"{PROBE.id} Unknown (not read): {PROBE.title}"
    assert told[start : start + 6] == [
        ["regressed", probe, "TRAKDB (mirror, westeurope)", "pass -> fail (critical)"],
        ["new", size, "vm-new (virtualMachines, westeurope)", "no finding -> fail (medium)"],
        ["lost sight", hidden, "vm-hidden (virtualMachines, westeurope)", "fail (critical) -> unknown"],
        ["fixed", size, "vm-mended (virtualMachines, westeurope)", "fail (medium) -> pass"],
        ["gone", size, "vm-gone (virtualMachines, westeurope)", "fail (medium) -> no finding"],
        ["Severity", "Rule", "Subject", "Where"],
    ]


def test_what_was_no_fail_and_is_not_visible_is_one_row_for_its_reason() -> None:
    document = build(reports.drifted(), passes=False)
    assert document.drift
    (lost,) = (change for change in document.drift.findings if change.state is BaselineState.LOST_SIGHT)
    assert lost.before
    passed = msgspec.structs.replace(lost, before=msgspec.structs.replace(lost.before, outcome=Outcome.PASS))
    many = (lost, *(msgspec.structs.replace(passed, rule=rule) for rule in (SIZE.id, PROBE.id, SIZE.id)))
    text = FORMATS["markdown"].render(
        msgspec.structs.replace(document, drift=msgspec.structs.replace(document.drift, findings=many)), View()
    )
    rows = [row for row in cells(text) if row[0] == "lost sight"]
    assert [row[3] for row in rows] == ["fail (critical) -> unknown", wording.aliased(lost.reason or "")]
    assert rows[1][1:3] == ["3 findings without a fail: CMP006 MIR003", "vm-hidden"]


def test_without_changes_only_numbers_of_the_baseline_are_shown() -> None:
    same = msgspec.structs.replace(reports.full(), drift=Drift(reports.baseline(), (), ()))
    text = rendered(same)
    assert ["Findings since the baseline", "unchanged"] in cells(text)
    assert "Changes since the baseline" not in titles(text)
    assert "Baseline" not in {row[0] for row in cells(rendered(reports.full()))}


@pytest.mark.parametrize(("days", "said"), [(0, True), (30, True), (31, False)])
def test_what_ends_within_30_days_is_announced(days: int, said: bool) -> None:
    end = dt.date(2026, 11, 1) + dt.timedelta(days=days)
    waiver, attestation = reports.waiver(expires_on=end), reports.attestation(valid_until=end)
    made = msgspec.structs.replace(
        reports.report(),
        waivers=(ExemptionStatus(waiver, ExemptionState.USED, 1),),
        attestations=(ExemptionStatus(attestation, ExemptionState.USED, 1),),
    )
    assert titles(rendered(made)) == ["Exemptions that expire within 30 days"] * said
    if said:
        assert cells(rendered(made))[-2:] == [
            [f"{end}", "the data centre's manager", "Seen on site.", "attestations.yaml:3"],
            [f"{end}", "the head of operations", "The SKU will be upgraded in spring.", "waivers.yaml:3"],
        ]


def test_no_subscription_id_is_shown() -> None:
    subscription = Subject(reports.SUBSCRIPTION, "subscription", reports.SUBSCRIPTION.rpartition("/")[2])
    made = reports.report(
        finding(subject=subscription, deployment=""),
        unknown(PROBE, vm("vm-a"), f"{reports.SUBSCRIPTION.upper()} was not scanned"),
        finding(Outcome.ERROR, reasons=(f"KeyError: {reports.LOAD_BALANCER_ID}",)),
        gaps=(gap(reports.GROUP),),
        declarations=(f"declare {reports.SUBSCRIPTION}",),
    )
    text = rendered(made)
    assert "00000000" not in text
    assert text.count("sub-d12b62c0") >= 4


@pytest.mark.slow
def test_a_long_report_is_cut_with_a_notice() -> None:
    many = [finding(subject=vm(f"vm-{'x' * 200}-{number}")) for number in range(3000)]
    unseen = [unknown(PROBE, vm(f"vm-{number}"), f"{number}" + "\u202e" * 1000) for number in range(3000)]
    made = reports.report(*many, *unseen, gaps=tuple(gap(f"/subscriptions/{number}") for number in range(3000)))
    text = rendered(made)
    assert len(text.encode()) < MOST // 4
    assert titles(text) == ["3,000 fails", "3,000 unknowns", "Coverage gaps"]
    shown = text.count("vm-x") // 2  # by name and by id
    left = [
        int(number.replace(",", "")) for number in re.findall(r"^([\d,]+) more rows are omitted", text, re.MULTILINE)
    ]
    assert len(left) == 3
    assert shown > 100
    assert shown + left[0] == 3000
    tables = as_html(text).count("<table>")
    assert tables == 4, "text after a table is not one of its rows"


@pytest.mark.slow
@given(st.text(max_size=40).filter(str.split) | st.just(reports.HOSTILE))
@settings(max_examples=60)
def test_any_text_is_shown_without_effect(text: str) -> None:
    shown = rendered(reports.hostile(text))
    assert all(printable(line) == line for line in shown.split("\n"))
    page = as_html(shown)
    assert set(re.findall(r"</?([a-zA-Z0-9]+)[^>]*>", page)) <= TAGS
    assert "href" not in page
    rows = cells(shown)
    assert [len(row) for row in rows] == [len(row) for row in cells(rendered(reports.hostile("x")))]
    assert rows[-1][1] == printable(" ".join(f"MIR003 at {text} covers nothing: {text}".split()))
    assert [printable(" ".join(text.split()))] in rows


@pytest.mark.parametrize("taken_at", ["2026-08-01T05:59:59Z", "2026-08-01T05:59:59", "2026-08-01T07:59:59+02:00"])
def test_a_baseline_later_than_the_snapshot_is_marked(taken_at: str) -> None:
    report = reports.drifted()
    swapped = msgspec.structs.replace(report, snapshot=msgspec.structs.replace(report.snapshot, taken_at=taken_at))
    (row,) = [row for row in cells(rendered(swapped)) if row[0] == "Baseline"]
    assert row[1].startswith("2026-08-01T06:00:00Z (later than the current snapshot), approved by")
