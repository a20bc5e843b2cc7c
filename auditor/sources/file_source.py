"""The source that reads files of every format."""

from __future__ import annotations

from itertools import chain
from pathlib import Path

from auditor import files
from auditor.snapshot.model import Snapshot
from auditor.sources import arm_json, snapshot_file
from auditor.sources.snapshot_folder import SnapshotFolder


class FileSource:
    """A file: a snapshot, or raw ARM bodies; or a snapshot folder."""

    def __init__(self, path: Path) -> None:
        """Name the file or folder; it is opened by `read`."""
        self._path = path

    @property
    def file(self) -> str:
        """Return the name of the file."""
        return str(self._path)

    def read(self) -> Snapshot:
        """Read the file in the format that its content shows.

        Raises:
            InputError: the file or folder is unreadable, has none of the formats, or is damaged.
        """
        folder = self.parts()
        if folder is not None:
            return folder.read()
        pieces = files.pieces(self._path)
        begin = next(pieces)
        pieces = chain((begin,), pieces)
        if snapshot_file.is_snapshot(begin):
            return snapshot_file.decode_pieces(pieces, self.file)
        return arm_json.decode(b"".join(pieces), self.file)

    def parts(self) -> SnapshotFolder | None:
        """Return the snapshot folder, None if it is a file.

        Raises:
            InputError: the manifest of the folder is missing or wrong.
        """
        return SnapshotFolder(self._path) if self._path.is_dir() else None
