"""The rules of a report, also of one that does not list them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from auditor.report.document import Document, Finding, Rule
from auditor.rules.model import Severity, not_as_required


def by_id(document: Document) -> Mapping[str, Rule]:
    """Return the rules of a report, sorted by id; what an old report does not say of them is empty.

    Every finding, carried finding and change has its rule and severity here, whatever the report lists.
    """
    found = {rule.id: rule for rule in document.rules}
    for rule in _named(document):
        known = found.setdefault(rule.id, rule)
        if rule.severity not in {known.severity, *known.grades}:
            found[rule.id] = msgspec.structs.replace(known, grades=(*known.grades, rule.severity))
    return {id_: found[id_] for id_ in sorted(found)}


def graded(finding: Finding, rule: Rule) -> str:
    """Return which severity a grade gives a finding and why, "" if the severity is that of the rule."""
    if not finding.grade:
        return ""
    usual = f", not {rule.severity}," if rule.severity is not finding.severity else ""
    return f"{finding.severity}{usual} because {finding.grade}"


def _named(document: Document) -> Iterator[Rule]:
    """Yield what findings say of their rules, each severity once, first those that no grade gives."""
    findings = (*document.findings, *(old.finding for old in document.carried))
    distinct = {(finding.rule, finding.severity, finding.grade is None): finding for finding in findings}
    for finding in sorted(distinct.values(), key=lambda finding: finding.grade is not None):
        yield _of(finding)
    changes = document.drift.findings if document.drift else ()
    sides = {(c.rule, side.severity): c.title for c in changes for side in (c.before, c.after) if side}
    for (id_, severity), title in sides.items():
        yield _rule(id_, title, severity)


def _of(finding: Finding) -> Rule:
    return _rule(finding.rule, finding.title, finding.severity, finding)


def _rule(id_: str, title: str, severity: Severity, finding: Finding | None = None) -> Rule:
    return Rule(
        id=id_,
        title=title,
        headline=not_as_required(title),
        severity=severity,
        grades=(),
        why="",
        fix=finding.fix if finding else "",
        reference=finding.reference if finding else (),
        sources=finding.sources if finding else (),
        kinds=(),
        pack=None,
        passes=None,
    )
