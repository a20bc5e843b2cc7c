"""The table of what Azure retires, `data/retirements.yaml`: series of VM sizes, and features."""

from __future__ import annotations

import datetime as dt
import re
from functools import cache
from typing import Any

import msgspec

from auditor import bundled, yaml_documents
from auditor.azure import arm
from auditor.azure.types import KINDS
from auditor.errors import InputError
from auditor.rules.conditions import Compiler, ConditionError, LookUp, Test
from auditor.rules.registry import FACTS
from auditor.yaml_documents import Document


class RetiringSeries(msgspec.Struct, frozen=True):
    """A series of VM sizes that Azure retires."""

    name: str
    pattern: re.Pattern[str]
    """Matches the names of the sizes as a whole."""
    date: dt.date
    source: str
    """The URL of the announcement."""


class RetiringFeature(msgspec.Struct, frozen=True):
    """Something else that Azure retires."""

    what: str
    type: str
    """The type of the resources that use it."""
    elements: LookUp | None
    """The list in a resource whose elements use it; None where the resource itself does."""
    where: Test
    """Whether a resource or element uses it."""
    is_automatic: bool
    """Whether what uses it goes on working: Azure replaces it, or has made the setting ineffective."""
    date: dt.date
    source: str
    """The URL of the announcement."""


class Table(msgspec.Struct, frozen=True):
    """The table of retirements."""

    series: tuple[RetiringSeries, ...]
    features: tuple[RetiringFeature, ...]


@cache
def table() -> Table:
    """Return the bundled table."""
    return load(yaml_documents.read(bundled.TABLES / "retirements.yaml").check("retirements"))


def load(document: Document) -> Table:
    """Return a table whose document follows the schema.

    Raises:
        InputError: a date, pattern, source or condition is invalid.
    """
    value: Any = document.value
    series = tuple(
        RetiringSeries(entry["series"], _pattern(document, entry), *_announcement(document, entry))
        for entry in value["sizes"]
    )
    return Table(series, tuple(_feature(document, index) for index in range(len(value["features"]))))


def _feature(document: Document, index: int) -> RetiringFeature:
    value: Any = document.value
    entry = value["features"][index]
    type_ = arm.canonical_type(entry["type"])
    place = ("features", index)
    compiler = Compiler(FACTS, {}, {}, (KINDS.get(type_, type_), "deployment"))
    elements: LookUp | None = None
    try:
        if "each" in entry:
            elements, compiler = compiler.elements(entry["each"], (*place, "each"))
        where = compiler.compile(entry["where"], (*place, "where"))
    except ConditionError as error:
        raise InputError(str(error), document.file, document.line_at(error.path)) from None
    return RetiringFeature(entry["what"], type_, elements, where, "automatic" in entry, *_announcement(document, entry))


def _pattern(document: Document, entry: Any) -> re.Pattern[str]:  # noqa: ANN401 - parsed YAML
    try:
        return re.compile(entry["pattern"], re.IGNORECASE)
    except re.error as error:
        raise document.error(f"pattern is not a regular expression: {error}", entry, "pattern") from None


def _announcement(document: Document, entry: Any) -> tuple[dt.date, str]:  # noqa: ANN401 - parsed YAML
    """Return the date of an entry and the URL of its source."""
    sources = document.value["sources"]  # type: ignore[index]  # a map by the schema
    if entry["source"] not in sources:
        raise document.error(f"`sources` has no '{entry['source']}'", entry, "source")
    try:
        return dt.date.fromisoformat(entry["date"]), sources[entry["source"]]["url"]
    except ValueError:
        raise document.error(f"date is '{entry['date']}', which is not a calendar date", entry, "date") from None
