"""The run in SARIF: whether it was complete, and notifications of what it could not do."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Final

import msgspec
import sarif_om as om

from auditor.escape import printable
from auditor.evaluation.model import Outcome
from auditor.report import wording
from auditor.report.document import Document, Finding, Gap, Waiver
from auditor.report.sarif.objects import Node
from auditor.report.sarif.text import LONGEST_REASON, inert, one_line

_GAP: Final = "GAP"
_ERROR: Final = "ERROR"
_DECLARE: Final = "DECLARE"
_WAIVER: Final = "WAIVER"
NOTIFICATIONS: Final = {
    _GAP: (
        "Something could not be read",
        "Its absence proves nothing. Do what the message says, then scan again.",
    ),
    _ERROR: (
        "A rule could not be evaluated because of a bug",
        "Report the bug with this message; the other rules are not affected.",
    ),
    _DECLARE: (
        "A rule needs a declaration that is missing",
        "Declare it in the deployment file as the message says, then scan again.",
    ),
    _WAIVER: (
        "A waiver or an attestation has no effect",
        "Renew it if it is still needed, or remove it from its file.",
    ),
}
"""By id, the title and help of a notification."""


def invocation(document: Document, indexes: Mapping[str, int]) -> Node:
    """Return how the run went; it is unsuccessful if its coverage is incomplete. `indexes` are those of rules by id."""
    errors = [finding for finding in document.findings if finding.outcome is Outcome.ERROR]
    coverage = document.coverage
    return om.Invocation(
        execution_successful=coverage.complete and not coverage.open_gaps and not errors,
        start_time_utc=_utc(document.taken_at or ""),
        tool_execution_notifications=[
            *map(_gap, coverage.gaps),
            *(_error(finding, indexes[finding.rule]) for finding in errors),
        ],
        # A run without a gap can be incomplete because of these.
        tool_configuration_notifications=[
            *(_notification(_DECLARE, "warning", text) for text in coverage.declarations_missing),
            *(
                _notification(_WAIVER, "warning", f"{place}: {effect}")
                for place, effect in wording.without_effect(document)
            ),
        ],
    )


def justification(waiver: Waiver) -> str:
    """Return who waived something, where it is written, and until when it is in effect."""
    return f"Waived until {waiver.expires_on} by {waiver.approved_by} ({wording.place(waiver)})"


def _gap(gap: Gap) -> Node:
    """Return a gap, in words and in parts; a waived one as a note."""
    parts = {
        "scope": gap.scope,
        "what": gap.what,
        "reason": gap.reason,
        "code": gap.code,
        "permission": gap.permission,
        "call": gap.call,
    }
    text = wording.gap(gap)
    notification = (
        _notification(_GAP, "note", f"{justification(gap.waiver)}: {text}")
        if gap.waiver
        else _notification(_GAP, "warning", text)
    )
    notification.properties = {name: printable(part) for name, part in parts.items() if part}
    return notification


def _error(finding: Finding, rule_index: int) -> Node:
    """Return a bug of the auditor with the rule in which it occurred."""
    notification = _notification(_ERROR, "error", f"{finding.rule} on {finding.subject.id}: {finding.reason or ''}")
    notification.associated_rule = om.ReportingDescriptorReference(id=finding.rule, index=rule_index)
    return notification


def _notification(id_: str, level: str, text: str) -> Node:
    return om.Notification(
        descriptor=om.ReportingDescriptorReference(id=id_, index=[*NOTIFICATIONS].index(id_)),
        level=level,
        message=om.Message(text=f"{inert(one_line(text).rstrip('.'), LONGEST_REASON)}."),
    )


def _utc(text: str) -> str | None:
    """Return an RFC 3339 time in UTC, None if the text is not one."""
    try:
        moment = msgspec.convert(text, Annotated[datetime, msgspec.Meta(tz=True)])
        return str(msgspec.to_builtins(moment.astimezone(UTC)))
    except (msgspec.ValidationError, OverflowError):
        return None
