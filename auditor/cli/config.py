"""The file of default options, `auditor.yaml`: named by `--config`, else found in the working folder.

Each of its keys is an option of the command line. It applies to every command that has the option, `output` only to
`scan`, and gives way to what the command line says. A file that was merely found came with the folder, perhaps
from another person: it may not set where tokens go, or what is trusted or run.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from auditor.cli.arguments import Parser

if TYPE_CHECKING:
    from auditor.yaml_documents import Document

FILE: Final = Path("auditor.yaml")
FORMAT: Final = "auditor.config/1"
SCHEMA: Final = "config"

_OPTION: Final = "config"
"""The option that names a file; a command without it has no defaults."""
_NO_DEFAULTS: Final = frozenset({_OPTION, "no-config", "demo", "report", "lose", "pairs", "first"})
_OF_SCAN: Final = frozenset({"output"})
"""Options that are those of `scan` alone: another command has other outputs."""
_ONLY_BY_HAND: Final = frozenset({"arm-endpoint", "authority", "ca-bundle", "cloud", "tenant", "rules", "scheduler"})
"""Options that a file must not set that was merely found."""


def with_defaults(parser: Callable[[Sequence[str]], Parser], words: Sequence[str]) -> tuple[Sequence[str], Path | None]:
    """Return arguments with the defaults of a file before them, and the file, None without one.

    `parser` returns a parser that knows the arguments of the commands among some words.

    Raises:
        InputError: the file is wrong, or sets what it must not set.
    """
    named = any(word.startswith(f"--{_OPTION}") for word in words)
    if not (named or os.path.lexists(FILE)):
        return words, None
    command, count = parser(words).named(words)
    if _OPTION not in command.options:
        return words, None
    rest = words[count:]
    given = command.given(rest)
    file = given.get(_OPTION)
    path = file if isinstance(file, Path) else None
    if path is None and ({"no_config", "demo"} & given.keys() or not os.path.lexists(FILE)):
        return words, None
    from auditor import yaml_documents  # noqa: PLC0415 - most commands have no such file

    document = yaml_documents.read(path or FILE).validate(SCHEMA)
    if path is None:
        _check_found(document)
    _check_choices(document, command)
    name, kept = " ".join(words[:count]), command.excluded_by(given)
    defaults = [
        word
        for key, action in command.options.items()
        for word in _words(document, key, action)
        if action.dest not in kept and (key not in _OF_SCAN or name == "scan")
    ]
    return [*words[:count], *defaults, *rest], path or FILE


def _check_found(document: Document) -> None:
    """Refuse what a file must not set that was merely found.

    Raises:
        InputError: it sets such an option, or an output outside of its folder.
    """
    value: Any = document.value
    for key in value:
        if key in _ONLY_BY_HAND:
            message = f"{key} may not be set by a file that was merely found; name the file by --config, or use --{key}"
            raise document.error(message, value, key)
    for text in _texts(value.get("output", ())):
        path = text.partition("=")[2]
        if not Path(path).resolve().is_relative_to(Path.cwd().resolve()):
            message = f"output: {path} is outside of this folder; a file that was merely found may not write there"
            raise document.error(message, value, "output")


def _check_choices(document: Document, command: Parser) -> None:
    """Refuse options that exclude each other.

    Raises:
        InputError: the file sets two of them.
    """
    value: Any = document.value
    chosen = {action.dest: key for key, action in command.options.items() if value.get(key, False) is not False}
    for dest, key in chosen.items():
        others = [chosen[other] for other in command.excluded_by({dest}) & chosen.keys() - {dest}]
        if others:
            message = f"{key} and {others[0]} exclude each other"
            raise document.error(message, value, key)


def _words(document: Document, key: str, action: argparse.Action) -> Iterator[str]:
    """Yield the arguments that stand for a key of the file.

    Raises:
        InputError: the option does not accept the value.
    """
    value: Any = document.value
    if isinstance(value.get(key), bool):
        yield from [f"--{key}"] if value[key] else []
        return
    for text in _texts(value.get(key, ())):
        try:
            accepted = action.type(text) if callable(action.type) else text
        except argparse.ArgumentTypeError as error:
            raise document.error(f"{key}: {error}", value, key) from None
        yield f"--{key}={_placed(document, key, accepted, text)}"


def _texts(value: Any) -> list[str]:  # noqa: ANN401 - parsed YAML
    """Return the texts of a value that may be one, or a list of several."""
    return [str(member) for member in value] if isinstance(value, list | tuple) else [str(value)]


def _placed(document: Document, key: str, accepted: object, text: str) -> str:
    """Return a value of which a path counts from the folder of the file."""
    folder = Path(document.file).parent
    if isinstance(accepted, Path):
        return str(folder / accepted)
    name, equals, path = text.partition("=")
    return f"{name}={folder / path}" if key == "output" and equals else text


# --- schema -----------------------------------------------------------------------------------------------------------


def schema(parser: Parser) -> str:
    """Return the content of the schema of the file: every option of a command that may have defaults."""
    options: dict[str, argparse.Action] = {}
    for command in parser.commands.values():
        if _OPTION in command.options:
            options = {**command.options, **options}
    found = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Default options",
        "description": "The file auditor.yaml: default options of the command line.",
        "type": "object",
        "required": ["format"],
        "additionalProperties": False,
        "properties": {
            "format": {"const": FORMAT},
            **{key: _property(options[key]) for key in sorted(options) if key not in _NO_DEFAULTS},
        },
    }
    return json.dumps(found, indent=2) + "\n"


def _property(action: argparse.Action) -> dict[str, Any]:
    """Return the schema of the value of an option."""
    text: dict[str, Any] = {"type": "string", "minLength": 1}
    if action.nargs == 0:
        found: dict[str, Any] = {"type": "boolean"}
    elif action.choices:
        found = {"enum": [*action.choices]}
    elif isinstance(action.default, float):
        found = {"type": "number"}
    elif isinstance(action, argparse._AppendAction):  # noqa: SLF001 - the only name it has
        found = {"type": ["string", "array"], "minLength": 1, "minItems": 1, "items": text}
    else:
        found = text
    return {"description": f"{action.help}.", **found}
