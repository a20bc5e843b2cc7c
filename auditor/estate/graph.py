"""The subscription as a graph: resources by ARM id, who refers to whom, and what of it could not be read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cached_property, lru_cache
from typing import Final, NamedTuple

import msgspec

from auditor.azure import arm, paths
from auditor.azure.paths import ABSENT, Absent
from auditor.snapshot.known import Answer, Cause, Items, Read, Unknown
from auditor.snapshot.model import SKU, Gap, GapReason, Part, Resource, Snapshot
from auditor.snapshot.skus import cited_id

VM: Final = "microsoft.compute/virtualmachines"
DISK: Final = "microsoft.compute/disks"
EXTENSION: Final = "microsoft.compute/virtualmachines/extensions"
NIC: Final = "microsoft.network/networkinterfaces"
AVAILABILITY_SET: Final = "microsoft.compute/availabilitysets"
SCALE_SET: Final = "microsoft.compute/virtualmachinescalesets"
PLACEMENT_GROUP: Final = "microsoft.compute/proximityplacementgroups"
LOAD_BALANCER: Final = "microsoft.network/loadbalancers"
APPLICATION_GATEWAY: Final = "microsoft.network/applicationgateways"
PUBLIC_ADDRESS: Final = "microsoft.network/publicipaddresses"
VIRTUAL_NETWORK: Final = "microsoft.network/virtualnetworks"
SECURITY_GROUP: Final = "microsoft.network/networksecuritygroups"
TRAFFIC_MANAGER: Final = "microsoft.network/trafficmanagerprofiles"
NETWORK_GATEWAY: Final = "microsoft.network/virtualnetworkgateways"
FLOW_LOG: Final = "microsoft.network/networkwatchers/flowlogs"

KINDS: Final = {
    VM: "vm",
    DISK: "disk",
    NIC: "interface",
    SCALE_SET: "scale-set",
    AVAILABILITY_SET: "availability-set",
    LOAD_BALANCER: "balancer",
    APPLICATION_GATEWAY: "gateway",
    TRAFFIC_MANAGER: "profile",
}
"""The short names by which facts speak of resource types."""

_PROPER_NAMES: Final = {
    name.lower(): name
    for name in (
        "Microsoft.Compute/virtualMachines",
        "Microsoft.Compute/virtualMachines/extensions",
        "Microsoft.Compute/disks",
        "Microsoft.Compute/availabilitySets",
        "Microsoft.Compute/virtualMachineScaleSets",
        "Microsoft.Compute/proximityPlacementGroups",
        "Microsoft.Compute/skus",
        "Microsoft.Network/networkInterfaces",
        "Microsoft.Network/loadBalancers",
        "Microsoft.Network/applicationGateways",
        "Microsoft.Network/publicIPAddresses",
        "Microsoft.Network/publicIPPrefixes",
        "Microsoft.Network/virtualNetworks",
        "Microsoft.Network/networkSecurityGroups",
        "Microsoft.Network/trafficManagerProfiles",
        "Microsoft.Network/virtualNetworkGateways",
        "Microsoft.Network/networkWatchers/flowLogs",
    )
}

ONLY_IN_RESOURCE_GRAPH: Final = frozenset({NETWORK_GATEWAY, FLOW_LOG})
"""Types that Azure Resource Manager lists by resource group or parent, but not for a subscription as a whole."""


def proper_type(type_: str) -> str:
    """Return a resource type as Microsoft spells it, where it is one that the graph knows."""
    return _PROPER_NAMES.get(type_, type_)


def cuts_a_list(gap: Gap) -> bool:
    """Tell whether a gap is of a list, of a subscription's or of what a resource has below it, not of one resource."""
    scope = arm.type_of(gap.scope)
    return scope in {arm.SUBSCRIPTION, arm.RESOURCE_GROUP} or arm.canonical_type(gap.what).startswith(f"{scope}/")


class Reference(NamedTuple):
    """A property that holds the id of another resource, or of a part of one."""

    path: str
    to: str
    """The type of the resource that is referred to."""
    reached: bool = True
    """Whether what it names belongs to whoever the resource belongs to; false where it may be somebody else's."""


REFERENCES: Final[Mapping[str, tuple[Reference, ...]]] = {
    VM: (
        Reference("properties.availabilitySet.id", AVAILABILITY_SET),
        Reference("properties.virtualMachineScaleSet.id", SCALE_SET),
        Reference("properties.proximityPlacementGroup.id", PLACEMENT_GROUP),
        Reference("properties.storageProfile.osDisk.managedDisk.id", DISK),
        Reference("properties.storageProfile.dataDisks[*].managedDisk.id", DISK),
        Reference("properties.networkProfile.networkInterfaces[*].id", NIC),
    ),
    NIC: (
        Reference("properties.virtualMachine.id", VM, reached=False),
        Reference("properties.networkSecurityGroup.id", SECURITY_GROUP),
        Reference("properties.ipConfigurations[*].properties.subnet.id", VIRTUAL_NETWORK),
        Reference("properties.ipConfigurations[*].properties.publicIPAddress.id", PUBLIC_ADDRESS),
        Reference("properties.ipConfigurations[*].properties.loadBalancerBackendAddressPools[*].id", LOAD_BALANCER),
        Reference("properties.ipConfigurations[*].properties.loadBalancerInboundNatRules[*].id", LOAD_BALANCER),
        Reference(
            "properties.ipConfigurations[*].properties.applicationGatewayBackendAddressPools[*].id", APPLICATION_GATEWAY
        ),
    ),
    DISK: (Reference("managedBy", VM, reached=False), Reference("managedByExtended[*]", VM, reached=False)),
    AVAILABILITY_SET: (Reference("properties.virtualMachines[*].id", VM, reached=False),),
    LOAD_BALANCER: (
        Reference("properties.frontendIPConfigurations[*].properties.publicIPAddress.id", PUBLIC_ADDRESS),
        Reference("properties.frontendIPConfigurations[*].properties.subnet.id", VIRTUAL_NETWORK),
        Reference("properties.backendAddressPools[*].properties.backendIPConfigurations[*].id", NIC, reached=False),
        Reference("properties.inboundNatRules[*].properties.backendIPConfiguration.id", NIC, reached=False),
    ),
    APPLICATION_GATEWAY: (
        Reference("properties.frontendIPConfigurations[*].properties.publicIPAddress.id", PUBLIC_ADDRESS),
        Reference("properties.gatewayIPConfigurations[*].properties.subnet.id", VIRTUAL_NETWORK),
        Reference("properties.backendAddressPools[*].properties.backendIPConfigurations[*].id", NIC, reached=False),
    ),
    VIRTUAL_NETWORK: (Reference("properties.subnets[*].properties.networkSecurityGroup.id", SECURITY_GROUP),),
    TRAFFIC_MANAGER: (Reference("properties.endpoints[*].properties.targetResourceId", PUBLIC_ADDRESS, reached=False),),
    NETWORK_GATEWAY: (
        Reference("properties.ipConfigurations[*].properties.subnet.id", VIRTUAL_NETWORK, reached=False),
    ),
    FLOW_LOG: (Reference("properties.targetResourceId", SECURITY_GROUP, reached=False),),
}
"""Every property by which the graph goes from one resource to another, by the type that has it."""

REACHED_BACKWARDS: Final[Mapping[str, tuple[str, ...]]] = {
    PUBLIC_ADDRESS: (TRAFFIC_MANAGER,),
    VIRTUAL_NETWORK: (NETWORK_GATEWAY,),
    SECURITY_GROUP: (FLOW_LOG,),
}
"""Types that belong to whoever has what they refer to: a Traffic Manager profile to its endpoints' addresses."""


class Edge(NamedTuple):
    """One reference that stands in a resource."""

    source: Resource
    target: str
    """The key of what is referred to, which may be a part of a resource or not be there at all."""


class Graph:
    """Look-ups over one snapshot. Answers that rest on something unread are `Unknown`, never empty."""

    def __init__(self, snapshot: Snapshot) -> None:
        """Index the snapshot; gaps of single resources are attached to them."""
        self.snapshot = snapshot
        self.resources: dict[str, Resource] = {resource.key: resource for resource in snapshot.resources}
        self._attach_gaps(snapshot.gaps)
        self.by_type: dict[str, list[Resource]] = defaultdict(list)
        self.unreadable: dict[str, list[Resource]] = defaultdict(list)
        self._into: dict[str, dict[str, list[Edge]]] = {}
        self._followers: dict[str, dict[str, list[Resource]]] = {}
        self._owners: dict[str, Resource | Unknown] = {}
        for resource in self.resources.values():
            self.by_type[resource.type].append(resource)
            if resource.unread:
                self.unreadable[resource.type].append(resource)
        self._capabilities: dict[str, dict[str, object]] = {}
        self._listings: dict[tuple[str, str], Unknown | None] = {}

    def _attach_gaps(self, gaps: tuple[Gap, ...]) -> None:
        """Give each gap of a single resource to it; one that is known by its gap alone becomes a stub."""
        for gap in gaps:
            key = arm.key(gap.scope)
            if arm.type_of(key) in {"", arm.SUBSCRIPTION, arm.RESOURCE_GROUP}:
                continue
            found = self.resources.get(key) or stub(gap.scope)
            self.resources[key] = msgspec.structs.replace(found, unread=(*found.unread, gap))

    def listing(self, type_: str, subscription: str) -> Unknown | None:
        """Return why the resources of a type in a subscription may not all be here, or None where they are."""
        asked = (subscription, type_)
        if asked not in self._listings:
            self._listings[asked] = self._listing(type_, subscription)
        return self._listings[asked]

    def _listing(self, type_: str, subscription: str) -> Unknown | None:
        for gap in self.snapshot.gaps:
            same = arm.subscription_of(arm.key(gap.scope)) == subscription
            if same and arm.canonical_type(gap.what) in {type_, arm.SUBSCRIPTION} and cuts_a_list(gap):
                return Unknown.of(gap)
        if (subscription, type_) in self.snapshot.listed:
            return None
        if subscription not in self.snapshot.scopes:
            return not_scanned(subscription)
        return Unknown(
            Cause.GAP,
            f"{proper_type(type_)} in {subscription} was not listed completely",
            (unlisted(type_, subscription),),
        )

    def unseen_machines(self, subscriptions: tuple[str, ...], *, tags: bool) -> Unknown | None:
        """Return why there may be machines in some subscriptions, or tags of machines, that are not here."""
        for subscription in subscriptions:
            gap = self.listing(VM, subscription)
            if gap is not None:
                return gap
        for machine in self.unreadable.get(VM, ()) if tags else ():
            hidden = value(machine, "tags").value
            if isinstance(hidden, Unknown) and arm.subscription_of(machine.key) in subscriptions:
                return hidden
        return None

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

    def named(self, arm_id: str) -> Resource:
        """Return the resource of an id; where it is not here, one of which only the id is known."""
        found = self.get(arm_id)
        if isinstance(found, Resource):
            return found
        gap = Gap(arm_id, proper_type(arm.type_of(arm_id)), GapReason.NOT_REQUESTED)
        return stub(arm_id, gap)

    def owner(self, arm_id: str) -> Resource | Unknown:
        """Return the resource of an id that may be the id of a part of it."""
        if arm_id not in self._owners:
            self._owners[arm_id] = self._owner(arm_id)
        return self._owners[arm_id]

    def _owner(self, arm_id: str) -> Resource | Unknown:
        owner_id = arm_id
        while arm.key(owner_id) not in self.resources and arm.parent_of(arm.key(owner_id)):
            owner_id = owner_id.rstrip("/").rsplit("/", 2)[0]
        return self.get(owner_id)

    def _holder(self, arm_id: str, type_: str) -> Resource | Unknown:
        """Return the owner of an id, though parts of it be resources of their own, as subnets may."""
        owner = self.owner(arm_id)
        while isinstance(owner, Resource) and owner.type != type_ and arm.parent_of(owner.key):
            owner = self.get(arm.parent_of(owner.key))
        return owner

    def part(self, arm_id: str) -> Part | Unknown:
        """Return the part of a resource that has an id of its own (a pool, a probe, a frontend)."""
        key = arm.key(arm_id)
        owner = self.owner(arm_id)
        if isinstance(owner, Unknown):
            return owner
        collection = key.rsplit("/", 2)[-2]
        properties = owner.body.get("properties")
        for name in properties if isinstance(properties, dict) else ():
            if name.lower() == collection:
                for found in parts(owner, f"properties.{name}[*]"):
                    if found.key == key:
                        return found
        return unread(owner, "properties") or Unknown(
            Cause.VALUE, f"{arm_id} is referred to, but {owner.id} does not have it", about=(arm_id, owner.id)
        )

    def referrers(self, key: str, type_: str) -> list[Edge]:
        """Return the references of resources of a type to exactly this id."""
        if type_ not in self._into:
            self._into[type_] = self._references(type_)
        return self._into[type_].get(key, [])

    def _references(self, type_: str) -> dict[str, list[Edge]]:
        """Return every reference of resources of a type, by the key of what is referred to."""
        into: dict[str, list[Edge]] = defaultdict(list)
        for reference in REFERENCES.get(type_, ()):
            steps = paths.parse(reference.path)
            for resource in self.by_type.get(type_, ()):
                for value in paths.values(resource.body, steps):
                    if type(value) is str and value:
                        target = arm.key(value)
                        into[target].append(Edge(resource, target))
        return into

    def reached(self, resource: Resource) -> Iterator[Resource | tuple[str, Unknown]]:
        """Yield what a resource refers to and what belongs with it; (type, reason) stands for what is not here."""
        for reference in REFERENCES.get(resource.type, ()):
            for value in paths.values(resource.body, paths.parse(reference.path)) if reference.reached else ():
                owner = self._holder(value, reference.to) if isinstance(value, str) else None
                if isinstance(owner, Resource) and owner.type == reference.to:
                    yield owner
                elif isinstance(owner, Unknown) and _names(value, reference.to):
                    yield reference.to, owner
                elif value is not ABSENT:
                    yield reference.to, next(_malformed(resource, reference))
        for type_ in REACHED_BACKWARDS.get(resource.type, ()):
            yield from self._followers_of(type_).get(resource.key, ())

    def _followers_of(self, type_: str) -> dict[str, list[Resource]]:
        """Return the resources of a type by the key of what they, or a part of which they, refer to."""
        if type_ not in self._followers:
            found = self._followers[type_] = defaultdict(list)
            for target, edges in self._references(type_).items():
                owner = self.owner(target)
                if isinstance(owner, Resource):
                    found[owner.key] += [edge.source for edge in edges]
        return self._followers[type_]

    def capability(self, resource_type: str, sku: str, region: str, subscription: str, name: str) -> Answer:
        """Return what `Microsoft.Compute/skus` says of a size or disk type in a region; its values are strings."""
        record = self._skus.get((resource_type.lower(), sku.lower(), region))
        if record is None:
            gap = self.listing(SKU, subscription)
            return Answer(gap or Unknown(Cause.VALUE, f"Azure lists no {resource_type} {sku} in {region}"))
        if record.key not in self._capabilities:
            self._capabilities[record.key] = _named_values(record.body.get("capabilities"))
        found = self._capabilities[record.key].get(name.lower())
        value = ABSENT if found is None else found
        return Answer(value, (Read(cited_id(subscription, sku), f"capabilities.{name}", value),))

    @cached_property
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


def _names(found: object, type_: str) -> bool:
    """Tell whether a value is the id of a resource of a type, or of a part of one."""
    return isinstance(found, str) and f"{arm.type_of(found)}/".startswith(f"{type_}/")


def _malformed(resource: Resource, reference: Reference) -> Iterator[Unknown]:
    """Yield where a resource refers to something in a way that makes no sense."""
    kind = f"the id of a resource of {proper_type(reference.to)}"
    for where, found in paths.find(resource.body, paths.parse(reference.path)):
        if isinstance(found, paths.WrongType):
            reason = f"{resource.id}: {found.path} is not {found.expected} (malformed)"
            yield Unknown(Cause.VALUE, reason, about=(resource.id,))
        elif found is not ABSENT and not _names(found, reference.to):
            reason = f"{resource.id}: {where} is {found!r}, not {kind} (malformed)"
            yield Unknown(Cause.VALUE, reason, about=(resource.id,))


def _strings(value: object) -> list[str]:
    """Return the strings of a list."""
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _named_values(entries: object) -> dict[str, object]:
    """Return the values of a list of names and values by the lower-case name; of one that stands twice the first."""
    found: dict[str, object] = {}
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, dict):
            found.setdefault(str(entry.get("name")).lower(), entry.get("value"))
    return found


def unlisted(type_: str, subscription: str) -> Gap:
    """Return the gap of a type that was not listed in a subscription, or of a subscription that was not scanned."""
    if type_ == arm.SUBSCRIPTION:
        return Gap(subscription, arm.SUBSCRIPTION, GapReason.NOT_REQUESTED, detail="scan it too")
    name = proper_type(type_)
    command = f'az rest --method get --url "{subscription}/providers/{name}?api-version=VERSION"'
    if type_ in ONLY_IN_RESOURCE_GRAPH:
        query = f"resources | where type =~ '{name}'"
        command = f'az graph query --subscriptions {arm.name_of(subscription)} -q "{query}"'
    detail = f"list it with {command}, and name the type under `listed`"
    return Gap(subscription, name, GapReason.NOT_REQUESTED, detail=detail)


def not_scanned(subscription: str) -> Unknown:
    """Return why nothing is known of a subscription that is outside of the snapshot."""
    return Unknown(Cause.GAP, f"{subscription} was not scanned", (unlisted(arm.SUBSCRIPTION, subscription),))


def stub(arm_id: str, *gaps: Gap) -> Resource:
    """Return a resource of which only the id is known."""
    key = arm.key(arm_id)
    return Resource(id=arm_id, body={"id": arm_id}, key=key, type=arm.type_of(key), unread=gaps)


def unread(resource: Resource, path: str) -> Unknown | None:
    """Return why what a body lacks at a path may yet exist, or None where the body was read there."""
    for gap in resource.unread:
        if arm.canonical_type(gap.what) == resource.type or _overlap(gap.what, path):
            return Unknown.of(gap)
    return None


def _overlap(one: str, other: str) -> bool:
    """Tell whether one path leads to a part of what the other names; what is no path overlaps nothing."""
    a, b = _comparable(one), _comparable(other)
    return a is not None and b is not None and all(x == y for x, y in zip(a, b, strict=False))


@lru_cache(maxsize=4096)
def _comparable(path: str) -> tuple[paths.Step, ...] | None:
    """Return the steps of a path as they are compared: the names of tags without regard to case."""
    try:
        steps = paths.parse(path)
    except paths.PathError:
        return None
    if steps[:1] == ("tags",):
        return tuple(step.lower() if isinstance(step, str) else step for step in steps)
    return steps


def value(element: Resource | Part, path: str) -> Answer:
    """Return what stands at a path without wildcards below a resource or a part of one."""
    found = paths.get(element.body, paths.parse(path))
    if type(element) is Resource:
        resource, whole = element, path
    else:
        resource, whole = element.resource, paths.join(element.path, path)
    if found is ABSENT:
        gap = unread(resource, whole) if resource.unread else None
        return Answer(gap or ABSENT, (Read(resource.id, whole, ABSENT),))
    if type(found) is paths.WrongType:
        reason = f"{resource.id}: {paths.join(element.path, found.path)} is not {found.expected} (malformed)"
        return Answer(Unknown(Cause.VALUE, reason, about=(resource.id,)))
    return Answer(found, (Read(resource.id, whole, found),))


def items(element: Resource | Part, path: str, default: object = ABSENT) -> Answer:
    """Return the list that a path with a wildcard names: objects as parts, everything else as it is.

    An absent list is empty, unless it may not have been read. A member that lacks the rest of the path is `default`, or
    unknown where that is `ABSENT`.
    """
    known: list[object] = []
    reads: list[Read] = []
    steps = paths.parse(path)
    for where, found in paths.find(element.body, steps):
        whole = paths.join(element.path, where)
        if type(found) is dict:
            known.append(Part(element.resource, whole, found))
        elif isinstance(found, paths.WrongType):
            reason = (
                f"{element.resource.id}: {paths.join(element.path, found.path)} is not {found.expected} (malformed)"
            )
            known.append(Unknown(Cause.VALUE, reason, about=(element.resource.id,)))
        elif isinstance(found, Absent):
            reads.append(Read(element.resource.id, whole, ABSENT))
            gap = unread(element.resource, whole) if element.resource.unread else None
            reason = f"{element.resource.id} has no {whole}"
            lacks = Unknown(Cause.VALUE, reason, about=(element.resource.id,)) if default is ABSENT else default
            known.append(gap or lacks)
        else:
            reads.append(Read(element.resource.id, whole, found))
            known.append(found)
    cut = next(_cut_lists(element, steps), None) if element.resource.unread else None
    return Answer(Items(tuple(known), cut), tuple(reads))


def _cut_lists(element: Resource | Part, steps: tuple[paths.Step, ...]) -> Iterator[Unknown]:
    """Yield why a list on the way along a path may have members that were not read."""
    for star in (index for index, step in enumerate(steps) if step is None):
        for where, found in paths.find(element.body, steps[:star]):
            gap = unread(element.resource, paths.join(element.path, where)) if isinstance(found, Absent) else None
            if gap is not None:
                yield gap


def objects(element: Resource | Part, path: str) -> Items:
    """Return the objects that a path with a wildcard names; what else stands among them is unknown."""
    found = Items.of(items(element, path).value)
    if all(isinstance(item, _OBJECTS) for item in found.known):
        return found
    where = f"{element.resource.id}: {paths.join(element.path, path)}"
    malformed = Unknown(Cause.VALUE, f"{where} is not an object (malformed)", about=(element.resource.id,))
    known = tuple(item if isinstance(item, _OBJECTS) else malformed for item in found.known)
    return Items(known, found.missing)


_OBJECTS: Final = (Part, Unknown)


def parts(element: Resource | Part, path: str) -> list[Part]:
    """Return the objects that a path with a wildcard names, where what is missing among them does not matter."""
    return [item for item in objects(element, path).known if isinstance(item, Part)]
