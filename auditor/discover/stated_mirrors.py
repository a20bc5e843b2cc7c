"""Mirrors as the CPFs of instances state them, with the VMs at the addresses of their members and arbiters.

What no CPF tells, what two of them contradict, and an address that no VM has, is a question for the user.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from auditor.azure.paths import ABSENT
from auditor.discover.candidates import Candidate, Candidates
from auditor.estate.declaration import Role
from auditor.snapshot.guest_kinds import GuestKind
from auditor.snapshot.known import PartialList, Unknown
from auditor.snapshot.lookup import objects, value
from auditor.snapshot.model import Part, Resource

_ADDRESSES: Final = ("superServerAddress", "mirrorPrivate", "agentAddress")
_ROLES: Final = {"0": Role.MIRROR_DR, "1": Role.MIRROR_REPORTING, "2": Role.MIRROR_REPORTING}
"""The roles of async members by `AsyncMemberType` of their own CPF."""
_FAILOVER: Final = "0"


class Statement(NamedTuple):
    """A mirror in the CPF of one VM."""

    vm: Candidate
    file: Resource
    settings: Part

    @property
    def mirror(self) -> str:
        """The name of the mirror."""
        return str(value(self.settings, "name").value)

    @property
    def members(self) -> PartialList:
        """The lines of its members, as parts."""
        found = objects(self.file, "properties.mirrorMembers[*]")
        own = (part for part in found.of_type(Part) if _same(value(part, "mirror").value, self.mirror))
        return PartialList(tuple(own), found.missing)

    @property
    def own_name(self) -> str:
        """The name of the instance as a member, "" if it was not read."""
        found = value(self.file, "properties.mirrorMember.systemName").value
        return found if isinstance(found, str) else ""


class Stated(NamedTuple):
    """What the CPFs of a mirror state about one thing."""

    text: str = ""
    """A name, an address, a port or a word; "" if they state that there is none, or if there is a question."""
    why: str = ""
    question: str = ""
    """What they leave open."""
    vm: Candidate | None = None
    """The VM that it is."""
    role: Role | None = None
    """The role of a member or arbiter; None for an async member of unknown type."""


@dataclass(eq=False)
class StatedMirror:
    """A mirror in the CPFs of one or several VMs."""

    id: str
    """Differs from that of every other one."""
    name: str
    why: str
    """Which CPFs have it."""
    members: Sequence[Stated]
    complete: bool
    """Whether they have all members for certain."""
    arbiter: Stated
    superserver: Stated
    virtual_address: Stated

    @property
    def vms(self) -> list[Candidate]:
        """The VMs of its members and of its arbiter."""
        return [each.vm for each in (*self.members, self.arbiter) if each.vm is not None]


def stated_mirrors(candidates: Candidates) -> list[StatedMirror]:
    """Return the mirrors in the CPFs of a snapshot.

    Two CPFs have the same mirror if they name it alike and have a VM in common: other mirrors may have the same name.
    """
    groups: list[_Group] = []
    by_vm: dict[tuple[str, Candidate], _Group] = {}
    for number, statement in enumerate(_statements(candidates)):
        name = statement.mirror.casefold()
        vms = {vm for part in statement.members.of_type(Part) for vm in _vms(candidates, statement, part)}
        same = sorted({by_vm[name, vm] for vm in vms if (name, vm) in by_vm}, key=lambda group: group.last)
        group = same[0] if same else _Group()
        if not same:
            groups.append(group)
        for other in same[1:]:
            group.statements += other.statements
            vms |= other.vms
            other.statements = []
        group.statements.append(statement)
        group.vms |= vms
        group.last = number
        by_vm |= {(name, vm): group for vm in vms}
    found = sorted((group for group in groups if group.statements), key=lambda group: group.last)
    return [_Reading(candidates, group.statements).mirror() for group in found]


@dataclass(eq=False)
class _Group:
    """The statements about one mirror, with the VMs of its members."""

    statements: list[Statement] = field(default_factory=list)
    vms: set[Candidate] = field(default_factory=set)
    last: int = 0
    """The number of the last statement."""


def _statements(candidates: Candidates) -> Iterator[Statement]:
    for vm, file in candidates.files(GuestKind.CPF):
        for settings in objects(file, "properties.mirrors[*]").of_type(Part):
            if isinstance(value(settings, "name").value, str):
                yield Statement(vm, file, settings)


def _vms(candidates: Candidates, statement: Statement, member: Part) -> dict[Candidate, str]:
    """Return the VMs that the line of a member leads to, with what shows each; there is one if all agree."""
    found: dict[Candidate, str] = {}
    for key in _ADDRESSES:
        text = value(member, key).value
        host = candidates.host(text, statement.vm) if isinstance(text, str) else None
        if host and host.vm:
            found.setdefault(host.vm, f"at {text}")
    if _same(value(member, "name").value, statement.own_name):
        found.setdefault(statement.vm, "by SystemName in its CPF")
    return found


class _Reading:
    """What the CPFs of one mirror state together."""

    def __init__(self, candidates: Candidates, statements: Sequence[Statement]) -> None:
        self._candidates = candidates
        self._statements = sorted(statements, key=lambda each: each.file.key)
        self._complete = [each for each in self._statements if each.members.complete]

    def mirror(self) -> StatedMirror:
        by_name: dict[str, list[tuple[Statement, Part]]] = defaultdict(list)
        for statement in self._statements:
            for part in statement.members.of_type(Part):
                by_name[str(value(part, "name").value).casefold()].append((statement, part))
        lacking = [name for name, lines in by_name.items() if self._lacks({s.file.key for s, _ in lines})]
        return StatedMirror(
            id=f"{self._statements[0].file.key} {self._statements[0].mirror}",
            name=self._statements[0].mirror,
            why=_files(self._statements),
            members=[self._member(lines) for lines in by_name.values()],
            complete=bool(self._complete) and not lacking,
            arbiter=self._arbiter(),
            superserver=self._superserver(by_name.values()),
            virtual_address=self._virtual_address(),
        )

    def _lacks(self, keys: set[str]) -> list[Statement]:
        """Return the CPFs that certainly lack a member that others have."""
        return [each for each in self._complete if each.file.key not in keys]

    # --- members ------------------------------------------------------------------------------------------------------

    def _member(self, lines: Sequence[tuple[Statement, Part]]) -> Stated:
        name = str(value(lines[0][1], "name").value)
        why = f"member {name}"
        vms: dict[Candidate, str] = {}
        for statement, part in lines:
            for vm, how in _vms(self._candidates, statement, part).items():
                vms.setdefault(vm, how)
        types = {str(found) for _, part in lines if isinstance(found := value(part, "memberType").value, str)}
        lacking = self._lacks({statement.file.key for statement, _ in lines})
        where = _files([statement for statement, _ in lines])
        role = Role.MIRROR_FAILOVER if types == {_FAILOVER} else None
        if len(vms) > 1:
            told = " and ".join(f"{vm.name} {how}" for vm, how in vms.items())
            return Stated(name, question=f"{why} in {where} is {told}: which one is it?", role=role)
        if not vms:
            return Stated(name, question=f"{why} in {where}: {self._no_vm(lines)}", role=role)
        ((vm, how),) = vms.items()
        why += f" {how} in {where}"
        if lacking:
            return Stated(name, question=f"{vm.name} is {why}; {_files(lacking)} lacks it: is it a member?", role=role)
        if len(types) != 1:
            kinds = "failover and async" if types else "unknown"
            return Stated(name, question=f"{vm.name} is {why}, of {kinds} type: which one is it?")
        if role:
            return Stated(name, why, vm=vm, role=role)
        role, shown = self._async_role(vm, name)
        return Stated(name, f"async {why}{shown}", vm=vm, role=role)

    def _no_vm(self, lines: Sequence[tuple[Statement, Part]]) -> str:
        """Return why the lines of a member lead to no VM."""
        for statement, part in lines:
            for key in _ADDRESSES:
                text = value(part, key).value
                if isinstance(text, str):
                    return self._candidates.host(text, statement.vm).why
        return "its line could not be read"

    def _async_role(self, vm: Candidate, name: str) -> tuple[Role | None, str]:
        """Return the role of an async member by its own CPF, None if none was supplied, with what shows it."""
        for file in self._candidates.files_of(vm, GuestKind.CPF):
            said = value(file, "properties.mirrorMember").value
            kind = value(file, "properties.mirrorMember.asyncMemberType").value
            if isinstance(said, dict) and isinstance(kind, str) and _same(said.get("systemName"), name):
                return _ROLES.get(kind), f", of type {kind} in its own CPF"
        return None, ""

    # --- settings -----------------------------------------------------------------------------------------------------

    def _agreed(self, read: Callable[[Statement], object]) -> tuple[object, Stated | None]:
        """Return the value on which the CPFs agree, `ABSENT` if they have none, else what that leaves open."""
        found: dict[object, list[Statement]] = defaultdict(list)
        for statement in self._statements:
            result = read(statement)
            if not isinstance(result, Unknown):
                found[result].append(statement)
        if len(found) == 1:
            return next(iter(found)), None
        if not found:
            return ABSENT, Stated()
        told = ", ".join(
            f"{_files(statements)} has {'none' if said is ABSENT else said}" for said, statements in found.items()
        )
        return ABSENT, Stated(question=f"the CPFs disagree: {told}")

    def _arbiter(self) -> Stated:
        host, question = self._agreed(lambda each: value(each.settings, "arbiter.host").value)
        if question:
            return question
        where = _files(self._statements)
        if not isinstance(host, str):
            return Stated(why=f"{where} names none")
        found = self._candidates.host(host, self._statements[0].vm)
        if found.vm:
            return Stated(host, f"the arbiter of {where}, at {host}", vm=found.vm, role=Role.MIRROR_ARBITER)
        if found.outside:
            return Stated(host, f"the arbiter of {where}; {found.why}")
        return Stated(question=f"the arbiter of {where} is {host}: {found.why}")

    def _superserver(self, members: Iterable[Sequence[tuple[Statement, Part]]]) -> Stated:
        """Return the superserver port of the failover members."""
        ports: dict[int, list[str]] = defaultdict(list)
        for lines in members:
            for _, part in lines:
                port, name = value(part, "superServerPort").value, str(value(part, "name").value)
                if isinstance(port, int) and value(part, "memberType").value == _FAILOVER and name not in ports[port]:
                    ports[port].append(name)
        if len(ports) > 1:
            told = ", ".join(f"{port} of {' and '.join(names)}" for port, names in sorted(ports.items()))
            return Stated(question=f"the CPFs have several: {told}")
        return Stated(str(*ports), f"that of {' and '.join(*ports.values())}") if ports else Stated()

    def _virtual_address(self) -> Stated:
        """Return the kind of address that the mirror virtual IP shows, "" without one."""
        text, question = self._agreed(lambda each: value(each.settings, "virtualAddress").value)
        if question:
            return question
        if not isinstance(text, str):
            return Stated()
        address = text.partition("/")[0]
        found = self._candidates.host(address, self._statements[0].vm)
        why = f"the mirror virtual IP {address} of {_files(self._statements)}"
        if found.frontend:
            return Stated("load-balancer", f"{why} is a frontend of {found.frontend.resource.name}")
        if found.vm:
            return Stated("secondary-ip", f"{why} is an address of {found.vm.name}")
        return Stated(question=f"{why}: {found.why}")


def _same(one: object, other: str) -> bool:
    return isinstance(one, str) and one.casefold() == other.casefold()


def _files(statements: Sequence[Statement]) -> str:
    """Return the CPFs in words."""
    names = list(dict.fromkeys(each.vm.name for each in statements))
    shown = ", ".join(names[:_MOST]) + (f" and {len(names) - _MOST} more" if len(names) > _MOST else "")
    return f"the CPF{'s' if len(names) > 1 else ''} of {shown}"


_MOST: Final = 4
