"""Findings as the page shows them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple
from urllib.parse import quote

from auditor.azure import arm
from auditor.evaluation.model import BaselineState, Outcome
from auditor.report import elsewhere, remedies, rules, wording
from auditor.report.document import Document, Finding, Pack, Recommendation, Rule, Source, Statement
from auditor.rules.evidence import Evidence
from auditor.rules.maps import Relation
from auditor.rules.model import SEVERITIES

_MOST: Final = 20
"""The number of observations that are shown of one finding; the JSON report has all of them."""
_READS: Final = 3
"""The number of values that are shown from which an observed one was computed."""
_OUTCOMES: Final = {outcome: rank for rank, outcome in enumerate((Outcome.FAIL, Outcome.ERROR, Outcome.UNKNOWN))}
_PORTALS: Final = {
    "AzureCloud": "https://portal.azure.com",
    "AzureUSGovernment": "https://portal.azure.us",
    "AzureChinaCloud": "https://portal.azure.cn",
}
_WORSE: Final = frozenset({BaselineState.REGRESSED, BaselineState.NEW})


class Seen(NamedTuple):
    """A row of the table of evidence."""

    choice: str
    """The letters of the alternatives to which it belongs, "" for none."""
    where: str
    path: str
    observed: str
    expected: str
    reads: tuple[tuple[str, str, str], ...]
    """Resource, path and value of what it was computed from."""


class Item(NamedTuple):
    """A finding of the page."""

    anchor: str
    finding: Finding
    level: str
    """The severity of a fail, else the outcome."""
    row: str
    """The title of its row in the picture, "" without one."""
    is_new: bool
    """Whether it is worse than in the baseline."""


class Details(NamedTuple):
    """What the page shows of a finding beside what the finding says."""

    headline: str
    subject: str
    why: str
    """Why the rule exists; "" unless it failed."""
    seen: tuple[Seen, ...]
    more: int
    """The number of observations that are not shown."""
    fix: tuple[tuple[str, ...], ...]
    """The steps for this finding, apart at each check, else the lines of the fix."""
    portal: str
    """The address of the resource in Azure's portal, "" if it is not known."""
    controls: str
    """The controls that the rule is relevant for, by framework; "" for none."""
    against: str
    """What other tools recommend that contradicts the rule, "" for nothing."""


class Basis(NamedTuple):
    """What a rule rests on, and what other tools and frameworks have beside it."""

    rule: Rule
    why: str
    statements: tuple[tuple[str, Statement], ...]
    sources: tuple[tuple[Source, str], ...]
    """The sources, each with its address if that is one of the web."""
    controls: tuple[tuple[str, str], ...]
    """Controls with their framework, each with the reason why a pass is evidence for a part of it."""
    recommendations: tuple[Recommendation, ...]
    """What other tools recommend; first what contradicts the rule."""


def items(document: Document, rows: Mapping[tuple[str, str], str]) -> tuple[Item, ...]:
    """Return the fails, errors and unknowns without a waiver, worst first.

    `rows` has the title of the row of a picture by deployment and key of the subject.
    """
    shown = [finding for finding in document.findings if finding.outcome in _OUTCOMES and finding.waiver is None]
    shown.sort(
        key=lambda f: (f.optional, _OUTCOMES[f.outcome], SEVERITIES.index(f.severity), f.rule, f.deployment or "")
    )
    return tuple(
        Item(
            anchor=f"f{number}",
            finding=finding,
            level=finding.severity.value if finding.outcome is Outcome.FAIL else finding.outcome.value,
            row=rows.get((finding.deployment or "", arm.key(finding.subject.id)), ""),
            is_new=finding.state in _WORSE,
        )
        for number, finding in enumerate(shown, start=1)
    )


def details(document: Document, *, ids: bool) -> Callable[[Finding], Details]:
    """Return what computes the details of a finding.

    Without `ids` there is no address of the portal, which needs the id of the subscription.
    """
    known, titles = rules.by_id(document), elsewhere.titles(document)
    portal = _PORTALS.get(document.cloud or "", "") if ids else ""
    return lambda finding: _details(finding, known[finding.rule], portal, titles)


def bases(document: Document, listed: Iterable[Item]) -> list[Basis]:
    """Return what the rules of findings rest on, by id."""
    known, packs = rules.by_id(document), {pack.name: pack for pack in document.packs}
    used = sorted({item.finding.rule for item in listed})
    titles = elsewhere.titles(document)
    return [_basis(rule, packs.get(rule.pack or ""), titles) for rule in map(known.__getitem__, used)]


def _basis(rule: Rule, pack: Pack | None, titles: Mapping[str, str]) -> Basis:
    statements = pack.statements if pack else {}
    return Basis(
        rule=rule,
        why=" ".join(rule.why.split()),
        statements=tuple((name, statements[name]) for name in rule.reference if name in statements),
        sources=tuple((source, web_address(source.url)) for source in rule.sources),
        controls=tuple((f"{titles[one.framework]}: {one.id}", one.because) for one in rule.controls),
        recommendations=tuple(sorted(rule.recommendations, key=lambda one: one.relation is not Relation.CONTRADICTS)),
    )


def _details(finding: Finding, rule: Rule, portal: str, titles: Mapping[str, str]) -> Details:
    home = finding.subject.id
    letters = _letters(finding.evidence)
    failed = finding.outcome is Outcome.FAIL
    return Details(
        headline=wording.headline(finding),
        subject=wording.subject(finding.subject),
        why=" ".join(rule.why.split()) if failed else "",
        seen=tuple(_seen(found, letters) for found in finding.evidence[:_MOST]),
        more=max(0, len(finding.evidence) - _MOST),
        fix=tuple(map(tuple, remedies.apart(finding))) if failed else (),
        portal=f"{portal}/#resource{quote(home)}" if portal and arm.is_id(home) else "",
        controls=elsewhere.controls(rule, titles),
        against=elsewhere.against(rule),
    )


def web_address(url: str) -> str:
    """Return an address that a link may have: one of the web, else ""."""
    return url if url.startswith(("https://", "http://")) else ""


def _letters(evidence: Iterable[Evidence]) -> Mapping[str, str]:
    """Return a letter for each alternative, by its path in the rule."""
    paths = dict.fromkeys(path for found in evidence for path in found.alternatives)
    return {path: chr(ord("A") + number) if number < 26 else str(number + 1) for number, path in enumerate(paths)}


def _seen(found: Evidence, letters: Mapping[str, str]) -> Seen:
    home = next(filter(arm.is_id, (found.resource, *(read.resource for read in found.reads))), "")
    return Seen(
        choice=", ".join(letters[path] for path in found.alternatives),
        where=wording.named(found.resource),
        path=found.path,
        observed=wording.value(found.observed, home),
        expected=wording.cut(wording.shortened(found.expected, home)),
        reads=tuple(
            (wording.named(read.resource), read.path, wording.value(read.observed, read.resource))
            for read in found.reads[:_READS]
        ),
    )
