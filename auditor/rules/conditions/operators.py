"""Comparing values of which either may be unknown, a list that is cut, or a number within bounds."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Final

from auditor.azure.paths import ABSENT
from auditor.snapshot.known import Cause, Interval, Items, Unknown, interval
from auditor.snapshot.model import Part, Resource


def compare(operator: str, left: object, right: object) -> bool | Unknown:  # noqa: PLR0911 - a case a line
    """Apply an operator to two values of which either may be unknown, a list that is cut, or a number within bounds."""
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
        if isinstance(value, Items) and value.open_end is not None:
            return value.open_end
    return Unknown(Cause.VALUE, f"{shown(left)} cannot be compared with {shown(right)} (malformed)")


def kind_of(value: object) -> str:
    """Return the sort of a value; only values of one sort can be compared: true is not 1, and "5" is not 5."""
    return _KINDS.get(type(value)) or ("text" if isinstance(value, str) else "")


_KINDS: Final[Mapping[type, str]] = {
    str: "text",
    bool: "boolean",
    int: "number",
    float: "number",
    Interval: "number",
    Resource: "resource",
    Part: "resource",
}
_RESOURCES: Final = (Resource, Part)


def identity(value: object) -> tuple[str, object] | None:
    """Return what makes two values equal, with their sort: texts ignore case, resources are their ARM id.

    None is returned for what may or may not equal another: what is unknown, known within bounds only, or of no sort.
    """
    if isinstance(value, bool):
        return "boolean", value
    if isinstance(value, str):
        return "text", value.casefold()
    if isinstance(value, _RESOURCES):
        return "resource", value.key
    bounds = interval(value)
    return ("number", bounds.low) if bounds is not None and bounds.exact else None


def _identities(items: Items) -> tuple[set[tuple[str, object]], bool]:
    """Return the values in a list, and whether that is all of them."""
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
    if not isinstance(right, Items) or not kind:
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
    if not isinstance(left, Items) or not isinstance(right, Items):
        return None
    a, all_a = _identities(left)
    b, all_b = _identities(right)
    if (all_b and _differs(a, b)) or (all_a and _differs(b, a)):
        return False
    return True if all_a and all_b and a == b else None


def _differs(some: set[tuple[str, object]], others: set[tuple[str, object]]) -> bool:
    """Tell whether a value is certainly not among the others: only values of one sort can be compared."""
    kinds = {kind for kind, _ in others}
    return any(not others or kind in kinds for kind, _ in some - others)


def _unique(left: object, right: object) -> bool | None:
    if not isinstance(left, Items):
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
LIST_OPERANDS: Final = frozenset({"in", "notIn", "sameSet"})

EXPECTED: Final[Mapping[str, tuple[str, str]]] = {
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
"""How an expectation reads, as it stands and below a `not`."""


def shown(value: object) -> str:  # noqa: PLR0911 - a sort of value a line
    """Return a value as evidence shows it."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Items):
        return "[" + ", ".join(shown(item) for item in value.known) + ("" if value.missing is None else ", ...") + "]"
    if isinstance(value, Interval):
        if value.exact:
            return shown(value.low)
        return (
            f"at least {shown(value.low)}" if math.isinf(value.high) else f"{shown(value.low)} to {shown(value.high)}"
        )
    if isinstance(value, Resource | Part):
        return value.id
    if isinstance(value, float):
        return f"{value:.10g}"
    return "unknown" if isinstance(value, Unknown) else str(value)


def plain(value: object) -> object:
    """Return an observed value as JSON can carry it; None stands for absent, a text for what is only known in part."""
    if value is ABSENT:
        return None
    if isinstance(value, Items):
        return [plain(item) for item in value.known] + ([] if value.missing is None else ["..."])
    if isinstance(value, Interval) and value.exact:
        return int(value.low) if value.low % 1 == 0 else value.low
    if isinstance(value, bool | int | float | str | list | dict):
        return value
    return shown(value)
