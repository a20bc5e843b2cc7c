"""Facts of the devices on which an instance has its directories, by `lsblk` and `findmnt` of its VM.

InterSystems does not support symbolic links in the directories of an instance, so that a path shows the file system.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations
from typing import Final, NamedTuple

from auditor.azure import arm
from auditor.azure.paths import ABSENT
from auditor.rules.context import Context
from auditor.rules.facts.directories import ALTERNATE, DATABASE, INSTALLATION, JOURNAL, TEMPORARY, WIJ, Directory
from auditor.rules.facts.disks import END_OF_LUNS, attachments
from auditor.rules.facts.file_systems import mounted
from auditor.rules.facts.reading import number_at, text_at
from auditor.rules.facts.sizes import has_temporary_disk
from auditor.rules.facts.vm_files import cpfs, file_beside
from auditor.rules.registry import fact, once
from auditor.snapshot.guest_kinds import GuestKind
from auditor.snapshot.known import Answer, Cause, PartialList, Read, Unknown, interval
from auditor.snapshot.lookup import items, objects, required, value
from auditor.snapshot.model import Part, Resource

_APART: Final = (*combinations((INSTALLATION, DATABASE, JOURNAL, ALTERNATE), 2), (WIJ, JOURNAL), (WIJ, ALTERNATE))
"""Purposes of directories that are on different devices."""
_WORDS: Final = {
    INSTALLATION: "installation",
    DATABASE: "databases",
    JOURNAL: "journals",
    ALTERNATE: "alternate journals",
    WIJ: "WIJ",
}
_RESOURCE_DISK: Final = re.compile(r"/mnt/(azure_)?resource(/.*)?")
"""Where the agent of Azure mounts the temporary disk."""
_USUAL_LETTER: Final = "d:"
"""The drive letter that Azure gives the temporary disk."""


class _Place(NamedTuple):
    """Where a directory is."""

    disks: frozenset[str]
    """The names of the disks below its file system, or its drive letter on Windows."""
    roots: tuple[Part, ...]
    """These disks in the list of devices."""
    reads: tuple[Read, ...]
    temporary: Answer
    """Whether one of these disks is the temporary disk of a VM that has one."""


class _Devices(NamedTuple):
    """The devices of a VM."""

    by_name: Mapping[object, Part] | Unknown
    luns: frozenset[float] | None
    """The LUNs at which Azure shows a data disk; None if that is not known."""


@fact("cpf.shared_devices", "guest-file", gives="text*")
def shared_devices(context: Context, cpf: Resource) -> Answer:
    """Which groups of directories of the instance are on one device, such as `journals and databases on sdc`.

    The groups are the installation with the system databases, the other databases, the journals and the alternate
    journals. The WIJ may be with the first two. A device is a disk, through partitions and LVM, and on Windows a drive
    letter.
    """
    own = _placed(context, cpf)
    placed = _pairs(own)
    unknown = PartialList.of(own.value).incomplete_because
    known: list[object] = []
    reads: dict[Read, None] = {}
    by_purpose: dict[str, list[tuple[Directory, _Place | Unknown]]] = defaultdict(list)
    for each in placed:
        by_purpose[each[0].purpose].append(each)
    for pair in _APART:
        sides = [by_purpose[purpose] for purpose in pair]
        others = frozenset[str]().union(*(_disks(place) for _, place in sides[1]))
        one = next((each for each in sides[0] if not others.isdisjoint(_disks(each[1]))), None)
        if one is not None:
            other = next(each for each in sides[1] if _disks(one[1]) & _disks(each[1]))
            disk = min(_disks(one[1]) & _disks(other[1]))
            known.append(f"{_WORDS[pair[0]]} and {_WORDS[pair[1]]} on {disk}")
            reads |= dict.fromkeys(_all_reads((one, other)))
        elif all(sides):
            unknown = unknown or next((place for _, place in sides[0] + sides[1] if isinstance(place, Unknown)), None)
    if not known:
        reads = dict.fromkeys(_all_reads(placed))
    return Answer(PartialList(tuple(known), unknown), tuple(reads))


@fact("vm.shares_devices", "vm", gives="boolean")
def shares_devices(context: Context, vm: Resource) -> Answer:
    """Whether files of the VM show that groups of directories of an instance are on one device; never unknown."""
    found = [shared_devices(context, cpf) for cpf in PartialList.of(cpfs(context, vm).value).of_type(Resource)]
    seen = [each for each in found if PartialList.of(each.value).known]
    return Answer(bool(seen), tuple(read for each in seen for read in each.reads))


@fact("cpf.temporary_directories", "guest-file", gives="text*")
def temporary_directories(context: Context, cpf: Resource) -> Answer:
    """The directories of the instance that are on the temporary disk of its VM.

    Those of databases that each start empties are left out. Without `lsblk` and `findmnt`, only where Azure's agent
    mounts that disk is certain, and on Windows every drive letter but D.
    """
    vm = context.topology.graph.get(arm.parent_of(cpf.key))
    there = has_temporary_disk(context, vm) if isinstance(vm, Resource) else Answer(vm)
    if there.value is False:
        return Answer(PartialList(), there.reads)
    own = _placed(context, cpf)
    unknown = PartialList.of(own.value).incomplete_because
    known: dict[object, None] = {}
    reads: list[Read] = [*there.reads]
    for directory, place in _pairs(own):
        if directory.purpose == TEMPORARY:
            continue
        found = _is_temporary(directory, place)
        reads += (*directory.reads, *found.reads)
        if found.value is True:
            known[directory.path] = None
        elif isinstance(found.value, Unknown):
            unknown = unknown or found.value
    if isinstance(there.value, Unknown) and known:
        return Answer(PartialList((there.value,)), tuple(reads))
    return Answer(PartialList(tuple(known), unknown), tuple(reads))


def _is_temporary(directory: Directory, place: _Place | Unknown) -> Answer:
    """Return whether a directory is on the temporary disk, if the VM has one."""
    if directory.drive == _USUAL_LETTER:
        reason = f"{directory.path} is on the temporary disk, unless that disk has another drive letter than usual"
        return Answer(Unknown(Cause.GUEST, reason, about=tuple(read.resource for read in directory.reads)))
    if isinstance(place, Unknown):
        return Answer(True if _RESOURCE_DISK.fullmatch(directory.path) else place)
    return place.temporary


def luns_by_purpose(context: Context, cpf: Resource) -> dict[str, PartialList]:
    """Return the LUNs of the data disks on which an instance has its directories, by purpose, as files show them.

    The list of a purpose is incomplete if a directory of it may be on another disk.
    """
    own = _placed(context, cpf)
    unknown = PartialList.of(own.value).incomplete_because
    found: dict[str, dict[object, None]] = {}
    for directory, place in _pairs(own):
        if directory.purpose != TEMPORARY:
            found.setdefault(directory.purpose, {}).update(dict.fromkeys(_luns(directory, place)))
    return {purpose: PartialList(tuple(luns), unknown) for purpose, luns in found.items()}


def _luns(directory: Directory, place: _Place | Unknown) -> Iterator[object]:
    """Yield the LUNs of the disks below a directory, or why one is unknown."""
    if isinstance(place, Unknown):
        yield place
        return
    if directory.drive:
        yield Unknown(Cause.GUEST, f"no file shows at which LUN drive {directory.drive} is")
    for disk in place.roots:
        lun = number_at(disk, "lun").value
        is_known = isinstance(lun, Unknown) or (isinstance(lun, int) and 0 <= lun < END_OF_LUNS)
        reason = f"{disk.resource.id} shows no LUN of {text_at(disk, 'name').value}, as of an OS disk"
        yield lun if is_known else Unknown(Cause.GUEST, reason, about=_about(disk))


@once
def _placed(context: Context, cpf: Resource) -> Answer:
    """Return the directories of an instance, each with where it is."""
    own = PartialList.of(mounted(context, cpf).value)
    devices = _devices(context, cpf)
    by_mount: dict[str, _Place | Unknown | None] = {}
    placed: list[tuple[Directory, _Place | Unknown]] = []
    for directory, mount in own.of_type(tuple):
        if directory.drive:
            place: _Place | Unknown = _Place(frozenset({directory.drive}), (), (), Answer(False))
        elif isinstance(mount, Unknown):
            place = mount
        else:
            if mount.path not in by_mount:
                by_mount[mount.path] = _place(devices, mount)
            place = by_mount[mount.path] or _without_device(directory, mount)
        placed.append((directory, place))
    return Answer(PartialList(tuple(placed), own.missing))


def _pairs(placed: Answer) -> list[tuple[Directory, _Place | Unknown]]:
    return PartialList.of(placed.value).of_type(tuple)


def _devices(context: Context, cpf: Resource) -> _Devices:
    """Return the devices of the VM of a CPF."""
    file = file_beside(context, cpf, GuestKind.BLOCK_DEVICES)
    devices = PartialList(missing=file) if isinstance(file, Unknown) else objects(file, "properties.devices[*]")
    vm = context.topology.graph.get(arm.parent_of(cpf.key))
    attached = PartialList.of(attachments(context, vm).value if isinstance(vm, Resource) else vm)
    luns = [interval(value(part, "lun").value) for part in attached.of_type(Part)]
    certain = attached.complete and None not in luns
    by_name = {text_at(part, "name").value: part for part in devices.of_type(Part)}
    at = frozenset(lun.low for lun in luns if lun) if certain else None
    return _Devices(devices.incomplete_because or by_name, at)


def _without_device(directory: Directory, mount: Part) -> Unknown:
    """Return that a directory is on a file system that names no device."""
    reason = f"{mount.resource.id} shows no device of this VM below {directory.path}"
    return Unknown(Cause.GUEST, reason, about=_about(mount))


def _place(devices: _Devices, mount: Part) -> _Place | Unknown | None:
    """Return where the directories of a file system are; None if it names no device."""
    source = text_at(mount, "source")
    if not isinstance(source.value, str):
        return source.value if isinstance(source.value, Unknown) else None
    below = _disks_below(devices, _device_name(source.value))
    if isinstance(below, Unknown):
        return below
    disks, way = below
    reads = (
        *text_at(mount, "target").reads,
        *source.reads,
        *way,
        *(read for disk in disks for read in _reads_of(disk)),
    )
    names = frozenset(str(text_at(disk, "name").value) for disk in disks)
    return _Place(names, disks, reads, _has_temporary(disks, reads))


def _has_temporary(disks: tuple[Part, ...], reads: tuple[Read, ...]) -> Answer:
    """Return whether one of some disks is the temporary disk; `reads` is what was read on the way to them."""
    answers = [required(value(disk, "temporary")) for disk in disks]
    reads += tuple(read for answer in answers for read in answer.reads)
    if any(answer.value is True for answer in answers):
        return Answer(True, reads)
    return Answer(next((answer.value for answer in answers if isinstance(answer.value, Unknown)), False), reads)


def _disks_below(devices: _Devices, device: str) -> tuple[tuple[Part, ...], list[Read]] | Unknown:
    """Return the disks on which a device lies, with what was read on the way to them, or why they are unknown."""
    if isinstance(devices.by_name, Unknown):
        return devices.by_name
    reads: list[Read] = []
    found = tuple(_roots(devices.by_name, device, reads))
    for root in found:
        if isinstance(root, str):
            return Unknown(Cause.GUEST, f"{device} lies on {root}, which `lsblk` does not show as a disk")
        lun = interval(value(root, "lun").value)
        if lun is not None and devices.luns is not None and lun.low not in devices.luns:
            reason = f"{root.resource.id} has a disk at LUN {lun.low:g}, at which Azure shows no data disk of the VM"
            return Unknown(Cause.GUEST, reason, about=_about(root))
    return tuple(root for root in found if isinstance(root, Part)), reads


def _roots(
    by_name: Mapping[object, Part], name: str, reads: list[Read], seen: tuple[str, ...] = ()
) -> Iterator[Part | str]:
    """Yield the disks on which a device lies, or the name of one of which that is not known; add what was read."""
    device = by_name.get(name)
    on = Answer(PartialList()) if device is None else items(device, "on[*]")
    reads += on.reads
    below = [item for item in PartialList.of(on.value).of_type(str) if item not in seen]
    for each in below:
        yield from _roots(by_name, each, reads, (*seen, name))
    if not below:
        is_disk = device is not None and text_at(device, "type").value == "disk"
        yield device if is_disk and device is not None else name


def _device_name(source: str) -> str:
    """Return what `lsblk` calls a device file; `/dev/VG/LV` is `VG-LV`, in whose parts a hyphen is doubled."""
    name = source.removeprefix("/dev/")
    if name.startswith("mapper/"):
        return name.removeprefix("mapper/")
    return "-".join(part.replace("-", "--") for part in name.split("/")) if "/" in name else name


def _disks(place: _Place | Unknown) -> frozenset[str]:
    return place.disks if isinstance(place, _Place) else frozenset()


def _all_reads(placed: Iterable[tuple[Directory, _Place | Unknown]]) -> Iterator[Read]:
    for directory, place in placed:
        yield from directory.reads
        yield from place.reads if isinstance(place, _Place) else ()


def _reads_of(disk: Part) -> tuple[Read, ...]:
    lun = value(disk, "lun")
    return (*text_at(disk, "name").reads, *(() if lun.value is ABSENT else lun.reads))


def _about(part: Part) -> tuple[str, ...]:
    return (part.resource.id,)
