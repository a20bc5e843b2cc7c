"""Facts of the superserver ports of mirrors: by the CPFs of the failover members, else by the deployment file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, cast

from auditor.azure import arm
from auditor.azure.paths import ABSENT
from auditor.estate.subjects import Mirror
from auditor.rules.context import Context
from auditor.rules.facts.mirror_settings import MOST_DAYS, SETTING, cpf_of
from auditor.rules.facts.reading import number_at
from auditor.rules.registry import fact, once
from auditor.snapshot.guest_kinds import GuestKind
from auditor.snapshot.known import Answer, Cause, PartialList, Read, Unknown
from auditor.snapshot.lookup import objects, required
from auditor.snapshot.model import Part, Resource

_DEFAULT_PORT: Final = "properties.startup.defaultPort"


@fact("cpf.superserver_port", "guest-file", gives="number")
def superserver_port(context: Context, cpf: Resource) -> Answer:
    """The superserver port of the instance: `DefaultPort` in its CPF.

    If the CPF has none, it is that which `iris list` shows, if the VM has a single instance. Unknown if `iris list` has
    no instance with the port of the CPF.
    """
    own = number_at(cpf, _DEFAULT_PORT)
    listed = _listed_ports(context, cpf)
    ports = PartialList.of(listed.value)
    if own.value is not ABSENT:
        if isinstance(own.value, Unknown) or own.value in ports.known or not ports.known or not ports.complete:
            return own
        reason = f"{cpf.id} has superserver port {own.value}, and `iris list` of its VM shows no instance with it"
        return Answer(Unknown(Cause.GUEST, reason, about=(cpf.id,)), (*own.reads, *listed.reads))
    if len(ports.known) == 1 and ports.complete:
        return Answer(ports.known[0], listed.reads)
    reason = f"{cpf.id} has no DefaultPort: supply what `iris list` prints on its VM, as {GuestKind.INSTANCES.file}"
    return Answer(Unknown(Cause.GUEST, reason, about=(cpf.id,)), own.reads)


def stated_ports(context: Context, mirror: Mirror) -> tuple[Mapping[str, int], tuple[Read, ...]]:
    """Return the superserver ports that CPFs show, by the keys of the failover members, and what shows them.

    A CPF that is too old, or was not read, shows none.
    """
    found = _find_stated(context, mirror)
    return cast("dict[str, int]", found.value), found.reads


@once
def _find_stated(context: Context, mirror: Mirror) -> Answer:
    """Return what `stated_ports` does, as an answer."""
    found: dict[str, int] = {}
    reads: list[Read] = []
    for vm in PartialList.of(mirror.failover).of_type(Resource):
        cpf = cpf_of(context, vm, mirror)
        port = superserver_port(context, cpf) if isinstance(cpf, Resource) else Answer(cpf)
        if isinstance(port.value, int | float):
            found[vm.key] = int(port.value)
            reads += port.reads
    return Answer(found, tuple(reads))


def known_ports(context: Context, mirror: Mirror) -> frozenset[int]:
    """Return the superserver ports of the failover members: those that CPFs show, else the declared one, else none."""
    stated, _ = stated_ports(context, mirror)
    return frozenset(stated.values()) or frozenset({mirror.declared.superserver} - {0})


def _listed_ports(context: Context, cpf: Resource) -> Answer:
    """Return the superserver ports that `iris list` shows on the VM of a CPF."""
    vm = context.topology.graph.get(arm.parent_of(cpf.key))
    if isinstance(vm, Unknown) or context.deployment is None:
        return Answer(PartialList())
    days = context.deployment.declared.settings.get(SETTING, MOST_DAYS)
    files = context.topology.guest_files.of_kind(vm, GuestKind.INSTANCES, days).of_type(Resource)
    instances = [objects(file, "properties.instances[*]") for file in files]
    ports = [required(number_at(instance, "superServerPort")) for each in instances for instance in each.of_type(Part)]
    missing = next((each.incomplete_because for each in instances if not each.complete), None)
    reads = tuple(read for port in ports for read in port.reads)
    return Answer(PartialList(tuple(port.value for port in ports), missing), reads)
