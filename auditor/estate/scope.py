"""The scope of a deployment: its members and what the reference graph reaches from them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import chain, islice
from typing import Final

from auditor.azure import arm
from auditor.azure.types import REACHED_BACKWARDS, REFERENCES
from auditor.azure.types.names import (
    APPLICATION_GATEWAY,
    AZURE_FIREWALL,
    CONNECTION,
    LOAD_BALANCER,
    NETWORK_GATEWAY,
    PUBLIC_ADDRESS,
    TRAFFIC_MANAGER,
    VIRTUAL_NETWORK,
    VM,
)
from auditor.estate.indexes import Doubts
from auditor.estate.load_balancing import ANY_NETWORK, POOLS
from auditor.estate.network_gateways import is_virtual_hub, unread_gateways
from auditor.estate.private_addresses import peers_of
from auditor.estate.public_addresses import ProfiledWay, PublicAddresses
from auditor.estate.subjects import DeploymentScope, Members
from auditor.snapshot.known import Cause, PartialList, Unknown
from auditor.snapshot.lookup import objects, parts, unread, value
from auditor.snapshot.model import Part, Resource

_REFER_TO_DEPLOYMENTS: Final = (
    LOAD_BALANCER,
    APPLICATION_GATEWAY,
    *(type_ for types in REACHED_BACKWARDS.values() for type_ in types),
)
"""Types whose resources refer to the deployment, and not the reverse."""

_ENDS: Final = {AZURE_FIREWALL: VIRTUAL_NETWORK, NETWORK_GATEWAY: VIRTUAL_NETWORK, CONNECTION: NETWORK_GATEWAY}
"""What the types refer to of which a rule counts every resource that leads to the deployment."""


class ScopeBuilder:
    """Collects the scope of a deployment, with the reason why a type may be incomplete."""

    def __init__(self, public: PublicAddresses, subscriptions: tuple[str, ...]) -> None:
        """Start with an empty scope in some subscriptions."""
        self._balancing = public.balancing
        self._graph = self._balancing.graph
        self._public = public
        self._naming = self._balancing.dns
        self._subscriptions = subscriptions
        self._found: dict[str, dict[str, Resource]] = defaultdict(dict)
        self._missing: dict[str, Unknown] = {}
        self._undeclared: list[Unknown] = []
        """Why further VMs may be members, although all VMs were read."""
        self._direct: dict[str, None] = {}
        """Keys of public IP addresses at which clients of the deployment may arrive."""
        self._whole_groups = False

    def add_members(self, members: Members) -> None:
        """Add the VMs of a role and what they refer to."""
        vms = PartialList.of(members)
        self._reach(vms.of_type(Resource))
        unknown = vms.incomplete_because
        if unknown is not None and unknown.cause is Cause.DECLARATION:
            self._undeclared.append(unknown)
        elif unknown is not None:
            self._record_missing(VM, unknown)

    def add_groups(self, groups: tuple[str, ...]) -> None:
        """Add everything in some resource groups, and what it refers to."""
        self._whole_groups = True
        inside = self._graph.in_groups(groups, self._subscriptions)
        self._direct |= dict.fromkeys(resource.key for resource in inside if resource.type == PUBLIC_ADDRESS)
        self._reach(inside)

    def result(self) -> DeploymentScope:
        """Return the scope."""
        self._add_profiles()
        self._record_undeclared()
        subnets = self._subnets()
        for type_ in _REFER_TO_DEPLOYMENTS:
            gap = self._unread(type_) if _has_place_for(type_, subnets) else None
            if gap is not None:
                self._record_missing(type_, gap)
        self._record_open_pools()
        self._record_profiles_of_networks()
        self._record_unresolved(APPLICATION_GATEWAY, self._balancing.doubts)
        self._record_unresolved(TRAFFIC_MANAGER, self._naming.doubts)
        found = {
            type_: PartialList(
                tuple(found for _, found in sorted(self._found[type_].items())),
                self._missing.get(type_) or self._unlisted(type_),
            )
            for type_ in {*(type_ for type_, known in self._found.items() if known), *self._missing}
        }
        return DeploymentScope(found, self._unlisted)

    def _record_undeclared(self) -> None:
        """Record that resources may be missing that only an undeclared member leads to.

        There are none of a type of which every resource in the subscriptions is here already.
        """
        for unknown in self._undeclared:
            self._missing.setdefault(VM, unknown)
            for type_ in _reachable_from(VM):
                if not self._has_all(type_):
                    self._missing.setdefault(type_, unknown)

    def _has_all(self, type_: str) -> bool:
        """Return whether all resources of a type in the subscriptions were read and are here."""
        found = self._found[type_]
        return self._graph.unlisted(type_, self._subscriptions) is None and all(
            resource.key in found for resource in self._graph.in_subscriptions(type_, self._subscriptions)
        )

    def _unlisted(self, type_: str) -> Unknown | None:
        """Return why a resource group may have unread resources of a type, None if it does not."""
        if not self._whole_groups:
            return None
        return self._graph.unlisted(type_, self._subscriptions)

    def _reach(self, resources: Iterable[Resource]) -> None:
        queue = list(resources)
        while queue:
            resource = queue.pop()
            if resource.key in self._found[resource.type]:
                continue
            self._found[resource.type][resource.key] = resource
            for reference in REFERENCES.get(resource.type, ()) if resource.unread else ():
                gap = unread(resource, reference.path.split("[*]")[0])
                if gap is not None and reference.reached:
                    self._record_missing(reference.to, gap)
            for reached in self._graph.reached(resource.key):
                if isinstance(reached, Resource):
                    if reached.type == TRAFFIC_MANAGER:  # see `_add_profiles`: not every address leads here
                        continue
                    queue.append(reached)
                    if reached.type == PUBLIC_ADDRESS and resource.type != NETWORK_GATEWAY:
                        self._direct[reached.key] = None
                else:
                    self._record_missing(*reached)
            queue += self._joined(resource)

    def _joined(self, resource: Resource) -> list[Resource]:
        """Return what belongs with a VM or virtual network without a reference of either one."""
        if resource.type == VM:
            return [pool.resource for pool in self._balancing.pools_of(resource)]
        return [*self._remote_gateways(resource)] if resource.type == VIRTUAL_NETWORK else []

    def _remote_gateways(self, network: Resource) -> Iterator[Resource]:
        """Yield the gateways of peered virtual networks that a network uses as its own."""
        for peering in parts(network, "properties.virtualNetworkPeerings[*]"):
            remote = value(peering, "properties.remoteVirtualNetwork.id").value
            if value(peering, "properties.useRemoteGateways").value is not True or not isinstance(remote, str):
                continue
            if is_virtual_hub(remote):
                continue
            found = self._graph.get(remote)
            unknown = self._graph.listing(NETWORK_GATEWAY, arm.subscription_of(arm.key(remote)))
            if isinstance(found, Resource):
                reached = (each for each in self._graph.reached(found.key) if isinstance(each, Resource))
                yield from (gateway for gateway in reached if gateway.type == NETWORK_GATEWAY)
            elif unknown is None:
                unknown = found
            if unknown is not None:
                self._record_missing(NETWORK_GATEWAY, unknown)

    def _add_profiles(self) -> None:
        """Add the Traffic Manager profiles that lead here, and what else they lead to.

        A gateway or load balancer behind which VMs are known is reached from these, or is not of this deployment. A
        public IP address of a firewall counts, also in a network that is not of the deployment.
        """
        self._reach(self._unclear_gateways())
        while new := self._profiles_that_lead_here():
            for profile in new:
                self._reach([profile])
                for target in self._public.addresses(profile):
                    holders = self._public.holders(target)
                    if not holders or any(way.forwards for way in self._public.ways_in(target)):
                        self._reach([target])
                    for holder in holders:
                        self._add_unclear(holder)

    def _unclear_gateways(self) -> list[Resource]:
        """Return the application gateways in virtual networks of the deployment of which no VM is known behind them.

        Their backends are, for instance, domain names of a private DNS zone.
        """
        balancing = self._balancing
        found = {
            owner.key: owner
            for network in self._found[VIRTUAL_NETWORK]
            for owner, _ in balancing.open_owners.get(network, ())
            if owner.type == APPLICATION_GATEWAY and network in balancing.networks_of_gateway(owner)
        }
        return [gateway for gateway in found.values() if not self._serves_vms(gateway)]

    def _profiles_that_lead_here(self) -> list[Resource]:
        """Return the Traffic Manager profiles that are known to lead to the deployment and were not added yet."""
        found = [profile for key in self._direct for profile in self._naming.profiles_at(self._graph.resources[key])]
        found += [way.profile for way in self._forwarding()]
        once = {profile.key: profile for profile in found}
        return [profile for key, profile in once.items() if key not in self._found[TRAFFIC_MANAGER]]

    def _forwarding(self) -> list[ProfiledWay]:
        """Return the ways at which a firewall or VM forwards into a virtual network of the deployment."""
        found = (way for network in self._found[VIRTUAL_NETWORK] for way in self._public.profiled.get(network, ()))
        return [way for way in found if way.forwards]

    def _add_unclear(self, holder: Resource) -> None:
        """Add a gateway or load balancer to which a profile of the deployment leads, if no VM is known behind it."""
        if holder.type not in _POOLED or holder.key in self._found[holder.type]:
            return
        if not self._serves_vms(holder):
            self._reach([holder])
        elif unknown := self._balancing.open_because(holder):
            self._record_missing(holder.type, unknown)

    def _serves_vms(self, owner: Resource) -> bool:
        """Return whether a VM is known to be in a backend pool."""
        return any(PartialList.of(self._balancing.vms(pool).value).of_type(Resource) for pool in parts(owner, POOLS))

    def _record_open_pools(self) -> None:
        """Record that load balancers or application gateways may serve VMs in networks of the deployment.

        It is unknown which VMs are in one of their backend pools.
        """
        balancing = self._balancing
        networks = ("", *self._found[VIRTUAL_NETWORK]) if VIRTUAL_NETWORK not in self._missing else (ANY_NETWORK,)
        for type_ in _POOLED:
            owners = (found for network in networks for found in balancing.open_in(network, type_, self._subscriptions))
            unknown = next((why for owner, why in owners if owner.key not in self._found[type_]), None)
            if unknown is not None:
                self._record_missing(type_, unknown)

    def _record_profiles_of_networks(self) -> None:
        """Record that Traffic Manager profiles may lead here through VMs in the virtual networks of the deployment.

        Or through what forwards packets in a virtual network that is peered with one of these. If a profile is known to
        lead here, the others are taken for those of other deployments.
        """
        if self._found[TRAFFIC_MANAGER]:
            return
        own, ways = self._found[VIRTUAL_NETWORK], self._public.profiled
        peered = dict.fromkeys(key for network in own.values() for key in peers_of(network))
        near = (way for network in own for way in ways.get(network, ()))
        further = (way for network in peered for way in ways.get(network, ()) if way.forwards)
        for profile, address, _ in islice(chain(near, further), 1):
            reason = f"{profile.id} leads to {address.id}; whether that leads on to the deployment is unknown"
            self._record_missing(TRAFFIC_MANAGER, Unknown(Cause.VALUE, reason, about=(profile.id, address.id)))

    def _subnets(self) -> frozenset[str] | None:
        """Return the names of the subnets of the virtual networks, in lower case; None if there may be others."""
        found = [objects(network, "properties.subnets[*]") for network in self._found[VIRTUAL_NETWORK].values()]
        if VIRTUAL_NETWORK in self._missing or any(subnets.incomplete_because for subnets in found):
            return None
        return frozenset(
            str(value(subnet, "name").value).lower() for subnets in found for subnet in subnets.of_type(Part)
        )

    def _record_unresolved(self, type_: str, doubts: Doubts) -> None:
        """Record that resources of a type may lead here by a DNS name or address that cannot be resolved.

        If other resources of the type are known to lead here, only unread ones count: most unresolved names belong to
        resources of other teams.
        """
        own = self._found[type_]
        for _, reason in islice(doubts.all.of(*self._subscriptions), 0 if own else 1):
            self._missing.setdefault(type_, reason)
        unread_ones = (why for found, why in doubts.unread.of(*self._subscriptions) if found.key not in own)
        for reason in islice(unread_ones, 1):
            self._record_missing(type_, reason)

    def _record_missing(self, type_: str, reason: Unknown) -> None:
        """Record that resources of a type, and of all types reached from it, may be missing."""
        for lost in (type_, *_reachable_from(type_)):
            self._missing.setdefault(lost, reason)

    def _unread(self, type_: str) -> Unknown | None:
        """Return why a resource of a type may lead here that was not read, or of which it is unknown where it leads."""
        own = self._subscriptions
        gateways = unread_gateways(self._graph) if type_ == NETWORK_GATEWAY else ()
        astray = self._graph.astray(type_, _ENDS[type_], own) if type_ in _ENDS else ()
        reasons = (
            gateways,
            (unknown for resource, unknown in astray if resource.key not in self._found[type_]),
            self._graph.hidden(type_, "properties", own),
        )
        return self._graph.unlisted(type_, own) or next(chain.from_iterable(reasons), None)


def unlisted_around(
    public: PublicAddresses, subscriptions: tuple[str, ...], members: Members, type_: str
) -> Unknown | None:
    """Return why some VMs may be behind further resources of a type, as `unlisted_in` does."""
    return unlisted_in(scope_around(public, subscriptions, members), public, type_)


def scope_around(public: PublicAddresses, subscriptions: tuple[str, ...], members: Members) -> DeploymentScope:
    """Return the scope of some VMs."""
    scope = ScopeBuilder(public, subscriptions)
    scope.add_members(members)
    return scope.result()


def unlisted_in(scope: DeploymentScope, public: PublicAddresses, type_: str) -> Unknown | None:
    """Return why the VMs of a scope may be behind further load balancers or application gateways, None if they are not.

    It is also unknown if one that is known has a pool member of which it is unknown which VM it is.
    """
    found = scope[type_]
    return found.missing or public.balancing.first_open(found.of_type(Resource))


_POOLED: Final = (LOAD_BALANCER, APPLICATION_GATEWAY)


def _has_place_for(type_: str, subnets: frozenset[str] | None) -> bool:
    """Return whether resources of a type can be here: false if no network has the subnet that they must be in."""
    names = {name.lower() for edge in REFERENCES[type_] for name in edge.subnets}
    return not names or subnets is None or not names.isdisjoint(subnets)


@cache
def _reachable_from(type_: str) -> tuple[str, ...]:
    """Return the types that the reference graph reaches from a type."""
    reached: dict[str, None] = {}
    queue, visited = [type_], {type_}
    while queue:
        current = queue.pop()
        targets = [reference.to for reference in REFERENCES.get(current, ()) if reference.reached]
        targets += REACHED_BACKWARDS.get(current, ())
        reached.update(dict.fromkeys(targets))
        # No profile belongs because of the address of a network gateway.
        ended = {PUBLIC_ADDRESS} if current == NETWORK_GATEWAY else set()
        further = [target for target in targets if target not in visited | ended]
        visited.update(further)
        queue += further
    return tuple(reached)
