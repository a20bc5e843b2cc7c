"""What rule files and `pack.yaml` state for tests: examples, and mutations that no rule notices."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from auditor import files, yaml_documents
from auditor.authoring.mutations import Mutation
from auditor.rules.packs import PACK_FILE

TOPOLOGY: Final = ""
"""In the place of a rule's id: `pack.yaml`, which lists what the topology reads."""


class Example(msgspec.Struct, frozen=True):
    """An example of a rule."""

    rule: str
    number: int
    """Counted from 1."""
    content: Mapping[str, Any]
    """The example as in the file: a change to a known-good deployment, and the outcome of the rule then."""
    file: str
    line: int

    def __str__(self) -> str:
        """Return its number and description."""
        because = self.content.get("because")
        return f"example {self.number}" + (f" ({because})" if because else "")


class Insensitivity(msgspec.Struct, frozen=True):
    """Mutations that no rule notices, and the reason; an empty list means any value."""

    rule: str
    """The rule that reads what is mutated, or `TOPOLOGY`."""
    type: str
    path: tuple[str, ...]
    kind: tuple[str, ...]
    on: tuple[str, ...]
    of: tuple[str, ...]
    was: tuple[str, ...]
    reason: str
    file: str
    line: int

    def includes(self, known_good: str, mutation: Mutation) -> bool:
        """Return whether it is about a mutation of a known-good deployment."""
        return (
            self.type == mutation.type
            and mutation.path in self.path
            and (not self.kind or mutation.kind in self.kind)
            and (not self.on or known_good in self.on)
            and (not self.of or mutation.of in self.of)
            and (not self.was or mutation.was in self.was)
        )


class RuleFile(msgspec.Struct, frozen=True):
    """What one file states."""

    rule: str
    """The id of the rule, or `TOPOLOGY`."""
    path: Path
    """Its path, resolved."""
    file: str
    """Its path, relative to the working folder if it is below."""
    examples: tuple[Example, ...]
    insensitive: tuple[Insensitivity, ...]
    line: int
    """The line of `insensitive`, else of `examples`, else of the file's beginning."""


def read(path: Path) -> RuleFile:
    """Read a rule file or `pack.yaml`, and validate it even if it is bundled.

    Raises:
        InputError: the file is invalid.
    """
    document = yaml_documents.read(path)
    value: Any = document.validate("pack" if path.name == PACK_FILE else "rule").value
    rule, file = value.get("id", TOPOLOGY), files.relative(path)
    examples, insensitive = value.get("examples", ()), value.get("insensitive", ())
    return RuleFile(
        rule=rule,
        path=path.resolve(),
        file=file,
        examples=tuple(
            Example(rule, number, example, file, document.line(examples, number - 1))
            for number, example in enumerate(examples, start=1)
        ),
        insensitive=tuple(
            Insensitivity(
                rule=rule,
                type=entry["type"],
                **{key: tuple(entry.get(key, ())) for key in ("path", "kind", "on", "of", "was")},
                reason=entry["reason"],
                file=file,
                line=document.line(insensitive, index),
            )
            for index, entry in enumerate(insensitive)
        ),
        line=next((document.line(value, key) for key in ("insensitive", "examples") if key in value), 1),
    )
