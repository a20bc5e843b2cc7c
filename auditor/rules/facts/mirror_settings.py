"""Facts of what the CPFs of mirror members say of their mirror."""

from __future__ import annotations

from typing import Final

from auditor.azure import arm
from auditor.estate.subjects import Mirror
from auditor.rules.context import Context
from auditor.rules.registry import fact
from auditor.snapshot.guest_kinds import GuestKind
from auditor.snapshot.known import Answer, Cause, PartialList, Unknown
from auditor.snapshot.lookup import objects, value
from auditor.snapshot.model import Part, Resource

SETTING: Final = "max_guest_age_days"
MOST_DAYS: Final = 7
_MIRRORS: Final = "properties.mirrors[*]"


@fact("mirror.cpfs", "mirror", gives="guest-file*")
def cpfs(context: Context, mirror: Mirror) -> Answer:
    """The CPF of each failover member; unknown for a member of which none was supplied, or an old one."""
    return Answer(_cpfs(context, mirror, PartialList.of(mirror.failover)))


@fact("mirror.async_cpfs", "mirror", gives="guest-file*")
def async_cpfs(context: Context, mirror: Mirror) -> Answer:
    """The CPF of each declared DR async and reporting async; unknown if none was supplied, or an old one."""
    declared = [found for found in (mirror.dr, mirror.reporting) if isinstance(found, PartialList)]
    return Answer(_cpfs(context, mirror, PartialList.joined(*declared)))


@fact("mirror.dr_cpfs", "mirror", gives="guest-file*")
def dr_cpfs(context: Context, mirror: Mirror) -> Answer:
    """The CPF of each DR async; unknown for one of which none was supplied, or an old one."""
    return Answer(_cpfs(context, mirror, PartialList.of(mirror.dr)))


@fact("mirror.settings", "mirror", gives="mirror-settings*")
def settings(context: Context, mirror: Mirror) -> Answer:
    """The settings of the mirror in the CPF of each failover member.

    They are those of the declared name, else those of the only mirror in the CPF: a failover member has no other.
    """
    return Answer(_each_settings(mirror, PartialList.of(cpfs(context, mirror).value)))


@fact("mirror.all_settings", "mirror", gives="mirror-settings*")
def all_settings(context: Context, mirror: Mirror) -> Answer:
    """The settings of the mirror in the CPF of each failover member and declared async member."""
    found = PartialList.joined(*(PartialList.of(one(context, mirror).value) for one in (cpfs, async_cpfs)))
    return Answer(_each_settings(mirror, found))


def _cpfs(context: Context, mirror: Mirror, members: PartialList) -> PartialList:
    known = tuple(cpf_of(context, vm, mirror) if isinstance(vm, Resource) else vm for vm in members.known)
    return PartialList(known, members.missing)


def _each_settings(mirror: Mirror, found: PartialList) -> PartialList:
    known = tuple(_settings(cpf, mirror) if isinstance(cpf, Resource) else cpf for cpf in found.known)
    return PartialList(known, found.missing)


def cpf_of(context: Context, vm: Resource, mirror: Mirror) -> Resource | Unknown:
    """Return the CPF of the instance that is a member of a mirror."""
    most = mirror.deployment.settings.get(SETTING, MOST_DAYS)
    found = context.topology.guest_files.of_kind(vm, GuestKind.CPF, most).known
    own: list[object] = [cpf for cpf in found if isinstance(cpf, Resource) and _named(cpf, mirror)]
    possible = own or [cpf for cpf in found if not _is_of_another(context, cpf, mirror)]
    if not possible:
        reason = f"no CPF of {vm.id} has mirror {mirror.declared.name}, but that of another mirror"
        return Unknown(Cause.GUEST, reason, about=(vm.id,))
    (first, *others) = possible
    if others:
        reason = f"{vm.id} has several CPFs, and which one is that of mirror {mirror.declared.name} is not clear"
        return Unknown(Cause.GUEST, reason, about=(vm.id,))
    assert isinstance(first, Resource | Unknown)  # noqa: S101 - `of_kind` returns nothing else
    return first


def settings_of(context: Context, vm: Resource, mirror: Mirror) -> Part | Unknown:
    """Return the settings of a mirror in the CPF of one of its members."""
    cpf = cpf_of(context, vm, mirror)
    return _settings(cpf, mirror) if isinstance(cpf, Resource) else cpf


def _named(cpf: Resource, mirror: Mirror) -> list[Part]:
    """Return the settings of a mirror by its declared name."""
    wanted = mirror.declared.name.casefold()
    found = objects(cpf, _MIRRORS).of_type(Part)
    return [entry for entry in found if str(value(entry, "name").value).casefold() == wanted]


def _is_of_another(context: Context, cpf: object, mirror: Mirror) -> bool:
    """Return whether a CPF has another mirror of the deployment of which its VM is declared a failover member."""
    if not isinstance(cpf, Resource) or context.deployment is None:
        return False
    vm = arm.parent_of(cpf.key)
    others = [other for other in context.deployment.mirrors if other.declared.name != mirror.declared.name]
    declared = [
        other for other in others if vm in {one.key for one in PartialList.of(other.failover).of_type(Resource)}
    ]
    return any(_named(cpf, other) for other in declared)


def _settings(cpf: Resource, mirror: Mirror) -> Part | Unknown:
    entries, named = objects(cpf, _MIRRORS), _named(cpf, mirror)
    if not named and entries.missing is None:
        named = entries.of_type(Part)
    if len(named) == 1:
        return named[0]
    if entries.missing is not None and not named:
        return entries.missing
    reason = f"{cpf.id} has {len(named)} mirrors, and none that can only be {mirror.declared.name}"
    return Unknown(Cause.VALUE, reason, about=(cpf.id,))
