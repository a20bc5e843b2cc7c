"""Facts of the members and the arbiter of a mirror as a CPF names them, and of whose their addresses are."""

from __future__ import annotations

from typing import Final

import msgspec

from auditor.azure import arm
from auditor.azure.paths import ABSENT
from auditor.estate.private_addresses import Unheld
from auditor.estate.subjects import Deployment, Mirror
from auditor.estate.topology import Topology
from auditor.rules.context import Context
from auditor.rules.facts.mirror_settings import MOST_DAYS, SETTING, settings
from auditor.rules.facts.reading import text_at
from auditor.rules.registry import fact
from auditor.snapshot.guest_kinds import GuestKind
from auditor.snapshot.known import Answer, Cause, PartialList, Read, Unknown
from auditor.snapshot.lookup import objects, unusable, value
from auditor.snapshot.model import Part, Resource

FAILOVER: Final = "0"
ASYNC: Final = "2"
"""The values of `MemberType`."""
ADDRESSES: Final = ("superServerAddress", "mirrorPrivate", "agentAddress")

MEMBER: Final = "member"
OTHER_VM: Final = "other-vm"
BALANCED: Final = "load-balancer"
UNHELD: Final = "none"
"""Who has an address of a member."""


class MemberAddress(msgspec.Struct, frozen=True, eq=False):
    """An address of a mirror member in a CPF."""

    member: Part
    name: str
    """The name of the property."""

    @property
    def id(self) -> str:
        """Return the id for evidence."""
        return f"{self.member.id}.{self.name}"


# --- the members ------------------------------------------------------------------------------------------------------


@fact("mirror-settings.members", "mirror-settings", gives="mirror-member*")
def members(_: Context, own: Part) -> Answer:
    """The members of the mirror in the same CPF: the entries of [MapMirrors]."""
    found = objects(own.resource, "properties.mirrorMembers[*]")
    name = str(value(own, "name").value).casefold()
    known = (
        member
        for member in found.known
        if not isinstance(member, Part) or str(value(member, "mirror").value).casefold() == name
    )
    return Answer(PartialList(tuple(known), found.missing))


@fact("mirror-settings.failover_vms", "mirror-settings", gives="vm*")
def failover_vms(context: Context, own: Part) -> Answer:
    """The VMs of the failover members that the CPF lists."""
    return _vms(context, own, FAILOVER)


@fact("mirror-settings.async_vms", "mirror-settings", gives="vm*")
def async_vms(context: Context, own: Part) -> Answer:
    """The VMs of the async members that the CPF lists."""
    return _vms(context, own, ASYNC)


@fact("mirror.stated_failover", "mirror", gives="vm*")
def stated_failover(context: Context, mirror: Mirror) -> Answer:
    """The failover members that the CPFs of the declared ones list; the declared ones if no CPF was supplied.

    A CPF counts if the VM of each failover member in it is known, or if one of these VMs is not declared. If CPFs list
    different VMs, only those in all of them are certain.
    """
    declared = {vm.key for vm in PartialList.of(mirror.failover).of_type(Resource)}
    lists: list[PartialList] = []
    reads: list[Read] = []
    for own in PartialList.of(settings(context, mirror).value).of_type(Part):
        found = failover_vms(context, own)
        listed = PartialList.of(found.value)
        vms = {vm.key for vm in listed.of_type(Resource)}
        if vms and (listed.complete or vms - declared):
            lists.append(listed)
            reads += found.reads
    if not lists:
        return Answer(mirror.failover)
    by_key = [{vm.key: vm for vm in listed.of_type(Resource)} for listed in lists]
    known = tuple(vm for key, vm in by_key[0].items() if all(key in vms for vms in by_key))
    unknown = next((listed.incomplete_because for listed in lists if not listed.complete), None)
    if any(vms.keys() != by_key[0].keys() for vms in by_key):
        reason = f"the CPFs of mirror {mirror.declared.name} do not list the same failover members"
        unknown = Unknown(Cause.GUEST, reason, about=tuple(dict.fromkeys(read.resource for read in reads)))
    return Answer(PartialList(known, unknown), tuple(reads))


@fact("mirror-settings.roster", "mirror-settings", gives="text")
def roster(context: Context, own: Part) -> Answer:
    """The members of the mirror with GUID, type, addresses and superserver port, as one text to compare."""
    found = PartialList.of(members(context, own).value)
    lines: list[str] = []
    reads: list[Read] = []
    for member in found.of_type(Part):
        values = [value(member, name) for name in ("name", "guid", "memberType", *ADDRESSES, "superServerPort")]
        reads += (read for each in values for read in each.reads)
        unknown = next((each.value for each in values if isinstance(each.value, Unknown)), None)
        if unknown is not None:
            return Answer(unknown, tuple(reads))
        lines.append(" ".join("-" if each.value is ABSENT else str(each.value) for each in values))
    return Answer(found.incomplete_because or "; ".join(sorted(lines)), tuple(reads))


@fact("mirror.unlisted_dr", "mirror", gives="vm*")
def unlisted_dr(context: Context, mirror: Mirror) -> Answer:
    """The DR asyncs that the CPF of a failover member does not list as async members."""
    lists = [
        async_vms(context, own) if isinstance(own, Part) else Answer(PartialList(missing=own))  # type: ignore[arg-type]
        for own in PartialList.of(settings(context, mirror).value).known
    ]
    declared = PartialList.of(mirror.dr)
    known: list[object] = []
    for vm in declared.of_type(Resource):
        lacking = [PartialList.of(found.value) for found in lists if not _has(found, vm)]
        unknown = next((found.incomplete_because for found in lacking if not found.complete), None)
        if any(found.complete for found in lacking):
            known.append(vm)
        elif unknown is not None:
            known.append(unknown)
    missing = declared.incomplete_because or PartialList.of(settings(context, mirror).value).missing
    return Answer(PartialList(tuple(known), missing), tuple(read for found in lists for read in found.reads))


def _has(found: Answer, vm: Resource) -> bool:
    return any(one.key == vm.key for one in PartialList.of(found.value).of_type(Resource))


def _vms(context: Context, own: Part, wanted: str) -> Answer:
    """Return the VMs of the members of a type that a CPF lists."""
    found = PartialList.of(members(context, own).value)
    known: list[object] = list(found.of_type(Unknown))
    reads: list[Read] = []
    for member in found.of_type(Part):
        kind = text_at(member, "memberType")
        reads += kind.reads
        if isinstance(kind.value, Unknown):
            known.append(kind.value)
        elif kind.value == wanted and context.deployment is not None:
            vm = vm_of(context.topology, member, context.deployment)
            known.append(vm.value)
            reads += vm.reads
    return Answer(PartialList(tuple(known), found.missing), tuple(reads))


# --- whose they are ---------------------------------------------------------------------------------------------------


def vm_of(topology: Topology, member: Part, deployment: Deployment) -> Answer:
    """Return the VM of a member that a CPF lists.

    It is the one in whose own CPF the instance has the name of the member, else the only one that has its addresses.
    """
    named = _named(topology, member, deployment)
    if named is not None:
        return named
    stated = [name for name in ADDRESSES if value(member, name).value is not ABSENT]
    hosts = [_host(topology, member, name, deployment) for name in stated]
    vms = {host.value.key: host for host in hosts if isinstance(host.value, Resource)}
    if len(vms) == 1:
        return next(iter(vms.values()))
    unknown = next((host.value for host in hosts if isinstance(host.value, Unknown)), None)
    reason = f"the addresses of {member.id} are not those of a single VM"
    return Answer(unknown or Unknown(Cause.VALUE, reason, about=(member.resource.id,), optional=True))


def _host(topology: Topology, member: Part, name: str, deployment: Deployment) -> Answer:
    """Return whose an address of a member is, as the VM of the CPF understands it."""
    address = text_at(member, name)
    if not isinstance(address.value, str):
        return Answer(unusable(address, "an address"), address.reads)
    vm = topology.graph.get_or_placeholder(arm.parent_of(member.resource.key))
    found = topology.named_hosts.find(address.value, vm, deployment)
    return Answer(found.value, (*address.reads, *found.reads))


def _named(topology: Topology, member: Part, deployment: Deployment) -> Answer | None:
    """Return the VM in whose own CPF the instance has the name of a member of the same mirror; None without one."""
    own = value(member, "name")
    key = _key(value(member, "mirror").value, own.value)
    found = topology.once(_instances).get(deployment.id, {}).get(key, {})
    if not found:
        return None
    if len(found) == 1:
        vm, name = next(iter(found.values()))
        return Answer(vm, (*own.reads, *name.reads))
    vms = tuple(vm.id for vm, _ in found.values())
    reason = f"the instances of {' and '.join(vms)} have one name, {own.value}"
    return Answer(Unknown(Cause.VALUE, reason, about=vms, optional=True))


_Named = dict[tuple[str, str], dict[str, tuple[Resource, Answer]]]
"""By the names of a mirror and a member, the VMs by their keys, with what shows the name."""


def _instances(topology: Topology) -> dict[str, _Named]:
    """Return the VMs of each deployment by the names that their own CPFs give them in each mirror."""
    found: dict[str, _Named] = {}
    for deployment in topology.deployments:
        own = found.setdefault(deployment.id, {})
        days = deployment.declared.settings.get(SETTING, MOST_DAYS)
        rosters = [roster for one in deployment.mirrors for roster in (one.failover, one.dr, one.reporting)]
        for vm in PartialList.joined(*rosters).of_type(Resource):
            for cpf in topology.guest_files.of_kind(vm, GuestKind.CPF, days).of_type(Resource):
                name = value(cpf, "properties.mirrorMember.systemName")
                for mirror in objects(cpf, "properties.mirrors[*]").of_type(Part):
                    if isinstance(name.value, str):
                        own.setdefault(_key(value(mirror, "name").value, name.value), {})[vm.key] = (vm, name)
    return found


def _key(mirror: object, member: object) -> tuple[str, str]:
    return str(mirror).casefold(), str(member).casefold()


# --- the addresses ----------------------------------------------------------------------------------------------------


@fact("mirror.member_addresses", "mirror", gives="member-address*")
def member_addresses(context: Context, mirror: Mirror) -> Answer:
    """The addresses of all members in the CPF of each failover member."""
    found = PartialList.of(settings(context, mirror).value)
    lists = [PartialList.of(members(context, own).value) for own in found.of_type(Part)]
    known = [
        MemberAddress(member, name)
        for each in lists
        for member in each.of_type(Part)
        for name in ADDRESSES
        if value(member, name).value is not ABSENT
    ]
    missing = next((each.incomplete_because for each in lists if not each.complete), found.incomplete_because)
    return Answer(PartialList(tuple(known), missing))


@fact("member-address.held_by", "member-address", gives="text")
def held_by(context: Context, address: MemberAddress) -> Answer:
    """Who has the address: the VM of the `member`, an `other-vm`, a `load-balancer`, or `none`.

    The VM of the member is the one in whose own CPF the instance has its name, else the one that has its superserver
    address. `none` is an address of a virtual network of the deployment that nothing has.
    """
    deployment = context.deployment
    assert deployment is not None  # noqa: S101 - a mirror belongs to a deployment
    host = _host(context.topology, address.member, address.name, deployment)
    if isinstance(host.value, Unknown):
        return host
    if isinstance(host.value, Unheld):
        return Answer(UNHELD, host.reads)
    if isinstance(host.value, Part):
        return Answer(BALANCED, host.reads)
    named = _named(context.topology, address.member, deployment)
    named = named or _host(context.topology, address.member, ADDRESSES[0], deployment)
    if isinstance(named.value, Unknown):
        return Answer(named.value, host.reads)
    same = not isinstance(named.value, Resource) or named.value.key == host.value.key  # type: ignore[attr-defined]
    return Answer(MEMBER if same else OTHER_VM, (*host.reads, *named.reads))


# --- the arbiter ------------------------------------------------------------------------------------------------------


@fact("mirror-settings.arbiter", "mirror-settings", gives="text")
def arbiter(context: Context, own: Part) -> Answer:
    """What the arbiter of the mirror is: `failover`, `dr`, `vm` or `declared`.

    A failover member or DR async of this mirror, also behind a load balancer; another VM of the deployment; or the
    address or name that the deployment file declares. Absent if the mirror has no arbiter. Another host is unknown.
    """
    address, mirror = text_at(own, "arbiter.host"), _mirror(context, own)
    if not isinstance(address.value, str) or mirror is None or context.deployment is None:
        return address
    if address.value.casefold() == mirror.declared.arbiter_address.casefold():
        return Answer("declared", address.reads)
    vm = context.topology.graph.get_or_placeholder(arm.parent_of(own.resource.key))
    host = context.topology.named_hosts.find(address.value, vm, context.deployment)
    reads = (*address.reads, *host.reads)
    behind = [host.value]
    if isinstance(host.value, Part):
        behind = [*context.topology.load_balancing.behind_frontend(host.value.id)]
    keys = {one.key for one in behind if isinstance(one, Resource)}
    for role, roster in (("failover", mirror.failover), ("dr", mirror.dr)):
        if keys & {one.key for one in PartialList.of(roster).of_type(Resource)}:
            return Answer(role, reads)
    if isinstance(host.value, Resource) and host.value.key in context.deployment.roles:
        return Answer("vm", reads)
    if isinstance(host.value, Unknown):
        return Answer(host.value, reads)
    reason = f"the arbiter {address.value} in {own.resource.id} is no VM of {context.deployment.id}"
    return Answer(Unknown(Cause.VALUE, reason, about=(own.resource.id,), optional=True), reads)


def _mirror(context: Context, own: Part) -> Mirror | None:
    """Return the mirror of the deployment whose settings a part of a CPF has."""
    for mirror in context.deployment.mirrors if context.deployment else ():
        found = PartialList.of(settings(context, mirror).value)
        if any(one.resource.key == own.resource.key and one.path == own.path for one in found.of_type(Part)):
            return mirror
    return None
