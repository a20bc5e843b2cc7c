"""Compiling conditions: what a rule file says becomes functions that yield verdicts."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
import re2

from auditor.azure import paths
from auditor.azure.paths import ABSENT
from auditor.estate import graph
from auditor.rules.conditions.operators import LIST_OPERANDS, ON_LISTS, OPERATORS, compare, identity, shown
from auditor.rules.conditions.verdict import (
    FALSE,
    TRUE,
    Observation,
    Proof,
    Stack,
    Test,
    Verdict,
    combine,
    explain,
    id_of,
    joined,
    negation,
    reads_of,
)
from auditor.rules.context import Context
from auditor.rules.evidence import Evidence
from auditor.rules.model import Rule, Setting, Severity
from auditor.rules.registry import Fact
from auditor.snapshot.known import Answer, Cause, Interval, Items, Read, Unknown, interval
from auditor.snapshot.model import Part, Resource


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
    """A condition cannot be compiled; `path` leads to the fault in the rule, of which a parameter may be at fault."""

    def __init__(self, message: str, path: tuple[str | int, ...]) -> None:
        """Keep the path beside the message."""
        super().__init__(message)
        self.path = path


_QUIET: Final = re2.Options()
_QUIET.log_errors = False

_WITHOUT_FIELDS: Final = frozenset(
    {
        "mirror",
        "tier",
        "deployment",
        "subscription",
        "lun",
        "member",
        "sighting",
        "exposure",
        "need",
        "text",
        "opening",
        "path",
    }
)
_WITH_FIELDS: Final = (Resource, Part)


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
        for word, decisive in (("allOf", False), ("anyOf", True)):
            if word in node:
                tests = [self.compile(c, (*path, word, i), negated=negated) for i, c in enumerate(node[word])]
                return joined(tests, decisive=decisive)
        if "not" in node:
            return negation(self.compile(node["not"], (*path, "not"), negated=not negated))
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
        every, decisive, when_empty = word == "each", word == "some", node["empty"] == "pass"
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
                chosen = TRUE if where is None else where(context, inside)
                if chosen.truth is False:
                    continue
                verdict = test(context, inside)
                verdict = verdict if chosen.truth else _of_unsure(chosen, verdict, every=every)
                if context.brief and verdict.truth is decisive:
                    return verdict
                matched = matched or chosen.truth is True
                doubts += chosen.unknown
                verdicts.append(verdict)
            missing = answer.value.missing  # type: ignore[attr-defined]
            if missing is not None:
                verdicts.append(Verdict(None, (), (missing,)))
            if not verdicts:
                return Verdict(when_empty, (Evidence(id_of(stack), name, [], expected, reads_of(answer.reads)),))
            combined = combine(verdicts, decisive=decisive)
            if matched or combined.truth in {None, when_empty}:
                return combined
            return Verdict(None, (), tuple(doubts))

        return quantify

    def _leaf(self, node: Any, path: tuple[str | int, ...], *, negated: bool) -> Test:  # noqa: ANN401
        source, name, gives = self._source(node, path)
        operator = next(word for word in OPERATORS if word in node)
        if gives.endswith("*") is not (operator in ON_LISTS):
            wanted = "a list" if operator in ON_LISTS else "a single value (each and some look into lists)"
            message = f"{operator} needs {wanted}, and {name} is {'a list' if gives.endswith('*') else 'none'}"
            raise ConditionError(message, (*path, operator))
        operand = self._operand(node[operator], operator, (*path, operator))

        def test(context: Context, stack: Stack) -> Verdict:
            answer = source(context, stack)
            right = operand(context, stack)
            if context.watch is not None:
                context.watch.note(answer, right)
            result = compare(operator, answer.value, right.value)
            if isinstance(result, Unknown):
                return Verdict(None, (), (explain(result, answer, right, name),))
            if context.silent:
                return TRUE if result else FALSE
            return Verdict(result, Proof(Observation(stack, name, operator, answer, right, negated)))

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

        def look_up(context: Context, stack: Stack) -> Answer:
            element = stack[0]
            if not isinstance(element, _WITH_FIELDS):
                return Answer(
                    Unknown(
                        Cause.VALUE,
                        f"{id_of(stack)}: {shown(element)} is not an object (malformed)",
                        about=(id_of(stack),),
                    )
                )
            if several:
                return graph.items(element, text, default)
            if context.brief:
                found = paths.get(element.body, steps)
                if found is not ABSENT and type(found) is not paths.WrongType:
                    return Answer(found)
            answer = graph.value(element, text)
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

        def listed(context: Context, stack: Stack) -> Answer:
            answer = source(context, stack)
            if context.watch is not None:
                context.watch.note(answer)
            return answer

        return listed, "part" if kind == "any" else kind, name

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
                    TRUE if where is None else where(context, (item, *stack)) if not isinstance(item, Unknown) else None
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
                same = identity(found.value)
                if same is not None:
                    (values if sure else possible).add(same)
                    continue
                others += 1
                reason = compare("equals", found.value, found.value)
                if found.value is ABSENT or not isinstance(reason, Unknown):
                    reason = Unknown(Cause.VALUE, f"{shown(item)} has no {by_name}")
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
            if fact.gives.endswith("*") is not (operator in LIST_OPERANDS):
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
                if operator in LIST_OPERANDS:
                    message = f"{operator} needs a list, and the setting '{name}' is a number"
                    raise ConditionError(message, path)
                return _setting(name, self._settings[name])
            if name not in self._params:
                message = f"the rule has no parameter '{name}'"
                raise ConditionError(message, path)
            try:
                return self._literal(self._params[name], operator, ("params", name))
            except ConditionError as error:
                message = f"the parameter '{name}' does not fit: {error}"
                raise ConditionError(message, error.path) from None
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
        elif operator in LIST_OPERANDS:
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


def _of_unsure(chosen: Verdict, verdict: Verdict, *, every: bool) -> Verdict:
    """Return what a member says of which it is not sure that it was chosen: if it was not, it says nothing."""
    return verdict if verdict.truth is every else Verdict(None, (), chosen.unknown)


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
