"""Every change that the mutator makes is noticed or has a reason why no rule cares, and every rule can be broken.

Noticed means that some rule says fail or unknown: on a known-good deployment none does. It is not enough that a rule
has nothing to judge any more.
"""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from auditor import yaml_documents
from auditor.authoring import examples
from auditor.errors import InputError
from auditor.judging.model import Outcome
from tests import estates, mutator
from tests.mutator import Mutant

LIST: Any = yaml_documents.read(Path(__file__).with_name("mutations.yaml")).value
UNNOTICED: list[dict[str, Any]] = LIST["unnoticed"]
BY_HAND: dict[str, dict[str, Any]] = LIST["by_hand"]


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


CHUNKS = sorted({(name, mutant.type) for name in estates.KNOWN_GOOD for mutant in mutants(name)})


@pytest.mark.parametrize(("name", "type_"), CHUNKS)
def test_every_change_is_noticed_or_listed_with_a_reason(name: str, type_: str) -> None:
    known_good = mutator.estate(name)
    changes = [mutant for mutant in mutants(name) if mutant.type == type_]
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
    assert len(sample) > 15
    before = outcomes(known_good.judge(known_good.snapshot, known_good.rules))
    for mutant in sample:
        after = outcomes(known_good.judge(known_good.changed(mutant), known_good.rules))
        concerned = {loaded.rule.id for loaded in known_good.concerned(mutant)}
        changed = {rule for rule in before.keys() | after.keys() if before.get(rule) != after.get(rule)}
        assert changed <= concerned, str(mutant)


def outcomes(findings: Any) -> dict[str, list[tuple[str, str]]]:
    """Return what each rule says of each subject."""
    found = defaultdict(list)
    for finding in findings:
        found[finding.rule.id].append((finding.subject.id, finding.outcome))
    return found


# --- every rule can be broken -----------------------------------------------------------------------------------------

PASSING = sorted(
    {
        (name, rule)
        for name in estates.KNOWN_GOOD
        for (rule, _, _), finding in estates.baseline(name).items()
        if finding.outcome is Outcome.PASS
    }
)


@pytest.mark.parametrize(("name", "rule"), PASSING)
def test_some_change_breaks_the_rule(name: str, rule: str) -> None:
    by_hand = BY_HAND.get(rule, {}).get(name)
    if by_hand:
        found = examples.judge(examples.fixture(name), by_hand, mutator.estate(name).rules)
        assert any(f.outcome is Outcome.FAIL for (rule_id, *_), f in found.items() if rule_id == rule)
        return
    assert any(breaks(name, rule, mutant) for mutant in most_promising_first(name, rule))


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


def breaks(name: str, rule: str, mutant: Mutant) -> bool:
    known_good = mutator.estate(name)
    rules = [loaded for loaded in known_good.rules if loaded.rule.id == rule]
    try:
        findings = known_good.judge(known_good.changed(mutant), rules)
    except InputError:
        return False
    return any(finding.outcome is Outcome.FAIL for finding in findings)


def test_what_is_done_by_hand_is_about_rules_that_pass() -> None:
    by_hand = {(name, rule) for rule, entry in BY_HAND.items() for name in entry if name != "reason"}
    assert by_hand <= set(PASSING)
    assert all(entry["reason"] for entry in BY_HAND.values())
