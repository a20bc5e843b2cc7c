"""The statements of the mirroring guide by their ids."""

from __future__ import annotations

from collections.abc import Sequence

from auditor.losses.mirror import Lost, State


def deciding(start: State, order: Sequence[Lost]) -> tuple[str, ...]:
    """Return the ids of the statements that decide what a mirror does after events in an order."""
    return ()
