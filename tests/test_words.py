"""Prose keeps to the words of docs/glossary.md and to plain technical English."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from auditor import bundled

ROOT: Final = bundled.FIXTURES.parent

COVERED: Final = (
    "docs/generate.py",
    "docs/rules/*.md",
    "rules/**/*.yaml",
)
"""Globs of the files that are checked."""

NOT_COVERED: Final[dict[str, str]] = {}
"""Exceptions by path, with the reason."""

FORBIDDEN: Final = {
    "name who does it, or use the passive": "nobody|somebody|whoever|whom|whomever",
    "use an everyday verb or noun": "stood|borne|forgave|forgives?|forgiven|fate|belongings|lest|heed(?:s|ed)?|thereof",
    "state the condition": "of no use|for want of|what may stand|in silence",
    "differs from, shows whether, is about": "told (?:from|apart)|tells? whether|speaks? of|says? nothing of",
    "is not set": "nothing (?:else )?is said",
    "replaces": "takes? the place of|stands? in for",
    "does not exist": "none is there|(?:is|are) no more",
    "virtual machine (VM)": r"(?<!virtual[ -])machines?(?![-.])",
    "load balancer": r'(?<!load[ -])balancers?(?![."`])',
    "outcome": "verdicts?",
    "evaluate": r"judge[sd]?|(?<!/)judging(?![/.])",
}
"""What to write, with the pattern of whole words, in any case, that are not written."""

_PATTERNS: Final = {
    re.compile(rf"(?<![\w.-])(?:{words.replace(' ', chr(92) + 's+')})(?![\w-])", re.IGNORECASE): instead
    for instead, words in FORBIDDEN.items()
}


def files() -> list[Path]:
    """Return the files that are checked."""
    found = {path for pattern in COVERED for path in ROOT.glob(pattern) if path.is_file()}
    return sorted(path for path in found if str(path.relative_to(ROOT)) not in NOT_COVERED)


def forbidden(text: str) -> Iterator[str]:
    """Yield each forbidden word of a text: its line, the word and what to write instead."""
    for pattern, instead in _PATTERNS.items():
        for found in pattern.finditer(text):
            yield f"{text.count(chr(10), 0, found.start()) + 1}: {' '.join(found[0].split())!r}, write: {instead}"


def test_every_pattern_covers_a_file() -> None:
    for pattern in COVERED:
        assert any(path.is_file() for path in ROOT.glob(pattern)), pattern
    for name in NOT_COVERED:
        assert (ROOT / name).is_file(), name


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_prose_has_no_forbidden_word(path: Path) -> None:
    assert list(forbidden(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    ("text", "line", "word"),
    [
        ("Nobody declared it.", 1, "Nobody"),
        ("a list\nof those to whom it leads", 2, "whom"),
        ("The risk is borne.", 1, "borne"),
        ("One is told\n  apart from the other.", 1, "told apart"),
        ("It tells whether the probe works.", 1, "tells whether"),
        ("The machines were not listed.", 1, "machines"),
        ("The mirror's balancer has a probe.", 1, "balancer"),
        ("Three verdicts.", 1, "verdicts"),
        ("A snapshot is judged.", 1, "judged"),
    ],
)
def test_a_forbidden_word_is_found(text: str, line: int, word: str) -> None:
    assert [found.partition(", write")[0] for found in forbidden(text)] == [f"{line}: {word!r}"]


@pytest.mark.parametrize(
    "text",
    [
        "Virtual machines, a virtual\nmachine, virtual-machines and Microsoft.Compute/virtualMachines",
        "a load balancer, balancer.rules and Azure Load Balancer",
        "the package auditor/judging/ and auditor.judging.engine",
        "understood, anybody, misjudgement",
    ],
)
def test_an_allowed_word_is_not_found(text: str) -> None:
    assert list(forbidden(text)) == []
