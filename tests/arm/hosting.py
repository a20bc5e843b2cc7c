"""Web servers, each in a separate thread with its own event loop, on ports that the system chooses."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from aiohttp import web

from tests.arm.certificates import server_context

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Site:
    """One address with its handler and protocol. `port` is set once it listens."""

    handler: Handler
    https: bool = True
    port: int = 0


class Hosting:
    """Serves sites while it is entered.

    Leaving raises what a handler raised: an error of the server must not look like a fault that it plays.
    """

    def __init__(self, sites: Sequence[Site]) -> None:
        self._sites = sites
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._broken: list[Exception] = []
        self._runners: list[web.AppRunner] = []

    @property
    def connections(self) -> int:
        """The number of open connections."""
        return sum(len(runner.server.connections) for runner in self._runners if runner.server is not None)

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._ready.wait(120):
            raise TimeoutError("the server does not listen")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._loop is not None
        assert self._stop is not None
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(120)
        if self._broken and raised is None:
            raise ExceptionGroup("the server of the tests is at fault", self._broken)

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        self._runners = [await self._listen(site) for site in self._sites]
        self._ready.set()
        await self._stop.wait()
        for runner in self._runners:
            await runner.cleanup()

    async def _listen(self, site: Site) -> web.AppRunner:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._guarded(site.handler))
        runner = web.AppRunner(app, shutdown_timeout=0.01, handler_cancellation=True, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=server_context() if site.https else None).start()
        site.port = runner.addresses[0][1]
        return runner

    def _guarded(self, handler: Handler) -> Handler:
        async def guarded(request: web.Request) -> web.StreamResponse:
            try:
                return await handler(request)
            except ConnectionError:
                return web.Response()  # the client is gone
            except Exception as fault:
                self._broken.append(fault)
                raise

        return guarded
