"""What was not seen, folded by cause: a paragraph for each gap, missing declaration and other cause of unknowns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from auditor.azure import arm
from auditor.evaluation.model import Outcome
from auditor.report import rules, wording
from auditor.report.document import Document, Finding
from auditor.report.grouping import counted, group
from auditor.report.terminal.gaps import GapGroup, joined
from auditor.report.terminal.layout import cut
from auditor.snapshot.known import Cause
from auditor.snapshot.model import GapReason

if TYPE_CHECKING:
    from auditor.report.terminal.layout import Page

_LEAD: Final = f"{'Not seen':<11}"
_MOST: Final = 8
"""The number of paragraphs."""
_MOST_RULES: Final = 30
"""The number of rules that are named for one cause."""
_MOST_RULES_OF_OTHERS: Final = 8
"""The number of rules that are named where only what else there may be is unknown."""
_FEW: Final = 2
"""The number of permissions that are worth naming; a role grants more of them."""

_OPTIONAL: Final[Mapping[Cause | None, str]] = {
    Cause.GAP: "by what was not read",
    Cause.DECLARATION: "by declarations",
    Cause.GUEST: "by guest files",
    Cause.VALUE: "by values",
    Cause.ATTESTATION: "by attestations",
    None: "without a known cause",
}


def write_unseen(page: Page, document: Document) -> None:
    """Write what was not seen, with what to do about it and the rules that are unknown because of it."""
    paragraphs = list(_paragraphs(document, page.width - len(_LEAD)))
    for number, text in enumerate(paragraphs[:_MOST]):
        page.write(text, lead=" " * len(_LEAD) if number else _LEAD)
    if more := paragraphs[_MOST:]:
        page.write(f"and {wording.count(len(more), 'more cause')}", len(_LEAD))


def _paragraphs(document: Document, width: int) -> Iterator[str]:
    unknowns = counted(document, Outcome.UNKNOWN)
    needed = [finding for finding in unknowns if not finding.optional]
    coverage, of_rules = document.coverage, _Rules(document)
    positions = {gap: position for position, gap in enumerate(coverage.gaps) if gap.is_open}
    by_gap = group(needed, lambda finding: _first(finding.gaps, positions.values()))
    for alike in joined(positions):
        yield f"{_gap(alike)}{of_rules([f for gap in alike.gaps for f in by_gap.pop(positions[gap], [])])}"
    others = (finding for unexplained in by_gap.values() for finding in unexplained)
    by_declaration = group(
        others, lambda finding: _first(finding.declarations, range(len(coverage.declarations_missing)))
    )
    for position, text in enumerate(coverage.declarations_missing):
        lacking = by_declaration.pop(position, [])
        yield f"{_declared_at(document, lacking)}{text}{of_rules(lacking)}"
    for cause, unknown in group(by_declaration.pop(None, []), lambda finding: finding.cause).items():
        yield cut(f"{wording.CAUSES[cause]}{of_rules(unknown)}: {_reason(unknown)}", width)
    if optional := Counter(finding.cause for finding in unknowns if finding.optional):
        causes = ", ".join(f"{number:,} {_OPTIONAL[cause]}" for cause, number in optional.most_common())
        yield f"optional: {causes}"


def _first(positions: Iterable[int], known: Container[int]) -> int | None:
    """Return the first of several positions that is known, None without one."""
    return next((position for position in positions if position in known), None)


# --- words ------------------------------------------------------------------------------------------------------------


def _gap(alike: GapGroup) -> str:
    """Return what was not read, where, why, and what to do about it."""
    places = ", ".join(wording.first([*dict.fromkeys(_place(scope) for scope in alike.scopes)]))
    if alike.reason is GapReason.FORBIDDEN and 0 < len(alike.permissions) <= _FEW:
        groups = ", ".join(wording.first([*dict.fromkeys(_granted_at(scope) for scope in alike.scopes)]))
        here = f"{places}: " * (places != groups)
        return f"{here}grant {' and '.join(alike.permissions)} at {groups}"
    whats = ", ".join(wording.first([what.rpartition("/")[2] for what in alike.whats]))
    code = f", {alike.code}" if alike.code else ""
    return f"{whats} of {places} ({alike.reason}{code}): {alike.to_do}"


def _place(scope: str) -> str:
    return arm.name_of(scope) if arm.group_of(scope) else _granted_at(scope)


def _granted_at(scope: str) -> str:
    """Return the resource group or subscription of a scope."""
    parts = scope.split("/")
    return parts[4] if arm.group_of(scope) else f"subscription {arm.name_of(arm.subscription_of(scope) or scope)}"


def _declared_at(document: Document, findings: Sequence[Finding]) -> str:
    """Return the place in the deployment file where something is missing."""
    lines = {finding.subject.line for finding in findings if finding.subject.line}
    return f"{document.deployment_file}:{min(lines)} " if lines and document.deployment_file else ""


def _reason(unknowns: Sequence[Finding]) -> str:
    """Return the first reason of unknown findings, and the number of those that differ in more than ids."""
    reasons = group(unknowns, lambda finding: wording.SCOPE.sub("", finding.reason or ""))
    text = wording.SCOPE.sub(lambda found: arm.name_of(found[0]), unknowns[0].reason or "")
    return f"{wording.count(len(reasons), 'reason')}, as {text}" if len(reasons) > 1 else text


class _Rules:
    """Words for the rules of unknown findings, with their number."""

    def __init__(self, document: Document) -> None:
        self._kinds = {rule.id: {kind.casefold() for kind in rule.kinds} for rule in rules.by_id(document).values()}

    def __call__(self, findings: Iterable[Finding]) -> str:
        """Return the rules, apart from each other those whose known subjects were all evaluated."""
        apart = group(findings, self._is_of_others)
        return "".join(
            f"; {len(apart[of_others]):,} unknown{words}: {_named(apart[of_others], most)}"
            for of_others, words, most in (
                (False, "", _MOST_RULES),
                (True, " only for what else there may be", _MOST_RULES_OF_OTHERS),
            )
            if of_others in apart
        )

    def _is_of_others(self, finding: Finding) -> bool:
        """Return whether a finding says that a rule may have more subjects: it is about their deployment instead."""
        kinds = self._kinds[finding.rule]
        return bool(kinds) and finding.subject.kind.casefold() not in kinds


def _named(findings: Iterable[Finding], most: int) -> str:
    names = sorted({finding.rule for finding in findings})
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{' '.join(names[:most])}{more}"
