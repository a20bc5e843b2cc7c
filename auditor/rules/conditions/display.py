"""Values as evidence and messages show them."""

from __future__ import annotations

import math
from typing import Final

import re2

from auditor.azure.paths import ABSENT
from auditor.snapshot.known import Interval, PartialList, Unknown
from auditor.snapshot.model import Part, Resource

_PLAIN: Final = (str, bool, int, float, list, dict)
_PATTERN: Final = type(re2.compile(""))


def shown(value: object) -> str:  # noqa: PLR0911 - one return for each type
    """Return a value as text."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, PartialList):
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
    if isinstance(value, _PATTERN):
        return str(value.pattern)
    return "unknown" if isinstance(value, Unknown) else str(value)


def plain(value: object) -> object:
    """Return a value as JSON can hold it: None for absent, a text for what is known in part only."""
    if isinstance(value, _PLAIN):
        return value
    if value is ABSENT:
        return None
    if isinstance(value, PartialList):
        return [plain(item) for item in value.known] + ([] if value.missing is None else ["..."])
    if isinstance(value, Interval) and value.exact:
        return int(value.low) if value.low % 1 == 0 else value.low
    return shown(value)
