"""SARIF logs: one with everything (`render`), and one for GitHub code scanning (`render_github`)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Final
from uuid import UUID, uuid5

import msgspec
import sarif_om as om

from auditor.azure import arm
from auditor.escape import printable
from auditor.evaluation.model import BaselineState, Outcome
from auditor.report import rules
from auditor.report.document import Document, Finding, FindingChange, FindingSide, Gap, Rule
from auditor.report.json_stream import streamed
from auditor.report.sarif import unseen
from auditor.report.sarif.flavours import Flavour
from auditor.report.sarif.locations import relative_uri, segment
from auditor.report.sarif.notifications import invocation
from auditor.report.sarif.objects import Node, plain
from auditor.report.sarif.results import ResultOptions, result
from auditor.report.sarif.taxonomies import Taxonomies
from auditor.report.sarif.tool import driver, rule_indexes
from auditor.report.sarif.unseen import Unseen
from auditor.snapshot.known import Cause

if TYPE_CHECKING:
    from auditor.report.view import View

_SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_INDENT: Final = 1
_NAMESPACE: Final = UUID("6b0d7c0e-3d9c-5a0e-9b57-1f4a3c1f0a52")
"""The namespace of the GUIDs of runs."""


def render(document: Document, _view: View) -> Iterator[str]:
    """Yield a log of all findings, with those that only the baseline had."""
    findings = chain(document.findings, _absent(document))
    return _log(document, Flavour.FULL, ((finding, "") for finding in findings), ())


def render_github(document: Document, _view: View) -> Iterator[str]:
    """Yield a log of what becomes an alert of GitHub code scanning; GitHub finds out by itself what is new."""
    return _alerts(document, Flavour.GITHUB)


def render_azure_devops(document: Document, _view: View) -> Iterator[str]:
    """Yield a log of what becomes an alert of Azure DevOps."""
    return _alerts(document, Flavour.AZURE_DEVOPS)


def _alerts(document: Document, flavour: Flavour) -> Iterator[str]:
    """Yield a log of the findings that fail, of the open gaps, and of what is unknown for more reasons than a gap.

    A carried finding stays the alert that it was: services close the alert of a result that is missing.
    """
    gaps = document.coverage.gaps
    carried = {old.finding.key: old for old in document.carried if old.finding.waiver is None}
    alerts = [(finding, "") for finding in document.findings if finding.key not in carried]
    alerts += [(old.finding, old.last_seen) for old in carried.values()]
    shown = ((finding, last_seen) for finding, last_seen in alerts if _is_alert(finding, gaps))
    return _log(document, flavour, shown, unseen.unseen(document))


def _is_alert(finding: Finding, gaps: Sequence[Gap]) -> bool:
    unread = unseen.is_unread(finding) and not unseen.is_explained(finding, gaps)
    return finding.waiver is None and (finding.outcome is Outcome.FAIL or unread)


def _absent(document: Document) -> Iterator[Finding]:
    """Yield the findings that only the baseline has; one that is only not visible is an unknown."""
    known = rules.by_id(document)
    for change in document.drift.findings if document.drift else ():
        if change.before is not None and change.after is None:
            yield _before(change, change.before, known[change.rule])


def _before(change: FindingChange, before: FindingSide, rule: Rule) -> Finding:
    hidden = change.state is BaselineState.LOST_SIGHT
    return Finding(
        rule=change.rule,
        title=change.title,
        headline=change.headline,
        outcome=Outcome.UNKNOWN if hidden else before.outcome,
        severity=before.severity,
        subject=change.subject,
        deployment=change.deployment,
        evidence=(),
        cause=Cause.GAP if hidden else None,
        reason=change.reason,
        reference=rule.reference,
        fix=rule.fix,
        key=before.key,
        waiver=None,
        attestation=None,
        state=change.state,
    )


def _log(
    document: Document, flavour: Flavour, findings: Iterable[tuple[Finding, str]], gaps: Iterable[Unseen]
) -> Iterator[str]:
    """Yield the log of one run; with each carried finding comes the time when it was last evaluated, else "".

    Only one result is an object at a time: those of 10,000 VMs together take several gigabytes.
    """
    drift = None if flavour.only_alerts else document.drift
    known = rules.by_id(document)
    options = ResultOptions(
        rules=known,
        indexes=rule_indexes(known, flavour),
        file=relative_uri(document.deployment_file),
        flavour=flavour,
        has_baseline=drift is not None,
    )
    taxonomies = None if flavour.only_alerts else Taxonomies(document)
    run = om.Run(
        tool=om.Tool(driver=driver(document, known, flavour, taxonomies)),
        taxonomies=(taxonomies.components() or None) if taxonomies else None,
        newline_sequences=None,  # else the schema's default is written, control characters included
        automation_details=_automation(document, flavour),
        baseline_guid=_guid(document.profile, drift.baseline.taken_at, drift.baseline.scopes) if drift else None,
        invocations=[invocation(document, options.indexes)],
        results=[],
        properties={
            "profile": printable(document.profile),
            "asOf": document.as_of.isoformat(),
            "takenAt": printable(document.taken_at or ""),
            "coverageComplete": document.coverage.complete,
            "guestFiles": [
                {"vm": printable(file.vm), "name": printable(file.name), "takenAt": printable(file.taken_at or "")}
                for file in document.coverage.guest_files
            ],
        },
    )
    log = om.SarifLog(version="2.1.0", schema_uri=_SCHEMA, runs=[run])
    results = chain(
        (unseen.alert(gap, options.indexes[unseen.RULE.id], flavour) for gap in gaps),
        (result(finding, options, last_seen) for finding, last_seen in findings),
    )
    yield from streamed(_json(log), "results", map(_json, results), indent=_INDENT, depth=3)
    yield "\n"


def _json(node: Node) -> str:
    """Return an object as JSON of several lines in ASCII."""
    values = plain(node)
    text = msgspec.json.encode(values)
    if not text.isascii() or b"\x7f" in text:
        text = json.dumps(values).encode()
    return msgspec.json.format(text, indent=_INDENT).decode()


def _automation(document: Document, flavour: Flavour) -> Node:
    """Return the category by which GitHub keeps runs apart; a run with a baseline has a GUID too."""
    if flavour is Flavour.AZURE_DEVOPS:
        return None
    has_guid = document.drift is not None and not flavour.only_alerts
    return om.RunAutomationDetails(
        id=f"auditor/{segment(document.profile)}/",
        guid=_guid(document.profile, document.taken_at, document.scopes) if has_guid else None,
    )


def _guid(profile: str, taken_at: str | None, scopes: tuple[str, ...]) -> str:
    """Return the GUID of the run that evaluated a snapshot; a later run names its baseline by it."""
    return str(uuid5(_NAMESPACE, "\n".join((profile, taken_at or "", *sorted(map(arm.key, scopes))))))
