"""Every change that the mutator makes is noticed or has a reason why no rule cares, and every rule can be broken.

Noticed means that some rule says fail or unknown: on a known-good deployment none does. It is not enough that a rule
has nothing to judge any more.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from auditor import yaml_documents
from auditor.authoring import examples
from auditor.errors import InputError
from auditor.evaluation.model import Outcome
from auditor.rules.conditions import CompiledRule
from tests import estates, mutator
from tests.mutator import Mutant

pytestmark = pytest.mark.slow

LIST: Any = yaml_documents.read(Path(__file__).with_name("mutations.yaml")).value
UNNOTICED: list[dict[str, Any]] = LIST["unnoticed"]

PARTS = 8
"""Into so many tests the changes of a deployment are divided."""


@cache
def mutants(name: str) -> list[Mutant]:
    known_good = mutator.estate(name)
    return known_good.mutants(known_good.reads(known_good.rules))


def entries_for(name: str, mutant: Mutant) -> list[int]:
    """Return the numbers of the entries that list a change."""

    def meant(only: dict[str, list[str]]) -> bool:
        place = {"in": name, "of": mutant.of, "was": mutant.was}
        return all(place[where] in wanted for where, wanted in only.items())

    return [
        number
        for number, entry in enumerate(UNNOTICED)
        if entry["type"] == mutant.type
        and mutant.kind in entry["changes"].get(mutant.path, ())
        and ("only" not in entry or any(map(meant, entry["only"])))
    ]


@pytest.mark.parametrize("name", estates.KNOWN_GOOD)
@pytest.mark.parametrize("part", range(PARTS))
def test_every_change_is_noticed_or_listed_with_a_reason(name: str, part: int) -> None:
    known_good = mutator.estate(name)
    changes = mutants(name)[part::PARTS]
    assert changes
    noticed = {mutant: known_good.is_noticed(mutant) for mutant in changes}
    listed = {mutant: bool(entries_for(name, mutant)) for mutant in changes}
    assert [str(mutant) for mutant in changes if not noticed[mutant] and not listed[mutant]] == [], "no rule notices"
    assert [str(mutant) for mutant in changes if noticed[mutant] and listed[mutant]] == [], "is noticed, but listed"


def test_the_list_speaks_of_changes_that_are_made() -> None:
    made = defaultdict(set)
    for name in estates.KNOWN_GOOD:
        for mutant in mutants(name):
            numbers = entries_for(name, mutant)
            assert len(numbers) <= 1, f"{mutant} has two reasons"
            for number in numbers:
                made[number].add((mutant.path, mutant.kind))
    listed = {n: {(path, k) for path, ks in e["changes"].items() for k in ks} for n, e in enumerate(UNNOTICED)}
    assert listed == made
    assert all(entry["reason"] for entry in UNNOTICED)


@pytest.mark.parametrize("name", estates.KNOWN_GOOD)
def test_rules_that_are_not_seen_to_look_at_a_change_do_not_notice_it(name: str) -> None:
    """Asking those alone is what makes asking so often possible."""
    known_good = mutator.estate(name)
    sample = [mutant for mutant in mutants(name) if len(known_good.concerned(mutant)) < len(known_good.rules)][::41]
    before = outcomes(known_good.judge(known_good.snapshot, known_good.rules))
    asked = 0
    for mutant in sample:
        try:
            changed = known_good.changed(mutant)
        except InputError:
            continue
        concerned = {loaded.rule.id for loaded in known_good.concerned(mutant)}
        others = [loaded for loaded in known_good.rules if loaded.rule.id not in concerned]
        after = outcomes(known_good.judge(changed, others))
        assert after == {rule: said for rule, said in before.items() if rule not in concerned}, str(mutant)
        asked += 1
    assert asked > 15


def outcomes(findings: Any) -> dict[str, list[tuple[str, str]]]:
    """Return what each rule says of each subject."""
    found = defaultdict(list)
    for finding in findings:
        found[finding.rule.id].append((finding.subject.id, finding.outcome))
    return found


# --- every rule can be broken -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", estates.KNOWN_GOOD)
@pytest.mark.parametrize("rule", estates.RULE_IDS)
def test_some_change_breaks_the_rule(name: str, rule: str) -> None:
    """Wherever a rule passes, one of its examples or a single change makes it fail."""
    if any(finding.outcome is Outcome.PASS for (of, *_), finding in estates.baseline(name).items() if of == rule):
        assert any(fails(name, rule, example) for example in failing_examples(name, rule)) or any(
            breaks(name, rule, mutant) for mutant in most_promising_first(name, rule)
        ), "neither an example of the rule with `expect: fail` nor a single change of what it looks at breaks it"


def most_promising_first(name: str, rule: str) -> list[Mutant]:
    """Return the changes of what a rule looks at: every sort of change once before any of them again."""
    known_good = mutator.estate(name)
    seen: defaultdict[tuple[str, ...], int] = defaultdict(int)
    ranked = []
    for mutant in mutants(name):
        concerned = known_good.concerned(mutant)
        if any(loaded.rule.id == rule for loaded in concerned):
            seen[mutant[:3]] += 1
            ranked.append((seen[mutant[:3]], len(concerned), mutant))
    return [mutant for *_, mutant in sorted(ranked, key=lambda entry: entry[:2])]


def failing_examples(name: str, rule: str) -> list[Mapping[str, Any]]:
    """Return the examples of a rule that it fails: those on this deployment first, then those on others."""
    found = [example for example in estates.every_rule()[rule].examples if example["expect"] == "fail"]
    return sorted(found, key=lambda example: example["on"] != name)


def fails(name: str, rule: str, example: Mapping[str, Any]) -> bool:
    """Return whether a rule fails after the change of an example; one may name what this deployment does not have."""
    try:
        found = examples.evaluate(examples.fixture(name), example, own(name, rule))
    except InputError:
        return False
    return any(finding.outcome is Outcome.FAIL for finding in found.values())


def own(name: str, rule: str) -> list[CompiledRule]:
    return [loaded for loaded in mutator.estate(name).rules if loaded.rule.id == rule]


def breaks(name: str, rule: str, mutant: Mutant) -> bool:
    known_good = mutator.estate(name)
    try:
        findings = known_good.judge(known_good.changed(mutant), own(name, rule))
    except InputError:
        return False
    return any(finding.outcome is Outcome.FAIL for finding in findings)
