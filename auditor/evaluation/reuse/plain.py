"""Values of look-ups as bytes, which are equal only for values that mean the same to every rule."""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any, Final

import msgspec

from auditor.estate.declaration import DeclaredDeployment
from auditor.estate.subjects import Deployment, Subscription
from auditor.snapshot.model import Part, Resource
from auditor.snapshot.watching import head

encode: Final[Callable[[object], bytes]] = msgspec.msgpack.Encoder().encode
_LARGEST: Final = 2**63
"""The first integer that MessagePack does not have; address ranges of IPv6 are larger."""


class OpaqueError(TypeError):
    """A value of a type whose content is not known to be all that counts."""


class Plain:
    """Values as lists, texts and numbers; those that many others have are encoded once.

    Of a resource there is what stands beside its body, and of a deployment or subscription the id: what is read of the
    rest is logged. The order of lists and dicts counts; that of sets does not.
    """

    def __init__(self) -> None:
        """Start with nothing encoded."""
        self._kept: dict[int, tuple[object, Any]] = {}
        """What stands for a value that many others have, by its identity, with the value, which is kept alive."""
        self._form_of: dict[type, Callable[[Plain, Any], Any]] = {}

    def encoded(self, value: object) -> bytes:
        """Return a value as bytes.

        Raises:
            OpaqueError: it is, or has, an object of an unknown type.
        """
        return encode(self._plain(value))

    def _plain(self, value: Any) -> Any:  # noqa: ANN401 - any value
        kind = type(value)
        if kind is str or value is None or kind is bool or kind is float or kind is bytes:
            return value
        form = self._form_of.get(kind)
        if form is None:
            form = next((form for kinds, form in self._forms if issubclass(kind, kinds)), None)
            if form is None:
                raise OpaqueError(kind.__name__)
            self._form_of[kind] = form
        return form(self, value)

    def _record(self, value: Any) -> Any:  # noqa: ANN401 - a record
        return [type(value).__name__, *(self._plain(getattr(value, name)) for name in value.__struct_fields__)]

    def _once(self, value: object, form: Callable[[Any], Any]) -> Any:  # noqa: ANN401 - a plain value
        known = self._kept.get(id(value))
        if known is None:
            known = self._kept[id(value)] = value, form(value)
        return known[1]

    def _resource(self, value: Resource) -> Any:  # noqa: ANN401 - a plain value
        return self._once(value, lambda found: ["Resource", *map(self._plain, head(found))])

    def _part(self, value: Part) -> Any:  # noqa: ANN401 - a plain value
        return self._once(value, lambda found: ["Part", self._plain(found.resource), found.path, encode(found.body)])

    def _deployment(self, value: Deployment) -> Any:  # noqa: ANN401 - a plain value
        return ["Deployment", value.id]

    def _subscription(self, value: Subscription) -> Any:  # noqa: ANN401 - a plain value
        return ["Subscription", value.id]

    def _enum(self, value: enum.Enum) -> Any:  # noqa: ANN401 - a plain value
        return [type(value).__name__, value.name]

    def _number(self, value: int) -> Any:  # noqa: ANN401 - a plain value
        return value if -_LARGEST <= value < _LARGEST else ["int", str(value)]

    def _mapping(self, value: Mapping[Any, Any]) -> Any:  # noqa: ANN401 - a plain value
        return ["dict", *([self._plain(name), self._plain(member)] for name, member in value.items())]

    def _list(self, value: Any) -> Any:  # noqa: ANN401 - a list or tuple
        return [self._plain(member) for member in value]

    def _set(self, value: AbstractSet[Any]) -> Any:  # noqa: ANN401 - a plain value
        return ["set", *sorted(encode(self._plain(member)) for member in value)]

    def _text(self, value: object) -> Any:  # noqa: ANN401 - a plain value
        return [type(value).__name__, str(value)]

    def _declared(self, value: DeclaredDeployment) -> Any:  # noqa: ANN401 - a plain value
        return self._once(value, lambda found: encode(self._record(found)))

    _forms: Final[tuple[tuple[Any, Callable[[Plain, Any], Any]], ...]] = (
        (enum.Enum, _enum),
        (int, _number),
        (Resource, _resource),
        (Part, _part),
        (Deployment, _deployment),
        (DeclaredDeployment, _declared),
        (Subscription, _subscription),
        (msgspec.Struct, _record),
        ((list, tuple), _list),
        (Mapping, _mapping),
        (AbstractSet, _set),
        ((dt.date, IPv4Address, IPv6Address, IPv4Network, IPv6Network), _text),
    )
    """How values of each type are written; the first that fits counts."""
