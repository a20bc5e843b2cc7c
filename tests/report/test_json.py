from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor import __version__
from auditor.evaluation.result import Evaluation
from auditor.report.view import View
from auditor.yaml_documents import validator
from tests.report import reports

ALL = View(passes=True)


def rendered(shown: Evaluation, view: View = ALL) -> dict[str, Any]:
    text = reports.render("json", shown, view)
    loaded: dict[str, Any] = json.loads(text)
    faults = [error.message for error in validator("report").iter_errors(loaded)]
    assert faults == []
    return loaded


def test_the_head_names_the_snapshot_and_the_rules() -> None:
    loaded = rendered(reports.full())
    assert list(loaded) == [
        *(
            "format",
            "tool",
            "profile",
            "asOf",
            "takenAt",
            "identity",
            "scopes",
        ),
        *("cloud", "resources", "declaration", "deployments", "config"),
        *("summary", "coverage", "findings", "carried", "waivers", "attestations", "drift"),
        *("rules", "packs", "frameworks", "brief"),
    ]
    assert loaded["format"] == "auditor.report/1"
    assert loaded["tool"] == {"name": "auditor", "version": __version__}
    assert (loaded["profile"], loaded["asOf"], loaded["takenAt"]) == ("current", "2026-11-01", "2026-11-01T06:00:00Z")
    assert loaded["identity"] == "auditor@example.com"
    assert loaded["scopes"] == [reports.SUBSCRIPTION]


@pytest.mark.parametrize("passes", [False, True])
def test_the_summary_counts_all_findings_whatever_is_listed(passes: bool) -> None:
    assert rendered(reports.full(), View(passes=passes))["summary"] == {
        "fail": 2,
        "unknown": 1,
        "error": 1,
        "pass": 2,
        "not_applicable": 1,
        "waived": {"fail": 0, "unknown": 0},
        "failsBySeverity": {"critical": 1, "high": 0, "medium": 1, "low": 0, "info": 0},
    }


def test_passes_are_listed_only_when_asked_for() -> None:
    def listed(view: View) -> list[str]:
        return [finding["outcome"] for finding in rendered(reports.full(), view)["findings"]]

    assert listed(View()) == ["fail", "fail", "unknown", "error"]
    assert listed(ALL) == [finding.outcome for finding in reports.full().findings]


def test_a_finding_has_exactly_the_keys_of_the_format() -> None:
    finding = reports.finding(seen=(reports.evidence(), reports.evidence(1, observed=None)))
    assert rendered(reports.report(finding))["findings"] == [
        {
            "rule": "MIR003",
            "title": "The mirror has a probe for the mirror status page",
            "headline": "The mirror status page is not probed",
            "outcome": "fail",
            "severity": "critical",
            "subject": {
                "id": "prod/mirrors/TRAKDB",
                "kind": "mirror",
                "name": "TRAKDB",
                "region": "westeurope",
                "line": None,
            },
            "deployment": "prod",
            "evidence": [
                {
                    "resource": reports.LOAD_BALANCER_ID,
                    "path": f"properties.probes[{number}].properties.protocol",
                    "observed": observed,
                    "expected": "in [Http, Https]",
                }
                for number, observed in enumerate(("Tcp", None))
            ],
            "cause": None,
            "reason": None,
            "reference": ["S45", "S47"],
            "fix": reports.PROBE.fix,
            "key": finding.key,
            "waiver": None,
            "attestation": None,
            "state": None,
        }
    ]


def test_a_rule_that_rests_on_pages_names_them() -> None:
    finding = rendered(reports.report(reports.finding(rule=reports.SIZE)))["findings"][0]
    assert finding["reference"] == []
    assert finding["sources"] == [
        {"title": "High Availability Guide", "url": "https://docs.example.com/ha", "date": "2025"}
    ]


def test_a_computed_value_carries_what_it_was_computed_from() -> None:
    assert rendered(reports.full())["findings"][1]["evidence"][0]["reads"] == [
        {"resource": reports.vm(name).id, "path": "properties.hardwareProfile.vmSize", "observed": observed}
        for name, observed in (("a", "E16"), ("b", None))
    ]


def test_coverage_has_what_was_listed_and_the_gaps() -> None:
    loaded = rendered(reports.full())
    assert loaded["coverage"] == {
        "complete": False,
        "listed": {reports.SUBSCRIPTION: ["Microsoft.Compute/virtualMachines", "Microsoft.Compute/disks"]},
        "gaps": [
            {
                "scope": reports.SUBSCRIPTION,
                "what": "Microsoft.Network/loadBalancers",
                "reason": "forbidden",
                "code": "AuthorizationFailed",
                "permission": "Microsoft.Network/loadBalancers/read",
                "call": reports.gap().call,
                "detail": None,
                "waiver": None,
            }
        ],
        "guestFiles": [],
        "declarationsMissing": ["the web tier of prod is not declared: add it, or `none`"],
    }
    unknown = next(finding for finding in loaded["findings"] if finding["outcome"] == "unknown")
    assert (unknown["cause"], unknown["reason"]) == ("gap", str(reports.gap()))


def test_a_finding_of_a_subscription_has_neither_deployment_nor_region() -> None:
    finding = rendered(reports.full())["findings"][-1]
    assert (finding["deployment"], finding["subject"]["region"]) == (None, None)


def test_the_text_is_the_same_each_time_and_ends_its_last_line() -> None:
    text = reports.render("json", reports.full(), ALL)
    assert text == reports.render("json", reports.full(), ALL)
    assert text.startswith('{\n  "format"')
    assert text.endswith("\n}\n")


def test_a_waived_finding_keeps_its_outcome_and_is_counted_separately() -> None:
    loaded = rendered(reports.excused(), View())
    waived, plain, unseen, attested = loaded["findings"]
    assert [f["outcome"] for f in loaded["findings"]] == ["fail", "fail", "unknown", "pass"]
    assert waived["waiver"] == {
        "rule": "MIR003",
        "gap": None,
        "scope": "*",
        "category": "Waiver",
        "reason": "The SKU will be upgraded in spring.",
        "approvedBy": "the head of operations",
        "ticket": "CHG-1234",
        "grantedOn": "2026-10-01",
        "expiresOn": "2027-03-31",
        "observed": None,
        "file": "waivers.yaml",
        "line": 3,
    }
    assert attested["attestation"] == {
        "rule": "MIR003",
        "scope": "*",
        "statement": "Seen on site.",
        "holds": True,
        "attestedBy": "the data centre's manager",
        "attestedOn": "2026-10-01",
        "validUntil": "2027-09-30",
        "file": "attestations.yaml",
        "line": 3,
    }
    assert (plain["waiver"], plain["attestation"]) == (None, None)
    (gap,) = loaded["coverage"]["gaps"]
    assert gap["waiver"] == unseen["waiver"]
    assert (gap["waiver"]["rule"], gap["waiver"]["gap"]) == (None, "Microsoft.Network/loadBalancers")
    assert loaded["summary"] == {
        "fail": 1,
        "unknown": 0,
        "error": 0,
        "pass": 1,
        "not_applicable": 0,
        "waived": {"fail": 1, "unknown": 1},
        "failsBySeverity": {"critical": 1, "high": 0, "medium": 0, "low": 0, "info": 0},
    }


def test_what_is_lost_from_sight_is_carried_with_when_it_was_last_seen() -> None:
    carried = rendered(reports.carried())["carried"]
    assert {old["lastSeen"] for old in carried} == {"2026-10-31T06:00:00Z"}
    found = [old["finding"] for old in carried]
    assert [(f["outcome"], f["reason"], bool(f["waiver"])) for f in found] == [
        ("fail", str(reports.gap()), False),
        ("fail", str(reports.gap()), True),
        ("unknown", str(reports.gap()), False),
    ]


def test_the_line_of_a_subject_is_reported() -> None:
    declared = msgspec.structs.replace(reports.vm("vm-a"), line=14)
    assert rendered(reports.report(reports.finding(subject=declared)))["findings"][0]["subject"]["line"] == 14


def test_waivers_and_attestations_are_grouped_by_state() -> None:
    loaded = rendered(reports.excused())
    waivers, attestations = loaded["waivers"], loaded["attestations"]
    assert {state: [(w["line"], w["covers"], w["why"]) for w in found] for state, found in waivers.items()} == {
        "used": [(3, 1, None), (12, 1, None)],
        "expired": [(20, 2, None)],
        "lapsed": [(30, 1, "size of vm-a is 8; it was granted for 4")],
        "pending": [(40, 1, None), (45, 0, None)],
        "unused": [(50, 0, "the rule has no finding in that scope")],
    }
    assert waivers["lapsed"][0]["observed"] == {"size": 4}
    assert {s: [(a["line"], a["covers"], a["why"]) for a in found] for s, found in attestations.items()} == {
        "used": [(3, 1, None)],
        "expired": [(20, 1, None), (35, 0, None)],
        "pending": [(30, 1, None)],
        "unused": [(40, 0, "the rule has no finding in that scope")],
    }


@pytest.mark.slow
@given(st.text(min_size=1, max_size=40) | st.just(reports.HOSTILE))
def test_any_text_is_read_back_unchanged_and_does_not_act_on_a_terminal(text: str) -> None:
    shown = reports.hostile(text)
    assert reports.render("json", shown, ALL).replace("\n", "").isprintable()
    finding = rendered(shown)["findings"][0]
    assert finding["subject"]["name"] == finding["deployment"] == text
    assert finding["evidence"][0]["reads"][1]["observed"] == [text, {text: text}]
    (moved,) = rendered(shown)["drift"]["resources"]
    assert (moved["properties"][0]["path"], moved["properties"][0]["after"]) == (text, {text: [text]})


@pytest.mark.parametrize("character", [chr(code) for code in (*range(32), 127)])
def test_a_control_character_of_ascii_is_escaped(character: str) -> None:
    shown = reports.report(reports.finding(subject=reports.vm(f"vm{character}")))
    assert reports.render("json", shown, ALL).replace("\n", "").isprintable()
    assert rendered(shown)["findings"][0]["subject"]["name"] == f"vm{character}"


def test_without_a_baseline_there_are_no_states() -> None:
    loaded = rendered(reports.full())
    assert loaded["drift"] is None
    assert {finding["state"] for finding in loaded["findings"]} == {None}


def test_changes_are_reported_with_the_baseline() -> None:
    loaded = rendered(reports.drifted(), View())
    assert [f["state"] for f in loaded["findings"]] == ["regressed", "unchanged", "new", "lost sight"]
    drift = loaded["drift"]
    assert drift["baseline"] == {
        "takenAt": "2026-08-01T06:00:00Z",
        "scopes": [reports.SUBSCRIPTION],
        "approved": {"by": "operations", "at": "2026-08-02T09:00:00Z", "reason": "change 4711"},
        "gaps": [loaded["coverage"]["gaps"][0]],
    }
    assert drift["summary"] == {
        "findings": dict.fromkeys(("regressed", "new", "lost sight", "fixed", "gone", "drifted", "unchanged"), 1),
        "resources": {
            name: int(name in {"removed", "moved", "changed", "lost sight"})
            for name in ("added", "removed", "recreated", "moved", "renamed", "changed", "lost sight")
        },
    }


def test_a_changed_finding_has_both_outcomes() -> None:
    changes = rendered(reports.drifted())["drift"]["findings"]
    assert [
        (c["state"], c["before"] and c["before"]["outcome"], c["after"] and c["after"]["outcome"]) for c in changes
    ] == [
        ("regressed", "pass", "fail"),
        ("new", None, "fail"),
        ("lost sight", "fail", "unknown"),
        ("fixed", "fail", "pass"),
        ("gone", "fail", None),
        ("drifted", "pass", "pass"),
    ]
    regressed, *_, gone, _ = changes
    failed = reports.drifted().findings[0]
    assert regressed == {
        "state": "regressed",
        "severity": "critical",
        "rule": "MIR003",
        "title": reports.PROBE.title,
        "headline": reports.PROBE.fails,
        "subject": {
            "id": "prod/mirrors/TRAKDB",
            "kind": "mirror",
            "name": "TRAKDB",
            "region": "westeurope",
            "line": None,
        },
        "deployment": "prod",
        "before": {"outcome": "pass", "severity": "critical", "key": failed.key},
        "after": {"outcome": "fail", "severity": "critical", "key": failed.key},
        "reason": None,
    }
    assert [change.get("headline") for change in changes[1:]] == [
        "Not as required: The failover members are alike",
        "Unknown (not read): The mirror has a probe for the mirror status page",
        "Not as required: The failover members are alike",
        "Not as required: The failover members are alike",
        None,
    ]
    assert (gone["subject"]["name"], changes[2]["reason"]) == ("vm-gone", str(reports.gap()))


def test_a_changed_resource_has_its_changes_and_the_rules_that_read_them() -> None:
    resources = rendered(reports.drifted())["drift"]["resources"]
    assert [(found["fate"], found["formerId"] is not None, found["reason"]) for found in resources] == [
        ("removed", False, None),
        ("moved", True, None),
        ("lost sight", False, str(reports.gap())),
        ("changed", False, None),
    ]
    *_, load_balancer = resources
    assert load_balancer["id"] == reports.LOAD_BALANCER_ID
    assert load_balancer["properties"] == [
        {
            "path": "properties.probes[name=status].properties.protocol",
            "before": "Http",
            "after": "Tcp",
            "rules": ["MIR003"],
        },
        {"path": "tags.owner", "before": None, "after": {"team": ["a"]}, "rules": []},
    ]
