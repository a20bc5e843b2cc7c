"""Converts objects of sarif_om to JSON values.

sarif_om has neither types nor a serializer. The serializer that others use with it omits a level that equals the
schema's default, after which the default level of the rule applies: a severity would change.
"""

from __future__ import annotations

from typing import Any, Final

import attrs
import sarif_om as om

Node = Any
"""An object of sarif_om, or a value inside it."""

_ALWAYS: Final = frozenset(("kind", "level"))
"""Written even if equal to the schema's default, because the default of a rule has priority over it."""
_RENAMED: Final = {(om.Suppression, "state"): "status"}
"""Properties that sarif_om names as a draft of the standard did."""


def plain(node: Node) -> Node:
    """Return a tree of sarif_om objects as JSON values.

    Raises:
        TypeError: it contains something that SARIF does not define, such as a misspelt attribute.
    """
    if isinstance(node, str | bool | int | float):
        return node
    if isinstance(node, list | tuple):
        return [plain(item) for item in node]
    if isinstance(node, dict):
        return {name: plain(value) for name, value in node.items()}
    if not attrs.has(type(node)):
        raise TypeError(f"{type(node).__name__} is not a SARIF object")
    fields = attrs.fields(type(node))
    if stray := vars(node).keys() - {field.name for field in fields}:
        raise TypeError(f"{type(node).__name__} has no {', '.join(sorted(stray))}")
    values = ((field, getattr(node, field.name)) for field in fields)
    return {
        _RENAMED.get((type(node), field.name), field.metadata["schema_property_name"]): plain(value)
        for field, value in values
        if value is not None and (field.name in _ALWAYS or value != field.default)
    }
