"""Reading the estates of tests from the server of the tests, with the real SDK."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest

from auditor.estate import deployment_file
from auditor.estate.declaration import DeclaredDeployment
from auditor.snapshot.model import Snapshot
from auditor.sources.live.client import ArmClient
from auditor.sources.live.clouds import Cloud
from auditor.sources.live.collection import CollectOptions, CollectResult, collect
from auditor.sources.live.connection import clients, transport
from auditor.sources.live.credential import Credential
from auditor.sources.live.throttling import Limiter
from auditor.yaml_documents import Document
from tests import estates
from tests.arm import Estate, Identity
from tests.arm.exchange import Answer, Call
from tests.arm.server import ArmServer

T = TypeVar("T")


class Told:
    """Records the progress that a reader reports."""

    def __init__(self) -> None:
        self.done: list[tuple[str, int]] = []
        self.missing: list[tuple[str, str]] = []
        self.waited: list[float] = []
        self.calls: list[tuple[str, int, str]] = []

    def begins(self, what: str) -> None:
        pass

    def read(self, what: str, count: int) -> None:
        self.done.append((what, count))

    def missed(self, what: str, why: str) -> None:
        self.missing.append((what, why))

    def waits(self, seconds: float) -> None:
        self.waited.append(seconds)

    def called(self, path: str, status: int, request_id: str, seconds: float) -> None:
        assert seconds >= 0
        self.calls.append((path, status, request_id))


def estate_of(name: str) -> Estate:
    """Return an estate of the tests for the server."""
    body = estates.body_of(name)
    body.pop("gaps", None)
    return Estate.from_body(body)


def subscriptions_of(name: str) -> tuple[str, ...]:
    return tuple(scope.rsplit("/", 1)[-1] for scope in estates.body_of(name)["listed"])


def declared(name: str) -> tuple[DeclaredDeployment, ...]:
    return deployment_file.load(Document(estates.declared_of(name), "deployment.yaml", {}))


@contextmanager
def signed_in(server: ArmServer) -> Iterator[None]:
    """Let azure-identity find the server's client secret in the environment."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("AZURE_AUTHORITY_HOST", raising=False)
        for variable, value in server.environment.items():
            patch.setenv(variable, value)
        yield


def wanted(server: ArmServer, name: str, **options: Any) -> CollectOptions:
    """Return the options for reading an estate of the tests from a server."""
    usual = {"subscriptions": subscriptions_of(name), "endpoint": server.url, "ca_bundle": Path(server.ca_file)}
    return CollectOptions(**{**usual, **options})


def read(server: ArmServer, name: str, told: Told | None = None, **options: Any) -> CollectResult:
    """Read an estate of the tests from a server."""
    declaration = json.dumps(estates.declared_of(name))
    with signed_in(server):
        return collect(wanted(server, name, **options), declared(name), declaration, told or Told())


def timeless(snapshot: Snapshot) -> Snapshot:
    """Return a snapshot without the time at which it was taken and the port of the server."""
    return msgspec.structs.replace(snapshot, taken_at="")


def azure_cli(programs: Path, says: str, code: int = 0) -> Path:
    """Write an Azure CLI into the folder of programs; return the file to which it writes its arguments."""
    called = programs / "called"
    stream = "stderr" if code else "stdout"
    lines = (
        f"#!{sys.executable}",
        "import sys",
        f"open({str(called)!r}, 'a').write(' '.join(sys.argv[1:]) + '\\n')",
        f"sys.{stream}.write({says!r})",
        f"sys.exit({code})",
    )
    program = programs / "az"
    program.write_text("\n".join(lines))
    program.chmod(0o700)
    return called


def cli_answer(token: str) -> str:
    """Return the output of `az account get-access-token`."""
    times = {"expiresOn": "2099-01-01 00:00:00.000000", "expires_on": 4070908800}
    names = {
        "subscription": "00000000-0000-0000-0000-000000000000",
        "tenant": Identity.tenant_id,
        "tokenType": "Bearer",
    }
    return json.dumps({"accessToken": token, **times, **names}, indent=2)


class Answering(ArmServer):
    """Answers some requests as a test decides, and all others as the base class does."""

    own: Callable[[Call], Answer | None] = staticmethod(lambda _: None)

    def answer(self, call: Call) -> Answer:
        return self.own(call) or super().answer(call)


def ask(
    server: ArmServer,
    question: Callable[[ArmClient], Awaitable[T]],
    limiter: Callable[[], Limiter] = Limiter,
    told: Told | None = None,
    seconds: float = 30.0,
) -> T:
    """Return the result of a question to a server by a reader that is logged in and has a deadline."""

    async def session() -> T:
        deadline = asyncio.get_running_loop().time() + seconds
        cloud = Cloud("arm.test", server.url, server.audience, server.url)
        async with (
            transport(Path(server.ca_file), deadline) as shared,
            Credential(cloud, None, shared, deadline) as credential,
            clients(cloud, credential, shared) as send_of,
        ):
            found = await question(ArmClient(server.url, send_of, limiter(), told or Told(), deadline))
        assert asyncio.all_tasks() == {asyncio.current_task()}, "no task is left"
        return found

    with signed_in(server):
        return asyncio.run(session())
