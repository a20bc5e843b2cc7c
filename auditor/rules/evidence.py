"""Evidence: the observations that decide an outcome."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec


class Evidence(msgspec.Struct, frozen=True):
    """One observation that decided an outcome."""

    resource: str
    """The ARM id; for a computed value the id of the subject."""
    path: str
    """The property; for a computed value the name of the fact."""
    observed: object
    """The value as JSON has it; None where the property is absent."""
    expected: str
    reads: tuple[tuple[str, str, object], ...] = ()
    """(resource, path, value) of everything that a computed value was computed from."""
    alternatives: tuple[str, ...] = ()
    """Paths in the rule, such as `assert.anyOf[1]`, of the alternatives of an `anyOf` that the observation belongs to;
    of nested ones the innermost. Empty outside of any `anyOf`."""


def distinct(evidence: Sequence[Evidence]) -> tuple[Evidence, ...]:
    """Return evidence without repetitions; the alternatives of those that are left out are kept.

    An observation that is also needed outside of any alternative is there twice.
    """
    if len(evidence) < 2:
        return tuple(evidence)
    found: dict[tuple[str, str, str, bool], Evidence] = {}
    for entry in evidence:
        key = entry.resource.lower(), entry.path, entry.expected, bool(entry.alternatives)
        earlier = found.get(key)
        if earlier is not None and earlier.alternatives != entry.alternatives:
            alternatives = tuple(dict.fromkeys((*earlier.alternatives, *entry.alternatives)))
            found[key] = msgspec.structs.replace(entry, alternatives=alternatives)
        else:
            found[key] = entry
    return tuple(found.values())
