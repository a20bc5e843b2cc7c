"""The first screen: what is wrong in one or two lines a finding, what was not seen, and what to do next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from auditor.evaluation.model import Outcome
from auditor.report import filtering, losses, summary, wording
from auditor.report.document import Deployment, Document
from auditor.report.grouping import counted
from auditor.report.terminal.commands import wrap_fix
from auditor.report.terminal.deployments import write_deployments
from auditor.report.terminal.drift import write_drift
from auditor.report.terminal.last_line import last_line
from auditor.report.terminal.layout import Page
from auditor.report.terminal.passes import write_passes
from auditor.report.terminal.table import write_table
from auditor.report.terminal.unseen import write_unseen
from auditor.rules.model import SEVERITIES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from auditor.report.view import View

_LEAD: Final = 11
"""The width of the words in front of paragraphs."""


def render(document: Document, view: View) -> str:
    """Return the report; of findings that need more room than there is, the least severe are shortened."""
    head, page, foot = Page(view.width), Page(view.width), Page(view.width)
    write_deployments(head, document)
    _write_sources(head, document)
    last, left_out = last_line(document), filtering.hidden(document, view.chosen)
    document = view.chosen.applied(document)
    if left_out:
        head.write(left_out)
    if document.drift:
        write_drift(head, document, document.drift, details=False)
    foot.lines([""])
    if not view.only_changes:
        write_unseen(foot, document)
        _losses(foot, document, view)
        _others(foot, document)
    if view.passes:
        write_passes(foot, document)
        foot.lines([""])
    _next(foot, document, view)
    foot.lines([last])
    page.add(head)
    if not view.only_changes:
        write_table(page, document, others=head.height + foot.height)
    page.add(foot)
    return page.text(colour=view.colour)


# --- the head ---------------------------------------------------------------------------------------------------------


def _write_sources(page: Page, document: Document) -> None:
    """Write when and where everything was seen."""
    taken, day = document.taken_at or "at an unknown time", document.as_of.isoformat()
    as_of = "" if taken.startswith(day) else f", as of {day}"
    scopes = wording.count(len(document.scopes), "subscription")
    config = f"; options of {document.config}" if document.config else ""
    page.write(f"taken {taken} from {scopes}; profile {document.profile}{as_of}{config}")


# --- the foot ---------------------------------------------------------------------------------------------------------


def _others(page: Page, document: Document) -> None:
    """Write in a line each what is waived, what has no effect, and what is still open from the last report."""
    fields = [
        ("Waived", ", ".join(wording.count(number, noun) for noun, number in summary.waived(document).items())),
        ("No effect", _without_effect(document)),
        ("Still open", _carried(document)),
    ]
    for name, text in fields:
        if text:
            page.write(text, lead=f"{name:<{_LEAD}}")


def _losses(page: Page, document: Document, view: View) -> None:
    """Write which losses stop the first deployment in production, and how many others are stopped by any."""
    tables = sorted((each for each in document.deployments if each.losses), key=lambda each: not _in_production(each))
    if not tables:
        return
    (first, *others) = tables
    stopped = sum(losses.is_stopped(each) for each in others)
    said = f"{first.name} is {losses.brief(first)}"
    more = f"; {wording.count(stopped, 'more deployment')} too" if stopped else ""
    command = f"; auditor foresee {view.source}" if view.command else ""
    texts = (f"{said}{more}{command}", f"{said}{more}")
    page.write(next((text for text in texts if page.fits(text, _LEAD)), said), lead=f"{'Losses':<{_LEAD}}")


def _in_production(deployment: Deployment) -> bool:
    return deployment.picture is not None and deployment.picture.environment == "production"


def _without_effect(document: Document) -> str:
    """Return the first exemption without effect, and the number of the others."""
    found = [f"{place} {effect}" for place, effect in wording.without_effect(document)]
    more = f"; and {wording.count(len(found) - 1, 'more exemption')}" if len(found) > 1 else ""
    return f"{found[0]}{more}" if found else ""


def _carried(document: Document) -> str:
    carried = [old.finding for old in document.carried if old.finding.waiver is None]
    rules = " ".join(dict.fromkeys(finding.rule for finding in carried))
    what = wording.count(len(carried), "finding")
    return f"{what} of the previous report that this scan could not evaluate: {rules}" if carried else ""


def _next(page: Page, document: Document, view: View) -> None:
    """Write the commands that say more."""
    lines = list(_commands(document, view))
    for number, (command, what) in enumerate(lines):
        lead = " " * _LEAD if number else f"{'Next':<{_LEAD}}"
        both = f"{command:<{max(len(c) for c, _ in lines)}}  {what}"
        if page.fits(both, _LEAD):
            page.lines([both], lead=lead)
        else:
            page.lines(wrap_fix(command, page.width - _LEAD), lead=lead)


def _commands(document: Document, view: View) -> Iterator[tuple[str, str]]:
    """Yield commands, each with what it shows."""
    open_ = [*counted(document, Outcome.FAIL), *(f for f in counted(document, Outcome.UNKNOWN) if not f.optional)]
    worst = min(open_, key=lambda f: (f.outcome is not Outcome.FAIL, SEVERITIES.index(f.severity)), default=None)
    if not view.command:
        return
    if worst:
        yield f"auditor explain {worst.rule} {view.source}", "why, evidence, fix"
    if view.only_changes:
        yield f"{view.command} --details", "every change"
    else:
        yield f"{view.command} -o html=report.html", "all, with a picture"
