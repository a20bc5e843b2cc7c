"""JUnit: valid by the schema of Jenkins' importer, written here as a table, and true as importers show it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple
from xml.etree import ElementTree as ET

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.evaluation.model import Outcome
from auditor.evaluation.result import Evaluation
from auditor.report.build import build
from auditor.report.formats import FORMATS
from auditor.report.view import View
from tests.report import reports
from tests.report.reports import PROBE, SIZE, finding, vm


class Element(NamedTuple):
    """What the schema `junit-10.xsd` of Jenkins' xUnit plugin allows in an element."""

    required: frozenset[str]
    optional: frozenset[str] = frozenset()
    children: frozenset[str] = frozenset()
    text: bool = False


def _element(required: str = "", optional: str = "", children: str = "", *, text: bool = False) -> Element:
    attributes, others, inside = (frozenset(words.split()) for words in (required, optional, children))
    return Element(attributes, others, inside, text)


RESULT: Final = _element(optional="type message", text=True)
SCHEMA: Final[Mapping[str, Element]] = {
    "testsuites": _element(optional="name time tests failures errors", children="testsuite"),
    "testsuite": _element(
        "name tests failures errors",
        "group time skipped timestamp hostname id package file log url",
        "testsuite properties testcase system-out system-err",
    ),
    "testcase": _element(
        "name", "time classname group", "skipped error failure system-out system-err rerunFailure rerunError"
    ),
    **dict.fromkeys(("failure", "error", "skipped"), RESULT),
}


def check(element: ET.Element) -> None:
    """Check an element and what is inside by the schema."""
    allowed, found = SCHEMA[element.tag], {*element.attrib}
    assert allowed.required <= found <= allowed.required | allowed.optional, element.tag
    assert {child.tag for child in element} <= allowed.children, element.tag
    assert allowed.text or not "".join((element.text or "", *(child.tail or "" for child in element))).strip(), "text"
    for child in element:
        check(child)


def rendered(shown: Evaluation) -> ET.Element:
    text = reports.render("junit", shown, View())
    assert not re.search("[^\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", text), "XML 1.0 has no such character"
    root = ET.fromstring(text)  # noqa: S314 - its own output
    check(root)
    for suite in (root, *root):
        cases = [*suite.iter("testcase")]
        assert int(suite.get("tests", "")) == len(cases)
        assert int(suite.get("failures", "")) == len([*suite.iter("failure")])
        assert int(suite.get("errors", "")) == len([*suite.iter("error")])
    names = [(case.get("classname"), case.get("name")) for case in root.iter("testcase")]
    assert len(names) == len({*names}), "importers drop the second of two cases"
    return root


def results(root: ET.Element) -> dict[str, str]:
    """Return the result of each case by the end of its name."""
    cases = [*root.iter("testcase")]
    return {(case.get("name") or "").rpartition(": ")[2]: case[0].tag if len(case) else "passed" for case in cases}


@pytest.mark.parametrize(
    ("broken", "fault"),
    [
        ("<testsuites><testcase name='x'/></testsuites>", "testsuites"),
        ("<testsuite name='x' tests='0' failures='0'/>", "testsuite"),
        ("<testcase name='x' file='y'/>", "testcase"),
        ("<testcase name='x'>text</testcase>", "text"),
    ],
)
def test_the_schema_refuses(broken: str, fault: str) -> None:
    with pytest.raises(AssertionError, match=fault):
        check(ET.fromstring(broken))  # noqa: S314 - its own text


def test_each_outcome_has_its_result() -> None:
    root = rendered(reports.full())
    assert [suite.get("name") for suite in root] == ["Coverage", "prod", "No deployment"]
    assert results(root) == {
        "The scan is complete": "error",
        "TRAKDB (mirror, westeurope)": "failure",
        "vm-c (virtualMachines, westeurope)": "skipped",
        "vm-d (virtualMachines, westeurope)": "error",
        "vm-e (virtualMachines, westeurope)": "passed",
        "0001 (subscription)": "passed",
    }


def test_a_fail_says_what_is_wrong_where_each_importer_shows_it() -> None:
    root = rendered(reports.report(finding(seen=(reports.evidence(),))))
    (case,) = root[1]
    assert case.get("classname") == "prod.MIR003"
    assert case.get("name") == f"{PROBE.title}: TRAKDB (mirror, westeurope)"
    (failure,) = case
    headline = PROBE.fails
    assert (failure.get("type"), failure.get("message")) == ("critical", headline)
    assert (failure.text or "").splitlines()[:4] == [
        headline,
        "severity critical",
        "prod/mirrors/TRAKDB",
        "rg-prod/lb-mirror properties.probes[0].properties.protocol: observed Tcp, expected in [Http, Https]",
    ]
    assert "--path '/csp/bin/mirror status.cxw'" in (failure.text or "")


def test_what_is_unknown_never_passes_and_is_never_all_green() -> None:
    for hidden in (reports.hidden_by(reports.gap()), finding(Outcome.ERROR, reasons=("KeyError",))):
        root = rendered(reports.report(hidden))
        assert "passed" not in results(root).values()
        assert root.find(".//error") is not None
    (skipped,) = rendered(reports.report(reports.hidden_by(reports.gap()))).iter("skipped")
    assert skipped.get("message") == skipped.text == f"unknown: {reports.gap()}"


def test_a_complete_scan_is_a_case_that_passes() -> None:
    assert results(rendered(reports.report())) == {"The scan is complete": "passed"}


def test_what_is_waived_is_skipped_with_who_and_until_when() -> None:
    (waived, *_) = rendered(reports.excused()).iter("skipped")
    assert (waived.get("message") or "").startswith("waived until 2027-03-31 by the head of operations: The SKU")


def test_what_could_not_be_evaluated_again_is_skipped_and_so_not_mended() -> None:
    root = rendered(reports.carried())
    assert results(root)["TRAKDB (mirror, westeurope)"] == "skipped"
    assert any("last on 2026-10-31T06:00:00Z" in (skipped.text or "") for skipped in root.iter("skipped"))
    assert results(root)["vm-gone (virtualMachines, westeurope)"] == "skipped"


@pytest.mark.parametrize("evaluation", [reports.full, reports.excused, reports.drifted])
def test_it_is_the_same_whether_passes_are_listed_or_in_brief(evaluation: Callable[[], Evaluation]) -> None:
    brief, whole = (FORMATS["junit"].render(build(evaluation(), passes=p), View()) for p in (False, True))
    assert brief == whole


def test_subjects_of_one_name_are_two_cases() -> None:
    twin = msgspec.structs.replace(vm("vm-a"), id=vm("vm-a").id.replace("rg-prod", "rg-dr"))
    root = rendered(reports.report(*(finding(rule=SIZE, subject=subject) for subject in (vm("vm-a"), twin))))
    assert [(case.get("name") or "").rpartition(" ")[2] for case in root[1]] == [twin.id, vm("vm-a").id]


@pytest.mark.slow
@given(st.text(min_size=1, max_size=40) | st.just(reports.HOSTILE + "\x00\x0b\ufffe]]>&"))
@settings(max_examples=40)
def test_any_text_is_text(text: str) -> None:
    findings = {found.key: found for found in reports.hostile(text).findings}
    root = rendered(msgspec.structs.replace(reports.hostile(text), findings=tuple(findings.values())))
    assert len(root) == len(rendered(reports.report())) + 2
