"""The environment variable SARIF_SCHEMA may name the schema of SARIF 2.1.0; then every log made here is validated."""

import functools
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import msgspec
import pytest
import sarif_om
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

import auditor
from auditor.escape import printable
from auditor.estate.subjects import Subject
from auditor.evaluation.drift.model import Baseline, Drift, FindingChange
from auditor.evaluation.model import BaselineState, Carried, ExemptionState, ExemptionStatus, Finding, Outcome
from auditor.evaluation.result import Evaluation
from auditor.report.build import build
from auditor.report.formats import FORMATS
from auditor.report.sarif.objects import plain
from auditor.report.view import View
from auditor.rules.evidence import Evidence, Read
from auditor.rules.maps import Basis, Framework, Maps
from auditor.rules.maps import Evidence as MappedTo
from auditor.rules.model import Grade, Rule, Severity, Source, Statement
from auditor.snapshot.known import Cause
from auditor.snapshot.model import Gap, GapReason
from tests.report import reports
from tests.report.reports import SUBSCRIPTION

GUID = SUBSCRIPTION.removeprefix("/subscriptions/")
VM = f"{SUBSCRIPTION}/resourceGroups/RG-Prod/providers/Microsoft.Compute/virtualMachines/vm-db-a"
ALIAS = "azure/sub-d12b62c0"
HOSTILE = "\x1b[31m[red](http://x)<script>{0}\t\r\n\u202e\u2028"
FLAVOURS = ["sarif", "sarif-github", "sarif-azuredevops"]

PACK = msgspec.structs.replace(
    reports.PACK,
    name="house",
    statements={"S45": Statement(section="Probes", text="The probe asks the status page.", today="Also by HTTPS.")},
)
RULE = msgspec.structs.replace(
    reports.PROBE,
    why="A TCP probe finds\nboth members healthy.",
    fix='az vm list --query "[].{n:name}"\n# Then correct the probe.\n',
    reference=("S45",),
    sources=(Source("A page", "https://example.com/page", "2026-01"),),
    pack="house",
)
EVIDENCE = Evidence(f"{VM}/probes/p", "properties.probes[0].protocol", "Tcp", "in [Http, Https]")


def make_rule(number: int = 3, **changes: Any) -> Rule:
    return msgspec.structs.replace(RULE, id=f"MIR{number:03}", **changes)


def make_finding(outcome: Outcome = Outcome.FAIL, **changes: Any) -> Finding:
    subject = Subject(VM, "Microsoft.Compute/virtualMachines", "vm-db-a", line=14)
    return msgspec.structs.replace(reports.finding(outcome, RULE, subject), **changes)


def make_report(
    *findings: Finding,
    gaps: tuple[Gap, ...] = (),
    declarations: tuple[str, ...] = (),
    taken_at: str = "2026-11-01T06:00:00Z",
    **changes: Any,
) -> Evaluation:
    complete = not gaps and not declarations
    made = reports.report(*findings, gaps=gaps, declarations=declarations, complete=complete)
    usual: dict[str, Any] = {
        "deployment_file": "audit/deployment.yaml",
        "packs": (PACK,),
        "rules": (make_rule(1), RULE),
    }
    taken = msgspec.structs.replace(made.snapshot, taken_at=taken_at)
    return msgspec.structs.replace(made, snapshot=taken, **(usual | changes))


def at(subject_id: str, name: str = "x", line: int = 0) -> Finding:
    return make_finding(subject=Subject(subject_id, "mirror", name, line=line))


@functools.cache
def schema() -> Draft202012Validator | None:
    file = os.environ.get("SARIF_SCHEMA")
    if not file:
        return None
    return Draft202012Validator(json.loads(Path(file).read_bytes()), format_checker=Draft202012Validator.FORMAT_CHECKER)


def run_of(report: Evaluation, flavour: str = "sarif") -> dict[str, Any]:
    text = reports.render(flavour, report)
    assert text == reports.render(flavour, report)
    assert text.endswith("}\n")
    assert all(character == "\n" or " " <= character <= "~" for character in text)
    log = json.loads(text)
    if validator := schema():
        assert [error.message for error in validator.iter_errors(log)] == []
    assert log["version"] == "2.1.0"
    assert "sarif-schema-2.1.0.json" in log["$schema"]
    (run,) = log["runs"]
    assert isinstance(run, dict)
    return run


def result_of(finding: Finding, flavour: str = "sarif", **changes: Any) -> dict[str, Any]:
    (result,) = run_of(make_report(finding, **changes), flavour)["results"]
    assert isinstance(result, dict)
    return result


def text_of(finding: Finding) -> str:
    text = result_of(finding)["message"]["text"]
    assert isinstance(text, str)
    return text


def uri_of(result: dict[str, Any]) -> str:
    (location,) = result["locations"]
    uri = location["physicalLocation"]["artifactLocation"]["uri"]
    assert isinstance(uri, str)
    return uri


def strings(node: object) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    elif isinstance(node, dict):
        for name, member in node.items():
            yield name
            yield from strings(member)
    elif isinstance(node, list):
        for item in node:
            yield from strings(item)


# --- the run ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_a_scan_without_findings_is_one_run_without_results(flavour: str) -> None:
    run = run_of(make_report(), flavour)
    assert run["results"] == []
    assert run["invocations"][0]["executionSuccessful"] is True
    assert run.get("automationDetails") == (None if flavour == "sarif-azuredevops" else {"id": "auditor/current/"})
    assert run["properties"] == {
        "profile": "current",
        "asOf": "2026-11-01",
        "takenAt": "2026-11-01T06:00:00Z",
        "coverageComplete": True,
        "guestFiles": [],
    }


def test_the_category_is_one_segment_of_any_profile() -> None:
    assert run_of(make_report(profile="My/Own profile"))["automationDetails"]["id"] == "auditor/my_own%20profile/"


def test_the_tool_says_what_it_is() -> None:
    driver = run_of(make_report())["tool"]["driver"]
    assert driver["name"] == "auditor"
    assert driver["fullName"] == f"auditor {auditor.__version__}"
    assert driver["version"] == driver["semanticVersion"] == auditor.__version__
    assert driver["informationUri"] == "https://example.com/reference"


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_every_rule_has_a_page(flavour: str) -> None:
    plain = make_rule(1, sources=())
    driver = run_of(make_report(rules=(plain, RULE, make_rule(4, sources=(), pack=""))), flavour)["tool"]["driver"]
    home = "https://example.com/reference"
    pages = [rule["helpUri"] for rule in driver["rules"] if rule["id"] != "GAP"]
    assert pages == [home, "https://example.com/page", home]
    assert {rule["helpUri"] for rule in driver["rules"][3:] + driver["notifications"]} == {home}


def test_where_nothing_names_a_page_there_is_none() -> None:
    pack = msgspec.structs.replace(PACK, source=None)
    driver = run_of(make_report(packs=(pack,), rules=(make_rule(sources=()),)))["tool"]["driver"]
    assert "informationUri" not in driver
    assert "helpUri" not in driver["rules"][0]


@pytest.mark.parametrize(
    ("taken_at", "started"),
    [
        ("2026-11-01T06:00:00Z", "2026-11-01T06:00:00Z"),
        ("2026-11-01T06:00:00.25+02:00", "2026-11-01T04:00:00.250000Z"),
        ("2026-11-01T06:00:00", None),
        ("2026-11-01", None),
        ("2026-13-01T06:00:00Z", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_the_start_is_the_time_of_the_snapshot(taken_at: str, started: str | None) -> None:
    assert run_of(make_report(taken_at=taken_at))["invocations"][0].get("startTimeUtc") == started


# --- rules ------------------------------------------------------------------------------------------------------------


def test_a_rule_is_described() -> None:
    one, described = run_of(make_report())["tool"]["driver"]["rules"]
    assert one["id"] == "MIR001"
    assert described["id"] == "MIR003"
    assert described["shortDescription"]["text"] == "The mirror status page is not probed."
    assert described["fullDescription"]["text"] == "A TCP probe finds both members healthy."
    assert described["properties"]["tags"] == ["security", "house"]
    assert described["properties"]["precision"] == "high"
    for form in ("text", "markdown"):
        help_ = described["help"][form]
        assert "The mirror has a probe for the mirror status page" in help_
        assert 'az vm list --query "[].{n:name}"\n' in help_  # to be copied
        assert "S45" in help_
        assert "Also by HTTPS" in help_
        assert "https://example.com/page" in help_


@pytest.mark.parametrize(
    ("severity", "level", "score"),
    [
        ("critical", "error", "9.5"),
        ("high", "error", "8.0"),
        ("medium", "warning", "5.5"),
        ("low", "note", "2.5"),
        ("info", "note", "0.5"),
    ],
)
def test_a_severity_is_a_level_and_a_score(severity: str, level: str, score: str) -> None:
    rule = make_rule(severity=Severity(severity))
    run = run_of(make_report(make_finding(rule=rule, severity=rule.severity), rules=(rule,)))
    (described,) = run["tool"]["driver"]["rules"]
    assert described["defaultConfiguration"]["level"] == level
    assert described["properties"]["security-severity"] == score
    assert run["results"][0]["level"] == level


def test_a_rule_without_a_pack_and_with_much_to_say_is_described() -> None:
    rule = make_rule(pack="", why="w" * 2000, reference=(), sources=())
    (described,) = run_of(make_report(rules=(rule,)))["tool"]["driver"]["rules"]
    assert described["properties"]["tags"] == ["security"]
    assert len(described["fullDescription"]["text"]) == 1024


def test_the_text_of_a_rule_is_inert_in_markdown() -> None:
    source = Source("<img src=x> [a](b)", "https://example.com/><script>", "2026")
    rule = make_rule(why="<b>[why](javascript:x)</b>", fix="```\n<b>fix</b>", sources=(source,))
    (described,) = run_of(make_report(rules=(rule,)))["tool"]["driver"]["rules"]
    shown = described["help"]["markdown"]
    assert "\n    ```\n    <b>fix</b>\n" in shown  # an indented block has no markup
    rest = shown.replace("    <b>fix</b>", "").replace(r"\[", "")  # an escaped bracket
    assert not any(tag in rest for tag in ("<b>", "<img", "<script", "[why]", "[a]"))


# --- results ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("outcome", "kind", "level"),
    [
        ("fail", "fail", "error"),
        ("unknown", "open", "none"),
        ("error", "open", "none"),
        ("pass", "pass", "none"),
        ("not_applicable", "notApplicable", "none"),
    ],
)
def test_an_outcome_is_a_kind(outcome: str, kind: str, level: str) -> None:
    result = result_of(make_finding(Outcome(outcome)))
    assert (result["kind"], result["level"]) == (kind, level)
    assert result["properties"] == {"outcome": outcome, "severity": "critical", "deployment": "prod"}
    assert result["suppressions"] == []


def test_a_graded_severity_beats_that_of_the_rule_even_where_it_is_the_default_of_the_schema() -> None:
    graded = msgspec.structs.replace(make_finding(severity=Severity.MEDIUM), graded="no path leads there")
    result = result_of(graded)
    assert result["level"] == "warning"
    assert result["properties"]["severity"] == "medium"
    assert "Severity medium, because no path leads there." in result["message"]["text"]


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_a_grade_has_a_rule_of_its_own_and_the_finding_its_fingerprint(flavour: str) -> None:
    rule = make_rule(grade=(Grade({}, Severity.INFO), Grade({}, Severity.CRITICAL)))
    plain, graded = make_finding(rule=rule), make_finding(rule=rule, severity=Severity.INFO)
    run = run_of(make_report(plain, graded, rules=(rule,)), flavour)
    described = {rule["id"]: rule for rule in run["tool"]["driver"]["rules"]}
    assert [*described][:2] == ["MIR003", "MIR003-5"]
    assert [described[id_]["properties"]["security-severity"] for id_ in ("MIR003", "MIR003-5")] == ["9.5", "0.5"]
    assert described["MIR003-5"]["shortDescription"]["text"] == "The mirror status page is not probed (info)."
    one, other = run["results"]
    assert [result["ruleId"] for result in (one, other)] == ["MIR003", "MIR003-5"]
    assert one["partialFingerprints"]["auditorFinding/v1"] == other["partialFingerprints"]["auditorFinding/v1"]
    assert other["level"] == "note"


def test_a_severity_that_no_grade_of_the_rule_gives_has_a_rule_too() -> None:
    """Such as that of an earlier report, before the rule changed."""
    old = Carried(make_finding(severity=Severity.LOW, reasons=("x",)), "2026-10-31")
    run = run_of(make_report(carried=(old,)), "sarif-github")
    (kept,) = run["results"]
    assert (kept["ruleId"], run["tool"]["driver"]["rules"][kept["ruleIndex"]]["id"]) == ("MIR003-4", "MIR003-4")


def test_of_an_old_report_the_severity_without_a_grade_is_that_of_the_rule() -> None:
    graded = msgspec.structs.replace(make_finding(severity=Severity.INFO), graded="it stands alone")
    document = msgspec.structs.replace(build(make_report(graded, make_finding()), passes=True), rules=())
    log = json.loads(FORMATS["sarif"].render(document, View()))
    assert [result["ruleId"] for result in log["runs"][0]["results"]] == ["MIR003-5", "MIR003"]


def test_a_result_leads_to_its_rule() -> None:
    run = run_of(make_report(make_finding(rule=make_rule(1)), make_finding()))
    rules = run["tool"]["driver"]["rules"]
    assert [rules[result["ruleIndex"]]["id"] for result in run["results"]] == ["MIR001", "MIR003"]
    assert [result["ruleId"] for result in run["results"]] == ["MIR001", "MIR003"]


def test_the_log_for_github_has_only_alerts() -> None:
    gap = make_finding(Outcome.UNKNOWN, cause=Cause.GAP, reasons=("the disk was not read",))
    others = [make_finding(Outcome.UNKNOWN, cause=cause) for cause in Cause if cause is not Cause.GAP]
    others.append(msgspec.structs.replace(gap, optional=True))
    never = [make_finding(outcome) for outcome in (Outcome.ERROR, Outcome.PASS, Outcome.NOT_APPLICABLE)]
    failed, unseen = run_of(make_report(make_finding(), gap, *others, *never), "sarif-github")["results"]
    assert failed["properties"]["outcome"] == "fail"
    assert (failed["kind"], failed["level"]) == ("fail", "error")
    assert unseen["properties"]["cause"] == "gap"
    assert (unseen["kind"], unseen["level"]) == ("fail", "note")
    assert unseen["message"]["text"].startswith("Unknown (not read): The mirror has ")
    assert unseen["message"]["text"].endswith(" the disk was not read.")
    assert [len(result["locations"]) for result in (failed, unseen)] == [1, 1]
    assert failed["suppressions"] == unseen["suppressions"] == []
    assert (unseen["ruleId"], unseen["properties"]["severity"]) == ("GAP", "critical")


def gap_alerts(*findings: Finding, flavour: str = "sarif-github", **changes: Any) -> list[dict[str, Any]]:
    found = run_of(make_report(*findings, gaps=(GAP,), **changes), flavour)["results"]
    assert all(result["ruleId"] == "GAP" for result in found)
    return list(found)


def test_a_gap_is_one_alert_for_a_deployment_with_the_rules_that_it_leaves_unknown() -> None:
    hidden = [
        make_finding(Outcome.UNKNOWN, rule=rule, deployment=name, cause=Cause.GAP, reasons=(str(GAP),), gaps=(GAP,))
        for name in ("prod", "test")
        for rule in (RULE, make_rule(1))
    ]
    one, other = gap_alerts(*hidden, hidden[0])
    said = "It leaves 2 rules of deployment 'prod' unknown: MIR001, MIR003."
    assert one["message"]["text"] == f"{GAP}. {said}"
    assert (one["level"], one["kind"]) == ("note", "fail")
    assert one["properties"] == {
        "outcome": "unknown",
        "severity": "low",
        "cause": "gap",
        "deployment": "prod",
        "rules": ["MIR001", "MIR003"],
    }
    assert uri_of(one) == uri_of(other) == ALIAS
    assert not {*one["partialFingerprints"].values()} & {*other["partialFingerprints"].values()}
    assert {result["level"] for result in gap_alerts(*hidden, flavour="sarif-azuredevops")} == {"warning"}


def test_a_gap_is_the_same_alert_whatever_the_reason_and_the_rules() -> None:
    """If it changes, GitHub closes all alerts and opens others."""
    (alone,) = gap_alerts()
    assert alone["message"]["text"].endswith(". No finding shows which rules need it.")
    again = Gap(GAP.scope.upper(), GAP.what, GapReason.THROTTLED)
    (other,) = run_of(make_report(gaps=(again,)), "sarif-github")["results"]
    assert alone["partialFingerprints"] == other["partialFingerprints"]
    assert alone["partialFingerprints"]["primaryLocationLineHash"] == "f91f51917c15d8ce:1"


def test_what_is_unknown_for_another_reason_too_stays_an_alert_of_its_own() -> None:
    mixed = make_finding(Outcome.UNKNOWN, cause=Cause.GAP, reasons=(str(GAP), "not declared"))
    _, alert = gap_alerts(mixed)
    assert alert["partialFingerprints"]["auditorFinding/v1"] == mixed.key


def test_a_waived_gap_and_one_of_the_complete_log_are_no_alerts() -> None:
    assert [result["ruleId"] for result in run_of(reports.excused(), "sarif-github")["results"]] == ["MIR003"]
    run = run_of(make_report(gaps=(GAP,)))
    assert run["results"] == []
    assert "GAP" not in {rule["id"] for rule in run["tool"]["driver"]["rules"]}


def test_azure_devops_hides_nothing_that_is_open() -> None:
    rules = [make_rule(number, severity=severity) for number, severity in enumerate(Severity)]
    drift = reports.drifted().drift
    made = make_report(
        *(make_finding(rule=rule, severity=rule.severity, state=BaselineState.UNCHANGED) for rule in rules),
        make_finding(Outcome.PASS),
        rules=(*rules, RULE),
        drift=drift,
    )
    run = run_of(made, "sarif-azuredevops")
    assert [result["level"] for result in run["results"]] == ["error", "error", "warning", "warning", "note"]
    assert not [result for result in run["results"] if "baselineState" in result]
    names = [rule["name"] for rule in run["tool"]["driver"]["rules"] + run["tool"]["driver"]["notifications"]]
    assert "The mirror status page is not probed" in names
    assert all(0 < len(name) < 256 for name in names)


# --- places -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "uri"),
    [
        ("deployment.yaml", "deployment.yaml"),
        ("./Audit files/d%.yaml", "Audit%20files/d%25.yaml"),
        ("audit\\deployment.yaml", "audit/deployment.yaml"),
        ("größe.yaml", "gr%C3%B6%C3%9Fe.yaml"),
    ],
)
def test_what_the_deployment_file_declares_is_there(file: str, uri: str) -> None:
    result = result_of(make_finding(), deployment_file=file)
    assert result["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": uri, "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": 14},
    }
    assert result["partialFingerprints"] == {"auditorFinding/v1": make_finding().key}


@pytest.mark.parametrize(
    "file",
    [
        *("", ".", "..", "../d.yaml", "a/../d.yaml", "/etc/d.yaml", "//host/d.yaml", "C:\\d.yaml", "C:d.yaml"),
        *("https://example.com/d.yaml", "file:d.yaml", "a//d.yaml", "a/", "\x1bd.yaml", "\u202ed.yaml"),
    ],
)
def test_a_file_that_is_no_clean_relative_path_is_not_shown(file: str) -> None:
    assert uri_of(result_of(make_finding(), deployment_file=file)).startswith("azure/sub-")


def test_the_fingerprint_is_the_same_in_every_version() -> None:
    """If it changes, GitHub closes all alerts and opens others."""
    assert make_finding().key == "c7bcfc5df92e571e6fc79cc2c964327778d25712d6a6415c3626ab3a726b29fd"


def test_a_subject_without_a_line_has_a_path_of_its_own() -> None:
    result = result_of(at(VM))
    assert result["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": f"{ALIAS}/rg-prod/microsoft.compute/virtualmachines/vm-db-a"},
        "region": {"startLine": 1},
    }
    assert GUID not in uri_of(result)


@pytest.mark.parametrize(
    ("subject", "uri"),
    [
        (SUBSCRIPTION, ALIAS),
        (SUBSCRIPTION.upper() + "/", ALIAS),
        (f"{SUBSCRIPTION}/resourceGroups/RG", f"{ALIAS}/rg"),
        (f"{SUBSCRIPTION}/providers/Microsoft.X/y/Z", f"{ALIAS}/microsoft.x/y/z"),
        (
            f"{VM}#properties.disks[0]",
            f"{ALIAS}/rg-prod/microsoft.compute/virtualmachines/vm-db-a%23properties.disks%5B0%5D",
        ),
        (f"{SUBSCRIPTION}/resourceGroups/../providers/A/b/", f"{ALIAS}/_/a/b"),
        (f"{SUBSCRIPTION}/providers//x/", f"{ALIAS}/_/x"),
        ("Prod", "azure/deployments/prod"),
        ("prod/mirrors/TRAK DB", "azure/deployments/prod/mirrors/trak%20db"),
        ("prod/tiers/web/westeurope", "azure/deployments/prod/tiers/web/westeurope"),
        ("prod/mirrors/..", "azure/deployments/prod/mirrors/_"),
        ("prod/mirrors/..\\x", "azure/deployments/prod/mirrors/.._x"),
        ("a:b", "azure/deployments/a%3Ab"),
        ("", "azure/deployments/_"),
    ],
)
def test_every_subject_has_a_path(subject: str, uri: str) -> None:
    assert uri_of(result_of(at(subject))) == uri


def test_the_logical_location_is_the_id() -> None:
    assert result_of(at(VM, "vm-db-a"))["locations"][0]["logicalLocations"] == [
        {"name": "vm-db-a", "fullyQualifiedName": VM, "kind": "resource"}
    ]


def test_results_of_one_path_have_different_and_stable_fingerprints() -> None:
    deployed = [msgspec.structs.replace(at(VM), deployment=name) for name in ("prod", "test")]
    changed = msgspec.structs.replace(deployed[0], severity=Severity.LOW, evidence=(EVIDENCE,))
    one, other, again = run_of(make_report(*deployed, changed))["results"]
    assert uri_of(one) == uri_of(other)
    assert one["partialFingerprints"].keys() == {"auditorFinding/v1", "primaryLocationLineHash"}
    assert one["partialFingerprints"]["auditorFinding/v1"] == deployed[0].key
    assert not {*one["partialFingerprints"].values()} & {*other["partialFingerprints"].values()}
    assert again["partialFingerprints"] == one["partialFingerprints"]


# --- messages ---------------------------------------------------------------------------------------------------------


def test_a_message_says_what_was_seen_and_what_was_expected() -> None:
    assert text_of(make_finding(evidence=(EVIDENCE,))) == (
        "The mirror status page is not probed (Microsoft.Compute/virtualMachines 'vm-db-a' of deployment 'prod'). "
        r"'properties.probes\[0\].protocol' of 'p' is 'Tcp', expected 'in \[Http, Https\]'."
    )


def test_a_subject_is_not_confused_with_another() -> None:
    subject = Subject("prod/tiers/web/westeurope", "tier", "web", "westeurope")
    assert "tier 'web' in 'westeurope' of deployment 'prod')." in text_of(make_finding(subject=subject))
    subject = Subject("prod", "deployment", "prod", "westeurope")
    assert " (deployment 'prod')." in text_of(make_finding(subject=subject))
    subject = Subject(SUBSCRIPTION, "subscription", GUID)
    assert text_of(make_finding(subject=subject, deployment="")).endswith(f" (subscription '{GUID}').")


@pytest.mark.parametrize(
    ("observed", "shown"),
    [
        (None, "absent"),
        ("", "''"),
        (True, "'true'"),
        (1.5, "'1.5'"),
        ([VM, "b"], r"'\[RG-Prod/vm-db-a, b\]'"),
        ({"a": [1]}, "'{{\"a\": \\[1\\]}}'"),
        ("v" * 999, f"'{'v' * 197}...'"),
    ],
)
def test_any_value_can_be_observed(observed: object, shown: str) -> None:
    evidence = Evidence(VM, "tags", observed, "something <= 1")
    assert f" 'tags' is {shown}, expected 'something <= 1'." in text_of(make_finding(evidence=(evidence,)))


def test_a_resource_itself_can_be_evidence() -> None:
    assert "'vm-db-a' is absent, expected" in text_of(make_finding(evidence=(Evidence(VM, "", None, "present"),)))


def test_a_message_is_bounded() -> None:
    long = "x" * 9999
    evidence = Evidence(VM + long, long, [long] * 99, long)
    rule = make_rule(title=long)
    subject = Subject(VM, long, long)
    finding = make_finding(rule=rule, subject=subject, deployment=long, evidence=(evidence,) * 9, reasons=(long,))
    text = text_of(finding)
    assert text.endswith("'; and 6 more.")
    assert len(text) < 5000


@pytest.mark.parametrize(
    ("outcome", "start"),
    [
        ("pass", "The mirror has a probe for the mirror status page (passes for "),
        ("not_applicable", "The mirror has a probe for the mirror status page (not applicable to "),
        ("unknown", "Unknown (without a known cause): The mirror has a probe for the mirror status page ("),
        ("error", "Not evaluated (a bug in auditor): The mirror has a probe for the mirror status page ("),
    ],
)
def test_other_outcomes_come_first_in_the_message(outcome: str, start: str) -> None:
    text = text_of(make_finding(Outcome(outcome), reasons=("a\n reason.",)))
    assert text.startswith(start)
    assert text.endswith("'prod'). a reason.")


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("[a](b)", r"\[a\](b)"),
        ("\\[a](b)", r"\\\[a\](b)"),
        (r"C:\\x\.y", r"C:\\\x\.y"),
        ("{0}", "{{0}}"),
        ("a < b <= c", "a < b <= c"),
        ("<b></b><!--", r"\u003cb>\u003c/b>\u003c!--"),
        ("\x1b[0m\t", r"\x1b\[0m\t"),
        ("\u202ename", r"\u202ename"),
    ],
)
def test_data_has_no_markup_in_a_message(raw: str, shown: str) -> None:
    assert f"(mirror '{shown}' of " in text_of(at("prod/mirrors/x", raw))


# --- what was not seen ------------------------------------------------------------------------------------------------

GAP = Gap(SUBSCRIPTION, "Microsoft.Compute/disks", GapReason.FORBIDDEN, "AuthorizationFailed", "", "grant it", "GET /x")


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_a_gap_is_a_notification(flavour: str) -> None:
    run = run_of(make_report(gaps=(GAP,)), flavour)
    (invocation,) = run["invocations"]
    assert invocation["executionSuccessful"] is False
    (notification,) = invocation["toolExecutionNotifications"]
    assert notification["level"] == "warning"
    assert notification["message"]["text"] == f"{GAP}."
    assert notification["properties"] == {
        "scope": SUBSCRIPTION,
        "what": "Microsoft.Compute/disks",
        "reason": "forbidden",
        "code": "AuthorizationFailed",
        "call": "GET /x",
    }
    assert run["properties"]["coverageComplete"] is False


def test_a_bug_is_a_notification_that_names_the_rule() -> None:
    run = run_of(make_report(make_finding(Outcome.ERROR, reasons=("KeyError: 'x'",))))
    (invocation,) = run["invocations"]
    assert invocation["executionSuccessful"] is False
    (notification,) = invocation["toolExecutionNotifications"]
    assert notification["level"] == "error"
    assert notification["associatedRule"] == {"id": "MIR003", "index": 1}
    assert notification["message"]["text"] == f"MIR003 on {VM}: KeyError: 'x'."


def test_a_missing_declaration_is_a_notification() -> None:
    (invocation,) = run_of(make_report(declarations=("declare mirrors[].arbiter",)))["invocations"]
    assert invocation["executionSuccessful"] is False
    (notification,) = invocation["toolConfigurationNotifications"]
    assert notification["message"]["text"] == r"declare mirrors\[\].arbiter."


def test_every_notification_has_a_descriptor_with_help() -> None:
    idle = (ExemptionStatus(reports.waiver(), ExemptionState.UNUSED),)
    made = make_report(make_finding(Outcome.ERROR), gaps=(GAP,), declarations=("declare it",), waivers=idle)
    run = run_of(made)
    (invocation,) = run["invocations"]
    descriptors = run["tool"]["driver"]["notifications"]
    notifications = invocation["toolExecutionNotifications"] + invocation["toolConfigurationNotifications"]
    for notification in notifications:
        descriptor = descriptors[notification["descriptor"]["index"]]
        assert descriptor["id"] == notification["descriptor"]["id"]
        assert descriptor["help"]["text"].endswith(".")
    assert len({notification["descriptor"]["id"] for notification in notifications}) == len(descriptors)


# --- waivers and attestations -----------------------------------------------------------------------------------------


def test_what_is_waived_is_suppressed_and_no_alert() -> None:
    run = run_of(reports.excused())
    waived, plain, unseen, attested = run["results"]
    assert [result["kind"] for result in run["results"]] == ["fail", "fail", "open", "pass"]
    assert waived["suppressions"] == [
        {
            "kind": "external",
            "status": "accepted",
            "justification": "Waived until 2027-03-31 by the head of operations (waivers.yaml:3): "
            "The SKU will be upgraded in spring.",
            "properties": {"category": "Waiver", "expiresOn": "2027-03-31"},
        }
    ]
    assert waived["level"] == "error"
    assert len(unseen["suppressions"]) == 1
    assert plain["suppressions"] == attested["suppressions"] == []
    (alert,) = run_of(reports.excused(), "sarif-github")["results"]
    assert alert == plain


def test_an_attested_finding_names_the_person() -> None:
    attested = run_of(reports.excused())["results"][-1]
    assert attested["message"]["text"].endswith(
        " Attested until 2027-09-30 by the data centre's manager (attestations.yaml:3): Seen on site."
    )


def test_a_waived_gap_is_a_note_and_the_run_a_success() -> None:
    (invocation,) = run_of(reports.excused())["invocations"]
    assert invocation["executionSuccessful"] is True
    (notification,) = invocation["toolExecutionNotifications"]
    assert notification["level"] == "note"
    assert notification["message"]["text"].startswith(
        "Waived until 2027-03-31 by the head of operations (waivers.yaml:12): Microsoft.Network/loadBalancers in "
    )


def test_waivers_and_attestations_without_effect_are_notifications_with_their_line() -> None:
    (invocation,) = run_of(reports.excused())["invocations"]
    notifications = invocation["toolConfigurationNotifications"]
    assert {n["level"] for n in notifications} == {"warning"}
    assert [n["message"]["text"].partition(" ")[0] for n in notifications] == [
        *(f"waivers.yaml:{line}:" for line in (20, 30, 40, 45, 50)),
        *(f"attestations.yaml:{line}:" for line in (20, 30, 35, 40)),
    ]


# --- what an earlier report had ---------------------------------------------------------------------------------------


def test_what_is_lost_from_sight_stays_the_alert_that_it_was() -> None:
    failed = result_of(reports.finding(seen=(reports.evidence(),)), packs=(), rules=(reports.PROBE,))
    _, one, kept, gone = run_of(reports.carried(), "sarif-github")["results"]
    assert (kept["partialFingerprints"], kept["level"]) == (failed["partialFingerprints"], "error")
    assert kept["message"]["text"] == (
        f"{failed['message']['text']} Not evaluated this time, last on 2026-10-31T06:00:00Z: {reports.gap()}."
    )
    assert kept["properties"]["lastSeen"] == gone["properties"]["lastSeen"] == "2026-10-31T06:00:00Z"
    assert [result["locations"][0]["logicalLocations"][0]["name"] for result in (one, kept, gone)] == [
        *("vm-b", "TRAKDB", "vm-gone"),
    ]
    assert (gone["level"], gone["properties"]["outcome"]) == ("note", "unknown")
    assert "lastSeen" not in one["properties"]


def test_the_complete_log_has_only_results_of_this_run() -> None:
    results = run_of(reports.carried())["results"]
    assert [result["properties"]["outcome"] for result in results] == ["unknown", "unknown"]


# --- drift ------------------------------------------------------------------------------------------------------------


def test_every_result_has_its_baseline_state() -> None:
    results = run_of(reports.drifted())["results"]
    found = [(r["properties"]["state"], r["kind"], r["baselineState"]) for r in results]
    assert found == [
        ("regressed", "fail", "new"),
        ("unchanged", "fail", "unchanged"),
        ("new", "fail", "new"),
        ("lost sight", "open", "updated"),
        ("fixed", "pass", "updated"),
        ("drifted", "pass", "updated"),
        ("gone", "fail", "absent"),
    ]


def test_a_result_that_is_not_in_the_baseline_is_new() -> None:
    drift = msgspec.structs.replace(reports.drifted(), findings=(reports.finding(Outcome.PASS),))
    result = run_of(drift)["results"][0]
    assert (result["baselineState"], "state" in result["properties"]) == ("new", False)


def test_a_subject_that_may_exist_is_not_absent() -> None:
    shown = reports.drifted()
    assert shown.drift is not None
    lost = FindingChange(BaselineState.LOST_SIGHT, make_finding(evidence=(EVIDENCE,)), None, "it was not scanned")
    drift = msgspec.structs.replace(shown.drift, findings=(lost,))
    result = run_of(msgspec.structs.replace(shown, drift=drift, rules=(*shown.rules, RULE)))["results"][-1]
    assert (result["kind"], result["baselineState"]) == ("open", "updated")
    assert result["message"]["text"].startswith("Unknown (not read): The mirror has ")
    assert result["message"]["text"].endswith(
        "(Microsoft.Compute/virtualMachines 'vm-db-a' of deployment 'prod'). it was not scanned."
    )


def test_a_run_names_the_one_of_its_baseline() -> None:
    shown = reports.drifted()
    assert shown.drift is not None
    run = run_of(shown)
    then = msgspec.structs.replace(shown.snapshot, taken_at=shown.drift.baseline.taken_at)
    earlier = run_of(msgspec.structs.replace(shown, snapshot=then))
    assert run["baselineGuid"] == earlier["automationDetails"]["guid"] != run["automationDetails"]["guid"]


@pytest.mark.parametrize(("shown", "flavour"), [(reports.drifted(), "sarif-github"), (reports.full(), "sarif")])
def test_without_a_baseline_and_on_github_no_baseline_state_is_written(shown: Evaluation, flavour: str) -> None:
    run = run_of(shown, flavour)
    assert "baselineGuid" not in run
    assert "guid" not in run["automationDetails"]
    assert run["results"]
    assert not [result for result in run["results"] if "baselineState" in result or "state" in result["properties"]]


# --- hostile text -----------------------------------------------------------------------------------------------------


def hostile(text: str, observed: object) -> Evaluation:
    """Return a report with this text everywhere that Azure or a user can put text."""
    source = Source(text, f"https://example.com/{text}", "2026")
    rule = make_rule(title=text, why=text, fix=text, sources=(source,))
    evidence = Evidence(text, text, observed, text, (Read(text, text, observed),))
    subjects = (
        Subject(text, text, text, text),
        Subject(f"{text}/mirrors/{text}", text, text, text, 3),
        Subject(f"{SUBSCRIPTION}/resourceGroups/{text}/providers/{text}/{text}/{text}", text, text, text),
    )
    made = make_finding(rule=rule, deployment=text, cause=Cause.GAP, reasons=(text,), evidence=(evidence,))
    findings = [
        msgspec.structs.replace(made, outcome=outcome, subject=subject)
        for outcome, subject in zip(Outcome, (*subjects[1:], *subjects), strict=True)
    ]
    change = FindingChange(BaselineState.LOST_SIGHT, findings[0], None, text)
    return make_report(
        *findings,
        drift=Drift(Baseline(text, (text,), None, ()), (change,), ()),
        taken_at=text,
        profile=text,
        gaps=(Gap(text, text, GapReason.FORBIDDEN, text, text, text),),
        declarations=(text,),
        packs=(msgspec.structs.replace(PACK, statements={"S45": Statement(text, text, text)}),),
        rules=(rule,),
        deployment_file=text,
    )


def check_inert(report: Evaluation) -> None:
    for flavour in FLAVOURS:
        run = run_of(report, flavour)
        for text in strings(run):
            assert printable(text.replace("\n", "")) == text.replace("\n", "")
        for result in run["results"]:
            uri = uri_of(result)
            assert not {"", ".", ".."} & {*uri.split("/")}
            assert not {"", ".", ".."} & {*unquote(uri).replace("\\", "/").split("/")}
            assert uri.isascii()
            assert ":" not in uri
            assert result["message"]["text"].endswith(".")


def test_hostile_names_are_shown_as_they_are() -> None:
    check_inert(hostile(HOSTILE, HOSTILE))
    name = result_of(at(VM, HOSTILE))["message"]["text"]
    assert r"'\x1b\[31m\[red\](http://x)\u003cscript>{{0}}\t\r\n\u202e\u2028'" in name


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.slow
@settings(max_examples=60)
@given(text=st.text(), observed=json_values)
def test_any_text_gives_a_log_that_is_valid_and_inert(text: str, observed: object) -> None:
    check_inert(hostile(text, observed))


# --- the serialiser ---------------------------------------------------------------------------------------------------


def test_the_serialiser_refuses_unknown_properties() -> None:
    message = sarif_om.Message(text="x")
    message.txet = "y"
    for node, complaint in ((message, "Message has no txet"), (object(), "object is not a SARIF object")):
        with pytest.raises(TypeError, match=complaint):
            plain(node)


def controlled(*controls: tuple[str, str]) -> Evaluation:
    """Return a report of two rules, the first with some controls."""
    names = dict.fromkeys(name for name, _ in controls)
    frameworks = {name: Framework(name, f"{name} <b>", "1", "https://example.com/", {}) for name in (*names, "other")}
    rows = (
        MappedTo(reports.PROBE.id, frameworks[name], control, Basis.TEXT, (), "It is.", "2026-11-30")
        for name, control in controls
    )
    return msgspec.structs.replace(reports.full(), maps=Maps((), tuple(rows), frameworks))


def test_frameworks_are_taxonomies_and_rules_refer_to_their_controls() -> None:
    run = json.loads(reports.render("sarif", controlled(("nist", "CP-7"), ("iso", "A.8"), ("nist", "CP-9"))))["runs"][0]
    assert [(one["name"], [taxon["id"] for taxon in one["taxa"]]) for one in run["taxonomies"]] == [
        ("nist", ["CP-7", "CP-9"]),
        ("iso", ["A.8"]),
    ]
    driver = run["tool"]["driver"]
    assert [one["name"] for one in driver["supportedTaxonomies"]] == ["nist", "iso"]
    probed = [rule for rule in driver["rules"] if rule["id"].startswith(reports.PROBE.id)]
    assert probed
    for rule in probed:
        targets = [one["target"] for one in rule["relationships"]]
        assert [target["id"] for target in targets] == ["CP-7", "A.8", "CP-9"]
        for target in targets:
            taxonomy = run["taxonomies"][target["toolComponent"]["index"]]
            assert (taxonomy["guid"], taxonomy["name"]) == (
                target["toolComponent"]["guid"],
                target["toolComponent"]["name"],
            )
            assert taxonomy["taxa"][target["index"]]["id"] == target["id"]
    assert [rule for rule in driver["rules"] if rule not in probed and "relationships" in rule] == []


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_rules_are_tagged_with_their_frameworks_and_services_keep_every_tag(flavour: str) -> None:
    many = controlled(("nist", "CP-7"), ("nist", "CP-9"), *((f"f{number}", "1") for number in range(12)))
    run = json.loads(reports.render(flavour, many))["runs"][0]
    probed = next(rule for rule in run["tool"]["driver"]["rules"] if rule["id"].startswith(reports.PROBE.id))
    assert probed["properties"]["tags"] == ["security", "test", "nist", *(f"f{number}" for number in range(7))]
    assert ("taxonomies" in run) == (flavour == "sarif")


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_a_report_without_controls_has_no_taxonomy(flavour: str) -> None:
    text = reports.render(flavour, reports.full())
    assert [word for word in ("taxonomies", "supportedTaxonomies", "relationships") if f'"{word}"' in text] == []
