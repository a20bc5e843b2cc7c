"""CSP.ini: the configuration of a Web Gateway (CSP Gateway).

Of passwords only the form is kept, by which an obfuscated one differs from plain text; a command that would return one
is never run.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final

from auditor.snapshot.guest_kinds import GuestKind
from auditor.sources.guest.content import (
    Builder,
    Content,
    Place,
    Read,
    address,
    name,
    one_of,
    required,
    required_flag,
    required_number,
    required_port,
    text,
)
from auditor.sources.guest.sections import Entry, Section, Sections, is_misspelled

_PATH: Final = "APP_PATH:"
_PATHS: Final = "APP_PATH_INDEX"
_SERVERS: Final = "SYSTEM_INDEX"
_SYSTEM: Final = "SYSTEM"
_OWN: Final = (_SYSTEM.lower(), _SERVERS.lower(), _PATHS.lower())
_ALTERNATIVE: Final = re.compile(r"alternative_server_[0-9]{1,3}", re.IGNORECASE)
_FIRST_ALTERNATIVE: Final = "alternative_server_0"
_ALTERNATIVE_VALUE: Final = re.compile(r"([01])~+([^~]+)")
_SWITCH: Final = ("enabled", "disabled")
_MANAGERS: Final = re.compile(r"[0-9A-Fa-f.:*,+ -]{1,1024}")
HIDDEN: Final = "?"
"""Stands for a password whose form may be damaged, in a file that the script of `auditor guest script` wrote."""
FORMS: Final = (("]]]", "obfuscated"), ("PBKDF2|", "hashed"), ("{", "command"))


def _managers(value: str) -> list[str] | None:
    """Read IP addresses, with `*` and ranges, between commas or plus signs."""
    if value and not _MANAGERS.fullmatch(value):
        raise ValueError
    return [part.strip() for part in re.split("[,+]", value) if part.strip()] or None


def _tls_version(value: str) -> int | None:
    """Read the number of a version of TLS: 4 is 1.0, 8 is 1.1, 16 is 1.2 and 32 is 1.3."""
    return None if (found := one_of("4", "8", "16", "32")(value)) is None else int(found)


def password_form(value: str) -> str | None:
    """Return the form of a password; one that lacks a character of a form, or has one more, is malformed."""
    if not value:
        return None
    found = next((form for start, form in FORMS if value.startswith(start)), "")
    is_near = any(
        is_misspelled(value[: len(start) + more], start) for start, _ in FORMS if len(start) > 1 for more in (-1, 1)
    )
    if value == HIDDEN or value.startswith("{") != value.endswith("}") or (is_near and not found):
        raise ValueError
    return found or "plain"


def own_password_form(value: str) -> str | None:
    """Return the form of the password of the management pages, which older Web Gateways hash to `1...`."""
    return "hashed" if value.startswith("1") else password_form(value)


def switch(value: str) -> bool | None:
    """Read `Enabled` or `Disabled`."""
    if value.lower() not in {*_SWITCH, ""}:
        raise ValueError
    return value.lower() == "enabled" if value else None


_SYSTEM_KEYS: Final[dict[str, tuple[str, Read]]] = {
    "System_Manager": ("systemManager", _managers),
    "Default_Server": ("defaultServer", name),
    "Password": ("passwordForm", own_password_form),
}
_SERVER_KEYS: Final[dict[str, tuple[str, Read]]] = {
    "Ip_Address": ("address", required(address)),
    "TCP_Port": ("port", required_port),
    "Mirror_Aware": ("mirrorAware", required_flag),
    "Connection_Security_Level": ("securityLevel", required_number),
    "Product": ("product", required_number),
    "SSLCC_Protocol_Min": ("tlsMinimum", required(_tls_version)),
    "SSLCC_Verify_Peer": ("verifyPeer", required_flag),
    "Password": ("passwordForm", password_form),
}
_PATH_KEYS: Final[dict[str, tuple[str, Read]]] = {
    "Default_Server": ("defaultServer", name),
    "Alternative_Servers": ("alternativeServers", one_of("FailOver", "LoadBalancing", "Disabled")),
}


def kept() -> Iterator[tuple[str, Mapping[str, Read]]]:
    """Yield the sections of a CSP.ini that are kept, with their keys; `*` stands for any other section or key."""
    for section, keys in ((_SYSTEM, _SYSTEM_KEYS), (f"{_PATH}*", _PATH_KEYS), ("*", _SERVER_KEYS)):
        alternatives = {"Alternative_Server_*": text} if keys is _PATH_KEYS else {}
        yield section, {key: read for key, (_, read) in keys.items()} | alternatives
    for section in (_SERVERS, _PATHS):
        yield section, {"*": switch}


def parse(file: str, *, is_whole: bool = False) -> Content:
    """Return what is kept of a CSP.ini; `is_whole` tells that nothing of it was cut off."""
    sections = Sections(file, (), is_whole=is_whole)
    builder = Builder(GuestKind.CSP_INI)
    sections.put(builder, _SYSTEM, "system", _SYSTEM_KEYS)
    if sections.get(_SYSTEM) is None and sections.damage:
        builder.miss("system", sections.damage)
    builder.properties["servers"] = _servers(builder, sections)
    builder.properties["paths"] = _paths(builder, sections)
    return builder.content()


def _servers(builder: Builder, sections: Sections) -> list[dict[str, Any]]:
    """Return the servers: those of the index, and sections with an address that the index lacks."""
    index = _index(builder, sections, _SERVERS, "servers")
    own = {section.name.lower(): section for section in sections.below("") if _is_server(section)}
    found: list[dict[str, Any]] = []
    for server in dict.fromkeys((*index, *own)):
        section, entry = own.get(server), index.get(server)
        place = Place(builder, f"servers[{len(found)}]", {}, entry.line if entry else 0)
        place.put("name", entry.name if entry else own[server].name, name)
        _put_enabled(place, entry, _damaged(index, own))
        found.append(place.item)
        _put(place, sections, section, _SERVER_KEYS)
    return found


def _paths(builder: Builder, sections: Sections) -> list[dict[str, Any]]:
    """Return the application paths: those of the index, and sections that the index lacks."""
    index = _index(builder, sections, _PATHS, "paths")
    own = {section.name[len(_PATH) :].lower(): section for section in sections.below(_PATH)}
    found: list[dict[str, Any]] = []
    for path in dict.fromkeys((*index, *own)):
        section, entry = own.get(path), index.get(path)
        place = Place(builder, f"paths[{len(found)}]", {}, entry.line if entry else 0)
        place.put("path", entry.name if entry else path, text)
        _put_enabled(place, entry, _damaged(index, own))
        found.append(place.item)
        _put(place, sections, section, _PATH_KEYS)
        if section is not None:
            _put_alternatives(place, section)
    return found


def _damaged(index: Mapping[str, Entry], own: Collection[str]) -> list[str]:
    """Return the entries of an index that may be those of other sections: without a section, or malformed."""
    return [name for name, entry in index.items() if name not in own or entry.value.lower() not in _SWITCH]


def _put_enabled(place: Place, entry: Entry | None, damaged: Sequence[str]) -> None:
    """Put the value of an entry of an index; a section without one may be that of a damaged entry."""
    if entry is None and damaged:
        place.miss("enabled", f"does not list it, and has {damaged[0]} in its index without a section")
    else:
        place.put(
            "enabled",
            "" if entry is None else entry.value if entry.ended else "?",
            required(switch) if entry else switch,
        )


def _put(place: Place, sections: Sections, section: Section | None, keys: dict[str, tuple[str, Read]]) -> None:
    """Put the values of keys of a section into an element of a list."""
    if section is None:
        place.builder.miss(place.path, sections.damage or "the file has no section for it")
        return
    part = Builder(GuestKind.CSP_INI)
    sections.put(part, section.name, "own", keys)
    place.item |= part.properties["own"]
    for path, why in part.unread.items():
        place.builder.miss(f"{place.path}{path.removeprefix('own')}", why)


def _put_alternatives(place: Place, section: Section) -> None:
    """Put the names of alternative servers that are enabled: `1~~~~~~NAME`, with any number of `~`."""
    names = []
    for entry in section.entries:
        if _ALTERNATIVE.fullmatch(entry.name):
            found = _ALTERNATIVE_VALUE.fullmatch(entry.value)
            if not entry.ended or found is None:
                place.builder.miss(f"{place.path}.alternatives[*]", f"line {entry.line} is malformed")
            elif found[1] == "1":
                names.append(found[2])
        elif is_misspelled(re.sub("[0-9]+", "0", entry.name.lower()), _FIRST_ALTERNATIVE):
            place.builder.miss(f"{place.path}.alternatives[*]", f"line {entry.line} has a name that is misspelled")
    if section.damage:
        place.builder.miss(f"{place.path}.alternatives[*]", section.damage)
    place.item["alternatives"] = names


def _index(builder: Builder, sections: Sections, section: str, into: str) -> dict[str, Entry]:
    """Return the entries of an index, each `Enabled` or `Disabled`, by their lower-case names."""
    found = sections.get(section)
    why = sections.damage if found is None else found.damage
    if why:
        builder.miss(f"{into}[*]", why)
    return {entry.name.lower(): entry for entry in found.entries} if found else {}


def _is_server(section: Section) -> bool:
    lowered = section.name.lower()
    return (
        lowered not in _OWN
        and not lowered.startswith(_PATH.lower())
        and any(entry.name.lower() == "ip_address" for entry in section.entries)
    )
