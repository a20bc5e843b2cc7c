"""Findings as SARIF results."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

import msgspec
import sarif_om as om

from auditor.escape import printable
from auditor.evaluation.model import BaselineState, Outcome
from auditor.report import remedies, wording
from auditor.report.document import Attestation, Finding, Rule, Subject, Waiver
from auditor.report.sarif import unseen
from auditor.report.sarif.flavours import Flavour
from auditor.report.sarif.locations import is_declared, location
from auditor.report.sarif.notifications import justification
from auditor.report.sarif.objects import Node
from auditor.report.sarif.rule_ids import rule_id
from auditor.report.sarif.text import (
    LONGEST_NAME,
    LONGEST_REASON,
    LONGEST_VALUE,
    clause,
    inert,
    one_line,
    quoted,
    value,
)
from auditor.rules.evidence import Evidence

_KINDS: Final = {
    Outcome.FAIL: "fail",
    Outcome.UNKNOWN: "open",
    Outcome.ERROR: "open",
    Outcome.PASS: "pass",
    Outcome.NOT_APPLICABLE: "notApplicable",
}
_BEFORE_SUBJECT: Final = {Outcome.PASS: "passes for ", Outcome.NOT_APPLICABLE: "not applicable to "}
_BASELINE_STATES: Final[Mapping[BaselineState | None, str]] = {
    BaselineState.REGRESSED: "new",
    BaselineState.NEW: "new",
    None: "new",
    BaselineState.LOST_SIGHT: "updated",
    BaselineState.FIXED: "updated",
    BaselineState.DRIFTED: "updated",
    BaselineState.UNCHANGED: "unchanged",
    BaselineState.GONE: "absent",
}
"""Worse than the baseline is `new`, for viewers that fail on new results; what may still exist is never `absent`."""
_MOST_EVIDENCE: Final = 3
_LONGEST_REMEDY: Final = 4000


class ResultOptions(msgspec.Struct, frozen=True):
    """What all results of a log have in common."""

    rules: Mapping[str, Rule]
    """The rules by id."""
    indexes: Mapping[str, int]
    """The index of each rule in the log by its id there."""
    file: str
    """The relative URI of the deployment file, "" without one."""
    flavour: Flavour
    """The reader of the log."""
    has_baseline: bool
    """Whether results have a state relative to a baseline."""


def result(finding: Finding, options: ResultOptions, last_seen: str = "") -> Node:
    """Return a finding; `last_seen` is when a carried one was last evaluated.

    Services that take every result for an alert ignore the kind but need a level, and SARIF gives a level to fails
    only. There, what is unknown is an alert of the rule of gaps.
    """
    kind = "fail" if options.flavour.only_alerts else _KINDS[finding.outcome]
    is_gap = options.flavour.only_alerts and finding.outcome is Outcome.UNKNOWN
    rule = unseen.RULE if is_gap else options.rules[finding.rule]
    severity = rule.severity if is_gap else finding.severity
    id_ = rule_id(rule, severity)
    level = "none" if kind != "fail" else options.flavour.level(severity)
    fingerprints = {"auditorFinding/v1": finding.key}
    if not is_declared(finding.subject, options.file):
        # GitHub tells two results of a rule in one path apart by this. In a file that exists, upload-sarif computes it
        # itself, and warns about any other.
        fingerprints["primaryLocationLineHash"] = f"{finding.key[:16]}:1"
    properties: dict[str, object] = {"outcome": finding.outcome, "severity": finding.severity}
    if finding.deployment:
        properties["deployment"] = printable(finding.deployment)
    if finding.cause:
        properties["cause"] = finding.cause
    if last_seen:
        properties["lastSeen"] = printable(last_seen)
    elif finding.remedy:
        properties["remedy"] = [*remedies.lines(finding)]
    if options.has_baseline and finding.state:
        properties["state"] = finding.state
    return om.Result(
        rule_id=id_,
        rule_index=options.indexes[id_],
        kind=kind,
        level=level,
        message=om.Message(text=_message(finding, last_seen)),
        locations=[location(finding.subject, options.file)],
        partial_fingerprints=fingerprints,
        suppressions=[_suppression(finding.waiver)] if finding.waiver else [],
        baseline_state=_BASELINE_STATES[finding.state] if options.has_baseline else None,
        properties=properties,
    )


def _suppression(waiver: Waiver) -> Node:
    text = f"{justification(waiver)}: {one_line(waiver.reason).rstrip('.')}"
    return om.Suppression(
        kind="external",
        state="accepted",
        justification=f"{inert(text, LONGEST_REASON)}.",
        properties={"category": waiver.category, "expiresOn": waiver.expires_on.isoformat()},
    )


def _message(finding: Finding, last_seen: str) -> str:
    """Return the outcome as a sentence that is understood alone, since lists show only that, and the evidence."""
    headline = clause(wording.headline(finding), LONGEST_VALUE)
    subject = _subject(finding.subject, finding.deployment)
    outcome = f"{headline} ({_BEFORE_SUBJECT.get(finding.outcome, '')}{subject})."
    observations = [_observation(evidence, finding.subject.id) for evidence in finding.evidence[:_MOST_EVIDENCE]]
    if more := len(finding.evidence) - len(observations):
        observations.append(f"and {more} more")
    reason = "" if last_seen else _attested(finding.attestation)
    reason = clause(reason or finding.reason or "", LONGEST_REASON)
    grade = (
        f"Severity {finding.severity}, because {inert(one_line(finding.grade), LONGEST_REASON)}"
        if finding.grade
        else ""
    )
    details = [reason, grade, "; ".join(observations), _remedy(finding)]
    if last_seen:
        details = [*details[1:3], f"Not evaluated this time, last on {inert(last_seen, LONGEST_NAME)}: {reason}"]
    return " ".join((outcome, *(f"{text}." for text in details if text)))


def _remedy(finding: Finding) -> str:
    """Return the steps that correct a finding, or where they are if a message cannot show them as they are."""
    text = remedies.in_one_line(finding) if finding.remedy else ""
    if inert(text, _LONGEST_REMEDY) != text:
        return "The command auditor remedy prints the steps that correct it"
    return f"{text}; nothing of this was run" if text else ""


def _attested(attestation: Attestation | None) -> str:
    """Return who attested a finding, "" without an attestation."""
    if attestation is None:
        return ""
    by = f"Attested until {attestation.valid_until} by {attestation.attested_by} ({wording.place(attestation)})"
    return f"{by}: {attestation.statement}"


@lru_cache(maxsize=4096)
def _subject(subject: Subject, deployment: str | None) -> str:
    """Return the subject of findings, distinguished from others of the same name."""
    text = f"{inert(subject.kind, LONGEST_NAME)} {quoted(subject.name, LONGEST_NAME)}"
    if subject.kind == "tier" and subject.region:
        text += f" in {quoted(subject.region, LONGEST_NAME)}"
    if deployment and subject.kind != "deployment":
        text += f" of deployment {quoted(deployment, LONGEST_NAME)}"
    return text


def _observation(evidence: Evidence, subject_id: str) -> str:
    """Return an observed and its expected value."""
    other = evidence.resource != subject_id or not evidence.path
    names = [*([evidence.path] if evidence.path else []), *([wording.name_of(evidence.resource)] if other else [])]
    where = " of ".join(quoted(name, LONGEST_VALUE) for name in names)
    observed = "absent" if evidence.observed is None else value(evidence.observed)
    return f"{where} is {observed}, expected {value(evidence.expected)}"
