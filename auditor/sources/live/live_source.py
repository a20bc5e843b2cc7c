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
