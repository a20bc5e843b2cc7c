"""Every example of every rule, and requirements for every rule."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import pytest

from auditor.authoring import changes, examples, fixtures
from auditor.authoring.examples import ExampleTest
from auditor.authoring.rule_files import TOPOLOGY, Example
from auditor.azure import paths
from auditor.evaluation.model import Outcome
from auditor.rules.evidence import Evidence
from auditor.rules.facts import FACTS
from auditor.rules.model import SEVERITIES
from auditor.snapshot.known import Cause
from tests import estates


@cache
def checks() -> ExampleTest:
    return ExampleTest({profile: estates.rules(profile) for profile in estates.pack().rules})


@pytest.mark.slow
def test_every_file_is_a_rule() -> None:
    assert {*estates.RULE_IDS, TOPOLOGY} == estates.rule_files().keys()


@pytest.mark.slow
@pytest.mark.parametrize("rule_id", estates.RULE_IDS)
def test_examples_hold(rule_id: str) -> None:
    """The outcome of each example is as stated, and the evidence of a fail has a property that the example changes."""
    file = estates.rule_files()[rule_id]
    assert {"pass", "fail", "unknown"} <= {example.content["expect"] for example in file.examples}
    for example in file.examples:
        found = checks().evaluate(example)
        assert list(checks().faults(example, found)) == [], str(example)
        if example.content["expect"] == "fail" and {"set", "remove"} & example.content.keys():
            fails = [f for (rule, _, _), f in found.items() if rule == rule_id and f.outcome is Outcome.FAIL]
            evidence = [entry for finding in fails for entry in finding.evidence]
            assert _shows_the_change(evidence, example.content), f"{example}: {evidence}"


@pytest.mark.slow
def test_rules_that_do_not_read_what_an_example_changes_have_the_same_findings() -> None:
    """Therefore only the others are evaluated, which takes less time."""
    every = [example for file in estates.rule_files().values() for example in file.examples]
    local = [each for each in every if changes.places(fixtures.known_good(each.content["on"]), each.content)]
    hiding = [each for each in every if each.content.keys() & changes.KEYS == {"gap"}]
    assert len(local) > 300
    assert len(hiding) > 60
    for example in (*local[::29], *hiding[::17]):
        known_good = fixtures.known_good(example.content["on"])
        rules = estates.rules(example.content.get("profile", known_good.profile))
        whole = examples.attested(example, examples.evaluate(known_good, example.content, rules))
        found = checks().evaluate(example)
        assert compared(example, found) == compared(example, whole), example


def compared(example: Example, findings: examples.Findings) -> dict[tuple[str, str, str], Outcome]:
    """Return the outcomes; if the example only hides something, of rules other than its own only the fails."""
    hides = example.content.keys() & changes.KEYS == {"gap"}
    return {
        key: finding.outcome
        for key, finding in findings.items()
        if not hides or key[0] == example.rule or finding.outcome is Outcome.FAIL
    }


@pytest.mark.slow
@pytest.mark.parametrize(("name", "profile"), estates.KNOWN_GOOD.items())
def test_known_good_deployments_pass_every_rule(name: str, profile: str) -> None:
    found = examples.evaluate(fixtures.known_good(name), {}, estates.rules(profile))
    decided = {f.outcome for f in found.values() if f.cause is not Cause.ATTESTATION}
    assert decided == {Outcome.PASS, Outcome.NOT_APPLICABLE}
    assert {rule for rule, _, _ in found} == {loaded.rule.id for loaded in estates.rules(profile)}
    assert estates.complete(name, estates.body_of(name))


def test_a_grade_says_why_it_is_milder_than_its_rule() -> None:
    """A condition of a grade that is unknown leaves the severity of the rule, which must not be the milder one."""
    for profile in estates.pack().rules:
        for rule in (loaded.rule for loaded in estates.rules(profile)):
            for grade in rule.grade:
                assert SEVERITIES.index(grade.severity) > SEVERITIES.index(rule.severity), rule.id
                assert grade.because, rule.id
                assert not grade.because.endswith("."), rule.id


def test_every_source_states_when_it_was_last_read() -> None:
    for profile in estates.pack().rules:
        for rule in (loaded.rule for loaded in estates.rules(profile)):
            for source in rule.sources:
                assert source.read >= source.date[:10] >= "2016", f"{rule.id}: {source.title}"
                assert dt.date.fromisoformat(source.read) > dt.date(2026, 1, 1), rule.id
    reference = estates.pack().pack.source
    assert reference is not None
    assert reference.read


ONLY_IN_EXAMPLES = {
    "BKP013": "no VM runs Windows",
    "DR007": "each deployment requires full capacity in its DR region",
    "FOR003": "no deployment declares an objective",
}
"""The rules that apply to no known-good deployment, with the reason: an example has what they need."""


@pytest.mark.slow
def test_every_rule_passes_on_a_known_good_deployment() -> None:
    """A rule that is not applicable everywhere would not be tested; one by attestation applies where it is unknown."""
    for profile in estates.pack().rules:
        passing = {
            rule
            for name in estates.KNOWN_GOOD
            for (rule, _, _), f in examples.evaluate(fixtures.known_good(name), {}, estates.rules(profile)).items()
            if f.outcome is Outcome.PASS or f.cause is Cause.ATTESTATION
        }
        rules = {loaded.rule.id for loaded in estates.rules(profile)}
        assert passing <= rules
        assert rules - passing == ONLY_IN_EXAMPLES.keys()
    for rule_id in ONLY_IN_EXAMPLES:
        passes = (e.content for e in estates.rule_files()[rule_id].examples if e.content["expect"] == "pass")
        assert any(changes.KEYS & content.keys() for content in passes), rule_id


def _shows_the_change(evidence: Sequence[Evidence], example: Mapping[str, Any]) -> bool:
    """Return whether any evidence is a changed property or an added resource.

    What was removed has no property: there the evidence is what is left, as a fact of the subject or in the resource
    of which a part was removed, or the attestation without it. What is declared too shows in a fact.
    """
    changes = [*example.get("set", ()), *example.get("remove", ())]
    shown = [(c["resource"], c["path"]) for c in changes if "path" in c and not _is_removal(c)]
    # An object that was added to a list may be shown by the number of objects.
    shown += [(where, f"count of {path.rpartition('[')[0]}") for where, path in shown if path.endswith("]")]
    shown += [(item["name"], "") for item in example.get("add", ())]
    if any(_names(entry, *place) for entry in evidence for place in shown):
        return True
    reduced = [(change["resource"], "") for change in changes if _is_removal(change)]
    computed = {*FACTS, "attestation"}
    if "declare" in example and any(entry.path in computed for entry in evidence):
        return True
    return bool(reduced) and any(
        entry.path.rpartition(" ")[2] in computed or any(_names(entry, *place) for place in reduced)
        for entry in evidence
    )


def _names(entry: Evidence, resource: str, path: str) -> bool:
    """Return whether evidence was read from a property of a resource or a part of it; for a VM size, a capability."""
    places = [(entry.resource, entry.path), *((read.resource, read.path) for read in entry.reads)]
    return any(
        f"/{resource}/".lower() in f"/{where}/".lower() and (path in what or path.startswith(f"{what}."))
        for where, what in places
    )


def _is_removal(change: dict[str, Any]) -> bool:
    """Return whether a change removes a resource, or one or all items of a list."""
    if "path" not in change or change.get("value") == []:
        return True
    return isinstance(paths.parse(change["path"])[-1], int) and "value" not in change
