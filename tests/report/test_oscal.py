"""OSCAL: read back by compliance-trestle, and true of the outcomes; `.ci/run` validates it with NIST's schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trestle.oscal import OSCAL_VERSION
from trestle.oscal.assessment_results import AssessmentResults

from auditor.cli.main import main
from auditor.errors import InputError
from auditor.evaluation import model
from auditor.evaluation.model import Outcome
from auditor.evaluation.result import Evaluation
from auditor.report import reading
from auditor.report.formats import FORMATS
from auditor.report.oscal import ids, results
from auditor.report.view import View
from auditor.rules.maps import Basis, Evidence, Framework, Maps
from auditor.snapshot.known import Cause
from tests.report import reports
from tests.report.reports import PROBE, SIZE, finding, vm

NIST: Final = Framework(ids.NIST, "NIST Special Publication 800-53", "Rev. 5", "https://example.com/nist", {})
HIPAA: Final = Framework("hipaa", "HIPAA Security Rule", "45 CFR Part 164", "https://example.com/hipaa", {})
PROBED: Final = ("nist-800-53", "CP-7(1)")
SIZED: Final = ("hipaa", "164.308(a)(7)(ii)(B)")
SHARED: Final = ("nist-800-53", "CP-10")


def _row(rule: str, framework: Framework, control: str) -> Evidence:
    return Evidence(rule, framework, control, Basis.TEXT, (), "The primary is found.", "2026-11-30")


MAPS: Final = Maps(
    (),
    (
        _row(PROBE.id, NIST, PROBED[1]),
        _row(SIZE.id, HIPAA, SIZED[1]),
        _row(PROBE.id, NIST, SHARED[1]),
        _row(SIZE.id, NIST, SHARED[1]),
    ),
    {NIST.name: NIST, HIPAA.name: HIPAA},
)


def mapped(evaluation: Evaluation) -> Evaluation:
    return msgspec.structs.replace(evaluation, maps=MAPS)


def text_of(evaluation: Evaluation) -> str:
    return reports.render("oscal", mapped(evaluation))


def read(text: str) -> Any:
    """Return the one result of a text, as compliance-trestle reads it."""
    document: dict[str, Any] = json.loads(text)
    assert [*document] == ["assessment-results"]
    found: Any = AssessmentResults.model_validate(document["assessment-results"])
    (result,) = found.results
    observations = {observation.uuid for observation in result.observations or ()}
    assert len(observations) == len(result.observations or ())
    subjects = {item.uuid for item in result.local_definitions.inventory_items or ()}
    assert all(subject.subject_uuid in subjects for one in result.observations or () for subject in one.subjects)
    related = [one.observation_uuid for each in result.findings or () for one in each.related_observations]
    assert observations.issuperset(related)
    return result


def states(*findings: model.Finding) -> dict[tuple[str, str], str]:
    """Return what the findings of a report say of controls."""
    return {
        _control(one): one.target.status.state.value for one in read(text_of(reports.report(*findings))).findings or ()
    }


def _control(found: Any) -> tuple[str, str]:
    props = _props(found)
    return props["framework"], props["control"]


def _props(found: Any) -> dict[str, str]:
    return {prop.name: prop.value for prop in found.props}


PASSES: Final = finding(Outcome.PASS, PROBE)
FAILS: Final = finding(Outcome.FAIL, PROBE, vm("vm-a"))
UNKNOWN: Final = finding(Outcome.UNKNOWN, PROBE, vm("vm-b"), reasons=("it was not read",))
BROKEN: Final = finding(Outcome.ERROR, PROBE, vm("vm-c"), reasons=("KeyError",))
ELSEWHERE: Final = finding(Outcome.NOT_APPLICABLE, PROBE, vm("vm-d"))


def test_the_version_is_one_that_trestle_reads() -> None:
    assert results.VERSION == OSCAL_VERSION


def test_a_pass_satisfies_its_controls_and_no_others() -> None:
    assert states(PASSES, ELSEWHERE) == dict.fromkeys((SHARED, PROBED), "satisfied")


def test_a_fail_decides_whatever_else_is_unknown() -> None:
    assert states(PASSES, FAILS, UNKNOWN, BROKEN) == dict.fromkeys((SHARED, PROBED), "not-satisfied")


@pytest.mark.parametrize("undecided", [UNKNOWN, BROKEN], ids=["unknown", "error"])
def test_what_is_not_known_is_an_observation_and_no_finding(undecided: model.Finding) -> None:
    result = read(text_of(reports.report(PASSES, undecided)))
    assert result.findings is None
    outcomes = [_props(one)["outcome"] for one in result.observations]
    assert outcomes == ["pass", undecided.outcome.value]


def test_a_control_of_two_rules_is_satisfied_only_if_both_are_known_to_pass() -> None:
    sized = finding(Outcome.PASS, SIZE, vm("vm-e"))
    assert states(PASSES, sized) == dict.fromkeys((SHARED, PROBED, SIZED), "satisfied")
    assert states(PASSES, finding(Outcome.UNKNOWN, SIZE)) == {PROBED: "satisfied"}
    assert states(PASSES, finding(Outcome.FAIL, SIZE)) == {
        SHARED: "not-satisfied",
        PROBED: "satisfied",
        SIZED: "not-satisfied",
    }


@pytest.mark.parametrize("cause", list(Cause))
def test_an_unknown_that_is_optional_or_waived_decides_no_less(cause: Cause) -> None:
    unknown = reports.unknown(PROBE, vm("vm-b"), "it was not read", cause)
    for excused in (
        msgspec.structs.replace(unknown, optional=True),
        msgspec.structs.replace(unknown, waiver=reports.waiver()),
    ):
        assert states(PASSES, excused) == {}


@pytest.mark.slow
def test_a_scan_says_of_a_control_what_all_its_observations_say(tmp_path: Path) -> None:
    """The demo has fails, passes, and unknowns since guest files are missing."""
    file = tmp_path / "demo.json"
    main(["scan", "--demo", "--no-config", "-o", f"oscal={file}"])
    result = read(file.read_text())
    outcomes = {one.uuid: _props(one)["outcome"] for one in result.observations}
    assert {*outcomes.values()} == {"pass", "fail", "unknown"}
    seen = {"satisfied": 0, "not-satisfied": 0}
    for one in result.findings:
        found = {outcomes[related.observation_uuid] for related in one.related_observations}
        seen[one.target.status.state.value] += 1
        assert found == {"pass"} if one.target.status.state.value == "satisfied" else "fail" in found
    assert min(seen.values()) > 10
    assert len(result.reviewed_controls.control_selections[0].include_controls) > sum(seen.values())


def test_what_does_not_apply_says_nothing() -> None:
    result = read(text_of(reports.report(ELSEWHERE)))
    assert (result.findings, result.observations) == (None, None)


def test_a_waived_fail_is_still_a_fail() -> None:
    result = read(text_of(reports.excused()))
    assert {_control(one): one.target.status.state.value for one in result.findings} == {
        SHARED: "not-satisfied",
        PROBED: "not-satisfied",
    }
    waived = [one for one in result.observations if "waived-until" in _props(one)]
    assert [_props(one)["outcome"] for one in waived] == ["fail", "unknown"]
    assert "Waived by the head of operations until 2027-03-31" in waived[0].description
    (attested,) = (one for one in result.observations if "attested-until" in _props(one))
    assert attested.methods == ["EXAMINE"]


def test_a_carried_finding_is_what_was_known_last() -> None:
    result = read(text_of(reports.carried()))
    historic = [one for one in result.observations if "historic" in one.types]
    assert len(historic) == len(reports.carried().carried)
    assert {one.collected.isoformat() for one in historic} == {"2026-10-31T06:00:00+00:00"}
    assert {_control(one) for one in result.findings} == {SHARED, PROBED}


def test_an_observation_has_the_evidence() -> None:
    result = read(text_of(reports.full()))
    failed = result.observations[0]
    assert [one.description for one in failed.relevant_evidence] == [
        "rg-prod/lb-mirror properties.probes\\[0].properties.protocol: observed Tcp, expected in \\[Http, Https]",
        "rg-prod/lb-mirror properties.probes\\[1].properties.protocol: observed absent, expected present",
    ]


def test_every_finding_says_that_it_is_about_a_part_of_the_control() -> None:
    result = read(text_of(reports.report(PASSES, FAILS)))
    assert len(result.findings) == 2
    assert all(results.PART in one.description and one.target.status.remarks == results.PART for one in result.findings)


def test_controls_have_the_ids_of_the_catalogue() -> None:
    result = read(text_of(reports.full()))
    assert [one.control_id for one in result.reviewed_controls.control_selections[0].include_controls] == [
        "cp-10",
        "cp-7.1",
        "hipaa_164.308.a.7.ii.b",
    ]
    assert [one.target.target_id for one in result.findings] == [
        "cp-10_smt",
        "cp-7.1_smt",
        "hipaa_164.308.a.7.ii.b_smt",
    ]


def test_a_report_without_controls_is_refused() -> None:
    with pytest.raises(InputError, match="the report has no controls"):
        reports.render("oscal", reports.full())


def test_the_same_scan_gives_the_same_text_and_a_later_one_another_document() -> None:
    first = reports.full()
    later = msgspec.structs.replace(
        first, snapshot=msgspec.structs.replace(first.snapshot, taken_at="2026-11-02T06:00:00Z")
    )
    assert text_of(first) == text_of(reports.full())
    one, two = read(text_of(first)), read(text_of(later))
    assert one.uuid != two.uuid
    assert [each.uuid for each in one.findings] == [each.uuid for each in two.findings]


def test_a_kept_report_gives_the_same_text(tmp_path: Path) -> None:
    kept = tmp_path / "report.json"
    kept.write_text(reports.render("json", mapped(reports.full()), View(passes=True)))
    assert FORMATS["oscal"].render(reading.read(kept), View()) == text_of(reports.full())


@pytest.mark.slow
@given(st.text(min_size=1, max_size=40) | st.just(reports.HOSTILE))
@settings(max_examples=25, deadline=None)
def test_any_text_is_shown_as_it_is(text: str) -> None:
    found = text_of(reports.hostile(text))
    assert found.replace("\n", "").isprintable()
    assert len(json.loads(found)["assessment-results"]["results"][0]["observations"]) >= 4
