"""The error of a condition that cannot be compiled."""

from __future__ import annotations


class ConditionError(Exception):
    """A condition is invalid; `path` is the place in its file, which may be in a parameter."""

    def __init__(self, message: str, path: tuple[str | int, ...]) -> None:
        """Take the message and the path."""
        super().__init__(message)
        self.path = path
