"""Hints about roles from files inside VMs: CPFs of mirror members and ECP application servers, and CSP.ini."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from auditor.discover.candidates import Candidate, Candidates, Confidence, Hint, Host
from auditor.discover.stated_mirrors import StatedMirror
from auditor.estate.declaration import Role
from auditor.snapshot.guest_kinds import GuestKind
from auditor.snapshot.lookup import objects, value
from auditor.snapshot.model import Part, Resource

_RoleHints = Iterator[tuple[Candidate, Hint]]

_FILES: Final = (
    (GuestKind.CPF, "properties.ecpServers[*]", Role.APP, "CPF has the ECP server"),
    (GuestKind.CSP_INI, "properties.servers[*]", Role.WEB, "CSP.ini has the server"),
)
"""Kinds of files with the path of the servers that they name, the role of their VM, and the words for it.

ECP comes first: who connects to an application server may be told by what that one connects to.
"""


def members(mirrors: Sequence[StatedMirror]) -> _RoleHints:
    """Yield the roles of the members and arbiters of mirrors; an async member of unknown type is a database server."""
    for mirror in mirrors:
        for each in (*mirror.members, mirror.arbiter):
            if each.vm is None:
                continue
            each.vm.excluded = ""
            each.vm.mirrors.append(mirror.id)
            each.vm.product_hints.append(f"{mirror.why} names it")
            certain = Hint(each.role, Confidence.CERTAIN, each.why) if each.role else None
            yield each.vm, certain or Hint(Role.DB, Confidence.LIKELY, each.why)


def servers(candidates: Candidates, mirrors: Sequence[StatedMirror]) -> _RoleHints:
    """Yield the VMs with an ECP server or a server of a Web Gateway on another VM, without mirror members."""
    databases = {member.vm for mirror in mirrors for member in mirror.members}
    for kind, path, role, what in _FILES:
        for vm, file in candidates.files(kind):
            found = [*_servers(candidates, vm, file, path)] if vm not in databases else []
            for host, _ in found:
                _join(candidates, vm, host)
            for _, shown in found[:1]:
                yield vm, Hint(role, Confidence.LIKELY, f"its {what} {shown}")


def _servers(candidates: Candidates, vm: Candidate, file: Resource, path: str) -> Iterator[tuple[Host, str]]:
    """Yield the servers of a file that are on other VMs or behind load balancers, and how they are shown."""
    for server in objects(file, path).of_type(Part):
        address, name = value(server, "address").value, value(server, "name").value
        if isinstance(address, str) and isinstance(name, str) and value(server, "enabled").value is not False:
            host = candidates.host(address, vm)
            if host.frontend or host.vm not in {None, vm}:
                yield host, f"{name} at {address}, {host.why}"


def _join(candidates: Candidates, vm: Candidate, host: Host) -> None:
    """Note that a VM belongs to the mirrors that it connects to."""
    others = candidates.behind(host.frontend) if host.frontend else [host.vm] if host.vm else []
    vm.product_hints.append("a file inside it names an InterSystems instance")
    vm.mirrors += [mirror for other in others for mirror in other.mirrors if mirror not in vm.mirrors]
