"""Truth values of which some may be unknown."""

from __future__ import annotations

from collections.abc import Iterable

from auditor.rules.facts.reading import text_at
from auditor.snapshot.known import Answer, Read, Unknown
from auditor.snapshot.lookup import required, unusable, value
from auditor.snapshot.model import Part, Resource


def every(answers: Iterable[Answer]) -> Answer:
    """Return whether all of several truth values are true; nothing after the first false one is computed."""
    return _decided(answers, by=False)


def some(answers: Iterable[Answer]) -> Answer:
    """Return whether one of several truth values is true; nothing after the first true one is computed."""
    return _decided(answers, by=True)


def _decided(answers: Iterable[Answer], *, by: bool) -> Answer:
    reads: list[Read] = []
    unknown = None
    for answer in answers:
        if answer.value is by:
            return Answer(by, (*reads, *answer.reads) if not by else answer.reads)
        reads += answer.reads
        if isinstance(answer.value, Unknown):
            unknown = unknown or answer.value
    return Answer(unknown or not by, tuple(reads))


def reads_as(element: Resource | Part, path: str, *wanted: str) -> Answer:
    """Return whether a text that Azure always returns is one of some, in any case."""
    found = required(text_at(element, path))
    known = isinstance(found.value, str)
    return Answer(str(found.value).lower() in {text.lower() for text in wanted} if known else found.value, found.reads)


def is_set(element: Resource | Part, path: str) -> Answer:
    """Return a truth value that Azure always returns."""
    found = value(element, path)
    return found if isinstance(found.value, bool) else Answer(unusable(found, "true or false"), found.reads)
