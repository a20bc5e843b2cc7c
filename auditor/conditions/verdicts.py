"""Verdicts of conditions: their truth, what they rest on, and how they join."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from auditor.conditions.comparison import EXPECTED, plain, shown
from auditor.model import Evidence
from auditor.topology import Context
from auditor.values import ABSENT, Answer, Cause, Interval, Items, Read, Unknown

Element = Any
"""What a condition speaks of: a resource, a part of one, a mirror, a tier, ..."""

Stack = tuple[Element, ...]
"""The elements that enclose a condition, innermost first."""


class Verdict(NamedTuple):
    """What a condition says: true, false, or None with the reasons why it cannot be told."""

    truth: bool | None
    evidence: tuple[Evidence, ...] = ()
    unknown: tuple[Unknown, ...] = ()


Test = Callable[[Context, Stack], Verdict]


def combine(verdicts: Iterable[Verdict], *, decisive: bool) -> Verdict:
    """Join verdicts: one that has the decisive truth decides (false in `allOf` and `each`, true in `anyOf` and `some`).

    The evidence is that of the verdicts that decided, or of all where none did alone.
    """
    decided: tuple[Evidence, ...] = ()
    others: tuple[Evidence, ...] = ()
    unknown: tuple[Unknown, ...] = ()
    found = unsure = False
    for verdict in verdicts:
        if verdict.truth is decisive:
            found = True
            decided += verdict.evidence
        elif verdict.truth is None:
            unsure = True
            unknown += verdict.unknown
        else:
            others += verdict.evidence
    if found:
        return Verdict(decisive, decided)
    return Verdict(None, (), unknown) if unsure else Verdict(not decisive, others)


def negation(test: Test) -> Test:
    """Return the test that is true where this one is false; what is unknown stays so."""

    def negated(context: Context, stack: Stack) -> Verdict:
        verdict = test(context, stack)
        return verdict if verdict.truth is None else verdict._replace(truth=not verdict.truth)

    return negated


def id_of(stack: Stack) -> str:
    """Return the id of the innermost element that has one; what a malformed list holds may have none."""
    return next(str(element.id) for element in stack if hasattr(element, "id"))


def explain(unknown: Unknown, answer: Answer, name: str) -> Unknown:
    """Say of which property a reason speaks where the reason itself does not."""
    if unknown.cause is not Cause.VALUE or unknown is answer.value or not answer.reads:
        return unknown
    read = answer.reads[0]
    return Unknown(unknown.cause, f"{read.resource}: {read.path or name}: {unknown.reason}")


def reads_of(reads: Iterable[Read]) -> tuple[tuple[str, str, object], ...]:
    """Return reads as evidence carries them, each once."""
    return tuple(dict.fromkeys((r.resource, r.path, _hashable(plain(r.value))) for r in reads))


def _hashable(value: object) -> object:
    """Return a container as text, so that evidence stays small and can be compared."""
    return shown(value) if isinstance(value, list | dict) else value


def evidence_of(  # noqa: PLR0913 - all that a leaf knows
    stack: Stack, name: str, operator: str, answer: Answer, right: Answer, *, negated: bool
) -> Evidence:
    """Return the observation behind a leaf: the property itself, or a computed value with all that went into it."""
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
