"""Property paths in ARM bodies: ``a.b[0]``, ``a[*].b``, ``tags['x.y']``."""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final


class Absent(enum.Enum):
    """The type of `ABSENT`."""

    ABSENT = "absent"


ABSENT: Final = Absent.ABSENT
"""The resource was read and lacks the property, or has it as null."""

Step = str | int | None
"""A property name, an index, or None for every element of a list."""

_TOKEN: Final = re.compile(r"""\.?([A-Za-z_$@][\w$@-]*)|\[(\d{1,9}|\*)\]|\['([^']+)'\]|\["([^"]+)"\]""")


class PathError(ValueError):
    """A text is not a property path."""


_KEPT: Final = 1 << 15
"""How many paths are kept: more than the properties of the 1,000 rules of a security group."""


@lru_cache(maxsize=_KEPT)
def parse(text: str) -> tuple[Step, ...]:
    """Split a path into its steps; "" is the path of the whole body.

    Raises:
        PathError: the text is no path.
    """
    steps: list[Step] = []
    position = 0
    while position < len(text):
        token = _TOKEN.match(text, position)
        if token is None or (token.group().startswith(".") == (position == 0) and token.group(1)):
            message = f"'{text}' is not a property path (a.b[0], a[*].b, tags['x.y'])"
            raise PathError(message)
        name, index, single, double = token.groups()
        if index is None:
            steps.append(name or single or double)
        else:
            steps.append(None if index == "*" else int(index))
        position = token.end()
    return tuple(steps)


@lru_cache(maxsize=_KEPT)
def join(prefix: str, path: str) -> str:
    """Return the path of `path` below `prefix`."""
    if prefix and path:
        return prefix + path if path[0] == "[" else f"{prefix}.{path}"
    return prefix or path


@lru_cache(maxsize=4096)
def render(steps: tuple[Step, ...]) -> str:
    """Return steps as text, the reverse of `parse`."""
    text = ""
    for step in steps:
        if step is None:
            text += "[*]"
        elif isinstance(step, int):
            text += f"[{step}]"
        elif (token := _TOKEN.fullmatch(step)) and token.group(1) == step:
            text = f"{text}.{step}" if text else step
        else:
            text += f'["{step}"]' if "'" in step else f"['{step}']"
    return text


class WrongType:
    """The end of a look-up that met a value of another type than the path needs."""

    def __init__(self, path: str, expected: str) -> None:
        """Record where it was met and what was expected there."""
        self.path = path
        self.expected = expected

    def below(self, prefix: str) -> WrongType:
        """Return it as it looks from further out, where its path lies below `prefix`."""
        return WrongType(join(prefix, self.path), self.expected)


def get(body: object, steps: tuple[Step, ...]) -> object:
    """Return what stands at a path without wildcards: a value, `ABSENT`, or `WrongType`.

    Null is absent. Tag names are compared without regard to case, as Azure does; property names exactly.
    """
    value: Any = body
    for step in steps:
        kind = type(value)
        if kind is dict:
            value = value.get(step)
        elif kind is list and type(step) is int and step < len(value):
            value = value[step]
        else:
            return _get(body, steps)
        if value is None:
            return ABSENT if type(step) is str and steps[0] != "tags" else _get(body, steps)
    return ABSENT if value is None else value


def _get(body: object, steps: tuple[Step, ...]) -> object:
    """Return what `get` does where the way to it is not plain: something lacks, or is of another type."""
    if body is None:
        return ABSENT
    value = body
    for depth, step in enumerate(steps):
        if isinstance(step, str):
            if not isinstance(value, dict):
                return WrongType(render(steps[:depth]), "an object")
            found = value.get(step)
            if found is None and depth == 1 and steps[0] == "tags":
                found = next((v for k, v in value.items() if k.lower() == step.lower()), None)
            value = found
        else:
            if not isinstance(value, list):
                return WrongType(render(steps[:depth]), "a list")
            value = value[step] if isinstance(step, int) and step < len(value) else None
        if value is None:
            return ABSENT
    return value


def find(body: object, steps: tuple[Step, ...], at: str = "") -> Iterator[tuple[str, object]]:
    """Yield every place that a path with wildcards names, with its own path and what `get` says of it.

    An absent list has no elements; where a list should be and something else is, one `WrongType` is yielded. All paths
    are below `at`, the path of the body itself.
    """
    if None not in steps:
        yield _found(body, steps, at)
        return
    before, prefix, after = _at_wildcard(steps)
    elements = get(body, before)
    place = join(at, prefix)
    if isinstance(elements, list):
        for index, element in enumerate(elements):
            here = f"{place}[{index}]"
            if not after:
                yield here, ABSENT if element is None else element
            elif None in after:
                yield from find(element, after, here)
            else:
                yield _found(element, after, here)
    elif elements is not ABSENT:
        yield place, elements.below(at) if isinstance(elements, WrongType) else WrongType(place, "a list")


def _found(body: object, steps: tuple[Step, ...], at: str) -> tuple[str, object]:
    """Return a path without wildcards below `at`, with what `get` says of it."""
    found = get(body, steps)
    return join(at, render(steps)), found.below(at) if type(found) is WrongType else found


def values(body: object, steps: tuple[Step, ...]) -> list[object]:
    """Return what `find` yields, without the places; what is of another type does not know where it stands either."""
    if None not in steps:
        return [get(body, steps)]
    before, prefix, after = _at_wildcard(steps)
    elements = get(body, before)
    if isinstance(elements, list):
        if None in after:
            return [value for element in elements for value in values(element, after)]
        return [get(element, after) for element in elements]
    if elements is ABSENT:
        return []
    return [elements if isinstance(elements, WrongType) else WrongType(prefix, "a list")]


@lru_cache(maxsize=4096)
def _at_wildcard(steps: tuple[Step, ...]) -> tuple[tuple[Step, ...], str, tuple[Step, ...]]:
    """Return the steps before the first wildcard, also as text, and those behind it."""
    star = steps.index(None)
    return steps[:star], render(steps[:star]), steps[star + 1 :]
