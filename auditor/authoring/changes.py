"""Changes to known-good deployments, as the examples of rules describe them."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from auditor.authoring.bodies import is_within, without_references
from auditor.authoring.fixtures import Fixture
from auditor.authoring.recording import Place
from auditor.azure import arm, paths
from auditor.azure.types.names import GUEST_FILE, SKU
from auditor.errors import InputError
from auditor.snapshot.model import Gap, GapReason, resource

KEYS: Final = frozenset({"set", "remove", "add", "gap", "declare", "attest"})
"""The keys of an example that change what is evaluated."""

_HIDDEN: Final = {"reason": GapReason.FORBIDDEN, "code": "AuthorizationFailed"}


def apply(known_good: Fixture, change: Mapping[str, Any]) -> Fixture:
    """Return a copy of a known-good deployment with an example's change.

    Raises:
        InputError: the change names a resource or a path that does not exist.
    """
    declared = copy.deepcopy(dict(known_good.declared))
    body = {**known_good.inventory, "value": list(known_good.inventory["value"])}
    for entry in change.get("set", ()):
        sizes = [item for item in body["value"] if "id" not in item and item["name"] == entry["resource"]]
        for size in sizes:
            _set_of_size(_copied(body, size), entry["path"], entry["value"])
        if not sizes:
            _set(_copied(body, _find(body["value"], entry["resource"])), entry["path"], entry["value"])
    for entry in change.get("remove", ()):
        target = _find(body["value"], entry["resource"])
        if "path" in entry:
            _set(_copied(body, target), entry["path"], None)
        else:
            key = arm.key(target["id"])
            kept = (item for item in body["value"] if not is_within(arm.key(item.get("id", "")), key))
            body["value"] = [without_references(item, key) if _mentions(item, key) else item for item in kept]
    body["value"] += change.get("add", ())
    for what in change.get("gap", ()):
        _hide(body, what)
    for entry in change.get("declare", ()):
        _set(declared, entry["path"], entry["value"])
    return msgspec.structs.replace(known_good, inventory=body, declared=declared)


def places(known_good: Fixture, change: Mapping[str, Any]) -> list[Place] | None:
    """Return the properties that a change sets or removes, of an item of a list the list; None if it changes more.

    A file from inside a VM that is removed or hidden is its whole body: nothing refers to it.

    Raises:
        InputError: the change names a resource that does not exist.
    """
    entries = [*change.get("set", ()), *change.get("remove", ()), *({"resource": gap} for gap in change.get("gap", ()))]
    bodies = known_good.inventory["value"]
    sizes = {item["name"] for item in bodies if "id" not in item}
    if change.keys() & KEYS - {"set", "remove", "gap", "attest"}:
        return None
    found: list[Place] = []
    for entry in entries:
        if entry["resource"] in sizes or _is_type(entry["resource"]):
            return None
        key = arm.key(_find(bodies, entry["resource"])["id"])
        if "path" not in entry and arm.type_of(key) != GUEST_FILE:
            return None
        steps = _steps(entry["path"]) if "path" in entry else ()
        found.append((key, steps[:-1] if steps and isinstance(steps[-1], int) else steps))
    return found


def _mentions(item: dict[str, Any], key: str) -> bool:
    """Return whether a key occurs anywhere in the text of a body: most bodies need no search for references."""
    return key.encode() in msgspec.json.encode(item).lower()


def _copied(body: dict[str, Any], item: dict[str, Any]) -> dict[str, Any]:
    """Put a copy in the place of an element of an inventory, and return it."""
    copied = copy.deepcopy(item)
    body["value"] = [copied if other is item else other for other in body["value"]]
    return copied


def _find(bodies: list[dict[str, Any]], name: str) -> dict[str, Any]:
    """Return the resource of a name, or of an ARM id; `type/name` or the end of the id where several have the name."""
    type_, _, short = name.lower().rpartition("/")
    found = [
        body
        for body in bodies
        if "id" in body
        and (
            arm.key(body["id"]) == arm.key(name)
            if arm.is_id(name)
            else arm.name_of(body["id"]).lower() == short
            and (
                not type_ or arm.type_of(body["id"]).endswith(type_) or arm.key(body["id"]).endswith(f"/{name.lower()}")
            )
        )
    ]
    if len(found) != 1:
        message = f"'{name}' names {len(found)} resources of the known-good deployment, not one"
        raise InputError(message)
    return found[0]


def _set(body: Any, path: str, value: object) -> None:  # noqa: ANN401 - parsed JSON or YAML
    """Set a property, appending to a list one past its end; None removes it."""
    steps = _steps(path)
    for depth, step in enumerate(steps[:-1]):
        if isinstance(step, str) and isinstance(body, dict) and step not in body and value is not None:
            body[step] = {} if isinstance(steps[depth + 1], str) else []
        body = _item(body, step, path)
    last = steps[-1]
    if isinstance(body, list) and last == len(body) and value is not None:
        body.append(value)
        return
    if value is None or not isinstance(body, dict):
        _item(body, last, path)
    if value is None:
        del body[last]
    else:
        body[last] = value


def _steps(path: str) -> tuple[paths.Step, ...]:
    try:
        return paths.parse(path)
    except paths.PathError as error:
        raise InputError(str(error)) from None


def _item(body: Any, step: paths.Step, path: str) -> Any:  # noqa: ANN401 - parsed JSON or YAML
    try:
        return body[step]
    except (KeyError, IndexError, TypeError):
        message = f"the known-good deployment has nothing at '{path}'"
        raise InputError(message) from None


def _set_of_size(size: dict[str, Any], name: str, value: object) -> None:
    """Set a property of the SKU record of a size, or else a capability."""
    if name in size:
        size[name] = value
        return
    others = [capability for capability in size["capabilities"] if capability["name"] != name]
    size["capabilities"] = [*others, {"name": name, "value": value}]


def _hide(body: dict[str, Any], what: str) -> None:
    """Hide a type that was not listed, or a resource that was not read."""
    if _is_type(what):
        type_ = arm.canonical_type(what)
        kept = [item for item in body["value"] if _type(item) != type_]
        for scope, types in body["listed"].items():
            if what.lower() in [listed.lower() for listed in types]:
                others = [listed for listed in types if listed.lower() != what.lower()]
                body["listed"] = body["listed"] | {scope: others}
                body["gaps"] = [*body.get("gaps", ()), {"scope": scope, "what": what, **_HIDDEN}]
        body["value"] = kept
        return
    target = _find(body["value"], what)
    body["value"] = [item for item in body["value"] if item is not target]
    gap = Gap(target["id"], arm.type_of(target["id"]), **_HIDDEN)  # type: ignore[arg-type]
    body["gaps"] = [*body.get("gaps", ()), msgspec.to_builtins(gap)]


def _is_type(name: str) -> bool:
    return name.lower().startswith("microsoft.")


def _type(item: dict[str, Any]) -> str:
    return resource(item, item["id"]).type if "id" in item else SKU
