"""What cannot be resolved is not empty: a reference that leads nowhere changes outcomes to unknown only.

The claim: if one reference of a deployment leads to something that does not exist, or is not an id at all, each finding
keeps its outcome or is unknown, and every further finding is unknown. So there is no pass and no fail that the whole
deployment does not have. It holds for known-good deployments, where a fail would appear, and after the faults of the
examples of rules, where one would disappear.

A reference is a property with an ARM id, except the `id` of what has it and that of a subscription: another one, which
was not scanned, exists too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final, NamedTuple

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.authoring import changes, fixtures
from auditor.authoring.bodies import Steps, at, is_within, replaced, walk
from auditor.authoring.rule_files import Example
from auditor.azure import arm, paths
from auditor.evaluation import engine
from auditor.evaluation.model import Finding
from tests import estates
from tests.estates import Key


class Reference(NamedTuple):
    """A property with the id of something else."""

    place: int
    """The index of the resource in the ARM JSON file."""
    type: str
    path: str
    """With `[*]` for every index."""
    steps: Steps
    value: str


def references(inventory: Mapping[str, Any]) -> Iterator[Reference]:
    for place, body in enumerate(inventory["value"]):
        for steps, value in walk(body) if "id" in body else ():
            is_reference = arm.is_id(value) and arm.type_of(value) != arm.SUBSCRIPTION
            if is_reference and not names_itself(body, steps):
                path = paths.render(tuple(None if isinstance(step, int) else step for step in steps))
                yield Reference(place, arm.type_of(body["id"]), path, steps, value)


def names_itself(body: Any, steps: Steps) -> bool:
    """Return whether an id is that of the resource or part that has it."""
    around = at(body, steps[:-1])
    return steps[-1] == "id" and is_within(arm.key(at(body, steps)), arm.key(body["id"])) and len(around) > 1


def nowhere(value: str) -> dict[str, object]:
    """Return by a description what replaces an id."""
    segments = value.split("/")
    lowered = [segment.lower() for segment in segments]
    name = lowered.index("providers") + 3 if "providers" in lowered else len(segments) - 1
    other = "/".join([*segments[:name], f"{segments[name]}-gone", *segments[name + 1 :]])
    return {"another resource": other, "another part": f"{value}-gone", "no id": "junk", "no text": 7}


HOWS: Final = sorted(nowhere("/subscriptions/x"))


class Case(NamedTuple):
    """A deployment, perhaps with a fault, and its findings."""

    fixture: fixtures.Fixture
    findings: Mapping[Key, Finding]
    references: tuple[Reference, ...]

    def __repr__(self) -> str:
        """Return the name alone: hypothesis prints what it draws."""
        return self.fixture.name


@cache
def case(name: str, fault: int | None = None) -> Case:
    """Return a known-good deployment, or one with a fault."""
    fixture = fixtures.known_good(name)
    if fault is not None:
        fixture = changes.apply(fixture, faults(name)[fault].content)
    return Case(fixture, findings_of(fixture), tuple(references(fixture.inventory)))


@cache
def faults(name: str) -> tuple[Example, ...]:
    """Return the examples on a known-good deployment that fail in its rule profile."""
    found = [example for file in estates.rule_files().values() for example in file.examples]
    failing = [each for each in found if each.content["expect"] == "fail" and "profile" not in each.content]
    return tuple(each for each in failing if each.content["on"] == name)


def findings_of(fixture: fixtures.Fixture) -> dict[Key, Finding]:
    found = engine.evaluate(fixture.topology(), estates.rules(fixture.profile))
    return {(f.rule.id, f.deployment, f.subject.id.lower()): f for f in found}


def without(found: Case, reference: Reference, how: str) -> dict[Key, Finding]:
    """Return the findings of a deployment if a reference leads nowhere."""
    bodies = list(found.fixture.inventory["value"])
    bodies[reference.place] = replaced(bodies[reference.place], reference.steps, nowhere(reference.value)[how])
    return findings_of(msgspec.structs.replace(found.fixture, inventory={**found.fixture.inventory, "value": bodies}))


def contradictions(before: Case, reference: Reference, how: str) -> list[str]:
    """Return what contradicts the claim if a reference leads nowhere."""
    found = estates.softened(before.findings, without(before, reference, how))
    return [f"{reference.path}: {how}: {text}" for text in found]


@st.composite
def broken(draw: st.DrawFn) -> tuple[Case, Reference, str]:
    name = draw(st.sampled_from(sorted(estates.KNOWN_GOOD)))
    found = case(name, draw(st.none() | st.integers(0, len(faults(name)) - 1)))
    # A path first: most references are those of disks.
    path = draw(st.sampled_from(sorted({(each.type, each.path) for each in found.references})))
    return (
        found,
        draw(st.sampled_from([r for r in found.references if (r.type, r.path) == path])),
        draw(st.sampled_from(HOWS)),
    )


# Each run draws the same references: a run depends on nothing but the code, and what fails can be repeated.
@pytest.mark.slow
@settings(max_examples=120)
@given(broken())
def test_many_references_that_lead_nowhere_decide_nothing(change: tuple[Case, Reference, str]) -> None:
    assert contradictions(*change) == []


@pytest.mark.slow
@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("name", estates.KNOWN_GOOD)
def test_each_kind_of_reference_of_a_known_good_deployment(name: str, how: str) -> None:
    """Of several references of a kind, half of the ways are tried on the last one, the others on the first.

    For HealthShare, which has most VMs and nearly the kinds of TrakCare, half of the kinds are tried in each way.
    """
    found = case(name)
    order = 1 if HOWS.index(how) % 2 else -1
    of_each_kind = {(each.type, each.path): each for each in found.references[::order]}
    assert len(of_each_kind) > 30
    chosen = [of_each_kind[kind] for kind in sorted(of_each_kind)]
    if name == "healthshare-current":
        chosen = chosen[HOWS.index(how) // 2 :: 2]
    assert [text for each in chosen for text in contradictions(found, each, how)] == []
