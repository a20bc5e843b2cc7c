"""Facts of VM sizes: their capabilities and their retirement."""

from __future__ import annotations

import datetime as dt
from functools import lru_cache
from typing import Final

from auditor.azure import arm
from auditor.azure.paths import ABSENT
from auditor.rules.context import Context
from auditor.rules.facts.arithmetic import number
from auditor.rules.facts.reading import text_at
from auditor.rules.facts.retirement_table import RetiringSeries, table
from auditor.rules.registry import fact, once
from auditor.snapshot.known import Answer, Read, Unknown
from auditor.snapshot.lookup import required
from auditor.snapshot.model import Resource

BYTES_PER_MEGABYTE: Final = 1_000_000


@lru_cache(maxsize=4096)
def series_of(size: str) -> RetiringSeries | None:
    """Return the size series of a VM size; None if Azure has not announced its retirement."""
    return next((series for series in table().series if series.pattern.fullmatch(size)), None)


def size_of(vm: Resource) -> Answer:
    """Return the VM size, such as `Standard_E16ds_v5`."""
    return required(text_at(vm, "properties.hardwareProfile.vmSize"))


@fact("vm.size_retirement", "vm", gives="text")
def size_retirement(_: Context, vm: Resource) -> Answer:
    """The retirement date of the VM size, as YYYY-MM-DD; absent if none is announced."""
    size = size_of(vm)
    if not isinstance(size.value, str):
        return size
    series = series_of(size.value)
    if series is None:
        return Answer(ABSENT, size.reads)
    date = series.date.isoformat()
    return Answer(date, (*size.reads, Read(series.source, f"{series.name} series", date)))


@fact("vm.months_until_size_retires", "vm", gives="number")
def months_until_size_retires(context: Context, vm: Resource) -> Answer:
    """The months until the retirement of the VM size, rounded up; 0 or less if it is retired.

    Absent if no retirement is announced.
    """
    found = size_retirement(context, vm)
    if not isinstance(found.value, str):
        return found
    return Answer(context.topology.months_until(dt.date.fromisoformat(found.value)), found.reads)


@fact("vm.vcpus", "vm", gives="number")
def vcpus(context: Context, vm: Resource) -> Answer:
    """The virtual CPUs of the VM: the capability `vCPUsAvailable` of its size (constrained sizes), else `vCPUs`."""
    available = _capability(context, vm, "vCPUsAvailable")
    return number(_capability(context, vm, "vCPUs") if available.value is ABSENT else available)


@fact("vm.memory_gb", "vm", gives="number")
def memory_gb(context: Context, vm: Resource) -> Answer:
    """The memory of the VM in GB: the capability `MemoryGB` of its size."""
    return number(_capability(context, vm, "MemoryGB"))


@fact("vm.has_temporary_disk", "vm", gives="boolean")
def has_temporary_disk(context: Context, vm: Resource) -> Answer:
    """Whether the VM size has a temporary disk: `MaxResourceVolumeMB`, or local NVMe disks: `NvmeDiskSizeInMiB`."""
    sizes = [number(_capability(context, vm, name)) for name in ("MaxResourceVolumeMB", "NvmeDiskSizeInMiB")]
    reads = tuple(read for size in sizes for read in size.reads)
    if any(isinstance(size.value, int | float) and size.value > 0 for size in sizes):
        return Answer(True, reads)
    listed = required(sizes[0])
    unknown = next((size.value for size in (listed, sizes[1]) if isinstance(size.value, Unknown)), None)
    return Answer(unknown or False, reads)


@fact("vm.premium_storage_supported", "vm", gives="boolean")
def premium_storage_supported(context: Context, vm: Resource) -> Answer:
    """Whether the VM size supports Premium SSD: the capability `PremiumIO`."""
    return _supports(context, vm, "PremiumIO")


@fact("vm.encryption_at_host_supported", "vm", gives="boolean")
def encryption_at_host_supported(context: Context, vm: Resource) -> Answer:
    """Whether the VM size supports encryption at host: the capability `EncryptionAtHostSupported`."""
    return _supports(context, vm, "EncryptionAtHostSupported")


@fact("vm.accelerated_networking_supported", "vm", gives="boolean")
def accelerated_networking_supported(context: Context, vm: Resource) -> Answer:
    """Whether the VM size supports accelerated networking: the capability `AcceleratedNetworkingEnabled`."""
    return _supports(context, vm, "AcceleratedNetworkingEnabled")


@fact("vm.uncached_mbps", "vm", gives="number")
def uncached_mbps(context: Context, vm: Resource) -> Answer:
    """The uncached disk throughput limit of the VM size in MB/s: `UncachedDiskBytesPerSecond` / 10^6.

    Azure states it for some sizes in MiB and for others in MB, so a comparison needs a tolerance of 5 %.
    """
    found = number(_capability(context, vm, "UncachedDiskBytesPerSecond"))
    return Answer(found.value / BYTES_PER_MEGABYTE, found.reads) if isinstance(found.value, int | float) else found


@fact("vm.uncached_iops", "vm", gives="number")
def uncached_iops(context: Context, vm: Resource) -> Answer:
    """The uncached disk IOPS limit of the VM size: `UncachedDiskIOPS`."""
    return number(_capability(context, vm, "UncachedDiskIOPS"))


def _capability(context: Context, vm: Resource, name: str) -> Answer:
    """Return a capability of the VM size in the VM's region, as text."""
    offer = _offer(context, vm)
    if not isinstance(offer.value, tuple):
        return offer
    size, region, subscription = offer.value
    found = context.topology.graph.capability("virtualMachines", size, region, subscription, name)
    return Answer(found.value, (*offer.reads, *found.reads))


@once
def _offer(_: Context, vm: Resource) -> Answer:
    """Return the size, the region and the subscription of a VM as a tuple."""
    size = text_at(vm, "properties.hardwareProfile.vmSize")
    if not isinstance(size.value, str):
        return size
    place = text_at(vm, "location")
    if not isinstance(place.value, str):
        return place
    return Answer((size.value, vm.location, arm.subscription_of(vm.id)), size.reads)


def _supports(context: Context, vm: Resource, name: str) -> Answer:
    """Return whether the VM size has a capability whose value is `True` or `False`."""
    found = _capability(context, vm, name)
    return Answer(found.value.lower() == "true", found.reads) if isinstance(found.value, str) else found
