"""The source that reads live subscriptions."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final, Protocol

from auditor.estate import deployment_file
from auditor.snapshot.model import Snapshot
from auditor.sources.live.collection import CollectOptions, collect
from auditor.sources.live.progress import Progress


class Display(Progress, Protocol):
    """Progress that ends with a summary."""

    def ends(self, snapshot: Snapshot, calls: int, retries: int, seconds: float) -> None:
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
        display.ends(result.snapshot, result.calls, result.retries, result.seconds)
        return result.snapshot
