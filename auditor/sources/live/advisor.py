"""Recommendations of Azure Advisor, read from live subscriptions."""

from __future__ import annotations

import asyncio
from typing import Final

from auditor.sources.live.bodies import resources_of
from auditor.sources.live.client import ArmClient
from auditor.sources.live.collection import CollectOptions, session
from auditor.sources.live.progress import Progress
from auditor.sources.live.responses import NotReadError
from auditor.sources.live.results import ReadResult

TYPE: Final = "Microsoft.Advisor/recommendations"
ACTION: Final = f"{TYPE}/read"
_VERSION: Final = "2023-01-01"


def read(options: CollectOptions, progress: Progress) -> ReadResult:
    """Return the recommendations for subscriptions, and a gap of each whose list is not complete.

    Raises:
        InputError: no credential could sign in, or an argument is wrong, such as the name of a subscription.
    """
    return asyncio.run(_read(options, progress))


async def _read(options: CollectOptions, progress: Progress) -> ReadResult:
    result = ReadResult()
    async with session(options, "", progress) as opened:
        for scope in opened.header.scopes:
            await _read_scope(opened.client, scope, result)
    return result


async def _read_scope(client: ArmClient, scope: str, result: ReadResult) -> None:
    path = f"{scope}/providers/{TYPE}?api-version={_VERSION}"
    name = f"{TYPE} of {scope}"
    client.progress.begins(name)
    before = len(result.resources)
    try:
        async for found in resources_of(client, path, TYPE.lower()):
            result.add(found)
    except NotReadError as error:
        result.record_gap(client.progress, scope, TYPE, error, ACTION)
        return
    client.progress.read(name, len(result.resources) - before)
