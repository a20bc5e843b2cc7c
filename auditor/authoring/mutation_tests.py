"""Tests of rules by mutations: a rule notices each of them, or a rule file states why none must."""

from __future__ import annotations

import contextlib
import json
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any, Final, NamedTuple

from auditor import bundled
from auditor.authoring import changes
from auditor.authoring.faults import Fault
from auditor.authoring.mutations import Mutation
from auditor.authoring.rule_files import TOPOLOGY, Insensitivity, RuleFile
from auditor.authoring.sensitivity import Sensitivity
from auditor.errors import InputError
from auditor.estate.topology import Topology


class Observation(NamedTuple):
    """What a mutation showed."""

    on: str
    """The known-good deployment."""
    mutation: Mutation
    listed: tuple[Insensitivity, ...]
    """The entries about it."""
    noticed: str
    """The rule that notices it, "" if none does."""
    place: tuple[str, int]
    """Where it could be listed: the file of a tested rule that reads what is mutated, and the line."""


class MutationTest:
    """Compares what rules notice on one known-good deployment with what their files state."""

    def __init__(self, sensitivity: Sensitivity, files: Collection[RuleFile], tested: Collection[RuleFile]) -> None:
        """Take the files of all packs, and those that are tested, which are of one pack.

        What the topology reads is tested with the built-in pack.
        """
        self._sensitivity = sensitivity
        self.on = sensitivity.fixture.name
        self._tested = {
            file.rule: file
            for file in tested
            if file.rule in sensitivity.rules or (file.rule == TOPOLOGY and file.path.parent == bundled.PACK)
        }
        folders = {file.path.parent for file in tested}
        self._own = {file.file for file in files if file.path.parent in folders}
        self._entries: defaultdict[tuple[str, str], list[Insensitivity]] = defaultdict(list)
        for entry in (entry for file in files for entry in file.insensitive):
            for path in entry.path:
                self._entries[entry.type, path].append(entry)

    @property
    def mutations(self) -> list[Mutation]:
        """Return the mutations to `observe`."""
        return [mutation for mutation in self._sensitivity.mutations if self._decisive(mutation)]

    def observe(self, mutation: Mutation) -> Observation:
        """Evaluate the rules that decide whether a mutation is listed rightly."""
        listed = self._stated(mutation)
        place = (listed or self._readers(mutation))[-1]
        noticed = self._sensitivity.noticed_by(mutation, self._decisive(mutation))
        return Observation(self.on, mutation, tuple(listed), noticed, (place.file, place.line))

    def listed(self, entry: Insensitivity) -> list[Mutation]:
        """Return the mutations that an entry is about."""
        return [mutation for mutation in self._sensitivity.mutations if self._is_about(entry, mutation)]

    def cannot_fail(self, file: RuleFile) -> Iterator[Fault]:
        """Yield that a rule passes here, and none of its examples and no mutation makes it fail."""
        rule = file.rule
        if self._sensitivity.passes(rule) and not any(
            self._sensitivity.fails(rule, topology) for topology in self._attempts(file)
        ):
            message = f"{rule} passes on {self.on}, and neither an example nor a mutation makes it fail there"
            yield Fault(file.file, file.line, message)

    def _attempts(self, file: RuleFile) -> Iterator[Topology]:
        """Yield the deployment as the examples that fail change it, then with mutations."""
        failing = [example.content for example in file.examples if example.content["expect"] == "fail"]
        for change in sorted(failing, key=lambda change: change["on"] != self.on):
            with contextlib.suppress(InputError):  # an example on another deployment may name what this one lacks
                yield changes.apply(self._sensitivity.fixture, change).topology()
        for mutation in self._most_promising_first(file.rule, failing):
            with contextlib.suppress(InputError):
                yield self._sensitivity.mutated(mutation)

    def _decisive(self, mutation: Mutation) -> list[str]:
        """Return the rules that must all ignore a mutation that is listed, or one of which must notice another one.

        None of them if no tested rule reads what is mutated. The entries of one pack do not bind the rules of others.
        """
        entries = self._stated(mutation)
        if not entries and not self._readers(mutation):
            return []
        concerned = self._sensitivity.concerned(mutation)
        if not entries:
            return concerned
        return [rule for rule in concerned if rule in self._tested] if entries[0].file in self._own else []

    def _readers(self, mutation: Mutation) -> list[RuleFile]:
        """Return the tested files whose rules, or the topology, read what is mutated."""
        return [file for rule, file in sorted(self._tested.items()) if self._sensitivity.reads(rule, mutation)]

    def _stated(self, mutation: Mutation) -> list[Insensitivity]:
        """Return the entries about a mutation."""
        return [entry for entry in self._entries[mutation.type, mutation.path] if self._is_about(entry, mutation)]

    def _is_about(self, entry: Insensitivity, mutation: Mutation) -> bool:
        return entry.includes(self.on, mutation) and self._sensitivity.reads(entry.rule, mutation)

    def _most_promising_first(self, rule: str, failing: Iterable[Mapping[str, Any]]) -> list[Mutation]:
        """Return the mutations that can change a rule's outcomes, those of what the examples that fail change first.

        Of the others, each kind of each property is there once before any again.
        """
        changed = {
            _INDEX.sub("[*]", entry.get("path", ""))
            for change in failing
            for entry in (*change.get("set", ()), *change.get("remove", ()))
        }
        seen: defaultdict[tuple[str, ...], int] = defaultdict(int)
        ranked = []
        for mutation in self._sensitivity.mutations:
            concerned = self._sensitivity.concerned(mutation)
            if rule in concerned:
                seen[mutation[:3]] += 1
                ranked.append(((mutation.path not in changed, seen[mutation[:3]], len(concerned)), mutation))
        return [mutation for _, mutation in sorted(ranked, key=itemgetter(0))]


_INDEX: Final = re.compile(r"\[\d+\]")


def faults(observations: Iterable[Observation]) -> Iterator[Fault]:
    """Yield where what is noticed differs from what is listed, once per entry or property."""
    unnoticed: defaultdict[tuple[tuple[str, int], str, str], list[Observation]] = defaultdict(list)
    others: defaultdict[tuple[str, str], list[Observation]] = defaultdict(list)
    wrong: defaultdict[tuple[Insensitivity, str], list[Observation]] = defaultdict(list)
    for observed in observations:
        type_, path = observed.mutation[:2]
        if observed.listed or observed.noticed:
            others[type_, path].append(observed)
        else:
            unnoticed[observed.place, type_, path].append(observed)
        if observed.listed and observed.noticed:
            wrong[observed.listed[0], f"{observed.noticed} notices what is listed here"].append(observed)
        for entry in observed.listed[1:]:
            wrong[entry, f"{observed.listed[0].file}:{observed.listed[0].line} lists this too"].append(observed)
    for (entry, why), found in wrong.items():
        yield Fault(entry.file, entry.line, f"{why}: {_shown(found)}")
    for (place, type_, path), found in unnoticed.items():
        hint = f"Let one notice it, or list it under `insensitive`: {_entry(found, others[type_, path])}"
        yield Fault(*place, f"no rule notices {_shown(found)}. {hint}")


def _shown(observations: Sequence[Observation]) -> str:
    """Return the first mutation, and how many others there are."""
    more = len(observations) - 1
    others = f", and {more:,} other mutation{'s' * (more > 1)}" if more else ""
    return f"{observations[0].mutation} on {observations[0].on}{others}"


def _entry(unnoticed: Sequence[Observation], others: Sequence[Observation]) -> str:
    """Return an entry that lists mutations of a property, with as few keys as exclude the others."""
    chosen = {"path": [unnoticed[0].mutation.path]}
    for key, value_of in _SELECTORS.items():
        if others:
            chosen[key] = sorted({value_of(observed) for observed in unnoticed})
            others = [observed for observed in others if value_of(observed) in chosen[key]]
    given = ", ".join(f"{key}: {json.dumps(values)}" for key, values in chosen.items())
    return f"- {{type: {unnoticed[0].mutation.type}, {given}, reason: ...}}"


_SELECTORS: Final[Mapping[str, Callable[[Observation], str]]] = {
    "kind": lambda observed: observed.mutation.kind,
    "of": lambda observed: observed.mutation.of,
    "was": lambda observed: observed.mutation.was,
    "on": lambda observed: observed.on,
}
"""What narrows an entry about a property, in the order of preference."""


def unused(files: Iterable[RuleFile], tests: Collection[MutationTest]) -> Iterator[Fault]:
    """Yield what files list although it is no mutation of what their rules read on any known-good deployment."""
    for entry in (entry for file in files for entry in file.insensitive):
        found = [(test.on, mutation) for test in tests for mutation in test.listed(entry)]
        unneeded = [
            *sorted({*entry.on} - {on for on, _ in found}),
            *sorted({*entry.of} - {mutation.of for _, mutation in found}),
            *sorted({*entry.was} - {mutation.was for _, mutation in found}),
        ]
        if found or not unneeded:
            kinds = {(mutation.path, kind) for _, mutation in found for kind in (mutation.kind, "")}
            unneeded += [
                f"{path} {kind}".strip()
                for path in entry.path
                for kind in entry.kind or [""]
                if (path, kind) not in kinds
            ]
        if unneeded:
            message = (
                f"of this there is no mutation of what {entry.rule or 'the topology'} reads: {'; '.join(unneeded)}"
            )
            yield Fault(entry.file, entry.line, message)
