"""Verdicts of conditions and how they combine, by strong Kleene logic."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import msgspec

from auditor.rules.context import Context
from auditor.rules.evidence import Evidence
from auditor.snapshot.known import Answer, Unknown

Stack = tuple[Any, ...]
"""The elements that a condition is evaluated for, innermost first: a part, its resource, the deployment, ..."""

LookUp = Callable[[Context, Stack], Answer]
"""Returns an input or operand of a comparison."""


class Verdict(msgspec.Struct, frozen=True):
    """The result of a condition."""

    truth: bool | None
    """The truth value; None for unknown."""
    evidence: tuple[Evidence, ...] = ()
    """What decided it; empty for unknown, and where only the truth value was asked for."""
    unknown: tuple[Unknown, ...] = ()
    """Why it is unknown."""


TRUE: Final = Verdict(truth=True)
FALSE: Final = Verdict(truth=False)

Test = Callable[[Context, Stack], Verdict]
"""A compiled condition."""


def unknown_because(*reasons: Unknown) -> Verdict:
    """Return the verdict of a condition whose truth value is unknown."""
    return Verdict(None, (), reasons)


def selects(where: Test | None, context: Context, item: object, stack: Stack) -> Verdict:
    """Return whether a condition, if there is one, selects an item of a list."""
    if isinstance(item, Unknown):
        return unknown_because(item)
    return TRUE if where is None else where(context, (item, *stack))


def combine(verdicts: Iterable[Verdict], *, decisive: bool) -> Verdict:
    """Combine verdicts; one whose truth value is `decisive` decides: false for `allOf` and `each`, true for the others.

    The evidence is that of the verdicts that decided, or of all where none did alone.
    """
    decided: list[Evidence] = []
    others: list[Evidence] = []
    reasons: list[Unknown] = []
    found = unsure = False
    for verdict in verdicts:
        if verdict.truth is decisive:
            found = True
            decided += verdict.evidence
        elif verdict.truth is None:
            unsure = True
            reasons += verdict.unknown
        else:
            others += verdict.evidence
    if unsure and not found:
        return unknown_because(*reasons)
    evidence = decided if found else others
    truth = decisive is found
    return Verdict(truth, tuple(evidence)) if evidence else TRUE if truth else FALSE


def joined(tests: Sequence[Test], *, decisive: bool) -> Test:
    """Return `allOf` (`decisive` is false) or `anyOf` (true) of some tests."""

    def join(context: Context, stack: Stack) -> Verdict:
        if not context.truth_only:
            return combine([test(context, stack) for test in tests], decisive=decisive)
        reasons: tuple[Unknown, ...] = ()
        unsure = False
        for test in tests:
            verdict = test(context, stack)
            if verdict.truth is decisive:
                return verdict
            if verdict.truth is None:
                unsure = True
                reasons += verdict.unknown
        if unsure:
            return unknown_because(*reasons)
        return FALSE if decisive else TRUE

    return join


def negation(test: Test) -> Test:
    """Return `not` of a test; what is unknown stays unknown, and the evidence is the same."""

    def negated(context: Context, stack: Stack) -> Verdict:
        verdict = test(context, stack)
        if verdict.truth is None:
            return verdict
        if verdict.evidence:
            return Verdict(not verdict.truth, verdict.evidence)
        return FALSE if verdict.truth else TRUE

    return negated
