"""Which mutations of a known-good deployment the rules of its profile notice, and which rules read what is mutated."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from functools import cached_property
from typing import Any

import msgspec

from auditor.authoring.bodies import NOTHING, at
from auditor.authoring.fixtures import Fixture
from auditor.authoring.mutations import Mutation, Mutator
from auditor.authoring.readers import Readers
from auditor.azure import arm
from auditor.azure.types.names import DISK, GUEST_FILE, SKU
from auditor.errors import InputError
from auditor.estate.scope import ScopeBuilder
from auditor.estate.topology import Topology
from auditor.evaluation.engine import RuleByRule
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
        self._readers = Readers(fixture, self.rules.values())
        self._mutator = Mutator(self._bodies, _purposes(self._unchanged))

    @cached_property
    def mutations(self) -> list[Mutation]:
        """Return the mutations of everything that the topology and the rules read."""
        return self._mutator.mutations(self._readers.places())

    def reads(self, rule: str, mutation: Mutation) -> bool:
        """Return whether a rule, or `TOPOLOGY`, reads what is mutated; of a resource, whether it reads any property."""
        return self._readers.reads(rule, (mutation.target, mutation.steps))

    def concerned(self, mutation: Mutation) -> list[str]:
        """Return the rules whose outcomes a mutation can change, those that noticed another one last first."""
        concerned = self._readers.concerned((mutation.target, mutation.steps))
        return [rule for rule in self._order if rule in concerned]

    def noticed_by(self, mutation: Mutation, rules: Iterable[str]) -> str:
        """Return the first of some rules that fails or is unknown after a mutation, "" if none does.

        No rule fails or is unknown before. A mutation that makes the ARM JSON invalid is noticed when that is decoded.
        """
        try:
            topology = self.mutated(mutation)
        except InputError:
            return "the decoder"
        last = self._last.get(mutation[:2])  # it probably notices another mutation of this property too
        evaluation = RuleByRule(topology)
        for rule in sorted(rules, key=lambda rule: rule != last):
            if self._outcomes(rule, evaluation) - {Outcome.PASS, Outcome.NOT_APPLICABLE}:
                self._order.remove(rule)
                self._order.insert(0, rule)
                self._last[mutation[:2]] = rule
                return rule
        return ""

    def passes(self, rule: str) -> bool:
        """Return whether a rule passes for any subject of the unchanged deployment."""
        return rule in self.rules and Outcome.PASS in self._outcomes(rule, RuleByRule(self._unchanged))

    def fails(self, rule: str, topology: Topology) -> bool:
        """Return whether a rule fails for any subject of a changed deployment."""
        return Outcome.FAIL in self._outcomes(rule, RuleByRule(topology))

    def mutated(self, mutation: Mutation) -> Topology:
        """Return the deployment after a mutation.

        Raises:
            InputError: the ARM JSON is invalid.
        """
        inventory = {**self.fixture.inventory, "value": self._mutator.changed(mutation)}
        return msgspec.structs.replace(self.fixture, inventory=inventory).topology()

    def _outcomes(self, rule: str, evaluation: RuleByRule) -> set[Outcome]:
        """Return the outcomes of a rule, without what only an attestation decides: no mutation changes that."""
        findings = evaluation.findings(self.rules[rule])
        return {finding.outcome for finding in findings if finding.cause is not Cause.ATTESTATION}


def _purposes(topology: Topology) -> dict[str, str]:
    """Return by key what each resource is for: the roles of the VMs that lead to it, with `dr` in the DR region.

    Of a disk also whether it is an OS or a data disk; of a SKU record its name and regions; of a file from inside a VM
    that of the VM.
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
    for file in topology.graph.by_type.get(GUEST_FILE, ()):
        purposes[file.key] = purposes.get(arm.parent_of(file.key), "")
    for sku in topology.graph.by_type[SKU]:
        purposes[sku.key] = " ".join([sku.body["name"], *sku.body["locations"]])  # type: ignore[list-item, misc]
    return purposes
