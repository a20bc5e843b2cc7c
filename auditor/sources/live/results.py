"""What a step of reading returns: resources, gaps, and which lists are complete."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine

import msgspec

from auditor.azure import arm
from auditor.azure.types import has_properties
from auditor.snapshot.model import Gap, GapReason, Resource, Snapshot
from auditor.sources.live.progress import Progress
from auditor.sources.live.responses import NotReadError, NotSignedInError


class ReadResult(msgspec.Struct):
    """The result of one step, or of several that were merged."""

    resources: dict[str, Resource] = {}
    """By key."""
    gaps: list[Gap] = []
    listed: set[tuple[str, str]] = set()
    """(subscription key, type) pairs of which every resource was read."""
    incomplete: set[tuple[str, str]] = set()
    """Pairs of which something was not read, whatever another step found."""

    @classmethod
    def of(cls, snapshot: Snapshot) -> ReadResult:
        """Return what a snapshot has."""
        resources = {found.key: found for found in snapshot.resources}
        return cls(resources, [*snapshot.gaps], {*snapshot.listed})

    def merge(self, *others: ReadResult) -> None:
        """Add other results; of two bodies of the same resource, keep the later one."""
        for other in others:
            self.resources |= other.resources
            self.gaps += other.gaps
            self.listed |= other.listed
            self.incomplete |= other.incomplete

    def snapshot(self, header: Snapshot) -> Snapshot:
        """Return a snapshot with what was read."""
        return msgspec.structs.replace(
            header,
            resources=tuple(self.resources[key] for key in sorted(self.resources)),
            listed=frozenset(self.listed - self.incomplete),
            gaps=tuple(sorted(set(self.gaps), key=lambda gap: (gap.scope.lower(), gap.what.lower(), gap.reason))),
        )

    def add(self, found: Resource) -> None:
        """Add a resource."""
        self.resources[found.key] = found

    def add_with_properties(self, found: Resource) -> None:
        """Add a resource; record a gap if Azure left out the properties that resources of its type have."""
        self.add(found)
        if has_properties(found.type) and not isinstance(found.body.get("properties"), dict):
            detail = "Azure returned the resource without its properties"
            self.gaps.append(Gap(found.id, found.type, GapReason.MALFORMED, detail=detail, call=found.call))

    def record_gap(self, progress: Progress, scope: str, what: str, error: NotReadError, permission: str) -> None:
        """Record that something was not read; `permission` is the action that reading it needs."""
        refused = error.reason is GapReason.FORBIDDEN and not isinstance(error, NotSignedInError)
        needed = permission if refused else ""
        detail = error.detail
        if error.not_found and arm.type_of(scope) != arm.SUBSCRIPTION:
            detail = "it was in a list, but Azure did not find it: it may have been deleted meanwhile"
        self.gaps.append(Gap(scope, what, error.reason, error.code, needed, detail, error.call))
        progress.missed(f"{what} of {scope}", f"{error}; needs {needed}" if needed else str(error))


async def merged(*steps: Coroutine[None, None, ReadResult]) -> ReadResult:
    """Run steps at the same time, and return their results as one, in the order of the steps."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(step) for step in steps]
    result = ReadResult()
    result.merge(*(task.result() for task in tasks))
    return result
