"""Every mutation is noticed by a rule, or a rule file states why not; and every rule can fail."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from functools import cache

import pytest

from auditor.authoring import fixtures, mutation_tests
from auditor.authoring.mutation_tests import MutationTest
from auditor.authoring.mutations import Mutation
from auditor.authoring.sensitivity import Sensitivity
from auditor.errors import InputError
from auditor.estate.topology import Topology
from auditor.evaluation import engine
from auditor.evaluation.model import Outcome
from auditor.rules.conditions import CompiledRule
from tests import estates

pytestmark = pytest.mark.slow

PARTS = 8
"""The number of tests into which the mutations of a deployment are divided."""
LIKE = {"healthshare-current": "trakcare-current"}
"""A deployment whose mutations are mostly those of another one with the same rules: a part of these is tried again."""


@cache
def sensitivity(name: str) -> Sensitivity:
    return Sensitivity(fixtures.known_good(name), estates.rules(estates.KNOWN_GOOD[name]))


@cache
def checks(name: str) -> MutationTest:
    files = estates.rule_files().values()
    return MutationTest(sensitivity(name), files, files)


@cache
def tried(name: str) -> list[Mutation]:
    """Return the mutations that differ from those of the deployment that it is like, and a part of the others."""
    of_the_other = {mutation[:5] for mutation in checks(LIKE[name]).mutations} if name in LIKE else set()
    own = checks(name).mutations
    again = [mutation for mutation in own if mutation[:5] in of_the_other]
    return [*(mutation for mutation in own if mutation[:5] not in of_the_other), *again[::PARTS]]


@pytest.mark.parametrize("name", estates.KNOWN_GOOD)
@pytest.mark.parametrize("part", range(PARTS))
def test_every_mutation_is_noticed_or_listed_with_a_reason(name: str, part: int) -> None:
    mutations = tried(name)[part::PARTS]
    assert mutations
    assert [*map(str, mutation_tests.faults(checks(name).observe(mutation) for mutation in mutations))] == []


def test_everything_that_is_listed_is_a_mutation() -> None:
    files = estates.rule_files().values()
    assert sum(len(file.insensitive) for file in files) > 100
    assert [*map(str, mutation_tests.unused(files, [checks(name) for name in estates.KNOWN_GOOD]))] == []


@pytest.mark.parametrize("name", estates.KNOWN_GOOD)
@pytest.mark.parametrize("rule", estates.RULE_IDS)
def test_every_rule_that_passes_can_fail(name: str, rule: str) -> None:
    assert [*map(str, checks(name).cannot_fail(estates.rule_files()[rule]))] == []


@pytest.mark.parametrize("name", estates.KNOWN_GOOD)
def test_rules_that_do_not_read_what_is_mutated_do_not_notice_it(name: str) -> None:
    """Therefore the other tests evaluate only rules that read what is mutated, which takes less time."""
    known_good = sensitivity(name)
    rules = set(known_good.rules)
    sample = [mutation for mutation in known_good.mutations if set(known_good.concerned(mutation)) != rules][::41]
    before = outcomes(known_good.fixture.topology(), known_good.rules.values())
    evaluated = 0
    for mutation in sample:
        try:
            mutated = known_good.mutated(mutation)
        except InputError:
            continue
        others = rules - set(known_good.concerned(mutation))
        after = outcomes(mutated, [known_good.rules[rule] for rule in sorted(others)])
        assert after == {rule: found for rule, found in before.items() if rule in others}, str(mutation)
        evaluated += 1
    assert evaluated > 15


def outcomes(topology: Topology, rules: Iterable[CompiledRule]) -> dict[str, list[tuple[str, Outcome]]]:
    """Return the outcomes of each rule by subject."""
    found = defaultdict(list)
    for finding in engine.evaluate(topology, rules):
        found[finding.rule.id].append((finding.subject.id, finding.outcome))
    return found
