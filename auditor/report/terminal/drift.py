"""Changes since the baseline on the terminal: what is worse with what moved there, what is not seen, and the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import msgspec

from auditor.azure import arm
from auditor.evaluation.drift.model import ResourceChangeKind
from auditor.evaluation.model import BaselineState
from auditor.report import drift_summary, wording
from auditor.report.document import Document, Drift, FindingChange, PropertyChange, ResourceChange
from auditor.report.grouping import group, waived_keys

if TYPE_CHECKING:
    from auditor.report.terminal.layout import Page
    from auditor.report.terminal.styles import Style

_STYLES: Final[Mapping[BaselineState, Style]] = {
    BaselineState.REGRESSED: "bold red",
    BaselineState.NEW: "red",
    BaselineState.LOST_SIGHT: "yellow",
    BaselineState.FIXED: "green",
    BaselineState.GONE: "dim",
    BaselineState.DRIFTED: "cyan",
}
_KIND_STYLES: Final[Mapping[ResourceChangeKind, Style]] = {
    ResourceChangeKind.REMOVED: _STYLES[BaselineState.REGRESSED],
    ResourceChangeKind.RECREATED: _STYLES[BaselineState.REGRESSED],
    ResourceChangeKind.LOST_SIGHT: _STYLES[BaselineState.LOST_SIGHT],
}
_AROUND: Final = frozenset({"", arm.SUBSCRIPTION, arm.RESOURCE_GROUP})
"""The types of scopes that contain a resource."""
_MOST: Final = 100
"""The number of resources that are shown of a resource group."""
_LEAD: Final = 12
"""The width of the longest state with a space behind it."""


def write_drift(page: Page, document: Document, drift: Drift, *, details: bool) -> None:
    """Write the baseline, what is worse with what moved there, what is mended, what is not seen, and the other changes.

    Without `details`, changes that no rule reads are only counted.
    """
    page.section("Changes since the baseline")
    page.write(f"Baseline taken {drift_summary.baseline(document, drift)}.")
    if drift.baseline.gaps:
        gaps = wording.count(len(drift.baseline.gaps), "gap")
        page.write(f"It has {gaps}; what could not be read then is not compared.")
    if drift.findings or drift.resources:
        page.write(f"Findings: {drift_summary.findings(drift)}; resources: {drift_summary.resources(drift)}.")
    else:
        page.write("Nothing has changed.")
    changes, waived = drift_summary.notable_changes(drift), waived_keys(document)
    by_state = group(changes, lambda change: change.state)
    shown: dict[str, set[str]] = {}
    page.lines([""] * bool(drift.findings))
    for state in (BaselineState.REGRESSED, BaselineState.NEW):
        _findings(page, document, by_state.get(state, []), waived, shown)
    hidden = [change for change in drift.resources if change.fate is ResourceChangeKind.LOST_SIGHT]
    _lost_sight(page, by_state.get(BaselineState.LOST_SIGHT, []), hidden)
    for state in (BaselineState.FIXED, BaselineState.GONE):
        _findings(page, document, by_state.get(state, []), waived)
    _drifted(page, [change for change in drift.findings if change.state is BaselineState.DRIFTED])
    rest = [_without(change, shown) for change in drift.resources if change.fate is not ResourceChangeKind.LOST_SIGHT]
    read = [change for change in (_only(change, read=True) for change in rest) if _concerns_rules(change)]
    _resources(page, "Changed", [change for change in read if change.id not in shown or change.properties])
    unread = [_only(change, read=False) for change in drift.resources]
    unread = [change for change in unread if change.properties]
    if details:
        _resources(page, "Changed, not read by any rule", unread)
    elif unread:
        names = ", ".join(wording.first([arm.name_of(change.id) for change in unread]))
        page.lines([""])
        page.write(f"{wording.count(len(unread), 'resource')} with changes that no rule reads: {names}")


def _concerns_rules(change: ResourceChange) -> bool:
    """Return whether properties that rules read have changed, or more than properties."""
    return bool(change.properties) or change.fate is not ResourceChangeKind.CHANGED


def _only(change: ResourceChange, *, read: bool) -> ResourceChange:
    """Return a change with only the properties that rules read, or only the others."""
    properties = tuple(found for found in change.properties if bool(found.rules) is read)
    return msgspec.structs.replace(change, properties=properties)


def _without(change: ResourceChange, shown: Mapping[str, set[str]]) -> ResourceChange:
    """Return a change without the properties that are shown already."""
    properties = tuple(found for found in change.properties if found.path not in shown.get(change.id, ()))
    return msgspec.structs.replace(change, properties=properties)


# --- findings ---------------------------------------------------------------------------------------------------------


def _findings(
    page: Page,
    document: Document,
    changes: list[FindingChange],
    waived: frozenset[str],
    shown: dict[str, set[str]] | None = None,
) -> None:
    """Write changed findings by rule, with what moved there if `shown` is to have its paths by resource."""
    for alike in group(changes, lambda change: change.rule).values():
        first = alike[0]
        lead = f"{first.state.upper():<{_LEAD}}"
        page.write(f"{first.rule}  {wording.headline(first)}", lead=lead, style=_STYLES[first.state])
        for outcomes, same in group(alike, lambda change: drift_summary.before_and_after(change, waived)).items():
            page.write(f"{outcomes}: {', '.join(wording.first([wording.subject(c.subject) for c in same]))}", _LEAD)
        if shown is not None:
            _moved_there(page, document, alike, shown)


def _moved_there(page: Page, document: Document, alike: list[FindingChange], shown: dict[str, set[str]]) -> None:
    """Write what changed of that on which worse findings of a rule rest, once for all findings."""
    for change in _where(document, alike):
        moved = _without(_only(change, read=True), shown)
        properties = [found for found in moved.properties if alike[0].rule in found.rules]
        if change.id in shown and not properties:
            page.write(f"{_name(change.id)}: as above", _LEAD)
            continue
        fate = "" if change.fate is ResourceChangeKind.CHANGED else f": {change.fate}"
        page.write(f"{_name(change.id)}{fate}", _LEAD)
        for found in properties:
            _property(page, msgspec.structs.replace(found, rules=()), change.id, _LEAD + 2)
        shown.setdefault(change.id, set()).update(found.path for found in properties)


def _where(document: Document, alike: list[FindingChange]) -> list[ResourceChange]:
    """Return the changed resources that a rule reads: those of the evidence, or else all with changed properties."""
    rule, drift = alike[0].rule, document.drift
    read = [change for change in drift.resources if rule in change.rules] if drift else []
    read = [change for change in read if change.fate is not ResourceChangeKind.LOST_SIGHT]
    keys = {change.after.key for change in alike if change.after}
    evidence = [e for finding in document.findings if finding.key in keys for e in finding.evidence]
    seen = {arm.key(place) for e in evidence for place in (e.resource, *(read.resource for read in e.reads))}
    seen |= {arm.key(change.subject.id) for change in alike}
    near = [change for change in read if any(f"{place}/".startswith(f"{arm.key(change.id)}/") for place in seen)]
    far = [change for change in read if any(rule in found.rules for found in change.properties)]
    return (near or far)[: wording.MOST]


def _lost_sight(page: Page, findings: list[FindingChange], resources: list[ResourceChange]) -> None:
    """Write a paragraph for each reason why something is not visible now."""
    told = [(change.reason or "", change.rule, "") for change in findings]
    told += [(change.reason or "", "", _name(change.id)) for change in resources]
    for pattern, alike in group(told, lambda each: wording.SCOPE.sub("...", each[0])).items():
        reasons, rules, names = ([*dict.fromkeys(filter(None, column))] for column in zip(*alike, strict=True))
        number = sum(bool(rule) for _, rule, _ in alike)
        parts = [wording.named(reasons[0]) if len(reasons) == 1 else pattern]
        parts += [f"{wording.count(number, 'finding')}: {' '.join(sorted(rules))}"] * bool(rules)
        parts += [", ".join(wording.first(names))] * bool(names)
        lead = f"{BaselineState.LOST_SIGHT.upper():<{_LEAD}}"
        page.write("; ".join(filter(None, parts)), lead=lead, style=_STYLES[BaselineState.LOST_SIGHT])


def _drifted(page: Page, changes: list[FindingChange]) -> None:
    """Write in a paragraph the rules whose outcome is the same although what they read has changed."""
    if changes:
        numbers = Counter(change.rule for change in changes)
        rules = ", ".join(f"{rule} ({number:,})" if number > 1 else rule for rule, number in sorted(numbers.items()))
        lead = f"{BaselineState.DRIFTED.upper():<{_LEAD}}"
        page.write(f"same outcome, other values: {rules}", lead=lead, style=_STYLES[BaselineState.DRIFTED])


# --- resources --------------------------------------------------------------------------------------------------------


def _resources(page: Page, title: str, changes: list[ResourceChange]) -> None:
    """Write a tree of changes: resource groups, resources, properties."""
    for inside in group(changes, lambda change: (arm.subscription_of(change.id), arm.group_of(change.id))).values():
        page.lines([""])
        page.write(f"{title}: {_place(inside[0])}")
        for change in inside[:_MOST]:
            page.write(_name(change.id), 2, lead=f"{change.fate.upper():<{_LEAD}}", style=_KIND_STYLES.get(change.fate))
            if change.former_id:
                page.lines([f"formerly {wording.shortened(change.former_id, change.id)}"], 2 + _LEAD)
            if change.rules and change.fate in {ResourceChangeKind.ADDED, ResourceChangeKind.REMOVED}:
                page.write(_rules(change.rules), 2 + _LEAD)
            for found in change.properties:
                _property(page, found, change.id, 4)
        if more := inside[_MOST:]:
            page.write(f"and {len(more):,} more; the JSON report lists all", 2)


def _property(page: Page, change: PropertyChange, home: str, indent: int) -> None:
    """Write a property on one line, or on three if it is too long."""
    path = wording.shortened(change.path, home)
    values = wording.value_change(change.before, change.after, home)
    rules = f" ({', '.join(change.rules)})" if change.rules else ""
    if page.fits(f"{path}: {values}{rules}", indent):
        page.write(f"{path}: {values}{rules}", indent)
        return
    page.write(path, indent)
    page.write(values, indent + 2)
    if change.rules:
        page.write(_rules(change.rules), indent + 2)


def _rules(rules: tuple[str, ...]) -> str:
    return f"read by {', '.join(wording.first(list(rules)))}"


def _place(change: ResourceChange) -> str:
    """Return the resource group of a resource, with its subscription."""
    parts = change.id.split("/")
    return f"{parts[4]} in {parts[2]}" if arm.group_of(change.id) else parts[2]


def _name(arm_id: str) -> str:
    """Return the names of a resource and of those that it is a part of, its type, and what it is an extension of."""
    segments = arm_id.split("/")
    depth = 2 * arm.type_of(arm_id).count("/")
    scope = "/".join(segments[: -depth - 2])
    names, types = segments[1 - depth :: 2], segments[-depth::2]
    if not depth or not scope:
        names, types = segments[-1:], segments[-2:-1]
    extended = f" at {arm.name_of(scope)}" if arm.type_of(scope) not in _AROUND else ""
    return f"{'/'.join(names)} ({'/'.join(types)}){extended}"
