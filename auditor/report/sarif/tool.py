"""The tool in SARIF: the auditor, its rules and its notifications."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import sarif_om as om

from auditor.escape import markdown, printable
from auditor.report.document import Document, Pack, Rule
from auditor.report.sarif import unseen
from auditor.report.sarif.flavours import Flavour
from auditor.report.sarif.locations import first_page, page
from auditor.report.sarif.notifications import NOTIFICATIONS
from auditor.report.sarif.objects import Node
from auditor.report.sarif.rule_ids import rule_id, severities
from auditor.report.sarif.taxonomies import Taxonomies, tags
from auditor.report.sarif.text import LONGEST_DESCRIPTION, LONGEST_TITLE, one_line, sentence
from auditor.rules.model import Severity

_SCORES: Final = {
    Severity.CRITICAL: "9.5",
    Severity.HIGH: "8.0",
    Severity.MEDIUM: "5.5",
    Severity.LOW: "2.5",
    Severity.INFO: "0.5",
}
"""By severity, the `security-severity` of a rule, which GitHub maps back to the same words."""
_MOST_TAGS: Final = 10
"""GitHub and Azure DevOps keep no more of a rule."""
_PLACE: Final = "A location under azure/ is a resource in Azure that no file of this repository declares."


def driver(document: Document, known: Mapping[str, Rule], flavour: Flavour, taxonomies: Taxonomies | None) -> Node:
    """Return the tool with the rules that it evaluated, and their places in the taxonomies of the log, if any."""
    home = _home(document, known)
    tool = document.tool
    return om.ToolComponent(
        name=tool.name,
        contents=None,  # else the schema's default is written
        full_name=f"{tool.name} {tool.version}",
        version=tool.version,
        information_uri=home,
        semantic_version=tool.version,
        rules=_rules(document, known, flavour, home, taxonomies),
        supported_taxonomies=(taxonomies.supported() or None) if taxonomies else None,
        notifications=[
            om.ReportingDescriptor(
                id=id_,
                name=title if flavour is Flavour.AZURE_DEVOPS else None,
                help_uri=home,
                short_description=om.MultiformatMessageString(text=f"{title}."),
                full_description=om.MultiformatMessageString(text=f"{title}. {help_}"),
                help=om.MultiformatMessageString(text=help_),
            )
            for id_, (title, help_) in NOTIFICATIONS.items()
        ],
    )


def rule_indexes(known: Mapping[str, Rule], flavour: Flavour) -> Mapping[str, int]:
    """Return the positions of the rules in the log by id."""
    return {id_: index for index, (id_, _, _) in enumerate(_ids(known, flavour))}


def _ids(known: Mapping[str, Rule], flavour: Flavour) -> Iterator[tuple[str, Rule, Severity]]:
    """Yield the id of each rule for each of its severities."""
    for rule in known.values():
        for severity in severities(rule):
            yield rule_id(rule, severity), rule, severity
    if flavour.only_alerts:
        yield unseen.RULE.id, unseen.RULE, unseen.RULE.severity


def _rules(
    document: Document, known: Mapping[str, Rule], flavour: Flavour, home: str | None, taxonomies: Taxonomies | None
) -> list[Node]:
    packs = {pack.name: pack for pack in document.packs}
    descriptors = []
    for id_, rule, severity in _ids(known, flavour):
        headline = rule.headline if severity is rule.severity else f"{rule.headline} ({severity})"
        descriptor = _descriptor(rule, severity, headline, packs.get(rule.pack or ""))
        descriptor.id = id_
        descriptor.relationships = (taxonomies.relationships(rule) or None) if taxonomies else None
        descriptor.help_uri = descriptor.help_uri or home
        descriptor.default_configuration = om.ReportingConfiguration(level=flavour.level(severity))
        if flavour is Flavour.AZURE_DEVOPS:
            descriptor.name = sentence(headline, LONGEST_TITLE).removesuffix(".")
        descriptors.append(descriptor)
    return descriptors


def _home(document: Document, known: Mapping[str, Rule]) -> str | None:
    """Return an address of the tool, which validators require.

    It has no page of its own. This is the page of its rules, or of an old report a page on which one of them rests.
    """
    pages = [pack.source.url for pack in document.packs if pack.source]
    pages += [source.url for rule in known.values() for source in rule.sources]
    return first_page(pages)


def _help_uri(rule: Rule, pack: Pack | None) -> str | None:
    """Return the page on which a rule rests, else that of its pack."""
    pages = [source.url for source in rule.sources] + ([pack.source.url] if pack and pack.source else [])
    return first_page(pages)


def _descriptor(rule: Rule, severity: Severity, headline: str, pack: Pack | None) -> Node:
    return om.ReportingDescriptor(
        id=rule.id,
        help_uri=_help_uri(rule, pack),
        short_description=om.MultiformatMessageString(text=sentence(headline, LONGEST_DESCRIPTION)),
        full_description=om.MultiformatMessageString(text=sentence(rule.why or rule.title, LONGEST_DESCRIPTION)),
        help=om.MultiformatMessageString(text=_help(rule, pack), markdown=_help_markdown(rule, pack)),
        properties={
            "tags": ["security", *([rule.pack] if rule.pack else []), *tags(rule)][:_MOST_TAGS],
            "precision": "high",
            "security-severity": _SCORES[severity],
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
