"""The mutations of a property, and their effects."""

from __future__ import annotations

from typing import Any, Final

import pytest

from auditor.authoring.bodies import NOTHING, Steps
from auditor.authoring.mutations import Mutation, Mutator
from auditor.azure import arm, paths

GROUP: Final = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network"
LB: Final = f"{GROUP}/loadBalancers/lb"
NIC: Final = f"{GROUP}/networkInterfaces/nic"
NSG: Final = f"{GROUP}/networkSecurityGroups/nsg"


def part(name: str, of: str, **properties: Any) -> dict[str, Any]:
    return {"name": name, "id": f"{LB}/{of}/{name}", "properties": properties}


BODIES: Final[dict[str, Any]] = {
    LB: {
        "id": LB,
        "type": "Microsoft.Network/loadBalancers",
        "sku": {"name": "Standard"},
        "zones": ["1", "2"],
        "properties": {
            "ready": True,
            "size": 4,
            "empty": "",
            "capabilities": [{"name": "fast", "value": "True"}],
            "owner": "us",
            "probes": [part("p1", "probes", port=80), part("p2", "probes", port=443)],
            "rules": [part("r", "rules", probe={"id": f"{LB}/probes/p1"})],
        },
    },
    NIC: {
        "id": NIC,
        "type": "Microsoft.Network/networkInterfaces",
        "properties": {"group": {"id": NSG}, "pools": [{"id": f"{LB}/pools/x"}, {"id": "kept"}]},
    },
    NSG: {"id": NSG, "type": "Microsoft.Network/networkSecurityGroups", "properties": {}},
    f"{NSG}2": {"id": f"{NSG}2", "type": "Microsoft.Network/networkSecurityGroups", "properties": {"owner": "them"}},
}


@pytest.fixture(scope="module")
def mutator() -> Mutator:
    return Mutator({arm.key(arm_id): body for arm_id, body in BODIES.items()}, {arm.key(LB): "web"})


def mutations(mutator: Mutator, arm_id: str, path: str) -> list[Mutation]:
    return mutator.mutations([(arm.key(arm_id), paths.parse(path))])


def kinds(mutator: Mutator, arm_id: str, path: str) -> dict[str, dict[str, object]]:
    """Return the new values by kind, by path, of the mutations of a property that is read."""
    found: dict[str, dict[str, object]] = {}
    for mutation in mutations(mutator, arm_id, path):
        found.setdefault(mutation.path, {})[mutation.kind] = mutation.value
    lost = found.pop("")
    assert lost == {"vanish": NOTHING, "delete": NOTHING}
    return found


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("properties.ready", {"flip": False, "drop": NOTHING}),
        ("properties.size", {"zero": 0, "next": 5, "tenfold": 40, "drop": NOTHING}),
        ("properties.owner", {"flip": "us-2", "drop": NOTHING}),
        ("properties.empty", {"flip": "-2"}),
        ("sku.name", {"flip": "Basic", "drop": NOTHING}),
        ("sku", {"drop": NOTHING}),
        ("properties.missing", {}),
    ],
)
def test_the_kinds_by_the_value(mutator: Mutator, path: str, expected: dict[str, object]) -> None:
    assert kinds(mutator, LB, path) == ({path: expected} if expected else {})


@pytest.mark.slow
def test_lists_on_the_path_lose_items_too(mutator: Mutator) -> None:
    assert kinds(mutator, LB, "properties.probes[1].properties.port") == {
        "properties.probes": {"drop": NOTHING},
        "properties.probes[*]": {"drop": NOTHING},
        "properties.probes[*].properties.port": {"drop": NOTHING, "zero": 0, "next": 444, "tenfold": 4430},
    }
    assert kinds(mutator, LB, "zones") == {"zones": {"drop": NOTHING}, "zones[*]": {"drop": NOTHING, "flip": "1"}}


@pytest.mark.slow
def test_a_property_that_does_not_exist_gets_a_value_that_it_has_elsewhere(mutator: Mutator) -> None:
    assert kinds(mutator, NSG, "properties.owner") == {"properties.owner": {"add": "them"}}


@pytest.mark.slow
def test_names_are_not_mutated(mutator: Mutator) -> None:
    assert kinds(mutator, LB, "id") == {}
    assert kinds(mutator, LB, "properties.probes[0].id") == {}
    assert kinds(mutator, LB, "properties.capabilities[0].name") == {}
    assert kinds(mutator, LB, "properties.capabilities[0].value") == {
        "properties.capabilities": {"drop": NOTHING},
        "properties.capabilities.fast": {"drop": NOTHING},
        "properties.capabilities.fast.value": {"drop": NOTHING, "flip": "False"},
    }


@pytest.mark.slow
def test_mutated_references_lead_to_another_resource_or_none(mutator: Mutator) -> None:
    """A part refers to parts of the same resource only."""
    probe = "properties.rules[*].properties.probe"
    found = kinds(mutator, LB, "properties.rules[0].properties.probe.id")
    assert found[f"{probe}.id"] == {"retarget": f"{LB}/probes/p2", "dangle": f"{LB}/probes/p1-gone"}
    assert found[probe] == {"drop": NOTHING}
    assert kinds(mutator, NIC, "properties.group.id") == {
        "properties.group": {"drop": NOTHING},
        "properties.group.id": {"retarget": f"{NSG}2", "dangle": f"{NSG}-gone"},
    }


def changed(mutator: Mutator, mutation: Mutation) -> dict[str, Any]:
    return {body["id"]: body for body in mutator.changed(mutation)}


@pytest.mark.slow
def test_a_mutation_changes_one_property_of_a_copy(mutator: Mutator) -> None:
    before = {arm_id: repr(body) for arm_id, body in BODIES.items()}
    steps: Steps = ("properties", "probes", 1, "properties", "port")
    (mutation,) = [m for m in mutations(mutator, LB, paths.render(steps)) if m.steps == steps and m.kind == "next"]
    after = changed(mutator, mutation)
    assert after[LB]["properties"]["probes"][1]["properties"]["port"] == 444
    assert {arm_id: repr(body) for arm_id, body in after.items() if arm_id != LB} == {
        arm_id: text for arm_id, text in before.items() if arm_id != LB
    }
    assert {arm_id: repr(body) for arm_id, body in BODIES.items()} == before
    assert str(mutation) == "lb (web): properties.probes[1].properties.port: next to 444, was 443"


@pytest.mark.slow
def test_a_resource_is_removed_with_or_without_the_references_to_it(mutator: Mutator) -> None:
    lost = {m.kind: changed(mutator, m) for m in mutations(mutator, LB, "sku") if not m.path}
    assert LB not in lost["vanish"] | lost["delete"]
    assert lost["vanish"][NIC] == BODIES[NIC]
    assert lost["delete"][NIC]["properties"] == {"group": {"id": NSG}, "pools": [{"id": "kept"}]}


def test_of_mutations_that_differ_in_the_index_only_one_is_made(mutator: Mutator) -> None:
    found = mutator.mutations((arm.key(LB), ("properties", "probes", index, "name")) for index in (0, 1))
    assert [m.was for m in found if m.path == "properties.probes[*].name"] == ["p1", "p1", "p2", "p2"]
    assert [m.kind for m in found if m.path == "properties.probes"] == ["drop"]
