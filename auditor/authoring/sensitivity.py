"""Which mutations of a known-good deployment the rules of its profile notice, and which rules read what is mutated."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from functools import cached_property
from typing import Any

import msgspec

from auditor.authoring import fixtures
from auditor.authoring.bodies import NOTHING, at, has_objects
from auditor.authoring.fixtures import Fixture
from auditor.authoring.mutations import Mutation, Mutator
from auditor.authoring.recording import Place, Recorder
from auditor.authoring.rule_files import TOPOLOGY
from auditor.azure.types.names import DISK, SKU
from auditor.errors import InputError
from auditor.estate.scope import ScopeBuilder
from auditor.estate.topology import Topology
from auditor.evaluation import engine
from auditor.evaluation.engine import Detail
from auditor.evaluation.model import Outcome
from auditor.rules.conditions import CompiledRule
from auditor.snapshot.known import Cause, PartialList
from auditor.snapshot.model import Resource


class Sensitivity:
    """A known-good deployment that is mutated, and the rules of its profile."""

    def __init__(self, fixture: Fixture, rules: Iterable[CompiledRule]) -> None:
        """Take the rules."""
        self.fixture = fixture
        self.rules = {rule.rule.id: rule for rule in rules}
        self._order = list(self.rules)
        self._last: dict[tuple[str, str], str] = {}
        self._unchanged = fixture.topology()
        snapshot = self._unchanged.graph.snapshot
        self._bodies: dict[str, Any] = {resource.key: resource.body for resource in snapshot.resources}
        self._recorder = Recorder()
        self._recorded = self._recorder.snapshot(snapshot)
        self._mutator = Mutator(self._bodies, _purposes(self._unchanged))
        self._reads_of: dict[str, _Reads] = {}
        self._concerned: dict[Place, set[str]] = {}

    @cached_property
    def mutations(self) -> list[Mutation]:
        """Return the mutations of everything that the topology and the rules read."""
        by_topology, by_rules = self._read(self.rules.values())
        return self._mutator.mutations(by_topology | by_rules)

    def topology(self, mutation: Mutation) -> Topology:
        """Return the topology after a mutation.

        Raises:
            InputError: the ARM JSON is refused.
        """
        inventory = {**self.fixture.inventory, "value": self._mutator.changed(mutation)}
        return msgspec.structs.replace(self.fixture, inventory=inventory).topology()

    def reads(self, rule: str, mutation: Mutation) -> bool:
        """Return whether a rule, or `TOPOLOGY`, reads what is mutated; of a resource, whether it reads any property."""
        return (rule == TOPOLOGY or rule in self.rules) and self._reads(rule).includes(
            mutation, self._bodies[mutation.target]
        )

    def concerned(self, mutation: Mutation) -> list[str]:
        """Return the rules whose outcomes a mutation can change, those that noticed another one last first.

        Those are all if it changes what the topology reads, or if a resource is lost.
        """
        place = mutation.target, mutation.steps
        if place not in self._concerned:
            everything = not mutation.steps or self.reads(TOPOLOGY, mutation)
            self._concerned[place] = {rule for rule in self.rules if everything or self.reads(rule, mutation)}
        return [rule for rule in self._order if rule in self._concerned[place]]

    def noticed_by(self, mutation: Mutation, rules: Iterable[str]) -> str:
        """Return the first of some rules that fails or is unknown after a mutation, "" if none does.

        No rule fails or is unknown before. A mutation that makes the ARM JSON invalid is noticed when that is decoded.
        """
        try:
            topology = self.mutated(mutation)
        except InputError:
            return "the decoder"
        last = self._last.get(mutation[:2])  # it probably notices another mutation of this property too
        for rule in sorted(rules, key=lambda rule: rule != last):
            if self._outcomes(rule, topology) - {Outcome.PASS, Outcome.NOT_APPLICABLE}:
                self._order.remove(rule)
                self._order.insert(0, rule)
                self._last[mutation[:2]] = rule
                return rule
        return ""

    def passes(self, rule: str) -> bool:
        """Return whether a rule passes for any subject of the unchanged deployment."""
        return rule in self.rules and Outcome.PASS in self._outcomes(rule, self._unchanged)

    def fails(self, rule: str, topology: Topology) -> bool:
        """Return whether a rule fails for any subject of a changed deployment."""
        return Outcome.FAIL in self._outcomes(rule, topology)

    def mutated(self, mutation: Mutation) -> Topology:
        """Return the deployment after a mutation.

        Raises:
            InputError: the ARM JSON is invalid.
        """
        inventory = {**self.fixture.inventory, "value": self._mutator.changed(mutation)}
        return msgspec.structs.replace(self.fixture, inventory=inventory).topology()

    def _outcomes(self, rule: str, topology: Topology) -> set[Outcome]:
        """Return the outcomes of a rule, without what only an attestation decides: no mutation changes that."""
        findings = engine.evaluate(topology, [self.rules[rule]])
        return {finding.outcome for finding in findings if finding.cause is not Cause.ATTESTATION}

    def _reads(self, rule: str) -> _Reads:
        if rule not in self._reads_of:
            by_topology, by_rule = self._read([] if rule == TOPOLOGY else [self.rules[rule]])
            self._reads_of[rule] = _Reads(by_topology if rule == TOPOLOGY else by_rule)
        return self._reads_of[rule]

    def _read(self, rules: Iterable[CompiledRule]) -> tuple[set[Place], set[Place]]:
        """Return what the topology reads, and what rules read besides, each also where it decides nothing."""
        declared = self.fixture.decoder.deployments(self.fixture.declared)
        topology = Topology(self._recorded, declared, fixtures.AS_OF)
        by_topology = self._recorder.take()
        engine.evaluate(topology, rules, Detail.ALL)
        return by_topology, self._recorder.take()


class _Reads:
    """The places that a rule or the topology reads."""

    def __init__(self, places: set[Place]) -> None:
        self._places = places
        self._on_the_way = {(key, steps[:depth]) for key, steps in places for depth in range(len(steps) + 1)}

    def includes(self, mutation: Mutation, body: Any) -> bool:  # noqa: ANN401 - parsed JSON
        """Return whether a mutated property is read, or anything in it, or an object or list that it is in.

        A list of objects that is read, for its length, does not include what is in the objects.
        """
        places = [(mutation.target, mutation.steps[:depth]) for depth in range(len(mutation.steps) + 1)]
        return places[-1] in self._on_the_way or any(
            place in self._places and not (place in places[:-2] and has_objects(at(body, place[1]))) for place in places
        )


def _purposes(topology: Topology) -> dict[str, str]:
    """Return by key what each resource is for: the roles of the VMs that lead to it, with `dr` in the DR region.

    Of a disk also whether it is an OS or a data disk; of a SKU record its name and regions.
    """
    found: defaultdict[str, set[str]] = defaultdict(set)
    for deployment in topology.deployments:
        for key, roles in deployment.roles.items():
            vm = topology.graph.resources[key]
            region = " dr" if vm.location == deployment.declared.dr_region else ""
            scope = ScopeBuilder(topology.public_addresses, deployment.subscriptions)
            scope.add_members(PartialList((vm,)))
            for reached in (resource for items in scope.result().values() for resource in items.of_type(Resource)):
                found[reached.key] |= {f"{role}{region}" for role in roles}
    purposes = {key: ", ".join(sorted(roles)) for key, roles in found.items()}
    for disk in topology.graph.by_type[DISK]:
        is_data = at(disk.body, ("properties", "osType")) is NOTHING
        purposes[disk.key] = f"{'data' if is_data else 'OS'} {purposes[disk.key]}"
    for sku in topology.graph.by_type[SKU]:
        purposes[sku.key] = " ".join([sku.body["name"], *sku.body["locations"]])  # type: ignore[list-item, misc]
    return purposes
