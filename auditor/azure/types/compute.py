"""Virtual machines, their disks, sets and sizes."""

from __future__ import annotations

from typing import Final

from auditor.azure.types.model import (
    IdentityProperties,
    Namespace,
    PartKind,
    Reference,
    ResourceType,
    Since,
    Version,
    Via,
    Volatile,
)
from auditor.azure.types.names import AVAILABILITY_SET, DISK, NIC, PLACEMENT_GROUP, SCALE_SET, VM

_COMPUTE: Final = Version("2024-07-01", "the newest of which several recorded answers were at hand to test against")
_DISKS: Final = Version("2024-03-02", "the newest recorded one; Premium SSD v2 and performance plus are in it")
_MANAGED_DISK: Final = Reference("managedDisk.id", DISK)
# An ephemeral disk is on the host; the VM names it all the same.
_OS_DISK: Final = Reference("managedDisk.id", DISK, unless=("diffDiskSettings.option", "Local"))

PROVIDER: Final = Namespace("Microsoft.Compute", IdentityProperties(created=("properties.timeCreated",)))

TYPES: Final = (
    ResourceType(
        "Microsoft.Compute/virtualMachines",
        _COMPUTE,
        since=(
            Since(
                "2019-03-01", ("properties.virtualMachineScaleSet", "properties.priority", "properties.evictionPolicy")
            ),
            Since("2020-06-01", ("properties.securityProfile.encryptionAtHost",)),
            Since("2020-12-01", ("properties.securityProfile.securityType",)),
        ),
        kind="vm",
        references=(
            Reference("properties.availabilitySet.id", AVAILABILITY_SET),
            Reference("properties.virtualMachineScaleSet.id", SCALE_SET),
            Reference("properties.proximityPlacementGroup.id", PLACEMENT_GROUP),
            Reference("properties.networkProfile.networkInterfaces[*].id", NIC),
        ),
        parts=(
            PartKind("properties.storageProfile.osDisk", references=(_OS_DISK,)),
            PartKind(
                "properties.storageProfile.dataDisks[*]",
                "attachment",
                "an attached data disk",
                references=(_MANAGED_DISK,),
            ),
        ),
        identity=IdentityProperties(unique=("properties.vmId",)),
        volatile=(
            Volatile(
                (
                    "properties.instanceView.statuses[code=ProvisioningState]",
                    "properties.instanceView.statuses[*].time",
                    "properties.instanceView.statuses[*].displayStatus",
                    "properties.instanceView.statuses[*].level",
                    "properties.instanceView.statuses[*].message",
                ),
                "follows the status, whose code shows whether the VM runs",
                meaningless=True,
            ),
            Volatile(
                (
                    "properties.instanceView.vmAgent",
                    "properties.instanceView.disks",
                    "properties.instanceView.extensions",
                    "properties.instanceView.bootDiagnostics",
                    "properties.instanceView.patchStatus",
                    "properties.instanceView.maintenanceRedeployStatus",
                    "properties.instanceView.vmHealth",
                    "properties.instanceView.assignedHost",
                ),
                "is what the VM, or its current host, reported last",
                meaningless=True,
            ),
        ),
    ),
    ResourceType(
        "Microsoft.Compute/availabilitySets",
        _COMPUTE,
        query="&$expand=virtualMachines/$ref",
        kind="availability-set",
        about="an availability set",
        references=(Reference("properties.virtualMachines[*].id", VM, reached=False),),
        volatile=(
            Volatile(("properties.virtualMachines",), "lists the VMs, which refer to the availability set themselves"),
        ),
    ),
    ResourceType(
        "Microsoft.Compute/virtualMachineScaleSets",
        _COMPUTE,
        since=(Since("2020-12-01", ("properties.orchestrationMode",)),),
        kind="scale-set",
        about="a scale set",
        identity=IdentityProperties(unique=("properties.uniqueId",)),
    ),
    ResourceType("Microsoft.Compute/proximityPlacementGroups", _COMPUTE),
    ResourceType("Microsoft.Compute/capacityReservationGroups", _COMPUTE),
    ResourceType(
        "Microsoft.Compute/capacityReservationGroups/capacityReservations",
        _COMPUTE,
        Via.PARENT,
        parent="Microsoft.Compute/capacityReservationGroups",
        path="/capacityReservations",
    ),
    ResourceType(
        "Microsoft.Compute/disks",
        _DISKS,
        since=(
            Since("2019-07-01", ("properties.encryption",)),
            Since("2020-05-01", ("properties.networkAccessPolicy",)),
            Since("2020-06-30", ("properties.tier",)),
            Since("2021-04-01", ("properties.publicNetworkAccess",)),
        ),
        kind="disk",
        references=(Reference("managedBy", VM, reached=False), Reference("managedByExtended[*]", VM, reached=False)),
        identity=IdentityProperties(unique=("properties.uniqueId",)),
        volatile=(
            Volatile(
                ("properties.diskState", "properties.LastOwnershipUpdateTime"),
                "follows the VM of the disk, and whether it runs; `managedBy` has the VM",
            ),
        ),
    ),
    ResourceType("Microsoft.Compute/diskEncryptionSets", _DISKS),
    ResourceType(
        "Microsoft.Compute/virtualMachines/extensions",
        via=Via.RESOURCE_GRAPH,
        kind="extension",
        about="an extension of a VM",
        volatile=(Volatile(("properties.instanceView",), "is what the extension reported last"),),
    ),
    ResourceType(
        "Microsoft.Compute/virtualMachines/guest",
        via=Via.GUEST,
        kind="guest-file",
        about="a file from inside a VM",
        parts=(
            PartKind("properties.mirrors[*]", "mirror-settings", "the settings of a mirror in a CPF"),
            PartKind("properties.events[*]", "log-event", "an event in the log of an instance"),
            PartKind("properties.mirrorMembers[*]", "mirror-member", "a member of a mirror in a CPF"),
            PartKind("properties.ecpServers[*]", "ecp-server", "a data server that a CPF names for ECP"),
            PartKind("properties.servers[*]", "gateway-server", "a server to which a CSP.ini sends requests"),
            PartKind("properties.paths[*]", "gateway-path", "an application path in a CSP.ini"),
            PartKind("properties.mounts[*]", "mount", "a file system of a VM"),
        ),
        volatile=(
            Volatile(("properties.takenAt",), "is when the file was taken, not what is in it", meaningless=True),
            Volatile(
                ("properties.events", "properties.firstLine", "properties.lastLine", "properties.metrics"),
                "is what happened or was measured, not a setting",
            ),
            Volatile(
                ("properties.at", "properties.arbiter", "properties.members", "properties.instances"),
                "is the state of a mirror or an instance at one time, not a setting",
            ),
        ),
    ),
    ResourceType(
        "Microsoft.Compute/skus",
        Version("2021-07-01", "the one that public code calls"),
        Via.REGION,
        has_properties=False,
    ),
    ResourceType(
        "Microsoft.Compute/locations/usages",
        _COMPUTE,
        Via.REGION,
        parent="Microsoft.Compute/locations",
        path="/usages",
        has_properties=False,
        volatile=(Volatile(("**.currentValue",), "counts resources, which are compared themselves"),),
    ),
    ResourceType(
        "Microsoft.Compute/snapshots", via=Via.NONE, identity=IdentityProperties(unique=("properties.uniqueId",))
    ),
)
