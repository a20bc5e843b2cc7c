"""Reading live subscriptions into a snapshot: first every list, then more about the members of deployments."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from auditor.estate.declaration import DeclaredDeployment
from auditor.snapshot.model import Snapshot
from auditor.sources.live.client import ArmClient
from auditor.sources.live.clouds import CLOUDS, Cloud, check_url
from auditor.sources.live.connection import clients, fetch_cloud, transport
from auditor.sources.live.credential import Credential
from auditor.sources.live.members import plan, read_members
from auditor.sources.live.progress import Amount, Progress
from auditor.sources.live.scopes import choose
from auditor.sources.live.subscriptions import read_subscriptions
from auditor.sources.live.throttling import Limiter

if TYPE_CHECKING:
    from azure.core.pipeline.transport import AioHttpTransport


class CollectOptions(msgspec.Struct, frozen=True):
    """What to read, and how."""

    subscriptions: tuple[str, ...]
    """Their ids, without `/subscriptions/`, or names; empty, without management groups, for all that are seen."""
    management_groups: tuple[str, ...] = ()
    """Ids or names of management groups, of which every subscription at any depth is read."""
    trust_resource_graph: bool = False
    """Whether types of which Azure Resource Graph saw none, and on whose absence no outcome rests, are not listed."""
    cloud: str = "AzureCloud"
    endpoint: str | None = None
    """The Azure Resource Manager endpoint of a cloud that is not in `CLOUDS`."""
    authority: str | None = None
    """The URL at which to sign in, if not that of the cloud."""
    tenant: str | None = None
    timeout: float = 1800.0
    """Seconds after which what has not been read is a gap."""
    ca_bundle: Path | None = None
    verbose: bool = False
    """Whether an error of signing in names each credential that was tried."""


class CollectResult(msgspec.Struct, frozen=True):
    """A snapshot, and what it cost."""

    snapshot: Snapshot
    amount: Amount


class Session(msgspec.Struct, frozen=True):
    """A client that is signed in, with what is to be read."""

    client: ArmClient
    header: Snapshot
    """The snapshot without what is read: its time, identity, cloud, subscriptions and deployment file."""
    cost: Callable[[], tuple[int, int, float]]
    """Returns the requests so far, how many of them were repeated, and the seconds."""

    def amount(self, resources: int, gaps: int) -> Amount:
        """Return what was read, by these numbers, and what it cost."""
        return Amount(self.header.identity, resources, gaps, *self.cost())


def collect(
    options: CollectOptions, declared: tuple[DeclaredDeployment, ...], deployment: str, progress: Progress
) -> CollectResult:
    """Read subscriptions. What cannot be read is a gap of the snapshot.

    Args:
        options: what to read.
        declared: the deployments of whose members more is read, besides those that tags declare.
        deployment: the text of their deployment file, which the snapshot keeps.
        progress: is told what is read.

    Raises:
        InputError: no credential could sign in, or an argument is wrong, such as the name of a subscription.
    """
    results: list[CollectResult] = []

    async def run() -> None:
        # Python formats the result of the coroutine, which may be large, when it removes its handler of Ctrl-C.
        results.append(await _collect(options, declared, deployment, progress))

    asyncio.run(run())
    return results[0]


async def _collect(
    options: CollectOptions, declared: tuple[DeclaredDeployment, ...], deployment: str, progress: Progress
) -> CollectResult:
    async with session(options, deployment, progress) as opened:
        client, header = opened.client, opened.header
        result = await read_subscriptions(client, header.scopes, trusting=options.trust_resource_graph)
        lists = result.snapshot(header)
        result.merge(await read_members(client, plan(lists, declared), lists))
        snapshot = result.snapshot(header)
        return CollectResult(snapshot, opened.amount(snapshot.resource_count, len(snapshot.gaps)))


@contextlib.asynccontextmanager
async def session(options: CollectOptions, deployment: str, progress: Progress) -> AsyncIterator[Session]:
    """Sign in, and find what is to be read.

    Raises:
        InputError: no credential could sign in, or an argument is wrong, such as the name of a subscription.
    """
    loop = asyncio.get_running_loop()
    begun, taken_at = loop.time(), dt.datetime.now(dt.UTC)
    deadline = begun + options.timeout
    async with transport(options.ca_bundle, deadline) as shared:
        cloud = await _cloud(options, shared, deadline)
        async with (
            Credential(cloud, options.tenant, shared, deadline, verbose=options.verbose) as credential,
            clients(cloud, credential, shared) as send_of,
        ):
            client = ArmClient(cloud.endpoint, send_of, Limiter(), progress, deadline)
            header = Snapshot(
                taken_at=taken_at.isoformat(timespec="seconds").replace("+00:00", "Z"),
                scopes=await choose(client, options.subscriptions, options.management_groups),
                resources=(),
                listed=frozenset(),
                gaps=(),
                cloud=cloud.name,
                identity=credential.identity,
                deployment=deployment,
            )

            def cost() -> tuple[int, int, float]:
                retried = credential.retries
                return client.calls + retried, client.retries + retried, loop.time() - begun

            yield Session(client, header, cost)


async def _cloud(options: CollectOptions, shared: AioHttpTransport, deadline: float) -> Cloud:
    """Return the cloud to read; the endpoint of one that has no name describes it."""
    authority = check_url(options.authority, "--authority") if options.authority else None
    if options.endpoint is not None:
        return await fetch_cloud(check_url(options.endpoint, "--arm-endpoint"), authority, shared, deadline)
    cloud = CLOUDS[options.cloud]
    return msgspec.structs.replace(cloud, authority=authority) if authority else cloud
