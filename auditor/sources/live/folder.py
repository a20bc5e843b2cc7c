"""Reading live subscriptions into a snapshot folder: each is written when all of it was read, and then forgotten."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections import defaultdict
from pathlib import Path
from typing import Final

import msgspec

from auditor.azure import arm
from auditor.errors import InputError
from auditor.estate.declaration import DeclaredDeployment
from auditor.snapshot.model import Snapshot
from auditor.sources.live.collection import CollectOptions, Session, session
from auditor.sources.live.members import MemberReads, plan, read_members, read_unlisted
from auditor.sources.live.progress import Amount, Progress
from auditor.sources.live.results import ReadResult
from auditor.sources.live.subscriptions import read_each, read_other_vaults
from auditor.sources.snapshot_folder import Collection, SnapshotFolder

_OLDEST: Final = dt.timedelta(days=1)
"""How long ago a collection may have begun that is continued: the parts of a snapshot are of about the same time."""


def collect_into(
    folder: Path, options: CollectOptions, declared: tuple[DeclaredDeployment, ...], deployment: str, progress: Progress
) -> Amount:
    """Read subscriptions into a new snapshot folder, or into one that was begun less than a day ago and was stopped.

    What a stopped collection has written is not read again. See `collect` for the other arguments.

    Raises:
        InputError: no credential could sign in, an argument is wrong, or the folder cannot be used.
    """
    return asyncio.run(_collect_into(folder, options, declared, deployment, progress))


async def _collect_into(
    folder: Path, options: CollectOptions, declared: tuple[DeclaredDeployment, ...], deployment: str, progress: Progress
) -> Amount:
    async with session(options, deployment, progress) as opened:
        client = opened.client
        collection = Collection(folder, opened.header)
        _check_age(collection.taken_at, opened.header.taken_at, folder)
        kept = collection.parts
        vaults = ReadResult() if kept else await read_other_vaults(client, opened.header.scopes)
        parts = _Parts(opened, collection, declared, vaults)
        await read_each(client, collection.pending, parts.keep, trusting=options.trust_resource_graph)
        whole = SnapshotFolder(folder)
        for part in kept:
            parts.note(whole.part(part))
        await parts.check_references(whole)
        return opened.amount(parts.resources, parts.gaps)


def _check_age(begun: str, now: str, folder: Path) -> None:
    """Refuse to continue what began too long ago."""
    age = dt.datetime.fromisoformat(now) - dt.datetime.fromisoformat(begun)
    if age > _OLDEST:
        message = f"was begun at {begun}, more than a day ago; name a new folder, or remove it"
        raise InputError(message, str(folder))


class _Parts:
    """Completes and writes the parts of a folder."""

    def __init__(
        self,
        opened: Session,
        collection: Collection,
        declared: tuple[DeclaredDeployment, ...],
        vaults: ReadResult,
    ) -> None:
        """Take where the parts are written, and the deployments of whose members more is read.

        `vaults` are those of subscriptions that were not asked for, which are written with the first part.
        """
        self.resources = 0
        self.gaps = 0
        self._client = opened.client
        self._header = opened.header
        self._collection = collection
        self._declared = declared
        self._vaults = vaults
        self._wanted: dict[str, set[str]] = defaultdict(set)
        """By subscription, keys of resources to which deployments of other subscriptions refer."""
        self._writing = asyncio.Lock()

    async def keep(self, subscription: str, result: ReadResult) -> None:
        """Read more of the members of deployments in a subscription, and write all that was read of it."""
        gaps = [gap for gap in result.gaps if arm.canonical_type(gap.what) == arm.SUBSCRIPTION]
        if gaps:
            self.gaps += 1
            self._collection.fail(gaps[0])
            return
        header = msgspec.structs.replace(self._header, scopes=(subscription,))
        lists = result.snapshot(header)
        result.merge(await read_members(self._client, self.note(lists), lists))
        await self._write(result, header)

    def note(self, part: Snapshot) -> MemberReads:
        """Note to which resources of other parts one refers, and return what else is to be read of its members."""
        wanted = plan(part, self._declared)
        elsewhere = {*self._header.scopes} - {*part.scopes}
        own = []
        for key in wanted.unlisted:
            subscription = arm.subscription_of(key)
            if subscription in elsewhere:
                self._wanted[subscription].add(key)
            else:
                own.append(key)
        return msgspec.structs.replace(wanted, unlisted=tuple(own))

    async def check_references(self, whole: SnapshotFolder) -> None:
        """Request what deployments of other subscriptions refer to and a part lacks: its list may have hidden it."""
        for named in whole.manifest.parts:
            wanted = {key for scope in named.scopes for key in self._wanted.get(scope, ())}
            if not wanted:
                continue
            part = whole.part(named)
            missing = sorted(wanted - {found.key for found in part.resources})
            further = await read_unlisted(self._client, missing, part)
            if further.resources or further.gaps:
                result = ReadResult.of(part)
                result.merge(further)
                self.resources -= part.resource_count
                self.gaps -= len(part.gaps)
                await self._write(result, part)

    async def _write(self, result: ReadResult, header: Snapshot) -> None:
        async with self._writing:
            result.merge(self._vaults)  # with the part that is written first: of a stopped collection one is there
            self._vaults = ReadResult()
            part = result.snapshot(header)
            await asyncio.to_thread(self._collection.add, part)
        self.resources += part.resource_count
        self.gaps += len(part.gaps)
