"""Private IP addresses: the IP configuration or load balancer frontend that has an address of a virtual network."""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Collection, Iterator
from typing import Final

import msgspec

from auditor.azure import arm
from auditor.azure.paths import ABSENT
from auditor.azure.types.names import LOAD_BALANCER, NIC
from auditor.estate.caching import cached_value
from auditor.estate.graph import Graph
from auditor.snapshot.known import Cause, Unknown
from auditor.snapshot.lookup import parts, value
from auditor.snapshot.model import Part, Resource

_HOLDERS: Final = {LOAD_BALANCER: "properties.frontendIPConfigurations", NIC: "properties.ipConfigurations"}
"""By type, the path of parts with private IP addresses."""


class Unheld(msgspec.Struct, frozen=True):
    """The result for an address that no network interface and no frontend has, all of which were read.

    It is the address of no VM that was read. It may be that of an instance of a scale set, or of another service.
    """

    unknown: Unknown


class PrivateAddresses:
    """Private IP addresses by virtual network; the index is built once."""

    def __init__(self, graph: Graph) -> None:
        """Take the graph."""
        self._graph = graph

    def holder(self, networks: Collection[str], address: str) -> Part | Unheld | Unknown:
        """Return the IP configuration of a network interface, or frontend of a load balancer, with an address.

        It is in one of some virtual networks, by key.
        """
        if not networks:
            return Unknown(Cause.VALUE, f"the address {address} is in a pool without its virtual network")
        address = spelled(address)
        for network in networks:
            found = self._placed.get((network, address))
            if found is not None:
                return found
        return next(self._unread(networks, address), None) or Unheld(
            Unknown(
                Cause.VALUE,
                f"the address {address} belongs to no network interface of {', '.join(networks)}",
                about=tuple(networks),
            )
        )

    def _unread(self, networks: Collection[str], address: str) -> Iterator[Unknown]:
        """Yield why something that was not read, or whose network is unknown, may have an address."""
        for type_, path in _HOLDERS.items():
            for network in networks:
                gap = self._graph.listing(type_, arm.subscription_of(network))
                if gap is not None:
                    yield gap
            yield from self._graph.all_hidden(type_, path)
        for network in networks:
            found = self._graph.get(network)
            if isinstance(found, Unknown):
                yield found
        for holder in (*self._unplaced.get(address, ()), *self._unplaced.get(None, ())):
            reason = f"the address {address} may be that of {holder.id}, whose virtual network or address is unknown"
            yield Unknown(Cause.VALUE, reason, about=(holder.id,))

    @property
    def _placed(self) -> dict[tuple[str, str], Part | Unknown]:
        return self._index[0]

    @property
    def _unplaced(self) -> dict[str | None, list[Resource]]:
        return self._index[1]

    @cached_value
    def _index(self) -> tuple[dict[tuple[str, str], Part | Unknown], dict[str | None, list[Resource]]]:
        """The holders by virtual network and address, and those without a network that was read, by address."""
        placed: dict[tuple[str, str], Part | Unknown] = {}
        unplaced: dict[str | None, list[Resource]] = defaultdict(list)
        for type_, path in _HOLDERS.items():
            for resource in self._graph.by_type.get(type_, ()):
                for part in parts(resource, f"{path}[*]"):
                    subnet = value(part, "properties.subnet.id").value
                    private = value(part, "properties.privateIPAddress").value
                    if type_ == LOAD_BALANCER and subnet is ABSENT:
                        continue
                    address = spelled(private) if isinstance(private, str) and private else None
                    if isinstance(subnet, str) and address is not None:
                        place = network_of(subnet), address
                        placed[place] = _contested(address, placed[place], part) if place in placed else part
                    if not isinstance(subnet, str) or network_of(subnet) not in self._graph.resources or not address:
                        unplaced[address].append(resource)
        return placed, unplaced


def _contested(address: str, one: Part | Unknown, other: Part) -> Unknown:
    """Return that several have one address in a virtual network, which Azure does not allow."""
    about = (*(one.about if isinstance(one, Unknown) else (one.resource.id,)), other.resource.id)
    return Unknown(Cause.VALUE, f"the address {address} is that of {' and '.join(about)}", about=about)


def spelled(address: str) -> str:
    """Return an address in the form in which addresses are compared; IPv6 has several."""
    if ":" not in address:
        return address
    try:
        return ipaddress.ip_address(address).compressed
    except ValueError:
        return address


def peers_of(network: Resource) -> Iterator[str]:
    """Yield the keys of the virtual networks that are peered with one."""
    for peering in parts(network, "properties.virtualNetworkPeerings[*]"):
        remote = value(peering, "properties.remoteVirtualNetwork.id").value
        if isinstance(remote, str):
            yield arm.key(remote)


def network_of(arm_id: str) -> str:
    """Return the key of the virtual network of a subnet's id, or of its own id."""
    return arm.key(arm_id).split("/subnets/", 1)[0]
