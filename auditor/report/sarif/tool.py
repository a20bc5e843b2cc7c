"""The tool in SARIF: the auditor, its rules and its notifications."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import sarif_om as om

from auditor.escape import markdown, printable
from auditor.report import rules
from auditor.report.document import Document, Pack, Rule
from auditor.report.sarif.locations import page
from auditor.report.sarif.notifications import NOTIFICATIONS
from auditor.report.sarif.objects import Node
from auditor.report.sarif.text import LONGEST_DESCRIPTION, one_line, sentence
from auditor.rules.model import Severity

LEVELS: Final = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "note",
    Severity.INFO: "note",
}
"""By severity, the level of a fail."""
_SCORES: Final = {
    Severity.CRITICAL: "9.5",
    Severity.HIGH: "8.0",
    Severity.MEDIUM: "5.5",
    Severity.LOW: "2.5",
    Severity.INFO: "0.5",
}
"""By severity, the `security-severity` of a rule, which GitHub maps back to the same words."""
_PLACE: Final = "A location under azure/ is a resource in Azure that no file of this repository declares."


def driver(document: Document) -> Node:
    """Return the tool with the rules that it evaluated."""
    packs = {pack.name: pack for pack in document.packs}
    # Validators require an address of the tool. It has no page of its own; this is the page of its rules.
    pages = (pack.source.url for pack in document.packs if pack.source)
    tool = document.tool
    return om.ToolComponent(
        name=tool.name,
        contents=None,  # else the schema's default is written
        full_name=f"{tool.name} {tool.version}",
        version=tool.version,
        information_uri=next((page(address) for address in pages), None),
        semantic_version=tool.version,
        rules=[_descriptor(rule, packs.get(rule.pack or "")) for rule in rules.by_id(document).values()],
        notifications=[
            om.ReportingDescriptor(
                id=id_,
                short_description=om.MultiformatMessageString(text=f"{title}."),
                full_description=om.MultiformatMessageString(text=f"{title}. {help_}"),
                help=om.MultiformatMessageString(text=help_),
            )
            for id_, (title, help_) in NOTIFICATIONS.items()
        ],
    )


def _descriptor(rule: Rule, pack: Pack | None) -> Node:
    return om.ReportingDescriptor(
        id=rule.id,
        short_description=om.MultiformatMessageString(text=sentence(rule.headline, LONGEST_DESCRIPTION)),
        full_description=om.MultiformatMessageString(text=sentence(rule.why, LONGEST_DESCRIPTION)),
        help=om.MultiformatMessageString(text=_help(rule, pack), markdown=_help_markdown(rule, pack)),
        default_configuration=om.ReportingConfiguration(level=LEVELS[rule.severity]),
        properties={
            "tags": ["security", *([rule.pack] if rule.pack else [])],
            "precision": "high",
            "security-severity": _SCORES[rule.severity],
        },
    )


def _help(rule: Rule, pack: Pack | None) -> str:
    """Return what the rule requires and why, how to fix a fail and what the rule rests on, as plain text."""
    fix = [printable(line) for line in rule.fix.strip().splitlines()]
    basis = [f"{printable(text)} {printable(url)}".rstrip() for text, url in _basis(rule, pack)]
    required = f"Required: {sentence(rule.title)}"
    return "\n".join((required, "", sentence(rule.why), "", "Fix:", *fix, "", "Reference:", *basis, "", _PLACE))


def _help_markdown(rule: Rule, pack: Pack | None) -> str:
    """Return the same as Markdown.

    Commands are indented, not fenced: nothing in a line can end such a block.
    """
    fix = [f"    {printable(line)}" for line in rule.fix.strip().splitlines()]
    basis = [f"- {markdown(text)}{f' <{page(url)}>' if url else ''}" for text, url in _basis(rule, pack)]
    required = f"**Required**: {markdown(sentence(rule.title))}"
    return "\n".join(
        (
            required,
            "",
            markdown(one_line(rule.why)),
            "",
            "**Fix**",
            "",
            *fix,
            "",
            "**Reference**",
            "",
            *basis,
            "",
            _PLACE,
        )
    )


def _basis(rule: Rule, pack: Pack | None) -> Iterator[tuple[str, str]]:
    """Yield the statements and pages that a rule rests on: a text, and an address or ""."""
    statements = pack.statements if pack else {}
    for id_, statement in ((id_, statements[id_]) for id_ in rule.reference if id_ in statements):
        yield one_line(f"{id_}, {statement.section}: {statement.text} {statement.today or ''}"), ""
    for source in rule.sources:
        yield one_line(f"{source.title} ({source.date})"), source.url
