"""The data that travel with the program: rule packs, known-good deployments and the demo."""

from __future__ import annotations

from pathlib import Path
from typing import Final

_HERE: Final = Path(__file__).resolve().parent
_ROOT: Final = _HERE / "_data" if (_HERE / "_data").is_dir() else _HERE.parent
"""In a wheel the data lie in the package; in a checkout beside it."""

RULES: Final = _ROOT / "rules"
FIXTURES: Final = _ROOT / "fixtures"
PACK: Final = RULES / "intersystems-azure"
DEMO: Final = FIXTURES / "demo"
TABLES: Final = _HERE / "rules" / "facts" / "data"
INVENTORY: Final = "inventory.json"
DEPLOYMENT: Final = "deployment.yaml"


def contains(file: str) -> bool:
    """Return whether a file is a table, or of the built-in pack or the demo, under the path that the program uses.

    The tests validate these files. Not to do it again at each start saves 0.2 s of CPU time; `scan --demo` takes 0.3 s.
    """
    return Path(file).parent in {PACK, DEMO, TABLES}
