"""Public IP addresses: what has one, and into which virtual networks it leads."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Final, NamedTuple

from auditor.azure.types.names import (
    APPLICATION_GATEWAY,
    AZURE_FIREWALL,
    LOAD_BALANCER,
    NIC,
    PUBLIC_ADDRESS,
    TRAFFIC_MANAGER,
    VM,
)
from auditor.estate.caching import cached_value
from auditor.estate.load_balancing import POOLS, LoadBalancing
from auditor.estate.private_addresses import network_of
from auditor.snapshot.known import PartialList
from auditor.snapshot.lookup import parts, value
from auditor.snapshot.model import Resource

_HOLDERS: Final = (NIC, LOAD_BALANCER, APPLICATION_GATEWAY, AZURE_FIREWALL)
"""Types that send what arrives at a public IP address on to VMs."""
_CONFIGURATIONS: Final = "properties.ipConfigurations[*]"


class WayIn(NamedTuple):
    """A way from a public IP address into virtual networks."""

    networks: frozenset[str]
    """Their keys."""
    forwards: bool
    """Whether traffic arrives at a firewall, or at a VM that forwards packets, which may send it to any VM."""


class ProfiledWay(NamedTuple):
    """A way into a virtual network by which a Traffic Manager profile leads."""

    profile: Resource
    address: Resource
    """The public IP address at which it begins."""
    forwards: bool
    """See `WayIn`."""


class PublicAddresses:
    """Look-ups of public IP addresses; each is resolved once."""

    def __init__(self, balancing: LoadBalancing) -> None:
        """Take the load balancing of a snapshot."""
        self._graph = balancing.graph
        self.balancing = balancing
        self._ways_in: dict[str, tuple[WayIn, ...]] = {}

    def holders(self, address: Resource) -> list[Resource]:
        """Return what refers to a public IP address as its own."""
        edges = (edge for type_ in _HOLDERS for edge in self._graph.referrers(address.key, type_))
        return list({edge.source.key: edge.source for edge in edges}.values())

    def ways_in(self, address: Resource) -> tuple[WayIn, ...]:
        """Return the ways from a public IP address to firewalls and VMs; by an application gateway there are none."""
        if address.key not in self._ways_in:
            self._ways_in[address.key] = tuple(_ways_in(self.balancing, self.holders(address)))
        return self._ways_in[address.key]

    @cached_value
    def profiled(self) -> dict[str, list[ProfiledWay]]:
        """The ways by which Traffic Manager profiles lead, by the key of the virtual network."""
        found: dict[str, list[ProfiledWay]] = defaultdict(list)
        for profile in self._graph.by_type.get(TRAFFIC_MANAGER, ()):
            for address in self.addresses(profile):
                for way in self.ways_in(address):
                    for network in way.networks:
                        found[network].append(ProfiledWay(profile, address, way.forwards))
        return found

    def addresses(self, profile: Resource) -> list[Resource]:
        """Return the public IP addresses that are targets of a Traffic Manager profile, as far as known."""
        targets = self.balancing.dns.targets(profile)
        return [target for target in targets if isinstance(target, Resource) and target.type == PUBLIC_ADDRESS]


def _ways_in(balancing: LoadBalancing, found: list[Resource]) -> Iterator[WayIn]:
    for holder in found:
        if holder.type == AZURE_FIREWALL:
            yield WayIn(_networks(holder), forwards=True)
        for interface in _interfaces(balancing, holder):
            forwards = value(interface, "properties.enableIPForwarding").value is True
            yield WayIn(_networks(interface), forwards)


def _interfaces(balancing: LoadBalancing, holder: Resource) -> list[Resource]:
    """Return the network interfaces at which traffic for a network interface or load balancer arrives."""
    if holder.type == NIC:
        return [holder]
    if holder.type != LOAD_BALANCER:
        return []
    members = [PartialList.of(balancing.vms(pool).value) for pool in parts(holder, POOLS)]
    vms = [vm for found in members for vm in found.of_type(Resource) if vm.type == VM]
    linked = [PartialList.of(balancing.graph.follow_all(vm, "networkInterfaces").value) for vm in vms]
    return [interface for found in linked for interface in found.of_type(Resource)]


def _networks(holder: Resource) -> frozenset[str]:
    """Return the keys of the virtual networks of a resource with IP configurations."""
    subnets = (value(part, "properties.subnet.id").value for part in parts(holder, _CONFIGURATIONS))
    return frozenset(network_of(subnet) for subnet in subnets if isinstance(subnet, str))
