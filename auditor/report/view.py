"""How a report is to be shown."""

from __future__ import annotations

import msgspec


class View(msgspec.Struct, frozen=True):
    """What a user, or the terminal that is used, asks of a format; a format ignores what does not concern it."""

    passes: bool = False
    """Whether passes and not-applicables are listed too."""
    only_changes: bool = False
    """Whether of the findings only those that changed are listed."""
    width: int = 80
    """The number of columns to keep to."""
    colour: bool = False
    """Whether colour may be used."""
