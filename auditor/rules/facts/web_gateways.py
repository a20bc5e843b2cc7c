"""Facts of Web Gateways (CSP Gateways) by their CSP.ini: servers, application paths, and what they serve to probes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from auditor.azure.paths import ABSENT
from auditor.estate.load_balancing import STATUS_PAGE
from auditor.estate.subjects import Tier
from auditor.rules.context import Context
from auditor.rules.facts.entrances import profiles
from auditor.rules.facts.reading import number_at, text_at
from auditor.rules.facts.server_files import web_gateways
from auditor.rules.registry import fact
from auditor.snapshot.known import Answer, Cause, PartialList, Read, Unknown
from auditor.snapshot.lookup import items, objects, value
from auditor.snapshot.model import Part, Resource

_SERVERS: Final = "properties.servers[*]"
_PATHS: Final = "properties.paths[*]"
_PAGE: Final = "properties.monitorConfig.path"
_IN_NETWORK: Final = re.compile(r"[0-9A-Fa-f]+[.:]")
_LOCAL: Final = "LOCAL"
"""The server to which requests go if neither the path nor the Web Gateway names one."""
_ENCRYPTION: Final = {0: "none", 1: "none", 2: "none", 3: "kerberos", 4: "tls", 10: "tls"}
"""`Connection_Security_Level`: the reference has 4 for TLS, and files of current Web Gateways 10."""


@fact("csp.unlimited_managers", "guest-file", gives="text*")
def unlimited_managers(_: Context, csp: Resource) -> Answer:
    """The entries of `System_Manager` that are not limited to one network: those that do not begin with a number."""
    found = items(csp, "properties.system.systemManager[*]")
    listed = PartialList.of(found.value)
    known = tuple(each for each in listed.known if not (isinstance(each, str) and _IN_NETWORK.match(each)))
    return Answer(PartialList(known, listed.missing), found.reads)


@fact("csp.servers", "guest-file", gives="gateway-server*")
def servers(_: Context, csp: Resource) -> Answer:
    """The servers of a Web Gateway that are enabled."""
    return Answer(_enabled(objects(csp, _SERVERS)))


@fact("csp.paths", "guest-file", gives="gateway-path*")
def paths(_: Context, csp: Resource) -> Answer:
    """The application paths of a Web Gateway that are enabled."""
    return Answer(_enabled(objects(csp, _PATHS)))


@fact("path.servers", "gateway-path", gives="gateway-server*")
def servers_of_path(_: Context, path: Part) -> Answer:
    """The servers to which a Web Gateway sends the requests of an application path: its default and alternative ones.

    Without a default server of its own, it has that of the Web Gateway, which is `LOCAL` if none is named.
    """
    listed = objects(path.resource, _SERVERS)
    names = [*_names(path)]
    known = tuple(name if isinstance(name, Unknown) else _named(path, name, listed) for name in names)
    alternatives, used = items(path, "alternatives[*]"), text_at(path, "alternativeServers")
    missing = None if used.value == "Disabled" else PartialList.of(alternatives.value).missing
    reads = (*text_at(path, "path").reads, *text_at(path, "defaultServer").reads)
    more = (*used.reads, *alternatives.reads) if len(names) > 1 else ()
    return Answer(PartialList(known, missing), reads + more)


@fact("server.encryption", "gateway-server", gives="text")
def encryption(_: Context, server: Part) -> Answer:
    """How the connection of a Web Gateway to a server is encrypted: `tls`, `kerberos` or `none`."""
    level = _present(number_at(server, "securityLevel"))
    if not isinstance(level.value, int):
        return level
    reason = f"{server.id}: Connection_Security_Level {level.value} has no known meaning"
    unknown = Unknown(Cause.GUEST, reason, about=(server.resource.id,))
    return Answer(_ENCRYPTION.get(level.value, unknown), level.reads)


@fact("server.oldest_tls", "gateway-server", gives="number")
def oldest_tls(_: Context, server: Part) -> Answer:
    """The oldest version of TLS that a Web Gateway accepts for a server: 16 is TLS 1.2, 32 is TLS 1.3.

    Unknown if the CSP.ini does not say: the default is another one in older Web Gateways.
    """
    return _present(number_at(server, "tlsMinimum"))


@fact("tier.status_profiles", "tier", gives="profile*")
def status_profiles(context: Context, tier: Tier) -> Answer:
    """The Traffic Manager profiles that request the mirror status page from the tier."""
    found = profiles(context, tier)
    own = PartialList.of(found.value)
    known: list[object] = [*own.of_type(Unknown)]
    for profile in own.of_type(Resource):
        page = text_at(profile, _PAGE).value
        if isinstance(page, Unknown) or (isinstance(page, str) and STATUS_PAGE.search(page)):
            known.append(page if isinstance(page, Unknown) else profile)
    return Answer(PartialList(tuple(known), own.missing), found.reads)


@fact("tier.probed_paths", "tier", gives="gateway-path*")
def probed_paths(context: Context, tier: Tier) -> Answer:
    """The application paths of Web Gateways of the tier to which Traffic Manager's requests of the status page belong.

    A path that is not listed in a CSP.ini belongs to the longest one that is and that contains it.
    """
    found = PartialList.of(status_profiles(context, tier).value)
    files = PartialList.of(web_gateways(context, tier).value)
    requested = [text_at(profile, _PAGE) for profile in found.of_type(Resource)]
    pages = {str(page.value) for page in requested}
    known = tuple(_path_of(csp, page) for csp in files.of_type(Resource) for page in sorted(pages))
    missing = found.incomplete_because or files.incomplete_because
    return Answer(PartialList(known, missing), tuple(read for page in requested for read in page.reads))


def _enabled(found: PartialList) -> PartialList:
    """Return the servers or paths that are enabled, and the unknown ones."""
    known: list[object] = []
    for item in found.known:
        state = value(item, "enabled").value if isinstance(item, Part) else item
        if isinstance(state, Unknown) or state is True:
            known.append(state if isinstance(state, Unknown) else item)
    return PartialList(tuple(known), found.missing)


def _names(path: Part) -> Iterator[str | Unknown]:
    """Yield the distinct names of the servers of an application path, in lower case."""
    default = text_at(path, "defaultServer").value
    if default is ABSENT:
        default = text_at(path.resource, "properties.system.defaultServer").value
    first = default if isinstance(default, Unknown) else str(_LOCAL if default is ABSENT else default).lower()
    yield first
    used = text_at(path, "alternativeServers").value
    names = {name.lower() for name in PartialList.of(items(path, "alternatives[*]").value).of_type(str)} - {first}
    if isinstance(used, Unknown):
        yield used
    elif used is ABSENT and names:
        reason = f"{path.id} has alternative servers, and not whether they are used"
        yield Unknown(Cause.GUEST, reason, about=(path.resource.id,))
    elif used != "Disabled":
        yield from sorted(names)


def _named(path: Part, name: str, listed: PartialList) -> Part | Unknown:
    """Return the server of a name."""
    found = [server for server in listed.of_type(Part) if str(value(server, "name").value).lower() == name]
    if len(found) == 1:
        return found[0]
    reason = f"{path.id} names the server {name}, of which the file has {len(found)}"
    return listed.incomplete_because or Unknown(Cause.GUEST, reason, about=(path.resource.id,))


def _path_of(csp: Resource, page: str) -> Part | Unknown:
    """Return the application path to which the requests of a page belong."""
    listed = objects(csp, _PATHS)
    if listed.incomplete_because is not None:
        return listed.incomplete_because
    around = [
        (len(own), path) for path in listed.of_type(Part) if _contains(own := str(value(path, "path").value), page)
    ]
    longest = max(around, key=lambda each: each[0], default=(0, None))[1]
    state = value(longest, "enabled").value if longest is not None else False
    if longest is None or state is not True:
        reason = f"no application path of {csp.id} that is enabled contains {page}"
        return state if isinstance(state, Unknown) else Unknown(Cause.GUEST, reason, about=(csp.id,))
    return longest


def _contains(path: str, page: str) -> bool:
    """Return whether a page lies below an application path."""
    return f"{page.lower()}/".startswith(f"{path.lower().rstrip('/')}/")


def _present(found: Answer) -> Answer:
    """Return a value, or that a file does not have it."""
    if found.value is not ABSENT:
        return found
    read: Read = found.reads[0]
    return Answer(Unknown(Cause.GUEST, f"{read.resource} has no {read.path}", about=(read.resource,)), found.reads)
