from __future__ import annotations

import re
import subprocess
import sys

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from auditor.authoring import fixtures
from auditor.escape import printable
from auditor.evaluation import exemptions
from auditor.evaluation.exemptions import Exemptions
from auditor.evaluation.model import ExemptionState, ExemptionStatus, Outcome
from auditor.evaluation.result import Evaluation
from auditor.report.formats import FORMATS
from auditor.report.view import View
from auditor.rules.model import Severity
from auditor.snapshot.known import Cause
from auditor.snapshot.model import Gap, GapReason
from tests.report import reports
from tests.report.reports import PROBE, SIZE, evidence, finding, gap, unknown, vm

WIDTHS = (60, 80, 200)
UNDECLARED = msgspec.structs.replace(unknown(PROBE, vm("prod"), "no key", Cause.DECLARATION), optional=True)


def rendered(shown: Evaluation, view: View | None = None) -> str:
    return reports.render("terminal", shown, msgspec.structs.replace(view or View(), details=True))


def words(shown: Evaluation, view: View | None = None) -> str:
    """Return the text as if every paragraph were one line."""
    return " ".join(rendered(shown, view).split())


# --- the head ---------------------------------------------------------------------------------------------------------


def test_the_head_names_the_scope_the_time_and_the_identity() -> None:
    text = words(reports.full())
    assert "Scanned 1 resource in 1 subscription 00000000-0000-0000-0000-000000000001" in text
    assert "Taken 2026-11-01T06:00:00Z, by auditor@example.com" in text
    assert "Deployments prod Declared in deployment.yaml" in text
    assert "Profile current (2 rules), as of 2026-11-01" in text
    assert "Outcomes 2 fail, 1 unknown, 1 error, 2 pass, 1 not applicable" in text
    assert "Fails 1 critical, 0 high, 1 medium, 0 low, 0 info" in text


def test_many_subscriptions_are_counted_and_the_first_are_named() -> None:
    shown = reports.full()
    scopes = tuple(f"/subscriptions/{number}" for number in range(7))
    shown = msgspec.structs.replace(shown, snapshot=msgspec.structs.replace(shown.snapshot, scopes=scopes))
    assert "in 7 subscriptions 0, 1, 2, 3, 4, and 2 more" in words(shown)


def test_a_deployment_file_from_the_snapshot_is_named_as_such() -> None:
    shown = reports.full()
    taken = msgspec.structs.replace(shown.snapshot, deployment="format: auditor.deployment/1")
    text = words(msgspec.structs.replace(shown, snapshot=taken, deployment_file=""))
    assert "Declared in the snapshot" in text


def test_absent_information_about_the_snapshot_is_not_shown() -> None:
    shown = reports.full()
    taken = msgspec.structs.replace(shown.snapshot, taken_at="", identity="")
    text = words(msgspec.structs.replace(shown, snapshot=taken, deployment_file=""))
    assert "Taken at an unknown time Cloud AzureCloud Deployments prod Profile" in text


def test_a_complete_report_without_fails_is_a_success() -> None:
    text = words(
        reports.report(finding(Outcome.PASS), finding(Outcome.PASS, SIZE), finding(Outcome.PASS, SIZE, vm("a")))
    )
    assert "Every rule that applies passed: 3 passes of 2 rules. Coverage is complete." in text
    assert text.endswith("auditor: 0 fail, 0 unknown, 3 pass; complete")


@pytest.mark.parametrize(
    ("shown", "said"),
    [
        (
            reports.full(),
            "2 of 2 rules failed. This result is incomplete: 1 gap, 1 missing declaration, 1 unknown, 1 error.",
        ),
        (reports.report(), "No rule applies to the scanned resources."),
        (reports.report(complete=False), "This result is incomplete."),
        (reports.report(finding(Outcome.NOT_APPLICABLE)), "No rule applies to the scanned resources."),
        (
            reports.report(unknown(PROBE, vm("a"), "why", Cause.VALUE)),
            "No rule failed; some outcomes are unknown. This result is incomplete: 1 unknown.",
        ),
        (
            reports.report(unknown(PROBE, vm("a"), "no CPF", Cause.GUEST), complete=True),
            "No rule failed; some outcomes are unknown. Coverage is complete.",
        ),
        (
            reports.report(UNDECLARED, unknown(PROBE, vm("a"), "why", Cause.VALUE), complete=False),
            "No rule failed; some outcomes are unknown. This result is incomplete: 1 unknown.",
        ),
    ],
    ids=["all", "empty", "incomplete", "not-applicable", "unknown", "guest", "optional"],
)
def test_a_report_without_findings_is_no_success_unless_complete(shown: Evaluation, said: str) -> None:
    assert said in words(shown)
    assert "Every rule" not in words(shown)


# --- what was not seen ------------------------------------------------------------------------------------------------


def test_gaps_of_one_kind_are_reported_once_with_the_remedy() -> None:
    text = rendered(reports.report(gaps=tuple(gap(f"/subscriptions/{number}") for number in range(8))))
    assert text.count("Microsoft.Network/loadBalancers: forbidden (AuthorizationFailed) in 8 scopes") == 1
    assert "  /subscriptions/4\n  and 3 more\n  Needs  Microsoft.Network/loadBalancers/read\n  To do  assign" in text
    assert "--- Coverage gaps: this result is incomplete ---" in text


def test_every_reason_has_a_remedy() -> None:
    gaps = tuple(Gap(reports.SUBSCRIPTION, "Microsoft.Compute/disks", reason) for reason in GapReason)
    text = rendered(reports.report(gaps=gaps))
    assert text.count("\n  To do  ") == len(GapReason)
    assert "Needs" not in text
    assert "Microsoft.Compute/disks: not-requested in 1 scope\n" in text


def test_a_gap_shows_its_cause_or_its_remedy() -> None:
    text = rendered(reports.report(gaps=(gap(detail="the list was cut"),)))
    assert (
        "  Why    the list was cut\n  To do  assign the role from `auditor permissions` to the scanning identity"
        in text
    )
    two = (gap(detail="the list was cut"), gap(detail="it was cut again"))
    assert "Why    the list was cut (and 1 more like it)\n" in rendered(reports.report(gaps=two))
    for reason in (GapReason.UNSUPPORTED, GapReason.NOT_REQUESTED, GapReason.FORBIDDEN):  # the last without permission
        own = Gap(reports.SUBSCRIPTION, "Microsoft.Compute/disks", reason, detail="list it by hand")
        text = rendered(reports.report(gaps=(own,)))
        assert "  To do  list it by hand\n" in text
        assert "Why" not in text


def test_types_that_were_not_read_for_one_reason_are_reported_together() -> None:
    scopes = ("/subscriptions/a", "/subscriptions/b")
    gaps = tuple(
        Gap(scope, f"Microsoft.X/type{number}", GapReason.FORBIDDEN, "", f"Microsoft.X/type{number}/read")
        for number in range(7)
        for scope in scopes
    )
    text = " ".join(rendered(reports.report(gaps=gaps)).split())
    assert "Microsoft.X/type4, and 2 more: forbidden in 2 scopes /subscriptions/a /subscriptions/b Needs" in text
    assert "Microsoft.X/type4/read, and 2 more To do" in text
    alone = Gap(scopes[0], "Microsoft.X/type7", GapReason.FORBIDDEN, "", "Microsoft.X/type7/read")
    again = msgspec.structs.replace(alone, detail="of another region")
    text = " ".join(rendered(reports.report(gaps=(*gaps, alone, again))).split())
    assert "Microsoft.X/type7: forbidden in 1 scope" in text


def test_waived_gaps_are_shown_and_do_not_make_the_result_incomplete() -> None:
    text = rendered(reports.report(finding(Outcome.PASS), gaps=(gap(),), complete=True))
    assert "--- Coverage gaps ---" in text
    assert "result is incomplete" not in text


def test_missing_declarations_say_how_to_declare() -> None:
    assert "- the web tier of prod is not declared: add it, or `none`\n" in rendered(reports.full())


# --- fails ------------------------------------------------------------------------------------------------------------


def test_a_fail_can_be_acted_on() -> None:
    assert """\
--- prod: 1 fail ---------------------------------------------------------------

CRITICAL MIR003  The mirror status page is not probed
  Why  A probe that only opens a connection finds both members healthy.
  At   TRAKDB (mirror, westeurope)
         /subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg-prod/providers/Microsoft.Network/loadBalancers/lb-mirror
         lb-mirror properties.probes[0].properties.protocol
           observed Tcp
           expected in [Http, Https]
  Fix  # Ask the page, not the port.
       az network lb probe update -g RG --lb-name LB -n PROBE --protocol Http \\
         --port PORT --path '/csp/bin/mirror status.cxw'
  See  S45, S47: Database Mirroring

auditor: 1 fail (1 critical), 0 unknown, 0 pass; complete
""" in rendered(reports.report(finding(seen=(evidence(),))))


def test_a_grade_is_shown_with_its_reason() -> None:
    graded = msgspec.structs.replace(finding(severity=Severity.LOW), graded="there is still time")
    text = rendered(reports.report(graded))
    assert "         low, not critical, because there is still time\n" in text
    assert text.index("At   ") < text.index("low, not critical, because")


def test_a_wide_page_puts_observed_beside_expected() -> None:
    text = rendered(reports.report(finding(seen=(evidence(observed=None, expected="equals Https"),))), View(width=200))
    assert "lb-mirror properties.probes[0].properties.protocol: observed absent, expected Https\n" in text


def test_a_rule_that_fails_often_is_explained_once_and_names_all_its_subjects() -> None:
    text = rendered(reports.report(*(finding(rule=SIZE, subject=vm(f"vm-{number}")) for number in range(12))))
    assert text.count("The failover members are alike (12 subjects)\n") == 1
    assert text.count("Why") == text.count("Fix") == text.count("See") == 1
    assert re.findall(r"(vm-\d+) \(virtualMachines, westeurope\)", text) == [f"vm-{number}" for number in range(12)]


def test_fails_are_ordered_by_deployment_and_severity() -> None:
    text = rendered(
        reports.report(
            finding(rule=SIZE, deployment="one"),
            finding(deployment="one"),
            finding(rule=SIZE, severity=Severity.LOW, subject=vm("vm-a"), deployment="one"),
            finding(deployment="two"),
            finding(deployment=""),
        )
    )
    found = re.findall(r"^(?:--- (.*): \d|(CRITICAL|MEDIUM|LOW))", text, re.MULTILINE)
    assert ["".join(each) for each in found] == [
        "one",
        "CRITICAL",
        "MEDIUM",
        "LOW",
        "two",
        "CRITICAL",
        "No deployment",
        "CRITICAL",
    ]


def test_much_evidence_is_cut_and_counted() -> None:
    text = rendered(reports.report(finding(seen=tuple(evidence(number) for number in range(9)))))
    assert text.count("observed Tcp") == 5
    assert "         and 4 more\n" in text


def test_a_computed_value_shows_what_it_comes_from() -> None:
    text = rendered(reports.full())
    assert "mirror.sizes\n           observed [Standard_E16ds_v5, Standard_E8ds_v5]\n           expected 1\n" in text
    assert "           from a properties.hardwareProfile.vmSize = E16\n" in text
    assert "           from b properties.hardwareProfile.vmSize = absent\n" in text


def test_resources_of_one_name_are_shown_with_what_differs() -> None:
    here = f"{reports.GROUP}/providers/Microsoft.Network/loadBalancers/lb/probes/p"
    group = f"{reports.SUBSCRIPTION}/resourceGroups/rg-dr/providers/Microsoft.Network/loadBalancers/lb"
    elsewhere = "/subscriptions/2/resourceGroups/rg-prod/providers/Microsoft.Network/loadBalancers/lb"
    seen = evidence(observed=[here, group, elsewhere, True, {"a": 1}, ""], expected=f"exactly [{here}]")
    text = rendered(reports.report(finding(seen=(seen,))), View(width=200))
    assert f'observed [lb/probes/p, rg-dr/lb, {elsewhere}, true, {{"a": 1}}, ""]' in text
    assert "expected exactly [lb/probes/p]" in text


def test_a_value_without_end_is_cut() -> None:
    text = words(reports.report(finding(seen=(evidence(observed="x" * 5000),))))
    assert f"observed {'x' * 300}... (5000 characters)" in text


def test_a_wrapped_command_can_still_be_run() -> None:
    text = rendered(reports.report(finding()), View(width=60))
    lines = text[text.index("az network") : text.index("  See")]
    script = f"az() {{ printf '%s|' \"$@\"; }}\n{lines}"
    said = subprocess.run(["sh", "-c", script], check=True, capture_output=True, text=True).stdout
    options = "-g|RG|--lb-name|LB|-n|PROBE|--protocol|Http|--port|PORT|--path|/csp/bin/mirror status.cxw|"
    assert said == f"network|lb|probe|update|{options}"


def test_a_fix_in_prose_is_wrapped_as_prose() -> None:
    rule = msgspec.structs.replace(SIZE, fix="Recreate the VM from its disks, --one at a time, and " * 3)
    assert "\\" not in rendered(reports.report(finding(rule=rule)))


# --- unknowns, errors, passes -----------------------------------------------------------------------------------------


def test_one_missing_permission_is_reported_once_with_all_hidden_findings() -> None:
    text = rendered(
        reports.report(
            *(unknown(PROBE, vm(f"vm-{number}"), str(gap(vm(f"vm-{number}").id))) for number in range(3)),
            unknown(SIZE, vm("vm-0"), str(gap(vm("vm-0").id))),
        ),
        View(width=200),
    )
    assert text.count("was not read (forbidden: AuthorizationFailed)") == 1
    assert "Microsoft.Network/loadBalancers in /subscriptions/... was not read" in text
    assert "MIR003  The mirror has a probe for the mirror status page (3 subjects)\n" in text
    assert "prod: vm-0 (virtualMachines, westeurope), vm-1 (virtualMachines, westeurope), vm-2" in text


def test_an_unknown_names_its_own_resource_in_full() -> None:
    text = words(reports.report(unknown(PROBE, vm("vm-a"), f"{vm('vm-a').id}: zones is not a list", Cause.VALUE)))
    assert f"- Value without known meaning {vm('vm-a').id}: zones is not a list CRITICAL" in text


def test_what_is_optional_comes_last_and_says_so() -> None:
    attested = msgspec.structs.replace(unknown(SIZE, vm("b"), "rehearse it", Cause.ATTESTATION), optional=True)
    text = words(reports.report(UNDECLARED, attested, unknown(PROBE, vm("c"), "no role", Cause.DECLARATION)))
    assert "Not declared no role CRITICAL" in text
    assert "Not declared; the result is complete without it no key CRITICAL" in text
    assert "Not attested; the result is complete without it rehearse it MEDIUM" in text


def test_unknowns_are_grouped_by_cause() -> None:
    text = rendered(
        reports.report(
            unknown(PROBE, vm("a"), "no CPF", Cause.GUEST),
            unknown(PROBE, vm("b"), "no role", Cause.DECLARATION),
            unknown(PROBE, vm("c"), "no right", Cause.GAP),
            finding(Outcome.UNKNOWN, subject=vm("d"), deployment="", reasons=("odd",)),
        )
    )
    found = re.findall(r"^  (\w.*)$", text[text.index("unknowns:") :], re.MULTILINE)
    assert found == ["no right", "no role", "no CPF", "odd"]


def test_an_error_comes_first_and_asks_to_be_reported() -> None:
    text = rendered(reports.full())
    assert text.index("--- 1 error: a bug in auditor, please report it ---") < text.index("--- prod: 2 fails ---")
    assert "  KeyError: 'zones'\n    MEDIUM   CMP006  The failover members are alike\n" in text


def test_passes_are_listed_one_a_line_when_asked_for() -> None:
    assert "pass  CMP006" not in rendered(reports.full())
    text = rendered(reports.full(), View(passes=True))
    assert "pass  CMP006  vm-e (virtualMachines, westeurope)  The failover members are alike\n" in text
    assert "n/a   MIR003  vm-f (virtualMachines, westeurope)  The mirror has a probe for...\n" in text
    assert "--- No deployment: passes and not applicable ---" in text


def test_the_last_line_is_a_summary_for_logs() -> None:
    assert rendered(reports.full(), View(width=40)).splitlines()[-1] == (
        "auditor: 2 fail (1 critical, 1 medium), 1 error, 1 unknown, 2 pass; incomplete: 1 gap, 1 missing declaration"
    )
    assert rendered(reports.report(complete=False)).endswith("\nauditor: 0 fail, 0 unknown, 0 pass; incomplete\n")


# --- waivers and attestations -----------------------------------------------------------------------------------------


def test_what_is_waived_or_attested_is_folded_and_what_has_no_effect_is_named_with_its_line() -> None:
    text = rendered(reports.excused(), View(width=120))
    assert (
        text[text.index("--- 3 waived") :]
        == """\
--- 3 waived -----------------------------------------------------------------------------------------------------------

Until 2027-03-31, by the head of operations: The SKU will be upgraded in spring. (waivers.yaml:3, CHG-1234)
  fail     MIR003  TRAKDB (mirror, westeurope)
Until 2027-03-31, by the head of operations: The SKU will be upgraded in spring. (waivers.yaml:12)
  gap      Microsoft.Network/loadBalancers  /subscriptions/00000000-0000-0000-0000-000000000001
  unknown  MIR003  vm-b (virtualMachines, westeurope)

--- 1 pass by attestation ----------------------------------------------------------------------------------------------

Until 2027-09-30, by the data centre's manager: Seen on site. (attestations.yaml:3)
  pass     MIR003  vm-c (virtualMachines, westeurope)

--- Waivers and attestations without effect ----------------------------------------------------------------------------

waivers.yaml:20  MIR003 at * expired on 2026-10-31: 2 findings no longer covered
waivers.yaml:30  MIR003 at * lapsed: 1 finding no longer covered, because size of vm-a is 8; it was granted for 4
waivers.yaml:40  MIR003 at * in effect from 2026-12-01: 1 finding not covered yet
waivers.yaml:45  MIR003 at * in effect from 2026-12-01
waivers.yaml:50  MIR003 at gone covers nothing: the rule has no finding in that scope
attestations.yaml:20  MIR003 at * expired on 2026-10-31: 1 finding no longer covered
attestations.yaml:30  MIR003 at * in effect from 2026-12-01: 1 finding not covered yet
attestations.yaml:35  MIR003 at * expired on 2026-10-31
attestations.yaml:40  MIR003 at gone covers nothing: the rule has no finding in that scope

auditor: 1 fail (1 critical), 0 unknown, 1 pass (1 attested), 3 waived; complete
"""
    )


def test_what_does_not_hold_is_a_fail_by_attestation() -> None:
    given = reports.attestation(holds=False, statement="It was never rehearsed.")
    failed = exemptions.apply(Exemptions((), (given,)), (finding(Outcome.UNKNOWN),), (), (), fixtures.AS_OF)
    shown = msgspec.structs.replace(reports.report(*failed.findings), attestations=failed.attestations)
    text = words(shown)
    assert "attestation observed It was never rehearsed. expected The mirror has a probe" in text
    assert "--- 1 fail by attestation ---" in text
    assert text.endswith("auditor: 1 fail (1 critical), 0 unknown, 0 pass; complete")


def test_what_is_waived_is_counted_apart_and_listed_nowhere_else() -> None:
    text = rendered(reports.excused())
    assert "Outcomes     1 fail, 0 unknown, 0 error, 1 pass, 0 not applicable\n" in text
    assert "Waived       1 fail, 1 unknown, 1 gap\n" in text
    assert "Coverage is complete, except for waived gaps.\n" in text
    assert "--- prod: 1 fail ---" in text
    assert "could not be evaluated" not in text
    assert "Coverage gaps" not in text


@pytest.mark.parametrize(
    ("outcomes", "said"),
    [
        ([Outcome.FAIL], "No rule failed, except where waived."),
        ([Outcome.UNKNOWN], "No rule failed; all unknown outcomes are waived."),
        ([Outcome.FAIL, Outcome.UNKNOWN], "No rule failed, except where waived; all unknown outcomes are waived."),
    ],
)
def test_what_is_waived_is_no_success(outcomes: list[Outcome], said: str) -> None:
    findings = [msgspec.structs.replace(finding(outcome), waiver=reports.waiver()) for outcome in outcomes]
    assert said in words(reports.report(*findings, finding(Outcome.PASS, SIZE), complete=True))
    unsure = reports.report(*findings, unknown(SIZE, vm("a"), "why"))
    nothing = said.partition(";")[0].rstrip(".")
    assert f"{nothing}; some outcomes are unknown." in words(unsure)


def test_a_waiver_of_many_findings_names_the_first() -> None:
    leave = reports.waiver()
    findings = [msgspec.structs.replace(finding(subject=vm(f"vm-{n}")), waiver=leave) for n in range(8)]
    made = msgspec.structs.replace(reports.report(*findings), waivers=(ExemptionStatus(leave, ExemptionState.USED, 8),))
    assert "vm-4 (virtualMachines, westeurope), and 3 more auditor:" in words(made)


# --- what an earlier report had ---------------------------------------------------------------------------------------


def test_what_is_lost_from_sight_is_listed_with_when_it_was_last_seen() -> None:
    text = rendered(reports.carried(), View(width=200))
    title = "--- 2 findings of the previous report, still open ---"
    assert title in text
    assert text[text.index(title) :].splitlines()[2:] == [
        "Last evaluated 2026-10-31T06:00:00Z",
        f"  {gap()}",
        "    CRITICAL MIR003  The mirror status page is not probed",
        "             prod: TRAKDB (mirror, westeurope)",
        "    MEDIUM   CMP006  The failover members are alike",
        "             prod: vm-gone (virtualMachines, westeurope)",
        "",
        "auditor: 0 fail, 2 unknown, 0 pass, 2 not evaluated this time; incomplete: 1 gap",
    ]


# --- the page ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", WIDTHS)
def test_lines_keep_to_the_width_unless_they_cannot_be_broken(width: int) -> None:
    both = [
        rendered(made, View(width=width, passes=True))
        for made in (reports.full(), reports.excused(), reports.carried())
    ]
    lines = [line for text in both for line in text.splitlines() if not line.startswith("auditor: ")]
    assert [line for line in lines if line != line.rstrip()] == []
    # The last line of each is for logs; every other line that is too long is one word.
    assert [line for line in lines if len(line) > width and " " in line.strip()] == []
    assert all(line.isascii() for line in lines)


def test_wide_characters_count_as_two() -> None:
    rule = msgspec.structs.replace(SIZE, why="日本 " * 60)
    assert max(map(cell_len, rendered(reports.report(finding(rule=rule))).splitlines()[:-1])) <= 80 + len(
        reports.LOAD_BALANCER_ID
    )
    assert all(
        cell_len(line) <= 80 for line in rendered(reports.report(finding(rule=rule))).splitlines() if "日" in line
    )


def test_colour_is_used_only_where_it_may_be_and_changes_nothing_else() -> None:
    plain = rendered(reports.full())
    coloured = rendered(reports.full(), View(colour=True))
    assert "\x1b" not in plain
    assert "\x1b[1;31mCRITICAL \x1b[0mMIR003" in coloured
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured) == plain


@pytest.mark.parametrize("name", ["NO_COLOR", "FORCE_COLOR", "TTY_INTERACTIVE", "COLUMNS"])
def test_the_view_decides_and_not_the_environment(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = [rendered(reports.full(), View(colour=colour)) for colour in (False, True)]
    monkeypatch.setenv(name, "1")
    assert [rendered(reports.full(), View(colour=colour)) for colour in (False, True)] == before


@given(st.text(min_size=1, max_size=40) | st.just(reports.HOSTILE), st.integers(1, 200), st.booleans())
def test_any_text_is_shown_without_effect(text: str, width: int, colour: bool) -> None:
    shown = rendered(reports.hostile(text), View(passes=True, width=width, colour=colour))
    bare = re.sub(r"\x1b\[[\d;]*m", "", shown) if colour else shown
    assert all(printable(line) == line for line in bare.split("\n"))
    assert "".join(printable(text).split()) in "".join(bare.split())


def test_markup_is_text() -> None:
    assert "[red]b[/red]<script>alert(1)</script>" in rendered(reports.hostile(reports.HOSTILE))
    assert ":smile:" in rendered(reports.hostile(reports.HOSTILE))


# --- formats ----------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_format_imports_only_what_it_needs() -> None:
    code = """
import sys
from auditor.report.view import View
from tests.report import reports
reports.render("json", reports.full(), View())
print([name for name in ("rich", "sarif_om") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "[]\n"


def test_the_formats_of_reports() -> None:
    assert list(FORMATS) == [
        *("terminal", "json", "sarif", "sarif-github", "sarif-azuredevops", "markdown", "html", "csv", "oscal"),
        *("junit", "prometheus"),
    ]
