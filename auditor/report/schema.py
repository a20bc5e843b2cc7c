"""Generates `schema/report.schema.json` from the classes of `document` and their docstrings."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Mapping
from enum import Enum
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import msgspec

import auditor
from auditor.evaluation.picture import model
from auditor.report import document

FILE: Final = Path(auditor.__file__).parent / "schema" / "report.schema.json"


def text() -> str:
    """Return the schema of `auditor.report/1` as the content of `FILE`."""
    return msgspec.json.format(msgspec.json.encode(_schema()), indent=2).decode() + "\n"


def _schema() -> dict[str, Any]:
    """Return the schema of the classes, with a description of each field; it forbids unknown keys.

    Reading ignores unknown keys, which a later version may have written.
    """
    schema = msgspec.json.schema(document.Document)
    for name, definition in schema["$defs"].items():
        type_ = getattr(document, name, None) or getattr(model, name)
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
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Report", **schema}


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
