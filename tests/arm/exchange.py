"""One request to Azure Resource Manager, and its answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

JSON = "application/json; charset=utf-8"


@dataclass(frozen=True)
class Call:
    """A request: `headers` by lower-case name, `target` as it was sent, `path` decoded."""

    method: str
    target: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def path(self) -> str:
        return unquote(urlsplit(self.target).path)

    @property
    def query(self) -> str:
        return urlsplit(self.target).query

    def parameter(self, name: str) -> str:
        """Return a parameter of the query, whatever the case of its name, or ""."""
        return next((value for key, value in parse_qsl(self.query) if key.lower() == name.lower()), "")

    @property
    def form(self) -> dict[str, str]:
        """The body of a form."""
        return dict(parse_qsl(self.body.decode()))


@dataclass(frozen=True)
class Listing:
    """The result of a list request, before it is divided into pages."""

    items: Sequence[Any]
    at: int = 0
    size: int = 100
    token: str = "$skiptoken"
    beside: Mapping[str, Any] = field(default_factory=dict)
    """What stands beside the items on each page."""

    @property
    def value(self) -> list[Any]:
        """The items of this page."""
        return list(self.items[self.at : self.at + self.size])

    @property
    def more(self) -> bool:
        return self.at + self.size < len(self.items)


@dataclass(frozen=True)
class Answer:
    """An answer; a body of bytes is sent unchanged, any other as JSON."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    listing: Listing | None = None


class RefusalError(Exception):
    """The request is answered with an error."""

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.answer = error(status, code, message, headers)


def error(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> Answer:
    """Return an error with the words of Azure Resource Manager itself, not of a provider."""
    body = {"error": {"code": code, "message": message}}
    return Answer(status, body, {"x-ms-failure-cause": "gateway", **(headers or {})})
