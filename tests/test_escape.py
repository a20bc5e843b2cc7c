from __future__ import annotations

import html
import re
import unicodedata
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from auditor.escape import markdown, printable
from tests.report.reports import HOSTILE

ANYTHING = st.text(st.characters(), max_size=60) | st.text(
    "\x00\x1b\x9b\n\t\u202e\u2028\ufeff\ud800\ue000 ax[]<>`*_~|#&:\\", max_size=60
)
HIDDEN: Final = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


@pytest.mark.parametrize(
    ("character", "shown"),
    [
        ("\x1b", r"\x1b"),
        ("\n", r"\n"),
        ("\x9b", r"\x9b"),
        ("\u202e", r"\u202e"),
        ("\u200b", r"\u200b"),
        ("\ufeff", r"\ufeff"),
        ("\u2028", r"\u2028"),
        ("\ud800", r"\ud800"),
        ("\ue000", r"\ue000"),
        ("\U000e0001", r"\U000e0001"),
    ],
)
def test_what_acts_without_being_seen_is_shown(character: str, shown: str) -> None:
    assert printable(f"a{character}b") == f"a{shown}b"


@given(ANYTHING)
def test_printable_text_has_nothing_that_acts_and_stays_as_it_is(text: str) -> None:
    shown = printable(text)
    assert not any(unicodedata.category(c) in HIDDEN for c in shown)
    assert printable(shown) == shown


@given(st.text(st.characters(exclude_categories=HIDDEN), max_size=60))
def test_what_can_be_seen_is_left_alone(text: str) -> None:
    assert printable(text) == text


@given(ANYTHING.filter(lambda text: text.strip(" ")))
def test_markdown_renders_to_the_text_and_nothing_else(text: str) -> None:
    rendered = MarkdownIt("js-default", {"html": True}).render(markdown(text)).removesuffix("\n")
    assert rendered.startswith("<p>")
    assert rendered.endswith("</p>")
    inside = rendered[3:-4]
    assert not re.search("[<>]", inside)
    assert html.unescape(inside).strip() == printable(text).strip()


def test_markdown_disarms_what_renderers_add() -> None:
    assert markdown("www.x.y @me #1 :smile: $x$ http://z") == (r"www\.x.y \@me \#1 \:smile: \$x\$ http\://z")
    assert markdown('<b a="c">&\'') == '&lt;b a="c">&\''


@pytest.mark.parametrize(
    "text",
    ["vm-db-a", "2026-11-01T06:00:00Z", "rg-prod/lb.1 (pool), a_b: <= 8, it's", "Microsoft.Network/loadBalancers"],
)
def test_what_has_no_meaning_in_markdown_stays_readable(text: str) -> None:
    assert markdown(text) == text


def test_a_hostile_name_is_harmless_in_markdown() -> None:
    assert "<" not in markdown(HOSTILE)
    assert "\n" not in markdown(HOSTILE)
