"""Reads a report that was kept."""

from __future__ import annotations

from itertools import chain
from pathlib import Path

import msgspec

from auditor import files
from auditor.errors import InputError
from auditor.report.document import Brief, Document


def read(path: Path) -> Document:
    """Return a report as `scan -o json` wrote it, also by an older or a newer version.

    Raises:
        InputError: the file cannot be read, or is not a report.
    """
    try:
        document = msgspec.json.decode(files.read(path), type=Document)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        message = f"is not a report as scan -o json writes it: {error}"
        raise InputError(message, str(path)) from None
    if document.brief and not _has_subjects(document.brief):
        message = (
            "is not a report as scan -o json writes it: `$.brief` has a position behind the last of its `subjects`"
        )
        raise InputError(message, str(path))
    return document


def _has_subjects(brief: Brief) -> bool:
    """Return whether each position in a brief is that of a subject."""
    positions = chain(*brief.passed.values(), *brief.not_applicable.values())
    return max(positions, default=-1) < len(brief.subjects)
