"""Evidence: the observations that decide an outcome, as a report has them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from msgspec import Meta

Json = Any
"""Any JSON value."""
Text = Annotated[str, Meta(min_length=1)]


class Read(msgspec.Struct, frozen=True):
    """A value from which another one was computed."""

    resource: str
    """The ARM id, or the id of a subject."""
    path: str
    """The property; empty for the resource itself."""
    observed: Json
    """The value that was read; null if the property was absent."""


class Evidence(msgspec.Struct, frozen=True, omit_defaults=True):
    """One observation."""

    resource: str
    """The ARM id, or the subject's id for a computed value."""
    path: str
    """The property, or the name of a computed value."""
    observed: Json
    """The observed value; null if the property was absent."""
    expected: str
    """The expected value."""
    reads: Annotated[tuple[Read, ...], Meta(min_length=1)] = ()
    """Of a computed value, the values that it was computed from."""
    alternatives: Annotated[tuple[Text, ...], Meta(min_length=1)] = ()
    """Paths in the rule, such as `assert.anyOf[1]`, of the alternatives that the observation belongs to, of which any
    one would do; absent if it belongs to none."""


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
