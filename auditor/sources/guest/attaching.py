"""Guest files as resources of a snapshot: `<id of the VM>/guest/<name of the file>`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
_MOST_NAMES: Final = 3
"""How many of the VMs whose files are left out a gap names."""


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

    Files of a VM that may be among those that could not be read are left out, and the gap of these VMs says so.

    Raises:
        InputError: there is no such VM, several have the name, or the files of one VM are there twice.
    """
    owners, left_out = _owners(supplied, _named(snapshot, supplied))
    _check(left_out, snapshot.gaps)
    return _attach(snapshot, owners, left_out)


class PartsWithFiles:
    """A snapshot in parts, with the files of some VMs, in the place of all files that it had of these VMs."""

    def __init__(self, parts: Parts, supplied: tuple[SuppliedVm, ...]) -> None:
        """Find the VMs, which takes a look at each part.

        Raises:
            InputError: a part is wrong, there is no such VM, several have the name, or the files of one VM are there
                twice.
        """
        self.scopes = parts.scopes
        self._parts = parts
        vms: list[_Vm] = []
        gaps = [*parts.header.gaps]
        former: set[str] = set()
        for number in range(len(parts.scopes)):
            part = parts.read_part(number)
            vms += _named(part, supplied)
            gaps += part.gaps
            former |= {arm.parent_of(found.key) for found in part.resources if found.type == GUEST_FILE}
        self._owners, self._left_out = _owners(supplied, sorted(vms, key=attrgetter("key")))
        _check(self._left_out, gaps)
        self.header = msgspec.structs.replace(parts.header, gaps=_gaps_with(parts.header.gaps, self._left_out))
        self.replaced = frozenset(key for key in self._owners if key in former)
        """The keys of the VMs whose files in the snapshot were replaced."""

    def read_part(self, number: int) -> Snapshot:
        """Read a part.

        Raises:
            InputError: it is wrong.
        """
        part = self._parts.read_part(number)
        own = (found.key for found in part.resources if found.type == VM)
        owners = {key: self._owners[key] for key in own if key in self._owners}
        return _attach(part, owners, self._left_out).snapshot


class _Vm(NamedTuple):
    """What identifies a VM."""

    id: str
    key: str
    name: str


class _Owner(NamedTuple):
    """A VM with its files."""

    id: str
    supplied: SuppliedVm


def _attach(snapshot: Snapshot, owners: Mapping[str, _Owner], left_out: Sequence[SuppliedVm]) -> Attached:
    """Return a snapshot with the files of VMs, which are by their keys."""
    former = [found for found in snapshot.resources if found.type == GUEST_FILE]
    lost = {found.key for found in former if arm.parent_of(found.key) in owners}
    kept = [found for found in snapshot.resources if found.key not in lost]
    gaps = [gap for gap in _gaps_with(snapshot.gaps, left_out) if not _is_of(gap, owners)]
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


def _owners(supplied: Iterable[SuppliedVm], vms: Iterable[_Vm]) -> tuple[dict[str, _Owner], list[SuppliedVm]]:
    """Return by the key of its VM what files it has, and the files of no VM that was read."""
    by_name: dict[str, list[_Vm]] = defaultdict(list)
    for vm in vms:
        by_name[vm.name.lower()].append(vm)
    owners: dict[str, _Owner] = {}
    left_out: list[SuppliedVm] = []
    for each in supplied:
        found = _find(by_name[each.name.lower()], each)
        if found is None:
            left_out.append(each)
        elif found.key in owners:
            message = f"lists files of {found.id} twice, as {owners[found.key].supplied.folder} and as {each.folder}"
            raise each.error(message)
        else:
            owners[found.key] = _Owner(found.id, each)
    return owners, left_out


def _find(named: Iterable[_Vm], supplied: SuppliedVm) -> _Vm | None:
    """Return the VM of some files, of those of its name."""
    found = [vm for vm in named if not supplied.group or arm.group_of(vm.key) == supplied.group.lower()]
    if len(found) > 1:
        names = ", ".join(f"{arm.group_of(vm.key)}~{vm.name}" for vm in found)
        raise supplied.error(f"lists files of {supplied.folder}, which is the name of {len(found)} VMs: {names}")
    return found[0] if found else None


def _check(left_out: Sequence[SuppliedVm], gaps: Iterable[Gap]) -> None:
    """Refuse files of a VM that was not read where all VMs were."""
    if left_out and not any(gap.hides_vms for gap in gaps):
        raise left_out[0].error(f"lists files of {left_out[0].folder}, but no VM of that name was read")


def _gaps_with(gaps: Iterable[Gap], left_out: Sequence[SuppliedVm]) -> tuple[Gap, ...]:
    """Return gaps, of which those of VMs name the ones whose files are left out."""
    if not left_out:
        return tuple(gaps)
    names = ", ".join(each.folder for each in left_out[:_MOST_NAMES])
    more = f" and {len(left_out) - _MOST_NAMES} more" if len(left_out) > _MOST_NAMES else ""
    why = f"the files of {names}{more} are not used: no VM of that name was read"
    return tuple(
        msgspec.structs.replace(gap, detail="; ".join(filter(None, (gap.detail, why)))) if gap.hides_vms else gap
        for gap in gaps
    )


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
