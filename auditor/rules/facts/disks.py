"""Facts of disks: those of a VM, their purpose, and the limits of their performance tier."""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import Any, Final

import msgspec

from auditor import yaml_documents
from auditor.azure import arm
from auditor.azure.paths import ABSENT
from auditor.azure.types import reference_of
from auditor.azure.types.names import VM
from auditor.estate.topology import Topology
from auditor.rules.context import Context
from auditor.rules.facts.arithmetic import total
from auditor.rules.registry import fact, once
from auditor.snapshot.known import Answer, Cause, PartialList, Read, Unknown, interval
from auditor.snapshot.lookup import objects, parts, unread, unusable, value
from auditor.snapshot.model import Part, Resource

PREMIUM_SSD: Final = Path(__file__).resolve().parent / "data" / "premium_ssd.yaml"
"""The size, IOPS and MB/s of each performance tier of Premium SSD, with the source."""

OS_DISK: Final = "properties.storageProfile.osDisk"
ATTACHMENTS: Final = "properties.storageProfile.dataDisks[*]"


END_OF_LUNS: Final = 64
"""Logical unit numbers (LUNs) are smaller."""
_PURPOSES: Final = ("database", "journal", "alternate", "wij", "installation")
"""The purposes of disks in the deployment file."""
_FOR_JOURNALS: Final = frozenset({"journal", "alternate", "wij"})


class Tier(msgspec.Struct, frozen=True):
    """A performance tier of Premium SSD."""

    tier: str
    gib: int
    """The size of the largest disk that has it by default."""
    iops: int
    mbps: int


@cache
def tiers() -> tuple[Tier, ...]:
    """Return the performance tiers, smallest first."""
    table: Any = yaml_documents.read(PREMIUM_SSD).value
    return tuple(Tier(**entry) for entry in table["tiers"])


def tier_of(disk: Resource) -> tuple[Tier | Unknown, tuple[Read, ...]]:
    """Return the performance tier of a Premium SSD (set, else the default of its size), and what was read for it."""
    found = value(disk, "properties.tier")
    if isinstance(found.value, Unknown):
        return found.value, found.reads
    if isinstance(found.value, str):
        name = found.value.casefold()
        known = next((tier for tier in tiers() if tier.tier.casefold() == name), None)
        reason = f"{disk.id}: properties.tier is {found.value}, which is not a known performance tier of Premium SSD"
        return known or Unknown(Cause.VALUE, reason, about=(disk.id,)), found.reads
    size = value(disk, "properties.diskSizeGB")
    bounds = interval(size.value)
    if isinstance(size.value, Unknown):
        return size.value, size.reads
    by_size = next((tier for tier in tiers() if bounds is not None and 0 < bounds.low <= tier.gib), None)
    reason = f"{disk.id} has neither properties.tier nor a properties.diskSizeGB with a performance tier"
    return by_size or Unknown(Cause.VALUE, reason, about=(disk.id,)), size.reads


@fact("disk.tier_iops", "disk", gives="number")
def tier_iops(context: Context, disk: Resource) -> Answer:
    """The IOPS of a Premium SSD by its performance tier (set, or the default of its size)."""
    found = _tier(context, disk)
    return Answer(found.value.iops if isinstance(found.value, Tier) else found.value, found.reads)


@fact("disk.tier_mbps", "disk", gives="number")
def tier_mbps(context: Context, disk: Resource) -> Answer:
    """The throughput in MB/s of a Premium SSD by its performance tier (set, or the default of its size)."""
    found = _tier(context, disk)
    return Answer(found.value.mbps if isinstance(found.value, Tier) else found.value, found.reads)


@once
def _tier(_: Context, disk: Resource) -> Answer:
    return Answer(*tier_of(disk))


@fact("vm.os_disk", "vm", gives="disk*")
def os_disk(context: Context, vm: Resource) -> Answer:
    """The OS disk of the VM, as a list of one managed disk; the element is unknown if the disk is unmanaged.

    The list is empty if the disk is ephemeral: such a disk is on the host, and is no resource.
    """
    found = value(vm, OS_DISK)
    if not isinstance(found.value, dict):
        return Answer(unusable(found, "an object"), found.reads)
    attachment = Part(vm, OS_DISK, found.value)
    ephemeral = reference_of(vm.type, OS_DISK, "managedDisk").may_name_nothing(attachment.body)
    if ephemeral and context.topology.graph.follow(attachment, "managedDisk").value is ABSENT:
        return Answer(PartialList(), value(attachment, "diffDiskSettings.option").reads)
    return Answer(PartialList((_disk_of(context, attachment).value,)))


@fact("vm.data_disks", "vm", gives="disk*")
def data_disks(context: Context, vm: Resource) -> Answer:
    """The data disks of the VM; an unmanaged one is unknown."""
    attached = PartialList.of(attachments(context, vm).value)
    disks = tuple(_disk_of(context, part).value if isinstance(part, Part) else part for part in attached.known)
    return Answer(PartialList(disks, attached.missing))


@fact("disk.data_disk_of", "disk", gives="vm*")
def data_disk_of(context: Context, disk: Resource) -> Answer:
    """The VMs of the deployment that have the disk as a data disk."""
    vms = context.deployment.scope[VM] if context.deployment else PartialList()
    found = context.topology.once(_users).get(disk.key, {})
    known = tuple(vm for vm in vms.of_type(Resource) if vm.key in found)
    if known:
        return Answer(PartialList(known), tuple(found[vm.key] for vm in known))
    owner = value(disk, "managedBy")
    unknown = owner.value if isinstance(owner.value, Unknown) else None
    if isinstance(owner.value, str):
        vm = context.topology.graph.get(owner.value)
        unknown = vm if isinstance(vm, Unknown) else unread(vm, ATTACHMENTS)
    return Answer(PartialList(missing=unknown), owner.reads)


def _users(topology: Topology) -> dict[str, dict[str, Read]]:
    """Return the VMs that have each disk as a data disk, by the keys of both, with the attachment's reference."""
    found: dict[str, dict[str, Read]] = defaultdict(dict)
    for vm in topology.graph.by_type.get(VM, ()):
        for attachment in parts(vm, ATTACHMENTS):
            reference = value(attachment, "managedDisk.id")
            if isinstance(reference.value, str):
                found[arm.key(reference.value)][vm.key] = reference.reads[0]
    return found


@fact("vm.data_disk_mbps", "vm", gives="number")
def data_disk_mbps(context: Context, vm: Resource) -> Answer:
    """The total provisioned throughput of the data disks in MB/s: the sum of `diskMBpsReadWrite`."""
    return _sum_of_data_disks(context, vm, "properties.diskMBpsReadWrite")


@fact("vm.data_disk_iops", "vm", gives="number")
def data_disk_iops(context: Context, vm: Resource) -> Answer:
    """The total provisioned IOPS of the data disks: the sum of `diskIOPSReadWrite`."""
    return _sum_of_data_disks(context, vm, "properties.diskIOPSReadWrite")


@fact("vm.listed_limit_mbps", "vm", gives="number")
def listed_limit_mbps(context: Context, vm: Resource) -> Answer:
    """The total provisioned throughput in MB/s of those data disks to which the limits of the SKU list apply.

    Some sizes allow more for Premium SSD v2 and Ultra Disks, which are not among them.
    """
    return _sum_of_data_disks(context, vm, "properties.diskMBpsReadWrite", besides=_WITH_OTHER_LIMITS)


@fact("vm.listed_limit_iops", "vm", gives="number")
def listed_limit_iops(context: Context, vm: Resource) -> Answer:
    """The total provisioned IOPS of those data disks to which the limits of the SKU list apply.

    Some sizes allow more for Premium SSD v2 and Ultra Disks, which are not among them.
    """
    return _sum_of_data_disks(context, vm, "properties.diskIOPSReadWrite", besides=_WITH_OTHER_LIMITS)


_WITH_OTHER_LIMITS: Final = frozenset({"premiumv2_lrs", "ultrassd_lrs"})


def _sum_of_data_disks(context: Context, vm: Resource, path: str, besides: frozenset[str] = frozenset()) -> Answer:
    """Return the sum of a numeric property over the data disks of a VM, besides those of some SKUs."""
    disks = PartialList.of(data_disks(context, vm).value)
    skus = [(disk, value(disk, "sku.name").value if besides else ABSENT) for disk in disks.of_type(Resource)]
    counted = [
        Answer(sku) if isinstance(sku, Unknown) else value(disk, path)
        for disk, sku in skus
        if not (isinstance(sku, str) and sku.lower() in besides)
    ]
    return total(counted, disks.incomplete_because)


@fact("vm.attachments", "vm", gives="attachment*")
def attachments(_: Context, vm: Resource) -> Answer:
    """The entries of the VM's `dataDisks`: the attachments of its data disks."""
    return Answer(objects(vm, ATTACHMENTS))


@fact("attachment.disk_sku", "attachment", gives="text")
def attachment_sku(context: Context, attachment: Part) -> Answer:
    """The SKU of the attached disk."""
    return _through_disk(context, attachment, "sku.name")


@fact("attachment.disk_size_gib", "attachment", gives="number")
def attachment_size(context: Context, attachment: Part) -> Answer:
    """The size of the attached disk in GiB."""
    return _through_disk(context, attachment, "properties.diskSizeGB")


@fact("attachment.disk_iops", "attachment", gives="number")
def attachment_iops(context: Context, attachment: Part) -> Answer:
    """The provisioned IOPS of the attached disk."""
    return _through_disk(context, attachment, "properties.diskIOPSReadWrite")


@fact("attachment.disk_mbps", "attachment", gives="number")
def attachment_mbps(context: Context, attachment: Part) -> Answer:
    """The provisioned throughput of the attached disk in MB/s."""
    return _through_disk(context, attachment, "properties.diskMBpsReadWrite")


@fact("attachment.purpose", "attachment", gives="text")
def purpose(context: Context, attachment: Part) -> Answer:
    """The declared purpose of the disk, by its logical unit number.

    `database`, `journal`, `alternate` (the alternate journal directory), `wij` or `installation`: of several, the
    first. Absent if the VM's mirror declares none for this number.
    """
    found = _purposes(context, attachment)
    return Answer(found.value[0], found.reads) if isinstance(found.value, tuple) else found


def _purposes(context: Context, attachment: Part) -> Answer:
    """Return the declared purposes of a disk as a tuple, absent if there are none."""
    lun = value(attachment, "lun")
    if isinstance(lun.value, Unknown):
        return lun
    bounds = interval(lun.value)
    if bounds is None:
        return Answer(Unknown(Cause.VALUE, f"{attachment.id} has no lun", about=(attachment.resource.id,)), lun.reads)
    unknown: Unknown | None = None
    for mirror in context.deployment.mirrors if context.deployment else ():
        declared = tuple(name for name in _PURPOSES if bounds.low in mirror.declared.disks.get(name, ()))
        for roster in (mirror.failover, mirror.dr, mirror.reporting) if declared else ():
            vms = PartialList.of(roster)
            if any(vm.key == attachment.resource.key for vm in vms.of_type(Resource)):
                return Answer(declared, lun.reads)
            unknown = unknown or vms.incomplete_because
    return Answer(unknown or ABSENT, lun.reads)


@fact("vm.journal_attachments", "vm", gives="attachment*")
def journal_attachments(context: Context, vm: Resource) -> Answer:
    """The attachments of the disks that the deployment file declares for journals and the WIJ, by LUN.

    Unknown for a declared LUN at which the VM has no disk.
    """
    attached = PartialList.of(attachments(context, vm).value)
    purposes = [(part, _purposes(context, part).value) for part in attached.of_type(Part)]
    known: list[object] = [
        part for part, found in purposes if isinstance(found, tuple) and not _FOR_JOURNALS.isdisjoint(found)
    ]
    known += [*attached.of_type(Unknown), *(found for _, found in purposes if isinstance(found, Unknown))]
    there = {lun.low for part, _ in purposes if (lun := interval(value(part, "lun").value))}
    for mirror in context.deployment.mirrors if context.deployment and attached.complete else ():
        members = PartialList.joined(mirror.failover, mirror.dr, mirror.reporting).of_type(Resource)
        disks = mirror.declared.disks if vm in members else {}
        luns = {lun for name in _FOR_JOURNALS for lun in disks.get(name, ())}
        for declared in sorted(luns - there):
            name = mirror.declared.name
            reason = f"LUN {declared} is declared for journals or WIJ of mirror {name}: {vm.id} has no disk there"
            known.append(Unknown(Cause.DECLARATION, reason, about=(vm.id,)))
    return Answer(PartialList(tuple(known), attached.missing))


@once
def _disk_of(context: Context, attachment: Part) -> Answer:
    """Return the managed disk of an attachment, or why it is unknown."""
    disk = context.topology.graph.follow(attachment, "managedDisk").value
    if disk is not ABSENT:
        return Answer(disk)
    reason = f"{attachment.resource.id}: {attachment.path} is an unmanaged disk, whose storage account is not read"
    return Answer(Unknown(Cause.VALUE, reason, about=(attachment.resource.id,)))


def _through_disk(context: Context, attachment: Part, path: str) -> Answer:
    """Return a property of the managed disk of an attachment."""
    disk = _disk_of(context, attachment)
    return value(disk.value, path) if isinstance(disk.value, Resource) else disk
