"""Inputs of comparisons and quantifiers: fields, facts, counts and numbers of distinct values."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

from auditor.azure import paths
from auditor.azure.paths import ABSENT
from auditor.rules.conditions.comparison import id_of
from auditor.rules.conditions.display import shown
from auditor.rules.conditions.operators import compare, identity
from auditor.rules.conditions.result import LookUp, Result, Stack, Test, may_select, selects
from auditor.rules.context import Context
from auditor.rules.registry import Fact
from auditor.snapshot import lookup
from auditor.snapshot.known import Answer, Cause, Interval, Read, Unknown
from auditor.snapshot.model import Part, Resource

_WITH_FIELDS: Final = (Resource, Part)


def field(path: str, default: object) -> LookUp:
    """Return the look-up of a path in the innermost element: a value, or the list that a path with `[*]` names."""
    steps = paths.parse(path)
    several = None in steps

    def answer(_: Context, stack: Stack) -> Answer:
        element = stack[0]
        if not isinstance(element, _WITH_FIELDS):
            reason = f"{id_of(stack)}: {shown(element)} is not an object (malformed)"
            return Answer(Unknown(Cause.VALUE, reason, about=(id_of(stack),)))
        if several:
            return lookup.items(element, path, default)
        return _or_default(lookup.value(element, path), default)

    def value(context: Context, stack: Stack) -> object:
        element = stack[0]
        if isinstance(element, _WITH_FIELDS):
            found = paths.get(lookup.body_at(element, path), steps)
            if found is ABSENT and not lookup.may_lack(element.resource):
                return default
            if found is not ABSENT and type(found) is not paths.WrongType:
                return found
        return answer(context, stack).value

    return LookUp.of(answer) if several else LookUp(value, answer)


def fact(described: Fact, level: int, default: object) -> LookUp:
    """Return the look-up of a fact of the element that encloses the innermost one at a level; 0 is that one itself."""
    find, alone = described.find, described.value

    def answer(context: Context, stack: Stack) -> Answer:
        return _or_default(find(context, stack[level]), default)

    def value(context: Context, stack: Stack) -> object:
        element = stack[level]
        found = find(context, element).value if alone is None else alone(context, element)
        return default if found is ABSENT else found

    return LookUp(value, answer)


def _or_default(found: Answer, default: object) -> Answer:
    return Answer(default, found.reads) if found.value is ABSENT and default is not ABSENT else found


def recorded(look_up: LookUp) -> LookUp:
    """Return the look-up of a list whose reads are recorded; those of comparisons are recorded there."""

    def recording(context: Context, stack: Stack) -> Answer:
        found = look_up.answer(context, stack)
        if context.recorder is not None:
            context.recorder.record(found)
        return found

    return LookUp(look_up.value, recording)


def count(items: LookUp, where: Test | None) -> LookUp:
    """Return the look-up of the number of items that a condition selects, as an interval."""

    def value(context: Context, stack: Stack) -> object:
        found = items.value(context, stack)
        if isinstance(found, Unknown):
            return found
        selected = [may_select(where, context, item, stack) for item in found.known]  # type: ignore[attr-defined]
        certain = selected.count(True)
        return _bounds(certain, certain + selected.count(None), [], found)

    def answer(context: Context, stack: Stack) -> Answer:
        found = items.answer(context, stack)
        if isinstance(found.value, Unknown):
            return found
        low = high = 0
        because: list[Unknown] = []
        reads = [*found.reads]
        for item in found.value.known:  # type: ignore[attr-defined]  # the compiler accepts only lists
            selected = selects(where, context, item, stack)
            if selected.truth is None:
                high += 1
                because += selected.unknown
            else:
                low += selected.truth
                high += selected.truth
                reads += _reads(selected)
        return Answer(_bounds(low, high, because, found.value), tuple(reads))

    return LookUp(value, answer)


def distinct(items: LookUp, where: Test | None, by: LookUp | None, name: str) -> LookUp:
    """Return the look-up of the number of distinct values among the items that a condition selects, as an interval.

    The values are the items themselves or, where `by` is given, what it looks up for each; `name` is its name.
    """

    def answer(context: Context, stack: Stack) -> Answer:
        found = items.answer(context, stack)
        if isinstance(found.value, Unknown):
            return found
        certain: set[object] = set()
        possible: set[object] = set()
        others = 0
        because: list[Unknown] = []
        reads: list[Read] = [*found.reads]
        for item in found.value.known:  # type: ignore[attr-defined]  # the compiler accepts only lists
            selected = selects(where, context, item, stack)
            if selected.truth is False:
                reads += _reads(selected)
                continue
            because += selected.unknown
            if isinstance(item, Unknown):
                others += 1
                continue
            value = Answer(item) if by is None else by.answer(context, (item, *stack))
            reads += value.reads
            key = identity(value.value)
            if key is None:
                others += 1
                because.append(_incomparable(value.value, item, name))
            else:
                (certain if selected.truth else possible).add(key)
        bounds = _bounds(len(certain), len(certain | possible) + others, because, found.value)
        return Answer(bounds, tuple(reads))

    return LookUp.of(answer)


def _reads(selected: Result) -> Iterator[Read]:
    """Yield what was read to decide whether an item is selected."""
    for evidence in selected.evidence:
        yield Read(evidence.resource, evidence.path, evidence.observed)
        yield from (Read(seen.resource, seen.path, seen.observed) for seen in evidence.reads)


def _incomparable(value: object, item: object, name: str) -> Unknown:
    """Return why a value cannot be compared with others."""
    reason = compare("equals", value, value)
    if value is ABSENT or not isinstance(reason, Unknown):
        about = (item.resource.id,) if isinstance(item, _WITH_FIELDS) else ()
        return Unknown(Cause.VALUE, f"{shown(item)} has no {name}", about=about)
    return reason


def _bounds(low: int, high: int, because: list[Unknown], items: object) -> Interval:
    """Return a number of items, without an upper bound where the list may have more."""
    missing: Unknown | None = items.missing  # type: ignore[attr-defined]  # the compiler accepts only lists
    if missing is None:
        return Interval(low, high, tuple(because))
    return Interval(low, math.inf, (*because, missing))
