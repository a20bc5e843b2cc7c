"""The three-valued logic of conditions: what decides a result, what makes it unknown, and its evidence.

Two oracles check the evaluation. Results for small lists are compared with the results for all possible values of what
is unknown. For all other conditions, more knowledge never changes a known truth value.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from random import Random
from types import SimpleNamespace
from typing import Any, Final, cast

import msgspec
import pytest
import re2
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auditor.azure import paths
from auditor.azure.paths import ABSENT
from auditor.estate.declaration import DeclaredDeployment
from auditor.estate.subjects import Deployment
from auditor.estate.topology import Topology
from auditor.rules.conditions import Compiler, ConditionError, Result, Stack, compare, plain
from auditor.rules.conditions import Test as CompiledTest
from auditor.rules.conditions.operators import applied
from auditor.rules.context import Context
from auditor.rules.evidence import Evidence
from auditor.rules.evidence import Read as ShownRead
from auditor.rules.model import Setting
from auditor.rules.registry import Fact
from auditor.snapshot.known import Answer, Cause, Interval, PartialList, Read, Unknown
from auditor.snapshot.model import Gap, GapReason, Part, Resource, resource
from tests import cpu

Node = dict[str, Any]
"""A condition as in a rule file."""

Body = Mapping[str, Any]

ID: Final = "/subscriptions/s/resourceGroups/g/providers/Test.Things/things/t"
TYPE: Final = "Test.Things/things"
GAP: Final = Unknown(Cause.GAP, "not read")
CONTEXT: Final = Context(
    cast("Topology", None),  # none of these facts reads it
    cast("Deployment", SimpleNamespace(declared=DeclaredDeployment("d", settings={"declared": 2}))),
)
PARAMS: Final[Mapping[str, object]] = {"limit": 2, "word": "a", "words": ["a", "b"], "pattern": "^a", "minus": -1}
SETTINGS: Final = {"declared": Setting(1, 0, 9), "left": Setting(1, 0, 9)}

# --- a synthetic subscription -----------------------------------------------------------------------------------------


def _fact(name: str, gives: str, kind: str = "thing") -> Fact:
    """Return a fact whose answer is the value of `$name` in the body: any value that a fact may have."""

    def find(_: Context, element: Resource | Part) -> Answer:
        body = cast("Body", element.body)
        value = body.get(f"${name}", PartialList() if gives.endswith("*") else ABSENT)
        if isinstance(value, PartialList):
            value = PartialList(tuple(_member(element, name, member) for member in value.known), value.missing)
        return Answer(value, (Read(element.id, f"${name}", value),))

    return Fact(name, (kind,), gives, find, "")


def _member(element: Resource | Part, name: str, member: object) -> object:
    """Return a member as facts do: an object is a part of its resource; its path does not depend on other members."""
    if not isinstance(member, dict):
        return member
    return Part(element.resource, paths.join(element.path, f"${name}.{member['#']}"), member)


FACTS: Final = {
    fact.name: fact
    for fact in (
        _fact("number", "number"),
        _fact("text", "text"),
        _fact("flag", "boolean"),
        _fact("chosen", "boolean"),
        *(_fact(f"child{index}", "boolean") for index in range(4)),
        _fact("texts", "text*"),
        _fact("things", "thing*"),
        _fact("outer", "number", "deployment"),
    )
}


def compiled(node: Node, *kinds: str) -> CompiledTest:
    return Compiler(FACTS, PARAMS, SETTINGS, kinds or ("thing", "deployment")).compile(node, ("assert",))


def thing(body: Body, *unread: str) -> Resource:
    return resource(dict(body), ID, unread=tuple(Gap(ID, what, GapReason.FORBIDDEN) for what in unread))


def evaluate(node: Node, body: Body, *unread: str) -> Result:
    return tried(compiled(node), (thing(body, *unread), thing({"$outer": 2})))


def tried(test: CompiledTest, stack: Stack) -> Result:
    """Return the result of a test, whose two forms agree."""
    result = test.result(CONTEXT, stack)
    assert test.truth(CONTEXT, stack) is result.truth
    return result


def members(*bodies: object, missing: Unknown | None = None) -> PartialList:
    """Return a list of objects; each has its own name, like every resource of Azure."""
    named = ({**body, "#": f"m{index}"} if isinstance(body, dict) else body for index, body in enumerate(bodies))
    return PartialList(tuple(named), missing)


def truths(outcomes: Iterable[bool]) -> bool | None:
    """Return the common value of all possible truth values, or None."""
    found = set(outcomes)
    return found.pop() if len(found) == 1 else None


def without_alternatives(result: Result) -> Result:
    """Return a result whose evidence does not name the alternatives of the condition."""
    evidence = tuple(msgspec.structs.replace(entry, alternatives=()) for entry in result.evidence)
    return msgspec.structs.replace(result, evidence=evidence)


def shown(result: Result) -> list[tuple[str, object]]:
    return [(evidence.path, evidence.observed) for evidence in result.evidence]


# --- allOf, anyOf, not ------------------------------------------------------------------------------------------------

LEAVES: Final[list[Node]] = [{"fact": f"child{index}", "equals": True} for index in range(4)]
VALUES: Final[tuple[object, ...]] = (True, False, GAP)
COMBINATIONS: Final = [values for size in range(1, 5) for values in itertools.product(VALUES, repeat=size)]


def completions(values: Iterable[object]) -> Iterator[tuple[bool, ...]]:
    return itertools.product(*((True, False) if value is GAP else (value is True,) for value in values))


@pytest.mark.slow
@pytest.mark.parametrize(("word", "join"), [("allOf", all), ("anyOf", any)])
@pytest.mark.parametrize(
    "values", COMBINATIONS, ids=lambda values: "".join("FT"[v] if v is not GAP else "U" for v in values)
)
def test_allof_and_anyof_are_strong_kleene(
    word: str, join: Callable[[Iterable[bool]], bool], values: tuple[object, ...]
) -> None:
    leaves = LEAVES[: len(values)]
    body = {f"$child{index}": value for index, value in enumerate(values)}
    result = evaluate({word: leaves}, body)
    decisive = word == "anyOf"
    deciding: list[object] = [value for value in values if value is decisive]
    deciding = deciding or [value for value in values if value is not GAP]
    assert result.truth is truths(join(completion) for completion in completions(values))
    if result.truth is None:
        assert result.evidence == ()
        assert result.unknown == (GAP,) * values.count(GAP)
    else:
        assert result.unknown == ()
        assert [evidence.observed for evidence in result.evidence] == deciding

    negations: list[Node] = [{"not": leaf} for leaf in leaves]
    other = "allOf" if word == "anyOf" else "anyOf"
    de_morgan = evaluate({"not": {other: negations}}, body)
    assert without_alternatives(de_morgan) == without_alternatives(result), "De Morgan, with the same evidence"
    twice = evaluate({"not": {"not": {word: leaves}}}, body)
    assert without_alternatives(twice) == without_alternatives(result), "double negation"
    assert evaluate({word: [{word: leaves}, {word: leaves}]}, body).truth is result.truth, "idempotence"
    backwards = evaluate({word: leaves[::-1]}, body)
    assert backwards.truth is result.truth, "order"
    assert sorted(shown(backwards)) == sorted(shown(result)), "order"


@pytest.mark.parametrize(("value", "truth"), [(True, False), (False, True), (GAP, None)])
def test_not_inverts_known_truth_values(value: object, *, truth: bool | None) -> None:
    assert evaluate({"not": LEAVES[0]}, {"$child0": value}).truth is truth


# --- each, some -------------------------------------------------------------------------------------------------------

CHOSEN: Final[Node] = {"fact": "chosen", "equals": True}
GOOD: Final[Node] = {"fact": "flag", "equals": True}
MEMBERS: Final[list[object]] = [GAP, *({"$chosen": w, "$flag": a} for w in VALUES for a in VALUES)]
SMALL_LISTS: Final = [items for size in range(4) for items in itertools.combinations_with_replacement(MEMBERS, size)]

Pair = tuple[bool, bool]
"""For one member: whether `where` chooses it, and whether its condition is true."""


def _turns_out(member: object) -> list[tuple[Pair, ...]]:
    """Return what a member might be; an unknown one may also not exist."""
    if not isinstance(member, dict):
        return [(), *((pair,) for pair in itertools.product((True, False), (True, False)))]
    return [(cast("Pair", pair),) for pair in completions((member["$chosen"], member["$flag"]))]


def _worlds(items: Iterable[object], *, cut: bool) -> Iterator[list[Pair]]:
    """Yield every possible content of a list; of a partial list, with no or one further member."""
    for world in itertools.product(*map(_turns_out, (*items, *([GAP] if cut else [])))):
        yield list(itertools.chain(*world))


def _quantified(world: list[Pair], word: str, *, empty: bool, where: bool) -> bool:
    good = [good for chosen, good in world if chosen or not where]
    if not good:
        return empty
    return all(good) if word == "each" else any(good)


def _only_doubtful_culprits(items: tuple[object, ...], word: str, *, empty: bool) -> bool:
    """Return whether this is the one case that is deliberately unknown.

    No member is certainly chosen; each that may be chosen would decide, and an empty list has the same result. The
    result would be the same either way, but for different reasons, so that it would have no evidence.
    """
    possible = [item for item in items if item is GAP or cast("Node", item)["$chosen"] is not False]
    decides = word == "some"
    return (
        empty is decides
        and bool(possible)
        and all(
            item is not GAP and cast("Node", item)["$chosen"] is GAP and cast("Node", item)["$flag"] is decides
            for item in possible
        )
    )


@pytest.mark.parametrize("cut", [False, True], ids=["complete", "cut"])
@pytest.mark.parametrize("empty", [False, True], ids=["empty-fails", "empty-passes"])
@pytest.mark.parametrize("where", [False, True], ids=["all", "where"])
@pytest.mark.parametrize("word", ["each", "some"])
def test_quantifiers_say_what_all_completions_of_a_list_say(word: str, *, where: bool, empty: bool, cut: bool) -> None:
    node: Node = {word: {"fact": "things"}, "empty": "pass" if empty else "fail", "assert": GOOD}
    test = compiled({**node, "where": CHOSEN} if where else node)
    seen: Counter[object] = Counter()
    for items in SMALL_LISTS:
        body = {"$things": members(*items, missing=GAP if cut else None)}
        result = tried(test, (thing(body), thing({})))
        expected = truths(_quantified(world, word, empty=empty, where=where) for world in _worlds(items, cut=cut))
        if where and not cut and _only_doubtful_culprits(items, word, empty=empty):
            assert expected is (word == "some")
            expected = None
        assert result.truth is expected, items
        assert bool(result.unknown) is (expected is None), "a reason for unknown, and only for unknown"
        assert bool(result.evidence) is (expected is not None), "evidence for a known result, and only for that"
        seen[result.truth] += 1
    decisive = word == "some"
    assert seen[decisive]
    assert seen[None]
    assert seen[not decisive] or cut


@pytest.mark.parametrize("word", ["each", "some"])
def test_the_order_of_a_list_does_not_matter(word: str) -> None:
    test = compiled({word: {"fact": "things"}, "where": CHOSEN, "empty": "fail", "assert": GOOD})
    for items in itertools.combinations(MEMBERS, 3):
        found = {
            tried(test, (thing({"$things": members(*order)}), thing({}))).truth
            for order in itertools.permutations(items)
        }
        assert len(found) == 1, items


def test_evidence_of_each_and_some_is_that_of_the_members_that_decide() -> None:
    body = {"l": [{"n": 1}, {"n": 2}, {"n": 3}]}
    low: Node = {"field": "n", "less": 2}
    each = evaluate({"each": {"field": "l[*]"}, "empty": "fail", "assert": low}, body)
    assert each.truth is False
    assert shown(each) == [("l[1].n", 2), ("l[2].n", 3)]
    some = evaluate({"some": {"field": "l[*]"}, "empty": "fail", "assert": low}, body)
    assert some.truth is True
    assert shown(some) == [("l[0].n", 1)]
    where = evaluate(
        {"each": {"field": "l[*]"}, "where": {"field": "n", "greater": 2}, "empty": "fail", "assert": low}, body
    )
    assert shown(where) == [("l[2].n", 3)]


@pytest.mark.parametrize(
    ("empty", "negated", "expected"),
    [
        ("fail", False, "at least one things"),
        ("fail", True, "no things"),
        ("pass", False, "no things"),
        ("pass", True, "at least one things"),
    ],
)
@pytest.mark.parametrize("word", ["each", "some"])
def test_an_empty_list_is_its_own_evidence(word: str, empty: str, expected: str, *, negated: bool) -> None:
    node: Node = {word: {"fact": "things"}, "empty": empty, "assert": GOOD}
    result = evaluate({"not": node} if negated else node, {"$things": PartialList()})
    assert result.truth is ((empty == "pass") is not negated)
    assert result.evidence == (Evidence(ID, "things", [], expected, (ShownRead(ID, "$things", "[]"),)),)


def test_a_list_that_is_completely_unknown_makes_the_result_unknown() -> None:
    for word in ("each", "some"):
        node: Node = {word: {"fact": "things"}, "empty": "fail", "assert": GOOD}
        assert evaluate(node, {"$things": GAP}) == Result(None, (), (GAP,))


# --- count, distinct --------------------------------------------------------------------------------------------------

OPERATORS_ON_NUMBERS: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "equals": lambda a, b: a == b,
    "notEquals": lambda a, b: a != b,
    "less": lambda a, b: a < b,
    "lessOrEquals": lambda a, b: a <= b,
    "greater": lambda a, b: a > b,
    "greaterOrEquals": lambda a, b: a >= b,
}


def _agrees(source: Node, items: Iterable[object], possible: set[int], *, cut: bool) -> Counter[object]:
    """Check every comparison of a count with all possible counts."""
    seen: Counter[object] = Counter()
    elements = (thing({"$things": members(*items, missing=GAP if cut else None)}), thing({}))
    for operator, holds in OPERATORS_ON_NUMBERS.items():
        for bound in range(5):
            result = tried(compiled({**source, operator: bound}), elements)
            assert result.truth is truths(holds(count, bound) for count in possible), (
                items,
                operator,
                bound,
                possible,
            )
            assert bool(result.unknown) is (result.truth is None)
            seen[result.truth] += 1
    return seen


@pytest.mark.slow
@pytest.mark.parametrize("cut", [False, True], ids=["complete", "cut"])
def test_count_is_every_number_that_may_turn_out(*, cut: bool) -> None:
    seen: Counter[object] = Counter()
    choices = [GAP, *({"$chosen": value, "$flag": True} for value in VALUES)]
    lists = [items for size in range(4) for items in itertools.combinations_with_replacement(choices, size)]
    for items in lists:
        for where in (False, True):
            possible = {sum(chosen or not where for chosen, _ in world) for world in _worlds(items, cut=False)}
            if cut:
                possible |= set(range(min(possible), 99))
            source: Node = {"count": {"fact": "things"}, **({"where": CHOSEN} if where else {})}
            seen += _agrees(source, items, possible, cut=cut)
    assert min(seen[True], seen[False], seen[None]) > 100


def _distinct_numbers(items: tuple[Any, ...], *, cut: bool) -> set[int]:
    """Return the possible numbers of different values; a member without the property adds one or none."""
    possible = set()
    ways: list[list[object]] = []
    for index, item in enumerate(items):
        fresh = (index,)
        if item is GAP:
            ways.append([None, "a", "b", fresh])
            continue
        value = item.get("$text", ABSENT)
        ways.append(["a", "b", None, fresh] if value is GAP else [None, fresh] if value is ABSENT else [value.lower()])
        if item["$chosen"] is not True:
            ways[-1] = [None] if item["$chosen"] is False else [*ways[-1], None]
    for world in itertools.product(*ways):
        possible.add(len(set(world) - {None}))
    return possible | set(range(min(possible), 99)) if cut else possible


@pytest.mark.slow
@pytest.mark.parametrize("cut", [False, True], ids=["complete", "cut"])
def test_distinct_is_every_number_of_values_that_may_turn_out(*, cut: bool) -> None:
    seen: Counter[object] = Counter()
    values: list[Node] = [{"$text": "a"}, {"$text": "A"}, {"$text": "b"}, {"$text": GAP}, {}]
    choices = [GAP, *({**value, "$chosen": chosen} for value in values for chosen in VALUES)]
    source: Node = {"distinct": {"fact": "things"}, "where": CHOSEN, "by": {"fact": "text"}}
    lists = [items for size in range(3) for items in itertools.combinations_with_replacement(choices, size)]
    lists += itertools.combinations(choices[::2], 3)
    for items in lists:
        seen += _agrees(source, items, _distinct_numbers(items, cut=cut), cut=cut)
    assert min(seen[True], seen[False], seen[None]) > 100


@pytest.mark.parametrize(
    ("values", "low", "high"),
    [
        ([], 0, 0),
        (["a", "A"], 1, 1),
        ([1, 1.0], 1, 1),
        ([1, True], 2, 2),
        ([1, "1"], 2, 2),
        ([2**53, 2**53 + 1], 2, 2),
        ([Interval(1, 1), 1], 1, 1),
        ([Interval(1, 2), Interval(1, 2)], 0, 2),
        ([Interval(1, 2), 5], 1, 2),
        ([["x"], ["x"]], 0, 2),
        ([math.nan], 0, 1),
        ([10**400], 0, 1),
        (["a", None, None], 1, 3),
        (["a", GAP], 1, 2),
        ([GAP], 0, 1),
    ],
)
def test_distinct_counts_only_what_is_certainly_different(values: list[object], low: int, high: int) -> None:
    body = {"$things": members(*({} if value is None else {"$number": value} for value in values))}
    source: Node = {"distinct": {"fact": "things"}, "by": {"fact": "number"}}
    for bound in range(4):
        at_least = evaluate({**source, "greaterOrEquals": bound}, body)
        assert at_least.truth is (True if low >= bound else False if high < bound else None), bound
    assert evaluate({**source, "equals": low}, body).truth is (True if low == high else None)


def test_what_distinct_does_not_know_is_about_the_member_without_a_value() -> None:
    node: Node = {"distinct": {"fact": "things"}, "by": {"field": "n"}, "equals": 1}
    (reason,) = evaluate(node, {"$things": members({"n": 1}, {})}).unknown
    assert reason == Unknown(Cause.VALUE, f"{ID}#$things.m1 has no n", about=(ID,))


def test_distinct_without_by_compares_the_members_themselves() -> None:
    body = {"l": ["1", "2", "1", 1], "$texts": PartialList(("a", "A", "b"))}
    assert shown(evaluate({"distinct": {"field": "l[*]"}, "equals": 3}, body)) == [("distinct l[*]", 3)]
    assert evaluate({"distinct": {"fact": "texts"}, "equals": 2}, body).truth is True
    assert evaluate({"distinct": {"field": "l[*].id"}, "equals": 1}, {"l": [{"id": "/X"}, {"id": "/x"}]}).truth is True


def test_a_count_that_may_be_one_of_the_listed_numbers_is_unknown() -> None:
    body = {"$things": members({}, GAP)}
    assert evaluate({"count": {"fact": "things"}, "in": [2, 4]}, body).truth is None
    assert evaluate({"count": {"fact": "things"}, "notIn": [2, 4]}, body).truth is None
    assert evaluate({"count": {"fact": "things"}, "in": [0, 4]}, body).truth is False
    assert evaluate({"count": {"fact": "things"}, "in": [2, 4]}, {"$things": members({}, {})}).truth is True


def test_default_fills_absent_members_of_a_count() -> None:
    source: Node = {"distinct": {"field": "l[*].n", "default": 1}}
    assert evaluate({**source, "equals": 1}, {"l": [{"n": 1}, {}]}).truth is True
    assert evaluate(
        {"distinct": {"field": "l[*]"}, "by": {"field": "n", "default": 1}, "equals": 2}, {"l": [{"n": 2}, {}]}
    ).truth


# --- more knowledge never changes a known truth value ----------------------------------------------------------------
#
# A world is the true content of Azure. Views of it hide more and more: places that were not read, unknown facts,
# partial lists, numbers known within bounds. What one view hides, the next one hides too, so that each view knows less
# than the one before. Small values and few names make collisions, hence results, likely.

NUMBERS: Final = st.integers(0, 3)
TEXTS: Final = st.sampled_from(["a", "A", "ab", "b"])
SCALARS: Final = st.one_of(NUMBERS, TEXTS, st.booleans())
FACT_VALUES: Final = {"$number": NUMBERS, "$text": TEXTS, "$flag": st.booleans()}
FIELD_VALUES: Final = {"n": NUMBERS | SCALARS, "t": TEXTS | SCALARS, "b": st.booleans() | st.none()}
SIMPLE: Final = st.fixed_dictionaries({}, optional={**FIELD_VALUES, **FACT_VALUES})
WORLDS: Final = st.fixed_dictionaries(
    {
        "l": st.one_of(st.lists(SIMPLE, max_size=3), st.lists(SIMPLE | SCALARS | st.none(), max_size=3), SCALARS),
        "$texts": st.lists(TEXTS, max_size=3),
        "$things": st.lists(SIMPLE, max_size=3),
    },
    optional={
        **FIELD_VALUES,
        **FACT_VALUES,
        "o": st.one_of(SIMPLE, SIMPLE, SCALARS),
        "tags": st.fixed_dictionaries({}, optional={"X.y": TEXTS}),
    },
)
NAMES: Final = ("n", "t", "b", "o", "l", "tags", "$number", "$text", "$flag")
SHARES: Final = (0.0, 0.05, 0.12, 0.25, 0.5)


class View:
    """A view of a world without a share of it; views with the same draws and a larger share hide more."""

    def __init__(self, draws: Mapping[str, float], share: float) -> None:
        self._draws = draws
        self._share = share
        self.unread: list[str] = []

    def hides(self, place: str) -> bool:
        return self._draws[place] < self._share

    def element(self, world: Body) -> Resource:
        body = self._object(world, "")
        whole = self.hides("the whole")
        return thing(body, *([TYPE] if whole else self.unread))

    def _object(self, body: Body, where: str) -> dict[str, object]:
        """Return an object without some properties, which were not read; they are missing or null."""
        seen: dict[str, object] = {}
        for name in dict.fromkeys((*body, *NAMES)):
            place = paths.join(where, name)
            if name.startswith("$"):
                value = self._answer(body.get(name, ABSENT), place)
                if value is not ABSENT:
                    seen[name] = value
            elif self.hides(place):
                self.unread.append(where if where == "tags" else place)  # tags are read all together or not at all
                seen.update({name: None} if self._draws[f"{place} null"] < 0.5 else {})
            elif name in body:
                seen[name] = self._value(body[name], place)
        return seen

    def _value(self, value: object, place: str) -> object:
        if isinstance(value, dict):
            return self._object(value, place)
        if isinstance(value, list):
            return [self._value(item, f"{place}[{index}]") for index, item in enumerate(value)]
        return value

    def _answer(self, value: object, place: str) -> object:
        """Return the answer of a fact in this view."""
        if isinstance(value, list):
            return GAP if self._draws[f"{place} all"] < self._share / 3 else self._items(value, place)
        if type(value) is int:
            slack = [int(4 * self._share * self._draws[f"{place} {end}"]) for end in ("low", "high")]
            if any(slack) and not self.hides(place):
                return Interval(value - slack[0], value + slack[1], (GAP,))
        return GAP if self.hides(place) else value

    def _items(self, values: list[object], place: str) -> PartialList:
        """Return a list without some members, or with some of which only the position is known."""
        known: list[object] = []
        cut = self.hides(f"{place} cut")
        for index, value in enumerate(values):
            member = f"{place}.m{index}"
            if self.hides(f"{member} left out"):
                cut = True
            elif self.hides(f"{member} not read"):
                known.append(GAP)
            else:
                known.append({**self._object(value, member), "#": f"m{index}"} if isinstance(value, dict) else value)
        if self._draws[f"{place} absent"] < self._share / 4:
            known.append(GAP)
        return PartialList(tuple(known), GAP if cut else None)


# Conditions of every form of the grammar. Inputs and operators are mostly of one type, so that most are decided.

NUMBER_OPERANDS: Final = st.one_of(
    NUMBERS,
    st.sampled_from(
        [
            {"param": "limit"},
            {"param": "declared"},
            {"fact": "number"},
            {"fact": "outer", "times": 0.5},
            {"fact": "number", "times": {"param": "limit"}},
            {"fact": "number", "times": {"param": "minus"}},
        ]
    ),
)
TEXT_LISTS: Final = st.lists(TEXTS, max_size=3) | st.sampled_from([{"param": "words"}, {"fact": "texts"}])
ON_NUMBERS: Final = st.one_of(
    *(st.fixed_dictionaries({word: NUMBER_OPERANDS}) for word in OPERATORS_ON_NUMBERS),
    *(st.fixed_dictionaries({word: st.lists(SCALARS, max_size=3)}) for word in ("in", "notIn")),
)
ON_TEXTS: Final = st.one_of(
    *(st.fixed_dictionaries({word: TEXTS | st.just({"param": "word"})}) for word in ("equals", "notEquals")),
    *(st.fixed_dictionaries({word: TEXT_LISTS}) for word in ("in", "notIn")),
    st.fixed_dictionaries({"matches": st.sampled_from(["a", "^A", "b$", {"param": "pattern"}])}),
)
ON_FLAGS: Final = st.fixed_dictionaries({"equals": st.booleans()}) | st.fixed_dictionaries({"exists": st.booleans()})
ON_ANYTHING: Final = st.one_of(ON_NUMBERS, ON_TEXTS, ON_FLAGS)
ON_LISTS: Final = st.fixed_dictionaries({"sameSet": TEXT_LISTS}) | st.fixed_dictionaries({"unique": st.booleans()})

SORTS: Final = [
    ("n", "number", ON_NUMBERS, NUMBERS),
    ("t", "text", ON_TEXTS, TEXTS),
    ("b", "flag", ON_FLAGS, st.booleans()),
]
OTHER_FIELDS: Final = st.sampled_from(["n", "o.n", "o.t", "o", "l[0].n", "l[0]", "l", "tags['x.Y']", "nobody.has"])
LISTS: Final[Mapping[str, list[tuple[Node, str]]]] = {
    "thing": [({"field": "l[*]"}, "part"), ({"fact": "things"}, "thing"), ({"field": "l[*].n"}, "part")],
    "part": [({"fact": "things"}, "thing"), ({"field": "o[*]"}, "part")],
    "text": [({"fact": "things"}, "thing")],
}
"""By the kind of the evaluated element, lists and the kind of their members."""


@st.composite
def sources(draw: st.DrawFn, kind: str, *, with_test: bool = True) -> Node:
    """Draw a single value of an element, and an operator for its type."""
    field, fact, tests, values = draw(st.sampled_from(SORTS))
    form = draw(st.sampled_from(["fact", "field", "field", "other"])) if kind != "text" else "fact"
    if form == "other":
        field, tests = draw(OTHER_FIELDS), ON_ANYTHING
    node: Node = {"fact": fact} if form == "fact" else {"field": field}
    if draw(st.integers(0, 3)) == 0:
        node["default"] = draw(values)
    return {**node, **draw(tests)} if with_test else node


@st.composite
def leaves(draw: st.DrawFn, kind: str, depth: int) -> Node:
    """Draw a comparison of a value, of a list, or of a count."""
    form = draw(st.sampled_from(["value", "value", "list", "count", "distinct"]))
    if form == "value":
        return draw(sources(kind))
    if form == "list":
        options: list[Node] = (
            [{"fact": "texts"}] if kind == "text" else [{"fact": "texts"}, {"field": "l[*]"}, {"field": "l[*].t"}]
        )
        return {**draw(st.sampled_from(options)), **draw(ON_LISTS)}
    items, inner = draw(st.sampled_from([*LISTS[kind], ({"fact": "texts"}, "text")]))
    node: Node = {form: items, **draw(ON_NUMBERS)}
    if draw(st.booleans()):
        node["where"] = draw(conditions(inner, depth - 1) if depth > 0 else sources(inner))
    if form == "distinct" and draw(st.booleans()):
        node["by"] = draw(sources(inner, with_test=False))
    return node


@st.composite
def conditions(draw: st.DrawFn, kind: str = "thing", depth: int = 2) -> Node:
    """Draw a condition for an element of a kind."""
    form = draw(st.sampled_from(["leaf", "leaf", "allOf", "anyOf", "not", "each", "some"])) if depth > 0 else "leaf"
    if form == "leaf":
        return draw(leaves(kind, depth))
    if form == "not":
        return {"not": draw(conditions(kind, depth - 1))}
    if form in {"allOf", "anyOf"}:
        return {form: [draw(conditions(kind, depth - 1)) for _ in range(draw(st.integers(1, 3)))]}
    items, inner = draw(st.sampled_from(LISTS[kind]))
    node: Node = {form: items, "empty": draw(st.sampled_from(["pass", "fail"]))}
    if draw(st.booleans()):
        node["where"] = draw(conditions(inner, depth - 1))
    return {**node, "assert": draw(conditions(inner, depth - 1))}


@pytest.mark.slow
def test_more_knowledge_never_changes_a_known_truth_value() -> None:
    seen: Counter[tuple[bool | None, bool | None]] = Counter()

    @settings(max_examples=600, suppress_health_check=list(HealthCheck))
    @given(conditions(), WORLDS, NUMBERS, st.randoms(use_true_random=True))
    def check(node: Node, world: Body, outer: int, random: Random) -> None:
        test = compiled(node)
        for _ in range(4):
            draws, outer_draws = defaultdict[str, float](random.random), defaultdict[str, float](random.random)
            better: Result | None = None
            for share in SHARES:
                element = View(draws, share).element(world)
                stack = (element, View(outer_draws, share).element({"$outer": outer}))
                result = tried(test, stack)
                assert bool(result.unknown) is (result.truth is None)
                assert not result.evidence or result.truth is not None
                if better is not None:
                    assert result.truth in {None, better.truth}, (element.body, element.unread)
                    seen[result.truth, better.truth] += 1
                better = result

    check()
    assert len(seen) == 5
    assert min(seen.values()) > 200, "every combination occurs often"


def test_a_default_is_for_what_is_absent_never_for_what_was_not_read() -> None:
    node: Node = {"field": "n", "default": 1, "equals": 1}
    assert evaluate(node, {}).truth is True
    assert evaluate(node, {"n": None}).truth is True, "null is absent"
    assert evaluate(node, {"n": 2}).truth is False
    assert evaluate(node, {}, "n").truth is None
    assert evaluate(node, {}, TYPE).truth is None
    assert evaluate({"fact": "number", "default": 1, "equals": 1}, {}).truth is True
    assert evaluate({"fact": "number", "default": 1, "equals": 1}, {"$number": GAP}) == Result(None, (), (GAP,))


def test_a_default_is_not_for_members_that_were_not_read() -> None:
    node: Node = {"distinct": {"field": "l[*].n", "default": 1}, "equals": 1}
    assert evaluate(node, {"l": [{"n": 1}, {}]}, "l").truth is None


def test_a_list_of_lists_is_cut_where_one_of_them_was_not_read() -> None:
    body = {"l": [{"m": [{"n": 1}]}, {}]}
    assert evaluate({"count": {"field": "l[*].m[*]"}, "equals": 1}, body, "l[1].m").truth is None


# --- comparing values -------------------------------------------------------------------------------------------------

PATTERN: Final = re2.compile("^ab")
SOME: Final = PartialList(("a",), GAP)
ONE: Final = thing({})
PIECE: Final = Part(ONE, "l[0]", {"id": ID.upper()})

MALFORMED: Final = "malformed"
COMPARISONS: Final[list[tuple[str, object, object, object]]] = [
    # Values of one type; texts and ids ignore case.
    ("equals", "Https", "HTTPS", True),
    ("equals", "a", "b", False),
    ("equals", 1, 1.0, True),
    ("equals", 2**53, 2**53 + 1, False),
    ("equals", True, True, True),
    ("equals", ONE, PIECE, True),
    ("equals", ONE, Part(ONE, "l[0]", {}), False),
    ("notEquals", "Https", "HTTPS", False),
    ("notEquals", 1, 2, True),
    # A wrong type is neither equal nor unequal: true is not 1, "5" is not 5.
    ("equals", True, 1, MALFORMED),
    ("notEquals", True, 1, MALFORMED),
    ("equals", 0, False, MALFORMED),
    ("equals", "5", 5, MALFORMED),
    ("equals", {"a": 1}, "a", MALFORMED),
    ("equals", ["a"], "a", MALFORMED),
    ("notEquals", math.nan, 1, MALFORMED),
    ("equals", 10**400, 10**400, MALFORMED),
    ("equals", ONE, ID, MALFORMED),
    ("less", "1", 2, MALFORMED),
    ("less", True, 2, MALFORMED),
    ("greater", True, 0, MALFORMED),
    ("greaterOrEquals", math.nan, 0, MALFORMED),
    ("less", 10**400, 1, MALFORMED),
    ("matches", 5, PATTERN, MALFORMED),
    ("matches", ["ab"], PATTERN, MALFORMED),
    ("sameSet", "a", PartialList(("a",)), MALFORMED),
    ("unique", "a", True, MALFORMED),
    ("in", ["a"], PartialList(("a",)), MALFORMED),
    ("in", True, PartialList((1, 0)), MALFORMED),
    # Absent is not a value.
    ("equals", ABSENT, "a", "absent"),
    ("notEquals", ABSENT, "a", "absent"),
    ("notIn", ABSENT, PartialList(("a",)), "absent"),
    ("less", ABSENT, 1, "absent"),
    ("matches", ABSENT, PATTERN, "absent"),
    ("equals", "a", ABSENT, "absent"),
    ("sameSet", ABSENT, PartialList(), "absent"),
    ("exists", ABSENT, False, True),
    ("exists", ABSENT, True, False),
    ("exists", 0, True, True),
    ("exists", "", False, False),
    ("exists", False, True, True),
    ("exists", GAP, True, GAP),
    ("exists", GAP, False, GAP),
    # What is unknown stays so, with its own reason.
    *((operator, GAP, 1, GAP) for operator in ("equals", "notEquals", "less", "in", "matches", "sameSet", "unique")),
    *((operator, 1, GAP, GAP) for operator in ("equals", "notEquals", "less", "in", "sameSet")),
    # Lists.
    ("in", "A", PartialList(("b", "a")), True),
    ("in", "c", PartialList(("b", "a")), False),
    ("in", "c", PartialList(()), False),
    ("in", "a", PartialList((1, "a")), True),
    ("in", "c", PartialList((1, "a")), False),
    ("in", "A", SOME, True),
    ("in", "c", SOME, GAP),
    ("in", "c", PartialList(("a", GAP)), GAP),
    ("notIn", "c", SOME, GAP),
    ("notIn", "A", SOME, False),
    ("in", PIECE, PartialList((ONE,)), True),
    ("in", Interval(1, 2, (GAP,)), PartialList((2, 4)), GAP),
    ("notIn", Interval(1, 2, (GAP,)), PartialList((2, 4)), GAP),
    ("in", Interval(1, 2, (GAP,)), PartialList((3, 4)), False),
    ("in", 5, PartialList((Interval(4, 6, (GAP,)), 7)), "cannot be compared"),
    ("sameSet", PartialList(("a", "B", "b")), PartialList(("b", "A")), True),
    ("sameSet", PartialList(("a",)), PartialList(("a", "b")), False),
    ("sameSet", PartialList(("a", "b")), PartialList(("a",)), False),
    ("sameSet", PartialList(()), PartialList(()), True),
    ("sameSet", PartialList(()), PartialList(("a",)), False),
    ("sameSet", PartialList((PIECE,)), PartialList((ONE,)), True),
    ("sameSet", SOME, PartialList(("a",)), GAP),
    ("sameSet", SOME, PartialList(("b",)), False),
    ("sameSet", PartialList(("a",)), SOME, GAP),
    ("sameSet", PartialList(("b",)), SOME, False),
    ("sameSet", PartialList(("a", "b")), SOME, GAP),
    ("sameSet", SOME, PartialList(("a", "b")), GAP),
    ("sameSet", PartialList(("a", GAP)), PartialList(("a",)), GAP),
    ("sameSet", PartialList(("a", ["x"])), PartialList(("a",)), MALFORMED),
    ("sameSet", PartialList((True,)), PartialList((1,)), MALFORMED),
    ("sameSet", PartialList(("1",)), PartialList((1,)), MALFORMED),
    ("sameSet", PartialList((1, 2)), PartialList((2, 1.0)), True),
    ("unique", PartialList(("a", "A")), True, False),
    ("unique", PartialList(("a", "A")), False, True),
    ("unique", PartialList(("a", "b")), True, True),
    ("unique", PartialList(("a", "b")), False, False),
    ("unique", PartialList(()), True, True),
    ("unique", PartialList((1, True, "1")), True, True),
    ("unique", PartialList((2**53, 2**53 + 1)), True, True),
    ("unique", PartialList((ONE, PIECE)), True, False),
    ("unique", PartialList(("a", "a"), GAP), True, False),
    ("unique", SOME, True, GAP),
    ("unique", SOME, False, GAP),
    ("unique", PartialList(("a", GAP)), True, GAP),
    ("unique", PartialList((["x"], ["x"])), True, MALFORMED),
    # Patterns are searched, with case.
    ("matches", "abc", PATTERN, True),
    ("matches", "Abc", PATTERN, False),
    ("matches", "xabc", PATTERN, False),
    ("matches", "xabc", re2.compile("ab"), True),
    ("matches", True, re2.compile("^a"), "true cannot be compared with ^a (malformed)"),
    # Numbers within bounds: decided where every number in them agrees.
    ("equals", Interval(2, 2), 2, True),
    ("equals", Interval(1, 2, (GAP,)), 2, GAP),
    ("equals", Interval(1, 2, (GAP,)), 3, False),
    ("notEquals", Interval(1, 2, (GAP,)), 3, True),
    ("less", Interval(1, 2, (GAP,)), 3, True),
    ("less", Interval(1, 2, (GAP,)), 2, GAP),
    ("less", Interval(1, 2, (GAP,)), 1, False),
    ("lessOrEquals", Interval(1, 2, (GAP,)), 2, True),
    ("lessOrEquals", Interval(1, 2, (GAP,)), 1, GAP),
    ("lessOrEquals", Interval(1, 2, (GAP,)), 0, False),
    ("greater", Interval(1, 2, (GAP,)), 0, True),
    ("greater", Interval(1, 2, (GAP,)), 1, GAP),
    ("greater", Interval(1, 2, (GAP,)), 2, False),
    ("greaterOrEquals", Interval(1, math.inf, (GAP,)), 1, True),
    ("greaterOrEquals", Interval(1, math.inf, (GAP,)), 10**9, GAP),
    ("greaterOrEquals", 5, Interval(1, 6, (GAP,)), GAP),
    ("greaterOrEquals", 6, Interval(1, 6, (GAP,)), True),
    ("less", Interval(1, 2), Interval(2, 3), "cannot be compared"),
    ("less", Interval(1, 2), Interval(3, 4), True),
]


@pytest.mark.slow
@pytest.mark.parametrize(("operator", "left", "right", "result"), COMPARISONS)
def test_compare(operator: str, left: object, right: object, result: object) -> None:
    found = compare(operator, left, right)
    if not isinstance(left, Unknown) and not isinstance(right, Unknown):
        assert applied(operator, right)(left) is (None if isinstance(found, Unknown) else found)
    if isinstance(result, str):
        assert isinstance(found, Unknown)
        assert found.cause is Cause.VALUE
        assert result in found.reason
    elif isinstance(result, bool):
        assert found is result
    else:
        assert found == result


BOUNDS: Final = st.tuples(st.integers(-3, 3), st.integers(0, 4)).map(
    lambda pair: Interval(pair[0], pair[0] + pair[1], (GAP,))
)


@pytest.mark.slow
@given(BOUNDS, BOUNDS)
@settings(max_examples=300)
def test_bounds_decide_where_every_number_in_them_agrees(left: Interval, right: Interval) -> None:
    def within(bounds: Interval) -> list[float]:
        return [bounds.low + half / 2 for half in range(int(2 * (bounds.high - bounds.low)) + 1)]

    for operator, holds in OPERATORS_ON_NUMBERS.items():
        expected = truths(holds(a, b) for a in within(left) for b in within(right))
        assert compare(operator, left, right) == (GAP if expected is None else expected)


def test_a_pattern_takes_time_in_proportion_to_the_text() -> None:
    node: Node = {"field": "t", "matches": "(a+)+$"}
    with cpu.limit():
        assert evaluate(node, {"t": "a" * 30_000 + "!"}).truth is False
        assert evaluate(node, {"t": "a" * 30_000}).truth is True


def test_numbers_beyond_every_float_are_malformed_everywhere() -> None:
    huge = 10**400
    body = {"n": huge, "l": [huge, huge], "$number": huge}
    nodes: list[Node] = [
        {"field": "n", "equals": 1},
        {"field": "n", "in": [1]},
        {"field": "l[*]", "unique": True},
        {"distinct": {"field": "l[*]"}, "equals": 1},
        {"count": {"field": "l[*]"}, "equals": {"fact": "number", "times": 2}},
    ]
    for node in nodes:
        result = evaluate(node, body)
        assert result.truth is None, node
        assert result.unknown[0].cause is Cause.VALUE
    assert plain(Interval(huge, huge)) == huge


@pytest.mark.parametrize(
    ("field", "unread", "truth"),
    [
        ("o.n", "o", None),
        ("o.n", "o.n", None),
        ("o.n", TYPE, None),
        ("o.n", "x", False),
        ("o", "o.n", None),
        ("o.n", "o.nn", False),
        ("p.n", "o", True),
    ],
)
def test_what_is_below_something_unread_may_exist(field: str, unread: str, *, truth: bool | None) -> None:
    body = {"p": {"n": 1}}
    exists, lacks = (
        evaluate({"field": field, "exists": True}, body, unread),
        evaluate({"field": field, "exists": False}, body, unread),
    )
    assert exists.truth is truth
    assert lacks.truth is (None if truth is None else not truth)
    if truth is None:
        assert [unknown.cause for unknown in exists.unknown] == [Cause.GAP]


@pytest.mark.parametrize("item", ["text", 5, True, ["list"], None], ids=repr)
def test_a_member_that_is_no_object_has_no_properties_to_evaluate(item: object) -> None:
    nodes: list[Node] = [
        {"each": {"field": "l[*]"}, "empty": "fail", "assert": {"field": "n", "exists": False}},
        {"some": {"field": "l[*]"}, "empty": "fail", "assert": {"field": "m[*]", "unique": True}},
        {"count": {"field": "l[*]"}, "where": {"field": "n", "equals": 1}, "equals": 0},
    ]
    for node in nodes:
        result = evaluate(node, {"l": [item]})
        assert result.truth is None, node
        assert result.unknown[0].cause is Cause.VALUE
        assert ID in result.unknown[0].reason


def test_members_without_an_id_are_shown_under_what_holds_them() -> None:
    node: Node = {"each": {"fact": "texts"}, "empty": "fail", "assert": {"fact": "outer", "equals": 2}}
    result = evaluate(node, {"$texts": PartialList(("a",))})
    assert result.truth is True
    assert result.evidence[0].resource == ID
    count: Node = {"each": {"fact": "texts"}, "empty": "fail", "assert": {"count": {"fact": "texts"}, "equals": 1}}
    assert evaluate(count, {"$texts": PartialList(("a",))}).evidence[0].resource == ID


# --- operands ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operand", "value", "truth"),
    [
        ({"param": "limit"}, 2, True),
        ({"param": "declared"}, 2, True),
        ({"param": "left"}, 1, True),
        ({"fact": "outer"}, 2, True),
        ({"fact": "outer", "times": 1.5}, 3, True),
        ({"fact": "outer", "times": 0}, 0, True),
        ({"fact": "outer", "times": {"param": "limit"}}, 4, True),
        ({"fact": "outer", "times": {"param": "left"}}, 2, True),
        ({"fact": "outer", "times": {"param": "minus"}}, -2, True),
        ({"fact": "text"}, 1, None),
        ({"fact": "text", "times": 2}, 1, None),
    ],
)
def test_operands(operand: Node, value: float, *, truth: bool | None) -> None:
    assert evaluate({"field": "n", "equals": operand}, {"n": value}).truth is truth


def test_a_factor_scales_both_bounds() -> None:
    bounds = Interval(1, math.inf, (GAP,))

    def times(factor: object) -> Node:
        return {"fact": "number", "times": factor}

    assert evaluate({"field": "n", "less": times(3)}, {"n": 2, "$number": bounds}).truth is True
    assert evaluate({"field": "n", "less": times(3)}, {"n": 3, "$number": bounds}) == Result(None, (), (GAP,))
    assert evaluate({"field": "n", "greater": times({"param": "minus"})}, {"n": 0, "$number": bounds}).truth is True
    assert evaluate({"field": "n", "greater": times({"param": "minus"})}, {"n": -1, "$number": bounds}).truth is None
    assert evaluate({"field": "n", "equals": times(0)}, {"n": 0, "$number": bounds}).truth is True


def test_the_bounds_of_the_outermost_element_are_asked_from_within() -> None:
    node: Node = {
        "each": {"fact": "things"},
        "empty": "fail",
        "assert": {"fact": "number", "equals": {"fact": "outer"}},
    }
    assert evaluate(node, {"$things": members({"$number": 2}), "$number": 1}).truth is True
    field: Node = {"each": {"field": "l[*]"}, "empty": "fail", "assert": {"field": "n", "equals": {"fact": "number"}}}
    assert evaluate(field, {"l": [{"n": 1}], "$number": 1}).truth is True


# --- what cannot be compiled ------------------------------------------------------------------------------------------

INSIDE: Final[Node] = {"each": {"fact": "things"}, "empty": "fail"}


@pytest.mark.parametrize(
    ("node", "path", "message"),
    [
        ({"fact": "nothing", "equals": 1}, ("fact",), "there is no fact 'nothing'"),
        ({"each": {"fact": "nothing"}, "empty": "pass", "assert": GOOD}, ("each", "fact"), "there is no fact"),
        ({"count": {"fact": "nothing"}, "equals": 1}, ("count", "fact"), "there is no fact"),
        ({"distinct": {"fact": "nothing"}, "equals": 1}, ("distinct", "fact"), "there is no fact"),
        ({**INSIDE, "assert": {"fact": "nothing", "equals": 1}}, ("assert", "fact"), "there is no fact"),
        ({**INSIDE, "where": {"fact": "nothing", "equals": 1}, "assert": GOOD}, ("where", "fact"), "there is no fact"),
        ({"allOf": [GOOD, {"not": {"fact": "nothing", "equals": 1}}]}, ("allOf", 1, "not", "fact"), "there is no fact"),
        (
            {"anyOf": [GOOD, {"field": "n", "equals": {"fact": "x"}}]},
            ("anyOf", 1, "equals", "fact"),
            "there is no fact",
        ),
        ({"field": "n", "equals": {"param": "nothing"}}, ("equals",), "has no parameter 'nothing'"),
        ({"field": "n", "in": {"param": "nothing"}}, ("in",), "has no parameter"),
        ({"field": "n", "less": {"fact": "number", "times": {"param": "no"}}}, ("less", "times"), "has no parameter"),
        ({"fact": "texts", "equals": "a"}, ("equals",), "needs a single value"),
        ({"field": "l[*]", "exists": True}, ("exists",), "needs a single value"),
        ({"field": "n", "unique": True}, ("unique",), "needs a list"),
        ({"fact": "text", "sameSet": ["a"]}, ("sameSet",), "needs a list"),
        ({"count": {"fact": "texts"}, "unique": True}, ("unique",), "needs a list"),
        ({"count": {"fact": "text"}, "equals": 1}, ("count",), "text is not a list"),
        ({"some": {"field": "n"}, "empty": "pass", "assert": GOOD}, ("some",), "n is not a list"),
        ({"distinct": {"fact": "things"}, "by": {"field": "l[*]"}, "equals": 1}, ("by",), "by needs a single value"),
        ({"distinct": {"fact": "things"}, "by": {"fact": "texts"}, "equals": 1}, ("by",), "by needs a single value"),
        ({"field": "n", "equals": {"fact": "texts"}}, ("equals",), "cannot be compared with texts"),
        ({"field": "n", "in": {"fact": "text"}}, ("in",), "cannot be compared with text"),
        ({"field": "t", "matches": "("}, ("matches",), "is not a regular expression"),
        ({"field": "t", "matches": "(?=a)"}, ("matches",), "is not a regular expression"),
        ({"field": "t", "matches": 5}, ("matches",), "needs a regular expression"),
        ({"field": "t", "matches": {"param": "declared"}}, ("matches",), "needs a regular expression"),
        ({"field": "t", "matches": {"fact": "text"}}, ("matches",), "needs a regular expression"),
        ({"field": "a..b", "equals": 1}, ("field",), "is not a property path"),
        ({"distinct": {"field": "l["}, "equals": 1}, ("distinct", "field"), "is not a property path"),
        ({"field": "n", "less": "5"}, ("less",), "needs a number"),
        ({"field": "n", "greater": True}, ("greater",), "needs a number"),
        ({"field": "n", "greaterOrEquals": [1]}, ("greaterOrEquals",), "needs a single value"),
        ({"field": "n", "in": "a"}, ("in",), "needs a list"),
        ({"field": "n", "in": {"param": "declared"}}, ("in",), "needs a list"),
        ({"fact": "texts", "sameSet": "a"}, ("sameSet",), "needs a list"),
        ({"field": "n", "exists": "yes"}, ("exists",), "needs true or false"),
        ({"fact": "texts", "unique": 1}, ("unique",), "needs true or false"),
        (
            {"each": {"fact": "texts"}, "empty": "fail", "assert": {"field": "n", "equals": 1}},
            ("assert", "field"),
            "a text has no fields",
        ),
    ],
)
def test_a_condition_without_meaning_is_refused_at_its_place(
    node: Node, path: tuple[str | int, ...], message: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ConditionError) as caught:
        compiled(node)
    assert caught.value.path == ("assert", *path)
    assert message in str(caught.value)
    assert capfd.readouterr() == ("", ""), "RE2 writes to standard error by default"


@pytest.mark.parametrize(
    ("node", "name", "message"),
    [
        ({"field": "t", "matches": {"param": "limit"}}, "limit", "needs a regular expression"),
        ({"field": "n", "lessOrEquals": {"param": "word"}}, "word", "needs a number"),
        ({"field": "n", "less": {"fact": "number", "times": {"param": "word"}}}, "word", "needs a number"),
        ({"field": "n", "equals": {"param": "words"}}, "words", "needs a single value"),
        ({"field": "n", "notIn": {"param": "word"}}, "word", "needs a list"),
    ],
)
def test_a_parameter_of_the_wrong_type_is_refused_at_its_place(node: Node, name: str, message: str) -> None:
    with pytest.raises(ConditionError, match=rf"the parameter '{name}' does not fit: \w+ {message}") as caught:
        compiled(node)
    assert caught.value.path == ("params", name)


def test_a_fact_is_asked_of_its_kind_of_element_only() -> None:
    with pytest.raises(ConditionError, match="the fact 'text' is one of a thing, here is a deployment") as caught:
        compiled({"fact": "text", "equals": "a"}, "deployment")
    assert caught.value.path == ("assert", "fact")
    with pytest.raises(ConditionError, match="a mirror has no fields, only facts"):
        compiled({"field": "n", "equals": 1}, "mirror", "deployment")


# --- evidence ---------------------------------------------------------------------------------------------------------


def test_a_property_is_shown_with_its_resource_path_and_value() -> None:
    result = evaluate({"field": "l[1].n", "equals": 1}, {"l": [{}, {"n": 2}]})
    assert result == Result(truth=False, evidence=(Evidence(ID, "l[1].n", 2, "equals 1"),))
    absent = evaluate({"field": "n", "default": 1, "equals": 1}, {})
    assert absent == Result(truth=True, evidence=(Evidence(ID, "n", None, "equals 1"),))


def test_a_computed_value_is_shown_with_all_that_it_was_computed_from() -> None:
    body = {"$things": members({"n": 1}, {"n": 2}), "n": 1}
    count = evaluate({"count": {"fact": "things"}, "where": {"field": "n", "equals": 1}, "equals": 1}, body)
    (evidence,) = count.evidence
    assert (evidence.resource, evidence.path, evidence.observed, evidence.expected) == (
        ID,
        "count of things",
        1,
        "equals 1",
    )
    assert [(read.path, read.observed) for read in evidence.reads[1:]] == [("$things.m0.n", 1), ("$things.m1.n", 2)]
    distinct = evaluate({"distinct": {"fact": "things"}, "by": {"field": "n"}, "less": 2}, body)
    (evidence,) = distinct.evidence
    assert (evidence.path, evidence.observed, evidence.expected) == ("distinct n", 2, "< 2")
    assert ("$things.m1.n", 2) in [(read.path, read.observed) for read in evidence.reads]


def test_what_it_was_compared_with_is_read_too() -> None:
    result = evaluate({"field": "n", "equals": {"fact": "number"}}, {"n": 1, "$number": 2})
    assert result.evidence == (Evidence(ID, "n", 1, "equals 2", (ShownRead(ID, "$number", 2),)),)
    result = evaluate(
        {"count": {"fact": "texts"}, "equals": {"fact": "number"}}, {"$texts": PartialList(), "$number": 1}
    )
    assert result.evidence == (
        Evidence(ID, "count of texts", 0, "equals 1", (ShownRead(ID, "$texts", "[]"), ShownRead(ID, "$number", 1))),
    )
    result = evaluate({"fact": "texts", "sameSet": {"fact": "texts"}}, {"$texts": PartialList(("a",))})
    assert result.evidence == (Evidence(ID, "texts", ["a"], "exactly [a]", (ShownRead(ID, "$texts", "['a']"),)),)


def test_bounds_are_shown_as_bounds() -> None:
    body = {"$things": members({}, GAP)}
    assert evaluate({"count": {"fact": "things"}, "less": 3}, body).evidence[0].observed == "1 to 2"
    cut = {"$things": members({}, {}, missing=GAP)}
    assert evaluate({"count": {"fact": "things"}, "less": 1}, cut).evidence[0].observed == "at least 2"
    assert plain(SOME) == ["a", "..."]
    assert plain(ABSENT) is None
    assert plain(Interval(1.5, 1.5)) == 1.5


@pytest.mark.parametrize(
    ("test", "expected", "inverted"),
    [
        ({"equals": 1}, "equals 1", "does not equal 1"),
        ({"notEquals": 1}, "does not equal 1", "equals 1"),
        ({"in": [1, 2]}, "in [1, 2]", "not in [1, 2]"),
        ({"notIn": [1, 2]}, "not in [1, 2]", "in [1, 2]"),
        ({"less": 1}, "< 1", ">= 1"),
        ({"lessOrEquals": 1}, "<= 1", "> 1"),
        ({"greater": 1}, "> 1", "<= 1"),
        ({"greaterOrEquals": 1}, ">= 1", "< 1"),
        ({"exists": True}, "present", "absent"),
        ({"exists": False}, "absent", "present"),
    ],
)
def test_not_inverts_the_expectation_at_any_depth(test: Node, expected: str, inverted: str) -> None:
    leaf: Node = {"field": "n", **test}
    deep: Node = {"not": {"anyOf": [{"each": {"field": "l[*]"}, "empty": "fail", "assert": leaf}]}}
    for node, words in [
        (leaf, expected),
        ({"not": leaf}, inverted),
        (deep, inverted),
        ({"not": {"not": leaf}}, expected),
    ]:
        (evidence,) = evaluate(node, {"n": 1, "l": [{"n": 1}]}).evidence
        assert evidence.expected == words, node


def test_not_inverts_the_words_for_lists_and_patterns_too() -> None:
    body = {"t": "ab", "$texts": PartialList(("a",))}
    nodes: list[tuple[Node, str, str]] = [
        ({"field": "t", "matches": "^a"}, "matches ^a", "does not match ^a"),
        ({"fact": "texts", "sameSet": ["b"]}, "exactly [b]", "not exactly [b]"),
        ({"fact": "texts", "sameSet": []}, "none", "at least one"),
        ({"fact": "texts", "unique": True}, "no value twice", "a value twice"),
        ({"fact": "texts", "unique": False}, "a value twice", "no value twice"),
    ]
    for node, expected, inverted in nodes:
        assert evaluate(node, body).evidence[0].expected == expected
        assert evaluate({"not": node}, body).evidence[0].expected == inverted


def test_an_unknown_result_names_the_property() -> None:
    (unknown,) = evaluate({"field": "n", "less": 1}, {"n": "x"}).unknown
    assert unknown == Unknown(Cause.VALUE, f"{ID}: n: x cannot be compared with 1 (malformed)", about=(ID,))
    (unknown,) = evaluate({"field": "n", "less": 1}, {}).unknown
    assert unknown == Unknown(Cause.VALUE, f"{ID}: n: the value is absent", about=(ID,))
    (unknown,) = evaluate({"field": "n", "less": {"fact": "number"}}, {"n": 1}).unknown
    assert unknown == Unknown(Cause.VALUE, f"{ID}: $number: the value is absent", about=(ID,)), "the operand"
    (unknown,) = evaluate({"field": "n", "less": {"fact": "number", "times": 2}}, {}).unknown
    assert unknown == Unknown(Cause.VALUE, f"{ID}: n: the value is absent", about=(ID,)), "both lack"
    for reason in (Unknown(Cause.VALUE, "an unknown number"), GAP):
        for value in (reason, Interval(0, 9, (reason,))):
            for node, body in (
                ({"field": "n", "less": {"fact": "number"}}, {"n": 1}),
                ({"fact": "number", "less": 1}, {}),
            ):
                assert evaluate(node, {**body, "$number": value}).unknown == (reason,), "its own reason"
    (unknown,) = evaluate({"field": "n.m", "less": 1}, {"n": 5}).unknown
    assert unknown == Unknown(Cause.VALUE, f"{ID}: n is not an object (malformed)", about=(ID,))
    (unknown,) = evaluate({"field": "n", "less": 1}, {}, "n").unknown
    assert unknown.cause is Cause.GAP
