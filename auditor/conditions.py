"""Three-valued conditions: what a rule file says, compiled once into functions that yield a verdict with its evidence.

The logic is strong Kleene. A leaf is true or false only where every value that what could not be read might have
would make it so; more knowledge therefore never turns a decided verdict. Words and operators are Azure Policy's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple, Protocol

import msgspec
import re2

from auditor import paths
from auditor.model import Evidence, Part, Resource, Rule, Setting, Severity
from auditor.topology import Context, graph
from auditor.values import ABSENT, Answer, Cause, Interval, Items, Read, Unknown, interval

Element = Any
"""What a condition speaks of: a resource, a part of one, a mirror, a tier, ..."""

Stack = tuple[Element, ...]
"""The elements that enclose a condition, innermost first."""


class Fact(Protocol):
    """A named, pure function of the topology."""

    @property
    def name(self) -> str:
        """Return the name by which rules call it."""

    @property
    def of(self) -> tuple[str, ...]:
        """Return the kinds of element that it can be asked about."""

    @property
    def gives(self) -> str:
        """Return `boolean`, `number`, `text`, `text*` (a list of texts) or the kind of the elements of a list with
        `*`."""

    @property
    def find(self) -> Callable[[Context, Element], Answer]:
        """Return the function."""


class Verdict(NamedTuple):
    """What a condition says: true, false, or None with the reasons why it cannot be told."""

    truth: bool | None
    evidence: tuple[Evidence, ...] = ()
    unknown: tuple[Unknown, ...] = ()


Test = Callable[[Context, Stack], Verdict]


class Compiled(msgspec.Struct, frozen=True):
    """The conditions of a rule for one of its targets, ready to be asked."""

    when: Test | None
    condition: Test
    grade: tuple[tuple[Test, Severity], ...]


class CompiledRule(msgspec.Struct, frozen=True):
    """A rule as it stands in one profile, with its conditions for each of its targets."""

    rule: Rule
    compiled: tuple[Compiled, ...]


class ConditionError(Exception):
    """A condition cannot be compiled; `path` leads to the fault in the rule file's value."""

    def __init__(self, message: str, path: tuple[str | int, ...]) -> None:
        """Keep the path beside the message."""
        super().__init__(message)
        self.path = path


# --- comparing values -------------------------------------------------------------------------------------------------


def compare(operator: str, left: object, right: object) -> bool | Unknown:
    """Apply an operator to two values of which either may be unknown, a list that is cut, or a number within bounds."""
    if isinstance(left, Unknown):
        return left
    if isinstance(right, Unknown):
        return right
    result = _OPERATORS[operator](left, right)
    if result is not None:
        return result
    if left is ABSENT or right is ABSENT:
        return Unknown(Cause.VALUE, "the value is absent")
    for value in (left, right):
        if isinstance(value, Interval) and value.because:
            return value.because[0]
        if isinstance(value, Items):
            reasons = (value.missing, *value.known)
            reason = next((reason for reason in reasons if isinstance(reason, Unknown)), None)
            if reason:
                return reason
    return Unknown(Cause.VALUE, f"{_text(left)} cannot be compared with {_text(right)} (malformed)")


def _kind(value: object) -> str:
    """Return the sort of a value; only values of one sort can be compared: true is not 1, and "5" is not 5."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float | Interval):
        return "number"
    if isinstance(value, str):
        return "text"
    return "resource" if isinstance(value, Resource | Part) else ""


def _identity(value: object) -> tuple[str, object] | None:
    """Return what makes two values equal, with their sort: texts ignore case, resources are their ARM id.

    None is returned for what may or may not equal another: what is unknown, known within bounds only, or of no sort.
    """
    if isinstance(value, bool):
        return "boolean", value
    if isinstance(value, str):
        return "text", value.casefold()
    if isinstance(value, Resource | Part):
        return "resource", value.key
    bounds = interval(value)
    return ("number", bounds.low) if bounds is not None and bounds.exact else None


def _identities(items: Items) -> tuple[set[tuple[str, object]], bool]:
    """Return the values in a list, and whether that is all of them."""
    found = [_identity(item) for item in items.known]
    return {identity for identity in found if identity is not None}, items.missing is None and None not in found


def _equals(left: object, right: object) -> bool | None:
    kind = _kind(left)
    if not kind or kind != _kind(right):
        return None
    if kind != "number":
        return _identity(left) == _identity(right)
    a, b = interval(left), interval(right)
    if a is None or b is None:
        return None
    if a.exact and b.exact:
        return a.low == b.low
    return False if a.high < b.low or b.high < a.low else None


def _in(left: object, right: object) -> bool | None:
    kind = _kind(left)
    if not isinstance(right, Items) or not kind:
        return None
    results = [_equals(left, item) for item in right.known if _kind(item) == kind]
    if True in results:
        return True
    if right.complete and None not in results and (results or not right.known):
        return False
    return None


def _less(left: object, right: object) -> bool | None:
    a, b = interval(left), interval(right)
    if a is None or b is None:
        return None
    if a.high < b.low:
        return True
    return False if a.low >= b.high else None


def _less_or_equals(left: object, right: object) -> bool | None:
    a, b = interval(left), interval(right)
    if a is None or b is None:
        return None
    if a.high <= b.low:
        return True
    return False if a.low > b.high else None


def _exists(left: object, right: object) -> bool | None:
    return (left is not ABSENT) is right


def _matches(left: object, right: object) -> bool | None:
    return right.search(left) is not None if isinstance(left, str) else None  # type: ignore[attr-defined]


def _same_set(left: object, right: object) -> bool | None:
    if not isinstance(left, Items) or not isinstance(right, Items):
        return None
    a, all_a = _identities(left)
    b, all_b = _identities(right)
    if (all_b and _differs(a, b)) or (all_a and _differs(b, a)):
        return False
    return True if all_a and all_b and a == b else None


def _differs(some: set[tuple[str, object]], others: set[tuple[str, object]]) -> bool:
    """Tell whether a value is certainly not among the others: only values of one sort can be compared."""
    kinds = {kind for kind, _ in others}
    return any(not others or kind in kinds for kind, _ in some - others)


def _unique(left: object, right: object) -> bool | None:
    if not isinstance(left, Items):
        return None
    known = [identity for item in left.known if (identity := _identity(item)) is not None]
    if len(set(known)) < len(known):
        return not right
    return bool(right) if left.missing is None and len(known) == len(left.known) else None


def _not(test: Callable[[object, object], bool | None]) -> Callable[[object, object], bool | None]:
    def negated(left: object, right: object) -> bool | None:
        result = test(left, right)
        return None if result is None else not result

    return negated


_OPERATORS: Final[Mapping[str, Callable[[object, object], bool | None]]] = {
    "equals": _equals,
    "notEquals": _not(_equals),
    "in": _in,
    "notIn": _not(_in),
    "less": _less,
    "lessOrEquals": _less_or_equals,
    "greater": _not(_less_or_equals),
    "greaterOrEquals": _not(_less),
    "exists": _exists,
    "matches": _matches,
    "sameSet": _same_set,
    "unique": _unique,
}

_ON_LISTS: Final = frozenset({"sameSet", "unique"})
_LIST_OPERANDS: Final = frozenset({"in", "notIn", "sameSet"})

_EXPECTED: Final[Mapping[str, tuple[str, str]]] = {
    "equals": ("equals {}", "does not equal {}"),
    "notEquals": ("does not equal {}", "equals {}"),
    "in": ("in {}", "not in {}"),
    "notIn": ("not in {}", "in {}"),
    "less": ("< {}", ">= {}"),
    "lessOrEquals": ("<= {}", "> {}"),
    "greater": ("> {}", "<= {}"),
    "greaterOrEquals": (">= {}", "< {}"),
    "matches": ("matches {}", "does not match {}"),
    "sameSet": ("exactly {}", "not exactly {}"),
}
"""How an expectation reads, as it stands and below a `not`."""


def _text(value: object) -> str:
    """Return a value as evidence shows it."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Items):
        return "[" + ", ".join(_text(item) for item in value.known) + ("" if value.missing is None else ", ...") + "]"
    if isinstance(value, Interval):
        if value.exact:
            return _text(value.low)
        return (
            f"at least {_text(value.low)}" if math.isinf(value.high) else f"{_text(value.low)} to {_text(value.high)}"
        )
    if isinstance(value, Resource | Part):
        return value.id
    if isinstance(value, float):
        return f"{value:.10g}"
    return "unknown" if isinstance(value, Unknown) else str(value)


def plain(value: object) -> object:
    """Return an observed value as JSON can carry it; None stands for absent, a text for what is only known in part."""
    if value is ABSENT:
        return None
    if isinstance(value, Items):
        return [plain(item) for item in value.known] + ([] if value.missing is None else ["..."])
    if isinstance(value, Interval) and value.exact:
        return int(value.low) if value.low % 1 == 0 else value.low
    if isinstance(value, bool | int | float | str | list | dict):
        return value
    return _text(value)


# --- compiling --------------------------------------------------------------------------------------------------------


class Compiler:
    """Compiles the conditions of one rule for one kind of subject."""

    def __init__(
        self,
        facts: Mapping[str, Fact],
        params: Mapping[str, object],
        settings: Mapping[str, Setting],
        kinds: tuple[str, ...],
    ) -> None:
        """Take what names in conditions mean; `kinds` are those of the enclosing elements, innermost first."""
        self._facts = facts
        self._params = params
        self._settings = settings
        self._kinds = kinds

    def compile(self, node: Any, path: tuple[str | int, ...], *, negated: bool = False) -> Test:  # noqa: ANN401 - YAML
        """Compile one condition; `path` leads to it in the rule file, `negated` tells that a `not` encloses it.

        Raises:
            ConditionError: a name means nothing here, or an operator does not go with its operand.
        """
        if "allOf" in node:
            tests = [self.compile(c, (*path, "allOf", i), negated=negated) for i, c in enumerate(node["allOf"])]
            return lambda context, stack: _combine((test(context, stack) for test in tests), decisive=False)
        if "anyOf" in node:
            tests = [self.compile(c, (*path, "anyOf", i), negated=negated) for i, c in enumerate(node["anyOf"])]
            return lambda context, stack: _combine((test(context, stack) for test in tests), decisive=True)
        if "not" in node:
            return _negation(self.compile(node["not"], (*path, "not"), negated=not negated))
        for quantifier in ("each", "some"):
            if quantifier in node:
                return self._quantifier(node, quantifier, path, negated=negated)
        return self._leaf(node, path, negated=negated)

    def _inside(self, kind: str) -> Compiler:
        """Return the compiler for conditions on an element of a list."""
        return Compiler(self._facts, self._params, self._settings, (kind, *self._kinds))

    def _quantifier(self, node: Any, word: str, path: tuple[str | int, ...], *, negated: bool) -> Test:  # noqa: ANN401
        source, kind, name = self._list(node[word], (*path, word))
        inner = self._inside(kind)
        where = inner.compile(node["where"], (*path, "where")) if "where" in node else None
        test = inner.compile(node["assert"], (*path, "assert"), negated=negated)
        every, when_empty = word == "each", node["empty"] == "pass"
        expected = f"at least one {name}" if when_empty is negated else f"no {name}"

        def quantify(context: Context, stack: Stack) -> Verdict:
            answer = source(context, stack)
            if isinstance(answer.value, Unknown):
                return Verdict(None, (), (answer.value,))
            verdicts: list[Verdict] = []
            doubts: list[Unknown] = []
            matched = False
            for item in answer.value.known:  # type: ignore[attr-defined]  # `_list` yields lists
                if isinstance(item, Unknown):
                    verdicts.append(Verdict(None, (), (item,)))
                    continue
                inside = (item, *stack)
                chosen = _ALL if where is None else where(context, inside)
                if chosen.truth is False:
                    continue
                verdict = test(context, inside)
                if chosen.truth is None and verdict.truth is not every:
                    verdict = Verdict(None, (), chosen.unknown)
                matched = matched or chosen.truth is True
                doubts += chosen.unknown
                verdicts.append(verdict)
            missing = answer.value.missing  # type: ignore[attr-defined]
            if missing is not None:
                verdicts.append(Verdict(None, (), (missing,)))
            if not verdicts:
                return Verdict(when_empty, (Evidence(_id(stack), name, [], expected, _reads(answer.reads)),))
            combined = _combine(verdicts, decisive=not every)
            if matched or combined.truth in {None, when_empty}:
                return combined
            return Verdict(None, (), tuple(doubts))

        return quantify

    def _leaf(self, node: Any, path: tuple[str | int, ...], *, negated: bool) -> Test:  # noqa: ANN401
        source, name, gives = self._source(node, path)
        operator = next(word for word in _OPERATORS if word in node)
        if gives.endswith("*") is not (operator in _ON_LISTS):
            wanted = "a list" if operator in _ON_LISTS else "a single value (each and some look into lists)"
            message = f"{operator} needs {wanted}, and {name} is {'a list' if gives.endswith('*') else 'none'}"
            raise ConditionError(message, (*path, operator))
        operand = self._operand(node[operator], operator, (*path, operator))

        def test(context: Context, stack: Stack) -> Verdict:
            answer = source(context, stack)
            right = operand(context, stack)
            result = compare(operator, answer.value, right.value)
            if isinstance(result, Unknown):
                return Verdict(None, (), (_explain(result, answer, name),))
            return Verdict(result, (_evidence(stack, name, operator, answer, right, negated=negated),))

        return test

    def _source(self, node: Any, path: tuple[str | int, ...]) -> tuple[Callable[[Context, Stack], Answer], str, str]:  # noqa: ANN401
        """Return what a leaf compares: the look-up, its name and what it gives."""
        default = node.get("default", ABSENT)
        if "count" in node:
            return self._count(node, path), f"count of {_source_name(node['count'])}", "number"
        if "distinct" in node:
            name = (
                f"distinct {_source_name(node['by'])}" if "by" in node else f"distinct {_source_name(node['distinct'])}"
            )
            return self._distinct(node, path), name, "number"
        if "fact" in node:
            fact, level = self._fact(node["fact"], (*path, "fact"))
            find = fact.find

            def ask(context: Context, stack: Stack) -> Answer:
                answer = find(context, stack[level])
                return Answer(default, answer.reads) if answer.value is ABSENT else answer

            return ask, fact.name, fact.gives
        text: str = node["field"]
        steps = self._path(text, (*path, "field"))
        several = None in steps

        def look_up(_: Context, stack: Stack) -> Answer:
            if not isinstance(stack[0], Resource | Part):
                return Answer(Unknown(Cause.VALUE, f"{_id(stack)}: {_text(stack[0])} is not an object (malformed)"))
            if several:
                return graph.items(stack[0], text, default)
            answer = graph.value(stack[0], text)
            return Answer(default, answer.reads) if answer.value is ABSENT else answer

        return look_up, text, "any*" if several else "any"

    def _path(self, text: str, path: tuple[str | int, ...]) -> tuple[paths.Step, ...]:
        if self._kinds[0] in _WITHOUT_FIELDS:
            message = f"a {self._kinds[0]} has no fields, only facts"
            raise ConditionError(message, path)
        try:
            return paths.parse(text)
        except paths.PathError as error:
            raise ConditionError(str(error), path) from None

    def _fact(self, name: str, path: tuple[str | int, ...]) -> tuple[Fact, int]:
        """Return a fact and how many elements outwards the one stands that it is asked about."""
        fact = self._facts.get(name)
        if fact is None:
            message = f"there is no fact '{name}'"
            raise ConditionError(message, path)
        for level, kind in enumerate(self._kinds):
            if kind in fact.of:
                return fact, level
        message = f"the fact '{name}' is one of a {' or '.join(fact.of)}, here is a {', in a '.join(self._kinds)}"
        raise ConditionError(message, path)

    def _list(self, node: Any, path: tuple[str | int, ...]) -> tuple[Callable[[Context, Stack], Answer], str, str]:  # noqa: ANN401
        """Return the look-up of a list, the kind of its elements and its name."""
        source, name, gives = self._source(node, path)
        if not gives.endswith("*"):
            message = f"{name} is not a list"
            raise ConditionError(message, path)
        kind = gives.removesuffix("*")
        return source, "part" if kind == "any" else kind, name

    def _count(self, node: Any, path: tuple[str | int, ...]) -> Callable[[Context, Stack], Answer]:  # noqa: ANN401
        source, kind, _ = self._list(node["count"], (*path, "count"))
        where = self._inside(kind).compile(node["where"], (*path, "where")) if "where" in node else None

        def count(context: Context, stack: Stack) -> Answer:
            answer = source(context, stack)
            if isinstance(answer.value, Unknown):
                return answer
            low = high = 0
            because: list[Unknown] = []
            reads = list(answer.reads)
            for item in answer.value.known:  # type: ignore[attr-defined]
                chosen = (
                    _ALL if where is None else where(context, (item, *stack)) if not isinstance(item, Unknown) else None
                )
                if isinstance(item, Unknown) or chosen is None or chosen.truth is None:
                    high += 1
                    because += [item] if isinstance(item, Unknown) else chosen.unknown if chosen else ()
                    continue
                reads += [Read(e.resource, e.path, e.observed) for e in chosen.evidence]
                low += chosen.truth
                high += chosen.truth
            missing = answer.value.missing  # type: ignore[attr-defined]
            bounds = Interval(low, math.inf if missing else high, tuple(because) + ((missing,) if missing else ()))
            return Answer(bounds, tuple(reads))

        return count

    def _distinct(self, node: Any, path: tuple[str | int, ...]) -> Callable[[Context, Stack], Answer]:  # noqa: ANN401
        source, kind, _ = self._list(node["distinct"], (*path, "distinct"))
        inner = self._inside(kind)
        where = inner.compile(node["where"], (*path, "where")) if "where" in node else None
        by, by_name, by_gives = (
            inner._source(node["by"], (*path, "by")) if "by" in node else (None, "", "")  # noqa: SLF001 - its own class
        )
        if by_gives.endswith("*"):
            message = f"by needs a single value, and {by_name} is a list"
            raise ConditionError(message, (*path, "by"))

        def distinct(context: Context, stack: Stack) -> Answer:
            answer = source(context, stack)
            if isinstance(answer.value, Unknown):
                return answer
            values: set[object] = set()
            possible: set[object] = set()
            reads: list[Read] = []
            because: list[Unknown] = []
            others = 0
            for item in answer.value.known:  # type: ignore[attr-defined]
                if isinstance(item, Unknown):
                    others += 1
                    because.append(item)
                    continue
                sure = True
                if where is not None:
                    chosen = where(context, (item, *stack))
                    if chosen.truth is False:
                        reads += [Read(e.resource, e.path, e.observed) for e in chosen.evidence]
                        continue
                    sure = chosen.truth is True
                    because += chosen.unknown
                found = by(context, (item, *stack)) if by is not None else Answer(item)
                reads += found.reads
                identity = _identity(found.value)
                if identity is not None:
                    (values if sure else possible).add(identity)
                    continue
                others += 1
                reason = compare("equals", found.value, found.value)
                if found.value is ABSENT or not isinstance(reason, Unknown):
                    reason = Unknown(Cause.VALUE, f"{_text(item)} has no {by_name}")
                because.append(reason)
            missing = answer.value.missing  # type: ignore[attr-defined]
            high = math.inf if missing else len(values | possible) + others
            return Answer(Interval(len(values), high, (*because, *((missing,) if missing else ()))), tuple(reads))

        return distinct

    def _operand(self, node: Any, operator: str, path: tuple[str | int, ...]) -> Callable[[Context, Stack], Answer]:  # noqa: ANN401
        """Return the look-up of what is compared with: a literal, a parameter, a setting or a (scaled) fact."""
        if operator == "matches" and isinstance(node, dict) and ("fact" in node or node["param"] in self._settings):
            message = "matches needs a regular expression"
            raise ConditionError(message, path)
        if isinstance(node, dict) and "fact" in node:
            fact, level = self._fact(node["fact"], (*path, "fact"))
            if fact.gives.endswith("*") is not (operator in _LIST_OPERANDS):
                message = f"{operator} cannot be compared with {fact.name}, which gives {fact.gives}"
                raise ConditionError(message, path)
            find = fact.find
            if "times" not in node:
                return lambda context, stack: find(context, stack[level])
            times = self._operand(node["times"], "less", (*path, "times"))
            return lambda context, stack: _scaled(find(context, stack[level]), times(context, stack))
        if isinstance(node, dict):
            name = node["param"]
            if name in self._settings:
                if operator in _LIST_OPERANDS:
                    message = f"{operator} needs a list, and the setting '{name}' is a number"
                    raise ConditionError(message, path)
                return _setting(name, self._settings[name])
            if name not in self._params:
                message = f"the rule has no parameter '{name}'"
                raise ConditionError(message, path)
            node = self._params[name]
        return self._literal(node, operator, path)

    @staticmethod
    def _literal(node: object, operator: str, path: tuple[str | int, ...]) -> Callable[[Context, Stack], Answer]:
        """Return a literal in the form that the operator compares with."""
        literal: object = node
        if operator == "matches":
            if not isinstance(node, str):
                message = "matches needs a regular expression"
                raise ConditionError(message, path)
            try:
                literal = re2.compile(node, _QUIET)
            except re2.error as error:
                message = f"is not a regular expression (RE2): {error}"
                raise ConditionError(message, path) from None
        elif operator in _LIST_OPERANDS:
            if not isinstance(node, list):
                message = f"{operator} needs a list"
                raise ConditionError(message, path)
            literal = Items(tuple(node))
        elif operator in {"exists", "unique"} and not isinstance(node, bool):
            message = f"{operator} needs true or false"
            raise ConditionError(message, path)
        elif isinstance(node, list):
            message = f"{operator} needs a single value"
            raise ConditionError(message, path)
        elif operator in {"less", "lessOrEquals", "greater", "greaterOrEquals"} and interval(node) is None:
            message = f"{operator} needs a number"
            raise ConditionError(message, path)
        answer = Answer(literal)
        return lambda _context, _stack: answer


_QUIET: Final = re2.Options()
_QUIET.log_errors = False

_WITHOUT_FIELDS: Final = frozenset(
    {"mirror", "tier", "deployment", "subscription", "lun", "member", "sighting", "text"}
)
_ALL: Final = Verdict(truth=True)


def _id(stack: Stack) -> str:
    """Return the id of the innermost element that has one; what a malformed list holds may have none."""
    return next(str(element.id) for element in stack if hasattr(element, "id"))


def _setting(name: str, setting: Setting) -> Callable[[Context, Stack], Answer]:
    """Return the look-up of a setting: the deployment's own value, else the rule's default."""

    def look_up(context: Context, _: Stack) -> Answer:
        declared = context.deployment.declared.settings if context.deployment else {}
        return Answer(declared.get(name, setting.default))

    return look_up


def _scaled(answer: Answer, factor: Answer) -> Answer:
    """Return a number times a factor."""
    bounds, times = interval(answer.value), interval(factor.value)
    if bounds is None:
        return answer
    if times is None:
        return factor
    ends = [a and b and a * b for a in (bounds.low, bounds.high) for b in (times.low, times.high)]  # 0 * inf is 0 here
    return Answer(Interval(min(ends), max(ends), (*bounds.because, *times.because)), (*answer.reads, *factor.reads))


def _source_name(node: Mapping[str, Any]) -> str:
    """Return the name of a list for evidence."""
    return str(node.get("fact") or node.get("field") or "member")


def _combine(verdicts: Iterable[Verdict], *, decisive: bool) -> Verdict:
    """Join verdicts: one that has the decisive truth decides (false in `allOf` and `each`, true in `anyOf` and `some`).

    The evidence is that of the verdicts that decided, or of all where none did alone.
    """
    decided: tuple[Evidence, ...] = ()
    others: tuple[Evidence, ...] = ()
    unknown: tuple[Unknown, ...] = ()
    found = unsure = False
    for verdict in verdicts:
        if verdict.truth is decisive:
            found = True
            decided += verdict.evidence
        elif verdict.truth is None:
            unsure = True
            unknown += verdict.unknown
        else:
            others += verdict.evidence
    if found:
        return Verdict(decisive, decided)
    return Verdict(None, (), unknown) if unsure else Verdict(not decisive, others)


def _negation(test: Test) -> Test:
    def negated(context: Context, stack: Stack) -> Verdict:
        verdict = test(context, stack)
        return verdict if verdict.truth is None else verdict._replace(truth=not verdict.truth)

    return negated


def _explain(unknown: Unknown, answer: Answer, name: str) -> Unknown:
    """Say of which property a reason speaks where the reason itself does not."""
    if unknown.cause is not Cause.VALUE or unknown is answer.value or not answer.reads:
        return unknown
    read = answer.reads[0]
    return Unknown(unknown.cause, f"{read.resource}: {read.path or name}: {unknown.reason}")


def _reads(reads: Iterable[Read]) -> tuple[tuple[str, str, object], ...]:
    """Return reads as evidence carries them, each once."""
    return tuple(dict.fromkeys((r.resource, r.path, _hashable(plain(r.value))) for r in reads))


def _hashable(value: object) -> object:
    """Return a container as text, so that evidence stays small and can be compared."""
    return _text(value) if isinstance(value, list | dict) else value


def _evidence(stack: Stack, name: str, operator: str, answer: Answer, right: Answer, *, negated: bool) -> Evidence:
    """Return the observation behind a leaf: the property itself, or a computed value with all that went into it."""
    if operator == "exists":
        expected = "present" if right.value is not negated else "absent"
    elif operator == "unique":
        expected = "no value twice" if right.value is not negated else "a value twice"
    else:
        operand = right.value.pattern if operator == "matches" else _text(right.value)  # type: ignore[attr-defined]
        expected = _EXPECTED[operator][negated].format(operand)
    if len(answer.reads) == 1 and not isinstance(answer.value, Interval | Items):
        read = answer.reads[0]
        if read.value is answer.value or read.value is ABSENT:
            return Evidence(read.resource, read.path, plain(read.value), expected, _reads(right.reads))
    return Evidence(_id(stack), name, plain(answer.value), expected, _reads((*answer.reads, *right.reads)))
