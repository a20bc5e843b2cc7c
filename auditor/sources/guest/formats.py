"""The formats of guest files, which are recognised by the name of a file and by its content."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

import msgspec

from auditor.snapshot.guest_kinds import GuestKind
from auditor.sources.guest import (
    backup_scripts,
    block_devices,
    cpf,
    csp_ini,
    instances,
    messages_log,
    metrics,
    mirror_status,
    mounts,
)
from auditor.sources.guest.content import Content
from auditor.sources.guest.json_text import parsed
from auditor.sources.guest.text import lines

_FIRST_LINES: Final = 200
"""Lines by which a format is recognised."""
_MIB: Final = 1024**2


class Format(msgspec.Struct, frozen=True):
    """One format."""

    kind: GuestKind
    about: str
    """What the file is, in the singular without an article."""
    names: str
    """A regular expression of lower-case file names."""
    shown: tuple[str, ...]
    """The usual names, for the documentation."""
    parse: Callable[[str, Mapping[str, str]], Content]
    """Returns what is kept of a text; the mapping has the texts of scripts beside it, by file name."""
    parse_whole: Callable[[str], Content] | None = None
    """Does so for a text of which it is known that nothing was cut off, if that makes a difference."""
    limit: int = 4 * _MIB
    """The number of bytes that a file may have."""
    tail: bool = False
    """Whether only the last bytes of a larger file are read."""

    def content(self, text: str, scripts: Mapping[str, str], *, is_whole: bool) -> Content:
        """Return what is kept of a text; `is_whole` tells that nothing of it was cut off."""
        return self.parse_whole(text) if is_whole and self.parse_whole else self.parse(text, scripts)

    def unread(self, why: str) -> Content:
        """Return the content of a file of which nothing is kept, for a reason."""
        return Content({"kind": self.kind.value}, {"": why})


def _alone(parse: Callable[[str], Content]) -> Callable[[str, Mapping[str, str]], Content]:
    return lambda text, _: parse(text)


FORMATS: Final[tuple[Format, ...]] = (
    Format(
        GuestKind.CPF,
        "CPF",
        r"[\w.-]+\.cpf",
        ("iris.cpf", "cache.cpf"),
        _alone(cpf.parse),
        partial(cpf.parse, is_whole=True),
        limit=16 * _MIB,
    ),
    Format(
        GuestKind.CSP_INI,
        "configuration of a Web Gateway",
        r"([\w.-]+-)?csp\.ini",
        ("CSP.ini",),
        _alone(csp_ini.parse),
        partial(csp_ini.parse, is_whole=True),
    ),
    Format(
        GuestKind.BACKUP_SCRIPTS,
        "setting of the scripts of Azure Backup",
        r"vmsnapshotscriptpluginconfig\.json",
        ("VMSnapshotScriptPluginConfig.json",),
        backup_scripts.parse,
    ),
    Format(
        GuestKind.MESSAGES_LOG,
        "log of an instance",
        r"([\w.-]+-)?(messages|cconsole)\.log",
        ("messages.log", "cconsole.log"),
        _alone(messages_log.parse),
        tail=True,
    ),
    Format(
        GuestKind.INSTANCES,
        "list of instances",
        r"(iris|ccontrol)-list\.txt",
        ("iris-list.txt", "ccontrol-list.txt"),
        _alone(instances.parse),
    ),
    Format(
        GuestKind.MIRROR_STATUS,
        "status of a mirror",
        r"([\w.-]+-)?mirror-status(-[\w-]+)?\.txt",
        ("mirror-status.txt",),
        _alone(mirror_status.parse),
    ),
    Format(
        GuestKind.METRICS,
        "list of metrics",
        r"([\w.-]+-)?metrics\.(prom|txt)",
        ("metrics.prom",),
        _alone(metrics.parse),
    ),
    Format(
        GuestKind.BLOCK_DEVICES, "list of block devices", r"lsblk\.json", ("lsblk.json",), _alone(block_devices.parse)
    ),
    Format(GuestKind.MOUNTS, "list of file systems", r"findmnt\.json", ("findmnt.json",), _alone(mounts.parse)),
)

_BY_KIND: Final = {each.kind: each for each in FORMATS}
_HEADERS: Final = {
    "[configfile]": GuestKind.CPF,
    "[actions]": GuestKind.CPF,
    "[system_index]": GuestKind.CSP_INI,
    "[app_path_index]": GuestKind.CSP_INI,
}
_KEYS: Final = {
    block_devices.KEY: GuestKind.BLOCK_DEVICES,
    mounts.KEY: GuestKind.MOUNTS,
    "preScriptLocation": GuestKind.BACKUP_SCRIPTS,
    "pluginName": GuestKind.BACKUP_SCRIPTS,
}


def by_name(file: str) -> Format | None:
    """Return the format of a file by its name, None if it is no known one."""
    return next((each for each in FORMATS if re.fullmatch(each.names, file.lower())), None)


def by_content(text: str) -> Format | None:
    """Return the format that a text certainly has, None if that is not clear."""
    if text.lstrip().startswith("{"):
        found = parsed(text)
        keys = found.keys() if isinstance(found, dict) else ()
        return next((_BY_KIND[kind] for key, kind in _KEYS.items() if key in keys), None)
    for line in lines(text)[:_FIRST_LINES]:
        kind = _HEADERS.get(line.text.strip().lower()) or _kind_of_line(line.text)
        if kind:
            return _BY_KIND[kind]
    return None


def _kind_of_line(line: str) -> GuestKind | None:
    stripped = line.strip()
    if instances.START.fullmatch(stripped):
        return GuestKind.INSTANCES
    if mirror_status.START.fullmatch(stripped):
        return GuestKind.MIRROR_STATUS
    if messages_log.LINE.fullmatch(line):
        return GuestKind.MESSAGES_LOG
    return GuestKind.METRICS if metrics.LINE.fullmatch(stripped) else None
