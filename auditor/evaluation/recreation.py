"""How a VM is created again, since its place or priority is set when it is created: as it was, from its disks.

All that is created is described by what the snapshot has of the VM and its disks. A VM with a property that is not
known here is not recreated: it might lose it.
"""

from __future__ import annotations

import json
import re
import shlex
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from auditor.azure import arm
from auditor.azure.paths import ABSENT
from auditor.estate.topology import Topology
from auditor.evaluation.words import UnfilledError, quoted, safe, variable
from auditor.snapshot import lookup
from auditor.snapshot.model import Resource
from auditor.snapshot.redaction import REDACTED

Body = dict[str, Any]

CHOICE: Final = "\0"
"""Before the name of a choice, in a value that a person chooses. No value of Azure has it."""

_COMPUTE_VERSION: Final = "2024-07-01"
_DISK_VERSION: Final = "2024-03-02"
_VERSIONS: Final = {
    "microsoft.compute/virtualmachines/extensions": _COMPUTE_VERSION,
    "microsoft.maintenance/configurationassignments": "2023-04-01",
}
"""The resources below a VM that can be created again with all that is known of them."""

_KEPT: Final = frozenset({"location", "tags", "plan", "zones", "identity"})
_NAMES: Final = frozenset({"id", "name", "type", "etag", "apiVersion", "resources"})
_KEPT_PROPERTIES: Final = frozenset(
    {
        "additionalCapabilities",
        "applicationProfile",
        "availabilitySet",
        "billingProfile",
        "capacityReservation",
        "diagnosticsProfile",
        "evictionPolicy",
        "extensionsTimeBudget",
        "hardwareProfile",
        "host",
        "hostGroup",
        "licenseType",
        "networkProfile",
        "priority",
        "proximityPlacementGroup",
        "scheduledEventsProfile",
        "securityProfile",
        "storageProfile",
    }
)
_LOST_PROPERTIES: Final = frozenset({"instanceView", "osProfile", "provisioningState", "timeCreated", "vmId"})
"""What Azure sets, or refuses for a VM from existing disks."""
_PLACED: Final = frozenset({"capacityReservation", "host", "hostGroup", "proximityPlacementGroup"})
"""What ties a VM to the place that it has."""
_SPOT: Final = frozenset({"billingProfile", "evictionPolicy", "priority"})
_STORAGE: Final = frozenset({"dataDisks", "diskControllerType", "imageReference", "osDisk"})
_DISK: Final = frozenset(
    {
        "caching",
        "createOption",
        "deleteOption",
        "diskIOPSReadWrite",
        "diskMBpsReadWrite",
        "diskSizeGB",
        "lun",
        "managedDisk",
        "name",
        "osType",
        "toBeDetached",
        "writeAcceleratorEnabled",
    }
)
_MANAGED: Final = frozenset({"diskEncryptionSet", "id", "storageAccountType"})
_ATTACHED: Final = ("lun", "name", "osType", "caching", "writeAcceleratorEnabled", "deleteOption")
_INTERFACE: Final = frozenset({"id", "properties"})
_COPIED_PROPERTIES: Final = frozenset(
    {
        "burstingEnabled",
        "dataAccessAuthMode",
        "diskAccessId",
        "diskSizeGB",
        "encryption",
        "hyperVGeneration",
        "networkAccessPolicy",
        "osType",
        "publicNetworkAccess",
        "purchasePlan",
        "securityProfile",
        "supportedCapabilities",
        "supportsHibernation",
        "tier",
    }
)
_OF_SNAPSHOTS: Final = ("diskAccessId", "encryption", "networkAccessPolicy", "publicNetworkAccess")
_CREATION: Final = frozenset({"logicalSectorSize", "performancePlus"})
_DISK_KEPT: Final = frozenset({"location", "managedBy", "properties", "sku", "tags", "zones"})
_PERFORMANCE: Final = frozenset({"diskIOPSReadWrite", "diskMBpsReadWrite"})
_WITH_PERFORMANCE: Final = frozenset({"premiumv2_lrs", "ultrassd_lrs"})
_DISK_STATE: Final = frozenset(
    {
        "LastOwnershipUpdateTime",
        "creationData",
        "diskSizeBytes",
        "diskState",
        "provisioningState",
        "timeCreated",
        "uniqueId",
    }
)
_ZONE_REDUNDANT: Final = "_zrs"
_SEGMENTS_OF_VM: Final = 9
_LONGEST_NAME: Final = 80
_LETTERS_OF_ZONE: Final = 3
_SNAPSHOT_READY: Final = "properties.completionPercent==`100.0`"
_DISK_READY: Final = "properties.provisioningState=='Succeeded' && !(properties.completionPercent < `100`)"
"""Queries for copies that are complete. A disk that was copied at once has no percentage."""
_DELETED: Final = (
    "[networkProfile.networkInterfaces, storageProfile.dataDisks, [storageProfile.osDisk]][]"
    " | [?deleteOption=='Delete']"
)
"""A query for what is deleted with a VM."""


class How(NamedTuple):
    """How the new VM differs from the old one; "" for not at all."""

    zone: str = ""
    availability_set: str = ""
    """Its ARM id."""
    is_regular: bool = False
    """Whether it is no Spot VM any more."""


class Command(NamedTuple):
    """A command for the subscription of the VM, in quoted words."""

    words: tuple[str, ...]
    disturbs: bool = False
    """Whether the VM is away because of it."""


def steps(vm: Resource, topology: Topology, how: How) -> Iterator[Command | str]:
    """Yield the commands that recreate a VM, and what a person must do between them.

    Raises:
        UnfilledError: something is not known that the new VM needs.
    """
    new = _new_vm(vm, how)
    named = ("-g", quoted(vm.id.split("/")[4]), "-n", quoted(vm.name))
    yield (
        f"Stop InterSystems on {safe(vm.name)} and disable its automatic start. Go on only if there is a backup, if no "
        "lock forbids to delete the VM, and if nothing of it was changed since Azure was read, even by other steps. "
        "It is created again as it was."
    )
    yield Command(("az vm deallocate", *named), disturbs=True)
    yield Command(("az vm update", *named, "--set", *_detached(vm)))
    if how.zone:
        disks = [*_copies(new, topology, how.zone)]
        yield from (command for disk in disks for command in disk)
    yield Command(("az vm show", *named, "--query", shlex.quote(_DELETED)))
    ready = " Each copy must be complete: a wait ends after an hour in any case." if how.zone else ""
    yield f"Go on only if that printed [] and nothing else: nothing may be deleted together with {vm.name}.{ready}"
    yield Command(("az vm delete", *named, "--yes"), disturbs=True)
    yield _put(vm.id, _COMPUTE_VERSION, new)
    yield Command(("az vm wait", *named, "--created"))
    again, others = _below(vm, topology)
    for below in again:
        yield _put(below.id, _VERSIONS[below.type], _again(below))
    yield (
        f"Start InterSystems on {vm.name}, and enable its automatic start. Create again what is not shown here: the "
        "roles of its identity, its backup, replication and data collection, "
        f"{', '.join(('extensions with settings', *others))}. Keep old disks and snapshots for some days."
    )


def _put(id_: str, version: str, body: Mapping[str, Any]) -> Command:
    url = _with_choices(f"{_text(id_)}?api-version={version}")
    text = _with_choices(json.dumps(_checked(body), sort_keys=True, separators=(",", ":")).replace(r"\u0000", CHOICE))
    return Command(("az rest --method put --url", url, "--body", text))


def _with_choices(text: str) -> str:
    """Return a text as a quoted word; a choice is a variable."""
    pieces = re.split(rf"{CHOICE}([A-Z][A-Z0-9_]*)", text)
    return "".join(
        variable(piece) if number % 2 else shlex.quote(piece) for number, piece in enumerate(pieces) if piece
    )


def _checked(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Return a value of a body.

    Raises:
        UnfilledError: it was redacted, or has characters that would not be shown as they are.
    """
    if isinstance(value, dict):
        return {_text(key): _checked(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_checked(item) for item in value]
    return _text(value) if isinstance(value, str) else value


def _text(value: str) -> str:
    if REDACTED in value or "\\" in value or not value.replace(CHOICE, "").isprintable():
        raise UnfilledError
    return value


# --- the VM -----------------------------------------------------------------------------------------------------------


def _new_vm(vm: Resource, how: How) -> Body:
    """Return the body of the new VM, which has the disks of the old one."""
    properties = _known(_read(vm)["properties"], _KEPT_PROPERTIES | _LOST_PROPERTIES)
    body = {key: value for key, value in _known(vm.body, _KEPT | _NAMES | {"properties"}).items() if key in _KEPT}
    if "identity" in body:
        body["identity"] = _identity(body["identity"])
    new = {key: value for key, value in properties.items() if key in _KEPT_PROPERTIES}
    if how.is_regular:
        new = {key: value for key, value in new.items() if key not in _SPOT}
    if (how.zone or how.availability_set) and _PLACED & new.keys():
        raise UnfilledError
    if how.zone:
        body["zones"] = [how.zone]
        new.pop("availabilitySet", None)
    if how.availability_set:
        body.pop("zones", None)
        new["availabilitySet"] = {"id": how.availability_set}
    storage = _known(new.get("storageProfile"), _STORAGE)
    disks = [_attached(disk) for disk in storage.get("dataDisks") or ()]
    controller = {key: value for key, value in storage.items() if key == "diskControllerType"}
    new["storageProfile"] = {"osDisk": _attached(storage.get("osDisk")), "dataDisks": disks} | controller
    network = _known(new.get("networkProfile"), {"networkInterfaces"})
    if not network.get("networkInterfaces"):
        raise UnfilledError
    for interface in network["networkInterfaces"]:
        _known(interface, _INTERFACE)
    return {**body, "properties": new}


def _known(value: object, keys: frozenset[str] | set[str]) -> dict[str, Any]:
    """Return a part of a body.

    Raises:
        UnfilledError: it is none, or has properties that are not among the keys.
    """
    if not isinstance(value, dict):
        raise UnfilledError
    known = {key: item for key, item in value.items() if item is not None}
    if known.keys() - keys:
        raise UnfilledError
    return known


def _identity(value: Any) -> Body:  # noqa: ANN401 - JSON
    """Return the identity of a VM without what Azure sets."""
    ids = value.get("userAssignedIdentities") or {}
    return {"type": value.get("type"), **({"userAssignedIdentities": {id_: {} for id_ in ids}} if ids else {})}


def _attached(disk: object) -> Body:
    """Return a disk of a VM as one that exists."""
    known = _known(disk, _DISK)
    managed = _known(known.get("managedDisk"), _MANAGED)
    if not isinstance(managed.get("id"), str):
        raise UnfilledError
    kept: Body = {key: known[key] for key in _ATTACHED if key in known}
    return {**kept, "createOption": "Attach", "managedDisk": {"id": managed["id"]}}


def _detached(vm: Resource) -> Iterator[str]:
    """Yield the settings by which disks and network interfaces are kept when the VM is deleted."""
    body: Any = vm.body
    properties = body["properties"]
    yield "storageProfile.osDisk.deleteOption=Detach"
    for index, _ in enumerate(properties["storageProfile"].get("dataDisks") or ()):
        yield shlex.quote(f"storageProfile.dataDisks[{index}].deleteOption=Detach")
    for index, _ in enumerate(properties["networkProfile"]["networkInterfaces"]):
        yield shlex.quote(f"networkProfile.networkInterfaces[{index}].deleteOption=Detach")


def _below(vm: Resource, topology: Topology) -> tuple[list[Resource], list[str]]:
    """Return the resources that are deleted with a VM and can be created again, and the names of those that cannot.

    An extension with settings may have secrets, which Azure does not show.
    """
    below = topology.once(_by_vm).get(vm.key, ())
    known = [found for found in below if not _has_settings(found)]
    return known, [safe(found.name) for found in below if _has_settings(found)]


def _by_vm(topology: Topology) -> dict[str, list[Resource]]:
    """Return the resources of the types in `_VERSIONS` by the key of the VM below which they are."""
    found: dict[str, list[Resource]] = defaultdict(list)
    for type_ in _VERSIONS:
        for resource in topology.graph.by_type.get(type_, ()):
            found["/".join(resource.key.split("/")[:_SEGMENTS_OF_VM])].append(resource)
    return found


def _has_settings(resource: Resource) -> bool:
    return lookup.value(resource, "properties.settings").value not in (ABSENT, {})


def _again(resource: Resource) -> Body:
    body: Any = _read(resource)
    kept = {key: value for key, value in body.items() if key in {"location", "tags"} and value}
    return {**kept, "properties": {k: v for k, v in body["properties"].items() if k not in _LOST_PROPERTIES}}


def _read(resource: Resource) -> dict[str, Any]:
    """Return the body of a resource.

    Raises:
        UnfilledError: not all of it was read.
    """
    if resource.unread or not isinstance(resource.body.get("properties"), dict):
        raise UnfilledError
    return resource.body


# --- copies of disks --------------------------------------------------------------------------------------------------


def _copies(new: Body, topology: Topology, zone: str) -> Iterator[tuple[Command, ...]]:
    """Yield the commands that copy each disk of the new VM into a zone; in the VM the copies replace them.

    A disk that is in all zones is not copied.
    """
    storage = new["properties"]["storageProfile"]
    for attached in (storage["osDisk"], *storage["dataDisks"]):
        disk = topology.graph.resources.get(arm.key(attached["managedDisk"]["id"]))
        sku = disk and disk.body.get("sku")
        if disk is None or not isinstance(sku, dict) or not isinstance(sku.get("name"), str):
            raise UnfilledError
        if sku["name"].lower().endswith(_ZONE_REDUNDANT):
            continue
        name = f"{disk.name}-z{zone}"
        if len(disk.name) + _LETTERS_OF_ZONE > _LONGEST_NAME:
            raise UnfilledError
        group = disk.id.rpartition("/disks/")[0]
        attached |= {"name": name, "managedDisk": {"id": f"{group}/disks/{name}"}}
        yield _copied(disk, sku["name"], name, zone)


def _copied(disk: Resource, sku: str, name: str, zone: str) -> tuple[Command, ...]:
    """Return the commands that copy a disk, and wait for the copy."""
    body = _known(_read(disk), _NAMES | _DISK_KEPT)
    properties = _known(body["properties"], _COPIED_PROPERTIES | _PERFORMANCE | _DISK_STATE)
    chosen = _PERFORMANCE if sku.lower() in _WITH_PERFORMANCE else frozenset()
    copied = {key: value for key, value in properties.items() if key in _COPIED_PROPERTIES | chosen}
    also = {key: copied[key] for key in _OF_SNAPSHOTS if key in copied}
    creation = {key: value for key, value in (properties.get("creationData") or {}).items() if key in _CREATION}
    folder, group = disk.id.rpartition("/disks/")[0], quoted(disk.id.split("/")[4])
    source = f"{folder}/snapshots/{name}"
    data: Body = {"createOption": "Copy", "sourceResourceId": disk.id}
    snapshot: Body = {"location": disk.location, "properties": {"creationData": data, "incremental": True, **also}}
    copy: Body = {"location": disk.location, "zones": [zone], "sku": {"name": sku}}
    if body.get("tags"):
        copy["tags"] = body["tags"]
    of_copy: Body = {**data, **creation, "sourceResourceId": source}
    copy["properties"] = {**copied, "creationData": of_copy}
    word = _with_choices(name)
    return (
        _put(source, _DISK_VERSION, snapshot),
        Command(("az snapshot wait -g", group, "-n", word, "--custom", shlex.quote(_SNAPSHOT_READY))),
        _put(f"{folder}/disks/{name}", _DISK_VERSION, copy),
        Command(("az disk wait -g", group, "-n", word, "--custom", shlex.quote(_DISK_READY))),
    )
