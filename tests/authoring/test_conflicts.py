"""What the rules hold of recommendations of other tools."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import msgspec
import pytest

from auditor.authoring import conflicts
from auditor.authoring.conflicts import Stance
from auditor.cli.main import main
from auditor.evaluation.model import Outcome
from auditor.rules.maps import Maps, Origin, PublicCheck, Recommendation, Relation
from tests.report import reports
from tests.sources.test_advice import EXPECTED, GUID, recommendation

CHECK: Final = PublicCheck("APRL", "a-check", Origin("https://x.org", "1", ""), "2026-11-30", EXPECTED.type)


def row(relation: Relation, rule: str = "AVL002", check: PublicCheck = CHECK) -> Recommendation:
    return Recommendation(rule, check, relation, "It requires a zone.", ("current",))


@pytest.mark.parametrize(
    ("relations", "expected"),
    [
        ([], Stance.UNKNOWN),
        ([Relation.SAME], Stance.REQUIRED),
        ([Relation.WEAKER], Stance.REQUIRED),
        ([Relation.STRONGER], Stance.BESIDE),
        ([Relation.OVERLAPS], Stance.BESIDE),
        ([Relation.OVERLAPS, Relation.SAME], Stance.REQUIRED),
        *(([relation, Relation.CONTRADICTS], Stance.CONTRADICTED) for relation in Relation),
    ],
)
def test_what_contradicts_decides(relations: list[Relation], expected: Stance) -> None:
    assert conflicts.stance(map(row, relations)) is expected


def text_of(*relations: Relation, profile: str = "current", **changes: object) -> str:
    advice = msgspec.structs.replace(EXPECTED, **changes)
    return conflicts.of_advice([advice], Maps(tuple(map(row, relations)), (), {}), profile)


def test_a_contradicted_recommendation_has_the_command_that_suppresses_it() -> None:
    assert text_of(Relation.CONTRADICTS) == (
        "open recommendations of Azure Advisor: 1; suppressed or closed: 0\n"
        "The rules are only about resources of deployments. --report says which these are.\n"
        "\n"
        "contradicted by the reference: do not follow\n"
        "\n"
        "  Use zones\n"
        "    recommendation type 066a047a-9ace-45f4-ac50-6325840a6b00, for vm-a\n"
        "    contradicts AVL002: It requires a zone.\n"
        "    az advisor recommendation disable --name 11111111-1111-1111-1111-111111111111 "
        "--subscription 00000000-0000-0000-0000-000000000003\n"
    )


@pytest.mark.parametrize("relation", [relation for relation in Relation if relation is not Relation.CONTRADICTS])
def test_no_other_recommendation_has_a_command(relation: Relation) -> None:
    text = text_of(relation)
    assert "az advisor" not in text
    assert f"{relation} AVL002: It requires a zone." in text


def test_a_resource_that_the_report_does_not_name_is_not_to_be_suppressed() -> None:
    other = msgspec.structs.replace(EXPECTED, resource=f"{EXPECTED.resource}-2")
    maps = Maps((row(Relation.CONTRADICTS),), (), {})
    text = conflicts.of_advice([EXPECTED, other], maps, "current", {EXPECTED.resource.lower()})
    contradicted, _, elsewhere = text.partition(Stance.ELSEWHERE.value)
    assert "for vm-a\n" in contradicted
    assert contradicted.count("az advisor recommendation disable") == 1
    assert "for vm-a-2\n" in elsewhere
    assert "az advisor" not in elsewhere


@pytest.mark.slow
def test_a_report_says_which_profile_and_resources_count(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    named, other = reports.vm("vm-a"), reports.vm("vm-z")
    found = reports.report(reports.finding(Outcome.PASS, subject=named))
    report, advisor = tmp_path / "report.json", tmp_path / "advisor.json"
    report.write_text(reports.render("json", msgspec.structs.replace(found, profile="article-2018")))
    guids = (GUID, GUID.replace("1", "2"))
    advisor.write_text(
        json.dumps(
            [
                {**recommendation(), "id": f"{vm.id.upper()}/providers/Microsoft.Advisor/recommendations/{guid}"}
                for vm, guid in zip((named, other), guids, strict=True)
            ]
        )
    )
    assert main(["rules", "conflicts", "--no-config", "--advisor", str(advisor), "--report", str(report)]) == 0
    text = capsys.readouterr().out
    assert f"az advisor recommendation disable --name {guids[0]}" in text
    assert guids[1] not in text
    assert "VM-Z" in text.partition(Stance.ELSEWHERE.value)[2]


def test_a_relation_of_another_profile_does_not_count() -> None:
    assert Stance.UNKNOWN.value in text_of(Relation.CONTRADICTS, profile="article-2018")


def test_a_closed_recommendation_is_counted_only() -> None:
    assert text_of(Relation.CONTRADICTS, is_open=False).startswith(
        "open recommendations of Azure Advisor: 0; suppressed or closed: 1\n"
    )
    assert "AVL002" not in text_of(Relation.CONTRADICTS, is_open=False)


def test_a_name_that_is_no_guid_is_in_no_command() -> None:
    text = text_of(
        Relation.CONTRADICTS, id=f"{EXPECTED.resource}/providers/Microsoft.Advisor/recommendations/$(reboot)"
    )
    assert "contradicts AVL002" in text
    assert "reboot" not in text


def test_text_of_azure_does_not_act_on_a_terminal() -> None:
    text = text_of(Relation.CONTRADICTS, problem=reports.HOSTILE, resource=f"{EXPECTED.resource}{reports.HOSTILE}")
    assert text.replace("\n", "").isprintable()
    assert "alert(1)" in text


def test_what_contradicts_a_rule_without_azure_advisor() -> None:
    policy = msgspec.structs.replace(CHECK, system="Azure Policy", id="p", advisor="")
    rows = (row(Relation.CONTRADICTS), row(Relation.CONTRADICTS, "AVL005"), row(Relation.SAME, "STO002"))
    text = conflicts.of_checks(Maps((*rows, row(Relation.CONTRADICTS, check=policy)), (), {}), "current")
    assert text.count("APRL a-check (Azure Advisor") == 1
    assert "STO002" not in text
    before, _, after = text.partition("Azure Policy p\n")
    assert "az policy" not in before
    assert "az policy state list --filter \"policyDefinitionName eq 'p' and" in after
    assert "az policy exemption create" in after
    assert conflicts.of_checks(Maps((), (), {}), "current").endswith("\n\n  none\n")
