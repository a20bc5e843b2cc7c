"""Mutations: changes of one property, or the loss of one resource, of a deployment.

No rule is known here. The ids by which a resource or a part of it names itself are left alone: with another id it is
another thing, and to lose it is a mutation of its own.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any, Final, NamedTuple

from auditor import bundled
from auditor.authoring.bodies import NOTHING, Steps, at, has_objects, is_within, replaced, walk, without_references
from auditor.authoring.other_values import other_values
from auditor.authoring.recording import Place
from auditor.azure import arm, paths
from auditor.azure.paths import Step
from auditor.azure.types.names import GUEST_FILE

_FEW: Final = 12
"""A property with at most so many different values counts as a choice; each of its values is mutated."""


class Mutation(NamedTuple):
    """One change."""

    type: str
    path: str
    """The property, with every index as `[*]`; "" for the whole resource."""
    kind: str
    """The kind of change; docs/rules.md lists them."""
    of: str
    """What the resource is for, as given to `Mutator`."""
    was: str
    """The value before, where the property is a choice; of an object its name."""
    target: str
    """The key of the resource."""
    steps: Steps
    value: object

    def __str__(self) -> str:
        """Return what is changed into what."""
        what = paths.render(self.steps) or "the resource"
        into = "" if self.value is NOTHING else f" to {json.dumps(self.value)}"
        was = f", was {self.was}" if self.was else ""
        return f"{arm.name_of(self.target)} ({self.of or arm.name_of(self.type)}): {what}: {self.kind}{into}{was}"


class Mutator:
    """Finds the mutations of a deployment and carries them out."""

    def __init__(self, bodies: Mapping[str, Any], of: Mapping[str, str]) -> None:
        """Take the bodies of the resources by key, and what each is for."""
        self._bodies = bodies
        self._of = of
        self._values = _values(bodies.values())
        self._ids: defaultdict[str, list[str]] = defaultdict(list)
        for key, body in bodies.items():
            for steps, found in walk(body):
                if _names_itself(key, body, steps):
                    self._ids[arm.type_of(found)].append(found)

    def changed(self, mutation: Mutation) -> list[Any]:
        """Return the bodies after a mutation."""
        target = mutation.target
        if mutation.kind == "delete":
            return [
                without_references(body, target) for key, body in self._bodies.items() if not is_within(key, target)
            ]
        others = [body for key, body in self._bodies.items() if key != target]
        if mutation.kind == "vanish":
            return others
        return [*others, replaced(self._bodies[target], mutation.steps, mutation.value)]

    def mutations(self, places: Iterable[Place]) -> list[Mutation]:
        """Return the mutations of some properties and of the resources that have them.

        Of those that differ in nothing but the resource, the index or the new value, one is returned.
        """
        wanted = {around for place in places for around in self._around(*place)}
        found: dict[tuple[str, ...], Mutation] = {}
        for key, steps in sorted(wanted, key=lambda place: (place[0], [str(step) for step in place[1]])):
            for mutation in self._of_place(key, steps):
                found.setdefault(mutation[:5], mutation)
        return list(found.values())

    def _around(self, key: str, steps: Steps) -> Iterator[Place]:
        """Yield what goes with a property: itself, the lists on the way to it with their items, the resource."""
        yield key, ()
        body = self._bodies[key]
        value = at(body, steps)
        if _names_itself(key, body, steps):
            return
        yield key, steps
        if _is_reference(body, steps):
            yield key, steps[:-1]
        for depth, step in enumerate(steps):
            if isinstance(step, int):
                yield key, steps[:depth]
                yield key, steps[: depth + 1]
        if isinstance(value, list):
            yield from ((key, (*steps, index)) for index in range(len(value)))

    def _of_place(self, key: str, steps: Steps) -> Iterator[Mutation]:
        """Yield the mutations of one place."""
        body = self._bodies[key]
        type_, path, was = _type(body), _normal(body, steps), at(body, steps)
        name = was.get("name", was.get("code", was.get("lun", ""))) if isinstance(was, dict) else was
        is_choice = len(self._values[type_, path]) <= _FEW and isinstance(name, str | int | float)
        before = str(name) if steps and is_choice and not arm.is_id(name) else ""
        if not steps and type_.lower() == GUEST_FILE:
            before = str(at(body, ("properties", "kind")))
        for kind, value in self._changes(key, steps, was) if steps else _losses(body):
            if value != was:
                yield Mutation(type_, path, kind, self._of.get(key, ""), before, key, steps, value)

    def _changes(self, key: str, steps: Steps, was: object) -> Iterator[tuple[str, object]]:
        """Yield the kinds of change that a value can have, with the new value."""
        body = self._bodies[key]
        path = _normal(body, steps)
        others = [value for value in (*self._values[_type(body), path], *_corpus()[_type(body), path]) if value != was]
        if was is NOTHING:
            yield from self._additions(others)
            return
        if was not in (None, "", [], {}) and not _is_reference(body, steps):  # a reference goes with its object
            yield "drop", NOTHING
        if isinstance(was, bool):
            yield "flip", not was
        elif isinstance(was, int | float):
            yield from (("zero", 0), ("tenfold", was * 10), ("next", was + 1))
        elif isinstance(was, str) and arm.is_id(was):
            yield from self._other_targets(key, was)
        elif isinstance(was, str) and was.isdigit() and path.startswith("capabilities"):
            yield from (("zero", "0"), ("tenfold", f"{was}0"), ("next", str(int(was) + 1)))
        elif isinstance(was, str):
            texts = other_values(f"{arm.name_of(_type(body))} {path}", str(steps[-1]), was)
            different = (text for text in others if isinstance(text, str) and text.lower() != was.lower())
            texts = texts or [next(different, f"{was}-2")]
            yield from ((f"flip to {text}" if len(texts) > 1 else "flip", text) for text in texts)

    def _additions(self, others: Iterable[object]) -> Iterator[tuple[str, object]]:
        """Yield a property that did not exist, with a value that it has elsewhere; of objects only references."""
        for value in others:
            target = value["id"] if isinstance(value, dict) and set(value) == {"id"} else value
            if arm.is_id(target):
                target = next(iter(self._ids[arm.type_of(str(target))]), NOTHING)
            if target is not NOTHING and not isinstance(target, dict) and not has_objects(target):
                yield "add", {"id": target} if isinstance(value, dict) else target
                return

    def _other_targets(self, key: str, was: str) -> Iterator[tuple[str, object]]:
        """Yield a reference to something else, and one to nothing.

        A part refers to another part of its kind. A resource refers to one to which it does not refer yet.
        """
        ids = [found for found in self._ids[arm.type_of(was)] if arm.key(found) != arm.key(was)]
        parent = arm.parent_of(arm.key(was))
        targets = [found for found in ids if parent and arm.parent_of(arm.key(found)) == parent]
        if not is_within(arm.key(was), key):
            known = {arm.key(found) for _, found in walk(self._bodies[key]) if isinstance(found, str)}
            targets += [found for found in ids if arm.key(found) not in known]
        yield from (("retarget", target) for target in targets[:1])
        yield "dangle", _dangling(key, was)


def _type(body: Any) -> str:  # noqa: ANN401 - parsed JSON
    """Return the type as the body spells it; of a SKU record with what it is of."""
    return str(body["type"]) if "type" in body else f"Microsoft.Compute/skus/{body['resourceType']}"


def _normal(body: Any, steps: Steps) -> str:  # noqa: ANN401 - parsed JSON
    """Return a path with every index as `[*]`; of an item with only a name and a value the name is in its place."""
    plain: list[Step] = []
    for depth, step in enumerate(steps):
        item = at(body, steps[: depth + 1])
        plain.append(item["name"] if _is_pair(item) else None if isinstance(step, int) else step)
    return paths.render(tuple(plain))


def _is_pair(value: object) -> bool:
    """Return whether a value is an item of a list of names with values, which its name identifies."""
    return isinstance(value, dict) and set(value) == {"name", "value"} and isinstance(value["name"], str)


def _values(bodies: Iterable[Any]) -> defaultdict[tuple[str, str], list[Any]]:
    """Return the different values of each property, by type and path."""
    found: defaultdict[tuple[str, str], dict[str, Any]] = defaultdict(dict)
    for body in bodies:
        if "type" in body or "id" not in body:
            for steps, value in walk(body):
                found[_type(body), _normal(body, steps)][json.dumps(value)] = value
    return defaultdict(list, {place: [values[text] for text in sorted(values)] for place, values in found.items()})


@cache
def _corpus() -> defaultdict[tuple[str, str], list[Any]]:
    """Return the different values of each property over all fixtures."""
    files = sorted(bundled.FIXTURES.glob(f"*/{bundled.INVENTORY}"))
    return _values(body for file in files for body in json.loads(file.read_bytes())["value"])


def _losses(body: Mapping[str, object]) -> tuple[tuple[str, object], ...]:
    """Return the ways in which a resource can be lost: without the references to it, or with them."""
    vanish = ("vanish", NOTHING)
    return (vanish, ("delete", NOTHING)) if arm.is_id(body.get("id")) else (vanish,)


def _names_itself(key: str, body: Any, steps: Steps) -> bool:  # noqa: ANN401 - parsed JSON
    """Return whether a property is that by which the resource with a key, a part of it, or a pair names itself."""
    if steps[-1:] == ("name",):
        return _is_pair(at(body, steps[:-1]))
    value = at(body, steps)
    is_own = arm.is_id(value) and is_within(arm.key(value), key)
    return is_own and steps[-1:] == ("id",) and not _is_reference(body, steps)


def _is_reference(body: Any, steps: Steps) -> bool:  # noqa: ANN401 - parsed JSON
    """Return whether the id at a path is all that the object around it has."""
    return steps[-1:] == ("id",) and arm.is_id(at(body, steps)) and len(at(body, steps[:-1])) == 1


def _dangling(key: str, arm_id: str) -> str:
    """Return the id of something that does not exist, like a given one."""
    if is_within(arm.key(arm_id), key):
        return f"{arm_id}-gone"
    segments = arm_id.split("/")
    if "/providers/" not in arm.key(arm_id):  # of a subscription or a resource group
        return f"{arm_id}-gone"
    name = [segment.lower() for segment in segments].index("providers") + 3
    return "/".join([*segments[:name], f"{segments[name]}-gone", *segments[name + 1 :]])
