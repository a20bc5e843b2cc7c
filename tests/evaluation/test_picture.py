"""The picture of a deployment: its slots and lines."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from auditor.azure import arm
from auditor.evaluation.picture.build import picture
from auditor.evaluation.picture.model import Node, Picture
from tests import estates

DEMO = "demo"


@cache
def unchanged(name: str) -> Picture:
    """Return the picture of an estate as it is."""
    return drawn(name)


def drawn(name: str, body: estates.Body | None = None, declared: Any = None) -> Picture:
    """Return the picture of the deployment of an estate that has most VMs."""
    topology = estates.topology(name, body or estates.top_of(name), declared)
    deployment = max(topology.deployments, key=lambda deployment: len(deployment.roles))
    return picture(topology, deployment, estates.ESTATES[name], frozenset())


def slots(found: Picture) -> dict[str, tuple[str, str | None, str | None]]:
    return {node.name: (node.row, node.region, node.place) for node in found.nodes}


def reference(found: Picture) -> list[tuple[str, str | None, str | None, int]]:
    return sorted((node.row, node.region, node.place, node.number) for node in found.expected if node.place)


def built(found: Picture) -> list[tuple[str, str | None, str | None, int]]:
    """Return how many declared VMs there are in each slot."""
    places = [(node.row, node.region, node.place) for node in found.nodes if node.place and not node.undeclared]
    return sorted((*place, places.count(place)) for place in set(places))


@pytest.mark.slow
@pytest.mark.parametrize("name", estates.KNOWN_GOOD)
def test_the_reference_of_a_known_good_deployment_is_what_is_built(name: str) -> None:
    found = unchanged(name)
    assert reference(found) == built(found)
    assert not any(node.undeclared for node in found.nodes)


def test_the_reference_of_the_demo_differs_where_the_demo_does() -> None:
    found = unchanged(DEMO)
    here = "westeurope"
    assert [slot for slot in reference(found) if slot not in built(found)] == [
        ("arbiters", here, "zone 3", 1),
        ("print", here, "zone 1", 1),
        ("print", here, "zone 2", 1),
    ]
    assert [slot for slot in built(found) if slot not in reference(found)] == [
        ("arbiters", here, "zone 1", 1),
        ("print", here, "zone 1", 2),
    ]


def test_lines_are_those_of_names_pools_and_mirrors() -> None:
    found = unchanged(DEMO)
    names = {node.id: node.name for node in found.nodes}
    lines = {(names[edge.source], names[edge.target], edge.kind, edge.active) for edge in found.edges}
    assert {line for line in lines if line[2] != "pool"} == {
        ("tm-trakcare", "agw-trakcare", "name", True),
        ("tm-trakcare", "agw-trakcare-dr", "name", False),
        ("vm-db-a", "vm-db-b", "sync", True),
        ("vm-db-b", "vm-db-dr", "async", True),
        ("vm-db-a", "vm-arbiter", "arbiter", True),
        ("vm-db-b", "vm-arbiter", "arbiter", True),
    }
    assert {target for source, target, *_ in lines if source == "lb-mirror"} == {"vm-db-a", "vm-db-b", "vm-migrate"}


def test_a_vm_without_a_role_in_a_pool_is_not_declared_and_stands_beside_its_members() -> None:
    found = unchanged(DEMO)
    assert [node.name for node in found.nodes if node.undeclared] == ["vm-migrate"]
    assert slots(found)["vm-migrate"] == ("mirror/TRAKDB", "westeurope", "zone 2")


def test_a_renamed_vm_moves_nothing() -> None:
    before = unchanged(DEMO)
    body, declared = estates.body_of(DEMO), estates.declared_of(DEMO)
    renamed = estates.find(body, "vm-app-a")
    renamed["name"] = "zz-last"
    renamed["id"] = renamed["id"].replace("vm-app-a", "zz-last")
    members = declared["deployments"][0]["tiers"][1]["members"]
    members[members.index("vm-app-a")] = "zz-last"
    after = drawn(DEMO, body, declared)

    def where(found: Picture) -> list[tuple[str, str | None, str | None]]:
        return [(node.row, node.region, node.place) for node in found.nodes]

    assert slots(after)["zz-last"] == slots(before)["vm-app-a"]
    assert (where(after), after.expected, after.regions) == (where(before), before.expected, before.regions)


def test_a_zone_that_was_not_read_is_neither_a_zone_nor_a_difference() -> None:
    body = estates.body_of(DEMO)
    vm = estates.find(body, "vm-web-b")
    del vm["zones"]
    vm["apiVersion"] = "2016-03-30"  # it does not return zones
    found = drawn(DEMO, body)
    assert slots(found)["vm-web-b"][2] == "zone not read"
    assert ("web", "westeurope", "zone not read", 1) in reference(found)


def test_zones_of_two_subscriptions_are_two_places_unless_azure_says_that_they_are_one() -> None:
    body = estates.body_of(DEMO)
    other = "/subscriptions/00000000-0000-0000-0000-000000000009"
    estates.moved(body, other, "vm-web-b")
    declared = estates.declared_of(DEMO)
    declared["deployments"][0]["subscriptions"].append(arm.name_of(other))
    found = drawn(DEMO, body, declared)
    assert slots(found)["vm-web-b"][2] == "zone 2 (00000000-0000-0000-0000-000000000009)"
    assert slots(found)["vm-web-a"][2] != "zone 1"
    here = [slot for slot in reference(found) if slot[:2] == ("web", "westeurope")]
    assert here == [slot for slot in built(found) if slot[:2] == ("web", "westeurope")]


def test_vms_outside_of_zones_belong_into_zones() -> None:
    body = estates.body_of(DEMO)
    for name in ("vm-web-a", "vm-web-b"):
        del estates.find(body, name)["zones"]
    found = drawn(DEMO, body)
    assert slots(found)["vm-web-a"][2] == "no zone"
    wanted = [slot for slot in reference(found) if slot[:2] == ("web", "westeurope")]
    assert wanted == [("web", "westeurope", "zone 1", 1), ("web", "westeurope", "zone 2", 1)]
    assert found.regions[0].places == ("zone 1", "zone 2", "zone 3", "no zone")


@pytest.mark.slow
def test_a_row_names_the_subjects_whose_findings_stand_at_it() -> None:
    rows = {row.id: row.subjects for row in unchanged("healthshare-current").rows}
    assert rows["mirror/HSHI"] == ("healthshare-prod/mirrors/HSHI",)
    product = "healthshare-prod/tiers/web/patient-index"
    assert rows["web/patient-index"] == (f"{product}/westeurope", f"{product}/northeurope")


def test_a_finding_about_a_disk_belongs_to_its_vm() -> None:
    topology = estates.topology(DEMO, estates.top_of(DEMO))
    deployment = max(topology.deployments, key=lambda deployment: len(deployment.roles))
    disk = next(key for key in topology.graph.resources if key.endswith("/disks/vm-app-a-data1"))
    found = picture(topology, deployment, "current", {disk})
    owners: list[Node] = [node for node in found.nodes if node.parts]
    assert [(node.name, [part.lower() for part in node.parts]) for node in owners] == [("vm-app-a", [disk])]
