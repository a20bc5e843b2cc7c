"""Load balancing: the VMs in backend pools, and the rules that send traffic to them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Final, NamedTuple

from auditor.azure import arm
from auditor.azure.paths import ABSENT, Absent
from auditor.azure.types import references_of
from auditor.azure.types.names import APPLICATION_GATEWAY, LOAD_BALANCER, NIC, SCALE_SET, VM
from auditor.estate.caching import cached_method, cached_value
from auditor.estate.dns import Dns
from auditor.estate.graph import Graph
from auditor.estate.indexes import Doubts, Index
from auditor.estate.private_addresses import PrivateAddresses, Unheld, network_of, peers_of
from auditor.snapshot.known import Answer, Cause, PartialList, Read, Unknown
from auditor.snapshot.lookup import items, malformed, objects, parts, value
from auditor.snapshot.model import Part, Resource

STATUS_PAGE: Final = re.compile(r"mirror_?status\.(cxw|cmx)(\?.*)?$", re.IGNORECASE)
"""The mirror status page, which only the primary answers with 200, in both of its spellings."""

RULES: Final = "properties.loadBalancingRules[*]"
NAT_RULES: Final = "properties.inboundNatRules[*]"
POOLS: Final = "properties.backendAddressPools[*]"
_ADDRESSES: Final = "properties.loadBalancerBackendAddresses[*]"
CONFIGURATIONS: Final = "properties.backendIPConfigurations[*]"
_BACKENDS: Final = "properties.backendAddresses[*]"
_FRONTENDS: Final = "properties.frontendIPConfigurations[*]"
_POOLED: Final = (LOAD_BALANCER, APPLICATION_GATEWAY)


_OTHER_USES: Final = ("properties.outboundRules[*]", NAT_RULES)
"""Uses of a load balancer's backend pool other than load-balancing rules."""
ROUTES: Final = (
    "properties.requestRoutingRules[*]",
    "properties.routingRules[*]",
    "properties.urlPathMaps[*]",
    "properties.urlPathMaps[*].properties.pathRules[*]",
)
"""The parts of an application gateway that refer to backend pools: rules, path maps and path rules."""
TARGETS: Final = ("backendAddressPool", "defaultBackendAddressPool")
"""Their references to backend pools."""

ANY_NETWORK: Final = "*"
"""Stands for every virtual network, and for none."""

_Members = list[Resource | Unheld | Unknown]
"""The VMs of a pool member, or why they are unknown."""


class Uses(NamedTuple):
    """The rules of a load balancer or application gateway by what they use of it."""

    into: dict[str, list[Part]]
    """Load-balancing rules, or what an application gateway has in their place, by the key of each backend pool."""
    unclear: Unknown | None
    """Why one of these may send traffic to a further pool."""
    at: dict[str, list[Part]]
    """Load-balancing rules by the key of the frontend."""
    others: frozenset[str]
    """The keys of the pools that other rules of a load balancer use."""
    others_unclear: Unknown | None
    """Why one of these may use a further pool."""


class _NamedPools(NamedTuple):
    """The backend pools that a rule of a load balancer names."""

    keys: tuple[str, ...]
    unclear: Unknown | None
    """Why there may be a further one."""


class _Resolved(NamedTuple):
    """A backend pool whose members are resolved."""

    vms: Answer
    shown: Mapping[str, tuple[Read, ...]]
    """The pool members that show that a VM is in it, by the key of the VM."""
    open_because: Unknown | None
    """Why a VM that is not known to be in it may be in it."""


class LoadBalancing:
    """Backend pools and their VMs; each pool is resolved once."""

    def __init__(self, graph: Graph) -> None:
        """Take the graph; indexes are built at their first use."""
        self.graph = graph
        self.dns = Dns(graph)
        self.private_addresses = PrivateAddresses(graph)
        self._pools_resolved: dict[str, _Resolved] = {}
        self._open_owners: dict[str, Unknown | None] = {}
        self._uses: dict[str, Uses] = {}
        self._named_members: dict[str, frozenset[str]] = {}
        self._served: dict[tuple[str, str], PartialList] = {}
        self._pools_named: dict[tuple[str, str], _NamedPools] = {}

    def vms(self, pool: Part) -> Answer:
        """Return the VMs in a backend pool, by network interface or by address.

        A pool member whose VM cannot be determined is `Unknown`; an instance of a Uniform scale set is returned as its
        scale set; a network interface without a VM is left out.
        """
        return self._resolved(pool).vms

    def _resolved(self, pool: Part) -> _Resolved:
        if pool.key not in self._pools_resolved:
            # Ends the recursion if pools refer to each other in a circle.
            circle = Unknown(Cause.VALUE, f"{pool.id} leads to itself (malformed)", about=(pool.resource.id,))
            self._pools_resolved[pool.key] = _Resolved(Answer(PartialList(missing=circle)), {}, None)
            self._pools_resolved[pool.key] = self._find_vms(pool)
        return self._pools_resolved[pool.key]

    def shown_by(self, pool: Part, vm: Resource) -> tuple[Read, ...]:
        """Return the pool members that show that a VM is in a backend pool, none if it is not known to be in it."""
        return self._resolved(pool).shown.get(vm.key, ())

    def open_because(self, owner: Resource) -> Unknown | None:
        """Return why a load balancer or application gateway may send traffic to some further VM, or None.

        The pools or load-balancing rules may not all be read, or it cannot be determined which VM a pool member is, or
        which pool a rule leads to. A global load balancer sends traffic to other load balancers only.
        """
        if owner.key not in self._open_owners:
            self._open_owners[owner.key] = None if is_global(owner) else self._find_open(owner)
        return self._open_owners[owner.key]

    def _find_open(self, owner: Resource) -> Unknown | None:
        pools, rules = self.graph.objects(owner, POOLS), self.graph.objects(owner, RULES)
        unclear = (
            *map(self.pool_open_because, pools.of_type(Part)),
            *map(self.unclear_pool, rules.of_type(Part)),
        )
        return pools.incomplete_because or rules.incomplete_because or next(filter(None, unclear), None)

    @cached_value
    def open_owners(self) -> dict[str, list[tuple[Resource, Unknown]]]:
        """The load balancers and application gateways with open pools, and why, by the key of each virtual network.

        Those that may have VMs in any are at "": they name no network, or one that does not exist.
        """
        found: dict[str, list[tuple[Resource, Unknown]]] = defaultdict(list)
        for owner in (owner for type_ in _POOLED for owner in self.graph.by_type.get(type_, ())):
            unknown = self.open_because(owner)
            if unknown is not None:
                anywhere = any(map(self._is_nowhere, self._named(owner)))
                for network in {""} if anywhere else self.networks(owner) or {""}:
                    found[network].append((owner, unknown))
        return found

    def open_in(self, network: str, type_: str, subscriptions: tuple[str, ...]) -> tuple[tuple[Resource, Unknown], ...]:
        """Return the entries of `open_owners` of a type at a network, or at `ANY_NETWORK`, of some subscriptions."""
        return self._open_index().of(*((network, type_, own) for own in subscriptions))

    @cached_method
    def _open_index(self) -> Index[tuple[str, str, str], tuple[Resource, Unknown]]:
        return Index(
            ((place, owner.type, arm.subscription_of(owner.key)), (owner, unknown))
            for network, found in self.open_owners.items()
            for owner, unknown in found
            for place in (network, ANY_NETWORK)
        )

    def _is_nowhere(self, network: str) -> bool:
        """Return whether it is certain that a virtual network does not exist."""
        found = self.graph.get(network)
        return isinstance(found, Unknown) and found.cause is not Cause.GAP

    def first_open(self, owners: Iterable[Resource]) -> Unknown | None:
        """Return why some VM may be in a further backend pool of some owners, or None."""
        return next(filter(None, map(self.open_because, owners)), None)

    def pool_open_because(self, pool: Part) -> Unknown | None:
        """Return why a VM that is not known to be in a backend pool may be in it, or None."""
        return self._resolved(pool).open_because

    def networks(self, owner: Resource) -> frozenset[str] | None:
        """Return the keys of the virtual networks in which a load balancer or application gateway can have VMs.

        None if it may be any: nothing in it names a network.
        """
        around = self._around(owner) if owner.type == APPLICATION_GATEWAY else ()
        return frozenset((*self._named(owner), *around)) or None

    def _named(self, owner: Resource) -> list[str]:
        """Return the keys of the virtual networks that pools, the frontends of a load balancer, or a gateway name."""
        entries = [entry for pool in parts(owner, POOLS) for entry in (pool, *parts(pool, _ADDRESSES))]
        named = [network for entry in entries for network in _named_networks(entry)]
        if owner.type == APPLICATION_GATEWAY:
            return [*named, *self.networks_of_gateway(owner)]
        return [*named, *(network for part in parts(owner, _FRONTENDS) for network in _named_networks(part))]

    def pools_of(self, vm: Resource) -> list[Part]:
        """Return the backend pools of load balancers and application gateways in which a VM is known to be."""
        return self._pools.get(vm.key, [])

    @cached_value
    def _pools(self) -> dict[str, list[Part]]:
        """The backend pools by the key of each VM in them, without those of global load balancers."""
        found: dict[str, list[Part]] = defaultdict(list)
        for type_ in _POOLED:
            for load_balancer in self.graph.by_type.get(type_, ()):
                for pool in () if is_global(load_balancer) else parts(load_balancer, POOLS):
                    for member in PartialList.of(self.vms(pool).value).of_type(Resource):
                        found[member.key].append(pool)
        return found

    def pools_serving(self, vms: Iterable[Resource]) -> list[Part]:
        """Return the distinct backend pools of load balancers from which a rule sends traffic to one of some VMs."""
        found = {
            pool.key: pool
            for vm in vms
            for pool in self.pools_of(vm)
            if pool.resource.type == LOAD_BALANCER and self.rules_into(pool)
        }
        return list(found.values())

    def rules_serving(self, vms: Iterable[Resource]) -> list[Part]:
        """Return the distinct load-balancing rules that send traffic to one of some VMs."""
        found = {rule.key: rule for pool in self.pools_serving(vms) for rule in self.rules_into(pool)}
        return list(found.values())

    def vms_served(self, rule: Part) -> PartialList:
        """Return the VMs to which a load-balancing or inbound NAT rule sends traffic."""
        where = (rule.resource.key, rule.path)
        if where not in self._served:
            self._served[where] = self._find_served(rule)
        return self._served[where]

    def _find_served(self, rule: Part) -> PartialList:
        """Return what `vms_served` does, also while one of the pools is being resolved."""
        pools = [self.graph.part(key) for key in self.pool_keys(rule)]
        found = [PartialList.of(pool if isinstance(pool, Unknown) else self.vms(pool).value) for pool in pools]
        direct = value(rule, "properties.backendIPConfiguration.id")
        if direct.value is not ABSENT:
            member = self._configured(direct)
            found.append(PartialList(() if member is None else (member,)))
        return PartialList.joined(*found, PartialList(missing=self.unclear_pool(rule)))

    def unclear_pool(self, rule: Part) -> Unknown | None:
        """Return why a rule may send traffic to a further backend pool, or None.

        It refers to one that does not exist, or its value is not an id.
        """
        return self._named_pools(rule).unclear

    def pool_keys(self, rule: Part) -> tuple[str, ...]:
        """Return the distinct keys of the backend pools of a rule: one `backendAddressPool`, several, or none."""
        return self._named_pools(rule).keys

    def _named_pools(self, rule: Part) -> _NamedPools:
        where = (rule.resource.key, rule.path)
        if where not in self._pools_named:
            one = value(rule, "properties.backendAddressPool.id").value
            several = PartialList.of(items(rule, "properties.backendAddressPools[*].id").value)
            found = (one, *several.known)
            keys = tuple(dict.fromkeys(arm.key(pool) for pool in found if isinstance(pool, str)))
            unclear = next(filter(None, map(partial(_no_id, rule), found)), several.missing)
            unclear = unclear or next((pool for pool in map(self.graph.part, keys) if isinstance(pool, Unknown)), None)
            self._pools_named[where] = _NamedPools(keys, unclear)
        return self._pools_named[where]

    def pools_of_rules(self, rules: Iterable[Part]) -> list[Part]:
        """Return the distinct backend pools that exist to which some load-balancing rules send traffic."""
        keys = dict.fromkeys(key for rule in rules for key in self.pool_keys(rule))
        return [pool for pool in map(self.graph.part, keys) if isinstance(pool, Part)]

    def rules_into(self, pool: Part) -> list[Part]:
        """Return the load-balancing rules that send traffic to a pool."""
        return self.uses(pool.resource).into.get(pool.key, []) if pool.resource.type == LOAD_BALANCER else []

    def uses(self, owner: Resource) -> Uses:
        """Return the rules of a load balancer or application gateway by what they use of it."""
        if owner.key not in self._uses:
            is_gateway = owner.type == APPLICATION_GATEWAY
            paths = ROUTES if is_gateway else (RULES,)
            rules = PartialList.joined(*(self.graph.objects(owner, path) for path in paths))
            into: dict[str, list[Part]] = defaultdict(list)
            at: dict[str, list[Part]] = defaultdict(list)
            for rule in rules.of_type(Part):
                for pool in _targets(rule) if is_gateway else self.pool_keys(rule):
                    into[pool].append(rule)
                frontend = value(rule, "properties.frontendIPConfiguration.id").value
                if isinstance(frontend, str):
                    at[arm.key(frontend)].append(rule)
            unclear = map(self.unclear_target if is_gateway else self.unclear_pool, rules.of_type(Part))
            others = PartialList.joined(*(objects(owner, path) for path in _OTHER_USES))
            self._uses[owner.key] = Uses(
                dict(into),
                rules.incomplete_because or next(filter(None, unclear), None),
                dict(at),
                frozenset(pool for rule in others.of_type(Part) for pool in self.pool_keys(rule)),
                others.incomplete_because or next(filter(None, map(self.unclear_pool, others.of_type(Part))), None),
            )
        return self._uses[owner.key]

    def unclear_target(self, route: Part) -> Unknown | None:
        """Return why a rule or path map of an application gateway may refer to a further backend pool, or None.

        It refers to one that does not exist, or its value is not an id.
        """
        references = references_of(route.resource.type, route.path)
        named = (self.graph.follow(route, name).value for name in TARGETS if name in references)
        return next((pool for pool in named if isinstance(pool, Unknown)), None)

    def names(self, pool: Part, configuration: Part) -> bool:
        """Return whether a backend pool names an IP configuration, by a reference or by its address."""
        if pool.key not in self._named_members:
            entries = [entry for path in (CONFIGURATIONS, _ADDRESSES) for entry in parts(pool, path)]
            self._named_members[pool.key] = frozenset(name for entry in entries for name in _names_of(entry))
        own = value(configuration, "properties.privateIPAddress").value
        names = self._named_members[pool.key]
        return configuration.key in names or (isinstance(own, str) and own in names)

    @cached_value
    def doubtful(self) -> list[tuple[Resource, tuple[Unknown, ...]]]:
        """The application gateways that may send requests to further VMs, and why.

        An unresolved name or address is not a reason if another pool member of the application gateway is known.
        """
        found = []
        for gateway in self.graph.by_type.get(APPLICATION_GATEWAY, ()):
            members = PartialList.joined(*(PartialList.of(self.vms(pool).value) for pool in parts(gateway, POOLS)))
            known = bool(members.of_type(Resource))
            if doubts := tuple(m for m in members.of_type(Unknown) if m.cause is Cause.GAP or not known):
                found.append((gateway, doubts))
        return found

    @cached_value
    def doubts(self) -> Doubts:
        """What is `doubtful`, by subscription."""
        return Doubts(self.doubtful)

    def _find_vms(self, pool: Part) -> _Resolved:
        found: dict[str | tuple[str, str], Resource | Unknown] = {}
        reads: list[Read] = []
        shown: dict[str, tuple[Read, ...]] = {}
        missing, is_open = None, None
        for path in (CONFIGURATIONS, _ADDRESSES, _BACKENDS):
            entries = objects(pool, path)
            missing = missing or entries.missing
            for entry in entries.known:
                members: _Members = [entry] if isinstance(entry, Unknown) else []
                named = ""
                if isinstance(entry, Part):
                    members, read = self._members(pool, entry)
                    reads.append(read)
                    named = str(read.value).lower()
                for member in members:
                    if isinstance(member, Resource):
                        found[member.key] = member
                        shown[member.key] = (*shown.get(member.key, ()), read)
                        continue
                    unknown = member.unknown if isinstance(member, Unheld) else member
                    # Several members can be unknown for one reason, and each of them counts.
                    found[named, unknown.reason] = unknown
                    is_open = is_open or (None if isinstance(member, Unheld) else unknown)
        return _Resolved(Answer(PartialList(tuple(found.values()), missing), tuple(reads)), shown, missing or is_open)

    def _members(self, pool: Part, entry: Part) -> tuple[_Members, Read]:
        """Return the VMs of one pool member, none if no VM has it, and the property that shows it."""
        of_gateway = entry.resource.type == APPLICATION_GATEWAY
        name = value(entry, "fqdn")
        if of_gateway and isinstance(name.value, str):
            return self._behind_name(name.value), name.reads[0]
        address = value(entry, "properties.ipAddress")
        if of_gateway and isinstance(address.value, Absent):
            address = value(entry, "ipAddress")
        if isinstance(address.value, str):
            return self._at_address(self._networks(pool, entry), address.value), address.reads[0]
        frontend = value(entry, "properties.loadBalancerFrontendIPConfiguration.id")
        if isinstance(frontend.value, str):
            return self.behind_frontend(frontend.value), frontend.reads[0]
        reference = value(entry, "properties.networkInterfaceIPConfiguration.id")
        if not isinstance(reference.value, str):
            reference = value(entry, "id")
        read = reference.reads[0] if reference.reads else Read(entry.resource.id, entry.path, ABSENT)
        member = self._configured(reference)
        return [] if member is None else [member], read

    def _behind_name(self, name: str) -> _Members:
        """Return the VMs behind the public IP address of a domain name."""
        address = self.dns.address(name)
        if not isinstance(address, Resource):
            return [] if address is None else [address]
        holder = value(address, "properties.ipConfiguration.id")
        if isinstance(holder.value, str) and "/frontendipconfigurations/" in holder.value.lower():
            return self.behind_frontend(holder.value)
        if holder.value is ABSENT:
            return self._referring_to(address)
        member = self._configured(holder)
        return [] if member is None else [member]

    def _referring_to(self, address: Resource) -> _Members:
        """Return the VMs behind a public IP address that does not show what has it, by what refers to it."""
        frontends = [
            part
            for type_ in _POOLED
            for edge in self.graph.referrers(address.key, type_)
            for part in parts(edge.source, _FRONTENDS)
            if arm.key(str(value(part, "properties.publicIPAddress.id").value)) == address.key
        ]
        vms = (self.vm_of(edge.source.id) for edge in self.graph.referrers(address.key, NIC))
        behind = [vm for part in frontends for vm in self.behind_frontend(part.id)]
        return [*behind, *(vm for vm in vms if vm is not None)]

    def _at_address(self, networks: list[str], address: str) -> _Members:
        """Return the VMs at a private IP address in one of some networks."""
        holder = self.private_addresses.holder(networks, address)
        if not isinstance(holder, Part):
            return [holder]
        if holder.resource.type == LOAD_BALANCER:
            return self.behind_frontend(holder.id)
        member = self.vm_of(holder.resource.id)
        return [] if member is None else [member]

    def behind_frontend(self, frontend: str) -> _Members:
        """Return the VMs to which a load balancer sends the traffic of one of its frontends, by the frontend's id."""
        load_balancer = self.graph.owner(frontend)
        if isinstance(load_balancer, Unknown):
            return [load_balancer]
        if load_balancer.type != LOAD_BALANCER:
            reason = f"{load_balancer.id} receives requests from another gateway, which is not resolved"
            return [Unknown(Cause.VALUE, reason, about=(load_balancer.id,))]
        named = self.uses(load_balancer).at.get(arm.key(frontend), ())
        unread = self.graph.objects(load_balancer, RULES).incomplete_because
        served = PartialList.joined(*(self._find_served(rule) for rule in named), PartialList(missing=unread))
        return [*served.of_type(Resource), *served.of_type(Unknown), *filter(None, (served.missing,))]

    def _configured(self, reference: Answer) -> Resource | Unknown | None:
        """Return the VM of the IP configuration to which a reference points; None if no VM has it."""
        if isinstance(reference.value, Unknown):
            return reference.value
        if isinstance(reference.value, str) and "/ipconfigurations/" in reference.value.lower():
            return self.vm_of(_interface_of(reference.value))
        read = reference.reads[0]
        reason = f"{read.resource}: {read.path} does not refer to an IP configuration of a VM"
        return Unknown(Cause.VALUE, reason, about=(read.resource,))

    def _networks(self, pool: Part, entry: Part) -> list[str]:
        """Return the keys of the virtual networks in which the address of a pool member can be.

        A pool member of a load balancer, or its pool, refers to its network. That of an application gateway can be in
        the gateway's network or in one peered with it.
        """
        named = _named_networks(entry) or _named_networks(pool)
        if named:
            return named[:1]
        return self._around(entry.resource) if entry.resource.type == APPLICATION_GATEWAY else []

    @staticmethod
    def networks_of_gateway(gateway: Resource) -> list[str]:
        """Return the keys of the virtual networks that an application gateway is in."""
        places = parts(gateway, "properties.gatewayIPConfigurations[*]")
        subnets = (value(place, "properties.subnet.id").value for place in places)
        return [network_of(subnet) for subnet in subnets if isinstance(subnet, str)]

    def _around(self, gateway: Resource) -> list[str]:
        """Return the keys of the virtual networks of an application gateway, and of those peered with them."""
        own = self.networks_of_gateway(gateway)
        found = [network for network in map(self.graph.get, own) if isinstance(network, Resource)]
        return [*own, *(peer for network in found for peer in peers_of(network))]

    def vm_of(self, interface_id: str) -> Resource | Unknown | None:
        """Return the VM of a network interface, by a reference of either one."""
        key = arm.key(interface_id)
        if arm.type_of(key).startswith(f"{SCALE_SET}/"):
            return self._scale_set(interface_id)
        for edge in self.graph.referrers(key, VM):
            return edge.source
        interface = self.graph.get(interface_id)
        if isinstance(interface, Unknown):
            return interface
        vm = value(interface, "properties.virtualMachine.id").value
        if isinstance(vm, str):
            return self.graph.get_or_unread(vm)
        return vm if isinstance(vm, Unknown) else None

    def _scale_set(self, interface_id: str) -> Resource:
        """Return the Uniform scale set whose instance has a network interface."""
        segments = interface_id.split("/")
        position = [segment.lower() for segment in segments].index("virtualmachinescalesets")
        return self.graph.get_or_placeholder("/".join(segments[: position + 2]))


def _no_id(rule: Part, pool: object) -> Unknown | None:
    """Return why a rule names no backend pool by a value in the place of an id, None if it does or has no value."""
    if isinstance(pool, Unknown):
        return pool
    is_id = pool is ABSENT or isinstance(pool, str)
    return None if is_id else malformed(rule, "properties.backendAddressPool", pool, "the id of a backend pool")


def is_global(load_balancer: Resource) -> bool:
    """Return whether a load balancer is a global one, whose pool members are frontends of regional load balancers."""
    return str(value(load_balancer, "sku.tier").value).lower() == "global"


def _named_networks(element: Part) -> list[str]:
    """Return the keys of the virtual networks to which a pool member, backend pool or frontend refers.

    What is not an id is the key of none.
    """
    named = (value(element, f"properties.{name}.id").value for name in ("virtualNetwork", "subnet"))
    return [network_of(str(found)) for found in named if found is not ABSENT and not isinstance(found, Unknown)]


def _targets(route: Part) -> tuple[str, ...]:
    """Return the keys of the backend pools that a rule or path map of an application gateway refers to."""
    named = (value(route, f"properties.{name}.id").value for name in TARGETS)
    return tuple(arm.key(pool) for pool in named if isinstance(pool, str))


def _names_of(entry: Part) -> Iterator[str]:
    """Yield the key of the IP configuration of a pool member, and its address."""
    named = value(entry, "properties.networkInterfaceIPConfiguration.id").value
    named = named if isinstance(named, str) else value(entry, "id").value
    if isinstance(named, str):
        yield arm.key(named)
    address = value(entry, "properties.ipAddress").value
    if isinstance(address, str):
        yield address


def _interface_of(configuration_id: str) -> str:
    """Return the id of the network interface of an IP configuration's id."""
    return configuration_id[: configuration_id.lower().rindex("/ipconfigurations/")]
