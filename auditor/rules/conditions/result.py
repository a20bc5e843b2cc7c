"""Results of conditions and how they combine, by strong Kleene logic."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, NamedTuple, TypeVar

import msgspec

from auditor.rules.context import Context
from auditor.rules.evidence import Evidence
from auditor.snapshot.known import Answer, Unknown

Stack = tuple[Any, ...]
"""The elements that a condition is evaluated for, innermost first: a part, its resource, the deployment, ..."""

T = TypeVar("T")
Compute = Callable[[Context, Stack], T]
"""Computes something for an element within what encloses it."""


class LookUp(NamedTuple):
    """Returns an input or operand of a comparison, in two forms of the same value."""

    value: Compute[object]
    """Returns the value alone; of a number that is known within bounds only, it leaves out why."""
    answer: Compute[Answer]
    """Returns the value with everything that was read for it."""
    constant: Answer | None = None
    """The answer, if it is the same everywhere."""

    @classmethod
    def of(cls, answer: Compute[Answer]) -> LookUp:
        """Return the look-up of a value that costs as much without what was read for it."""
        return cls(lambda context, stack: answer(context, stack).value, answer)


class Result(msgspec.Struct, frozen=True):
    """The result of a condition."""

    truth: bool | None
    """The truth value; None for unknown."""
    evidence: tuple[Evidence, ...] = ()
    """What decided it; empty for unknown."""
    unknown: tuple[Unknown, ...] = ()
    """Why it is unknown."""


TRUE: Final = Result(truth=True)
FALSE: Final = Result(truth=False)


class Test(NamedTuple):
    """A compiled condition, in two forms with the same truth value."""

    truth: Compute[bool | None]
    """Returns the truth value alone, None for unknown, and evaluates only what is needed for it."""
    result: Compute[Result]
    """Evaluates everything, and returns the truth value with its evidence, or why it is unknown."""


def unknown_because(*reasons: Unknown) -> Result:
    """Return the result of a condition whose truth value is unknown."""
    return Result(None, (), reasons)


def selects(where: Test | None, context: Context, item: object, stack: Stack) -> Result:
    """Return whether a condition, if there is one, selects an item of a list."""
    if isinstance(item, Unknown):
        return unknown_because(item)
    return TRUE if where is None else where.result(context, (item, *stack))


def may_select(where: Test | None, context: Context, item: object, stack: Stack) -> bool | None:
    """Return the truth value of `selects`."""
    if isinstance(item, Unknown):
        return None
    return True if where is None else where.truth(context, (item, *stack))


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
    return Result(decisive is found, tuple(decided if found else others))


def joined(tests: Sequence[Test], *, decisive: bool) -> Test:
    """Return `allOf` (`decisive` is false) or `anyOf` (true) of some tests."""
    truths = tuple(test.truth for test in tests)
    results = tuple(test.result for test in tests)

    def truth(context: Context, stack: Stack) -> bool | None:
        combined: bool | None = not decisive
        for each in truths:
            found = each(context, stack)
            if found is decisive:
                return decisive
            if found is None:
                combined = None
        return combined

    def result(context: Context, stack: Stack) -> Result:
        return combine([each(context, stack) for each in results], decisive=decisive)

    return Test(truth, result)


def negation(test: Test) -> Test:
    """Return `not` of a test; what is unknown stays unknown, and the evidence is the same."""

    def truth(context: Context, stack: Stack) -> bool | None:
        found = test.truth(context, stack)
        return None if found is None else not found

    def result(context: Context, stack: Stack) -> Result:
        found = test.result(context, stack)
        return found if found.truth is None else Result(not found.truth, found.evidence)

    return Test(truth, result)
