"""The source that reads live subscriptions."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final, Protocol

from auditor.estate import deployment_file
from auditor.snapshot.model import Snapshot
from auditor.sources.live.collection import CollectOptions, collect
from auditor.sources.live.folder import collect_into
from auditor.sources.live.progress import Amount, Progress
from auditor.sources.snapshot_folder import SnapshotFolder


class Display(Progress, Protocol):
    """Progress that ends with a summary."""

    def ends(self, read: Amount) -> None:
        """Show what was read and what it took."""


class LiveSource:
    """Live subscriptions, read through Azure Resource Manager."""

    file: Final = ""

    def __init__(
        self, options: CollectOptions, deployment: Path | None, display: AbstractContextManager[Display]
    ) -> None:
        """Name what to read, the deployment file, whose members are read in more detail, and the display."""
        self._options = options
        self._deployment = deployment
        self._display = display

    def read(self) -> Snapshot:
        """Read the subscriptions; the text of the deployment file goes into the snapshot.

        Raises:
            InputError: the sign-in failed, or an argument or the deployment file is wrong.
        """
        declared = deployment_file.read(self._deployment) if self._deployment else deployment_file.NOTHING
        with self._display as display:
            result = collect(self._options, declared.deployments, declared.text, display)
        display.ends(result.amount)
        return result.snapshot

    def read_into(self, folder: Path) -> Amount:
        """Read the subscriptions into a snapshot folder, each as soon as all of it is read; return what was read.

        Raises:
            InputError: the sign-in failed, an argument or the deployment file is wrong, or the folder cannot be used.
        """
        declared = deployment_file.read(self._deployment) if self._deployment else deployment_file.NOTHING
        with self._display as display:
            amount = collect_into(folder, self._options, declared.deployments, declared.text, display)
        display.ends(amount)
        return amount

    def parts(self) -> None:
        """Return nothing: live subscriptions are no snapshot folder."""


class LiveFolder:
    """Live subscriptions, read into a snapshot folder, of which one part after the other is then evaluated."""

    def __init__(self, live: LiveSource, folder: Path) -> None:
        """Name the subscriptions and the folder, into which they are read at the first use."""
        self.file: Final = str(folder)
        self._live = live
        self._folder = folder
        self._read: SnapshotFolder | None = None

    def read(self) -> Snapshot:
        """Read the subscriptions, and return the whole folder."""
        return self.parts().read()

    def parts(self) -> SnapshotFolder:
        """Read the subscriptions, and return the folder.

        Raises:
            InputError: the sign-in failed, an argument or the deployment file is wrong, or the folder cannot be used.
        """
        if self._read is None:
            self._live.read_into(self._folder)
            self._read = SnapshotFolder(self._folder)
        return self._read
