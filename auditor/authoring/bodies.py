"""Look-ups and edits in ARM bodies; an edited body is a copy that shares what does not change."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from auditor.azure import arm
from auditor.azure.paths import Step

Steps = tuple[Step, ...]

NOTHING: Final = object()
"""The value of a property that does not exist."""


def walk(value: Any, steps: Steps = ()) -> Iterator[tuple[Steps, Any]]:  # noqa: ANN401 - parsed JSON
    """Yield every value in a body with its path."""
    yield steps, value
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, item in entries:
        yield from walk(item, (*steps, step))


def at(body: Any, steps: Steps) -> Any:  # noqa: ANN401 - parsed JSON
    """Return the value at a path, or `NOTHING`."""
    for step in steps:
        try:
            body = body[step]
        except (KeyError, IndexError, TypeError):
            return NOTHING
    return body


def has_objects(value: object) -> bool:
    """Return whether a value is a list with objects."""
    return isinstance(value, list) and any(isinstance(item, dict) for item in value)


def replaced(body: Any, steps: Steps, value: object) -> Any:  # noqa: ANN401 - parsed JSON
    """Return a body with another value at a path; `NOTHING` removes it. Missing objects on the way are added."""
    changed: Any = list(body) if isinstance(body, list) else dict(body) if isinstance(body, dict) else {}
    step = steps[0]
    if len(steps) > 1:
        changed[step] = replaced(at(changed, (step,)), steps[1:], value)
    elif value is NOTHING:
        del changed[step]
    else:
        changed[step] = value
    return changed


def is_within(key: str, owner: str) -> bool:
    """Return whether a key is that of a resource, or of a part or child of it."""
    return f"{key}/".startswith(f"{owner}/")


def without_references(body: Any, removed: str) -> Any:  # noqa: ANN401 - parsed JSON
    """Return a body without references to a removed resource, of which `removed` is the key, as Azure leaves none.

    `NOTHING` stands for a reference; a body without any is returned as it is.
    """
    kept: Any = body
    if isinstance(body, str):
        return NOTHING if is_within(arm.key(body), removed) else body
    if isinstance(body, dict):
        found = ((name, without_references(value, removed)) for name, value in body.items())
        kept = {name: value for name, value in found if value is not NOTHING}
        same = len(kept) == len(body) and all(kept[name] is value for name, value in body.items())
    elif isinstance(body, list):
        pairs = [(item, without_references(item, removed)) for item in body]
        kept = [now for item, now in pairs if now is not NOTHING and (now is item or now != {})]
        same = all(now is item for item, now in pairs)
    else:
        return body
    return body if same else kept
