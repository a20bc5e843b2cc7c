"""The parts of a picture, which are parts of a report too: their fields are keys of its JSON."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Text = Annotated[str, Meta(min_length=1)]


class Row(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """A row of a picture: a tier, a mirror, or resources of one kind."""

    id: Text
    """Its id within the picture."""
    title: str
    """Its title."""
    subjects: tuple[Text, ...] = ()
    """The ids of the mirror or tiers whose VMs it has."""


class Region(msgspec.Struct, frozen=True, rename="camel"):
    """A region in a picture."""

    name: Text
    """Its name, such as `westeurope`."""
    duty: Literal["primary", "DR"] | None
    """What the deployment file declares it as; null if it does not name it."""
    places: tuple[Text, ...]
    """The places in it that have columns: zones, fault domains, `no zone`."""


class Node(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True, kw_only=True):
    """A VM or an entrance of a deployment, as built."""

    id: Text
    """Its ARM id."""
    name: str
    """Its name in Azure."""
    type: str
    """The resource type."""
    detail: Text | None = None
    """The size of a VM, the SKU of anything else; absent if it has none or it was not read."""
    row: Text
    """Its row."""
    region: Text | None
    """Its region; null if it has none, as Traffic Manager."""
    place: Text | None
    """Its zone or fault domain, or `no zone`; null if it is not a VM."""
    roles: tuple[Text, ...] = ()
    """Its declared roles."""
    undeclared: bool = False
    """Whether it has no role in any deployment, though it shares a backend pool, subnet or availability set."""
    parts: tuple[Text, ...] = ()
    """The ids of its disks and network interfaces that a listed finding is about."""


class ExpectedNode(msgspec.Struct, frozen=True, rename="camel"):
    """What the reference architecture asks for in one slot."""

    row: Text
    """Its row."""
    region: Text | None
    """Its region; null if it has none, as Traffic Manager."""
    place: Text | None
    """Its zone or fault domain; null if it is not a VM."""
    number: Annotated[int, Meta(ge=1)]
    """How many there are."""
    label: Text
    """What they are."""


class Edge(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """A line of a picture."""

    source: Text
    """The id of the node from which it leads."""
    target: Text
    """The id of the node to which it leads."""
    kind: Literal["name", "pool", "sync", "async", "arbiter"]
    """A name and its entrance, a backend pool and its member, or the members and the arbiter of a mirror."""
    active: bool = True
    """Whether it is enabled; false for a disabled endpoint."""


class Picture(msgspec.Struct, frozen=True, rename="camel"):
    """The VMs and entrances of a deployment, as built and as the reference architecture asks, in the same slots.

    A slot is a row, a region and a place; where the reference architecture leaves a choice, it has what is built.
    """

    product: Text | None
    """The declared product; null if none is declared."""
    environment: Text
    """The declared environment."""
    rows: tuple[Row, ...]
    """The rows from top to bottom."""
    regions: tuple[Region, ...]
    """The regions, the primary one first."""
    nodes: tuple[Node, ...]
    """What is built, in the order of its declaration."""
    edges: tuple[Edge, ...]
    """The lines between what is built."""
    expected: tuple[ExpectedNode, ...]
    """What the reference architecture asks for."""
