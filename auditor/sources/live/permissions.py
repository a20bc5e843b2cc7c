"""What an identity may read, and the role that it needs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from auditor.sources.live.reads import actions


def grants(permissions: Iterable[Any], action: str) -> bool:
    """Tell whether role assignments, as `Microsoft.Authorization/permissions` lists them, allow an action.

    Each entry stands for one assignment: what it leaves out, another may add.
    """
    return any(
        _any(entry.get("actions"), action) and not _any(entry.get("notActions"), action)
        for entry in permissions
        if isinstance(entry, dict)
    )


def _any(patterns: object, action: str) -> bool:
    listed = patterns if isinstance(patterns, list) else []
    return any(isinstance(pattern, str) and _pattern(pattern).fullmatch(action) is not None for pattern in listed)


@lru_cache(maxsize=4096)
def _pattern(text: str) -> re.Pattern[str]:
    """Return an action with wildcards as a pattern; `*` stands for anything, slashes too."""
    return re.compile(".*".join(map(re.escape, text.split("*"))), re.IGNORECASE)


def role(subscriptions: Iterable[str]) -> dict[str, object]:
    """Return the custom role with exactly what reading takes, as `az role definition create` wants it."""
    return {
        "Name": "InterSystems deployment auditor",
        "IsCustom": True,
        "Description": "Reads what auditor judges. No action writes, and none reads data or secrets.",
        "Actions": actions(),
        "NotActions": [],
        "DataActions": [],
        "NotDataActions": [],
        "AssignableScopes": [f"/subscriptions/{subscription}" for subscription in subscriptions],
    }
