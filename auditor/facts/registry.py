"""How a function becomes a fact that rules can name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from auditor.topology import Context
from auditor.values import Answer

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
"""All facts by name; filled by importing `auditor.facts`."""


def fact(name: str, *of: str, gives: str) -> Callable[[Find], Find]:
    """Make a function a fact of some kinds of element."""

    def register(find: Find) -> Find:
        if name in FACTS:
            message = f"two facts are named {name}"
            raise ValueError(message)
        FACTS[name] = Fact(name, of, gives, find, " ".join((find.__doc__ or "").split()))
        return find

    return register
