"""A choice of findings to show; what is evaluated and the exit code do not depend on it."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase

import msgspec

from auditor.azure import arm
from auditor.evaluation.model import Outcome
from auditor.report.document import Document, Finding, FindingChange, ResourceChange
from auditor.report.grouping import counted
from auditor.rules.model import SEVERITIES, Severity


class Filter(msgspec.Struct, frozen=True):
    """What a finding must have to be shown; where nothing is named, it may have anything."""

    rules: tuple[str, ...] = ()
    """Ids of rules in any case, or globs of them."""
    severity: Severity | None = None
    """The lowest severity."""
    deployments: tuple[str, ...] = ()
    """Names of deployments in any case, or globs of them."""
    resource_groups: tuple[str, ...] = ()
    """Names of resource groups in any case, or globs of them: a subject or what was observed must be in one."""

    @property
    def words(self) -> str:
        """The filter as options, "" if it leaves nothing out."""
        named: tuple[tuple[str, tuple[str, ...]], ...] = (
            ("--rule", self.rules),
            ("--severity", (self.severity,) if self.severity else ()),
            ("--deployment-name", self.deployments),
            ("--resource-group", self.resource_groups),
        )
        return " ".join(f"{option} {value}" for option, values in named for value in values)

    def applied(self, document: Document) -> Document:
        """Return a report with the chosen findings and changes; its numbers are still those of all."""
        drift = document.drift and msgspec.structs.replace(
            document.drift,
            findings=tuple(filter(self._shows_change, document.drift.findings)),
            resources=tuple(filter(self._shows_resource, document.drift.resources)),
        )
        return msgspec.structs.replace(
            document,
            findings=tuple(filter(self._shows, document.findings)),
            carried=tuple(old for old in document.carried if self._shows(old.finding)),
            drift=drift,
        )

    def _shows(self, finding: Finding) -> bool:
        return self._chooses(finding, finding.severity) and (
            not self.resource_groups or any(_matches(name, self.resource_groups) for name in _groups(finding))
        )

    def _shows_change(self, change: FindingChange) -> bool:
        severities = [side.severity for side in (change.before, change.after) if side]
        severities += [change.severity] if change.severity else []
        group = arm.group_of(change.subject.id)
        return self._chooses(change, min(severities, key=SEVERITIES.index, default=Severity.INFO)) and (
            not self.resource_groups or _matches(group, self.resource_groups)
        )

    def _shows_resource(self, change: ResourceChange) -> bool:
        chosen = not self.rules or any(_matches(rule, self.rules) for rule in change.rules)
        return chosen and (not self.resource_groups or _matches(arm.group_of(change.id), self.resource_groups))

    def _chooses(self, found: Finding | FindingChange, severity: Severity) -> bool:
        return (
            (not self.rules or _matches(found.rule, self.rules))
            and (self.severity is None or SEVERITIES.index(severity) <= SEVERITIES.index(self.severity))
            and (not self.deployments or _matches(found.deployment or "", self.deployments))
        )


def hidden(document: Document, chosen: Filter) -> str:
    """Return in a sentence what a filter leaves out, "" without a filter."""
    if not chosen.words:
        return ""
    shown, total = chosen.applied(document), document.summary
    fails, unknowns = (len(counted(shown, outcome)) for outcome in (Outcome.FAIL, Outcome.UNKNOWN))
    numbers = f"{fails:,} of {total.fail:,} fails and {unknowns:,} of {total.unknown:,} unknowns"
    return f"Only {numbers} are shown, by {chosen.words}; the numbers around them and the exit code are of all."


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name.casefold(), pattern.casefold()) for pattern in patterns)


def _groups(finding: Finding) -> Iterator[str]:
    """Yield the resource groups of a subject and of what was observed of it."""
    yield arm.group_of(finding.subject.id)
    for evidence in finding.evidence:
        yield arm.group_of(evidence.resource)
        yield from (arm.group_of(read.resource) for read in evidence.reads)
