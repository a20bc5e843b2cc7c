"""What a reader tells while it reads, to whoever shows it."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Is told what happens; every text may hold what Azure or a user wrote."""

    def begins(self, what: str) -> None:
        """Something is being read now."""

    def read(self, what: str, count: int) -> None:
        """It was read to its end, and this many were found."""

    def missed(self, what: str, why: str) -> None:
        """It could not be read."""

    def waits(self, seconds: float) -> None:
        """Nothing happens for some seconds, since Azure asked for it or would."""

    def called(self, path: str, status: int, request_id: str, seconds: float) -> None:
        """Azure has answered a request."""
