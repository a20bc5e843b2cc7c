"""Results of conditions and how they combine, by strong Kleene logic."""

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


class Result(msgspec.Struct, frozen=True):
    """The result of a condition."""

    truth: bool | None
    """The truth value; None for unknown."""
    evidence: tuple[Evidence, ...] = ()
    """What decided it; empty for unknown, and where only the truth value was asked for."""
    unknown: tuple[Unknown, ...] = ()
    """Why it is unknown."""


TRUE: Final = Result(truth=True)
FALSE: Final = Result(truth=False)

Test = Callable[[Context, Stack], Result]
"""A compiled condition."""


def unknown_because(*reasons: Unknown) -> Result:
    """Return the result of a condition whose truth value is unknown."""
    return Result(None, (), reasons)


def selects(where: Test | None, context: Context, item: object, stack: Stack) -> Result:
    """Return whether a condition, if there is one, selects an item of a list."""
    if isinstance(item, Unknown):
        return unknown_because(item)
    return TRUE if where is None else where(context, (item, *stack))


def combine(results: Iterable[Result], *, decisive: bool) -> Result:
    """Combine results; one whose truth value is `decisive` decides: false for `allOf` and `each`, true for the others.

    The evidence is that of the results that decided, or of all where none did alone.
    """
    decided: list[Evidence] = []
    others: list[Evidence] = []
    reasons: list[Unknown] = []
    found = undecided = False
    for result in results:
        if result.truth is decisive:
            found = True
            decided += result.evidence
        elif result.truth is None:
            undecided = True
            reasons += result.unknown
        else:
            others += result.evidence
    if undecided and not found:
        return unknown_because(*reasons)
    evidence = decided if found else others
    truth = decisive is found
    return Result(truth, tuple(evidence)) if evidence else TRUE if truth else FALSE


def joined(tests: Sequence[Test], *, decisive: bool) -> Test:
    """Return `allOf` (`decisive` is false) or `anyOf` (true) of some tests."""

    def join(context: Context, stack: Stack) -> Result:
        if not context.truth_only:
            return combine([test(context, stack) for test in tests], decisive=decisive)
        reasons: tuple[Unknown, ...] = ()
        undecided = False
        for test in tests:
            result = test(context, stack)
            if result.truth is decisive:
                return result
            if result.truth is None:
                undecided = True
                reasons += result.unknown
        if undecided:
            return unknown_because(*reasons)
        return FALSE if decisive else TRUE

    return join


def negation(test: Test) -> Test:
    """Return `not` of a test; what is unknown stays unknown, and the evidence is the same."""

    def negated(context: Context, stack: Stack) -> Result:
        result = test(context, stack)
        if result.truth is None:
            return result
        if result.evidence:
            return Result(not result.truth, result.evidence)
        return FALSE if result.truth else TRUE

    return negated
