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
    flag,
    guid,
    name,
    number,
    numbers,
    one_of,
    port,
    required_flag,
    text,
)
from auditor.sources.guest.sections import Entry, Section, Sections

_LAST: Final = ("sql", "sqlsysdatatypes", "telnet", "conversions")
"""Sections that an instance writes after all that is read."""

_SETTINGS: Final[dict[str, dict[str, tuple[str, Read]]]] = {
    "MirrorMember": {
        "SystemName": ("systemName", name),
        "JoinMirror": ("joinMirror", required_flag),
        "AsyncMemberGUID": ("asyncMemberGuid", guid),
        "AsyncMemberType": ("asyncMemberType", one_of("0", "1", "2")),
        "ValidatedMember": ("validatedMember", flag),
        "VirtualAddressInterface": ("virtualAddressInterface", name),
    },
    "Journal": {
        "CurrentDirectory": ("currentDirectory", text),
        "AlternateDirectory": ("alternateDirectory", text),
        "BackupsBeforePurge": ("backupsBeforePurge", number),
        "DaysBeforePurge": ("daysBeforePurge", number),
        "PurgeArchived": ("purgeArchived", flag),
        "ArchiveName": ("archiveName", name),
        "FreezeOnError": ("freezeOnError", flag),
        "FileSizeLimit": ("fileSizeLimit", number),
        "CompressFiles": ("compressFiles", flag),
    },
    "Startup": {
        "DefaultPort": ("defaultPort", port),
        "WebServer": ("webServer", flag),
        "WebServerPort": ("webServerPort", port),
        "WebServerURLPrefix": ("webServerUrlPrefix", name),
        "EnableVSSBackup": ("enableVssBackup", flag),
        "SystemMode": ("systemMode", name),
        "IPv6": ("ipv6", flag),
        "JobServers": ("jobServers", number),
        "EnsembleAutoStart": ("ensembleAutoStart", flag),
    },
    "config": {
        "globals": ("globals", numbers),
        "routines": ("routines", numbers),
        "gmheap": ("gmheap", number),
        "jrnbufs": ("jrnbufs", number),
        "memlock": ("memlock", number),
        "locksiz": ("locksiz", number),
        "bbsiz": ("bbsiz", lambda value: -1 if value == "-1" else number(value)),
        "ijcnum": ("ijcnum", number),
        "ijcbuff": ("ijcbuff", number),
        "MaxServers": ("maxServers", number),
        "MaxServerConn": ("maxServerConn", number),
        "wijdir": ("wijdir", text),
    },
}
"""Sections with the keys that are kept, and what they are called here."""

_CONFIG_FILE: Final[Mapping[str, Read]] = {"Product": one_of("IRIS", "Cache", "Ensemble"), "Version": name}
_NAMES: Final = {"MirrorMember": "mirrorMember", "Journal": "journal", "Startup": "startup", "config": "config"}
_FEWEST_OF_ECP: Final = 2
_MOST_OF_ECP: Final = 5
_ACTIONS: Final = "Actions"
NAMED: Final = (*_LAST, _ACTIONS)
"""Sections of which only the presence counts."""
_MAP: Final = "Map."
GATHERED: Final = "auditor.sha256"
"""The key of the hash of a section, in a file that the script of `auditor guest script` wrote."""
_GATHERED: Final = re.compile(r"([0-9]{1,7}),([0-9a-f]{64})")
_MAP_MIRRORS: Final = "MapMirrors."

ReadEntry = Callable[[Place, str], None]
"""Puts the values of a line into the place of an element of a list."""


def parse(whole: str) -> Content:
    """Return what is kept of a CPF.

    Of `[Map.*]` only a hash of each section is kept, by which those of two instances can be compared.
    """
    sections = Sections(whole, _LAST)
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
        place = Place(builder, f"{into}[{first + len(items)}]", {}, entry.line)
        place.put("name", entry.name, text)
        read(place, entry.value)
        items.append(place.item)
    return items


def _database(place: Place, value: str) -> None:
    directory, *rest = value.split(",")
    place.put("directory", directory, text)
    place.put("server", rest[0] if rest else "", name)


def _namespace(place: Place, value: str) -> None:
    databases, *routines = value.split(",")
    place.put("globals", databases, name)
    place.put("routines", routines[0] if routines else "", name)


def _ecp_server(place: Place, value: str) -> None:
    """Put `address,port,MirrorConnection,SSLConfig,BatchMode`, of which older versions write the first two."""
    values = value.split(",")
    if not _FEWEST_OF_ECP <= len(values) <= _MOST_OF_ECP:
        place.miss("", f"has {len(values)} values")
        return
    host, own_port, mirrored, tls, *_ = [*values, "", "", ""]
    place.put("address", host, address)
    place.put("port", own_port, port)
    place.put("mirrorConnection", mirrored, one_of("0", "1", "-1"))
    place.put("sslConfig", tls, flag)


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
    members: list[dict[str, Any]] = []
    for section in found:
        read = _entries(builder, section, "mirrorMembers", cpf_mirrors.put_member, len(members))
        members += [{"mirror": section.name[len(_MAP_MIRRORS) :], **member} for member in read]
    builder.properties["mirrorMembers"] = members


# --- what is only compared --------------------------------------------------------------------------------------------


def _put_maps(builder: Builder, sections: Sections) -> None:
    """Put a hash of each section of mappings."""
    maps = []
    for section in sections.below(_MAP):
        if section.damage:
            builder.miss("maps[*]", section.damage)
        else:
            maps.append({"namespace": section.name[len(_MAP) :], **_hash(section.entries)})
    builder.properties["maps"] = maps
    if sections.damage:
        builder.miss("maps[*]", sections.damage)


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
