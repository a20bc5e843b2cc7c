"""The registry of facts: functions with names that rules can use."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Final

import msgspec

from auditor.azure.types import KINDS
from auditor.rules.context import Context
from auditor.rules.element_kinds import SUBJECTS
from auditor.snapshot.known import Answer

Find = Callable[[Context, Any], Answer]
"""A function that returns the value of a fact for one element."""

Value = Callable[[Context, Any], object]
"""A function that returns the same value without what was read for it."""


class Fact(msgspec.Struct, frozen=True):
    """A named, pure function of the topology: a value, never an outcome."""

    name: str
    of: tuple[str, ...]
    """The kinds of element that have the fact."""
    gives: str
    """The type of the value: `boolean`, `number`, `text`, `text*` (a list of texts), or the kind of the elements of a
    list, followed by `*`."""
    find: Find
    about: str
    """The docstring, which `docs/facts.md` shows."""
    value: Value | None = None
    """Returns the value alone, where that takes much less time than `find`."""


FACTS: Final[dict[str, Fact]] = {}
"""All facts by name; filled by importing `auditor.rules.facts`."""

_SHARED: Final = frozenset({*KINDS.values(), *SUBJECTS})
"""The kinds whose elements are the same objects for all rules; those of other kinds are created anew each time."""


def fact(name: str, *of: str, gives: str, value: Value | None = None) -> Callable[[Find], Find]:
    """Register a function as a fact of elements of some kinds.

    Raises:
        ValueError: another fact has the same name.
    """

    def register(find: Find) -> Find:
        if name in FACTS:
            message = f"two facts are named {name}"
            raise ValueError(message)
        if _SHARED.issuperset(of):
            find = once(find)
        FACTS[name] = Fact(name, of, gives, find, " ".join((find.__doc__ or "").split()), value)
        return find

    return register


def once(find: Find) -> Find:
    """Return the function with its results cached in the context."""

    @wraps(find)
    def cached(context: Context, element: Any) -> Answer:  # noqa: ANN401 - of the fact's kind
        key = (find, id(element))
        found = context.answers.get(key)
        if found is None:
            if (watch := context.topology.watch) is None:
                found = element, find(context, element), None
            else:
                found = element, *watch.compute(find, context, element)
            context.answers[key] = found
        elif found[2] is not None and (watch := context.topology.watch) is not None:
            watch.log.append(found[2])
        return found[1]

    return cached
