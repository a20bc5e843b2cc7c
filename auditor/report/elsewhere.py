"""What other tools and frameworks have of the same as a rule, in short."""

from __future__ import annotations

from collections.abc import Mapping
from operator import itemgetter

from auditor.report.document import Document, Recommendation, Rule
from auditor.report.grouping import group
from auditor.rules.maps import Relation


def titles(document: Document) -> Mapping[str, str]:
    """Return the title and version of each framework by its name."""
    return {framework.name: f"{framework.title} {framework.version}" for framework in document.frameworks}


def controls(rule: Rule, frameworks: Mapping[str, str]) -> str:
    """Return the controls of a rule by the titles of their frameworks, each once; "" if it has none."""
    by_framework = group(dict.fromkeys((frameworks[one.framework], one.id) for one in rule.controls), itemgetter(0))
    return "; ".join(f"{title}: {', '.join(id_ for _, id_ in found)}" for title, found in by_framework.items())


def against(rule: Rule) -> str:
    """Return what other tools recommend that contradicts a rule, "" if nothing does."""
    return ", ".join(_named(one) for one in rule.recommendations if one.relation is Relation.CONTRADICTS)


def _named(found: Recommendation) -> str:
    return f"{found.system} {found.id}" + (f" (Azure Advisor {found.advisor})" if found.advisor else "")
