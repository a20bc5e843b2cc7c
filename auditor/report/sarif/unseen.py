"""What was not seen, as alerts of one rule: one for each gap and deployment, in place of one for each unknown finding.

Otherwise one missing permission would be a dozen alerts, some of them with the severity of a critical rule.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import sarif_om as om

from auditor.azure import arm
from auditor.escape import printable
from auditor.evaluation.model import Outcome
from auditor.report import wording
from auditor.report.document import Document, Finding, Gap, Rule, Subject
from auditor.report.sarif.flavours import Flavour
from auditor.report.sarif.locations import location
from auditor.report.sarif.objects import Node
from auditor.report.sarif.text import LONGEST_NAME, LONGEST_REASON, inert, one_line, quoted
from auditor.rules.model import Severity
from auditor.snapshot.known import Cause

RULE: Final = Rule(
    id="GAP",  # those of other rules have digits
    title="What rules need was read",
    headline="Something could not be read, so that rules are unknown",
    severity=Severity.LOW,
    grades=(),
    why="What was not read proves nothing: the rules that need it are neither met nor violated.",
    fix="# Do what the message says, such as to grant a permission, then scan again.",
    reference=(),
    sources=(),
    kinds=(),
    pack=None,
    passes=None,
)


class Unseen(NamedTuple):
    """A gap, and what it leaves unknown in a deployment."""

    gap: Gap
    deployment: str
    """ "" if no finding is unknown because of it, or those of a subscription are."""
    rules: tuple[str, ...]


def is_unread(finding: Finding) -> bool:
    """Return whether a finding is unknown because something was not read that a complete scan needs."""
    return finding.outcome is Outcome.UNKNOWN and finding.cause is Cause.GAP and not finding.optional


def is_explained(finding: Finding, gaps: Sequence[Gap]) -> bool:
    """Return whether open gaps alone make a finding unknown, which is then part of their alerts."""
    return any(gaps[position].is_open for position in finding.gaps)


def unseen(document: Document) -> Iterator[Unseen]:
    """Yield the open gaps, each once a deployment."""
    hidden: dict[int, dict[str, set[str]]] = {}
    for finding in (*document.findings, *(old.finding for old in document.carried)):
        if is_unread(finding) and finding.waiver is None:
            for position in finding.gaps:
                hidden.setdefault(position, {}).setdefault(finding.deployment or "", set()).add(finding.rule)
    for position, gap in enumerate(document.coverage.gaps):
        for deployment, rules in sorted(hidden.get(position, {"": set()}).items()) if gap.is_open else ():
            yield Unseen(gap, deployment, tuple(sorted(rules)))


def alert(found: Unseen, index: int, flavour: Flavour) -> Node:
    """Return a gap as the result of the rule with this index."""
    text = f"{found.deployment.casefold()}\n{arm.key(found.gap.scope)}\n{found.gap.what.casefold()}"
    key = hashlib.sha256(f"{RULE.id}\n{text}".encode(errors="replace")).hexdigest()
    scope = found.gap.scope
    properties: dict[str, object] = {"outcome": Outcome.UNKNOWN, "severity": RULE.severity, "cause": Cause.GAP}
    if found.deployment:
        properties["deployment"] = printable(found.deployment)
    return om.Result(
        rule_id=RULE.id,
        rule_index=index,
        kind="fail",
        level=flavour.level(RULE.severity),
        message=om.Message(text=_message(found)),
        locations=[location(Subject(scope, "", arm.name_of(scope) or scope, None, None), "")],
        partial_fingerprints={"auditorFinding/v1": key, "primaryLocationLineHash": f"{key[:16]}:1"},
        suppressions=[],
        properties={**properties, "rules": list(found.rules)},
    )


def _message(found: Unseen) -> str:
    gap = inert(one_line(wording.named(wording.gap(found.gap))).rstrip("."), LONGEST_REASON)
    if not found.rules:
        return f"{gap}. No finding shows which rules need it."
    where = f" of deployment {quoted(found.deployment, LONGEST_NAME)}" if found.deployment else ""
    rules = inert(", ".join(found.rules), LONGEST_REASON)
    return f"{gap}. It leaves {wording.count(len(found.rules), 'rule')}{where} unknown: {rules}."
