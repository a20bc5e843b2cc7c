"""Facts of the file systems on which an instance has its directories, by `findmnt` of its VM."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from auditor.rules.context import Context
from auditor.rules.facts.devices import mount_of
from auditor.rules.facts.directories import ALTERNATE, DATABASE, INSTALLATION, JOURNAL, WIJ, Directory, directories
from auditor.rules.facts.vm_files import file_beside
from auditor.rules.registry import fact
from auditor.snapshot.guest_kinds import GuestKind
from auditor.snapshot.known import Answer, PartialList, Unknown
from auditor.snapshot.lookup import objects, unusable, value
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


def _mounts(context: Context, cpf: Resource, purposes: Collection[str]) -> Answer:
    """Return the file systems with directories for some purposes, each once."""
    own = directories(cpf)
    file = file_beside(context, cpf, GuestKind.MOUNTS)
    mounts = PartialList(missing=file) if isinstance(file, Unknown) else objects(file, "properties.mounts[*]")
    wanted = [each for each in own.of_type(Directory) if each.purpose in purposes]
    found = [mount_of(mounts, each.path) for each in wanted]
    known = {mount.path if isinstance(mount, Part) else mount: mount for mount in found}
    reads = tuple(read for each in wanted for read in each.reads)
    return Answer(PartialList(tuple(known.values()), own.incomplete_because), reads)
