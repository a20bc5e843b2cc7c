"""The report as OSCAL assessment results: observations with evidence, and a finding for each control that they decide.

An observation is the outcome of one rule for one subject. A finding says of the statement of a control whether all
observations that are evidence for a part of it are as the rules require. What is unknown is an observation only: it
never makes a control satisfied, nor not satisfied.

The model is that of https://pages.nist.gov/OSCAL-Reference/models/v1.2.1/assessment-results/json-reference/.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from auditor.errors import InputError
from auditor.escape import markdown, printable
from auditor.evaluation.model import Outcome
from auditor.report import observations, wording
from auditor.report.brief import with_passes
from auditor.report.document import Carried, Control, Document, Finding, Subject
from auditor.report.json import INDENT, text_of
from auditor.report.json_stream import streamed
from auditor.report.oscal import ids

if TYPE_CHECKING:
    from auditor.report.view import View

VERSION: Final = "1.2.1"
"""The version of OSCAL."""
NAMESPACE: Final = "urn:auditor:oscal"
"""The namespace of properties that OSCAL does not define."""
PART: Final = "This is evidence for a part of the control, and not for the rest of it."

_UNDECIDED: Final = (Outcome.UNKNOWN, Outcome.ERROR)
_LONGEST_TITLE: Final = 200
_DEPTH: Final = 4
"""How many objects and lists deep the keys of the result are."""

Node = dict[str, Any]


class _Observed(NamedTuple):
    """A finding of the report, and when it was evaluated."""

    finding: Finding
    collected: str
    """RFC 3339 time."""
    carried: bool
    """Whether this scan could not evaluate it, so that it is as a scan before reported it."""
    uuid: str
    """That of its observation."""


def render(document: Document, _view: View) -> Iterator[str]:
    """Yield the report as one result of an assessment.

    Raises:
        InputError: the report has no controls, of which OSCAL demands at least one.
    """
    if not any(rule.controls for rule in document.rules):
        message = "the report has no controls, which OSCAL demands: scan again with rules that have any"
        raise InputError(message)
    observed = [*_observed(with_passes(document))]
    controls = _controls(document, observed)
    decided = [(control, evidence) for control, evidence in controls if _is_decided(evidence)]
    result = _result(document, observed, [control for control, _ in controls])
    result |= {"findings": []} if decided else {}
    result |= {"observations": []} if observed else {}
    root = {
        "uuid": ids.uuid("results", result["uuid"]),
        "metadata": {
            "title": "Evaluation of Azure subscriptions by auditor",
            "last-modified": result["start"],
            "version": result["start"],
            "oscal-version": VERSION,
        },
        "import-ap": {"href": f"#{_plan_uuid(document)}"},
        "results": [result],
        "back-matter": {"resources": [_plan(document)]},
    }
    text = text_of({"assessment-results": root})
    origins = [{"actors": [{"type": "tool", "actor-uuid": _tool_uuid(document)}]}]
    last = ""
    for piece in _streamed(text, "findings", (_finding(document, origins, *each) for each in decided)):
        yield last
        last = piece
    yield from _streamed(last, "observations", (_observation(each, origins) for each in observed))


def _streamed(text: str, key: str, items: Iterable[Node]) -> Iterator[str]:
    """Yield a text with items in the empty list of a key of the result, or as it is if it has no such list."""
    if f'"{key}": []' not in text:
        yield text
        return
    yield from streamed(text, key, (text_of(item).removesuffix("\n") for item in items), indent=INDENT, depth=_DEPTH)


def _observed(document: Document) -> Iterator[_Observed]:
    """Yield what applies; of a finding that could not be evaluated this time, what was known of it last."""
    now = _start(document)
    carried: Mapping[str, Carried] = {old.finding.key: old for old in document.carried}
    for finding in document.findings:
        if finding.outcome is not Outcome.NOT_APPLICABLE and finding.key not in carried:
            yield _seen(finding, now, carried=False)
    for old in carried.values():
        yield _seen(old.finding, _time(old.last_seen) or now, carried=True)


def _seen(finding: Finding, collected: str, *, carried: bool) -> _Observed:
    return _Observed(finding, collected, carried, ids.uuid("observation", finding.key))


def _start(document: Document) -> str:
    """Return the time at which reading began, midnight of the evaluation date if it is not known."""
    return _time(document.taken_at or "") or _time(document.as_of.isoformat())


def _time(text: str) -> str:
    """Return an RFC 3339 time or a date as a time with a time zone, "" if it is neither."""
    try:
        time = dt.datetime.fromisoformat(text)
    except ValueError:
        return ""
    return (time if time.tzinfo else time.replace(tzinfo=dt.UTC)).isoformat()


def _controls(document: Document, observed: Sequence[_Observed]) -> list[tuple[Control, list[_Observed]]]:
    """Return each control with what is evidence for a part of it, by the order of frameworks and of rules."""
    by_rule: dict[str, list[_Observed]] = {}
    for each in observed:
        by_rule.setdefault(each.finding.rule, []).append(each)
    found: dict[tuple[str, str], tuple[Control, dict[str, list[_Observed]]]] = {}
    for rule in document.rules:
        for control in rule.controls:
            evidence = found.setdefault((control.framework, control.id), (control, {}))[1]
            evidence[rule.id] = by_rule.get(rule.id, [])
    order = {framework.name: place for place, framework in enumerate(document.frameworks)}
    ranked = sorted(found.values(), key=lambda pair: (order[pair[0].framework], ids.control(pair[0])))
    return [(control, [*chain.from_iterable(evidence.values())]) for control, evidence in ranked]


def _result(document: Document, observed: Sequence[_Observed], controls: Sequence[Control]) -> Node:
    """Return the result without observations and findings."""
    start = _start(document)
    subjects = {each.finding.subject.id.casefold(): each.finding.subject for each in observed}
    return {
        "uuid": ids.uuid("result", document.profile, start, *sorted(map(str.casefold, document.scopes))),
        "title": f"Evaluation of {wording.count(len(document.scopes), 'subscription')}",
        "description": "The outcome of each rule for each subject, as read from Azure Resource Manager.",
        "start": start,
        "props": [
            _prop("profile", document.profile),
            _prop("as-of", document.as_of.isoformat()),
            _prop("coverage-complete", "true" if document.coverage.complete else "false"),
            *(_prop("subscription", scope) for scope in document.scopes),
        ],
        "local-definitions": {
            "components": [_tool(document)],
            **_some("inventory-items", [_item(subject) for subject in subjects.values()]),
        },
        "reviewed-controls": {"control-selections": [_selection(controls)]},
    }


def _selection(controls: Iterable[Control]) -> Node:
    return {
        "description": "The controls for a part of which a pass of an evaluated rule is evidence.",
        "include-controls": [{"control-id": ids.control(control)} for control in controls],
    }


def _tool(document: Document) -> Node:
    return {
        "uuid": _tool_uuid(document),
        "type": "software",
        "title": f"{document.tool.name} {printable(document.tool.version)}",
        "description": "The program that read the subscriptions and evaluated the rules.",
        "status": {"state": "operational"},
    }


def _tool_uuid(document: Document) -> str:
    return ids.uuid("tool", document.tool.name, document.tool.version)


def _plan_uuid(document: Document) -> str:
    packs = (f"{pack.name} {pack.source.date if pack.source else ''}" for pack in document.packs)
    return ids.uuid("plan", document.tool.version, document.profile, *packs)


def _plan(document: Document) -> Node:
    """Return what stands for the assessment plan: the rules that were evaluated."""
    names = ", ".join(markdown(pack.name) for pack in document.packs)
    text = f"The {wording.count(len(document.rules), 'rule')} of the rule profile {markdown(document.profile)}"
    return {"uuid": _plan_uuid(document), "title": "Rules", "description": f"{text} in {names or 'no pack'}."}


def _item(subject: Subject) -> Node:
    region = [_prop("region", subject.region)] if subject.region else []
    return {
        "uuid": _item_uuid(subject),
        "description": _line(f"{subject.kind} {subject.name}"),
        "props": [{"name": "asset-id", "value": _value(subject.id)}, _prop("kind", subject.kind), *region],
    }


@lru_cache(maxsize=4096)
def _item_uuid(subject: Subject) -> str:
    return ids.uuid("subject", subject.id.casefold())


def _observation(observed: _Observed, origins: list[Node]) -> Node:
    finding = observed.finding
    attested = finding.attestation is not None
    props = {
        "rule": finding.rule,
        "outcome": finding.outcome.value.replace("_", "-"),
        "severity": finding.severity.value if finding.outcome is Outcome.FAIL else None,
        "cause": finding.cause.value if finding.cause else None,
        "deployment": finding.deployment,
        "fingerprint": finding.key,
        "attested-until": finding.attestation.valid_until.isoformat() if finding.attestation else None,
        "waived-until": finding.waiver.expires_on.isoformat() if finding.waiver else None,
    }
    return {
        "uuid": observed.uuid,
        "title": _line(f"{finding.rule} {finding.title}"),
        "description": "\n\n".join(_description(observed)),
        "props": [_prop(name, value) for name, value in props.items() if value],
        "methods": ["EXAMINE" if attested else "TEST"],
        "types": ["historic" if observed.carried else "control-objective"],
        "origins": origins,
        "subjects": [{"subject-uuid": _item_uuid(finding.subject), "type": "inventory-item"}],
        **_some("relevant-evidence", [{"description": _text(line)} for line in observations.lines(finding)]),
        "collected": observed.collected,
    }


def _description(observed: _Observed) -> Iterator[str]:
    """Yield the paragraphs about an outcome."""
    finding = observed.finding
    yield _text(f"{wording.headline(finding)} ({wording.subject(finding.subject)}).")
    if finding.reason:
        yield _text(f"{finding.outcome.value.capitalize()}: {finding.reason}.")
    if observed.carried:
        yield "It could not be evaluated this time; this is what was known last."
    if finding.attestation:
        by = f"Attested by {finding.attestation.attested_by} until {finding.attestation.valid_until}"
        yield _text(f"{by}: {finding.attestation.statement}")
    if finding.waiver:
        by = f"Waived by {finding.waiver.approved_by} until {finding.waiver.expires_on}"
        yield _text(f"{by}: {finding.waiver.reason}")


def _is_decided(evidence: Sequence[_Observed]) -> bool:
    """Return whether a control is satisfied or not by what is evidence for a part of it.

    A fail decides, also one that is waived: a waiver accepts the risk, and does not remove it.
    """
    outcomes = {each.finding.outcome for each in evidence}
    return Outcome.FAIL in outcomes or (Outcome.PASS in outcomes and outcomes.isdisjoint(_UNDECIDED))


def _finding(document: Document, origins: list[Node], control: Control, evidence: Sequence[_Observed]) -> Node:
    """Return the finding about a control that is decided."""
    fails = [each for each in evidence if each.finding.outcome is Outcome.FAIL]
    passes = [each for each in evidence if each.finding.outcome is Outcome.PASS]
    framework = next(each for each in document.frameworks if each.name == control.framework)
    name = f"{framework.title} {framework.version}, {control.id}"
    differ, agree = len(fails), len(passes)
    counted = f"{differ} of {len(evidence)} outcomes differ from what the rules require"
    if not fails:
        counted = f"{wording.count(agree, 'outcome')} {'is' if agree == 1 else 'are'} as the rules require"
    rules = sorted({each.finding.rule for each in fails or passes})
    return {
        "uuid": ids.uuid("finding", control.framework, control.id, *sorted(map(str.casefold, document.scopes))),
        "title": _line(name),
        "description": _text(f"{counted} ({', '.join(rules)}). {PART}"),
        "props": [_prop("framework", control.framework), _prop("control", control.id)],
        "origins": origins,
        "target": {
            "type": "statement-id",
            "target-id": ids.statement(control),
            "status": {
                "state": "not-satisfied" if fails else "satisfied",
                "reason": "fail" if fails else "pass",
                "remarks": PART,
            },
        },
        "related-observations": [{"observation-uuid": each.uuid} for each in evidence],
    }


def _some(key: str, values: list[Node]) -> Node:
    """Return a list under its key; OSCAL permits no empty lists."""
    return {key: values} if values else {}


@lru_cache(maxsize=4096)
def _prop(name: str, value: str) -> Node:
    return {"name": name, "ns": NAMESPACE, "value": _value(value)}


def _value(text: str) -> str:
    """Return a text as a string of OSCAL: one line without space at its ends, never empty."""
    return printable(" ".join(text.split())) or "-"


@lru_cache(maxsize=4096)
def _text(text: str) -> str:
    """Return a text that Markdown shows literally."""
    return markdown(_value(text))


@lru_cache(maxsize=4096)
def _line(text: str) -> str:
    """Return a short text that Markdown shows literally."""
    return markdown(_value(text)[:_LONGEST_TITLE])
