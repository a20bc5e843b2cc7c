"""Groups of findings, as several formats show them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import Final, TypeVar

from auditor.evaluation import model
from auditor.evaluation.model import Outcome
from auditor.report.document import Document, Finding
from auditor.rules.model import SEVERITIES

_Item = TypeVar("_Item")
_Key = TypeVar("_Key", bound=Hashable)


_ALWAYS_LISTED: Final = frozenset({Outcome.FAIL, Outcome.UNKNOWN, Outcome.ERROR})


def counted(document: Document, outcome: Outcome) -> list[Finding]:
    """Return the findings with an outcome, except waived ones."""
    return [finding for finding in document.findings if finding.outcome is outcome and finding.waiver is None]


def listed(document: Document, *, passes: bool) -> list[Finding]:
    """Return the findings of a report, those that are listed in any case or with passes all."""
    return [finding for finding in document.findings if passes or is_always_listed(finding)]


def is_always_listed(finding: model.Finding | Finding) -> bool:
    """Return whether a finding is listed without `--passes` too."""
    return finding.outcome in _ALWAYS_LISTED or finding.attestation is not None


def waived_keys(document: Document) -> frozenset[str]:
    """Return the fingerprints of the waived findings."""
    return frozenset(finding.key for finding in document.findings if finding.waiver is not None)


def group(items: Iterable[_Item], key: Callable[[_Item], _Key]) -> dict[_Key, list[_Item]]:
    """Return items by key, in the order of their first occurrence."""
    groups: dict[_Key, list[_Item]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return groups


def by_rule(findings: Iterable[Finding]) -> list[list[Finding]]:
    """Return findings by severity and rule, worst first."""
    groups = group(findings, lambda finding: (SEVERITIES.index(finding.severity), finding.rule))
    return [groups[key] for key in sorted(groups)]
