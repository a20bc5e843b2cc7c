"""Renders a report as an HTML page."""

from __future__ import annotations

import base64
import hashlib
import textwrap
from collections.abc import Iterator
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import jinja2
import msgspec
from markupsafe import Markup

from auditor import escape
from auditor.report import drift_summary, filtering, once, remedies, summary, wording
from auditor.report import json as json_format
from auditor.report.document import Document
from auditor.report.grouping import group
from auditor.report.html.items import Item, bases, details, items, web_address
from auditor.report.html.sections import row_titles, sections

if TYPE_CHECKING:
    from auditor.report.view import View

_FOLDER: Final = Path(__file__).parent
_CHARACTER: Final = 6.9
"""The mean width of a character of a name in a picture, in pixels."""
_AT_ONCE: Final = 1000
"""The number of pieces of a page that are joined before they are written."""

T = TypeVar("T")


def render(document: Document, view: View) -> Iterator[str]:
    """Yield the report as an HTML page; without `view.ids`, subscriptions have aliases in it."""
    if not view.ids:
        document = _with_aliases(document)
    shown = view.chosen.applied(document)
    chosen = {finding.key for finding in shown.findings}
    everything = items(document, row_titles(document))
    listed = [item for item in everything if item.finding.key in chosen]
    # What a filter leaves out is still counted and pinned.
    linked = [item if item.finding.key in chosen else item._replace(anchor="findings") for item in everything]
    style, script = (_text(name) for name in ("page.css", "page.js"))
    page = _template().stream(
        document=document,
        details=details(document, ids=view.ids),
        ids=view.ids,
        has_commands=any(item.finding.remedy for item in listed),
        variables=remedies.VARIABLES,
        left_out=filtering.hidden(document, view.chosen),
        items=[item for item in listed if not item.finding.optional],
        optional=[item for item in listed if item.finding.optional],
        sections=sections(document, linked),
        result=summary.result_sentence(document),
        coverage=summary.coverage_sentence(document),
        undecided=_undecided(everything),
        baseline=drift_summary.baseline(document, document.drift) if document.drift else "",
        changes=[*drift_summary.rows(shown.drift, ())] if shown.drift else [],
        resources=shown.drift.resources if shown.drift else (),
        rests=bases(document, listed),
        waived=[finding for finding in shown.findings if finding.waiver is not None],
        passes=[rule for rule in document.rules if rule.passes],
        style=Markup(style),  # noqa: S704 - our own file
        script=Markup(script),  # noqa: S704 - our own file
        style_hash=content_hash(style),
        script_hash=content_hash(script),
        data=_data(document, view),
    )
    page.enable_buffering(_AT_ONCE)
    return iter(page)


def _undecided(listed: tuple[Item, ...]) -> list[tuple[str, str]]:
    """Return why outcomes are unknown that should be known, each with the rules."""
    unknown = (item for item in listed if item.finding.outcome.value == "unknown" and not item.finding.optional)
    by_reason = group(unknown, lambda item: item.finding.reason or "without a known reason")
    return [
        (wording.named(reason), ", ".join(dict.fromkeys(item.finding.rule for item in found)))
        for reason, found in by_reason.items()
    ]


def _data(document: Document, view: View) -> Iterator[Markup]:
    """Yield the report as JSON that no HTML parser sees the end of; it says once what findings repeat."""
    for text in json_format.compact(once.shortened(document), view):
        yield Markup(text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"))  # noqa: S704 - escaped


def _with_aliases(document: Document) -> Document:
    """Return a report with aliases of subscriptions, and of any other GUID but those of recommendations of tools."""
    named = remedies.without_ids(document)
    aliased = _renamed(msgspec.structs.replace(named, findings=(), deployments=()))
    rules = (
        msgspec.structs.replace(rule, recommendations=known.recommendations)
        for rule, known in zip(aliased.rules, document.rules, strict=True)
    )
    return msgspec.structs.replace(
        aliased,
        rules=tuple(rules),
        findings=tuple(map(_renamed, named.findings)),
        deployments=tuple(map(_renamed, named.deployments)),
    )


def _renamed(part: T) -> T:
    """Return a part of a report with the aliases of subscriptions."""
    return msgspec.convert(_aliased(msgspec.to_builtins(part)), type(part))


def _aliased(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Return a JSON value with the aliases of subscriptions in all its texts."""
    if isinstance(value, str):
        return _alias(value)
    if isinstance(value, dict):
        return {_alias(name): _aliased(found) for name, found in value.items()}
    return [_aliased(found) for found in value] if isinstance(value, list | tuple) else value


@lru_cache(maxsize=2**14)
def _alias(text: str) -> str:
    """Return a text with aliases; findings repeat most of theirs, which are kept once then."""
    return wording.aliased(text)


def content_hash(text: str) -> str:
    """Return the source of a content security policy that allows an inline text."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


@cache
def _text(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


def environment(folder: Path) -> jinja2.Environment:
    """Return what renders the templates of a folder: it escapes every value, and refuses one that is missing."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_visible,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


@cache
def _template() -> jinja2.Template:
    own = environment(_FOLDER)
    own.globals |= {
        "count": wording.count,
        "gap": wording.gap,
        "headline": wording.headline,
        "named": wording.named,
        "place": wording.place,
        "subject": wording.subject,
        "guest_files": wording.guest_files,
        "value_change": wording.value_change,
        "web_address": web_address,
        "without_effect": wording.without_effect,
    }
    own.filters |= {"fit": _fit, "lines": _lines}
    return own.get_template("page.html.j2")


def _visible(value: object) -> object:
    """Return a value with what would act upon the text around it shown as an escape, such as bidirectional controls."""
    return escape.printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _fit(text: str, width: float) -> str:
    """Return a text without its middle if it is wider than a box in pixels, by the mean width of a character."""
    most = int((width - 8) / _CHARACTER)
    if len(text) <= most:
        return text
    end = most // 2 - 1
    return f"{text[: most - end - 1]}\N{HORIZONTAL ELLIPSIS}{text[-end:] if end > 0 else ''}"


def _lines(text: str, width: float) -> list[str]:
    """Return a text in two lines that fit into a width in pixels."""
    most = int((width - 8) / _CHARACTER)
    first, *more = textwrap.wrap(text, most, break_on_hyphens=False, break_long_words=False) or [""]
    return [_fit(first, width), *([_fit(" ".join(more), width)] if more else [])]
