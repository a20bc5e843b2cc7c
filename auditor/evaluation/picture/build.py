"""Builds the picture of a deployment."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from typing import Final, Literal

from auditor.azure import arm
from auditor.estate.subjects import Deployment
from auditor.estate.topology import Topology
from auditor.evaluation.model import Finding, Outcome
from auditor.evaluation.picture.as_built import AsBuilt
from auditor.evaluation.picture.model import ExpectedNode, Node, Picture, Region
from auditor.evaluation.picture.reference import Reference
from auditor.evaluation.picture.rows import ANYWHERE, rows

_PINNED: Final = frozenset({Outcome.FAIL, Outcome.UNKNOWN, Outcome.ERROR})


def pictures(
    topology: Topology, deployments: Iterable[Deployment], profile: str, findings: Iterable[Finding]
) -> dict[str, Picture]:
    """Return the picture of each deployment, by its name."""
    found_at = frozenset(arm.key(finding.subject.id) for finding in findings if finding.outcome in _PINNED)
    return {each.id: picture(topology, each, profile, found_at) for each in deployments}


def picture(topology: Topology, deployment: Deployment, profile: str, found_at: Collection[str]) -> Picture:
    """Return the picture of a deployment; `found_at` are the keys of subjects of fails, unknowns and errors."""
    built = AsBuilt(topology, deployment, found_at)
    nodes = built.nodes()
    expected = tuple(Reference(deployment, profile, nodes).nodes())
    used = {*(node.row for node in nodes), *(node.row for node in expected)}
    return Picture(
        product=deployment.declared.product or None,
        environment=deployment.declared.environment,
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
