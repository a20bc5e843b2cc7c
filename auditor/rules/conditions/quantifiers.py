"""Quantifiers: a condition on each item, or on some item, of a list."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from auditor.rules.conditions.comparison import id_of, reads_of
from auditor.rules.conditions.result import (
    Compute,
    LookUp,
    Result,
    Stack,
    Test,
    combine,
    may_select,
    selects,
    unknown_because,
)
from auditor.rules.context import Context
from auditor.rules.evidence import Evidence
from auditor.snapshot.known import Answer, Unknown


class Quantifier(msgspec.Struct, frozen=True):
    """What a rule states of a quantifier."""

    name: str
    """Of the list."""
    every: bool
    """True for `each`, false for `some`."""
    when_empty: bool
    """Its truth value where a complete list has no item, or none is selected."""
    negated: bool
    """Whether a `not` encloses it."""
    alternatives: tuple[str, ...]
    """The alternative of an `anyOf` that it belongs to; see `Evidence`."""

    def on_nothing(self, stack: Stack, found: Answer) -> Result:
        """Return the result on a complete list in which nothing is selected."""
        expected = f"at least one {self.name}" if self.when_empty is self.negated else f"no {self.name}"
        evidence = Evidence(id_of(stack), self.name, [], expected, reads_of(found.reads), self.alternatives)
        return Result(self.when_empty, (evidence,))


def quantified(quantifier: Quantifier, items: LookUp, where: Test | None, test: Test) -> Test:
    """Return the test of a quantifier on a list; `where` selects the items that count."""
    return Test(_truth(quantifier, items, where, test), _result(quantifier, items, where, test))


def _truth(quantifier: Quantifier, items: LookUp, where: Test | None, test: Test) -> Compute[bool | None]:
    every, decisive = quantifier.every, not quantifier.every

    def truth(context: Context, stack: Stack) -> bool | None:
        found = items.value(context, stack)
        if isinstance(found, Unknown):
            return None
        empty, certain, undecided = True, False, False
        for item in _items(found):
            selected = may_select(where, context, item, stack)
            if selected is False:
                continue
            empty = False
            holds = None if isinstance(item, Unknown) else test.truth(context, (item, *stack))
            if selected:
                if holds is decisive:
                    return decisive
                certain = True
            undecided = undecided or holds is not every
        if empty:
            return quantifier.when_empty
        return every if not undecided and (certain or quantifier.when_empty is every) else None

    return truth


def _result(quantifier: Quantifier, items: LookUp, where: Test | None, test: Test) -> Compute[Result]:
    every, decisive = quantifier.every, not quantifier.every

    def result(context: Context, stack: Stack) -> Result:
        found = items.answer(context, stack)
        if isinstance(found.value, Unknown):
            return unknown_because(found.value)
        results: list[Result] = []
        unknown: list[Unknown] = []
        certain = False
        for item in _items(found.value):
            selected = selects(where, context, item, stack)
            if selected.truth is False:
                continue
            holds = selected if isinstance(item, Unknown) else test.result(context, (item, *stack))
            if selected.truth:
                certain = True
            elif holds.truth is not every:
                holds = selected  # it counts only if it is selected, which is unknown
            results.append(holds)
            unknown += selected.unknown
        if not results:
            return quantifier.on_nothing(stack, found)
        combined = combine(results, decisive=decisive)
        if certain or combined.truth in {None, quantifier.when_empty}:
            return combined
        return unknown_because(*unknown)  # if nothing is selected, the result is another one

    return result


def _items(found: Any) -> Iterable[object]:  # noqa: ANN401 - a list: the compiler accepts nothing else
    """Return the items of a list; if there may be more, one more is unknown."""
    known: tuple[object, ...] = found.known
    return known if found.missing is None else (*known, found.missing)
