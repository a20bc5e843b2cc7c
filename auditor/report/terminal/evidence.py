"""The evidence of a finding in full; observations of which any one would do are marked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.azure import arm
from auditor.report import wording
from auditor.report.document import Finding
from auditor.report.grouping import group
from auditor.report.terminal import styles
from auditor.rules.evidence import Evidence

if TYPE_CHECKING:
    from auditor.report.terminal.layout import Page

_INDENT = 9


def write_evidence(page: Page, finding: Finding, most: int = wording.MOST) -> None:
    """Write the evidence of a finding, below its subject; `most` is the number of observations that are shown."""
    seen = (
        finding.subject.id,
        *(resource for e in finding.evidence for resource in (e.resource, *(read.resource for read in e.reads))),
    )
    home = next(filter(arm.is_id, seen), "")
    if home:
        page.lines([home], _INDENT, style=styles.DIM)
    shown = finding.evidence[:most]
    reads = max(1, most // max(1, len(shown)) - 1)
    for choice, observations in group(shown, _choice).items():
        if choice:
            page.lines([f"one of {len(group(observations, _alternative))} would do:"], _INDENT)
        for together in group(observations, _alternative).values():
            for number, evidence in enumerate(together):
                _observation(page, finding, evidence, home, reads, is_first=number == 0)
    _more(page, len(finding.evidence) - len(shown), _INDENT)


def _choice(evidence: Evidence) -> str:
    """Return the `anyOf` of a rule that an observation belongs to, "" without one."""
    return evidence.alternatives[0].rpartition("[")[0] if evidence.alternatives else ""


def _alternative(evidence: Evidence) -> str:
    return next(iter(evidence.alternatives), "")


def _observation(  # noqa: PLR0913 - what is written, and how
    page: Page, finding: Finding, evidence: Evidence, home: str, most: int, *, is_first: bool
) -> None:
    """Write an observation, and the first one of an alternative behind a dash."""
    dash = ("- " if is_first else "  ") if evidence.alternatives else ""
    indent = _INDENT + len(dash)
    place = _place(evidence.resource, evidence.path, finding, home)
    observed = wording.value(evidence.observed, home)
    expected = wording.cut(wording.shortened(evidence.expected.removeprefix("equals "), home))
    line = f"{place}: observed {observed}, expected {expected}"
    if page.fits(line, indent):
        page.write(line, _INDENT, lead=dash)
    else:
        page.write(place, _INDENT, lead=dash)
        page.write(observed, indent + 2, lead="observed ")
        page.write(expected, indent + 2, lead="expected ")
    for read in evidence.reads[:most]:
        observed = wording.value(read.observed, home)
        page.write(f"{_place(read.resource, read.path, finding, home)} = {observed}", indent + 2, lead="from ")
    _more(page, len(evidence.reads) - most, indent + 2)


def _more(page: Page, number: int, indent: int) -> None:
    if number > 0:
        page.lines([f"and {number} more"], indent)


def _place(resource: str, path: str, finding: Finding, home: str) -> str:
    """Return where something was observed, without the resource if it is the subject."""
    name = "" if arm.key(resource) == arm.key(finding.subject.id) else wording.shortened(resource, home)
    return " ".join(filter(None, (name, path))) or finding.subject.name
