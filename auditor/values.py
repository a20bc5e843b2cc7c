"""What a look-up in a subscription can answer: a value, nothing, or that it cannot be known.

Every layer above the snapshot speaks in these types, so that a missing permission can neither pass for a value nor
for its absence.
"""

from __future__ import annotations

import enum
import sys
from typing import Final, NamedTuple

import msgspec


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
    """The answer of a look-up that cannot be answered, with the reason for a human."""

    cause: Cause
    reason: str


class Absent(enum.Enum):
    """The type of `ABSENT`."""

    ABSENT = "absent"


ABSENT: Final = Absent.ABSENT
"""The resource was read and lacks the property, or has it as null."""


class Read(NamedTuple):
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

    @property
    def complete(self) -> bool:
        """Tell whether these are all the members and each of them is known."""
        return self.missing is None and not any(isinstance(item, Unknown) for item in self.known)


class Answer(msgspec.Struct, frozen=True):
    """What a fact or a path yields: the value and all that was read to get it."""

    value: object
    """A scalar, `ABSENT`, `Unknown`, `Interval`, `Items`, or an element of the topology."""
    reads: tuple[Read, ...] = ()


def interval(value: object) -> Interval | None:
    """Return a number or an interval as an interval, anything else as None.

    A boolean is not a number; neither is one that no float can hold.
    """
    if isinstance(value, Interval):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= sys.float_info.max:
        return None
    return Interval(value, value)
