"""Recommendations of Azure Advisor, as `az advisor recommendation list` prints them or as ARM returns them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from auditor import files
from auditor.azure import arm
from auditor.errors import InputError
from auditor.snapshot.model import Resource
from auditor.sources import arm_json

TYPE: Final = "microsoft.advisor/recommendations"
_SEGMENT: Final = f"/providers/{TYPE}/"
_CLOSED: Final = frozenset({"completed", "dismissed", "postponed"})
"""States that a person gave a recommendation."""


class Advice(msgspec.Struct, frozen=True):
    """A recommendation of Azure Advisor for a resource."""

    id: str
    """Its ARM id."""
    type: str
    """The recommendationTypeId, in lower case."""
    resource: str
    """The ARM id of the resource."""
    problem: str
    """What Azure Advisor finds, in its words."""
    is_open: bool
    """Whether it is neither suppressed nor dismissed, postponed or completed."""

    @property
    def name(self) -> str:
        """Return its name, a GUID."""
        return arm.name_of(self.id)


def read(path: Path) -> tuple[Advice, ...]:
    """Return the recommendations of a file.

    Raises:
        InputError: it is no list of recommendations, or not all of it.
    """
    data = files.read(path)
    found = of(arm_json.decode(data, str(path)).resources, str(path))
    if token := arm_json.further_page(data):
        message = f'has a "{token}", which shows that pages are missing; save all pages'
        raise InputError(message, str(path))
    return found


def of(resources: Iterable[Resource], file: str = "") -> tuple[Advice, ...]:
    """Return resources as recommendations, in the order of their ids.

    Raises:
        InputError: one is no recommendation of Azure Advisor.
    """
    return tuple(_advice(resource, file) for resource in sorted(resources, key=lambda resource: resource.key))


def _advice(resource: Resource, file: str) -> Advice:
    nested = resource.body.get("properties")
    body: Mapping[str, Any] = nested if isinstance(nested, dict) else resource.body
    type_ = body.get("recommendationTypeId")
    where = resource.id.lower().find(_SEGMENT)
    if where < 0 or not isinstance(type_, str):
        message = f"{resource.id} is no recommendation of Azure Advisor; az advisor recommendation list prints them"
        raise InputError(message, file)
    description = body.get("shortDescription")
    problem = description.get("problem") if isinstance(description, dict) else None
    return Advice(
        id=resource.id,
        type=type_.lower(),
        resource=resource.id[:where],
        problem=problem if isinstance(problem, str) else "",
        is_open=not body.get("suppressionIds") and _state(body) not in _CLOSED,
    )


def _state(body: Mapping[str, Any]) -> str:
    tracked = body.get("trackedProperties")
    state = tracked.get("state") if isinstance(tracked, dict) else None
    return state.lower() if isinstance(state, str) else ""
