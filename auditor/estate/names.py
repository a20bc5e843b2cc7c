"""Names of what exists, in which those are found that are similar to one that does not."""

from __future__ import annotations

import difflib
from bisect import bisect_left
from collections.abc import Iterable
from typing import Final

_MOST: Final = 5
"""The number of names that are given where none is similar."""
_NEAR: Final = 100
"""Of more than twice as many names, those are compared that are sorted next to a name, forwards and backwards."""


class Names:
    """Names, sorted once."""

    def __init__(self, names: Iterable[str]) -> None:
        """Take the names; the last of those that differ in case only counts."""
        self._known = {name.casefold(): name for name in names}
        self._forwards = sorted(self._known)
        self._backwards = sorted(name[::-1] for name in self._known)

    def similar(self, name: str) -> tuple[str, ...]:
        """Return the names that are similar to one that does not exist, else the first few of all."""
        wanted = name.casefold()
        behind = (other[::-1] for other in _near(self._backwards, wanted[::-1]))
        near = difflib.get_close_matches(wanted, sorted({*_near(self._forwards, wanted), *behind}))
        return tuple(self._known[other] for other in near or self._forwards[:_MOST])


def _near(names: list[str], name: str) -> list[str]:
    """Return the names next to one in their order, at most `2 * _NEAR`."""
    place = bisect_left(names, name)
    return names[max(0, place - _NEAR) : place + _NEAR]
