"""The virtual machines of a snapshot, with hints about their roles."""

from __future__ import annotations

import enum
import ipaddress
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, NamedTuple

from auditor.azure import arm
from auditor.azure.types.names import APPLICATION_GATEWAY, LOAD_BALANCER, VIRTUAL_NETWORK, VM
from auditor.discover.names import (
    HEALTHSHARE,
    NON_PRODUCTION,
    PRODUCT_WORDS,
    WHOLE_PRODUCTS,
    healthshare_product,
    role_in,
    words_of,
)
from auditor.estate.declaration import Role
from auditor.estate.graph import Graph
from auditor.estate.guest_files import GuestFiles
from auditor.estate.load_balancing import POOLS, LoadBalancing
from auditor.estate.named_hosts import NamedHosts
from auditor.estate.private_addresses import Unheld, network_of
from auditor.estate.tags import PRODUCT, TAG_DEPLOYMENT, TAG_PRODUCT, tag
from auditor.rules.facts.mirror_settings import MOST_DAYS
from auditor.snapshot.guest_kinds import GuestKind
from auditor.snapshot.known import PartialList, Unknown
from auditor.snapshot.lookup import items, parts, value
from auditor.snapshot.model import Part, Resource, Snapshot

DATABASES: Final = frozenset({Role.DB, Role.MIRROR_FAILOVER, Role.MIRROR_DR, Role.MIRROR_REPORTING})

_CONFIGURATIONS: Final = "properties.ipConfigurations[*]"
_PREFIXES: Final = "properties.addressSpace.addressPrefixes[*]"
_REGION: Final = re.compile(r"[a-z][a-z0-9]{1,63}")


class Confidence(enum.IntEnum):
    """Confidence of a line of the proposal."""

    GUESS = 1
    """One hint, such as a name."""
    LIKELY = 2
    """A probe of the mirror status page, or two hints from different subjects that agree."""
    CERTAIN = 3
    """A tag of the auditor, or the CPF of a mirror member."""


class Host(NamedTuple):
    """What has an address, or a host name, in a file inside a VM; `why` says so, or why that is not known."""

    why: str
    vm: Candidate | None = None
    frontend: Part | None = None
    """The frontend of a load balancer."""
    outside: bool = False
    """Whether it is certain that no VM that was read has it."""


class Hint(NamedTuple):
    """One reason for a role."""

    role: Role
    confidence: Confidence
    why: str
    named: bool = False
    """Whether the reason is the name of the VM."""


@dataclass(eq=False)
class Candidate:
    """A VM with the hints about its role."""

    resource: Resource
    words: frozenset[str]
    """The words of its name."""
    group_words: frozenset[str]
    """The words of the name of its resource group."""
    hints: list[Hint] = field(default_factory=list)
    product_hints: list[str] = field(default_factory=list)
    """Reasons to take it for a VM of an InterSystems product."""
    mirror_pools: list[str] = field(default_factory=list)
    """Keys of the backend pools of mirrors that it is in."""
    mirrors: list[str] = field(default_factory=list)
    """The mirrors of CPFs to which files show that it belongs, by an identifier of each."""
    networks: frozenset[str] = frozenset()
    excluded: str = ""
    """Why it is not proposed, as a noun phrase; "" if it may be."""

    @property
    def name(self) -> str:
        """Return the name in Azure's spelling."""
        return self.resource.name

    @property
    def role_by_name(self) -> Role | None:
        """Return the role that its name suggests."""
        return role_in(self.words)

    @property
    def best_hint(self) -> Hint | None:
        """Return the combined hint: the role of a CPF or tag, else of the name, else of pools and availability sets."""
        if not self.hints or self.excluded:
            return None
        certain = next((hint for hint in self.hints if hint.confidence is Confidence.CERTAIN), None)
        own = next((hint for hint in self.hints if hint.named and hint.role is not Role.DB), None)
        best = certain or own or max(self.hints, key=lambda hint: (hint.role is not Role.DB, hint.confidence))
        support = [hint for hint in self.hints if hint.role is best.role or {hint.role, best.role} <= DATABASES]
        confidence = max(hint.confidence for hint in support)
        if len({hint.why for hint in support}) > 1:
            confidence = max(confidence, Confidence.LIKELY)
        against = [
            f"but {hint.why} says {hint.role}"
            for hint in self.hints
            if hint.confidence is Confidence.CERTAIN and hint.role is not best.role
        ]
        return Hint(best.role, confidence, "; ".join(dict.fromkeys((*(hint.why for hint in support), *against))))

    @property
    def role(self) -> Role | None:
        """Return the role of the combined hint, None without hints."""
        best = self.best_hint
        return best.role if best else None

    @property
    def is_certain(self) -> bool:
        """Return whether a CPF or a tag says its role."""
        return any(hint.confidence is Confidence.CERTAIN for hint in self.hints)

    @property
    def deployment_tag(self) -> str:
        """Return the deployment named by its tag, "" without the tag."""
        return tag(self.resource, TAG_DEPLOYMENT).strip()

    @property
    def region(self) -> str:
        """Return its region, "" if a deployment file cannot express it."""
        found = self.resource.location
        return found if _REGION.fullmatch(found) and found != "none" else ""

    @property
    def availability_set(self) -> str:
        """Return the key of its availability set, "" without one."""
        found = value(self.resource, "properties.availabilitySet.id").value
        return arm.key(found) if isinstance(found, str) else ""

    @property
    def production(self) -> bool:
        """Return whether neither name, resource group nor tag suggests a test environment."""
        return not NON_PRODUCTION & (self.words | self.group_words | words_of(tag(self.resource, "environment")))

    @property
    def product(self) -> str:
        """Return the HealthShare product of its tag or name, "" without one."""
        said = tag(self.resource, TAG_PRODUCT).lower()
        if PRODUCT.fullmatch(said):
            return "" if said in WHOLE_PRODUCTS else said
        if not HEALTHSHARE & (self.words | self.group_words):
            return ""
        return healthshare_product(self.words)


class Candidates:
    """The VMs that a deployment file can declare, with look-ups."""

    def __init__(self, snapshot: Snapshot) -> None:
        """Index the VMs of a snapshot, without hints about roles."""
        self.graph = Graph(snapshot)
        self.load_balancing = LoadBalancing(self.graph)
        self._hosts = NamedHosts(self.load_balancing)
        self._guest_files = GuestFiles(self.graph)
        self.by_key = {
            vm.key: Candidate(vm, words_of(vm.name), words_of(arm.group_of(vm.key)))
            for vm in self.graph.by_type.get(VM, ())
            if _can_be_declared(vm)
        }
        self.names = Counter(vm.name.lower() for vm in self.graph.by_type.get(VM, ()))
        for vm in self.by_key.values():
            vm.networks = frozenset(self._networks(vm.resource))
            words = PRODUCT_WORDS & (vm.words | vm.group_words)
            vm.product_hints += [f"its name or that of its resource group contains {word}" for word in sorted(words)]

    def _networks(self, vm: Resource) -> Iterator[str]:
        for interface in self._interfaces(vm):
            for configuration in parts(interface, _CONFIGURATIONS):
                subnet = value(configuration, "properties.subnet.id").value
                if isinstance(subnet, str):
                    yield network_of(subnet)

    def _interfaces(self, vm: Resource) -> Iterator[Resource]:
        for interface in parts(vm, "properties.networkProfile.networkInterfaces[*]"):
            arm_id = value(interface, "id").value
            found = self.graph.get(arm_id) if isinstance(arm_id, str) else None
            if isinstance(found, Resource):
                yield found

    def files(self, kind: GuestKind) -> Iterator[tuple[Candidate, Resource]]:
        """Yield the files of a kind from inside the VMs, without those that are too old, or of excluded VMs."""
        return ((vm, file) for vm in self.by_key.values() for file in self.files_of(vm, kind))

    def files_of(self, vm: Candidate, kind: GuestKind) -> list[Resource]:
        """Return the files of a kind from inside a VM that is not excluded, without those that are too old."""
        return [] if vm.excluded else self._guest_files.supplied(vm.resource, kind, MOST_DAYS).of_type(Resource)

    def unused_files(self) -> Iterator[str]:
        """Yield why files from inside the VMs were not used."""
        for vm in self.by_key.values():
            for kind in (GuestKind.CPF, GuestKind.CSP_INI):
                yield from (
                    unknown.reason
                    for unknown in self._guest_files.supplied(vm.resource, kind, MOST_DAYS).of_type(Unknown)
                )

    def host(self, text: str, near: Candidate) -> Host:
        """Return what has an address or name, as understood on a VM; all virtual networks that were read count."""
        networks = PartialList(tuple(self.graph.by_type.get(VIRTUAL_NETWORK, ())), self._unlisted_networks)
        found = self._hosts.find_within(text, near.resource, networks, "the snapshot").value
        if isinstance(found, Part):
            return Host(f"a frontend of {found.resource.name}", frontend=found)
        if isinstance(found, Resource):
            vm = self.by_key.get(found.key)
            return Host(f"which is {found.name}", vm)
        if isinstance(found, Unheld):
            return Host("nothing that was read has this address")
        reason = found.reason if isinstance(found, Unknown) else f"{text} is that of no VM"
        return Host(reason, outside=self._is_outside(text))

    def _is_outside(self, text: str) -> bool:
        """Return whether a text is an address in none of the virtual networks, all of which were read."""
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            return False
        networks = self.graph.by_type.get(VIRTUAL_NETWORK, ())
        spaces = [PartialList.of(items(network, _PREFIXES).value) for network in networks]
        if self._unlisted_networks or not all(space.complete for space in spaces):
            return False
        return not any(_contains(prefix, address) for space in spaces for prefix in space.known)

    @cached_property
    def _unlisted_networks(self) -> Unknown | None:
        gaps = (self.graph.listing(VIRTUAL_NETWORK, scope) for scope in self.graph.snapshot.scopes)
        return next(filter(None, gaps), None)

    def behind(self, frontend: Part) -> list[Candidate]:
        """Return the VMs to which a load balancer sends the traffic of a frontend."""
        found = self.load_balancing.behind_frontend(frontend.id)
        vms = (self.by_key.get(vm.key) for vm in found if isinstance(vm, Resource))
        return [vm for vm in vms if vm is not None]

    def second_address(self, vm: Candidate) -> str:
        """Return a second private IPv4 address of a network interface of a VM with its place, "" without one."""
        for interface in self._interfaces(vm.resource):
            found = [
                (str(value(configuration, "name").value), address)
                for configuration in parts(interface, _CONFIGURATIONS)
                if isinstance(address := value(configuration, "properties.privateIPAddress").value, str)
                and ":" not in address
            ]
            if len(found) > 1:
                return f"{found[1][1]} ({found[1][0]}) is a second address of {interface.name}"
        return ""

    def pools(self) -> Iterator[tuple[Part, list[Candidate]]]:
        """Yield the backend pools of load balancers and application gateways with their VMs."""
        for type_ in (LOAD_BALANCER, APPLICATION_GATEWAY):
            for load_balancer in self.graph.by_type.get(type_, ()):
                for pool in parts(load_balancer, POOLS):
                    known = self.load_balancing.vms(pool).value
                    members = known.known if isinstance(known, PartialList) else ()
                    found = [self.by_key.get(m.key) for m in members if isinstance(m, Resource)]
                    yield pool, [vm for vm in found if vm is not None and not vm.excluded]


def _contains(prefix: object, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Return whether an address is in an address prefix; what is no prefix may contain every address."""
    try:
        return address in ipaddress.ip_network(str(prefix), strict=False)
    except ValueError:
        return True


def _can_be_declared(vm: Resource) -> bool:
    """Return whether a deployment file can declare a VM by its id."""
    return arm.is_id(vm.id) and len(vm.id) < 2000
