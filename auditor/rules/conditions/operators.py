"""The operators of comparisons, in three-valued logic.

A value can be known, absent, unknown, a partial list or a number known within bounds only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from auditor.azure.paths import ABSENT
from auditor.rules.conditions.display import shown
from auditor.snapshot.known import Cause, Interval, PartialList, Unknown, interval
from auditor.snapshot.model import Part, Resource
from auditor.snapshot.watching import WatchedResource


def compare(operator: str, left: object, right: object) -> bool | Unknown:  # noqa: PLR0911 - one return for each case
    """Return whether the operator holds of two values, or why that is unknown."""
    if type(left) is Unknown:
        return left
    if type(right) is Unknown:
        return right
    result = OPERATORS[operator](left, right)
    if result is not None:
        return result
    if left is ABSENT or right is ABSENT:
        return Unknown(Cause.VALUE, "the value is absent")
    for value in (left, right):
        if isinstance(value, Interval) and value.because:
            return value.because[0]
        if isinstance(value, PartialList) and value.incomplete_because is not None:
            return value.incomplete_because
    return Unknown(Cause.VALUE, f"{shown(left)} cannot be compared with {shown(right)} (malformed)")


def applied(operator: str, right: object) -> Callable[[object], bool | None]:
    """Return an operator with its right operand, which is prepared for many left ones."""
    if operator in NUMERIC:
        right = interval(right)
    elif operator == "in" and isinstance(right, PartialList):
        return _in_literals(right)
    elif operator == "notIn" and isinstance(right, PartialList):
        among = _in_literals(right)
        return lambda left: None if (found := among(left)) is None else not found
    holds = OPERATORS[operator]
    return lambda left: holds(left, right)


def _in_literals(right: PartialList) -> Callable[[object], bool | None]:
    """Return `_in` of a list; what has a key is looked up by it if all items have one."""
    keys, all_keys = _identities(right)
    kinds = {kind for kind, _ in keys}

    def among(left: object) -> bool | None:
        key = identity(left) if all_keys else None
        if key is None:
            return _in(left, right)
        if key in keys:
            return True
        return None if keys and key[0] not in kinds else False

    return among


def kind_of(value: object) -> str:
    """Return the type of a value in comparisons, "" for none; only equal types compare: true is not 1, "5" is not 5."""
    return _KINDS.get(type(value)) or ("text" if isinstance(value, str) else "")


_KINDS: Final[Mapping[type, str]] = {
    str: "text",
    bool: "boolean",
    int: "number",
    float: "number",
    Interval: "number",
    Resource: "resource",
    WatchedResource: "resource",
    Part: "resource",
}
_RESOURCES: Final = (Resource, Part)


def identity(value: object) -> tuple[str, object] | None:
    """Return a key that equal values share: a text without its case, the ARM id of a resource.

    None for a value that may or may not equal another: unknown, known within bounds only, or of no comparable type.
    """
    if isinstance(value, bool):
        return "boolean", value
    if isinstance(value, str):
        return "text", value.casefold()
    if isinstance(value, _RESOURCES):
        return "resource", value.key
    bounds = interval(value)
    return ("number", bounds.low) if bounds is not None and bounds.exact else None


def _identities(items: PartialList) -> tuple[set[tuple[str, object]], bool]:
    """Return the keys of the values in a list, and whether those are all."""
    found = [identity(item) for item in items.known]
    return {identity for identity in found if identity is not None}, items.missing is None and None not in found


def _equals(left: object, right: object) -> bool | None:
    if type(left) is str and type(right) is str:
        return left == right or left.casefold() == right.casefold()
    kind = kind_of(left)
    if not kind or kind != kind_of(right):
        return None
    if kind != "number":
        return identity(left) == identity(right)
    a, b = interval(left), interval(right)
    if a is None or b is None:
        return None
    if a.exact and b.exact:
        return a.low == b.low
    return False if a.high < b.low or b.high < a.low else None


def _in(left: object, right: object) -> bool | None:
    kind = kind_of(left)
    if not isinstance(right, PartialList) or not kind:
        return None
    results = [_equals(left, item) for item in right.known if kind_of(item) == kind]
    if True in results:
        return True
    if right.complete and None not in results and (results or not right.known):
        return False
    return None


def _less(left: object, right: object) -> bool | None:
    a, b = interval(left), interval(right)
    if a is None or b is None:
        return None
    if a.high < b.low:
        return True
    return False if a.low >= b.high else None


def _less_or_equals(left: object, right: object) -> bool | None:
    a, b = interval(left), interval(right)
    if a is None or b is None:
        return None
    if a.high <= b.low:
        return True
    return False if a.low > b.high else None


def _exists(left: object, right: object) -> bool | None:
    return (left is not ABSENT) is right


def _matches(left: object, right: object) -> bool | None:
    return right.search(left) is not None if isinstance(left, str) else None  # type: ignore[attr-defined]


def _same_set(left: object, right: object) -> bool | None:
    if not isinstance(left, PartialList) or not isinstance(right, PartialList):
        return None
    a, all_a = _identities(left)
    b, all_b = _identities(right)
    if (all_b and _differs(a, b)) or (all_a and _differs(b, a)):
        return False
    return True if all_a and all_b and a == b else None


def _differs(some: set[tuple[str, object]], others: set[tuple[str, object]]) -> bool:
    """Return whether a value is certainly not among the others; only values of one type can be compared."""
    kinds = {kind for kind, _ in others}
    return any(not others or kind in kinds for kind, _ in some - others)


def _unique(left: object, right: object) -> bool | None:
    if not isinstance(left, PartialList):
        return None
    known = [found for item in left.known if (found := identity(item)) is not None]
    if len(set(known)) < len(known):
        return not right
    return bool(right) if left.missing is None and len(known) == len(left.known) else None


def _not(test: Callable[[object, object], bool | None]) -> Callable[[object, object], bool | None]:
    def negated(left: object, right: object) -> bool | None:
        result = test(left, right)
        return None if result is None else not result

    return negated


OPERATORS: Final[Mapping[str, Callable[[object, object], bool | None]]] = {
    "equals": _equals,
    "notEquals": _not(_equals),
    "in": _in,
    "notIn": _not(_in),
    "less": _less,
    "lessOrEquals": _less_or_equals,
    "greater": _not(_less_or_equals),
    "greaterOrEquals": _not(_less),
    "exists": _exists,
    "matches": _matches,
    "sameSet": _same_set,
    "unique": _unique,
}

ON_LISTS: Final = frozenset({"sameSet", "unique"})
"""Operators whose input is a list."""
LIST_OPERANDS: Final = frozenset({"in", "notIn", "sameSet"})
"""Operators whose operand is a list."""
NUMERIC: Final = frozenset({"less", "lessOrEquals", "greater", "greaterOrEquals"})
"""Operators whose operand is a number."""
