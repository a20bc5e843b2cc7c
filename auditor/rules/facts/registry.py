"""How a function becomes a fact that rules can name."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Final

import msgspec

from auditor.estate.graph import KINDS
from auditor.rules.context import Context
from auditor.snapshot.known import Answer

Find = Callable[[Context, Any], Answer]


class Fact(msgspec.Struct, frozen=True):
    """A named, pure function of the topology: a value, never a verdict."""

    name: str
    of: tuple[str, ...]
    """The kinds of element that it can be asked about."""
    gives: str
    """`boolean`, `number`, `text`, `text*` (a list of texts) or, for a list of elements, their kind with `*`."""
    find: Find
    about: str
    """The docstring, which `docs/facts.md` shows."""


FACTS: Final[dict[str, Fact]] = {}
"""All facts by name; filled by importing `auditor.rules.facts`."""


_LASTING: Final = frozenset({*KINDS.values(), "mirror", "tier", "deployment", "subscription"})
"""The kinds of element that many rules ask about; others are made for one question and thrown away."""


def fact(name: str, *of: str, gives: str) -> Callable[[Find], Find]:
    """Make a function a fact of some kinds of element."""

    def register(find: Find) -> Find:
        if name in FACTS:
            message = f"two facts are named {name}"
            raise ValueError(message)
        if _LASTING.issuperset(of):
            find = once(find)
        FACTS[name] = Fact(name, of, gives, find, " ".join((find.__doc__ or "").split()))
        return find

    return register


def once(find: Find) -> Find:
    """Return the function that looks once for each element of a context, for rules and for other facts alike."""

    @wraps(find)
    def ask(context: Context, element: Any) -> Answer:  # noqa: ANN401 - whatever the fact is of
        asked = (find, id(element))
        found = context.answers.get(asked)
        if found is None:
            found = context.answers[asked] = (element, find(context, element))
        return found[1]

    return ask
