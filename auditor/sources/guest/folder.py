"""The folder of guest files: `DIR/<VM name>/...`, with `manifest.yaml` beside or in it; links are not followed."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BufferedReader
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
_SCRIPT: Final = ".sh"
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
    """Read the files of all VMs, which `manifest.yaml` lists, or each folder of a VM has a manifest of its own.

    Raises:
        InputError: a file or folder cannot be read, is a link or a device, is too large or of no known format, or is
            not as the manifest lists it.
    """
    names = _entries(folder, _MOST_FOLDERS)
    whole = folder / manifest.NAME
    listed = manifest.parse(_bytes(whole, _SCRIPT_LIMIT), whole) if manifest.NAME in names else []
    folders = {name.lower(): name for name in names if name != manifest.NAME}
    for entry in listed:
        if entry.folder.lower() not in folders:
            message = f"lists the files of {entry.folder}, but there is no folder {entry.folder}"
            raise InputError(message, entry.manifest, entry.line)
    entries = {entry.folder.lower(): entry for entry in listed}
    found = []
    for lowered in dict.fromkeys((*entries, *folders)):
        name = folders[lowered]
        below = _entries(folder / name, _MOST_FILES)
        entry = _entry(folder / name, below, entries.get(lowered), whole if listed else None)
        found.append(_vm(folder / name, below, entry))
    if not found:
        message = "is missing; it lists the VMs, when their files were taken, and the files"
        raise InputError(message, str(whole))
    return tuple(found)


def _entry(folder: Path, below: list[str], listed: manifest.Entry | None, whole: Path | None) -> manifest.Entry:
    """Return what lists the files of a VM: the manifest of all VMs, or that in its own folder."""
    own = folder / manifest.NAME
    if manifest.NAME not in below:
        if listed is not None:
            return listed
        if whole is not None:
            message = f"does not list {folder.name}, so that it is not known when its files were taken"
            raise InputError(message, str(whole), 1)
        message = "is missing; it lists when the files of the VM were taken, and the files"
        raise InputError(message, str(own))
    if listed is not None:
        message = f"lists the files of {listed.folder}, which {own} lists as well: remove one of the two lists"
        raise InputError(message, listed.manifest, listed.line)
    entries = manifest.parse(_bytes(own, _SCRIPT_LIMIT), own)
    for entry in entries:
        if entry.folder.lower() != folder.name.lower():
            message = f"lists the files of {entry.folder}, and is in the folder of {folder.name}"
            raise InputError(message, entry.manifest, entry.line)
    if not entries:
        message = f"lists no files of {folder.name}"
        raise InputError(message, str(own), 1)
    return entries[0]


def _vm(folder: Path, names: list[str], entry: manifest.Entry) -> SuppliedVm:
    """Read the files of a VM."""
    below = {name.lower(): name for name in names if name != manifest.NAME}
    for file, listed in entry.files.items():
        if file.lower() not in below:
            message = f"lists {file} of {entry.folder}, but {folder / file} does not exist"
            raise InputError(message, entry.manifest, listed.line)
    known = {file.lower() for file in entry.files}
    for lowered, file in below.items():
        if lowered not in known:
            message = f"does not list {file} of {entry.folder}, so that it is not known when it was taken"
            raise InputError(message, entry.manifest, entry.line)
    files = tuple(_files(folder, below, entry))
    return SuppliedVm(entry.folder, entry.at, files, entry.manifest, entry.line)


def _files(folder: Path, below: dict[str, str], entry: manifest.Entry) -> Iterator[SuppliedFile]:
    """Yield the files of one VM; what is derived from scripts is in the settings that name them."""
    texts: dict[str, str] = {}
    found: dict[str, Format] = {}
    changed: dict[str, str] = {}
    proved: set[str] = set()
    for name, listed in ((below[file.lower()], listed) for file, listed in entry.files.items()):
        path = folder / name
        named = formats.by_name(name)
        data = _bytes(path, named.limit if named else _SCRIPT_LIMIT, tail=named is not None and named.tail)
        if listed.sha256 and _sha256(path) != listed.sha256:
            changed[name] = f"its SHA-256 is not that of line {listed.line} of {manifest.NAME}: copy it again"
        else:
            proved |= {name} if listed.sha256 else set()
            texts[name] = decoded(data)
            if not (named and named.tail):  # a log may have them where its host stopped
                _refuse_nul(texts[name], path)
        shown = formats.by_content(texts.get(name, ""))
        if named and shown and named is not shown:
            message = f"has the name of a {named.about} and the content of a {shown.about}"
            raise InputError(message, str(path))
        if each := named or shown:
            found[name] = each
    others = {name: text for name, text in texts.items() if name not in found}
    settings = [name for name, each in found.items() if each.kind is GuestKind.BACKUP_SCRIPTS]
    if changed.keys().isdisjoint(settings):  # which would name the scripts
        names = (others.keys() | changed.keys()) - found.keys()
        _refuse_others(folder, names, [texts[name] for name in settings])
    for name, each in found.items():
        if name in changed:
            content = each.unread(changed[name])
        else:
            content = each.content(texts[name], others, is_whole=name in proved)
        yield SuppliedFile(name, str(folder / name), content)


def _refuse_others(folder: Path, names: set[str], settings: Sequence[str]) -> None:
    """Refuse files that are not read, other than scripts beside settings; those of Azure's template name none.

    Raises:
        InputError: there is such a file.
    """
    scripts = {script for text in settings for script in backup_scripts.locations(text)}
    for name in sorted(names - scripts):
        if not settings or not name.lower().endswith(_SCRIPT):
            message = "is no file that is read, neither by its name nor by its content"
            raise InputError(message, str(folder / name))


def _refuse_nul(text: str, path: Path) -> None:
    """Refuse what is no text: archives, and encodings that cannot be recognised.

    Raises:
        InputError: it has a NUL character.
    """
    place = text.find("\0")
    if place >= 0:
        message = "has a NUL character, and must be text: UTF-8, UTF-16 with a byte order mark, or Latin-1"
        raise InputError(message, str(path), text.count("\n", 0, place) + 1)


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
    with _opened(path) as stream:
        size = os.fstat(stream.fileno()).st_size
        if tail and size > limit:
            stream.seek(size - limit)
        data = stream.read(limit + 1)
    if len(data) > limit and not tail:
        message = f"is larger than {limit // 1024**2} MiB, the limit for such a file"
        raise InputError(message, str(path))
    return data[:limit]


def _sha256(path: Path) -> str:
    """Return the SHA-256 of a regular file of any size.

    Raises:
        InputError: it cannot be read, or is no regular file.
    """
    with _opened(path) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@contextmanager
def _opened(path: Path) -> Iterator[BufferedReader]:
    """Open a regular file.

    Raises:
        InputError: it cannot be read, or is no regular file.
    """
    try:
        with os.fdopen(os.open(path, _OPEN), "rb") as stream:
            if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                message = "is no regular file"
                raise InputError(message, str(path))
            yield stream
    except OSError as error:
        message = f"cannot be read: {error.strerror}"
        raise InputError(message, str(path)) from None
