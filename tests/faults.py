"""Files that users write, and the errors of invalid changes to them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from auditor.errors import InputError


class Change(NamedTuple):
    """A change to a file, and the expected error."""

    old: str
    new: str
    words: str
    """A part of the message."""
    line: int = 0
    """The line, relative to that of the change."""


def changes(*rows: tuple[str, str, str] | tuple[str, str, str, int]) -> pytest.MarkDecorator:
    """Run a test with each of some changes."""
    return pytest.mark.parametrize("change", [Change(*row) for row in rows])


class Sound(NamedTuple):
    """A file that can be loaded."""

    text: str
    name: str
    load: Callable[[str], object]

    def error(self, old: str, new: str) -> tuple[str, int]:
        """Return the error for the file after a change: its message, and its line relative to that of the change."""
        assert old in self.text
        with pytest.raises(InputError) as caught:
            self.load(self.text.replace(old, new, 1))
        assert Path(caught.value.file).name == self.name
        return caught.value.message, caught.value.line - self.text[: self.text.index(old)].count("\n") - 1

    def refuses(self, change: Change) -> None:
        """Check that a change is refused with its error."""
        message, line = self.error(change.old, change.new)
        assert change.words in message
        assert line == change.line
