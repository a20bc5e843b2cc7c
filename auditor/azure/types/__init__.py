"""Resource types: one declaration each, from which reading, permissions, references, drift and documentation derive."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from typing import Final

import msgspec

from auditor.azure import arm, paths
from auditor.azure.types import compute, front_door, management, network, storage, subscriptions
from auditor.azure.types.model import (
    IdentityProperties,
    Namespace,
    PartKind,
    Reference,
    ResourceType,
    Since,
    Version,
    Via,
    Volatile,
)
from auditor.azure.types.names import SKU

__all__ = [
    "COLLECTIONS",
    "KINDS",
    "NAMESPACES",
    "NEWEST_PROPERTY",
    "OLDEST",
    "PART_KINDS",
    "REACHED_BACKWARDS",
    "REFERENCES",
    "TYPES",
    "VERSIONS",
    "IdentityProperties",
    "Namespace",
    "PartKind",
    "Reference",
    "ResourceType",
    "Since",
    "Version",
    "Via",
    "Volatile",
    "children_of",
    "display_type",
    "first_version",
    "has_properties",
    "identity",
    "read_via",
    "reference_of",
    "references_of",
    "volatile",
]

_DECLARED: Final = (
    *subscriptions.TYPES,
    *compute.TYPES,
    *network.TYPES,
    *front_door.TYPES,
    *storage.TYPES,
    *management.TYPES,
)

TYPES: Final[Mapping[str, ResourceType]] = {declared.key: declared for declared in _DECLARED}
"""The declared types, by the form in which types are compared."""

NAMESPACES: Final = (compute.PROVIDER, network.PROVIDER, storage.BACKUP_PROVIDER, subscriptions.EVERY_PROVIDER)

KINDS: Final[Mapping[str, str]] = {key: declared.kind for key, declared in TYPES.items() if declared.kind}
"""The short names of types in facts."""

PART_KINDS: Final[Mapping[str, PartKind]] = {
    part.kind: part for declared in TYPES.values() for part in declared.parts if part.kind
}
"""The kinds of parts by their short names in facts."""

COLLECTIONS: Final[Mapping[tuple[str, str], str]] = {
    (key, part.path.removeprefix("properties.").removesuffix("[*]").lower()): part.path
    for key, declared in TYPES.items()
    for part in declared.parts
    if part.path.endswith("[*]")
}
"""The paths of the lists of parts, by the type and by what ids of such parts call the list, in lower case."""

REFERENCES: Final[Mapping[str, tuple[Reference, ...]]] = {
    key: declared.edges for key, declared in TYPES.items() if declared.edges
}
"""The references to other types, also those of parts, by the type that has them."""


def _reached_backwards() -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = defaultdict(list)
    for key, references in REFERENCES.items():
        for reference in references:
            if reference.reached_backwards:
                found[reference.to].append(key)
    return {to: tuple(keys) for to, keys in found.items()}


REACHED_BACKWARDS: Final[Mapping[str, tuple[str, ...]]] = _reached_backwards()
"""The types whose resources belong to the deployments of what they refer to, by the type that is referred to."""


_SHOWN_AS_DECLARED: Final = frozenset(
    {
        *KINDS,
        *REFERENCES,
        *(reference.to for references in REFERENCES.values() for reference in references),
        SKU,
        arm.LOCATION,
    }
)


def display_type(type_: str) -> str:
    """Return a resource type as reports show it.

    It is in Microsoft's casing if facts or the reference graph use it, and in lower case otherwise: a waiver can be
    bound to such a value, which must not change only because a type is declared.
    """
    return TYPES[type_].name if type_ in _SHOWN_AS_DECLARED else type_


def read_via(*via: Via) -> Iterator[ResourceType]:
    """Yield the types that are read in certain ways."""
    return (declared for declared in TYPES.values() if declared.via in via)


def children_of(type_: str) -> Iterator[ResourceType]:
    """Yield the types of which each resource of a type has a list."""
    return (child for child in read_via(Via.PARENT) if arm.canonical_type(child.parent) == type_)


def has_properties(type_: str) -> bool:
    """Return whether Azure returns the resources of a type with `properties`."""
    return type_ not in TYPES or TYPES[type_].has_properties


VERSIONS: Final[Mapping[str, str]] = {
    declared.name: str(declared.version)
    for declared in TYPES.values()
    if declared.version and declared.via is not Via.NONE
}
"""The api-version by which each type is read, by its name: what an ARM JSON file calls `apiVersion`."""

OLDEST: Final = "2018-08-01"
"""An answer of an older api-version lacks too much for its absences to mean anything."""


def _newest_property(declared: ResourceType) -> str:
    oldest = min(OLDEST, declared.version.date) if declared.version else ""
    return max((oldest, *(entry.version for entry in declared.since)))


NEWEST_PROPERTY: Final[Mapping[str, str]] = {key: _newest_property(declared) for key, declared in TYPES.items()}
"""The api-version from which on the answers lack nothing that is read, by type; "" where every one does."""


@lru_cache(maxsize=4096)
def first_version(type_: str, path: str) -> str:
    """Return the first api-version that returns a property of a type, "" if none is known to lack it."""
    steps = tuple(None if isinstance(step, int) else step for step in paths.parse(path))
    lacking = (
        entry.version
        for entry in (TYPES[type_].since if type_ in TYPES else ())
        if any(steps[: len(start)] == start for start in map(paths.parse, entry.paths))
    )
    return max(lacking, default="")


_INDEX: Final = re.compile(r"\[\d+\]")


@lru_cache(maxsize=4096)
def references_of(type_: str, path: str) -> Mapping[str, Reference]:
    """Return the references of a resource of a type, or of its part at a path, by name."""
    declared = TYPES.get(type_)
    if declared is None:
        return {}
    kind = _INDEX.sub("[*]", path)
    found = declared.references if not path else ()
    for part in declared.parts:
        if part.path == kind:
            found = part.references
    return {reference.name: reference for reference in found}


_BY_NAME: Final[Mapping[str, Reference]] = {
    reference.name: msgspec.structs.replace(reference, required=False)
    for declared in TYPES.values()
    for references in (declared.references, *(part.references for part in declared.parts))
    for reference in references
}


def reference_of(type_: str, path: str, name: str) -> Reference:
    """Return a reference of a resource of a type, or of its part at a path.

    If that kind of resource or part has no reference of the name, the reference of another kind is returned, since an
    id may lead to an element of an unexpected kind.

    Raises:
        KeyError: no kind has a reference of that name.
    """
    return references_of(type_, path).get(name) or _BY_NAME[name]


@cache
def identity(type_: str) -> IdentityProperties:
    """Return the properties that distinguish a resource of a type from others: its own, then those of its provider."""
    found = [declared.identity for declared in _declarations_for(type_)]
    return IdentityProperties(
        tuple(path for each in found for path in each.unique), tuple(path for each in found for path in each.created)
    )


@cache
def volatile(type_: str) -> tuple[Volatile, ...]:
    """Return the properties of a type that Azure writes by itself."""
    return tuple(entry for declared in _declarations_for(type_) for entry in declared.volatile)


def _declarations_for(type_: str) -> Iterator[ResourceType | Namespace]:
    if type_ in TYPES:
        yield TYPES[type_]
    yield from (namespace for namespace in NAMESPACES if namespace.holds_for(type_))
