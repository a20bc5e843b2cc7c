"""What is declared of a resource type: how it is read, what it refers to, and what distinguishes its resources."""

from __future__ import annotations

import enum
import re

import msgspec

from auditor.azure import arm, paths


class Version(msgspec.Struct, frozen=True):
    """An api-version."""

    date: str
    why: str
    """Why it is this one, in Markdown."""

    def __str__(self) -> str:
        """Return it as a request has it."""
        return self.date


class Since(msgspec.Struct, frozen=True):
    """Properties that the answers of older api-versions lack, whatever the resource has."""

    version: str
    """The first api-version that returns them, by the REST descriptions (Azure/azure-rest-api-specs, read 2026-11-29).

    Some properties were returned before they were described; a test compares recorded answers.
    """
    paths: tuple[str, ...]
    """Each stands for everything below it, too."""


class Via(enum.Enum):
    """By which requests all resources of a type are read."""

    SUBSCRIPTION = enum.auto()
    """A list of each subscription."""
    PARENT = enum.auto()
    """A list, or a single resource, of each resource of the parent type."""
    REGION = enum.auto()
    """A list of each region in use."""
    MEMBER = enum.auto()
    """A list of each resource of the parent type that belongs to a deployment."""
    RESOURCE_GRAPH = enum.auto()
    """A query of Azure Resource Graph, since ARM lists it only for each VM or each resource group."""
    GUEST = enum.auto()
    """No request: it is a file from inside a VM, which the user supplies."""
    NONE = enum.auto()
    """It is not read as a list: it is the subscription, or a service, or it is only in snapshots of other sources."""


class Reference(msgspec.Struct, frozen=True):
    """A property that holds the id of another resource, or of a part of one."""

    path: str
    """From the resource, or from the part that has it."""
    to: str
    """The type of the resource that is referred to."""
    part: str = ""
    """Where the id is that of a part: its collection in the id, such as `probes`."""
    reached: bool = True
    """Whether what it names belongs to the deployment of the resource; false where it may be another one's."""
    reached_backwards: bool = False
    """Whether the resource belongs to the deployments of what it names."""
    subnets: tuple[str, ...] = ()
    """Where it leads to a subnet that must have a certain name: the names, in Microsoft's casing."""
    required: bool = False
    """Whether Azure always has it: if it is absent, what it names is unknown."""
    unless: tuple[str, str] | None = None
    """The path and the value of a property beside it with which Azure has no resource of this id."""

    def may_name_nothing(self, body: object) -> bool:
        """Return whether the id in a body, of a resource or of the part that has it, may be that of no resource."""
        if self.unless is None:
            return False
        found = paths.get(body, paths.parse(self.unless[0]))
        return isinstance(found, str) and found.lower() == self.unless[1].lower()

    @property
    def name(self) -> str:
        """The name of the property: that of the object or list around the id, such as `probe`."""
        names: list[str] = re.findall(r"[A-Za-z][A-Za-z0-9]*", self.path)
        return names[-1] if names[-1] != "id" or len(names) == 1 else names[-2]


class PartKind(msgspec.Struct, frozen=True):
    """A kind of parts of a resource: the elements of a list, or a single object."""

    path: str
    kind: str = ""
    """Its short name in facts and rules; "" if it has none."""
    about: str = ""
    """What it is, in the singular with its article."""
    references: tuple[Reference, ...] = ()


class Volatile(msgspec.Struct, frozen=True):
    """Properties that Azure writes by itself, so that a change is not drift.

    In a path `**.` matches any way to a property, also none, and `[*]` every element of a list; everything below is
    ignored too. `**` alone ignores the whole resource, also that it exists.
    """

    paths: tuple[str, ...]
    because: str
    """In Markdown."""
    meaningless: bool = False
    """Whether two bodies that differ only in them say the same of the resource."""

    @property
    def pattern(self) -> str:
        """The paths as a regular expression."""
        return "|".join(map(_pattern, self.paths))


def _pattern(path: str) -> str:
    expression = re.escape(path).replace(r"\*\*\.", r"(?:.*[.\]])?").replace(r"\[\*\]", r"\[.*?\]")
    return expression.replace(r"\*\*", ".*")


class IdentityProperties(msgspec.Struct, frozen=True):
    """The properties that distinguish a resource from another one with the same id."""

    unique: tuple[str, ...] = ()
    """Assigned to one resource only, which keeps them when it is renamed or moved."""
    created: tuple[str, ...] = ()
    """Times of creation: assigned once too, but not unique, so that they identify a recreated resource, never a moved
    one."""


class Namespace(msgspec.Struct, frozen=True):
    """What holds for all types of a resource provider."""

    name: str
    """In Microsoft's casing; "" for every provider."""
    identity: IdentityProperties = IdentityProperties()
    volatile: tuple[Volatile, ...] = ()

    def holds_for(self, type_: str) -> bool:
        """Return whether a lower-case type is one of the provider's."""
        return not self.name or type_.startswith(f"{self.name.lower()}/")


class ResourceType(msgspec.Struct, frozen=True):
    """A resource type."""

    name: str
    """In Microsoft's casing."""
    version: Version | None = None
    """None where no request has one."""
    via: Via = Via.SUBSCRIPTION
    parent: str = ""
    """The type, in Microsoft's casing, of which each resource has such a list."""
    parents: tuple[str, tuple[str, ...]] | None = None
    """The path of a property of the parents that have such a list, and its values; None if every one has."""
    path: str | None = None
    """The path of the list behind the id of the subscription or parent; by default `/providers/` and the type."""
    query: str = ""
    """Further parameters."""
    permission: str = ""
    """The action that reading takes; by default the type and `/read`."""
    has_properties: bool = True
    """Whether Azure returns its resources with `properties`; without them, such a resource was not read completely."""
    single: bool = False
    """Whether the response is one resource instead of a list."""
    kind: str = ""
    """Its short name in facts and rules; "" if they use the type."""
    about: str = ""
    """What it is, in the singular with its article, where the name of the type is not enough."""
    references: tuple[Reference, ...] = ()
    parts: tuple[PartKind, ...] = ()
    identity: IdentityProperties = IdentityProperties()
    volatile: tuple[Volatile, ...] = ()
    since: tuple[Since, ...] = ()
    """What rules and facts read, and the answers of older api-versions lack."""

    @property
    def key(self) -> str:
        """The type in the form in which it is compared."""
        return arm.canonical_type(self.name)

    @property
    def action(self) -> str:
        """The action that the identity must be allowed."""
        return self.permission or f"{self.name}/read"

    def belongs_to(self, parent: object) -> bool:
        """Return whether a parent, by its body, has such a list."""
        if self.parents is None:
            return True
        found = paths.get(parent, paths.parse(self.parents[0]))
        return isinstance(found, str) and found.lower() in {value.lower() for value in self.parents[1]}

    def request(self, scope: str) -> str:
        """Return the path and query of the request for a scope."""
        path = f"/providers/{self.name}" if self.path is None else self.path
        return f"{scope}{path}?api-version={self.version}{self.query}"

    @property
    def edges(self) -> tuple[Reference, ...]:
        """The references to other types, also those of parts, by their paths from the resource."""
        of_parts = (
            msgspec.structs.replace(
                reference,
                path=paths.join(part.path, reference.path),
                unless=reference.unless and (paths.join(part.path, reference.unless[0]), reference.unless[1]),
            )
            for part in self.parts
            for reference in part.references
        )
        return tuple(reference for reference in (*self.references, *of_parts) if reference.to != self.key)
