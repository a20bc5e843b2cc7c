"""Facts of machine sizes: what Azure lets them do, and until when it offers them."""

from __future__ import annotations

import datetime as dt
import re
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Final

import msgspec

from auditor import documents
from auditor.facts.arithmetic import number
from auditor.facts.machines import capability, sum_of_data_disks, supports
from auditor.facts.registry import fact
from auditor.model import Resource
from auditor.topology import Context
from auditor.topology.graph import value
from auditor.values import ABSENT, Answer, Cause, Read, Unknown

RETIREMENTS: Final = Path(__file__).resolve().parent / "data" / "retirements.yaml"
"""The dates at which Azure retires sizes and features, each with its source."""


class Series(msgspec.Struct, frozen=True):
    """A series of sizes whose end Azure has announced."""

    name: str
    pattern: re.Pattern[str]
    date: dt.date
    source: str
    """The page that announces it."""


@cache
def retirements() -> dict[str, Any]:
    """Return the table of retirements."""
    return documents.read(RETIREMENTS).value  # type: ignore[return-value]  # our own file


@cache
def retiring_series() -> tuple[Series, ...]:
    """Return the series that the table names."""
    table = retirements()
    return tuple(
        Series(
            entry["series"],
            re.compile(entry["pattern"], re.IGNORECASE),
            dt.date.fromisoformat(entry["date"]),
            table["sources"][entry["source"]],
        )
        for entry in table["sizes"]
    )


@lru_cache(maxsize=4096)
def series_of(size: str) -> Series | None:
    """Return the series of a size, or None where the size is of none whose end was announced."""
    return next((series for series in retiring_series() if series.pattern.fullmatch(size)), None)


def months_between(start: dt.date, end: dt.date) -> int:
    """Return in how many months, counting a begun one, a date comes: 0 or less where it has come."""
    return (end.year - start.year) * 12 + end.month - start.month + (end.day > start.day)


def size_of(vm: Resource) -> Answer:
    """Return the name of the machine's size."""
    found = value(vm, "properties.hardwareProfile.vmSize")
    if found.value is ABSENT:
        return Answer(Unknown(Cause.VALUE, f"{vm.id} has no properties.hardwareProfile.vmSize"), found.reads)
    if isinstance(found.value, str | Unknown):
        return found
    reason = f"{vm.id}: properties.hardwareProfile.vmSize is {found.value!r}, not a text (malformed)"
    return Answer(Unknown(Cause.VALUE, reason), found.reads)


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


@fact("vm.premium_storage_supported", "vm", gives="boolean")
def premium_storage_supported(context: Context, vm: Resource) -> Answer:
    """Whether the machine's size can attach premium disks (the capability `PremiumIO`)."""
    return supports(context, vm, "PremiumIO")


@fact("vm.uncached_iops", "vm", gives="number")
def uncached_iops(context: Context, vm: Resource) -> Answer:
    """How many operations a second the machine's size lets through to uncached disks: `UncachedDiskIOPS`."""
    return number(capability(context, vm, "UncachedDiskIOPS"))


@fact("vm.data_disk_iops", "vm", gives="number")
def data_disk_iops(context: Context, vm: Resource) -> Answer:
    """What the data disks could do together, in operations a second: the sum of their `diskIOPSReadWrite`."""
    return sum_of_data_disks(context, vm, "properties.diskIOPSReadWrite")
