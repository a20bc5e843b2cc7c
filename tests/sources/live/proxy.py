"""A proxy that connects every host to one server, with a certificate for each host."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import threading
from types import TracebackType
from typing import TYPE_CHECKING, Self

from tests.arm import certificates

if TYPE_CHECKING:
    import pytest


class Proxy:
    """Answers CONNECT while it is entered, and records the requested hosts."""

    def __init__(self, port: int) -> None:
        self.hosts: list[str] = []
        self._port = port
        self._tunnels: list[asyncio.Task[None]] = []
        self._open: list[asyncio.StreamWriter] = []
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    def use(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Make it the proxy of the environment for every host."""
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{self._own}")
        for name in ("https_proxy", "NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self._own = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        for writer in self._open:
            writer.transport.abort()
        await asyncio.gather(*self._tunnels, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tunnels.append(task)
        self._open.append(writer)
        asked = (await reader.readuntil(b"\r\n\r\n")).decode()
        method, target, _ = asked.split(" ", 2)
        assert method == "CONNECT"
        host = target.rsplit(":", 1)[0]
        self.hosts.append(host)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with contextlib.suppress(OSError):  # a client that does not trust the certificate closes the connection
            await writer.start_tls(certificates.server_context(host))
            trusted = ssl.create_default_context(cafile=certificates.authority()[1])
            answers, onwards = await asyncio.open_connection("127.0.0.1", self._port, ssl=trusted)
            self._open.append(onwards)
            await asyncio.gather(_pass_on(reader, onwards), _pass_on(answers, writer))


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.transport.abort()
