"""The compiler of conditions: names in a rule are resolved, and each condition becomes a function."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from auditor.azure import paths
from auditor.azure.paths import ABSENT
from auditor.rules.conditions import inputs, operands
from auditor.rules.conditions.comparison import Terms, comparison
from auditor.rules.conditions.errors import ConditionError
from auditor.rules.conditions.operators import LIST_OPERANDS, ON_LISTS, OPERATORS
from auditor.rules.conditions.quantifiers import Quantifier, quantified
from auditor.rules.conditions.result import LookUp, Test, joined, negation
from auditor.rules.element_kinds import WITHOUT_BODY
from auditor.rules.model import Grade, Rule, Setting
from auditor.rules.registry import Fact

Path = tuple[str | int, ...]
"""Keys and indexes that lead to a condition in its file."""


class Compiled(msgspec.Struct, frozen=True):
    """The conditions of a rule for one of its targets."""

    when: Test | None
    condition: Test
    grade: tuple[tuple[Test, Grade], ...]


class CompiledRule(msgspec.Struct, frozen=True):
    """A rule of one profile, with its conditions for each of its targets."""

    rule: Rule
    compiled: tuple[Compiled, ...]


class _Input(NamedTuple):
    """An input of a comparison or quantifier."""

    look_up: LookUp
    name: str
    gives: str
    """The type of the value, as facts give it; `any` for a field."""

    @property
    def is_list(self) -> bool:
        return self.gives.endswith("*")

    @property
    def kind(self) -> str:
        """Return the kind of the elements of a list."""
        kind = self.gives.removesuffix("*")
        return "part" if kind == "any" else kind


class Compiler:
    """Compiles the conditions of one rule for one kind of subject."""

    def __init__(
        self,
        facts: Mapping[str, Fact],
        params: Mapping[str, object],
        settings: Mapping[str, Setting],
        kinds: tuple[str, ...],
    ) -> None:
        """Take what conditions can refer to; `kinds` are those of the enclosing elements, innermost first."""
        self._facts = facts
        self._params = params
        self._settings = settings
        self._kinds = kinds

    def compile(self, node: Any, path: Path, *, negated: bool = False) -> Test:  # noqa: ANN401 - parsed YAML
        """Compile a condition; `path` is its place in its file, `negated` whether a `not` encloses it.

        Raises:
            ConditionError: a name is not defined here, or an operator does not fit its input or operand.
        """
        for word, decisive in (("allOf", False), ("anyOf", True)):
            if word in node:
                tests = [self.compile(each, (*path, word, i), negated=negated) for i, each in enumerate(node[word])]
                return joined(tests, decisive=decisive)
        if "not" in node:
            return negation(self.compile(node["not"], (*path, "not"), negated=not negated))
        for word in ("each", "some"):
            if word in node:
                return self._quantifier(node, word, path, negated=negated)
        return self._comparison(node, path, negated=negated)

    def elements(self, node: Any, path: Path) -> tuple[LookUp, Compiler]:  # noqa: ANN401 - parsed YAML
        """Compile the look-up of a list, and return the compiler of conditions on its elements.

        Raises:
            ConditionError: a name is not defined here, or it is not a list.
        """
        items = self._list(node, path)
        return items.look_up, self._inside(items)

    def _inside(self, items: _Input) -> Compiler:
        """Return the compiler of conditions on the elements of a list."""
        return Compiler(self._facts, self._params, self._settings, (items.kind, *self._kinds))

    def _quantifier(self, node: Any, word: str, path: Path, *, negated: bool) -> Test:  # noqa: ANN401
        items = self._list(node[word], (*path, word))
        test = self._inside(items).compile(node["assert"], (*path, "assert"), negated=negated)
        quantifier = Quantifier(items.name, word == "each", node["empty"] == "pass", negated, _alternatives(path))
        return quantified(quantifier, items.look_up, self._where(items, node, path), test)

    def _where(self, items: _Input, node: Any, path: Path) -> Test | None:  # noqa: ANN401
        """Compile the condition that selects elements of a list, if there is one."""
        return self._inside(items).compile(node["where"], (*path, "where")) if "where" in node else None

    def _comparison(self, node: Any, path: Path, *, negated: bool) -> Test:  # noqa: ANN401
        found = self._input(node, path)
        operator = next(word for word in OPERATORS if word in node)
        if found.is_list is not (operator in ON_LISTS):
            wanted = "a list" if operator in ON_LISTS else "a single value (each and some look into lists)"
            message = f"{operator} needs {wanted}, and {found.name} is {'a list' if found.is_list else 'none'}"
            raise ConditionError(message, (*path, operator))
        operand = self._operand(node[operator], operator, (*path, operator))
        return comparison(found.look_up, operand, Terms(found.name, operator, negated, _alternatives(path)))

    # --- inputs -------------------------------------------------------------------------------------------------------

    def _input(self, node: Any, path: Path) -> _Input:  # noqa: ANN401
        if "count" in node:
            return self._count(node, path)
        if "distinct" in node:
            return self._distinct(node, path)
        default = node.get("default", ABSENT)
        if "fact" in node:
            fact, level = self._fact(node["fact"], (*path, "fact"))
            return _Input(inputs.fact(fact, level, default), fact.name, fact.gives)
        text: str = node["field"]
        several = None in self._field(text, (*path, "field"))
        return _Input(inputs.field(text, default), text, "any*" if several else "any")

    def _field(self, text: str, path: Path) -> tuple[paths.Step, ...]:
        if self._kinds[0] in WITHOUT_BODY:
            message = f"a {self._kinds[0]} has no fields, only facts"
            raise ConditionError(message, path)
        try:
            return paths.parse(text)
        except paths.PathError as error:
            raise ConditionError(str(error), path) from None

    def _fact(self, name: str, path: Path) -> tuple[Fact, int]:
        """Return a fact and the level of the enclosing element that it describes, 0 for the innermost."""
        fact = self._facts.get(name)
        if fact is None:
            message = f"there is no fact '{name}'"
            raise ConditionError(message, path)
        for level, kind in enumerate(self._kinds):
            if kind in fact.of:
                return fact, level
        message = f"the fact '{name}' is one of a {' or '.join(fact.of)}, here is a {', in a '.join(self._kinds)}"
        raise ConditionError(message, path)

    def _list(self, node: Any, path: Path) -> _Input:  # noqa: ANN401
        items = self._input(node, path)
        if not items.is_list:
            message = f"{items.name} is not a list"
            raise ConditionError(message, path)
        return items._replace(look_up=inputs.recorded(items.look_up))

    def _count(self, node: Any, path: Path) -> _Input:  # noqa: ANN401
        items = self._list(node["count"], (*path, "count"))
        look_up = inputs.count(items.look_up, self._where(items, node, path))
        return _Input(look_up, f"count of {items.name}", "number")

    def _distinct(self, node: Any, path: Path) -> _Input:  # noqa: ANN401
        items = self._list(node["distinct"], (*path, "distinct"))
        where = self._where(items, node, path)
        if "by" not in node:
            return _Input(inputs.distinct(items.look_up, where, None, items.name), f"distinct {items.name}", "number")
        by = self._inside(items)._input(node["by"], (*path, "by"))  # noqa: SLF001 - of the same class
        if by.is_list:
            message = f"by needs a single value, and {by.name} is a list"
            raise ConditionError(message, (*path, "by"))
        return _Input(inputs.distinct(items.look_up, where, by.look_up, by.name), f"distinct {by.name}", "number")

    # --- operands -----------------------------------------------------------------------------------------------------

    def _operand(self, node: Any, operator: str, path: Path) -> LookUp:  # noqa: ANN401
        """Return the look-up of what is compared with: a literal, a parameter, a setting or a (scaled) fact."""
        if not isinstance(node, dict):
            return operands.literal(node, operator, path)
        if operator == "matches" and ("fact" in node or node["param"] in self._settings):
            message = "matches needs a regular expression"
            raise ConditionError(message, path)
        if "fact" in node:
            return self._fact_operand(node, operator, path)
        name = node["param"]
        if name in self._settings:
            if operator in LIST_OPERANDS:
                message = f"{operator} needs a list, and the setting '{name}' is a number"
                raise ConditionError(message, path)
            return operands.setting(name, self._settings[name])
        if name not in self._params:
            message = f"the rule has no parameter '{name}'"
            raise ConditionError(message, path)
        try:
            return operands.literal(self._params[name], operator, ("params", name))
        except ConditionError as error:
            message = f"the parameter '{name}' does not fit: {error}"
            raise ConditionError(message, error.path) from None

    def _fact_operand(self, node: Any, operator: str, path: Path) -> LookUp:  # noqa: ANN401
        fact, level = self._fact(node["fact"], (*path, "fact"))
        if fact.gives.endswith("*") is not (operator in LIST_OPERANDS):
            message = f"{operator} cannot be compared with {fact.name}, which gives {fact.gives}"
            raise ConditionError(message, path)
        found = inputs.fact(fact, level, ABSENT)
        if "times" not in node:
            return found
        return operands.scaled(found, self._operand(node["times"], "less", (*path, "times")))


def _alternatives(path: Path) -> tuple[str, ...]:
    """Return the innermost alternative of an `anyOf` that a path leads through, as evidence names it."""
    for end in range(len(path), 1, -1):
        if path[end - 2] == "anyOf":
            return (paths.render(path[:end]),)
    return ()
