"""Evidence: one observation that decided a verdict."""

from __future__ import annotations

import msgspec


class Evidence(msgspec.Struct, frozen=True):
    """One observation that decided a verdict."""

    resource: str
    """The ARM id, or the id of the subject for a computed value."""
    path: str
    """The property, or the name of the fact for a computed value."""
    observed: object
    """None where the property was missing."""
    expected: str
    reads: tuple[tuple[str, str, object], ...] = ()
    """For a computed value: (resource, path, observed) of all that went into it."""
