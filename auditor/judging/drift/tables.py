"""The tables of this package: by which properties a resource is told from another, and which move by themselves."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any, Final

import msgspec

from auditor import yaml_documents
from auditor.azure import arm, paths

_HERE: Final = Path(__file__).resolve().parent


class Marks(msgspec.Struct, frozen=True):
    """The properties that tell a resource of one type from others."""

    unique: tuple[tuple[paths.Step, ...], ...]
    """Given to one resource only, which keeps it."""
    created: tuple[tuple[paths.Step, ...], ...]
    """The time at which it was made."""

    @property
    def shown(self) -> frozenset[str]:
        """Return the paths as texts."""
        return frozenset(paths.render(steps) for steps in (*self.unique, *self.created))


@cache
def marks(type_: str) -> Marks:
    """Return the properties that tell a resource of a type from others."""
    table: Any = yaml_documents.read(_HERE / "identity.yaml").value
    found = {
        kind: tuple(paths.parse(entry["path"]) for entry in entries if _is_of(type_, entry["type"]))
        for kind, entries in table.items()
    }
    return Marks(found["unique"], found["created"])


def comes_and_goes(type_: str) -> bool:
    """Tell whether it says nothing about drift that there is a resource of a type, or is none any more."""
    return volatile(type_).fullmatch("") is not None


@cache
def volatile(type_: str) -> re.Pattern[str]:
    """Return what the paths of a type match that say nothing about drift."""
    table: Any = yaml_documents.read(_HERE / "volatile.yaml").value
    patterns = [_pattern(path) for entry in table if _is_of(type_, entry["type"]) for path in entry["paths"]]
    return re.compile("|".join(patterns), re.DOTALL)


def _is_of(type_: str, wanted: str) -> bool:
    """Tell whether a type is one that an entry is about: this one, one of a provider, or any."""
    wanted = arm.canonical_type(wanted)
    return wanted in {type_, "*"} or (wanted.endswith("/*") and type_.startswith(wanted[:-1]))


def _pattern(path: str) -> str:
    """Return a path of the table as a regular expression."""
    expression = re.escape(path).replace(r"\*\*\.", r"(?:.*[.\]])?").replace(r"\[\*\]", r"\[.*?\]")
    return expression.replace(r"\*\*", ".*")
