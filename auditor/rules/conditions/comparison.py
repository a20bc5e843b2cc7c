"""Comparisons: one input, one operator and one operand, with their evidence or the reason why they are unknown."""

from __future__ import annotations

from functools import lru_cache
from typing import Final, cast

import msgspec

from auditor.azure.paths import ABSENT
from auditor.rules.conditions.display import plain, shown
from auditor.rules.conditions.operators import OPERATORS, applied, compare
from auditor.rules.conditions.result import Compute, LookUp, Result, Stack, Test, unknown_because
from auditor.rules.context import Context
from auditor.rules.evidence import Evidence
from auditor.rules.evidence import Read as ShownRead
from auditor.snapshot.known import Answer, Interval, PartialList, Read, Unknown

_EXPECTED: Final = {
    "equals": ("equals {}", "does not equal {}"),
    "notEquals": ("does not equal {}", "equals {}"),
    "in": ("in {}", "not in {}"),
    "notIn": ("not in {}", "in {}"),
    "less": ("< {}", ">= {}"),
    "lessOrEquals": ("<= {}", "> {}"),
    "greater": ("> {}", "<= {}"),
    "greaterOrEquals": (">= {}", "< {}"),
    "matches": ("matches {}", "does not match {}"),
    "sameSet": ("exactly {}", "not exactly {}"),
}
"""By operator, the text of an expectation and of its opposite below a `not`."""
_COMPUTED: Final = (Interval, PartialList)
_CONTAINERS: Final = (list, dict)

Scalar = str | float | None
"""A value of JSON that contains no other; what `plain` returns is one, or a container."""


class Terms(msgspec.Struct, frozen=True):
    """What a rule states of a comparison, from which its evidence is worded."""

    name: str
    """Of the input."""
    operator: str
    negated: bool
    """Whether a `not` encloses it."""
    alternatives: tuple[str, ...]
    """The alternative of an `anyOf` that it belongs to; see `Evidence`."""


def comparison(left: LookUp, right: LookUp, terms: Terms) -> Test:
    """Return the test that compares an input with an operand."""
    operator = terms.operator
    expected = _expected(terms, right.constant) if right.constant else ""

    def result(context: Context, stack: Stack) -> Result:
        found, wanted = left.answer(context, stack), right.answer(context, stack)
        if context.recorder is not None:
            context.recorder.record(found, wanted)
        holds = compare(operator, found.value, wanted.value)
        if isinstance(holds, Unknown):
            return unknown_because(_located(holds, found, wanted, terms.name))
        evidence = _evidence(terms, stack, found, wanted, expected or _expected(terms, wanted))
        return Result(holds, (evidence,))

    return Test(_truth(left.value, right, operator), result)


def _truth(left: Compute[object], right: LookUp, operator: str) -> Compute[bool | None]:
    """Return the function that returns whether an operator holds of an input and an operand, None for unknown."""
    if right.constant is not None:
        applies = applied(operator, right.constant.value)

        def to_constant(context: Context, stack: Stack) -> bool | None:
            found = left(context, stack)
            return None if type(found) is Unknown else applies(found)

        return to_constant
    holds, operand = OPERATORS[operator], right.value

    def to_operand(context: Context, stack: Stack) -> bool | None:
        found, wanted = left(context, stack), operand(context, stack)
        return None if type(found) is Unknown or type(wanted) is Unknown else holds(found, wanted)

    return to_operand


def id_of(stack: Stack) -> str:
    """Return the id of the innermost element that has one; an item of a malformed list may have none."""
    return next(str(found) for element in stack if (found := getattr(element, "id", None)) is not None)


def reads_of(reads: tuple[Read, ...]) -> tuple[ShownRead, ...]:
    """Return reads as evidence has them, each once."""
    if not reads:
        return ()
    return tuple(dict.fromkeys(_seen(r.resource, r.path, _hashable(plain(r.value))) for r in reads))


@lru_cache(maxsize=2**14, typed=True)
def _seen(resource: str, path: str, value: Scalar) -> ShownRead:
    """Return a read as evidence has it, one object for all findings that it is evidence of."""
    return ShownRead(resource, path, value)


def _hashable(value: object) -> Scalar:
    """Return a container as text, so that evidence stays small and can be compared."""
    return shown(value) if isinstance(value, _CONTAINERS) else cast("Scalar", value)


def _evidence(terms: Terms, stack: Stack, found: Answer, wanted: Answer, expected: str) -> Evidence:
    """Return what was observed: the property itself, or a computed value with everything that was read for it."""
    if len(found.reads) == 1 and not isinstance(found.value, _COMPUTED):
        read = found.reads[0]
        if read.value is found.value or read.value is ABSENT:
            return Evidence(
                read.resource, read.path, plain(read.value), expected, reads_of(wanted.reads), terms.alternatives
            )
    reads = reads_of((*found.reads, *wanted.reads))
    return Evidence(id_of(stack), terms.name, plain(found.value), expected, reads, terms.alternatives)


def _expected(terms: Terms, wanted: Answer) -> str:
    """Return what a comparison expects, in words."""
    if terms.operator == "exists":
        return "present" if wanted.value is not terms.negated else "absent"
    if terms.operator == "unique":
        return "no value twice" if wanted.value is not terms.negated else "a value twice"
    text = shown(wanted.value)
    if terms.operator == "sameSet" and text == "[]":
        return "at least one" if terms.negated else "none"
    return _EXPECTED[terms.operator][terms.negated].format(text)


def _located(unknown: Unknown, found: Answer, wanted: Answer, name: str) -> Unknown:
    """Return the reason with the property that it is about; one that comes from a value has it already."""
    answer = wanted if wanted.value is ABSENT and found.value is not ABSENT else found
    if any(unknown in _reasons(operand.value) for operand in (found, wanted)) or not answer.reads:
        return unknown
    read = next((read for read in answer.reads if read.value is ABSENT), answer.reads[0])
    reason = f"{read.resource}: {read.path or name}: {unknown.reason}"
    return msgspec.structs.replace(unknown, reason=reason, about=(*unknown.about, read.resource))


def _reasons(value: object) -> tuple[object, ...]:
    """Return why a value is unknown as a whole or in part."""
    if isinstance(value, Interval):
        return value.because
    return (value.missing, *value.known) if isinstance(value, PartialList) else (value,)
