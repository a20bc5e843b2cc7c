"""Which rules read which properties of a known-good deployment."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from auditor.authoring import fixtures
from auditor.authoring.bodies import at, has_objects
from auditor.authoring.fixtures import Fixture
from auditor.authoring.initial_state import InitialState
from auditor.authoring.recording import Place, Recorder
from auditor.authoring.rule_files import TOPOLOGY
from auditor.azure import arm
from auditor.azure.types.names import GUEST_FILE
from auditor.estate.topology import Topology
from auditor.evaluation import engine
from auditor.evaluation.engine import Detail
from auditor.rules.conditions import CompiledRule

_KIND: Final = ("properties", "kind")
"""The kind of a guest file."""


class Readers:
    """The rules of a profile, and the topology, as readers of the resources of a known-good deployment."""

    def __init__(self, fixture: Fixture, rules: Iterable[CompiledRule]) -> None:
        """Take the rules; what each reads is recorded on demand."""
        self._fixture = fixture
        self._rules = {rule.rule.id: rule for rule in rules}
        snapshot = fixture.topology().graph.snapshot
        self._bodies: dict[str, Any] = {resource.key: resource.body for resource in snapshot.resources}
        self._recorder = Recorder()
        declared = fixture.decoder.deployments(fixture.declared)
        self._topology = Topology(self._recorder.snapshot(snapshot), declared, fixtures.AS_OF)
        self._by_topology = self._recorder.take()
        self._initial = InitialState(self._topology)
        self._recorder.take()
        self._reads_of: dict[str, _Reads] = {}
        self._concerned: dict[Place, frozenset[str]] = {}

    def places(self) -> set[Place]:
        """Return everything that the topology and the rules read."""
        by_topology, by_rules = self._read(self._rules.values())
        return {place for place in by_topology | by_rules if not _finds_files(place)}

    def reads(self, rule: str, place: Place) -> bool:
        """Return whether a rule, or `TOPOLOGY`, reads a property; of a whole resource, whether it reads any."""
        return (rule == TOPOLOGY or rule in self._rules) and self._reads(rule).includes(place, self._bodies[place[0]])

    def concerned(self, place: Place) -> frozenset[str]:
        """Return the rules whose outcomes another value of a property can change.

        Those are all if the topology reads it, or if a whole resource is changed that is no file from inside a VM.
        """
        if place not in self._concerned:
            is_file = arm.type_of(place[0]) == GUEST_FILE
            everything = not (place[1] or is_file) or self.reads(TOPOLOGY, place)
            self._concerned[place] = frozenset(rule for rule in self._rules if everything or self.reads(rule, place))
        return self._concerned[place]

    def _reads(self, rule: str) -> _Reads:
        if rule not in self._reads_of:
            by_topology, by_rule = self._read([] if rule == TOPOLOGY else [self._rules[rule]])
            self._reads_of[rule] = _Reads(by_topology if rule == TOPOLOGY else by_rule)
        return self._reads_of[rule]

    def _read(self, rules: Iterable[CompiledRule]) -> tuple[set[Place], set[Place]]:
        """Return what the topology reads, and what rules read besides, each also where it decides nothing."""
        self._initial.restore()
        engine.evaluate(self._topology, rules, Detail.ALL)
        return self._by_topology, self._recorder.take()


def _finds_files(place: Place) -> bool:
    """Return whether a property is the kind of a guest file: it follows from the name, and is read to find the others.

    A file that is missing or was not read may be of any kind.
    """
    return place[1] == _KIND and arm.type_of(place[0]) == GUEST_FILE


class _Reads:
    """The places that a rule or the topology reads."""

    def __init__(self, places: set[Place]) -> None:
        self._places = {place for place in places if not _finds_files(place)}
        self._on_the_way = {(key, steps[:depth]) for key, steps in self._places for depth in range(len(steps) + 1)} | {
            (key, ()) for key, _ in places
        }

    def includes(self, place: Place, body: Any) -> bool:  # noqa: ANN401 - parsed JSON
        """Return whether a property is read, or anything in it, or an object or list that it is in.

        A list of objects that is read, for its length, does not include what is in the objects.
        """
        key, steps = place
        places = [(key, steps[:depth]) for depth in range(len(steps) + 1)]
        return place in self._on_the_way or any(
            each in self._places and not (each in places[:-2] and has_objects(at(body, each[1]))) for each in places
        )
