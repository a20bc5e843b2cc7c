"""Nothing grows faster than its work: of an estate twice as large, no function calls another one much more than twice.

The calls of each function by each other one are counted, so that what grows faster is found where it is still small.
So are the items of comprehensions, which need not call anything.
"""

from __future__ import annotations

import cProfile
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import pytest

import auditor
from auditor import globs
from auditor.rules import packs
from tests import estates
from tests.test_docs import ROOT, load

Calls = Counter[tuple[str, str]]
"""By caller and callee; the lines of comprehensions by function and number."""

SIZES = {
    "deployments, with a gap of each resource": 1,
    "deployments, to discover": 3,
    "deployments, to the terminal": 4,
    "deployments, in full to the terminal": 2,
    "deployments, as a page": 2,
    "virtual networks peered with one": 3,
}
"""The smallest of three sizes, each the double of the one before, where it is not `SIZE`."""
SIZE = 10
MOST = 2.3
COMPREHENSIONS = {"<listcomp>", "<setcomp>", "<dictcomp>"}
OURS = str(Path(auditor.__file__).parent)
FEW = 50
"""What is called no more often than this in addition does not count: it may happen once in every some deployments."""


@pytest.fixture(scope="module")
def cases() -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "bench"))
        patch.setattr(packs, "load_all", lambda *_: [estates.pack()])
        found = load(ROOT / "bench" / "worst_cases.py")
        patch.setattr(found, "_GROUPS", 2)
        patch.setattr(found, "_MEMBERS", 3)
        yield found


def named(code: CodeType | str) -> str:
    return code if isinstance(code, str) else f"{Path(code.co_filename).name}:{code.co_firstlineno} {code.co_name}"


def is_ours(code: CodeType | str) -> bool:
    return isinstance(code, CodeType) and code.co_filename.startswith(OURS)


def calls(run: Callable[[], object]) -> Calls:
    """Return how often each function called each other one, where one of the two is ours, and items of comprehensions.

    From Python 3.12 on, a comprehension is no function of its own, and only the calls are counted.
    """
    found: Calls = Counter()
    items: Counter[tuple[CodeType, int]] = Counter()

    def count(frame: FrameType, event: str, _: object) -> Any:
        items[frame.f_code, frame.f_lineno] += event == "line"
        return count

    def begin(frame: FrameType, _event: str, _: object) -> Any:
        return count if frame.f_code.co_name in COMPREHENSIONS and is_ours(frame.f_code) else None

    profile = cProfile.Profile()
    tracing = sys.gettrace()
    sys.settrace(begin)
    try:
        profile.runcall(run)
    finally:
        sys.settrace(tracing)
    for (code, line), number in items.items():
        found[named(code), str(line)] += number
    for entry in profile.getstats():
        for called in (called for called in entry.calls or () if is_ours(entry.code) or is_ours(called.code)):
            found[named(entry.code), named(called.code)] += called.callcount
    return found


def grown(few: Calls, some: Calls, many: Calls) -> dict[tuple[str, str], float]:
    """Return which calls grew more than in proportion between three sizes, and how much."""
    found = {}
    for pair, count in many.items():
        first, second = some[pair] - few[pair], count - some[pair]
        if second > max(first, 1) * MOST and second > FEW:
            found[pair] = second / max(first, 1)
    return found


def names() -> list[str]:
    """Return the cases; deployments are counted only with gaps of all kinds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "bench"))
        found = load(ROOT / "bench" / "worst_cases.py").CASES
    return [name for name in found if name not in {"deployments", "deployments, with a gap of each VM"}]


@pytest.mark.slow
@pytest.mark.parametrize("name", names())
def test_calls_grow_with_what_is_doubled(name: str, cases: Any, tmp_path: Path) -> None:
    case, size = cases.CASES[name], SIZES.get(name, SIZE)
    case.prepared(case.build(size), tmp_path)()  # what is done once is done
    few, some, many = (calls(case.prepared(case.build(number), tmp_path)) for number in (size, 2 * size, 4 * size))
    assert few.total() < some.total() < many.total()
    assert grown(few, some, many) == {}


def test_growth_is_found() -> None:
    def counted(size: int) -> Calls:
        return Counter({("a", "linear"): 100 + 10 * size, ("a", "square"): size * size, ("a", "once"): 50})

    assert grown(*map(counted, (10, 20, 40))) == {("a", "square"): 4.0}


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="a comprehension is no function of its own")
def test_the_items_of_comprehensions_are_counted() -> None:
    texts = globs.Texts((str(number), number) for number in range(40))
    found = calls(lambda: texts.matching("*"))
    assert [count for (code, line), count in found.items() if "<listcomp>" in code and line.isdigit()] == [41]
