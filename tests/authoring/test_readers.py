"""What rules read, recorded."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.authoring import fixtures
from auditor.authoring.initial_state import InitialState
from auditor.authoring.readers import Readers
from auditor.evaluation import engine
from tests import estates

SHARING = ("LB003", "LB006", "MIR002", "MIR019", "NET009", "NET010", "NET011", "STO006", "STO007")
"""Rules whose facts use the same results of the topology."""


@pytest.mark.slow
def test_a_record_does_not_depend_on_what_was_evaluated_before() -> None:
    fixture = fixtures.known_good("trakcare-current")
    rules = {rule.rule.id: rule for rule in estates.rules(fixture.profile) if rule.rule.id in SHARING}
    assert set(rules) == set(SHARING)
    alone = {name: Readers(fixture, [rule]) for name, rule in rules.items()}
    together = Readers(fixture, rules.values())
    places = together.places()
    for name in (*SHARING, *reversed(SHARING)):
        expected = {place for place in places if alone[name].reads(name, place)}
        assert expected
        assert {place for place in places if together.reads(name, place)} == expected


@pytest.mark.slow
def test_a_topology_forgets_what_rules_made_it_compute() -> None:
    fixture = fixtures.known_good("trakcare-2018")
    topology = fixture.topology()
    keeping = (topology, topology.graph, topology.security_groups, topology.load_balancing)

    def kept() -> list[int]:
        return [len(found.__dict__) + sum(map(len, dicts(found))) for found in keeping]

    def dicts(found: Any) -> list[dict[object, object]]:
        return [value for value in found.__dict__.values() if isinstance(value, dict)]

    initial, before = InitialState(topology), kept()
    engine.evaluate(topology, estates.rules(fixture.profile))
    assert sum(kept()) > sum(before)
    initial.restore()
    assert kept() == before
