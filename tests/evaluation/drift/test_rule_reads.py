"""A property that a rule reads is never reported as one that no rule reads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import pytest

from auditor.authoring.fixtures import AS_OF
from auditor.authoring.recording import Place, Recorder
from auditor.azure import arm, paths
from auditor.estate.topology import Topology
from auditor.evaluation import engine
from tests import estates
from tests.estates import Body
from tests.evaluation.drift.comparing import compare

NAME: Final = "mirror-template"
WHICH: Final = frozenset({"id", "lun", "name", "type"})
"""Properties that identify an item."""

ONLY_TO_FIND_SOMETHING: Final = {
    ("microsoft.compute/availabilitysets", "location"): "which SKU record has the capabilities of an availability set",
    ("microsoft.compute/disks", "location"): "which SKU record has the capabilities of a disk",
    ("microsoft.network/publicipaddresses", "location"): "the region of a subject",
    ("microsoft.network/networkinterfaces", "properties.ipConfigurations[].properties.privateIPAddress"): (
        "which security rules apply to the network interface"
    ),
    ("microsoft.network/networkinterfaces", "properties.ipConfigurations[].properties.privateIPAddressVersion"): (
        "which security rules apply to the network interface"
    ),
}
"""Properties that are read only to find something else, and that no finding shows, with the purpose."""


def read_while_evaluating() -> dict[tuple[str, str], list[Place]]:
    """Return the places of the properties that are read, by type and by path without indexes."""
    body = estates.body_of(NAME)
    recorder = Recorder()
    topology = Topology(recorder.snapshot(estates.snapshot_of(NAME, body)), estates.deployments_of(NAME), AS_OF)
    recorder.take()
    assert engine.evaluate(topology, estates.rules("current"))
    found: dict[tuple[str, str], list[Place]] = {}
    for key, steps in sorted(recorder.take(), key=str):
        path = "".join("[]" if isinstance(step, int) else f".{step}" for step in steps).removeprefix(".")
        found.setdefault((arm.type_of(key), path), []).append((key, steps))
    return found


def changed(key: str, steps: tuple[paths.Step, ...]) -> Body | None:
    """Return the estate with another value there; None where there is no scalar value, or one that identifies."""
    body = estates.body_of(NAME)
    holder: Any = next((item for item in body["value"] if arm.key(item.get("id", "")) == key), None)
    for step in steps[:-1]:
        if isinstance(holder, dict):
            holder = holder.get(step)
        else:
            holder = holder[step] if isinstance(holder, list) and isinstance(step, int) else None
    old = holder.get(steps[-1]) if isinstance(holder, dict) else None
    if old is None or isinstance(old, list | dict) or arm.is_id(old) or steps[-1] in WHICH:
        return None
    holder[steps[-1]] = not old if isinstance(old, bool) else old + 1 if isinstance(old, int | float) else f"{old}x"
    return body


def unnoticed() -> Iterator[tuple[str, str]]:
    """Yield the properties that are read, but reported as read by no rule."""
    for place, where in read_while_evaluating().items():
        after = next(filter(None, (changed(key, steps) for key, steps in where)), None)
        if after is not None:
            resources = compare(NAME, estates.body_of(NAME), after).drift.resources
            moved = [found for change in resources for found in change.properties]
            if moved and not any(found.rules for found in moved):
                yield place


@pytest.mark.slow
def test_every_property_that_rules_read_is_reported_with_them() -> None:
    assert len(read_while_evaluating()) > 50
    assert {*unnoticed()} == ONLY_TO_FIND_SOMETHING.keys()
