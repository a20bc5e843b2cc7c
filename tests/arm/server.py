"""The server as tests use it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass, field, replace
from types import TracebackType
from typing import TYPE_CHECKING, Self

from tests.arm import certificates, management_groups, metadata, playing, resource_graph
from tests.arm.entra import MANAGED_IDENTITY, Entra
from tests.arm.estate import Estate
from tests.arm.exchange import Answer, Call, RefusalError
from tests.arm.faults import Fault, Faults, Schedule
from tests.arm.foreign import ForeignHost
from tests.arm.hosting import Hosting, Site
from tests.arm.identity import Identity
from tests.arm.resource_manager import ResourceManager
from tests.arm.throttle import Quota, Throttle

if TYPE_CHECKING:
    from aiohttp import web

AUDIENCES = ("https://management.core.arm.test/", "https://management.arm.test/")
"""The audience of tokens; as in Azure, it is not the address of the server."""


@dataclass(frozen=True)
class Entry:
    """One request, and the status of its answer (0: it was not answered)."""

    method: str
    path: str
    query: str
    status: int
    headers: dict[str, str]
    """By lower-case name."""
    fault: Fault | None


@dataclass
class ArmServer:
    """Answers as Azure Resource Manager does for an estate, while it is entered.

    Its attributes may be changed while it runs.
    """

    estate: Estate
    identity: Identity = field(default_factory=Identity)
    _: KW_ONLY
    audiences: tuple[str, ...] = AUDIENCES
    page_size: int = 100
    trims: bool = True
    """Whether a list at a subscription that may not be read there is trimmed to what may be read, or refused."""
    throttle: Throttle | None = None
    quota: Quota = field(default_factory=Quota)
    """That of Azure Resource Graph."""
    latency: float = 0.0
    """Seconds before each answer."""
    token_lifetime: float = 3600.0
    """Seconds."""
    clock_skew: float = 0.0
    """Seconds for which an expired token is still accepted; Azure allows five minutes."""
    faults: Faults = field(default_factory=dict)
    """The faults of requests, those of the login too."""
    retry_after: str = "1"
    """The header of those faults that have one."""
    log: list[Entry] = field(default_factory=list)
    on_silence: Callable[[], object] = lambda: None
    """Called when a fault begins with which a client waits for ever."""

    def __post_init__(self) -> None:
        self.ca_file = certificates.authority()[1]
        self.foreign = ForeignHost()
        self._site = Site(self._respond)
        self._hosting = Hosting([self._site, *self.foreign.sites])
        self._schedule = Schedule()
        self._entra = Entra("", self.audiences)

    def __enter__(self) -> Self:
        self._hosting.__enter__()
        self._entra.url = self.url
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._hosting.__exit__(kind, raised, trace)

    @property
    def port(self) -> int:
        return self._site.port

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return self._hosting.connections

    @property
    def url(self) -> str:
        """The URL of both Azure Resource Manager and the login."""
        return f"https://127.0.0.1:{self.port}"

    @property
    def audience(self) -> str:
        return self.audiences[0]

    @property
    def environment(self) -> dict[str, str]:
        """The environment in which azure-identity logs in with the secret."""
        identity = self.identity
        return {
            "AZURE_CLIENT_ID": identity.client_id,
            "AZURE_TENANT_ID": identity.tenant_id,
            "AZURE_CLIENT_SECRET": identity.secret,
        }

    @property
    def managed_identity_environment(self) -> dict[str, str]:
        """The environment in which azure-identity uses the managed identity of an App Service."""
        return {
            "IDENTITY_ENDPOINT": self.url + MANAGED_IDENTITY,
            "IDENTITY_HEADER": self.identity.managed_identity_header,
        }

    @property
    def requests(self) -> list[str]:
        """The requests for Azure Resource Manager so far, `PATH?QUERY` each, in the order of their arrival."""
        return [f"{entry.path}?{entry.query}" for entry in self.log if entry.path.startswith("/subscriptions")]

    def answer(self, call: Call) -> Answer:
        """Return the answer without a fault."""
        self._entra.lifetime, self._entra.clock_skew = self.token_lifetime, self.clock_skew
        try:
            if call.path.lower() == metadata.PATH:
                return self._metadata(call)
            if self._entra.answers(call):
                return self._entra.answer(call, self.identity)
            self._entra.check(call)
            stated = self._take(call)
            manager = ResourceManager(
                self.estate, management_groups.inherited(self.identity, self.estate), self.page_size, self.trims
            )
            found = manager.answer(call)
        except RefusalError as refusal:
            return refusal.answer
        return replace(found, headers={**stated, **found.headers})

    def _metadata(self, call: Call) -> Answer:
        version = call.parameter("api-version")
        if not version:
            message = "The api-version query parameter (?api-version=) is required for all requests."
            raise RefusalError(400, "MissingApiVersionParameter", message)
        return Answer(body=metadata.endpoints(self.url, self.audiences, version))

    def _take(self, call: Call) -> dict[str, str]:
        """Take a request from the buckets that count it, and return the headers that say what is left.

        Raises:
            RefusalError: 429, nothing is left.
        """
        segments = call.path.lower().split("/")
        subscription = segments[2] if segments[1] == "subscriptions" and len(segments) > 2 else ""
        left = self.throttle.take(subscription) if self.throttle else 249
        reads = {f"x-ms-ratelimit-remaining-{'subscription' if subscription else 'tenant'}-reads": str(left)}
        return reads | (self.quota.take() if call.path.lower() == resource_graph.PATH else {})

    async def _respond(self, request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        call = Call(request.method, request.raw_path, headers, await request.read())
        if self.latency:
            await asyncio.sleep(self.latency)
        places = playing.Places(self.url, self.foreign.url, self.foreign.http_url)
        fault = self._fault(call)
        answer = self.answer(call)
        if fault is not None:
            answer = playing.altered(fault, places, self.retry_after, call, answer)
        self.log.append(Entry(call.method, call.path, call.query, answer.status, headers, fault))
        if fault in {Fault.SILENCE, Fault.DRIP}:
            self.on_silence()
        return await playing.play(fault, request, places, call, answer)

    def _fault(self, call: Call) -> Fault | None:
        if playing.looped(call):
            return Fault.NEXT_LOOP
        return None if playing.mended(call) else self._schedule.due(self.faults, call)
