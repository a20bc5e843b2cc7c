"""Converts objects of sarif_om to JSON values.

sarif_om has neither types nor a serializer. The serializer that others use with it omits a level that equals the
schema's default, after which the default level of the rule applies: a severity would change.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

import attrs
import sarif_om as om

Node = Any
"""An object of sarif_om, or a value inside it."""


class Plain(dict[str, Node]):
    """An object of sarif_om that was converted before, because several have it as a part."""


_ALWAYS: Final = frozenset(("kind", "level"))
"""Written even if equal to the schema's default, because the default of a rule has priority over it."""
_RENAMED: Final = {(om.Suppression, "state"): "status"}
"""Properties that sarif_om names as a draft of the standard did."""
_VALUES: Final = (str, bool, int, float)


class _IsPlain(dict[type, bool]):
    """By class, whether its objects are JSON values that contain no object of sarif_om."""

    def __missing__(self, kind: type) -> bool:
        found = self[kind] = kind is Plain or issubclass(kind, _VALUES)
        return found


_IS_PLAIN: Final = _IsPlain()
_NO_DEFAULT: Final = object()
"""What equals no value."""


def plain(node: Node) -> Node:
    """Return a tree of sarif_om objects as JSON values.

    Raises:
        TypeError: it contains something that SARIF does not define, such as a misspelt attribute.
    """
    kind: Any = type(node)
    if _IS_PLAIN[kind]:
        return node
    if kind is list or kind is tuple:
        return [plain(item) for item in node]
    if kind is dict:
        return {name: value if _IS_PLAIN[type(value)] else plain(value) for name, value in node.items()}
    properties = _properties(kind)
    found = {}
    for name, value in vars(node).items():
        if value is None:
            continue
        if name not in properties:
            raise TypeError(f"{kind.__name__} has no {name}")
        property_name, default = properties[name]
        if default is _NO_DEFAULT or value != default:
            found[property_name] = value if _IS_PLAIN[type(value)] else plain(value)
    return found


@cache
def _properties(kind: type) -> Mapping[str, tuple[str, object]]:
    """Return the properties of a class of sarif_om by attribute: their names in JSON, and the values not written.

    Raises:
        TypeError: it is no class of sarif_om.
    """
    if not attrs.has(kind):
        raise TypeError(f"{kind.__name__} is not a SARIF object")
    return {
        field.name: (
            _RENAMED.get((kind, field.name), field.metadata["schema_property_name"]),
            _NO_DEFAULT if field.name in _ALWAYS or not _is_plain(field.default) else field.default,
        )
        for field in attrs.fields(kind)
    }


def _is_plain(default: object) -> bool:
    """Return whether a default is a value, and not what makes one."""
    return isinstance(default, _VALUES)
