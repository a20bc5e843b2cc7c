"""Volatile properties, which Azure writes by itself: drift ignores what `auditor/azure/types` declares as such."""

from __future__ import annotations

import re
from functools import cache

from auditor.azure import types


@cache
def volatile(type_: str) -> re.Pattern[str]:
    """Return a pattern that matches the paths of the volatile properties of a type."""
    return re.compile("|".join(entry.pattern for entry in types.volatile(type_)), re.DOTALL)


def is_ephemeral(type_: str) -> bool:
    """Return whether resources of a type are created and deleted all the time, so that neither is drift."""
    return volatile(type_).fullmatch("") is not None
