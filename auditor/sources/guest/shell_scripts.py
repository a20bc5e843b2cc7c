"""A shell script that freezes or thaws a database: what it calls and how it exits, never its text."""

from __future__ import annotations

import re
from typing import Any, Final

_CALL: Final = re.compile(r"\b(?:irissession|iris\s+session|csession)\b.*External(Freeze|Thaw)\s*\(", re.IGNORECASE)
_TEST: Final = re.compile(r"\$\?|\bif\s+(?:!\s*)?(?:iris|csession)\b|\$\{?(?:status|rc|ret|code)\b", re.IGNORECASE)
_EXIT: Final = re.compile(r"\bexit\s+(\S+)")
_COMMENT: Final = re.compile(r"^\s*#.*$")


def derived(whole: str) -> dict[str, Any]:
    """Return whether a script calls ExternalFreeze and ExternalThaw, and how its exit status follows from that.

    `exit` is `by-status` if what follows the first call tests a status and can exit with another one than 0. It is
    `always-0` if the script ends with `exit 0` and nothing tests a status, else `unclear`.
    """
    lines = [line.strip() for line in whole.splitlines() if line.strip() and not _COMMENT.match(line)]
    calls = [(place, found[1].lower()) for place, line in enumerate(lines) for found in _CALL.finditer(line)]
    kinds = {kind for _, kind in calls}
    return {"callsFreeze": "freeze" in kinds, "callsThaw": "thaw" in kinds, "exit": _exit(lines, calls)}


def _exit(lines: list[str], calls: list[tuple[int, str]]) -> str:
    if not calls or not lines:
        return "unclear"
    behind = "\n".join(lines[calls[0][0] :])
    tested = _TEST.search(behind) is not None
    statuses = [status.strip(";)\"'") for status in _EXIT.findall(behind)]
    ends_with_test = re.fullmatch(r"(?:\[|test\b).*\$\?.*", lines[-1]) is not None
    if tested and (ends_with_test or any(status != "0" for status in statuses)):
        return "by-status"
    return "always-0" if lines[-1] == "exit 0" and not tested else "unclear"
