"""What a test of rules finds wrong."""

from __future__ import annotations

import msgspec


class Fault(msgspec.Struct, frozen=True, order=True):
    """Something in a rule file that a test shows to be wrong."""

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        """Return `file:line: message`."""
        return f"{self.file}:{self.line}: {self.message}"
