"""Tables and text of Markdown, as GitHub renders it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec

from auditor import escape
from auditor.report import wording

_MOST: Final = 64 * 1024
"""The largest size of one table in bytes."""


class Table(msgspec.Struct, frozen=True):
    """A table; its cells are shown literally."""

    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]


def table(found: Table) -> Iterator[str]:
    """Yield the lines of a table without its title, up to the largest size; then the number of omitted rows."""
    yield _row(found.columns)
    yield _row("---" for _ in found.columns)
    room = _MOST
    for number, row in enumerate(found.rows):
        line = _row(map(text, row))
        room -= len(line.encode(errors="backslashreplace"))
        if room < 0:
            yield ""
            yield f"{len(found.rows) - number:,} more rows are omitted; the JSON report has all of them."
            return
        yield line


def text(literal: str) -> str:
    """Return a text that is shown literally, with short names of resources and aliases of subscriptions."""
    named = wording.aliased(wording.named(" ".join(literal.split())))
    return escape.markdown(wording.cut(named))


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
