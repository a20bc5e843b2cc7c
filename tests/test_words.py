"""Prose and names in code keep to the words of docs/glossary.md; prose keeps to plain technical English."""

from __future__ import annotations

import io
import re
import tokenize
from collections import defaultdict
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

import pytest

from auditor import bundled

ROOT: Final = bundled.FIXTURES.parent

COVERED: Final = (
    "*.md",
    ".ci/run",
    "Makefile",
    "action.yml",
    "auditor/**/*.py",
    "auditor/**/*.yaml",
    "auditor/schema/*.json",
    "bench/**/*.py",
    "deploy/**/*",
    "docs/**/*.md",
    "docs/generate.py",
    "fixtures/**/*.md",
    "fixtures/**/*.yaml",
    "pyproject.toml",
    "rules/**/*.yaml",
    "tests/**/*.py",
    "tests/**/*.yaml",
)
"""Globs of the files whose prose is checked."""

NAMES_COVERED: Final = ("auditor/**/*.py", "bench/**/*.py", "tests/**/*.py")
"""Globs of the files whose names in code are checked."""

NOT_COVERED: Final = {
    "docs/glossary.md": "it names the words that are not used",
    "tests/test_words.py": "it names the words that are not used",
}
"""Exceptions by path, with the reason."""

FORBIDDEN: Final = {
    "name who does it, or use the passive": "nobody|somebody|whoever|whom|whomever",
    "use an everyday verb or noun": "stood|borne|forgave|forgives?|forgiven|fate|belongings|lest|heed(?:s|ed)?|thereof",
    "state the condition": "of no use|for want of|what may stand|in silence",
    "differs from, shows whether, is about": "told (?:from|apart)|tells? whether|speaks? of|says? nothing of",
    "is not set": "nothing (?:else )?is said",
    "replaces": "takes? the place of|stands? in for",
    "does not exist": "none is there|(?:is|are) no more",
    "virtual machine (VM)": r"(?<!virtual[ -])machines?(?![-.:`\]])",  # `machine:` is a key, and a kind of loss
    "DR async": "DR members?",
    "load balancer": r'(?<!load[ -])balancers?(?![.:"`])',
    "outcome": "verdicts?",
    "evaluate": r"judge[sd]?|(?<![/{])judging(?!\s?[/.|}])",
}
"""What to write, with the pattern of whole words, in any case, that are not written."""

FORBIDDEN_NAMES: Final = {
    "who does it, or the passive": "nobodys?|somebodys?|everybody|whoever|whom",
    "vm": "(?<!virtual_)machines?",
    "load_balancer": "(?<!load_)balancers?",
    "outcome": "verdicts?",
    "evaluate": "judge[sd]?|judging",
}
"""What to write, with the pattern of words that are not part of a name in snake_case, in any case."""

CLAIMS: Final = (
    r"(?:non-?)?compliant|compl(?:y|ies|ied|ying)|complianc(?:e|es)(?!-trestle| officers?)|conform(?:s|ant|ity)?|"
    r"certif(?:y|ies|ied|ication)|accredit(?:s|ed|ation)?|"
    r"(?:meets?|fulfil(?:s|led)?|covers?|proves?) "
    r"(?:the|a|this|that|each|every|its|all) (?:control|framework|directive)s?"
)
"""The pattern of words that claim more than evidence for a part of a control."""

CLAIMS_ALLOWED: Final = {
    "README.md": "the state of a day in `auditor trend`",
    "auditor/history/*": "the state of a day in `auditor trend`",
    "docs/decisions/0018-history.md": "the state of a day in `auditor trend`",
    "docs/glossary.md": "the state of a day in `auditor trend`",
}
"""By glob, why a file may have the word `compliant`."""

_PATTERNS: Final = {
    re.compile(rf"(?<![\w.-])(?:{words.replace(' ', chr(92) + 's+')})(?![\w-])", re.IGNORECASE): instead
    for instead, words in FORBIDDEN.items()
}

_NAME_PATTERNS: Final = {
    re.compile(rf"(?<![a-z])(?:{words})(?![a-z])", re.IGNORECASE): instead for instead, words in FORBIDDEN_NAMES.items()
}

_PROSE: Final = {tokenize.COMMENT, tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)}
_FIELD: Final = re.compile(r"\{[^{}\n]*\}")


def files(patterns: tuple[str, ...]) -> list[Path]:
    """Return the files of some globs, without those that are not covered."""
    found = {path for pattern in patterns for path in ROOT.glob(pattern) if path.is_file()}
    return sorted(path for path in found if str(path.relative_to(ROOT)) not in NOT_COVERED)


def prose(path: Path) -> str:
    """Return the prose of a file: of Python and JSON without names, else everything."""
    text = path.read_text(encoding="utf-8")
    return without_names(text) if path.suffix in {".py", ".json"} else text


def without_names(source: str) -> str:
    """Return the comments, docstrings and messages of Python code, in their lines; JSON has the same strings.

    Names are left out: identifiers, replacement fields of f-strings, and strings without a space, such as keys.
    """
    lines: dict[int, list[str]] = defaultdict(list)
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in _PROSE or " " not in token.string.strip():
            continue
        text = _FIELD.sub("", token.string) if token.type != tokenize.COMMENT else token.string
        for line, part in enumerate(text.split("\n"), token.start[0]):
            lines[line].append(part)
    return "\n".join(" ".join(lines[line]) for line in range(1, max(lines, default=0) + 1))


def forbidden(text: str) -> Iterator[str]:
    """Yield each forbidden word of a text: its line, the word and what to write instead."""
    for pattern, instead in _PATTERNS.items():
        for found in pattern.finditer(text):
            yield f"{text.count(chr(10), 0, found.start()) + 1}: {' '.join(found[0].split())!r}, write: {instead}"


def names(source: str) -> Iterator[tuple[int, str]]:
    """Yield the line and the text of each name of Python code, except attributes, which the product may define."""
    before = ""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.NAME and before != ".":
            yield token.start[0], token.string
        before = token.string


def forbidden_names(source: str) -> Iterator[str]:
    """Yield each name of Python code with a forbidden word: its line, the name and what to write instead."""
    for line, name in names(source):
        for pattern, instead in _NAME_PATTERNS.items():
            if pattern.search(name):
                yield f"{line}: {name!r}, write: {instead}"


def test_every_pattern_covers_a_file() -> None:
    for pattern in (*COVERED, *NAMES_COVERED):
        assert any(path.is_file() for path in ROOT.glob(pattern)), pattern
    for name in NOT_COVERED:
        assert (ROOT / name).is_file(), name


@pytest.mark.slow
@pytest.mark.parametrize("path", files(COVERED), ids=lambda path: str(path.relative_to(ROOT)))
def test_prose_has_no_forbidden_word(path: Path) -> None:
    assert list(forbidden(prose(path))) == []


@pytest.mark.slow
@pytest.mark.parametrize("path", files(NAMES_COVERED), ids=lambda path: str(path.relative_to(ROOT)))
def test_names_have_no_forbidden_word(path: Path) -> None:
    assert list(forbidden_names(path.read_text(encoding="utf-8"))) == []


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
        "the package auditor/evaluation/ and auditor.evaluation.engine",
        "--lose machine:vm-db-a, --lose balancer:lb-web, and machine: {rto: 60s}",
        "understood, anybody, misjudgement",
    ],
)
def test_an_allowed_word_is_not_found(text: str) -> None:
    assert list(forbidden(text)) == []


@pytest.mark.parametrize(
    "name", ["test_a_machine_is_read", "MACHINES", "the_balancer", "judge", "test_nobody_waits", "_verdicts"]
)
def test_a_forbidden_name_is_found(name: str) -> None:
    (found,) = forbidden_names(f"first = 1\ndef {name}(): ...\n")
    assert found.startswith(f"2: {name!r}, write: ")


@pytest.mark.parametrize("name", ["load_balancer", "virtual_machines", "virtualMachines", "built.machines", "adjudged"])
def test_an_allowed_name_is_not_found(name: str) -> None:
    assert list(forbidden_names(f"print({name})\n")) == []


def claims(text: str, *, compliant: bool = False) -> list[str]:
    """Return the words of a text that claim more than evidence; `compliant` may be one that is allowed.

    Parts of paths are left out, and values in single quotes, such as a state of Azure Policy.
    """
    found = re.findall(rf"(?<![\w.'/-])(?:{CLAIMS.replace(' ', chr(92) + 's+')})(?![\w/])", text, re.IGNORECASE)
    return [word for word in found if not (compliant and word.lower() == "compliant")]


@pytest.mark.slow
def test_no_text_claims_more_than_evidence() -> None:
    published = [*(glob for glob in COVERED if not glob.startswith(("tests", "bench"))), "auditor/**/*.j2"]
    texts = {
        str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
        for path in (*files(tuple(published)), ROOT / "docs/glossary.md")
    }
    found = {
        name: claims(text, compliant=any(fnmatchcase(name, glob) for glob in CLAIMS_ALLOWED))
        for name, text in texts.items()
    }
    assert {name: words for name, words in found.items() if words} == {}
    for glob in CLAIMS_ALLOWED:
        assert any(claims(text) for name, text in texts.items() if fnmatchcase(name, glob)), glob


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("The deployment is NIST compliant.", ["compliant"]),
        ("It complies with HIPAA, and this report\ncertifies it.", ["complies", "certifies"]),
        ("A pass meets the\ncontrol.", ["meets the\ncontrol"]),
        ("Compliance with ISO 27001 is shown.", ["Compliance"]),
        ("A compliance officer agrees; compliance-trestle reads it; the certificate expires; complianceState", []),
        ("A pass is evidence for a part of the control.", []),
    ],
)
def test_a_claim_is_found(text: str, words: list[str]) -> None:
    assert claims(text) == words


def test_names_in_code_are_not_prose() -> None:
    source = '''"""Text."""  # a comment
fact("balancer", f"{machine.id} is read")
"""One line
and another."""
'''
    assert without_names(source).splitlines() == ["# a comment", 'f" is read"', '"""One line', 'and another."""']
