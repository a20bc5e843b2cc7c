"""YAML files of users: safe parsing, validation by JSON Schema, and the line of every value.

Scalars are those of YAML 1.2 (`on` and `no` are text). Aliases, tags and duplicate keys are refused, and size and depth
are limited. An error is one `InputError` with file, line and what was expected.
"""

from __future__ import annotations

import difflib
import json
import math
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import yaml

from auditor import bundled
from auditor.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from jsonschema import ValidationError
    from jsonschema.protocols import Validator

MAX_BYTES: Final = 32 * 1024 * 1024
"""Five times the deployment file of 7,000 deployments."""
_MOST: Final = 64 * 1024
"""What most files are smaller than: a buffer of the size limit takes as long as the rest of reading a rule file."""
MAX_DEPTH: Final = 40

_LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_UNFIT: Final = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")
"""Control characters, and U+0085, U+2028 and U+2029: the parser ends a line, and so a comment, at them, and editors do
not show it."""
_AROUND: Final = frozenset({yaml.StreamStartEvent, yaml.DocumentEndEvent})
"""Events that have no value."""
_FOR_TESTS: Final = re.compile(rb"^(?:examples|insensitive):", re.MULTILINE)
"""The first key of a rule file that only tests read; those that follow it are read by none else either."""
_LINE_END: Final = re.compile(r"\r\n?|\n")
_INTEGER: Final = re.compile(r"[-+]?[0-9]{1,300}")
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]{1,3})?")
_OF_NUMBERS: Final = frozenset("+-.0123456789")
"""What a number begins with."""
_WORDS: Final[dict[str, object]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


class Document:
    """A parsed YAML file: its value, and the line of each member."""

    def __init__(self, value: object, file: str, lines: dict[int, dict[object, int]]) -> None:
        """Take the value, and the lines of members by the identity of their container."""
        self.value = value
        self.file = file
        self._lines = lines

    def line(self, container: object, key: object = None) -> int:
        """Return the line on which a member of a mapping or list of this document starts, or the container itself."""
        lines = self._lines.get(id(container), {})
        return lines.get(key, lines.get(None, 0))

    def line_at(self, path: Iterable[str | int]) -> int:
        """Return the line of the deepest member that a path of keys and indexes reaches."""
        container, line = self.value, self.line(self.value)
        for step in path:
            line = self.line(container, step) or line
            if not isinstance(container, dict | list):
                break
            try:
                container = container[step]  # type: ignore[index]
            except (KeyError, IndexError):
                break
        return line

    def error(self, message: str, container: object = None, key: object = None) -> InputError:
        """Return an error that points at a member of this document."""
        return InputError(message, self.file, self.line(container, key))

    def check(self, schema: str) -> Document:
        """Validate the value with one of the package's schemas, except for bundled files.

        Raises:
            InputError: see `validate`.
        """
        return self if bundled.is_validated(self.file, schema) else self.validate(schema)

    def validate(self, schema: str) -> Document:
        """Validate the value with one of the package's schemas.

        Raises:
            InputError: the most telling fault: an unknown key, else a wrong value, else a missing key.
        """
        faults = [
            (fault.validator != "additionalProperties", fault.validator in _MISSING, self._place(fault), fault)
            for fault in validator(schema).iter_errors(cast("Any", self.value))
        ]
        if not faults:
            return self
        *_, line, fault = min(faults, key=lambda ranked: ranked[:3])
        where = "".join(
            f"[{step}]" if isinstance(step, int) else f".{repr(step)[1:-1]}" for step in fault.absolute_path
        ).lstrip(".")
        raise InputError(f"{where or 'the file'} {_explain(fault, schema)}", self.file, line)

    def _place(self, fault: ValidationError) -> int:
        """Return the line of a fault."""
        return self.line_at([*fault.absolute_path, *_strangers(fault)[:1]])


@cache
def validator(schema: str) -> Validator:
    """Return the compiled validator of `auditor/schema/<schema>.schema.json`."""
    import jsonschema  # noqa: PLC0415 - 50 ms that the built-in pack does not need
    import referencing  # noqa: PLC0415 - as above

    rules = referencing.Resource[Any].from_contents(_schema("rule.schema.json"))
    files = referencing.Registry[Any]().with_resource("rule.schema.json", rules)  # for conditions in other schemas
    return jsonschema.Draft202012Validator(_schema(f"{schema}.schema.json"), registry=files)


def _schema(file: str) -> Any:  # noqa: ANN401 - parsed JSON
    from importlib import resources  # noqa: PLC0415 - bundled files need no schema

    return json.loads(resources.files("auditor").joinpath("schema", file).read_text(encoding="utf-8"))


_MISSING: Final = frozenset({"required", "dependentRequired", "oneOf", "anyOf"})
"""Keywords about missing keys; our schemas use `oneOf` and `anyOf` for nothing else."""

_TYPES: Final = {
    "object": "a map",
    "array": "a list",
    "string": "text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
}


def _explain(fault: ValidationError, schema: str) -> str:
    """Return what was expected, in terms of the file."""
    expected: Any = fault.validator_value
    found: Any = fault.instance
    around: Any = fault.schema
    match fault.validator:
        case "additionalProperties":
            stranger = _strangers(fault)[0]
            nearest = _nearest(stranger, around["properties"], _words(schema))
            return f"has the unknown key {_shown(stranger)}{nearest}"
        case "required":
            return f"lacks the key '{next(name for name in expected if name not in found)}'"
        case "dependentRequired":
            name, needed = next((n, m) for n, m in expected.items() if n in found and not set(m) <= set(found))
            return f"has '{name}', which needs '{needed[0]}' beside it"
        case "oneOf" | "anyOf":
            names = [branch["required"][0] for branch in expected]
            there = [name for name in names if name in found]
            return f"has both '{there[0]}' and '{there[1]}'" if there else f"needs one of {', '.join(names)}"
    about = f" ({around['description'].rstrip('.')})" if "description" in around else ""
    return _explain_value(fault, expected, found) + about


def _explain_value(fault: ValidationError, expected: Any, found: Any) -> str:  # noqa: ANN401 - whatever JSON holds
    """Return what a value was expected to be."""
    match fault.validator:
        case "enum" | "const":
            words = [str(word) for word in (expected if fault.validator == "enum" else [expected])]
            choice = f"one of {', '.join(words)}" if len(words) > 2 else " or ".join(words)
            text = f"must be {choice}, not {_shown(found)}{_nearest(found, (), words)}"
        case "type":
            wanted = [_TYPES[name] for name in ([expected] if isinstance(expected, str) else expected)]
            quote = "; put it in quotes" if "text" in wanted and isinstance(found, int | float) else ""
            text = f"must be {' or '.join(wanted)}, not {_shown(found)}{quote}"
        case "pattern" if expected == r"\S":
            text = "must not be blank"
        case "pattern":
            text = f"must match {expected}, which {_shown(found)} does not"
        case "minItems" | "minLength":
            text = f"is too short: {_shown(found)}" if found else "must not be empty"
        case "not":
            text = f"must not be {_shown(found)}"
        case "uniqueItems":
            text = "has an entry twice"
        case _:  # it compares a number or a length
            text = f"is wrong: {fault.message[-200:]}"
    return text


def _strangers(fault: ValidationError) -> list[str]:
    """Return the unknown keys of a fault, none for other faults."""
    if fault.validator != "additionalProperties":
        return []
    found, around = cast("Any", fault.instance), cast("Any", fault.schema)
    return [name for name in found if name not in around["properties"]]


def _nearest(found: object, allowed: Iterable[str], words: Iterable[str]) -> str:
    """Return the most similar known word, else the allowed words."""
    known = {word.lower(): word for word in (*words, *allowed)}
    near = difflib.get_close_matches(str(found).lower(), known, n=1)
    if near:
        return f"; did you mean '{known[near[0]]}'?"
    return f"; allowed are {', '.join(allowed)}" if allowed else ""


def _shown(value: object) -> str:
    """Return a value for a message: a container by its type, other values shortened."""
    if isinstance(value, dict | list):
        return _TYPES["object" if isinstance(value, dict) else "array"]
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:50]}...{text[-1]}"


@cache
def _words(schema: str) -> tuple[str, ...]:
    """Return every key of a schema at any depth, since the keys of a condition depend on its kind."""

    def keys(node: object) -> Iterator[str]:
        if isinstance(node, dict):
            if isinstance(node.get("properties"), dict):
                yield from node["properties"]
            node = list(node.values())
        if isinstance(node, list):
            for member in node:
                yield from keys(member)

    return tuple(keys(validator(schema).schema))


def load(path: Path) -> bytes:
    """Return the bytes of a YAML file, at most one more than the size limit.

    Raises:
        InputError: the file cannot be opened.
    """
    try:
        with path.open("rb") as stream:
            data = stream.read(_MOST)
            return data + stream.read(MAX_BYTES + 1 - len(data)) if len(data) == _MOST else data
    except OSError as error:
        message = f"cannot be read: {error.strerror}"
        raise InputError(message, str(path)) from None


def read(path: Path) -> Document:
    """Read a YAML file.

    Raises:
        InputError: the file cannot be opened, or is not accepted YAML.
    """
    return parse(load(path), str(path))


def read_rule(path: Path) -> Document:
    """Read a rule file, a bundled one only as far as its examples, which are for tests, and which the tests validate.

    Two thirds of these files are examples; not to parse them saves 0.06 s of each start.

    Raises:
        InputError: the file cannot be opened, or is not accepted YAML.
    """
    data = load(path)
    for_tests = _FOR_TESTS.search(data) if bundled.is_validated(str(path), "rule") else None
    return parse(data[: for_tests.start()] if for_tests else data, str(path))


def parse(data: bytes, file: str) -> Document:
    """Parse the bytes of a YAML file; `file` names it in errors.

    Raises:
        InputError: the bytes are not accepted YAML.
    """
    if len(data) > MAX_BYTES:
        message = f"is larger than {MAX_BYTES // 1024 // 1024} MiB, the limit for a YAML file"
        raise InputError(message, file)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        message = "is not UTF-8 text"
        raise InputError(message, file, _line_at(error.object[: error.start].decode())) from None
    unfit = _UNFIT.search(text)
    if unfit:
        code = ord(unfit[0])
        message = f"has the control character U+{code:04X}; in double quotes it may be written \\u{code:04x}"
        raise InputError(message, file, _line_at(text[: unfit.start()]))
    try:
        builder = _Builder(text, file)
        value = builder.document()
    except yaml.MarkedYAMLError as error:
        mark: Any = error.problem_mark or error.context_mark
        message = f"is not valid YAML: {error.problem or error.context}"
        raise InputError(message, file, mark.line + 1 if mark else 0) from None
    return Document(value, file, builder.lines)


def _line_at(before: str) -> int:
    """Return the line number after a text."""
    return len(_LINE_END.findall(before)) + 1


class _Builder:
    """Builds values from parser events, so that aliases, depth and duplicates are refused before they use memory."""

    def __init__(self, text: str, file: str) -> None:
        self._next = _LOADER(text).get_event
        self._file = file
        self.lines: dict[int, dict[object, int]] = {}

    def document(self) -> object:
        value: object = None
        documents = 0
        while type(event := self._next()) is not yaml.StreamEndEvent:
            if type(event) is yaml.DocumentStartEvent:
                documents += 1
                if documents > 1:
                    raise self._error("has more than one YAML document", event)
            elif type(event) not in _AROUND:
                value = self._value(event, 0)
        if documents == 0:
            message = "is empty"
            raise InputError(message, self._file)
        return value

    def _value(self, event: Any, depth: int) -> object:  # noqa: ANN401 - yaml is untyped
        kind = type(event)
        if kind is yaml.AliasEvent:
            raise self._error(f"uses the alias *{event.anchor}; write the value out", event)
        if event.tag is not None:
            self._refuse_tag(event)
        if depth > MAX_DEPTH:
            raise self._error(f"is nested more than {MAX_DEPTH} levels deep", event)
        if kind is yaml.ScalarEvent:
            return _scalar(event.value) if event.implicit[0] else event.value
        return self._list(event, depth + 1) if kind is yaml.SequenceStartEvent else self._map(event, depth + 1)

    def _list(self, start: Any, depth: int) -> list[object]:  # noqa: ANN401 - as above
        """Build the list after its first event, whose members have a depth."""
        items: list[object] = []
        lines: dict[object, int] = {None: start.start_mark.line + 1}
        while type(event := self._next()) is not yaml.SequenceEndEvent:
            lines[len(items)] = event.start_mark.line + 1
            items.append(self._value(event, depth))
        self.lines[id(items)] = lines
        return items

    def _map(self, start: Any, depth: int) -> dict[str, object]:  # noqa: ANN401 - as above
        """Build the map after its first event, whose members have a depth."""
        members: dict[str, object] = {}
        lines: dict[object, int] = {None: start.start_mark.line + 1}
        while type(event := self._next()) is not yaml.MappingEndEvent:
            if type(event) is not yaml.ScalarEvent:
                raise self._error("has a key that is not a scalar", event)
            if event.tag is not None:
                self._refuse_tag(event)
            name, mark = event.value, cast("Any", event.start_mark)
            if name in members:
                raise self._error(f"has the key {_shown(name)} twice", event)
            lines[name] = mark.line + 1
            members[name] = self._value(self._next(), depth)
        self.lines[id(members)] = lines
        return members

    def _refuse_tag(self, event: Any) -> None:  # noqa: ANN401 - as above
        if event.tag != "!":
            raise self._error(f"uses the tag {event.tag}; tags are not allowed", event)

    def _error(self, message: str, event: Any) -> InputError:  # noqa: ANN401 - as above
        return InputError(message, self._file, event.start_mark.line + 1)


def _scalar(text: str) -> object:
    """Return the value of a scalar without quotes."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _OF_NUMBERS:
        return text
    if _INTEGER.fullmatch(text):
        return int(text)
    # A number that is too large for JSON stays text.
    return float(text) if _FLOAT.fullmatch(text) and math.isfinite(float(text)) else text
