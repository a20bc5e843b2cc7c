"""Guest files as resources of a snapshot: `<id of the VM>/guest/<name of the file>`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from auditor.azure import arm
from auditor.azure.types import display_type
from auditor.azure.types.names import GUEST_FILE, VM
from auditor.snapshot.model import Gap, GapReason, Snapshot, resource

if TYPE_CHECKING:
    from auditor.sources.guest.folder import SuppliedFile, SuppliedVm
    from auditor.sources.source import Parts

_COLLECTION: Final = "guest"


class Attached(msgspec.Struct, frozen=True):
    """A snapshot with guest files."""

    snapshot: Snapshot
    replaced: tuple[str, ...] = ()
    """The ids of the VMs whose files in the snapshot were replaced."""


def read(folder: Path | None) -> tuple[SuppliedVm, ...]:
    """Return the files of a folder, none without one.

    Raises:
        InputError: see `folder.read`.
    """
    if folder is None:
        return ()
    from auditor.sources.guest import folder as reading  # noqa: PLC0415 - the parsers take a tenth of all imports

    return reading.read(folder)


def attach(snapshot: Snapshot, supplied: tuple[SuppliedVm, ...]) -> Attached:
    """Return a snapshot with the files of some VMs, in the place of all files that it had of these VMs.

    Raises:
        InputError: there is no such VM, several have the name, or the files of one VM are there twice.
    """
    return _attach(snapshot, _owners(supplied, _named(snapshot, supplied)))


class PartsWithFiles:
    """A snapshot in parts, with the files of some VMs, in the place of all files that it had of these VMs."""

    def __init__(self, parts: Parts, supplied: tuple[SuppliedVm, ...]) -> None:
        """Find the VMs, which takes a look at each part.

        Raises:
            InputError: a part is wrong, there is no such VM, several have the name, or the files of one VM are there
                twice.
        """
        self.header = parts.header
        self.scopes = parts.scopes
        self._parts = parts
        vms: list[_Vm] = []
        former: set[str] = set()
        for number in range(len(parts.scopes)):
            part = parts.read_part(number)
            vms += _named(part, supplied)
            former |= {arm.parent_of(found.key) for found in part.resources if found.type == GUEST_FILE}
        self._owners = _owners(supplied, sorted(vms, key=attrgetter("key")))
        self.replaced = frozenset(key for key in self._owners if key in former)
        """The keys of the VMs whose files in the snapshot were replaced."""

    def read_part(self, number: int) -> Snapshot:
        """Read a part.

        Raises:
            InputError: it is wrong.
        """
        part = self._parts.read_part(number)
        own = (found.key for found in part.resources if found.type == VM)
        return _attach(part, {key: self._owners[key] for key in own if key in self._owners}).snapshot


class _Vm(NamedTuple):
    """What identifies a VM."""

    id: str
    key: str
    name: str


class _Owner(NamedTuple):
    """A VM with its files."""

    id: str
    supplied: SuppliedVm


def _attach(snapshot: Snapshot, owners: Mapping[str, _Owner]) -> Attached:
    """Return a snapshot with the files of VMs, which are by their keys."""
    former = [found for found in snapshot.resources if found.type == GUEST_FILE]
    lost = {found.key for found in former if arm.parent_of(found.key) in owners}
    kept = [found for found in snapshot.resources if found.key not in lost]
    gaps = [gap for gap in snapshot.gaps if not _is_of(gap, owners)]
    for owner in owners.values():
        for file in owner.supplied.files:
            body = body_of(owner.id, owner.supplied, file)
            kept.append(resource(body, str(body["id"]), call=f"FILE {owner.supplied.folder}/{file.name}"))
            gaps += gaps_of(str(body["id"]), file)
    attached = msgspec.structs.replace(snapshot, resources=tuple(sorted(kept, key=attrgetter("key"))), gaps=tuple(gaps))
    return Attached(attached, tuple(sorted({owners[arm.parent_of(key)].id for key in lost})))


def _named(snapshot: Snapshot, supplied: Iterable[SuppliedVm]) -> Iterator[_Vm]:
    """Yield the VMs that have the name of one with files."""
    names = {each.name.lower() for each in supplied}
    for found in snapshot.resources:
        if found.type == VM and found.name.lower() in names:
            yield _Vm(found.id, found.key, found.name)


def _owners(supplied: Iterable[SuppliedVm], vms: Iterable[_Vm]) -> dict[str, _Owner]:
    """Return by the key of its VM what files it has."""
    by_name: dict[str, list[_Vm]] = defaultdict(list)
    for vm in vms:
        by_name[vm.name.lower()].append(vm)
    owners: dict[str, _Owner] = {}
    for each in supplied:
        vm = _find(by_name[each.name.lower()], each)
        if vm.key in owners:
            message = f"lists files of {vm.id} twice, as {owners[vm.key].supplied.folder} and as {each.folder}"
            raise each.error(message)
        owners[vm.key] = _Owner(vm.id, each)
    return owners


def _find(named: Iterable[_Vm], supplied: SuppliedVm) -> _Vm:
    """Return the VM of some files, of those of its name."""
    found = [vm for vm in named if not supplied.group or arm.group_of(vm.key) == supplied.group.lower()]
    if not found:
        raise supplied.error(f"lists files of {supplied.folder}, but no VM of that name was read")
    if len(found) > 1:
        names = ", ".join(f"{arm.group_of(vm.key)}~{vm.name}" for vm in found)
        raise supplied.error(f"lists files of {supplied.folder}, which is the name of {len(found)} VMs: {names}")
    return found[0]


def _is_of(gap: Gap, owners: Mapping[str, _Owner]) -> bool:
    """Return whether a gap is of a guest file of some VMs."""
    key = arm.key(gap.scope)
    return arm.type_of(key) == GUEST_FILE and arm.parent_of(key) in owners


def body_of(vm_id: str, supplied: SuppliedVm, file: SuppliedFile) -> dict[str, Any]:
    """Return the body of a file as a resource."""
    return {
        "id": f"{vm_id}/{_COLLECTION}/{file.name}",
        "name": file.name,
        "type": display_type(GUEST_FILE),
        "properties": {"takenAt": supplied.taken_at, **file.content.properties},
    }


def gaps_of(file_id: str, file: SuppliedFile) -> list[Gap]:
    """Return the gaps of what a file may have and could not be read for certain."""
    return [
        Gap(file_id, f"properties.{path}" if path else "properties", GapReason.MALFORMED, detail=why)
        for path, why in sorted(file.content.unread.items())
    ]
