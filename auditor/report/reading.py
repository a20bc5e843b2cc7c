"""Reads a report that was kept."""

from __future__ import annotations

from pathlib import Path

import msgspec

from auditor import files
from auditor.errors import InputError
from auditor.report.document import Document


def read(path: Path) -> Document:
    """Return a report as `scan -o json` wrote it, also by an older or a newer version.

    Raises:
        InputError: the file cannot be read, or is not a report.
    """
    try:
        return msgspec.json.decode(files.read(path), type=Document)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        message = f"is not a report as scan -o json writes it: {error}"
        raise InputError(message, str(path)) from None
