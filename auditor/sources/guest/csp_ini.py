"""CSP.ini: the configuration of a Web Gateway (CSP Gateway).

Of passwords only the form is kept, by which an obfuscated one differs from plain text; a command that would return one
is never run.
"""

from __future__ import annotations

import re
from typing import Any, Final

from auditor.sources.guest.content import Builder, Content, Read, address, flag, name, number, one_of, port, text
from auditor.sources.guest.sections import Section, Sections

KIND: Final = "csp-ini"
_PATH: Final = "APP_PATH:"
_PATHS: Final = "APP_PATH_INDEX"
_SERVERS: Final = "SYSTEM_INDEX"
_SYSTEM: Final = "SYSTEM"
_OWN: Final = (_SYSTEM.lower(), _SERVERS.lower(), _PATHS.lower())
_ALTERNATIVE: Final = re.compile(r"alternative_server_[0-9]{1,3}", re.IGNORECASE)
_MANAGERS: Final = re.compile(r"[0-9A-Fa-f.:*, -]{1,1024}")
_FORMS: Final = (("]]]", "obfuscated"), ("PBKDF2|", "hashed"), ("{", "command"))


def _managers(value: str) -> list[str] | None:
    """Read IP addresses, with `*` and ranges, between commas."""
    if value and not _MANAGERS.fullmatch(value):
        raise ValueError
    return [part.strip() for part in value.split(",") if part.strip()] or None


def _form(value: str) -> str | None:
    """Return the form of a password."""
    if not value:
        return None
    return next((form for start, form in _FORMS if value.startswith(start)), "plain")


def _switch(value: str) -> bool | None:
    if value.lower() not in {"enabled", "disabled", ""}:
        raise ValueError
    return value.lower() == "enabled" if value else None


_SYSTEM_KEYS: Final[dict[str, tuple[str, Read]]] = {
    "System_Manager": ("systemManager", _managers),
    "Default_Server": ("defaultServer", name),
    "Password": ("passwordForm", _form),
}
_SERVER_KEYS: Final[dict[str, tuple[str, Read]]] = {
    "Ip_Address": ("address", address),
    "TCP_Port": ("port", port),
    "Mirror_Aware": ("mirrorAware", flag),
    "Connection_Security_Level": ("securityLevel", number),
    "Product": ("product", number),
    "SSLCC_Protocol_Min": ("tlsMinimum", number),
    "SSLCC_Verify_Peer": ("verifyPeer", flag),
    "Password": ("passwordForm", _form),
}
_PATH_KEYS: Final[dict[str, tuple[str, Read]]] = {
    "Default_Server": ("defaultServer", name),
    "Alternative_Servers": ("alternativeServers", one_of("FailOver", "LoadBalancing", "Disabled")),
}


def parse(whole: str) -> Content:
    """Return what is kept of a CSP.ini."""
    sections = Sections(whole, ())
    builder = Builder()
    builder.properties["kind"] = KIND
    sections.put(builder, _SYSTEM, "system", _SYSTEM_KEYS)
    if sections.get(_SYSTEM) is None:
        builder.miss("system", sections.damage)
    builder.properties["servers"] = _servers(builder, sections)
    builder.properties["paths"] = _paths(builder, sections)
    return builder.content()


def _servers(builder: Builder, sections: Sections) -> list[dict[str, Any]]:
    """Return the servers: those of the index, and sections with an address that the index lacks."""
    index = _index(builder, sections, _SERVERS, "servers")
    own = {section.name.lower(): section for section in sections.below("") if _is_server(section)}
    found = []
    for server in dict.fromkeys((*index, *own)):
        item: dict[str, Any] = {}
        path = f"servers[{len(found)}]"
        enabled, line, spelled = index.get(server, ("", 0, own[server].name if server in own else server))
        builder.put(item, path, "name", spelled, name, line)
        builder.put(item, path, "enabled", enabled, _switch, line)
        found.append(item)
        _put(builder, sections, own.get(server), item, path, _SERVER_KEYS)
    return found


def _paths(builder: Builder, sections: Sections) -> list[dict[str, Any]]:
    """Return the application paths: those of the index, and sections that the index lacks."""
    index = _index(builder, sections, _PATHS, "paths")
    own = {section.name[len(_PATH) :].lower(): section for section in sections.below(_PATH)}
    found = []
    for place in dict.fromkeys((*index, *own)):
        item: dict[str, Any] = {}
        path = f"paths[{len(found)}]"
        enabled, line, spelled = index.get(place, ("", 0, place))
        builder.put(item, path, "path", spelled, text, line)
        builder.put(item, path, "enabled", enabled, _switch, line)
        found.append(item)
        section = own.get(place)
        _put(builder, sections, section, item, path, _PATH_KEYS)
        if section is not None:
            _put_alternatives(builder, section, item, path)
    return found


def _put(
    builder: Builder,
    sections: Sections,
    section: Section | None,
    item: dict[str, Any],
    path: str,
    keys: dict[str, tuple[str, Read]],
) -> None:
    """Put the values of keys of a section into an element of a list."""
    if section is None:
        builder.miss(path, sections.damage)
        return
    part = Builder()
    sections.put(part, section.name, "own", keys)
    item |= part.properties["own"]
    for place, why in part.unread.items():
        builder.miss(f"{path}{place.removeprefix('own')}", why)


def _put_alternatives(builder: Builder, section: Section, item: dict[str, Any], path: str) -> None:
    """Put the names of alternative servers that are enabled: `1~~~~~~NAME`."""
    names = []
    for entry in section.entries:
        if _ALTERNATIVE.fullmatch(entry.name):
            enabled, separator, server = entry.value.partition("~~~~~~")
            if not entry.ended or not separator or enabled not in {"0", "1"} or not server:
                builder.miss(f"{path}.alternatives[*]", f"line {entry.line} is malformed")
            elif enabled == "1":
                names.append(server)
    if section.damage:
        builder.miss(f"{path}.alternatives[*]", section.damage)
    item["alternatives"] = names


def _index(builder: Builder, sections: Sections, section: str, into: str) -> dict[str, tuple[str, int, str]]:
    """Return the entries of an index by their lower-case names: `Enabled` or `Disabled`, the line, the name."""
    found = sections.get(section)
    why = sections.damage if found is None else found.damage
    if why:
        builder.miss(f"{into}[*]", why)
    entries = found.entries if found else []
    return {entry.name.lower(): (entry.value if entry.ended else "?", entry.line, entry.name) for entry in entries}


def _is_server(section: Section) -> bool:
    lowered = section.name.lower()
    return lowered not in _OWN and not lowered.startswith(_PATH.lower()) and any(
        entry.name.lower() == "ip_address" for entry in section.entries
    )
