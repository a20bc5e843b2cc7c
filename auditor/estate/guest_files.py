"""Files from inside VMs: which there are of a VM, and whether they are recent enough."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict

from auditor.azure import arm
from auditor.azure.types.names import GUEST_FILE
from auditor.estate.caching import cached_method, cached_summary, cached_value
from auditor.estate.graph import Graph
from auditor.estate.subjects import Deployment
from auditor.snapshot.guest_kinds import GuestKind
from auditor.snapshot.known import Cause, PartialList, Unknown
from auditor.snapshot.lookup import value
from auditor.snapshot.model import Resource
from auditor.times import instant


class GuestFiles:
    """The files of each VM."""

    def __init__(self, graph: Graph) -> None:
        """Take the graph that has them as resources."""
        self._graph = graph

    def of_kind(self, vm: Resource, kind: GuestKind, most_days: float) -> PartialList:
        """Return the files of a kind; one that is too old is unknown, and so is a single one if there is none."""
        return PartialList(self.supplied(vm, kind, most_days).known or (self._missing(vm, kind),))

    def supplied(self, vm: Resource, kind: GuestKind, most_days: float) -> PartialList:
        """Return the files of a kind that were supplied; one that is too old is unknown."""
        return PartialList(
            tuple(
                file if isinstance(file, Unknown) else self._age_unknown(file.key, most_days) or file
                for file in self._of_kind(vm.key, kind)
            )
        )

    def has(self, vm: Resource, kind: GuestKind) -> bool:
        """Return whether a VM may have a file of a kind, of whatever age."""
        return bool(self._of_kind(vm.key, kind))

    @cached_method
    def _of_kind(self, vm: str, kind: GuestKind) -> tuple[Resource | Unknown, ...]:
        """Return the files of a VM, by its key, that are of a kind, or whose kind is unknown."""
        found: list[Resource | Unknown] = []
        for file in self._by_vm.get(vm, ()):
            own = value(file, "properties.kind").value
            if isinstance(own, Unknown) or own == kind:
                found.append(own if isinstance(own, Unknown) else file)
        return tuple(found)

    def are_enough_for(self, deployment: Deployment) -> bool:
        """Return whether a deployment has a file of one of its VMs, if it requires any."""
        return deployment.declared.guest != "required" or any(vm in self._by_vm for vm in deployment.roles)

    def _missing(self, vm: Resource, kind: GuestKind) -> Unknown:
        reason = f"no {kind.file} of {vm.id} was supplied"
        merge = next((file for file in self._by_vm.get(vm.key, ()) if _is_merge(file)), None)
        if merge is not None and kind is GuestKind.CPF:
            reason += f" ({merge.name} is a merge CPF, which says what an instance is asked to become)"
        reason += f": put it into DIR/{vm.name}, list it in the manifest, and give `--guest DIR`"
        return Unknown(Cause.GUEST, reason, about=(vm.id,))

    @cached_value
    def _by_vm(self) -> dict[str, list[Resource]]:
        """The files by the key of the VM."""
        found: dict[str, list[Resource]] = defaultdict(list)
        for file in self._graph.by_type.get(GUEST_FILE, ()):
            found[arm.parent_of(file.key)].append(file)
        return dict(found)

    @cached_summary
    def _age_unknown(self, key: str, most_days: float) -> Unknown | None:
        """Return why a file, by its key, does not show the VM at the time of the snapshot, None if it does."""
        file = self._graph.resources[key]
        at, taken = value(file, "properties.takenAt").value, self._graph.snapshot.taken_at
        if isinstance(at, Unknown):
            return at
        then, now = instant(at), instant(taken)
        if now is None:
            reason = "the snapshot does not say when it was taken, so that the age of guest files is not known"
            return Unknown(Cause.GUEST, f"{reason}: add `takenAt`", about=(file.id,))
        if then is None:
            return Unknown(Cause.GUEST, f"{file.id} does not say when it was taken", about=(file.id,))
        days = abs(now - then) / dt.timedelta(days=1)
        if days <= most_days:
            return None
        reason = f"{file.id} was taken {days:.0f} days {'before' if then < now else 'after'} the snapshot"
        limit = f"at most {most_days:g} are accepted (settings.max_guest_age_days): take it again"
        return Unknown(Cause.GUEST, f"{reason}; {limit}", about=(file.id,))


def _is_merge(file: Resource) -> bool:
    return value(file, "properties.kind").value == GuestKind.MERGE_CPF
