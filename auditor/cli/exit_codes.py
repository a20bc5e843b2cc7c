"""Exit codes: the part of the command line's contract that scripts depend on."""

from __future__ import annotations

TYPE_CHECKING = False  # see `auditor.cli.arguments`
if TYPE_CHECKING:
    from typing import Final

OK: Final = 0
FINDINGS: Final = 1
USAGE: Final = 2
INCOMPLETE: Final = 3
INTERRUPTED: Final = 130
