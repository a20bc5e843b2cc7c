"""The rules whose remedies a change of the checkout may touch; as a script, prints them as words, or `all`.

    python -m tests.tools.azcli.touched CHECKOUT

A change is everything since the commit from which HEAD left the main branch, with what is not committed. If HEAD is of
the main branch, that is its last merge; where git shows neither, as in a clone with one commit, every rule counts.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Final

RULES: Final = "rules/intersystems-azure/[A-Z]*.yaml"
SHARED: Final = (
    "auditor/authoring/",
    "auditor/azure/",
    "auditor/estate/",
    "auditor/evaluation/",
    "auditor/rules/",
    "auditor/snapshot/",
    "fixtures/",
    "tests/tools/azcli/",
)
"""What the proof of every remedy depends on."""
MAIN: Final = ("origin/HEAD", "origin/main", "main")
ALL: Final = "all"


def rules(checkout: Path) -> list[str]:
    """Return the ids of the rules whose remedies a change may touch, or only `ALL`."""
    base = _base(checkout)
    if not base:
        return [ALL]
    changed = _names(checkout, "diff", "--name-only", "-z", base)
    new = _names(checkout, "ls-files", "--others", "--exclude-standard", "-z")
    return of(name for name in (*changed, *new) if (checkout / name).is_file() or name.startswith(SHARED))


def of(files: Iterable[str]) -> list[str]:
    """Return the rules that files of the checkout touch."""
    paths = [PurePosixPath(name) for name in files]
    if any(str(path).startswith(SHARED) for path in paths):
        return [ALL]
    return sorted(path.stem for path in paths if path.match(RULES))


def _base(checkout: Path) -> str:
    """Return the commit with which the checkout is compared, "" if there is none."""
    head = _commit(checkout, "rev-parse", "HEAD")
    left = (_commit(checkout, "merge-base", "HEAD", branch) for branch in MAIN)
    apart = next((commit for commit in left if commit and commit != head), "")
    is_merge = _commit(checkout, "rev-parse", "--verify", "HEAD^2")
    return apart or (_commit(checkout, "rev-parse", "HEAD^1") if is_merge else "")


def _commit(checkout: Path, *arguments: str) -> str:
    """Return the commit that git prints, "" if there is none."""
    ran = _git(checkout, *arguments)
    return "" if ran.returncode else ran.stdout.strip()


def _names(checkout: Path, *arguments: str) -> list[str]:
    """Return the names of files that git prints.

    Raises:
        subprocess.CalledProcessError: git refuses.
    """
    ran = _git(checkout, *arguments)
    ran.check_returncode()
    return [name for name in ran.stdout.split("\0") if name]


def _git(checkout: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["git", "-c", "safe.directory=*", "-C", str(checkout), *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True)


if __name__ == "__main__":
    print(*rules(Path(sys.argv[1])))
