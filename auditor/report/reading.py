"""Reads a report that was kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

import msgspec

from auditor import files
from auditor.errors import InputError
from auditor.report import once
from auditor.report.document import Document


def read(path: Path) -> Document:
    """Return a report as `scan -o json` wrote it, also by an older or a newer version, or as a page has it inside.

    Raises:
        InputError: the file cannot be read, or is not a report.
    """
    try:
        document = msgspec.json.decode(files.read(path), type=Document)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        message = f"is not a report as scan -o json writes it: {error}"
        raise InputError(message, str(path)) from None
    for where, positions, number in _positions(document):
        if max(positions, default=-1) >= number:
            message = f"is not a report as scan -o json writes it: `{where}` has a position behind the last"
            raise InputError(message, str(path))
    return once.restored(document)


def _positions(document: Document) -> Iterator[tuple[str, Iterable[int], int]]:
    """Yield the positions that a report contains, and the number of items that they may refer to."""
    findings = (*document.findings, *(old.finding for old in document.carried))
    yield "$.findings[].gaps", chain.from_iterable(found.gaps for found in findings), len(document.coverage.gaps)
    declarations = (found.declarations for found in findings)
    yield "$.findings[].declarations", chain.from_iterable(declarations), len(document.coverage.declarations_missing)
    if document.brief:
        subjects = chain(*document.brief.passed.values(), *document.brief.not_applicable.values())
        yield "$.brief", subjects, len(document.brief.subjects)
