"""Permissions: what roles grant, and the custom role that reading needs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from auditor.sources.live.reads import MANAGEMENT_GROUPS, actions


def grants(permissions: Iterable[Any], action: str) -> bool:
    """Return whether role assignments grant an action, as `Microsoft.Authorization/permissions` lists them.

    Each entry is one assignment; what one leaves out, another may add.
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
    """Return the pattern of an action with wildcards; `*` matches anything, slashes too."""
    return re.compile(".*".join(map(re.escape, text.split("*"))), re.IGNORECASE)


def custom_role(subscriptions: Iterable[str], management_group: str = "") -> dict[str, object]:
    """Return the custom role with exactly the actions that reading needs, as `az role definition create` accepts it.

    `management_group` is the id of one of which every subscription is read; Azure accepts no more than one.
    """
    scopes = [f"/subscriptions/{subscription}" for subscription in subscriptions]
    if management_group:
        scopes.insert(0, f"/providers/{MANAGEMENT_GROUPS.name}/{management_group}")
    return {
        "Name": "InterSystems deployment auditor",
        "IsCustom": True,
        "Description": "Reads what auditor evaluates. No action writes, and none reads data or secrets.",
        "Actions": actions(of_management_groups=bool(management_group)),
        "NotActions": [],
        "DataActions": [],
        "NotDataActions": [],
        "AssignableScopes": scopes,
    }
