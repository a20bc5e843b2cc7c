"""SARIF 2.1.0: everything (`render`), and what GitHub code scanning can show (`render_github`).

The only module that knows sarif_om, which has neither types nor a serialiser. The one that others use with it drops a
level that equals the schema's default, after which the rule's default level holds: a severity would change in silence.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import quote
from uuid import UUID, uuid5

import attrs
import msgspec
import sarif_om as om

import auditor
from auditor.azure import arm
from auditor.escape import markdown, printable
from auditor.judging.drift.model import Drift
from auditor.judging.model import Attestation, BaselineState, ExemptionState, ExemptionStatus, Finding, Outcome, Waiver
from auditor.report import wording
from auditor.report.document import Report
from auditor.rules.evidence import Evidence
from auditor.rules.model import Pack, Rule, Severity
from auditor.snapshot.known import Cause
from auditor.snapshot.model import Gap

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from auditor.report.view import View

_Node = Any
"""An object of sarif_om, or what it holds."""

_SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS: Final = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "note",
    Severity.INFO: "note",
}
_SCORES: Final = {
    Severity.CRITICAL: "9.5",
    Severity.HIGH: "8.0",
    Severity.MEDIUM: "5.5",
    Severity.LOW: "2.5",
    Severity.INFO: "0.5",
}
"""Of a rule, not of a result: GitHub makes the same words of them again."""
_KINDS: Final = {
    Outcome.FAIL: "fail",
    Outcome.UNKNOWN: "open",
    Outcome.ERROR: "open",
    Outcome.PASS: "pass",
    Outcome.NOT_APPLICABLE: "notApplicable",
}
_NAMESPACE: Final = UUID("6b0d7c0e-3d9c-5a0e-9b57-1f4a3c1f0a52")
"""Of the GUIDs of runs."""
_GAP: Final = "GAP"
_ERROR: Final = "ERROR"
_DECLARE: Final = "DECLARE"
_WAIVER: Final = "WAIVER"
_NOTIFICATIONS: Final = {
    _GAP: (
        "Something could not be read",
        "Nothing was concluded from its absence. Do what the message asks for, and scan again.",
    ),
    _ERROR: (
        "A rule could not be judged because of a bug",
        "Report the bug with this message; the other rules are not affected.",
    ),
    _DECLARE: (
        "A rule needs what nobody declared",
        "Declare it in the deployment file as the message says, and scan again.",
    ),
    _WAIVER: (
        "A waiver or an attestation has no effect",
        "Grant it anew if it is still needed, else take it out of its file.",
    ),
}
"""Title and help of what we say about ourselves."""
_PLACE: Final = "A location under azure/ stands for a resource in Azure: no file of this repository declares it."
_ALWAYS: Final = frozenset(("kind", "level"))
"""Written even where they equal the schema's default, because another default may come before it."""
_RENAMED: Final = {(om.Suppression, "state"): "status"}
"""What sarif_om calls as a draft of the standard did."""
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
"""What is worse than the baseline is `new`, for those who stop at what is; what may be there yet is never `absent`."""
_ID: Final = re.compile(
    r"/subscriptions/[^/\s]+/resourceGroups/([^/\s]+)/providers/[^/\s]+/[^/\s]+/([^\s,;\]\"']+)", re.IGNORECASE
)
"""The id of a resource, with its group and its name below that."""
_MOST_EVIDENCE: Final = 3
_NAME: Final = 120
_VALUE: Final = 200
_REASON: Final = 1000
_DESCRIPTION: Final = 1024  # more is cut, or refused, by GitHub


def render(report: Report, _view: View) -> str:
    """Return every finding, those that are no problem told apart by their kind, and what only the baseline had."""
    missing = _missing(report.drift) if report.drift else ()
    return _render(report, [*report.findings, *missing], github=False, last_seen={})


def _missing(drift: Drift) -> Iterator[Finding]:
    """Yield the findings of the baseline that there are no more; those that may yet stand as what is not known."""
    for change in drift.findings:
        if change.after is None:
            finding = msgspec.structs.replace(change.finding, state=change.state)
            if change.state is BaselineState.LOST_SIGHT:
                finding = msgspec.structs.replace(
                    finding, outcome=Outcome.UNKNOWN, cause=Cause.GAP, reasons=(change.reason,), evidence=()
                )
            yield finding


def render_github(report: Report, _view: View) -> str:
    """Return what is to be an alert of GitHub code scanning, which would make one of a pass or a suppressed result too.

    An unknown by gap is one, since leaving it out would close the alert of a failure that we only lost sight of; where
    an earlier report tells what failed, that stays the alert. GitHub works out by itself what is new.
    """
    carried = {old.finding.key: old for old in report.carried if old.finding.waiver is None}
    shown = (
        f
        for f in report.findings
        if f.waiver is None and (f.outcome is Outcome.FAIL or (f.outcome is Outcome.UNKNOWN and f.cause is Cause.GAP))
    )
    alerts = [*(f for f in shown if f.key not in carried), *(old.finding for old in carried.values())]
    return _render(report, alerts, github=True, last_seen={key: old.last_seen for key, old in carried.items()})


def _render(report: Report, findings: Iterable[Finding], *, github: bool, last_seen: Mapping[str, str]) -> str:
    """Return the log of one run with these results; by key, when those were last seen that are an earlier run's."""
    indexes = {rule.id: index for index, rule in enumerate(report.rules)}
    file = _relative(report.deployment_file)
    drift = None if github else report.drift
    taken = report.snapshot
    run = om.Run(
        tool=om.Tool(driver=_driver(report)),
        newline_sequences=None,  # else the schema's default is written out, control characters and all
        automation_details=om.RunAutomationDetails(
            id=f"auditor/{_segment(report.profile)}/",
            guid=_guid(report.profile, taken.taken_at, taken.scopes) if drift else None,
        ),
        baseline_guid=_guid(report.profile, drift.baseline.taken_at, drift.baseline.scopes) if drift else None,
        invocations=[_invocation(report, indexes)],
        results=[
            _result(
                finding,
                indexes,
                file,
                github=github,
                last_seen=last_seen.get(finding.key, ""),
                baseline_state=_BASELINE_STATES[finding.state] if drift else None,
            )
            for finding in findings
        ],
        properties={
            "profile": printable(report.profile),
            "asOf": printable(report.as_of),
            "takenAt": printable(report.snapshot.taken_at),
            "coverageComplete": report.coverage.complete,
        },
    )
    log = om.SarifLog(version="2.1.0", schema_uri=_SCHEMA, runs=[run])
    return msgspec.json.format(json.dumps(_plain(log)), indent=1) + "\n"


def _guid(profile: str, taken_at: str, scopes: tuple[str, ...]) -> str:
    """Return the same GUID for the same snapshot, so that a run names the one that its baseline was once judged by."""
    return str(uuid5(_NAMESPACE, "\n".join((profile, taken_at, *sorted(map(arm.key, scopes))))))


def _plain(node: _Node) -> _Node:
    """Return a tree of sarif_om as JSON has it.

    Raises:
        TypeError: something is in it that SARIF has no place for, such as a misspelt attribute.
    """
    if isinstance(node, str | bool | int | float):
        return node
    if isinstance(node, list | tuple):
        return [_plain(item) for item in node]
    if isinstance(node, dict):
        return {name: _plain(member) for name, member in node.items()}
    if not attrs.has(type(node)):
        raise TypeError(f"{type(node).__name__} has no place in SARIF")
    fields = attrs.fields(type(node))
    if stray := vars(node).keys() - {field.name for field in fields}:
        raise TypeError(f"{type(node).__name__} has no {', '.join(sorted(stray))}")
    members = ((field, getattr(node, field.name)) for field in fields)
    return {
        _RENAMED.get((type(node), field.name), field.metadata["schema_property_name"]): _plain(value)
        for field, value in members
        if value is not None and (field.name in _ALWAYS or value != field.default)
    }


# --- the tool and how it ran ------------------------------------------------------------------------------------------


def _driver(report: Report) -> _Node:
    """Return what we are and what we judge by."""
    packs = {pack.name: pack for pack in report.packs}
    # Validators ask for a page about the tool. It has none of its own; this one says what it judges by.
    pages = (pack.source.url for pack in report.packs if pack.source)
    return om.ToolComponent(
        name="auditor",
        contents=None,  # else the schema's default is written out
        full_name=f"auditor {auditor.__version__}",
        version=auditor.__version__,
        information_uri=next((_url(page) for page in pages), None),
        semantic_version=auditor.__version__,
        rules=[_descriptor(rule, packs.get(rule.pack)) for rule in report.rules],
        notifications=[
            om.ReportingDescriptor(
                id=id_,
                short_description=om.MultiformatMessageString(text=f"{title}."),
                full_description=om.MultiformatMessageString(text=f"{title}. {help_}"),
                help=om.MultiformatMessageString(text=help_),
            )
            for id_, (title, help_) in _NOTIFICATIONS.items()
        ],
    )


def _descriptor(rule: Rule, pack: Pack | None) -> _Node:
    """Return a rule as SARIF describes it."""
    return om.ReportingDescriptor(
        id=rule.id,
        short_description=om.MultiformatMessageString(text=_sentence(rule.title, _DESCRIPTION)),
        full_description=om.MultiformatMessageString(text=_sentence(rule.why, _DESCRIPTION)),
        help=om.MultiformatMessageString(text=_help(rule, pack), markdown=_help_markdown(rule, pack)),
        default_configuration=om.ReportingConfiguration(level=_LEVELS[rule.severity]),
        properties={
            "tags": ["security", *([rule.pack] if rule.pack else [])],
            "precision": "high",
            "security-severity": _SCORES[rule.severity],
        },
    )


def _help(rule: Rule, pack: Pack | None) -> str:
    """Return why a rule is there, what to do and who asks for it, as plain text."""
    fix = [printable(line) for line in rule.fix.strip().splitlines()]
    basis = [f"{printable(text)} {printable(url)}".rstrip() for text, url in _basis(rule, pack)]
    return "\n".join((_sentence(rule.why), "", "Fix:", *fix, "", "Reference:", *basis, "", _PLACE))


def _help_markdown(rule: Rule, pack: Pack | None) -> str:
    """Return the same as Markdown.

    Commands are indented, not fenced: nothing in a line ends such a block.
    """
    fix = [f"    {printable(line)}" for line in rule.fix.strip().splitlines()]
    basis = [f"- {markdown(text)}{f' <{_url(url)}>' if url else ''}" for text, url in _basis(rule, pack)]
    return "\n".join(
        (markdown(_one_line(rule.why)), "", "**Fix**", "", *fix, "", "**Reference**", "", *basis, "", _PLACE)
    )


def _basis(rule: Rule, pack: Pack | None) -> Iterator[tuple[str, str]]:
    """Yield what asks for a rule: a text, and a page where there is one."""
    statements = pack.statements if pack else {}
    for id_, statement in ((id_, statements[id_]) for id_ in rule.reference if id_ in statements):
        yield _one_line(f"{id_}, {statement.section}: {statement.text} {statement.today}"), ""
    for source in rule.sources:
        yield _one_line(f"{source.title} ({source.date})"), source.url


def _invocation(report: Report, indexes: Mapping[str, int]) -> _Node:
    """Return how the run went: what was not seen makes it unsuccessful."""
    errors = [finding for finding in report.findings if finding.outcome is Outcome.ERROR]
    coverage = report.coverage
    return om.Invocation(
        execution_successful=coverage.complete and not coverage.open_gaps and not errors,
        start_time_utc=_utc(report.snapshot.taken_at),
        tool_execution_notifications=[
            *(_gap_notification(gap, coverage.waived.get(gap)) for gap in coverage.gaps),
            *(_error_notification(finding, indexes[finding.rule.id]) for finding in errors),
        ],
        # Why a run without a gap may be incomplete.
        tool_configuration_notifications=[
            *(_notification(_DECLARE, "warning", text) for text in coverage.declarations),
            *(_without_effect(stood) for stood in report.waivers if stood.state is not ExemptionState.USED),
            *(_without_effect(stood) for stood in report.attestations if stood.state is not ExemptionState.USED),
        ],
    )


def _gap_notification(gap: Gap, waiver: Waiver | None) -> _Node:
    """Return a gap, in words and in parts; a waived one is no cause for concern."""
    parts = {
        "scope": gap.scope,
        "what": gap.what,
        "reason": gap.reason,
        "code": gap.code,
        "permission": gap.permission,
        "call": gap.call,
    }
    notification = _notification(_GAP, "warning", str(gap))
    if waiver is not None:
        notification = _notification(_GAP, "note", f"{_justification(waiver)}: {gap}")
    notification.properties = {name: printable(part) for name, part in parts.items() if part}
    return notification


def _without_effect(stood: ExemptionStatus[Waiver] | ExemptionStatus[Attestation]) -> _Node:
    """Return a waiver or an attestation that does nothing, with its place."""
    return _notification(_WAIVER, "warning", f"{wording.place(stood.exemption)}: {wording.effect(stood)}")


def _error_notification(finding: Finding, rule_index: int) -> _Node:
    """Return a bug of ours with the rule that showed it."""
    notification = _notification(_ERROR, "error", f"{finding.rule.id} on {finding.subject.id}: {finding.reason}")
    notification.associated_rule = om.ReportingDescriptorReference(id=finding.rule.id, index=rule_index)
    return notification


def _notification(id_: str, level: str, text: str) -> _Node:
    """Return something that we say about ourselves."""
    return om.Notification(
        descriptor=om.ReportingDescriptorReference(id=id_, index=[*_NOTIFICATIONS].index(id_)),
        level=level,
        message=om.Message(text=f"{_inert(_one_line(text).rstrip('.'), _REASON)}."),
    )


def _utc(text: str) -> str | None:
    """Return an RFC 3339 time in UTC, None where it is none."""
    try:
        moment = msgspec.convert(text, Annotated[datetime, msgspec.Meta(tz=True)])
        return str(msgspec.to_builtins(moment.astimezone(UTC)))
    except (msgspec.ValidationError, OverflowError):
        return None


# --- results ----------------------------------------------------------------------------------------------------------


def _result(  # noqa: PLR0913 - each of them is said of a single result
    finding: Finding,
    indexes: Mapping[str, int],
    file: str,
    *,
    github: bool,
    last_seen: str,
    baseline_state: str | None,
) -> _Node:
    """Return a finding.

    GitHub ignores the kind but needs a level, and SARIF gives a level to nothing but a fail.
    """
    kind = "fail" if github else _KINDS[finding.outcome]
    level = "none" if kind != "fail" else "note" if finding.outcome is Outcome.UNKNOWN else _LEVELS[finding.severity]
    declared = bool(file and finding.subject.line > 0)
    fingerprints = {"auditorFinding/v1": finding.key}
    if declared:
        place = om.ArtifactLocation(uri=file, uri_base_id="%SRCROOT%")
    else:
        place = om.ArtifactLocation(uri=_pseudo(finding.subject.id))
        # GitHub tells two results of a rule in one path apart by this. In a file that exists, upload-sarif works it out
        # itself, and warns about any other.
        fingerprints["primaryLocationLineHash"] = f"{finding.key[:16]}:1"
    properties: dict[str, str] = {"outcome": finding.outcome, "severity": finding.severity}
    if finding.deployment:
        properties["deployment"] = printable(finding.deployment)
    if finding.cause:
        properties["cause"] = finding.cause
    if last_seen:
        properties["lastSeen"] = printable(last_seen)
    if baseline_state and finding.state:
        properties["state"] = finding.state
    return om.Result(
        rule_id=finding.rule.id,
        rule_index=indexes[finding.rule.id],
        kind=kind,
        level=level,
        message=om.Message(text=_message(finding, last_seen)),
        locations=[
            om.Location(
                physical_location=om.PhysicalLocation(
                    artifact_location=place,
                    region=om.Region(start_line=finding.subject.line if declared else 1),
                ),
                logical_locations=[
                    om.LogicalLocation(
                        name=printable(finding.subject.name),
                        fully_qualified_name=printable(finding.subject.id),
                        kind="resource",
                    )
                ],
            )
        ],
        partial_fingerprints=fingerprints,
        suppressions=[_suppression(finding.waiver)] if finding.waiver else [],
        baseline_state=baseline_state,
        properties=properties,
    )


def _suppression(waiver: Waiver) -> _Node:
    """Return a waiver as SARIF has it."""
    text = f"{_justification(waiver)}: {_one_line(waiver.reason).rstrip('.')}"
    return om.Suppression(
        kind="external",
        state="accepted",
        justification=f"{_inert(text, _REASON)}.",
        properties={"category": waiver.category, "expiresOn": waiver.expires_on.isoformat()},
    )


def _justification(waiver: Waiver) -> str:
    """Return by whom, where and until when something was waived."""
    return f"Waived until {waiver.expires_on} by {waiver.approved_by} ({wording.place(waiver)})"


def _message(finding: Finding, last_seen: str) -> str:
    """Return the verdict in a sentence that stands alone, which is all that a list shows, and then what was seen."""
    title, subject = _inert(_one_line(finding.rule.title).rstrip("."), _VALUE), _subject(finding)
    verdict = {
        Outcome.FAIL: f"{title}: not so for {subject}.",
        Outcome.UNKNOWN: f"Could not be judged for {subject}: {title}.",
        Outcome.ERROR: f"Could not be judged for {subject} because of a bug in auditor: {title}.",
        Outcome.PASS: f"{title}: so it is for {subject}.",
        Outcome.NOT_APPLICABLE: f"{title}: not applicable to {subject}.",
    }[finding.outcome]
    seen = [_observation(evidence, finding.subject.id) for evidence in finding.evidence[:_MOST_EVIDENCE]]
    if more := len(finding.evidence) - len(seen):
        seen.append(f"and {more} more")
    reason = _inert(_one_line(_attested(finding.attestation) or finding.reason).rstrip("."), _REASON)
    told = [reason, "; ".join(seen)]
    if last_seen:
        told = [told[1], f"It could not be seen this time, last on {_inert(last_seen, _NAME)}: {reason}"]
    return " ".join((verdict, *(f"{text}." for text in told if text)))


def _attested(attestation: Attestation | None) -> str:
    """Return whose word makes a pass of a finding, "" where nobody's does."""
    if attestation is None:
        return ""
    by = f"Attested until {attestation.valid_until} by {attestation.attested_by} ({wording.place(attestation)})"
    return f"{by}: {attestation.statement}"


def _subject(finding: Finding) -> str:
    """Return what a finding is about, so that it is not taken for another of the same name."""
    subject = finding.subject
    text = f"{_inert(subject.kind, _NAME)} {_quoted(subject.name, _NAME)}"
    if subject.kind == "tier" and subject.region:
        text += f" in {_quoted(subject.region, _NAME)}"
    if finding.deployment and subject.kind != "deployment":
        text += f" of deployment {_quoted(finding.deployment, _NAME)}"
    return text


def _observation(evidence: Evidence, subject_id: str) -> str:
    """Return what was seen, and what should have been."""
    other = evidence.resource != subject_id or not evidence.path
    names = [*([evidence.path] if evidence.path else []), *([arm.name_of(evidence.resource)] if other else [])]
    where = " of ".join(_quoted(name, _VALUE) for name in names)
    what = "missing" if evidence.observed is None else _value(_text(evidence.observed))
    return f"{where} is {what}, expected {_value(evidence.expected)}"


# --- places -----------------------------------------------------------------------------------------------------------


def _relative(file: str) -> str:
    """Return the path of a file as a relative URI, "" where it is absolute, leads upwards or does not print."""
    parts = [part for part in file.replace("\\", "/").split("/") if part != "."]
    path = "/".join(parts)
    clean = path and not {"", ".."} & {*parts} and ":" not in parts[0] and printable(path) == path
    return quote(path) if clean else ""


def _pseudo(subject_id: str) -> str:
    """Return the path that stands for a subject without a line of its own, and hides the subscription's id."""
    parts = arm.key(subject_id).split("/")
    if not arm.is_id(subject_id):
        return "/".join(("azure/deployments", *map(_segment, parts)))
    alias = wording.alias(arm.name_of(arm.subscription_of(subject_id)))
    rest = parts[3:]
    said = (0, 2) if rest[:1] == ["resourcegroups"] else (0,)  # `resourceGroups` and `providers`
    return "/".join(("azure", alias, *(_segment(part) for index, part in enumerate(rest) if index not in said)))


def _url(text: str) -> str:
    """Return the address of a page without what could end a link to it."""
    return quote(printable(text), safe=":/?#@!$&'()*+,;=%~")


def _segment(text: str) -> str:
    """Return a text as one segment of a path that stays one segment when it is decoded."""
    name = re.sub(r"[/\\]", "_", printable(text.lower()))
    return quote(name, safe="") if name.strip(".") else "_"


# --- text -------------------------------------------------------------------------------------------------------------


def _text(value: object) -> str:
    """Return an observed value as one reads it."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return f"[{', '.join(map(_text, value))}]"
    return json.dumps(value, ensure_ascii=False, default=str)


def _value(text: str) -> str:
    """Return a value as a message quotes it, with resources by group and name: whole ids would hide how they differ."""
    return _quoted(_ID.sub(r"\1/\2", text), _VALUE)


def _quoted(text: str, limit: int) -> str:
    """Return data as a message quotes it."""
    return f"'{_inert(text, limit)}'"


def _inert(text: str, limit: int) -> str:
    """Return data that means nothing to whoever shows a message: no control, link, placeholder or tag.

    SARIF (3.11.5, 3.11.6) escapes braces by doubling them, and brackets by a backslash, which is then itself escaped
    where it could be taken for one.
    """
    text = printable(_clipped(text, limit))
    text = re.sub(r"\\(?=[\\\[\]])|[\[\]]", r"\\\g<0>", text)
    text = text.replace("{", "{{").replace("}", "}}")
    return re.sub(r"<(?=[A-Za-z/!?])", r"\\u003c", text)


def _clipped(text: str, limit: int) -> str:
    """Return no more than `limit` characters of a text, and show that there were more."""
    return text if len(text) <= limit else text[: limit - 3] + "..."


def _one_line(text: str) -> str:
    """Return prose without its line breaks."""
    return " ".join(text.split())


def _sentence(text: str, limit: int = 0) -> str:
    """Return prose on one line with its full stop."""
    text = printable(_one_line(text)).rstrip(".")
    return _clipped(text, limit - 1 if limit else len(text)) + "."
