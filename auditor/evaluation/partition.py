"""Partition of subscriptions into components that can be evaluated one at a time.

A component is a set of subscriptions joined by declarations or references. What is said of one component depends on no
resource of another, except for a closed list, which `docs/decisions/0025-parts.md` explains:

- what each `View` has: the scopes, lists and gaps of all, SKU records, and schedules of runbooks;
- components that may concern any deployment (`Links.concerns_all`), which are in the view of every other one.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

import msgspec

from auditor.azure import arm, paths
from auditor.azure.types.names import (
    ACTION_RULE,
    ACTIVITY_ALERT,
    APPLICATION_GATEWAY,
    AUTOMATION_ACCOUNT,
    AZURE_FIREWALL,
    BACKUP_INSTANCE,
    CONNECTION,
    DNS_ZONE,
    FIREWALL_POLICY,
    FRONT_DOOR_CLASSIC,
    FRONT_DOOR_ENDPOINT,
    GUEST_FILE,
    KEY_VAULT,
    LOAD_BALANCER,
    METRIC_ALERT,
    NIC,
    PROTECTED_ITEM,
    PUBLIC_ADDRESS,
    REPLICATED_ITEM,
    SKU,
    STORAGE_ACCOUNT,
    TRAFFIC_MANAGER,
    VAULT,
    VM,
)
from auditor.estate.declaration import DeclaredDeployment
from auditor.estate.private_addresses import network_of
from auditor.estate.tags import TAG_DEPLOYMENT, TAG_ROLE, tag
from auditor.snapshot.model import Gap, Resource, Snapshot
from auditor.snapshot.skus import each_once, is_offered

_SHARED: Final = (SKU, f"{AUTOMATION_ACCOUNT}/jobschedules")
"""Types of which every view has all resources: what Azure offers, and that runbooks start somewhere."""
_MANAGER: Final = "microsoft.network/networkmanagers"
_RULE_GROUP: Final = f"{FIREWALL_POLICY}/rulecollectiongroups"
_UNREAD_CONCERNS_ALL: Final = frozenset(
    {
        *(ACTION_RULE, ACTIVITY_ALERT, METRIC_ALERT, BACKUP_INSTANCE, REPLICATED_ITEM, PROTECTED_ITEM, VAULT),
        *(APPLICATION_GATEWAY, AZURE_FIREWALL, _RULE_GROUP, CONNECTION, LOAD_BALANCER, NIC, PUBLIC_ADDRESS),
        *(TRAFFIC_MANAGER, VM),
    }
)
"""Types of which one that was not read, or not all of it, may belong to any deployment."""
_VIEW: Final = "properties.instanceview"
"""What may be unread of a VM without doubt about what it belongs to."""

_ENCODE: Final = msgspec.json.Encoder().encode
_SCOPE: Final = re.compile(rb'/subscriptions/([^/"\\\\?&#]+)')
_KEPT: Final = b"abcdefghijklmnopqrstuvwxyz0123456789-_.:"
_WORDS: Final = bytes(byte if byte in _KEPT else ord(" ") for byte in range(256))
"""For `bytes.translate`: makes words of domain names and IP addresses in lower case, and of what looks like them."""
_ESCAPED: Final = (rb"\n", rb"\r", rb"\t", rb"\b", rb"\f")


class Links(msgspec.Struct, frozen=True):
    """What joins a part to others."""

    scopes: tuple[str, ...]
    resources: int
    refers_to: frozenset[str]
    """The keys of the subscriptions that its resources mention."""
    names: frozenset[str]
    """Names by which others may refer to its resources."""
    mentions: frozenset[str]
    """Names that its resources mention."""
    tags: frozenset[str]
    """The case-folded names of deployments in tags of its VMs."""
    declared: frozenset[str]
    """The keys of declared resources that it has."""
    concerns_all: str = ""
    """Why something in it may concern any deployment, "" if nothing does."""
    shared: tuple[Resource, ...] = ()
    """Resources that every view has."""


class Component(msgspec.Struct, frozen=True):
    """Subscriptions that are evaluated together."""

    scopes: frozenset[str]
    deployments: frozenset[str]
    """The names of its deployments."""
    around: frozenset[str]
    """The other subscriptions that must be in view: those of components that concern all."""


class Partition(msgspec.Struct, frozen=True):
    """All components, and what each view has."""

    components: tuple[Component, ...]
    header: Snapshot
    """The scopes, lists and gaps of all; gaps of single resources are not among them."""
    shared: tuple[Resource, ...]

    def in_view(self, component: Component) -> frozenset[str]:
        """Return the names of the deployments that must be seen to evaluate a component."""
        seen = (each.deployments for each in self.components if each is component or each.scopes & component.around)
        return frozenset(name for names in seen for name in names)

    def view(self, parts: Iterable[Snapshot]) -> Snapshot:
        """Return what must be seen to evaluate a component; `parts` are those of it, and of what is around it."""
        resources = {found.key: found for found in self.shared}
        own: list[Gap] = []
        for part in parts:
            resources |= {found.key: found for found in part.resources if found.type != SKU}
            own += filter(_is_of_resource, part.gaps)
        gaps = self.header.gaps
        if own:  # those of the header are in order already
            gaps = tuple(sorted((*gaps, *own), key=lambda gap: (arm.key(gap.scope), _ENCODE(gap))))
        return msgspec.structs.replace(
            self.header, resources=tuple(resources[key] for key in sorted(resources)), gaps=gaps
        )


# --- one part ---------------------------------------------------------------------------------------------------------


def links_of(part: Snapshot, scopes: frozenset[str], declared: frozenset[str]) -> Links:
    """Return what joins a part to others; `scopes` are all subscriptions, `declared` the keys of declared resources."""
    found = {resource.key: resource for resource in part.resources}
    text = b"\n".join(_ENCODE(resource.body) for resource in part.resources if resource.type != SKU).lower()
    mentioned = {scope.decode() for scope in _SCOPE.findall(text)}
    hosts = _hosts(text)
    labels = {host.partition(".")[0] for host in hosts}
    by_type: dict[str, list[Resource]] = defaultdict(list)
    for resource in part.resources:
        by_type[resource.type].append(resource)
    own = _Part(found, by_type, scopes)
    concerns = next((why for check in _CHECKS for why in check(own)), "") or next(_of_gaps(part.gaps), "")
    return Links(
        scopes=part.scopes,
        resources=len(part.resources),
        refers_to=frozenset(f"/subscriptions/{name}" for name in mentioned).intersection(scopes),
        names=frozenset(own.names()),
        mentions=frozenset({*hosts, *(f"label {label}" for label in labels), *own.mentions()}),
        tags=frozenset(own.tags()),
        declared=declared.intersection(found),
        concerns_all=concerns,
        shared=tuple(each for each in part.resources if each.type in _SHARED or not arm.subscription_of(each.key)),
    )


def _hosts(text: bytes) -> set[str]:
    """Return the domain names and IP addresses in a text in lower case, and what looks like them."""
    for escape in _ESCAPED:
        text = text.replace(escape, b" ")
    found: set[str] = set()
    for word in {*text.translate(_WORDS).split()}:
        # One colon is before a port, several are those of an IPv6 address.
        for host in word.split(b":") if word.count(b":") == 1 else (word,):
            if b"." in host or b":" in host:
                found.add(host.strip(b".").decode())
    return found


def _is_of_resource(gap: Gap) -> bool:
    """Return whether a gap is of a single resource, which it is then attached to."""
    return arm.type_of(gap.scope) not in {"", arm.SUBSCRIPTION, arm.RESOURCE_GROUP}


def _of_gaps(gaps: Iterable[Gap]) -> Iterator[str]:
    """Yield why a gap of a single resource may concern any deployment."""
    for gap in filter(_is_of_resource, gaps):
        type_, what = arm.type_of(gap.scope), arm.canonical_type(gap.what)
        harmless = type_ == VM and what.startswith(_VIEW)
        if not harmless and ({type_, what} & _UNREAD_CONCERNS_ALL or what.startswith(_MANAGER)):
            yield f"{gap.what} of {gap.scope} was not read"


class _Part:
    """The resources of one part."""

    def __init__(
        self, resources: Mapping[str, Resource], by_type: Mapping[str, list[Resource]], scopes: frozenset[str]
    ) -> None:
        self.resources = resources
        self._by_type = by_type
        self._scopes = scopes

    def of(self, *types: str) -> Iterator[Resource]:
        """Yield the resources of some types."""
        for type_ in types:
            yield from self._by_type.get(type_, ())

    def may_lead_nowhere(self, target: object) -> bool:
        """Return whether what is referred to may not exist."""
        if not isinstance(target, str):
            return True
        key = arm.key(target)
        return key not in self.resources and (not arm.subscription_of(key) or arm.subscription_of(key) in self._scopes)

    # --- names --------------------------------------------------------------------------------------------------------

    def names(self) -> Iterator[str]:
        """Yield the names by which others may refer to resources."""
        for type_, where in _NAMED_BY:
            for resource in self.of(type_):
                for found in _values(resource, where):
                    if isinstance(found, str) and found:
                        yield found.strip().rstrip(".").lower()
        for resource in self.of(KEY_VAULT, STORAGE_ACCOUNT):
            yield f"label {arm.name_of(resource.key)}"
        for zone in self.of(DNS_ZONE):
            yield f"zone {arm.name_of(zone.key).rstrip('.')}"
        for vm in self.of(VM):
            yield f"backup {arm.group_of(vm.key)};{arm.name_of(vm.key)}"
            name = next(_values(vm, "properties.osProfile.computerName"), None)
            if isinstance(name, str) and not self._has_networks(vm):
                yield f"host {name.lower()}"

    def _has_networks(self, vm: Resource) -> bool:
        """Return whether it is known in which virtual networks a VM is."""
        named = [*_values(vm, "properties.networkProfile.networkInterfaces[*].id")]
        cards = [self.resources.get(arm.key(name)) for name in named if isinstance(name, str)]
        return bool(named) and all(
            card is not None
            and any(
                isinstance(found, str) for found in _values(card, "properties.ipConfigurations[*].properties.subnet.id")
            )
            for card in cards
        )

    def mentions(self) -> Iterator[str]:
        """Yield names that resources mention in other ways than in full."""
        for file in self.of(GUEST_FILE):
            yield from (
                f"host {text.partition('.')[0].lower()}" for text in texts(file.body) if text and "/" not in text
            )
        for item in self.of(PROTECTED_ITEM):
            kind, _, names = arm.name_of(item.key).partition(";iaasvmcontainerv2;")
            if kind == "vm" and self.may_lead_nowhere(next(_values(item, "properties.sourceResourceId"), None)):
                yield f"backup {names}"

    def tags(self) -> Iterator[str]:
        """Yield the deployments that tags of VMs name."""
        for vm in self.of(VM):
            name = tag(vm, TAG_DEPLOYMENT)
            if name and "/" not in name and tag(vm, TAG_ROLE):
                yield name.casefold()


_NAMED_BY: Final = (
    (PUBLIC_ADDRESS, "properties.dnsSettings.fqdn"),
    (PUBLIC_ADDRESS, "properties.ipAddress"),
    (TRAFFIC_MANAGER, "properties.dnsConfig.fqdn"),
    (FRONT_DOOR_ENDPOINT, "properties.hostName"),
    (FRONT_DOOR_CLASSIC, "properties.cName"),
)
"""By type, the properties that are names in the whole of Azure."""


def _values(resource: Resource, path: str) -> Iterator[object]:
    """Yield the values at a path of a body, without those that are absent."""
    return (found for found in paths.values(resource.body, paths.parse(path)) if found is not paths.ABSENT)


def texts(value: object) -> Iterator[str]:
    """Yield the strings in a value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for member in value.values():
            yield from texts(member)
    elif isinstance(value, list):
        for member in value:
            yield from texts(member)


# --- what concerns all ------------------------------------------------------------------------------------------------


def _connections(part: _Part) -> Iterator[str]:
    for connection in part.of(CONNECTION):
        gateway = next(_values(connection, "properties.virtualNetworkGateway1.id"), None)
        if gateway is not None and not (isinstance(gateway, str) and arm.key(gateway) in part.resources):
            yield f"the network gateway of {connection.id} was not read: any network may use it"


def _addresses(part: _Part) -> Iterator[str]:
    for type_, where in (
        (NIC, "properties.ipConfigurations[*]"),
        (LOAD_BALANCER, "properties.frontendIPConfigurations[*]"),
    ):
        for holder in part.of(type_):
            for found in _values(holder, where):
                own = found.get("properties") if isinstance(found, dict) else None
                own = own if isinstance(own, dict) else {}
                subnet = own.get("subnet")
                subnet = subnet.get("id") if isinstance(subnet, dict) else subnet
                if subnet is None and type_ == LOAD_BALANCER:
                    continue
                placed = isinstance(subnet, str) and network_of(subnet) in part.resources
                if not placed or not own.get("privateIPAddress"):
                    yield f"an address of {holder.id} is in no network that was read: it may be in any"


def _managers(part: _Part) -> Iterator[str]:
    found = (each for each in part.resources.values() if each.type.startswith(_MANAGER))
    yield from (f"{each.id} may be for any network" for each in found)


def _firewalls(part: _Part) -> Iterator[str]:
    for firewall in part.of(AZURE_FIREWALL):
        if next(_values(firewall, "properties.hubIPAddresses"), None) is not None:
            yield f"{firewall.id} is in a virtual hub: routes of any network may lead to it"
        policy = next(_values(firewall, "properties.firewallPolicy.id"), None)
        if policy is not None and part.may_lead_nowhere(policy):
            yield f"the policy of {firewall.id} may not exist"


def _copies(part: _Part) -> Iterator[str]:
    for type_, where in (
        (REPLICATED_ITEM, "properties.providerSpecificDetails.fabricObjectId"),
        (BACKUP_INSTANCE, "properties.dataSourceInfo.resourceID"),
    ):
        for copy in part.of(type_):
            if part.may_lead_nowhere(next(_values(copy, where), None)):
                yield f"what {copy.id} copies may not exist: it may be any VM"


def _items(part: _Part) -> Iterator[str]:
    for item in part.of(PROTECTED_ITEM):
        named_by_vm = arm.name_of(item.key).startswith("vm;iaasvmcontainerv2;")
        if not named_by_vm and part.may_lead_nowhere(next(_values(item, "properties.sourceResourceId"), None)):
            yield f"what {item.id} protects may not exist: it may be any VM"


def _profiles(part: _Part) -> Iterator[str]:
    for profile in part.of(TRAFFIC_MANAGER):
        for endpoint in _values(profile, "properties.endpoints[*]"):
            own = endpoint if isinstance(endpoint, dict) else {}
            nested = str(own.get("type")).lower().endswith("/nestedendpoints")
            settings = own.get("properties")
            target = settings.get("targetResourceId") if isinstance(settings, dict) else None
            if (nested and part.may_lead_nowhere(target)) or not own:
                yield f"a nested endpoint of {profile.id} may lead to any profile"


def _alerts(part: _Part) -> Iterator[str]:
    groups: frozenset[str] | None = None
    for alert in part.of(METRIC_ALERT, ACTIVITY_ALERT, ACTION_RULE):
        scopes = [*_values(alert, "properties.scopes[*]")]
        for scope in scopes:
            type_ = arm.type_of(scope) if isinstance(scope, str) else ""
            if type_ == arm.RESOURCE_GROUP:
                groups = groups or frozenset(key.partition("/providers/")[0] for key in part.resources)
                known = arm.key(str(scope)) in groups
            else:
                known = type_ == arm.SUBSCRIPTION or not part.may_lead_nowhere(scope)
            if not known:
                yield f"what {alert.id} is about may not exist: it may be meant for anything"
        if not scopes:
            yield f"what {alert.id} is about is not known"


_CHECKS: Final[tuple[Callable[[_Part], Iterator[str]], ...]] = (
    *(_connections, _addresses, _managers, _firewalls, _copies, _items, _profiles, _alerts),
)


# --- all parts --------------------------------------------------------------------------------------------------------


class _Sets:
    """Disjoint sets of subscriptions."""

    def __init__(self, members: Iterable[str]) -> None:
        self._above = {member: member for member in members}

    def has(self, member: str) -> bool:
        """Return whether something is a member of a set."""
        return member in self._above

    def of(self, member: str) -> str:
        """Return what stands for the set of a member."""
        while self._above[member] != member:
            self._above[member] = self._above[self._above[member]]
            member = self._above[member]
        return member

    def join(self, members: Iterable[str]) -> None:
        """Make one set of those of some members."""
        roots = sorted({self.of(member) for member in members if member in self._above})
        for root in roots[1:]:
            self._above[root] = roots[0]


def named_in(declared: Iterable[DeclaredDeployment]) -> frozenset[str]:
    """Return the keys of the resources that declarations name."""
    return frozenset(arm.key(text) for each in declared for text in texts(msgspec.to_builtins(each)) if arm.is_id(text))


def partition(header: Snapshot, links: Iterable[Links], declared: tuple[DeclaredDeployment, ...]) -> Partition | None:
    """Return the components of some parts, whose lists and gaps the header has; None if all are one.

    That they are one is also the result if a deployment is of all subscriptions, if something that is declared does not
    exist, or if so much concerns all that components would cost more than the whole.
    """
    links = tuple(links)
    by_name = {each.name.casefold(): each for each in declared}
    tagged = {name for own in links for name in own.tags}
    there = {key for own in links for key in own.declared}
    lacking = {key for key in named_in(declared) - there if arm.type_of(key) not in {"", arm.SUBSCRIPTION}}
    if tagged - by_name.keys() or lacking or not all(each.subscriptions for each in declared):
        return None
    sets = _Sets(header.scopes)
    _join_parts(sets, links)
    homes = _join_deployments(sets, links, declared, header.scopes[0])
    members: dict[str, set[str]] = defaultdict(set)
    for scope in header.scopes:
        members[sets.of(scope)].add(scope)
    deployments: dict[str, set[str]] = defaultdict(set)
    for name, scope in homes.items():
        deployments[sets.of(scope)].add(name)
    common = {sets.of(own.scopes[0]) for own in links if own.concerns_all}
    hidden = _hidden(header)
    common |= {sets.of(homes[each.name]) for each in declared if _may_have_more_members(each, header, hidden)}
    around = frozenset(scope for root in common for scope in members[root])
    size = sum(own.resources for own in links)
    shown = sum(own.resources for own in links if sets.of(own.scopes[0]) in common)
    if len(members) == 1 or shown * len(members) > size:
        return None
    components = tuple(
        Component(frozenset(own), frozenset(deployments[root]), around - own) for root, own in members.items()
    )
    of_all = [found for own in links for found in own.shared]
    shared = {found.key: found for found in of_all if not is_offered(found)}
    shared |= {found.key: found for found in each_once(filter(is_offered, of_all))}
    listing = tuple(gap for gap in header.gaps if not _is_of_resource(gap))
    return Partition(
        components, msgspec.structs.replace(header, gaps=listing), tuple(shared[key] for key in sorted(shared))
    )


def _join_parts(sets: _Sets, links: Iterable[Links]) -> None:
    """Join subscriptions whose resources refer to each other, by id or by name."""
    owners: dict[str, list[str]] = defaultdict(list)
    for own in links:
        sets.join((*own.scopes, *own.refers_to))
        for name in own.names:
            owners[name].append(own.scopes[0])
    for found in owners.values():
        sets.join(found)
    for own in links:
        sets.join((own.scopes[0], *_owners(owners, own.mentions)))


def _owners(owners: Mapping[str, list[str]], mentions: Iterable[str]) -> Iterator[str]:
    """Yield the subscriptions that have a name, or the zone of one."""
    for name in mentions:
        yield from owners.get(name, ())
        for zone in _zones(name):
            yield from owners.get(f"zone {zone}", ())


def _zones(name: str) -> Iterator[str]:
    """Yield a domain name, and the names that it ends with."""
    labels = name.split(".") if "." in name else []
    yield from (".".join(labels[start:]) for start in range(len(labels)))


def _join_deployments(
    sets: _Sets, links: Iterable[Links], declared: Iterable[DeclaredDeployment], first: str
) -> dict[str, str]:
    """Join the subscriptions of each deployment; return one of them by its name, `first` if none was scanned."""
    tagged: dict[str, list[str]] = defaultdict(list)
    owners: dict[str, list[str]] = defaultdict(list)
    for own in links:
        for name in own.tags:
            tagged[name].append(own.scopes[0])
        for name in own.names:
            owners[name].append(own.scopes[0])
    homes: dict[str, str] = {}
    for each in declared:
        said = [text.lower() for text in texts(msgspec.to_builtins(each))]
        hosts = (host for text in said for host in _hosts(text.encode()))
        named = (arm.subscription_of(text) for text in said if arm.is_id(text))
        places = (*each.subscriptions, *named, *tagged[each.name.casefold()], *_owners(owners, hosts))
        sets.join(places)
        homes[each.name] = next(filter(sets.has, places), first)
    return homes


def _hidden(header: Snapshot) -> frozenset[str]:
    """Return the subscriptions of which it is known that VMs were not read."""
    return frozenset(arm.subscription_of(arm.key(gap.scope)) for gap in header.gaps if gap.hides_vms)


def _may_have_more_members(declared: DeclaredDeployment, header: Snapshot, hidden: frozenset[str]) -> bool:
    """Return whether VMs that were not read may be members: their roles are then unknown for all VMs."""
    places = {*declared.subscriptions, *map(arm.subscription_of, named_in((declared,)))}
    return any((place, VM) not in header.listed or place in hidden for place in places)
