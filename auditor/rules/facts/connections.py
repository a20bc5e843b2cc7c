"""The state of connections of network gateways, and of ExpressRoute circuits."""

from __future__ import annotations

from auditor.azure import commands
from auditor.azure.paths import ABSENT
from auditor.rules.facts.logic import every, reads_as
from auditor.rules.facts.reading import text_at
from auditor.snapshot.known import Answer, Cause, Unknown
from auditor.snapshot.model import Resource


def is_connected(connection: Resource) -> Answer:
    """Return whether a connection is established, by what Azure reported when it was read by itself."""
    path = "properties.connectionStatus"
    found = text_at(connection, path)
    if found.value is ABSENT:
        read_it = f"no list has it; read it with {commands.get(connection.id)}"
        reason = f"the state of {connection.id} was not read: {read_it}"
        return Answer(Unknown(Cause.GAP, reason, about=(connection.id,)), found.reads)
    if isinstance(found.value, str) and found.value.lower() == "unknown":
        reason = f"Azure does not know the state of {connection.id}"
        return Answer(Unknown(Cause.VALUE, reason, about=(connection.id,)), found.reads)
    return reads_as(connection, path, "Connected")


def is_of_type(connection: Resource, *types: str) -> Answer:
    """Return whether a connection is of one of some types: `IPsec`, `Vnet2Vnet`, `ExpressRoute`, `VPNClient`."""
    return reads_as(connection, "properties.connectionType", *types)


def is_provisioned(circuit: Resource) -> Answer:
    """Return whether the provider has provisioned an ExpressRoute circuit, and Azure has enabled it."""
    return every(
        (
            reads_as(circuit, "properties.serviceProviderProvisioningState", "Provisioned"),
            reads_as(circuit, "properties.circuitProvisioningState", "Enabled"),
        )
    )
