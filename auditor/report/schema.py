"""Generates the schemas of JSON formats from the classes of their documents and their docstrings."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Mapping
from enum import Enum
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, get_args, get_type_hints

import msgspec

import auditor

FOLDER: Final = Path(auditor.__file__).parent / "schema"
"""The folder of the schemas."""


def text(document: type, title: str) -> str:
    """Return the schema of a document as the content of its file; a description states what each field is.

    It forbids unknown keys. Reading ignores them, since a later version may have written them.
    """
    return msgspec.json.format(msgspec.json.encode(_schema(document, title)), indent=2).decode() + "\n"


def _schema(document: type, title: str) -> dict[str, Any]:
    schema = msgspec.json.schema(document)
    classes = _classes(document)
    for name, definition in schema["$defs"].items():
        type_ = classes[name]
        described = _docstrings(type_)
        if issubclass(type_, Enum):
            meanings = (f"{member.value}: {described[member.name]}" for member in type_ if member.name in described)
            definition["description"] = " ".join((definition["description"], *meanings))
        else:
            definition["additionalProperties"] = False
            for field in msgspec.structs.fields(type_):
                about = definition["properties"][field.encode_name]
                about.pop("default", None)  # a value that is never written
                if field.name in described:
                    about["description"] = described[field.name]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title, **schema}


def _classes(document: type) -> dict[str, Any]:
    """Return the classes of a document, and of its parts, by name."""
    found: dict[str, Any] = {}
    pending: list[Any] = [document]
    while pending:
        type_ = pending.pop()
        if isinstance(type_, type) and issubclass(type_, msgspec.Struct | Enum) and type_.__name__ not in found:
            found[type_.__name__] = type_
            hints = get_type_hints(type_, include_extras=True) if issubclass(type_, msgspec.Struct) else {}
            pending += hints.values()
        else:
            pending += get_args(type_)
    return found


def _docstrings(type_: type) -> Mapping[str, str]:
    """Return the docstrings below the fields of a class and of its bases, by field."""
    found = {}
    for base in reversed([base for base in type_.__mro__ if base.__module__.startswith("auditor.")]):
        (definition,) = ast.parse(inspect.getsource(base)).body
        for statement, following in pairwise(definition.body if isinstance(definition, ast.ClassDef) else ()):
            match statement, following:
                case (
                    ast.AnnAssign(target=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)]),
                    ast.Expr(value=ast.Constant(value=str(docstring))),
                ):
                    found[name] = " ".join(docstring.split())
    return found
