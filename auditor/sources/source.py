"""The interface of sources."""

from __future__ import annotations

from typing import Protocol

from auditor.snapshot.model import Snapshot
from auditor.sources.snapshot_folder import SnapshotFolder


class Parts(Protocol):
    """A snapshot in parts, which a worker can read."""

    @property
    def header(self) -> Snapshot:
        """Return the snapshot without what its parts have."""

    @property
    def scopes(self) -> tuple[tuple[str, ...], ...]:
        """Return the subscriptions of each part."""

    def read_part(self, number: int) -> Snapshot:
        """Read a part.

        Raises:
            InputError: it is wrong.
        """


class Source(Protocol):
    """What a snapshot is read from: a file, or live subscriptions."""

    @property
    def file(self) -> str:
        """Return the name of the file for messages, "" for live subscriptions."""

    def read(self) -> Snapshot:
        """Read the snapshot.

        Raises:
            InputError: the file is wrong, or the sign-in failed. What else could not be read is a gap of the snapshot.
        """

    def parts(self) -> SnapshotFolder | None:
        """Return the snapshot folder that it is, None for any other source.

        Raises:
            InputError: its manifest is missing or wrong.
        """
