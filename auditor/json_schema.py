"""Whether a value follows a JSON Schema, by functions that are compiled from it.

They take a hundredth of the time of jsonschema, which need not even be imported where nothing is wrong, and do not say
what is wrong. They know the keywords of most schemas of this package.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

Check = Callable[[Any], bool]
"""Whether a value follows a schema or one keyword of it."""


class UnknownKeywordError(ValueError):
    """A schema has a keyword, or a value of one, that is not known here."""


def compiled(schema: Mapping[str, Any]) -> Check:
    """Return whether values follow a schema; NaN and infinities, which JSON lacks, are no values.

    Raises:
        UnknownKeywordError: it has a keyword that is not known.
    """
    return _Compiler(schema).check(schema)


class _Compiler:
    """Compiles the parts of one schema."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._definitions = dict.fromkeys(schema.get("$defs", ()), _nothing)
        self._definitions |= {name: self.check(part) for name, part in schema.get("$defs", {}).items()}

    def check(self, schema: Mapping[str, Any]) -> Check:
        """Return whether values follow a schema or a part of one."""
        checks = []
        for keyword, wanted in schema.items():
            if keyword not in _WITHOUT_EFFECT:
                make = _KEYWORDS.get(keyword)
                if make is None:
                    raise UnknownKeywordError(keyword)
                checks.append(make(self, wanted, schema))
        return checks[0] if len(checks) == 1 else lambda value: all(check(value) for check in checks)

    def definition(self, reference: str) -> Check:
        """Return whether values follow a definition, which may refer to itself."""
        definitions, name = self._definitions, reference.removeprefix("#/$defs/")
        if name not in definitions:
            raise UnknownKeywordError(reference)

        def follows(value: object) -> bool:
            return definitions[name](value)

        return follows


def _nothing(_: object) -> bool:
    """Accept no value: the place of a definition that is not compiled yet."""
    return False


_WITHOUT_EFFECT: Final = frozenset({"$schema", "$defs", "title", "description", "then", "else"})
"""Keywords that accept everything by themselves."""

_Make = Callable[[_Compiler, Any, Mapping[str, Any]], Check]
"""Makes the check of a keyword from its value, and from the schema that has it."""


# --- any value --------------------------------------------------------------------------------------------------------


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_TYPES: Final[Mapping[str, Check]] = {
    "array": lambda value: isinstance(value, list),
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: _is_number(value) and (isinstance(value, int) or value.is_integer()),
    "null": lambda value: value is None,
    "number": _is_number,
    "object": lambda value: isinstance(value, dict),
    "string": lambda value: isinstance(value, str),
}


def _type(_: _Compiler, wanted: str | list[str], __: Mapping[str, Any]) -> Check:
    checks = [_TYPES[name] for name in ([wanted] if isinstance(wanted, str) else wanted)]
    return checks[0] if len(checks) == 1 else lambda value: any(check(value) for check in checks)


def _enum(_: _Compiler, wanted: list[Any], __: Mapping[str, Any]) -> Check:
    if not all(isinstance(each, str) for each in wanted):
        raise UnknownKeywordError("enum")
    words = frozenset(wanted)
    return lambda value: isinstance(value, str) and value in words


def _if(compiler: _Compiler, wanted: Mapping[str, Any], schema: Mapping[str, Any]) -> Check:
    condition, then, otherwise = (
        compiler.check(part) for part in (wanted, schema.get("then", {}), schema.get("else", {}))
    )
    return lambda value: then(value) if condition(value) else otherwise(value)


def _not(compiler: _Compiler, wanted: Mapping[str, Any], _: Mapping[str, Any]) -> Check:
    refused = compiler.check(wanted)
    return lambda value: not refused(value)


def _one_of(compiler: _Compiler, wanted: list[Mapping[str, Any]], _: Mapping[str, Any]) -> Check:
    checks = [compiler.check(each) for each in wanted]
    return lambda value: sum(check(value) for check in checks) == 1


# --- values of one type; those of others are accepted -----------------------------------------------------------------


def _of(type_: type | tuple[type, ...], make: Callable[[Any], Check]) -> _Make:
    """Return what makes the check of a keyword that is only about values of a type."""

    def made(_: _Compiler, wanted: object, __: Mapping[str, Any]) -> Check:
        check = make(wanted)
        return lambda value: not isinstance(value, type_) or check(value)

    return made


def _pattern(wanted: str) -> Check:
    search = re.compile(wanted).search
    return lambda value: search(value) is not None


def _unique(wanted: bool) -> Check:  # noqa: FBT001 - as of every keyword
    if not wanted:
        raise UnknownKeywordError("uniqueItems")
    # Of anything else, equal values may have several forms.
    return lambda value: (
        all(isinstance(item, str) or _is_number(item) for item in value) and len({*value}) == len(value)
    )


def _items(compiler: _Compiler, wanted: Mapping[str, Any], _: Mapping[str, Any]) -> Check:
    check = compiler.check(wanted)
    return lambda value: not isinstance(value, list) or all(check(item) for item in value)


def _property_names(compiler: _Compiler, wanted: Mapping[str, Any], _: Mapping[str, Any]) -> Check:
    check = compiler.check(wanted)
    return lambda value: not isinstance(value, dict) or all(check(name) for name in value)


def _properties(compiler: _Compiler, wanted: Mapping[str, Any], _: Mapping[str, Any]) -> Check:
    checks = {name: compiler.check(part) for name, part in wanted.items()}
    return lambda value: (
        not isinstance(value, dict) or all(checks[name](part) for name, part in value.items() if name in checks)
    )


def _others(compiler: _Compiler, wanted: Mapping[str, Any] | bool, schema: Mapping[str, Any]) -> Check:  # noqa: FBT001 - as above
    known = frozenset(schema.get("properties", ()))
    if wanted is False:
        return lambda value: not isinstance(value, dict) or value.keys() <= known
    if wanted is True:
        raise UnknownKeywordError("additionalProperties")
    check = compiler.check(wanted)
    return lambda value: (
        not isinstance(value, dict) or all(check(part) for name, part in value.items() if name not in known)
    )


def _dependent(wanted: Mapping[str, list[str]]) -> Check:
    return lambda value: all(value.keys() >= {*needed} for name, needed in wanted.items() if name in value)


_NUMBER: Final = (int, float)
_KEYWORDS: Final[Mapping[str, _Make]] = {
    "$ref": lambda compiler, wanted, _: compiler.definition(wanted),
    "type": _type,
    "enum": _enum,
    "const": lambda compiler, wanted, schema: _enum(compiler, [wanted], schema),
    "if": _if,
    "not": _not,
    "oneOf": _one_of,
    "pattern": _of(str, _pattern),
    "minLength": _of(str, lambda least: lambda value: len(value) >= least),
    "maxLength": _of(str, lambda most: lambda value: len(value) <= most),
    "minimum": _of(_NUMBER, lambda least: lambda value: isinstance(value, bool) or value >= least),
    "maximum": _of(_NUMBER, lambda most: lambda value: isinstance(value, bool) or value <= most),
    "exclusiveMinimum": _of(_NUMBER, lambda bound: lambda value: isinstance(value, bool) or value > bound),
    "items": _items,
    "minItems": _of(list, lambda least: lambda value: len(value) >= least),
    "uniqueItems": _of(list, _unique),
    "properties": _properties,
    "additionalProperties": _others,
    "propertyNames": _property_names,
    "required": _of(dict, lambda names: frozenset(names).issubset),
    "minProperties": _of(dict, lambda least: lambda value: len(value) >= least),
    "dependentRequired": _of(dict, _dependent),
}
