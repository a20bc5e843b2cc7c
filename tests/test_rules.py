"""Every example of every rule, and what every rule owes to its readers."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.authoring import examples
from auditor.azure import paths
from auditor.judging.model import Outcome
from auditor.rules.evidence import Evidence
from tests import estates

RULES = {loaded.rule.id: loaded.rule for rules in estates.pack().rules.values() for loaded in rules}
FAILURES = [
    (rule.id, number)
    for rule in RULES.values()
    for number, example in enumerate(rule.examples)
    if example["expect"] == "fail" and ("set" in example or "remove" in example)
]
"""The examples that change something in Azure to make a rule fail."""

FIRST_TWELVE = [
    *("AVL002", "AVL007", "CMP006", "DR006", "DR009", "LB003"),
    *("LB004", "MIR002", "MIR003", "SEC002", "STO002", "STO006"),
]


def test_the_first_rules_are_there() -> None:
    assert set(FIRST_TWELVE) <= set(RULES)


@pytest.mark.parametrize("rule_id", RULES)
def test_examples_hold(rule_id: str) -> None:
    rules_of = {profile: estates.rules(profile) for profile in estates.pack().rules}
    assert [str(failure) for failure in examples.check(RULES[rule_id], rules_of)] == []


@pytest.mark.parametrize("rule_id", RULES)
def test_a_rule_shows_that_it_can_pass_fail_and_not_know(rule_id: str) -> None:
    shown = {example["expect"] for example in RULES[rule_id].examples}
    assert {"pass", "fail", "unknown"} <= shown


@pytest.mark.parametrize(("name", "profile"), estates.KNOWN_GOOD.items())
def test_known_good_deployments_pass_every_rule(name: str, profile: str) -> None:
    found = estates.baseline(name)
    assert {f.outcome for f in found.values()} == {Outcome.PASS, Outcome.NOT_APPLICABLE}
    assert {rule for rule, _, _ in found} == {loaded.rule.id for loaded in estates.rules(profile)}
    assert estates.complete(name, estates.body_of(name))


def test_every_rule_passes_on_a_known_good_deployment() -> None:
    """A rule that is nowhere more than not applicable would be proved by nothing."""
    for profile in estates.pack().rules:
        passing = {
            rule
            for name in estates.KNOWN_GOOD
            for (rule, _, _), f in examples.judge(examples.fixture(name), {}, estates.rules(profile)).items()
            if f.outcome is Outcome.PASS
        }
        assert passing == {loaded.rule.id for loaded in estates.rules(profile)}


@pytest.mark.parametrize(("rule_id", "number"), FAILURES)
def test_what_was_changed_is_the_evidence(rule_id: str, number: int) -> None:
    """A failure names a property that the example changed to bring it about."""
    example: Any = RULES[rule_id].examples[number]
    changes = [*example.get("set", ()), *example.get("remove", ())]
    known_good = examples.fixture(example["on"])
    verdicts = examples.judge(known_good, example, estates.rules(example.get("profile", known_good.profile)))
    failures = [f for (rule, _, _), f in verdicts.items() if rule == rule_id and f.outcome is Outcome.FAIL]
    evidence = [entry for finding in failures for entry in finding.evidence]
    assert evidence
    shown = [(c["resource"], c["path"]) for c in changes if "path" in c and not _shown_otherwise(c)]
    added = [(item["name"], "") for item in example.get("add", ())]
    assert not shown or any(_names(entry, *place) for place in shown + added for entry in evidence), evidence


def _names(entry: Evidence, resource: str, path: str) -> bool:
    """Tell whether evidence rests on a property of a resource, or on a part of it; of a size on a capability."""
    places = [(entry.resource, entry.path), *((where, what) for where, what, _ in entry.reads)]
    return any(
        resource.lower() in where.lower().split("/") and (path in what or path.startswith(f"{what}."))
        for where, what in places
    )


def _shown_otherwise(change: dict[str, Any]) -> bool:
    """Tell whether a change cannot be read back: a member that was taken out of a list, or all of them."""
    removed = isinstance(paths.parse(change["path"])[-1], int) and "value" not in change
    return removed or change.get("value") == []
