"""Facts of machine sizes: what Azure lets them do, and until when it offers them."""

from __future__ import annotations

import datetime as dt
from functools import lru_cache
from typing import Final

from auditor.azure import arm
from auditor.azure.paths import ABSENT
from auditor.rules.context import Context
from auditor.rules.facts.arithmetic import number
from auditor.rules.facts.reading import required, text_at
from auditor.rules.facts.retirement_table import RetiringSeries, table
from auditor.rules.registry import fact
from auditor.snapshot.known import Answer, Read
from auditor.snapshot.model import Resource

BYTES_PER_MEGABYTE: Final = 1_000_000


@lru_cache(maxsize=4096)
def series_of(size: str) -> RetiringSeries | None:
    """Return the series of a size, None where Azure has not announced its retirement."""
    return next((series for series in table().series if series.pattern.fullmatch(size)), None)


def months_between(start: dt.date, end: dt.date) -> int:
    """Return in how many months, counting a begun one, a date comes: 0 or less where it has come."""
    return (end.year - start.year) * 12 + end.month - start.month + (end.day > start.day)


def size_of(vm: Resource) -> Answer:
    """Return the name of the machine's size."""
    return required(text_at(vm, "properties.hardwareProfile.vmSize"))


@fact("vm.size_retirement", "vm", gives="text")
def size_retirement(_: Context, vm: Resource) -> Answer:
    """The date on which Azure retires the machine's size; absent where no end was announced."""
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
    """In how many months, counting a begun one, Azure retires the machine's size: 0 or less where it has.

    Absent where no end was announced.
    """
    found = size_retirement(context, vm)
    if not isinstance(found.value, str):
        return found
    return Answer(months_between(context.topology.as_of, dt.date.fromisoformat(found.value)), found.reads)


@fact("vm.vcpus", "vm", gives="number")
def vcpus(context: Context, vm: Resource) -> Answer:
    """How many virtual CPUs the machine has: `vCPUsAvailable` of its size (lower if constrained), else `vCPUs`."""
    available = _capability(context, vm, "vCPUsAvailable")
    return number(_capability(context, vm, "vCPUs") if available.value is ABSENT else available)


@fact("vm.memory_gb", "vm", gives="number")
def memory_gb(context: Context, vm: Resource) -> Answer:
    """How much memory the machine has: the capability `MemoryGB` of its size."""
    return number(_capability(context, vm, "MemoryGB"))


@fact("vm.premium_storage_supported", "vm", gives="boolean")
def premium_storage_supported(context: Context, vm: Resource) -> Answer:
    """Whether the machine's size can attach premium disks (the capability `PremiumIO`)."""
    return _supports(context, vm, "PremiumIO")


@fact("vm.encryption_at_host_supported", "vm", gives="boolean")
def encryption_at_host_supported(context: Context, vm: Resource) -> Answer:
    """Whether the machine's size can encrypt at the host (the capability `EncryptionAtHostSupported`)."""
    return _supports(context, vm, "EncryptionAtHostSupported")


@fact("vm.accelerated_networking_supported", "vm", gives="boolean")
def accelerated_networking_supported(context: Context, vm: Resource) -> Answer:
    """Whether the machine's size can accelerate its network (the capability `AcceleratedNetworkingEnabled`)."""
    return _supports(context, vm, "AcceleratedNetworkingEnabled")


@fact("vm.uncached_mbps", "vm", gives="number")
def uncached_mbps(context: Context, vm: Resource) -> Answer:
    """What the machine's size lets through to uncached disks, in MB/s: `UncachedDiskBytesPerSecond` / 10^6.

    Azure gives some sizes in MiB and others in MB, so a comparison needs a tolerance of 5 %.
    """
    found = number(_capability(context, vm, "UncachedDiskBytesPerSecond"))
    return Answer(found.value / BYTES_PER_MEGABYTE, found.reads) if isinstance(found.value, int | float) else found


@fact("vm.uncached_iops", "vm", gives="number")
def uncached_iops(context: Context, vm: Resource) -> Answer:
    """How many operations a second the machine's size lets through to uncached disks: `UncachedDiskIOPS`."""
    return number(_capability(context, vm, "UncachedDiskIOPS"))


def _capability(context: Context, vm: Resource, name: str) -> Answer:
    """Return a capability of the machine's size in its region, as a text."""
    size = text_at(vm, "properties.hardwareProfile.vmSize")
    if not isinstance(size.value, str):
        return size
    place = text_at(vm, "location")
    if not isinstance(place.value, str):
        return place
    subscription = arm.subscription_of(vm.id)
    found = context.topology.graph.capability("virtualMachines", size.value, vm.location, subscription, name)
    return Answer(found.value, (*size.reads, *found.reads))


def _supports(context: Context, vm: Resource, name: str) -> Answer:
    """Return whether a machine's size has a capability of which Azure says `True` or `False`."""
    found = _capability(context, vm, name)
    return Answer(found.value.lower() == "true", found.reads) if isinstance(found.value, str) else found
