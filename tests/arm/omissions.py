"""What bodies lack unless the request asks for it. The server obeys this table, and recorded answers confirm it."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from auditor.azure import arm
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
    hidden = set(omitted(arm.type_of(body["id"]), form, call.parameter("$expand")))
    properties = body.get("properties")
    if not hidden or not isinstance(properties, dict):
        return body
    return {**body, "properties": {name: value for name, value in properties.items() if name not in hidden}}
