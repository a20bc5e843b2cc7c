"""Results of look-ups: a value, its absence, or unknown.

All layers above the snapshot use these types, so that a missing permission is never taken for a value or its absence.
"""

from __future__ import annotations

import enum
import sys
from typing import TypeVar

import msgspec

from auditor.snapshot.model import Gap

T = TypeVar("T")


class Cause(enum.StrEnum):
    """The cause of an unknown; the first of several causes is that of the finding."""

    GAP = "gap"
    """It could not be read: no permission, throttled, not listed."""
    DECLARATION = "declaration"
    """Azure does not have it, and it is not declared."""
    GUEST = "guest"
    """It is in a file inside the VM, which was not supplied, is too old, or could not be read for certain."""
    VALUE = "value"
    """It was read, but its value has no known meaning."""
    ATTESTATION = "attestation"
    """Nothing in Azure shows it, and no person attests it."""


class Unknown(msgspec.Struct, frozen=True):
    """The result of a look-up that has no answer."""

    cause: Cause
    reason: str
    """The reason for people; nothing is derived from its text."""
    gaps: tuple[Gap, ...] = ()
    """What was not read, where nothing else is the reason."""
    about: tuple[str, ...] = ()
    """The ids of the resources in which the reason lies, beyond those of the gaps."""
    optional: bool = False
    """Whether a scan is complete without it: an optional key of the deployment file, an attestation, a metric that only
    a live scan reads, whose an address or name in a guest file is, or the zone of what is in no particular one."""

    @classmethod
    def of(cls, gap: Gap) -> Unknown:
        """Return what a gap leaves unknown."""
        return cls(Cause.GUEST if gap.is_of_guest_file else Cause.GAP, str(gap), (gap,))

    @classmethod
    def unattested(cls, sentence: str) -> Unknown:
        """Return that nothing in Azure shows whether a sentence is true, and that it must be attested."""
        reason = f"nothing in Azure shows this; attest whether it holds: {sentence}"
        return cls(Cause.ATTESTATION, reason, optional=True)

    @property
    def resources(self) -> tuple[str, ...]:
        """Return the ids of all resources in which the reason lies."""
        return (*(gap.scope for gap in self.gaps), *self.about)


class Read(msgspec.Struct, frozen=True):
    """One value from which an outcome is derived: its resource, its path and itself."""

    resource: str
    """The ARM id of the resource, or the id of a subject, as it is spelled."""
    path: str
    """The path of the property in that resource; "" for the resource itself."""
    value: object
    """The observed value; `ABSENT` without one."""


class Interval(msgspec.Struct, frozen=True):
    """A number of which only the bounds are known; `high` may be infinite."""

    low: float
    high: float
    because: tuple[Unknown, ...] = ()
    """Why the bounds differ."""

    @property
    def exact(self) -> bool:
        """Return whether the bounds are equal."""
        return self.low == self.high


class PartialList(msgspec.Struct, frozen=True):
    """A list that may be incomplete. An item may itself be `Unknown`."""

    known: tuple[object, ...] = ()
    missing: Unknown | None = None
    """Why there may be more items; None if there are not."""

    @classmethod
    def of(cls, value: object) -> PartialList:
        """Return the result of a look-up as a list: empty for a value that is no list, incomplete for an unknown."""
        if isinstance(value, PartialList):
            return value
        return cls(missing=value) if isinstance(value, Unknown) else cls()

    @classmethod
    def joined(cls, *lists: PartialList | Unknown) -> PartialList:
        """Return several lists as one, which is incomplete if one of them is."""
        found = [cls.of(items) for items in lists]
        known = tuple(item for items in found for item in items.known)
        return cls(known, next((items.missing for items in found if items.missing is not None), None))

    @property
    def complete(self) -> bool:
        """Return whether all items are here and known."""
        return self.incomplete_because is None

    @property
    def incomplete_because(self) -> Unknown | None:
        """Return why the list is incomplete, or has an unknown item; None if all items are here and known."""
        if self.missing is not None:
            return self.missing
        for item in self.known:
            if type(item) is Unknown:
                return item
        return None

    def of_type(self, kind: type[T]) -> list[T]:
        """Return the items of a type; a conclusion from them also needs `incomplete_because`."""
        return [item for item in self.known if isinstance(item, kind)]


class Answer(msgspec.Struct, frozen=True):
    """The value of a fact or path, with everything that was read for it."""

    value: object
    """A scalar, `ABSENT`, `Unknown`, `Interval`, `PartialList`, or an element of the estate."""
    reads: tuple[Read, ...] = ()


def interval(value: object) -> Interval | None:
    """Return a number or an interval as an interval, None for any other value.

    A boolean is not a number, and neither is an integer outside the range of a float.
    """
    kind = type(value)
    if kind is Interval:
        return value  # type: ignore[return-value]
    if (kind is int or kind is float) and abs(value) <= sys.float_info.max:  # type: ignore[arg-type]
        return Interval(value, value)  # type: ignore[arg-type]
    return None
