"""Changes since the baseline, as the terminal report shows them: findings by state, resources as a tree."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import msgspec
from rich.style import Style

from auditor.azure import arm
from auditor.evaluation.drift.model import ResourceChangeKind
from auditor.evaluation.model import BaselineState
from auditor.report import drift_summary, wording
from auditor.report.document import Document, Drift, FindingChange, PropertyChange, ResourceChange
from auditor.report.grouping import group, waived_keys

if TYPE_CHECKING:
    from auditor.report.terminal.layout import Page

_STYLES: Final[Mapping[BaselineState, Style]] = {
    BaselineState.REGRESSED: Style.parse("bold red"),
    BaselineState.NEW: Style.parse("red"),
    BaselineState.LOST_SIGHT: Style.parse("yellow"),
    BaselineState.FIXED: Style.parse("green"),
    BaselineState.GONE: Style.parse("dim"),
    BaselineState.DRIFTED: Style.parse("cyan"),
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


def write_drift(page: Page, document: Document, drift: Drift) -> None:
    """Write the baseline, the changed findings, and the changed resources, first those that rules read."""
    page.section("Changes since the baseline")
    page.write(f"Baseline taken {drift_summary.baseline(document, drift)}.")
    if drift.baseline.gaps:
        gaps = wording.count(len(drift.baseline.gaps), "gap")
        page.write(f"It has {gaps}; what could not be read then is not compared.")
    if drift.findings or drift.resources:
        page.write(f"Findings: {drift_summary.findings(drift)}; resources: {drift_summary.resources(drift)}.")
    else:
        page.write("Nothing has changed.")
    _findings(page, drift_summary.notable_changes(drift), waived_keys(document))
    read = [_only(change, read=True) for change in drift.resources]
    _resources(page, "Changed", [change for change in read if _concerns_rules(change)])
    unread = [_only(change, read=False) for change in drift.resources]
    _resources(page, "Changed, not read by any rule", [change for change in unread if change.properties])


def _concerns_rules(change: ResourceChange) -> bool:
    """Return whether properties that rules read have changed, or more than properties."""
    return bool(change.properties) or change.fate is not ResourceChangeKind.CHANGED


def _only(change: ResourceChange, *, read: bool) -> ResourceChange:
    """Return a change with only the properties that rules read, or only the others."""
    properties = tuple(found for found in change.properties if bool(found.rules) is read)
    return msgspec.structs.replace(change, properties=properties)


def _findings(page: Page, changes: list[FindingChange], waived: frozenset[str]) -> None:
    page.lines([""] * bool(changes))
    headlines = group(changes, lambda change: (change.state, change.rule, wording.headline(change)))
    for (state, rule, headline), alike in headlines.items():
        page.write(f"{rule}  {headline}", lead=f"{state.upper():<{_LEAD}}", style=_STYLES[state])
        for outcomes, same in group(alike, lambda change: drift_summary.before_and_after(change, waived)).items():
            page.write(f"{outcomes}: {', '.join(wording.first([wording.subject(c.subject) for c in same]))}", _LEAD)


def _resources(page: Page, title: str, changes: list[ResourceChange]) -> None:
    """Write a tree of changes: resource groups, resources, properties."""
    for inside in group(changes, lambda change: (arm.subscription_of(change.id), arm.group_of(change.id))).values():
        page.lines([""])
        page.write(f"{title}: {_place(inside[0])}")
        for change in inside[:_MOST]:
            page.write(_name(change.id), 2, lead=f"{change.fate.upper():<{_LEAD}}", style=_KIND_STYLES.get(change.fate))
            if change.former_id:
                page.lines([f"formerly {wording.shortened(change.former_id, change.id)}"], 2 + _LEAD)
            if change.reason:
                page.write(change.reason, 2 + _LEAD)
            if change.rules and change.fate in {ResourceChangeKind.ADDED, ResourceChangeKind.REMOVED}:
                page.write(_rules(change.rules), 2 + _LEAD)
            for found in change.properties:
                _property(page, found, change.id)
        if more := inside[_MOST:]:
            page.write(f"and {len(more):,} more; the JSON report lists all", 2)


def _property(page: Page, change: PropertyChange, home: str) -> None:
    """Write a property on one line, or on three if it is too long."""
    path = wording.shortened(change.path, home)
    values = wording.value_change(change.before, change.after, home)
    rules = f" ({', '.join(change.rules)})" if change.rules else ""
    if page.fits(f"{path}: {values}{rules}", 4):
        page.write(f"{path}: {values}{rules}", 4)
        return
    page.write(path, 4)
    page.write(values, 6)
    if change.rules:
        page.write(_rules(change.rules), 6)


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
