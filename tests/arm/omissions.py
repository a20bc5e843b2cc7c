"""What bodies lack unless the request asks for it. The server obeys this table, and recorded answers confirm it.

They also lack what only a later api-version than that of the request returns, by the declarations of resource types.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from typing import Any, Final

from auditor.azure import arm, paths
from auditor.azure.types import TYPES
from tests.arm.exchange import Call
from tests.arm.target import Target


class Form(enum.Enum):
    """How a resource is asked for."""

    ITSELF = "the resource itself"
    OF_SUBSCRIPTION = "a list of a subscription"
    OF_GROUP = "a list of a resource group"
    OF_PARENT = "a list of another resource"

    @classmethod
    def of(cls, target: Target) -> Form:
        """Return the form of a request for resources."""
        if target.name:
            return cls.ITSELF
        if target.parent:
            return cls.OF_PARENT
        return cls.OF_GROUP if target.group else cls.OF_SUBSCRIPTION


EVERY: Final = frozenset(Form)
LISTS: Final = EVERY - {Form.ITSELF}


@dataclass(frozen=True)
class Omission:
    """Properties that Azure leaves out of the bodies of a type."""

    type: str
    """The lower-case type."""
    names: tuple[str, ...]
    """Of the properties, below `properties`."""
    forms: frozenset[Form]
    expand: str = ""
    """The value of `$expand` that brings them all the same; "" if none does."""


OMISSIONS: Final = (
    # A list of a resource group has them, whatever is asked: Azure/azure-cli#11821.
    Omission(
        "microsoft.compute/availabilitysets",
        ("virtualMachines",),
        frozenset({Form.OF_SUBSCRIPTION}),
        "virtualMachines/$ref",
    ),
    Omission("microsoft.compute/virtualmachines", ("instanceView",), EVERY, "instanceView"),
    Omission("microsoft.compute/virtualmachines", ("userData",), EVERY, "userData"),
    Omission("microsoft.compute/virtualmachines/extensions", ("instanceView",), EVERY, "instanceView"),
    Omission("microsoft.network/connections", ("connectionStatus",), LISTS),
    Omission(
        "microsoft.recoveryservices/vaults", ("backupStorageVersion", "redundancySettings", "securitySettings"), LISTS
    ),
    Omission(
        "microsoft.recoveryservices/vaults/backupfabrics/protectioncontainers/protecteditems", ("extendedInfo",), LISTS
    ),
    Omission("microsoft.storage/storageaccounts", ("geoReplicationStats",), EVERY, "geoReplicationStats"),
)


def omitted(type_: str, form: Form, expand: str) -> Iterator[str]:
    """Yield the names of the properties that a body of a lower-case type lacks; `expand` is that of the request."""
    asked = expand.lower().split(",")
    for omission in OMISSIONS:
        if omission.type == type_ and form in omission.forms and omission.expand.lower() not in {*asked} - {""}:
            yield from omission.names


def shown(body: dict[str, Any], call: Call, form: Form) -> dict[str, Any]:
    """Return a resource as the answer to a request shows it."""
    type_, version = arm.type_of(body["id"]), call.parameter("api-version")
    hidden = [("properties", name) for name in omitted(type_, form, call.parameter("$expand"))]
    later = (entry for entry in (TYPES[type_].since if type_ in TYPES else ()) if version < entry.version)
    steps = [*hidden, *(paths.parse(path) for entry in later for path in entry.paths)]
    shown: dict[str, Any] = reduce(_without, steps, body)
    return shown


def _without(body: Any, steps: tuple[paths.Step, ...]) -> Any:
    """Return JSON without what is at a path."""
    if isinstance(body, list):
        return [_without(item, steps[1:]) for item in body] if steps[0] is None else body
    if not isinstance(body, dict) or steps[0] not in body:
        return body
    if len(steps) == 1:
        return {name: value for name, value in body.items() if name != steps[0]}
    return {**body, steps[0]: _without(body[steps[0]], steps[1:])}
