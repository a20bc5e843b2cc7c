"""Facts of the files from inside a VM."""

from __future__ import annotations

from auditor.azure import arm
from auditor.rules.context import Context
from auditor.rules.facts.mirror_settings import MOST_DAYS, SETTING
from auditor.rules.registry import fact
from auditor.snapshot.guest_kinds import GuestKind
from auditor.snapshot.known import Answer, Cause, PartialList, Unknown
from auditor.snapshot.model import Resource


@fact("vm.cpfs", "vm", gives="guest-file*")
def cpfs(context: Context, vm: Resource) -> Answer:
    """The CPFs of all instances of the VM; unknown if none was supplied, or an old one."""
    return Answer(files_of(context, vm, GuestKind.CPF))


def files_of(context: Context, vm: Resource, kind: GuestKind) -> PartialList:
    """Return the files of a kind; a file that is too old, or the only one if it was not supplied, is unknown."""
    settings = context.deployment.declared.settings if context.deployment else {}
    return context.topology.guest_files.of_kind(vm, kind, settings.get(SETTING, MOST_DAYS))


def file_beside(context: Context, cpf: Resource, kind: GuestKind) -> Resource | Unknown:
    """Return the only file of a kind of the VM of a CPF, or why it is unknown."""
    vm = context.topology.graph.get(arm.parent_of(cpf.key))
    if isinstance(vm, Unknown):
        return vm
    first, *others = files_of(context, vm, kind).known
    if others:
        return Unknown(Cause.GUEST, f"{vm.id} has several files of the kind {kind.file}", about=(vm.id,))
    assert isinstance(first, Resource | Unknown)  # noqa: S101 - `files_of` returns nothing else
    return first
