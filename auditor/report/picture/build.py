"""Builds the picture of a deployment."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from typing import Literal

from auditor.estate.subjects import Deployment
from auditor.estate.topology import Topology
from auditor.report.document import ExpectedNode, Node, Picture, Region
from auditor.report.picture.as_built import AsBuilt
from auditor.report.picture.reference import Reference
from auditor.report.picture.rows import ANYWHERE, rows


def picture(topology: Topology, deployment: Deployment, profile: str, found_at: Collection[str]) -> Picture:
    """Return the picture of a deployment; `found_at` are the keys of the subjects of listed findings."""
    built = AsBuilt(topology, deployment, found_at)
    nodes = built.nodes()
    expected = tuple(Reference(deployment, profile, nodes).nodes())
    used = {*(node.row for node in nodes), *(node.row for node in expected)}
    return Picture(
        rows=tuple(row for row in rows(deployment) if row.id in used),
        regions=tuple(_regions(deployment, nodes, expected)),
        nodes=nodes,
        edges=built.edges(),
        expected=expected,
    )


def _regions(deployment: Deployment, nodes: Iterable[Node], expected: Iterable[ExpectedNode]) -> Iterator[Region]:
    """Yield the regions, the primary one first, each with the places that either drawing uses."""
    declared = deployment.declared
    places: dict[str, set[str]] = defaultdict(set)
    slots = [*((node.region, node.place) for node in nodes), *((node.region, node.place) for node in expected)]
    for region, place in slots:
        if region is not None:
            places[region].update([] if place is None else [place])
    duties: dict[str, Literal["primary", "DR"]] = {declared.dr_region: "DR", declared.primary_region: "primary"}
    for name in sorted(places, key=lambda name: (duties.get(name) != "primary", duties.get(name) != "DR", name)):
        yield Region(name, duties.get(name), tuple(sorted(places[name], key=lambda place: (place == ANYWHERE, place))))
