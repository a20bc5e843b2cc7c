"""A report that says once what its findings repeat of their rules: the fix and the sources. It is the same report."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from auditor.report.document import Document, Finding, Rule


def shortened(document: Document) -> Document:
    """Return a report whose findings leave fix and sources to the rules that it lists."""

    def short(finding: Finding, rule: Rule) -> Finding:
        is_same = finding.fix == rule.fix and finding.sources == rule.sources
        return msgspec.structs.replace(finding, fix="", sources=()) if is_same else finding

    return _each(document, short)


def restored(document: Document) -> Document:
    """Return a report whose findings have fix and sources again."""

    def whole(finding: Finding, rule: Rule) -> Finding:
        return finding if finding.fix else msgspec.structs.replace(finding, fix=rule.fix, sources=rule.sources)

    return _each(document, whole)


def _each(document: Document, change: Callable[[Finding, Rule], Finding]) -> Document:
    rules: Mapping[str, Rule] = {rule.id: rule for rule in document.rules}
    findings = (change(found, rules[found.rule]) if found.rule in rules else found for found in document.findings)
    return msgspec.structs.replace(document, findings=tuple(findings))
