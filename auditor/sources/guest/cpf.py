"""The CPF (`iris.cpf`, `cache.cpf`): the configuration of one InterSystems instance.

The layout is that of the CPF reference of InterSystems (https://docs.intersystems.com/irislatest/csp/docbook/
DocBook.UI.Page.cls?KEY=RACS), and of that of Caché (KEY=RCPF), read 2026-11-30; public files of IRIS 2020 to 2023
confirm the sections and their order, but none has a mirror.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from auditor.snapshot.guest_kinds import GuestKind
from auditor.sources.guest import cpf_mirrors
from auditor.sources.guest.content import (
    Builder,
    Content,
    Place,
    Read,
    address,
    directory,
    guid,
    name,
    numbers,
    one_of,
    required,
    required_directory,
    required_flag,
    required_number,
    required_port,
    text,
)
from auditor.sources.guest.sections import Entry, Section, Sections, is_misspelled

_LAST: Final = ("sql", "sqlsysdatatypes", "telnet", "conversions")
"""Sections that an instance writes after all that is read."""

SIZES: Final = numbers(6)
"""Reads a size of memory for each size of blocks."""
ROUTINES: Final = numbers(1, 6)
"""Reads one size of memory, or one for each size of blocks."""

_SETTINGS: Final[dict[str, dict[str, tuple[str, Read]]]] = {
    "MirrorMember": {
        "SystemName": ("systemName", name),
        "JoinMirror": ("joinMirror", required_flag),
        "AsyncMemberGUID": ("asyncMemberGuid", guid),
        "AsyncMemberType": ("asyncMemberType", required(one_of("0", "1", "2"))),
        "ValidatedMember": ("validatedMember", required_flag),
        "VirtualAddressInterface": ("virtualAddressInterface", name),
    },
    "Journal": {
        "CurrentDirectory": ("currentDirectory", required_directory),
        "AlternateDirectory": ("alternateDirectory", directory),
        "BackupsBeforePurge": ("backupsBeforePurge", required_number),
        "DaysBeforePurge": ("daysBeforePurge", required_number),
        "PurgeArchived": ("purgeArchived", required_flag),
        "ArchiveName": ("archiveName", name),
        "FreezeOnError": ("freezeOnError", required_flag),
        "FileSizeLimit": ("fileSizeLimit", required_number),
        "CompressFiles": ("compressFiles", required_flag),
    },
    "Startup": {
        "DefaultPort": ("defaultPort", required_port),
        "WebServer": ("webServer", required_flag),
        "WebServerPort": ("webServerPort", required_port),
        "WebServerURLPrefix": ("webServerUrlPrefix", name),
        "EnableVSSBackup": ("enableVssBackup", required_flag),
        "SystemMode": ("systemMode", one_of("LIVE", "TEST", "DEVELOPMENT", "FAILOVER")),
        "IPv6": ("ipv6", required_flag),
        "JobServers": ("jobServers", required_number),
        "EnsembleAutoStart": ("ensembleAutoStart", required_flag),
    },
    "config": {
        "globals": ("globals", SIZES),
        "routines": ("routines", ROUTINES),
        "gmheap": ("gmheap", required_number),
        "jrnbufs": ("jrnbufs", required_number),
        "memlock": ("memlock", required_number),
        "locksiz": ("locksiz", required_number),
        "bbsiz": ("bbsiz", lambda value: -1 if value == "-1" else required_number(value)),
        "ijcnum": ("ijcnum", required_number),
        "ijcbuff": ("ijcbuff", required_number),
        "MaxServers": ("maxServers", required_number),
        "MaxServerConn": ("maxServerConn", required_number),
        "wijdir": ("wijdir", directory),
    },
}
"""Sections with the keys that are kept, and what they are called here."""

_CONFIG_FILE: Final[Mapping[str, Read]] = {"Product": one_of("IRIS", "Cache", "Ensemble"), "Version": name}
_NAMES: Final = {"MirrorMember": "mirrorMember", "Journal": "journal", "Startup": "startup", "config": "config"}
_ACTIONS: Final = "Actions"
NAMED: Final = (*_LAST, _ACTIONS)
"""Sections of which only the presence counts."""
_ECP_VALUES: Final = (2, 3, 5)
"""How many values an ECP server has, by version."""
_ECP_READS: Final = (required(one_of("0", "1", "-1")), required_flag)
_MAP: Final = "Map."
GATHERED: Final = "auditor.sha256"
"""The key of the hash of a section, in a file that the script of `auditor guest script` wrote."""
_GATHERED: Final = re.compile(r"([0-9]{1,7}),([0-9a-f]{64})")
_MAP_MIRRORS: Final = "MapMirrors."

ReadEntry = Callable[[Place, str], None]
"""Puts the values of a line into the place of an element of a list."""


def parse(file: str, *, is_whole: bool = False) -> Content:
    """Return what is kept of a CPF; `is_whole` tells that nothing of it was cut off.

    Of `[Map.*]` only a hash of each section is kept, by which those of two instances can be compared.
    """
    sections = Sections(file, _LAST, is_whole=is_whole)
    if sections.get(_ACTIONS):
        # A file of changes that an instance is asked to make (`ISC_CPF_MERGE_FILE`).
        return Builder(GuestKind.MERGE_CPF).content()
    builder = Builder(GuestKind.CPF)
    if sections.damage:
        builder.miss("", sections.damage)
    _put_product(builder, sections)
    for section, keys in _SETTINGS.items():
        sections.put(builder, section, _NAMES[section], keys)
    _put_list(builder, sections, "Databases", "databases", _database)
    _put_list(builder, sections, "Namespaces", "namespaces", _namespace)
    _put_list(builder, sections, "ECPServers", "ecpServers", _ecp_server)
    _put_mirrors(builder, sections)
    _put_members(builder, sections)
    _put_maps(builder, sections)
    return builder.content()


def _put_product(builder: Builder, sections: Sections) -> None:
    """Put the product, which a CPF of Caché does not name, and the version."""
    keys = {"Product": ("product", _CONFIG_FILE["Product"]), "Version": ("version", _CONFIG_FILE["Version"])}
    sections.put(builder, "ConfigFile", "configFile", keys)
    found = builder.properties.get("configFile")
    if found is not None and "product" not in found and not {"configFile", "configFile.product"} & {*builder.unread}:
        found["product"] = "Cache"


def _put_list(builder: Builder, sections: Sections, section: str, into: str, read: ReadEntry) -> None:
    """Put the entries of a section as a list."""
    found = sections.get(section)
    if found is not None:
        builder.properties[into] = _entries(builder, found, into, read)
    elif why := sections.misspelled(section):
        builder.miss(into, why)
    elif not sections.damage:
        builder.properties[into] = []


def _entries(builder: Builder, section: Section, into: str, read: ReadEntry, first: int = 0) -> list[dict[str, Any]]:
    """Return the entries of a section as objects; `first` is the index of the first one in the list."""
    items: list[dict[str, Any]] = []
    if section.damage:
        builder.miss(f"{into}[*]", section.damage)
    for entry in section.entries:
        if not entry.ended:
            builder.miss(f"{into}[*]", f"line {entry.line} may be cut")
            continue
        if "=" in entry.value:
            builder.miss(f"{into}[*]", f"line {entry.line} may be two lines that were joined")
        place = Place(builder, f"{into}[{first + len(items)}]", {}, entry.line)
        place.put("name", entry.name, text)
        read(place, entry.value)
        items.append(place.item)
    return items


def _database(place: Place, value: str) -> None:
    path, *rest = value.split(",")
    place.put("directory", path, required_directory)
    place.put("server", rest[0] if rest else "", required(name) if path.startswith(":") else name)


def _namespace(place: Place, value: str) -> None:
    databases, *routines = value.split(",")
    place.put("globals", databases, name)
    place.put("routines", routines[0] if routines else "", name)


def _ecp_server(place: Place, value: str) -> None:
    """Put `address,port,MirrorConnection,SSLConfig,BatchMode`, of which older versions write the first two or three."""
    values = value.split(",")
    if len(values) not in _ECP_VALUES:
        place.miss("", f"has {len(values)} values")
        return
    place.put("address", values[0], required(address))
    place.put("port", values[1], required_port)
    for own, text_, read in zip(("mirrorConnection", "sslConfig"), values[2:], _ECP_READS, strict=False):
        place.put(own, text_, read)


# --- mirrors ----------------------------------------------------------------------------------------------------------


def _put_mirrors(builder: Builder, sections: Sections) -> None:
    product = builder.properties.get("configFile", {}).get("product", "")

    def read(place: Place, value: str) -> None:
        cpf_mirrors.put_mirror(place, value, product)

    _put_list(builder, sections, "Mirrors", "mirrors", read)


def _put_members(builder: Builder, sections: Sections) -> None:
    """Put the members of all mirrors as one list."""
    found = sections.below(_MAP_MIRRORS)
    if not found and sections.damage:
        return
    if sections.damage:
        builder.miss("mirrorMembers[*]", sections.damage)
    mirrors = sections.get("Mirrors")
    named = {entry.name.lower() for entry in mirrors.entries} if mirrors else set()
    if named != {section.name[len(_MAP_MIRRORS) :].lower() for section in found}:
        # Which of the names is damaged is not known.
        why = f"the mirrors of [Mirrors] are not those of [{_MAP_MIRRORS}NAME]"
        builder.miss("mirrorMembers[*]", why)
        for index, mirror in enumerate(builder.properties.get("mirrors", [])):
            mirror.pop("name", None)
            builder.miss(f"mirrors[{index}].name", why)
    members: list[dict[str, Any]] = []
    for section in found:
        read = _entries(builder, section, "mirrorMembers", cpf_mirrors.put_member, len(members))
        members += [{"mirror": section.name[len(_MAP_MIRRORS) :], **member} for member in read]
    builder.properties["mirrorMembers"] = members


# --- what is only compared --------------------------------------------------------------------------------------------


def _put_maps(builder: Builder, sections: Sections) -> None:
    """Put a hash of each section of mappings."""
    maps = []
    for section in filter(_may_be_maps, sections.below("")):
        builder.miss("maps[*]", f"line {section.line} has a section whose name is misspelled")
    for section in sections.below(_MAP):
        if section.damage:
            builder.miss("maps[*]", section.damage)
        else:
            maps.append({"namespace": section.name[len(_MAP) :], **_hash(section.entries)})
    builder.properties["maps"] = maps
    if sections.damage:
        builder.miss("maps[*]", sections.damage)


def _may_be_maps(section: Section) -> bool:
    """Return whether the name of a section is that of one of mappings, with a damage."""
    found, prefix = section.name.lower(), _MAP.lower().rstrip(".")
    if found.startswith((_MAP.lower(), _MAP_MIRRORS.lower())):
        return False
    return found.startswith(prefix) or is_misspelled(found.partition(".")[0], prefix)


def _hash(entries: list[Entry]) -> dict[str, Any]:
    """Return the hash of some lines, which is the only one if the script of `auditor guest script` wrote them."""
    if len(entries) == 1 and entries[0].name == GATHERED and (found := _GATHERED.fullmatch(entries[0].value)):
        return {"count": int(found[1]), "sha256": found[2]}
    lines = sorted(f"{entry.name}={entry.value}\n" for entry in entries)
    return {"count": len(lines), "sha256": hashlib.sha256("".join(lines).encode(errors="replace")).hexdigest()}


def kept() -> Iterator[tuple[str, Mapping[str, Read]]]:
    """Yield the sections of a CPF that are kept, with their keys; a section without keys is kept by its entries."""
    yield "ConfigFile", _CONFIG_FILE
    for section, keys in _SETTINGS.items():
        yield section, {key: read for key, (_, read) in keys.items()}
    for section in ("Databases", "Namespaces", "ECPServers", "Mirrors", "MapMirrors.*"):
        yield section, {}
