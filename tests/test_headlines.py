"""The headlines of the built-in rules (`fails`), each beside the title of its rule."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import msgspec
import pytest

from auditor.rules.model import Rule
from tests import estates
from tests.test_words import forbidden

LONGEST: Final = 60
"""On a line of 80 columns, severity and rule id take 16; little is left for the subject."""

_SHORTENED: Final = {
    "application gateway, Web Gateway": r"(?<!application )(?<!Web )(?<!VPN or ExpressRoute )gateway",
    "availability set, scale set": r"(?<!availability )(?<!scale )\bset\b",
    "security group, resource group": r"(?<!security )(?<!resource )\bgroup",
    "load-balancing rule, security rule": r"(?<!load-balancing )(?<!security )\brule\b",
    "says what is, not what ought to be": r"\b(should|ought|ensure|please|check that)\b",
}
"""By what to write, patterns of words that a headline does not have, since it is read without what surrounds it."""


def rules() -> dict[str, tuple[Rule, ...]]:
    """Return the built-in rules by profile."""
    return {profile: tuple(loaded.rule for loaded in estates.rules(profile)) for profile in estates.pack().rules}


def faults(rule: Rule) -> Iterator[str]:
    """Yield what is wrong with the headline of a rule, beside its title."""
    headline, title = _words(rule.fails), _words(rule.title)
    if not rule.fails:
        yield "there is none"
    elif title == headline or sorted(title) == sorted(headline) or f" {' '.join(title)} " in f" {' '.join(headline)} ":
        yield "it says what the title says"
    if len(rule.fails) > LONGEST:
        yield f"it has more than {LONGEST} characters"
    if not re.fullmatch(r"[A-Z][^.:;!?\n]*(\.\d[^.:;!?\n]*)*", rule.fails):
        yield "it is not a sentence with a capital and without full stop"
    yield from forbidden(rule.fails)
    yield from (write for write, words in _SHORTENED.items() if re.search(words, rule.fails, re.IGNORECASE))


def _words(text: str) -> list[str]:
    return re.findall(r"[\w'-]+", text.lower())


def repeated(of: tuple[Rule, ...]) -> list[str]:
    """Return the headlines that more than one rule has, by their words."""
    every = [" ".join(_words(rule.fails)) for rule in of]
    return sorted({headline for headline in every if every.count(headline) > 1})


def test_every_rule_has_a_headline_that_says_what_is_wrong() -> None:
    found = {profile: {rule.id: list(faults(rule)) for rule in of} for profile, of in rules().items()}
    assert len(found["current"]) > 140
    assert {rule_id: of for profile in found.values() for rule_id, of in profile.items() if of} == {}


def test_no_two_rules_have_the_same_headline() -> None:
    for profile, of in rules().items():
        assert repeated(of) == [], profile


def test_each_headline_would_be_refused_if_it_were_the_title_or_that_of_another_rule() -> None:
    for of in rules().values():
        for rule, other in zip(of, (*of[1:], of[0]), strict=True):
            for text in (rule.title, f"{rule.title} not", rule.headline + ".", ""):
                assert list(faults(msgspec.structs.replace(rule, fails=text))) != [], f"{rule.id}: {text}"
            assert repeated((msgspec.structs.replace(rule, fails=other.fails.upper()), other)) != []


@pytest.mark.parametrize(
    ("headline", "said"),
    [
        ("The probe is missing.", "it is not a sentence with a capital and without full stop"),
        ("Wrong: the probe is missing", "it is not a sentence with a capital and without full stop"),
        ("a probe is missing", "it is not a sentence with a capital and without full stop"),
        ("The mirror has a health probe", "it says what the title says"),
        ("A health probe has the mirror", "it says what the title says"),
        ("Not as required, the mirror has a health probe", "it says what the title says"),
        (f"The probe {'is ' * 24}missing", "it has more than 60 characters"),
        ("Verdicts", ", write: outcome"),
        ("The gateway has no probe", "application gateway, Web Gateway"),
        ("The set has no probe", "availability set, scale set"),
        ("The rule has no probe", "load-balancing rule, security rule"),
        ("The group has no probe", "security group, resource group"),
        ("The mirror should have another probe", "says what is, not what ought to be"),
    ],
)
def test_a_bad_headline_is_found(headline: str, said: str) -> None:
    rule = msgspec.structs.replace(rules()["current"][0], title="The mirror has a health probe", fails=headline)
    assert any(said in fault for fault in faults(rule))
    assert list(faults(msgspec.structs.replace(rule, fails="No health probe accepts TLS 1.2"))) == []
