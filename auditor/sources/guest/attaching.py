"""Guest files as resources of a snapshot: `<id of the VM>/guest/<name of the file>`."""

from __future__ import annotations

from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from auditor.azure import arm
from auditor.azure.types import display_type
from auditor.azure.types.names import GUEST_FILE, VM
from auditor.snapshot.model import Gap, GapReason, Resource, Snapshot, resource

if TYPE_CHECKING:
    from auditor.sources.guest.folder import SuppliedFile, SuppliedVm

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
    owners: dict[str, SuppliedVm] = {}
    vms: dict[str, Resource] = {}
    for each in supplied:
        vm = _find(snapshot, each)
        if vm.key in owners:
            message = f"lists files of {vm.id} twice, as {owners[vm.key].folder} and as {each.folder}"
            raise each.error(message)
        owners[vm.key], vms[vm.key] = each, vm
    former = [found for found in snapshot.resources if found.type == GUEST_FILE]
    lost = {found.key for found in former if arm.parent_of(found.key) in owners}
    kept = [found for found in snapshot.resources if found.key not in lost]
    gaps = [gap for gap in snapshot.gaps if not _is_of(gap, owners)]
    for key, each in owners.items():
        for file in each.files:
            body = body_of(vms[key].id, each, file)
            kept.append(resource(body, str(body["id"]), call=f"FILE {each.folder}/{file.name}"))
            gaps += gaps_of(str(body["id"]), file)
    attached = msgspec.structs.replace(snapshot, resources=tuple(sorted(kept, key=attrgetter("key"))), gaps=tuple(gaps))
    return Attached(attached, tuple(sorted({vms[arm.parent_of(key)].id for key in lost})))


def _find(snapshot: Snapshot, supplied: SuppliedVm) -> Resource:
    """Return the VM of some files."""
    found = [
        vm
        for vm in snapshot.resources
        if vm.type == VM
        and vm.name.lower() == supplied.name.lower()
        and (not supplied.group or arm.group_of(vm.key) == supplied.group.lower())
    ]
    if not found:
        raise supplied.error(f"lists files of {supplied.folder}, but no VM of that name was read")
    if len(found) > 1:
        names = ", ".join(f"{arm.group_of(vm.key)}~{vm.name}" for vm in found)
        raise supplied.error(f"lists files of {supplied.folder}, which is the name of {len(found)} VMs: {names}")
    return found[0]


def _is_of(gap: Gap, owners: dict[str, SuppliedVm]) -> bool:
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
