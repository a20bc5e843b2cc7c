"""One rule explained by its findings."""

from __future__ import annotations

import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.errors import InputError
from auditor.escape import printable
from auditor.evaluation.model import Outcome
from auditor.evaluation.result import Evaluation
from auditor.report.build import build
from auditor.report.terminal import explanation
from auditor.report.view import View
from auditor.rules.maps import Basis, Evidence, Framework, Maps, Origin, PublicCheck, Recommendation, Relation
from auditor.rules.model import Grade, Severity
from tests.report import reports
from tests.report.reports import GROUP, PROBE, SIZE, evidence, finding, gap, unknown, vm

WHOLE = f"""\
CRITICAL MIR003  The mirror has a probe for the mirror status page
Why      A probe that only opens a connection finds both members healthy.

--- prod -----------------------------------------------------------------------

FAIL     TRAKDB (mirror, westeurope), deployment.yaml:12
         The mirror status page is not probed
         {GROUP}/providers/Microsoft.Network/loadBalancers/lb-mirror
         one of 2 would do:
         - lb-mirror properties.probes[0].properties.protocol
             observed Tcp
             expected in [Http, Https]
           lb-mirror properties.probes[1].properties.protocol
             observed Tcp
             expected in [Http, Https]
         - lb-mirror properties.probes[2].properties.protocol
             observed Tcp
             expected in [Http, Https]
PASS     vm-a (virtualMachines, westeurope), vm-b (virtualMachines, westeurope)

Fix      # Ask the page, not the port.
         az network lb probe update -g RG --lb-name LB -n PROBE \\
           --protocol Http --port PORT --path '/csp/bin/mirror status.cxw'

See      S45 (Database Mirroring): The page is asked.
         S47 (Database Mirroring): The page is asked.
"""


def explained(shown: Evaluation, rule: str = "MIR003", subject: str = "", view: View | None = None) -> str:
    return explanation.render(build(shown, passes=True), rule, subject, view or View())


def whole() -> Evaluation:
    paths = ("assert.anyOf[0]", "assert.anyOf[0]", "assert.anyOf[1]")
    seen = tuple(msgspec.structs.replace(evidence(n), alternatives=(path,)) for n, path in enumerate(paths))
    declared = msgspec.structs.replace(reports.MIRROR, line=12)
    passes = (finding(Outcome.PASS, subject=vm(name)) for name in ("vm-a", "vm-b"))
    return reports.report(*passes, finding(subject=declared, seen=seen), finding(rule=SIZE))


def test_a_rule_is_explained_by_all_that_the_report_has() -> None:
    assert explained(whole(), "mir003") == WHOLE


def test_a_subject_is_chosen_by_name_id_or_glob() -> None:
    for subject in ("trakdb", "prod/TRAKDB", "prod/mirrors/*"):
        assert "PASS" not in explained(whole(), subject=subject)
    assert "FAIL" not in explained(whole(), subject="VM-*")
    with pytest.raises(InputError, match="MIR003 has no finding for 'vm-x'; it has some for vm-a, vm-b, TRAKDB"):
        explained(whole(), subject="vm-x")
    with pytest.raises(InputError, match="there is no rule 'MIR999' in profile current"):
        explained(whole(), "MIR999")


def test_a_grade_is_said_with_its_reason() -> None:
    rule = msgspec.structs.replace(PROBE, grade=(Grade({}, Severity.INFO, "there are two zones"),))
    usual, graded = finding(rule=rule), finding(rule=rule, severity=Severity.INFO, subject=vm("a"))
    graded = msgspec.structs.replace(graded, graded="there are two zones")
    shown = msgspec.structs.replace(reports.report(usual, graded), rules=(rule,))
    text = explained(shown)
    assert "Severity critical; by its grades also info\n" in text
    assert "         critical: no grade applies\n" in text
    assert "         info, not critical, because there are two zones\n" in text


def test_an_unknown_has_its_reason_and_exemptions_are_said() -> None:
    assert f"UNKNOWN  vm-a (virtualMachines, westeurope)\n         {gap().what}" in explained(
        reports.report(unknown(PROBE, vm("vm-a"), str(gap())))
    )
    text = " ".join(explained(reports.excused()).split())
    assert "waived until 2027-03-31 by the head of operations: The SKU will be upgraded in spring." in text
    assert "since the baseline: regressed" in explained(reports.drifted())


def test_a_rule_without_findings_says_so() -> None:
    shown = build(reports.report(finding(Outcome.PASS, SIZE)), passes=False)
    for subject in ("", "TRAKDB"):
        text = explanation.render(shown, "CMP006", subject, View())
        assert "The report has no such finding; 1 pass of the rule it does not list.\n" in text


@pytest.mark.slow
@given(st.text(min_size=1, max_size=40) | st.just(reports.HOSTILE), st.integers(20, 200), st.booleans())
def test_any_text_is_shown_without_effect(text: str, width: int, colour: bool) -> None:
    shown = explained(reports.hostile(text), "CMP006", view=View(width=width, colour=colour))
    bare = re.sub(r"\x1b\[[\d;]*m", "", shown) if colour else shown
    assert all(printable(line) == line for line in bare.split("\n"))


def test_what_contradicts_the_rule_and_its_controls_are_named() -> None:
    framework = Framework("n", "NIST", "5", "https://example.com", {})
    check = PublicCheck("APRL", "a-check", Origin("https://example.com", "1", ""), "2026-11-30", "an-advice")
    maps = Maps(
        (
            Recommendation(PROBE.id, check, Relation.CONTRADICTS, "It asks the port.", ("current",)),
            Recommendation(SIZE.id, check, Relation.SAME, "It asks for the size.", ("current",)),
        ),
        tuple(Evidence(PROBE.id, framework, control, Basis.TEXT, (), "", "") for control in ("CP-7", "CP-9", "CP-9")),
        {"n": framework},
    )
    shown = msgspec.structs.replace(whole(), maps=maps)
    assert explained(shown) == (
        f"{WHOLE}\n"
        "Against  APRL a-check (Azure Advisor an-advice) contradicts this rule: do not\n"
        "         follow it\n"
        "\n"
        "Controls A pass is evidence for a part of NIST 5: CP-7, CP-9\n"
    )
    assert "Against" not in explained(shown, SIZE.id)
