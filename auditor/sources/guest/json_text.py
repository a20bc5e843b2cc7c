"""JSON of a guest file."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from auditor.sources.guest.sections import is_misspelled


def parsed(whole: str) -> Any:  # noqa: ANN401 - parsed JSON
    """Return the value of a JSON text, None if it is none; a key that is there twice makes it none."""
    try:
        return json.loads(whole, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        return None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError
    return found


def misspelled(item: dict[str, Any], keys: Collection[str]) -> str:
    """Return the key of an object that is that of another one with a character too many or too few, "" without one."""
    unknown = [own for own in item if own.lower() not in keys]
    return next((own for own in unknown for key in keys if key not in item and is_misspelled(own.lower(), key)), "")
