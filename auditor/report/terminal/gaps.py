"""What was not read, joined by what is to be done about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from auditor.report.document import Gap
from auditor.report.grouping import group
from auditor.snapshot.model import GapReason

_REMEDIES: Final[Mapping[GapReason, str]] = {
    GapReason.FORBIDDEN: "assign the role from `auditor permissions` to the scanning identity there, then scan again",
    GapReason.THROTTLED: "Azure throttled the requests: scan again later",
    GapReason.TIMEOUT: "Azure did not answer in time: scan again later",
    GapReason.UNAVAILABLE: "Azure did not answer: scan again later, unless the error code names another cause",
    GapReason.MALFORMED: "Azure's answer could not be understood: scan again, and report it if it happens again",
    GapReason.UNSUPPORTED: "this cloud does not offer it: check by hand what the rules require",
    GapReason.NOT_REQUESTED: "include it and scan again",
}

_SELF_EXPLAINED: Final = frozenset({GapReason.UNSUPPORTED, GapReason.NOT_REQUESTED})
"""Reasons of gaps whose detail says what to do; the detail of others says what went wrong."""
_SIGN_IN: Final = frozenset({"expiredauthenticationtoken", "authenticationfailed"})
"""Error codes of a token that ended while Azure was read; the detail says what to do."""


class GapGroup(NamedTuple):
    """Gaps that have their circumstances in common."""

    gaps: tuple[Gap, ...]
    whats: tuple[str, ...]
    """The resource types or properties that were not read."""
    reason: GapReason
    code: str | None
    scopes: tuple[str, ...]
    permissions: tuple[str, ...]
    """The actions that the caller would need."""
    why: str
    """What went wrong in particular; "" if `to_do` says it."""
    to_do: str


def joined(gaps: Iterable[Gap]) -> list[GapGroup]:
    """Return gaps by their circumstances: types that were not read for one reason in the same scopes are together."""
    kinds = group(gaps, lambda gap: (gap.what, gap.reason, gap.code, gap.permission)).values()
    return [_group(alike) for alike in group(kinds, _circumstances).values()]


def _circumstances(gaps: list[Gap]) -> tuple[GapReason, str | None, tuple[str, ...], tuple[str, ...]]:
    """Return reason, code, scopes and details of gaps."""
    details = tuple(dict.fromkeys(gap.detail for gap in gaps if gap.detail))
    return gaps[0].reason, gaps[0].code, tuple(dict.fromkeys(gap.scope for gap in gaps)), details


def _group(kinds: list[list[Gap]]) -> GapGroup:
    reason, code, scopes, details = _circumstances(kinds[0])
    permissions = tuple(dict.fromkeys(gaps[0].permission for gaps in kinds if gaps[0].permission))
    detail = f"{details[0]}{f' (and {len(details) - 1} more like it)' * (len(details) > 1)}" if details else ""
    is_token = (code or "").lower() in _SIGN_IN
    explained = reason in _SELF_EXPLAINED or is_token or (reason is GapReason.FORBIDDEN and not permissions)
    return GapGroup(
        gaps=tuple(gap for gaps in kinds for gap in gaps),
        whats=tuple(gaps[0].what for gaps in kinds),
        reason=reason,
        code=code,
        scopes=scopes,
        permissions=permissions,
        why="" if explained else detail,
        to_do=detail if detail and explained else _REMEDIES[reason],
    )
