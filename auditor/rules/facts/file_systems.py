"""Facts of the file systems on which an instance has its directories, by `findmnt` of its VM."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from auditor.rules.context import Context
from auditor.rules.facts.directories import ALTERNATE, DATABASE, INSTALLATION, JOURNAL, WIJ, Directory, directories
from auditor.rules.facts.reading import text_at
from auditor.rules.facts.vm_files import file_beside
from auditor.rules.registry import fact, once
from auditor.snapshot.guest_kinds import GuestKind
from auditor.snapshot.known import Answer, Cause, PartialList, Unknown
from auditor.snapshot.lookup import objects, required, unusable, value
from auditor.snapshot.model import Part, Resource

_MODES: Final = ("journal", "ordered", "writeback")


@fact("cpf.database_mounts", "guest-file", gives="mount*")
def database_mounts(context: Context, cpf: Resource) -> Answer:
    """The file systems on which the instance has its own databases, without those of its installation."""
    return _mounts(context, cpf, {DATABASE})


@fact("cpf.other_mounts", "guest-file", gives="mount*")
def other_mounts(context: Context, cpf: Resource) -> Answer:
    """The file systems on which the instance has its installation, its journals and its WIJ."""
    return _mounts(context, cpf, {INSTALLATION, JOURNAL, ALTERNATE, WIJ})


@fact("mount.data_mode", "mount", gives="text")
def data_mode(_: Context, mount: Part) -> Answer:
    """How an ext4 file system writes the data of files: `ordered`, the default, `journal` or `writeback`."""
    options = value(mount, "options")
    if not isinstance(options.value, list):
        return Answer(unusable(options, "a list of options"), options.reads)
    return Answer(next((mode for mode in _MODES if f"data={mode}" in options.value), "ordered"), options.reads)


@fact("mount.access_times", "mount", gives="text")
def access_times(_: Context, mount: Part) -> Answer:
    """When a file system writes the time at which a file was read: `noatime`, `relatime`, or `strictatime`."""
    options = value(mount, "options")
    if not isinstance(options.value, list):
        return Answer(unusable(options, "a list of options"), options.reads)
    shown = next((option for option in ("noatime", "relatime") if option in options.value), "strictatime")
    return Answer(shown, options.reads)


@once
def mounted(context: Context, cpf: Resource) -> Answer:
    """Return the directories of an instance, each with its file system or why that is unknown."""
    own = directories(cpf)
    by_point = _by_point(context, cpf)
    found = tuple((each, _mount_of(by_point, each.path)) for each in own.of_type(Directory))
    return Answer(PartialList(found, own.incomplete_because))


def _mounts(context: Context, cpf: Resource, purposes: Collection[str]) -> Answer:
    """Return the file systems with directories for some purposes, each once."""
    own = PartialList.of(mounted(context, cpf).value)
    wanted = [(each, mount) for each, mount in own.of_type(tuple) if each.purpose in purposes]
    known = {mount.path if isinstance(mount, Part) else mount: mount for _, mount in wanted}
    reads = tuple(read for each, _ in wanted for read in each.reads)
    return Answer(PartialList(tuple(known.values()), own.missing), reads)


def _by_point(context: Context, cpf: Resource) -> Mapping[str, Part] | Unknown:
    """Return the file systems of the VM of a CPF by mount point, of several there the last one."""
    file = file_beside(context, cpf, GuestKind.MOUNTS)
    mounts = PartialList(missing=file) if isinstance(file, Unknown) else objects(file, "properties.mounts[*]")
    if mounts.incomplete_because is not None:
        return mounts.incomplete_because
    found: dict[str, Part] = {}
    for mount in mounts.of_type(Part):
        target = required(text_at(mount, "target"))
        if isinstance(target.value, Unknown):
            return target.value
        found[str(target.value).rstrip("/")] = mount
    return found


def _mount_of(by_point: Mapping[str, Part] | Unknown, path: str) -> Part | Unknown:
    """Return the file system of a path: that with the longest mount point."""
    if isinstance(by_point, Unknown):
        return by_point
    point = path
    while point not in by_point:
        point, separator, _ = point.rpartition("/")
        if not separator:
            return Unknown(Cause.GUEST, f"no file system is mounted above {path}")
    return by_point[point]
