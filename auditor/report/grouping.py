"""Findings as several formats group them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import TypeVar

from auditor.judging.model import Finding, Outcome
from auditor.report.document import Report
from auditor.rules.model import SEVERITIES

_Item = TypeVar("_Item")
_Key = TypeVar("_Key", bound=Hashable)


def counted(report: Report, outcome: Outcome) -> list[Finding]:
    """Return the findings of an outcome but for those that are waived."""
    return [finding for finding in report.findings if finding.outcome is outcome and finding.waiver is None]


def group(items: Iterable[_Item], key: Callable[[_Item], _Key]) -> dict[_Key, list[_Item]]:
    """Return items by key, in the order in which they come."""
    groups: dict[_Key, list[_Item]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return groups


def by_rule(findings: Iterable[Finding]) -> list[list[Finding]]:
    """Return findings by severity and rule, worst first."""
    groups = group(findings, lambda finding: (SEVERITIES.index(finding.severity), finding.rule.id))
    return [groups[key] for key in sorted(groups)]
