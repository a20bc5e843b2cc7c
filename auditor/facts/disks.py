"""Facts of disks: what they are for, and what their tier gives."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Final

import msgspec

from auditor import documents
from auditor.facts.machines import ATTACHMENTS, disk_of
from auditor.facts.registry import fact
from auditor.model import Part, Resource
from auditor.topology import Context
from auditor.topology.graph import objects, value
from auditor.values import ABSENT, Answer, Cause, Items, Read, Unknown, interval

PREMIUM_SSD: Final = Path(__file__).resolve().parent / "data" / "premium_ssd.yaml"
"""What each performance tier of Premium SSD gives, with its source."""

OS_DISK: Final = "properties.storageProfile.osDisk"


class Tier(msgspec.Struct, frozen=True):
    """A performance tier of Premium SSD."""

    tier: str
    gib: int
    """The largest disk that has it by its size alone."""
    iops: int
    mbps: int


@cache
def tiers() -> tuple[Tier, ...]:
    """Return the tiers, smallest first."""
    table: Any = documents.read(PREMIUM_SSD).value
    return tuple(Tier(**entry) for entry in table["tiers"])


def tier_of(disk: Resource) -> tuple[Tier | Unknown, tuple[Read, ...]]:
    """Return the performance tier of a Premium SSD: the one that was set, else the one that its size gives it."""
    found = value(disk, "properties.tier")
    if isinstance(found.value, Unknown):
        return found.value, found.reads
    if isinstance(found.value, str):
        name = found.value.casefold()
        known = next((tier for tier in tiers() if tier.tier.casefold() == name), None)
        reason = f"{disk.id}: properties.tier is {found.value}, which is no known tier of Premium SSD"
        return known or Unknown(Cause.VALUE, reason), found.reads
    size = value(disk, "properties.diskSizeGB")
    bounds = interval(size.value)
    if isinstance(size.value, Unknown):
        return size.value, size.reads
    by_size = next((tier for tier in tiers() if bounds is not None and 0 < bounds.low <= tier.gib), None)
    reason = f"{disk.id} has neither a properties.tier nor a properties.diskSizeGB that gives it one"
    return by_size or Unknown(Cause.VALUE, reason), size.reads


@fact("disk.tier_iops", "disk", gives="number")
def tier_iops(_: Context, disk: Resource) -> Answer:
    """The operations a second that a Premium SSD has by its tier, set or following from its size."""
    tier, reads = tier_of(disk)
    return Answer(tier.iops if isinstance(tier, Tier) else tier, reads)


@fact("disk.tier_mbps", "disk", gives="number")
def tier_mbps(_: Context, disk: Resource) -> Answer:
    """The MB/s that a Premium SSD has by its tier, set or following from its size."""
    tier, reads = tier_of(disk)
    return Answer(tier.mbps if isinstance(tier, Tier) else tier, reads)


@fact("vm.os_disk", "vm", gives="disk*")
def os_disk(context: Context, vm: Resource) -> Answer:
    """The managed disk of the machine's operating system; one element, unknown where it is unmanaged."""
    found = value(vm, OS_DISK)
    if isinstance(found.value, dict):
        return Answer(Items((disk_of(context, Part(vm, OS_DISK, found.value)),)))
    if isinstance(found.value, Unknown):
        return Answer(found.value, found.reads)
    return Answer(Unknown(Cause.VALUE, f"{vm.id} has no {OS_DISK}"), found.reads)


@fact("vm.attachments", "vm", gives="attachment*")
def attachments(_: Context, vm: Resource) -> Answer:
    """The data disks as they are attached to the machine."""
    return Answer(objects(vm, ATTACHMENTS))


@fact("attachment.purpose", "attachment", gives="text")
def purpose(context: Context, attachment: Part) -> Answer:
    """What the deployment file says that the disk holds, by the number at which it is attached: `journal` or `wij`.

    Absent where the machine's mirror declares no such disk there.
    """
    lun = value(attachment, "lun")
    if isinstance(lun.value, Unknown):
        return lun
    bounds = interval(lun.value)
    if bounds is None:
        return Answer(Unknown(Cause.VALUE, f"{attachment.id} has no lun"), lun.reads)
    doubt: Unknown | None = None
    for mirror in context.deployment.mirrors if context.deployment else ():
        declared = [name for name, luns in sorted(mirror.declared.disks.items()) if bounds.low in luns]
        for roster in (mirror.failover, mirror.dr, mirror.reporting) if declared else ():
            machines = Items.of(roster)
            if any(vm.key == attachment.resource.key for vm in machines.only(Resource)):
                return Answer(declared[0], lun.reads)
            doubt = doubt or machines.open_end
    return Answer(doubt or ABSENT, lun.reads)
