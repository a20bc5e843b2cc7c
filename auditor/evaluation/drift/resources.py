"""What became of the resources of one snapshot in another, and what moved in them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, Final

import msgspec

from auditor.azure import arm
from auditor.azure.types.names import DNS_ZONE, RECORD_SET, SKU
from auditor.estate.graph import Graph
from auditor.evaluation.drift.identity import Pair, Pairing
from auditor.evaluation.drift.model import ResourceChangeKind
from auditor.evaluation.drift.properties import Comparison, Difference
from auditor.evaluation.drift.volatile import is_ephemeral
from auditor.snapshot.known import Unknown
from auditor.snapshot.model import Resource, Snapshot, resource
from auditor.snapshot.skus import cited_id
from auditor.snapshot.watching import head

_encode: Final = msgspec.json.Encoder().encode


def with_shared(snapshot: Snapshot, earlier: Snapshot) -> Snapshot:
    """Return a snapshot in which each resource that is equal in an earlier one is the same object as there.

    That halves the memory of two snapshots, and resources that are the same need not be compared.
    """
    known = {found.key: found for found in earlier.resources}
    resources = tuple(
        was if (was := known.get(found.key)) and head(was) == head(found) and _have_same_body(was, found) else found
        for found in snapshot.resources
    )
    return msgspec.structs.replace(snapshot, resources=resources)


def _have_same_body(one: Resource, other: Resource) -> bool:
    """Return whether two bodies are the same as JSON, where true is not 1."""
    return one.body is other.body or _encode(one.body) == _encode(other.body)


class Change(msgspec.Struct, frozen=True, eq=False):
    """A resource of which something moved."""

    kind: ResourceChangeKind
    before: Resource | None
    after: Resource | None
    differences: tuple[Difference, ...] = ()
    hidden: Unknown | None = None
    """Why it, or something in it, cannot be seen."""

    @property
    def subject(self) -> Resource:
        """Return the resource as it is now, or was where there is none now."""
        return next(filter(None, (self.after, self.before)))


class Changes:
    """All that moved between two snapshots."""

    def __init__(self, before: Graph, after: Graph) -> None:
        """Compare every resource, and SKUs as findings cite them."""
        self._pairing = Pairing(_deployed(before), _deployed(after))
        self.now = self._pairing.now
        self.alike: set[str] = set()
        """The keys of the resources that have the same body, under the same key."""
        self.moved = (*self._resources(before, after), *self._skus(before, after))

    @cached_property
    def before(self) -> Mapping[str, Change]:
        """Return what moved by the key that it had."""
        return {moved.before.key: moved for moved in self.moved if moved.before}

    @cached_property
    def after(self) -> Mapping[str, Change]:
        """Return what moved by the key that it has."""
        return {moved.after.key: moved for moved in self.moved if moved.after}

    def _resources(self, before: Graph, after: Graph) -> Iterator[Change]:
        for pair in self._pairing.pairs:
            if not _have_same_body(pair.before, pair.after):
                yield from self._compared(pair)
            elif pair.kind is not ResourceChangeKind.CHANGED:
                yield Change(pair.kind, pair.before, pair.after)
            elif pair.before.key == pair.after.key:
                self.alike.add(pair.after.key)
        for old in filter(_is_comparable, self._pairing.removed):
            hidden = _unlisted(after, old)
            yield Change(
                ResourceChangeKind.LOST_SIGHT if hidden else ResourceChangeKind.REMOVED, old, None, hidden=hidden
            )
        for new in filter(_is_comparable, self._pairing.added):
            # What the baseline could not see may have been there all the time.
            if _unlisted(before, new) is None:
                yield Change(ResourceChangeKind.ADDED, None, new)

    def _skus(self, before: Graph, after: Graph) -> Iterator[Change]:
        old, new = _cited_skus(before), _cited_skus(after)
        for key in sorted(old.keys() & new.keys()):
            yield from self._compared(Pair(old[key], new[key], ResourceChangeKind.CHANGED))

    def _compared(self, pair: Pair) -> Iterator[Change]:
        comparison = Comparison(pair.before, pair.after, self.now)
        differences = tuple(comparison.differences())
        kind = (
            ResourceChangeKind.LOST_SIGHT
            if pair.kind is ResourceChangeKind.CHANGED and comparison.hidden
            else pair.kind
        )
        if kind is not ResourceChangeKind.CHANGED or differences:
            yield Change(kind, pair.before, pair.after, differences, comparison.hidden)


def _unlisted(graph: Graph, found: Resource) -> Unknown | None:
    """Return why a resource may exist though a snapshot lacks it, None if it does not; one list has all record sets."""
    type_ = RECORD_SET if found.type.startswith(f"{DNS_ZONE}/") else found.type
    return graph.listing(type_, arm.subscription_of(found.key))


def _is_comparable(found: Resource) -> bool:
    """Return whether the absence of a resource from one snapshot is a difference, and more than its id is known."""
    return found.body.keys() > {"id"} and not is_ephemeral(found.type)


def _deployed(graph: Graph) -> Mapping[str, Resource]:
    """Return the resources of a snapshot by key, without SKU records."""
    return {key: found for key, found in graph.resources.items() if found.type != SKU}


def _cited_skus(graph: Graph) -> Mapping[str, Resource]:
    """Return the capabilities of SKUs in all regions, under the ids by which findings cite them."""
    values: dict[str, dict[str, dict[str, object]]] = defaultdict(lambda: defaultdict(dict))
    for sku in graph.by_type[SKU]:
        for entry in _members(sku.body.get("capabilities")):
            for region in _members(sku.body.get("locations")) if isinstance(entry, dict) else ():
                by_region = values[str(sku.body.get("name"))][str(entry.get("name"))]
                by_region[arm.location(str(region))] = entry.get("value")
    found = (
        resource({"capabilities": _everywhere(capabilities)}, cited_id(subscription, name))
        for subscription in graph.snapshot.scopes
        for name, capabilities in values.items()
    )
    return {sku.key: sku for sku in found}


def _members(value: object) -> list[Any]:
    """Return the members of a list, none of what is not a list."""
    return value if isinstance(value, list) else []


def _everywhere(capabilities: Mapping[str, Mapping[str, object]]) -> dict[str, object]:
    """Return capabilities by name, those that are not the same in all regions with their regions."""
    return {
        name: dict(values) if len(set(map(str, values.values()))) > 1 else next(iter(values.values()))
        for name, values in capabilities.items()
    }
