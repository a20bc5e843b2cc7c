"""JSON of a guest file."""

from __future__ import annotations

import json
from typing import Any


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
