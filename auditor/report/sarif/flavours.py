"""The flavours of SARIF: everything, and what each service makes an alert of."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Final

from auditor.rules.model import Severity


class Flavour(enum.Enum):
    """The reader of a log."""

    FULL = enum.auto()
    """Everything."""
    GITHUB = enum.auto()
    """GitHub code scanning."""
    AZURE_DEVOPS = enum.auto()
    """The SARIF SAST Scans Tab of Azure DevOps, and its Advanced Security.

    The tab shows at first neither notes nor results that are `unchanged` since a baseline. So that nothing open is
    hidden, what is low is a warning, and no result has a baseline state. Advanced Security requires names of rules;
    the task that publishes the log writes the identity of its pipeline where other logs have their category.
    """

    @property
    def only_alerts(self) -> bool:
        """Return whether the log has only what becomes an alert: these services would make one of a pass too."""
        return self is not Flavour.FULL

    def level(self, severity: Severity) -> str:
        """Return the level of a fail of a severity."""
        low_is_shown = self is Flavour.AZURE_DEVOPS and severity is Severity.LOW
        return "warning" if low_is_shown else _LEVELS[severity]


_LEVELS: Final[Mapping[Severity, str]] = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "note",
    Severity.INFO: "note",
}
