"""The commands of a fix, wrapped so that they can be copied."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from auditor.escape import printable
from auditor.report.terminal.layout import width_of, wrap

_WORD: Final = re.compile(r"""(?:"[^"]*"|'[^']*'|\S)+""")
"""A word of a command, quoted parts kept together."""
_COMMAND: Final = re.compile(r"[a-z./]")
"""How a command begins; prose begins with a capital, a comment with `#`."""


def wrap_fix(text: str, width: int) -> Iterator[str]:
    """Yield the lines of a fix; commands are broken only where a shell continues reading."""
    for line in map(printable, text.replace("\\\n", " ").strip().split("\n")):
        if line.startswith("#"):
            yield from (f"# {part}" for part in wrap(line.lstrip("# "), width - 2))
        elif _COMMAND.match(line) and width_of(line) > width:
            yield from _command(line, width)
        else:
            yield from wrap(line, width)


def _command(line: str, width: int) -> Iterator[str]:
    """Yield the lines of a long command, broken only before its options."""
    written = ""
    for option in _options(line):
        longer = f"{written} {option}" if written else option
        if written and width_of(longer) + len(" \\") > width:
            yield f"{written} \\"
            written = f"  {option}"
        else:
            written = longer
    yield written


def _options(line: str) -> list[str]:
    """Split a command before each option; an option keeps its values."""
    options: list[str] = []
    for word in _WORD.findall(line):
        if options and not word.startswith("-"):
            options[-1] += f" {word}"
        else:
            options.append(word)
    return options
