"""Verdicts of conditions: their truth, what they rest on, and how they join."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any, Final, overload

import msgspec

from auditor.azure.paths import ABSENT
from auditor.rules.conditions.operators import EXPECTED, plain, shown
from auditor.rules.context import Context
from auditor.rules.evidence import Evidence
from auditor.snapshot.known import Answer, Interval, Items, Read, Unknown

Element = Any
"""What a condition speaks of: a resource, a part of one, a mirror, a tier, ..."""

Stack = tuple[Element, ...]
"""The elements that enclose a condition, innermost first."""


class Observation(msgspec.Struct, frozen=True):
    """All that a leaf has seen, from which its evidence can be worded."""

    stack: Stack
    name: str
    operator: str
    left: Answer
    right: Answer
    negated: bool


Again = partial[Any]
"""A test with what it was asked, to be asked again for its evidence."""


class Proof(Sequence[Evidence]):
    """Evidence that is worded when somebody looks at it: most verdicts are passes, whose evidence nobody asks for.

    Kept for every pass it would take more memory than the subscription itself, so that a test is rather asked again.
    """

    __slots__ = ("_distinct", "_parts", "_worded")

    def __init__(self, *parts: Observation | Again | Sequence[Evidence], distinct: bool = False) -> None:
        """Keep what was seen, and other evidence; `distinct` tells that what is said twice is to be left out."""
        self._parts = parts
        self._distinct = distinct
        self._worded: tuple[Evidence, ...] | None = None

    def _words(self) -> tuple[Evidence, ...]:
        if self._worded is None:
            words: Iterable[Evidence] = _word(self._parts)
            if self._distinct:
                words = {(e.resource.lower(), e.path, e.expected): e for e in words}.values()
            self._worded = tuple(words)
            self._parts = ()
        return self._worded

    def __len__(self) -> int:
        """Return how much there is."""
        return len(self._words())

    @overload
    def __getitem__(self, index: int) -> Evidence: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Evidence, ...]: ...
    def __getitem__(self, index: int | slice) -> Evidence | tuple[Evidence, ...]:
        """Return some of it."""
        return self._words()[index]

    def __eq__(self, other: object) -> bool:
        """Compare with other evidence, whether it has been worded or not."""
        return isinstance(other, Proof | tuple) and self._words() == tuple(other)

    def __hash__(self) -> int:
        """Return the hash of the evidence."""
        return hash(self._words())

    def __repr__(self) -> str:
        """Return the evidence."""
        return repr(self._words())


def _word(parts: Iterable[Observation | Again | Sequence[Evidence]]) -> Iterator[Evidence]:
    """Yield the evidence of which others consist."""
    for part in parts:
        if isinstance(part, Observation):
            yield evidence_of(part)
        elif isinstance(part, partial):
            yield from part().evidence
        else:
            yield from part


NOTHING: Final[Sequence[Evidence]] = ()
"""The evidence of a test that is asked for its truth alone."""


class Verdict(msgspec.Struct, frozen=True):
    """What a condition says: true, false, or None with the reasons why it cannot be told."""

    truth: bool | None
    evidence: Sequence[Evidence] = NOTHING
    unknown: tuple[Unknown, ...] = ()


TRUE: Final = Verdict(truth=True)
FALSE: Final = Verdict(truth=False)

Test = Callable[[Context, Stack], Verdict]


def combine(verdicts: Iterable[Verdict], *, decisive: bool) -> Verdict:
    """Join verdicts: one that has the decisive truth decides (false in `allOf` and `each`, true in `anyOf` and `some`).

    The evidence is that of the verdicts that decided, or of all where none did alone.
    """
    decided: list[Sequence[Evidence]] = []
    others: list[Sequence[Evidence]] = []
    unknown: tuple[Unknown, ...] = ()
    found = unsure = False
    for verdict in verdicts:
        if verdict.truth is decisive:
            found = True
            if verdict.evidence is not NOTHING:
                decided.append(verdict.evidence)
        elif verdict.truth is None:
            unsure = True
            unknown += verdict.unknown
        elif verdict.evidence is not NOTHING:
            others.append(verdict.evidence)
    if unsure and not found:
        return Verdict(None, (), unknown)
    evidence = decided if found else others
    if not evidence:
        return TRUE if decisive is found else FALSE
    return Verdict(decisive if found else not decisive, evidence[0] if len(evidence) == 1 else Proof(*evidence))


def joined(tests: Sequence[Test], *, decisive: bool) -> Test:
    """Return the test that joins others, of which it asks no more than it must where only the truth is asked for."""

    def join(context: Context, stack: Stack) -> Verdict:
        if not context.brief:
            return combine((test(context, stack) for test in tests), decisive=decisive)
        unknown: tuple[Unknown, ...] = ()
        unsure = False
        for test in tests:
            verdict = test(context, stack)
            if verdict.truth is decisive:
                return verdict
            if verdict.truth is None:
                unsure = True
                unknown += verdict.unknown
        if unsure:
            return Verdict(None, (), unknown)
        return FALSE if decisive else TRUE

    return join


def negation(test: Test) -> Test:
    """Return the test that is true where this one is false; what is unknown stays so."""

    def negated(context: Context, stack: Stack) -> Verdict:
        verdict = test(context, stack)
        if context.silent and verdict.truth is not None:
            return FALSE if verdict.truth else TRUE
        return verdict if verdict.truth is None else msgspec.structs.replace(verdict, truth=not verdict.truth)

    return negated


def id_of(stack: Stack) -> str:
    """Return the id of the innermost element that has one; what a malformed list holds may have none."""
    return next(str(element.id) for element in stack if hasattr(element, "id"))


def explain(unknown: Unknown, left: Answer, right: Answer, name: str) -> Unknown:
    """Say of which property a reason speaks where the reason is the comparison's own and so does not."""
    answer = right if right.value is ABSENT and left.value is not ABSENT else left
    if any(unknown in _reasons(operand.value) for operand in (left, right)) or not answer.reads:
        return unknown
    read = next((read for read in answer.reads if read.value is ABSENT), answer.reads[0])
    reason = f"{read.resource}: {read.path or name}: {unknown.reason}"
    return msgspec.structs.replace(unknown, reason=reason, about=(*unknown.about, read.resource))


def _reasons(value: object) -> tuple[object, ...]:
    """Return why a value is not known, or not all of it."""
    if isinstance(value, Interval):
        return value.because
    return (value.missing, *value.known) if isinstance(value, Items) else (value,)


def reads_of(reads: Iterable[Read]) -> tuple[tuple[str, str, object], ...]:
    """Return reads as evidence carries them, each once."""
    return tuple(dict.fromkeys((r.resource, r.path, _hashable(plain(r.value))) for r in reads))


def _hashable(value: object) -> object:
    """Return a container as text, so that evidence stays small and can be compared."""
    return shown(value) if isinstance(value, list | dict) else value


def evidence_of(observation: Observation) -> Evidence:
    """Return what a leaf has seen: the property itself, or a computed value with all that went into it."""
    stack, name, operator = observation.stack, observation.name, observation.operator
    answer, right, negated = observation.left, observation.right, observation.negated
    if operator == "exists":
        expected = "present" if right.value is not negated else "absent"
    elif operator == "unique":
        expected = "no value twice" if right.value is not negated else "a value twice"
    else:
        operand = right.value.pattern if operator == "matches" else shown(right.value)  # type: ignore[attr-defined]
        expected = EXPECTED[operator][negated].format(operand)
    if len(answer.reads) == 1 and not isinstance(answer.value, Interval | Items):
        read = answer.reads[0]
        if read.value is answer.value or read.value is ABSENT:
            return Evidence(read.resource, read.path, plain(read.value), expected, reads_of(right.reads))
    return Evidence(id_of(stack), name, plain(answer.value), expected, reads_of((*answer.reads, *right.reads)))
