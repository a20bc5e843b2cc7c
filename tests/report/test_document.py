"""The document of a report: building, writing, reading and its schema."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.errors import InputError
from auditor.evaluation.drift.model import ResourceChangeKind
from auditor.evaluation.model import BaselineState, ExemptionState, Outcome
from auditor.evaluation.result import Evaluation
from auditor.report import reading, schema
from auditor.report.brief import with_passes
from auditor.report.build import build
from auditor.report.document import Brief, Document
from auditor.report.formats import FORMATS
from auditor.report.view import View
from auditor.rules.model import Severity
from auditor.yaml_documents import validator
from tests.report import reports

EVALUATIONS = [reports.full, reports.excused, reports.carried, reports.drifted]
SCHEMA: Any = json.loads(schema.text(Document, "Report"))
DEFINITIONS = SCHEMA["$defs"]
ADDED = {"config", "cloud", "resources", "declaration", "deployments", "rules", "packs", "brief", "frameworks"}
"""The keys that reports of the first version lack."""


@pytest.mark.parametrize("evaluation", EVALUATIONS)
def test_what_is_written_is_read_back_as_it_was(evaluation: Callable[[], Evaluation]) -> None:
    document = build(evaluation(), passes=True)
    text = reports.render("json", evaluation(), View(passes=True))
    assert msgspec.json.decode(text, type=Document) == document


@given(st.text(min_size=1, max_size=40) | st.just(reports.HOSTILE))
def test_any_text_is_read_back_as_it_was(text: str) -> None:
    document = build(reports.hostile(text), passes=True)
    assert (
        msgspec.json.decode(reports.render("json", reports.hostile(text), View(passes=True)), type=Document) == document
    )


def test_a_document_without_passes_has_what_is_listed_in_any_case() -> None:
    whole, listed = (build(reports.excused(), passes=passes) for passes in (True, False))
    assert whole == listed, "an attested pass is listed"
    whole, listed = (build(reports.full(), passes=passes) for passes in (True, False))
    assert {f.outcome for f in whole.findings} - {f.outcome for f in listed.findings} == {
        Outcome.PASS,
        Outcome.NOT_APPLICABLE,
    }
    assert msgspec.structs.replace(whole, findings=listed.findings) == listed


WITHOUT_CONTROLS: Final = [name for name in FORMATS if name != "oscal"]
"""The formats that render a report of rules without controls."""


def old(document: dict[str, Any]) -> dict[str, Any]:
    """Return a report as the first version wrote it."""
    return {key: value for key, value in document.items() if key not in ADDED}


@pytest.mark.parametrize("name", WITHOUT_CONTROLS)
def test_every_format_renders_a_kept_report_as_it_does_a_scan(name: str, tmp_path: Path) -> None:
    kept = tmp_path / "report.json"
    for evaluation in EVALUATIONS:
        kept.write_text(reports.render("json", evaluation(), View(passes=True)))
        assert FORMATS[name].render(reading.read(kept), View(passes=True)) == reports.render(
            name, evaluation(), View(passes=True)
        )


def passed() -> Evaluation:
    """Return a report without fails."""
    return reports.report(reports.finding(Outcome.PASS))


@pytest.mark.parametrize("name", WITHOUT_CONTROLS)
def test_every_format_renders_an_old_report(name: str, tmp_path: Path) -> None:
    kept = tmp_path / "report.json"
    for evaluation in (*EVALUATIONS, passed):
        kept.write_text(json.dumps(old(json.loads(reports.render("json", evaluation())))))
        assert FORMATS[name].render(reading.read(kept), View(passes=True)).endswith("\n")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "Input data was truncated"),
        ("[]", "Expected `object`, got `array`"),
        ('{"format": "auditor.report/2"}', "at `$.format`"),
        ('{"format": "auditor.report/1"}', "missing required field `tool`"),
        ("\xff", "is not a report"),
        ("[" * 100_000, "is not a report"),
    ],
)
def test_what_is_no_report_is_refused(content: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "r.json").write_bytes(content.encode("latin-1"))
    with pytest.raises(InputError) as refused:
        reading.read(tmp_path / "r.json")
    assert str(refused.value).startswith(f"{tmp_path}/r.json: is not a report as scan -o json writes it: ")
    assert said in str(refused.value)


@pytest.mark.parametrize("passes", [False, True])
def test_what_is_not_listed_in_any_case_is_in_brief(passes: bool) -> None:
    evaluation = reports.full()
    document = build(evaluation, passes=passes)
    assert document.brief
    found = [
        (rule, subject.deployment or "", subject.subject.id, outcome)
        for outcome, by_rule in (
            (Outcome.PASS, document.brief.passed),
            (Outcome.NOT_APPLICABLE, document.brief.not_applicable),
        )
        for rule, positions in by_rule.items()
        for subject in (document.brief.subjects[position] for position in positions)
    ]
    quiet = [f for f in evaluation.findings if f.outcome in {Outcome.PASS, Outcome.NOT_APPLICABLE}]
    assert len(quiet) == 3
    assert sorted(found) == sorted((f.rule.id, f.deployment, f.subject.id, f.outcome) for f in quiet)
    excused = build(reports.excused(), passes=passes)
    assert excused.brief == Brief((), {}, {}), "a pass by attestation is listed in any case"


@pytest.mark.parametrize(
    ("path", "where"),
    [(("brief", "pass", "CMP006"), "$.brief"), (("findings", 0, "gaps"), "$.findings[].gaps")],
)
def test_a_position_behind_the_last_is_refused(path: tuple[str | int, ...], where: str, tmp_path: Path) -> None:
    written = json.loads(reports.render("json", reports.full()))
    (tmp_path / "r.json").write_text(json.dumps(changed(written, *path, value=[0, 1000])))
    with pytest.raises(InputError, match=re.escape(f"`{where}` has a position behind the last")):
        reading.read(tmp_path / "r.json")


def test_passes_in_brief_are_listed_without_evidence() -> None:
    whole, kept = (build(reports.full(), passes=passes) for passes in (True, False))
    listed = {(f.key, f.outcome, f.title, f.subject, f.deployment) for f in whole.findings}
    made = with_passes(kept)
    assert {(f.key, f.outcome, f.title, f.subject, f.deployment) for f in made.findings} == listed
    assert with_passes(whole) == whole
    assert with_passes(msgspec.structs.replace(kept, brief=None)) == msgspec.structs.replace(kept, brief=None)


def test_a_later_version_may_add_keys() -> None:
    written = json.loads(reports.render("json", reports.full()))
    later = {**written, "added": 1, "findings": [{**finding, "added": 1} for finding in written["findings"]]}
    assert written["findings"]
    assert msgspec.convert(later, Document) == msgspec.convert(written, Document)


# --- the schema -------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_schema_is_valid() -> None:
    validator("report").check_schema(SCHEMA)


def test_the_schema_allows_no_unknown_keys() -> None:
    objects = [definition for definition in DEFINITIONS.values() if definition.get("type") == "object"]
    assert len(objects) > 20
    assert {definition["additionalProperties"] for definition in objects} == {False}


def test_every_key_is_described() -> None:
    """Numbers by severity, state or kind are described as a whole."""
    counts = {"Waived", "SeverityCounts", "StateCounts", "ChangeCounts"}
    assert counts < DEFINITIONS.keys()
    for name, definition in DEFINITIONS.items():
        assert definition["description"].endswith("."), name
        for key, about in definition.get("properties", {}).items():
            assert name in counts or about["description"].endswith((".", "`.")), f"{name}.{key}"


def test_vocabularies_are_those_of_the_model() -> None:
    assert set(DEFINITIONS["Outcome"]["enum"]) == {*Outcome}
    assert set(DEFINITIONS["ResourceChangeKind"]["enum"]) == {*ResourceChangeKind}
    assert [*DEFINITIONS["SeverityCounts"]["properties"]] == [*Severity]
    assert {*DEFINITIONS["StateCounts"]["properties"]} == {*BaselineState}
    assert {*DEFINITIONS["ChangeCounts"]["properties"]} == {*ResourceChangeKind}
    assert {*DEFINITIONS["Waivers"]["properties"]} == {*ExemptionState}
    assert {*DEFINITIONS["Attestations"]["properties"]} == {*ExemptionState} - {ExemptionState.LAPSED}


def changed(document: Any, *path: str | int, value: object) -> Any:
    """Return a copy of a report with one changed value."""
    copy = json.loads(json.dumps(document))
    place = copy
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return copy


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("format",), "auditor.report/2"),
        (("tool", "name"), "other"),
        (("asOf",), "2026-11-1"),
        (("takenAt",), ""),
        (("summary", "pass"), -1),
        (("coverage", "guestFiles"), ["iris.cpf"]),
        (("coverage", "gaps", 0, "reason"), "tired"),
        (("findings", 0, "key"), "A" * 64),
        (("findings", 0, "state"), "gone"),
        (("findings", 0, "subject", "line"), 0),
        (("findings", 0, "sources"), []),
        (("findings", 0, "evidence", 0, "reads"), []),
        (("drift", "findings", 0, "state"), "unchanged"),
        (("drift", "resources", 0, "fate"), "burnt"),
        (("drift", "summary", "findings", "lost_sight"), 1),
    ],
)
def test_the_schema_refuses(path: tuple[str | int, ...], value: object) -> None:
    written = json.loads(reports.render("json", reports.drifted(), View(passes=True)))
    assert [*validator("report").iter_errors(written)] == []
    assert [*validator("report").iter_errors(changed(written, *path, value=value))] != []


def keys(document: Any) -> Iterator[tuple[str | int, ...]]:
    """Yield the paths of all keys of a report, except those in values, and ids that are keys."""
    if isinstance(document, dict):
        for key, value in document.items():
            yield (key,)
            yield from (
                ()
                if key in {"observed", "before", "after", "listed", "statements", "pass", "notApplicable"}
                else ((key, *path) for path in keys(value))
            )
    elif isinstance(document, list) and document:
        yield from ((0, *path) for path in keys(document[0]))


@pytest.mark.slow
def test_the_schema_requires_every_key_that_is_always_written() -> None:
    written = json.loads(reports.render("json", reports.drifted(), View(passes=True)))
    optional = {"headline", "sources", "reads"}
    added = [*((key,) for key in ADDED), ("deployments", 0, "summary"), ("drift", "findings", 0, "severity")]
    paths = [path for path in keys(written) if path[-1] not in optional and path not in added]
    assert len(paths) > 100
    for path in paths:
        cut = json.loads(json.dumps(written))
        place = cut
        for step in path[:-1]:
            place = place[step]
        del place[path[-1]]
        assert [*validator("report").iter_errors(cut)] != [], path
