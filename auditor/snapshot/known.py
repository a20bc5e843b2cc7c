"""What a look-up in a subscription can answer: a value, nothing, or that it cannot be known.

Every layer above the snapshot speaks in these types, so that a missing permission can neither pass for a value nor
for its absence.
"""

from __future__ import annotations

import enum
import sys
from typing import TypeVar

import msgspec

from auditor.snapshot.model import Gap

T = TypeVar("T")


class Cause(enum.StrEnum):
    """Why something is unknown; the first of several that apply names the finding."""

    GAP = "gap"
    """It could not be read: no permission, throttled, not listed."""
    DECLARATION = "declaration"
    """Azure does not know it and nobody declared it."""
    GUEST = "guest"
    """It is inside the machine and nobody supplied the file."""
    VALUE = "value"
    """It was read, but no sense can be made of it."""


class Unknown(msgspec.Struct, frozen=True):
    """The result of a look-up that has no answer."""

    cause: Cause
    reason: str
    """The reason for people; nothing is derived from its text."""
    gaps: tuple[Gap, ...] = ()
    """What was not read, where nothing else is the reason."""
    about: tuple[str, ...] = ()
    """The ids of the resources in which the reason lies, beyond those of the gaps."""

    @classmethod
    def of(cls, gap: Gap) -> Unknown:
        """Return what a gap leaves unknown."""
        return cls(Cause.GAP, str(gap), (gap,))

    @property
    def resources(self) -> tuple[str, ...]:
        """Return the ids of all resources in which the reason lies."""
        return (*(gap.scope for gap in self.gaps), *self.about)


class Read(msgspec.Struct, frozen=True):
    """One value that a verdict rests on: where it stands and what was there."""

    resource: str
    """The ARM id of the resource, or the id of a subject, as it is spelled."""
    path: str
    """The path of the property in that resource; "" for the resource itself."""
    value: object
    """What was observed; `ABSENT` where the property was missing."""


class Interval(msgspec.Struct, frozen=True):
    """A number of which only the bounds are known; `high` may be infinite."""

    low: float
    high: float
    because: tuple[Unknown, ...] = ()
    """Why the bounds are apart."""

    @property
    def exact(self) -> bool:
        """Tell whether the bounds meet."""
        return self.low == self.high


class Items(msgspec.Struct, frozen=True):
    """A list. A member may itself be `Unknown`; `missing` says why there may be more members than these."""

    known: tuple[object, ...] = ()
    missing: Unknown | None = None

    @classmethod
    def of(cls, value: object) -> Items:
        """Return what a look-up answered as a list: empty where there is none, open where it cannot be told."""
        if isinstance(value, Items):
            return value
        return cls(missing=value) if isinstance(value, Unknown) else cls()

    @classmethod
    def joined(cls, *lists: Items | Unknown) -> Items:
        """Return the members of several lists as one, which is open where one of them is."""
        found = [cls.of(items) for items in lists]
        known = tuple(member for items in found for member in items.known)
        return cls(known, next((items.missing for items in found if items.missing is not None), None))

    @property
    def complete(self) -> bool:
        """Tell whether these are all the members and each of them is known."""
        return self.open_end is None

    @property
    def open_end(self) -> Unknown | None:
        """Return why there may be others than the known members, None where there are none."""
        if self.missing is not None:
            return self.missing
        for member in self.known:
            if type(member) is Unknown:
                return member
        return None

    def only(self, kind: type[T]) -> list[T]:
        """Return the members of a type; whoever asks for no other has to heed `open_end`."""
        return [member for member in self.known if isinstance(member, kind)]


class Answer(msgspec.Struct, frozen=True):
    """What a fact or a path yields: the value and all that was read to get it."""

    value: object
    """A scalar, `ABSENT`, `Unknown`, `Interval`, `Items`, or an element of the topology."""
    reads: tuple[Read, ...] = ()


def interval(value: object) -> Interval | None:
    """Return a number or an interval as an interval, anything else as None.

    A boolean is not a number; neither is one that no float can hold.
    """
    kind = type(value)
    if kind is Interval:
        return value  # type: ignore[return-value]
    if (kind is int or kind is float) and abs(value) <= sys.float_info.max:  # type: ignore[arg-type]
        return Interval(value, value)  # type: ignore[arg-type]
    return None
