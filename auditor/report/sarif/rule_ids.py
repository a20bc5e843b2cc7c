"""The ids of rules in SARIF: a severity that a grade gives has an id of its own.

GitHub documents `security-severity` as that of a rule. `AVL007/info` would name the grade, but Microsoft's validator
takes an id with a slash for a rule without metadata (SARIF2009), and so without severity. A hyphen and a number are
within its convention: `AVL007-5` is AVL007 with the fifth severity, info.
"""

from __future__ import annotations

from auditor.report.document import Rule
from auditor.rules.model import SEVERITIES, Severity


def rule_id(rule: Rule, severity: Severity) -> str:
    """Return the id of a rule for findings of a severity."""
    return rule.id if severity is rule.severity else f"{rule.id}-{SEVERITIES.index(severity) + 1}"


def severities(rule: Rule) -> tuple[Severity, ...]:
    """Return the severities for which a rule has ids."""
    return (rule.severity, *rule.grades)
