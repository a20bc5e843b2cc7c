"""What is on the disks of a mirror's members, as CPFs, `findmnt` and `lsblk` show it together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from auditor.discover.proposals import MirrorProposal
from auditor.estate.declaration import Role
from auditor.rules.context import Context
from auditor.rules.facts.devices import luns_by_purpose
from auditor.rules.facts.directories import ALTERNATE, DATABASE, INSTALLATION, JOURNAL, WIJ
from auditor.rules.facts.vm_files import cpfs
from auditor.snapshot.known import PartialList
from auditor.snapshot.lookup import objects, value
from auditor.snapshot.model import Part, Resource

_PURPOSES: Final = (INSTALLATION, DATABASE, JOURNAL, ALTERNATE, WIJ)
_ROLES: Final = (Role.MIRROR_FAILOVER, Role.MIRROR_DR, Role.MIRROR_REPORTING)


class Told(NamedTuple):
    """The LUNs of one purpose."""

    purpose: str
    luns: list[int]
    vms: Sequence[str]
    """The names of the VMs whose files show them."""
    by_all: bool
    """Whether those are all members."""


class StatedDisks(NamedTuple):
    """What is on the disks of a mirror's members."""

    told: Sequence[Told]
    untold: Sequence[str]
    """What could not be told, with the reason."""


def stated_disks(context: Context, mirror: MirrorProposal) -> StatedDisks:
    """Return the LUNs that are certain for a member, and in which no other member differs."""
    members = [*mirror.failover, *(member for role in _ROLES for member in mirror.rosters[role])]
    shown: dict[str, dict[tuple[int, ...], dict[str, None]]] = {purpose: {} for purpose in _PURPOSES}
    unknown: dict[str, list[str]] = defaultdict(list)
    for member in members:
        for cpf in _cpfs(context, mirror, member.vm.resource):
            for purpose, luns in luns_by_purpose(context, cpf).items():
                if luns.incomplete_because is None:
                    shown[purpose].setdefault(tuple(sorted(luns.of_type(int))), {})[member.vm.name] = None
                else:
                    unknown[luns.incomplete_because.reason].append(purpose)
    agreed = ((purpose, *next(iter(found.items()))) for purpose, found in shown.items() if len(found) == 1)
    told = [Told(purpose, [*luns], [*vms], len(vms) == len(members)) for purpose, luns, vms in agreed]
    untold = [f"{purpose}: {_differing(found)}" for purpose, found in shown.items() if len(found) > 1]
    for reason, purposes in unknown.items():
        if left := [purpose for purpose in dict.fromkeys(purposes) if not shown[purpose]]:
            untold.append(f"{', '.join(left)}: {reason}" if told else reason)
    return StatedDisks(told, untold)


def _cpfs(context: Context, mirror: MirrorProposal, vm: Resource) -> Iterator[Resource]:
    """Yield the CPFs of a VM that have the mirror."""
    wanted = mirror.stated.name.casefold() if mirror.stated else None
    for cpf in PartialList.of(cpfs(context, vm).value).of_type(Resource):
        mirrors = objects(cpf, "properties.mirrors[*]").of_type(Part)
        if any(str(value(own, "name").value).casefold() == wanted for own in mirrors):
            yield cpf


def _differing(found: Mapping[tuple[int, ...], Mapping[str, None]]) -> str:
    told = (f"LUN {', '.join(map(str, luns))} of {' and '.join(vms)}" for luns, vms in sorted(found.items()))
    return f"the members differ, {'; '.join(told)}"
