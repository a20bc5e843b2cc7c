"""Times as Azure, snapshots and files from inside VMs write them."""

from __future__ import annotations

import datetime as dt


def instant(text: object) -> dt.datetime | None:
    """Return a time with its zone, None if a value is none; one that names no zone is in UTC, as those of Azure are."""
    found = written(text)
    return found and found.replace(tzinfo=found.tzinfo or dt.UTC)


def written(text: object) -> dt.datetime | None:
    """Return a time as it is written, with or without a zone; None if a value is none."""
    try:
        return dt.datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
