"""The folder of guest files: `DIR/manifest.yaml` and `DIR/<VM name>/...`, read without following links."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from auditor.errors import InputError
from auditor.snapshot.guest_kinds import GuestKind
from auditor.sources.guest import backup_scripts, formats, manifest
from auditor.sources.guest.content import Content
from auditor.sources.guest.formats import Format
from auditor.sources.guest.text import decoded

_MOST_FOLDERS: Final = 10_000
_MOST_FILES: Final = 100
_SCRIPT_LIMIT: Final = 1024**2
_OPEN: Final = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


class SuppliedFile(msgspec.Struct, frozen=True):
    """One file of a VM."""

    name: str
    path: str
    content: Content


class SuppliedVm(msgspec.Struct, frozen=True):
    """The files of one VM."""

    folder: str
    """Its name, or `<resource group>~<VM name>`."""
    taken_at: str
    files: tuple[SuppliedFile, ...]
    manifest: str
    """The path of the manifest."""
    line: int
    """The line of its entry there."""

    @property
    def name(self) -> str:
        """The name of the VM."""
        return self.folder.rpartition("~")[2]

    @property
    def group(self) -> str:
        """The name of its resource group, "" if only the name of the VM is given."""
        return self.folder.rpartition("~")[0]

    def error(self, message: str) -> InputError:
        """Return an error about its entry in the manifest."""
        return InputError(message, self.manifest, self.line)


def read(folder: Path) -> tuple[SuppliedVm, ...]:
    """Read the files of all VMs.

    Raises:
        InputError: a file or folder cannot be read, is a link or a device, is too large or of no known format, or is
            not as the manifest lists it.
    """
    below = _entries(folder, _MOST_FOLDERS)
    path = folder / manifest.NAME
    if manifest.NAME not in below:
        message = "is missing; it lists the VMs, when their files were taken, and the files"
        raise InputError(message, str(path))
    listed = manifest.parse(_bytes(path, _SCRIPT_LIMIT), path)
    folders = {name.lower(): name for name in below if name != manifest.NAME}
    for entry in listed:
        if entry.folder.lower() not in folders:
            message = f"lists the files of {entry.folder}, but there is no folder {entry.folder}"
            raise InputError(message, str(path), entry.line)
    known = {entry.folder.lower() for entry in listed}
    for lowered, name in folders.items():
        if lowered not in known:
            message = f"does not list {name}, so that it is not known when its files were taken"
            raise InputError(message, str(path), 1)
    return tuple(_vm(folder / folders[entry.folder.lower()], entry, path) for entry in listed)


def _vm(folder: Path, entry: manifest.Entry, path: Path) -> SuppliedVm:
    """Read the files of a VM."""
    below = {name.lower(): name for name in _entries(folder, _MOST_FILES)}
    for file, line in entry.files.items():
        if file.lower() not in below:
            message = f"lists {file} of {entry.folder}, but {folder / file} does not exist"
            raise InputError(message, str(path), line)
    listed = {file.lower() for file in entry.files}
    for lowered, file in below.items():
        if lowered not in listed:
            message = f"does not list {file} of {entry.folder}, so that it is not known when it was taken"
            raise InputError(message, str(path), entry.line)
    files = {below[file.lower()]: folder / below[file.lower()] for file in entry.files}
    return SuppliedVm(entry.folder, entry.at, tuple(_files(files)), str(path), entry.line)


def _files(files: dict[str, Path]) -> Iterator[SuppliedFile]:
    """Yield the files of one VM; what is derived from scripts is in the settings that name them."""
    texts: dict[str, str] = {}
    unnamed: dict[str, str] = {}
    found: dict[str, Format] = {}
    for name, path in files.items():
        named = formats.by_name(name)
        text = decoded(_bytes(path, named.limit if named else _SCRIPT_LIMIT, tail=named.tail if named else False))
        shown = formats.by_content(text)
        if named and shown and named is not shown:
            message = f"has the name of a {named.about} and the content of a {shown.about}"
            raise InputError(message, str(path))
        if each := named or shown:
            found[name], texts[name] = each, text
        else:
            unnamed[name] = text
    scripts = {
        script
        for name, each in found.items()
        if each.kind is GuestKind.BACKUP_SCRIPTS
        for script in backup_scripts.locations(texts[name])
    }
    for name in unnamed:
        if name not in scripts:
            message = "is no file that is read, neither by its name nor by its content"
            raise InputError(message, str(files[name]))
    for name, each in found.items():
        yield SuppliedFile(name, str(files[name]), each.parse(texts[name], unnamed))


def _entries(folder: Path, most: int) -> list[str]:
    """Return the names in a folder in their order, without hidden ones; none is a link.

    Raises:
        InputError: it cannot be read, has a link, has too many entries, or two that differ only in case.
    """
    names: dict[str, str] = {}
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if entry.is_symlink():
                    message = "is a link, and links are not followed"
                    raise InputError(message, entry.path)
                if entry.name.lower() in names:
                    message = f"is there twice: {names[entry.name.lower()]} differs only in case"
                    raise InputError(message, entry.path)
                names[entry.name.lower()] = entry.name
                if len(names) > most:
                    message = f"has more than {most:,} entries"
                    raise InputError(message, str(folder))
    except OSError as error:
        message = f"cannot be read: {error.strerror}"
        raise InputError(message, str(folder)) from None
    return sorted(names.values())


def _bytes(path: Path, limit: int, *, tail: bool = False) -> bytes:
    """Return the content of a regular file; of a larger one than the limit only the last bytes, if `tail`.

    Raises:
        InputError: it cannot be read, is no regular file, or is too large.
    """
    try:
        handle = os.open(path, _OPEN)
        with os.fdopen(handle, "rb") as stream:
            status = os.fstat(stream.fileno())
            if not stat.S_ISREG(status.st_mode):
                message = "is no regular file"
                raise InputError(message, str(path))
            if tail and status.st_size > limit:
                stream.seek(status.st_size - limit)
            data = stream.read(limit + 1)
    except OSError as error:
        message = f"cannot be read: {error.strerror}"
        raise InputError(message, str(path)) from None
    if len(data) > limit and not tail:
        message = f"is larger than {limit // 1024**2} MiB, the limit for such a file"
        raise InputError(message, str(path))
    return data[:limit]
