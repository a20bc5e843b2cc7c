"""Volatile and identity properties: each declared one exists, and only declared ones are ignored."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from auditor.azure import arm, types
from auditor.azure.types import Namespace, ResourceType, Volatile
from auditor.evaluation.drift.properties import Comparison
from auditor.snapshot.model import resource
from tests import estates

RECORDINGS = Path(__file__).parents[4] / "shared" / "recordings"
DECLARED: list[Namespace | ResourceType] = [*types.NAMESPACES, *types.TYPES.values()]

VM = "Microsoft.Compute/virtualMachines"
ITEM = "Microsoft.RecoveryServices/vaults/backupFabrics/protectionContainers/protectedItems"
REPLICATED = (
    "Microsoft.RecoveryServices/vaults/replicationFabrics/replicationProtectionContainers/replicationProtectedItems"
)
INSTANCE = "Microsoft.DataProtection/backupVaults/backupInstances"
CONNECTION, CIRCUIT = "Microsoft.Network/connections", "Microsoft.Network/expressRouteCircuits"
NETWORK, GROUP = "Microsoft.Network/virtualNetworks", "Microsoft.Network/networkSecurityGroups"

RECORDED = [
    ("Microsoft.Compute/availabilitySets", "properties.virtualMachines"),
    (NETWORK, "etag"),
    (NETWORK, "properties.subnets[name=snet].etag"),
    (CIRCUIT, "properties.peerings[name=AzurePrivatePeering].properties.gatewayManagerEtag"),
    (CIRCUIT, "properties.peerings[name=AzurePrivatePeering].properties.lastModifiedBy"),
    (NETWORK, "properties.provisioningState"),
    (NETWORK, "changedTime"),
    ("Microsoft.ContainerRegistry/registries", "systemData.lastModifiedAt"),
    ("Microsoft.ContainerRegistry/registries", "systemData.lastModifiedByType"),
    (VM, "properties.instanceView.statuses[code=ProvisioningState].code"),
    (VM, "properties.instanceView.statuses[code=PowerState].displayStatus"),
    (VM, "properties.instanceView.statuses[code=PowerState].level"),
    (VM, "properties.instanceView.statuses[code=ProvisioningState].time"),
    (VM, "properties.instanceView.vmAgent.vmAgentVersion"),
    (VM, "properties.instanceView.disks[name=os].statuses"),
    (VM, "properties.instanceView.extensions[name=agent].statuses"),
    (VM, "properties.instanceView.bootDiagnostics"),
    (VM, "properties.instanceView.maintenanceRedeployStatus"),
    (VM, "properties.instanceView.assignedHost"),
    (f"{VM}/extensions", "properties.instanceView"),
    ("Microsoft.Compute/disks", "properties.diskState"),
    ("Microsoft.Compute/disks", "properties.LastOwnershipUpdateTime"),
    (NETWORK, "properties.subnets[name=snet].properties.ipConfigurations"),
    (NETWORK, "properties.subnets[name=snet].properties.serviceAssociationLinks"),
    (GROUP, "properties.networkInterfaces"),
    (GROUP, "properties.subnets"),
    (GROUP, "properties.defaultSecurityRules"),
    ("Microsoft.Network/trafficManagerProfiles", "properties.monitorConfig.profileMonitorStatus"),
    (CONNECTION, "properties.connectionStatus"),
    (CONNECTION, "properties.egressBytesTransferred"),
    (CONNECTION, "properties.ingressBytesTransferred"),
    ("Microsoft.Storage/storageAccounts", "properties.geoReplicationStats"),
    (ITEM, "properties.healthDetails"),
    (ITEM, "properties.healthStatus"),
    (ITEM, "properties.kpisHealths"),
    (ITEM, "properties.lastBackupStatus"),
    (ITEM, "properties.lastBackupTime"),
    (ITEM, "properties.lastRecoveryPoint"),
    (ITEM, "properties.extendedInfo.oldestRecoveryPoint"),
    (ITEM, "properties.extendedInfo.recoveryPointCount"),
    (f"{ITEM}/recoveryPoints", "properties.timeRanges"),
]
"""Properties that Azure was observed to write by itself."""

DESCRIBED = [
    *((f"{VM}/guest", f"properties.{name}") for name in ("takenAt", "events", "firstLine", "lastLine", "metrics")),
    *((f"{VM}/guest", f"properties.{name}") for name in ("at", "arbiter", "members", "instances")),
    ("Microsoft.Resources/subscriptions/locations", "metadata"),
    (VM, "properties.instanceView.statuses[code=PowerState].message"),
    (VM, "properties.instanceView.patchStatus"),
    (VM, "properties.instanceView.vmHealth"),
    (VM, "properties.instanceView.extensions[name=agent].statuses[code=Component].provisioningTime"),
    ("Microsoft.Compute/restorePointCollections", "properties.source.lastModifiedTime"),
    ("Microsoft.Network/applicationGateways", "properties.lastModified"),
    ("Microsoft.Network/networkManagers", "properties.lastUpdatedTime"),
    (NETWORK, "properties.subnets[name=snet].properties.ipConfigurationProfiles"),
    (CONNECTION, "properties.tunnelConnectionStatus"),
    (REPLICATED, "properties.replicationHealth"),
    (REPLICATED, "properties.healthErrors"),
    (REPLICATED, "properties.lastSuccessfulTestFailoverTime"),
    (INSTANCE, "properties.protectionStatus"),
    (INSTANCE, "properties.protectionErrorDetails"),
    ("Microsoft.Compute/locations/usages", "currentValue"),
    ("Microsoft.Insights/metrics", "value"),
]
"""Further ones, which the models of Azure's SDKs have."""

KNOWN = [*RECORDED, *DESCRIBED]

ENTRIES = [(declared.name, path) for declared in DECLARED for entry in declared.volatile for path in entry.paths]
IDENTITY = [
    (declared.name, path) for declared in DECLARED for path in (*declared.identity.unique, *declared.identity.created)
]


def body_with(path: str, value: str) -> dict[str, Any]:
    """Return a body that has a value at a path."""
    body: dict[str, Any] = {}
    holder: Any = body
    steps = re.findall(r"(\w+)(?:\[(\w+)=(\w+)\])?(?:\.|$)", path)
    for name, label, label_value in steps[:-1]:
        holder[name] = [{label: label_value}] if label else {}
        holder = holder[name][0] if label else holder[name]
    (last, _, _) = steps[-1]
    holder[last] = f"{holder[last]}/{value}" if last in holder else value
    return body


def moved(type_: str, path: str) -> list[str]:
    """Return the reported changes of a resource in which one property differs."""
    namespace, *types = type_.split("/")
    arm_id = "/".join(["/subscriptions/1/resourceGroups/rg/providers", namespace, *(f"{t}/x" for t in types)])
    before, after = (resource(body_with(path, value), arm_id) for value in ("before", "after"))
    return [found.path for found in Comparison(before, after, str).differences()]


@pytest.mark.slow
@pytest.mark.parametrize(("type_", "path"), KNOWN)
def test_volatile_properties_are_ignored(type_: str, path: str) -> None:
    assert moved(type_, path) == []
    assert (
        moved(type_, "properties.mode") == []
        if type_.endswith(("/metrics", "/recoveryPoints"))
        else ["properties.mode"]
    )


@pytest.mark.slow
@pytest.mark.parametrize(("type_", "path"), ENTRIES)
def test_every_entry_applies_to_an_existing_property(type_: str, path: str) -> None:
    """This finds entries with a misspelt path or type."""
    pattern = re.compile(Volatile((path,), "").pattern)

    def leads_there(known: str) -> bool:
        steps = [found.end() for found in re.finditer(r"\w+(?:\[[^]]*\])?", known)]
        names = [found.end() for found in re.finditer(r"\w+", re.sub(r"\[[^]]*\]", lambda m: "[" * len(m[0]), known))]
        return any(pattern.fullmatch(known[:end]) for end in [*steps, *names])

    assert [known for of, known in KNOWN if is_declared_for(arm.canonical_type(of), type_) and leads_there(known)]


def is_declared_for(type_: str, name: str) -> bool:
    """Return whether the declaration under a name applies to a type."""
    return arm.canonical_type(name) == type_ or any(n.name == name and n.holds_for(type_) for n in types.NAMESPACES)


@pytest.mark.slow
@pytest.mark.skipif(not RECORDINGS.is_dir(), reason="the recordings are not here")
@pytest.mark.parametrize(("type_", "path"), IDENTITY)
def test_every_identity_property_exists(type_: str, path: str) -> None:
    assert [body for of, body in everything() if is_declared_for(of, type_) and path in names(body)]


@pytest.mark.parametrize("path", ["properties.widgetag", "properties.etagOf", "properties.subnets.mode"])
def test_properties_that_only_resemble_volatile_ones_are_reported(path: str) -> None:
    assert moved(NETWORK, path) == [path]


@pytest.mark.slow
@pytest.mark.skipif(not RECORDINGS.is_dir(), reason="the recordings are not here")
@pytest.mark.parametrize(("type_", "path"), RECORDED)
def test_azure_was_observed_to_write_it(type_: str, path: str) -> None:
    wanted = re.sub(r"\[[^]]*\]", "", path)
    found = {name for of, body in everything() if of == arm.canonical_type(type_) for name in names(body)}
    assert wanted in found


@cache
def everything() -> tuple[tuple[str, Any], ...]:
    """Return the bodies of all fixtures, and of recorded answers if there are any, by their types."""
    documents_ = [estates.body_of(name) for name in (*estates.ESTATES, "mirror-template")]
    documents_ += [json.loads(path.read_bytes()) for path in sorted(RECORDINGS.glob("re*/*/*.json"))]
    return tuple((arm.type_of(body["id"]), body) for document in documents_ for body in bodies(document))


def bodies(value: Any) -> Iterator[Any]:
    """Yield every object in JSON that has the id of a resource."""
    if isinstance(value, dict):
        if isinstance(value.get("id"), str) and arm.type_of(value["id"]):
            yield value
        value = [*value.values()]
    for member in value if isinstance(value, list) else ():
        yield from bodies(member)


def names(value: Any, path: str = "") -> Iterator[str]:
    """Yield the paths of all members of JSON, without indexes of lists."""
    if isinstance(value, dict):
        for name, member in value.items():
            below = f"{path}.{name}" if path else name
            yield below
            yield from names(member, below)
    for member in value if isinstance(value, list) else ():
        yield from names(member, path)
