"""Options of a format."""

from __future__ import annotations

import msgspec

from auditor.report.filtering import Filter


class View(msgspec.Struct, frozen=True):
    """Options from the user and the terminal; a format ignores those that do not concern it."""

    passes: bool = False
    """Whether passes and findings that do not apply are listed too."""
    only_changes: bool = False
    """Whether only findings that changed since the baseline are listed."""
    details: bool = False
    """Whether every finding is shown in full, instead of one or two lines."""
    chosen: Filter = Filter()
    """Which findings are shown."""
    command: str = ""
    """The command that renders the same again, as words of a shell."""
    source: str = ""
    """The options by which other commands read the same again, as words of a shell."""
    width: int = 80
    """The width in columns."""
    colour: bool = False
    """Whether colour may be used."""
    ids: bool = False
    """Whether a page for people has the ids of subscriptions instead of aliases."""
