"""The reference graph: resources by ARM id, resource references in both directions, and what was not read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import product
from typing import Final, NamedTuple

import msgspec

from auditor.azure import arm, commands, paths
from auditor.azure.paths import ABSENT
from auditor.azure.types import COLLECTIONS, REACHED_BACKWARDS, REFERENCES, Reference, display_type, reference_of
from auditor.azure.types.names import GUEST_FILE, SKU, VM
from auditor.estate.caching import cached_method, cached_summary, cached_value
from auditor.estate.indexes import Index
from auditor.snapshot.known import Answer, Cause, PartialList, Read, Unknown
from auditor.snapshot.lookup import body_at, items, malformed, objects, required, unread, unusable, value, wrong_type
from auditor.snapshot.model import Gap, GapReason, Part, Resource, Snapshot, placeholder
from auditor.snapshot.skus import cited_id
from auditor.snapshot.watching import Watch, watched


class Edge(NamedTuple):
    """One reference that stands in a resource."""

    source: Resource
    target: str
    """The key of what is referred to, which may be a part of a resource or not be there at all."""


class Graph:
    """Look-ups over one snapshot. Answers that rest on something unread are `Unknown`, never empty."""

    def __init__(self, snapshot: Snapshot, watch: Watch | None = None) -> None:
        """Index the snapshot; gaps of single resources are attached to them. A watch logs what is read of these."""
        self.snapshot = snapshot
        self.resources: dict[str, Resource] = {resource.key: resource for resource in snapshot.resources}
        self._attach_gaps(snapshot.gaps)
        if watch is not None:
            self.resources = {key: watched(resource, watch) for key, resource in self.resources.items()}
        self._objects: dict[tuple[str, str], PartialList] = {}
        self._followed: dict[tuple[str, str, str], Answer] = {}
        self.by_type: dict[str, list[Resource]] = defaultdict(list)
        self.unreadable: dict[str, list[Resource]] = defaultdict(list)
        for resource in self.resources.values():
            self.by_type[resource.type].append(resource)
            if resource.unread:
                self.unreadable[resource.type].append(resource)

    def _attach_gaps(self, gaps: tuple[Gap, ...]) -> None:
        """Give each gap of a single resource to it; one that is known by its gap alone becomes a placeholder."""
        for gap in gaps:
            key = arm.key(gap.scope)
            if arm.type_of(key) in {"", arm.SUBSCRIPTION, arm.RESOURCE_GROUP}:
                continue
            found = self.resources.get(key) or placeholder(gap.scope)
            self.resources[key] = msgspec.structs.replace(found, unread=(*found.unread, gap))

    def in_subscriptions(self, type_: str, subscriptions: tuple[str, ...]) -> tuple[Resource, ...]:
        """Return the resources of a type in some subscriptions."""
        return self._by_subscription(type_).of(*subscriptions)

    @cached_method
    def _by_subscription(self, type_: str) -> Index[str, Resource]:
        return Index((arm.subscription_of(found.key), found) for found in self.by_type.get(type_, ()))

    def in_region(self, type_: str, region: str, subscriptions: tuple[str, ...]) -> tuple[Resource, ...]:
        """Return the resources of a type in a region of some subscriptions."""
        return self._by_region(type_).of(*((own, region) for own in subscriptions))

    @cached_method
    def _by_region(self, type_: str) -> Index[tuple[str, str], Resource]:
        found = self.by_type.get(type_, ())
        return Index(((arm.subscription_of(resource.key), resource.location), resource) for resource in found)

    def in_groups(self, groups: tuple[str, ...], subscriptions: tuple[str, ...]) -> tuple[Resource, ...]:
        """Return the resources in some resource groups, by their lower-case names, of some subscriptions."""
        return self._by_group().of(*product(subscriptions, groups))

    @cached_method
    def _by_group(self) -> Index[tuple[str, str], Resource]:
        return Index(((arm.subscription_of(key), arm.group_of(key)), found) for key, found in self.resources.items())

    def groups_in(self, subscriptions: tuple[str, ...]) -> tuple[str, ...]:
        """Return the lower-case names of the resource groups of some subscriptions in which there is something."""
        return tuple(dict.fromkeys(self._groups().of(*subscriptions)))

    @cached_method
    def _groups(self) -> Index[str, str]:
        found = ((arm.subscription_of(key), arm.group_of(key)) for key in self.resources)
        return Index((own, group) for own, group in dict.fromkeys(found) if group)

    def keys_of(self, type_: str, subscription: str) -> list[str]:
        """Return the keys of the resources of a type in a subscription."""
        return self._keys.get((type_, subscription), [])

    @cached_value
    def _keys(self) -> dict[tuple[str, str], list[str]]:
        """The keys of the resources by type and subscription."""
        found: dict[tuple[str, str], list[str]] = defaultdict(list)
        for key, resource in self.resources.items():
            found[resource.type, arm.subscription_of(key)].append(key)
        return found

    @cached_summary
    def listing(self, type_: str, subscription: str) -> Unknown | None:
        """Return why the resources of a type in a subscription may not all be here, or None where they are."""
        if type_ == GUEST_FILE:
            return Unknown(Cause.GUEST, "it was not supplied this time, and no list says which files a VM has")
        for gap in self._listing_gaps().of((subscription, type_), (subscription, arm.SUBSCRIPTION)):
            return Unknown.of(gap)
        if (subscription, type_) in self.snapshot.listed:
            return None
        if subscription not in self.snapshot.scopes:
            return not_scanned(subscription)
        return Unknown(
            Cause.GAP,
            f"{display_type(type_)} in {subscription} was not listed completely",
            (unlisted(type_, subscription),),
        )

    @cached_method
    def _listing_gaps(self) -> Index[tuple[str, str], Gap]:
        """The gaps by subscription and type of which a list is not complete."""
        return Index(
            ((arm.subscription_of(arm.key(gap.scope)), arm.canonical_type(gap.what)), gap)
            for gap in self.snapshot.gaps
            if gap.makes_listing_incomplete
        )

    @cached_summary
    def unlisted(self, type_: str, subscriptions: tuple[str, ...]) -> Unknown | None:
        """Return why the resources of a type in some subscriptions may not all be here, or None where they are."""
        return next(filter(None, (self.listing(type_, own) for own in subscriptions)), None)

    def hidden(self, type_: str, path: str, subscriptions: tuple[str, ...]) -> tuple[Unknown, ...]:
        """Return why resources of a type in some subscriptions may have more at a path than was read."""
        return self._hidden(type_, path).of(*subscriptions)

    @cached_summary
    def all_hidden(self, type_: str, path: str) -> tuple[Unknown, ...]:
        """Return why resources of a type may have more at a path than was read."""
        unreadable = (unread(found, path) for found in self.unreadable.get(type_, ()))
        return tuple(gap for gap in unreadable if gap is not None)

    @cached_method
    def _hidden(self, type_: str, path: str) -> Index[str, Unknown]:
        unreadable = ((found, unread(found, path)) for found in self.unreadable.get(type_, ()))
        return Index((arm.subscription_of(found.key), gap) for found, gap in unreadable if gap is not None)

    def unknown_values(self, type_: str, path: str, subscriptions: tuple[str, ...]) -> tuple[Unknown, ...]:
        """Return why the values at a path are unknown of resources of a type in some subscriptions."""
        return self._unknown_values(type_, path).of(*subscriptions)

    @cached_method
    def _unknown_values(self, type_: str, path: str) -> Index[str, Unknown]:
        values = ((found, value(found, path).value) for found in self.unreadable.get(type_, ()))
        return Index((arm.subscription_of(found.key), why) for found, why in values if isinstance(why, Unknown))

    def unseen_vms(self, subscriptions: tuple[str, ...], *, tags: bool) -> Unknown | None:
        """Return why VMs of some subscriptions, or tags of VMs, may not have been read."""
        hidden = self.unknown_values(VM, "tags", subscriptions) if tags else ()
        return self.unlisted(VM, subscriptions) or next(iter(hidden), None)

    def get(self, arm_id: str) -> Resource | Unknown:
        """Return the resource of an id."""
        key = arm.key(arm_id)
        found = self.resources.get(key)
        if found is not None:
            return found
        if not arm.type_of(key):
            reason = f"'{arm_id}' is referred to, but is not the id of a resource (malformed)"
            return Unknown(Cause.VALUE, reason, about=(arm_id,))
        gap = self.listing(arm.type_of(key), arm.subscription_of(key))
        return gap or Unknown(Cause.VALUE, f"{arm_id} is referred to, but does not exist", about=(arm_id,))

    def get_or_placeholder(self, arm_id: str) -> Resource:
        """Return the resource of an id; where it is not here, one of which only the id is known."""
        found = self.get(arm_id)
        if isinstance(found, Resource):
            return found
        gap = Gap(arm_id, display_type(arm.type_of(arm_id)), GapReason.NOT_REQUESTED)
        return placeholder(arm_id, gap)

    def get_or_unread(self, arm_id: str) -> Resource | Unknown:
        """Return the resource of an id; one of which only the id is known if it was not read; unknown if it is none."""
        found = self.get(arm_id)
        return self.get_or_placeholder(arm_id) if isinstance(found, Unknown) and found.cause is Cause.GAP else found

    @cached_method
    def owner(self, arm_id: str) -> Resource | Unknown:
        """Return the resource of an id that may be the id of a part of it."""
        owner_id = arm_id
        while arm.key(owner_id) not in self.resources and arm.parent_of(arm.key(owner_id)):
            owner_id = owner_id.rstrip("/").rsplit("/", 2)[0]
        return self.get(owner_id)

    def _holder(self, arm_id: str, type_: str) -> Resource | Unknown:
        """Return the owner of an id, though parts of it be resources of their own, as subnets may."""
        found = self.resources.get(arm.key(arm_id))
        if found is not None and found.type == type_:
            return found
        owner = self.owner(arm_id)
        while isinstance(owner, Resource) and owner.type != type_ and arm.parent_of(owner.key):
            owner = self.get(arm.parent_of(owner.key))
        return owner

    @cached_method
    def part(self, arm_id: str) -> Part | Unknown:
        """Return the part of a resource that has an id of its own (a pool, a probe, a frontend)."""
        key = arm.key(arm_id)
        owner = self.owner(arm_id)
        if isinstance(owner, Unknown):
            return owner
        path = COLLECTIONS.get((owner.type, key.rsplit("/", 2)[-2]))
        found = self._parts(owner.key, path).get(key) if path else None
        return (
            found
            or unread(owner, "properties")
            or Unknown(
                Cause.VALUE, f"{arm_id} is referred to, but {owner.id} does not have it", about=(arm_id, owner.id)
            )
        )

    @cached_method
    def _parts(self, owner: str, path: str) -> dict[str, Part]:
        """Return the parts of a resource at a path by key; the first of several that have the same one."""
        found: dict[str, Part] = {}
        for part in self.objects(self.resources[owner], path).of_type(Part):
            found.setdefault(part.key, part)
        return found

    def objects(self, resource: Resource, path: str) -> PartialList:
        """Return the objects at a path with wildcards in a resource as `lookup.objects` does, always the same parts."""
        where = (resource.key, path)
        if where not in self._objects:
            self._objects[where] = objects(resource, path)
        return self._objects[where]

    def follow(self, element: Resource | Part, name: str) -> Answer:
        """Return the resource or part to which a declared reference leads, or absent; the reference was read."""
        reference = reference_of(element.resource.type, element.path, name)
        found = value(element, reference.path)
        if found.value is ABSENT:
            return required(found) if reference.required else found
        if self._names_nothing(reference, element, found.value):
            return Answer(ABSENT, found.reads)
        return Answer(self._target(reference, found.value) or unusable(found, _AN_ID), found.reads)

    def follow_all(self, element: Resource | Part, name: str) -> Answer:
        """Return the resources or parts to which a list of references leads."""
        where = (element.resource.key, element.path, name)
        if where not in self._followed:
            self._followed[where] = self._follow_all(element, name)
        return self._followed[where]

    def _follow_all(self, element: Resource | Part, name: str) -> Answer:
        reference = reference_of(element.resource.type, element.path, name)
        found = items(element, reference.path)
        listed = PartialList.of(found.value)
        targets = (
            item
            if isinstance(item, Unknown)
            else self._target(reference, item) or malformed(element, reference.path, item, _AN_ID)
            for item in listed.known
        )
        return Answer(PartialList(tuple(targets), listed.missing), found.reads)

    def _names_nothing(self, reference: Reference, element: Resource | Part, arm_id: object) -> bool:
        """Return whether an id names no resource, as it should be."""
        if reference.unless is None or (isinstance(arm_id, str) and arm.key(arm_id) in self.resources):
            return False
        return reference.may_name_nothing(body_at(element, reference.unless[0]))

    def _target(self, reference: Reference, arm_id: object) -> Resource | Part | Unknown | None:
        """Return what an id refers to, None if it is no text."""
        if not isinstance(arm_id, str):
            return None
        return self.part(arm_id) if reference.part else self.get(arm_id)

    @cached_summary
    def unread_ends(self, type_: str, name: str) -> tuple[Unknown, ...]:
        """Return why what resources of a type refer to by a reference was not read."""
        ends = (self.follow(resource, name).value for resource in self.by_type.get(type_, ()))
        return tuple(end for end in ends if isinstance(end, Unknown) and end.cause is Cause.GAP)

    def unresolved(self, type_: str, to: str, subscription: str) -> Unknown | None:
        """Return why a resource of a type in a subscription may refer to any resource of another type, or None."""
        return next((why for _, why in self.astray(type_, to, (subscription,))), None)

    def astray(self, type_: str, to: str, subscriptions: tuple[str, ...]) -> tuple[tuple[Resource, Unknown], ...]:
        """Return the resources of a type in some subscriptions that may refer to any resource of another type, and why.

        They refer to one that does not exist, or a value is not the id of one.
        """
        return self._all_astray(type_, to).of(*subscriptions)

    @cached_method
    def _all_astray(self, type_: str, to: str) -> Index[str, tuple[Resource, Unknown]]:
        references = [reference for reference in REFERENCES.get(type_, ()) if reference.to == to]
        return Index(
            (arm.subscription_of(resource.key), (resource, unknown))
            for resource in self.by_type.get(type_, ())
            for reference in references
            for unknown in self._astray(resource, reference)
        )

    def _astray(self, resource: Resource, reference: Reference) -> Iterator[Unknown]:
        """Yield why a reference of a resource leads to no resource; what was not read may be there."""
        yield from _malformed(resource, reference)
        for found in paths.values(resource.body, paths.parse(reference.path)):
            owner = self.owner(found) if isinstance(found, str) else None
            if isinstance(owner, Unknown) and owner.cause is not Cause.GAP:
                yield owner

    def referrers(self, key: str, type_: str) -> list[Edge]:
        """Return the references of resources of a type to exactly this id."""
        return self._references(type_).get(key, [])

    def referrers_within(self, key: str, type_: str) -> list[Edge]:
        """Return the references of resources of a type to a resource or any part of it."""
        return list(self._references_within(type_).of(key))

    @cached_method
    def _references_within(self, type_: str) -> Index[str, Edge]:
        """Return every reference of resources of a type, by the key of what is referred to and of all around it."""
        return Index(
            (around, edge)
            for target, edges in self._references(type_).items()
            for around in _prefixes(target)
            for edge in edges
        )

    @cached_method
    def _references(self, type_: str) -> dict[str, list[Edge]]:
        """Return every reference of resources of a type, by the key of what is referred to."""
        into: dict[str, list[Edge]] = defaultdict(list)
        for reference in REFERENCES.get(type_, ()):
            steps = paths.parse(reference.path)
            for resource in self.by_type.get(type_, ()):
                for found in paths.values(resource.body, steps):
                    if type(found) is str and found:
                        target = arm.key(found)
                        into[target].append(Edge(resource, target))
        return into

    @cached_method
    def reached(self, key: str) -> tuple[Resource | tuple[str, Unknown], ...]:
        """Return what a resource refers to and what belongs with it; (type, reason) stands for what is not here."""
        return tuple(self._reached(self.resources[key]))

    def _reached(self, resource: Resource) -> Iterator[Resource | tuple[str, Unknown]]:
        for reference in REFERENCES.get(resource.type, ()):
            for found in paths.values(resource.body, paths.parse(reference.path)) if reference.reached else ():
                if found is ABSENT or self._names_nothing(reference, resource, found):
                    continue
                owner = self._holder(found, reference.to) if isinstance(found, str) else None
                if isinstance(owner, Resource) and owner.type == reference.to:
                    yield owner
                elif isinstance(owner, Unknown) and _names(found, reference.to):
                    yield reference.to, owner
                else:
                    yield reference.to, next(_malformed(resource, reference))
        for type_ in REACHED_BACKWARDS.get(resource.type, ()):
            yield from self._followers_of(type_).get(resource.key, ())

    @cached_method
    def _followers_of(self, type_: str) -> dict[str, list[Resource]]:
        """Return the resources of a type by the key of what they, or a part of which they, refer to."""
        found: dict[str, list[Resource]] = defaultdict(list)
        for target, edges in self._references(type_).items():
            owner = self.owner(target)
            if isinstance(owner, Resource):
                found[owner.key] += [edge.source for edge in edges]
        return found

    def capability(self, resource_type: str, sku: str, region: str, subscription: str, name: str) -> Answer:
        """Return what `Microsoft.Compute/skus` says of a size or disk type in a region; its values are strings."""
        record = self._skus.get((resource_type.lower(), sku.lower(), region))
        if record is None:
            gap = self.listing(SKU, subscription)
            return Answer(gap or Unknown(Cause.VALUE, f"Azure lists no {resource_type} {sku} in {region}"))
        found = self._capabilities(record.key).get(name.lower(), {}).get("value")
        value = ABSENT if found is None else found
        return Answer(value, (Read(cited_id(subscription, sku), f"capabilities.{name}", value),))

    @cached_method
    def _capabilities(self, key: str) -> dict[str, dict[str, object]]:
        """Return the capabilities of a SKU record by lower-case name; the first of several of the same name."""
        found: dict[str, dict[str, object]] = {}
        entries = self.resources[key].body.get("capabilities")
        for entry in entries if isinstance(entries, list) else ():
            if isinstance(entry, dict):
                found.setdefault(str(entry.get("name")).lower(), entry)
        return found

    @cached_value
    def _skus(self) -> dict[tuple[str, str, str], Resource]:
        """Return the SKU records by resource type, name and region."""
        return {
            (
                str(found.body.get("resourceType")).lower(),
                str(found.body.get("name")).lower(),
                arm.location(region),
            ): found
            for found in self.by_type[SKU]
            for region in _strings(found.body.get("locations"))
        }


_AN_ID: Final = "an id"


def _prefixes(key: str) -> Iterator[str]:
    """Yield a key and the keys of all that it is in."""
    segments = key.split("/")
    return ("/".join(segments[:end]) for end in range(2, len(segments) + 1))


def _names(found: object, type_: str) -> bool:
    """Return whether a value is the id of a resource of a type, or of a part of one."""
    return isinstance(found, str) and f"{arm.type_of(found)}/".startswith(f"{type_}/")


def _malformed(resource: Resource, reference: Reference) -> Iterator[Unknown]:
    """Yield the malformed values of a reference."""
    for where, found in paths.find(resource.body, paths.parse(reference.path)):
        if isinstance(found, paths.WrongType):
            yield wrong_type(resource, found)
        elif found is not ABSENT and not _names(found, reference.to):
            yield malformed(resource, where, found, f"the id of a resource of {display_type(reference.to)}")


def _strings(value: object) -> list[str]:
    """Return the strings of a list."""
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def unlisted(type_: str, subscription: str) -> Gap:
    """Return the gap of a type that was not listed in a subscription, or of a subscription that was not scanned."""
    if type_ == arm.SUBSCRIPTION:
        return Gap(subscription, arm.SUBSCRIPTION, GapReason.NOT_REQUESTED, detail="scan it too")
    detail = f"list it with {commands.list_all(type_, subscription)}, and name the type under `listed`"
    return Gap(subscription, display_type(type_), GapReason.NOT_REQUESTED, detail=detail)


def not_scanned(subscription: str) -> Unknown:
    """Return why nothing is known of a subscription that is outside of the snapshot."""
    return Unknown(Cause.GAP, f"{subscription} was not scanned", (unlisted(arm.SUBSCRIPTION, subscription),))
