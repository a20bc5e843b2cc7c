"""What is looked at of a deployment while it is judged: every property of it, also those that are not there."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any, Final

import pytest

from auditor.azure import paths
from auditor.azure.paths import Step
from auditor.azure.types.names import SKU
from auditor.estate.graph import Graph
from auditor.rules.context import Context
from auditor.snapshot.known import Answer
from auditor.snapshot.model import Part, Resource

Steps = tuple[Step, ...]
Place = tuple[str, Steps]
"""A body, by the key of its resource; and a property in it."""

_OF_SKUS: Final[tuple[Steps, ...]] = (
    ("resourceType",),
    ("name",),
    ("locations",),
    ("locationInfo", 0, "location"),
    ("locationInfo", 0, "zones"),
)
"""By what an SKU record is found, and what is said of its zones."""


def walk(value: Any, steps: Steps = ()) -> Iterator[tuple[Steps, Any]]:
    """Yield every value in parsed JSON with where it stands."""
    yield steps, value
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, member in entries:
        yield from walk(member, (*steps, step))


def _places_in_sku(record: Any, kind: str, size: str, _region: str, _subscription: str, name: str) -> Iterator[Steps]:
    """Yield where it is looked in an SKU record for what a size can do."""
    yield from _OF_SKUS
    if (record["resourceType"].lower(), record["name"].lower()) == (kind.lower(), size.lower()):
        for number, entry in enumerate(record["capabilities"]):
            if entry["name"].lower() == name.lower():
                yield "capabilities", number, "name"
                yield "capabilities", number, "value"


@contextlib.contextmanager
def places(bodies: Mapping[str, Any]) -> Iterator[set[Place]]:
    """Collect the places in some bodies that are looked at: by a path, for an id, for a region, for what a size can do.

    Only these bodies count, and not copies of them.
    """
    known = {
        id(found): (key, steps)
        for key, body in bodies.items()
        for steps, found in walk(body)
        if isinstance(found, dict | list)
    }
    seen: set[Place] = set()

    def note(body: object, steps: Steps) -> None:
        if id(body) in known:
            key, above = known[id(body)]
            seen.add((key, (*above, *steps)))

    get, part_id, location, capability = paths.get, Part.id.fget, Resource.location.fget, Graph.capability  # type: ignore[attr-defined]

    def traced_get(body: object, steps: Steps) -> object:
        note(body, steps)
        return get(body, steps)

    def traced_id(part: Part) -> object:
        note(part.body, ("id",))
        return part_id(part)

    def traced_location(resource: Resource) -> object:
        note(resource.body, ("location",))
        return location(resource)

    def traced_capability(graph: Graph, *asked: str) -> Answer:
        for sku in graph.by_type[SKU]:
            for place in _places_in_sku(sku.body, *asked):
                note(sku.body, place)
        return capability(graph, *asked)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paths, "get", traced_get)
        patch.setattr(Part, "id", property(traced_id))
        patch.setattr(Resource, "location", property(traced_location))
        patch.setattr(Graph, "capability", traced_capability)
        patch.setattr(Context, "unrecorded", lambda context, **_: context)  # what would decide nothing is evaluated too
        yield seen
