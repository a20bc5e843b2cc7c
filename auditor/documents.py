"""YAML files that users write: read safely, checked against their JSON Schema, with the line of every value.

YAML 1.2's scalars (so `on` and `no` are words), no aliases, no tags, no duplicate keys, bounded size and depth. Whatever is
wrong is one `InputError` that names file, line and what was expected.
"""

from __future__ import annotations

import json
import math
import re
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from auditor.model import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from jsonschema.protocols import Validator

MAX_BYTES: Final = 4 * 1024 * 1024
MAX_DEPTH: Final = 40

_LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INTEGER: Final = re.compile(r"[-+]?[0-9]{1,300}")
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]{1,3})?")
_WORDS: Final[dict[str, object]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


class Document:
    """A YAML file: its value, and the line of everything in it."""

    def __init__(self, value: object, file: str, lines: dict[int, dict[object, int]]) -> None:
        """Keep the value beside the lines of its containers' members, which are found by the container's identity."""
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
        """Check the value against one of the package's schemas.

        Raises:
            InputError: the fault that lies deepest, with its line and the key at fault.
        """
        from jsonschema.exceptions import best_match  # noqa: PLC0415 - a built-in pack is scanned without jsonschema

        fault = best_match(validator(schema).iter_errors(self.value))
        if fault is None:
            return self
        path = list(fault.absolute_path)
        if fault.validator in {"additionalProperties", "unevaluatedProperties"}:
            stranger = re.search(r"'([^']*)' (?:was|were) unexpected|'([^']*)', ", fault.message)
            if stranger:
                path.append(stranger.group(1) or stranger.group(2))
        where = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in fault.absolute_path).lstrip(
            "."
        )
        message = fault.message if len(fault.message) < 300 else f"{fault.message[:140]} ... {fault.message[-140:]}"
        raise InputError(f"{where or 'the file'}: {message}", self.file, self.line_at(path))


@cache
def validator(schema: str) -> Validator:
    """Return the compiled validator of `auditor/schema/<schema>.schema.json`."""
    import jsonschema  # noqa: PLC0415 - 50 ms that the built-in pack does not need

    text = resources.files("auditor").joinpath("schema", f"{schema}.schema.json").read_text(encoding="utf-8")
    return jsonschema.Draft202012Validator(json.loads(text))


def read(path: Path) -> Document:
    """Read a YAML file.

    Raises:
        InputError: it cannot be opened, or is no YAML of the accepted kind.
    """
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        message = f"cannot be read: {error.strerror}"
        raise InputError(message, str(path)) from None
    return parse(data, str(path))


def parse(data: bytes, file: str) -> Document:
    """Parse the bytes of a YAML file; `file` names it in errors.

    Raises:
        InputError: they are no YAML of the accepted kind.
    """
    if len(data) > MAX_BYTES:
        message = f"is larger than the {MAX_BYTES // 1024 // 1024} MiB that a YAML file may have"
        raise InputError(message, file)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        message = "is not UTF-8 text"
        raise InputError(message, file, data[: error.start].count(b"\n") + 1) from None
    builder = _Builder(file)
    try:
        value = builder.document(yaml.parse(text, Loader=_LOADER))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        message = f"is not valid YAML: {error.problem or error.context}"
        raise InputError(message, file, mark.line + 1 if mark else 0) from None
    except yaml.YAMLError as error:
        line = text[: getattr(error, "position", 0) or 0].count("\n") + 1
        message = f"is not valid YAML: {getattr(error, 'reason', None) or error}"
        raise InputError(message.splitlines()[0], file, line) from None
    return Document(value, file, builder.lines)


class _Builder:
    """Builds values from the parser's events, where aliases, depth and duplicates can be seen before they cost anything."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.lines: dict[int, dict[object, int]] = {}

    def document(self, events: Iterator[Any]) -> object:
        value: object = None
        documents = 0
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise self._error("has more than one YAML document", event)
            elif not isinstance(event, yaml.StreamStartEvent | yaml.StreamEndEvent | yaml.DocumentEndEvent):
                value = self._value(event, events, 0)
        if documents == 0:
            message = "is empty"
            raise InputError(message, self.file)
        return value

    def _value(self, event: Any, events: Iterator[Any], depth: int) -> object:  # noqa: ANN401 - yaml is untyped
        if isinstance(event, yaml.AliasEvent):
            raise self._error(f"uses the alias *{event.anchor}; write the value out", event)
        if event.tag is not None and event.tag != "!":
            raise self._error(f"uses the tag {event.tag}; tags are not allowed", event)
        if depth > MAX_DEPTH:
            raise self._error(f"is nested more than {MAX_DEPTH} levels deep", event)
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event)
        line = event.start_mark.line + 1
        if isinstance(event, yaml.SequenceStartEvent):
            items: list[object] = []
            lines: dict[object, int] = {None: line}
            while not isinstance(event := next(events), yaml.SequenceEndEvent):
                lines[len(items)] = event.start_mark.line + 1
                items.append(self._value(event, events, depth + 1))
            self.lines[id(items)] = lines
            return items
        members: dict[str, object] = {}
        lines = {None: line}
        while not isinstance(event := next(events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                raise self._error("has a key that is not a word", event)
            name = event.value
            if name in members:
                raise self._error(f"has the key '{name}' twice", event)
            lines[name] = event.start_mark.line + 1
            members[name] = self._value(next(events), events, depth + 1)
        self.lines[id(members)] = lines
        return members

    def _scalar(self, event: Any) -> object:  # noqa: ANN401 - yaml is untyped
        text: str = event.value
        if not event.implicit[0]:
            return text
        if text in _WORDS:
            return _WORDS[text]
        if _INTEGER.fullmatch(text):
            return int(text)
        # A number too large for JSON stays the text that it is.
        return float(text) if _FLOAT.fullmatch(text) and math.isfinite(float(text)) else text

    def _error(self, message: str, event: Any) -> InputError:  # noqa: ANN401 - yaml is untyped
        return InputError(message, self.file, event.start_mark.line + 1)
