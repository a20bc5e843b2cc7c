"""Another host, which must never get a token."""

from __future__ import annotations

from aiohttp import web

from tests.arm.hosting import Site


class ForeignHost:
    """Answers every request with an empty list, and records the requests. Its certificate is trusted too."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        """`METHOD PATH?QUERY` of each request."""
        self.tokens: list[str] = []
        """Every `Authorization` header that came."""
        self.sites = (Site(self._respond), Site(self._respond, https=False))

    @property
    def url(self) -> str:
        return f"https://localhost:{self.sites[0].port}"

    @property
    def http_url(self) -> str:
        return f"http://127.0.0.1:{self.sites[1].port}"

    async def _respond(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(f"{request.method} {request.raw_path}")
        if "Authorization" in request.headers:
            self.tokens.append(request.headers["Authorization"])
        return web.json_response({"value": []})
