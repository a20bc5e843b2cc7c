"""Operands of comparisons: literals, settings and scaled numbers."""

from __future__ import annotations

from typing import Final

import re2

from auditor.rules.conditions.errors import ConditionError
from auditor.rules.conditions.operators import LIST_OPERANDS, NUMERIC
from auditor.rules.conditions.result import LookUp, Stack
from auditor.rules.context import Context
from auditor.rules.model import Setting
from auditor.snapshot.known import Answer, Interval, PartialList, interval

_QUIET: Final = re2.Options()
_QUIET.log_errors = False


def literal(node: object, operator: str, path: tuple[str | int, ...]) -> LookUp:
    """Return the look-up of a literal, in the form that the operator needs.

    Raises:
        ConditionError: the operator does not take such a literal.
    """
    fault = ""
    value: object = node
    if operator == "matches":
        if isinstance(node, str):
            value = _pattern(node, path)
        else:
            fault = "a regular expression"
    elif operator in LIST_OPERANDS:
        if isinstance(node, list):
            value = PartialList(tuple(node))
        else:
            fault = "a list"
    elif operator in {"exists", "unique"} and not isinstance(node, bool):
        fault = "true or false"
    elif isinstance(node, list):
        fault = "a single value"
    elif operator in NUMERIC and interval(node) is None:
        fault = "a number"
    if fault:
        raise ConditionError(f"{operator} needs {fault}", path)
    found = Answer(value)
    return LookUp(lambda _context, _stack: value, lambda _context, _stack: found, found)


def _pattern(text: str, path: tuple[str | int, ...]) -> object:
    try:
        return re2.compile(text, _QUIET)
    except re2.error as error:
        message = f"is not a regular expression (RE2): {error}"
        raise ConditionError(message, path) from None


def setting(name: str, declared: Setting) -> LookUp:
    """Return the look-up of a setting: the value of the deployment file, else the rule's default."""

    def value(context: Context, _: Stack) -> float:
        values = context.deployment.declared.settings if context.deployment else {}
        return values.get(name, declared.default)

    return LookUp(value, lambda context, stack: Answer(value(context, stack)))


def scaled(number: LookUp, factor: LookUp) -> LookUp:
    """Return the look-up of a number times a factor."""
    return LookUp.of(lambda context, stack: _product(number.answer(context, stack), factor.answer(context, stack)))


def _product(number: Answer, factor: Answer) -> Answer:
    bounds, times = interval(number.value), interval(factor.value)
    if bounds is None:
        return number
    if times is None:
        return factor
    ends = [a and b and a * b for a in (bounds.low, bounds.high) for b in (times.low, times.high)]  # 0 * inf is 0 here
    return Answer(Interval(min(ends), max(ends), (*bounds.because, *times.because)), (*number.reads, *factor.reads))
